//! From the name of a protected file in a text to the left, segment by segment: is this a path that leads there?

use std::cell::OnceCell;

use super::operand::{self, Commands};

/// How much may be walked over for one text: segments, and the bytes that are looked at in them.
pub(super) struct Patience(usize);

impl Patience {
    pub(super) fn of(text: &str) -> Self {
        Self(text.len().saturating_mul(16).saturating_add(4_096))
    }

    pub(super) fn is_over(&self) -> bool {
        self.0 == 0
    }

    fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes + 1);
    }
}

/// A text, and what its relative paths are relative to.
pub(super) struct Walk<'w> {
    pub(super) text: &'w str,
    // INVARIANT: the places of all slashes of the text, ascending.
    pub(super) slashes: &'w [usize],
    pub(super) cwd: &'w [String],
    pub(super) home: Option<&'w [String]>,
    pub(super) commands: OnceCell<Commands>,
}

impl Walk<'_> {
    /// True if the name from `start` to `end` is the last segment of a path to `target`, or of one that goes on below.
    pub(super) fn leads_to(&self, target: &[String], start: usize, end: usize, patience: &mut Patience) -> bool {
        let (Some(before), Some(after)) = (self.text.get(..start), self.text.get(end..)) else { return false };
        let Some((name, above)) = target.split_last() else { return false };
        if !ends_here(after) {
            return false;
        }
        let (slash, left) = self.last_segment(before);
        if begins_here(left, slash.is_none()) && self.is_below(above, self.cwd, 0) {
            // SECURITY: a bare word may be a file's name or just a word. One that has a dot, goes on with a slash, is the
            // whole text or what a command works on is taken for a file's name.
            let alone = self.text.trim().eq_ignore_ascii_case(name);
            if alone || name.contains('.') || after.starts_with('/') || self.is_operand(before) {
                return true;
            }
        }
        match slash {
            Some(slash) if left.is_empty() => self.climb(slash, above, patience),
            _ => false,
        }
    }

    /// What stands to the left of the slash at `end` leads to the directory `wanted`.
    fn climb(&self, mut end: usize, mut wanted: &[String], patience: &mut Patience) -> bool {
        // Segments to the left that a `..` to the right takes away.
        let mut skip = 0_usize;
        loop {
            let before = self.text.get(..end).unwrap_or_default();
            let (slash, segment) = self.last_segment(before);
            if patience.is_over() || self.starts_in(before, segment, slash.is_none(), wanted, skip, patience) {
                return true;
            }
            let Some(slash) = slash else { return false };
            end = slash;
            match segment {
                "" | "." => {}
                ".." => skip += 1,
                _ if skip > 0 => skip -= 1,
                segment => match wanted.split_last() {
                    Some((last, above)) if last.eq_ignore_ascii_case(segment) => wanted = above,
                    _ => return false,
                },
            }
        }
    }

    /// A path starts in this segment, the last of `before`, and leads to `wanted`.
    fn starts_in(
        &self,
        before: &str,
        segment: &str,
        is_first: bool,
        wanted: &[String],
        skip: usize,
        patience: &mut Patience,
    ) -> bool {
        let at_root = wanted.is_empty();
        if at_root && is_host_or_root(before, segment) {
            return true;
        }
        if names_process_folder(before, segment, "cwd") && self.is_below(wanted, self.cwd, skip) {
            return true;
        }
        // Words of a shell that stand for a directory.
        if ["$HOME", "${HOME}"].iter().any(|word| segment.ends_with(word)) && self.is_home(wanted, skip) {
            return true;
        }
        if ["$PWD", "${PWD}"].iter().any(|word| segment.ends_with(word)) && self.is_below(wanted, self.cwd, skip) {
            return true;
        }
        // An address with nothing for its host goes on from the working directory in some schemes: `sqlite:///state.db`.
        if segment.is_empty() && before.ends_with("://") && self.is_below(wanted, self.cwd, skip) {
            return true;
        }
        let begins = |left: &str| begins_here(left, is_first);
        if let [drive] = wanted {
            if drive.ends_with(':') && strip_suffix(segment, drive).is_some_and(begins) {
                return true;
            }
        }
        let boundary = segment.char_indices().rfind(|(_, char)| is_boundary(*char));
        let tail = match boundary {
            Some((place, char)) => segment.get(place + char.len_utf8()..).unwrap_or_default(),
            None if is_first => segment,
            None => {
                patience.spend(segment.len());
                return false;
            }
        };
        patience.spend(tail.len());
        // A path that stands right behind the letters of an option.
        let value = tail.find(['.', '~']).and_then(|place| tail.split_at_checked(place));
        let value = value.filter(|(option, _)| operand::ends_with_option(option)).map_or("", |(_, value)| value);
        let is_there = match value {
            "." => self.is_below(wanted, self.cwd, skip),
            ".." => self.is_below(wanted, self.cwd, skip + 1),
            value => value.starts_with('~') && self.is_home(wanted, skip),
        };
        if is_there {
            return true;
        }
        let a_name = skip > 0 && self.is_below(wanted, self.cwd, skip - 1);
        match tail {
            // A name may have in it what is otherwise between words.
            _ if a_name && boundary.is_some_and(|(place, _)| is_first || has_boundary(segment.get(..place))) => true,
            "" => at_root,
            "." => self.is_below(wanted, self.cwd, skip),
            ".." => self.is_below(wanted, self.cwd, skip + 1),
            tail if tail.starts_with('~') => self.is_home(wanted, skip),
            // The value of an option that stands right behind its letter.
            tail if at_root && tail.starts_with('-') => true,
            _ if skip > 0 => a_name,
            _ => wanted.split_last().is_some_and(|(last, above)| {
                strip_suffix(segment, last).is_some_and(begins) && self.is_below(above, self.cwd, 0)
            }),
        }
    }

    /// The slash before the last segment of the text so far, and that segment.
    fn last_segment<'t>(&self, before: &'t str) -> (Option<usize>, &'t str) {
        let slashes = self.slashes.partition_point(|slash| *slash < before.len());
        match slashes.checked_sub(1).and_then(|last| self.slashes.get(last)) {
            Some(slash) => (Some(*slash), before.get(slash + 1..).unwrap_or_default()),
            None => (None, before),
        }
    }

    fn is_operand(&self, before: &str) -> bool {
        let commands = self.commands.get_or_init(|| Commands::of(self.text));
        commands.take_files_at(before.len()) || operand::is_redirected(before)
    }

    fn is_home(&self, wanted: &[String], skip: usize) -> bool {
        self.home.is_some_and(|home| self.is_below(wanted, home, skip))
    }

    /// `wanted` is `base`, so many levels up.
    fn is_below(&self, wanted: &[String], base: &[String], up: usize) -> bool {
        let base = base.get(..base.len().saturating_sub(up)).unwrap_or_default();
        wanted.len() == base.len() && wanted.iter().zip(base).all(|(a, b)| a.eq_ignore_ascii_case(b))
    }
}

/// A path may start behind this, what stands between the last slash and the path: at the start of a text, between words,
/// and right behind the letter of an option.
fn begins_here(left: &str, is_first: bool) -> bool {
    let word = match left.char_indices().rfind(|(_, char)| is_boundary(*char)) {
        Some((place, char)) => left.get(place + char.len_utf8()..).unwrap_or_default(),
        None if is_first => left,
        None => return false,
    };
    word.is_empty() || operand::ends_with_option(word)
}

/// The root follows in another way than by a leading slash: after the host of a file's URL, or a process's own root.
fn is_host_or_root(before: &str, segment: &str) -> bool {
    let outside = before.get(..before.len() - segment.len()).unwrap_or_default();
    strip_suffix(outside, "file://").is_some() || names_process_folder(before, segment, "root")
}

/// `/proc/self/cwd` and its like, by the name of the last.
fn names_process_folder(before: &str, segment: &str, folder: &str) -> bool {
    segment == folder && before.rsplit('/').nth(2).is_some_and(|proc| proc.ends_with("proc"))
}

/// A name ends before this.
fn ends_here(after: &str) -> bool {
    let mut chars = after.chars();
    match chars.next() {
        None | Some('/') => true,
        Some('.') => chars.next().is_none_or(|next| !next.is_alphanumeric()),
        Some(char) => is_boundary(char),
    }
}

/// True for what stands between words, and not in the names of files as people and programs make them.
fn is_boundary(char: char) -> bool {
    !(char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '~' | '/'))
}

fn has_boundary(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.contains(is_boundary))
}

fn strip_suffix<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (left, right) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    right.eq_ignore_ascii_case(suffix).then_some(left)
}
