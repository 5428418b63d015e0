//! Where text of a run came from, and whether a value occurs in it as whole tokens.
//!
//! Comparing tokens after the type's normaliser finds `DE89 3704 0044 0532 0130 00` in a sentence that spells it
//! `DE89370400440532013000`, and does not find `100` inside `21003`. It is evidence of where a value was first seen,
//! not of what anyone meant by it.

mod text;
mod token;

use std::sync::Arc;

use super::kleene::Kleene;
use super::reading::Reading;
use crate::limits;
use crate::number::Number;
use crate::request::View;
use text::{Part, Text};
use token::Needle;

macro_rules! origins {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+) => {
        /// Where text came from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Origin {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Origin {
            /// Every origin.
            pub const ALL: &[Origin] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

origins! {
    /// A person on the operator's side said it.
    User = "user",
    /// The operator's program said it.
    System = "system",
    /// A tool that is declared trustworthy returned it.
    Trusted = "trusted",
    /// Anything else.
    Untrusted = "untrusted",
}

impl Origin {
    /// The origin of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|origin| origin.code() == name)
    }
}

/// A set of origins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginSet(u8);

impl OriginSet {
    /// No origin.
    pub const EMPTY: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, origin: Origin) -> Self {
        Self(self.0 | 1 << origin as u8)
    }

    /// True if the origin is in the set.
    #[must_use]
    pub const fn contains(self, origin: Origin) -> bool {
        self.0 & (1 << origin as u8) != 0
    }
}

/// The text that a run has seen, indexed. A clone shares what was added before.
///
/// ```
/// use agent_os_core::policy::{Kleene, Origin, OriginSet, Provenance};
/// use agent_os_core::request::View;
/// let mut provenance = Provenance::default();
/// provenance.add(Origin::User, "Please pay 1,250.50 to DE89 3704 0044 0532 0130 00.");
/// let user = OriginSet::EMPTY.with(Origin::User);
/// assert_eq!(provenance.seen(&View::Str("de89370400440532013000"), user), Kleene::True);
/// assert_eq!(provenance.seen(&View::Float(1250.5), user), Kleene::True);
/// assert_eq!(provenance.seen(&View::Str("GB33BUKB20201555555555"), user), Kleene::False);
/// assert_eq!(provenance.seen(&View::Int(12), user), Kleene::Unknown); // too short to prove anything
/// ```
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    // INVARIANT: of one origin, each text is more than twice the next one, so there are few whatever was added.
    texts: Vec<(Origin, Arc<Text>)>,
    bytes: usize,
    bounded: bool,
}

impl Provenance {
    /// Adds text; text that was added before, from the same origin, adds nothing. Beyond the bound on a run's text it is dropped, and what is then not found is unknown.
    pub fn add(&mut self, origin: Origin, text: &str) {
        let room = limits::RUN_TEXT_BYTES.saturating_sub(self.bytes);
        let kept = if text.len() <= room {
            text
        } else {
            self.bounded = true;
            // Half a token is not a token: what is left of `500000` must not be found as `5000`.
            let cut = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let whole = text.get(..cut).unwrap_or_default();
            whole.rfind(char::is_whitespace).and_then(|end| whole.get(..end)).unwrap_or_default()
        };
        let added = Text::new(origin, kept);
        if added.len() > 0 && !self.has(origin, added.parts()) {
            self.push(origin, added);
        }
    }

    /// Adds all text of another run, each text once however often the two shared it: what a child saw becomes part of
    /// what its parent saw.
    ///
    /// ```
    /// use agent_os_core::policy::{Kleene, Origin, OriginSet, Provenance};
    /// use agent_os_core::request::View;
    /// let mut parent = Provenance::default();
    /// let mut child = parent.clone();
    /// child.add(Origin::Untrusted, "call 555-0100 now");
    /// parent.merge(&child);
    /// let untrusted = OriginSet::EMPTY.with(Origin::Untrusted);
    /// assert_eq!(parent.seen(&View::Str("555-0100"), untrusted), Kleene::True);
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.bounded |= other.bounded;
        for (origin, text) in &other.texts {
            if self.texts.iter().any(|(_, known)| Arc::ptr_eq(known, text)) {
                continue;
            }
            let mut room = limits::RUN_TEXT_BYTES.saturating_sub(self.bytes);
            let mut lost = false;
            let new = text.retain(|part| {
                let is_new = !self.has(*origin, std::slice::from_ref(part));
                let fits = part.bytes <= room;
                lost |= is_new && !fits;
                room -= if is_new && fits { part.bytes } else { 0 };
                is_new && fits
            });
            self.bounded |= lost;
            if new.len() > 0 {
                self.push(*origin, new);
            }
        }
    }

    fn has(&self, origin: Origin, parts: &[Part]) -> bool {
        let mut of_origin = self.texts.iter().filter(|(other, _)| *other == origin);
        parts.iter().all(|part| of_origin.clone().any(|(_, text)| text.has(part))) && of_origin.next().is_some()
    }

    fn push(&mut self, origin: Origin, mut added: Text) {
        self.bytes += added.parts().iter().map(|part| part.bytes).sum::<usize>();
        while let Some(at) = self.texts.iter().rposition(|(other, _)| *other == origin) {
            match self.texts.get(at) {
                Some((_, last)) if last.len() <= 2 * added.len() => {
                    added = Text::joined(last, &added);
                    self.texts.remove(at);
                }
                _ => break,
            }
        }
        self.texts.push((origin, Arc::new(added)));
    }

    /// Says that text was lost, so that what is not found is unknown.
    pub fn mark_bounded(&mut self) {
        self.bounded = true;
    }

    /// True if text was lost.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.bounded
    }

    /// True if the value occurs, as whole tokens in a row, in one text of one of the origins. Unknown for a value that
    /// is neither text nor a number, is shorter than four characters or too long, and for one that is not found after
    /// text was lost.
    #[must_use]
    pub fn seen(&self, value: &View<'_>, origins: OriginSet) -> Kleene {
        self.seen_reading(&Reading::of_view(value), origins)
    }

    pub(super) fn seen_reading(&self, value: &Reading<'_>, origins: OriginSet) -> Kleene {
        let needle = match value {
            Reading::Text(text) => Needle::of_text(text),
            Reading::Number(number) => number.with(number_needle),
            _ => None,
        };
        let Some(needle) = needle else { return Kleene::Unknown };
        let found = self.texts.iter().any(|(origin, text)| origins.contains(*origin) && text.contains(&needle));
        match (found, self.bounded) {
            (true, _) => Kleene::True,
            (false, true) => Kleene::Unknown,
            (false, false) => Kleene::False,
        }
    }
}

fn number_needle(number: &Number) -> Option<Needle> {
    let text = number.normal_text();
    (4..=limits::SEEN_VALUE_BYTES).contains(&text.len()).then(|| Needle::Tokens(vec![text]))
}

#[cfg(test)]
mod tests {
    use super::{Kleene, Origin, OriginSet, Provenance};
    use crate::limits;
    use crate::request::View;

    fn all() -> OriginSet {
        Origin::ALL.iter().fold(OriginSet::EMPTY, |set, origin| set.with(*origin))
    }

    fn seen(texts: &[&str], value: &str) -> Kleene {
        let mut provenance = Provenance::default();
        for text in texts {
            provenance.add(Origin::User, text);
        }
        provenance.seen(&View::Str(value), all())
    }

    #[test]
    fn whole_tokens_in_a_row_are_found() {
        let text = ["Send it to Alice Smith, 12 High Street (today)."];
        for value in ["Alice Smith", "alice", "High Street", "Smith, 12 High", "  today "] {
            let expected = if value == "alice" { Kleene::False } else { Kleene::True };
            assert_eq!(seen(&text, value), expected, "{value}");
        }
        for value in ["Alice High", "Smit", "lice Smith", "Street today tomorrow"] {
            assert_eq!(seen(&text, value), Kleene::False, "{value}");
        }
    }

    #[test]
    fn a_row_does_not_cross_from_one_text_into_the_next() {
        assert_eq!(seen(&["give Alice", "Smith money"], "Alice Smith"), Kleene::False);
        assert_eq!(seen(&["give Alice", "Smith money"], "Smith money"), Kleene::True);
    }

    #[test]
    fn short_empty_and_long_values_are_unknown() {
        let long = "word ".repeat(1_000);
        for value in ["", "   ", "abc", " abc ", "....", "\u{65}\u{301}ab", &long] {
            assert_eq!(seen(&["abc ab .... word"], value), Kleene::Unknown, "{value:?}");
        }
    }

    #[test]
    fn numbers_addresses_and_accounts_meet_in_one_form() {
        for (text, value) in [
            ("it costs 1,250.50 EUR", "1250.5"),
            ("it costs €1250.500!", "1,250.5"),
            ("temperature -12.30", "-12.3"),
            ("see HTTPS://Example.COM:443/ now", "https://example.com"),
            ("see http://example.com:8080/Path?x", "HTTP://EXAMPLE.com:8080/Path?x"),
            ("write to Bob@Example.COM.", "Bob@example.com"),
            ("IBAN: de89 3704 0044 0532 0130 00, thanks", "DE89370400440532013000"),
            ("account DE89370400440532013000;", "DE89 3704 0044 0532 0130 00"),
            ("caf\u{e9} noir", "cafe\u{301}"),
        ] {
            assert_eq!(seen(&[text], value), Kleene::True, "{text} / {value}");
        }
        for (text, value) in [
            ("https://example.com/a", "https://example.com"),
            ("https://example.com.evil.net", "https://example.com"),
            ("bob@example.com", "BOB@example.com"),
            ("DE89370400440532013001", "DE89370400440532013000"),
            ("21003", "1003"),
        ] {
            assert_eq!(seen(&[text], value), Kleene::False, "{text} / {value}");
        }
    }

    #[test]
    fn only_the_origins_that_are_asked_for_count() {
        let mut provenance = Provenance::default();
        provenance.add(Origin::Untrusted, "evil-account");
        let value = View::Str("evil-account");
        assert_eq!(provenance.seen(&value, OriginSet::EMPTY.with(Origin::User)), Kleene::False);
        assert_eq!(provenance.seen(&value, OriginSet::EMPTY.with(Origin::Untrusted)), Kleene::True);
    }

    #[test]
    fn what_is_not_found_after_the_bound_is_unknown() {
        let mut provenance = Provenance::default();
        provenance.add(Origin::User, "first-words");
        provenance.add(Origin::User, &format!("{} 500000", "x".repeat(limits::RUN_TEXT_BYTES - 16)));
        assert!(provenance.is_bounded());
        assert_eq!(provenance.seen(&View::Str("first-words"), all()), Kleene::True);
        assert_eq!(provenance.seen(&View::Str("5000"), all()), Kleene::Unknown);
        assert_eq!(provenance.seen(&View::Str("other"), all()), Kleene::Unknown);
        let mut lost = Provenance::default();
        lost.mark_bounded();
        assert_eq!(lost.seen(&View::Str("other"), all()), Kleene::Unknown);
    }

    #[test]
    fn a_clone_does_not_see_what_is_added_later() {
        let mut parent = Provenance::default();
        parent.add(Origin::User, "before");
        let mut child = parent.clone();
        child.add(Origin::Untrusted, "later");
        assert_eq!(parent.seen(&View::Str("later"), all()), Kleene::False);
        assert_eq!(child.seen(&View::Str("before"), all()), Kleene::True);
        assert_eq!(child.seen(&View::Str("later"), all()), Kleene::True);
    }

    #[test]
    fn what_two_runs_share_is_kept_once() {
        let mut parent = Provenance::default();
        parent.add(Origin::System, &"shared words ".repeat(1_000));
        for round in 0..50 {
            let mut child = parent.clone();
            child.add(Origin::System, &format!("child {round}-x"));
            parent.add(Origin::System, &format!("parent {round}-y"));
            parent.merge(&child);
            parent.merge(&child);
        }
        assert!(parent.bytes < 20_000, "{}", parent.bytes);
        for value in ["child 0-x", "child 49-x", "parent 49-y", "shared words"] {
            assert_eq!(parent.seen(&View::Str(value), all()), Kleene::True, "{value}");
        }
        assert_eq!(parent.seen(&View::Str("0-x parent"), all()), Kleene::False);
        let mut bounded = Provenance::default();
        bounded.mark_bounded();
        parent.merge(&bounded);
        assert!(parent.is_bounded());
    }

    #[test]
    fn merging_keeps_the_bound() {
        let half = |word: &str| format!("{word}{}", "x".repeat(limits::RUN_TEXT_BYTES * 3 / 5));
        let mut parent = Provenance::default();
        parent.add(Origin::User, &half("parent "));
        let mut other = Provenance::default();
        other.add(Origin::User, &half("others "));
        parent.merge(&other);
        assert!(parent.is_bounded() && parent.bytes <= limits::RUN_TEXT_BYTES);
        assert_eq!(parent.seen(&View::Str("others"), all()), Kleene::Unknown);
    }

    #[test]
    fn many_small_texts_stay_few() {
        let mut provenance = Provenance::default();
        for number in 0..5_000 {
            provenance.add(Origin::Untrusted, &format!("text number {number}-x"));
        }
        assert!(provenance.texts.len() < 16, "{}", provenance.texts.len());
        assert_eq!(provenance.seen(&View::Str("number 4321-x"), all()), Kleene::True);
        assert_eq!(provenance.seen(&View::Str("4321-x text"), all()), Kleene::False);
    }
}
