//! What witnesses say of the log: their cosignatures on checkpoints, held against their keys.
//!
//! A witness that cosigned a checkpoint vouches for its entries and for every shorter log that it begins with. So each
//! witness may have seen another size, and what a quorum has seen is the largest size that so many of them reach.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::checkpoints::{Kept, misfit};
use super::entries::Check;
use super::note::{Cosigner, Note};
use super::{Pins, Report};

/// The folder of what was cosigned.
const WITNESSED: &str = "witnessed";
/// The folder of the checkpoints that have time stamps.
const STAMPED: &str = "timestamps";
const TOKEN: &str = ".tsr";

/// A checkpoint that a witness cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness's name.
    pub name: String,
    /// How many entries it has seen.
    pub size: u64,
    /// When it said so, in seconds since 1970-01-01 UTC, by its own clock.
    pub time: u64,
}

/// Reads the checkpoints that lie beside the log's own: those with cosignatures, and those with time stamps.
pub(super) fn read_kept(dir: &Path, report: &mut Report) -> Vec<Kept> {
    let mut kept = read_folder(dir, WITNESSED, |name| is_hex(name, 64), |_| false, report);
    kept.extend(read_folder(dir, STAMPED, |name| is_decimal(name, 20), is_token, report));
    kept
}

/// Whether this is the name of a time stamp: the size of its checkpoint, and the beginning of its own hash.
fn is_token(name: &str) -> bool {
    let parts = name.strip_suffix(TOKEN).and_then(|name| name.split_once('-'));
    parts.is_some_and(|(size, hash)| is_decimal(size, 20) && is_hex(hash, 16))
}

fn read_folder(
    dir: &Path,
    folder: &str,
    is_note: impl Fn(&str) -> bool,
    is_other: impl Fn(&str) -> bool,
    report: &mut Report,
) -> Vec<Kept> {
    let Ok(items) = fs::read_dir(dir.join(folder)) else { return Vec::new() };
    let mut names: Vec<_> = items.flatten().map(|item| item.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let mut kept = Vec::new();
    for name in names {
        let file = format!("{folder}/{name}");
        match fs::read(dir.join(&file)) {
            _ if !is_note(&name) && !is_other(&name) => report.strays.push(file),
            // Of a time stamp, only that it is the one that was kept; what it says, its signature shows.
            Ok(bytes) if is_other(&name) => {
                if !name.contains(&format!("-{}", sha256(&bytes).get(..16).unwrap_or_default())) {
                    report.problem(&file, Some(0), None, "the content is not what the name says");
                }
            }
            Err(error) => report.problem(&file, None, None, format!("cannot be read: {error}")),
            Ok(bytes) => match Note::parse(&bytes) {
                Some(note) => kept.push(Kept { name: file, note }),
                None => report.problem(&file, Some(0), None, "is not a signed note of origin, size and root"),
            },
        }
    }
    kept
}

/// Compares them with the entries. They were made of this log, so nothing about them may be wrong.
pub(super) fn check_kept(kept: &[Kept], check: &Check<'_>, report: &mut Report) {
    for Kept { name, note } in kept {
        if let Some(what) = misfit(note, check, report) {
            report.problem(name, None, None, what);
        }
    }
}

/// Finds the largest log that enough of the witnesses have seen, as their cosignatures on these checkpoints say.
///
/// SECURITY: a checkpoint counts only if it is one of this log, over these very entries, and signed by its key at that
/// size; and a key counts once, under whatever names it is given.
pub(super) fn check(notes: &[&Kept], pins: &Pins, check: &Check<'_>, report: &mut Report) {
    let wanted = pins.quorum.unwrap_or(pins.witnesses.len());
    let mut witnesses: Vec<Cosigner> = Vec::new();
    for vkey in &pins.witnesses {
        match Cosigner::parse(vkey) {
            None => {
                report.problem(
                    "",
                    None,
                    None,
                    format!("`{vkey}` is not a witness's key in the spelling `name+id+key`"),
                );
            }
            Some(again) if witnesses.iter().any(|known| known.has_key_of(&again)) => {
                report.problem("", None, None, format!("`{vkey}` is the key of a witness that was given before"));
            }
            Some(witness) => witnesses.push(witness),
        }
    }
    if wanted == 0 || wanted > pins.witnesses.len() {
        let what = format!("a quorum of {wanted} out of {} witnesses is none", pins.witnesses.len());
        return report.problem("", None, None, what);
    }
    for witness in &witnesses {
        let mut newest: Option<Cosignature> = None;
        for Kept { name, note } in notes {
            match note.cosigned_by(witness) {
                None => {}
                Some(None) => {
                    let what = format!("has a cosignature under the name `{}` that is not by its key", witness.name);
                    report.problem(name, None, None, what);
                }
                Some(Some(time)) if misfit(note, check, report).is_none() => {
                    let found = Cosignature { name: witness.name.clone(), size: note.size, time };
                    newest = newest.filter(|newest| newest.size >= found.size).or(Some(found));
                }
                // That it does not fit the log is said where the checkpoint was read.
                Some(Some(_)) => {}
            }
        }
        report.cosignatures.extend(newest);
    }
    report.cosignatures.sort_by_key(|cosignature| Reverse(cosignature.size));
    report.witnessed = report.cosignatures.get(wanted - 1).map(|cosignature| cosignature.size);
    if report.witnessed.is_none() {
        let (found, given) = (report.cosignatures.len(), pins.witnesses.len());
        let what =
            format!("{found} of the {given} witnesses cosigned a checkpoint of this log, and {wanted} must have");
        report.problem(WITNESSED, None, None, what);
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_decimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}
