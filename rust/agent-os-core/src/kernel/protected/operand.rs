//! Where a bare word of a command is the name of a file: after a program that works on files, and as the target of a
//! redirection. Elsewhere `log` is a word like others.

/// Programs that take the names of files and folders, those that run code included; separated by spaces, in order.
const ON_FILES: &str = "7z awk bash bzip2 cat cd chattr chgrp chmod chown cmp copy cp csplit cut dash dd del diff du ed \
                        emacs erase ex fgrep file find gawk grep gzip head hexdump install ksh less ln ls md5sum mkdir \
                        more move mv nano node od paste patch perl php pushd python python3 rd rename rg rm rmdir rsync \
                        ruby scp sed sh sha256sum shred sort split sqlite3 stat strings tac tail tar tee touch tree \
                        truncate uniq unlink unzip vi vim wc xxd xz zip zsh zstd";

/// Programs that run the one that follows.
const WRAPPERS: &[&str] = &[
    "builtin", "busybox", "command", "doas", "env", "exec", "nice", "nohup", "setsid", "sudo", "time", "timeout",
    "xargs",
];

/// Where each command of a text starts, and where its program ends if that works on files.
pub(super) struct Commands(Vec<(usize, Option<usize>)>);

impl Commands {
    pub(super) fn of(text: &str) -> Self {
        let ends = text.char_indices().filter(|(_, char)| is_between_commands(*char)).map(|(place, _)| place);
        let mut commands = Vec::new();
        let mut start = 0;
        for end in ends.chain([text.len()]) {
            let program = end_of_program(text.get(start..end).unwrap_or_default());
            commands.push((start, program.map(|length| start + length)));
            start = end + 1;
        }
        Self(commands)
    }

    /// The word that starts at this place is an operand of a program that works on files.
    pub(super) fn take_files_at(&self, place: usize) -> bool {
        let next = self.0.partition_point(|(start, _)| *start <= place);
        let command = next.checked_sub(1).and_then(|last| self.0.get(last));
        command.and_then(|(_, program)| *program).is_some_and(|end| end <= place)
    }
}

/// What follows is the target of a redirection, and not what stands between the tags of a page.
pub(super) fn is_redirected(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches(['|', '&']);
    let Some(before) = before.strip_suffix('>') else { return false };
    before
        .chars()
        .next_back()
        .is_none_or(|char| char.is_whitespace() || char.is_ascii_digit() || matches!(char, '>' | '&'))
}

/// True if the text ends with the letters of an option, behind which its value may stand: `-o`, `tar -cf`.
pub(super) fn ends_with_option(word: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|letters| !letters.is_empty() && letters.chars().all(|char| char.is_ascii_alphabetic()))
}

fn is_between_commands(char: char) -> bool {
    matches!(char, ';' | '&' | '|' | '\n' | '(' | '`' | '{')
}

fn end_of_program(command: &str) -> Option<usize> {
    let mut end = 0;
    for piece in command.split_inclusive(char::is_whitespace) {
        end += piece.len();
        let word = piece.trim_end();
        let is_aside = word.is_empty() || word.starts_with('-') || word.contains('=') || is_duration(word);
        if !is_aside && !WRAPPERS.contains(&name_of(word)) {
            return ON_FILES.split(' ').any(|known| known == name_of(word)).then_some(end);
        }
    }
    None
}

/// What `timeout` and `nice -n` are given.
fn is_duration(word: &str) -> bool {
    word.chars().all(|char| char.is_ascii_digit() || ".smhd".contains(char))
}

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Commands, ON_FILES, WRAPPERS, ends_with_option, is_redirected};

    fn is_operand(text: &str) -> bool {
        text.find("audit").is_some_and(|place| Commands::of(text).take_files_at(place))
    }

    #[test]
    fn what_a_program_on_files_is_given_is_an_operand() {
        for text in [
            "rm -rf audit",
            "cd x; sudo -n rm -r audit",
            "ls | xargs -0 rm audit",
            "/bin/cat audit",
            "FOO=1 timeout 5 mv audit x",
            "(cp -r audit x)",
            "7z a x.7z audit",
        ] {
            assert!(is_operand(text), "{text}");
        }
        for text in
            ["git audit", "audit", "rm x; audit", "please audit the accounts", "cat x\naudit this", "Cat audit", ""]
        {
            assert!(!is_operand(text), "{text}");
        }
    }

    #[test]
    fn a_redirection_is_no_tag() {
        assert!(["echo x > ", "> ", "x 2>", "x >>", "x >| ", "x &>"].iter().all(|before| is_redirected(before)));
        assert!(["<b>", "x < ", "a -> ", "", "x>"].iter().all(|before| !is_redirected(before)));
    }

    #[test]
    fn options_are_a_dash_and_letters() {
        assert!(ends_with_option("-o") && ends_with_option("-cf"));
        assert!(["", "-", "--", "--out", "my-", "o", "-1"].iter().all(|word| !ends_with_option(word)));
    }

    #[test]
    fn programs_are_in_order() {
        assert!(ON_FILES.split(' ').is_sorted() && WRAPPERS.is_sorted());
    }
}
