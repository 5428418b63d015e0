//! Globs over text, by spelling out the braces and then trying every way to match.
#![allow(
    clippy::indexing_slicing,
    reason = "a glob that was accepted at load is whole; a panic here is a comparison that failed"
)]

use super::condition::Truth;

/// Where braces were spelt out: two stars that meet there are two, and not `**`.
const SEAM: char = '\u{10ffff}';

/// Whether a text fits a glob; unknown if it has a part that steps.
pub(super) fn fits(glob: &str, text: &str) -> Truth {
    if text.split('/').any(|part| part == "." || part == "..") {
        return None;
    }
    let text: Vec<char> = text.chars().collect();
    Some(spelt_out(&glob.chars().collect::<Vec<_>>()).iter().any(|plain| matches(plain, &text, true)))
}

/// The globs without braces that a glob stands for.
fn spelt_out(glob: &[char]) -> Vec<Vec<char>> {
    let Some((before, choices, after)) = first_braces(glob) else { return vec![glob.to_vec()] };
    choices.iter().flat_map(|choice| spelt_out(&[&before[..], &[SEAM], choice, &[SEAM], after].concat())).collect()
}

type Braces<'g> = (Vec<char>, Vec<Vec<char>>, &'g [char]);

fn first_braces(glob: &[char]) -> Option<Braces<'_>> {
    let (mut depth, mut start, mut cut, mut choices) = (0, 0, 0, Vec::new());
    let (mut at, mut in_class) = (0, false);
    while at < glob.len() {
        match glob[at] {
            '\\' => at += 1,
            '[' if !in_class => in_class = true,
            ']' => in_class = false,
            _ if in_class => {}
            '{' => {
                if depth == 0 {
                    (start, cut) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(glob[cut..at].to_vec());
                cut = at + 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    choices.push(glob[cut..at].to_vec());
                    return Some((glob[..start].to_vec(), choices, &glob[at + 1..]));
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn matches(glob: &[char], text: &[char], at_start: bool) -> bool {
    let rest_of = |taken: usize| &glob[taken..];
    match glob {
        [] => text.is_empty(),
        [SEAM, ..] => matches(rest_of(1), text, false),
        ['*', '*'] if at_start => !text.is_empty(),
        ['*', '*', '/', ..] if at_start => {
            if matches(rest_of(3), text, true) {
                return true;
            }
            let part = text.iter().position(|c| *c == '/').unwrap_or(0);
            part > 0 && matches(glob, &text[part + 1..], true)
        }
        ['*', ..] => {
            matches(rest_of(1), text, false)
                || text.first().is_some_and(|c| *c != '/' && matches(glob, &text[1..], false))
        }
        ['?', ..] => text.first().is_some_and(|c| *c != '/') && matches(rest_of(1), &text[1..], false),
        ['[', ..] => {
            let Some(first) = text.first().filter(|c| **c != '/') else { return false };
            let (holds, length) = class(rest_of(1), *first);
            holds && matches(rest_of(1 + length), &text[1..], false)
        }
        ['\\', literal, ..] => text.first() == Some(literal) && matches(rest_of(2), &text[1..], *literal == '/'),
        [literal, ..] => text.first() == Some(literal) && matches(rest_of(1), &text[1..], *literal == '/'),
    }
}

/// Whether a class holds a character, and the length of what follows its bracket.
fn class(glob: &[char], found: char) -> (bool, usize) {
    let negated = matches!(glob.first(), Some('!' | '^'));
    let (mut at, mut holds) = (usize::from(negated), false);
    let member = |at: &mut usize| {
        if glob[*at] == '\\' {
            *at += 1;
        }
        *at += 1;
        glob[*at - 1]
    };
    while glob[at] != ']' {
        let first = member(&mut at);
        let last = if glob[at] == '-' && glob[at + 1] != ']' {
            at += 1;
            member(&mut at)
        } else {
            first
        };
        holds |= (first..=last).contains(&found);
    }
    (holds != negated, at + 1)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn globs_are_matched_whole_and_part_by_part() {
        for (glob, text, truth) in [
            ("a/**/b", "a/b", Some(true)),
            ("a/**/b", "a/x/y/b", Some(true)),
            ("a/**", "a", Some(false)),
            ("*.{rs,t[xo]t}", "a.tot", Some(true)),
            ("*.{rs,t[xo]t}", "d/a.tot", Some(false)),
            ("[!a-c]?", "d.", Some(true)),
            ("**", "a/..", None),
        ] {
            assert_eq!(fits(glob, text), truth, "{glob} {text}");
        }
    }
}
