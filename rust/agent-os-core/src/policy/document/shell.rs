//! The operand of `command`.

use super::Reader;
use super::check::Site;
use super::condition::{DEPTH, Standing};
use super::problems::{described, shortened};
use crate::policy::problem::Code;
use crate::policy::shell::CommandTest;
use crate::policy::suggest;
use crate::value::Value;

const KEYS: &[&str] = &["program", "args", "flags", "no_flags", "targets", "writes", "except", "sure"];

impl Reader {
    /// Leading words, or a mapping of what a command is held to.
    pub(super) fn command(&mut self, operand: &Value, standing: Standing) -> Option<CommandTest> {
        let mut test = CommandTest::default();
        let Value::Map(entries) = operand else {
            let Value::List(_) = operand else {
                let hint =
                    "write the leading words, `[git, push]`, or `{program: git, args: [push], flags: [-f, --force]}`";
                self.bad_operand(operand, "a list of words or a mapping", hint);
                return None;
            };
            let mut words = self.words(operand)?.into_iter();
            test.programs.extend(words.next());
            test.prefix = words.collect();
            return Some(test);
        };
        let mut complete = true;
        for (key, value) in entries {
            self.problems.push(key);
            complete &= self.part(key, value, standing, &mut test).is_some();
            self.problems.pop();
        }
        if complete && entries.keys().all(|key| key == "sure") {
            let message = "the mapping says nothing about the command";
            self.problems.add(Code::Empty, message, "name at least a `program`");
            return None;
        }
        complete.then_some(test)
    }

    fn part(&mut self, key: &str, value: &Value, standing: Standing, test: &mut CommandTest) -> Option<()> {
        match key {
            "program" => test.programs = self.words(value)?,
            "args" => test.operands = self.groups(value)?,
            "no_flags" => test.without = self.words(value)?,
            "except" => test.except = self.except(value, standing.deeper())?,
            "flags" => test.flags = self.flags(value)?,
            "targets" => test.targets = Some(self.tests(value, Site::LIST, standing.deeper())?),
            "writes" => test.writes = Some(self.tests(value, Site::LIST, standing.deeper())?),
            "sure" if *value == Value::Bool(true) => test.sure = true,
            "sure" => {
                let message = format!("`sure` is `true` or absent, found {}", described(value));
                self.problems.add(Code::BadOperand, message, "write `sure: true`, or remove it");
                return None;
            }
            unknown => {
                let message = format!("`command` has no key `{}`", shortened(unknown));
                self.problems.add(Code::UnknownKey, message, suggest::hint(unknown, KEYS.iter().copied()));
                return None;
            }
        }
        Some(())
    }

    fn words(&mut self, value: &Value) -> Option<Vec<Box<str>>> {
        Some(self.strings(value)?.into_iter().map(|(_, text)| text.into()).collect())
    }

    /// One group of options, or a list of groups.
    fn flags(&mut self, value: &Value) -> Option<Vec<Vec<Box<str>>>> {
        match value {
            Value::List(groups) if groups.iter().any(|group| matches!(group, Value::List(_))) => self.groups(value),
            one => Some(vec![self.words(one)?]),
        }
    }

    /// A list of words, each of which may be a list of alternatives.
    fn groups(&mut self, value: &Value) -> Option<Vec<Vec<Box<str>>>> {
        let Value::List(groups) = value else { return Some(vec![self.words(value)?]) };
        if groups.is_empty() {
            self.problems.add(Code::Empty, "the list is empty", "write at least one text");
            return None;
        }
        let mut found = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            self.problems.push_place(place);
            found.extend(self.words(group));
            self.problems.pop();
        }
        (found.len() == groups.len()).then_some(found)
    }

    fn except(&mut self, value: &Value, standing: Standing) -> Option<Vec<CommandTest>> {
        let Value::List(forms) = value else {
            self.problems.wrong_type(value, "a list of commands", "write `[{program: git, args: [status]}]`");
            return None;
        };
        if forms.is_empty() || standing.depth > DEPTH {
            self.problems.add(
                Code::Empty,
                "the list of exceptions is empty or too deep",
                "write at least one, or leave the key out",
            );
            return None;
        }
        let mut found = Vec::new();
        for (place, form) in forms.iter().enumerate() {
            self.problems.push_place(place);
            if form.get("sure").is_some() {
                let message = "an exception cannot be `sure`: it only counts where it surely holds";
                self.problems.add(Code::MisplacedKey, message, "put `sure` beside `except`");
            } else {
                found.extend(self.command(form, standing));
            }
            self.problems.pop();
        }
        (found.len() == forms.len()).then_some(found)
    }
}
