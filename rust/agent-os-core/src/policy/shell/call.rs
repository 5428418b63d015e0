//! A program's arguments, taken apart as the program itself would: by what the table says of its options.

use super::programs::{Known, Role};
use super::word::Word;

/// A program with its options and operands.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) program: &'static Known,
    pub(super) words: &'a [Word],
    pub(super) options: Vec<Given<'a>>,
    pub(super) operands: Vec<&'a Word>,
    /// All words from the first operand on, where that ends the options; else what stands behind `--`.
    pub(super) rest: &'a [Word],
    /// A word that cannot be told stands where an option may stand.
    pub(super) is_unsure: bool,
    /// There is an option that the table does not know: where the operands start cannot be told.
    pub(super) is_unknown: bool,
}

/// An option that is there.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    None,
    Known(&'a str),
    Unclear,
}

impl Value<'_> {
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::None | Self::Unclear => None,
        }
    }

    pub(super) fn word(&self) -> Word {
        self.known().map_or(Word::Unclear, |text| Word::Known(text.into()))
    }
}

impl<'a> Call<'a> {
    pub(super) fn read(program: &'static Known, arguments: &'a [Word]) -> Self {
        let call = Self {
            program,
            words: arguments,
            options: Vec::new(),
            operands: Vec::new(),
            rest: &[],
            is_unsure: false,
            is_unknown: false,
        };
        let mut reader = Reader { call, arguments, place: 0, has_ended: false };
        reader.words();
        reader.call
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|given| names.contains(&given.name))
    }

    /// It only shows something about itself.
    pub(super) fn quits(&self) -> bool {
        self.options.iter().any(|given| given.role == Role::Quits)
    }

    /// The value of an option that is there.
    pub(super) fn value(&self, names: &[&str]) -> Option<Value<'a>> {
        self.options.iter().rev().find(|given| names.contains(&given.name)).map(|given| given.value)
    }
}

struct Reader<'a> {
    call: Call<'a>,
    arguments: &'a [Word],
    place: usize,
    has_ended: bool,
}

impl<'a> Reader<'a> {
    fn words(&mut self) {
        self.old_style();
        while let Some(word) = self.arguments.get(self.place) {
            match word {
                _ if self.has_ended => self.call.operands.push(word),
                Word::Known(text) if &**text == "--" => {
                    self.has_ended = true;
                    self.call.rest = self.arguments.get(self.place + 1..).unwrap_or_default();
                    if self.call.program.ends_at_operand() {
                        return;
                    }
                }
                Word::Known(text) if text.starts_with('-') && &**text != "-" => {
                    self.place += 1;
                    if self.option(text) {
                        return;
                    }
                    continue;
                }
                Word::Known(text) if &**text == "-" && self.call.program.role("-").is_some() => {}
                operand => {
                    self.call.is_unsure |= may_be_option(operand);
                    if self.call.program.ends_at_operand() {
                        self.call.rest = self.arguments.get(self.place..).unwrap_or_default();
                        return;
                    }
                    self.call.operands.push(operand);
                }
            }
            self.place += 1;
        }
    }

    /// `tar xzf archive`: letters without a dash, and then the values of those that have one.
    fn old_style(&mut self) {
        let Some(Word::Known(letters)) = self.arguments.first() else { return };
        if self.call.program.role("old").is_none() || letters.starts_with('-') {
            return;
        }
        self.place = 1;
        for letter in letters.chars() {
            match self.call.program.letter(letter) {
                Some((name, role)) => {
                    self.given(name, role, None);
                }
                None => self.call.is_unknown = true,
            }
        }
    }

    /// Reads one word of options; true if the rest is none of this program's business.
    fn option(&mut self, text: &'a str) -> bool {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if let Some((name, role)) = self.whole(name) {
            // `-o=x` is `-o` with the value `=x`; longer names end at the sign.
            if name.len() > 2 || attached.is_none() {
                return self.given(name, role, attached);
            }
        }
        if name.starts_with("--") {
            let is_harmless = attached.is_some() && self.call.program.role("--").is_some();
            self.call.is_unknown |= !is_harmless;
            return false;
        }
        if text.bytes().skip(1).all(|byte| byte.is_ascii_digit()) && self.call.program.role("-#").is_some() {
            return false;
        }
        self.cluster(text)
    }

    /// An option by its whole name, or by a part of it that means only one thing.
    fn whole(&self, name: &str) -> Option<(&'static str, Role)> {
        let mut found = None;
        for (known, role) in self.call.program.options() {
            if known == name {
                return Some((known, role));
            }
            let is_part = name.len() > 2 && name.starts_with("--") && known.starts_with(name);
            match found {
                _ if !is_part => {}
                // The program refuses what may mean several; it counts as the one that does most.
                Some((_, other)) if weight(other) >= weight(role) => {}
                _ => found = Some((known, role)),
            }
        }
        found
    }

    /// `-xzf`: switches, and at the end perhaps one with a value.
    fn cluster(&mut self, text: &'a str) -> bool {
        // `-rTT` may hold `-TT`.
        let is_within = |name: &str| {
            name.len() > 2 && !name.starts_with("--") && name.get(1..).is_some_and(|part| text.contains(part))
        };
        self.call.is_unsure |= self.call.program.options().any(|(name, role)| role.runs() && is_within(name));
        let mut is_strange = false;
        let mut start = 1;
        while let Some(letter) = text.get(start..).and_then(|rest| rest.chars().next()) {
            let end = start + letter.len_utf8();
            let known = self.call.program.letter(letter);
            let rest = text.get(end..).filter(|rest| !rest.is_empty());
            match known {
                Some((name, role)) if role.takes_value() => {
                    // What precedes it might have had this for its value.
                    self.call.is_unsure |= is_strange;
                    return self.given(name, role, rest);
                }
                Some((name, role @ (Role::Attached | Role::Unclear))) => {
                    return self.given(name, role, rest.or(Some("")));
                }
                Some((name, role)) => {
                    self.given(name, role, None);
                }
                None => {
                    is_strange = true;
                    self.call.is_unknown = true;
                }
            }
            start = end;
        }
        false
    }

    fn given(&mut self, name: &'static str, role: Role, attached: Option<&'a str>) -> bool {
        let value = match attached {
            Some(text) => Value::Known(text),
            None if !role.takes_value() => Value::None,
            None => {
                let next = self.arguments.get(self.place);
                self.place += 1;
                match next {
                    Some(Word::Known(text)) => Value::Known(text),
                    // Without quotes it may also be several words, and the next ones options.
                    Some(Word::Glob(_) | Word::Unclear) => {
                        self.call.is_unsure = true;
                        Value::Unclear
                    }
                    None => Value::Unclear,
                }
            }
        };
        self.call.options.push(Given { name, role, value });
        if role == Role::Last {
            self.call.rest = self.arguments.get(self.place..).unwrap_or_default();
        }
        role == Role::Last
    }
}

/// Of several meanings the one that counts.
fn weight(role: Role) -> u8 {
    match role {
        Role::Unclear | Role::Code | Role::Script | Role::Command | Role::Setting => 2,
        Role::Writes | Role::WritesInto | Role::WritesHere | Role::WritesSomewhere => 1,
        _ => 0,
    }
}

/// A file may be named like an option.
fn may_be_option(word: &Word) -> bool {
    match word {
        Word::Known(_) => false,
        Word::Glob(text) => text.starts_with(['*', '?', '[', '-']),
        Word::Unclear => true,
    }
}
