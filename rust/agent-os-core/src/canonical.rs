//! The canonical form: JSON in the order and escapes of RFC 8785, with tags for what JSON cannot hold exactly.
//!
//! A tag is an object whose only key starts with `$`. A real map of that shape is escaped as `{"$map": {…}}`, so that
//! different values have different bytes. The one exception is deliberate: a float without a fraction is written as
//! RFC 8785 writes it, so `1.0` and `1` are one number with one form.

mod parse;

pub(crate) use parse::decode_to_compare;
pub use parse::{DecodeError, decode, parse_floats, parse_json};

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::number::{MAX_SAFE_INTEGER, Number};
use crate::value::Value;

/// The keys that tag what JSON cannot hold, with what they stand for.
pub const TAGS: &[(&str, &str)] = &[
    ("$bytes", "bytes, as padded base64"),
    ("$date", "a date, YYYY-MM-DD"),
    ("$datetime", "a date with a time, ISO 8601"),
    ("$decimal", "a decimal, as it was spelt"),
    ("$enum", "a member of an enumeration: its class, name and value"),
    ("$int", "an integer beyond ±2^53"),
    ("$map", "a map whose only key starts with `$`"),
    ("$path", "a file system path"),
    ("$set", "a set, sorted by its members' canonical bytes"),
    ("$uuid", "a UUID"),
];

/// The canonical bytes of a value.
///
/// ```
/// use agent_os_core::{canonical, value::Value};
/// let value = Value::from([("b", Value::from(1)), ("a", Value::from("é\n"))]);
/// assert_eq!(canonical::encode(&value), "{\"a\":\"é\\n\",\"b\":1}".as_bytes());
/// ```
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write(value, &mut out);
    out
}

/// Appends the canonical bytes of a value.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::Str(text) => write_str(text, out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::Date(date) => write_tagged("$date", &date.to_string(), out),
        Value::DateTime(instant) => write_tagged("$datetime", instant.text(), out),
        Value::Uuid(text) => write_tagged("$uuid", text, out),
        Value::Path(text) => write_tagged("$path", text, out),
        Value::Enum(member) => {
            open_enum(&member.class, &member.name, out);
            write(&member.value, out);
            out.extend_from_slice(b"}}");
        }
        Value::List(items) => write_list(items, out),
        Value::Set(items) => {
            out.extend_from_slice(b"{\"$set\":");
            write_list(items, out);
            out.push(b'}');
        }
        Value::Map(entries) => {
            let escaped = entries.len() == 1 && entries.keys().all(|key| key.starts_with('$'));
            if escaped {
                out.extend_from_slice(b"{\"$map\":");
            }
            write_entries(entries, out, |_, value, _, out| write(value, out));
            if escaped {
                out.push(b'}');
            }
        }
    }
}

/// Appends `{…}` with the entries of a map in the order of their keys. `write` appends a value; it is told the key and
/// where its entry starts, the comma before it included.
pub(crate) fn write_entries(
    entries: &BTreeMap<String, Value>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&str, &Value, usize, &mut Vec<u8>),
) {
    out.push(b'{');
    let mut separator = None;
    let mut entry = |(key, value): (&String, &Value)| {
        let start = out.len();
        out.extend(separator.replace(b','));
        write_str(key, out);
        out.push(b':');
        write(key, value, start, out);
    };
    // The map is in the order of UTF-8, which differs only beyond the basic plane.
    if entries.keys().all(|key| key.is_ascii()) {
        entries.iter().for_each(entry);
    } else {
        let mut sorted: Vec<_> = entries.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| compare_keys(a, b));
        sorted.into_iter().for_each(&mut entry);
    }
    out.push(b'}');
}

fn write_list(items: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// Appends a number.
pub fn write_number(number: &Number, out: &mut Vec<u8>) {
    match number {
        Number::Int(value) => write_int(*value, out),
        Number::BigInt(value) => write_tagged("$int", &value.to_string(), out),
        Number::Float(value) => write_float(*value, out),
        Number::Decimal(value) => write_tagged("$decimal", &value.to_string(), out),
    }
}

/// Appends an integer: plain within ±2^53, tagged beyond.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    if value.unsigned_abs() > MAX_SAFE_INTEGER.unsigned_abs() {
        write_tagged("$int", &value.to_string(), out);
        return;
    }
    write_digits(value, out);
}

/// Appends the digits of an integer.
fn write_digits(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        if let Some(digit) = digits.get_mut(start) {
            *digit = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Appends a finite float in ECMAScript's spelling (RFC 8785 §3.2.2.3).
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(ryu_js::Buffer::new().format_finite(value).as_bytes());
}

/// Appends `{"tag":"text"}`.
pub fn write_tagged(tag: &str, text: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    write_str(tag, out);
    out.push(b':');
    write_str(text, out);
    out.push(b'}');
}

/// Appends tagged bytes.
pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$bytes\":\"");
    write_base64(bytes, out);
    out.extend_from_slice(b"\"}");
}

/// Appends the head of an enumeration's member, up to where its value goes; close with `}}`.
pub fn open_enum(class: &str, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"$enum\":{\"class\":");
    write_str(class, out);
    out.extend_from_slice(b",\"name\":");
    write_str(name, out);
    out.extend_from_slice(b",\"value\":");
}

/// Appends padded base64 (RFC 4648 §4).
pub fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for position in 0..4 {
            let six_bits = (group >> (18 - 6 * position)) & 63;
            let letter = ALPHABET.get(six_bits as usize).copied().unwrap_or(b'=');
            out.push(if position <= chunk.len() { letter } else { b'=' });
        }
    }
}

/// Appends a string with the escapes of RFC 8785 §3.2.2.2.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    // Without branches, so that many bytes are looked at in one step: most texts need no escape.
    if bytes.iter().fold(true, |clean, &byte| clean & (byte >= 0x20) & (byte != b'"') & (byte != b'\\')) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut clean_from = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(clean_from..index).unwrap_or_default());
        clean_from = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX.get(usize::from(control >> 4)).copied().unwrap_or(b'0'));
                out.push(HEX.get(usize::from(control & 15)).copied().unwrap_or(b'0'));
            }
        }
    }
    out.extend_from_slice(bytes.get(clean_from..).unwrap_or_default());
    out.push(b'"');
}

/// The order of keys: by UTF-16 code units (RFC 8785 §3.2.3).
#[must_use]
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    // The two orders differ only where a character beyond the basic plane meets one of U+E000 to U+FFFF.
    if a.is_ascii() || b.is_ascii() {
        return a.cmp(b);
    }
    a.encode_utf16().cmp(b.encode_utf16())
}
