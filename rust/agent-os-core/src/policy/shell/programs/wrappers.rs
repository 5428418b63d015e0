//! Programs that run what their operands say: as someone else, elsewhere, later, watched or limited.

use super::super::call::Call;
use super::super::launch::{Start, joined, mark};
use super::super::word::Word;
use super::{LEAD, Lead, Program, Runs, Writes, row};

const COMMAND: Runs = Runs::Command(LEAD);
const NEEDED: Runs = Runs::Command(Lead { needed: true, ..LEAD });
const NUMBER: Runs = Runs::Command(Lead { skip: "n", ..LEAD });
const WORD: Runs = Runs::Command(Lead { skip: "w", ..LEAD });
const NOTHING: Writes = Writes::Nothing;

pub(super) const ROWS: &[Program] = &[
    // With other rights.
    row(
        "sudo",
        "-A -b -B -E -H -k -K. -l. -n -N -P -S -v. -V. -s? -i? -e? -u: -g: -h: -p: -C: -r: -t: -T: -U: -D^ -R* \
         --askpass --background --bell --close-from: --chdir^ --chroot* --edit? --group: --help. --host: --list. --login? \
         --non-interactive --no-update --other-user: --preserve-env= --preserve-groups --prompt: --remove-timestamp. \
         --reset-timestamp --role: --set-home --shell? --stdin --type: --command-timeout: --user: --validate. --version.",
        Runs::Command(Lead { assigns: true, ..LEAD }),
        NOTHING,
    ),
    row("doas", "-L. -n -s? -u: -C* -a:", COMMAND, NOTHING),
    row("pkexec", "--user: --disable-internal-agent --keep-cwd --version. --help.", NEEDED, NOTHING),
    row("gosu, su-exec, setuidgid, envuidgid", "--version. --help.", WORD, NOTHING),
    row(
        "su",
        "-c$ -l -m -p -f -P -g: -G: -s! -w: - --command$ --session-command$ --shell! --login --group: --supp-group: \
         --preserve-environment --pty --whitelist-environment: --fast --help. --version.",
        Runs::Interactive,
        NOTHING,
    ),
    row(
        "runuser",
        "-c$ -l -m -p -f -P -g: -G: -s! -u* -w: - --command$ --session-command$ --shell! --login --group: \
         --supp-group: --preserve-environment --pty --whitelist-environment: --user* --help. --version.",
        Runs::Interactive,
        NOTHING,
    ),
    row("sg", "-c$ -", Runs::Interactive, NOTHING),
    row("newgrp, login, sulogin, machinectl", "", Runs::Unclear, NOTHING),
    row(
        "setpriv",
        "-d. -h. -V. --clear-groups --init-groups --keep-groups --no-new-privs --nnp --reuid: --regid: --ruid: --euid: \
         --rgid: --egid: --groups: --inh-caps: --ambient-caps: --bounding-set: --securebits: --pdeathsig: --selinux-label: \
         --apparmor-profile: --reset-env --dump. --list-caps.",
        COMMAND,
        NOTHING,
    ),
    row("capsh, firejail, bwrap, proot, systemd-nspawn, sandbox-exec", "", Runs::Unclear, Writes::Unknown),
    // With another environment.
    row(
        "env",
        "- -i -0 -v -u: -a: -C^ -S* --ignore-environment --null --debug --unset: --argv0: --chdir^ --split-string* \
         --block-signal= --default-signal= --ignore-signal= --list-signal-handling --help. --version.",
        Runs::Command(Lead { assigns: true, ..LEAD }),
        NOTHING,
    ),
    row("envdir, softlimit, chpst", "", Runs::Unclear, NOTHING),
    row("direnv", "", Runs::OnlySubcommands, NOTHING),
    row("direnv exec", "", Runs::Command(Lead { skip: "w", needed: true, ..LEAD }), NOTHING),
    row("setarch", "-v -R -3 -B -F -I -L -S -X -Z -V. -h. --addr-no-randomize --verbose --4gb ", WORD, NOTHING),
    row("linux32, linux64, i386, x86_64", "-v -R -3 -B -F -I -L -S -X -Z", NEEDED, NOTHING),
    row("faketime", "-f -m --exclude-monotonic -p: -v. -h.", WORD, NOTHING),
    row(
        "chroot",
        "--userspec: --groups: --skip-chdir --help. --version.",
        Runs::Command(Lead { skip: "w", needed: true, away: true, ..LEAD }),
        NOTHING,
    ),
    row(
        "unshare",
        "-m= -u= -i= -n= -p= -U= -C= -T= -f -r -c -S: -G: -R* -w^ -l* --mount= --uts= --ipc= --net= --pid= --user= --cgroup= \
         --time= --fork --map-root-user --map-current-user --map-auto --map-user: --map-group: --map-users: --map-groups: --kill-child= \
         --mount-proc= --propagation: --setgroups: --setuid: --setgid: --root* --wd^ --keep-caps --monotonic: --boottime: --load-interp* \
         --help. --version.",
        NEEDED,
        NOTHING,
    ),
    row(
        "nsenter",
        "-a -t: -m= -u= -i= -n= -p= -U= -C= -T= -S: -G: -r= -w= -F -Z -e -c --all --target: --mount= --uts= --ipc= --net= --pid= \
         --user= --cgroup= --time= --setuid: --setgid: --root= --wd= --no-fork --follow-context --preserve-credentials --env --keep-caps \
         --user-parent --help. --version.",
        Runs::Command(Lead { needed: true, away: true, ..LEAD }),
        NOTHING,
    ),
    row("ip netns exec, ip vrf exec", "", Runs::Command(Lead { skip: "w", away: true, ..LEAD }), NOTHING),
    row(
        "ip, ip netns, ip vrf",
        "-4 -6 -B -M -0 -a -all -br -brief -c= -d -details -h -iec -j -json -n: -netns: -N -o -oneline -p -pretty -r \
         -resolve -rc: -s -stats -statistics -t -ts -V. -b* -batch* -force -family: -f:",
        Runs::Subcommand,
        NOTHING,
    ),
    // Sooner, later, longer, or not at all.
    row("nice", "-# -n: --adjustment: --help. --version.", COMMAND, NOTHING),
    row(
        "ionice",
        "-c: -n: -t -p* -P* -u* --class: --classdata: --ignore --pid* --pgid* --uid* --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "chrt",
        "-a -b -f -i -m. -o -r -d -e -R -v -p? -T: -P: -D: --all-tasks --batch --deadline --ext --fifo --idle --max. --other --rr \
         --reset-on-fork --verbose --pid? --sched-runtime: --sched-period: --sched-deadline: --help. --version.",
        NUMBER,
        NOTHING,
    ),
    row("taskset", "-a -c -p? --all-tasks --cpu-list --pid? --help. --version.", NUMBER, NOTHING),
    row(
        "numactl",
        "-a -i: -N: -C: -m: -l -p: -P: -H. -s. -b --all --interleave: --cpunodebind: --physcpubind: --membind: --localalloc \
         --preferred: --hardware. --show. --balancing",
        NEEDED,
        NOTHING,
    ),
    row(
        "prlimit",
        "-p* -o: -c= -d= -e= -f= -i= -l= -m= -n= -q= -r= -s= -t= -u= -v= -x= -y= --pid* --output: --noheadings --raw --verbose \
         --core= --data= --nice= --fsize= --sigpending= --memlock= --rss= --nofile= --msgqueue= --rtprio= --stack= --cpu= --nproc= --as= \
         --locks= --rttime= --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row("cpulimit", "-l: -c: -q -v -f -i -z -m -k -r -s: -p* -P* -e* --limit: --", COMMAND, NOTHING),
    row("cgexec", "-g: -b --sticky", COMMAND, NOTHING),
    row(
        "timeout",
        "-k: -s: -f -p -v --foreground --preserve-status --verbose --kill-after: --signal: --help. --version.",
        NUMBER,
        NOTHING,
    ),
    row("nohup", "--help. --version.", COMMAND, NOTHING),
    row("setsid", "-c -f -w --ctty --fork --wait --help. --version.", COMMAND, NOTHING),
    row("stdbuf", "-i: -o: -e: --input: --output: --error: --help. --version.", COMMAND, NOTHING),
    row(
        "watch",
        "-b -c -C -e -g -p -r -t -w -x? -n: -q: -d= -s: --beep --color --no-color --errexit --chgexit --no-rerun --no-title --no-wrap \
         --precise --exec? --interval: --equexit: --differences= --shotsdir> --help. --version.",
        Runs::Script(LEAD),
        NOTHING,
    ),
    row("entr", "-a -c -d -n -p -r -x -z -s?", Runs::Behind("its operands; `/_` is a file", entr), NOTHING),
    row(
        "at, batch, atq, run-parts, start-stop-daemon, daemon, daemonize, dtach, abduco, xdg-open, open, gio, mimeopen, logrotate, anacron, cron",
        "",
        Runs::Unclear,
        Writes::Unknown,
    ),
    row("crontab", "-l. -u: -e? -r -i -T. -s", Runs::Unclear, Writes::Unknown),
    row(
        "systemd-run",
        "-p: -u: -G -q -r -t -P -E: -M* -H* -d -S? --user --system --scope --slice-inherit --unit: --slice: --property: --uid: --gid: \
         --nice: --working-directory^ --same-dir --setenv* --wait --pty --pipe --quiet --collect --shell? --no-block --service-type: \
         --description: --on-active: --on-boot: --on-calendar: --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "systemd-inhibit",
        "--what: --who: --why: --mode: --list. --no-pager --no-legend --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row("caffeinate", "-d -i -m -s -u -t: -w*", COMMAND, NOTHING),
    // Watched.
    row(
        "time",
        "-a -v -p -q -f: -o> --append --format: --output> --portability --quiet --verbose --help. -V. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "strace",
        "-A -c -C -d -D -f -F -h. -i -k -n -N -q -r -t -T -v -V. -w -x -y -Y -z -Z -a: -b: -e: -E* -I: -o> -O: -p: -P: -s: -S: -u: -U: -X: \
         --follow-forks --output> --trace: --quiet= --string-limit: --absolute-timestamps= --summary --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "ltrace",
        "-b -c -C -f -h. -i -L -r -S -t -T -V. -a: -A: -D: -e: -F: -l: -n: -o> -p: -s: -u: -w: -x: -X: --output> --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "valgrind",
        "-d -h. -q -v -- --tool: --quiet --verbose --version. --help. --log-file> --xml-file> --massif-out-file> \
         --callgrind-out-file> --cachegrind-out-file> --db-command$ --db-attach? --gen-suppressions: --suppressions: --leak-check: \
         --track-origins: --trace-children: --error-exitcode: --show-leak-kinds: --num-callers: --xml: --log-fd:",
        COMMAND,
        Writes::Unknown,
    ),
    row("perf", "-h. -v. --help. --version. --no-pager", Runs::Subcommand, Writes::Unknown),
    row(
        "perf stat",
        "-a -A -d -g -i -n -v -r: -e: -C: -G: -I: -p: -t: -x: -D: -B -o> --output> --event: --repeat: --all-cpus --detailed --no-big-num \
         --per-core --per-socket --field-separator: --pre$ --post$",
        COMMAND,
        NOTHING,
    ),
    row(
        "perf record, perf trace",
        "-a -A -b -d -g -i -n -q -s -S -T -v -F: -c: -C: -e: -j: -m: -o> -p: -t: -u: --output> --event: --freq: --all-cpus \
         --call-graph: --pid: --tid: --switch-output= --switch-output-event:",
        COMMAND,
        Writes::Unknown,
    ),
    row(
        "perf script, perf report, perf annotate, perf diff, perf test, perf bench",
        "",
        Runs::Unclear,
        Writes::Unknown,
    ),
    row(
        "gdb, lldb, rr, gdbserver, cgdb, ddd, dtrace, bpftrace, stap, uftrace, expect, unbuffer, dejagnu, runtest, rlwrap, socat",
        "--version. -version.",
        Runs::Unclear,
        Writes::Unknown,
    ),
    row(
        "hyperfine",
        "-w: -r: -m: -M: -s$ -p$ -c$ -P: -D: -L: -S! -N -i -u: -n: --warmup: --runs: --min-runs: --max-runs: --setup$ --prepare$ --conclude$ --cleanup$ \
         --parameter-scan: --parameter-list: --shell! --ignore-failure --style: --sort: --time-unit: --export-csv> --export-json> \
         --export-markdown> --export-asciidoc> --export-orgmode> --show-output --output: --input: --command-name: --help. --version.",
        Runs::Scripts,
        NOTHING,
    ),
    row(
        "concurrently",
        "-k -r -s: -n: -c: -p: -m: -i -P --kill-others --kill-others-on-fail --raw --names: --prefix: --prefix-colors: --success:",
        Runs::Scripts,
        NOTHING,
    ),
    row(
        "script",
        "-a -e -f -q -c$ -E: -t= -T> -m: -I> -O> -B> -o: --append --return --flush --force --quiet --command$ --echo: --timing= \
         --log-timing> --log-in> --log-out> --log-io> --logging-format: --output-limit: --help. --version.",
        Runs::Interactive,
        Writes::Operands(0),
    ),
    row("tmux, screen, zellij, byobu", "-V. -v.", Runs::OnlySubcommands, Writes::Unknown),
    row(
        "tmux ls, tmux list-sessions, tmux list-windows, tmux list-panes, tmux has-session, tmux has, tmux kill-session, tmux kill-server",
        "-t: -a -F* -f*",
        Runs::Nothing,
        NOTHING,
    ),
    row(
        "tmux new, tmux new-session, tmux new-window, tmux neww, tmux split-window, tmux splitw",
        "-A -D -d -E -P -X -b -h -v -f -Z -I -k -S -a -s: -n: -t: -x: -y: -l: -c^ -F* -e*",
        Runs::Script(Lead { needed: true, open: false, ..LEAD }),
        NOTHING,
    ),
    // In parallel, or once for each.
    row(
        "xargs",
        "-# -0 -o -p -r -t -x -a: -d: -E: -e= -I: -i= -L: -l= -n: -P: -R: -J: -s: --null --open-tty --interactive --no-run-if-empty --verbose --exit \
         --arg-file: --delimiter: --eof= --replace= --max-lines= --max-args: --max-procs: --max-chars: --process-slot-var: --show-limits \
         --help. --version.",
        Runs::Behind("its operands and what it reads", xargs),
        NOTHING,
    ),
    row(
        "parallel",
        "-# -0 -k -m -q? -r -t -u -v -X -x -j: -N: -n: -L: -a: -C: -d: -P: -S* -I: -i= -s: -W^ -D --null --keep-order --quote? --no-run-if-empty --verbose --ungroup \
         --group --line-buffer --lb --bar --progress --eta --dry-run --dryrun --will-cite --jobs: --colsep: --delimiter: --joblog> --results~ --timeout: \
         --retries: --halt: --max-args: --max-procs: --max-lines: --arg-file: --delay: --load: --memfree: --nice: --tag --tagstring: --header: --shuf \
         --linebuffer --pipe --block: --resume --resume-failed --version. --help.",
        Runs::Behind("its operands and what it reads", parallel),
        NOTHING,
    ),
    row(
        "find",
        "-fprint> -fprint0> -fls>",
        Runs::By("what stands behind `-exec` and the like", find),
        Writes::By("starting points with `-delete`; the files of `-fprint` and the like", found),
    ),
    row("fd, fdfind", "", Runs::By("what stands behind `-x` and `-X`", fd), NOTHING),
    row(
        "flock",
        "-c$ -e -F -n -o -s -u -x -w: -E: --close --command$ --conflict-exit-code: --exclusive --nb --nonblock --no-fork --shared --timeout: --unlock --verbose --wait: --help. --version.",
        Runs::Behind("what stands behind the file, or behind `-c`", flock),
        Writes::First,
    ),
    // Under another name.
    row("busybox, toybox", "--list. --list-full. --install~ --help. --long", COMMAND, NOTHING),
    row(
        "ld.so",
        "--library-path: --inhibit-cache --inhibit-rpath: --argv0: --preload* --audit* --glibc-hwcaps-prepend: --glibc-hwcaps-mask: --list. --verify. --list-tunables. --list-diagnostics. --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row(
        "ccache, sccache, distcc, eatmydata, tini, dumb-init, catatonit, nocache, dbus-run-session, torsocks, torify, tsocks, catchsegv, chronic",
        "-q --help. --version. -V. -s. --show-stats.",
        COMMAND,
        NOTHING,
    ),
    row("fakeroot", "-u -h. -v. -l: -s> -i: -b: -f!", NEEDED, NOTHING),
    row("proxychains, proxychains4", "-q -f:", COMMAND, NOTHING),
    row(
        "xvfb-run",
        "-a -l -n: -s: -f: -e> -p: -w: --auto-servernum --server-num: --server-args: --auth-file: --error-file> --listen-tcp --xauth-protocol: --wait: --help.",
        COMMAND,
        NOTHING,
    ),
    row("ssh-agent", "-a: -t: -E: -O: -P* -c -s -d -D -k", COMMAND, NOTHING),
    row(
        "dbus-launch",
        "--exit-with-session --sh-syntax --csh-syntax --auto-syntax --close-stderr --exit-with-x11 --autolaunch: --config-file: --help. --version.",
        COMMAND,
        NOTHING,
    ),
    row("mpirun, mpiexec, srun, sbatch, qsub, torchrun, accelerate", "", Runs::Unclear, Writes::Unknown),
];

/// `flock FILE program`, `flock FILE -c script`; a number is a descriptor, with no program.
fn flock(call: &Call<'_>) -> Vec<Start> {
    if call.is_unknown || call.is_unsure {
        return vec![Start::Unclear];
    }
    match call.rest {
        [] | [_] => Vec::new(),
        _ if call.has(&["-c", "--command"]) => Vec::new(),
        [_, Word::Known(option), script @ ..] if matches!(&**option, "-c" | "--command") => vec![joined(script)],
        [_, Word::Known(option), ..] if option.starts_with('-') => vec![Start::Unclear],
        [_, command @ ..] => vec![Start::Program(command.to_vec())],
    }
}

fn entr(call: &Call<'_>) -> Vec<Start> {
    if call.is_unknown || call.is_unsure || call.rest.is_empty() {
        return vec![Start::Unclear];
    }
    let words = call.rest.iter().map(|word| match word.known() {
        Some(text) if text.contains("/_") => Word::Unclear,
        _ => word.clone(),
    });
    vec![Start::Program(words.collect())]
}

/// What it reads is appended, or stands in for the word that `-I` names.
fn xargs(call: &Call<'_>) -> Vec<Start> {
    if call.is_unknown || call.is_unsure {
        return vec![Start::Unclear];
    }
    if call.rest.is_empty() {
        return Vec::new();
    }
    let replaced = mark(call.value(&["-I", "-i", "-J", "--replace"]));
    let mut command: Vec<Word> = call.rest.iter().map(|word| stands_in(word, replaced)).collect();
    command.push(Word::Unclear);
    vec![Start::Program(command)]
}

fn stands_in(word: &Word, replaced: Option<&str>) -> Word {
    match (word.known(), replaced) {
        (Some(text), Some(mark)) if text.contains(mark) => Word::Unclear,
        _ => word.clone(),
    }
}

/// What is found stands in for `{}`.
fn filled(word: &Word) -> Word {
    match word.known() {
        Some(text) if text.contains("{}") || text.contains("{/") || text.contains("{.") => Word::Unclear,
        _ => word.clone(),
    }
}

fn parallel(call: &Call<'_>) -> Vec<Start> {
    if call.is_unknown || call.is_unsure {
        return vec![Start::Unclear];
    }
    let is_source = |word: &Word| word.known().is_some_and(|text| text.starts_with(":::"));
    let mut command: Vec<Word> = call.rest.iter().take_while(|word| !is_source(word)).map(filled).collect();
    command.push(Word::Unclear);
    // It hands a line to a shell: words without meaning to it stay what they are.
    let plain = |word: &Word| {
        word.known()
            .is_none_or(|text| !text.contains([';', '|', '&', '$', '`', '\n', '(', '<', '>', ' ', '\'', '"', '\\']))
    };
    let has_name = command.first().and_then(Word::known).is_some_and(|name| !name.contains('='));
    match has_name && command.iter().all(plain) {
        true => vec![Start::Program(command)],
        false => match joined(call.rest) {
            Start::Script(text) if !text.contains(":::") && !text.contains('{') => {
                vec![Start::Script(text), Start::Unclear]
            }
            _ => vec![Start::Unclear],
        },
    }
}

/// `find … -exec rm {} \;`, `fd … -x rm`.
fn find(call: &Call<'_>) -> Vec<Start> {
    let mut all = Vec::new();
    let mut words = call.words.iter();
    while let Some(word) = words.next() {
        let Some(text) = word.known() else {
            // It may stand for an action as well as for a path.
            if *word == Word::Unclear {
                all.push(Start::Unclear);
            }
            continue;
        };
        let is_long = text.starts_with("--exec=") || text.starts_with("--exec-batch=");
        if is_long {
            all.push(Start::Unclear);
        }
        if !matches!(text, "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch") {
            continue;
        }
        let ends = |word: &Word| matches!(word.known(), Some(";" | "+"));
        let command: Vec<Word> = words.by_ref().take_while(|word| !ends(word)).map(filled).collect();
        all.push(if command.is_empty() { Start::Unclear } else { Start::Program(command) });
    }
    all
}

/// Letters of `fd` may stand together, and hold the program: `-Hx rm`, `-xrm`.
fn fd(call: &Call<'_>) -> Vec<Start> {
    let is_cluster =
        |text: &str| text.starts_with('-') && !text.starts_with("--") && text.len() > 2 && text.contains(['x', 'X']);
    let mut all = find(call);
    if call.words.iter().any(|word| word.known().is_some_and(is_cluster)) {
        all.push(Start::Unclear);
    }
    all
}

/// `find here there -delete`.
fn found(call: &Call<'_>) -> Vec<Word> {
    let deletes = call.words.iter().any(|word| word.known().is_none_or(|text| text == "-delete" || text == "-fprintf"));
    if !deletes {
        return Vec::new();
    }
    let starts =
        call.words.iter().take_while(|word| word.known().is_none_or(|text| !text.starts_with(['-', '(', '!'])));
    let mut written: Vec<Word> = starts.flat_map(|word| [word.clone(), word.below()]).collect();
    if written.is_empty() || call.words.iter().any(|word| word.known() == Some("-fprintf")) {
        written.push(Word::Unclear);
    }
    written
}
