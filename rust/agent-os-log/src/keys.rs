//! The keys that sign a log's checkpoints, and the folder where they are kept, away from the log.
//!
//! Whoever can write a log's directory must not be able to sign for it, so a key never lies there. A key file that
//! others may read is refused.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use agent_os_core::audit::tree::Hash;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::disk::{self, Directory, Disk};
use crate::encoding::{base64, from_base64, from_hex, hex};
use crate::error::LogError;
use crate::ratchet::Ratchet;

/// What the name of every log's key begins with; the log's id follows.
const ORIGIN: &str = "agent-os-log/";
/// How a key begins, so that one that was left lying about is recognised.
const KEY_PREFIX: &str = "agentos-log-key-";
/// The signature type of the signed-note format: Ed25519.
const ED25519: u8 = 1;
/// What a statement about a key begins with: a signature for it says nothing of anything else.
const ROTATION: &str = "agent-os-log key rotation";

/// The name under which a log signs, which is also the first line of its checkpoints.
pub(crate) fn origin(log: &str) -> String {
    format!("{ORIGIN}{log}")
}

/// A key that signs checkpoints.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system gave none.
    pub fn make() -> Result<Self, LogError> {
        Ok(Self::from_seed(&crate::log::random()?))
    }

    /// The key of this seed (RFC 8032 calls it the private key).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads the spelling of [`SigningKey::spelt`], with or without a line feed; `None` for anything else.
    ///
    /// ```
    /// use agent_os_log::SigningKey;
    /// let key = SigningKey::make()?;
    /// assert_eq!(SigningKey::parse(&key.spelt()).map(|again| again.public()), Some(key.public()));
    /// # Ok::<(), agent_os_log::LogError>(())
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let seed = from_hex(text.strip_prefix(KEY_PREFIX)?)?.try_into().ok()?;
        Some(Self::from_seed(&seed))
    }

    /// The secret in words.
    #[must_use]
    pub fn spelt(&self) -> String {
        format!("{KEY_PREFIX}{}", hex(&self.0.to_bytes()))
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, text: &str) -> [u8; 64] {
        self.0.sign(text.as_bytes()).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey")
    }
}

/// The public half of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key as the signed-note format spells it for the log of this id: name, key id and key.
    #[must_use]
    pub fn vkey(&self, log: &str) -> String {
        let name = origin(log);
        format!("{name}+{}+{}", hex(&self.id(&name)), base64(&self.typed()))
    }

    /// The key of a spelling that [`PublicKey::vkey`] gives for this log; `None` for anything else.
    #[must_use]
    pub fn of_vkey(vkey: &str, log: &str) -> Option<Self> {
        // The key itself may hold a plus, too.
        let typed: [u8; 33] = from_base64(vkey.splitn(3, '+').nth(2)?)?.try_into().ok()?;
        let key = VerifyingKey::from_bytes(typed.last_chunk()?).ok().filter(|key| !key.is_weak())?;
        (Self(key).vkey(log) == vkey).then_some(Self(key))
    }

    /// The first bytes of a signature line, which say whose it is.
    pub(crate) fn id(&self, name: &str) -> [u8; 4] {
        let digest = Sha256::new().chain_update(name).chain_update("\n").chain_update(self.typed()).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// The SHA-256 of the key in hexadecimal, to be compared by eye.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }

    pub(crate) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(text.as_bytes(), &signature).is_ok())
    }

    fn typed(&self) -> Vec<u8> {
        [&[ED25519], &self.0.as_bytes()[..]].concat()
    }
}

/// What the old key signs when a new one takes its place with entry `seq`.
pub(crate) fn rotation_statement(previous: &str, next: &str, seq: u64) -> String {
    format!("{ROTATION}\n{previous}\n{next}\n{seq}\n")
}

/// Where the keys of logs are: a folder, a key that was given, or both.
#[derive(Clone, Default)]
pub struct Keys {
    given: Option<SigningKey>,
    folder: Option<Arc<dyn Disk>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys").field("given", &self.given).finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys in this folder, which is made when the first one is.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self::on(Arc::new(Directory::new(folder)))
    }

    /// The keys in this folder.
    #[must_use]
    pub fn on(folder: Arc<dyn Disk>) -> Self {
        Self { given: None, folder: Some(folder) }
    }

    /// One key, which whoever gives it keeps.
    #[must_use]
    pub fn given(key: SigningKey) -> Self {
        Self { given: Some(key), folder: None }
    }

    /// The same, with a key that was given in place of one of the folder's.
    #[must_use]
    pub fn with(mut self, key: SigningKey) -> Self {
        self.given = Some(key);
        self
    }

    /// The key from a file that its owner alone may read.
    ///
    /// # Errors
    /// When it cannot be read, holds no key, or others may read it.
    pub fn read(path: &Path) -> Result<SigningKey, LogError> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        load(&Directory::new(folder), &name)
    }

    /// The key for a log that is being made; a new one unless one was given or is there already.
    pub(crate) fn begin(&self, log: &str) -> Result<SigningKey, LogError> {
        if let Some(key) = &self.given {
            return Ok(key.clone());
        }
        let folder = self.folder(log)?;
        let name = file(log);
        match load(&**folder, &name) {
            Err(LogError::KeyMissing { .. }) => {}
            found => return found,
        }
        folder.create_folder("").map_err(|error| LogError::io("make", folder.path(""), &error))?;
        let key = SigningKey::make()?;
        store(&**folder, &name, &key)?;
        // What was written is read back, so that a folder in which keys are not kept tightly is refused at once.
        load(&**folder, &name)
    }

    /// The key of a log whose last key is this one, and whether its rotation was interrupted: then it has to be settled
    /// once a checkpoint is signed with it.
    pub(crate) fn find(&self, log: &str, public: PublicKey) -> Result<(SigningKey, bool), LogError> {
        let other =
            |found: &SigningKey| LogError::KeyOther { expected: public.vkey(log), found: found.public().vkey(log) };
        if let Some(key) = &self.given {
            return if key.public() == public { Ok((key.clone(), false)) } else { Err(other(key)) };
        }
        let folder = self.folder(log)?;
        let (name, next) = (file(log), next_file(log));
        // A rotation that was interrupted leaves the new key beside the old one; the log says which of them counts.
        match load(&**folder, &next) {
            Ok(key) if key.public() == public => return Ok((key, true)),
            Ok(_) => folder.remove(&next).map_err(|error| LogError::io("remove", folder.path(&next), &error))?,
            Err(LogError::KeyMissing { .. }) => {}
            Err(error) => return Err(error),
        }
        let key = load(&**folder, &name)?;
        if key.public() == public { Ok((key, false)) } else { Err(other(&key)) }
    }

    /// Makes a key that is to take the place of the log's; until [`Keys::settle`] it lies beside it.
    pub(crate) fn prepare(&self, log: &str) -> Result<SigningKey, LogError> {
        if self.given.is_some() {
            return Err(LogError::NotSupported {
                what: "rotating a key that was given".to_owned(),
                instead: "open the log with the key folder that holds its key",
            });
        }
        let folder = self.folder(log)?;
        let key = SigningKey::make()?;
        store(&**folder, &next_file(log), &key)?;
        Ok(key)
    }

    /// Puts the new key in the place of the old one, which is gone then.
    pub(crate) fn settle(&self, log: &str) -> Result<(), LogError> {
        let folder = self.folder(log)?;
        let (name, next) = (file(log), next_file(log));
        let moved = folder.rename(&next, &name).and_then(|()| folder.sync_folder(""));
        moved.map_err(|error| LogError::io("rename", folder.path(&next), &error))
    }

    /// Begins the ratchet of a new log, if there is a folder for its keys; with the hash of its first key.
    pub(crate) fn begin_ratchet(
        &self,
        disk: &Arc<dyn Disk>,
        log: &str,
    ) -> Result<(Option<Ratchet>, Option<Hash>), LogError> {
        let Some(folder) = &self.folder else { return Ok((None, None)) };
        folder.create_folder("").map_err(|error| LogError::io("make", folder.path(""), &error))?;
        let (ratchet, first) = Ratchet::begin(folder, disk, log)?;
        Ok((Some(ratchet), Some(first)))
    }

    /// Whether a ratchet was begun for this log.
    pub(crate) fn has_ratchet(&self, log: &str) -> bool {
        self.folder.as_ref().is_some_and(|folder| Ratchet::is_kept(&**folder, log))
    }

    /// Goes on with the ratchet of a log that has this many entries.
    pub(crate) fn resume_ratchet(&self, disk: &Arc<dyn Disk>, log: &str, size: u64) -> Result<Ratchet, LogError> {
        Ratchet::resume(self.folder(log)?, disk, log, size)
    }

    /// The folder, if there is one.
    pub(crate) fn disk(&self) -> Option<Arc<dyn Disk>> {
        self.folder.clone()
    }

    fn folder(&self, log: &str) -> Result<&Arc<dyn Disk>, LogError> {
        self.folder.as_ref().ok_or_else(|| LogError::KeyMissing { path: "no folder".to_owned(), log: log.to_owned() })
    }
}

fn file(log: &str) -> String {
    format!("{log}.key")
}

fn next_file(log: &str) -> String {
    format!("{log}.key.next")
}

fn load(folder: &dyn Disk, name: &str) -> Result<SigningKey, LogError> {
    let path = folder.path(name);
    let text = match disk::read_all(folder, name) {
        Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let log = name.split('.').next().unwrap_or_default().to_owned();
            return Err(LogError::KeyMissing { path, log });
        }
        Err(error) => return Err(LogError::io("read", path, &error)),
    };
    // SECURITY: whoever can read the key can sign any log for it, and whoever can write it can have the log re-keyed.
    match folder.is_private(name) {
        Ok(true) => SigningKey::parse(&text).ok_or(LogError::NotAKey { path }),
        Ok(false) => Err(LogError::KeyLoose { path }),
        Err(error) => Err(LogError::io("read", path, &error)),
    }
}

fn store(folder: &dyn Disk, name: &str, key: &SigningKey) -> Result<(), LogError> {
    let text = format!("{}\n", key.spelt());
    let written = disk::replace(folder, name, text.as_bytes(), true).and_then(|_| folder.sync_folder(""));
    written.map_err(|error| LogError::io("write", folder.path(name), &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::{Durability, Log, Options, Pins, verify_against};

    const LOG: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_key_is_read_back_and_nothing_else_is_one() {
        let key = SigningKey::from_seed(&[7; 32]);
        let spelt = key.spelt();
        assert_eq!(SigningKey::parse(&format!("{spelt}\n")).unwrap().public(), key.public());
        let upper = spelt.to_uppercase();
        for bad in ["", KEY_PREFIX, spelt.get(1..).unwrap(), &upper, &format!("{spelt}0"), &format!("{spelt}\n\n")] {
            assert!(SigningKey::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{key:?}"), "SigningKey");
    }

    #[test]
    fn a_vkey_is_of_one_log_and_of_one_spelling() {
        let key = SigningKey::from_seed(&[7; 32]).public();
        let vkey = key.vkey(LOG);
        assert_eq!(PublicKey::of_vkey(&vkey, LOG), Some(key));
        assert_eq!(PublicKey::of_vkey(&vkey, "0"), None);
        for (place, letter) in vkey.char_indices() {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let changed: String = vkey.char_indices().map(|(at, old)| if at == place { other } else { old }).collect();
            assert_eq!(PublicKey::of_vkey(&changed, LOG), None, "{changed}");
        }
    }

    #[test]
    fn a_key_with_any_letters_is_read_back() {
        let keys = (0..=255).map(|seed| SigningKey::from_seed(&[seed; 32]).public());
        let with_plus = keys.filter(|key| {
            assert_eq!(PublicKey::of_vkey(&key.vkey(LOG), LOG), Some(*key));
            key.vkey(LOG).matches('+').count() > 2
        });
        assert!(with_plus.count() > 20);
    }

    #[test]
    fn a_key_of_small_order_signs_for_nobody() {
        let mut typed = [0; 33];
        (typed[0], typed[1]) = (ED25519, 1);
        let weak = PublicKey(VerifyingKey::from_bytes(typed.last_chunk().unwrap()).unwrap());
        assert_eq!(PublicKey::of_vkey(&weak.vkey(LOG), LOG), None);
    }

    #[test]
    fn a_log_gets_a_key_once_and_another_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(&folder.path().join("keys"));
        let key = keys.begin(LOG).unwrap();
        assert_eq!(keys.begin(LOG).unwrap().public(), key.public());
        assert_eq!(keys.find(LOG, key.public()).unwrap().0.public(), key.public());
        let other = SigningKey::from_seed(&[1; 32]);
        assert_eq!(keys.find(LOG, other.public()).unwrap_err().code(), "key_other");
        assert_eq!(Keys::given(other.clone()).find(LOG, key.public()).unwrap_err().code(), "key_other");
        assert_eq!(keys.find("ff", key.public()).unwrap_err().code(), "key_missing");
        assert_eq!(Keys::default().begin(LOG).unwrap_err().code(), "key_missing");
        std::fs::write(folder.path().join("keys").join(file(LOG)), "rubbish").unwrap();
        assert_eq!(keys.begin(LOG).unwrap_err().code(), "not_a_key");
    }

    #[test]
    fn an_interrupted_rotation_is_finished_or_forgotten_as_the_log_says() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path());
        let old = keys.begin(LOG).unwrap();
        keys.prepare(LOG).unwrap();
        assert_eq!(keys.find(LOG, old.public()).unwrap().0.public(), old.public());
        assert!(!folder.path().join(next_file(LOG)).exists());
        let new = keys.prepare(LOG).unwrap();
        let (found, interrupted) = keys.find(LOG, new.public()).unwrap();
        assert!(found.public() == new.public() && interrupted);
        keys.settle(LOG).unwrap();
        assert!(!keys.find(LOG, new.public()).unwrap().1);
        assert_eq!(keys.find(LOG, old.public()).unwrap_err().code(), "key_other");
    }

    /// SECURITY: whoever writes a log anew with a key of his own can name any key as the next one.
    #[test]
    fn a_log_that_only_names_our_key_is_neither_verified_nor_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, thief) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let options = |key: &SigningKey| Options {
            keys: Keys::given(key.clone()),
            sync_every: Duration::from_secs(3_600),
            checkpoint_every: Duration::from_secs(3_600),
            ..Options::new(Durability::Written, true.into())
        };
        let (dir, left) = (folder.path().join("log"), folder.path().join("left"));
        let log = Log::open(&dir, options(&thief)).unwrap();
        let (id, old) = (log.id().to_owned(), thief.public().vkey(log.id()));
        let new = ours.public().vkey(&id);
        log.append(&mut |stamp, entry| {
            let signature = base64(&thief.sign(&rotation_statement(&old, &new, stamp.seq)));
            let (seq, time) = (stamp.seq, stamp.micros);
            entry.extend(
                format!(
                    r#"{{"key":"{new}","kind":"log.key_rotated","log":"{id}","previous":"{old}","seq":{seq},"signature":"{signature}","time":{time}}}"#
                )
                .bytes(),
            );
        })
        .unwrap();
        for name in ["segments", "payloads", ""] {
            std::fs::create_dir_all(left.join(name)).unwrap();
            for file in std::fs::read_dir(dir.join(name)).unwrap().flatten().filter(|file| file.path().is_file()) {
                std::fs::copy(file.path(), left.join(name).join(file.file_name())).unwrap();
            }
        }
        let problems = |key: &str| {
            let pins = Pins { keys: vec![key.to_owned()], ..Pins::default() };
            let report = verify_against(&left, &pins);
            report.problems.iter().map(ToString::to_string).filter(|what| !what.contains("tile/")).collect::<Vec<_>>()
        };
        assert!(problems(&new).iter().any(|what| what.contains("is not signed by")), "{:?}", problems(&new));
        assert!(!problems(&old).iter().any(|what| what.contains("signed by")));
        assert_eq!(Log::open(&left, options(&ours)).unwrap_err().code(), "log_damaged");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_or_replace_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(folder.path());
        let key = keys.begin(LOG).unwrap();
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = folder.path().join(file(LOG));
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644] {
            chmod(&path, mode);
            for refused in [keys.begin(LOG), keys.find(LOG, key.public()).map(|(key, _)| key), Keys::read(&path)] {
                assert_eq!(refused.unwrap_err().code(), "key_permissions", "{mode:o}");
            }
        }
        chmod(&path, 0o400);
        assert_eq!(Keys::read(&path).unwrap().public(), key.public());
        for mode in [0o770, 0o707, 0o722] {
            chmod(folder.path(), mode);
            assert_eq!(Keys::read(&path).unwrap_err().code(), "key_permissions", "{mode:o}");
        }
        chmod(folder.path(), 0o700);
    }
}
