//! Compares checkpoints, the log's own and those that were kept, with the entries; and the key with the one that was kept.

use std::fs;
use std::path::Path;

use super::Report;
use super::entries::Check;
use super::note::{Key, Note, name_of};
use super::tiles::Tiles;

const OWN: &str = "checkpoint";
/// How often a log that is being written is looked at again.
const LOOKS: u32 = 1_000;

/// Reads the log's own checkpoint, and finds the tiles that belong to it.
pub(super) fn read_own(dir: &Path, report: &mut Report) -> (Option<Note>, Tiles) {
    let mut bytes = fs::read(dir.join(OWN));
    for _ in 0..LOOKS {
        let mut strays = Vec::new();
        let tiles = Tiles::find(dir, &mut strays);
        let again = fs::read(dir.join(OWN));
        let settled = matches!((&bytes, &again), (Ok(one), Ok(other)) if one == other) || bytes.is_err();
        bytes = again;
        // A writer that replaced the checkpoint meanwhile may have removed tiles, too.
        if !settled {
            continue;
        }
        report.strays.append(&mut strays);
        let note = match &bytes {
            Ok(bytes) => Note::parse(bytes),
            Err(error) => {
                report.problem(OWN, None, None, format!("cannot be read: {error}"));
                return (None, tiles);
            }
        };
        match &note {
            Some(note) => {
                for path in tiles.missing(note.size) {
                    report.problem(&path, None, None, "is missing, and the checkpoint names entries under it");
                }
            }
            None => report.problem(OWN, Some(0), None, "is not a signed note of origin, size and root"),
        }
        return (note, tiles);
    }
    report.problem(OWN, None, None, "was replaced faster than it could be read; verify again");
    (None, Tiles::default())
}

/// Compares the log's own checkpoint with the entries.
pub(super) fn check_own(own: Option<&Note>, check: &Check<'_>, report: &mut Report) {
    let Some(note) = own else { return };
    report.checkpoint = note.size;
    if note.origin != name_of(&report.log_id) {
        report.problem(OWN, Some(0), None, "belongs to another log");
    }
    match check.root_at(note.size) {
        Some(root) if root == note.root => report.after_checkpoint = report.entries - note.size,
        Some(_) => {
            let what =
                format!("the root is not the one over the first {} entries: they were changed, or it was", note.size);
            report.problem(OWN, None, None, what);
        }
        None if !check.is_complete() => {
            let what =
                format!("names {} entries, not all of which could be read, so its root cannot be checked", note.size);
            report.problem(OWN, None, None, what);
        }
        None if note.size == 0 => report.problem(OWN, None, None, "names no entry"),
        None => {
            let what = format!("names {} entries, and {} were read: entries are missing", note.size, report.entries);
            report.problem(OWN, None, None, what);
        }
    }
    if note.signatures() != 1 || !check.key_at(note.size).is_some_and(|key| note.is_signed_by(key)) {
        report.problem(OWN, None, None, "is not signed by the key that the entries name, and by nobody else");
    }
}

/// A checkpoint that was kept, here or elsewhere, with its name for messages.
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) note: Note,
}

/// Reads the checkpoints that were kept elsewhere.
pub(super) fn read_held(held: &[(String, Vec<u8>)], report: &mut Report) -> Vec<Kept> {
    let mut notes = Vec::new();
    for (name, bytes) in held {
        match Note::parse(bytes) {
            Some(note) => notes.push(Kept { name: name.clone(), note }),
            None => report.problem(name, Some(0), None, "is not a signed note of origin, size and root"),
        }
    }
    notes
}

/// Compares the checkpoints that were kept elsewhere with the entries.
pub(super) fn check_held(held: &[Kept], check: &Check<'_>, report: &mut Report) {
    for Kept { name, note } in held {
        match misfit(note, check, report) {
            Some(what) => report.problem(name, None, None, what),
            None => report.held = report.held.max(Some(note.size)),
        }
    }
}

/// Why a checkpoint is not one of this log; nothing if the log begins with exactly the entries that it names.
pub(super) fn misfit(note: &Note, check: &Check<'_>, report: &Report) -> Option<String> {
    let size = note.size;
    if note.origin != name_of(&report.log_id) {
        return Some(format!("is a checkpoint of `{}`, which is another log", note.origin));
    }
    if size > report.entries {
        let there = report.entries;
        return Some(format!(
            "names {size} entries, and {there} are there: the log was cut off, or an older copy was put in its place"
        ));
    }
    match check.root_at(size) {
        Some(root) if root != note.root => {
            Some(format!("the first {size} entries are not those that it names: the log was rewritten or forked"))
        }
        None if size > 0 => Some(format!("names {size} entries, not all of which could be read")),
        _ if !check.key_at(size).is_some_and(|key| note.is_signed_by(key)) => Some(
            "is not signed by the log's key: the log was re-keyed, or this was never a checkpoint of it".to_owned(),
        ),
        _ => None,
    }
}

/// Whether the log's own checkpoint is signed by the key that was kept, or by one that took its place with its consent.
///
/// SECURITY: that a key is named somewhere says nothing, for whoever has another key can name any key as the next one.
/// What counts is who signed the checkpoint: the kept key, or one that follows it, each with the signature of the one
/// before.
pub(super) fn check_key(vkey: &str, own: Option<&Note>, check: &Check<'_>, report: &mut Report) -> bool {
    let what = match Key::parse(vkey) {
        None => format!("`{vkey}` is not a key in the spelling `name+id+key`"),
        Some(key) if key.name != name_of(&report.log_id) => format!("`{vkey}` is the key of another log"),
        Some(_) if own.is_some_and(|note| check.vouches(vkey, note.size)) => return true,
        Some(_) if check.has_key(vkey) => {
            format!("the checkpoint is not signed by `{vkey}`, nor by a key that took its place")
        }
        Some(_) => {
            format!("is signed by `{}`, and `{vkey}` neither signed it nor consented: the log was re-keyed", report.key)
        }
    };
    report.problem(OWN, None, None, what);
    false
}
