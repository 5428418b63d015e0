//! Picks out of an entry's JSON what it can be looked up by, and skips the rest.
//!
//! It believes nothing of the text: what is not JSON, or nested too deeply, is no entry. It does not check that the
//! form is canonical; that is for verification.

use std::borrow::Cow;

/// Deeper nesting is no entry.
const DEPTH: usize = 200;

/// What an entry can be looked up by.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts<'e> {
    pub(crate) kind: Cow<'e, str>,
    pub(crate) time: i64,
    pub(crate) agent: Option<Cow<'e, str>>,
    pub(crate) action: Option<Cow<'e, str>>,
    pub(crate) effect: Option<Cow<'e, str>>,
    pub(crate) status: Option<Cow<'e, str>>,
    pub(crate) pid: Option<u64>,
    pub(crate) parent: Option<u64>,
    pub(crate) intent: Option<u64>,
    pub(crate) rules: Vec<Cow<'e, str>>,
    pub(crate) labels: Vec<Cow<'e, str>>,
}

/// The facts of an entry; `None` if these bytes are none.
pub(crate) fn skim(entry: &[u8]) -> Option<Facts<'_>> {
    let mut facts = Facts::default();
    let mut timed = false;
    let mut text = Skimmer { text: std::str::from_utf8(entry).ok()?, at: 0 };
    text.object(&mut |key, text| {
        match key {
            "action" => facts.action = text.maybe_string()?,
            "agent" => facts.agent = text.maybe_string()?,
            "decision" => text.decision(&mut facts)?,
            "intent" => facts.intent = text.maybe_whole()?,
            "kind" => facts.kind = text.string()?,
            "labels" => text.strings(&mut facts.labels)?,
            "parent" => facts.parent = text.maybe_whole()?,
            "pid" => facts.pid = text.maybe_whole()?,
            "rules" => text.strings(&mut facts.rules)?,
            "run" => text.nested(&mut |key, text| match key {
                "labels" => text.strings(&mut facts.labels),
                _ => text.skip(0),
            })?,
            "status" => facts.status = text.maybe_string()?,
            "time" => {
                facts.time = text.number()?.parse().ok()?;
                timed = true;
            }
            _ => text.skip(0)?,
        }
        Some(())
    })?;
    if facts.kind == "denied.repeatedly" {
        // It has no decision of its own: it counts those that were like an earlier one.
        facts.effect = Some(Cow::Borrowed("deny"));
    }
    (text.at == entry.len() && timed && !facts.kind.is_empty()).then_some(facts)
}

struct Skimmer<'e> {
    text: &'e str,
    at: usize,
}

type Visit<'v, 'e> = dyn FnMut(&str, &mut Skimmer<'e>) -> Option<()> + 'v;

impl<'e> Skimmer<'e> {
    fn decision(&mut self, facts: &mut Facts<'e>) -> Option<()> {
        self.nested(&mut |key, text| match key {
            "effect" => {
                facts.effect = text.maybe_string()?;
                Some(())
            }
            "obligations" => text.nested(&mut |key, text| match key {
                "label" => text.strings(&mut facts.labels),
                "rules" => text.strings(&mut facts.rules),
                _ => text.skip(0),
            }),
            "rules" => text.strings(&mut facts.rules),
            _ => text.skip(0),
        })
    }

    /// An object, or something else that is skipped.
    fn nested(&mut self, visit: &mut Visit<'_, 'e>) -> Option<()> {
        if self.peek() == Some(b'{') { self.object(visit) } else { self.skip(0) }
    }

    fn object(&mut self, visit: &mut Visit<'_, 'e>) -> Option<()> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            visit(&key, self)?;
            if self.eat(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// The strings of a list; anything else is skipped.
    fn strings(&mut self, into: &mut Vec<Cow<'e, str>>) -> Option<()> {
        if self.peek() != Some(b'[') {
            return self.skip(0);
        }
        self.at += 1;
        if self.eat(b']') {
            return Some(());
        }
        loop {
            into.extend(self.maybe_string()?);
            if self.eat(b']') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    #[allow(clippy::option_option)]
    fn maybe_string(&mut self) -> Option<Option<Cow<'e, str>>> {
        if self.peek() == Some(b'"') { self.string().map(Some) } else { self.skip(0).map(|()| None) }
    }

    #[allow(clippy::option_option)]
    fn maybe_whole(&mut self) -> Option<Option<u64>> {
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            self.number().map(|number| number.parse().ok())
        } else {
            self.skip(0).map(|()| None)
        }
    }

    fn string(&mut self) -> Option<Cow<'e, str>> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    let raw = self.text.get(start..self.at)?;
                    self.at += 1;
                    return Some(Cow::Borrowed(raw));
                }
                b'\\' => break,
                _ => self.at += 1,
            }
        }
        let mut out = self.text.get(start..self.at)?.to_owned();
        loop {
            let run = self.at;
            while !matches!(self.peek()?, b'"' | b'\\') {
                self.at += 1;
            }
            out.push_str(self.text.get(run..self.at)?);
            if self.eat(b'"') {
                return Some(Cow::Owned(out));
            }
            self.at += 1;
            let escape = self.peek()?;
            self.at += 1;
            out.push(match escape {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    // Canonical form escapes control characters alone, so there are no halves of a character here.
                    let digits = self.text.get(self.at..self.at.checked_add(4)?)?;
                    self.at += 4;
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                b'"' | b'\\' | b'/' => char::from(escape),
                _ => return None,
            });
        }
    }

    fn number(&mut self) -> Option<&'e str> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        self.text.get(start..self.at).filter(|number| !number.is_empty())
    }

    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => self.skip_string(),
            open @ (b'{' | b'[') => {
                let close = if open == b'{' { b'}' } else { b']' };
                self.at += 1;
                if self.eat(close) {
                    return Some(());
                }
                loop {
                    if open == b'{' {
                        self.skip_string()?;
                        self.expect(b':')?;
                    }
                    self.skip(depth + 1)?;
                    if self.eat(close) {
                        return Some(());
                    }
                    self.expect(b',')?;
                }
            }
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => {
                let rest = self.text.get(self.at..)?;
                let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word))?;
                self.at += word.len();
                Some(())
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use agent_os_core::canonical;
    use agent_os_core::value::Value;
    use proptest::prelude::*;

    const ENTRY: &str = r#"{"action":"a.b","agent":"é\n\"x\"","args":{"agent":"other","kind":["x",{"pid":9}]},"decision":{"effect":"deny","obligations":{"label":["l1"],"rules":["r2"]},"reason":"x","rules":["r1"],"shadow":{"effect":"allow","rules":["never"]}},"intent":4,"kind":"denied","labels":["l2"],"parent":0,"pid":7,"rules":["r3"],"run":{"calls":1,"labels":["l3"]},"seq":5,"status":"returned","time":-12}"#;

    #[test]
    fn only_what_the_entry_itself_says_is_taken() {
        let facts = skim(ENTRY.as_bytes()).unwrap();
        assert_eq!((facts.kind.as_ref(), facts.time), ("denied", -12));
        assert_eq!((facts.agent.as_deref(), facts.action.as_deref()), (Some("é\n\"x\""), Some("a.b")));
        assert_eq!((facts.effect.as_deref(), facts.status.as_deref()), (Some("deny"), Some("returned")));
        assert_eq!((facts.pid, facts.parent, facts.intent), (Some(7), Some(0), Some(4)));
        assert_eq!((facts.rules.join(" "), facts.labels.join(" ")), ("r2 r1 r3".into(), "l1 l2 l3".into()));
    }

    #[test]
    fn what_is_cut_short_or_goes_on_is_no_entry() {
        for end in 0..ENTRY.len() {
            assert_eq!(ENTRY.as_bytes().get(..end).and_then(skim), None, "{end}");
        }
        assert_eq!(skim(format!("{ENTRY} ").as_bytes()), None);
        assert_eq!(skim(b"{}"), None);
        assert_eq!(skim(br#"{"kind":"x"}"#), None);
        let deep = format!(r#"{{"a":{}{},"kind":"x","time":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(skim(deep.as_bytes()), None);
    }

    #[test]
    fn a_field_of_another_type_is_as_if_it_were_not_there() {
        let facts = skim(br#"{"agent":7,"decision":null,"kind":"x","labels":[1,"l"],"pid":-1,"time":1}"#).unwrap();
        assert_eq!((facts.agent, facts.pid, facts.labels.join("")), (None, None, "l".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was_written(agent in ".{0,40}", label in any::<String>(), pid in 0..i64::MAX) {
            let run = Value::Map([("labels".to_owned(), Value::List(vec![label.as_str().into()]))].into());
            let entry = [
                ("agent", agent.as_str().into()),
                ("args", Value::List(vec![label.as_str().into(), run.clone()])),
                ("kind", "text".into()),
                ("pid", pid.into()),
                ("run", run),
                ("time", 1_i64.into()),
            ];
            let entry = canonical::encode(&Value::Map(entry.map(|(key, value)| (key.to_owned(), value)).into()));
            let facts = skim(&entry).unwrap();
            prop_assert_eq!(facts.agent.as_deref(), Some(agent.as_str()));
            prop_assert_eq!(facts.labels.first().map(AsRef::as_ref), Some(label.as_str()));
            // Beyond 2^53 the canonical form tags a number, and no run has such a number.
            prop_assert!(facts.pid.is_none_or(|found| Ok(found) == u64::try_from(pid)));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\",:a-z0-9.\\\\-]{0,60}") {
            let _ = skim(&bytes);
            let _ = skim(text.as_bytes());
        }
    }
}
