//! URLs, as the WHATWG URL standard reads them, less what programs that fetch URLs read in different ways: there the
//! host that is judged would not be the host that is asked.

use std::borrow::Cow;

use url::{Host, Url};

use super::host::{HostName, HostPattern, is_ambiguous, is_usual};
use super::kleene::Kleene;
use crate::limits;

/// What conditions ask of a URL.
#[derive(Debug)]
pub(super) enum UrlTest {
    // INVARIANT: lower case.
    Scheme(Box<[Box<str>]>),
    Host(Box<[HostPattern]>),
    Port(Box<[u16]>),
    Private(bool),
}

/// The parts of a URL that conditions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebUrl {
    scheme: Cow<'static, str>,
    /// `None`: there is none, or readers disagree about it.
    host: Option<HostName>,
    /// The port that is written, or the scheme's own.
    port: Option<u16>,
    private: Kleene,
}

/// Schemes of the web as they are usually written, with their ports.
const USUAL: &[(&str, &str, u16)] =
    &[("https", "https://", 443), ("http", "http://", 80), ("wss", "wss://", 443), ("ws", "ws://", 80)];

impl WebUrl {
    /// `None` for what is no absolute URL, and for one that readers take apart in different ways.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > limits::URL_BYTES || !is_plain(text) {
            return None;
        }
        Self::usual(text).or_else(|| Self::standard(text))
    }

    /// A URL of the web in its usual spelling, read without the standard's repairs, of which it needs none. `None` says
    /// nothing. A test compares the two on texts of all pieces.
    fn usual(text: &str) -> Option<Self> {
        let (scheme, own, rest) =
            USUAL.iter().find_map(|(scheme, start, port)| Some((*scheme, *port, text.strip_prefix(start)?)))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let hierarchy = path.split(['?', '#']).next()?;
        if hierarchy.contains('\\') {
            return None;
        }
        let (written, port) = match authority.split_once(':') {
            Some((written, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (written, port.parse().ok()?),
            Some(_) => return None,
            None => (authority, own),
        };
        let host = HostName::plain(written)?;
        let private = Kleene::from(host.is_private());
        Some(Self { scheme: Cow::Borrowed(scheme), host: Some(host), port: Some(port), private })
    }

    /// Whatever else is a URL.
    fn standard(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let after = text.get(url.scheme().len() + 1..)?;
        let end = after.find(['?', '#']).unwrap_or(after.len());
        // SECURITY: some readers take a backslash for a slash, so the host would end there for them alone.
        let hierarchy = after.get(..end).filter(|part| !part.contains('\\'))?;
        let Some(authority) = authority(hierarchy, url.is_special() && url.scheme() != "file")? else {
            let scheme = Cow::Owned(url.scheme().to_owned());
            return Some(Self { scheme, host: None, port: None, private: Kleene::Unknown });
        };
        let written = host_written(authority)?;
        let (host, private) = judged(&url, written);
        let scheme = Cow::Owned(url.scheme().to_owned());
        Some(Self { scheme, host, port: url.port_or_known_default(), private })
    }

    pub(super) fn passes(&self, test: &UrlTest) -> Kleene {
        match test {
            UrlTest::Scheme(schemes) => Kleene::from(schemes.iter().any(|scheme| **scheme == *self.scheme)),
            UrlTest::Host(patterns) => match &self.host {
                Some(host) => Kleene::from(patterns.iter().any(|pattern| pattern.matches(host))),
                None => Kleene::Unknown,
            },
            UrlTest::Port(ports) => match self.port {
                Some(port) => Kleene::from(ports.contains(&port)),
                None => Kleene::Unknown,
            },
            UrlTest::Private(expected) => {
                if *expected {
                    self.private
                } else {
                    !self.private
                }
            }
        }
    }
}

/// False for text that WHATWG strips or repairs and others do not: controls anywhere, space at the ends.
fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| byte < b' ' || byte == 0x7f) && !text.starts_with(' ') && !text.ends_with(' ')
}

/// What stands between `//` and the path. `Some(None)`: there is nothing of the kind. `None`: readers disagree, because
/// the scheme must have one and the slashes are too few or too many.
fn authority(hierarchy: &str, must: bool) -> Option<Option<&str>> {
    match hierarchy.strip_prefix("//") {
        Some(rest) if must && rest.starts_with('/') => None,
        Some(rest) => Some(rest.split('/').next()),
        None if must => None,
        None => Some(None),
    }
}

/// The host as it is written, without user and port. `None` if readers disagree about where it starts or what it says.
fn host_written(authority: &str) -> Option<&str> {
    let (user, place) = match authority.split_once('@') {
        Some((user, place)) => (user, place),
        None => ("", authority),
    };
    // SECURITY: with a second `@`, or with brackets in the user's part, it is not clear where the host starts.
    let is_user_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte);
    if place.contains('@') || !user.bytes().all(is_user_byte) {
        return None;
    }
    let port = place.rfind(':').filter(|at| place.get(*at..).is_some_and(|rest| !rest.contains(']')));
    // A user or a port without a host is no authority.
    place.get(..port.unwrap_or(place.len())).filter(|host| !host.is_empty() || authority.is_empty())
}

/// The host, and whether it is private. An IPv4 address in an odd spelling may be another one for another reader, so
/// it is never shown to be public.
fn judged(url: &Url, written: &str) -> (Option<HostName>, Kleene) {
    let parsed = match url.host() {
        None => None,
        // A scheme that the standard does not know keeps its host as it is written; clients resolve it like any other.
        Some(Host::Domain(name)) if !url.is_special() => HostName::parse(name),
        Some(_) if is_ambiguous(written) => None,
        Some(host) => HostName::of(host),
    };
    match parsed {
        None => (None, Kleene::Unknown),
        Some(HostName::Address(address)) if !is_usual(written, address) => {
            let private = HostName::Address(address).is_private();
            (None, if private { Kleene::True } else { Kleene::Unknown })
        }
        Some(host) => {
            let private = Kleene::from(host.is_private());
            (Some(host), private)
        }
    }
}

/// Reads a scheme of a policy: `https`.
pub(super) fn parse_scheme(text: &str) -> Option<Box<str>> {
    let fits = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    fits.then(|| text.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{HostPattern, UrlTest, WebUrl};
    use crate::limits;
    use crate::policy::kleene::Kleene::{self, False, True, Unknown};
    use proptest::prelude::*;

    fn is_private(text: &str) -> Kleene {
        WebUrl::parse(text).map_or(Unknown, |url| url.passes(&UrlTest::Private(true)))
    }

    fn has_host(text: &str, host: &str) -> Kleene {
        let test = UrlTest::Host([HostPattern::parse(host).unwrap()].into());
        WebUrl::parse(text).map_or(Unknown, |url| url.passes(&test))
    }

    #[test]
    fn what_readers_take_apart_differently_is_unknown() {
        let long = format!("https://example.com/{}", "a".repeat(limits::URL_BYTES));
        for text in [
            "",
            "example.com",
            "//example.com/",
            "/a",
            "http:example.com",
            "http:/example.com",
            "http:///example.com",
            "https://example.com\\@evil.net/",
            "https:\\\\example.com/",
            " https://example.com/",
            "https://example.com/ ",
            "https://exam\tple.com/",
            "https://example.com/\n",
            "ht\ntp://example.com",
            "https://a@b@example.com/",
            "https://[a]@example.com/",
            "https://example.com:99999/",
            "https://ex ample.com/",
            "https://:80/",
            "https://",
            "https://[::1",
            "https://[fe80::1%25eth0]/",
            "https://exa<mple.com/",
            &long,
        ] {
            assert_eq!(WebUrl::parse(text), None, "{text:?}");
        }
        for text in [
            "https://ex%61mple.com/",
            "https://straße.example/",
            "https://a..b/",
            "https://example.com../",
            "mailto:a@example.com",
            "example.com:80",
            "file:///etc/passwd",
            "data:,x",
        ] {
            assert_eq!(has_host(text, "example.com"), Unknown, "{text:?}");
        }
    }

    const PIECES: &[&str] = &[
        "https://",
        "http://",
        "ws://",
        "wss://",
        "ftp://",
        "HTTP://",
        "://",
        "/",
        "\\",
        "?",
        "#",
        "@",
        ":",
        ":443",
        ":80",
        ":0",
        ":65535",
        ":65536",
        ":00080",
        "example",
        "example.com",
        "Example",
        "a",
        "-",
        "-a",
        "a-",
        "--",
        "xn--",
        "xn--bcher-kva",
        ".",
        "..",
        "0x7f",
        "127",
        "1",
        "com",
        "localhost",
        ".local",
        "é",
        "ß",
        "%41",
        "%",
        " ",
        "\t",
        "[::1]",
        "<",
        "_",
        "+",
        "&",
        "~",
        "|",
        "^",
        "",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_short_way_says_what_the_standard_says(
            start in prop::sample::select(&["https://", "https://example.com", "http://a", "ws://a.b", ""][..]),
            parts in prop::collection::vec(prop::sample::select(PIECES), 0..7),
        ) {
            let text = format!("{start}{}", parts.concat());
            if let Some(usual) = WebUrl::usual(&text).filter(|_| super::is_plain(&text)) {
                prop_assert_eq!(Some(usual), WebUrl::standard(&text), "{:?}", text);
            }
        }
    }

    #[test]
    fn the_usual_goes_the_short_way() {
        for text in
            ["https://example.com", "http://docs.example.com:8080/a/b.html?q=1#c", "https://xn-a.example/é", "wss://a"]
        {
            assert!(WebUrl::usual(text).is_some(), "{text}");
        }
        for text in [
            "https://Example.com",
            "https://a@example.com",
            "https://1.2.3.4",
            "https://xn--a.example",
            "https://example.com.",
        ] {
            assert!(WebUrl::usual(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_host_is_compared_in_one_form() {
        for text in [
            "https://example.com",
            "HTTPS://EXAMPLE.com:443/a?b#c",
            "https://example.com./",
            "https://u:p@example.com/",
            "https://example.com?@evil.net",
            "https://example.com#@evil.net",
            "redis://Example.com",
            "https://ｅxample。com/",
        ] {
            assert_eq!(has_host(text, "example.com"), True, "{text:?}");
        }
        for text in [
            "https://example.com@evil.net/",
            "https://example.com.evil.net/",
            "https://evil.net/example.com",
            "https://a.example.com/",
        ] {
            assert_eq!(has_host(text, "example.com"), False, "{text:?}");
        }
    }

    #[test]
    fn a_private_address_is_found_in_every_spelling() {
        for text in [
            "http://127.0.0.1",
            "http://2130706433",
            "http://0x7f000001/",
            "http://0177.0.0.1",
            "http://127.1",
            "http://0x7f.1",
            "http://[::1]",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:7f00:1]",
            "http://[0:0:0:0:0:ffff:a9fe:a9fe]",
            "http://127.0.0.1./",
            "http://１２７.０.０.１/",
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "http://localhost:8080/",
            "http://LOCALHOST./",
            "http://a.localhost",
            "http://intranet/",
            "http://printer.local",
            "http://kubernetes.default.svc/api",
            "http://db.default.svc.cluster.local:5432",
            "http://vault.service.consul:8200/",
            "http://vault.consul.",
            "http://HOME.ARPA/",
            "http://x.test",
            "https://router.lan",
            "http://0/",
            "http://[::]",
            "http://u:p@10.0.0.1:80",
            "redis://0x7f.1:6379",
            "ws://192.168.0.1",
            "http://[64:ff9b::10.0.0.1]",
            "http://[2002:a00:1::]",
        ] {
            assert_eq!(is_private(text), True, "{text:?}");
        }
        for text in [
            "https://example.com",
            "http://8.8.8.8",
            "http://[2606:4700::1111]/",
            "http://localhost.example.com",
            "https://10.0.0.1.example.com/",
            "https://lan.example.com",
            "https://svc.io",
            "https://myconsul.io/",
        ] {
            assert_eq!(is_private(text), False, "{text:?}");
        }
        // Octal to one reader and decimal to another, which would be a private address.
        assert_eq!(is_private("http://010.0.0.1"), Unknown);
    }

    #[test]
    fn ports_are_known_where_the_scheme_has_one() {
        let port = |text: &str, port: u16| {
            WebUrl::parse(text).map_or(Unknown, |url| url.passes(&UrlTest::Port([port].into())))
        };
        assert_eq!(port("https://example.com", 443), True);
        assert_eq!(port("https://example.com:8443", 443), False);
        assert_eq!(port("redis://example.com", 443), Unknown);
        assert_eq!(port("redis://example.com:6379", 6379), True);
    }
}
