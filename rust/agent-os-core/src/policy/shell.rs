//! What a bash command would run, told from its text alone: nothing is executed, expanded or looked up.
//!
//! The analysis only ever reports what it is sure of. Whatever it does not understand (a program named by a variable, a
//! syntax error, a script read from a pipe) marks it as incomplete, and tests on it are then unknown unless what is
//! known settles them.

mod awk;
mod call;
mod command;
mod launch;
mod programs;
mod script;
mod sed;
mod variables;
mod walk;
mod word;
mod writers;

pub(super) use command::CommandTest;
pub use programs::{ProgramFacts, shell_programs};
pub(super) use word::Word;

use super::kleene::Kleene;
use crate::limits;

/// Everything that a text is known to run.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    pub(super) commands: Vec<Simple>,
    /// The programs of `commands`, and one unclear word if something else may run.
    pub(super) programs: Vec<Word>,
    /// Every file that redirections write, and one unclear word if there may be others.
    pub(super) redirects: Vec<Word>,
    /// Every file that is written, and one unclear word if there may be others.
    pub(super) writes: Vec<Word>,
    /// A command or process substitution stands somewhere; `None`: it cannot be told.
    substitutes: Option<bool>,
    /// Something may run that is not among `commands`.
    incomplete: bool,
}

/// One program with its arguments.
#[derive(Debug)]
pub(super) struct Simple {
    pub(super) program: Box<str>,
    pub(super) arguments: Vec<Word>,
    pub(super) writes: Vec<Word>,
    /// It may run in another directory than the text starts in, so relative paths say nothing.
    pub(super) moved: bool,
}

impl Analysis {
    /// Reads a command. Never fails: what is not understood makes the analysis incomplete.
    pub(super) fn of(text: &str) -> Self {
        let mut walker = walk::Walker::default();
        if text.len() <= limits::SHELL_BYTES {
            walker.text(text, 0);
        } else {
            walker.not_understood();
        }
        walker.finish()
    }

    pub(super) fn has_substitution(&self, expected: bool) -> Kleene {
        self.substitutes.map_or(Kleene::Unknown, |found| Kleene::from(found == expected))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
