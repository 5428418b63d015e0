//! Reading JSON with our tags, strictly (canonical bytes only) or leniently (any JSON).

use std::collections::BTreeMap;

use super::{compare_keys, encode};
use crate::limits;
use crate::number::{Decimal, MAX_SAFE_INTEGER, Number};
use crate::time::{Date, DateTime};
use crate::value::{EnumValue, Value};

/// Levels of JSON arrays and objects that are followed. Tags and log entries nest deeper than arguments do.
const JSON_DEPTH: usize = 4 * limits::DEPTH;

/// Why bytes could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Offset of the first byte that does not fit.
    pub offset: usize,
    /// What was expected or is wrong there.
    pub what: &'static str,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "not canonical JSON at byte {}: {}", self.offset, self.what)
    }
}

impl std::error::Error for DecodeError {}

/// Reads canonical bytes and nothing else: whatever is accepted encodes to the same bytes again.
///
/// ```
/// use agent_os_core::canonical::{decode, encode};
/// let bytes = br#"{"a":{"$date":"2026-01-31"},"b":[1,true,null]}"#;
/// assert_eq!(encode(&decode(bytes).unwrap()), bytes);
/// assert!(decode(br#"{"b":1, "a":2}"#).is_err());
/// ```
///
/// # Errors
/// Names the first byte that does not fit.
pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let value = decode_to_compare(bytes)?;
    let again = encode(&value);
    if again == bytes {
        return Ok(value);
    }
    let offset = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(DecodeError { offset, what: "the value has another canonical spelling" })
}

/// As [`decode`], for a caller that encodes what it makes of the value and compares the bytes itself.
///
/// SECURITY: without that comparison, some other spellings pass.
pub(crate) fn decode_to_compare(bytes: &[u8]) -> Result<Value, DecodeError> {
    Parser { bytes, at: 0, canonical: true, exact: false }.document()
}

/// Reads any JSON, with the same tags. A number with a fraction or exponent becomes the exact decimal that it spells.
///
/// ```
/// use agent_os_core::canonical::{encode, parse_json};
/// let value = parse_json(b"{ \"b\": 1, \"a\": 0.10 }").unwrap();
/// assert_eq!(encode(&value), br#"{"a":{"$decimal":"0.10"},"b":1}"#);
/// ```
///
/// # Errors
/// Names the first byte that does not fit. Repeated keys are an error.
pub fn parse_json(bytes: &[u8]) -> Result<Value, DecodeError> {
    Parser { bytes, at: 0, canonical: false, exact: true }.document()
}

/// Reads any JSON, with the same tags, and its numbers as [`decode`] reads them: a fraction makes a float.
///
/// ```
/// use agent_os_core::canonical::{encode, parse_floats};
/// assert_eq!(encode(&parse_floats(b"[1.0, 0.5]").unwrap()), b"[1,0.5]");
/// ```
///
/// # Errors
/// Names the first byte that does not fit. Repeated keys are an error.
pub fn parse_floats(bytes: &[u8]) -> Result<Value, DecodeError> {
    Parser { bytes, at: 0, canonical: false, exact: false }.document()
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    canonical: bool,
    // Numbers with a fraction are decimals as spelt, not floats.
    exact: bool,
}

impl Parser<'_> {
    fn document(mut self) -> Result<Value, DecodeError> {
        let mut value = self.value(0)?;
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.fault("something follows the value"));
        }
        resolve(&mut value).map_err(|what| DecodeError { offset: 0, what })?;
        Ok(value)
    }

    fn fault(&self, what: &'static str) -> DecodeError {
        DecodeError { offset: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while !self.canonical && matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), DecodeError> {
        if self.eat(byte) { Ok(()) } else { Err(self.fault(what)) }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, DecodeError> {
        if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.fault("expected a value"))
    }

    fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        if depth > JSON_DEPTH {
            return Err(self.fault("nested too deeply"));
        }
        self.space();
        match self.peek() {
            Some(b'n') => self.word(b"null", Value::Null),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'"') => self.string().map(Value::Str),
            Some(b'[') => self.list(depth).map(Value::List),
            Some(b'{') => self.entries(depth).map(Value::Map),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault("expected a value")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, DecodeError> {
        self.expect(b'[', "expected `[`")?;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(items);
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    fn entries(&mut self, depth: usize) -> Result<BTreeMap<String, Value>, DecodeError> {
        self.expect(b'{', "expected `{`")?;
        let mut entries = BTreeMap::new();
        if self.eat(b'}') {
            return Ok(entries);
        }
        let mut previous = String::new();
        loop {
            self.space();
            let start = self.at;
            let key = self.string()?;
            if self.canonical {
                if !entries.is_empty() && compare_keys(&previous, &key).is_ge() {
                    return Err(DecodeError { offset: start, what: "the keys are not in order" });
                }
                previous.clone_from(&key);
            }
            self.expect(b':', "expected `:`")?;
            let value = self.value(depth + 1)?;
            if entries.insert(key, value).is_some() {
                return Err(DecodeError { offset: start, what: "the key was there before" });
            }
            if self.eat(b'}') {
                return Ok(entries);
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a string"));
        }
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let clean = rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
            text.extend_from_slice(rest.get(..clean).unwrap_or_default());
            self.at += clean;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return String::from_utf8(text).map_err(|_| self.fault("the string is not UTF-8"));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escape()?;
                    text.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return Err(self.fault("the string does not end, or holds a bare control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DecodeError> {
        let letter = self.peek();
        self.at += 1;
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).ok_or_else(|| self.fault("a lone surrogate"));
                }
                if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) {
                    return Err(self.fault("a lone surrogate"));
                }
                self.at += 2;
                let second = self.unit()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(self.fault("a lone surrogate"));
                }
                let point = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(point).ok_or_else(|| self.fault("a lone surrogate"));
            }
            _ => return Err(self.fault("an unknown escape")),
        })
    }

    fn unit(&mut self) -> Result<u32, DecodeError> {
        let digits = self.bytes.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| self.fault("expected four hexadecimal digits"))
    }

    fn number(&mut self) -> Result<Value, DecodeError> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let length =
            rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let text = rest.get(..length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let whole = text.strip_prefix('-').unwrap_or(text);
        let leading_zero = whole.len() > 1
            && whole.starts_with('0')
            && !whole.starts_with("0.")
            && !whole.starts_with("0e")
            && !whole.starts_with("0E");
        if let Some(small) = small_integer(text).filter(|_| !leading_zero) {
            self.at += length;
            return Ok(Value::Number(Number::Int(small)));
        }
        let decimal = Decimal::parse(text).filter(|_| !leading_zero);
        let Some(decimal) = decimal else {
            return Err(self.fault("not a number, or one with too many digits"));
        };
        self.at += length;
        if !self.exact {
            let float = || text.parse().ok().and_then(Number::from_f64);
            let exact = text.parse().ok().filter(|value: &i64| value.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs());
            return exact
                .map(Number::Int)
                .or_else(float)
                .map(Value::Number)
                .ok_or(DecodeError { offset: start, what: "the number is too large" });
        }
        let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-'));
        Ok(Value::Number(if plain { integer(decimal) } else { Number::Decimal(decimal) }))
    }
}

/// An integer that is one in every reading: most are, and need no decimal on the way.
fn small_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_small = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    // `-0` is left to the reading, which says what becomes of it.
    if is_small && text != "-0" { text.parse().ok() } else { None }
}

fn integer(decimal: Decimal) -> Number {
    match decimal.to_string().parse() {
        Ok(value) => Number::Int(value),
        Err(_) => Number::BigInt(decimal),
    }
}

/// Turns tagged objects into what they stand for, outermost first: what an escape holds is not a tag.
fn resolve(value: &mut Value) -> Result<(), &'static str> {
    match value {
        Value::List(items) => items.iter_mut().try_for_each(resolve),
        Value::Map(entries) => {
            let tag = entries.keys().next().filter(|key| is_tag(entries, key)).cloned();
            match tag {
                Some(tag) => {
                    *value = untag(&tag, entries.remove(&tag).unwrap_or(Value::Null))?;
                    Ok(())
                }
                None => resolve_entries(entries),
            }
        }
        _ => Ok(()),
    }
}

fn is_tag(entries: &BTreeMap<String, Value>, key: &str) -> bool {
    entries.len() == 1 && key.starts_with('$')
}

fn resolve_entries(entries: &mut BTreeMap<String, Value>) -> Result<(), &'static str> {
    entries.values_mut().try_for_each(resolve)
}

fn untag(tag: &str, content: Value) -> Result<Value, &'static str> {
    match (tag, content) {
        ("$int", Value::Str(text)) => Decimal::parse(&text)
            .filter(|value| value.is_plain_integer() && value.to_string() == text)
            .map(|value| Value::Number(integer(value)))
            .ok_or("`$int` does not hold an integer"),
        ("$decimal", Value::Str(text)) => Decimal::parse(&text)
            .map(|value| Value::Number(Number::Decimal(value)))
            .ok_or("`$decimal` does not hold a decimal"),
        ("$bytes", Value::Str(text)) => read_base64(&text).map(Value::Bytes).ok_or("`$bytes` does not hold base64"),
        ("$date", Value::Str(text)) => Date::parse(&text).map(Value::Date).ok_or("`$date` does not hold a date"),
        ("$datetime", Value::Str(text)) => {
            DateTime::parse(&text).map(Value::DateTime).ok_or("`$datetime` does not hold a date with a time")
        }
        ("$uuid", Value::Str(text)) if is_uuid(&text) => Ok(Value::Uuid(text)),
        ("$path", Value::Str(text)) => Ok(Value::Path(text)),
        ("$set", Value::List(mut items)) => {
            items.iter_mut().try_for_each(resolve)?;
            Ok(Value::set(items))
        }
        ("$map", Value::Map(mut inner)) if inner.keys().all(|key| is_tag(&inner, key)) && !inner.is_empty() => {
            resolve_entries(&mut inner)?;
            Ok(Value::Map(inner))
        }
        ("$enum", Value::Map(mut member)) => {
            match (member.remove("class"), member.remove("name"), member.remove("value")) {
                (Some(Value::Str(class)), Some(Value::Str(name)), Some(mut value)) if member.is_empty() => {
                    resolve(&mut value)?;
                    Ok(Value::Enum(Box::new(EnumValue { class, name, value })))
                }
                _ => Err("`$enum` does not hold a class, a name and a value"),
            }
        }
        _ => Err("an unknown tag, or one that does not fit what it holds"),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn read_base64(text: &str) -> Option<Vec<u8>> {
    let body = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if text.len() % 4 != 0 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits) = (0_u32, 0_u32);
    for letter in body.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        group = (group << 6 | u32::from(six)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits) as u8);
        }
    }
    (group & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            (-1e300f64..1e300).prop_map(|float| Value::Number(Number::Float(float))),
            (any::<i64>(), -20i32..20).prop_map(|(digits, exponent)| {
                Value::Number(Number::Decimal(Decimal::parse(&format!("{digits}E{exponent}")).unwrap()))
            }),
            any::<u128>()
                .prop_filter("64 bits fit an int", |value| *value > u128::from(u64::MAX))
                .prop_map(|value| { Value::Number(Number::BigInt(Decimal::parse(&value.to_string()).unwrap())) }),
            "\\PC{0,8}".prop_map(Value::Str),
            any::<String>().prop_map(Value::Str),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
            (-700_000..2_900_000).prop_map(|days| Value::Date(Date { days })),
            Just(Value::DateTime(DateTime::parse("2026-01-01T10:00:00.5+01:00").unwrap())),
            Just(Value::Uuid("12345678-1234-1234-1234-123456789abc".into())),
            "/[a-z]{0,5}".prop_map(Value::Path),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let key = prop_oneof!["\\$(map|int|set|x)", "[a-z$\u{e000}\u{10000}é]{0,3}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::set),
                proptest::collection::btree_map(key, inner.clone(), 0..4).prop_map(Value::Map),
                inner.prop_map(|value| {
                    Value::Enum(Box::new(EnumValue { class: "m.Color".into(), name: "RED".into(), value }))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_to_the_same_bytes(value in any_value()) {
            let bytes = encode(&value);
            let back = decode(&bytes).unwrap();
            prop_assert_eq!(encode(&back), bytes);
        }

        #[test]
        fn decoding_never_panics_and_accepts_only_canonical_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = decode(&bytes) {
                prop_assert_eq!(encode(&value), bytes);
            }
        }

        #[test]
        fn any_changed_byte_is_another_value_or_an_error(value in any_value(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let bytes = encode(&value);
            let mut changed = bytes.clone();
            let at = at.index(bytes.len());
            changed[at] ^= flip;
            if let Ok(other) = decode(&changed) {
                prop_assert_eq!(encode(&other), changed);
            }
        }
    }

    #[test]
    fn escapes_and_order_are_those_of_rfc_8785() {
        // RFC 8785 §3.2.3, sorted by UTF-16 code units.
        let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let value = parse_json(text.as_bytes()).unwrap();
        let names: Vec<String> =
            String::from_utf8(encode(&value)).unwrap().split('"').skip(3).step_by(4).map(str::to_owned).collect();
        assert_eq!(
            names,
            [
                "Carriage Return",
                "One",
                "Control",
                "Latin Small Letter O With Diaeresis",
                "Euro Sign",
                "Emoji: Grinning Face",
                "Hebrew Letter Dalet With Dagesh"
            ]
        );
    }

    #[test]
    fn escaped_maps_keep_their_looks() {
        let escaped = br#"{"$map":{"$int":"5"}}"#;
        let Value::Map(entries) = decode(escaped).unwrap() else { panic!("not a map") };
        assert_eq!(entries.get("$int"), Some(&Value::from("5")));
        assert_eq!(encode(&Value::Map(entries)), escaped);
        for bad in [
            r#"{"$map":{"a":1}}"#,
            r#"{"$map":{}}"#,
            r#"{"$map":1}"#,
            r#"{"$who":1}"#,
            r#"{"$int":"5"}"#,
            r#"{"$int":"1.0"}"#,
            r#"{"$bytes":"AB="}"#,
            r#"{"$bytes":"AB=="}"#,
        ] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
