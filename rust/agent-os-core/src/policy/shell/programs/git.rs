//! Version control.

use super::super::call::Call;
use super::super::launch::Start;
use super::super::variables;
use super::super::word::Word;
use super::{LEAD, Lead, Program, Runs, Writes, row};

const NOTHING: Writes = Writes::Nothing;
const UNKNOWN: Writes = Writes::Unknown;

pub(super) const ROWS: &[Program] = &[
    row(
        "git",
        "-C^ -c% -p -P -v. -h. --git-dir^ --work-tree^ --namespace: --exec-path* --config-env* --super-prefix: --attr-source: --paginate \
         --no-pager --bare --no-replace-objects --no-lazy-fetch --literal-pathspecs --glob-pathspecs --noglob-pathspecs --icase-pathspecs \
         --no-optional-locks --no-advice --list-cmds= --html-path. --man-path. --info-path. --version. --help.",
        Runs::OnlySubcommands,
        UNKNOWN,
    ),
    // Looking.
    row(
        "git status, git ls-files, git ls-tree, git describe, git rev-parse, git rev-list, git shortlog, git name-rev, git merge-base, git diff-tree, \
         git diff-index, git diff-files, git count-objects, git blame, git annotate, git check-ignore, git check-attr, git check-ref-format, \
         git check-mailmap, git show-ref, git show-branch, git for-each-ref, git var, git version, git cherry, git verify-commit, git verify-tag, \
         git verify-pack, git fsck, git get-tar-commit-id, git column, git stripspace, git patch-id, git range-diff, git merge-tree, git cat-file, \
         git show-index, git whatchanged, git log, git show, git diff, git mktree, git hash-object, git help, git grep, git ls-remote, git archive",
        "--output> -o> --ext-diff? -O? --open-files-in-pager? --upload-pack$ --exec$ -u$ -m: -n: -e: -A: -B: -C: -L: -S: -G: --format: --pretty= --grep: --author: --since: \
         --until: --after: --before: --max-count: --remote* --",
        Runs::By("helpers of repositories named `ext::`", addresses),
        NOTHING,
    ),
    // Other repositories.
    row(
        "git clone",
        "-u$ --upload-pack$ -c% --config% --template* -b: -o: -j: -l -s -n -q -v --branch: --origin: --depth: --jobs: --reference: \
         --reference-if-able: --separate-git-dir/ --shallow-since: --shallow-exclude: --server-option: --filter: --bundle-uri: --recurse-submodules= --",
        Runs::By("helpers of repositories named `ext::`", addresses),
        Writes::By("the folder that it makes", cloned),
    ),
    row(
        "git fetch, git pull, git fetch-pack, git push, git send-pack, git remote, git submodule add, git submodule update",
        "--upload-pack$ --receive-pack$ --exec$ -o: -j: -s: -X: -S= -t: -m: -b: --",
        Runs::By("helpers of repositories named `ext::`", addresses),
        UNKNOWN,
    ),
    // What runs what it is told.
    row(
        "git rebase",
        "-x$ --exec$ -i -s: -X: -C: -S= -r= --onto: --strategy: --strategy-option: --keep-base --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row("git bisect", "", Runs::Subcommand, UNKNOWN),
    row("git bisect run", "", Runs::Command(Lead { needed: true, ..LEAD }), UNKNOWN),
    row("git submodule", "-q --quiet --cached", Runs::Subcommand, UNKNOWN),
    row("git submodule foreach", "-q --quiet --recursive", Runs::Script(Lead { needed: true, ..LEAD }), UNKNOWN),
    row("git submodule status, git submodule summary", "", Runs::Nothing, NOTHING),
    row(
        "git submodule init, git submodule deinit, git submodule sync, git submodule absorbgitdirs, git submodule set-url, git submodule set-branch",
        "",
        Runs::Nothing,
        UNKNOWN,
    ),
    row("git difftool", "-x$ --extcmd$ -t* --tool* -y -g", Runs::Interactive, UNKNOWN),
    row(
        "git config",
        "-f> --file> -e? --edit? --global --system --local --worktree -l. --list. --get. --get-all. --get-regexp. --get-urlmatch. --unset --unset-all --add --replace-all \
         --bool --int --path --type: --default: -z --null --name-only --show-origin --show-scope --remove-section --rename-section",
        Runs::By("what a setting names, later on", configured),
        UNKNOWN,
    ),
    row(
        "git filter-branch, git filter-repo, git mergetool, git mergetool--lib, git daemon, git shell, git instaweb, git web--browse, git send-email, git gui, \
         git citool, git gitk, git hook, git for-each-repo, git lfs, git svn, git p4, git cvsserver, git cvsimport, git http-backend, git upload-pack, \
         git receive-pack, git credential, git imap-send, git remote-ext, git maintenance, git scalar, git archimport, git quiltimport, git fast-import, git sh-setup, git flow, git absorb, git extras",
        "",
        Runs::Unclear,
        UNKNOWN,
    ),
    row(
        "git init",
        "--template* --separate-git-dir/ -b: --initial-branch: --shared= --bare -q --",
        Runs::Nothing,
        Writes::By("the folder that it makes", initialised),
    ),
    row(
        "git format-patch",
        "-o/ --output-directory/ --output> --stdout --ext-diff? -v: --subject-prefix: --to: --cc: --signature: --",
        Runs::Nothing,
        Writes::By("the working folder", |call| {
            if call.has(&["--stdout", "-o", "--output-directory", "--output"]) {
                Vec::new()
            } else {
                vec![Word::anywhere_here()]
            }
        }),
    ),
    // Changes below the repository's root, which is not told, and in its folder of its own.
    row(
        "git add, git am, git apply, git backfill, git branch, git bundle, git bugreport, git checkout, git checkout-index, git cherry-pick, git clean, git commit, \
         git commit-graph, git commit-tree, git diagnose, git fast-export, git gc, git index-pack, git interpret-trailers, git mailinfo, git mailsplit, \
         git merge, git merge-file, git merge-index, git merge-one-file, git mv, git multi-pack-index, git notes, git pack-objects, git pack-redundant, git pack-refs, git prune, \
         git prune-packed, git read-tree, git reflog, git refs, git repack, git replace, git replay, git request-pull, git rerere, git reset, git restore, git revert, \
         git rm, git sparse-checkout, git stage, git stash, git switch, git symbolic-ref, git tag, git unpack-file, git unpack-objects, \
         git update-index, git update-ref, git update-server-info, git worktree, git write-tree",
        "-o> --output> --ext-diff? -m: -F: -C: -c: -t: -S= -u= -s: -X: -b: -B: -e --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row("hg", "--config% -R^ --cwd^ --repository^ --config-file* --", Runs::Nothing, UNKNOWN),
    row(
        "svn",
        "--diff-cmd! --diff3-cmd! --editor-cmd$ --merge-tool: --config-option* --config-dir* --",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "gh, glab, hub, tig, lazygit, jj, bzr, fossil, cvs, darcs, p4, repo, gitk",
        "",
        Runs::By("extensions and aliases, which are not looked at", |_| Vec::new()),
        UNKNOWN,
    ),
];

/// `ext::sh -c …` is the address of a repository.
fn addresses(call: &Call<'_>) -> Vec<Start> {
    let runs = |word: &Word| word.known().is_some_and(|text| text.contains("ext::"));
    if call.words.iter().any(runs) { vec![Start::Unclear] } else { Vec::new() }
}

/// The folder that is named, or made from the last part of the address.
fn cloned(call: &Call<'_>) -> Vec<Word> {
    let folder = match call.operands.as_slice() {
        [address] => address.known().and_then(|text| {
            let name = text.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or("").trim_end_matches(".git");
            (!name.is_empty()).then(|| Word::Known(name.into()))
        }),
        [_, folder] => Some((*folder).clone()),
        _ => None,
    };
    folder.map_or(vec![Word::Unclear], |folder| vec![folder.below(), folder])
}

fn initialised(call: &Call<'_>) -> Vec<Word> {
    match call.operands.as_slice() {
        [] => vec![Word::anywhere_here()],
        [folder] => vec![folder.below(), (*folder).clone()],
        _ => vec![Word::Unclear],
    }
}

/// `git config alias.x '!rm'` decides what git runs from then on.
fn configured(call: &Call<'_>) -> Vec<Start> {
    let words: Option<Vec<&str>> = call.operands.iter().map(|word| word.known()).collect();
    let is_harmless = match words.as_deref() {
        Some([] | [_]) | Some(["get" | "list" | "unset", ..]) => true,
        Some(["set", name, ..]) | Some([name, ..]) => variables::is_harmless_setting(Some(&format!("{name}="))),
        None => false,
    };
    if is_harmless { Vec::new() } else { vec![Start::Unclear] }
}
