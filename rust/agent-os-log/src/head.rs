//! The head file: how many entries are on stable storage, and the root over them.
//!
//! Three lines, which later become the body of a C2SP signed-note checkpoint. Parsing is strict: a head that this
//! module would not have written is no head.

use agent_os_core::audit::tree::Hash;

use crate::encoding::base64;

const ORIGIN: &str = "agent-os-log ";

/// What a head file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) log: String,
    pub(crate) size: u64,
    /// The root in base64; compared as text, so that every bit of it counts.
    pub(crate) root: String,
}

impl Head {
    pub(crate) fn new(log: &str, size: u64, root: &Hash) -> Self {
        Self { log: log.to_owned(), size, root: base64(root) }
    }

    pub(crate) fn to_text(&self) -> String {
        format!("{ORIGIN}{}\n{}\n{}\n", self.log, self.size, self.root)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split('\n');
        let log = lines.next()?.strip_prefix(ORIGIN)?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let head = Self { log, size, root: lines.next()?.to_owned() };
        (head.to_text() == text).then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_text_is_a_head() {
        let head = Head::new("00112233445566778899aabbccddeeff", 12, &[7; 32]);
        let text = head.to_text();
        assert_eq!(Head::parse(text.as_bytes()), Some(head));
        for other in [
            text.replace("\n12\n", "\n012\n"),
            text.replace("\n12\n", "\n+12\n"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace('\n', "\r\n"),
            String::new(),
        ] {
            assert_eq!(Head::parse(other.as_bytes()), None, "{other:?}");
        }
    }
}
