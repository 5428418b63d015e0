//! Shell commands, for the plain ones that the generators write: words between single spaces, no quotes, no launchers.
//! How the engine reads anything else is compared with bash itself.

use agent_os_core::value::Value;

use super::condition::{Scope, Truth, all, any, not};
use super::operator::all_hold;
use super::path::Found;
use super::{items, text};

/// A word that cannot be told: bytes, which no operator of lists of texts takes.
fn unclear() -> Value {
    Value::Bytes(vec![0])
}

struct Simple {
    program: String,
    words: Vec<Value>,
    redirects: Vec<Value>,
    writes: Vec<Value>,
}

#[derive(Default)]
struct Read {
    commands: Vec<Simple>,
    stray: Vec<Value>,
    open: bool,
    substitutes: Truth,
}

/// The truth of one operator on a command.
pub(super) fn holds(name: &str, command: &str, operand: &Value, scope: &Scope<'_>) -> Truth {
    let read = read(command);
    let list = |items: Vec<Value>| all_hold(&Found::Here(Value::List(items)), operand, scope);
    let end: Vec<Value> = read.open.then(unclear).into_iter().collect();
    match name {
        "programs" => {
            let names = read.commands.iter().map(|simple| simple.program.as_str().into());
            list(names.chain(end).collect())
        }
        "redirects" => {
            let redirected = read.commands.iter().flat_map(|simple| simple.redirects.clone());
            list(read.stray.clone().into_iter().chain(redirected).chain(end).collect())
        }
        "writes" => {
            let written = read.commands.iter().flat_map(|simple| simple.writes.clone());
            list(read.stray.clone().into_iter().chain(written).chain(end).collect())
        }
        "has_substitution" => read.substitutes.map(|found| Value::Bool(found) == *operand),
        "command" => {
            let mut truths: Vec<Truth> = read.commands.iter().map(|simple| form(simple, operand, scope)).collect();
            if read.open {
                truths.push(None);
            }
            let truth = any(truths);
            if operand.get("sure").is_some() { Some(truth == Some(true)) } else { truth }
        }
        other => panic!("no operator `{other}`"),
    }
}

fn read(command: &str) -> Read {
    let mut read = Read { substitutes: Some(false), ..Read::default() };
    // A list may end in `;`, and only after a command.
    let command = match command.trim_end().strip_suffix(';') {
        Some(before) if !before.trim_end().is_empty() => before.trim_end(),
        _ => command,
    };
    let parts: Vec<Vec<&str>> = command
        .split(' ')
        .collect::<Vec<_>>()
        .split(|word| ["|", ";", "&&"].contains(word))
        .map(|words| words.iter().copied().filter(|word| !word.is_empty()).collect())
        .collect();
    if parts == [Vec::<&str>::new()] {
        return read;
    }
    for words in parts {
        let (mut argv, mut writes, mut rest) = (Vec::new(), Vec::new(), words.into_iter());
        let mut any = false;
        while let Some(word) = rest.next() {
            any = true;
            let (target, word) = if word == ">" { (true, rest.next().unwrap_or("'")) } else { (false, word) };
            if word == "'" || word == ">" {
                return Read { open: true, ..Read::default() };
            }
            if let Some(inner) = word.strip_prefix("$(").and_then(|word| word.strip_suffix(')')) {
                read.substitutes = Some(true);
                read.commands.push(simple(inner, Vec::new(), Vec::new()));
            }
            let value = if word.contains('$') { unclear() } else { word.into() };
            if target { &mut writes } else { &mut argv }.push(value);
        }
        if !any {
            return Read { open: true, ..Read::default() };
        }
        // What looks like an option is no program that is known.
        match argv.first().map(|word| word.as_text().filter(|text| !text.starts_with('-'))) {
            None => read.stray.extend(writes),
            Some(None) => {
                read.open = true;
                read.stray.extend(writes);
            }
            Some(Some(program)) => {
                let program = program.rsplit('/').next().unwrap_or("").to_owned();
                read.commands.push(simple(&program, argv.split_off(1), writes));
            }
        }
    }
    read
}

/// A program with what it writes. `got` is none that is known.
fn simple(program: &str, words: Vec<Value>, redirects: Vec<Value>) -> Simple {
    let mut writes = redirects.clone();
    // Where a word cannot be told, it may be an option that names a file.
    let before = words.iter().take_while(|word| word.as_text() != Some("--"));
    let may_name = before.clone().any(|word| word.as_text().is_none());
    match program {
        "ls" => {}
        "tee" => writes.extend(operands(&words)),
        // What is below the last operand or below what is removed is written, under names that are not told.
        "rm" => writes.extend(operands(&words).into_iter().flat_map(|word| [word, unclear()])),
        "cp" => {
            let mut sources = operands(&words);
            let last = sources.pop();
            if let Some(folder) = &last {
                writes.push(folder.clone());
                writes.extend(sources.iter().map(|source| placed(source, folder)));
            }
            let is_deep = before.clone().any(|word| matches!(word.as_text(), Some("-r" | "-rf")));
            writes.extend((may_name || is_deep && last.is_some()).then(unclear));
        }
        _ => writes.push(unclear()),
    }
    Simple { program: program.to_owned(), words, redirects, writes }
}

/// A file in a folder, under its own name.
fn placed(source: &Value, folder: &Value) -> Value {
    match (source.as_text(), folder.as_text()) {
        (Some(source), Some(folder)) => {
            let name = source.rsplit('/').next().unwrap_or("");
            Value::from(format!("{folder}/{name}").as_str())
        }
        _ => unclear(),
    }
}

fn operands(words: &[Value]) -> Vec<Value> {
    let end = words.iter().position(|word| word.as_text() == Some("--")).unwrap_or(words.len());
    let before = words.iter().take(end).filter(|word| word.as_text().is_none_or(|text| !text.starts_with('-')));
    before.chain(words.iter().skip(end + 1)).cloned().collect()
}

fn form(simple: &Simple, operand: &Value, scope: &Scope<'_>) -> Truth {
    let Value::Map(entries) = operand else {
        let words: Vec<Value> = std::iter::once(simple.program.as_str().into()).chain(simple.words.clone()).collect();
        return in_order(&words, items(operand));
    };
    let operands = operands(&simple.words);
    let truths = entries.iter().map(|(key, value)| match key.as_str() {
        "program" => Some(listed(value).contains(&simple.program)),
        "args" => in_order(&operands, items(value)),
        "flags" => {
            let groups = items(value);
            if groups.iter().all(|group| group.as_text().is_some()) {
                flagged(&simple.words, value)
            } else {
                all(groups.iter().map(|group| flagged(&simple.words, group)).collect())
            }
        }
        "no_flags" => not(flagged(&simple.words, value)),
        "targets" => {
            let skipped = entries.get("args").map_or(0, |args| items(args).len());
            let targets = operands.iter().skip(skipped).cloned().collect();
            all_hold(&Found::Here(Value::List(targets)), value, scope)
        }
        "writes" => all_hold(&Found::Here(Value::List(simple.writes.clone())), value, scope),
        "except" => not(any(items(value).iter().map(|except| form(simple, except, scope)).collect())),
        _ => Some(true),
    });
    all(truths.collect())
}

fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) => items.iter().map(|item| text(item).to_owned()).collect(),
        one => vec![text(one).to_owned()],
    }
}

fn in_order(words: &[Value], expected: &[Value]) -> Truth {
    let known = words.iter().take_while(|word| word.as_text().is_some()).count();
    all(expected
        .iter()
        .enumerate()
        .map(|(place, expected)| match words.get(place) {
            _ if place > known => None,
            Some(word) => word.as_text().map(|word| listed(expected).iter().any(|one| one == word)),
            None => Some(false),
        })
        .collect())
}

fn flagged(words: &[Value], flags: &Value) -> Truth {
    let before = words.iter().take_while(|word| word.as_text() != Some("--"));
    any(before
        .map(|word| {
            Some(listed(flags).iter().any(|flag| is_flag(word.as_text().unwrap_or(""), flag)))
                .filter(|_| word.as_text().is_some())
        })
        .collect())
}

fn is_flag(word: &str, flag: &str) -> bool {
    match (flag.strip_prefix("--"), word.strip_prefix("--")) {
        (Some(long), Some(word)) => {
            let name: String = word.chars().take_while(|c| *c != '=').collect();
            !name.is_empty() && long.starts_with(&name)
        }
        (None, None) if flag.len() == 2 && flag.starts_with('-') => {
            word.starts_with('-') && flag.chars().nth(1).is_some_and(|letter| word.contains(letter))
        }
        _ => word == flag,
    }
}
