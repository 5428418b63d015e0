//! The ratchet: a seal over the log's size and root with each checkpoint, under a key that is gone afterwards.
//!
//! Each key is the hash of the one before it. Whoever takes everything, the signing key too, can forge what comes, and
//! no seal of what was: that takes a key that is nowhere any more but with who took the first one away.
//!
//! The present key lies in the key folder, in a file of two slots: the next key is on stable storage before the one
//! before it is overwritten. What a crash between a seal and that leaves is told by the next seal, as a gap.

use std::io;
use std::sync::Arc;

use agent_os_core::audit::tree::Hash;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::disk::{self, Access, Disk, File};
use crate::encoding::{base64, from_base64, from_hex, hex};
use crate::error::LogError;
use crate::layout;
use crate::log::{keyed, random};

/// How a ratchet's key begins in a file.
const KEY_PREFIX: &str = "agentos-log-ratchet-";
/// What every statement about the ratchet begins with.
const DOMAIN: &str = "agent-os-log ratchet";
/// Where the second slot is: far enough from the first not to be written with it.
const SLOT: u64 = 4_096;
/// More than the longest line of a seal.
const LINE_MAX: u64 = 256;

/// Seals a log.
pub(crate) struct Ratchet {
    log: String,
    /// The seals, in the log's directory.
    seals: Arc<dyn File>,
    seals_path: String,
    end: u64,
    /// The slots, in the key folder.
    slots: Arc<dyn File>,
    slots_path: String,
    slot: u64,
    key: [u8; 32],
    index: u64,
    /// Whether the key before this one was still there after a crash.
    gap: bool,
    /// Whether the key has sealed and its successor is not there yet.
    used: bool,
}

/// A seal that was read.
struct Seal {
    index: u64,
    size: u64,
    root: String,
    kind: String,
    mac: Vec<u8>,
}

impl Ratchet {
    /// Whether a folder has the ratchet's key of this log. What cannot be told counts as a yes.
    pub(crate) fn is_kept(folder: &dyn Disk, log: &str) -> bool {
        !matches!(folder.open(&state_file(log), Access::Read), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Begins the ratchet of a new log: its first key goes to a file of its own, to be taken away. Gives the hash of
    /// that key, too, by which entry 0 names it.
    pub(crate) fn begin(folder: &Arc<dyn Disk>, disk: &Arc<dyn Disk>, log: &str) -> Result<(Self, Hash), LogError> {
        let key = random::<32>()?;
        let (first, name) = (first_file(log), state_file(log));
        let failed = |path: String| move |error: io::Error| LogError::io("write", path, &error);
        let text = format!("{KEY_PREFIX}{}\n", hex(&key));
        disk::replace(&**folder, &first, text.as_bytes(), true).map_err(failed(folder.path(&first)))?;
        let slots =
            disk::replace(&**folder, &name, slot(&key, 0).as_bytes(), true).map_err(failed(folder.path(&name)))?;
        folder.sync_folder("").map_err(failed(folder.path("")))?;
        let seals = disk::replace(&**disk, layout::RATCHET, b"", true)
            .and_then(|seals| disk.sync_folder("").map(|()| seals))
            .map_err(failed(disk.path(layout::RATCHET)))?;
        let (seals_path, slots_path) = (disk.path(layout::RATCHET), folder.path(&name));
        let (log, commitment) = (log.to_owned(), Sha256::digest(key).into());
        Ok((
            Self { log, seals, seals_path, end: 0, slots, slots_path, slot: 0, key, index: 0, gap: false, used: false },
            commitment,
        ))
    }

    /// Goes on with the ratchet of a log that has `size` entries.
    pub(crate) fn resume(folder: &Arc<dyn Disk>, disk: &Arc<dyn Disk>, log: &str, size: u64) -> Result<Self, LogError> {
        let name = state_file(log);
        let slots_path = folder.path(&name);
        let slots = match folder.open(&name, Access::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LogError::KeyMissing { path: slots_path, log: log.to_owned() });
            }
            Err(error) => return Err(LogError::io("open", slots_path, &error)),
        };
        match folder.is_private(&name) {
            Ok(true) => {}
            Ok(false) => return Err(LogError::KeyLoose { path: slots_path }),
            Err(error) => return Err(LogError::io("read", slots_path, &error)),
        }
        let read = |error: io::Error| LogError::io("read", slots_path.clone(), &error);
        let found = [read_slot(&*slots, 0).map_err(read)?, read_slot(&*slots, SLOT).map_err(read)?];
        let newest =
            found.iter().zip([0, SLOT]).filter_map(|(slot, at)| slot.map(|(key, index)| (index, key, at))).max();
        let Some((index, key, slot)) = newest else { return Err(LogError::NotAKey { path: slots_path }) };
        // An old key that was not overwritten outlived its seal.
        let gap = found.iter().flatten().count() > 1;
        let seals_path = disk.path(layout::RATCHET);
        let seals = disk
            .open(layout::RATCHET, Access::Write)
            .map_err(|error| LogError::io("open", seals_path.clone(), &error))?;
        let (log, end) = (log.to_owned(), 0);
        let mut ratchet = Self { log, seals, seals_path, end, slots, slots_path, slot, key, index, gap, used: false };
        ratchet.check_last(size)?;
        if gap {
            ratchet.erase(SLOT - slot)?;
        }
        Ok(ratchet)
    }

    /// Seals the first `size` entries, and puts the next key in the place of the one that did.
    pub(crate) fn seal(&mut self, size: u64, root: &Hash) -> Result<(), LogError> {
        if self.used {
            // That failed last time. No key seals twice.
            self.advance()?;
        }
        self.write_seal(size, root)?;
        self.advance()
    }

    fn write_seal(&mut self, size: u64, root: &Hash) -> Result<(), LogError> {
        let (root, kind) = (base64(root), if self.gap { "gap" } else { "seal" });
        let mac = self.mac(self.index, size, &root, kind).finalize().into_bytes();
        let text = format!("{} {size} {root} {kind} {}", self.index, base64(&mac));
        let line = format!("{text} {}\n", checksum(&text));
        let written = self.seals.write_at(self.end, line.as_bytes()).and_then(|()| self.seals.sync());
        written.map_err(|error| LogError::io("write", self.seals_path.clone(), &error))?;
        self.end += line.len() as u64;
        (self.gap, self.used) = (false, true);
        Ok(())
    }

    fn advance(&mut self) -> Result<(), LogError> {
        let (old, key, index) = (self.slot, next(&self.key), self.index + 1);
        let written = self.slots.write_at(SLOT - old, slot(&key, index).as_bytes()).and_then(|()| self.slots.sync());
        written.map_err(|error| LogError::io("write", self.slots_path.clone(), &error))?;
        (self.slot, self.key, self.index, self.used) = (SLOT - old, key, index, false);
        self.erase(old)
    }

    fn erase(&self, at: u64) -> Result<(), LogError> {
        let nothing = vec![0; slot(&self.key, 0).len()];
        let erased = self.slots.write_at(at, &nothing).and_then(|()| self.slots.sync());
        erased.map_err(|error| LogError::io("write", self.slots_path.clone(), &error))
    }

    /// Compares the last seal with the key, and finishes what a crash interrupted.
    fn check_last(&mut self, size: u64) -> Result<(), LogError> {
        let read = |error: io::Error| LogError::io("read", self.seals_path.clone(), &error);
        let length = self.seals.len().map_err(read)?;
        let from = length.saturating_sub(2 * LINE_MAX);
        let tail = disk::read_from(&*self.seals, from).map_err(read)?;
        // A seal that was not synced may be there in part. It is the only thing that can stand behind the last whole one.
        let (mut last, mut at) = (None, from);
        self.end = 0;
        for line in tail.split_inclusive(|byte| *byte == b'\n') {
            at += line.len() as u64;
            if let Some(seal) = line.strip_suffix(b"\n").and_then(Seal::parse) {
                (last, self.end) = (Some(seal), at);
            }
        }
        let damaged = |what: String| LogError::Damaged { path: self.seals_path.clone(), offset: self.end, what };
        let due = last.as_ref().map_or(0, |seal| seal.index + 1);
        if let Some(seal) = last.as_ref().filter(|seal| seal.size > size) {
            let what = format!("it seals {} entries, and the segments hold {size}: entries are missing", seal.size);
            return Err(damaged(what));
        }
        if due < self.index {
            let what = format!(
                "it has {due} seals, and its key has made {}: seals are missing; an older copy was put in the log's place, \
                 or a copy of it was opened by this user, with which the keys have gone on (a copy is to be read only)",
                self.index
            );
            return Err(damaged(what));
        }
        let made_by_this_key = last.filter(|seal| due == self.index + 1 && seal.index == self.index);
        let interrupted = match &made_by_this_key {
            Some(seal) => {
                let mac = self.mac(seal.index, seal.size, &seal.root, &seal.kind);
                if mac.verify_slice(&seal.mac).is_err() {
                    return Err(damaged("its last seal was not made with its key".to_owned()));
                }
                true
            }
            None if due == self.index => false,
            None => {
                let what = format!("it has {due} seals, and its key has made {}: the key is an old one", self.index);
                return Err(damaged(what));
            }
        };
        if length > self.end {
            let cut = self.seals.cut(self.end).and_then(|()| self.seals.sync());
            cut.map_err(|error| LogError::io("cut", self.seals_path.clone(), &error))?;
        }
        if interrupted {
            self.advance()?;
            self.gap = true;
        }
        Ok(())
    }

    fn mac(&self, index: u64, size: u64, root: &str, kind: &str) -> Hmac<Sha256> {
        let text = format!("{DOMAIN}\n{}\n{index}\n{size}\n{root}\n{kind}\n", self.log);
        keyed(&self.key).chain_update(text)
    }
}

impl Seal {
    fn parse(line: &[u8]) -> Option<Self> {
        let (text, check) = std::str::from_utf8(line).ok()?.rsplit_once(' ')?;
        let parts: Vec<&str> = text.split(' ').collect();
        let [index, size, root, kind, mac] = *parts.as_slice() else { return None };
        let mac = from_base64(mac)?;
        (checksum(text) == check).then_some(())?;
        Some(Self {
            index: index.parse().ok()?,
            size: size.parse().ok()?,
            root: root.to_owned(),
            kind: kind.to_owned(),
            mac,
        })
    }
}

/// The key after this one.
fn next(key: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(DOMAIN).chain_update("\n").chain_update(key).finalize().into()
}

/// What shows an accident in a line. It stops nobody who means to change it; the seal does.
fn checksum(text: &str) -> String {
    hex(Sha256::digest(text).get(..4).unwrap_or_default())
}

/// A slot: the key and its number, in as many bytes as any other.
fn slot(key: &[u8; 32], index: u64) -> String {
    let text = format!("{KEY_PREFIX}{} {index:020}", hex(key));
    format!("{text} {}\n", checksum(&text))
}

fn read_slot(file: &dyn File, at: u64) -> io::Result<Option<([u8; 32], u64)>> {
    let length = slot(&[0; 32], 0).len();
    let mut bytes = vec![0; length];
    let count = file.read_at(at, &mut bytes)?;
    let parsed = (|| {
        let text = std::str::from_utf8(bytes.get(..count)?).ok()?;
        let (key, rest) = text.strip_prefix(KEY_PREFIX)?.split_once(' ')?;
        let key: [u8; 32] = from_hex(key)?.try_into().ok()?;
        let index = rest.get(..20)?.parse().ok()?;
        (slot(&key, index) == text).then_some((key, index))
    })();
    Ok(parsed)
}

fn state_file(log: &str) -> String {
    format!("{log}.ratchet")
}

fn first_file(log: &str) -> String {
    format!("{log}.ratchet-first")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::disk::Directory;

    const LOG: &str = "00112233445566778899aabbccddeeff";

    struct Place {
        _folder: tempfile::TempDir,
        keys: Arc<dyn Disk>,
        log: Arc<dyn Disk>,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let disk = |name: &str| -> Arc<dyn Disk> { Arc::new(Directory::new(&folder.path().join(name))) };
        let (keys, log) = (disk("keys"), disk("log"));
        keys.create_folder("").unwrap();
        log.create_folder("").unwrap();
        Place { _folder: folder, keys, log }
    }

    fn sealed(place: &Place, count: u64) -> Ratchet {
        let (mut ratchet, _) = Ratchet::begin(&place.keys, &place.log, LOG).unwrap();
        for size in 1..=count {
            ratchet.seal(size, &[1; 32]).unwrap();
        }
        ratchet
    }

    fn seals(place: &Place) -> Vec<String> {
        let text = String::from_utf8(disk::read_all(&*place.log, layout::RATCHET).unwrap()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn no_key_that_has_sealed_is_on_the_disk() {
        let place = place();
        let ratchet = sealed(&place, 5);
        let state = disk::read_all(&*place.keys, &state_file(LOG)).unwrap();
        let first = String::from_utf8(disk::read_all(&*place.keys, &first_file(LOG)).unwrap()).unwrap();
        let mut key: [u8; 32] = from_hex(first.trim().strip_prefix(KEY_PREFIX).unwrap()).unwrap().try_into().unwrap();
        for _ in 0..5 {
            let spelt = hex(&key);
            assert!(!state.windows(64).any(|window| window == spelt.as_bytes()));
            key = next(&key);
        }
        assert_eq!((key, ratchet.index), (ratchet.key, 5));
        assert!(state.windows(64).any(|window| window == hex(&key).as_bytes()));
    }

    #[test]
    fn it_goes_on_where_it_stopped_and_tells_of_a_key_that_outlived_its_seal() {
        let place = place();
        drop(sealed(&place, 3));
        let mut ratchet = Ratchet::resume(&place.keys, &place.log, LOG, 3).unwrap();
        assert_eq!((ratchet.index, ratchet.gap), (3, false));
        ratchet.write_seal(4, &[2; 32]).unwrap();
        // The process dies before the key is changed.
        let mut ratchet = Ratchet::resume(&place.keys, &place.log, LOG, 4).unwrap();
        assert_eq!((ratchet.index, ratchet.gap), (4, true));
        ratchet.seal(5, &[3; 32]).unwrap();
        let kinds: Vec<String> = seals(&place).iter().map(|line| line.split(' ').nth(3).unwrap().to_owned()).collect();
        assert_eq!(kinds, ["seal", "seal", "seal", "seal", "gap"]);
        // Or between the two slots.
        let content = slot(&next(&ratchet.key), 6);
        ratchet.write_seal(6, &[3; 32]).unwrap();
        ratchet.slots.write_at(SLOT - ratchet.slot, content.as_bytes()).unwrap();
        let ratchet = Ratchet::resume(&place.keys, &place.log, LOG, 6).unwrap();
        assert_eq!((ratchet.index, ratchet.gap), (6, true));
        assert!(!Ratchet::resume(&place.keys, &place.log, LOG, 6).unwrap().gap);
    }

    #[test]
    fn half_a_seal_is_cut_off_and_anything_else_is_damage() {
        let place = place();
        drop(sealed(&place, 3));
        let whole = disk::read_all(&*place.log, layout::RATCHET).unwrap();
        let set = |content: &[u8]| drop(disk::replace(&*place.log, layout::RATCHET, content, false).unwrap());
        let resume = |size| Ratchet::resume(&place.keys, &place.log, LOG, size).map(|ratchet| ratchet.index);
        for part in [&b"3 4 AAAA"[..], b"\0\0\0\0\0", b"\0\0\0\0 AAAA= 01234567\n"] {
            set(&[&whole[..], part].concat());
            assert_eq!(resume(3).unwrap(), 3);
            assert_eq!(disk::read_all(&*place.log, layout::RATCHET).unwrap(), whole);
        }
        let lines = seals(&place);
        for damaged in [
            lines.first().unwrap().clone() + "\n",
            format!("{}\n{}\n", lines.first().unwrap(), lines.get(1).unwrap()),
            String::new(),
            String::from_utf8(whole.clone()).unwrap().replace("2 3 ", "2 4 "),
        ] {
            set(damaged.as_bytes());
            assert_eq!(resume(3).unwrap_err().code(), "log_damaged", "{damaged}");
        }
        set(&whole);
        // The log was rolled back behind its last seal.
        assert_eq!(resume(2).unwrap_err().code(), "log_damaged");
        assert_eq!(resume(3).unwrap(), 3);
        place.keys.remove(&state_file(LOG)).unwrap();
        assert_eq!(resume(3).unwrap_err().code(), "key_missing");
    }

    #[test]
    fn a_seal_by_another_key_is_damage() {
        let place = place();
        let mut ratchet = sealed(&place, 1);
        ratchet.key = [9; 32];
        ratchet.write_seal(2, &[1; 32]).unwrap();
        assert_eq!(Ratchet::resume(&place.keys, &place.log, LOG, 2).map(drop).unwrap_err().code(), "log_damaged");
    }
}
