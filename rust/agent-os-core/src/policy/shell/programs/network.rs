//! What fetches and sends.

use super::super::call::{Call, Given};
use super::super::word::Word;
use super::{Program, Runs, Writes, row};

const NOTHING: Writes = Writes::Nothing;
const UNKNOWN: Writes = Writes::Unknown;

pub(super) const ROWS: &[Program] = &[
    row(
        "curl",
        "-# -0 -1 -2 -3 -4 -6 -a -B -f -g -G -i -I -j -J -k -l -L -M. -n -N -p -q -R -s -S -v -V. -Z -A: -b: -c> -C: -d: -D> -e: -E: -F: -h= -H: -K~ -m: -o> -O@ -P: -Q: -r: -t: -T: -u: -U: -w~ -x: -X: -y: -Y: -z: \
         --output> --output-dir/ --remote-name@ --remote-name-all@ --dump-header> --cookie-jar> --config~ --write-out~ --trace> --trace-ascii> --stderr> --etag-save> --hsts> --alt-svc> --libcurl> --ssl-sessions> \
         --data: --data-raw: --data-binary: --data-urlencode: --header: --request: --url: --user: --user-agent: --referer: --form: --upload-file: --proxy: --max-time: --connect-timeout: --retry: --retry-delay: --cookie: --cert: \
         --key: --cacert: --resolve: --interface: --range: --limit-rate: --max-redirs: --json: --noproxy: --oauth2-bearer: --etag-compare: --fail --silent --show-error --location --insecure --compressed --head --include --verbose \
         --create-dirs --remote-header-name --continue-at: --parallel --version. --help=",
        Runs::Nothing,
        NOTHING,
    ),
    row(
        "wget, wget2",
        "-4 -6 -b -c -d -E -F -h. -H -k -K -L -m -N -np -nc -nd -nH -nv -p -q -r -S -v -V. -x -a> -A: -B: -D: -e* -i: -I: -l: -o> -O> -P/ -Q: -R: -t: -T: -U: -w: -X: --output-document> --output-file> --append-output> --directory-prefix/ \
         --execute* --use-askpass* --config* --save-cookies> --rejected-log> --warc-file~ --hsts-file> --input-file: --user-agent: --header: --post-data: --post-file: --method: --body-data: --body-file: --user: --password: --timeout: --tries: --wait: \
         --level: --accept: --reject: --limit-rate: --load-cookies: --referer: --spider --quiet --no-verbose --continue --recursive --no-parent --no-clobber --no-check-certificate --show-progress --progress: --delete-after",
        Runs::Nothing,
        Writes::By("the working folder without `-O` and `-P`", fetched),
    ),
    row(
        "scp",
        "-3 -4 -6 -A -B -C -O -p -q -r -R -s -T -v -c: -D! -F* -i: -J: -l: -o% -P: -S! -X:",
        Runs::Nothing,
        Writes::By("its last operand, on this machine", sent),
    ),
    row(
        "rsync",
        "-0 -4 -6 -8 -a -A -b -c -C -d -D -E -F -g -h -H -i -I -J -k -K -l -L -m -n -N -o -O -p -P -q -r -R -s -S -t -u -U -v -V. -W -x -X -y -z -@: -B: -e! -f: -M* -T/ --rsh! --rsync-path$ --remote-option* --log-file> --backup-dir/ \
         --partial-dir/ --temp-dir/ --write-batch> --only-write-batch> --read-batch: --early-input: --exclude: --include: --exclude-from: --include-from: --files-from: --filter: --chmod: --chown: --usermap: --groupmap: --suffix: \
         --bwlimit: --timeout: --contimeout: --port: --password-file: --compare-dest: --copy-dest: --link-dest: --max-size: --min-size: --out-format: --log-file-format: --compress-level: --block-size: --max-delete: --sockopts: \
         --daemon? --config* --info: --debug: --dparam* --delete --delete-after --delete-excluded --archive --verbose --progress --dry-run --remove-source-files --ignore-existing --recursive --compress --checksum --stats --no-motd --version. --help.",
        Runs::Nothing,
        Writes::By("its last operand and what is below it, on this machine", synchronised),
    ),
    row(
        "nc, ncat, netcat",
        "-c$ -e! --exec! --sh-exec$ --lua-exec* -o> -x: -X: -p: -s: -w: -i: -I: -O: -P: -q: -T: -V: -W: -l -k -n -u -v -z -4 -6 -b -C -d -D -F -h. -N -r -S -t -U --output> --hex-dump>",
        Runs::Nothing,
        NOTHING,
    ),
    row(
        "tcpdump, tshark, dumpcap",
        "-z! -w> -C: -G: -i: -r: -s: -c: -n -v -X -A -e -q -t -l -D. -Z: -F: -E: -W: -Y: -T: -f: -a: -b: -o:",
        Runs::Nothing,
        NOTHING,
    ),
    row(
        "nmap",
        "--script* --script-args: --script-file* -oN> -oX> -oS> -oG> -oA~ -iL: -p: -e: -S: -g: --datadir* -sS -sT -sU -sV -sC? -sn -A? -O -Pn -T= -v -d -n -R -F -6",
        Runs::Nothing,
        NOTHING,
    ),
    row(
        "aria2c, http, https, xh, httpie, axel, rclone, s3cmd, restic, borg, youtube-dl, yt-dlp, gallery-dl, w3m, lynx, links, elinks, chromium, firefox, playwright, puppeteer, transmission-cli",
        "",
        Runs::Nothing,
        UNKNOWN,
    ),
    row(
        "dig, host, nslookup, whois, ping, ping6, fping, traceroute, tracepath, mtr, drill, getent, arp, netstat, ss, lsof, ifconfig, iwconfig, hostnamectl, resolvectl",
        "",
        Runs::Nothing,
        NOTHING,
    ),
];

fn fetched(call: &Call<'_>) -> Vec<Word> {
    let is_placed = call.has(&["-O", "--output-document", "-P", "--directory-prefix", "--spider", "--delete-after"]);
    if is_placed { Vec::new() } else { vec![Word::anywhere_here()] }
}

/// `host:file` and `host::module` are on another machine.
fn is_remote(word: &Word) -> bool {
    word.known().is_some_and(|text| {
        text.contains("://") || text.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
    })
}

fn sent(call: &Call<'_>) -> Vec<Word> {
    match call.operands.last() {
        Some(last) if !is_remote(last) => vec![(*last).clone(), last.below()],
        _ => Vec::new(),
    }
}

fn synchronised(call: &Call<'_>) -> Vec<Word> {
    let is_dry = |given: &Given<'_>| matches!(given.name, "-n" | "--dry-run");
    // With one operand it lists.
    if call.operands.len() < 2 && !call.is_unsure || call.options.iter().any(is_dry) {
        return Vec::new();
    }
    let mut written = sent(call);
    if call.has(&["--remove-source-files"]) {
        written.extend(call.operands.iter().flat_map(|word| [(*word).clone(), word.below()]));
    }
    written
}
