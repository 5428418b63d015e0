//! Cutting text into tokens and giving each the one form that all its spellings share.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::limits;
use crate::number::Decimal;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needle {
    /// Tokens in a row.
    Tokens(Vec<String>),
    /// A bank account, upper-case and without spaces.
    Iban(String),
}

impl Needle {
    /// `None` for text that is too short, too long or has no tokens: it proves nothing.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        if text.len() > limits::SEEN_VALUE_BYTES {
            return None;
        }
        let text = composed(text);
        if text.trim().chars().count() < 4 {
            return None;
        }
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if is_iban(&compact) {
            return Some(Self::Iban(compact.to_ascii_uppercase()));
        }
        let tokens: Vec<String> = raw_tokens(&text).into_iter().map(|token| normal(token).into_owned()).collect();
        (!tokens.is_empty()).then_some(Self::Tokens(tokens))
    }
}

/// The text in NFC.
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// The tokens of text that is in NFC, as they are spelt.
pub(super) fn raw_tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut before = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let after = characters.peek().map(|(_, next)| *next);
        if separates(before, character, after) {
            push_trimmed(text.get(start..at).unwrap_or_default(), &mut tokens);
            start = at + character.len_utf8();
        }
        before = Some(character);
    }
    push_trimmed(text.get(start..).unwrap_or_default(), &mut tokens);
    tokens
}

fn separates(before: Option<char>, character: char, after: Option<char>) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    match character {
        '\'' | '"' | '`' | '‘' | '’' | '“' | '”' | '«' | '»' => true,
        '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' => true,
        ';' | '|' | '=' | '!' => true,
        ',' => !(is_digit(before) && is_digit(after)),
        ':' => !(after == Some('/') || is_digit(after)),
        other => other.is_whitespace(),
    }
}

fn push_trimmed<'t>(token: &'t str, tokens: &mut Vec<&'t str>) {
    let is_edge = |c: char| matches!(c, '.' | ',' | '?' | '*' | '_' | '#' | '$' | '€' | '£' | '¥');
    let token = token.trim_start_matches(is_edge).trim_end_matches(|c| is_edge(c) || c == ':');
    if !token.is_empty() {
        tokens.push(token);
    }
}

/// The form that all spellings of one number, URL or e-mail address share; any other token is itself.
pub(super) fn normal(token: &str) -> Cow<'_, str> {
    match number(token).or_else(|| url(token)).or_else(|| email(token)) {
        Some(normal) => Cow::Owned(normal),
        None => Cow::Borrowed(token),
    }
}

/// `[+-]?` and `\d+` or `\d{1,3}(,\d{3})+`, then `(\.\d+)?`; digits are ASCII digits.
fn number(token: &str) -> Option<String> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !is_digits(fraction)) {
        return None;
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let is_grouped = whole.contains(',');
    let fits = is_digits(first)
        && (!is_grouped || first.len() <= 3)
        && groups.all(|group| group.len() == 3 && is_digits(group));
    if !fits {
        return None;
    }
    // `None` for more digits than a number may have: no such number can be looked for, but its text can.
    Decimal::parse(&token.replace(',', "")).map(|decimal| decimal.normal_text())
}

fn url(token: &str) -> Option<String> {
    if !token.starts_with(['h', 'H']) {
        return None;
    }
    let (scheme, rest) = token.split_once("://")?;
    let scheme = scheme.to_lowercase();
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    let host = host.to_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    let path = if path == "/" { "" } else { path };
    Some(format!("{scheme}://{user}{host}{path}"))
}

fn email(token: &str) -> Option<String> {
    let (name, domain) = token.split_once('@')?;
    let fits = !name.is_empty() && !domain.is_empty() && !domain.contains('@') && domain.contains('.');
    fits.then(|| format!("{name}@{}", domain.to_lowercase()))
}

/// ISO 13616: two letters, two digits, then letters and digits, 15 to 34 in all, and the remainder by 97 is 1.
pub(super) fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let [a, b, c, d, rest @ ..] = bytes else { return false };
    let fits = (15..=34).contains(&bytes.len())
        && a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
        && c.is_ascii_digit()
        && d.is_ascii_digit()
        && rest.iter().all(u8::is_ascii_alphanumeric);
    let digits = rest.iter().chain([a, b, c, d]);
    fits && digits.fold(0, |remainder: u32, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    }) == 1
}

/// The accounts among tokens: one token, or groups of four with a last group of one to four.
pub(super) fn ibans(tokens: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let is_group = |token: &str| token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for (start, first) in tokens.iter().enumerate() {
        let starts_like_one = matches!(first.as_bytes(), [a, b, c, d, ..]
            if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit());
        if !starts_like_one {
            continue;
        }
        if is_iban(first) {
            found.push(first.to_ascii_uppercase());
        }
        if first.len() != 4 {
            continue;
        }
        let mut joined = (*first).to_owned();
        for group in tokens.get(start + 1..).unwrap_or_default() {
            if group.len() > 4 || !is_group(group) || joined.len() + group.len() > 34 {
                break;
            }
            joined.push_str(group);
            if is_iban(&joined) {
                found.push(joined.to_ascii_uppercase());
            }
            if group.len() < 4 {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{ibans, is_iban, normal, raw_tokens};

    #[test]
    fn text_is_cut_where_the_definition_says() {
        let text = "Pay (1,000, or 2): «now», a=b; c|d! `e` 12:30 note: http://h:80/x, **bold** #tag _x_ $5. U.S.";
        let expected = [
            "Pay",
            "1,000",
            "or",
            "2",
            "now",
            "a",
            "b",
            "c",
            "d",
            "e",
            "12:30",
            "note",
            "http://h:80/x",
            "bold",
            "tag",
            "x",
            "5",
            "U.S",
        ];
        assert_eq!(raw_tokens(text), expected);
        assert!(raw_tokens(" ... ,, ").is_empty());
    }

    #[test]
    fn numbers_have_one_form() {
        for (token, expected) in [
            ("1,250.50", "1250.5"),
            ("+007", "7"),
            ("-0", "0"),
            ("0.50", "0.5"),
            ("12,34", "12,34"),
            ("1,2345", "1,2345"),
            ("1.", "1."),
            (".5", ".5"),
            ("1e5", "1e5"),
            ("１２", "１２"),
            ("1,000,000", "1000000"),
            ("-1,000.0", "-1000"),
        ] {
            assert_eq!(normal(token), expected);
        }
    }

    #[test]
    fn accounts_are_found_in_groups_and_whole() {
        assert!(is_iban("GB82WEST12345698765432") && is_iban("no9386011117947"));
        assert!(!is_iban("GB82WEST12345698765431") && !is_iban("GB82") && !is_iban("8282WEST12345698765432"));
        let tokens = ["to", "GB82", "WEST", "1234", "5698", "7654", "32", "or", "NO9386011117947"];
        assert_eq!(ibans(&tokens), ["GB82WEST12345698765432", "NO9386011117947"]);
    }
}
