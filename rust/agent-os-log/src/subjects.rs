//! The keys of the persons whom a log's values are about, one for each, kept in the key folder and never in the log.
//!
//! They lie in the folder `<log's id>.subjects`: `master`, one file `key/<id>` for each key, and one file `name/<hash>`
//! for each person that says which key is theirs. The hash is keyed with the master, so that the folder names nobody, and
//! a key file is worth nothing without the master. Ids are random: the log does not name anybody either.
//!
//! A key is on stable storage before anything is sealed under it. It is destroyed by writing over it in place, and its
//! name goes last, so that destroying it can be taken up again after a crash.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::Mac;

use crate::disk::{self, Access, Disk};
use crate::encoding::{from_hex, hex};
use crate::error::LogError;
use crate::log::{keyed, random};
use crate::seal::{ID, Sealing, SubjectKey};

const MASTER_PREFIX: &str = "agentos-log-subjects-";
const KEY_PREFIX: &str = "agentos-log-subject-";
/// What is written over a key.
const ERASED: u8 = b'0';
/// How many persons' keys are kept at hand.
const AT_HAND: usize = 4_096;

/// The longest name of a person, in bytes. The empty name stands for whoever was not named.
pub const SUBJECT_MAX: usize = 512;

/// The keys of one log.
pub(crate) struct Subjects {
    log: String,
    /// Nothing for a log in memory: its keys are gone with it.
    folder: Option<Arc<dyn Disk>>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    master: Option<[u8; 32]>,
    by_name: HashMap<String, Arc<SubjectKey>>,
}

/// A key that is about to be destroyed. Until it is, no key is given out or made.
pub(crate) struct Doomed<'a> {
    subjects: &'a Subjects,
    held: MutexGuard<'a, Held>,
    name: String,
    id: [u8; ID],
}

impl Subjects {
    pub(crate) fn new(log: &str, folder: Option<Arc<dyn Disk>>) -> Self {
        Self { log: log.to_owned(), folder, held: Mutex::default() }
    }

    /// The key of this person; a new one if there is none.
    pub(crate) fn of(&self, name: &str) -> Result<Arc<SubjectKey>, LogError> {
        check_name(name)?;
        let mut held = self.held();
        if let Some(key) = held.by_name.get(name) {
            return Ok(Arc::clone(key));
        }
        let key = match self.find(&mut held, name)? {
            Some((_, Some(key))) => key,
            // Destroying it was begun, so it is ended first.
            Some((id, None)) => {
                self.erase(&id)?;
                self.make(&mut held, name)?
            }
            None => self.make(&mut held, name)?,
        };
        if self.folder.is_some() && held.by_name.len() >= AT_HAND {
            held.by_name.clear();
        }
        held.by_name.insert(name.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    /// The key of this person, to be destroyed; nothing if there is none.
    pub(crate) fn doom(&self, name: &str) -> Result<Option<Doomed<'_>>, LogError> {
        check_name(name)?;
        let mut held = self.held();
        let known = held.by_name.get(name).map(|key| key.id);
        let id = match known {
            Some(id) => Some(id),
            None => self.find(&mut held, name)?.map(|(id, _)| id),
        };
        Ok(id.map(|id| Doomed { subjects: self, held, name: name.to_owned(), id }))
    }

    /// What was sealed under the keys of these ids.
    pub(crate) fn unseal(&self, ids: &[String], text: &[u8]) -> Result<Vec<u8>, LogError> {
        let keys = ids.iter().map(|id| self.by_id(id)).collect::<Result<Vec<_>, _>>()?;
        Sealing::under(&self.log, &keys).open(text).ok_or(LogError::SealBroken)
    }

    /// The key of this id, as long as it is there.
    fn by_id(&self, id: &str) -> Result<Arc<SubjectKey>, LogError> {
        let unknown = || LogError::SubjectUnknown { key: id.to_owned() };
        // SECURITY: the id becomes a file name, so nothing but hexadecimal may pass.
        let number: [u8; ID] =
            from_hex(id).and_then(|bytes| bytes.try_into().ok()).filter(|_| id.is_ascii()).ok_or_else(unknown)?;
        let mut held = self.held();
        if self.folder.is_none() {
            let mut keys = held.by_name.values();
            return keys.find(|key| key.id == number).map(Arc::clone).ok_or_else(unknown);
        }
        let Some(master) = self.master(&mut held, false)? else { return Err(unknown()) };
        self.load(&master, number)?.ok_or_else(unknown)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id that a name's file leads to, and the key, unless it was destroyed.
    #[expect(clippy::type_complexity, reason = "a key that is known and gone is neither a key nor none")]
    fn find(&self, held: &mut Held, name: &str) -> Result<Option<([u8; ID], Option<Arc<SubjectKey>>)>, LogError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let Some(master) = self.master(held, false)? else { return Ok(None) };
        let path = self.name_file(&master, name);
        match disk::read_all(&**folder, &path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).unwrap_or_default();
                let id = from_hex(text.trim_end()).and_then(|bytes| bytes.try_into().ok());
                let id: [u8; ID] = id.ok_or_else(|| LogError::NotAKey { path: folder.path(&path) })?;
                Ok(Some((id, self.load(&master, id)?)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("read", folder.path(&path), &error)),
        }
    }

    fn make(&self, held: &mut Held, name: &str) -> Result<Arc<SubjectKey>, LogError> {
        let (id, secret) = (random::<ID>()?, random::<32>()?);
        let Some(folder) = &self.folder else { return Ok(Arc::new(SubjectKey { id, secret })) };
        let master = self.master(held, true)?.ok_or_else(|| LogError::NotAKey { path: self.path("master") })?;
        let (key_file, name_file) = (self.key_file(&id), self.name_file(&master, name));
        // The name comes last: a key that nobody leads to is harmless, a name that leads nowhere would be a lost key.
        for (sub, path, text) in [
            ("key", &key_file, format!("{KEY_PREFIX}{}\n", hex(&secret))),
            ("name", &name_file, format!("{}\n", hex(&id))),
        ] {
            disk::replace(&**folder, path, text.as_bytes(), true)
                .and_then(|_| folder.sync_folder(&self.within(sub)))
                .map_err(|error| LogError::io("write", folder.path(path), &error))?;
        }
        Ok(Arc::new(derive(&master, id, &secret)))
    }

    /// The key of this id; nothing if it was destroyed.
    fn load(&self, master: &[u8; 32], id: [u8; ID]) -> Result<Option<Arc<SubjectKey>>, LogError> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let path = self.key_file(&id);
        let bytes = match disk::read_all(&**folder, &path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io("read", folder.path(&path), &error)),
        };
        // A crash may leave some of the zeros that were written over it.
        if bytes.first() == Some(&ERASED) {
            return Ok(None);
        }
        let secret = parse(KEY_PREFIX, &bytes).ok_or_else(|| LogError::NotAKey { path: folder.path(&path) })?;
        Ok(Some(Arc::new(derive(master, id, &secret))))
    }

    /// What all keys of the log are worth nothing without.
    fn master(&self, held: &mut Held, create: bool) -> Result<Option<[u8; 32]>, LogError> {
        if held.master.is_some() {
            return Ok(held.master);
        }
        let Some(folder) = &self.folder else { return Ok(None) };
        let path = self.within("master");
        match disk::read_all(&**folder, &path) {
            Ok(bytes) => {
                // SECURITY: whoever can read the keys can keep a copy of what is to be destroyed.
                match folder.is_private(&path) {
                    Ok(true) => {}
                    Ok(false) => return Err(LogError::KeyLoose { path: folder.path(&path) }),
                    Err(error) => return Err(LogError::io("read", folder.path(&path), &error)),
                }
                let master =
                    parse(MASTER_PREFIX, &bytes).ok_or_else(|| LogError::NotAKey { path: folder.path(&path) })?;
                held.master = Some(master);
                Ok(held.master)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
                let master = random::<32>()?;
                let text = format!("{MASTER_PREFIX}{}\n", hex(&master));
                let written = ["key", "name"].iter().try_for_each(|sub| folder.create_folder(&self.within(sub)));
                written
                    .and_then(|()| disk::replace(&**folder, &path, text.as_bytes(), true))
                    .and_then(|_| folder.sync_folder(&self.within("")))
                    .and_then(|()| folder.sync_folder(""))
                    .map_err(|error| LogError::io("write", folder.path(&path), &error))?;
                // What was written is read back, so that a folder in which keys are not kept tightly is refused at once.
                self.master(held, false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("read", folder.path(&path), &error)),
        }
    }

    /// Writes over a key and removes it.
    fn erase(&self, id: &[u8; ID]) -> Result<(), LogError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = self.key_file(id);
        let erased = match folder.open(&path, Access::Write) {
            Ok(file) => file
                .len()
                .and_then(|length| file.write_at(0, &vec![ERASED; usize::try_from(length.min(1 << 16)).unwrap_or(0)]))
                .and_then(|()| file.sync())
                .and_then(|()| folder.remove(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        let synced = erased.and_then(|()| folder.sync_folder(&self.within("key")));
        synced.map_err(|error| LogError::io("destroy", folder.path(&path), &error))
    }

    fn name_file(&self, master: &[u8; 32], name: &str) -> String {
        let hash = keyed(master).chain_update("agent-os-log subject name ").chain_update(name).finalize().into_bytes();
        self.within(&format!("name/{}", hex(&hash)))
    }

    fn key_file(&self, id: &[u8; ID]) -> String {
        self.within(&format!("key/{}", hex(id)))
    }

    fn within(&self, name: &str) -> String {
        let folder = format!("{}.subjects", self.log);
        if name.is_empty() { folder } else { format!("{folder}/{name}") }
    }

    fn path(&self, name: &str) -> String {
        self.folder.as_ref().map_or_else(String::new, |folder| folder.path(&self.within(name)))
    }
}

impl Doomed<'_> {
    /// The key's id, as sealed values name it.
    pub(crate) fn id(&self) -> String {
        hex(&self.id)
    }

    /// Destroys the key. What was sealed under it can never be read again.
    pub(crate) fn destroy(mut self) -> Result<(), LogError> {
        self.held.by_name.remove(&self.name);
        let Some(folder) = self.subjects.folder.clone() else { return Ok(()) };
        let Some(master) = self.subjects.master(&mut self.held, false)? else { return Ok(()) };
        self.subjects.erase(&self.id)?;
        let name_file = self.subjects.name_file(&master, &self.name);
        let removed = folder.remove(&name_file).and_then(|()| folder.sync_folder(&self.subjects.within("name")));
        removed.map_err(|error| LogError::io("remove", folder.path(&name_file), &error))
    }
}

fn derive(master: &[u8; 32], id: [u8; ID], secret: &[u8; 32]) -> SubjectKey {
    let key = keyed(master).chain_update("agent-os-log subject key ").chain_update(id).chain_update(secret);
    SubjectKey { id, secret: key.finalize().into_bytes().into() }
}

fn check_name(name: &str) -> Result<(), LogError> {
    if name.len() > SUBJECT_MAX {
        return Err(LogError::SubjectName { size: name.len() });
    }
    Ok(())
}

fn parse(prefix: &str, bytes: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(bytes).ok()?;
    from_hex(text.strip_suffix('\n').unwrap_or(text).strip_prefix(prefix)?)?.try_into().ok()
}
