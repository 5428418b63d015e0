//! Shells, and programs that run code of other languages.

use super::super::call::Call;
use super::super::launch::{Start, is_stream, joined};
use super::super::variables;
use super::super::word::Word;
use super::super::{awk, sed};
use super::{Program, Runs, Writes, row};

const UNKNOWN: Writes = Writes::Unknown;
const ASSIGNS: Runs = Runs::By("whatever a variable makes others run", assigns);

pub(super) const ROWS: &[Program] = &[
    // The shell's own.
    row(
        "sh, bash, dash, zsh, ksh, mksh, ash, rbash, posh, yash, lksh, hush",
        "",
        Runs::By("the script of `-c`, of its input, or in a file, which is not looked at", shell),
        Writes::By("what its script writes; for one in a file unknown", by_script),
    ),
    row("fish, csh, tcsh, pwsh, powershell, nu, xonsh, elvish, rc, es, scsh, osh, ion", "", Runs::Unclear, UNKNOWN),
    row(
        "eval",
        "",
        Runs::By("its operands, joined, as a script", |call| match call.words {
            [] => Vec::new(),
            words => vec![joined(words)],
        }),
        Writes::Nothing,
    ),
    row("trap", "", Runs::By("its first operand, a script", trap), Writes::Nothing),
    row(
        "source, .",
        "",
        Runs::By("a script in a file, which is not looked at", |call| match call.words.first().map(Word::known) {
            Some(Some(path)) if !is_stream(path) => Vec::new(),
            _ => vec![Start::Unclear],
        }),
        UNKNOWN,
    ),
    row("command", "-p -v. -V.", Runs::Command(super::LEAD), Writes::Nothing),
    row("exec", "-c -l -a:", Runs::Command(super::LEAD), Writes::Nothing),
    row("builtin, coproc", "", Runs::Command(super::LEAD), Writes::Nothing),
    row("alias, bind, enable", "", Runs::Unclear, Writes::Nothing),
    row("hash", "-p* -r -d -l -t", Runs::Nothing, Writes::Nothing),
    row("fc", "-l. -e* -n -r -s?", Runs::Interactive, UNKNOWN),
    row(
        "shopt, complete, compgen, compopt",
        "-C* -F* -s -u -q -o: -p -r -D -E -I -A: -G: -W: -P: -S: -X:",
        Runs::By("aliases, and commands of completions", |call| {
            let unclear = call.words.iter().any(|word| word.known().is_none_or(|text| text == "expand_aliases"));
            if unclear { vec![Start::Unclear] } else { Vec::new() }
        }),
        Writes::Nothing,
    ),
    row("mapfile, readarray", "-C* -c: -d: -n: -O: -s: -t -u:", Runs::Nothing, Writes::Nothing),
    row("export, declare, typeset, local, readonly", "", ASSIGNS, Writes::Nothing),
    // Small languages.
    row(
        "awk, gawk, mawk, nawk, original-awk, goawk",
        "-F: -v: -f* -e* -E* -i* -l* -b -c -C. -d> -D> -g -h. -I -k -L= -M -n -N -o> -O -p> -P -r -s -S -t -V. --field-separator: --assign: --file* --exec* --include* --load* \
         --source* --posix --re-interval --sandbox --version. --help. --lint= --csv --profile> --pretty-print> --dump-variables>",
        Runs::Behind("its program, where that runs commands or reads files", awk_code),
        Writes::By("unknown where its program may write", awk_files),
    ),
    row(
        "sed, gsed",
        "-n -E -r -s -u -z -e: -f* -i= -l: -b --expression: --file* --in-place= --line-length: --quiet --silent --regexp-extended --null-data --separate --unbuffered --posix --debug --sandbox --follow-symlinks --zero-terminated --binary --help. --version.",
        Runs::By("its script, where that runs commands", sed_code),
        Writes::By("its files with `-i`; unknown where its script may write", sed_files),
    ),
    row(
        "m4, gm4",
        "-D: -U: -I: -B: -E -F> -G -H: -L: -N: -P -Q -R* -S: -T: -W: -d= -e? -g -i? -l: -o> -p -s -t: --version. --help.",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row("bc", "-i -l -q -s -w -h. -v. -e: -f: --", Runs::Nothing, Writes::Nothing),
    row("dc", "-e* -f* -h. -V. --expression* --file*", Runs::Interpreter, UNKNOWN),
    row(
        "ed, red, ex, vi, vim, view, nvim, gvim, rvim, vimdiff, emacs, emacsclient, nano, pico, micro, joe, mg, kak, hx, editor, sensible-editor, select-editor, code, subl",
        "--version. --help.",
        Runs::Unclear,
        UNKNOWN,
    ),
    // Languages. Code in an argument or on the standard input is not read; a script in a file is a program like others.
    row(
        "python*, pypy*",
        "-b -B -d -E -h. -i? -I -O -OO -P -q -s -S -u -v -V. -x -c* -m| -W: -X: -- --version. --help. --check-hash-based-pycs:",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "perl*",
        "-0= -a -c -C= -d? -D: -e* -E* -f -F: -g -h. -i= -I: -l= -m* -M* -n -p -s -S? -t -T -u -U -v. -V. -w -W -x? -X",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "ruby*, jruby",
        "-0= -a -c -C^ -d -e* -E: -F: -h. -i= -I: -l -n -p -r* -s -S? -T= -v. -w -W= -x? -y -- --version. --help. --disable: --enable: --yjit --jit --verbose --encoding:",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "node*, nodejs",
        "-e* -p* -r* -i? -c -v. -h. -C: -- --eval* --print* --require* --import* --loader* --experimental-loader* --interactive? --check --version. --help. --test --watch --run* --env-file* --conditions: --no-warnings \
         --enable-source-maps --expose-gc --trace-warnings --inspect --inspect-brk --experimental-strip-types --experimental-vm-modules",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "tsx, ts-node, esno, jiti, babel-node",
        "-e* -p* -r* -i? -v. -h. -T -P: -- --eval* --print* --require* --import* --version. --help. --esm --transpile-only --files --project: --tsconfig: --watch",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "php*, hhvm",
        "-a? -B* -c: -d* -e -E* -f| -F* -h. -H -i. -l -m. -n -q -r* -R* -s -S: -t: -v. -w -z* -- --version. --help. --run* --rf: --ini.",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row("lua*, luajit, texlua", "-e* -l* -i? -v. -E -W -j* -O=", Runs::Interpreter, UNKNOWN),
    row(
        "Rscript",
        "-e* -- --version. --help. --vanilla --verbose --no-save --no-restore --slave",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "R, octave, gnuplot, maxima, gp, sage, scilab, matlab, mathematica, wolframscript, ghci, utop, ocaml, sbcl, clisp, guile, racket, scheme, mit-scheme, chez, tclsh, wish, swipl, gprolog, erl, iex, irb, pry, bpython, ipython, ptpython, jshell, groovysh, sqlite3, psql, mysql, mariadb, mongo, mongosh, redis-cli, duckdb, clickhouse-client, osascript, forth, gforth, kotlin, groovy, scala, clojure, clj, bb, hy, janet, rexx, squirrel, qjs, d8",
        "--version. --help. -V. -version.",
        Runs::Unclear,
        UNKNOWN,
    ),
    row(
        "julia*, elixir, swift",
        "-e* -E* -L* -i? -p: -t: -C: -J: -v. -h. -- --eval* --print* --load* --project= --version. --help. --rpc-eval* --threads:",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "deno",
        "-h. -V. -v. -e* -p* --version. --help. --eval* --print* -q --quiet --cwd^ --",
        Runs::Subcommand,
        UNKNOWN,
    ),
    row("deno eval, deno repl, bun repl, bun exec", "", Runs::Unclear, UNKNOWN),
    row(
        "deno run",
        "-- -A -q -r -n --allow-all --allow-net= --allow-read= --allow-write= --allow-env= --allow-run= --quiet --reload= --no-check= --watch= --check= --import-map: --config:",
        Runs::Interpreter,
        UNKNOWN,
    ),
    row(
        "java",
        "-jar| -cp: -classpath: --class-path: -p: --module-path: -m| --module| -version. --version. -help. --help. -ea -da -server -client --enable-preview --add-opens: --add-exports: --add-modules: --add-reads: -agentlib* -agentpath* -javaagent* --source: --",
        Runs::Nothing,
        UNKNOWN,
    ),
];

/// A script in an argument, in a file or on its standard input.
fn shell(call: &Call<'_>) -> Vec<Start> {
    let mut words = call.words.iter();
    let mut reads_argument = false;
    let mut found = None;
    while let Some(word) = words.next() {
        let Some(text) = word.known() else { return vec![Start::Unclear] };
        if text == "--" {
            found = words.next();
            break;
        }
        if text == "-" || !text.starts_with(['-', '+']) {
            found = Some(word);
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            match long {
                "version" | "help" => return Vec::new(),
                "norc" | "noprofile" | "login" | "posix" | "restricted" | "verbose" | "noediting" | "debugger" => {}
                _ => return vec![Start::Unclear],
            }
            continue;
        }
        let letters = text.get(1..).unwrap_or("");
        reads_argument |= text.starts_with('-') && letters.contains('c');
        if letters.contains('s') && !reads_argument {
            return vec![Start::Input];
        }
        if letters.contains(['o', 'O']) {
            words.next();
        }
    }
    match (reads_argument, found.map(Word::known)) {
        (true, Some(Some(script))) => vec![Start::Script(script.to_owned())],
        (true, Some(None)) | (false, Some(None)) => vec![Start::Unclear],
        (true, None) => Vec::new(),
        (false, Some(Some("-"))) | (false, None) => vec![Start::Input],
        // A script in a file is a program like any other: what it does is not looked at.
        (false, Some(Some(path))) if is_stream(path) => vec![Start::Unclear],
        (false, Some(Some(_))) => Vec::new(),
    }
}

/// What a script in a file writes is not looked at.
fn by_script(call: &Call<'_>) -> Vec<Word> {
    if shell(call).is_empty() && !call.words.is_empty() { vec![Word::Unclear] } else { Vec::new() }
}

fn trap(call: &Call<'_>) -> Vec<Start> {
    match call.words.first().map(Word::known) {
        None | Some(Some("-" | "" | "-l" | "-p")) => Vec::new(),
        Some(Some("--")) => call.words.get(1).map(|word| joined(std::slice::from_ref(word))).into_iter().collect(),
        Some(Some(text)) => vec![Start::Script(text.to_owned())],
        Some(None) => vec![Start::Unclear],
    }
}

fn assigns(call: &Call<'_>) -> Vec<Start> {
    let renames =
        |word: &Word| word.known().is_some_and(|text| variables::assigned(text).is_some_and(variables::names_programs));
    if call.words.iter().any(renames) { vec![Start::Unclear] } else { Vec::new() }
}

fn awk_code(call: &Call<'_>) -> Vec<Start> {
    let is_clear = call.rest.first().is_none_or(|code| code.known().is_some_and(|code| !awk::runs(code)));
    if is_clear && !call.is_unsure && !call.is_unknown { Vec::new() } else { vec![Start::Unclear] }
}

fn awk_files(call: &Call<'_>) -> Vec<Word> {
    let is_clear = call.rest.first().is_none_or(|code| code.known().is_some_and(|code| !awk::writes(code)));
    if is_clear && !call.is_unsure && !call.is_unknown { Vec::new() } else { vec![Word::Unclear] }
}

/// The scripts of sed among its arguments, and its files.
fn sed_parts<'c>(call: &'c Call<'_>) -> (Vec<Option<&'c str>>, &'c [&'c Word]) {
    let given: Vec<Option<&str>> = call
        .options
        .iter()
        .filter(|given| matches!(given.name, "-e" | "--expression"))
        .map(|given| given.value.known())
        .collect();
    if !given.is_empty() || call.has(&["-f", "--file"]) {
        return (given, &call.operands);
    }
    match call.operands.split_first() {
        Some((script, files)) => (vec![script.known()], files),
        None => (Vec::new(), &[]),
    }
}

fn sed_code(call: &Call<'_>) -> Vec<Start> {
    let (scripts, _) = sed_parts(call);
    let runs = scripts.iter().any(|script| script.is_none_or(sed::runs));
    if runs || call.is_unsure && scripts.is_empty() { vec![Start::Unclear] } else { Vec::new() }
}

fn sed_files(call: &Call<'_>) -> Vec<Word> {
    let (scripts, files) = sed_parts(call);
    let mut written = Vec::new();
    if call.has(&["-i", "--in-place"]) {
        written.extend(files.iter().map(|word| (*word).clone()));
        // Besides, it may keep the old ones under names made from what follows `-i`.
        let keeps =
            call.value(&["-i", "--in-place"]).is_some_and(|value| value.known().is_some_and(|text| !text.is_empty()));
        if keeps {
            written.extend(files.iter().map(|word| word.beside()));
        }
    }
    if call.is_unsure || call.has(&["-f", "--file"]) || scripts.iter().any(|script| script.is_none_or(sed::writes)) {
        written.push(Word::Unclear);
    }
    written
}
