"""Promise: agent-os-core decides and computes, and cannot reach a clock, a file, the network, a thread or Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "rust" / "agent-os-core"

# Whole modules of std are named rather than single functions: what is new in them is refused as well. `core` has no
# operating system below it, so its `net` is the types of addresses alone.
IMPURE = re.compile(
    r"\b(?:std|core)\s*::\s*(?P<module>env|fs|io|(?<!core::)net|os|path|process|thread|time|sync\s*::\s*mpsc)\b"
    r"|\b(?:std|core)\s*::\s*\{[^}]*\b(?P<grouped>env|fs|io|net|os|path|process|thread|time|mpsc)\b[^;]*;"
    r"|\b(?P<macro>println|eprintln|print|eprint|env|option_env|include_bytes|thread_local)!"
    r"|\b(?P<name>Instant\s*::\s*now|SystemTime|TcpStream|UdpSocket|OpenOptions|File\s*::\s*(?:open|create))\b"
    r"|\b(?P<unsafe>unsafe|extern\s+\"C\")\b",
)


def impurities(source: str) -> list[str]:
    """The impure things that a Rust file names outside of comments and strings."""
    code = re.sub(r'//[^\n]*|/\*.*?\*/|(?<!b)(?<!r)"(?:\\.|[^"\\])*"', " ", source, flags=re.DOTALL)
    return [match[0] for match in IMPURE.finditer(code)]


@pytest.mark.parametrize(
    "line",
    [
        "let now = std::time::Instant::now();",
        "use std::time::SystemTime;",
        "use std::{collections::BTreeMap, fs};",
        "use std::{fmt, time::{Duration, Instant}};",
        "std::fs::read(path)",
        "use std::net::TcpStream;",
        "std::thread::spawn(f);",
        "std::env::var(name)",
        "std::process::exit(1)",
        "let (a, b) = std::sync::mpsc::channel();",
        'println!("{x}");',
        "let at = Instant::now();",
        "unsafe { x.get_unchecked(0) }",
    ],
)
def test_the_scan_sees(line: str) -> None:
    assert impurities(line)


@pytest.mark.parametrize(
    "line",
    [
        "//! no std::fs here",
        "/// like `std::time::Instant`",
        'let text = "std::net";',
        "use std::{cmp::Ordering, collections::BTreeMap, fmt};",
        "let time = request.time;",
        "use crate::time::DateTime;",
        "use core::net::IpAddr;",
    ],
)
def test_the_scan_is_not_alarmed_by(line: str) -> None:
    assert not impurities(line)


def test_the_core_names_no_clock_file_network_or_thread() -> None:
    sources = sorted((CORE / "src").rglob("*.rs"))
    found = {str(path.relative_to(ROOT)): impurities(path.read_text(encoding="utf-8")) for path in sources}
    assert sources
    assert {path: names for path, names in found.items() if names} == {}


def test_the_crates_below_the_core_are_known_and_hold_no_python() -> None:
    """A crate that is added to the core must be looked at: pure ones are listed here, with what they are for."""
    assert shutil.which("cargo"), "cargo builds this package, so it is here"
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "-p", "agent-os-core", "-e", "normal", "--prefix", "none", "-f", "{p}"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout
    crates = {line.split()[0] for line in tree.splitlines() if line.strip()} - {"agent-os-core"}
    assert not {name for name in crates if name.startswith(("pyo3", "python", "agent-os-"))}
    assert crates <= PURE, f"look at {sorted(crates - PURE)}, then add them to PURE"


PURE = {
    # regular expressions in linear time
    "aho-corasick", "memchr", "regex", "regex-automata", "regex-syntax",
    # SHA-256
    "block-buffer", "cfg-if", "cpufeatures", "crypto-common", "digest", "generic-array", "sha2", "typenum",
    "version_check",
    # URLs and the names of hosts in other scripts, with the Unicode tables for them; networks
    "form_urlencoded", "icu_collections", "icu_locale_core", "icu_normalizer", "icu_normalizer_data", "icu_properties",
    "icu_properties_data", "icu_provider", "idna", "idna_adapter", "ipnet", "litemap", "percent-encoding",
    "potential_utf", "stable_deref_trait", "tinystr", "url", "utf8_iter", "utf_types", "writeable", "yoke", "zerofrom",
    "zerotrie", "zerovec",
    # macros that run when those are built
    "displaydoc", "proc-macro2", "quote", "syn", "synstructure", "unicode-ident", "yoke-derive", "zerofrom-derive",
    "zerovec-derive",
    # SQL; its messages for a logger that nobody installs
    "log", "sqlparser", "sqlparser_derive",
    # Unicode normalisation
    "tinyvec", "tinyvec_macros", "unicode-normalization",
    # the grammar of bash: a tokenizer and a parser over text. `cached` brings a clock, which only expiring caches
    # read; none of the functions that are cached is called
    "ahash", "allocator-api2", "arrayvec", "brush-parser", "cached", "cached_proc_macro_types", "equivalent",
    "foldhash", "hashbrown", "indenter", "once_cell", "peg", "peg-runtime", "pin-project-lite", "thiserror",
    "tracing", "tracing-core", "utf8-chars", "web-time", "zerocopy",
    # run by the compiler for it, not linked
    "cached_proc_macro", "darling", "darling_core", "darling_macro", "fnv", "ident_case", "peg-macros", "strsim",
    "thiserror-impl", "tracing-attributes",
    # hashing, small vectors, numbers as ECMAScript spells them, the pointer to the bundle in force
    "arc-swap", "rustc-hash", "rustversion", "ryu-js", "smallvec",
}  # fmt: skip
