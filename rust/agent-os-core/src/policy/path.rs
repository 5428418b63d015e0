//! The grammar of paths in conditions and obligations.

use super::operators::Kind;
use super::suggest;
use crate::limits;
use crate::request::Segment;

/// Inputs of a decision beside its arguments, with the kind that each of them always has.
pub(super) const INPUTS: &[(&str, Input, Kind)] = &[
    ("run.labels", Input::Labels, Kind::List),
    ("run.calls", Input::Calls, Kind::Number),
    ("run.depth", Input::Depth, Kind::Number),
    ("run.parent", Input::Parent, Kind::String),
    ("time.hour", Input::Hour, Kind::Number),
    ("time.weekday", Input::Weekday, Kind::Number),
];

/// An input of the run's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Labels,
    Calls,
    Depth,
    Parent,
    Hour,
    Weekday,
}

impl Input {
    pub(super) fn is_time(self) -> bool {
        match self {
            Self::Hour | Self::Weekday => true,
            Self::Labels | Self::Calls | Self::Depth | Self::Parent => false,
        }
    }
}

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Args,
    Item,
    Result,
    Input(Input, Kind),
}

/// A path that fits the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) root: Root,
    pub(super) segments: Vec<Segment>,
    /// The path ended in `?`.
    pub(super) if_present: bool,
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathFault {
    pub(super) message: String,
    pub(super) hint: String,
}

impl Path {
    /// Reads `root(.segment)*` with an optional `?` at the end. A segment is `[A-Za-z0-9_-]+` or a quoted string.
    pub(super) fn parse(text: &str) -> Result<Self, PathFault> {
        let fault = |message: String, hint: &str| PathFault { message, hint: hint.to_owned() };
        if text.len() > limits::PATH_BYTES {
            return Err(fault("the path is too long".to_owned(), "shorten it"));
        }
        let (root, mut rest) = split_plain(text);
        let mut segments = Vec::new();
        while let Some(after_dot) = rest.strip_prefix('.') {
            let (segment, after) = match after_dot.strip_prefix('"') {
                Some(quoted) => {
                    let (key, after) = split_quoted(quoted).ok_or_else(|| {
                        fault(format!("`{text}` has a quoted part that is not closed or has a stray `\\`"), QUOTING)
                    })?;
                    (Segment::Key(key), after)
                }
                None => {
                    let (key, after) = split_plain(after_dot);
                    if key.is_empty() {
                        return Err(fault(format!("`{text}` has an empty or odd segment"), QUOTING));
                    }
                    (plain_segment(key), after)
                }
            };
            segments.push(segment);
            rest = after;
        }
        let if_present = match rest {
            "" => false,
            "?" => true,
            _ => return Err(fault(format!("`{text}` is not a path: `{rest}` does not fit"), QUOTING)),
        };
        let root = Self::root(text, root, &segments)?;
        if matches!(root, Root::Input(..)) {
            segments.clear();
        }
        Ok(Self { root, segments, if_present })
    }

    fn root(text: &str, root: &str, segments: &[Segment]) -> Result<Root, PathFault> {
        match root {
            "args" | "result" if segments.is_empty() => Err(PathFault {
                message: format!("`{text}` names no argument"),
                hint: format!("write `{root}.` and the name"),
            }),
            "args" => Ok(Root::Args),
            "result" => Ok(Root::Result),
            "item" => Ok(Root::Item),
            "run" | "time" => {
                let written = text.trim_end_matches('?');
                INPUTS
                    .iter()
                    .find(|(name, ..)| *name == written)
                    .map(|(_, input, kind)| Root::Input(*input, *kind))
                    .ok_or_else(|| PathFault {
                        message: format!("there is no input `{written}`"),
                        hint: suggest::hint(written, INPUTS.iter().map(|(name, ..)| *name)),
                    })
            }
            _ => Err(PathFault {
                message: format!("`{text}` starts with none of `args.`, `run.`, `time.`"),
                hint: match suggest::nearest(root, ["args", "run", "time"]) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("for an argument write `args.{text}`"),
                },
            }),
        }
    }

    /// The one spelling of this path: without `?`, quotes only where they are needed.
    pub(super) fn spelling(&self) -> String {
        let mut text = match self.root {
            Root::Args => "args".to_owned(),
            Root::Item => "item".to_owned(),
            Root::Result => "result".to_owned(),
            Root::Input(input, _) => INPUTS
                .iter()
                .find(|(_, candidate, _)| *candidate == input)
                .map(|(name, ..)| (*name).to_owned())
                .unwrap_or_default(),
        };
        self.segments.iter().for_each(|segment| spell_segment(segment, &mut text));
        text
    }
}

/// A dot and the segment, in quotes only where it needs them.
fn spell_segment(segment: &Segment, text: &mut String) {
    text.push('.');
    let is_plain = match segment {
        Segment::Index(..) => true,
        Segment::Key(key) => !key.is_empty() && key.bytes().all(is_plain_byte) && plain_segment(key) == *segment,
    };
    if is_plain {
        text.push_str(segment.key());
    } else {
        text.push('"');
        text.push_str(&segment.key().replace('\\', "\\\\").replace('"', "\\\""));
        text.push('"');
    }
}

/// What a redacted path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedactionRoot {
    /// The arguments.
    Args,
    /// The result.
    Result,
}

/// One step of a redacted path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedactionStep {
    /// By a key, or by a place in a list.
    Into(Segment),
    /// `**`: any number of steps, or none.
    AnyDepth,
}

/// Reads a path of a `redact` list: where it starts, and the steps from there. Other than the path of a condition it may
/// have `**` for steps, before others: `args.**.email`.
///
/// ```
/// use agent_os_core::policy::{RedactionRoot, parse_redaction};
/// let (root, steps) = parse_redaction("result.**.card.number").unwrap();
/// assert_eq!((root, steps.len()), (RedactionRoot::Result, 3));
/// assert!(parse_redaction("run.labels").is_none() && parse_redaction("args.**").is_none());
/// ```
#[must_use]
pub fn parse_redaction(text: &str) -> Option<(RedactionRoot, Vec<RedactionStep>)> {
    Redaction::parse(text).ok().map(|redaction| (redaction.root, redaction.steps))
}

/// A path of a `redact` list.
pub(super) struct Redaction {
    root: RedactionRoot,
    steps: Vec<RedactionStep>,
}

impl Redaction {
    pub(super) fn parse(text: &str) -> Result<Self, PathFault> {
        let fault = |message: String| PathFault { message, hint: REDACTED_PATHS.to_owned() };
        let Some((before, after)) = split_deep(text) else { return Self::of(text, Path::parse(text)?) };
        // What a second one would reach takes more steps than there are parts.
        if split_deep(after).is_some() {
            return Err(fault(format!("`{text}` has `**` twice")));
        }
        let is_root = matches!(before, "args" | "result");
        let Self { root, mut steps } = if is_root {
            let root = if before == "args" { RedactionRoot::Args } else { RedactionRoot::Result };
            Self { root, steps: Vec::new() }
        } else {
            Self::of(text, Path::parse(before)?)?
        };
        // Behind the `**` stands a path without its root.
        let below = Self::of(
            text,
            Path::parse(&format!("args{after}"))
                .map_err(|_| fault(format!("`{text}` does not say what is redacted below `**`")))?,
        )?;
        steps.push(RedactionStep::AnyDepth);
        steps.extend(below.steps);
        Ok(Self { root, steps })
    }

    fn of(text: &str, path: Path) -> Result<Self, PathFault> {
        let root = match path.root {
            Root::Args if !path.if_present => RedactionRoot::Args,
            Root::Result if !path.if_present => RedactionRoot::Result,
            _ => {
                let message = format!("`{text}` cannot be redacted");
                return Err(PathFault { message, hint: REDACTED_PATHS.to_owned() });
            }
        };
        Ok(Self { root, steps: path.segments.into_iter().map(RedactionStep::Into).collect() })
    }

    /// The one spelling of this path.
    pub(super) fn spelling(&self) -> String {
        let root = match self.root {
            RedactionRoot::Args => Root::Args,
            RedactionRoot::Result => Root::Result,
        };
        let mut text = Path { root, segments: Vec::new(), if_present: false }.spelling();
        for step in &self.steps {
            match step {
                RedactionStep::AnyDepth => text.push_str(DEEP),
                RedactionStep::Into(segment) => spell_segment(segment, &mut text),
            }
        }
        text
    }
}

const DEEP: &str = ".**";

const REDACTED_PATHS: &str = "write `args.` or `result.` and the name, without `?`; `args.**.name` for it at any depth";

/// What stands before and behind the first `.**` that is a step, and not a part of a quoted key.
fn split_deep(text: &str) -> Option<(&str, &str)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => {
                if let Some(after) = text.get(at..).and_then(|rest| rest.strip_prefix(DEEP)) {
                    return Some((text.get(..at)?, after));
                }
            }
            _ => {}
        }
    }
    None
}

const QUOTING: &str = "separate segments of A-Z a-z 0-9 _ - by dots, and quote any other key: args.\"weird key\" (`\\\"` and `\\\\` inside)";

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn split_plain(text: &str) -> (&str, &str) {
    let length = text.bytes().take_while(|byte| is_plain_byte(*byte)).count();
    text.split_at_checked(length).unwrap_or((text, ""))
}

fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return text.get(at + 1..).map(|rest| (key, rest)),
            '\\' => match characters.next()?.1 {
                escaped @ ('"' | '\\') => key.push(escaped),
                _ => return None,
            },
            _ => key.push(character),
        }
    }
    None
}

/// A number without leading zeros is a place in a list; `"0"` in quotes is a key only.
fn plain_segment(text: &str) -> Segment {
    let is_index = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    match text.parse() {
        Ok(index) if is_index => Segment::Index(index, text.to_owned()),
        _ => Segment::Key(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Path, Redaction, Root};
    use crate::request::Segment::{Index, Key};

    #[test]
    fn paths_are_read_and_spelt_in_one_way() {
        let path = Path::parse(r#"args."a".items.0."weird \"key\\"?"#).unwrap();
        let expected = [Key("a".into()), Key("items".into()), Index(0, "0".into()), Key("weird \"key\\".into())];
        assert_eq!(path.segments, expected);
        assert!(path.if_present);
        assert_eq!(path.spelling(), r#"args.a.items.0."weird \"key\\""#);
        for text in ["args.a", "args.\"0\"", "args.\"\"", "args.00", "item", "item.a", "run.labels", "time.hour"] {
            assert_eq!(Path::parse(text).unwrap().spelling(), text);
        }
        assert_eq!(Path::parse("item").unwrap().root, Root::Item);
    }

    #[test]
    fn a_redacted_path_may_have_steps_of_any_depth() {
        for (text, spelt) in [
            ("args.card", "args.card"),
            ("args.**.card", "args.**.card"),
            ("result.user.**.\"e-mail\"", "result.user.**.e-mail"),
            ("args.x.**.0.\"a.**.b\"", "args.x.**.0.\"a.**.b\""),
            ("args.\"q\\\".**.\".x", "args.\"q\\\".**.\".x"),
        ] {
            assert_eq!(Redaction::parse(text).unwrap().spelling(), spelt);
        }
        for text in [
            "args.**",
            "args.x.**",
            "args.**.**.x",
            "args.**.x.**.y",
            "**.x",
            "args.*.x",
            "args.***.x",
            "args.**x",
            "args.**.",
            "args",
            "run.**.x",
            "item.**.x",
            "args.**.x?",
            "args.**..x",
            "args**.x",
            "run.labels",
            "item.x",
            ".**.x",
            "",
        ] {
            assert!(Redaction::parse(text).is_err_and(|fault| !fault.hint.is_empty()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_hint() {
        for text in [
            "",
            "args",
            "args.",
            "args..a",
            ".a",
            "args.a b",
            "args.a??",
            "args.a?.b",
            "args.\"a",
            "args.\"a\\n\"",
            "args.é",
            "amount",
            "result",
            "run",
            "run.label",
            "run.labels.0",
            "time.minute",
            "args.a ",
        ] {
            let fault = Path::parse(text).unwrap_err();
            assert!(!fault.hint.is_empty(), "{text}");
        }
        assert!(Path::parse("arg.amount").unwrap_err().hint.contains("`args`"));
        assert!(Path::parse("amount").unwrap_err().hint.contains("`args.amount`"));
    }
}
