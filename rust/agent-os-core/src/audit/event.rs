//! What an entry of the log says, in canonical form, before the log has given it its place.
//!
//! A draft holds every field of an entry but `log`, `seq` and `time`, already encoded and in order; the recorder adds
//! those three under its lock, so that nothing slow happens there.

use sha2::{Digest, Sha256};

use crate::canonical;

/// The fields that the recorder fills in, in canonical order.
const LOG: &str = "log";
const SEQ: &str = "seq";
const TIME: &str = "time";

/// The kinds of entries that the kernel writes. The recorder adds its own: `log.created`, `log.opened`,
/// `log.recovered` and `log.closed`.
pub mod kind {
    /// A bundle came into force.
    pub const POLICY_LOADED: &str = "policy.loaded";
    /// A bundle was refused and the old one stays in force.
    pub const POLICY_REJECTED: &str = "policy.rejected";
    /// A bundle that may open something was found in the watched files; it waits for the operator.
    pub const POLICY_PENDING: &str = "policy.pending";
    /// An agent was made known.
    pub const AGENT_REGISTERED: &str = "agent.registered";
    /// A tool was made known.
    pub const TOOL_REGISTERED: &str = "tool.registered";
    /// A run of an agent began.
    pub const PROCESS_STARTED: &str = "process.started";
    /// A signal was sent to a process.
    pub const SIGNAL_SENT: &str = "signal.sent";
    /// Text came into a run by another way than a tool's output.
    pub const TEXT: &str = "text";
    /// An action is allowed and about to happen.
    pub const INTENT: &str = "intent";
    /// An action was decided against.
    pub const DENIED: &str = "denied";
    /// The same was decided against again and again; says how often since the entry that tells of it.
    pub const DENIED_REPEATEDLY: &str = "denied.repeatedly";
    /// How an action that was allowed ended.
    pub const OUTCOME: &str = "outcome";
    /// Somebody is asked to confirm an action.
    pub const APPROVAL_REQUESTED: &str = "approval.requested";
    /// The action was confirmed.
    pub const APPROVAL_GRANTED: &str = "approval.granted";
    /// The action was not confirmed.
    pub const APPROVAL_REFUSED: &str = "approval.refused";
}

/// One entry without its place in the log.
#[derive(Clone, Debug)]
pub struct Draft {
    // INVARIANT: `,"name":value` fields with names in ascending order, each part between two of the recorder's fields.
    parts: [Vec<u8>; 4],
    last: &'static str,
}

impl Draft {
    /// An empty draft. Fields are added in ascending order of their names.
    #[must_use]
    pub fn new() -> Self {
        Self { parts: [Vec::with_capacity(512), Vec::with_capacity(64), Vec::new(), Vec::new()], last: "" }
    }

    /// Adds a field whose canonical value `write` appends.
    ///
    /// ```
    /// use agent_os_core::audit::event::Draft;
    /// let mut draft = Draft::new();
    /// draft.text("kind", "text").number("pid", 7);
    /// let mut entry = Vec::new();
    /// draft.finish("ab", 3, 12, &mut entry);
    /// assert_eq!(entry, br#"{"kind":"text","log":"ab","pid":7,"seq":3,"time":12}"#);
    /// ```
    pub fn field(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        debug_assert!(self.last < name, "field `{name}` comes after `{}`", self.last);
        self.last = name;
        let part = usize::from(name > LOG) + usize::from(name > SEQ) + usize::from(name > TIME);
        if let Some(out) = self.parts.get_mut(part) {
            out.push(b',');
            canonical::write_str(name, out);
            out.push(b':');
            write(out);
        }
        self
    }

    /// Adds a string.
    pub fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.field(name, |out| canonical::write_str(text, out))
    }

    /// Adds a number.
    pub fn number(&mut self, name: &'static str, number: u64) -> &mut Self {
        self.field(name, |out| canonical::write_int(i64::try_from(number).unwrap_or(i64::MAX), out))
    }

    /// Adds a list of strings.
    pub fn texts<'t>(&mut self, name: &'static str, texts: impl IntoIterator<Item = &'t str>) -> &mut Self {
        self.field(name, |out| write_texts(texts, out))
    }

    /// SHA-256 of what was added so far.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in &self.parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// The canonical bytes of the whole entry.
    pub fn finish(&self, log: &str, seq: u64, micros: i64, out: &mut Vec<u8>) {
        let [head, middle, tail, end] = &self.parts;
        let start = out.len();
        out.reserve(head.len() + middle.len() + tail.len() + end.len() + 96);
        out.extend_from_slice(head);
        out.extend_from_slice(b",\"log\":");
        canonical::write_str(log, out);
        out.extend_from_slice(middle);
        out.extend_from_slice(b",\"seq\":");
        canonical::write_int(i64::try_from(seq).unwrap_or(i64::MAX), out);
        out.extend_from_slice(tail);
        out.extend_from_slice(b",\"time\":");
        canonical::write_int(micros, out);
        out.extend_from_slice(end);
        out.push(b'}');
        // The first field was written with the comma of a later one.
        if let Some(first) = out.get_mut(start) {
            *first = b'{';
        }
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

/// Appends a list of strings in canonical form.
pub fn write_texts<'t>(texts: impl IntoIterator<Item = &'t str>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        canonical::write_str(text, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_finished_draft_is_canonical_whatever_fields_it_has() {
        let names = ["action", "kind", "log_kind", "micros", "pid", "server", "status", "times", "zone"];
        for mask in 0_u32..1 << names.len() {
            let mut draft = Draft::new();
            for (bit, name) in names.into_iter().enumerate() {
                if mask & (1 << bit) != 0 {
                    draft.text(name, "é\n");
                }
            }
            let mut entry = Vec::new();
            draft.finish("00ff", 12, 1_700_000_000_000_000, &mut entry);
            assert_eq!(canonical::encode(&canonical::decode(&entry).unwrap()), entry);
        }
    }
}
