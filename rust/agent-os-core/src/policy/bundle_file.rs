//! Compiled bundles as files: one line that names the format and two digests, then the canonical normal form.

use sha2::{Digest, Sha256};

use super::bundle::Bundle;
use super::normal;
use super::problem::Problem;
use crate::canonical;

/// The first words of a compiled bundle.
const MAGIC: &str = "agent-os-bundle 1 ";

/// Bytes of the first line: the format, the bundle's digest and the body's, and the line's end.
const HEADER: usize = MAGIC.len() + 2 * 71 + 2;

/// Why bytes are not a compiled bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// They do not start as one.
    NotABundle,
    /// They were changed or cut.
    Changed(&'static str),
    /// The policy inside cannot be compiled by this version.
    Problems(Vec<Problem>),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotABundle => out.write_str("this is not a compiled bundle; compile the policy again"),
            Self::Changed(what) => write!(out, "the compiled bundle was changed: {what}; compile the policy again"),
            Self::Problems(problems) => {
                write!(out, "the compiled bundle cannot be loaded by this version")?;
                problems.iter().take(3).try_for_each(|problem| write!(out, "; {problem}"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

fn body_digest(body: &[u8]) -> String {
    normal::spelt(&Sha256::digest(body).into())
}

impl Bundle {
    /// The bytes of a compiled bundle: `agent-os-bundle 1 <digest> <digest of the body>`, a line's end, and the body,
    /// which is the canonical normal form.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let body = canonical::encode(self.document());
        let mut bytes = format!("{MAGIC}{} {}\n", self.digest(), body_digest(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a compiled bundle. Any byte that was changed, added or lost is an error.
    ///
    /// ```
    /// use agent_os_core::{canonical::parse_json, policy::Bundle};
    /// let document = parse_json(br#"{"agent_os": 1, "name": "n", "rules": [
    ///     {"id": "a", "effect": "allow", "action": ["x"]}]}"#)?;
    /// let bytes = Bundle::compile(&document).unwrap().dump();
    /// assert_eq!(Bundle::load(&bytes).unwrap().dump(), bytes);
    /// assert!(Bundle::load(&bytes[1..]).is_err());
    /// # Ok::<(), agent_os_core::canonical::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// Says whether the bytes are no bundle at all, were changed, or hold a policy that this version refuses.
    pub fn load(bytes: &[u8]) -> Result<Self, LoadError> {
        let header = bytes.get(..HEADER).and_then(|header| std::str::from_utf8(header).ok());
        let header = header.and_then(|header| header.strip_prefix(MAGIC)).ok_or(LoadError::NotABundle)?;
        let body = bytes.get(HEADER..).unwrap_or_default();
        let (digest, expected) = header
            .strip_suffix('\n')
            .and_then(|digests| digests.split_once(' '))
            .ok_or(LoadError::Changed("its first line is not whole"))?;
        if body_digest(body) != expected {
            return Err(LoadError::Changed("its body has another digest"));
        }
        let document =
            canonical::decode_to_compare(body).map_err(|_| LoadError::Changed("its body is not canonical"))?;
        let (bundle, normal) = Self::compile_owned(document).map_err(LoadError::Problems)?;
        if bundle.digest() != digest {
            return Err(LoadError::Changed("its policy has another digest"));
        }
        // SECURITY: the body must be the normal form itself, byte by byte, not only lead to it.
        if normal != body {
            return Err(LoadError::Changed("its body is not in normal form"));
        }
        Ok(bundle)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::{Bundle, LoadError, body_digest};
    use crate::canonical::{encode, parse_json};

    fn bundle() -> Bundle {
        let document = parse_json(
            br#"{"agent_os":1,"name":"n","default":"allow","sets":{"s":["b","a"]},"rules":[
                {"id":"b","effect":"deny","action":["x"],"when":{"args.a":{"in":"$s"}},"source":{"file":"p.yaml","line":7}},
                {"id":"a","effect":"require","action":["**"],"redact":["args.card"]}]}"#,
        );
        Bundle::compile(&document.unwrap()).unwrap()
    }

    #[test]
    fn a_bundle_comes_back_whole() {
        let before = bundle();
        let after = Bundle::load(&before.dump()).unwrap();
        assert_eq!(after.rules(), before.rules());
        assert_eq!(after.digest(), before.digest());
        assert_eq!(after.default_effect(), before.default_effect());
        assert_eq!(after.rules()[1].source.as_ref().unwrap().line, 7);
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_an_error() {
        let bytes = bundle().dump();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(Bundle::load(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(Bundle::load(&bytes[..at]).is_err(), "cut at {at}");
        }
        let mut longer = bytes;
        longer.push(b'\n');
        assert!(Bundle::load(&longer).is_err());
    }

    #[test]
    fn a_body_that_only_leads_to_the_normal_form_is_refused() {
        let document =
            parse_json(br#"{"agent_os":1,"name":"n","rules":[{"id":"a","effect":"allow","action":["x","x"]}]}"#)
                .unwrap();
        let body = encode(&document);
        let digest = Bundle::compile(&document).unwrap().digest().to_owned();
        let mut bytes = format!("agent-os-bundle 1 {digest} {}\n", body_digest(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        assert_eq!(Bundle::load(&bytes).unwrap_err(), LoadError::Changed("its body is not in normal form"));
    }
}
