//! Values that can be read only with the keys of the persons whom they are about.
//!
//! A sealed value stands in an entry as `{"$sealed":{"keys":["<id>",…],"text":"<base64>"}}`, or with a reference to a
//! payload as its text. It is sealed under all of these keys at once, so it is lost with any of them. Entries, tree and
//! proofs are over that, so destroying a key changes none of them.
//!
//! Sealing the same value twice under the same keys gives the same bytes: the nonce is a MAC of the value. So the same
//! payload is stored once and repeated denials are counted, and nobody can reuse a nonce for something else.

use std::sync::Arc;

use agent_os_core::canonical;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::encoding::{base64, hex};
use crate::error::LogError;
use crate::log::{Log, keyed};

/// How many bytes a key's id has.
pub(crate) const ID: usize = 16;
/// How many persons one value can be about.
pub const SUBJECTS_MAX: usize = 8;
/// A value is filled up with spaces to a multiple of this, so that its length does not tell `true` from `false`.
const STEP: usize = 32;
const NONCE: usize = 24;

/// The key of one person's data in one log.
pub(crate) struct SubjectKey {
    pub(crate) id: [u8; ID],
    pub(crate) secret: [u8; 32],
}

/// How what a log says of one action is written: in the open, or sealed for the persons whom it is about.
#[derive(Clone, Default)]
pub struct Sealing(Option<Arc<Sealed>>);

impl std::fmt::Debug for Sealing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sealing").field("is_open", &self.is_open()).finish()
    }
}

struct Sealed {
    ids: Vec<String>,
    // SECURITY: what is sealed belongs to this log and these keys, and cannot be passed off as another one's.
    context: Vec<u8>,
    cipher: XChaCha20Poly1305,
    nonce: Hmac<Sha256>,
    digest: Hmac<Sha256>,
}

impl Sealing {
    /// Under all of these keys; in the open if there are none.
    pub(crate) fn under(log: &str, keys: &[Arc<SubjectKey>]) -> Self {
        if keys.is_empty() { Self::default() } else { Self(Some(Arc::new(Sealed::new(log, keys)))) }
    }

    /// Whether nothing is sealed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// The salted digest of canonical bytes: under the log's salt, or under the persons' keys.
    #[must_use]
    pub fn digest(&self, log: &Log, canonical: &[u8]) -> [u8; 32] {
        match &self.0 {
            None => log.salted_digest(canonical),
            Some(sealed) => sealed.digest.clone().chain_update(canonical).finalize().into_bytes().into(),
        }
    }

    /// Appends a value as it stands in an entry. What has more than `inline` bytes goes into a payload.
    ///
    /// # Errors
    /// When a payload cannot be stored.
    pub fn write(&self, log: &Log, canonical: &[u8], inline: usize, out: &mut Vec<u8>) -> Result<(), LogError> {
        let Some(sealed) = &self.0 else {
            if canonical.len() <= inline {
                out.extend_from_slice(canonical);
            } else {
                log.put_payload(canonical)?.write(out);
            }
            return Ok(());
        };
        let text = sealed.seal(canonical)?;
        out.extend_from_slice(b"{\"$sealed\":{\"keys\":[");
        for (place, id) in sealed.ids.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            canonical::write_str(id, out);
        }
        out.extend_from_slice(b"],\"text\":");
        if text.len() <= inline {
            canonical::write_str(&base64(&text), out);
        } else {
            log.put_payload(&text)?.write(out);
        }
        out.extend_from_slice(b"}}");
        Ok(())
    }

    /// The canonical bytes that were sealed; `None` if they were not sealed under these keys.
    pub(crate) fn open(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.0.as_ref()?.open(text)
    }
}

impl Sealed {
    fn new(log: &str, keys: &[Arc<SubjectKey>]) -> Self {
        let mut keys: Vec<&SubjectKey> = keys.iter().map(|key| &**key).collect();
        keys.sort_unstable_by_key(|key| key.id);
        keys.dedup_by_key(|key| key.id);
        let ids: Vec<String> = keys.iter().map(|key| hex(&key.id)).collect();
        let all = keys.iter().fold(keyed(&[0; 32]), |mac, key| mac.chain_update(key.id).chain_update(key.secret));
        let secret: [u8; 32] = all.finalize().into_bytes().into();
        let derived = |purpose: &str| -> [u8; 32] {
            keyed(&secret).chain_update("agent-os-log sealed ").chain_update(purpose).finalize().into_bytes().into()
        };
        Self {
            context: format!("agent-os-log sealed 1\n{log}\n{}\n", ids.join("\n")).into_bytes(),
            ids,
            cipher: XChaCha20Poly1305::new(&derived("cipher").into()),
            nonce: keyed(&derived("nonce")),
            digest: keyed(&derived("digest")),
        }
    }

    fn nonce_of(&self, padded: &[u8]) -> [u8; NONCE] {
        let tag: [u8; 32] = self.nonce.clone().chain_update(padded).finalize().into_bytes().into();
        tag.first_chunk().copied().unwrap_or_default()
    }

    fn seal(&self, canonical: &[u8]) -> Result<Vec<u8>, LogError> {
        let mut padded = canonical.to_vec();
        padded.resize(canonical.len().div_ceil(STEP) * STEP, b' ');
        let nonce = self.nonce_of(&padded);
        let payload = Payload { msg: &padded, aad: &self.context };
        let text = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| LogError::SealTooLarge)?;
        Ok([&nonce[..], &text].concat())
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE)?;
        let payload = Payload { msg: text, aad: &self.context };
        let mut value = self.cipher.decrypt(XNonce::from_slice(nonce), payload).ok()?;
        if nonce != self.nonce_of(&value) {
            return None;
        }
        let end = value.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        value.truncate(end);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use crate::{Durability, Options};
    use proptest::prelude::*;

    fn key(number: u8) -> Arc<SubjectKey> {
        Arc::new(SubjectKey { id: [number; ID], secret: [number; 32] })
    }

    fn under(keys: &[u8]) -> Sealing {
        Sealing::under("ab", &keys.iter().copied().map(key).collect::<Vec<_>>())
    }

    fn seal(keys: &[u8], value: &[u8]) -> Vec<u8> {
        under(keys).0.unwrap().seal(value).unwrap()
    }

    proptest! {
        #[test]
        fn a_value_is_read_with_all_of_its_keys_and_with_fewer_not(
            value in prop::collection::vec(any::<u8>(), 0..300), count in 1_u8..5
        ) {
            // Canonical JSON never ends in a space.
            let value = [&value[..], b"\""].concat();
            let keys: Vec<u8> = (1..=count).collect();
            let text = seal(&keys, &value);
            prop_assert_eq!(under(&keys).open(&text), Some(value.clone()));
            let other_order: Vec<u8> = keys.iter().rev().copied().collect();
            prop_assert_eq!(&seal(&other_order, &value), &text);
            for lost in &keys {
                let left: Vec<u8> = keys.iter().copied().filter(|key| key != lost).collect();
                prop_assert_eq!(under(&left).open(&text), None);
            }
        }
    }

    #[test]
    fn short_values_cannot_be_told_apart_by_their_length() {
        let values = [&b"true"[..], b"false", b"1", b"\"a name that is rather long\""];
        let lengths = values.map(|value| seal(&[1], value).len());
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    }

    #[test]
    fn what_was_changed_or_belongs_elsewhere_is_not_opened() {
        let text = seal(&[1], b"true");
        assert_eq!(under(&[1]).open(&text).unwrap(), b"true");
        for place in 0..text.len() {
            let mut changed = text.clone();
            changed[place] ^= 1;
            assert_eq!(under(&[1]).open(&changed), None, "byte {place}");
        }
        let other_log = Sealing::under("cd", &[key(1)]);
        let other_id = Sealing::under("ab", &[Arc::new(SubjectKey { id: [2; ID], secret: [1; 32] })]);
        assert_eq!((other_log.open(&text), other_id.open(&text), under(&[1]).open(b"")), (None, None, None));
    }

    #[test]
    fn a_digest_is_another_one_under_other_keys() {
        let log = Log::memory(Options::new(Durability::Memory, true.into())).unwrap();
        let digest = |keys: &[u8]| under(keys).digest(&log, b"true");
        let all = [digest(&[]), digest(&[1]), digest(&[2]), digest(&[1, 2])];
        for (place, one) in all.iter().enumerate() {
            assert!(all.iter().skip(place + 1).all(|other| other != one));
        }
        assert_eq!((digest(&[1]), digest(&[2, 1])), (all[1], all[3]));
    }
}
