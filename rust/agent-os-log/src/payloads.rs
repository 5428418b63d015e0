//! Payloads: what is too large for an entry, stored under its own hash.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use agent_os_core::audit::tree::Hash;
use sha2::{Digest, Sha256};

use crate::disk::{self, Disk, File};
use crate::encoding::hex;
use crate::error::LogError;
use crate::layout;

/// How many payloads may wait for the background sync; one more is synced by its own writer.
const WAITING_MAX: usize = 64;

/// Names a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadRef {
    /// The SHA-256 of its bytes.
    pub sha256: Hash,
    /// How many bytes it has.
    pub size: u64,
}

impl PayloadRef {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { sha256: Sha256::digest(bytes).into(), size: bytes.len() as u64 }
    }

    /// Its hash in hexadecimal, which is the name of its file.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.sha256)
    }

    /// Appends the reference as it stands in an entry.
    ///
    /// ```
    /// let mut entry = Vec::new();
    /// agent_os_log::PayloadRef { sha256: [0xab; 32], size: 7 }.write(&mut entry);
    /// assert_eq!(entry, format!(r#"{{"$payload":{{"sha256":"{}","size":7}}}}"#, "ab".repeat(32)).as_bytes());
    /// ```
    pub fn write(&self, out: &mut Vec<u8>) {
        let text = format!(r#"{{"$payload":{{"sha256":"{}","size":{}}}}}"#, self.hex(), self.size);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Where payloads are kept.
pub(crate) enum Payloads {
    Memory(Mutex<HashMap<String, Vec<u8>>>),
    Disk { disk: Arc<dyn Disk>, written: Mutex<Written> },
}

/// What was written since the log was opened.
#[derive(Default)]
pub(crate) struct Written {
    known: HashSet<Hash>,
    waiting: Vec<(String, Arc<dyn File>)>,
}

impl Payloads {
    pub(crate) fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self::Disk { disk, written: Mutex::default() }
    }

    /// Stores bytes, once.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<PayloadRef, LogError> {
        let reference = PayloadRef::of(bytes);
        match self {
            Self::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.entry(reference.hex()).or_insert_with(|| bytes.to_vec());
            }
            Self::Disk { disk, written } => {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                if !written.known.contains(&reference.sha256) {
                    let name = layout::payload(&reference.hex());
                    // A file of this name from an earlier run counts only if it holds these bytes.
                    if !disk::read_all(&**disk, &name).is_ok_and(|found| found == bytes) {
                        let full = written.waiting.len() >= WAITING_MAX;
                        let file = disk::replace(&**disk, &name, bytes, full)
                            .map_err(|error| LogError::io("write", disk.path(&name), &error))?;
                        written.waiting.push((name, file));
                        if full {
                            sync(&**disk, std::mem::take(&mut written.waiting))?;
                        }
                    }
                    written.known.insert(reference.sha256);
                }
            }
        }
        Ok(reference)
    }

    /// The bytes of this name, checked against it.
    pub(crate) fn get(&self, sha256: &str) -> Result<Vec<u8>, LogError> {
        match self {
            Self::Memory(map) => {
                let map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.get(sha256).cloned().ok_or_else(|| LogError::PayloadUnknown { sha256: sha256.to_owned() })
            }
            Self::Disk { disk, .. } => read(&**disk, sha256),
        }
    }

    /// Removes payloads for good. The same bytes can be stored again.
    pub(crate) fn remove(&self, names: &[String]) -> Result<(), LogError> {
        match self {
            Self::Memory(map) => {
                let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
                map.retain(|name, _| !names.contains(name));
                Ok(())
            }
            Self::Disk { disk, written } => {
                let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
                written.known.retain(|hash| !names.contains(&hex(hash)));
                written.waiting.retain(|(file, _)| !names.iter().any(|name| layout::payload(name) == *file));
                for name in names.iter().map(|name| layout::payload(name)) {
                    disk.remove(&name).map_err(|error| LogError::io("remove", disk.path(&name), &error))?;
                }
                let synced = disk.sync_folder(layout::PAYLOADS);
                synced.map_err(|error| LogError::io("sync", disk.path(layout::PAYLOADS), &error))
            }
        }
    }

    /// Removes payloads to which no entry refers any more, but those that were stored since the log was opened: an entry
    /// may be about to refer to one.
    pub(crate) fn remove_unless_new(&self, names: &[String]) -> Result<(), LogError> {
        let Self::Disk { disk, written } = self else { return Ok(()) };
        // Held, so that nobody finds one that is about to go.
        let written = written.lock().unwrap_or_else(PoisonError::into_inner);
        let new: HashSet<String> = written.known.iter().map(|hash| hex(hash)).collect();
        for name in names.iter().filter(|name| !new.contains(*name)).map(|name| layout::payload(name)) {
            disk.remove(&name).map_err(|error| LogError::io("remove", disk.path(&name), &error))?;
        }
        disk.sync_folder(layout::PAYLOADS).map_err(|error| LogError::io("sync", disk.path(layout::PAYLOADS), &error))
    }

    /// Puts on stable storage what has been written so far.
    pub(crate) fn sync(&self) -> Result<(), LogError> {
        let Self::Disk { disk, written } = self else { return Ok(()) };
        let waiting = std::mem::take(&mut written.lock().unwrap_or_else(PoisonError::into_inner).waiting);
        sync(&**disk, waiting)
    }
}

/// The bytes of the payload of this name, checked against it.
pub(crate) fn read(disk: &dyn Disk, sha256: &str) -> Result<Vec<u8>, LogError> {
    let unknown = || LogError::PayloadUnknown { sha256: sha256.to_owned() };
    // SECURITY: the name becomes a file name, so nothing but a hash in hexadecimal may pass.
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(unknown());
    }
    let name = layout::payload(sha256);
    let bytes = match disk::read_all(disk, &name) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
        Err(error) => return Err(LogError::io("read", disk.path(&name), &error)),
    };
    if PayloadRef::of(&bytes).hex() != sha256 {
        return Err(LogError::Damaged {
            path: disk.path(&name),
            offset: 0,
            what: "its content is not what its name says".to_owned(),
        });
    }
    Ok(bytes)
}

fn sync(disk: &dyn Disk, waiting: Vec<(String, Arc<dyn File>)>) -> Result<(), LogError> {
    if waiting.is_empty() {
        return Ok(());
    }
    for (name, file) in waiting {
        file.sync().map_err(|error| LogError::io("sync", disk.path(&name), &error))?;
    }
    disk.sync_folder(layout::PAYLOADS).map_err(|error| LogError::io("sync", disk.path(layout::PAYLOADS), &error))
}
