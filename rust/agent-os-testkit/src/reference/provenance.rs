//! Whether a value stood in the run's text, token by token.

use unicode_normalization::UnicodeNormalization;

use super::condition::Truth;
use super::exact::Exact;
use agent_os_core::value::Value;

const TEXT_LIMIT: usize = 4 * 1024 * 1024;
const VALUE_LIMIT: usize = 4096;
const SHORTEST: usize = 4;

/// The text of a run, cut into tokens.
pub struct Texts {
    chunks: Vec<Chunk>,
    bounded: bool,
}

struct Chunk {
    origin: String,
    tokens: Vec<String>,
    accounts: Vec<String>,
}

impl Texts {
    /// Reads texts, each with the code of its origin.
    #[must_use]
    pub fn new(texts: &[(String, String)]) -> Self {
        let (mut room, mut bounded, mut chunks) = (TEXT_LIMIT, false, Vec::new());
        for (origin, text) in texts {
            let fits = (0..=room.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default();
            room -= fits.len();
            let whole = fits.len() == text.len();
            // The bound may cut a token in two, and half a token was never said.
            let kept = if whole { fits } else { fits.trim_end_matches(|c: char| !c.is_whitespace()) };
            bounded |= !whole;
            let raw = tokens(&kept.nfc().collect::<String>());
            chunks.push(Chunk {
                origin: origin.clone(),
                tokens: raw.iter().map(|token| normal(token)).collect(),
                accounts: accounts(&raw),
            });
        }
        Self { chunks, bounded }
    }

    /// Whether the value's tokens stand next to each other in a text of one of the origins.
    pub(super) fn seen(&self, value: &Value, origins: &[&str]) -> Truth {
        let (length, wanted) = match (value.as_text(), value.transparent()) {
            (Some(text), _) => {
                let composed: String = text.nfc().collect();
                let account = iban(&composed.chars().filter(|c| !c.is_whitespace()).collect::<String>());
                let ordinary = || tokens(&composed).iter().map(|token| normal(token)).collect();
                let length = if text.len() > VALUE_LIMIT { 0 } else { composed.trim().chars().count() };
                (length, account.map_or_else(ordinary, |account| vec![account]))
            }
            (None, Value::Number(number)) => {
                let text = Exact::of(number).text();
                (if text.len() > VALUE_LIMIT { 0 } else { text.len() }, vec![text])
            }
            _ => return None,
        };
        if length < SHORTEST || wanted.is_empty() {
            return None;
        }
        let found = self.chunks.iter().filter(|chunk| origins.contains(&chunk.origin.as_str())).any(|chunk| {
            let in_a_row = chunk.tokens.windows(wanted.len()).any(|window| window == wanted);
            let as_account = wanted.len() == 1 && wanted.first().is_some_and(|token| chunk.accounts.contains(token));
            in_a_row || as_account
        });
        if found {
            Some(true)
        } else if self.bounded {
            None
        } else {
            Some(false)
        }
    }
}

/// Cuts a text into tokens and strips what hangs on their ends.
fn tokens(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |place: Option<usize>| place.and_then(|place| characters.get(place)).copied().unwrap_or(' ');
    let mut tokens = vec![String::new()];
    for (place, &character) in characters.iter().enumerate() {
        let (before, after) = (at(place.checked_sub(1)), at(place.checked_add(1)));
        let splits = match character {
            ',' => !(before.is_ascii_digit() && after.is_ascii_digit()),
            ':' => !(after == '/' || after.is_ascii_digit()),
            '\'' | '"' | '`' | '‘' | '’' | '“' | '”' | '«' | '»' => true,
            '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' => true,
            ';' | '|' | '=' | '!' => true,
            other => other.is_whitespace(),
        };
        match tokens.last_mut() {
            Some(token) if !splits => token.push(character),
            _ => tokens.push(String::new()),
        }
    }
    let edge = |c: char| ".,?*_#$€£¥".contains(c);
    let stripped = tokens.iter().map(|token| token.trim_start_matches(edge).trim_end_matches(|c| edge(c) || c == ':'));
    stripped.filter(|token| !token.is_empty()).map(str::to_owned).collect()
}

/// One spelling for numbers, URLs and e-mail addresses that mean the same.
fn normal(token: &str) -> String {
    number(token).or_else(|| url(token)).or_else(|| mail(token)).unwrap_or_else(|| token.to_owned())
}

fn number(token: &str) -> Option<String> {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.iter().all(|group| digits(group))
        && groups.iter().skip(1).all(|group| group.len() == 3)
        && (groups.len() == 1 || groups.first().is_some_and(|group| group.len() <= 3));
    (grouped && fraction.is_none_or(digits)).then(|| Exact::read(&token.replace(',', "")).text())
}

fn url(token: &str) -> Option<String> {
    let (scheme, rest) = token.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let (user, place) = match authority.rfind('@') {
        Some(at) => authority.split_at(at + 1),
        None => ("", authority),
    };
    let host = place.to_lowercase();
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    Some(format!("{scheme}://{user}{host}{}", if after == "/" { "" } else { after }))
}

fn mail(token: &str) -> Option<String> {
    let (local, domain) = token.split_once('@')?;
    let one_sign = !domain.contains('@') && !local.is_empty();
    (one_sign && domain.contains('.')).then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// A valid IBAN in upper case (ISO 13616: the remainder of its digits by 97 is 1).
fn iban(text: &str) -> Option<String> {
    let [head, tail] = [text.get(..4)?, text.get(4..)?];
    let shape = head.chars().take(2).all(|c| c.is_ascii_alphabetic())
        && head.chars().skip(2).all(|c| c.is_ascii_digit())
        && tail.chars().all(|c| c.is_ascii_alphanumeric())
        && (15..=34).contains(&text.len());
    let remainder = tail
        .chars()
        .chain(head.chars())
        .filter_map(|c| c.to_digit(36))
        .fold(0, |remainder, digit| (if digit > 9 { remainder * 100 } else { remainder * 10 } + digit) % 97);
    (shape && remainder == 1).then(|| text.to_ascii_uppercase())
}

/// The account numbers of a text: of one token, or of tokens of four with a last one of one to four.
fn accounts(raw: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for start in 0..raw.len() {
        for end in start + 1..=raw.len().min(start + 9) {
            let Some((last, groups)) = raw.get(start..end).and_then(<[String]>::split_last) else { continue };
            let in_fours = groups.iter().all(|group| group.chars().count() == 4) && last.chars().count() <= 4;
            if groups.is_empty() || in_fours {
                found.extend(iban(&format!("{}{last}", groups.concat())));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Texts, Truth};
    use agent_os_core::canonical::parse_json;

    fn seen(text: &str, value: &str) -> Truth {
        let texts = Texts::new(&[("user".to_owned(), text.to_owned())]);
        let value = parse_json(value.as_bytes()).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(texts.seen(&value, &["system"]), texts.seen(&value, &["user"]).map(|_| false));
        texts.seen(&value, &["user"])
    }

    #[test]
    fn values_are_found_as_whole_tokens() {
        let text = "Pay €1,250.50 to (Bob.Smith@Example.COM), see https://A.Example:443/ — account: GB82 WEST 1234 5698 7654 32.";
        for value in [
            "1250.5",
            "\"1250.50\"",
            "\"Bob.Smith@example.com\"",
            "\"https://a.example\"",
            "\"gb82WEST12345698765432\"",
            "\"GB82 WEST 1234 5698 7654 32\"",
            "\"account: GB82\"",
            "\"see https://a.example:443\"",
        ] {
            assert_eq!(seen(text, value), Some(true), "{value}");
        }
        for value in ["12505", "\"bob.smith@example.com\"", "\"accounts\"", "\"to see\"", "\"GB82 WEST 5698\""] {
            assert_eq!(seen(text, value), Some(false), "{value}");
        }
        for value in ["\"Pay\"", "125", "\"  to \"", "\"....\"", "null", "[\"account\"]"] {
            assert_eq!(seen(text, value), None, "{value}");
        }
    }
}
