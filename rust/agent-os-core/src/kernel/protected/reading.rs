//! The ways in which programs read one text: as it is, percent-decoded, as a shell without its quotes and backslashes,
//! and with backslashes for slashes.

use std::borrow::Cow;

/// Every reading of a text that differs from the others.
pub(super) fn readings(text: &str) -> Vec<Cow<'_, str>> {
    let mut readings = vec![Cow::Borrowed(text)];
    for other in [decoded(text), unquoted(text), slashed(text)] {
        if matches!(other, Cow::Owned(_)) {
            readings.push(other);
        }
    }
    readings
}

/// How segments of protected paths are compared: as [`Bare`] reads them.
pub(super) fn folded(segment: &str) -> String {
    let bare = String::from_utf8_lossy(&Bare::new(segment.as_bytes()).collect::<Vec<u8>>()).into_owned();
    // A name of quotes alone is compared as it is.
    if bare.is_empty() { segment.to_owned() } else { bare }
}

/// With slashes for backslashes.
pub(super) fn slashed(text: &str) -> Cow<'_, str> {
    if text.contains('\\') { Cow::Owned(text.replace('\\', "/")) } else { Cow::Borrowed(text) }
}

fn decoded(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if !bytes.windows(3).any(|three| escaped(three).is_some()) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((first, after)) = rest.split_first() {
        match escaped(rest) {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn unquoted(text: &str) -> Cow<'_, str> {
    if !text.contains(['"', '\'', '\\']) {
        return Cow::Borrowed(text);
    }
    let joined = text.replace("\\\n", "");
    Cow::Owned(joined.replace(['"', '\'', '\\'], ""))
}

/// The byte that an escape at the start stands for.
fn escaped(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

/// The bytes of a text, decoded and unquoted at once and without a copy: a name that is in any reading is in these.
pub(super) struct Bare<'t> {
    rest: &'t [u8],
}

impl<'t> Bare<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { rest: text }
    }
}

impl Iterator for Bare<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let (first, after) = self.rest.split_first()?;
            match first {
                b'"' | b'\'' => self.rest = after,
                b'\\' => self.rest = after.strip_prefix(b"\n").unwrap_or(after),
                b'%' => match escaped(self.rest) {
                    // What was escaped may be a quote in turn; a shell that reads it takes that away.
                    Some(b'"' | b'\'' | b'\\') => self.rest = self.rest.get(3..)?,
                    Some(byte) => {
                        self.rest = self.rest.get(3..)?;
                        return Some(byte);
                    }
                    None => {
                        self.rest = after;
                        return Some(b'%');
                    }
                },
                byte => {
                    self.rest = after;
                    return Some(*byte);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bare, readings};

    #[test]
    fn a_text_without_escapes_and_quotes_has_one_reading() {
        assert_eq!(readings("cat /a/b 100% %zz"), ["cat /a/b 100% %zz"]);
    }

    #[test]
    fn every_reading_is_one_that_a_program_has() {
        assert_eq!(readings(r#"a%2Fb"c\d"#), [r#"a%2Fb"c\d"#, r#"a/b"c\d"#, "a%2Fbcd", r#"a%2Fb"c/d"#]);
        assert_eq!(readings("po\\\nlicy"), ["po\\\nlicy", "policy", "po/\nlicy"]);
    }

    #[test]
    fn what_is_in_a_reading_is_in_the_bare_bytes() {
        for text in [r#"po"li"cy"#, "%70olicy", "po\\\nlicy", r"dir\policy", "policy%"] {
            let bare: Vec<u8> = Bare::new(text.as_bytes()).collect();
            assert!(String::from_utf8_lossy(&bare).contains("policy"), "{text}");
        }
    }
}
