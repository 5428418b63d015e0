//! Checks the files beside the segments: head, salt, payloads.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Report;
use super::entries::Reference;
use super::tree::Hash;

/// What the head says.
pub(super) struct Head {
    pub(super) size: u64,
    log: String,
    root: String,
}

/// Reads the head strictly.
pub(super) fn read_head(dir: &Path, report: &mut Report) -> Option<Head> {
    let bytes = match fs::read(dir.join("head")) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.problem("head", None, None, format!("cannot be read: {error}"));
            return None;
        }
    };
    let head = parse_head(&bytes);
    if head.is_none() {
        report.problem("head", Some(0), None, "is not three lines of origin, size and root");
    }
    head
}

fn parse_head(bytes: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(bytes).ok()?;
    let [origin, size, root, ""] = *text.split('\n').collect::<Vec<_>>().as_slice() else { return None };
    let log = origin.strip_prefix("agent-os-log ")?;
    let digits = size.bytes().all(|byte| byte.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
    let size = size.parse().ok().filter(|_| digits)?;
    Some(Head { size, log: log.to_owned(), root: root.to_owned() })
}

/// Compares the head with the entries.
pub(super) fn check_head(head: Option<&Head>, root: Option<Hash>, complete: bool, report: &mut Report) {
    let Some(head) = head else { return };
    if head.log != report.log_id {
        report.problem("head", Some(0), None, "belongs to another log");
    }
    match root {
        Some(root) if base64(&root) == head.root => report.after_head = report.entries - head.size,
        Some(_) => {
            let what =
                format!("the root is not the one over the first {} entries: they were changed, or it was", head.size);
            report.problem("head", None, None, what);
        }
        None if !complete => {
            let what =
                format!("names {} entries, not all of which could be read, so its root cannot be checked", head.size);
            report.problem("head", None, None, what);
        }
        None if head.size == 0 => report.problem("head", None, None, "names no entry"),
        None => {
            let what = format!("names {} entries, and {} were read: entries are missing", head.size, report.entries);
            report.problem("head", None, None, what);
        }
    }
}

/// Compares the salt with the first entry.
pub(super) fn check_salt(dir: &Path, expected: Option<&str>, report: &mut Report) {
    match fs::read(dir.join("salt")) {
        Err(error) => report.problem("salt", None, None, format!("cannot be read: {error}")),
        Ok(salt) if salt.len() != 32 => {
            report.problem("salt", Some(0), None, format!("has {} bytes instead of 32", salt.len()));
        }
        Ok(salt) if Some(&*sha256(&salt)) != expected => {
            report.problem("salt", Some(0), None, "is not the salt that entry 0 names");
        }
        Ok(_) => {}
    }
}

/// Compares payload files with their names, and with the entries that refer to them.
pub(super) fn check_payloads(dir: &Path, references: &[Reference], report: &mut Report) {
    let mut sizes = BTreeMap::new();
    let names = fs::read_dir(dir.join("payloads")).and_then(|items| {
        items.map(|item| Ok(item?.file_name().to_string_lossy().into_owned())).collect::<std::io::Result<Vec<_>>>()
    });
    match names {
        Err(error) => report.problem("payloads", None, None, format!("cannot be read: {error}")),
        Ok(mut names) => {
            names.sort_unstable();
            for name in names {
                let file = format!("payloads/{name}");
                if name.ends_with(".new") {
                    report.strays.push(file);
                    continue;
                }
                report.payloads += 1;
                match fs::read(dir.join(&file)) {
                    Err(error) => report.problem(&file, None, None, format!("cannot be read: {error}")),
                    Ok(bytes) if sha256(&bytes) != name => {
                        report.problem(&file, Some(0), None, "the content is not what the name says");
                    }
                    Ok(bytes) => drop(sizes.insert(name, bytes.len())),
                }
            }
        }
    }
    for Reference { file, seq, sha256, size } in references {
        match sizes.get(sha256) {
            None => {
                report.problem(file, None, Some(*seq), format!("the payload `{sha256}` is missing or damaged"));
            }
            Some(found) if i64::try_from(*found) != Ok(*size) => {
                let what = format!("says that the payload `{sha256}` has {size} bytes, and it has {found}");
                report.problem(file, None, Some(*seq), what);
            }
            Some(_) => {}
        }
    }
}

/// Lists what else is in the directory.
pub(super) fn find_strays(dir: &Path, report: &mut Report) {
    let Ok(items) = fs::read_dir(dir) else { return };
    let names = items.flatten().map(|item| item.file_name().to_string_lossy().into_owned());
    let ours = ["segments", "payloads", "head", "salt", "lock"];
    report.strays.extend(names.filter(|name| !ours.contains(&&**name)));
    report.strays.sort_unstable();
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The base64 of a hash: 43 digits and one `=`.
fn base64(hash: &Hash) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |at: usize| hash.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let digits = (0..43).map(|place| {
        let value = (0..6).fold(0, |value, offset| value << 1 | usize::from(bit(place * 6 + offset)));
        char::from(DIGITS.get(value).copied().unwrap_or(b'?'))
    });
    digits.chain(['=']).collect()
}
