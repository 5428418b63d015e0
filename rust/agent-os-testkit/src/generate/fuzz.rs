//! Texts that are made of the pieces that matter to one operator, so that its corners are met.

use super::Random;

/// Pieces of paths.
pub const PATH_PIECES: &[&str] = &[
    "/", "/", "/", ".", "..", "...", "a", "b", "ab", "~", "%", "%2", "%2e", "%zz", "\\", "\u{2215}", "\u{7f}", "\n",
    " ", "é", "\u{2026}", "",
];

/// Pieces of URLs. Names are ASCII: those of other scripts are compared with another reader from Python.
pub const URL_PIECES: &[&str] = &[
    "http",
    "https",
    "redis",
    "file",
    "HTTPS",
    ":",
    "://",
    "://",
    "//",
    "/",
    "\\",
    "@",
    "@",
    "?",
    "#",
    " ",
    "\n",
    "\t",
    "example.com",
    "example.com",
    "Example.COM",
    ".",
    "..",
    "a",
    "a.",
    "-",
    "_",
    ",",
    ";",
    ":80",
    ":443",
    ":65536",
    ":x",
    ":0080",
    "user",
    ":pw",
    "127.0.0.1",
    "0x7f",
    "010",
    ".0.0.1",
    "1",
    "256",
    "2130706433",
    "8.8.8.8",
    "08",
    "0x",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "[2001:db8::1]",
    "[",
    "]",
    "[64:ff9b::1.2.3.4]",
    "localhost",
    ".local",
    ".internal",
    "",
];

/// Pieces of mail addresses.
pub const MAIL_PIECES: &[&str] = &[
    "ada",
    "a.b",
    "+x",
    "'",
    "@",
    "@",
    "@",
    "example.com",
    "example.com",
    "Example.COM",
    "a.",
    ".",
    "..",
    "-",
    "_",
    "<",
    ">",
    "\"",
    "(c)",
    ",",
    " ",
    "%",
    "!",
    "[127.0.0.1]",
    "127.0.0.1",
    "0x1",
    "localhost",
    "\n",
    "mailto:",
];

/// Pieces of IP addresses.
pub const ADDRESS_PIECES: &[&str] = &[
    "10",
    ".",
    ".",
    ".",
    "0",
    "0",
    "1",
    "255",
    "256",
    "010",
    "10.0.0.",
    "10.1.2.3",
    ":",
    "::",
    "::ffff:",
    "::ffff:",
    "2001:db8:",
    "64:ff9b::",
    "2002:a00:1::",
    "fe80::1",
    "%eth0",
    "/8",
    "[",
    "]",
    " ",
    "a",
    "ffff",
    "",
];

/// Pieces of globs, and of the texts that they are held to.
pub const GLOB_PIECES: &[&str] = &[
    "*", "*", "**", "**/", "/", "/", "?", "[ab]", "[!a]", "[a-c]", "[+-9]", "{a,b}", "{a,b/c}", "{,a*}", "\\*", "a",
    "b", "c", ".", ",", "}",
];

/// Pieces of texts that globs may fit.
pub const GLOBBED_PIECES: &[&str] = &["a", "a", "b", "c", "/", "/", ".", "..", "*", ",", "5", "\n", "é", ""];

/// Pieces of texts in which values are looked for.
pub const TOKEN_PIECES: &[&str] = &[
    " ",
    " ",
    "\n",
    "\u{a0}",
    "\u{85}",
    "\u{1c}",
    ",",
    ",",
    ".",
    ":",
    ":",
    "/",
    "//",
    "@",
    "-",
    "+",
    "=",
    "!",
    "?",
    "*",
    "_",
    "#",
    "|",
    ";",
    "$",
    "€",
    "'",
    "\"",
    "“",
    "«",
    "(",
    "]",
    "<",
    "0",
    "1",
    "12",
    "000",
    "1,000",
    "10.50",
    "007",
    "٣",
    "http://",
    "HTTPS://",
    "Example.COM",
    ":80",
    ":443",
    "user",
    "Bob",
    "x.y",
    "é",
    "e\u{301}",
    "GB82",
    "WEST",
    "1234",
    "5698",
    "7654",
    "32",
    "GB82WEST12345698765432",
    "gb82",
    "de",
    "~",
    "%",
];

/// Pieces of dates and times.
pub const TIME_PIECES: &[&str] = &[
    "2026-01-31",
    "2026-02-29",
    "2024-02-29",
    "0000-01-01",
    "9999-12-31",
    "T",
    "T",
    "T",
    "t",
    " ",
    "10:00:00",
    "23:59:59",
    "24:00:00",
    "10:00",
    "10:00:60",
    ".5",
    ".123456",
    ".1234567",
    ".",
    "Z",
    "Z",
    "z",
    "+01:00",
    "-23:59",
    "+24:00",
    "+0100",
    "+01:00:30",
    "٢",
];

/// Pieces of strings that are compared without case.
pub const CASE_PIECES: &[&str] = &[
    "Σ", "σ", "ς", "ß", "SS", "ẞ", "İ", "i\u{307}", "ı", "I", "K", "k", "ſ", "s", "A", "a", "Ǆ", "ǅ", "ŉ", "\u{345}",
    "-",
];

/// A text of at most so many pieces.
pub fn text(random: &mut Random, pieces: &[&str], most: u32) -> String {
    (0..random.between(0, most)).map(|_| random.one(pieces)).collect()
}

/// A part of a text: some of it from the middle, in characters.
pub fn part_of(random: &mut Random, text: &str) -> String {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let start = random.between(0, length);
    let count = random.between(0, length - start);
    text.chars().skip(start as usize).take(count as usize).collect()
}

/// A decimal number as text.
pub fn number(random: &mut Random) -> String {
    let digits = |random: &mut Random, least| {
        (0..random.between(least, 4)).map(|_| random.one(&["0", "0", "1", "9", "5"])).collect::<String>()
    };
    let (sign, whole, fraction) = (random.one(&["", "-"]), digits(random, 1), digits(random, 0));
    let point = if fraction.is_empty() { "" } else { "." };
    let exponent = random.one(&["", "", "E+2", "E-3", "E+30", "e0"]);
    format!("{sign}{whole}{point}{fraction}{exponent}")
}
