//! IP addresses: networks, and addresses that are not on the public internet. Nothing here resolves a name.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::kleene::Kleene;

/// An address as it is written in the one usual way; `None` for any other text (ports, zones, octal, short forms).
/// IPv4 inside IPv6 (`::ffff:0:0/96`) is the IPv4 address that it stands for.
pub(super) fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Reads a network (`10.0.0.0/8`) or one address.
///
/// # Errors
/// Says in words what does not fit, and what to write.
pub(super) fn parse_network(text: &str) -> Result<IpNet, (String, String)> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => {
                return Err((
                    "is neither a network nor an address".to_owned(),
                    "write `10.0.0.0/8`, `2001:db8::/32` or one address".to_owned(),
                ));
            }
        },
    };
    if network != network.trunc() {
        return Err(("has bits beyond its prefix".to_owned(), format!("write `{}`", network.trunc())));
    }
    match network {
        IpNet::V6(inner) if inner.addr().to_ipv4_mapped().is_some() => {
            Err(("is IPv4 inside IPv6".to_owned(), "write the IPv4 network, which covers both spellings".to_owned()))
        }
        network => Ok(network),
    }
}

/// True if the address lies in one of the networks; unknown if it carries an IPv4 address to a translator and IPv4
/// networks are asked for, since the packet ends elsewhere than the address says.
pub(super) fn within(address: IpAddr, networks: &[IpNet]) -> Kleene {
    if networks.iter().any(|network| network.contains(&address)) {
        return Kleene::True;
    }
    let carries = matches!(address, IpAddr::V6(v6) if carried(v6).is_some());
    match carries && networks.iter().any(|network| matches!(network, IpNet::V4(_))) {
        true => Kleene::Unknown,
        false => Kleene::False,
    }
}

/// True unless the address is one that anybody on the public internet may have: loopback, private, link-local,
/// shared, metadata, unspecified, multicast, reserved and documentation addresses are private, in whatever way an
/// IPv6 address carries them. From the IANA registries of special-purpose addresses (RFC 6890 and its updates).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private use, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared address space of carriers; one cloud keeps its metadata there (100.100.100.200).
        [100, second, ..] => (64..=127).contains(&second),
        // Link-local, with the metadata address of most clouds (169.254.169.254).
        [169, 254, ..] => true,
        [172, second, ..] => (16..=31).contains(&second),
        // Protocol assignments, documentation, 6to4 relays, private use.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => true,
        // Benchmarks, documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        // A public address by its number, and inside one cloud the host's own service.
        [168, 63, 129, 16] => true,
        // Multicast, reserved, broadcast.
        [first, ..] => first >= 224,
    }
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = carried(address) {
        return is_private_v4(v4);
    }
    let [first, second, ..] = address.segments();
    // SECURITY: what is not global unicast is private: a list of bad ranges would miss the next one.
    let global = first & 0xe000 == 0x2000;
    // Protocol assignments with Teredo and ORCHID, documentation.
    let special = (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || (first == 0x3fff && second < 0x1000);
    !global || special
}

/// The IPv4 address that an IPv6 address stands for or is translated to: mapped (RFC 4291), NAT64 (RFC 6052), 6to4
/// (RFC 3056), ISATAP (RFC 5214). Teredo and the deprecated compatible form are never public.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => from(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        [first, _, _, _, 0 | 0x200, 0x5efe, high, low] if first & 0xe000 == 0x2000 => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{is_private, parse_address, parse_network, within};
    use crate::policy::kleene::Kleene::{self, False, True, Unknown};

    fn in_network(address: &str, network: &str) -> Kleene {
        within(parse_address(address).unwrap(), &[parse_network(network).unwrap()])
    }

    #[test]
    fn an_address_lies_in_a_network_by_its_bits() {
        assert_eq!(in_network("10.1.2.3", "10.0.0.0/8"), True);
        assert_eq!(in_network("11.1.2.3", "10.0.0.0/8"), False);
        assert_eq!(in_network("::ffff:10.1.2.3", "10.0.0.0/8"), True);
        assert_eq!(in_network("2001:db8::1", "2001:db8::/32"), True);
        assert_eq!(in_network("2001:db8::1", "10.0.0.0/8"), False);
        assert_eq!(in_network("64:ff9b::a01:203", "10.0.0.0/8"), Unknown);
        assert_eq!(in_network("10.1.2.3", "10.1.2.3"), True);
    }

    #[test]
    fn odd_spellings_are_no_addresses() {
        for text in [
            "",
            "10.1",
            "010.0.0.1",
            "0xa.0.0.1",
            "167772161",
            "10.0.0.1:80",
            "[::1]",
            "fe80::1%eth0",
            " ::1",
            "10.0.0.1/8",
            "１0.0.0.1",
        ] {
            assert!(parse_address(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_network_is_written_in_one_way() {
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0/8", "example.com", "::ffff:10.0.0.0/104"] {
            assert!(parse_network(text).is_err(), "{text}");
        }
        assert!(parse_network("10.0.0.1/8").unwrap_err().1.contains("10.0.0.0/8"));
    }

    #[test]
    fn what_is_not_on_the_public_internet_is_private_also_inside_of_ipv6() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:1:2:3:4:5:6",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "4000::1",
            "2606:4700::5efe:10.0.0.1",
        ] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.1.0.1",
            "169.253.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }
}
