//! Regular expressions that say what a typed operator says better.

use super::{Finding, Lint, Subject};
use crate::policy::analysis::{Atom, Tree};
use crate::policy::operators::Operator;
use crate::value::Value;

pub(super) fn rule(rule: &Subject<'_>, findings: &mut Vec<Finding>) {
    let mut look = |atom: &Atom, _: bool, _: bool| {
        if atom.operator != "matches" {
            return;
        }
        let (pattern, anchored) = match &atom.operand {
            Value::Str(pattern) => (pattern.as_str(), true),
            Value::Map(entries) => match entries.get("pattern").and_then(Value::as_text) {
                Some(pattern) => (pattern, entries.get("anchored") != Some(&Value::Bool(false))),
                None => return,
            },
            _ => return,
        };
        if let Some(better) = better(&atom.path, pattern, anchored) {
            let message = format!("`{pattern}` on `{}` is a pattern over text {}", atom.path, better.fault);
            let hint = format!("write `{}: {{{}}}`", atom.path, better.test);
            findings.push(Finding::new(Lint::RegexForOperator, Some(rule.id), Some(&atom.path), message, hint));
        }
    };
    let trees = [&rule.studied.when, &rule.studied.unless];
    trees.into_iter().flatten().for_each(|tree: &Tree| tree.each_leaf(false, &mut look));
}

struct Better {
    fault: &'static str,
    test: String,
}

/// Programs whose command lines are often matched as text.
const PROGRAMS: &[&str] = &[
    "bash", "cat", "chmod", "chown", "cp", "curl", "dd", "docker", "find", "git", "kubectl", "mv", "npm", "pip",
    "python", "rm", "sh", "ssh", "sudo", "wget",
];

fn better(path: &str, pattern: &str, anchored: bool) -> Option<Better> {
    let whole = pattern.strip_prefix('^').unwrap_or(pattern);
    let starts = anchored || pattern.starts_with('^');
    let whole_end = if whole.ends_with("\\$") { None } else { whole.strip_suffix('$') };
    let ends = anchored || whole_end.is_some();
    let whole = whole_end.unwrap_or(whole);
    let open_start = !starts || whole.starts_with(".*");
    let open_end = !ends || whole.ends_with(".*") && !whole.ends_with("\\.*");
    let core = whole.strip_prefix(".*").unwrap_or(whole);
    let core = if open_end { core.strip_suffix(".*").unwrap_or(core) } else { core };
    // In `a|b.*` and `^a|b` the rest belongs to one of the two only; a group binds it to both.
    if core.len() < pattern.len() && core.contains('|') && !(core.starts_with('(') && core.ends_with(')')) {
        return None;
    }
    let supported = |name: &str| Operator::find(name).is_some_and(|operator| operator.supported);
    let texts = alternatives(core)?;
    let first = texts.first()?;
    if first.is_empty() {
        return None;
    }
    let list = listed(&texts);
    let names_a_path = ["path", "file", "dir", "folder"].iter().any(|word| path.to_ascii_lowercase().contains(word));
    let fault_of_paths = "where `..` and `//` spell the same path otherwise";
    let fault_of_urls = "where user-info, ports and other spellings of a host pass";
    let fault_of_commands = "where quotes, pipes and other spellings of a command pass";
    let fault_of_texts = "where a plain comparison says the same";
    let better = |fault, test| Some(Better { fault, test });
    if !open_start && texts.iter().all(|text| text.contains("://")) && supported("host") {
        let hosts: Vec<String> = texts.iter().filter_map(|text| host_of(text)).collect();
        return better(fault_of_urls, format!("host: {}", listed(&hosts)));
    }
    if !open_start && open_end && (first.starts_with('/') || names_a_path && first.contains('/')) {
        return better(fault_of_paths, format!("under: {list}"));
    }
    let program = |text: &String| {
        let word = text.split_whitespace().next().unwrap_or_default();
        PROGRAMS.contains(&word).then(|| word.to_owned())
    };
    let programs: Option<Vec<String>> = texts.iter().map(program).collect();
    if let (Some(programs), true) = (programs, supported("programs")) {
        return better(fault_of_commands, format!("programs: {{some: {{in: {}}}}}", bracketed(&programs)));
    }
    match (open_start, open_end) {
        (false, false) if texts.len() == 1 => better(fault_of_texts, format!("eq: {list}")),
        (false, false) => better(fault_of_texts, format!("in: {}", bracketed(&texts))),
        (false, true) => better(fault_of_texts, format!("starts_with: {list}")),
        (true, false) => better(fault_of_texts, format!("ends_with: {list}")),
        (true, true) if texts.len() == 1 => better(fault_of_texts, format!("contains: {list}")),
        (true, true) => None,
    }
}

/// The texts that the pattern stands for, if it is a text or a choice of texts.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern
        .strip_prefix("(?:")
        .or_else(|| pattern.strip_prefix('('))
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(pattern);
    inner.split('|').map(literal).collect()
}

/// The text that a pattern without operators stands for.
fn literal(pattern: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next()? {
                's' => text.push(' '),
                escaped if escaped.is_ascii_punctuation() => text.push(escaped),
                _ => return None,
            },
            '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' | '|' => return None,
            plain => text.push(plain),
        }
    }
    Some(text)
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    Some(rest.split(['/', ':', '?']).next()?.to_owned())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn bracketed(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn listed(texts: &[String]) -> String {
    match texts {
        [one] => quoted(one),
        many => bracketed(many),
    }
}
