//! Spellings that engines of one dialect may read differently. They are looked for before anything is parsed.

use super::dialect::Dialect;

/// True if every engine of the dialect splits the text into strings, comments and words alike, as the parser does.
pub(super) fn is_plain(text: &str, dialect: Dialect) -> bool {
    Scanner { bytes: text.as_bytes(), at: 0, dialect }.is_plain(text)
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    dialect: Dialect,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn before(&self) -> u8 {
        self.at.checked_sub(1).and_then(|at| self.bytes.get(at)).copied().unwrap_or(b' ')
    }

    fn is_plain(&mut self, text: &str) -> bool {
        while let Some(&byte) = self.bytes.get(self.at) {
            let fits = match byte {
                b'\'' => !self.has_odd_prefix() && self.quoted(b'\''),
                b'"' => !self.has_odd_prefix() && self.quoted(b'"'),
                b'`' => matches!(self.dialect, Dialect::Mysql | Dialect::Sqlite) && self.quoted(b'`'),
                b'[' => match self.dialect {
                    Dialect::Mssql | Dialect::Sqlite => self.quoted(b']'),
                    Dialect::Postgres => self.step(),
                    Dialect::Generic | Dialect::Mysql => false,
                },
                b'-' if self.peek(1) == b'-' => self.line_comment(2),
                b'#' => match self.dialect {
                    Dialect::Mysql => self.line_comment(1),
                    Dialect::Postgres | Dialect::Mssql => self.step(),
                    Dialect::Generic | Dialect::Sqlite => false,
                },
                b'/' if self.peek(1) == b'*' => self.block_comment(),
                b'$' => self.dollar(),
                // A client's own commands, escapes of call interfaces, and what no engine reads.
                b'\\' | b'{' | b'}' => false,
                b'\t' | b'\n' | b'\r' => self.step(),
                control if control.is_ascii_control() => false,
                ascii if ascii.is_ascii() => self.step(),
                _ => match text.get(self.at..).and_then(|rest| rest.chars().next()) {
                    // SECURITY: other spaces and invisible characters separate words for some engines only.
                    Some(letter) if letter.is_alphanumeric() => {
                        self.at += letter.len_utf8();
                        true
                    }
                    _ => false,
                },
            };
            if !fits {
                return false;
            }
        }
        true
    }

    fn step(&mut self) -> bool {
        self.at += 1;
        true
    }

    /// `q'[…]'` of Oracle and `U&'\0061'`: other delimiters and names that are not spelt out.
    fn has_odd_prefix(&self) -> bool {
        let start = self.bytes.get(..self.at).unwrap_or_default();
        let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'&';
        let word: Vec<u8> = start.iter().rev().take_while(is_word).take(4).map(u8::to_ascii_lowercase).collect();
        matches!(&word[..], [b'q'] | [b'q', b'n'] | [b'&', b'u', ..])
    }

    /// A quoted run. A doubled delimiter stands for itself.
    fn quoted(&mut self, close: u8) -> bool {
        self.at += 1;
        let mut backslashes = 0_usize;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            if byte == 0 {
                return false;
            }
            if byte == close {
                // SECURITY: with an odd number of backslashes the quote ends here for some engines, or in some modes of
                // one engine, and not for others.
                let escapes = matches!(self.dialect, Dialect::Generic | Dialect::Postgres | Dialect::Mysql);
                if escapes && backslashes % 2 == 1 && close != b']' {
                    return false;
                }
                if self.peek(0) != close {
                    return true;
                }
                self.at += 1;
            }
            backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        }
        false
    }

    fn line_comment(&mut self, marker: usize) -> bool {
        // MySQL reads `--1` as minus minus one.
        let is_marked = marker == 1 || matches!(self.peek(marker), b' ' | b'\t' | b'\n' | 0);
        if !is_marked && matches!(self.dialect, Dialect::Generic | Dialect::Mysql) {
            return false;
        }
        self.at += marker;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => return true,
                // A carriage return alone ends the comment for some.
                b'\r' if self.peek(1) != b'\n' => return false,
                0 => return false,
                _ => self.at += 1,
            }
        }
        true
    }

    fn block_comment(&mut self) -> bool {
        self.at += 2;
        // MySQL and MariaDB execute `/*! … */` and `/*M! … */`; `/*+ … */` is a hint, which may set variables.
        if matches!(self.dialect, Dialect::Generic | Dialect::Mysql)
            && matches!(self.peek(0), b'!' | b'+' | b'M' | b'm')
        {
            return false;
        }
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    return true;
                }
                // Nested for some, not for others.
                (b'/', b'*') | (0, _) => return false,
                _ => self.at += 1,
            }
        }
    }

    /// `$1` everywhere; `$tag$ … $tag$` in PostgreSQL.
    fn dollar(&mut self) -> bool {
        let joins = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii();
        if joins(self.before()) {
            return false;
        }
        let digits = self.bytes.iter().skip(self.at + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            self.at += 1 + digits;
            return !joins(self.peek(0));
        }
        if self.dialect != Dialect::Postgres {
            return false;
        }
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let tag = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if rest.get(tag) != Some(&b'$') {
            return false;
        }
        let delimiter = self.bytes.get(self.at..self.at + tag + 2).unwrap_or_default();
        let body = rest.get(tag + 1..).unwrap_or_default();
        match body.windows(delimiter.len()).position(|window| window == delimiter) {
            Some(end) => {
                self.at += 2 * delimiter.len() + end;
                true
            }
            None => false,
        }
    }
}
