//! The checkpoint: how many entries are on stable storage, and the root over them, signed.
//!
//! It is a signed note (C2SP signed-note, tlog-checkpoint). Parsing is strict: what this module would not have written is
//! no checkpoint. Signatures of others may stand after the log's own.

use agent_os_core::audit::tree::Hash;

use crate::encoding::{base64, from_base64};
use crate::keys::{PublicKey, SigningKey, origin};

/// What a checkpoint file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) origin: String,
    pub(crate) size: u64,
    /// The root in base64; compared as text, so that every bit of it counts.
    pub(crate) root: String,
    /// Names with signatures: each four bytes of the key's id, and the signature.
    signatures: Vec<(String, Vec<u8>)>,
}

impl Checkpoint {
    /// The checkpoint of this log, signed.
    pub(crate) fn sign(log: &str, size: u64, root: &Hash, key: &SigningKey) -> Self {
        let mut checkpoint = Self { origin: origin(log), size, root: base64(root), signatures: Vec::new() };
        let signature = [&key.public().id(&checkpoint.origin)[..], &key.sign(&checkpoint.body())].concat();
        checkpoint.signatures.push((checkpoint.origin.clone(), signature));
        checkpoint
    }

    pub(crate) fn to_text(&self) -> String {
        let lines = self.signatures.iter().map(|(name, bytes)| format!("— {name} {}\n", base64(bytes)));
        format!("{}\n{}", self.body(), lines.collect::<String>())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (body, lines) = text.split_once("\n\n")?;
        let mut fields = body.split('\n');
        let (origin, size, root) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?, fields.next()?.to_owned());
        let signatures = lines.lines().map(|line| {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            Some((name.to_owned(), from_base64(signature)?))
        });
        let checkpoint = Self { origin, size, root, signatures: signatures.collect::<Option<_>>()? };
        (checkpoint.to_text() == text && !checkpoint.signatures.is_empty()).then_some(checkpoint)
    }

    /// Whether it is about these entries of this log.
    pub(crate) fn names(&self, log: &str, size: u64, root: &Hash) -> bool {
        (&*self.origin, self.size, &*self.root) == (&*origin(log), size, &*base64(root))
    }

    /// Whether the log's own signature is there, and is this key's.
    pub(crate) fn is_signed_by(&self, key: PublicKey) -> bool {
        let mut own = self.signatures.iter().filter(|(name, _)| *name == self.origin);
        let Some((_, bytes)) = own.next() else { return false };
        let signature = bytes.strip_prefix(&key.id(&self.origin));
        own.next().is_none() && signature.is_some_and(|signature| key.has_signed(&self.body(), signature))
    }

    /// What is signed.
    pub(crate) fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const LOG: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn only_its_own_text_is_a_checkpoint() {
        let key = SigningKey::from_seed(&[3; 32]);
        let checkpoint = Checkpoint::sign(LOG, 12, &[7; 32], &key);
        let text = checkpoint.to_text();
        assert_eq!(Checkpoint::parse(text.as_bytes()), Some(checkpoint.clone()));
        assert!(checkpoint.is_signed_by(key.public()) && checkpoint.names(LOG, 12, &[7; 32]));
        assert!(!checkpoint.is_signed_by(SigningKey::from_seed(&[4; 32]).public()));
        assert!(!checkpoint.names(LOG, 13, &[7; 32]) && !checkpoint.names("00", 12, &[7; 32]));
        for other in [
            text.replace("\n12\n", "\n012\n"),
            text.replace("\n12\n", "\n+12\n"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace('\n', "\r\n"),
            text.replace("— ", "- "),
            text.split_once("— ").unwrap().0.to_owned(),
            String::new(),
        ] {
            assert_eq!(Checkpoint::parse(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn every_flipped_bit_is_another_checkpoint_or_none() {
        let key = SigningKey::from_seed(&[3; 32]);
        let text = Checkpoint::sign(LOG, 12, &[7; 32], &key).to_text();
        for bit in 0..text.len() * 8 {
            let mut changed = text.clone().into_bytes();
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = Checkpoint::parse(&changed);
            assert!(read.is_none_or(|read| !read.is_signed_by(key.public())), "bit {bit}");
        }
    }
}
