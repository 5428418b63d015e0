//! How an action ended, and how the log spells it within the room that was reserved.

use super::process::Process;
use crate::audit::event::{Draft, kind};
use crate::canonical;

/// Bytes that are recorded of an error's message.
const MESSAGE_BYTES: usize = 300;

/// How an action ended.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// `returned`, `raised`, `cancelled` or `withheld`.
    pub status: &'static str,
    /// Salted digest of the result's canonical bytes, if it has any.
    pub digest: Option<[u8; 32]>,
    /// Canonical bytes of the result, or of a reference to it.
    pub full: Option<&'a [u8]>,
    /// Type and message of what was raised.
    pub error: Option<(&'a str, Message<'a>)>,
    /// Marks on the result.
    pub labels: &'a [String],
    /// Origin of the result's text.
    pub origin: Option<&'static str>,
    /// Duration.
    pub micros: u64,
}

/// What an error says.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// In words; as many of them as there is room for are recorded.
    Said(&'a str),
    /// Canonical bytes that stand in place of the words.
    Written(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The words that are recorded of a message.
    #[must_use]
    pub fn recorded(words: &'a str) -> &'a str {
        bounded(words, MESSAGE_BYTES)
    }
}

impl Outcome<'_> {
    /// The entry for this outcome of the intent at a place.
    pub(super) fn draft(&self, intent: u64, process: Option<&Process>) -> Draft {
        let mut draft = Draft::new();
        if let Some(digest) = self.digest {
            draft.field("digest", |out| write_hex(&digest, out));
        }
        if let Some((class, message)) = self.error {
            draft.field("error", |out| {
                out.extend_from_slice(b"{\"message\":");
                match message {
                    Message::Said(words) => canonical::write_str(Message::recorded(words), out),
                    Message::Written(bytes) => out.extend_from_slice(bytes),
                }
                out.extend_from_slice(b",\"type\":");
                canonical::write_str(bounded(class, 120), out);
                out.push(b'}');
            });
        }
        if let Some(full) = self.full {
            draft.field("full", |out| out.extend_from_slice(full));
        }
        draft.number("intent", intent).text("kind", kind::OUTCOME);
        if !self.labels.is_empty() {
            draft.texts("labels", self.labels.iter().map(String::as_str));
        }
        draft.number("micros", self.micros);
        if let Some(origin) = self.origin {
            draft.text("origin", origin);
        }
        if let Some(process) = process {
            draft.number("pid", process.pid);
        }
        draft.text("status", self.status);
        draft
    }
}

/// Appends 32 bytes as a string of 64 hexadecimal digits.
fn write_hex(bytes: &[u8; 32], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            out.push(HEX.get(usize::from(half)).copied().unwrap_or(b'0'));
        }
    }
    out.push(b'"');
}

/// The longest start of `text` whose canonical form has at most `limit` bytes between its quotes.
pub(super) fn bounded(text: &str, limit: usize) -> &str {
    let mut size = 0;
    let end = text.char_indices().find(|(_, c)| {
        size += match c {
            '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
            c if (*c as u32) < 0x20 => 6,
            c => c.len_utf8(),
        };
        size > limit
    });
    end.map_or(text, |(index, _)| text.get(..index).unwrap_or(text))
}
