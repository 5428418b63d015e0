//! Mail addresses: one plain address, `local@domain`. Display names, quoted local parts, comments, several addresses
//! and routes (`%`, `!`) are not plain, and different readers send them to different people.

use super::host;

/// Octets of an address (RFC 5321, section 4.5.3.1, with erratum 1690).
const ADDRESS_BYTES: usize = 254;
/// Octets of a local part.
const LOCAL_BYTES: usize = 64;

/// The domain of an address in the form in which it is compared; `None` for anything but one plain address.
pub(super) fn domain(address: &str) -> Option<Box<str>> {
    if address.len() > ADDRESS_BYTES {
        return None;
    }
    let (local, domain) = address.split_once('@').filter(|(_, domain)| !domain.contains('@'))?;
    // `atext` of RFC 5322, without the `!` and `%` of old routes.
    let is_atext = |byte: u8| byte.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&byte);
    let is_local =
        local.len() <= LOCAL_BYTES && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
    if is_local { host::mail_domain(domain) } else { None }
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn a_plain_address_has_one_domain() {
        for (address, expected) in [
            ("ada@example.com", "example.com"),
            ("Ada.Byron+x@EXAMPLE.com", "example.com"),
            ("ada@bücher.example", "xn--bcher-kva.example"),
            ("o'hara@localhost", "localhost"),
        ] {
            assert_eq!(domain(address).as_deref(), Some(expected));
        }
    }

    #[test]
    fn anything_else_has_none() {
        let long = format!("{}@example.com", "a".repeat(65));
        for address in [
            "",
            "@",
            "a@",
            "@example.com",
            "ada",
            "ada@evil.net@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "\"ada\"@example.com",
            "\"a@evil.net\"@example.com",
            "ada@example.com,eve@evil.net",
            "ada@example.com eve@evil.net",
            "ada(x)@example.com",
            "ada@example.com(x)",
            "ada@[127.0.0.1]",
            "ada@127.0.0.1",
            "ada@example.com.",
            "ada@example..com",
            ".ada@example.com",
            "ada.@example.com",
            "a..b@example.com",
            "ada%evil.net@example.com",
            "evil.net!ada@example.com",
            "mailto:ada@example.com",
            "ada@example.com\n",
            " ada@example.com",
            "ada@exam\u{200d}ple.com",
            "adä@example.com",
            "ada@example.com>",
            "ada;eve@example.com",
            "ada\u{0}@example.com",
            &long,
        ] {
            assert_eq!(domain(address), None, "{address:?}");
        }
    }
}
