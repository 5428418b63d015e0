//! The paths of a document, each kept once.

use std::collections::BTreeMap;

use crate::policy::effect::PathIx;
use crate::policy::path::{INPUTS, Input, Path};
use crate::request::ArgumentPath;

/// The table of argument paths, growing while the document is read.
#[derive(Debug, Default)]
pub(super) struct Paths {
    by_spelling: BTreeMap<String, u32>,
    paths: Vec<ArgumentPath>,
    spellings: Vec<String>,
    /// Places that the rule at hand mentions.
    mentioned: Vec<u32>,
}

impl Paths {
    /// The place of an argument's path, which the rule at hand mentions.
    pub(super) fn argument(&mut self, path: Path) -> PathIx {
        let spelling = path.spelling();
        let place = match self.by_spelling.get(&spelling) {
            Some(place) => *place,
            None => {
                // A document of 2^32 paths cannot be read: `limits::RULES` and the size of files are far below.
                let place = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
                self.paths.push(ArgumentPath { index: self.paths.len(), segments: path.segments });
                self.by_spelling.insert(spelling.clone(), place);
                self.spellings.push(spelling);
                place
            }
        };
        self.mentioned.push(place);
        PathIx::argument(place)
    }

    /// The places that were mentioned since the last call, ascending and without repeats.
    pub(super) fn take_mentioned(&mut self) -> Vec<u32> {
        let mut mentioned = std::mem::take(&mut self.mentioned);
        mentioned.sort_unstable();
        mentioned.dedup();
        mentioned
    }

    pub(super) fn into_tables(self) -> (Vec<ArgumentPath>, Vec<String>) {
        (self.paths, self.spellings)
    }
}

/// The place of an input of the run's state.
pub(super) fn input(input: Input) -> PathIx {
    let place = INPUTS.iter().position(|(_, candidate, _)| *candidate == input).unwrap_or(0);
    PathIx::input(u32::try_from(place).unwrap_or(0))
}
