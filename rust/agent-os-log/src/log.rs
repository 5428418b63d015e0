//! An open log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_os_core::audit::tiles::Tiler;
use agent_os_core::audit::tree::{CompactRange, Hash};
use agent_os_core::canonical;
use agent_os_core::value::Value;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::disk::{self, Directory, Disk};
use crate::encoding::{base64, hex};
use crate::error::LogError;
use crate::fork::HeldLock;
use crate::inner::{Claim, Files, Inner, State, Store};
use crate::keeper;
use crate::keys::{self, Keys, PublicKey, SigningKey};
use crate::layout;
use crate::options::{Durability, Options, Stamp};
use crate::payloads::{PayloadRef, Payloads};
use crate::publish::Publisher;
use crate::ratchet::Ratchet;
use crate::reader::{Entries, Source};
use crate::recovery::{self, Found};
use crate::segment::{Failure, SegmentWriter};
use crate::subjects::Subjects;

/// The version of the format, as the first entry says it.
const VERSION: i64 = 1;
/// The kind of the entry that puts a new key in the place of the log's.
pub(crate) const KEY_ROTATED: &str = "log.key_rotated";

/// Builds an entry: called under the log's lock, once, with an empty buffer.
///
/// It must push the canonical bytes of one JSON object that holds `seq`, `log` and `time` from the stamp, and must not
/// call the log. If it panics, the log stops.
pub type Build<'a> = dyn FnMut(&Stamp<'_>, &mut Vec<u8>) + 'a;

/// An append-only log of entries, hashed into a tree.
///
/// ```
/// use agent_os_log::{Durability, Keys, Log, Options, verify};
/// let folder = tempfile::tempdir()?;
/// let dir = folder.path().join("log");
/// let keys = Keys::in_folder(&folder.path().join("keys"));
/// let log = Log::open(&dir, Options { keys, ..Options::new(Durability::Written, true.into()) })?;
/// let seq = log.append(&mut |stamp, entry| {
///     let (log, seq, time) = (stamp.log, stamp.seq, stamp.micros);
///     entry.extend(format!(r#"{{"kind":"note","log":"{log}","seq":{seq},"time":{time}}}"#).bytes());
/// })?;
/// assert_eq!((seq, log.size()), (1, 2)); // entry 0 says when and by whom the log was made
/// log.close()?;
/// let report = verify(&dir);
/// assert!(report.ok() && report.entries == 3); // the last entry says that the log was closed
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Log {
    pub(crate) inner: Arc<Inner>,
    pub(crate) subjects: Subjects,
    dir: Option<PathBuf>,
    keys: Keys,
    durability: Durability,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Log").field("id", &self.inner.id).field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in a directory, or makes one there. Recovers from a writer that ended without closing it.
    ///
    /// # Errors
    /// When the directory holds something else, is in use, is damaged, or cannot be written; when its key is missing,
    /// open to others or another one; when the durability is `memory`.
    pub fn open(dir: &Path, options: Options) -> Result<Self, LogError> {
        let mut log = Self::open_on(Arc::new(Directory::new(dir)), options)?;
        log.dir = Some(dir.to_owned());
        Ok(log)
    }

    /// Opens or makes the log on this disk.
    ///
    /// # Errors
    /// Like [`Log::open`].
    pub fn open_on(disk: Arc<dyn Disk>, options: Options) -> Result<Self, LogError> {
        match options.durability {
            Durability::Written | Durability::Commit => open_files(disk, &options),
            Durability::Memory => Err(LogError::NotSupported {
                what: "durability `memory` with a directory".to_owned(),
                instead: "use `written` or `commit`, or give no directory",
            }),
        }
    }

    /// Makes a log in memory. It keeps every entry until it is dropped.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn memory(options: Options) -> Result<Self, LogError> {
        let (id, salt) = (random::<16>()?, random::<32>()?);
        let state = State::new(CompactRange::new(), Store::Memory(Vec::new()));
        let inner = Inner::new(hex(&id), keyed(&salt), Payloads::memory(), None, state);
        append_own(&inner, Claim::Plain, created(&salt, options.meta, None, None))?;
        let subjects = Subjects::new(&inner.id, None);
        Ok(Self { inner: Arc::new(inner), subjects, dir: None, keys: Keys::default(), durability: Durability::Memory })
    }

    /// The log's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Where it is, unless it is in memory.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.peek().tree().size()
    }

    /// The root of the tree over its entries.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.inner.peek().tree().root()
    }

    /// Whether entries are accepted.
    ///
    /// # Errors
    /// What an append would fail with.
    pub fn state(&self) -> Result<(), LogError> {
        self.inner.state()?.accepts(Claim::Plain)
    }

    /// Appends an entry and gives its number. Like all that is appended, it is as durable as the log promises when this
    /// returns.
    ///
    /// # Errors
    /// When the log is closed, forked, full or stopped, and when the entry is empty or over [`crate::ENTRY_MAX`].
    pub fn append(&self, build: &mut Build<'_>) -> Result<u64, LogError> {
        let seq = self.append_ahead(build)?;
        self.settle(seq + 1).map(|()| seq)
    }

    /// Appends an intent, and sets space aside for its outcome.
    ///
    /// # Errors
    /// Like [`Log::append`], also when there is no space for the outcome.
    pub fn append_intent(&self, build: &mut Build<'_>) -> Result<Reservation, LogError> {
        let reservation = self.append_intent_ahead(build)?;
        self.settle(reservation.seq + 1).map(|()| reservation)
    }

    /// Appends the outcome of an intent, for which there is space even when the disk is full.
    ///
    /// # Errors
    /// When the log is closed, forked or stopped, when the outcome is empty or over [`crate::OUTCOME_MAX`], and when
    /// the intent is another log's. The space is given up in any case.
    pub fn append_outcome(&self, reservation: Reservation, build: &mut Build<'_>) -> Result<u64, LogError> {
        let seq = self.append_outcome_ahead(reservation, build)?;
        self.settle(seq + 1).map(|()| seq)
    }

    /// As [`Log::append`], without waiting for stable storage: nothing may be made of the entry before
    /// [`Log::settle`]. Many appends can share one wait.
    ///
    /// ```
    /// use agent_os_log::{Durability, Keys, Log, Options};
    /// let folder = tempfile::tempdir()?;
    /// let keys = Keys::in_folder(&folder.path().join("keys"));
    /// let options = Options { keys, ..Options::new(Durability::Commit, true.into()) };
    /// let log = Log::open(&folder.path().join("log"), options)?;
    /// let mut last = 0;
    /// for text in ["a", "b", "c"] {
    ///     last = log.append_ahead(&mut |stamp, entry| {
    ///         let (log, seq, time) = (stamp.log, stamp.seq, stamp.micros);
    ///         entry.extend(format!(r#"{{"kind":"note","log":"{log}","seq":{seq},"text":"{text}","time":{time}}}"#).bytes());
    ///     })?;
    /// }
    /// log.settle(last + 1)?; // one sync for all three
    /// assert!(log.is_settled(last + 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Like [`Log::append`].
    pub fn append_ahead(&self, build: &mut Build<'_>) -> Result<u64, LogError> {
        self.inner.append(Claim::Plain, build)
    }

    /// As [`Log::append_intent`], without waiting for stable storage.
    ///
    /// # Errors
    /// Like [`Log::append_intent`].
    pub fn append_intent_ahead(&self, build: &mut Build<'_>) -> Result<Reservation, LogError> {
        let seq = self.inner.append(Claim::Intent, build)?;
        Ok(Reservation { seq, inner: Arc::clone(&self.inner) })
    }

    /// As [`Log::append_outcome`], without waiting for stable storage.
    ///
    /// # Errors
    /// Like [`Log::append_outcome`].
    #[expect(clippy::needless_pass_by_value, reason = "a reservation is good for one outcome")]
    pub fn append_outcome_ahead(&self, reservation: Reservation, build: &mut Build<'_>) -> Result<u64, LogError> {
        if !Arc::ptr_eq(&self.inner, &reservation.inner) {
            return Err(LogError::WrongReservation { seq: reservation.seq });
        }
        self.inner.append(Claim::Outcome, build)
    }

    /// Returns when the first `size` entries are as durable as the log promises: with `commit`, on stable storage. Who
    /// comes while a sync is under way shares the next one with all others who wait.
    ///
    /// # Errors
    /// When the disk fails; then the log has stopped.
    pub fn settle(&self, size: u64) -> Result<(), LogError> {
        if self.durability == Durability::Commit { self.inner.commit(size) } else { Ok(()) }
    }

    /// Whether [`Log::settle`] would return at once.
    #[must_use]
    pub fn is_settled(&self, size: u64) -> bool {
        self.durability != Durability::Commit || self.inner.is_synced(size)
    }

    /// Stores bytes that are too large for an entry, and gives what an entry refers to them by.
    ///
    /// # Errors
    /// When they cannot be written. New entries are refused from then on; outcomes are not.
    pub fn put_payload(&self, bytes: &[u8]) -> Result<PayloadRef, LogError> {
        self.inner.state()?.accepts(Claim::Outcome)?;
        self.inner.payloads.put(bytes).map_err(|cause| self.inner.refuse_after(cause))
    }

    /// The bytes of a payload, checked against its name.
    ///
    /// # Errors
    /// When there is none of this name, or it is damaged.
    pub fn payload(&self, sha256: &str) -> Result<Vec<u8>, LogError> {
        self.inner.payloads.get(sha256)
    }

    /// HMAC-SHA256 under the log's salt: recorded instead of bytes that are to stay private.
    #[must_use]
    pub fn salted_digest(&self, canonical: &[u8]) -> [u8; 32] {
        self.inner.salted.clone().chain_update(canonical).finalize().into_bytes().into()
    }

    /// The entries from this one on, also while others are appended; asking again after the end goes on.
    ///
    /// # Errors
    /// When the log's files cannot be read.
    pub fn read_from(&self, seq: u64) -> Result<Entries, LogError> {
        match &self.inner.files {
            None => Ok(Entries::new(Source::Memory(Arc::clone(&self.inner)), seq)),
            Some(files) => Ok(Entries::new(Source::on(Arc::clone(&files.disk)), seq)),
        }
    }

    /// Puts everything appended so far on stable storage, and a checkpoint that names it.
    ///
    /// # Errors
    /// When the disk fails; then the log has stopped, or is full.
    pub fn flush(&self) -> Result<(), LogError> {
        self.inner.check_owner()?;
        self.inner.sync(true)
    }

    /// A signed checkpoint over everything appended so far, as it stands in the file `checkpoint`.
    ///
    /// # Errors
    /// Like [`Log::flush`]; also for a log in memory, which has nobody to sign for it.
    pub fn checkpoint(&self) -> Result<String, LogError> {
        let Some(files) = &self.inner.files else {
            return Err(LogError::NotSupported {
                what: "a checkpoint of a log in memory".to_owned(),
                instead: "use durability `written`",
            });
        };
        self.flush()?;
        let text = disk::read_all(&*files.disk, layout::CHECKPOINT);
        let text = text.map_err(|error| LogError::io("read", files.disk.path(layout::CHECKPOINT), &error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The public half of the key that signs the log's checkpoints; nothing for a log in memory.
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        self.inner.files.as_ref().map(|files| files.publisher().signer().public())
    }

    /// Puts a new key in the place of the log's, and says so in an entry that the old key signs. The old key is gone
    /// afterwards. Gives the new public key.
    ///
    /// # Errors
    /// Like [`Log::append`]; when the key was given and is not in the key folder, or cannot be written there.
    pub fn rotate_key(&self) -> Result<PublicKey, LogError> {
        self.inner.check_owner()?;
        let Some(files) = &self.inner.files else {
            return Err(LogError::NotSupported {
                what: "a key for a log in memory".to_owned(),
                instead: "use durability `written`",
            });
        };
        let (id, mut publisher) = (&self.inner.id, files.publisher());
        let next = self.keys.prepare(id)?;
        let (old, new) = (publisher.signer().public().vkey(id), next.public().vkey(id));
        let signer = publisher.signer().clone();
        let mut fields: Vec<(String, Value)> = [("key", &*new), ("kind", KEY_ROTATED), ("log", id), ("previous", &old)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        self.inner.append(Claim::Plain, &mut |stamp, entry| {
            let statement = keys::rotation_statement(&old, &new, stamp.seq);
            fields.push(("seq".to_owned(), i64::try_from(stamp.seq).unwrap_or(i64::MAX).into()));
            fields.push(("signature".to_owned(), base64(&signer.sign(&statement)).as_str().into()));
            fields.push(("time".to_owned(), stamp.micros.into()));
            entry.extend(canonical::encode(&Value::Map(fields.drain(..).collect())));
        })?;
        // From here on the log says that the new key is its own, so nothing may be signed with the old one.
        publisher.sign_with(next.clone());
        self.inner.sync_for(files, &mut publisher, true)?;
        self.keys.settle(id)?;
        Ok(next.public())
    }

    /// Ends the log with a closing entry and frees its directory for other writers. Closing again does nothing.
    ///
    /// # Errors
    /// When something could not be written; the log is closed all the same.
    pub fn close(&self) -> Result<(), LogError> {
        self.inner.check_owner()?;
        let ended = match append_own(&self.inner, Claim::Closing, vec![("kind", "log.closed".into())]) {
            Err(LogError::Closed) => return Ok(()),
            Err(cause) => Err(cause),
            // The space comes first: tiles and checkpoint may need it.
            Ok(_) => self.inner.release_space().and_then(|()| self.inner.sync(true)),
        };
        // After a failure nothing may follow either.
        if let Err(cause) = &ended {
            self.inner.stop(cause.clone());
        }
        if let Some(files) = &self.inner.files {
            keeper::stop(&files.bell);
            files.lock.release();
        }
        ended
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Nobody is left to be told; a log that could not be closed is recovered when it is next opened.
        let _ = self.close();
    }
}

/// An accepted intent, and the space for its outcome. Dropped without an outcome, it frees the space, and the intent
/// stays in the log without one.
#[must_use = "the outcome of the intent must be recorded with it"]
pub struct Reservation {
    seq: u64,
    inner: Arc<Inner>,
}

impl Reservation {
    /// The intent's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reservation").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.inner.free_reservation();
    }
}

fn open_files(disk: Arc<dyn Disk>, options: &Options) -> Result<Log, LogError> {
    recovery::check_is_a_log(&*disk)?;
    for folder in ["", layout::SEGMENTS, layout::PAYLOADS] {
        disk.create_folder(folder).map_err(|error| LogError::io("make", disk.path(folder), &error))?;
    }
    let lock = match disk.lock(layout::LOCK) {
        Ok(Some(lock)) => HeldLock::new(lock),
        Ok(None) => return Err(LogError::Locked { path: disk.path("") }),
        Err(error) => return Err(LogError::io("lock", disk.path(layout::LOCK), &error)),
    };
    let keys = &options.keys;
    let confirm = |claims: &recovery::Claims| confirm(&disk, keys, claims);
    let mut interrupted = false;
    let (id, salt, state, publisher, first_entry) = match recovery::recover(&disk, options.segment_bytes, confirm)? {
        Found::Nothing => {
            let (id, salt) = (random::<16>()?, random::<32>()?);
            let name = hex(&id);
            let signer = keys.begin(&name)?;
            let (ratchet, sealed_by) = keys.begin_ratchet(&disk, &name)?;
            // The names are there before a segment is, so that a loss of power leaves none without them.
            disk::replace(&*disk, layout::SALT, &salt, true)
                .and_then(|_| disk.sync_folder(""))
                .map_err(|error| LogError::io("write", disk.path(layout::SALT), &error))?;
            let segment = SegmentWriter::create(Arc::clone(&disk), id, 0, 0, options.segment_bytes)
                .map_err(|(Failure::Full(cause) | Failure::Broken(cause))| cause)?;
            let first_entry = created(&salt, options.meta.clone(), Some(&signer.public().vkey(&name)), sealed_by);
            let tiler = Tiler::default();
            let publisher = Publisher::new(Arc::clone(&disk), name.clone(), signer, ratchet, tiler, Vec::new());
            (name, salt, State::new(CompactRange::new(), Store::Segments(segment)), publisher, first_entry)
        }
        Found::Log(found, Confirmed { signer, ratchet, sealed_by, interrupted: unsettled }) => {
            let id = hex(&found.id);
            interrupted = unsettled;
            let first_entry = match (found.tree.size(), found.closed) {
                (0, _) => created(&found.salt, options.meta.clone(), Some(&signer.public().vkey(&id)), sealed_by),
                (_, true) => vec![("kind", "log.opened".into()), ("meta", options.meta.clone())],
                (at, false) => recovered(at, found.dropped, found.set_aside, options.meta.clone()),
            };
            let (tiler, wrong) = (found.tiler, found.wrong_tiles);
            let publisher = Publisher::new(Arc::clone(&disk), id.clone(), signer, ratchet, tiler, wrong);
            (id, found.salt, State::new(found.tree, Store::Segments(found.segment)), publisher, first_entry)
        }
    };
    let payloads = Payloads::on(Arc::clone(&disk));
    let inner = Arc::new(Inner::new(id, keyed(&salt), payloads, Some(Files::new(disk, lock, publisher)), state));
    append_own(&inner, Claim::Plain, first_entry)?;
    // From here on a checkpoint exists, so that a log whose checkpoint is missing is known to be damaged.
    inner.sync(true)?;
    if interrupted {
        keys.settle(&inner.id)?;
    }
    keeper::start(&inner, options.sync_every, options.checkpoint_every)?;
    let subjects = Subjects::new(&inner.id, keys.disk());
    Ok(Log { inner, subjects, dir: None, keys: keys.clone(), durability: options.durability })
}

/// What the keys of a log confirmed, and go on with.
struct Confirmed {
    signer: SigningKey,
    ratchet: Option<Ratchet>,
    sealed_by: Option<Hash>,
    /// A rotation of the key has to be settled.
    interrupted: bool,
}

/// Holds what a log claims against the keys that are kept for it.
fn confirm(disk: &Arc<dyn Disk>, keys: &Keys, claims: &recovery::Claims) -> Result<Confirmed, LogError> {
    let id = hex(&claims.id);
    let damaged =
        |name: &str, what: &str| LogError::Damaged { path: disk.path(name), offset: 0, what: what.to_owned() };
    let (signer, interrupted) = match claims.key {
        Some(key) => keys.find(&id, key)?,
        None => (keys.begin(&id)?, false),
    };
    // SECURITY: an entry can name any key as the next one. A rotation that no checkpoint was signed after is ours only if
    // the key folder knows of it.
    if claims.is_unsigned && !interrupted {
        return Err(damaged(layout::CHECKPOINT, "it is signed by another key than the one that is kept for this log"));
    }
    let (ratchet, sealed_by) = match (claims.size, claims.has_ratchet) {
        (0, _) => keys.begin_ratchet(disk, &id)?,
        (size, true) => (Some(keys.resume_ratchet(disk, &id, size)?), None),
        (_, false) if keys.has_ratchet(&id) => {
            return Err(damaged(layout::RATCHET, "entry 0 names no ratchet, and one is kept for this log"));
        }
        (_, false) => (None, None),
    };
    Ok(Confirmed { signer, ratchet, sealed_by, interrupted })
}

/// Appends an entry of the log itself.
pub(crate) fn append_own(inner: &Inner, claim: Claim, fields: Vec<(&'static str, Value)>) -> Result<u64, LogError> {
    let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    inner.append(claim, &mut |stamp, entry| {
        fields.push(("log".to_owned(), stamp.log.into()));
        fields.push(("seq".to_owned(), i64::try_from(stamp.seq).unwrap_or(i64::MAX).into()));
        fields.push(("time".to_owned(), stamp.micros.into()));
        entry.extend(canonical::encode(&Value::Map(fields.drain(..).collect())));
    })
}

/// The fields of entry 0.
fn created(salt: &[u8; 32], meta: Value, key: Option<&str>, sealed_by: Option<Hash>) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("kind", "log.created".into()),
        ("meta", meta),
        ("salt_sha256", hex(&Sha256::digest(salt)).as_str().into()),
        ("version", VERSION.into()),
    ];
    fields.extend(key.map(|key| ("key", key.into())));
    fields.extend(sealed_by.map(|first| ("ratchet_sha256", hex(&first).as_str().into())));
    fields
}

/// The fields of the entry with which a writer goes on that found no end.
fn recovered(at: u64, dropped: u64, set_aside: Option<[u8; 32]>, meta: Value) -> Vec<(&'static str, Value)> {
    let number = |count: u64| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    let mut fields =
        vec![("at", number(at)), ("dropped_bytes", number(dropped)), ("kind", "log.recovered".into()), ("meta", meta)];
    fields.extend(set_aside.map(|sha256| ("dropped_sha256", hex(&sha256).as_str().into())));
    fields
}

pub(crate) fn keyed(salt: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
    // RFC 2104: a key shorter than a block is filled up with zeros.
    Hmac::new(&block.into())
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], LogError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| LogError::NoRandomness { reason: error.to_string() })?;
    Ok(bytes)
}
