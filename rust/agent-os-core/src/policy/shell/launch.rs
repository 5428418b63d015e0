//! Programs that start other programs: what they start, told from their arguments.

use super::word::Word;

/// What a command starts beside itself.
#[derive(Debug)]
pub(super) enum Launch {
    Nothing,
    /// Something that cannot be told.
    Unclear,
    /// A program with its arguments.
    Program(Vec<Word>),
    Programs(Vec<Vec<Word>>),
    /// A shell script.
    Script(String),
    /// A shell script, which it reads from its standard input.
    Input,
}

/// A program that runs its trailing arguments as a command.
struct Wrapper {
    names: &'static [&'static str],
    /// Options that take the next word.
    valued: &'static [&'static str],
    /// Words between its options and the command.
    skip: usize,
    assignments: bool,
    /// With one of these it starts something else, or nothing that can be told.
    unclear: &'static [&'static str],
    /// Without a command it starts a shell, or reads what to run.
    needs_command: bool,
}

const PLAIN: Wrapper =
    Wrapper { names: &[], valued: &[], skip: 0, assignments: false, unclear: &[], needs_command: false };

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["sudo"],
        valued: &[
            "-u",
            "-g",
            "-h",
            "-p",
            "-C",
            "-r",
            "-t",
            "-T",
            "-U",
            "-D",
            "-R",
            "--user",
            "--group",
            "--host",
            "--prompt",
            "--close-from",
            "--role",
            "--type",
            "--command-timeout",
            "--other-user",
            "--chdir",
            "--chroot",
        ],
        assignments: true,
        unclear: &["-s", "-i", "-e", "--shell", "--login", "--edit", "-D", "--chdir", "-R", "--chroot"],
        ..PLAIN
    },
    Wrapper { names: &["doas"], valued: &["-u", "-C", "-a"], unclear: &["-s"], ..PLAIN },
    Wrapper {
        names: &["env"],
        valued: &["-u", "--unset", "-C", "--chdir"],
        assignments: true,
        unclear: &["-S", "--split-string", "-C", "--chdir"],
        ..PLAIN
    },
    Wrapper { names: &["nice"], valued: &["-n", "--adjustment"], ..PLAIN },
    Wrapper { names: &["ionice"], valued: &["-c", "-n", "--class", "--classdata"], unclear: &["-p"], ..PLAIN },
    Wrapper { names: &["chrt"], skip: 1, valued: &["-T", "-P", "-D"], ..PLAIN },
    Wrapper { names: &["taskset"], skip: 1, ..PLAIN },
    Wrapper {
        names: &[
            "nohup",
            "setsid",
            "builtin",
            "coproc",
            "unbuffer",
            "dbus-run-session",
            "fakeroot",
            "proxychains",
            "catchsegv",
            "caffeinate",
            "pkexec",
        ],
        ..PLAIN
    },
    Wrapper { names: &["command"], unclear: &[], ..PLAIN },
    Wrapper { names: &["exec"], valued: &["-a"], ..PLAIN },
    Wrapper { names: &["time"], valued: &["-f", "-o", "--format", "--output"], ..PLAIN },
    Wrapper { names: &["stdbuf"], valued: &["-i", "-o", "-e", "--input", "--output", "--error"], ..PLAIN },
    Wrapper { names: &["timeout"], valued: &["-k", "-s", "--kill-after", "--signal"], skip: 1, ..PLAIN },
    Wrapper { names: &["chroot"], valued: &["--userspec", "--groups"], skip: 1, needs_command: true, ..PLAIN },
    Wrapper {
        names: &["unshare"],
        valued: &["-S", "-G", "-R", "-w", "--setuid", "--setgid", "--root", "--wd"],
        needs_command: true,
        ..PLAIN
    },
    Wrapper { names: &["nsenter"], valued: &["-t", "--target", "-S", "-G"], needs_command: true, ..PLAIN },
    Wrapper {
        names: &["strace", "ltrace"],
        valued: &["-o", "-e", "-p", "-s", "-a", "-u", "-E", "-P", "-O", "-S", "-I", "-b", "-X"],
        ..PLAIN
    },
    Wrapper { names: &["xvfb-run"], valued: &["-n", "-s", "-f", "-e", "-p", "-w"], ..PLAIN },
    Wrapper { names: &["busybox", "toybox"], ..PLAIN },
    Wrapper {
        names: &["flock"],
        valued: &["-w", "-E", "--timeout", "--wait", "--conflict-exit-code"],
        skip: 1,
        unclear: &["-c", "--command"],
        ..PLAIN
    },
    Wrapper {
        names: &["xargs"],
        valued: &[
            "-a",
            "-d",
            "-E",
            "-I",
            "-L",
            "-n",
            "-P",
            "-s",
            "--arg-file",
            "--delimiter",
            "--max-lines",
            "--max-args",
            "--max-procs",
            "--max-chars",
            "--process-slot-var",
        ],
        ..PLAIN
    },
];

const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "rbash"];

/// Shells of another grammar, and programs whose arguments name commands in ways that are not read here.
const OPAQUE: &[&str] = &["fish", "csh", "tcsh", "pwsh", "powershell", "nu", "xonsh", "elvish"];

/// Variables that change what names stand for, or that name programs.
const NAMING: &[&str] = &[
    "PATH",
    "HOME",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASHOPTS",
    "SHELLOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "DYLD_INSERT_LIBRARIES",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "SHELL",
    "LESSOPEN",
    "NODE_OPTIONS",
    "PERL5OPT",
    "RUBYOPT",
    "PYTHONSTARTUP",
    "CDPATH",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
    "GIT_SEQUENCE_EDITOR",
    "GIT_PROXY_COMMAND",
    "GIT_EXEC_PATH",
    "GIT_CONFIG_PARAMETERS",
    "RUSTC_WRAPPER",
];

pub(super) fn names_programs(variable: &str) -> bool {
    NAMING.contains(&variable) || variable.starts_with("BASH_FUNC") || variable.starts_with("GIT_CONFIG_")
}

pub(super) fn is_shell(program: &str) -> bool {
    SHELLS.contains(&program)
}

/// Options before the subcommand that take the next word, so that the subcommand stands first.
fn global_options(program: &str) -> &'static [&'static str] {
    match program {
        "git" => &[
            "-C",
            "-c",
            "--git-dir",
            "--work-tree",
            "--namespace",
            "--exec-path",
            "--config-env",
            "--super-prefix",
            "--attr-source",
        ],
        "docker" | "podman" => &["--context", "-c", "-H", "--host", "-l", "--log-level", "--config"],
        "kubectl" => &["-n", "--namespace", "--context", "--cluster", "--kubeconfig", "--user", "-s", "--server"],
        "npm" | "yarn" | "pnpm" => &["--prefix", "-C", "--dir", "--cwd", "-w", "--workspace", "--filter"],
        _ => &[],
    }
}

/// The arguments with the subcommand first, where a program is known to take options before it.
pub(super) fn without_global_options(program: &str, mut arguments: Vec<Word>) -> Vec<Word> {
    let valued = global_options(program);
    if valued.is_empty() || !arguments.first().and_then(Word::known).is_some_and(|first| first.starts_with('-')) {
        return arguments;
    }
    let (options, place) = leading_options(&arguments, valued);
    if options.is_some() && place < arguments.len() {
        // They stay among the arguments, behind the subcommand and whatever follows it.
        let rest = arguments.split_off(place);
        let options = std::mem::replace(&mut arguments, rest);
        let end = arguments.iter().position(|word| word.known() == Some("--")).unwrap_or(arguments.len());
        let tail = arguments.split_off(end);
        // Values of these options are no operands.
        arguments.extend(options.into_iter().filter(|word| word.known().is_none_or(|text| text.starts_with('-'))));
        arguments.extend(tail);
    }
    arguments
}

/// The leading options, and where they end; `None` for options if one of them cannot be told.
fn leading_options<'w>(arguments: &'w [Word], valued: &[&str]) -> (Option<Vec<&'w str>>, usize) {
    let mut options = Vec::new();
    let mut place = 0;
    while let Some(word) = arguments.get(place) {
        let Some(text) = word.known() else {
            return (if options.is_empty() && place == 0 { Some(options) } else { None }, place);
        };
        if text == "--" {
            return (Some(options), place + 1);
        }
        if !text.starts_with('-') || text == "-" {
            break;
        }
        options.push(text);
        place += 1;
        if takes_next(text, valued) {
            place += 1;
        }
    }
    (Some(options), place)
}

/// `-u` takes the next word, and so does `-nu`; `-uroot` and `--user=root` hold it.
fn takes_next(option: &str, valued: &[&str]) -> bool {
    if option.starts_with("--") {
        return valued.contains(&option);
    }
    for (place, letter) in option.char_indices().skip(1) {
        if valued.iter().any(|known| known.len() == 2 && known.ends_with(letter)) {
            return place + letter.len_utf8() == option.len();
        }
    }
    false
}

fn is_assignment(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('=')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}

/// True for a `cd` that goes nowhere but further down.
pub(super) fn stays_below(arguments: &[Word]) -> bool {
    match arguments {
        [target] => target.known().is_some_and(|text| {
            !text.starts_with(['/', '~', '-']) && !text.is_empty() && !text.split('/').any(|part| part == "..")
        }),
        _ => false,
    }
}

/// What `program` starts.
pub(super) fn of(program: &str, arguments: &[Word]) -> Launch {
    if SHELLS.contains(&program) {
        return shell(arguments);
    }
    if OPAQUE.contains(&program) {
        return Launch::Unclear;
    }
    match program {
        "eval" => joined(arguments),
        "trap" => match arguments.first().map(Word::known) {
            None | Some(Some("-" | "" | "-l" | "-p")) => Launch::Nothing,
            Some(Some(text)) => Launch::Script(text.trim_start_matches("-- ").to_owned()),
            Some(None) => Launch::Unclear,
        },
        "source" | "." => match arguments.first().map(Word::known) {
            Some(Some(path)) if !path.starts_with("/dev/") && !path.starts_with("/proc/") => Launch::Nothing,
            _ => Launch::Unclear,
        },
        "watch" => match leading_options(arguments, &["-n", "--interval", "-q", "--equexit"]) {
            (Some(_), place) => joined(arguments.get(place..).unwrap_or_default()),
            (None, _) => Launch::Unclear,
        },
        "parallel" => parallel(arguments),
        "find" | "fd" | "fdfind" => find(arguments),
        "su" | "runuser" | "script" | "at" | "batch" | "ssh-agent" | "start-stop-daemon" | "systemd-run"
        | "firejail" | "bwrap" | "expect" | "socat" => Launch::Unclear,
        "hash" if has(arguments, &["-p"]) => Launch::Unclear,
        "shopt" | "complete" | "compgen" if !arguments.is_empty() => match arguments.iter().any(|word| {
            word.known().is_none_or(|text| text == "expand_aliases" || text.starts_with("-C") || text.starts_with("-F"))
        }) {
            true => Launch::Unclear,
            false => Launch::Nothing,
        },
        "mapfile" | "readarray" if has(arguments, &["-C"]) => Launch::Unclear,
        "export" | "declare" | "typeset" | "local" | "readonly" => {
            let renames = |word: &Word| match word.known() {
                Some(text) => is_assignment(text).is_some_and(names_programs),
                None => false,
            };
            if arguments.iter().any(renames) { Launch::Unclear } else { Launch::Nothing }
        }
        "git" => git(arguments),
        "awk" | "gawk" | "mawk" | "nawk" | "sed" | "gsed" | "tar" | "bsdtar" | "rsync" | "sort" | "rg" | "zip"
        | "man" | "make" | "gmake" | "less" | "column" => {
            if embeds(program, arguments) {
                Launch::Unclear
            } else {
                Launch::Nothing
            }
        }
        _ => match WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&program)) {
            Some(wrapper) => wrapped(program, wrapper, arguments),
            None => Launch::Nothing,
        },
    }
}

fn has(arguments: &[Word], options: &[&str]) -> bool {
    arguments.iter().any(|word| word.known().is_none_or(|text| options.iter().any(|option| text.starts_with(option))))
}

/// Words that a shell reads again.
fn joined(arguments: &[Word]) -> Launch {
    let texts: Option<Vec<&str>> = arguments.iter().map(Word::known).collect();
    match texts {
        Some(texts) if texts.is_empty() => Launch::Nothing,
        Some(texts) => Launch::Script(texts.join(" ")),
        None => Launch::Unclear,
    }
}

fn wrapped(program: &str, wrapper: &Wrapper, arguments: &[Word]) -> Launch {
    let (Some(options), mut place) = leading_options(arguments, wrapper.valued) else { return Launch::Unclear };
    if program == "command" && options.iter().any(|option| option.contains(['v', 'V'])) {
        return Launch::Nothing;
    }
    let bad = |option: &&str| {
        wrapper.unclear.iter().any(|known| match known.strip_prefix("--") {
            Some(_) => option.starts_with("--") && known.starts_with(option.split('=').next().unwrap_or(option)),
            None => !option.starts_with("--") && option.contains(known.trim_start_matches('-')),
        })
    };
    if options.iter().any(bad) {
        return Launch::Unclear;
    }
    // `nice -19`, `timeout 5`, and options that look like neither.
    if wrapper.assignments {
        while let Some(word) = arguments.get(place) {
            match word.known() {
                Some(text) => match is_assignment(text) {
                    Some(name) if names_programs(name) => return Launch::Unclear,
                    Some(_) => place += 1,
                    None => break,
                },
                None => return Launch::Unclear,
            }
        }
    }
    for word in arguments.iter().skip(place).take(wrapper.skip) {
        if word == &Word::Unclear {
            return Launch::Unclear;
        }
    }
    let mut command: Vec<Word> = arguments.get(place + wrapper.skip..).unwrap_or_default().to_vec();
    if command.is_empty() {
        return match wrapper.needs_command || program == "sudo" && options.is_empty() && !arguments.is_empty() {
            true => Launch::Unclear,
            false => Launch::Nothing,
        };
    }
    if program == "xargs" {
        // What it reads is appended, or stands in for the word that `-I` names.
        let replaced = option_value(arguments, "-I");
        for word in &mut command {
            if let (Some(text), Some(mark)) = (word.known(), replaced) {
                if text.contains(mark) {
                    *word = Word::Unclear;
                }
            }
        }
        if has_exact(&options, "-i") || options.iter().any(|option| option.starts_with("--replace")) {
            command.iter_mut().skip(1).for_each(|word| *word = Word::Unclear);
        }
        command.push(Word::Unclear);
    }
    Launch::Program(command)
}

fn has_exact(options: &[&str], wanted: &str) -> bool {
    options.iter().any(|option| option.starts_with(wanted))
}

/// The value of a short option: the rest of its word, or the next one.
fn option_value<'w>(arguments: &'w [Word], option: &str) -> Option<&'w str> {
    arguments.iter().enumerate().find_map(|(place, word)| match word.known()?.strip_prefix(option)? {
        "" => arguments.get(place + 1)?.known(),
        value => Some(value),
    })
}

/// `sh`, with a script in an argument, in a file or on its standard input.
fn shell(arguments: &[Word]) -> Launch {
    let mut place = 0;
    let mut reads_argument = false;
    while let Some(word) = arguments.get(place) {
        let Some(text) = word.known() else { return Launch::Unclear };
        if text == "--" {
            place += 1;
            break;
        }
        if text == "-" || !text.starts_with(['-', '+']) {
            break;
        }
        place += 1;
        if let Some(long) = text.strip_prefix("--") {
            match long {
                "rcfile" | "init-file" => return Launch::Unclear,
                "version" | "help" => return Launch::Nothing,
                _ => {}
            }
            continue;
        }
        let letters = text.get(1..).unwrap_or("");
        reads_argument |= text.starts_with('-') && letters.contains('c');
        if letters.contains('s') && !reads_argument {
            return Launch::Input;
        }
        if letters.contains(['o', 'O']) {
            place += 1;
        }
    }
    match (reads_argument, arguments.get(place).map(Word::known)) {
        (true, Some(Some(script))) => Launch::Script(script.to_owned()),
        (true, Some(None)) | (false, Some(None)) => Launch::Unclear,
        (true, None) => Launch::Nothing,
        (false, Some(Some("-"))) | (false, None) => Launch::Input,
        // A script in a file is a program like any other: what it does is not looked at.
        (false, Some(Some(path))) if path.starts_with("/dev/") || path.starts_with("/proc/") => Launch::Unclear,
        (false, Some(Some(_))) => Launch::Nothing,
    }
}

/// `find … -exec rm {} \;`, `fd … -x rm`.
fn find(arguments: &[Word]) -> Launch {
    let mut all = Vec::new();
    let mut place = 0;
    while let Some(word) = arguments.get(place) {
        place += 1;
        let Some(text) = word.known() else {
            // It may stand for an action as well as for a path.
            if place > 1 && matches!(word, Word::Unclear) {
                return Launch::Unclear;
            }
            continue;
        };
        if !matches!(text, "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch") {
            if text.starts_with("--exec=") || text.starts_with("--exec-batch=") {
                return Launch::Unclear;
            }
            continue;
        }
        let rest = arguments.get(place..).unwrap_or_default();
        let end = rest.iter().position(|word| matches!(word.known(), Some(";" | "+"))).unwrap_or(rest.len());
        let found: Vec<Word> = rest.get(..end).unwrap_or_default().iter().map(filled).collect();
        if found.is_empty() {
            return Launch::Unclear;
        }
        all.push(found);
        place += end + 1;
    }
    if all.is_empty() { Launch::Nothing } else { Launch::Programs(all) }
}

/// What is found stands in for `{}`.
fn filled(word: &Word) -> Word {
    match word.known() {
        Some(text) if text.contains("{}") || text.contains("{/") || text.contains("{.") => Word::Unclear,
        _ => word.clone(),
    }
}

fn parallel(arguments: &[Word]) -> Launch {
    const VALUED: &[&str] = &[
        "-j",
        "-N",
        "-n",
        "-L",
        "-a",
        "-C",
        "-d",
        "-P",
        "--jobs",
        "--colsep",
        "--delimiter",
        "--joblog",
        "--results",
        "--timeout",
        "--retries",
    ];
    let (Some(_), place) = leading_options(arguments, VALUED) else { return Launch::Unclear };
    let rest = arguments.get(place..).unwrap_or_default();
    let end =
        rest.iter().position(|word| word.known().is_some_and(|text| text.starts_with(":::"))).unwrap_or(rest.len());
    let command: Vec<Word> = rest.get(..end).unwrap_or_default().iter().map(filled).collect();
    match command.first().map(Word::known) {
        // It hands a line to a shell: a program's name alone is one word of it.
        Some(Some(name))
            if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')) =>
        {
            let mut command = command;
            command.push(Word::Unclear);
            let metacharacters = |word: &Word| {
                word.known().is_some_and(|text| text.contains([';', '|', '&', '$', '`', '\n', '(', '<', '>']))
            };
            if command.iter().any(metacharacters) { Launch::Unclear } else { Launch::Program(command) }
        }
        _ => Launch::Unclear,
    }
}

/// Settings that git is given on its command line; many of them name programs.
pub(super) fn configures_programs(program: &str, arguments: &[Word]) -> bool {
    const HARMLESS: &[&str] =
        &["user.", "color.", "core.quotepath=", "core.autocrlf=", "advice.", "init.defaultbranch="];
    let (options, place) = leading_options(arguments, global_options(program));
    let leading = arguments.get(..place).unwrap_or_default();
    let harmless = |text: &str| {
        let lower = text.to_ascii_lowercase();
        !text.contains('=') || text.starts_with("--") || HARMLESS.iter().any(|start| lower.starts_with(start))
    };
    program == "git" && (options.is_none() || !leading.iter().all(|word| word.known().is_some_and(harmless)))
}

/// Options and subcommands of git that run what they are told.
fn git(arguments: &[Word]) -> Launch {
    let texts: Vec<Option<&str>> = arguments.iter().map(Word::known).collect();
    let after = |wanted: &str| {
        texts.iter().position(|text| *text == Some(wanted)).map(|place| arguments.get(place + 1..).unwrap_or_default())
    };
    let runs = |text: &&Option<&str>| {
        text.is_some_and(|text| {
            [
                "--upload-pack",
                "--receive-pack",
                "--exec-path=",
                "--config-env",
                "--open-files-in-pager",
                "--ext-diff",
                "ext::",
            ]
            .iter()
            .any(|start| text.starts_with(start))
        })
    };
    if texts.iter().any(|text| runs(&text)) {
        return Launch::Unclear;
    }
    match texts.first().copied().flatten() {
        Some("rebase") => {
            let exec = after("-x").or_else(|| after("--exec"));
            match exec.map(|rest| rest.first().map(Word::known)) {
                Some(Some(Some(script))) => Launch::Script(script.to_owned()),
                Some(_) => Launch::Unclear,
                None if texts.iter().any(|text| text.is_some_and(|text| text.starts_with("--exec="))) => {
                    Launch::Unclear
                }
                None => Launch::Nothing,
            }
        }
        Some("bisect") => match after("run") {
            Some(rest) if !rest.is_empty() => Launch::Program(rest.to_vec()),
            _ => Launch::Nothing,
        },
        Some("submodule") => match after("foreach") {
            Some(rest) => joined(
                rest.iter()
                    .position(|word| word.known().is_none_or(|text| !text.starts_with('-')))
                    .and_then(|start| rest.get(start..))
                    .unwrap_or_default(),
            ),
            None => Launch::Nothing,
        },
        Some("filter-branch" | "difftool" | "mergetool" | "daemon" | "shell") => Launch::Unclear,
        _ => Launch::Nothing,
    }
}

/// Whether arguments hold code or commands that the program runs itself.
fn embeds(program: &str, arguments: &[Word]) -> bool {
    arguments.iter().any(|word| {
        let Some(text) = word.known() else {
            // An argument that cannot be told is data, except where code is expected.
            return matches!(program, "awk" | "gawk" | "mawk" | "nawk" | "sed" | "gsed")
                && matches!(word, Word::Unclear)
                && arguments.first() == Some(word);
        };
        match program {
            "awk" | "gawk" | "mawk" | "nawk" => {
                text.contains("system")
                    || text.contains("getline")
                    || text.replace("||", "").contains('|')
                    || text.starts_with("-i")
                    || text.starts_with("-l")
                    || text.starts_with("-f")
                    || text.starts_with("@load")
                    || text.contains('>') && text.contains('"') && text.contains("print")
            }
            "sed" | "gsed" => sed_runs(text),
            "tar" | "bsdtar" => [
                "--to-command",
                "--checkpoint-action",
                "-I",
                "--use-compress",
                "-F",
                "--info-script",
                "--new-volume-script",
                "--rsh-command",
                "--rmt-command",
            ]
            .iter()
            .any(|start| text.starts_with(start)),
            "rsync" => {
                let path = text.split('=').next().unwrap_or(text);
                path.starts_with("--rsh")
                    || path.starts_with("--rsync-path")
                    || !text.starts_with("--") && text.starts_with('-') && text.contains('e')
            }
            "sort" => text.starts_with("--compress-prog"),
            "rg" => text.starts_with("--pre") || text.starts_with("--hostname-bin"),
            "zip" => text == "-TT" || text.starts_with("--unzip-command"),
            "man" => {
                text.starts_with("-P")
                    || text.starts_with("-H")
                    || text.starts_with("--pager")
                    || text.starts_with("--html")
            }
            "make" | "gmake" => {
                text.starts_with("--eval")
                    || text.starts_with("-E")
                    || text.starts_with("SHELL=")
                    || text.contains("$(")
                    || text == "-f-"
                    || text == "-"
            }
            "less" => text.starts_with('+'),
            _ => false,
        }
    })
}

/// `e` runs what the pattern space holds: alone after an address, or as a flag of `s`.
fn sed_runs(text: &str) -> bool {
    if text.starts_with('-') {
        return text.starts_with("-f") || text.starts_with("--file");
    }
    text.split([';', '\n', '{', '}']).any(|command| {
        let command = command.trim_start();
        let name =
            command.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '$' | '!' | ' ' | '~' | '+'));
        let flags = command.rsplit(['/', '|', '#', ',', ':', '@']).next().unwrap_or("");
        let is_flags = !flags.is_empty()
            && flags.len() <= 4
            && flags.chars().all(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M' | 'e' | 'w' | '0'..='9'));
        name == "e" || name.starts_with("e ") || is_flags && flags.contains('e') && command.contains('s')
    })
}
