"""URLs, addresses, mail addresses, names and globs, written a second time for `reference.py`.

URLs are read by `ada` (the WHATWG reader of another project, in C++) and addresses by the standard library; what is
said here is only where the policy language asks for more than they do.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import ada_url

UNKNOWN = 0.5
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
# The parts of RFC 3986, without what WHATWG strips or repairs.
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://([^/?#]*))?([^?#]*)([?#].*)?")
AUTHORITY = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:%]*@)?(\[[^\]@]*\]|[^:@\[\]]*)(?::[0-9]*)?")
ATOM = r"[A-Za-z0-9#$&'*+\-/=?^_`{|}~]+"
MAIL = re.compile(rf"({ATOM}(?:\.{ATOM})*)@([^@]+)")
DEVIATIONS = re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")
LOCAL_NAMES = re.compile(
    r"[^.]+|(.*\.)?(localhost|localdomain|local|internal|intranet|lan|home|home\.arpa|corp|private|mail|test|invalid|alt|svc"
    r"|consul)"
)
# What the standard library calls global and is not for anybody: multicast, relays, one cloud's service, and networks
# that are wholly set aside although parts of them were given out again.
ALSO_PRIVATE = [
    "168.63.129.16/32",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "224.0.0.0/3",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
]
NAT64, SIX_TO_FOUR, GLOBAL = (ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "2002::/16", "2000::/3"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def url(name: str, text: str, operand: Any) -> float:
    """The truth of `scheme`, `host`, `port` and `private_address`."""
    parts = read_url(text)
    if parts is None:
        return UNKNOWN
    scheme, host, private, port = parts
    if name == "scheme":
        return scheme in [wanted.lower() for wanted in several(operand)]
    if name == "host":
        return UNKNOWN if host is None else any(is_host(host, wanted) for wanted in several(operand))
    if name == "port":
        return UNKNOWN if port is None else port in several(operand)
    return UNKNOWN if private is None else private == operand


def read_url(text: str) -> tuple[str, str | Address | None, bool | None, int | None] | None:
    """Scheme, host, whether it is private, and port; nothing where readers disagree."""
    match = URL.fullmatch(text)
    if not match or len(text.encode()) > 8192 or text.strip(" ") != text or re.search("[\x00-\x1f\x7f]", text):
        return None
    scheme, (authority, path) = match[1].lower(), match.group(2, 3)
    special = scheme in DEFAULT_PORTS
    if "\\" in path + (authority or "") or (special and not authority):
        return None
    try:
        parsed = ada_url.URL(text)
    except ValueError:
        return None
    if authority is None:
        return scheme, None, None, None
    place = AUTHORITY.fullmatch(authority)
    if place is None:
        return None
    port = int(parsed.port) if parsed.port else DEFAULT_PORTS.get(scheme)
    host = read_host(place[1]) if parsed.hostname else None
    if host is None:
        return scheme, None, None, port
    if isinstance(host, str):
        return scheme, host, bool(LOCAL_NAMES.fullmatch(host)), port
    private = is_private(host)
    usual = ":" in place[1] or place[1] == str(host)
    return (scheme, host, private, port) if usual else (scheme, None, private or None, port)


def read_host(written: str) -> str | Address | None:
    """A host in the form in which it is compared."""
    if re.search(r"[%\x00-\x20/?#@\\]", written) or DEVIATIONS.search(written):
        return None
    try:
        host = ada_url.URL(f"http://{written}/").hostname
    except ValueError:
        return None
    if address := read_address(host.strip("[]")):
        return address
    name = host.removesuffix(".")
    return name if all(name.split(".")) else None


def read_address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def is_private(address: Address) -> bool:
    address = carried(address) or address
    listed = any(address in ipaddress.ip_network(network) for network in ALSO_PRIVATE)
    outside = address.version == 6 and address not in GLOBAL
    return listed or outside or not address.is_global or address.is_multicast


def carried(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address is translated to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    low = int(address) & 0xFFFFFFFF
    isatap = (int(address) >> 32) & 0xFFFFFFFF in (0x5EFE, 0x02005EFE)
    if address in SIX_TO_FOUR:
        return address.sixtofour
    return ipaddress.IPv4Address(low) if address in NAT64 or (isatap and address in GLOBAL) else None


def is_host(host: str | Address, wanted: str) -> bool:
    below = wanted.startswith(".")
    other = read_host(f"[{wanted}]" if ":" in wanted and "[" not in wanted else wanted.removeprefix("."))
    if below:
        return isinstance(host, str) and host.endswith(f".{other}")
    return host == other


def network(text: str, operand: Any) -> float:
    address = read_address(text)
    if address is None:
        return UNKNOWN
    networks = [ipaddress.ip_network(wanted) for wanted in several(operand)]
    if any(address in wanted for wanted in networks):
        return 1
    return UNKNOWN if carried(address) and any(wanted.version == 4 for wanted in networks) else 0


def domain(text: str, operand: Any) -> float:
    match = MAIL.fullmatch(text)
    if (
        not match
        or len(match[1]) > 64
        or len(text.encode()) > 254
        or text.endswith((".", "\u3002", "\uff0e", "\uff61"))
    ):
        return UNKNOWN
    name = read_host(match[2])
    if not isinstance(name, str) or not re.fullmatch("[a-z0-9.-]+", name):
        return UNKNOWN
    return any(is_host(name, wanted) for wanted in several(operand))


def named(name: str, segments: list[str] | None, operand: Any, fold: Callable[[str], str]) -> float:
    """The truth of `name` and `extension`, of a path's segments."""
    if not segments or re.search(r":|[. ]\Z", segments[-1]):
        return UNKNOWN
    found, wanted = fold(segments[-1]), [fold(one) for one in several(operand)]
    if name == "name":
        return found in wanted
    return any(found.endswith(f".{one}") and len(found) > len(one) + 1 for one in wanted)


GLOB_PIECE = re.compile(r"(?P<all>\*\*/)|\*\*\Z|\*|\?|\[[!^]?(?:\\.|[^\]\\])+\]|\{|\}|,|\\.|.", re.DOTALL)
SIMPLE = {"**": "(?s:.+)", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def glob(text: str, operand: Any, *, fold: bool) -> float:
    if {".", ".."} & set(text.split("/")):
        return UNKNOWN
    return any(
        re.fullmatch(translated(one), text, re.IGNORECASE if fold else 0) is not None for one in several(operand)
    )


def translated(pattern: str) -> str:
    made, depth = "", 0
    for match in GLOB_PIECE.finditer(pattern):
        piece = match[0]
        depth += (piece == "{") - (piece == "}")
        if match["all"]:
            made += "(?:[^/]+/)*"
        elif piece.startswith("[") and len(piece) > 1:
            made += "(?!/)[" + re.sub("^!", "^", re.sub(r"([\[&~|])", r"\\\1", piece[1:]))
        elif piece == "," and depth:
            made += "|"
        else:
            made += SIMPLE.get(piece) or re.escape(piece.removeprefix("\\"))
    return made


def several(operand: Any) -> list[Any]:
    return operand if isinstance(operand, list) else [operand]
