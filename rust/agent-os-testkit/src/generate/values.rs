//! Pools of values, by type. They are small, so that values and operands meet.

use std::collections::BTreeMap;

use agent_os_core::number::{Decimal, Number};
use agent_os_core::time::{Date, DateTime};
use agent_os_core::value::{EnumValue, Value};

use super::Random;

/// What an argument usually holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Word,
    Said,
    Number,
    Flag,
    Path,
    Url,
    /// Not among `TYPES`: the reference reads no commands but those that are made here.
    Command,
    /// Not among `TYPES` either, for the same reason.
    Sql,
    Address,
    Mail,
    Day,
    Moment,
    Words,
    Numbers,
    Rows,
    Items,
    Record,
    Nothing,
    Bytes,
}

const TYPES: &[Type] = &[
    Type::Word,
    Type::Said,
    Type::Number,
    Type::Flag,
    Type::Path,
    Type::Url,
    Type::Address,
    Type::Mail,
    Type::Day,
    Type::Moment,
    Type::Words,
    Type::Numbers,
    Type::Rows,
    Type::Items,
    Type::Record,
    Type::Nothing,
    Type::Bytes,
];

pub(super) const WORDS: &[&str] = &[
    "EUR", "eur", "SEK", "drop", "Drop", "dropped", "a", "ab", "Straße", "STRASSE", "STRAẞE", "ΑΣ", "ΑΣΑ", "é",
    "e\u{301}", "x y", "1", "_",
];
pub(super) const PARTS: &[&str] =
    &["E", "e", "dr", "op", "ped", "a", "b", "SS", "ß", "ẞ", "Σ", "ς", " ", "EUR", "drop", "\u{301}"];
pub(super) const PATTERNS: &[&str] = &[
    "[a-z]+",
    "EUR|SEK",
    "d.*",
    "(dr)?op",
    "[^a]",
    "a|ab",
    "",
    "E[A-Z]{2}",
    "(?:x| |y){1,3}",
    "Stra(ß|ss)e",
    "dr|op",
    "^EU.*",
    "drop(ped)?",
    ".*op",
    "(?i:e.*R)",
    "(?m:^a$)",
    "(^a|b).*",
    "STRA(SS|ẞ)E",
];
pub(super) const PATHS: &[&str] = &[
    "/srv/data",
    "/srv/data/a",
    "/srv/database",
    "/srv//data/./a",
    "/srv/data/../x",
    "/",
    "data/a",
    "data",
    "./data",
    "../x",
    "/srv/data/..%2f",
    "C:\\x",
    "~/x",
    "/srv/data/a.txt",
    "x/A.TXT",
    "a.tar.gz",
    "/srv/a.pem:x",
    "a.txt.",
    "",
    "/srv/\u{2215}x",
    "/srv/100%",
    "data/..",
    "/..",
];
pub(super) const BASES: &[&str] = &["/srv/data", "/srv/data/", "/", "data", ".", "/srv/x/../data/a"];
pub(super) const FILE_NAMES: &[&str] = &["data", "a", "x", "100%", "DATA"];
pub(super) const EXTENSIONS: &[&str] = &["txt", "gz", "tar.gz", "TXT", "pem"];
pub(super) const GLOBS: &[&str] = &[
    "*",
    "**",
    "/srv/**",
    "/srv/data*/*",
    "**/a",
    "data/?",
    "*.{txt,tar.gz}",
    "[!a-c]*",
    "{/srv,data}/**",
    "E*",
    "dr?p*",
];
pub(super) const URLS: &[&str] = &[
    "https://example.com/",
    "https://EXAMPLE.com:443/a?b#c",
    "https://a.example.com",
    "https://example.com.",
    "http://example.com:8080",
    "https://user:pw@example.com/x",
    "https://example.com@evil.net/",
    "https://a@b@example.com",
    "https://example.com\\@evil.net",
    "http://127.0.0.1",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://010.0.0.1/",
    "http://8.8.8.8/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]:80/",
    "http://[2606:4700::1]/",
    "http://[64:ff9b::8.8.8.8]/",
    "http://localhost/",
    "http://metadata.google.internal./",
    "http://kubernetes.default.svc/",
    "http://home.arpa",
    "http://x.test",
    "file:///etc/passwd",
    "mailto:a@example.com",
    "redis://example.com:6379",
    "redis://0x7f.1",
    "example.com",
    "//example.com",
    " https://example.com",
    "https://ex ample.com",
    "https://[::1",
    "http:example.com",
    "https://ex%61mple.com/",
    "https://example.com:99999/",
    "ftp://example.com",
    "https://evilexample.com/",
    "",
];
pub(super) const HOSTS: &[&str] = &[
    "example.com",
    ".example.com",
    "evil.net",
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "Example.COM.",
    "a.example.com",
    "localhost",
    ".com",
];
pub(super) const DOMAINS: &[&str] =
    &["example.com", ".example.com", "evil.net", "Example.COM", "a.example.com", ".com"];
pub(super) const SCHEMES: &[&str] = &["https", "http", "HTTPS", "file", "redis", "ftp", "mailto"];
pub(super) const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.1.2.3",
    "11.0.0.1",
    "::ffff:10.0.0.1",
    "::1",
    "2001:db8::5",
    "2001:DB8::5",
    "64:ff9b::a00:1",
    "010.0.0.1",
    "10.1",
    "::ffff:0:0",
    "fe80::1%eth0",
    "[::1]",
    "",
];
pub(super) const NETWORKS: &[&str] =
    &["10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::1", "0.0.0.0/0", "::/0", "10.1.2.0/24"];
pub(super) const MAILS: &[&str] = &[
    "ada@example.com",
    "Ada.B+x@EXAMPLE.com",
    "ada@a.example.com",
    "ada@evil.net",
    "ada@evilexample.com",
    "ada@example.com@evil.net",
    "Ada <ada@example.com>",
    "\"ada\"@example.com",
    "ada%evil.net@example.com",
    "ada@127.0.0.1",
    "ada@example.com.",
    "ada",
    "a..b@example.com",
    "",
];
pub(super) const PROVENANCE: &[&str] = &[
    "GB82 WEST 1234 5698 7654 32",
    "gb82west12345698765432",
    "GB82WEST12345698765433",
    "DE89370400440532013000",
    "Bob@Example.COM",
    "Bob@example.com",
    "https://A.Example:443/",
    "https://a.example",
    "http://a.example/?q",
    "12 Main Street",
    "Main",
    "St",
    "1000",
    "1,250.5",
    "  Main  ",
    "...",
    "café",
    "cafe\u{301}",
    "10:30",
    "u@b@c.d",
    "HTTP://User@H.x:80/P",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "1.0",
    "-1",
    "499",
    "500",
    "500.00",
    "0.1",
    "1E+3",
    "1000",
    "1250.5",
    "9007199254740993",
    "1000000000000000000000000000000",
    "-0.5",
    "1e-7",
];
const FLOATS: &[f64] = &[0.0, -0.0, 1.0, 0.1, 0.5, 500.0, 1000.0, 1250.5, 1e21, 5e-324, 9_007_199_254_740_992.0];
const DAYS: &[&str] = &["2026-01-31", "2026-02-01", "2024-02-29", "0001-01-01"];
const MOMENTS: &[&str] = &[
    "2026-01-31T10:00:00Z",
    "2026-01-31T11:00:00+01:00",
    "2026-01-31T10:00:00.000001Z",
    "2026-01-31T10:00:00",
    "2026-01-31T10:00:00.0",
    "0001-01-01T00:00:00+23:59",
];
const NOT_TIMES: &[&str] =
    &["2026-1-31", "2026-02-30", "2026-01-31 10:00:00Z", "2026-01-31T24:00:00Z", "tomorrow", "2026-01-31"];

pub(super) fn any_type(random: &mut Random) -> Type {
    random.one(TYPES)
}

/// A value of an argument.
pub(super) fn value(random: &mut Random, kind: Type) -> Value {
    match kind {
        Type::Word => disguised(random, WORDS),
        Type::Said if random.percent(25) => number(random),
        Type::Said => disguised(random, PROVENANCE),
        Type::Number => number(random),
        Type::Flag => random.percent(50).into(),
        Type::Path if random.percent(30) => path(random.one(PATHS)),
        Type::Path => random.one(PATHS).into(),
        Type::Url => disguised(random, URLS),
        Type::Command => command(random).as_str().into(),
        Type::Address => disguised(random, ADDRESSES),
        Type::Mail => disguised(random, MAILS),
        Type::Day | Type::Moment if random.percent(8) => random.one(NOT_TIMES).into(),
        Type::Day if random.percent(50) => random.one(DAYS).into(),
        Type::Day => day(random),
        Type::Moment if random.percent(50) => random.one(MOMENTS).into(),
        Type::Moment => moment(random),
        Type::Words => collection(random, Type::Word),
        Type::Numbers => collection(random, Type::Number),
        Type::Rows => several(random, Type::Numbers),
        Type::Items => several(random, Type::Record),
        Type::Record => record(random),
        // Texts of SQL are drawn with what is known of them, by `world::arguments`.
        Type::Nothing | Type::Sql => Value::Null,
        Type::Bytes => Value::Bytes(random.one(&[&b""[..], b"ab", b"\xff\0"]).to_vec()),
    }
}

/// A word of a command.
pub(super) fn command_word(random: &mut Random) -> String {
    random
        .one(&["ls", "got", "rm", "cp", "tee", "-rf", "-f", "--force", "push", "a.txt", "src/b", "-r", "src"])
        .to_owned()
}

/// A plain command: the reference knows no quotes and no programs that start others.
fn command(random: &mut Random) -> String {
    let mut words: Vec<String> = Vec::new();
    for place in 0..random.between(0, 3) {
        if place > 0 || random.percent(2) {
            words.push(random.one(&["|", ";", "&&"]).to_owned());
        }
        if random.percent(96) {
            words.push(random.one(&["ls", "got", "rm", "/bin/rm", "cp", "tee", "$x", "ls", "got"]).to_owned());
        }
        for _ in 0..random.between(0, 3) {
            words.push(match random.between(0, 20) {
                0 => "$x".to_owned(),
                1 => "--".to_owned(),
                2 => "$(ls)".to_owned(),
                3 | 4 => "> out.txt".to_owned(),
                5 => "--forc=1".to_owned(),
                6 if random.percent(20) && !words.iter().any(|word| word == "'") => "'".to_owned(),
                _ => command_word(random),
            });
        }
    }
    words.join(" ")
}

/// A literal operand of a policy, of the kind that a type's values have.
pub(super) fn literal(random: &mut Random, kind: Type) -> Value {
    match kind {
        Type::Word | Type::Words => random.one(WORDS).into(),
        Type::Said => random.one(PROVENANCE).into(),
        Type::Path => random.one(PATHS).into(),
        Type::Url => random.one(URLS).into(),
        Type::Command => command(random).as_str().into(),
        Type::Address => random.one(ADDRESSES).into(),
        Type::Mail => random.one(MAILS).into(),
        Type::Number | Type::Numbers => number(random),
        Type::Flag => random.percent(50).into(),
        Type::Day => day(random),
        Type::Moment => moment(random),
        Type::Nothing | Type::Sql | Type::Rows | Type::Items | Type::Record | Type::Bytes => Value::Null,
    }
}

/// A datetime with an offset, as `before` and `after` need.
pub(super) fn instant(random: &mut Random) -> Value {
    let aware: Vec<&str> = MOMENTS.iter().copied().filter(|text| text.ends_with('Z') || text.contains('+')).collect();
    DateTime::parse(random.one(&aware)).map_or(Value::Null, Value::DateTime)
}

/// The sets that documents name.
pub(super) fn sets() -> Value {
    let decimal =
        |text: &str| Decimal::parse(text).map_or(Value::Null, |decimal| Value::Number(Number::Decimal(decimal)));
    Value::from([
        ("words", Value::List(["EUR", "SEK", "EUR", "a"].map(Value::from).to_vec())),
        ("numbers", Value::List(vec![1.into(), decimal("0.10"), 500.into()])),
        ("unused", Value::List(vec![true.into()])),
    ])
}

fn number(random: &mut Random) -> Value {
    if random.percent(25) {
        return Number::from_f64(random.one(FLOATS)).map_or(Value::Null, Value::Number);
    }
    let text = random.one(NUMBERS);
    let parsed = match text.parse() {
        Ok(integer) => Some(Number::Int(integer)),
        Err(_) => Decimal::parse(text).map(|decimal| match decimal.is_plain_integer() && decimal.to_string() == text {
            true => Number::BigInt(decimal),
            false => Number::Decimal(decimal),
        }),
    };
    parsed.map_or(Value::Null, Value::Number)
}

fn day(random: &mut Random) -> Value {
    Date::parse(random.one(DAYS)).map_or(Value::Null, Value::Date)
}

fn moment(random: &mut Random) -> Value {
    DateTime::parse(random.one(MOMENTS)).map_or(Value::Null, Value::DateTime)
}

/// A string, or something that operators read as one.
fn disguised(random: &mut Random, pool: &[&str]) -> Value {
    let text = random.one(pool).to_owned();
    match random.between(0, 19) {
        0 => path(&text),
        1 => Value::Enum(Box::new(EnumValue { class: "desk.Word".into(), name: "A".into(), value: Value::Str(text) })),
        2 => Value::Uuid("0b1f7c3e-4a6d-4d0e-9c1a-2b3c4d5e6f70".to_owned()),
        _ => Value::Str(text),
    }
}

/// A path, if it is spelt as Python's pathlib would spell it, else a string.
fn path(text: &str) -> Value {
    let mut segments = text.strip_prefix('/').unwrap_or(text).split('/');
    let kept = text == "/" || segments.all(|segment| !segment.is_empty() && segment != ".");
    if kept { Value::Path(text.to_owned()) } else { text.into() }
}

fn several(random: &mut Random, kind: Type) -> Value {
    let length = random.weighted(&[(0, 10), (1, 40), (2, 35), (3, 15)]);
    let odd = random.percent(6);
    let mut items: Vec<Value> = (0..length).map(|_| value(random, kind)).collect();
    if odd {
        let kind = any_type(random);
        items.push(value(random, kind));
    }
    Value::List(items)
}

fn collection(random: &mut Random, kind: Type) -> Value {
    match several(random, kind) {
        Value::List(items) if random.percent(15) && items.iter().all(is_scalar) => Value::set(items),
        list => list,
    }
}

/// Whether Python could have the value in a set.
fn is_scalar(value: &Value) -> bool {
    // A member of an enumeration may equal a plain value, and a set of Python's then holds one of them.
    !matches!(value, Value::List(_) | Value::Set(_) | Value::Map(_) | Value::Enum(_))
}

fn record(random: &mut Random) -> Value {
    let mut entries = BTreeMap::new();
    for (key, kind) in [("sku", Type::Word), ("qty", Type::Number), ("force", Type::Flag), ("$int", Type::Word)] {
        if random.percent(if key == "$int" { 10 } else { 80 }) {
            entries.insert(key.to_owned(), value(random, kind));
        }
    }
    Value::Map(entries)
}
