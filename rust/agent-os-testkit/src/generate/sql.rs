//! Draws texts of SQL piece by piece, and notes with each piece what it adds to the facts, and which dialects it leaves
//! in the dark. The rules are those of `docs/explanation/semantics.md`.

use std::collections::BTreeMap;

use super::Random;
use crate::reference::Truth;
use crate::reference::condition as kleene;
use crate::sql::{DIALECTS, Facts, Sql};

/// A spelling, and the dialects that do not read it, or not all of whose engines read it alike.
type Spelling = (&'static str, &'static [&'static str]);

const NONE: &[&str] = &[];
const ALL: &[&str] = &DIALECTS;

/// What may stand between two words. Each hides something that would count if it were not hidden.
const GAPS: &[&str] = &[
    " ",
    "\n",
    "\t",
    "\r\n",
    " /* ; DROP TABLE secrets */ ",
    " /**/ ",
    " -- it's ; DELETE FROM secrets\n",
    " /* -- \" ' ` [ */ ",
];
const ODD_GAPS: &[Spelling] = &[
    (" # ; is\n", &["generic", "postgres", "sqlite", "mssql"]),
    (" /*! ; DROP TABLE secrets */ ", &["generic", "mysql"]),
    (" /*+ hint */ ", &["generic", "mysql"]),
    (" --it's\n", &["generic", "mysql"]),
    (" /* /* */ ", ALL),
    (" -- a\rb\n", ALL),
    ("\u{a0}", ALL),
    ("\u{b}", ALL),
    (" \\ ", ALL),
    (" { ", ALL),
];
const STRINGS: &[Spelling] = &[
    ("'x'", NONE),
    ("'it''s'", NONE),
    ("'; DROP TABLE secrets; --'", NONE),
    ("'/* '", NONE),
    ("'ö'", NONE),
    (r"'a\\'", NONE),
    (r"'a\'", &["generic", "postgres", "mysql"]),
    ("$$; DELETE FROM secrets$$", &["generic", "mysql", "sqlite", "mssql"]),
    ("$t$ it's $t$", &["generic", "mysql", "sqlite", "mssql"]),
    ("q'[a]'", ALL),
    (r"U&'\0061'", ALL),
];

/// A name of a table as it is written, what it is called (`None`: that cannot be told), and where it is not read.
struct Name {
    written: &'static str,
    called: fn(&str) -> Option<&'static str>,
    unread: &'static [&'static str],
}

const TABLES: &[Name] = &[
    Name { written: "orders", called: |_| Some("orders"), unread: NONE },
    Name { written: "users", called: |_| Some("users"), unread: NONE },
    Name { written: "Orders", called: |_| Some("orders"), unread: NONE },
    Name { written: "SHOP.items", called: |_| Some("shop.items"), unread: NONE },
    Name { written: "audit_log", called: |_| Some("audit_log"), unread: NONE },
    Name { written: "\"orders\"", called: |_| Some("orders"), unread: NONE },
    Name { written: "shop.\"items\"", called: |_| Some("shop.items"), unread: NONE },
    Name {
        written: "\"Orders\"",
        called: |dialect| match dialect {
            "generic" => None,
            "postgres" => Some("Orders"),
            _ => Some("orders"),
        },
        unread: NONE,
    },
    Name { written: "\"shop.items\"", called: |_| None, unread: NONE },
    Name {
        written: "größe",
        called: |dialect| ["postgres", "sqlite"].contains(&dialect).then_some("größe"),
        unread: NONE,
    },
    Name { written: "`users`", called: |_| Some("users"), unread: &["generic", "postgres", "mssql"] },
    Name { written: "[users]", called: |_| Some("users"), unread: &["generic", "postgres", "mysql"] },
];

/// Names of tables to ask for; those of comments and strings are among them.
pub(super) const TABLE_NAMES: &[&str] = &["orders", "users", "shop.items", "audit_log", "größe", "secrets", "items"];
pub(super) const FUNCTION_NAMES: &[&str] = &["count", "lower", "abs", "shop.price", "price", "max"];
pub(super) const KINDS: &[&str] = &[
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "create_table",
    "drop",
    "grant",
    "explain",
    "transaction",
    "other",
];

/// A condition of a `WHERE`.
struct Condition {
    /// Whether it restricts.
    restricts: Truth,
    /// Whether it is an equality with values, or a choice of such.
    is_choice: bool,
}

/// Draws a text of one to three statements.
pub(super) fn script(random: &mut Random) -> Sql {
    let facts = || Facts { statements: vec![], tables: Some(vec![]), functions: Some(vec![]), has_where: Some(true) };
    let facts = DIALECTS.map(|dialect| (dialect, facts()));
    let mut writer = Writer { random, text: String::new(), facts: facts.into(), unexecuted: false };
    for number in 0..writer.random.weighted(&[(1, 65), (2, 25), (3, 10)]) {
        if number > 0 {
            writer.words(";");
        }
        writer.statement();
    }
    if writer.random.percent(20) {
        writer.words(";");
    }
    Sql { text: writer.text, facts: writer.facts }
}

struct Writer<'r> {
    random: &'r mut Random,
    text: String,
    facts: BTreeMap<&'static str, Facts>,
    /// Under `EXPLAIN`.
    unexecuted: bool,
}

impl Writer<'_> {
    /// Words with gaps before them, keywords in either case.
    fn words(&mut self, words: &str) {
        for word in words.split(' ') {
            self.gap();
            let is_keyword = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
            match is_keyword && self.random.percent(30) {
                true => self.text.push_str(&word.to_ascii_lowercase()),
                false => self.text.push_str(word),
            }
        }
    }

    fn gap(&mut self) {
        if self.random.percent(1) {
            let gap = self.random.one(ODD_GAPS);
            return self.spelt(gap);
        }
        let gap = if self.random.percent(85) { " " } else { self.random.one(GAPS) };
        self.text.push_str(gap);
    }

    fn spelt(&mut self, (written, unread): Spelling) {
        self.text.push_str(written);
        self.unread(unread);
    }

    fn unread(&mut self, dialects: &[&str]) {
        self.facts.retain(|dialect, _| !dialects.contains(dialect));
    }

    fn string(&mut self) {
        self.gap();
        let string = if self.random.percent(70) { ("'x'", NONE) } else { self.random.one(STRINGS) };
        self.spelt(string);
    }

    fn kind(&mut self, kind: &str) {
        if !self.unexecuted {
            self.facts.values_mut().for_each(|facts| add(&mut facts.statements, kind));
        }
    }

    /// What a statement says of its condition.
    fn restricted(&mut self, truth: Truth) {
        if !self.unexecuted {
            self.facts.values_mut().for_each(|facts| facts.has_where = kleene::all(vec![facts.has_where, truth]));
        }
    }

    fn table(&mut self) {
        let last = u32::try_from(TABLES.len() - 1).unwrap_or_default();
        let place = if self.random.percent(70) { self.random.between(0, 4) } else { self.random.between(0, last) };
        self.table_at(place);
    }

    /// A name without quotes.
    fn plain_table(&mut self) {
        let place = self.random.between(0, 4);
        self.table_at(place);
    }

    fn table_at(&mut self, place: u32) {
        self.gap();
        let Some(name) = TABLES.get(place as usize) else { panic!("a place in the pool") };
        self.text.push_str(name.written);
        self.unread(name.unread);
        for (dialect, facts) in &mut self.facts {
            match ((name.called)(dialect), &mut facts.tables) {
                (Some(called), Some(tables)) => add(tables, called),
                (_, tables) => *tables = None,
            }
        }
    }

    /// A call. Of a qualified function both names are told.
    fn call(&mut self, written: &str, names: &[&str]) {
        self.words(written);
        for functions in self.facts.values_mut().filter_map(|facts| facts.functions.as_mut()) {
            names.iter().for_each(|name| add(functions, name));
        }
    }

    fn statement(&mut self) {
        match self.random.between(0, 13) {
            0..=2 => {
                self.kind("select");
                self.query(2);
            }
            3 => {
                self.kind("select");
                self.words("WITH part AS (");
                self.query(1);
                self.words(") SELECT a FROM part ,");
                self.table();
            }
            4 => {
                self.kind("insert");
                self.words("INSERT INTO");
                self.table();
                self.words("( a , b )");
                if self.random.percent(50) {
                    self.words("VALUES ( 1 ,");
                    self.string();
                    self.words(")");
                } else {
                    self.query(1);
                }
            }
            5 | 6 => self.update(),
            7 | 8 => self.delete(),
            9 => {
                self.kind("drop");
                self.restricted(None);
                self.words("DROP TABLE");
                self.table();
            }
            10 => {
                self.kind("create_table");
                self.restricted(None);
                self.words("CREATE TABLE");
                self.table();
                self.words("( a INT )");
            }
            11 => {
                self.kind("truncate");
                self.restricted(Some(false));
                self.words("TRUNCATE TABLE");
                self.table();
            }
            12 => self.explain(),
            _ => self.rare(),
        }
    }

    fn update(&mut self) {
        self.kind("update");
        self.words("UPDATE");
        self.table();
        self.words("SET a =");
        match self.random.percent(70) {
            true => self.words("1"),
            false => {
                self.words("(");
                self.query(0);
                self.words(")");
            }
        }
        self.clause();
    }

    fn delete(&mut self) {
        self.kind("delete");
        self.words("DELETE FROM");
        self.table();
        self.clause();
    }

    /// The `WHERE` of a statement that changes rows.
    fn clause(&mut self) {
        let restricts = if self.random.percent(75) {
            self.words("WHERE");
            self.condition(2).restricts
        } else {
            Some(false)
        };
        self.restricted(restricts);
    }

    fn explain(&mut self) {
        self.kind("explain");
        self.words("EXPLAIN");
        let was_unexecuted = self.unexecuted;
        if self.random.percent(30) {
            self.words("ANALYZE");
        } else {
            self.unexecuted = true;
        }
        if self.random.percent(50) {
            self.delete()
        } else {
            self.update()
        }
        self.unexecuted = was_unexecuted;
    }

    fn rare(&mut self) {
        match self.random.between(0, 3) {
            0 => {
                self.kind("transaction");
                let words = self.random.one(&["COMMIT", "ROLLBACK"]);
                self.words(words);
            }
            1 => {
                self.kind("select");
                self.kind("create_table");
                self.words("SELECT a INTO");
                // PostgreSQL's grammar has arrays in brackets, and of a text with one there is something to tell.
                self.plain_table();
                self.words("FROM");
                self.table();
            }
            2 => {
                self.kind("grant");
                self.restricted(None);
                self.words("GRANT SELECT ON orders TO public");
                self.facts.values_mut().for_each(|facts| facts.tables = None);
            }
            _ => {
                self.kind("select");
                // SQL Server takes the alias for a statement of its own.
                self.words("SELECT a AS shutdown FROM");
                self.unread(&["generic", "mssql"]);
                self.table();
            }
        }
    }

    /// A query, nested at most so deeply.
    fn query(&mut self, depth: u32) {
        self.words("SELECT");
        self.expression(depth);
        self.words("FROM");
        self.source(depth);
        if self.random.percent(20) {
            self.words("JOIN");
            self.table();
            self.words("AS j ON j.a = s.a");
        }
        if self.random.percent(40) {
            self.words("WHERE");
            self.condition(depth);
        }
        if depth > 0 && self.random.percent(10) {
            let words = self.random.one(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
            self.words(words);
            self.query(0);
        }
    }

    fn expression(&mut self, depth: u32) {
        match self.random.between(0, 7) {
            0 => self.call("count(*)", &["count"]),
            1 => self.call("Lower( b )", &["lower"]),
            2 => self.call("shop.price( a )", &["shop.price", "price"]),
            3 => self.string(),
            4 if depth > 0 => {
                self.words("(");
                self.query(depth - 1);
                self.words(")");
            }
            5 => self.words("b AS c"),
            _ => self.words("a"),
        }
    }

    fn source(&mut self, depth: u32) {
        if depth > 0 && self.random.percent(15) {
            self.words("(");
            self.query(depth - 1);
            self.words(")");
        } else {
            self.table();
        }
        self.words("AS s");
    }

    fn condition(&mut self, depth: u32) -> Condition {
        if depth > 0 && self.random.percent(30) {
            self.words("(");
            let left = self.condition(depth - 1);
            let is_or = self.random.percent(50);
            self.words(if is_or { "OR" } else { "AND" });
            let right = self.condition(depth - 1);
            self.words(")");
            let is_choice = left.is_choice && right.is_choice;
            let restricts = vec![left.restricts, right.restricts];
            return Condition {
                restricts: match is_or {
                    false => kleene::any(restricts),
                    // Two conditions may hold for every row between them, unless each chooses single values.
                    true => kleene::all(restricts).filter(|restricts| !restricts || is_choice),
                },
                is_choice,
            };
        }
        let (yes, no, unknown) = (Some(true), Some(false), None);
        let simple = |writer: &mut Self, words: &str, restricts, is_choice| {
            writer.words(words);
            Condition { restricts, is_choice }
        };
        match self.random.between(0, 18) {
            0..=3 => simple(self, "a = 1", yes, true),
            4 => simple(self, "b IN ( 1 , 2 )", yes, true),
            5 => simple(self, "b LIKE 'x%'", yes, true),
            6 => simple(self, "a > 2", yes, false),
            7 => simple(self, "a BETWEEN 1 AND 2", yes, false),
            8 => simple(self, "NOT a = 3", yes, false),
            9 => simple(self, "b IS NULL", yes, false),
            10 => {
                self.call("lower( b )", &["lower"]);
                self.words("=");
                self.string();
                Condition { restricts: yes, is_choice: true }
            }
            11 => simple(self, "1 = 1", no, true),
            12 => simple(self, "a = a", no, true),
            13 => simple(self, "b LIKE '%'", no, true),
            14 => simple(self, "TRUE", no, false),
            15 => simple(self, "a * 0 = 0", unknown, true),
            16 => {
                self.call("abs( a )", &["abs"]);
                simple(self, "= 1", unknown, true)
            }
            _ => {
                self.words("a IN ( SELECT b FROM");
                self.table();
                self.words("WHERE");
                // Columns of the query outside may be meant: what does not restrict here may do so there.
                let inner = self.condition(depth.saturating_sub(1));
                self.words(")");
                Condition { restricts: inner.restricts.filter(|restricts| *restricts), is_choice: false }
            }
        }
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}
