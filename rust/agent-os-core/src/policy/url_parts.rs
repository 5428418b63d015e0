//! What the WHATWG URL standard finds in a text, without the doubts that conditions have: for comparing with other
//! readers. Where the crate is behind the standard, this says what the standard says.

use url::Url;

/// The scheme, host and port that the WHATWG URL standard finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlParts {
    /// Lower case, without the colon.
    pub scheme: String,
    /// As it is serialised, an IPv6 address in brackets; `None` if there is none, or an empty one.
    pub host: Option<String>,
    /// The port that is written, unless it is the scheme's own.
    pub port: Option<u16>,
}

/// Takes a URL apart as the WHATWG URL standard does, relative to another one if there is one: `None` for what must
/// not be parsed. Conditions answer less: what programs read in different ways is unknown to them.
///
/// ```
/// use agent_os_core::policy::url_parts;
/// let parts = url_parts("HTTP://ex%61mple.com:80/", None).unwrap();
/// assert_eq!((parts.scheme.as_str(), parts.host.as_deref(), parts.port), ("http", Some("example.com"), None));
/// assert!(url_parts("//example.com", None).is_none());
/// ```
#[must_use]
pub fn url_parts(text: &str, base: Option<&str>) -> Option<UrlParts> {
    let text = cleaned(text);
    match base {
        None => absolute(&text),
        Some(base) => {
            let base = cleaned(base);
            relative(&text, &base, &absolute(&base)?)
        }
    }
}

/// Without what the standard strips: controls and space at the ends, tabs and line breaks anywhere.
fn cleaned(text: &str) -> String {
    text.trim_matches(|c: char| c <= ' ').chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect()
}

fn parts(url: &Url) -> UrlParts {
    let host = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned);
    UrlParts { scheme: url.scheme().to_owned(), host, port: url.port() }
}

fn absolute(text: &str) -> Option<UrlParts> {
    match Url::parse(text) {
        Ok(url) if url.scheme() == "file" => Some(UrlParts { host: file_host(text)?, ..parts(&url) }),
        // The crate lets a user stand before a host that is empty.
        Ok(url) if text.contains("://@") && url.host_str().is_none_or(str::is_empty) => None,
        Ok(url) => Some(parts(&url)),
        Err(_) => undecodable(text),
    }
}

/// A name of ASCII is taken as it is, also where a label says `xn--` and decodes to nothing. The crate refuses it, so it
/// is shown another prefix of the same length.
fn undecodable(text: &str) -> Option<UrlParts> {
    let lower = text.to_ascii_lowercase();
    if !text.is_ascii() || !lower.contains("xn--") {
        return None;
    }
    let stand_in = ["qa--", "qb--", "qc--"].into_iter().find(|stand_in| !lower.contains(stand_in))?;
    let mut found = parts(&Url::parse(&lower.replace("xn--", stand_in)).ok()?);
    found.host = found.host.map(|host| host.replace(stand_in, "xn--"));
    Some(found)
}

/// The host of a `file:` URL, which the crate forgets before a drive's letter. `Some(None)`: it has none.
fn file_host(text: &str) -> Option<Option<String>> {
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let after = text.split_once(':')?.1;
    let Some(rest) = after.strip_prefix(is_slash).and_then(|rest| rest.strip_prefix(is_slash)) else {
        return Some(None);
    };
    let end = rest.find(|c| is_slash(c) || matches!(c, '?' | '#')).unwrap_or(rest.len());
    let host = rest.get(..end)?;
    Some(parts(&Url::parse(&format!("file://{host}/")).ok()?).host)
}

fn relative(text: &str, base: &str, of_base: &UrlParts) -> Option<UrlParts> {
    let url = Url::parse(base).ok()?;
    let after = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("file:")).and_then(|_| text.get(5..));
    let slashes = |text: &str| text.chars().take_while(|c| matches!(c, '/' | '\\')).count();
    if url.scheme() == "file" {
        let rest = after.unwrap_or(text);
        let joined = url.join(text).ok()?;
        if joined.scheme() != "file" {
            return Some(parts(&joined));
        }
        let host = if slashes(rest) >= 2 { file_host(&format!("file:{rest}"))? } else { of_base.host.clone() };
        return Some(UrlParts { host, ..parts(&joined) });
    }
    if url.is_special() && slashes(text) >= 2 {
        return absolute(&format!("{}:{text}", url.scheme()));
    }
    if !url.is_special() && !url.cannot_be_a_base() && text.starts_with('\\') {
        return Some(of_base.clone());
    }
    match url.join(text) {
        Ok(joined) if joined.scheme() == "file" => absolute(text),
        Ok(joined) => Some(parts(&joined)),
        Err(_) => undecodable(text),
    }
}
