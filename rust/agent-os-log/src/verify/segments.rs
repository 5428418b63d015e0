//! Walks over the segment files, byte by byte accounted for.

use std::fs;
use std::path::Path;

use super::Report;
use super::entries::Check;

const HEADER: usize = 36;
const LARGEST: usize = 65_000;
/// The length of a frame whose entry was dropped.
const DROPPED: usize = 0x8000_0020;
/// How often the end of a log that is being written is looked at again.
const LOOKS: u32 = 1_000;

/// Gives every whole entry to `check`, and reports whatever else is there.
pub(super) fn walk(dir: &Path, check: &mut Check<'_>, report: &mut Report) {
    let mut names: Vec<String> = match list(dir) {
        Ok(names) => names,
        Err(error) => return report.problem("segments", None, None, format!("cannot be read: {error}")),
    };
    names.sort_unstable();
    names.retain(|name| {
        let file = format!("segments/{name}");
        let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 20);
        let ours = digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match (ours, name.ends_with(".new")) {
            (true, _) => return true,
            (false, true) => report.strays.push(file),
            (false, false) => report.problem(&file, None, None, "this is not the name of a segment"),
        }
        false
    });
    let count = names.len();
    for (place, name) in names.into_iter().enumerate() {
        let file = format!("segments/{name}");
        match fs::read(dir.join(&file)) {
            Ok(bytes) => segment(dir, &name, bytes, place + 1 == count, check, report),
            Err(error) => {
                check.lost();
                report.problem(&file, None, None, format!("cannot be read: {error}"));
            }
        }
    }
}

fn list(dir: &Path) -> std::io::Result<Vec<String>> {
    fs::read_dir(dir.join("segments"))?.map(|item| Ok(item?.file_name().to_string_lossy().into_owned())).collect()
}

fn segment(dir: &Path, name: &str, mut bytes: Vec<u8>, last: bool, check: &mut Check<'_>, report: &mut Report) {
    let file = format!("segments/{name}");
    let Some((log, first)) = header(&bytes) else {
        check.lost();
        return report.problem(&file, Some(0), None, "the header is broken; nothing of this file was checked");
    };
    if format!("{first:020}.seg") != name {
        report.problem(&file, Some(24), None, format!("the header says that the first entry is {first}"));
    }
    check.segment(&file, log, first, report);
    let (mut at, mut looks) = (HEADER, 0);
    loop {
        match frame(&bytes, at) {
            Frame::Entry(entry) => {
                check.entry(&file, at as u64, entry, report);
                at += 8 + entry.len();
            }
            Frame::Dropped(leaf) => {
                check.dropped(&file, at as u64, leaf, report);
                at += 8 + leaf.len();
            }
            Frame::End => return,
            Frame::Broken(what) => {
                // A writer may be in the middle of this entry. A file that stays as it is was left like that.
                let again = if last && looks < LOOKS { fs::read(dir.join(&file)).ok() } else { None };
                looks += 1;
                if let Some(again) = again.filter(|again| again.get(at..) != bytes.get(at..)) {
                    bytes = again;
                    continue;
                }
                let next = (at + 1..bytes.len()).find(|next| begins_an_entry(&bytes, *next));
                let broken = next.unwrap_or(bytes.len()) - at;
                let what = format!("{what}; {broken} bytes from here on were not checked");
                report.problem(&file, Some(at as u64), Some(check.due()), what);
                check.lost();
                let Some(next) = next else { return };
                at = next;
            }
        }
    }
}

/// Whether a whole entry begins at this place. Only for going on after damage: it is reported in any case.
fn begins_an_entry(bytes: &[u8], at: usize) -> bool {
    let opens = bytes.get(at + 8) == Some(&b'{');
    opens && matches!(frame(bytes, at), Frame::Entry(_))
}

/// The log's id and the first entry's number.
fn header(bytes: &[u8]) -> Option<([u8; 16], u64)> {
    let (covered, checksum) = bytes.get(..HEADER)?.split_at(32);
    let (magic, rest) = covered.split_at(8);
    let (log, first) = rest.split_at(16);
    if magic != b"AOSLOG1\n" || crc32c::crc32c(covered).to_le_bytes() != checksum {
        return None;
    }
    Some((log.try_into().ok()?, u64::from_le_bytes(first.try_into().ok()?)))
}

enum Frame<'a> {
    Entry(&'a [u8]),
    /// The hash that is left of an entry.
    Dropped([u8; 32]),
    End,
    Broken(&'static str),
}

/// What begins at this place.
fn frame(bytes: &[u8], at: usize) -> Frame<'_> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return Frame::End;
    }
    let Some((length, after)) = rest.split_first_chunk::<4>() else {
        return Frame::Broken("there is half a frame");
    };
    let Some((checksum, after)) = after.split_first_chunk::<4>() else {
        return Frame::Broken("there is half a frame");
    };
    let size = u32::from_le_bytes(*length) as usize;
    let intact =
        |content: &[u8]| crc32c::crc32c_append(crc32c::crc32c(length), content) == u32::from_le_bytes(*checksum);
    if size == DROPPED {
        return match after.first_chunk::<32>() {
            Some(leaf) if intact(leaf) => Frame::Dropped(*leaf),
            Some(_) => Frame::Broken("the checksum does not match"),
            None => Frame::Broken("there is half a frame"),
        };
    }
    match after.get(..size) {
        _ if size == 0 => Frame::Broken("there are bytes after the end of the log"),
        _ if size > LARGEST => Frame::Broken("an entry is longer than entries can be"),
        None => Frame::Broken("there is half a frame"),
        Some(entry) if intact(entry) => Frame::Entry(entry),
        Some(_) => Frame::Broken("the checksum does not match"),
    }
}
