//! Walks what the parser made of a text, and collects what it runs.

use std::ops::Range;

use brush_parser::ast::{
    AndOr, AndOrList, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
    ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, Pipeline, Program, SimpleCommand,
};

use super::launch::{self, Start};
use super::word::{self, Word};
use super::{Analysis, Simple, programs, script, variables, writers};
use crate::limits;

/// Collects what is reached.
#[derive(Default)]
pub(super) struct Walker {
    commands: Vec<Simple>,
    /// Files that redirections write.
    redirects: Vec<Written>,
    /// Those among them that belong to no program.
    stray: Vec<Written>,
    /// Names of functions, and the place of what their bodies run.
    functions: Vec<(Box<str>, Span)>,
    substitutes: bool,
    incomplete: bool,
    syntax: bool,
    /// The directory may have changed, in a way that relative paths depend on.
    moved: bool,
    /// It has done so somewhere.
    has_moved: bool,
}

#[derive(Clone)]
struct Written {
    word: Word,
    moved: bool,
}

/// What was found between two moments.
#[derive(Clone)]
struct Span {
    commands: Range<usize>,
    redirects: Range<usize>,
    stray: Range<usize>,
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

    pub(super) fn finish(mut self) -> Analysis {
        if self.has_moved {
            // A function may be called wherever the text goes.
            for (_, body) in std::mem::take(&mut self.functions) {
                self.move_away(&body);
            }
        }
        let mut programs: Vec<Word> = self.commands.iter().map(|simple| Word::Known(simple.program.clone())).collect();
        let mut redirects: Vec<Word> = self.redirects.into_iter().map(Written::seen).collect();
        let mut writes: Vec<Word> = self.stray.into_iter().map(Written::seen).collect();
        for simple in &self.commands {
            let seen = |word: &Word| if simple.moved { word.moved().clone() } else { word.clone() };
            writes.extend(simple.writes.iter().map(seen));
        }
        if self.incomplete {
            programs.push(Word::Unclear);
            redirects.push(Word::Unclear);
            writes.push(Word::Unclear);
        }
        let substitutes = if self.syntax && !self.substitutes { None } else { Some(self.substitutes) };
        Analysis { commands: self.commands, programs, redirects, writes, substitutes, incomplete: self.incomplete }
    }

    fn span(&self, from: &Span) -> Span {
        Span {
            commands: from.commands.end..self.commands.len(),
            redirects: from.redirects.end..self.redirects.len(),
            stray: from.stray.end..self.stray.len(),
        }
    }

    fn so_far(&self) -> Span {
        Span { commands: 0..self.commands.len(), redirects: 0..self.redirects.len(), stray: 0..self.stray.len() }
    }

    /// What was found there may run in another directory.
    fn move_away(&mut self, span: &Span) {
        self.commands
            .get_mut(span.commands.clone())
            .unwrap_or_default()
            .iter_mut()
            .for_each(|simple| simple.moved = true);
        self.redirects.get_mut(span.redirects.clone()).unwrap_or_default().iter_mut().for_each(|one| one.moved = true);
        self.stray.get_mut(span.stray.clone()).unwrap_or_default().iter_mut().for_each(|one| one.moved = true);
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
                self.group(redirects.iter().flat_map(|list| &list.0), input, level);
                self.compound(compound, level);
            }
            Command::Function(function) => {
                let before = self.so_far();
                self.group(function.body.1.iter().flat_map(|list| &list.0), &Input::Outer, level);
                self.looping(|walker| walker.compound(&function.body.0, level));
                let body = self.span(&before);
                self.functions.push((function.fname.as_str().into(), body));
            }
            Command::ExtendedTest(test) => self.extended_test(test, level),
        }
    }

    /// What runs again, or later: a change of directory in it is one for all of it.
    fn looping(&mut self, walk: impl FnOnce(&mut Self)) {
        let (start, before) = (self.so_far(), self.moved);
        walk(self);
        if self.moved && !before {
            let body = self.span(&start);
            self.move_away(&body);
        }
    }

    fn compound(&mut self, compound: &CompoundCommand, level: usize) {
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

    /// Redirections of a group. What its programs read then is not followed.
    fn group<'r>(&mut self, redirects: impl Iterator<Item = &'r IoRedirect>, input: &Input, level: usize) {
        let mut found = Redirected { input: input.clone(), writes: Vec::new() };
        for redirect in redirects {
            self.redirect(redirect, &mut found, level);
        }
        self.strays(found.writes);
    }

    fn strays(&mut self, words: Vec<Word>) {
        let moved = self.moved;
        self.stray.extend(words.into_iter().map(|word| Written { word, moved }));
    }

    fn writes(&mut self, word: Word, found: &mut Redirected) {
        if writers::is_file(&word) {
            self.redirects.push(Written { word: word.clone(), moved: self.moved });
            found.writes.push(word);
        }
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
                            self.writes(word, found);
                        }
                    }
                    IoFileRedirectKind::ReadAndWrite => {
                        found.input = Input::Other;
                        self.writes(word, found);
                    }
                    IoFileRedirectKind::Write | IoFileRedirectKind::Append | IoFileRedirectKind::Clobber => {
                        self.writes(word, found);
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
                self.writes(word, found);
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
            self.strays(found.writes);
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
                argv.push(Word::Glob(writers::DESCRIPTORS.into()));
            }
        }
    }

    fn assigned(&mut self, name: &str, value: &Word) {
        // An index is arithmetic, and arithmetic can run commands that a text holds.
        let index_runs = name.contains(['$', '`']);
        let value_runs = value.known().is_some_and(|text| text.contains("[$(") || text.contains("[`"));
        if index_runs || value_runs || variables::names_programs(name) {
            self.incomplete = true;
        }
    }

    /// A program with its arguments, and what it starts in turn.
    fn run(&mut self, argv: Vec<Word>, found: Redirected, level: usize) {
        if self.commands.len() >= limits::SHELL_PROGRAMS || level > limits::SHELL_NESTING {
            self.strays(found.writes);
            return self.not_understood();
        }
        let mut words = argv.into_iter();
        let Some(name) = words
            .next()
            .and_then(|word| word.known().map(program_name))
            .filter(|name| !name.is_empty() && !name.starts_with('-'))
        else {
            self.strays(found.writes);
            self.incomplete = true;
            return;
        };
        let arguments: Vec<Word> = words.collect();
        for argument in &arguments {
            if argument.known().is_some_and(|text| text.contains("[$(") || text.contains("[`")) {
                self.incomplete = true;
            }
        }
        let goes = matches!(&*name, "cd" | "pushd" | "popd" | "chdir");
        if goes && !matches!(arguments.as_slice(), [folder] if launch::stays_below(folder)) {
            self.moved = true;
            self.has_moved = true;
        }
        let calls = programs::calls(&name, &arguments);
        let launched = launch::of(&calls);
        let Redirected { input, mut writes } = found;
        let is_function = self.functions.iter().any(|(function, _)| *function == name);
        if !calls.is_empty() || !is_function {
            writers::add(&calls, &mut writes);
        }
        let place = launch::subcommand_place(&calls);
        drop(calls);
        let arguments = launch::subcommand_first(place, arguments);
        let moved = self.moved || launched.moved;
        self.commands.push(Simple { program: name, arguments, writes, moved });
        let start = self.so_far();
        if launched.moved || launched.away {
            self.apart(|walker| {
                walker.moved |= launched.moved;
                walker.start(launched.starts, input, level);
            });
        } else {
            self.start(launched.starts, input, level);
        }
        if launched.away {
            let there = self.span(&start);
            self.is_elsewhere(&there);
        }
    }

    fn start(&mut self, starts: Vec<Start>, input: Input, level: usize) {
        let mut input = Some(input);
        for start in starts {
            // What comes in is read by one of them.
            let input = input.take().unwrap_or(Input::Other);
            match start {
                Start::Unclear => self.incomplete = true,
                Start::Program(argv) => self.run(argv, Redirected { input, writes: Vec::new() }, level + 1),
                Start::Script(text) => self.text(&text, level + 1),
                Start::Input => match input {
                    Input::Text(text) => self.text(&text, level + 1),
                    Input::Outer | Input::Other => self.incomplete = true,
                },
            }
        }
    }

    /// What was found there is among other files: where it writes here cannot be told.
    fn is_elsewhere(&mut self, span: &Span) {
        for simple in self.commands.get_mut(span.commands.clone()).unwrap_or_default() {
            if !simple.writes.is_empty() {
                simple.writes.push(Word::Unclear);
            }
        }
        let unclear = || Written { word: Word::Unclear, moved: false };
        if !span.redirects.is_empty() {
            self.redirects.push(unclear());
        }
        if !span.stray.is_empty() {
            self.stray.push(unclear());
        }
    }
}

impl Written {
    fn seen(self) -> Word {
        if self.moved { self.word.moved().clone() } else { self.word }
    }
}

/// What redirections come to.
struct Redirected {
    input: Input,
    writes: Vec<Word>,
}

/// `/bin/rm` is `rm`: a program is told by its name.
fn program_name(text: &str) -> Box<str> {
    text.rsplit('/').next().unwrap_or(text).into()
}
