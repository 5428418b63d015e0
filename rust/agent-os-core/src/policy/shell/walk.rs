//! Walks what the parser made of a text, and collects what it runs.

use brush_parser::ast::{
    AndOr, AndOrList, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
    ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, Program, SimpleCommand,
};

use super::launch::{self, Launch};
use super::word::{self, Word};
use super::{Analysis, Simple, script, writers};
use crate::limits;

/// Programs whose use means that names stand for something else from then on.
const RENAMERS: &[&str] = &["alias", "bind", "enable"];

/// Collects what is reached.
#[derive(Default)]
pub(super) struct Walker {
    commands: Vec<Simple>,
    /// Files that redirections of groups write.
    writes: Vec<Word>,
    substitutes: bool,
    incomplete: bool,
    syntax: bool,
    /// The directory may have changed, in a way that relative paths depend on.
    moved: bool,
}

/// What a command reads from its standard input, as far as it is known.
#[derive(Clone)]
enum Input {
    /// The same as the whole text: a terminal, nothing, or what the caller gives.
    Outer,
    /// Text that stands in the command.
    Text(String),
    /// The output of another program, or a file.
    Other,
}

impl Walker {
    pub(super) fn not_understood(&mut self) {
        self.incomplete = true;
        self.syntax = true;
    }

    pub(super) fn finish(self) -> Analysis {
        let mut programs: Vec<Word> = self.commands.iter().map(|simple| Word::Known(simple.program.clone())).collect();
        let mut writes = self.writes;
        for simple in &self.commands {
            let seen = |word: &Word| if simple.moved { word.moved().clone() } else { word.clone() };
            writes.extend(simple.writes.iter().map(seen));
        }
        if self.incomplete {
            programs.push(Word::Unclear);
            writes.push(Word::Unclear);
        }
        let substitutes = if self.syntax && !self.substitutes { None } else { Some(self.substitutes) };
        Analysis { commands: self.commands, programs, writes, substitutes, incomplete: self.incomplete }
    }

    /// A script, at this level inside of others.
    pub(super) fn text(&mut self, text: &str, level: usize) {
        if level > limits::SHELL_NESTING || text.contains('\0') {
            return self.not_understood();
        }
        match script::parse(text) {
            Some(program) => self.program(&program, level),
            None => self.not_understood(),
        }
    }

    fn program(&mut self, program: &Program, level: usize) {
        for list in &program.complete_commands {
            self.list(list, level);
        }
    }

    fn list(&mut self, list: &CompoundList, level: usize) {
        for item in &list.0 {
            self.and_or(&item.0, level);
        }
    }

    fn and_or(&mut self, list: &AndOrList, level: usize) {
        self.pipeline(&list.first, level);
        for next in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            self.pipeline(pipeline, level);
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, level: usize) {
        for (place, command) in pipeline.seq.iter().enumerate() {
            let input = if place == 0 { Input::Outer } else { Input::Other };
            self.command(command, &input, level);
        }
    }

    fn command(&mut self, command: &Command, input: &Input, level: usize) {
        match command {
            Command::Simple(simple) => self.simple(simple, input, level),
            Command::Compound(compound, redirects) => {
                let input = self.redirects(redirects.iter().flat_map(|list| &list.0), input, level).input;
                self.compound(compound, &input, level);
            }
            Command::Function(function) => {
                self.redirects(function.body.1.iter().flat_map(|list| &list.0), &Input::Outer, level);
                self.looping(|walker| walker.compound(&function.body.0, &Input::Other, level));
            }
            Command::ExtendedTest(test) => self.extended_test(test, level),
        }
    }

    /// What runs again, or later: a change of directory in it is one for all of it.
    fn looping(&mut self, walk: impl FnOnce(&mut Self)) {
        let (first, before) = (self.commands.len(), self.moved);
        walk(self);
        if self.moved && !before {
            for simple in self.commands.iter_mut().skip(first) {
                simple.moved = true;
            }
        }
    }

    /// A pipe or file that a group reads from is read by the programs inside of it.
    fn compound(&mut self, compound: &CompoundCommand, input: &Input, level: usize) {
        if !matches!(input, Input::Outer)
            && matches!(compound, CompoundCommand::BraceGroup(_) | CompoundCommand::Subshell(_))
        {
            // Whether an inner shell reads its script from there is not followed.
            let before = self.commands.len();
            self.compound_body(compound, level);
            let reads_script = |simple: &Simple| launch::is_shell(&simple.program) && simple.arguments.is_empty();
            if self.commands.iter().skip(before).any(reads_script) {
                self.incomplete = true;
            }
            return;
        }
        self.compound_body(compound, level);
    }

    fn compound_body(&mut self, compound: &CompoundCommand, level: usize) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => self.expansions(&arithmetic.expr.value, level),
            CompoundCommand::ArithmeticForClause(clause) => {
                for expression in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.expansions(&expression.value, level);
                }
                self.looping(|walker| walker.list(&clause.body.0, level));
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.0, level),
            CompoundCommand::Subshell(shell) => self.apart(|walker| walker.list(&shell.0, level)),
            CompoundCommand::ForClause(clause) => {
                for value in clause.values.iter().flatten() {
                    self.word(&value.value, level);
                }
                self.looping(|walker| walker.list(&clause.body.0, level));
            }
            CompoundCommand::CaseClause(clause) => {
                self.word(&clause.value.value, level);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.word(&pattern.value, level);
                    }
                    if let Some(body) = &case.cmd {
                        self.list(body, level);
                    }
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, level);
                self.list(&clause.then, level);
                for branch in clause.elses.iter().flatten() {
                    if let Some(condition) = &branch.condition {
                        self.list(condition, level);
                    }
                    self.list(&branch.body, level);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.looping(|walker| {
                    walker.list(&clause.0, level);
                    walker.list(&clause.1.0, level);
                });
            }
        }
    }

    /// A shell of its own: what it does to the directory ends with it.
    fn apart(&mut self, walk: impl FnOnce(&mut Self)) {
        let before = self.moved;
        walk(self);
        self.moved = before;
    }

    fn extended_test(&mut self, test: &ExtendedTestExpr, level: usize) {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.extended_test(left, level);
                self.extended_test(right, level);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.extended_test(inner, level),
            ExtendedTestExpr::UnaryTest(_, word) => self.expansions(&word.value, level),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.expansions(&left.value, level);
                self.expansions(&right.value, level);
            }
        }
    }

    /// Reads a word, and walks what is substituted in it.
    fn word(&mut self, raw: &str, level: usize) -> Word {
        let read = word::read(raw);
        self.inner(&read, level);
        read.word()
    }

    fn expansions(&mut self, raw: &str, level: usize) {
        let read = word::read_expansions(raw);
        self.inner(&read, level);
    }

    fn inner(&mut self, read: &word::Read, level: usize) {
        if read.fault {
            self.not_understood();
        }
        self.substitutes |= !read.inner.is_empty();
        for text in &read.inner {
            self.apart(|walker| walker.text(text, level + 1));
        }
    }

    fn redirects<'r>(
        &mut self,
        redirects: impl Iterator<Item = &'r IoRedirect>,
        input: &Input,
        level: usize,
    ) -> Redirected {
        let mut found = Redirected { input: input.clone(), writes: Vec::new() };
        for redirect in redirects {
            self.redirect(redirect, &mut found, level);
        }
        self.writes.append(&mut found.writes.clone());
        found
    }

    fn redirect(&mut self, redirect: &IoRedirect, found: &mut Redirected, level: usize) {
        match redirect {
            IoRedirect::File(_, kind, target) => {
                let word = match target {
                    IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                        self.word(&word.value, level)
                    }
                    IoFileRedirectTarget::Fd(_) => return,
                    IoFileRedirectTarget::ProcessSubstitution(_, shell) => {
                        self.substitutes = true;
                        self.apart(|walker| walker.list(&shell.0, level));
                        found.input = Input::Other;
                        return;
                    }
                };
                match kind {
                    IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => found.input = Input::Other,
                    IoFileRedirectKind::DuplicateOutput => {
                        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
                        if !word.known().is_some_and(is_number) {
                            found.writes.extend(written(word));
                        }
                    }
                    IoFileRedirectKind::ReadAndWrite => {
                        found.input = Input::Other;
                        found.writes.extend(written(word));
                    }
                    IoFileRedirectKind::Write | IoFileRedirectKind::Append | IoFileRedirectKind::Clobber => {
                        found.writes.extend(written(word));
                    }
                }
            }
            IoRedirect::HereDocument(_, document) => {
                let clear = if document.requires_expansion {
                    let read = word::read_expansions(&document.doc.value);
                    self.inner(&read, level);
                    read.word().known().map(str::to_owned)
                } else {
                    Some(document.doc.value.clone())
                };
                found.input = clear.map_or(Input::Other, Input::Text);
            }
            IoRedirect::HereString(_, word) => {
                let word = self.word(&word.value, level);
                found.input = word.known().map_or(Input::Other, |text| Input::Text(text.to_owned()));
            }
            IoRedirect::OutputAndError(word, _) => {
                let word = self.word(&word.value, level);
                found.writes.extend(written(word));
            }
        }
    }

    fn simple(&mut self, simple: &SimpleCommand, input: &Input, level: usize) {
        let mut argv: Vec<Word> = Vec::new();
        let mut found = Redirected { input: input.clone(), writes: Vec::new() };
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        for item in prefix {
            self.item(item, &mut argv, &mut found, level, true);
        }
        if let Some(word) = &simple.word_or_name {
            argv.push(self.word(&word.value, level));
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut argv, &mut found, level, false);
        }
        if argv.is_empty() {
            self.writes.append(&mut found.writes);
            return;
        }
        self.run(argv, found, level);
    }

    fn item(&mut self, item: &Item, argv: &mut Vec<Word>, found: &mut Redirected, level: usize, before: bool) {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect, found, level),
            Item::Word(word) => argv.push(self.word(&word.value, level)),
            Item::AssignmentWord(assignment, word) => {
                match &assignment.value {
                    AssignmentValue::Scalar(value) => {
                        let value = self.word(&value.value, level);
                        self.assigned(&assignment.name.to_string(), &value);
                    }
                    AssignmentValue::Array(values) => {
                        for (key, value) in values {
                            if let Some(key) = key {
                                self.expansions(&key.value, level);
                            }
                            let value = self.word(&value.value, level);
                            self.assigned(&assignment.name.to_string(), &value);
                        }
                    }
                }
                if !before {
                    argv.push(word::read(&word.value).word());
                }
            }
            Item::ProcessSubstitution(_, shell) => {
                self.substitutes = true;
                self.apart(|walker| walker.list(&shell.0, level));
                argv.push(Word::Unclear);
            }
        }
    }

    fn assigned(&mut self, name: &str, value: &Word) {
        // An index is arithmetic, and arithmetic can run commands that a text holds.
        let index_runs = name.contains(['$', '`']);
        let value_runs = value.known().is_some_and(|text| text.contains("[$(") || text.contains("[`"));
        if index_runs || value_runs || launch::names_programs(name) {
            self.incomplete = true;
        }
    }

    /// A program with its arguments, and what it starts in turn.
    fn run(&mut self, argv: Vec<Word>, mut found: Redirected, level: usize) {
        if self.commands.len() >= limits::SHELL_PROGRAMS || level > limits::SHELL_NESTING {
            self.writes.append(&mut found.writes);
            return self.not_understood();
        }
        let mut words = argv.into_iter();
        let Some(name) = words.next().and_then(|word| word.known().map(program_name)) else {
            self.writes.append(&mut found.writes);
            self.incomplete = true;
            return;
        };
        let arguments: Vec<Word> = words.collect();
        self.incomplete |= launch::configures_programs(&name, &arguments);
        let arguments = launch::without_global_options(&name, arguments);
        if matches!(&*name, "cd" | "pushd" | "popd" | "chdir") {
            self.moved |= !launch::stays_below(&arguments);
        }
        if RENAMERS.contains(&&*name) || name.is_empty() {
            self.incomplete = true;
        }
        for argument in &arguments {
            if argument.known().is_some_and(|text| text.contains("[$(") || text.contains("[`")) {
                self.incomplete = true;
            }
        }
        let launched = launch::of(&name, &arguments);
        writers::add(&name, &arguments, &mut found.writes);
        self.commands.push(Simple { program: name, arguments, writes: found.writes, moved: self.moved });
        match launched {
            Launch::Nothing => {}
            Launch::Unclear => self.incomplete = true,
            Launch::Program(argv) => self.run(argv, Redirected { input: found.input, writes: Vec::new() }, level + 1),
            Launch::Programs(all) => {
                for argv in all {
                    self.run(argv, Redirected { input: Input::Other, writes: Vec::new() }, level + 1);
                }
            }
            Launch::Script(text) => self.text(&text, level + 1),
            Launch::Input => match found.input {
                Input::Text(text) => self.text(&text, level + 1),
                Input::Outer | Input::Other => self.incomplete = true,
            },
        }
    }
}

/// What redirections come to.
struct Redirected {
    input: Input,
    writes: Vec<Word>,
}

/// The file that is written; what is thrown away, or is a stream that is open already, is none.
fn written(word: Word) -> Option<Word> {
    let is_file = !matches!(word.known(), Some("/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty"));
    is_file.then_some(word)
}

/// `/bin/rm` is `rm`: a program is told by its name.
fn program_name(text: &str) -> Box<str> {
    text.rsplit('/').next().unwrap_or(text).into()
}
