//! Checkpoints and keys in the signed-note format, read strictly: one spelling for each.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::tree::Hash;

/// The types of signatures with Ed25519: of a log, and of a witness.
const SIGNATURE: u8 = 1;
const COSIGNATURE: u8 = 4;

/// The name under which this log signs.
pub(super) fn name_of(log: &str) -> String {
    format!("agent-os-log/{log}")
}

/// A key with the name that it signs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// As it is spelt.
    pub(super) vkey: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Key {
    /// Reads `name+id+key`; nothing for what is spelt otherwise, or under which signatures mean nothing.
    pub(super) fn parse(vkey: &str) -> Option<Self> {
        Self::of_type(vkey, SIGNATURE)
    }

    fn of_type(vkey: &str, kind: u8) -> Option<Self> {
        let parts: Vec<&str> = vkey.splitn(3, '+').collect();
        let [name, id, key] = *parts.as_slice() else { return None };
        let typed = decode(key)?;
        let key = VerifyingKey::from_bytes(typed.strip_prefix(&[kind])?.try_into().ok()?).ok()?;
        let mut named = name.as_bytes().to_vec();
        named.push(b'\n');
        named.extend_from_slice(&typed);
        let own: [u8; 4] = Sha256::digest(named).first_chunk().copied()?;
        let spelt: String = own.iter().map(|byte| format!("{byte:02x}")).collect();
        let good = is_name(name) && spelt == id && !key.is_weak();
        good.then(|| Self { name: name.to_owned(), vkey: vkey.to_owned(), id: own, key })
    }

    pub(super) fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.key.verify_strict(text.as_bytes(), &signature).is_ok()
    }
}

/// A witness's key, for cosignatures alone.
#[derive(Clone, Debug)]
pub(super) struct Cosigner {
    pub(super) name: String,
    key: Key,
}

impl Cosigner {
    /// Reads `name+id+key` of a witness.
    pub(super) fn parse(vkey: &str) -> Option<Self> {
        Key::of_type(vkey, COSIGNATURE).map(|key| Self { name: key.name.clone(), key })
    }

    /// Whether both have one key, whatever they are called.
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.key.key == other.key.key
    }
}

/// A checkpoint.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: Hash,
    body: String,
    signatures: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// Reads three lines, an empty one, and lines of signatures.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, "", signatures @ ..] = lines.as_slice() else { return None };
        let digits = size.bytes().all(|byte| byte.is_ascii_digit()) && (*size == "0" || !size.starts_with('0'));
        let signatures = signatures.iter().map(|line| {
            let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let decoded = decode(encoded)?;
            let (id, signature) = decoded.split_first_chunk::<4>()?;
            is_name(name).then(|| Line { name: name.to_owned(), id: *id, signature: signature.to_vec() })
        });
        let signatures = signatures.collect::<Option<Vec<_>>>().filter(|lines| !lines.is_empty())?;
        Some(Self {
            origin: (*origin).to_owned(),
            size: size.parse().ok().filter(|_| digits)?,
            root: decode(root)?.try_into().ok()?,
            body: format!("{origin}\n{size}\n{root}\n"),
            signatures,
        })
    }

    /// Whether this key has signed it: the one line under its name and id is right.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        let own: Vec<&Line> = self.signatures.iter().filter(|line| line.name == key.name).collect();
        let [line] = *own.as_slice() else { return false };
        line.id == key.id && key.has_signed(&self.body, &line.signature)
    }

    /// When this witness cosigned it; `Some(None)` if what stands under its name and id is not by its key, and nothing if
    /// nothing does.
    #[allow(clippy::option_option)]
    pub(super) fn cosigned_by(&self, witness: &Cosigner) -> Option<Option<u64>> {
        let key = &witness.key;
        let mut own = self.signatures.iter().filter(|line| line.name == key.name && line.id == key.id);
        let line = own.next()?;
        let Some((time, signature)) = line.signature.split_first_chunk::<8>().filter(|_| own.next().is_none()) else {
            return Some(None);
        };
        let time = u64::from_be_bytes(*time);
        let text = format!("cosignature/v1\ntime {time}\n{}", self.body);
        Some((i64::try_from(time).is_ok() && key.has_signed(&text, signature)).then_some(time))
    }

    /// How many signatures it has.
    pub(super) fn signatures(&self) -> usize {
        self.signatures.len()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '+')
}

/// Padded base64, in the one spelling that it has.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let quads = text.as_bytes().chunks_exact(4);
    if !quads.remainder().is_empty() {
        return None;
    }
    let (last, mut bytes) = (quads.len(), Vec::with_capacity(text.len()));
    for (place, quad) in quads.enumerate() {
        let padding = quad.iter().rev().take_while(|letter| **letter == b'=').count();
        if padding > 2 || (padding > 0 && place + 1 != last) {
            return None;
        }
        let letters = quad.get(..4 - padding)?;
        let bits = letters.iter().try_fold(0_u32, |bits, letter| Some(bits << 6 | u32::from(value(*letter)?)))?;
        let bits = bits << (6 * padding);
        let [_, first, second, third] = bits.to_be_bytes();
        let (kept, cut) =
            [first, second, third].split_at_checked(3 - padding).map(|(kept, cut)| (kept.to_vec(), cut.to_vec()))?;
        // Bits that belong to no byte are zeros, or there would be more than one spelling.
        if cut.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn base64_has_one_spelling() {
        assert_eq!(decode("").unwrap(), b"");
        assert_eq!(decode("Zm9vYg==").unwrap(), b"foob");
        assert_eq!(decode("Zm9vYmE=").unwrap(), b"fooba");
        assert_eq!(decode("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        for bad in ["Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "====", "=AAA", "Zm9v\n", "-_-_", "Zm9v Zm9"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_example_of_the_checkpoint_format_is_read() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} \
                    example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!((note.size, &*note.origin, note.signatures()), (20_852_163, "example.com/behind-the-sofa", 1));
        for bad in [
            text.replace("20852163", "020852163"),
            text.replace("20852163", "+20852163"),
            text.replace("\n\n", "\n"),
            text.replace("\n\n", "\nmore\n\n"),
            text.replace("2I=\n", "2J=\n"),
            text.replace('\u{2014}', "-"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
        ] {
            assert!(Note::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
