//! Whether a script of sed may run commands or write files, told from its text alone: what merely may counts.

/// `e` runs what the pattern space holds: alone after an address, or as a flag of `s`.
pub(super) fn runs(script: &str) -> bool {
    has(script, 'e')
}

/// `w` and `W` write a file, alone or as a flag of `s`.
pub(super) fn writes(script: &str) -> bool {
    has(script, 'w') || has(script, 'W')
}

fn has(script: &str, letter: char) -> bool {
    script.split([';', '\n', '{', '}']).any(|command| {
        let command = command.trim_start();
        is_command(command, letter) || is_flag(command, letter)
    })
}

/// The command by its letter, behind an address: a number, `$`, a pattern or a range of them.
fn is_command(command: &str, letter: char) -> bool {
    let behind_number =
        command.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '$' | '!' | ' ' | '~' | '+'));
    if behind_number.starts_with(letter) {
        return true;
    }
    // Behind a pattern, wherever that may end.
    let is_pattern = behind_number.starts_with(['/', '\\']);
    is_pattern
        && command.match_indices(|c: char| !c.is_alphanumeric() && c != ' ').any(|(place, sign)| {
            let rest = command.get(place + sign.len()..).unwrap_or("").trim_start_matches(['I', 'M', '!', ' ']);
            rest.strip_prefix(letter).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        })
}

/// `s/a/b/e`, `s/a/b/gw file`; the flags stand behind any sign that may end the replacement.
fn is_flag(command: &str, letter: char) -> bool {
    if !command.contains('s') {
        return false;
    }
    command.match_indices(|c: char| !c.is_alphanumeric() && c != ' ').any(|(place, sign)| {
        let rest = command.get(place + sign.len()..).unwrap_or("");
        let flags = rest
            .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M' | 'e'));
        let given = rest.get(..rest.len() - flags.len()).unwrap_or("");
        match letter {
            'e' => given.contains('e') && (flags.trim().is_empty() || flags.trim_start().starts_with(['w', '#', '}'])),
            _ => flags.strip_prefix(letter).is_some_and(|rest| rest.starts_with([' ', '\t']) || rest.starts_with('/')),
        }
    })
}
