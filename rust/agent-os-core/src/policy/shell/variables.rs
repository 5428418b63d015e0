//! Variables and settings that name programs, or change what names stand for.

/// Variables by their whole names.
const NAMING: &[&str] = &[
    "AR",
    "AS",
    "BASHOPTS",
    "BASH_ENV",
    "BROWSER",
    "CC",
    "CDPATH",
    "CPP",
    "CXX",
    "EDITOR",
    "ENV",
    "ESHELL",
    "FC",
    "FCEDIT",
    "GCONV_PATH",
    "GIT_ASKPASS",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "GIT_SSH",
    "GIT_TEMPLATE_DIR",
    "GOFLAGS",
    "GREP_OPTIONS",
    "HGEDITOR",
    "HGMERGE",
    "HOME",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LD",
    "LESSCLOSE",
    "LESSEDIT",
    "LESSOPEN",
    "MAILER",
    "MAKE",
    "MAKEFILES",
    "MAKEFLAGS",
    "GNUMAKEFLAGS",
    "MFLAGS",
    "MANOPT",
    "NODE_OPTIONS",
    "PATH",
    "PERL5DB",
    "PERL5OPT",
    "PERL5SHELL",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "PYTHONBREAKPOINT",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "RSYNC_CONNECT_PROG",
    "RSYNC_RSH",
    "RUBYOPT",
    "RUBYSHELL",
    "RUSTC",
    "RUSTDOC",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SVN_EDITOR",
    "SVN_SSH",
    "SYSTEMD_EDITOR",
    "SYSTEMD_PAGER",
    "TAR_OPTIONS",
    "TERMINAL",
    "TEXINPUTS",
    "VIMINIT",
    "EXINIT",
    "VISUAL",
    "_JAVA_OPTIONS",
    "ZDOTDIR",
    "ZIPOPT",
    "UNZIP",
];

/// Parts of names that mean as much wherever they stand.
const STARTS: &[&str] = &["BASH_FUNC", "DYLD_", "GIT_CONFIG", "LD_"];
const ENDS: &[&str] = &["_COMMAND", "_EDITOR", "_LINKER", "_PAGER", "_RSH", "_RUNNER", "_SHELL", "_WRAPPER", "PAGER"];

/// Settings of programs that take them on their command lines, and that name no program.
const HARMLESS: &[&str] = &[
    "user.",
    "color.",
    "core.quotepath=",
    "core.autocrlf=",
    "core.abbrev=",
    "core.safecrlf=",
    "advice.",
    "init.defaultbranch=",
    "log.date=",
    "log.decorate=",
    "diff.renames=",
    "diff.algorithm=",
    "pull.rebase=",
    "pull.ff=",
    "merge.ff=",
    "push.default=",
    "commit.gpgsign=",
    "tag.gpgsign=",
    "http.lowspeed",
    "http.postbuffer=",
    "protocol.version=",
    "fetch.prune=",
    "gc.auto=",
    // of rustc
    "debuginfo=",
    "opt-level=",
    "codegen-units=",
    "target-cpu=",
    "target-feature=",
    "lto=",
    "panic=",
    "strip=",
    "metadata=",
    "incremental=",
    "overflow-checks=",
    "debug-assertions=",
    "prefer-dynamic=",
    "split-debuginfo=",
    "embed-bitcode=",
    // of OpenSSH
    "stricthostkeychecking=",
    "userknownhostsfile=",
    "globalknownhostsfile=",
    "connecttimeout=",
    "connectionattempts=",
    "batchmode=",
    "loglevel=",
    "serveraliveinterval=",
    "serveralivecountmax=",
    "identitiesonly=",
    "identityfile=",
    "port=",
    "user=",
    "compression=",
    "addressfamily=",
    "preferredauthentications=",
    "passwordauthentication=",
    "pubkeyauthentication=",
    "forwardagent=",
    "requesttty=",
    "controlmaster=",
    "controlpersist=",
    "controlpath=",
];

/// Whether it changes what names stand for, or names a program that others start.
pub(super) fn names_programs(variable: &str) -> bool {
    NAMING.contains(&variable)
        || STARTS.iter().any(|start| variable.starts_with(start))
        || ENDS.iter().any(|end| variable.ends_with(end))
}

/// The variable that a word assigns to.
pub(super) fn assigned(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('=')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}

/// A setting, `name=value`, that is known to name no program.
pub(super) fn is_harmless_setting(text: Option<&str>) -> bool {
    let Some(text) = text else { return false };
    let lower = text.to_ascii_lowercase();
    // `name value` is another way to write it.
    let lower = if lower.contains('=') { lower } else { lower.replacen(' ', "=", 1) };
    HARMLESS.iter().any(|start| lower.starts_with(start))
        || !lower.contains('=') && HARMLESS.iter().any(|start| start.ends_with('.') && lower.starts_with(start))
}
