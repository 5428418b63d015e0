//! Of commands that are made from a known structure, exactly the programs, files and substitutions in them are told:
//! none is missing, and none is made up.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;

use agent_os_core::policy::{Bundle, Provenance, Subject, decide};
use agent_os_core::request::RunState;
use agent_os_core::value::Value;
use agent_os_testkit::generate::Random;

const ROUNDS: usize = 3_000;
const PROGRAMS: &[&str] = &["unlink", "wc", "ls", "cat", "shred", "grep"];
/// What starts others, and is a program itself.
const LAUNCHERS: &[&str] = &["sudo", "env", "nice", "timeout", "xargs", "find", "sh", "bash", "echo"];
const FILES: &[&str] = &["/out/a", "/out/b", "/out/c"];

/// What was written so far.
struct Made<'r> {
    random: &'r mut Random,
    programs: BTreeSet<&'static str>,
    writes: BTreeSet<&'static str>,
    substitutes: bool,
}

impl Made<'_> {
    /// A program in some spelling, with arguments.
    fn simple(&mut self) -> String {
        let name = self.random.one(PROGRAMS);
        self.programs.insert(name);
        let (first, rest) = name.split_at(1);
        let mut text = match self.random.between(0, 7) {
            0 => format!("'{name}'"),
            1 => format!("\"{name}\""),
            2 => format!("{first}''{rest}"),
            3 => format!("\\{name}"),
            4 => format!("/usr/bin/{name}"),
            5 => format!("$'{name}'"),
            _ => name.to_owned(),
        };
        for _ in 0..self.random.between(0, 2) {
            text.push(' ');
            text.push_str(self.random.one(&["a", "-x", "'b; shred c'", "\"d | wc\"", "\\;", "'$(unlink)'", "\\`"]));
        }
        if self.random.percent(20) {
            let file = self.random.one(FILES);
            self.writes.insert(file);
            let sign = self.random.one(&[">", ">>", "2>", "&>", ">|"]);
            text.push_str(&format!(" {sign}{file}"));
        }
        text
    }

    fn launched(&mut self, launcher: &'static str, words: &str) -> String {
        self.programs.insert(launcher);
        let simple = self.simple();
        format!("{words} {simple}")
    }

    fn script(&mut self, depth: u32) -> String {
        if depth == 0 || self.random.percent(15) {
            return self.simple();
        }
        let form = self.random.between(0, 21);
        if matches!(form, 12..=17) {
            return self.launcher(form, depth);
        }
        let inner = self.script(depth - 1);
        match form {
            0 => format!("( {inner}\n)"),
            1 => format!("{{ {inner}\n}}"),
            2 => format!("! {inner}"),
            3 => format!("for x in 1 2; do {inner}\ndone"),
            4 => format!("while {inner}\ndo {}\ndone", self.script(depth - 1)),
            5 => format!("case x in x) {inner}\n;; *) {}\n;; esac", self.script(depth - 1)),
            6 => format!("if {inner}\nthen {}\nelse {}\nfi", self.script(depth - 1), self.simple()),
            7..=9 => {
                self.substitutes = true;
                match form {
                    7 => format!("{} \"$({inner}\n)\"", self.simple()),
                    8 => format!("x=$({inner}\n) {}", self.simple()),
                    _ => format!("{} <({inner}\n)", self.simple()),
                }
            }
            10 => format!("{inner} # ; shred x\n{}", self.simple()),
            11 => {
                self.programs.insert("cat");
                format!("cat <<'E'\n; wc x $(unlink y)\nE\n{inner}")
            }
            _ => {
                let sign = self.random.one(&["\n", "\n", " && ", " || ", " | ", "; ", " & "]);
                format!("{inner}{sign}{}", self.script(depth - 1))
            }
        }
    }

    fn launcher(&mut self, form: u32, depth: u32) -> String {
        match form {
            12 => self.launched("sudo", "sudo -u root"),
            13 => self.launched("env", "env -i A=b"),
            14 => {
                self.programs.insert("timeout");
                self.launched("nice", "timeout 5 nice -n 3")
            }
            15 => self.launched("xargs", "xargs -n 1"),
            16 => {
                let simple = self.launched("find", "find . -exec");
                format!("{simple} {{}} \\;")
            }
            _ => {
                let shell = self.random.one(&["sh", "bash"]);
                self.programs.insert(shell);
                let inner = self.script(depth - 1);
                format!("{shell} -c '{}'", inner.replace('\'', "'\\''"))
            }
        }
    }
}

fn rule(id: &str, tests: Value) -> Value {
    Value::from([
        ("id", id.into()),
        ("effect", "deny".into()),
        ("action", Value::List(vec!["run".into()])),
        ("when", Value::from([("args.x", tests)])),
    ])
}

#[test]
fn exactly_what_was_put_into_a_command_is_told() {
    let seed = std::env::var("AGENT_OS_SEED").map_or(21, |seed| seed.parse().unwrap());
    println!("seed {seed} (set AGENT_OS_SEED for another)");
    let listed = |operator: &str, names: &[&str]| -> Vec<Value> {
        let test = |name: &&str| Value::from([(operator, Value::from([("contains", (*name).into())]))]);
        names.iter().map(|name| rule(&format!("{operator}:{}", name.replace('/', "-")), test(name))).collect()
    };
    let names: Vec<&str> = PROGRAMS.iter().chain(LAUNCHERS).copied().collect();
    let mut rules = listed("programs", &names);
    rules.extend(listed("writes", FILES));
    rules.push(rule("substitutes", Value::from([("has_substitution", true.into())])));
    let document = Value::from([
        ("agent_os", 1.into()),
        ("name", "known".into()),
        ("default", "allow".into()),
        ("rules", Value::List(rules)),
    ]);
    let bundle = Bundle::compile(&document).unwrap();
    let subject = bundle.subject(&Subject { id: "x", roles: &[] });
    let provenance = Provenance::default();
    let mut random = Random::new(seed);
    let mut told = 0;
    for _ in 0..ROUNDS {
        let mut made =
            Made { random: &mut random, programs: BTreeSet::new(), writes: BTreeSet::new(), substitutes: false };
        let text = made.script(3);
        let expected: BTreeSet<String> = made
            .programs
            .iter()
            .map(|name| format!("programs:{name}"))
            .chain(made.writes.iter().map(|file| format!("writes:{}", file.replace('/', "-"))))
            .chain(made.substitutes.then(|| "substitutes".to_owned()))
            .collect();
        let args = Value::from([("x", text.as_str().into())]);
        let verdict = decide(&bundle, &subject, "run", &&args, &RunState::start(&provenance), &[]);
        let id = |rule| bundle.rule(rule).unwrap().id.clone();
        let unknown: BTreeSet<String> = verdict.unknowns.iter().map(|unknown| id(unknown.rule)).collect();
        let held: BTreeSet<String> = verdict.rules.iter().map(|rule| id(*rule)).collect();
        assert!(expected.is_subset(&held), "not told: {:?}\n{text}", expected.difference(&held));
        let made_up: BTreeSet<_> = held.difference(&unknown).filter(|fact| !expected.contains(*fact)).collect();
        assert!(made_up.is_empty(), "made up: {made_up:?}\n{text}");
        told += usize::from(unknown.is_empty());
    }
    println!("{told} of {ROUNDS} are told in full");
    assert!(told * 10 > ROUNDS * 7, "only {told} of {ROUNDS} are told in full");
}
