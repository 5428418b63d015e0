//! Strict reading of canonical JSON: only bytes that RFC 8785 would produce are accepted.

use std::borrow::Cow;

/// A JSON value. Numbers are kept as they are spelt, and so is text in which nothing is escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Deeper nesting is refused. Frozen arguments are far less deep.
const DEPTH: usize = 128;

/// Whole numbers of so many digits are below 2^53, and spelt as they are.
const EXACT: usize = 15;

impl<'a> Json<'a> {
    /// The value with exactly these canonical bytes.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        if parser.at == text.len() { Ok(value) } else { Err(parser.wrong("something follows the value")) }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number that this is.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Number(spelt) => spelt.parse().ok(),
            _ => None,
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, String> {
        if depth > DEPTH {
            return Err(self.wrong("it is nested too deeply"));
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
                for (word, value) in words {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.wrong("a value is missing, or there is a space"))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut entries: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        if self.eat(b'}') {
            return Ok(Json::Object(entries));
        }
        loop {
            let key = self.string()?;
            if !entries.last().is_none_or(|(before, _)| comes_before(before, &key)) {
                return Err(self.wrong("the keys are not in order, or one is there twice"));
            }
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            if self.eat(b'}') {
                return Ok(Json::Object(entries));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(Json::List(items));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        self.expect(b'"')?;
        let plain = self.rest().bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        let start = self.rest().get(..plain.unwrap_or(0)).unwrap_or_default();
        self.at += start.len();
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(start));
        }
        let mut text = start.to_owned();
        loop {
            let mut chars = self.rest().chars();
            let Some(next) = chars.next() else { return Err(self.wrong("a string does not end")) };
            match next {
                '"' => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                '\\' => {
                    let (escape, value) = self.escape().ok_or_else(|| self.wrong("this is not how to escape"))?;
                    self.at += escape;
                    text.push(value);
                }
                '\0'..='\x1f' => return Err(self.wrong("a control character is not escaped")),
                other => {
                    self.at += other.len_utf8();
                    text.push(other);
                }
            }
        }
    }

    /// The length and meaning of the escape here, if it is the one that RFC 8785 §3.2.2.2 prescribes.
    fn escape(&self) -> Option<(usize, char)> {
        let rest = self.rest();
        let short = [
            ("\\\"", '"'),
            ("\\\\", '\\'),
            ("\\b", '\u{8}'),
            ("\\t", '\t'),
            ("\\n", '\n'),
            ("\\f", '\u{c}'),
            ("\\r", '\r'),
        ];
        if let Some((escape, value)) = short.iter().find(|(escape, _)| rest.starts_with(escape)) {
            return Some((escape.len(), *value));
        }
        let value = (0..0x20_u8).map(char::from).find(|value| {
            let long = format!("\\u{:04x}", u32::from(*value));
            rest.starts_with(&long)
        })?;
        short.iter().all(|(_, known)| *known != value).then_some((6, value))
    }

    fn number(&mut self) -> Result<Json<'a>, String> {
        let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest().bytes().take_while(in_number).count();
        let spelt = self.rest().get(..length).unwrap_or_default();
        let whole = length <= EXACT && spelt.bytes().all(|byte| byte.is_ascii_digit());
        if whole && (length == 1 || !spelt.starts_with('0')) {
            self.at += length;
            return Ok(Json::Number(spelt));
        }
        let value: f64 = spelt.parse().map_err(|_| self.wrong("this is not a number"))?;
        // The number of the language that RFC 8785 takes its spelling from.
        if !value.is_finite() || ryu_js::Buffer::new().format(value) != spelt {
            return Err(self.wrong("this is not how to spell the number"));
        }
        self.at += length;
        Ok(Json::Number(spelt))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.eat(byte) { Ok(()) } else { Err(self.wrong(&format!("`{}` is missing", char::from(byte)))) }
    }

    fn wrong(&self, what: &str) -> String {
        format!("at its byte {}: {what}", self.at)
    }
}

/// Whether a key comes before another: by their UTF-16 code units, which for ASCII is by their bytes.
fn comes_before(key: &str, other: &str) -> bool {
    if key.is_ascii() && other.is_ascii() {
        key.as_bytes() < other.as_bytes()
    } else {
        key.encode_utf16().lt(other.encode_utf16())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use agent_os_core::canonical;
    use proptest::prelude::*;

    #[test]
    fn reads_canonical_text() {
        let text = r#"{"":[],"a":[null,true,false,-1,0,1e+30,1.5],"b":{"\n":"\u0001\"\\é😀"},"😀":{},"*":1}"#;
        // U+E000 sorts after the surrogates that UTF-16 spells 😀 with.
        let text = text.replace('*', "\u{e000}");
        let value = Json::read(text.as_bytes()).unwrap();
        assert_eq!(value.get("b").unwrap().get("\n").unwrap().text(), Some("\u{1}\"\\é😀"));
    }

    #[test]
    fn refuses_everything_that_is_spelt_another_way() {
        for text in [
            "",
            " 1",
            "1 ",
            "01",
            "-0",
            "1.0",
            "1E5",
            "1e5",
            "+1",
            "NaN",
            "9007199254740993",
            "tru",
            "[1,]",
            "[1 ,2]",
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a" :1}"#,
            "{\"\u{e000}\":1,\"😀\":2}",
            r#""\/""#,
            r#""\u0041""#,
            r#""\u000a""#,
            r#""\u001F""#,
            "\"\u{1}\"",
            "\"\\ud800\"",
            "\"a",
            "{",
            "[",
            r#"{"a"}"#,
            r#"{a:1}"#,
            "1e400",
        ] {
            assert!(Json::read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::read(b"\"\xff\"").is_err());
        assert!(Json::read("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_refused_or_means_something_else(text in ".{0,20}", at: prop::sample::Index, bit in 0..8_u8) {
            let bytes = canonical::encode(&text.as_str().into());
            let value = Json::read(&bytes).unwrap();
            let mut changed = bytes.clone();
            let place = at.index(changed.len());
            *changed.get_mut(place).unwrap() ^= 1 << bit;
            prop_assert_ne!(Json::read(&changed).ok(), Some(value));
        }
    }
}
