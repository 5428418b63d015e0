//! Paths of conditions: how they are spelt and what they lead to.

use agent_os_core::value::Value;

use super::condition::Scope;

/// One step: its text, and whether it was quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    text: String,
    quoted: bool,
}

/// What a path leads to.
pub(super) enum Found {
    Missing,
    Mistyped,
    Here(Value),
}

/// The steps of a path that was accepted at load, without its `?`.
pub(super) fn parse(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut characters = path.chars().peekable();
    while let Some(first) = characters.next() {
        let mut text = String::new();
        if first == '"' {
            while let Some(character) = characters.next() {
                match character {
                    '"' => break,
                    '\\' => text.extend(characters.next()),
                    other => text.push(other),
                }
            }
            steps.push(Step { text, quoted: true });
        } else {
            text.push(first);
            while let Some(character) = characters.next_if(|character| *character != '.') {
                text.push(character);
            }
            steps.push(Step { text, quoted: false });
        }
        characters.next_if_eq(&'.');
    }
    steps
}

/// A path as reports write it: quoted only where it must be, to be read as the same steps again.
pub(super) fn spell(steps: &[Step]) -> String {
    let spelt = steps.iter().map(|step| {
        let plain = step.text.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character));
        let needs_quotes = step.quoted && (step.text.is_empty() || !plain || index(&step.text).is_some());
        match needs_quotes {
            true => format!("\"{}\"", step.text.replace('\\', "\\\\").replace('"', "\\\"")),
            false => step.text.clone(),
        }
    });
    spelt.collect::<Vec<_>>().join(".")
}

/// Follows a path.
pub(super) fn find(steps: &[Step], scope: &Scope<'_>) -> Found {
    let name = |place: usize| steps.get(place).map(|step| step.text.as_str());
    let request = scope.request;
    match (name(0), name(1)) {
        (Some("run"), Some("labels")) => Found::Here(crate::case::strings(&request.labels)),
        (Some("run"), Some("calls")) => Found::Here(i64::try_from(request.calls).unwrap_or(i64::MAX).into()),
        (Some("run"), Some("depth")) => Found::Here(i64::from(request.depth).into()),
        (Some("run"), Some("parent")) => match &request.parent {
            Some(parent) => Found::Here(parent.as_str().into()),
            None => Found::Missing,
        },
        (Some("time"), Some("hour")) => Found::Here(hours(request.now_micros).rem_euclid(24).into()),
        // 1970-01-01 was a Thursday, the fourth day of the week.
        (Some("time"), Some("weekday")) => {
            Found::Here(((hours(request.now_micros).div_euclid(24) + 3).rem_euclid(7) + 1).into())
        }
        (Some("args"), _) => follow(&request.args, steps),
        (Some("item"), _) => match scope.item {
            Some(item) => follow(item, steps),
            None => panic!("`item` outside `each` and `some`"),
        },
        other => panic!("an accepted document has no path {other:?}"),
    }
}

fn hours(micros: i64) -> i64 {
    micros.div_euclid(3_600_000_000)
}

fn follow(root: &Value, steps: &[Step]) -> Found {
    let mut value = root;
    for step in steps.iter().skip(1) {
        let next = match value.transparent() {
            Value::Map(entries) => entries.get(&step.text),
            Value::List(items) => match index(&step.text) {
                Some(place) if !step.quoted => items.get(place),
                _ => return Found::Mistyped,
            },
            _ => return Found::Mistyped,
        };
        match next {
            Some(next) => value = next,
            None => return Found::Missing,
        }
    }
    Found::Here(value.clone())
}

/// The place in a list that a step may name: digits without a leading zero.
fn index(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{parse, spell};

    #[test]
    fn paths_are_spelt_with_quotes_only_where_they_are_needed() {
        for (written, spelt) in [
            ("args.a.b-c_0", "args.a.b-c_0"),
            ("args.\"a\".\"weird key\"", "args.a.\"weird key\""),
            ("args.items.0", "args.items.0"),
            ("args.items.\"0\"", "args.items.\"0\""),
            ("args.\"q\\\"\\\\.x\"", "args.\"q\\\"\\\\.x\""),
            ("args.\"\"", "args.\"\""),
        ] {
            assert_eq!(spell(&parse(written)), spelt);
            assert_eq!(parse(spelt), parse(&spell(&parse(spelt))));
        }
    }
}
