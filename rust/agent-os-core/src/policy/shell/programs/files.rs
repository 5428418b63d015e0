//! What makes, changes, packs and removes files.

use super::super::call::Call;
use super::super::launch::Start;
use super::super::word::Word;
use super::{Program, Runs, Writes, row};

const UNKNOWN: Writes = Writes::Unknown;
const NOTHING: Runs = Runs::Nothing;
const BESIDE: Writes = Writes::By("its operands, and files beside them", beside);

pub(super) const ROWS: &[Program] = &[
    row(
        "tee",
        "-a -i -p --append --ignore-interrupts --output-error= --help. --version.",
        NOTHING,
        Writes::Operands(0),
    ),
    row(
        "touch",
        "-a -c -f -h -m -d: -r: -t: --date: --reference: --time: --no-create --no-dereference",
        NOTHING,
        Writes::Operands(0),
    ),
    row("mkdir", "-p -v -Z -m: --mode: --parents --verbose --context=", NOTHING, Writes::Operands(0)),
    row("mkfifo, mknod", "-m: -Z --mode: --context=", NOTHING, Writes::First),
    row("truncate", "-c -o -r: -s: --no-create --io-blocks --reference: --size:", NOTHING, Writes::Operands(0)),
    row(
        "fallocate, shred",
        "-n: -s: -f -u -v -x -z -l: -o: -c -d -p -i --iterations: --random-source: --remove= --size: --force --verbose --exact --zero --length: --offset:",
        NOTHING,
        Writes::Operands(0),
    ),
    row(
        "rm, srm, rimraf, wipe",
        "-d -f -i -I -r -R -v -x -P --force --interactive= --recursive --dir --verbose --one-file-system --no-preserve-root --preserve-root=",
        NOTHING,
        Writes::Trees,
    ),
    row(
        "unlink, rmdir, trash, trash-put",
        "-p -v --parents --verbose --ignore-fail-on-non-empty",
        NOTHING,
        Writes::Operands(0),
    ),
    row(
        "chmod",
        "-R -c -f -v --recursive --changes --quiet --silent --verbose --preserve-root --no-preserve-root --reference:",
        NOTHING,
        Writes::By("its operands behind the mode", behind_mode),
    ),
    row(
        "chown, chgrp",
        "-R -c -f -h -v -H -L -P --recursive --changes --quiet --silent --verbose --no-dereference --dereference --from: --reference: --preserve-root --no-preserve-root",
        NOTHING,
        Writes::By("its operands behind the owner", behind_mode),
    ),
    row("chattr", "-R -V -f -v: -p:", NOTHING, Writes::By("its operands behind the mode", behind_mode)),
    row(
        "setfacl",
        "-b -k -n -R -L -P -d -m: -M: -x: -X: --set: --set-file: --modify: --modify-file: --remove: --remove-file: --restore~ --remove-all --remove-default --recursive --mask --default",
        NOTHING,
        Writes::Operands(0),
    ),
    row("setfattr, setcap, chcon, restorecon", "", NOTHING, UNKNOWN),
    row("dd, dcfldd, ddrescue", "", NOTHING, Writes::By("the file of `of=`", of_file)),
    row(
        "cp",
        "-a -b -d -f -H -i -l -L -n -p -P -r -R -s -T -u -v -x -Z -S: -t: --target-directory: --suffix: --no-target-directory --archive --attributes-only --backup= --copy-contents --force --interactive --link --dereference \
         --no-clobber --no-dereference --preserve= --no-preserve: --parents --recursive --reflink= --remove-destination --sparse: --strip-trailing-slashes --symbolic-link --update= --verbose --one-file-system --context= --debug",
        NOTHING,
        Writes::By("its last operand, or the names of the others in it or in the folder of `-t`", copied),
    ),
    row(
        "mv",
        "-b -f -i -n -T -u -v -Z -S: -t: --target-directory: --suffix: --no-target-directory --backup= --force --interactive --no-clobber --strip-trailing-slashes --update= --verbose --context --exchange --no-copy --debug",
        NOTHING,
        Writes::By("its operands and what is below them", moved),
    ),
    row(
        "install",
        "-b -c -C -d -D -p -s -T -v -Z -g: -m: -o: -S: -t: --target-directory: --suffix: --group: --mode: --owner: --backup= --compare --directory --preserve-timestamps --strip --strip-program! --no-target-directory --verbose --context=",
        NOTHING,
        Writes::By("its last operand, or the names of the others in it or in the folder of `-t`", copied),
    ),
    row(
        "ln",
        "-b -d -F -f -h -i -L -n -P -r -s -T -v -S: -t: --target-directory: --suffix: --no-target-directory --backup= --directory --force --interactive --logical --no-dereference --physical --relative --symbolic --verbose",
        NOTHING,
        Writes::By("its last operand, or the names of the others in it or in the folder of `-t`", copied),
    ),
    row("rename, prename, mmv, detox", "", Runs::Unclear, UNKNOWN),
    row(
        "split",
        "-a: -b: -C: -d -e -l: -n: -t: -u -x --filter$ --additional-suffix: --bytes: --line-bytes: --lines: --number: --suffix-length: --separator: --numeric-suffixes= --hex-suffixes= --elide-empty-files --verbose",
        NOTHING,
        Writes::By("files whose names start with its second operand", parts),
    ),
    row("csplit", "-b: -f: -k -n: -q -s -z", NOTHING, UNKNOWN),
    row(
        "patch",
        "-b -e? -E -f -l -N -R -s -t -T -u -v. -Z -B: -c -d^ -D: -F: -g: -i: -n -o> -p: -r> -V: -x: -Y: -z: --ed? --output> --reject-file> --directory^ --input: --strip: --dry-run --reverse --forward --force",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "sort",
        "-b -c= -C -d -f -g -h -i -m -M -n -r -R -s -u -V -z -k: -o> -S: -t: -T: --compress-program! --output> --key: --field-separator: --buffer-size: --temporary-directory: --batch-size: --parallel: --files0-from: --random-source: --sort: --check= \
         --unique --reverse --numeric-sort --human-numeric-sort --version-sort --general-numeric-sort --random-sort --month-sort --ignore-case --stable --merge --zero-terminated --debug --help. --version.",
        NOTHING,
        Writes::Nothing,
    ),
    row(
        "shuf",
        "-e -i: -n: -o> -r -z --output> --echo --input-range: --head-count: --random-source: --repeat --zero-terminated",
        NOTHING,
        Writes::Nothing,
    ),
    row(
        "uniq",
        "-c -d -D -i -u -z -f: -s: -w: --group= --all-repeated= --skip-fields: --skip-chars: --check-chars: --count --repeated --unique --ignore-case --zero-terminated",
        NOTHING,
        Writes::Operands(1),
    ),
    row(
        "tree",
        "-a -A -c -C -d -D -f -F -g -h -i -J -l -n -N -p -q -Q -r -R -s -S -t -u -U -v -x -X -H: -I: -L: -o> -P: -T: --charset: --filelimit: --fromfile= --gitfile: --infofile: --sort= --timefmt: --output>",
        NOTHING,
        Writes::Nothing,
    ),
    row(
        "xxd",
        "-a -b -C -d -e -E -h. -i -p -ps -r -u -v. -c: -cols: -g: -groupsize: -l: -len: -n: -name: -o: -R: -s: -seek:",
        NOTHING,
        Writes::Operands(1),
    ),
    row(
        "iconv, xmllint",
        "-f: -t: -l -c -s -o> --output> --from-code: --to-code: --schema: --xpath: --encode: --format --noout --html --load-trace --shell?",
        NOTHING,
        Writes::Nothing,
    ),
    row(
        "pandoc",
        "-o> --output> -F! --filter! -L* --lua-filter* --pdf-engine! --pdf-engine-opt: --extract-media/ --log> -f: -t: -r: -w: -d* --defaults* --data-dir* -H: -B: -A: -c: -V: -M: -s --from: --to: --template: --metadata: --variable: --standalone --toc",
        NOTHING,
        Writes::Nothing,
    ),
    row("jq, gron, xq, dasel, tomlq", "-L: -f: --arg: --argjson: --from-file:", NOTHING, Writes::Nothing),
    row(
        "yq, xmlstarlet, crudini, dos2unix, unix2dos, sponge, rpl, sd, ctags, cscope, mogrify, exiftool, jhead",
        "",
        NOTHING,
        UNKNOWN,
    ),
    // Archives.
    row(
        "tar, gtar",
        "old -A -b: -B -c -C/ -d -f: -F* -g> -G -h -H: -i -I! -j -J -k -K: -l -L: -m -M -n -N: -o -O -p -P -r -R -s -S -t -T: -u -U -v -V: -w -W -x -X: -z -Z -a --to-command$ --checkpoint-action* --checkpoint= --use-compress-program! --info-script* \
         --new-volume-script* --rsh-command* --rmt-command* --file: --directory/ --one-top-level= --listed-incremental> --index-file> --transform: --xform: --exclude: --exclude-from: --files-from: --strip-components: --owner: --group: --mode: --mtime: \
         --format: --sort: --suffix: --backup= --volno-file> --extract --get --create --list --append --update --concatenate --catenate --delete --diff --compare --test-label --verbose --gzip --gunzip --bzip2 --xz --zstd --lzma --auto-compress \
         --absolute-names --keep-old-files --overwrite --to-stdout --same-owner --no-same-owner --preserve-permissions --wildcards --no-recursion --dereference --totals= --remove-files --unlink-first --force-local --record-size: --blocking-factor: \
         --anchored --no-anchored --numeric-owner --warning: --show-transformed-names --version. --help.",
        Runs::By("a program on another machine, for an archive there", archive),
        Writes::By("its archive, or what is below the folder that it unpacks into", archived),
    ),
    row(
        "bsdtar, pax, cpio, star, unar, unrar, rar, lha, arj, jar",
        "--use-compress-program! -I! -F* --rsh-command! --to-command$",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "zip",
        "-0 -1 -2 -3 -4 -5 -6 -7 -8 -9 -A -c -d -D -e -f -F -FF -g -h. -j -k -l -ll -L. -m -o -q -r -R -S -T -u -v -w -X -y -z -b/ -i: -n: -O> -P: -s: -t: -tt: -TT* -lf> -x: --out> --unzip-command* --encrypt --recurse-paths --junk-paths --quiet --move --test --temp-path/ --password: --exclude: --include:",
        NOTHING,
        Writes::By("its archive; files that it moves into it", zipped),
    ),
    row(
        "unzip",
        "-a -b -B -c -C -f -j -K -l. -L -M -n -N -o -p -q -t -T -u -U -v. -V -W -X -z. -Z. -P: -d/ -x: -O: -I:",
        NOTHING,
        Writes::By("what is below the folder of `-d`, or the working folder", unzipped),
    ),
    row(
        "7z, 7za, 7zr, 7zz",
        "-o/ -a= -b= -i= -m= -p= -r= -s= -t= -u= -v= -w/ -x= -y",
        NOTHING,
        Writes::By("its archive, or what is below the folder of `-o`, or the working folder", seven_zipped),
    ),
    row(
        "gzip, gunzip, bzip2, bunzip2, xz, unxz, lzma, unlzma, zstd, unzstd, lz4, unlz4, brotli, compress, uncompress, pigz, lzip, lzop, pbzip2, pixz",
        "-# -c -d -f -h. -k -l. -n -N -q -r -t -v -V. -z -S: -T: -M: -F: -o> -O/ -e -D: -b: --stdout --to-stdout --decompress --uncompress --force --keep --list. --test --verbose --quiet --best --fast --rm --suffix: --threads: --output> --rsyncable --recursive --filelist~ --files= --files0= --help. --version.",
        NOTHING,
        BESIDE,
    ),
    // Keys.
    row(
        "openssl",
        "-out> -keyout> -writerand> -CAserial> -keylogfile> -sess_out> -engine* -provider* -provider-path* -config* -in: -inkey: -key: -pass: -passin: -passout: -subj: -days: -newkey: -signkey: -CA: -CAkey: -connect: -servername: -name: -cert: -extfile: -extensions:",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "ssh-keygen",
        "-f> -D* -w* -t: -b: -C: -N: -P: -m: -I: -n: -V: -s: -Y: -O: -R: -F: -H -l -y -e -i -p -q -v -z: -a: -r: -E: -G> -T> -K: -M:",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "gpg, gpg2, age, minisign, signify, cosign",
        "-o> --output> -r: -u: -N: --photo-viewer* --agent-program* --dirmngr-program* --pinentry-program* --load-extension* --options* --homedir* --exec-path* --keyserver-options: --passphrase: --passphrase-fd: --recipient: --local-user: --batch --yes -d -e -s -b -c -a -k -K",
        NOTHING,
        UNKNOWN,
    ),
    // Pictures, sound, disks.
    row(
        "ffmpeg, ffplay, convert, magick, composite, sox, mencoder, HandBrakeCLI, gs, inkscape, soffice, libreoffice, wkhtmltopdf, img2pdf, pdftk, qpdf, pdftotext, pdftoppm, optipng, jpegoptim, cwebp, dot, plantuml, mmdc",
        "",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "mkfs*, mkfs, mkfs.ext, mkfs.ext*, mkfs.xfs, mkfs.btrfs, mkfs.vfat, mkfs.fat, mkfs.ntfs, mkfs.f*, mke2fs, mke*fs, mkswap, wipefs, blkdiscard, sgdisk, sfdisk, fdisk, parted, nwipe, losetup, mount, umount, swapoff, swapon, cryptsetup, lvm, mdadm, badblocks, hdparm, tune2fs, fsck, e2fsck, resize2fs",
        "",
        NOTHING,
        UNKNOWN,
    ),
    row(
        "systemctl, service, launchctl, loginctl, timedatectl, localectl, kill, killall, pkill, xkill, skill, reboot, shutdown, halt, poweroff, telinit, init, kexec, iptables, ip6tables, nft, ufw, firewall-cmd, modprobe, insmod, rmmod, sysctl, useradd, userdel, usermod, groupadd, groupdel, groupmod, passwd, chpasswd, chsh, chfn, visudo, vipw, update-alternatives, ldconfig, depmod, update-grub, grub-install",
        "",
        NOTHING,
        UNKNOWN,
    ),
];

/// A mode that takes rights away looks like an option: `chmod -x file`.
fn behind_mode(call: &Call<'_>) -> Vec<Word> {
    let is_option_mode = call.is_unknown
        && call
            .words
            .iter()
            .any(|word| word.known().is_some_and(|text| text.starts_with('-') && !text.starts_with("--")));
    let has_no_mode = is_option_mode || call.has(&["--reference"]);
    call.operands.iter().skip(usize::from(!has_no_mode)).map(|word| (*word).clone()).collect()
}

fn of_file(call: &Call<'_>) -> Vec<Word> {
    let files = call.words.iter().filter_map(|word| match word {
        Word::Known(text) => text.strip_prefix("of=").map(|file| Word::Known(file.into())),
        Word::Glob(text) => text.starts_with("of=").then_some(Word::Unclear),
        Word::Unclear => Some(Word::Unclear),
    });
    let mut written: Vec<Word> = files.collect();
    // `ddrescue from to`
    if call.words.iter().any(|word| word.known().is_none_or(|text| !text.contains('='))) {
        written.push(Word::Unclear);
    }
    written
}

/// Onto the last operand, or into it under the names of the others; the folder of `-t` is told with its option. A single
/// operand goes to the working folder, as `ln -s` has it.
fn copied(call: &Call<'_>) -> Vec<Word> {
    if call.has(&["-d", "--directory"]) && call.program.names == "install" {
        return call.operands.iter().map(|word| (*word).clone()).collect();
    }
    let is_deep = call.has(&["-r", "-R", "-a", "--recursive", "--archive", "--parents"]);
    let folder = call.value(&["-t", "--target-directory"]).map(|value| value.word());
    let is_one = call.has(&["-T", "--no-target-directory"]);
    match (&folder, call.operands.as_slice()) {
        (_, []) => Vec::new(),
        (Some(folder), sources) => placed(sources, folder, is_deep),
        (None, [source]) if call.program.names == "ln" => placed(&[source], &Word::Known(".".into()), false),
        (None, [.., last]) if is_one && !is_deep => vec![(*last).clone()],
        (None, [sources @ .., last]) => {
            let mut written = vec![(*last).clone()];
            written.extend(placed(sources, last, is_deep));
            written
        }
    }
}

/// Files in a folder under their own names, and what is below them.
fn placed(sources: &[&Word], folder: &Word, is_deep: bool) -> Vec<Word> {
    let name = |source: &&Word| match (source.known(), folder.known()) {
        (Some(source), Some(folder)) => {
            let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
            let is_plain = !name.is_empty() && name != "." && name != "..";
            if is_plain {
                Word::Known(format!("{}/{name}", folder.trim_end_matches('/')).into())
            } else {
                Word::Unclear
            }
        }
        _ => folder.below(),
    };
    let mut written: Vec<Word> = sources.iter().map(name).collect();
    if is_deep {
        written.push(folder.below());
    }
    written
}

fn moved(call: &Call<'_>) -> Vec<Word> {
    let folder = call.value(&["-t", "--target-directory"]).map(|value| value.word());
    let (sources, last) = match (&folder, call.operands.split_last()) {
        (Some(folder), _) => (call.operands.as_slice(), Some(folder)),
        (None, Some((last, sources))) => (sources, Some(*last)),
        (None, None) => (call.operands.as_slice(), None),
    };
    let mut written: Vec<Word> = sources.iter().flat_map(|word| [(*word).clone(), word.below()]).collect();
    if let Some(last) = last {
        written.push(last.clone());
        written.extend(placed(sources, last, true));
    }
    written
}

fn parts(call: &Call<'_>) -> Vec<Word> {
    if call.has(&["--filter"]) {
        return Vec::new();
    }
    match call.operands.get(1) {
        Some(Word::Known(prefix)) => vec![Word::Glob(format!("{prefix}*").into())],
        Some(_) => vec![Word::Unclear],
        None => vec![Word::Glob("x*".into())],
    }
}

/// Unless it writes to its standard output, each file is replaced by one beside it.
fn beside(call: &Call<'_>) -> Vec<Word> {
    let prints = call.has(&["-c", "--stdout", "--to-stdout", "-t", "--test", "-l", "--list"]);
    if prints {
        return Vec::new();
    }
    call.operands
        .iter()
        .filter(|word| word.known() != Some("-"))
        .flat_map(|word| [(*word).clone(), word.beside()])
        .collect()
}

/// An archive by the name of another machine is reached by a shell there.
fn archive(call: &Call<'_>) -> Vec<Start> {
    let is_local = call.has(&["--force-local"]);
    let is_remote = |name: &str| name.split_once(':').is_some_and(|(host, _)| !host.contains('/'));
    let reaches = call
        .options
        .iter()
        .any(|given| matches!(given.name, "-f" | "--file") && given.value.known().is_some_and(is_remote));
    if reaches && !is_local { vec![Start::Unclear] } else { Vec::new() }
}

fn archived(call: &Call<'_>) -> Vec<Word> {
    let file = || call.value(&["-f", "--file"]).map(|value| value.word()).filter(|word| word.known() != Some("-"));
    let mut written = Vec::new();
    if call.has(&[
        "-c",
        "-r",
        "-u",
        "-A",
        "--create",
        "--append",
        "--update",
        "--concatenate",
        "--catenate",
        "--delete",
    ]) {
        written.extend(file());
        if call.has(&["--remove-files"]) {
            written.extend(call.operands.iter().flat_map(|word| [(*word).clone(), word.below()]));
        }
    } else if call.has(&["-x", "--extract", "--get"]) {
        let is_elsewhere = call.has(&["-P", "--absolute-names", "--one-top-level", "--transform", "--xform"]);
        let is_printed = call.has(&["-O", "--to-stdout", "--to-command"]);
        if is_elsewhere {
            written.push(Word::Unclear);
        } else if !is_printed && !call.has(&["-C", "--directory"]) {
            written.push(Word::anywhere_here());
        }
    } else if !call.has(&["-t", "-d", "--list", "--diff", "--compare", "--test-label"]) {
        written.push(Word::Unclear);
    }
    written
}

fn zipped(call: &Call<'_>) -> Vec<Word> {
    let mut written: Vec<Word> = match call.operands.first() {
        Some(Word::Known(name)) if &**name == "-" => Vec::new(),
        // The name may go without `.zip`.
        Some(Word::Known(name)) if !name.contains('.') => {
            vec![Word::Glob(format!("{name}*").into()), Word::Known(name.clone())]
        }
        Some(first) => vec![(*first).clone()],
        None => vec![Word::Unclear],
    };
    if call.has(&["-m", "--move"]) {
        written.extend(call.operands.iter().flat_map(|word| [(*word).clone(), word.below()]));
    }
    written
}

fn seven_zipped(call: &Call<'_>) -> Vec<Word> {
    // `-spf` keeps whole paths, `-sdel` deletes what was packed.
    let is_plain =
        |word: &Word| word.known().is_some_and(|text| !text.starts_with("-spf") && !text.starts_with("-sdel"));
    if !call.words.iter().all(is_plain) {
        return vec![Word::Unclear];
    }
    match (call.operands.first().and_then(|word| word.known()), call.operands.get(1)) {
        (Some("l" | "t" | "h" | "i" | "b"), _) => Vec::new(),
        (Some("x" | "e"), _) if call.has(&["-o"]) => Vec::new(),
        (Some("x" | "e"), _) => vec![Word::anywhere_here()],
        // The name may go without its ending.
        (Some("a" | "d" | "u" | "rn"), Some(Word::Known(name))) => {
            vec![Word::Known(name.clone()), Word::Glob(format!("{name}*").into())]
        }
        _ => vec![Word::Unclear],
    }
}

fn unzipped(call: &Call<'_>) -> Vec<Word> {
    let is_elsewhere = call.words.iter().any(|word| word.known() == Some("-:"));
    match () {
        () if is_elsewhere => vec![Word::Unclear],
        () if call.has(&["-p", "-c", "-t", "-d", "-l", "-v", "-z", "-Z"]) => Vec::new(),
        () => vec![Word::anywhere_here()],
    }
}
