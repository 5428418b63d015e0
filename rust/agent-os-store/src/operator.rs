//! The operator's token and what is signed with it. Whoever holds the token approves; the kernel knows the public half,
//! given by its operator's code and never read from a file that an agent could write.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// How a token begins, so that one that was left lying about is recognised.
pub const TOKEN_PREFIX: &str = "agentos-operator-token-";
/// How a public key begins.
pub const PUBLIC_PREFIX: &str = "agentos-operator-key-";

/// What every signed text begins with: a signature for this says nothing of anything else.
const DOMAIN: &[u8] = b"agent-os approval 2";

/// The operator's secret.
pub struct Token(SigningKey);

impl Token {
    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// The operating system gave none.
    pub fn make() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads the spelling of [`Token::spelt`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let seed = bytes::<32>(text.trim().strip_prefix(TOKEN_PREFIX)?)?;
        Some(Self(SigningKey::from_bytes(&seed)))
    }

    /// The secret in words, to be shown once.
    #[must_use]
    pub fn spelt(&self) -> String {
        format!("{TOKEN_PREFIX}{}", hex(&self.0.to_bytes()))
    }

    /// The half that a kernel is given.
    #[must_use]
    pub fn public(&self) -> Operator {
        Operator(self.0.verifying_key())
    }

    /// Signs a verdict.
    #[must_use]
    pub fn sign(&self, statement: &Statement<'_>) -> [u8; 64] {
        self.0.sign(&statement.bytes()).to_bytes()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token")
    }
}

/// The operator's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(VerifyingKey);

impl Operator {
    /// Reads the spelling of [`Operator::spelt`]; `None` for anything else, and for a key of small order, under which
    /// signatures mean nothing.
    ///
    /// ```
    /// use agent_os_store::{Operator, Token};
    /// let token = Token::make()?;
    /// assert_eq!(Operator::parse(&token.public().spelt()), Some(token.public()));
    /// assert_eq!(Operator::parse(&format!("agentos-operator-key-{}", "00".repeat(32))), None);
    /// # Ok::<(), getrandom::Error>(())
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&bytes(text.trim().strip_prefix(PUBLIC_PREFIX)?)?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// The key in words.
    #[must_use]
    pub fn spelt(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", hex(self.0.as_bytes()))
    }

    /// True if the operator's token made this signature for this statement.
    #[must_use]
    pub fn has_signed(&self, statement: &Statement<'_>, signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(&statement.bytes(), &signature).is_ok())
    }
}

/// What a verdict is about: everything that could be exchanged for something else.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'s> {
    /// The store's own id.
    pub store: &'s str,
    /// The id of the log of the kernel that asked.
    pub kernel: &'s str,
    /// The public key of the operator whom that kernel asks.
    pub operator: &'s str,
    /// The approval's id.
    pub id: &'s str,
    /// The digest of the request.
    pub request: &'s str,
    /// The digest of the bundle that asked.
    pub bundle: &'s str,
    // SECURITY: an agent that can write the store could show the operator something harmless. The signature is over
    // what was shown, and the kernel checks it against what it asked to be shown.
    /// What the operator was shown.
    pub shown: &'s str,
    /// When the verdict is too late, in microseconds since 1970.
    pub expires: i64,
    /// True for yes.
    pub approved: bool,
}

impl Statement<'_> {
    // SECURITY: what is shown can be changed between the look and the word. The operator names what was seen by this
    // code, so that something else that stands there meanwhile is not found.
    /// How the operator names what was shown: 20 hex digits of a digest of the whole statement.
    #[must_use]
    pub fn code(&self) -> String {
        let digest = Sha256::digest(Statement { approved: true, ..*self }.bytes());
        hex(digest.get(..10).unwrap_or_default())
    }

    fn bytes(&self) -> Vec<u8> {
        let shown = Sha256::digest(self.shown.as_bytes());
        let mut out = Vec::with_capacity(512);
        let parts: [&[u8]; 10] = [
            DOMAIN,
            self.store.as_bytes(),
            self.kernel.as_bytes(),
            self.operator.as_bytes(),
            self.id.as_bytes(),
            self.request.as_bytes(),
            self.bundle.as_bytes(),
            &shown,
            &self.expires.to_be_bytes(),
            if self.approved { b"approve" } else { b"deny" },
        ];
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    if hex.len() != 2 * N || !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    let mut out = [0; N];
    for (place, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Operator, Statement, Token, hex};

    const STATEMENT: Statement<'_> = Statement {
        store: "s",
        kernel: "k",
        operator: "o",
        id: "i",
        request: "r",
        bundle: "b",
        shown: "what was shown",
        expires: 7,
        approved: true,
    };

    #[test]
    fn a_signature_is_for_one_statement_of_one_operator() {
        let token = Token::make().unwrap();
        let signature = token.sign(&STATEMENT);
        assert!(token.public().has_signed(&STATEMENT, &signature));
        assert!(!Token::make().unwrap().public().has_signed(&STATEMENT, &signature));
        let others = [
            Statement { store: "t", ..STATEMENT },
            Statement { kernel: "l", ..STATEMENT },
            Statement { operator: "p", ..STATEMENT },
            Statement { id: "j", ..STATEMENT },
            Statement { request: "q", ..STATEMENT },
            Statement { bundle: "c", ..STATEMENT },
            Statement { shown: "something else", ..STATEMENT },
            Statement { expires: 8, ..STATEMENT },
            Statement { approved: false, ..STATEMENT },
            // The same letters, divided otherwise.
            Statement { store: "sk", kernel: "", ..STATEMENT },
        ];
        assert!(others.iter().all(|other| !token.public().has_signed(other, &signature)));
        for place in 0..64 {
            let mut bent = signature;
            if let Some(byte) = bent.get_mut(place) {
                *byte ^= 1;
            }
            assert!(!token.public().has_signed(&STATEMENT, &bent));
        }
        assert!(!token.public().has_signed(&STATEMENT, &[]));
    }

    #[test]
    fn keys_of_small_order_are_refused() {
        // The identity, and the points of order 2, 4 and 8 (RFC 8032 curve), as they are encoded.
        for key in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ] {
            assert_eq!(Operator::parse(&format!("agentos-operator-key-{key}")), None, "{key}");
        }
    }

    #[test]
    fn a_token_is_read_back_and_nothing_else_is_one() {
        let token = Token::make().unwrap();
        let spelt = token.spelt();
        assert_eq!(Token::parse(&format!("{spelt}\n")).unwrap().public(), token.public());
        assert_eq!(format!("{token:?}"), "Token");
        let upper = spelt.to_uppercase();
        let key = token.public().spelt();
        for bad in ["", "agentos-operator-token-", &spelt[..spelt.len() - 1], &upper, &key, &hex(&[7; 32])] {
            assert!(Token::parse(bad).is_none(), "{bad}");
        }
    }
}
