//! Tells in a few steps that a text has none of some names in it: most texts have none, and every action waits for this.
//!
//! Two bytes are looked at and most are skipped (Wu and Manber 1994, "A fast algorithm for multi-pattern searching").

const TABLE: usize = 4_096;

pub(super) struct Sieve {
    // INVARIANT: at least 1. No text that is shorter has a name in it, however it is read: reading only leaves out.
    window: usize,
    // INVARIANT: how far a window that ends with two bytes of this key can be moved without passing over a name; 0 if it
    // may be one.
    moves: Box<[u8; TABLE]>,
    names: Box<[Box<[u8]>]>,
}

impl Sieve {
    /// `None` without names, and for an empty one.
    pub(super) fn new(names: &[String]) -> Option<Self> {
        let window = names.iter().map(String::len).min().filter(|shortest| *shortest > 0)?.min(64);
        let far = u8::try_from(window.saturating_sub(1)).unwrap_or(u8::MAX);
        let mut moves = Box::new([far; TABLE]);
        for name in names {
            let head = name.as_bytes().get(..window)?;
            for (place, two) in head.windows(2).enumerate() {
                let [a, b] = two else { continue };
                let left = u8::try_from(window - place - 2).unwrap_or(0);
                if let Some(step) = moves.get_mut(key(*a, *b)) {
                    *step = left.min(*step);
                }
            }
        }
        let names = names.iter().map(|name| name.as_bytes().into()).collect();
        Some(Self { window, moves, names })
    }

    /// False only if no name is in the text, however it is read and whatever the case of its letters.
    #[inline]
    pub(super) fn may_have_one(&self, text: &[u8]) -> bool {
        text.len() >= self.window && (self.window < 2 || reads_in_other_ways(text) || self.finds_one(text))
    }

    fn finds_one(&self, text: &[u8]) -> bool {
        let mut end = self.window;
        while let Some([a, b]) = text.get(end - 2..end) {
            match self.moves.get(key(*a, *b)) {
                None | Some(0) if self.is_name(text.get(end - self.window..).unwrap_or_default()) => return true,
                None | Some(0) => end += 1,
                Some(step) => end += usize::from(*step),
            }
        }
        false
    }

    fn is_name(&self, text: &[u8]) -> bool {
        let starts = |name: &[u8]| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        self.names.iter().any(|name| starts(name))
    }
}

/// The place of two bytes in the table, the same for both cases of letters.
#[inline]
fn key(a: u8, b: u8) -> usize {
    (usize::from(a | 0x20) * 37 + usize::from(b | 0x20)) % TABLE
}

/// True if there is a byte for which [`super::reading`] has another reading. Without a branch, so that it is done for
/// many bytes at once.
#[inline]
fn reads_in_other_ways(text: &[u8]) -> bool {
    let is = |byte: u8, other: u8| u8::from(byte == other);
    let found = text
        .iter()
        .fold(0, |found, byte| found | is(*byte, b'%') | is(*byte, b'\\') | is(*byte, b'"') | is(*byte, b'\''));
    found != 0
}

#[cfg(test)]
mod tests {
    use super::Sieve;

    #[test]
    fn no_name_is_passed_over() {
        let names = ["agent-os", "policy.yaml", "state.db-wal", "policies"].map(String::from);
        let Some(sieve) = Sieve::new(&names) else { panic!("there are names") };
        for name in &names {
            for left in 0..70 {
                let text = format!("{}{}{}", "x/".repeat(left), name.to_uppercase(), "/y".repeat(left % 7));
                assert!(sieve.may_have_one(text.as_bytes()), "{text}");
                assert!(sieve.may_have_one(format!("{}{name}", "a".repeat(left)).as_bytes()));
            }
        }
        assert!(!sieve.may_have_one(b"/srv/data/reports/2026/november/summary.txt"));
        assert!(!sieve.may_have_one(b"agent"));
    }

    #[test]
    fn a_name_of_one_letter_is_looked_for_in_every_text() {
        assert!(Sieve::new(&["a".into()]).is_some_and(|sieve| sieve.may_have_one(b"x") && !sieve.may_have_one(b"")));
        assert!(Sieve::new(&[]).is_none() && Sieve::new(&[String::new()]).is_none());
    }
}
