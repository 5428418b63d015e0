//! Compares the hash tiles with those that the entries give.
//!
//! A tile proves nothing: an entry and its tile can be forged together. Tiles are compared because programs that are not
//! ours read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::Report;
use super::tree::Hash;

const FULL: usize = 256 * 32;
/// Levels above this one would need more entries than there can be.
const LEVELS: u8 = 8;

/// The tiles on the disk, and those that the entries so far give.
#[derive(Default)]
pub(super) struct Tiles {
    full: BTreeSet<(u8, u64)>,
    partial: BTreeMap<(u8, u64, usize), Option<Vec<u8>>>,
    made: Vec<Vec<u8>>,
    counts: Vec<u64>,
    wrong: Vec<String>,
}

impl Tiles {
    /// Looks at what there is. Partial tiles are read at once: a writer removes them.
    pub(super) fn find(dir: &Path, strays: &mut Vec<String>) -> Self {
        let mut found = Self::default();
        let mut folders = vec!["tile".to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(items) = fs::read_dir(dir.join(&folder)) else { continue };
            for item in items.flatten() {
                let name = format!("{folder}/{}", item.file_name().to_string_lossy());
                if item.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(name);
                    continue;
                }
                match parse(&name) {
                    Some((level, index, 256)) => drop(found.full.insert((level, index))),
                    Some(place) => drop(found.partial.insert(place, fs::read(dir.join(&name)).ok())),
                    None => strays.push(name),
                }
            }
        }
        found
    }

    /// The next node of height `8 * level`.
    pub(super) fn add(&mut self, dir: &Path, level: u8, hash: &Hash) {
        let place = usize::from(level);
        if self.made.len() <= place {
            self.made.resize(place + 1, Vec::new());
            self.counts.resize(place + 1, 0);
        }
        let (Some(made), Some(count)) = (self.made.get_mut(place), self.counts.get_mut(place)) else { return };
        made.extend_from_slice(hash);
        *count += 1;
        let index = (*count - 1) / 256;
        let width = made.len() / 32;
        if made.len() == FULL {
            if self.full.remove(&(level, index)) {
                let path = path(level, index, 256);
                if fs::read(dir.join(&path)).ok().as_ref() != Some(made) {
                    self.wrong.push(path);
                }
            }
            made.clear();
        } else if !self.partial.is_empty() {
            if let Some(content) = self.partial.remove(&(level, index, width)) {
                if content.is_some_and(|content| content != *made) {
                    self.wrong.push(path(level, index, width));
                }
            }
        }
    }

    /// The first tile of each level that a tree of this size has and the disk has not.
    pub(super) fn missing(&self, size: u64) -> Vec<String> {
        let levels = 0..LEVELS;
        let missing = levels.filter_map(|level| {
            let hashes = size >> (8 * u32::from(level));
            let (whole, rest) = (hashes / 256, usize::try_from(hashes % 256).unwrap_or(0));
            // Whatever the size is said to be, no more tiles are looked at than there are.
            match (0..whole).find(|index| !self.full.contains(&(level, *index))) {
                Some(index) => Some(path(level, index, 256)),
                None if rest == 0 || self.partial.contains_key(&(level, whole, rest)) => None,
                None => Some(path(level, whole, rest)),
            }
        });
        missing.collect()
    }

    /// After the last entry.
    pub(super) fn finish(self, complete: bool, report: &mut Report) {
        for path in self.wrong {
            report.problem(&path, None, None, "is not what the entries give");
        }
        // What was not met on the way holds hashes of entries that are not there.
        let full = self.full.into_iter().map(|(level, index)| path(level, index, 256));
        let partial = self.partial.into_keys().map(|(level, index, width)| path(level, index, width));
        for path in full.chain(partial).filter(|_| complete) {
            report.problem(&path, None, None, "holds hashes of entries that are not in the log: entries are missing");
        }
    }
}

fn path(level: u8, index: u64, width: usize) -> String {
    let digits = format!("{index:03}");
    // Groups of three from the right, all but the last one marked.
    let digits = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let mut path = format!("tile/{level}");
    let groups = digits.len() / 3;
    for (place, group) in digits.as_bytes().chunks(3).enumerate() {
        path.push_str(if place + 1 < groups { "/x" } else { "/" });
        path.extend(group.iter().copied().map(char::from));
    }
    if width < 256 {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

/// What a path names, if it is the one spelling of it.
fn parse(name: &str) -> Option<(u8, u64, usize)> {
    let (tile, width) = match name.split_once(".p/") {
        Some((tile, width)) => (tile, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (name, 256),
    };
    let (level, groups) = tile.strip_prefix("tile/")?.split_once('/')?;
    let digits: String = groups.chars().filter(char::is_ascii_digit).collect();
    let place = (level.parse().ok().filter(|level| *level < LEVELS)?, digits.parse().ok()?, width);
    (path(place.0, place.1, place.2) == name).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_has_one_path() {
        for (name, place) in [
            ("tile/0/000", (0, 0, 256)),
            ("tile/0/x001/x234/067", (0, 1_234_067, 256)),
            ("tile/3/x001/000.p/255", (3, 1_000, 255)),
        ] {
            assert_eq!((parse(name), &*path(place.0, place.1, place.2)), (Some(place), name));
        }
        for bad in [
            "tile/0/0",
            "tile/00/000",
            "tile/0/x000/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/9/000",
            "tile/0/000.new",
            "tile/entries/000",
            "tile/0/1234",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
