//! The operator `command`: whether a text runs a program with certain arguments.

use super::word::Word;
use super::writers::operands;
use super::{Analysis, Simple};
use crate::policy::condition::Tests;
use crate::policy::kleene::Kleene;
use crate::policy::reading::Reading;

/// What a command is held to.
#[derive(Debug, Default)]
pub(in crate::policy) struct CommandTest {
    /// One of these; empty: any.
    pub(in crate::policy) programs: Vec<Box<str>>,
    /// The first arguments, options included, are exactly these.
    pub(in crate::policy) prefix: Vec<Box<str>>,
    /// Of each group in turn one is the next operand, from the first on.
    pub(in crate::policy) operands: Vec<Vec<Box<str>>>,
    /// Of each group one is among the options.
    pub(in crate::policy) flags: Vec<Vec<Box<str>>>,
    /// None of these is among the options.
    pub(in crate::policy) without: Vec<Box<str>>,
    /// Tests on the list of the operands that follow `operands`.
    pub(in crate::policy) targets: Option<Tests>,
    /// Tests on the list of the files that this command writes.
    pub(in crate::policy) writes: Option<Tests>,
    /// Commands of these forms are none of this.
    pub(in crate::policy) except: Vec<CommandTest>,
    /// What cannot be told does not count.
    pub(in crate::policy) sure: bool,
}

impl CommandTest {
    /// Whether one of the commands is of this form. `tests` judges a list of words.
    pub(in crate::policy) fn holds(
        &self,
        analysis: &Analysis,
        tests: impl Fn(&Tests, &Reading<'_>) -> Kleene,
    ) -> Kleene {
        let known = Kleene::any(analysis.commands.iter().map(|simple| self.one(simple, &tests)));
        let whole = if analysis.incomplete { known.or(Kleene::Unknown) } else { known };
        if self.sure { Kleene::from(whole == Kleene::True) } else { whole }
    }

    fn one(&self, simple: &Simple, tests: &impl Fn(&Tests, &Reading<'_>) -> Kleene) -> Kleene {
        if !self.programs.is_empty() && !self.programs.contains(&simple.program) {
            return Kleene::False;
        }
        let mut truth = starts(simple.arguments.iter(), self.prefix.iter().map(std::slice::from_ref));
        truth = truth.and(starts(operands(&simple.arguments), self.operands.iter().map(Vec::as_slice)));
        if truth == Kleene::False {
            return truth;
        }
        truth = truth.and(Kleene::all(self.flags.iter().map(|group| has_flag(&simple.arguments, group))));
        if !self.without.is_empty() {
            truth = truth.and(!has_flag(&simple.arguments, &self.without));
        }
        if let (Some(list), true) = (&self.targets, truth != Kleene::False) {
            let all = operands(&simple.arguments).skip(self.operands.len());
            let targets: Vec<Word> = all.map(|word| seen(word, simple.moved).clone()).collect();
            truth = truth.and(tests(list, &Reading::Words(&targets)));
        }
        if let (Some(list), true) = (&self.writes, truth != Kleene::False) {
            let writes: Vec<Word> = simple.writes.iter().map(|word| seen(word, simple.moved).clone()).collect();
            truth = truth.and(tests(list, &Reading::Words(&writes)));
        }
        if truth == Kleene::False {
            return truth;
        }
        truth.and(!Kleene::any(self.except.iter().map(|except| except.one(simple, tests))))
    }
}

fn seen(word: &Word, moved: bool) -> &Word {
    if moved { word.moved() } else { word }
}

/// The words are, one by one, among what is expected of each.
fn starts<'w, 'e>(mut words: impl Iterator<Item = &'w Word>, expected: impl Iterator<Item = &'e [Box<str>]>) -> Kleene {
    let mut unclear = false;
    Kleene::all(expected.map(|expected| {
        if unclear {
            return Kleene::Unknown;
        }
        match words.next() {
            Some(Word::Known(text)) => Kleene::from(expected.contains(text)),
            Some(Word::Glob(_) | Word::Unclear) => {
                // From here on nothing is in its place.
                unclear = true;
                Kleene::Unknown
            }
            None => Kleene::False,
        }
    }))
}

/// One of the group is among the options.
fn has_flag(arguments: &[Word], group: &[Box<str>]) -> Kleene {
    let mut truth = Kleene::False;
    for word in arguments {
        let here = match word {
            Word::Known(text) if &**text == "--" => break,
            Word::Known(text) => Kleene::from(group.iter().any(|flag| is_flag(text, flag))),
            // A file may be named like an option.
            Word::Glob(text) if !text.starts_with(['*', '?', '[']) => {
                Kleene::from(group.iter().any(|flag| is_flag(text, flag)))
            }
            Word::Glob(_) | Word::Unclear => Kleene::Unknown,
        };
        truth = truth.or(here);
    }
    truth
}

/// `-f` is in `-rf`; `--force` is in `--force=yes` and in its abbreviations; `of=` is in `of=/dev/sda`; else the same.
fn is_flag(word: &str, flag: &str) -> bool {
    if let Some(long) = flag.strip_prefix("--") {
        let Some(written) = word.strip_prefix("--") else { return false };
        let written = written.split('=').next().unwrap_or(written);
        return !written.is_empty() && long.starts_with(written);
    }
    match flag.strip_prefix('-') {
        Some(letter) if letter.chars().count() == 1 => {
            word.starts_with('-') && !word.starts_with("--") && word.get(1..).is_some_and(|rest| rest.contains(letter))
        }
        Some(_) => word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')),
        None if flag.ends_with('=') => word.starts_with(flag),
        None => word == flag,
    }
}
