//! The small world that policies and requests are about: names, argument paths with their types, and texts.

use std::collections::BTreeMap;

use agent_os_core::value::Value;

use super::values::{self, PROVENANCE, Type};
use super::{Random, sql};
use crate::sql::Sql;

pub(super) const ACTIONS: &[&str] = &[
    "payments.send",
    "payments.refund",
    "files.read",
    "files.write.deep",
    "email.send",
    "db",
    "Payments.send",
    "get_file",
];
pub(super) const PATTERNS: &[&str] = &[
    "**",
    "**",
    "payments.send",
    "payments.*",
    "files.**",
    "*.send",
    "**.deep",
    "db",
    "get_*",
    "*",
    "*.*",
    "e*l.s*d",
    "files.*.deep",
];
pub(super) const AGENTS: &[&str] = &["desk-7", "desk-8", "Desk-7", "clerk", "a.b:c"];
pub(super) const AGENT_PATTERNS: &[&str] = &["desk-*", "desk-7", "*", "*.b:*", "clerk"];
pub(super) const ROLES: &[&str] = &["treasurer", "reader", "Treasurer"];
pub(super) const LABELS: &[&str] = &["secret", "pii", "untrusted"];
pub(super) const ORIGINS: &[&str] = &["user", "system", "trusted", "untrusted"];

/// Arguments: the key, the type that it usually has, and the path that conditions write.
const FIELDS: &[(&str, Type, &str)] = &[
    ("currency", Type::Word, "args.currency"),
    ("command", Type::Word, "args.command"),
    ("weird key", Type::Word, "args.\"weird key\""),
    ("amount", Type::Number, "args.amount"),
    ("limit", Type::Number, "args.limit"),
    ("flag", Type::Flag, "args.flag"),
    ("force", Type::Flag, "args.\"force\""),
    ("path", Type::Path, "args.path"),
    ("target", Type::Path, "args.target"),
    ("url", Type::Url, "args.url"),
    ("shell", Type::Command, "args.shell"),
    ("query", Type::Sql, "args.query"),
    ("host", Type::Address, "args.host"),
    ("mail", Type::Mail, "args.mail"),
    ("day", Type::Day, "args.day"),
    ("until", Type::Day, "args.until"),
    ("at", Type::Moment, "args.at"),
    ("expires", Type::Moment, "args.expires"),
    ("to", Type::Said, "args.to"),
    ("iban", Type::Said, "args.iban"),
    ("tags", Type::Words, "args.tags"),
    ("others", Type::Words, "args.others"),
    ("nums", Type::Numbers, "args.nums"),
    ("rows", Type::Rows, "args.rows"),
    ("items", Type::Items, "args.items"),
    ("meta", Type::Record, "args.meta"),
    ("address", Type::Record, "args.address"),
    ("nothing", Type::Nothing, "args.nothing"),
    ("data", Type::Bytes, "args.data"),
];

/// Paths that go deeper, or nowhere.
const DEEPER: &[(Type, &str)] = &[
    (Type::Word, "args.meta.sku"),
    (Type::Number, "args.meta.qty"),
    (Type::Flag, "args.meta.force"),
    (Type::Word, "args.items.0.sku"),
    (Type::Number, "args.items.1.qty"),
    (Type::Record, "args.items.0"),
    (Type::Word, "args.tags.0"),
    (Type::Word, "args.tags.\"0\""),
    (Type::Number, "args.nums.1"),
    (Type::Number, "args.rows.0.0"),
    (Type::Word, "args.currency.deeper"),
    (Type::Word, "args.absent"),
    (Type::Number, "args.absent.deeper"),
];

/// A path of a condition, and the type that its value usually has.
pub(super) fn path(random: &mut Random) -> (Type, &'static str) {
    if random.percent(75) {
        let (_, kind, path) = random.one(FIELDS);
        (kind, path)
    } else {
        random.one(DEEPER)
    }
}

/// A path to compare a value of that type with.
pub(super) fn path_like(random: &mut Random, kind: Type) -> &'static str {
    let alike: Vec<&str> = FIELDS.iter().filter(|(_, other, _)| *other == kind).map(|(_, _, path)| *path).collect();
    if alike.is_empty() || random.percent(15) { path(random).1 } else { random.one(&alike) }
}

/// Arguments in which most fields have their type, some another one, and some are left out; and what is known of the
/// texts of SQL among them.
pub(super) fn arguments(random: &mut Random) -> (Value, Vec<Sql>) {
    let (mut entries, mut known) = (BTreeMap::new(), Vec::new());
    for (key, kind, _) in FIELDS {
        let kind = match random.percent(5) {
            true if *kind == Type::Command => Type::Numbers,
            true => values::any_type(random),
            false => *kind,
        };
        if random.percent(88) {
            let value = if kind == Type::Sql {
                let sql = sql::script(random);
                let text = Value::from(sql.text.as_str());
                known.push(sql);
                text
            } else {
                values::value(random, kind)
            };
            entries.insert((*key).to_owned(), value);
        }
    }
    (Value::Map(entries), known)
}

/// The text of a run: sentences that hold some of the values that arguments have.
pub(super) fn texts(random: &mut Random) -> Vec<(String, String)> {
    let count = random.between(0, 3);
    let sentence = |random: &mut Random| {
        let (value, other) = (random.one(PROVENANCE), random.one(PROVENANCE));
        match random.between(0, 3) {
            0 => format!("Please pay to \"{value}\", and not to ({other})."),
            1 => format!("see:{value}; {other}!\n\u{a0}* €1,250.50 and 1000.00"),
            2 => format!("<b>{value}</b> {other}"),
            _ => format!("{other},{value}?"),
        }
    };
    (0..count).map(|_| (random.one(ORIGINS).to_owned(), sentence(random))).collect()
}
