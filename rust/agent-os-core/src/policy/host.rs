//! Names of hosts and mail domains, in the one form in which they are compared: ASCII by IDNA (UTS 46), lower case,
//! without the dot at the end.

use core::net::IpAddr;

use url::Host;

use super::ip;

/// Characters that the versions of IDNA map to different names (UTS 46, section 4), with the capital form of one.
const DEVIATIONS: &[char] = &['\u{df}', '\u{1e9e}', '\u{3c2}', '\u{200c}', '\u{200d}'];

/// Endings of names that are resolved on a private network or not at all, whoever owns the name elsewhere (RFC 6761,
/// 6762, 8375, 9476; ICANN's `internal`, where clouds keep their metadata, and the names that it withholds because so
/// many networks use them; what routers, clusters and service registries give out).
const PRIVATE_ENDINGS: &[&str] = &[
    ".localhost",
    ".localdomain",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".home.arpa",
    ".corp",
    ".private",
    ".mail",
    ".test",
    ".invalid",
    ".alt",
    ".svc",
    ".consul",
];

/// Whom a URL is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    // INVARIANT: ASCII, lower case, labels that are not empty, no dot at the end.
    Name(Box<str>),
    // INVARIANT: canonical: IPv4 inside IPv6 is IPv4.
    Address(IpAddr),
}

impl HostName {
    /// Reads a host as the WHATWG URL standard does; `None` if it is none, or if readers disagree about it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if is_ambiguous(text) { None } else { Self::of(Host::parse(text).ok()?) }
    }

    /// A host that was read, unless it has an empty part.
    pub(super) fn of<S: AsRef<str>>(host: Host<S>) -> Option<Self> {
        match host {
            Host::Domain(name) => Self::named(name.as_ref()),
            Host::Ipv4(address) => Some(Self::Address(address.into())),
            Host::Ipv6(address) => Some(Self::Address(IpAddr::from(address).to_canonical())),
        }
    }

    /// The host that a text is by its letters alone: labels in lower case, of which the last one starts with a letter,
    /// so that no IPv4 address is meant, and nothing for IDNA to decode. `None` says nothing.
    pub(super) fn plain(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            let letters = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            letters && !label.is_empty() && !label.starts_with("xn--")
        };
        let last = text.rsplit('.').next()?;
        let is_name = last.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('.').all(is_label);
        is_name.then(|| Self::Name(text.into()))
    }

    /// The name, which is ASCII and lower case by now, without the dot that ends an absolute name (RFC 1034).
    fn named(ascii: &str) -> Option<Self> {
        let name = ascii.strip_suffix('.').unwrap_or(ascii);
        name.split('.').all(|label| !label.is_empty()).then(|| Self::Name(name.into()))
    }

    /// True for what is not on the public internet: by its number, or by its name. Names are not resolved.
    pub(super) fn is_private(&self) -> bool {
        match self {
            Self::Address(address) => ip::is_private(*address),
            Self::Name(name) => {
                !name.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| is_or_is_below(name, ending))
            }
        }
    }
}

fn is_or_is_below(name: &str, ending: &str) -> bool {
    name.ends_with(ending) || ending.strip_prefix('.') == Some(name)
}

/// True for a host that is percent-encoded, or that the versions of IDNA map to different names.
pub(super) fn is_ambiguous(written: &str) -> bool {
    written.contains('%') || (!written.is_ascii() && written.contains(DEVIATIONS))
}

/// The domain of a mail address in the form in which it is compared; `None` if it is none, or if readers disagree.
pub(super) fn mail_domain(text: &str) -> Option<Box<str>> {
    // RFC 5321 has no dot at the end of a domain, and other literals than names are in brackets.
    if text.ends_with(['.', '。', '．', '｡']) {
        return None;
    }
    match HostName::plain(text).or_else(|| HostName::parse(text))? {
        HostName::Name(name)
            if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) =>
        {
            Some(name)
        }
        HostName::Name(_) | HostName::Address(_) => None,
    }
}

/// What a policy says of hosts: one of them, or those below a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostPattern {
    Exact(HostName),
    // INVARIANT: starts with a dot.
    Below(Box<str>),
}

impl HostPattern {
    /// Reads `example.com`, `.example.com` (what is below it, and not itself) or an address.
    ///
    /// # Errors
    /// Says what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('*') {
            return Err("for every name below one write `.example.com`");
        }
        if text.contains(['/', '@']) || text.contains("://") {
            return Err("write the host alone, without scheme, user or path");
        }
        let (name, below) = match text.strip_prefix('.') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_bare_v6 = !below && name.parse::<core::net::Ipv6Addr>().is_ok();
        let parsed = if is_bare_v6 { HostName::parse(&format!("[{name}]")) } else { HostName::parse(name) };
        match (parsed, below) {
            (Some(HostName::Name(name)), true) => Ok(Self::Below(format!(".{name}").into())),
            (Some(HostName::Address(address)), false) if is_usual(name, address) => {
                Ok(Self::Exact(HostName::Address(address)))
            }
            (Some(HostName::Name(name)), false) => Ok(Self::Exact(HostName::Name(name))),
            _ if name.contains(DEVIATIONS) => Err(
                "write the name in ASCII (`xn--…`): its characters are mapped to different names by different readers",
            ),
            _ if name.contains(':') => Err("write the host alone; `port` compares ports"),
            _ => Err("write a host name such as `example.com`, `.example.com` for those below it, or an address"),
        }
    }

    pub(super) fn matches(&self, host: &HostName) -> bool {
        match (self, host) {
            (Self::Exact(own), host) => own == host,
            (Self::Below(ending), HostName::Name(name)) => name.ends_with(&**ending) && name.len() > ending.len(),
            (Self::Below(_), HostName::Address(_)) => false,
        }
    }

    /// The same for the domain of a mail address.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        match self {
            Self::Exact(HostName::Name(own)) => **own == *name,
            Self::Exact(HostName::Address(_)) => false,
            Self::Below(ending) => name.ends_with(&**ending) && name.len() > ending.len(),
        }
    }
}

/// False for the short, octal and hexadecimal spellings of an IPv4 address.
pub(super) fn is_usual(written: &str, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => written.contains(':') || written == v4.to_string(),
        IpAddr::V6(_) => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{HostName, HostPattern, mail_domain};

    #[test]
    fn names_meet_in_one_form() {
        for (a, b) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("ｅxample。com", "example.com"),
        ] {
            assert_eq!(HostName::parse(a), HostName::parse(b), "{a}");
            assert!(HostName::parse(a).is_some());
        }
        for text in
            ["", ".", "a..b", "example.com..", "ex%61mple.com", "straße.example", "a b", "a/b", "xn--a", "\u{200d}"]
        {
            assert!(HostName::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn below_a_name_is_not_the_name_itself() {
        let below = HostPattern::parse(".Example.com").unwrap();
        let matches = |text: &str| below.matches(&HostName::parse(text).unwrap());
        assert!(matches("a.example.com") && matches("a.b.example.com."));
        assert!(!matches("example.com") && !matches("badexample.com") && !matches("example.com.evil.net"));
        assert!(HostPattern::parse("::1").unwrap().matches(&HostName::parse("[0:0::1]").unwrap()));
        assert!(HostPattern::parse("1.2.3.4").unwrap().matches(&HostName::parse("[::ffff:1.2.3.4]").unwrap()));
    }

    #[test]
    fn a_pattern_is_a_host_and_nothing_else() {
        for text in [
            "*.example.com",
            "https://example.com",
            "example.com/a",
            "u@example.com",
            "example.com:80",
            "",
            ".",
            "..a",
            ".1.2.3.4",
            "0x7f.1",
            "a b",
            "straße.de",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mail_domains_are_names() {
        assert_eq!(mail_domain("Bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        for text in ["1.2.3.4", "[1.2.3.4]", "example.com.", "a_b.com", "exa,mple.com", ""] {
            assert!(mail_domain(text).is_none(), "{text}");
        }
    }
}
