//! What a program writes, told from its arguments by the table of programs.

use super::call::Call;
use super::programs::{Role, Writes};
use super::word::Word;

/// Adds what a program and its subcommands write. Without a call it is a program that is not known.
pub(super) fn add(calls: &[Call<'_>], writes: &mut Vec<Word>) {
    let Some(call) = calls.last() else {
        writes.push(Word::Unclear);
        return;
    };
    if calls.iter().any(Call::quits) {
        return;
    }
    for call in calls {
        by_options(call, writes);
    }
    match &call.program.writes {
        Writes::Nothing => {}
        Writes::Operands(first) => files(call.operands.iter().skip(*first).copied(), writes),
        Writes::Trees => {
            for word in &call.operands {
                writes.extend([(*word).clone(), word.below()]);
            }
        }
        Writes::First => files(call.rest.first().or(call.operands.first().copied()).into_iter(), writes),
        Writes::Unknown => writes.push(Word::Unclear),
        Writes::By(_, told) => files(told(call).iter(), writes),
    }
}

fn by_options(call: &Call<'_>, writes: &mut Vec<Word>) {
    for given in &call.options {
        match given.role {
            Role::Writes => files(std::iter::once(&given.value.word()), writes),
            Role::WritesInto => {
                let folder = given.value.word();
                writes.extend([folder.below(), folder]);
            }
            Role::WritesHere => writes.push(Word::anywhere_here()),
            Role::WritesSomewhere => writes.push(Word::Unclear),
            _ => {}
        }
    }
    if call.is_unsure && call.program.may_write() {
        writes.push(Word::Unclear);
    }
}

/// What is thrown away, or is a stream that is open already, is no file.
fn files<'w>(words: impl Iterator<Item = &'w Word>, writes: &mut Vec<Word>) {
    let is_file = |word: &&Word| !matches!(word.known(), Some("-" | "")) && is_file(word);
    writes.extend(words.filter(is_file).cloned());
}

/// Stands for what `<(…)` and `>(…)` become.
pub(super) const DESCRIPTORS: &str = "/dev/fd/*";

/// A file, and no stream that is open already.
pub(super) fn is_file(word: &Word) -> bool {
    match word {
        Word::Known(text) => !matches!(&**text, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty"),
        Word::Glob(text) => &**text != DESCRIPTORS,
        Word::Unclear => true,
    }
}

/// Arguments that are no options. A value of an option counts as one.
pub(super) fn operands(arguments: &[Word]) -> impl Iterator<Item = &Word> {
    let mut only_operands = false;
    arguments.iter().filter(move |word| match word.known() {
        Some("--") if !only_operands => {
            only_operands = true;
            false
        }
        Some(text) => only_operands || text == "-" || !text.starts_with('-'),
        None => true,
    })
}
