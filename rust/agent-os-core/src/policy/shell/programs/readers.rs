//! What only looks: beside what the shell redirects, it writes nothing.

use super::super::call::Call;
use super::super::launch::Start;
use super::{Program, Runs, Writes, row};

const NOTHING: Writes = Writes::Nothing;
const PURE: Runs = Runs::Nothing;

pub(super) const ROWS: &[Program] = &[
    row(
        "cat, head, tail, nl, tac, wc, ls, ll, la, dir, vdir, pwd, stat, du, df, realpath, readlink, basename, dirname, cal, uname, whoami, id, groups, hostname, uptime, nproc, free, arch, which, whereis, type, \
         locale, tput, clear, reset, ps, pgrep, pidof, pstree, top, htop, vmstat, iostat, lscpu, lsblk, lsmod, lspci, lsusb, blkid, findmnt, getconf, jobs, exa, eza, lsd, hexdump, hd, od, strings, w, who, last, lastlog, users, tty, logname, \
         dmesg, printenv, date, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum, md5sum, cksum, b2sum, sum, shasum, nm, objdump, readelf, size, ldd, addr2line, c++filt, cloc, tokei, scc, wdiff, apropos, whatis, tldr, cheat, \
         zcat, bzcat, xzcat, lzcat, zstdcat, gzcat, zgrep, zegrep, zfgrep, bzgrep, xzgrep, zless, zmore, zdiff, zcmp, zipinfo, lz4cat, infocmp, envsubst, getfacl, getfattr, lsattr, getcap, namei, pathchk, look, mountpoint, getopt, ncal, fortune, cowsay, figlet, \
         runlevel, hwinfo, inxi, neofetch, fastfetch, lsns, lsipc, ipcs, lslocks, fuser, pmap, pwdx, sensors, acpi, xdpyinfo, zipgrep, pdfinfo, ffprobe, mediainfo, checkbashisms, shellcheck, hadolint, yamllint, markdownlint, xmlwf, jsonschema, ajv",
        "",
        PURE,
        NOTHING,
    ),
    row(
        "grep, egrep, fgrep, ugrep, locate, plocate, mlocate, diff, cmp, comm, colordiff, diff3, echo, printf, cut, tr, paste, join, fold, fmt, expand, unexpand, rev, seq, base64, base32, basenc, uuencode, expr, factor, numfmt, yes, column, colrm, ul, pr, tsort, ptx, col, colcrt, banner, toilet, primes, hexyl, delta, difft, dwdiff, sdiff",
        "",
        PURE,
        NOTHING,
    ),
    row(
        "file",
        "-C@ -m: -f: -e: -F: -P: --compile@ --magic-file: --files-from: --exclude: --separator: --parameter:",
        PURE,
        NOTHING,
    ),
    row(
        "journalctl",
        "--vacuum-size~ --vacuum-time~ --vacuum-files~ --rotate~ --cursor-file> -u: -n= -p: -t: -S: -U: -o: -b= -k -f -x -e -r",
        PURE,
        NOTHING,
    ),
    row("history", "", PURE, Writes::Unknown),
    row(
        "rg",
        "--pre! --hostname-bin! -A: -B: -C: -e: -f: -g: -j: -m: -M: -r: -t: -T: -d: -E: -i -l -n -o -c -v -w -x -s -S -u -uu -uuu -U -P -F -p -q -z -0 -N -H -I -L -a -b -h. -V. --glob: --iglob: --type: --type-not: --regexp: --file: --max-count: --max-depth: --context: --after-context: --before-context: --replace: --sort: --sortr: --threads: --engine: --color: --colors: --",
        PURE,
        NOTHING,
    ),
    row(
        "ag, ack",
        "--pager! -A= -B= -C= -G: -g: -m: -p: -i -l -L -n -o -c -v -w -Q -r -s -S -u -a -z --ackrc* --env* --type-add: --ignore: --ignore-dir: --",
        PURE,
        NOTHING,
    ),
    row(
        "bat, batcat",
        "--pager$ --lessopen? -l: -H: -r: -m: -A -p -n -u -S -f -h. -V. --language: --highlight-line: --theme: --style: --color: --decorations: --paging: --wrap: --line-range: --tabs: --map-syntax: --",
        PURE,
        NOTHING,
    ),
    row(
        "man, info",
        "-P* -H? -C* -7 -a -c -d -D -f -I -i -k -K -l -L: -M: -m: -e: -E: -r: -R: -s: -S: -t -T? -u -w -W -X? -Z -o> --output> --pager* --html? --config-file* --troff-device? --gxditview? --preprocessor: --prompt: --restore> --",
        PURE,
        NOTHING,
    ),
    row(
        "less, more, most, pg",
        "-o> -O> --log-file> --LOG-FILE> -k* --lesskey-file* --lesskey-src* --lesskey-content* -p: -P: -t: -T: -b: -D: -h: -j: -x: -y: -z: -# -e -E -f -F -g -G -i -I -J -K -L -m -M -n -N -q -Q -r -R -s -S -u -U -V. -w -W -X --",
        Runs::By("commands behind `+`", |call: &Call<'_>| {
            let runs = call.words.iter().any(|word| word.known().is_some_and(|text| text.starts_with('+')));
            if runs { vec![Start::Unclear] } else { Vec::new() }
        }),
        NOTHING,
    ),
    row(
        ":, true, false, test, [, [[, sleep, wait, shift, read, return, exit, break, continue, let, getopts, umask, ulimit, times, disown, bg, fg, unset, set, cd, chdir, pushd, popd, dirs, suspend, logout, caller, help, select",
        "",
        PURE,
        NOTHING,
    ),
];
