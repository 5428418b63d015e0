//! Checks the files beside the segments: salt and payloads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Report;
use super::entries::{Reference, SetAside};

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

/// Compares payload files with their names, and with the entries that refer to them. Those in `removed` may be missing.
pub(super) fn check_payloads(dir: &Path, references: &[Reference], removed: &BTreeSet<&str>, report: &mut Report) {
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
            None if removed.contains(&**sha256) => {}
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

/// Compares what was set aside after a loss of power with the entries that tell of it.
pub(super) fn check_set_aside(dir: &Path, told: &[SetAside], report: &mut Report) {
    for SetAside { file, seq, sha256: expected } in told {
        let name = format!("dropped/{seq:020}");
        match fs::read(dir.join(&name)) {
            Err(error) => report.problem(file, None, Some(*seq), format!("`{name}` cannot be read: {error}")),
            Ok(bytes) if sha256(&bytes) != *expected => {
                report.problem(&name, Some(0), None, format!("is not what entry {seq} says was set aside"));
            }
            Ok(_) => {}
        }
    }
    let Ok(items) = fs::read_dir(dir.join("dropped")) else { return };
    let names = items.flatten().map(|item| item.file_name().to_string_lossy().into_owned());
    let known = |name: &str| told.iter().any(|told| format!("{:020}", told.seq) == name);
    report.strays.extend(names.filter(|name| !known(name)).map(|name| format!("dropped/{name}")));
}

/// Lists what else is in the directory.
pub(super) fn find_strays(dir: &Path, report: &mut Report) {
    let Ok(items) = fs::read_dir(dir) else { return };
    let names = items.flatten().map(|item| item.file_name().to_string_lossy().into_owned());
    let ours =
        ["segments", "payloads", "dropped", "tile", "checkpoint", "ratchet", "salt", "lock", "witnessed", "timestamps"];
    report.strays.extend(names.filter(|name| !ours.contains(&&**name)));
    report.strays.sort_unstable();
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
