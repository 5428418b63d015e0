//! URLs, hosts, addresses and mail addresses, by regular expressions and tables of prefixes. Hosts are ASCII: names in
//! other scripts are compared with another implementation from Python.
#![allow(clippy::indexing_slicing, reason = "digits of one length; a panic here is a comparison that failed")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use agent_os_core::value::Value;
use regex::Regex;

use super::condition::Truth;
use super::{items, text};

static URL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)(?:[?#].*)?$"));
static AUTHORITY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:([^\[\]@]*)@)?(\[[^\]@]*\]|[^:@\[\]]*)(?::([0-9]*))?$"));
static MAIL: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"^[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)$")
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// A host in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

/// The truth of an operator of URLs.
pub(super) fn url(name: &str, value: &str, operand: &Value) -> Truth {
    let odd = value.chars().any(|c| c < ' ' || c == '\u{7f}') || value.trim_matches(' ') != value || value.len() > 8192;
    let parts = URL.captures(value).filter(|_| !odd)?;
    let (scheme, path) = (parts[1].to_ascii_lowercase(), &parts[3]);
    let authority = parts.get(2).map(|found| found.as_str());
    let known = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];
    let own = known.iter().find(|(known, _)| *known == scheme).map(|(_, port)| *port);
    if path.contains('\\') || authority.is_some_and(|part| part.contains('\\')) {
        return None;
    }
    if own.is_some() && authority.is_none_or(str::is_empty) {
        return None;
    }
    let mut place = (None, None, None);
    if let Some(authority) = authority.filter(|_| scheme != "file") {
        place = read_authority(authority, own)?;
    }
    let (host, private, port) = place;
    match name {
        "scheme" => Some(one_or_more(operand).iter().any(|wanted| text(wanted).eq_ignore_ascii_case(&scheme))),
        "host" => host.map(|host| one_or_more(operand).iter().any(|wanted| is_host(&host, text(wanted)))),
        "port" => port.map(|port: i64| one_or_more(operand).contains(&port.into())),
        _ => private.map(|private: bool| Value::Bool(private) == *operand),
    }
}

type Place = (Option<Host>, Option<bool>, Option<i64>);

/// Host, whether it is private, and port; nothing if the whole is malformed.
fn read_authority(authority: &str, own: Option<i64>) -> Option<Place> {
    let parts = AUTHORITY.captures(authority)?;
    let user = parts.get(1).map_or("", |found| found.as_str());
    if !user.chars().all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(c)) {
        return None;
    }
    let written = &parts[2];
    let port = match parts.get(3).map(|found| found.as_str()).filter(|digits| !digits.is_empty()) {
        Some(digits) => Some(digits.parse().ok().filter(|port| *port <= 65535)?),
        None => own,
    };
    if written.is_empty() {
        let nothing_else = parts.get(1).is_none() && parts.get(3).is_none();
        return (own.is_none() && nothing_else).then_some((None, None, None));
    }
    if let Some(inner) = written.strip_prefix('[') {
        let address: Ipv6Addr = inner.trim_end_matches(']').parse().ok()?;
        let host = plain(address.into());
        return Some((Some(Host::Address(host)), Some(private(host)), port));
    }
    if written.chars().any(|c| " #/:<>?@[\\]^|".contains(c)) {
        return None;
    }
    let mut labels: Vec<&str> = written.split('.').collect();
    if labels.len() > 1 && labels.last() == Some(&"") {
        labels.pop();
    }
    let last = labels.last().copied().unwrap_or_default();
    let is_number = !last.is_empty() && last.chars().all(|c| c.is_ascii_digit());
    if is_number || part_of_v4(last).is_some_and(|_| last.to_ascii_lowercase().starts_with("0x")) {
        // A scheme without rules of its own keeps the text, but no client can resolve it either.
        let Some(address) = odd_v4(&labels) else { return own.is_none().then_some((None, None, port)) };
        let is_private = private(IpAddr::V4(address));
        return Some(if address.to_string() == written {
            (Some(Host::Address(address.into())), Some(is_private), port)
        } else {
            (None, is_private.then_some(true), port)
        });
    }
    if written.contains('%') {
        return Some((None, None, port));
    }
    if labels.contains(&"") {
        return Some((None, None, port));
    }
    let name = labels.join(".").to_ascii_lowercase();
    let endings = "localhost localdomain local internal intranet lan home home.arpa corp private mail test invalid alt svc consul";
    let is_private =
        labels.len() == 1 || endings.split(' ').any(|ending| format!(".{name}").ends_with(&format!(".{ending}")));
    Some((Some(Host::Name(name)), Some(is_private), port))
}

fn part_of_v4(part: &str) -> Option<u64> {
    let lower = part.to_ascii_lowercase();
    match (lower.strip_prefix("0x"), lower.strip_prefix('0')) {
        (Some(""), _) | (None, Some("")) => Some(0),
        (Some(hex), _) => u64::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) => u64::from_str_radix(octal, 8).ok(),
        (None, None) => lower.parse().ok(),
    }
}

fn odd_v4(labels: &[&str]) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = labels.iter().map(|label| part_of_v4(label)).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|number| *number > 255) || *last >= 256_u64.pow(4 - first.len() as u32) {
        return None;
    }
    let high: u64 = first.iter().enumerate().map(|(place, number)| number << (24 - 8 * place)).sum();
    Some(Ipv4Addr::from(u32::try_from(high + last).ok()?))
}

/// An address in the form in which it is compared.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

const PRIVATE: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
];

/// Forms that carry an IPv4 address, and after how many bits.
const CARRIERS: &[(&str, u32)] = &[("::ffff:0:0/96", 96), ("64:ff9b::/96", 96), ("2002::/16", 16)];

fn carried(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let bits = u128::from(v6);
    let isatap = lies_in(address, "2000::/3") && matches!((bits >> 32) as u32, 0x5efe | 0x0200_5efe);
    let from = CARRIERS.iter().find(|(network, _)| lies_in(address, network)).map(|(_, from)| *from);
    let from = from.or(isatap.then_some(96))?;
    Some(Ipv4Addr::from((bits >> (96 - from)) as u32))
}

fn private(address: IpAddr) -> bool {
    let judged = carried(address).map_or(address, IpAddr::V4);
    PRIVATE.iter().any(|network| lies_in(judged, network))
}

fn lies_in(address: IpAddr, network: &str) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, ""));
    let base: IpAddr = base.parse().unwrap_or_else(|error| panic!("{network}: {error}"));
    let digits = |address: IpAddr| match address {
        IpAddr::V4(v4) => format!("{:032b}", u32::from(v4)),
        IpAddr::V6(v6) => format!("{:0128b}", u128::from(v6)),
    };
    let (address, base) = (digits(address), digits(base));
    let length = length.parse().unwrap_or(base.len());
    address.len() == base.len() && address[..length] == base[..length]
}

fn is_host(host: &Host, wanted: &str) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    let wanted = wanted.strip_suffix('.').unwrap_or(&wanted);
    match host {
        Host::Address(address) => wanted.trim_matches(['[', ']']).parse().is_ok_and(|wanted| plain(wanted) == *address),
        Host::Name(name) if wanted.starts_with('.') => name.ends_with(wanted) && name.len() > wanted.len(),
        Host::Name(name) => name == wanted,
    }
}

/// The truth of `network`.
pub(super) fn network(value: &str, operand: &Value) -> Truth {
    let address = plain(value.parse().ok()?);
    if one_or_more(operand).iter().any(|network| lies_in(address, text(network))) {
        return Some(true);
    }
    let asks_v4 = one_or_more(operand).iter().any(|network| !text(network).contains(':'));
    if asks_v4 && carried(address).is_some() { None } else { Some(false) }
}

/// The truth of `domain`.
pub(super) fn domain(value: &str, operand: &Value) -> Truth {
    let found = MAIL.captures(value)?;
    let (local, name) = (value.split_once('@')?.0, found[1].to_ascii_lowercase());
    let ends_in_number = name.rsplit('.').next().is_some_and(|last| {
        last.chars().all(|c| c.is_ascii_digit())
            || last.strip_prefix("0x").is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()))
    });
    if local.len() > 64 || value.len() > 254 || ends_in_number {
        return None;
    }
    Some(one_or_more(operand).iter().any(|wanted| is_host(&Host::Name(name.clone()), text(wanted))))
}

fn one_or_more(operand: &Value) -> &[Value] {
    match operand {
        Value::List(_) => items(operand),
        one => std::slice::from_ref(one),
    }
}
