//! What is known of programs: how they read their arguments, what these make them run, and what they write.
//!
//! One table, in parts by what programs are for. What runs is told by `launch`, what is written by `writers`, both from
//! here; docs/reference/shell-programs.md is made from it. A program that is not in it runs nothing but itself as far as
//! `programs` goes, and may write anything.

mod building;
mod files;
mod git;
mod interpreters;
mod machines;
mod network;
mod readers;
mod wrappers;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::LazyLock;

use super::call::Call;
use super::launch::Start;
use super::word::Word;

/// A program, or a subcommand of one.
#[derive(Debug)]
pub(super) struct Program {
    /// Names that mean this, parted by commas. A `*` at the end stands for a version: `python*` is also `python3.12`.
    names: &'static str,
    /// The options that matter, parted by blanks, each with a [`Role`]. `-#` is any number behind a dash; `--` says that
    /// other long options hold their values behind `=` and run nothing.
    options: &'static str,
    pub(super) runs: Runs,
    pub(super) writes: Writes,
}

/// What an option says, by the sign behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// No sign: it is a switch.
    Switch,
    /// `:` has a value, which is data.
    Value,
    /// `=` may have a value, which then stands in the same word.
    Attached,
    /// `>` has a file that is written.
    Writes,
    /// `/` has a folder that is written into.
    WritesInto,
    /// `@` writes files into the working folder, under names that are not given.
    WritesHere,
    /// `~` has a value, and what is written cannot be told.
    WritesSomewhere,
    /// `$` has a script of the shell that runs.
    Script,
    /// `!` has a program with its arguments that runs.
    Command,
    /// `%` has a setting, `name=value`, that may name a program.
    Setting,
    /// `?` is a switch, and what runs cannot be told.
    Unclear,
    /// `*` has a value, and what runs cannot be told: code, or a file of it.
    Code,
    /// `^` has the folder that it works in.
    Folder,
    /// `|` has what is run, a module or file that is not looked at; the words behind it are its arguments.
    Last,
    /// `.` is a switch with which nothing is run.
    Quits,
}

/// What runs beside the program itself and what its options say.
#[derive(Debug)]
pub(super) enum Runs {
    Nothing,
    /// What its operands are, a program with its arguments.
    Command(Lead),
    /// What its operands are, a line for a shell.
    Script(Lead),
    /// Each operand is a line for a shell.
    Scripts,
    /// What stands behind `--` is a program with its arguments.
    AfterDashes,
    /// Its first operand has a row of its own.
    Subcommand,
    /// The same, and what it does with others cannot be told.
    OnlySubcommands,
    /// A script in a file, which is not looked at; without one it reads code from its standard input.
    Interpreter,
    /// What its options say, and without them a shell or an editor for a person.
    Interactive,
    /// Something that cannot be told.
    Unclear,
    /// As told by a function, and in words.
    By(&'static str, fn(&Call<'_>) -> Vec<Start>),
    /// The same, where its options end at its first operand.
    Behind(&'static str, fn(&Call<'_>) -> Vec<Start>),
}

/// What precedes a command among the operands of the program that starts it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    /// Operands before the command: `n` for a number or a range of them, `w` for any word.
    pub(super) skip: &'static str,
    /// Assignments to variables may precede it.
    pub(super) assigns: bool,
    /// Without a command it starts a shell, or something else that cannot be told.
    pub(super) needed: bool,
    /// It runs among other files: on another machine, or below another root.
    pub(super) away: bool,
    /// It may run something else as well.
    pub(super) open: bool,
}

pub(super) const LEAD: Lead = Lead { skip: "", assigns: false, needed: false, away: false, open: false };

/// What is written, made, moved away or deleted beside what its options say.
#[derive(Debug)]
pub(super) enum Writes {
    Nothing,
    /// Its operands, but for the first ones.
    Operands(usize),
    /// Its operands and what is below them.
    Trees,
    First,
    /// Files that are not named among its arguments.
    Unknown,
    /// As told by a function, and in words.
    By(&'static str, fn(&Call<'_>) -> Vec<Word>),
}

const fn row(names: &'static str, options: &'static str, runs: Runs, writes: Writes) -> Program {
    Program { names, options, runs, writes }
}

/// Every row.
fn table() -> impl Iterator<Item = &'static Program> {
    [
        wrappers::ROWS,
        interpreters::ROWS,
        git::ROWS,
        building::ROWS,
        machines::ROWS,
        network::ROWS,
        files::ROWS,
        readers::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// A row with its options taken apart.
#[derive(Debug)]
pub(super) struct Known {
    program: &'static Program,
    options: Box<[(&'static str, Role)]>,
}

impl Deref for Known {
    type Target = Program;

    fn deref(&self) -> &Program {
        self.program
    }
}

static KNOWN: LazyLock<Vec<Known>> =
    LazyLock::new(|| table().map(|program| Known { program, options: program.spelt().collect() }).collect());

static BY_NAME: LazyLock<HashMap<&'static str, &'static Known>> =
    LazyLock::new(|| KNOWN.iter().flat_map(|known| known.names.split(", ").map(move |name| (name, known))).collect());

/// The row of a program by its name, or of a subcommand: `git push`.
fn known(name: &str) -> Option<&'static Known> {
    if let Some(found) = BY_NAME.get(name) {
        return Some(found);
    }
    if name.starts_with("ld-linux") || name.starts_with("ld-musl") {
        return BY_NAME.get("ld.so").copied();
    }
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    BY_NAME.get(format!("{family}*").as_str()).copied()
}

impl Known {
    /// Its options with their roles.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, Role)> {
        self.options.iter().copied()
    }

    /// The role of an option by its name: `-x`, `--long` or `-word`.
    pub(super) fn role(&self, name: &str) -> Option<Role> {
        self.options().find(|(known, _)| *known == name).map(|(_, role)| role)
    }

    /// An option of one letter.
    pub(super) fn letter(&self, letter: char) -> Option<(&'static str, Role)> {
        let mut spelt = [0; 4];
        let spelt = letter.encode_utf8(&mut spelt).as_bytes();
        self.options().find(|(name, _)| name.as_bytes().strip_prefix(b"-") == Some(spelt))
    }

    /// Where a word cannot be told, it may be one that makes it run something.
    pub(super) fn may_run(&self) -> bool {
        !matches!(self.runs, Runs::Nothing) || self.options().any(|(_, role)| role.runs())
    }

    /// Where a word cannot be told, it may be one that makes it write something.
    pub(super) fn may_write(&self) -> bool {
        matches!(self.writes, Writes::By(..)) || self.options().any(|(_, role)| role.writes())
    }
}

impl Program {
    /// Its options with their roles.
    fn spelt(&self) -> impl Iterator<Item = (&'static str, Role)> {
        self.options.split_ascii_whitespace().map(|word| {
            let role = match word.chars().next_back() {
                Some(':') => Role::Value,
                Some('=') => Role::Attached,
                Some('>') => Role::Writes,
                Some('/') => Role::WritesInto,
                Some('@') => Role::WritesHere,
                Some('~') => Role::WritesSomewhere,
                Some('$') => Role::Script,
                Some('!') => Role::Command,
                Some('%') => Role::Setting,
                Some('?') => Role::Unclear,
                Some('*') => Role::Code,
                Some('^') => Role::Folder,
                Some('|') => Role::Last,
                Some('.') => Role::Quits,
                _ => return (word, Role::Switch),
            };
            (word.get(..word.len() - 1).unwrap_or(word), role)
        })
    }

    /// Its options end at its first operand: what follows belongs to what it runs.
    pub(super) fn ends_at_operand(&self) -> bool {
        match self.runs {
            Runs::Command(_)
            | Runs::Script(_)
            | Runs::Subcommand
            | Runs::OnlySubcommands
            | Runs::Interpreter
            | Runs::Behind(..) => true,
            Runs::Nothing | Runs::Scripts | Runs::AfterDashes | Runs::Interactive | Runs::Unclear | Runs::By(..) => {
                false
            }
        }
    }
}

impl Role {
    pub(super) fn runs(self) -> bool {
        matches!(self, Self::Script | Self::Command | Self::Setting | Self::Unclear | Self::Code)
    }

    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Writes | Self::WritesInto | Self::WritesHere | Self::WritesSomewhere)
    }

    /// It has a value, in the next word where the same one does not hold it.
    pub(super) fn takes_value(self) -> bool {
        match self {
            Self::Value
            | Self::Writes
            | Self::WritesInto
            | Self::WritesSomewhere
            | Self::Script
            | Self::Command
            | Self::Setting
            | Self::Code
            | Self::Folder
            | Self::Last => true,
            Self::Switch | Self::Attached | Self::WritesHere | Self::Unclear | Self::Quits => false,
        }
    }
}

/// A program with its arguments; behind it the same as its subcommand, where it has one with a row of its own. Empty for a
/// program that is not known.
pub(super) fn calls<'a>(name: &str, arguments: &'a [Word]) -> Vec<Call<'a>> {
    let Some(program) = known(name) else { return Vec::new() };
    let mut calls = vec![Call::read(program, arguments)];
    let mut name = name.to_owned();
    while let Some(call) = calls.last() {
        let (Runs::Subcommand | Runs::OnlySubcommands, false, false) =
            (&call.program.runs, call.is_unknown, call.is_unsure)
        else {
            break;
        };
        let Some((Word::Known(subcommand), rest)) = call.rest.split_first() else { break };
        name.push(' ');
        name.push_str(subcommand);
        let Some(program) = BY_NAME.get(name.as_str()) else { break };
        calls.push(Call::read(program, rest));
    }
    calls
}

/// What is known of a program, in words.
#[derive(Clone, Debug)]
pub struct ProgramFacts {
    /// The names that mean it; a `*` at the end stands for a version.
    pub names: Vec<&'static str>,
    /// What it runs beside itself; empty: nothing.
    pub runs: String,
    /// What it writes; empty: nothing.
    pub writes: String,
    /// Its first operand is a subcommand, and options before that are skipped.
    pub has_subcommands: bool,
}

/// All that is known of programs, for docs and tools.
pub fn shell_programs() -> Vec<ProgramFacts> {
    table().map(Program::facts).collect()
}

impl Program {
    fn facts(&self) -> ProgramFacts {
        ProgramFacts {
            names: self.names.split(", ").collect(),
            runs: listed(self.runs.described(), self.named(Role::runs)),
            writes: listed(self.writes.described(), self.named(Role::writes)),
            has_subcommands: matches!(self.runs, Runs::Subcommand | Runs::OnlySubcommands),
        }
    }

    fn named(&self, wanted: fn(Role) -> bool) -> Vec<&'static str> {
        self.spelt().filter(|(_, role)| wanted(*role)).map(|(name, _)| name).collect()
    }
}

fn listed(first: &str, options: Vec<&str>) -> String {
    let options: Vec<String> = options.iter().map(|name| format!("`{name}`")).collect();
    match (first, options.as_slice()) {
        (first, []) => first.to_owned(),
        ("", options) => format!("what these options name: {}", options.join(" ")),
        (first, options) => format!("{first}; what these options name: {}", options.join(" ")),
    }
}

impl Runs {
    fn described(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Command(lead) if lead.away => "its operands, a program, among other files",
            Self::Command(_) => "its operands, a program",
            Self::Script(lead) if lead.away => "its operands, a script, on another machine",
            Self::Script(_) => "its operands, a script",
            Self::Scripts => "each operand, a script",
            Self::AfterDashes => "what stands behind `--`, a program, among other files",
            Self::Subcommand => "what its subcommand runs",
            Self::OnlySubcommands => "what its subcommand runs; unknown for one that is not listed",
            Self::Interpreter => "a script in a file, which is not looked at; code from elsewhere is unknown",
            Self::Interactive => "unknown, if no option says it",
            Self::Unclear => "unknown",
            Self::By(words, _) | Self::Behind(words, _) => words,
        }
    }
}

impl Writes {
    fn described(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Operands(0) => "its operands",
            Self::Operands(_) => "its operands but the first",
            Self::Trees => "its operands and what is below them",
            Self::First => "its first operand",
            Self::Unknown => "unknown",
            Self::By(words, _) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_has_one_row_and_an_option_one_sign() {
        let mut names = HashSet::new();
        for program in table() {
            for name in program.names.split(", ") {
                assert!(names.insert(name), "`{name}` has two rows");
                assert!(!name.is_empty() && name.trim() == name, "{name:?}");
            }
            let mut options = HashSet::new();
            for (name, _) in program.spelt() {
                assert!(options.insert(name), "`{name}` of `{}` has two signs", program.names);
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_#+@.".contains(c);
                assert!(name == "old" || name.starts_with('-') && name.chars().all(plain), "{name:?}");
            }
        }
    }

    #[test]
    fn a_subcommand_belongs_to_a_program_that_has_some() {
        let is_parent = |name: &str| {
            BY_NAME.get(name).is_some_and(|row| matches!(row.runs, Runs::Subcommand | Runs::OnlySubcommands))
        };
        for name in table().flat_map(|program| program.names.split(", ")) {
            if let Some((parent, _)) = name.rsplit_once(' ') {
                assert!(is_parent(parent), "`{name}` is never found: `{parent}` has no subcommands");
            }
        }
    }
}
