//! Words: quotes are removed, and what only a running shell could tell is unclear.

use crate::limits;
use crate::policy::kleene::Kleene;
use crate::policy::path_under::Base;

/// A word after quotes were removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Word {
    /// One word, exactly this.
    Known(Box<str>),
    /// Names of files that match this pattern, or the pattern itself.
    Glob(Box<str>),
    /// None, one or several words that cannot be told.
    Unclear,
}

impl Word {
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Glob(_) | Self::Unclear => None,
        }
    }

    /// What a relative path is to someone who does not know where it starts from.
    pub(super) fn moved(&self) -> &Self {
        match self {
            Self::Known(text) | Self::Glob(text) if !text.starts_with(['/', '~']) => &Self::Unclear,
            fixed => fixed,
        }
    }

    /// Whatever is below this folder.
    pub(super) fn below(&self) -> Self {
        match self {
            Self::Known(folder) | Self::Glob(folder) if folder.ends_with('/') => {
                Self::Glob(format!("{folder}*").into())
            }
            Self::Known(folder) | Self::Glob(folder) => Self::Glob(format!("{folder}/*").into()),
            Self::Unclear => Self::Unclear,
        }
    }

    /// Whatever is in the same folder.
    pub(super) fn beside(&self) -> Self {
        match self {
            Self::Known(file) | Self::Glob(file) => match file.rsplit_once('/') {
                Some((folder, _)) => Self::Glob(format!("{folder}/*").into()),
                None => Self::anywhere_here(),
            },
            Self::Unclear => Self::Unclear,
        }
    }

    /// Whatever is below the working folder.
    pub(super) fn anywhere_here() -> Self {
        Self::Glob("*".into())
    }

    /// Whether each name that the pattern can stand for lies under the base.
    pub(in crate::policy) fn glob_under(pattern: &str, base: &Base) -> Kleene {
        let meta = |segment: &str| segment.contains(['*', '?', '[']);
        let parts: Vec<&str> = pattern.split('/').collect();
        let Some(first) = parts.iter().position(|part| meta(part)) else { return base.holds(pattern) };
        let rest = parts.get(first..).unwrap_or_default();
        // A pattern that starts with a dot may stand for `..`.
        if rest.iter().any(|part| *part == ".." || part.starts_with('.') && meta(part)) {
            return Kleene::Unknown;
        }
        let fixed = parts.get(..first).unwrap_or_default().join("/");
        let fixed = match (fixed.is_empty(), pattern.starts_with('/')) {
            (true, true) => "/",
            (true, false) => ".",
            _ => &fixed,
        };
        match base.holds(fixed) {
            // Elsewhere now may still be inside further down: `/e*` under `/etc`.
            Kleene::False if base.may_hold_below(fixed) => Kleene::Unknown,
            truth => truth,
        }
    }
}

/// What reading one word brought up.
#[derive(Debug, Default)]
pub(super) struct Read {
    out: String,
    unclear: bool,
    glob: bool,
    /// Texts of command substitutions.
    pub(super) inner: Vec<String>,
    /// The word cannot be read as the shell would read it.
    pub(super) fault: bool,
}

impl Read {
    pub(super) fn word(&self) -> Word {
        if self.fault || self.unclear {
            Word::Unclear
        } else if self.glob {
            Word::Glob(self.out.as_str().into())
        } else {
            Word::Known(self.out.as_str().into())
        }
    }
}

/// Reads a word as it is spelt in the text, quotes and all.
pub(super) fn read(raw: &str) -> Read {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'=' | b'+' | b',' | b'@' | b'%')
    };
    if raw.bytes().all(plain) {
        return Read { out: raw.to_owned(), ..Read::default() };
    }
    let mut reader = Reader { rest: raw, read: Read::default(), depth: 0 };
    reader.unquoted();
    reader.read
}

/// Reads text in which only expansions matter: a here-document, an arithmetic expression.
pub(super) fn read_expansions(raw: &str) -> Read {
    let mut reader = Reader { rest: raw, read: Read::default(), depth: 0 };
    while let Some(next) = reader.next() {
        match next {
            '\\' => reader.escaped_in_double_quotes(),
            '$' => reader.dollar(true),
            '`' => reader.backquote(true),
            other => reader.read.out.push(other),
        }
    }
    reader.read
}

struct Reader<'r> {
    rest: &'r str,
    read: Read,
    depth: usize,
}

impl<'r> Reader<'r> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn fault(&mut self) {
        self.read.fault = true;
        self.rest = "";
    }

    fn unquoted(&mut self) {
        let mut parentheses = 0_usize;
        let braces = self.rest.contains('{');
        while let Some(next) = self.next() {
            match next {
                '\\' => match self.next() {
                    Some('\n') => {}
                    Some(other) => self.read.out.push(other),
                    None => self.fault(),
                },
                '\'' => match self.rest.split_once('\'') {
                    Some((quoted, rest)) => {
                        self.read.out.push_str(quoted);
                        self.rest = rest;
                    }
                    None => self.fault(),
                },
                '"' => self.double_quoted(),
                '$' => self.dollar(false),
                '`' => self.backquote(false),
                '*' | '?' | '[' => {
                    self.read.glob = true;
                    self.read.out.push(next);
                }
                // Extended patterns: `@(a|b)`.
                '(' => {
                    parentheses += 1;
                    self.read.unclear = true;
                }
                ')' if parentheses > 0 => parentheses -= 1,
                '|' if parentheses > 0 => {}
                '<' | '>' | '|' | '&' | ';' | ')' | '\n' => self.fault(),
                ',' | '.' if braces => {
                    // INVARIANT: `{a,b}` and `{1..3}` stand for several words; anything like them is unclear.
                    self.read.unclear = true;
                }
                other => self.read.out.push(other),
            }
        }
    }

    fn double_quoted(&mut self) {
        while let Some(next) = self.next() {
            match next {
                '"' => return,
                '\\' => self.escaped_in_double_quotes(),
                '$' => self.dollar(true),
                '`' => self.backquote(true),
                other => self.read.out.push(other),
            }
        }
        self.fault();
    }

    fn escaped_in_double_quotes(&mut self) {
        match self.next() {
            Some('\n') => {}
            Some(next @ ('$' | '`' | '"' | '\\')) => self.read.out.push(next),
            Some(other) => {
                self.read.out.push('\\');
                self.read.out.push(other);
            }
            None => self.read.out.push('\\'),
        }
    }

    /// After a `$`.
    fn dollar(&mut self, quoted: bool) {
        let Some(next) = self.rest.chars().next() else {
            self.read.out.push('$');
            return;
        };
        match next {
            '\'' if !quoted => {
                self.next();
                self.ansi_quoted();
            }
            '"' if !quoted => {
                // A translation may stand in for it.
                self.next();
                self.read.unclear = true;
                self.double_quoted();
            }
            '(' => {
                self.read.unclear = true;
                self.command_or_arithmetic();
            }
            '{' => self.braced(quoted),
            '[' => self.fault(),
            'a'..='z' | 'A'..='Z' | '_' => {
                let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
                self.rest = rest;
                self.parameter(name);
            }
            '0'..='9' | '@' | '*' | '#' | '?' | '-' | '$' | '!' => {
                self.next();
                self.read.unclear = true;
            }
            _ => self.read.out.push('$'),
        }
    }

    /// A whole parameter. The home directory is spelt `~`, as it is elsewhere.
    fn parameter(&mut self, name: &str) {
        let starts = self.read.out.is_empty() && self.depth == 0;
        let after = self.rest.strip_prefix('"').unwrap_or(self.rest);
        let ends = after.is_empty() || after.starts_with('/');
        if name == "HOME" && starts && ends {
            self.read.out.push('~');
        } else {
            self.read.unclear = true;
        }
    }

    fn ansi_quoted(&mut self) {
        while let Some(next) = self.next() {
            match next {
                '\'' => return,
                '\\' => self.ansi_escape(),
                other => self.read.out.push(other),
            }
        }
        self.fault();
    }

    fn ansi_escape(&mut self) {
        let Some(next) = self.next() else { return self.fault() };
        let plain = match next {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '?' => next,
            'x' => return self.code(16, 2, false),
            'u' => return self.code(16, 4, true),
            'U' => return self.code(16, 8, true),
            '0'..='7' => {
                // The digit belongs to the number.
                let digits: String =
                    std::iter::once(next).chain(self.rest.chars().take(2).take_while(|c| c.is_digit(8))).collect();
                self.rest = self.rest.get(digits.len() - 1..).unwrap_or("");
                return self.character(u32::from_str_radix(&digits, 8).ok().map(|code| code & 0xff), false);
            }
            'c' => return self.fault(),
            other => {
                self.read.out.push('\\');
                other
            }
        };
        self.read.out.push(plain);
    }

    fn code(&mut self, radix: u32, most: usize, unicode: bool) {
        let digits: String = self.rest.chars().take(most).take_while(|c| c.is_digit(radix)).collect();
        self.rest = self.rest.get(digits.len()..).unwrap_or("");
        self.character(u32::from_str_radix(&digits, radix).ok(), unicode);
    }

    /// NUL ends the text for bash, and bytes above 127 are only part of a character: neither is guessed at.
    fn character(&mut self, code: Option<u32>, unicode: bool) {
        match code.filter(|code| *code != 0 && (unicode || *code < 128)).and_then(char::from_u32) {
            Some(found) => self.read.out.push(found),
            None => self.fault(),
        }
    }

    /// After `$` at `(`.
    fn command_or_arithmetic(&mut self) {
        let Some(end) = end_of_command(self.rest) else { return self.fault() };
        let inner = self.rest.get(1..end).unwrap_or("");
        self.rest = self.rest.get(end + 1..).unwrap_or("");
        let arithmetic = inner.starts_with('(') && end_of_command(inner).is_some_and(|end| end + 1 == inner.len());
        if arithmetic {
            self.nested(inner);
        } else {
            self.read.inner.push(inner.to_owned());
        }
    }

    /// Text inside of an expansion: only its own expansions matter.
    fn nested(&mut self, text: &str) {
        if self.depth >= limits::SHELL_NESTING {
            return self.fault();
        }
        let mut reader = Reader { rest: text, read: Read::default(), depth: self.depth + 1 };
        while let Some(next) = reader.next() {
            match next {
                '\\' => {
                    reader.next();
                }
                '$' if reader.rest.starts_with('\'') => {}
                '$' => reader.dollar(true),
                '`' => reader.backquote(true),
                _ => {}
            }
        }
        self.read.inner.append(&mut reader.read.inner);
        if reader.read.fault {
            self.fault();
        }
    }

    /// After `$` at `{`.
    fn braced(&mut self, _quoted: bool) {
        let Some(end) = braces_end(self.rest, 0) else { return self.fault() };
        let inner = self.rest.get(1..end).unwrap_or("");
        self.rest = self.rest.get(end + 1..).unwrap_or("");
        // `${ command; }` runs it, and `@P` expands what the value says.
        if inner.starts_with(|c: char| c.is_whitespace() || c == '|') || inner.contains("@P") {
            return self.fault();
        }
        if inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return self.parameter(inner);
        }
        self.read.unclear = true;
        self.nested(inner);
    }

    /// After a backquote.
    fn backquote(&mut self, quoted: bool) {
        self.read.unclear = true;
        let mut inner = String::new();
        while let Some(next) = self.next() {
            match next {
                '`' => {
                    self.read.inner.push(inner);
                    return;
                }
                '\\' => match self.next() {
                    Some(next @ ('`' | '\\' | '$')) => inner.push(next),
                    Some('"') if quoted => inner.push('"'),
                    Some(other) => {
                        inner.push('\\');
                        inner.push(other);
                    }
                    None => break,
                },
                other => inner.push(other),
            }
        }
        self.fault();
    }
}

/// Where the parenthesis that opens `text` is closed; `None` if that takes more than counting to tell.
fn end_of_command(text: &str) -> Option<usize> {
    command_end(text, 0)
}

fn command_end(text: &str, level: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    let mut place = 0;
    let mut starts_word = true;
    if level > limits::SHELL_NESTING {
        return None;
    }
    while let Some(byte) = bytes.get(place) {
        let starts = std::mem::replace(&mut starts_word, false);
        match byte {
            b'\\' => place += 1,
            b'\'' => place += 1 + find(bytes, place + 1, b'\'')?,
            b'"' => place = double_quotes_end(text, place + 1, level)?,
            b'`' => place = backquotes_end(bytes, place + 1)?,
            b'(' => {
                open += 1;
                starts_word = true;
            }
            b')' => {
                open = open.checked_sub(1)?;
                starts_word = true;
                if open == 0 {
                    return Some(place);
                }
            }
            b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' => starts_word = true,
            // A here-document may hold anything; a here-string is a word.
            b'<' if bytes.get(place + 1) == Some(&b'<') => {
                if bytes.get(place + 2) != Some(&b'<') {
                    return None;
                }
                place += 2;
            }
            b'#' if starts => return None,
            b'c' if starts && bytes.get(place..)?.starts_with(b"case") => return None,
            b'$' if bytes.get(place + 1) == Some(&b'{') => {
                place += 1 + braces_end(text.get(place + 1..)?, level + 1)?;
            }
            b'$' if bytes.get(place + 1) == Some(&b'\'') => return None,
            _ => {}
        }
        place += 1;
    }
    None
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|byte| *byte == wanted)
}

fn backquotes_end(bytes: &[u8], mut place: usize) -> Option<usize> {
    loop {
        match bytes.get(place)? {
            b'\\' => place += 1,
            b'`' => return Some(place),
            _ => {}
        }
        place += 1;
    }
}

fn double_quotes_end(text: &str, mut place: usize, level: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    loop {
        match bytes.get(place)? {
            b'\\' => place += 1,
            b'"' => return Some(place),
            b'`' => place = backquotes_end(bytes, place + 1)?,
            b'$' if bytes.get(place + 1) == Some(&b'(') => {
                place += 1 + command_end(text.get(place + 1..)?, level + 1)?;
            }
            b'$' if bytes.get(place + 1) == Some(&b'{') => {
                place += 1 + braces_end(text.get(place + 1..)?, level + 1)?;
            }
            _ => {}
        }
        place += 1;
    }
}

/// Where the brace that opens `text` is closed. Quotes in it, or braces in braces, are more than is told.
fn braces_end(text: &str, level: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut place = 1;
    loop {
        match bytes.get(place)? {
            b'}' => return Some(place),
            b'\\' | b'\'' | b'"' | b'`' | b'{' => return None,
            b'$' if bytes.get(place + 1) == Some(&b'(') => {
                place += 1 + command_end(text.get(place + 1..)?, level + 1)?;
            }
            _ => {}
        }
        place += 1;
    }
}
