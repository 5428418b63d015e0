//! The two spellings of bytes that a log's files use: lower-case hexadecimal and padded base64 (RFC 4648 §4, §8).

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

/// Padded base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as u8 & 63;
            text.push(if place > chunk.len() { '=' } else { letter(sextet) });
        }
    }
    text
}

/// The bytes of lower-case hexadecimal; nothing for any other text.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(value(*high)? << 4 | value(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

/// The bytes of padded base64 in the one spelling that [`base64`] gives; nothing for any other text.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for digit in digits.bytes() {
        let value = (0..64).find(|sextet| letter(*sextet) == char::from(digit))?;
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (base64(&bytes) == text).then_some(bytes)
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('?')
}

fn letter(sextet: u8) -> char {
    char::from(match sextet {
        0..26 => b'A' + sextet,
        26..52 => b'a' + (sextet - 26),
        52..62 => b'0' + (sextet - 52),
        62 => b'+',
        _ => b'/',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_the_examples_of_rfc_4648() {
        let cases = [
            ("", "", ""),
            ("f", "66", "Zg=="),
            ("fo", "666f", "Zm8="),
            ("foo", "666f6f", "Zm9v"),
            ("foob", "666f6f62", "Zm9vYg=="),
            ("fooba", "666f6f6261", "Zm9vYmE="),
            ("foobar", "666f6f626172", "Zm9vYmFy"),
        ];
        for (text, in_hex, in_base64) in cases {
            assert_eq!((hex(text.as_bytes()).as_str(), base64(text.as_bytes()).as_str()), (in_hex, in_base64));
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
        for (text, in_hex, in_base64) in cases {
            assert_eq!(from_hex(in_hex).as_deref(), Some(text.as_bytes()));
            assert_eq!(from_base64(in_base64).as_deref(), Some(text.as_bytes()));
        }
        for bad in ["Zg", "Zg=", "Zg===", "Zh==", "Zm9v\n", " Zm9v", "Zm9v====", "Zm8", "Zm9", "-_-_"] {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
        for bad in ["6", "6F", "0x", "+1", " 6"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
