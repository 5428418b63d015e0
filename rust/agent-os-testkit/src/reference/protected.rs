//! Whether a text names a protected path, tried out in full: every part of every reading is taken for a path, resolved
//! from its start, and compared.

/// What is protected, and what relative paths start from; plain absolute paths without quotes, `%` and backslashes.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'p> {
    /// The protected paths.
    pub paths: &'p [&'p str],
    /// The working directory.
    pub cwd: &'p str,
    /// The home directory.
    pub home: &'p str,
}

/// True if a text is, or has in it, a path that is protected or leads through one that is.
#[must_use]
pub fn names(plane: Plane<'_>, text: &str) -> bool {
    readings(text).iter().any(|reading| {
        let chars: Vec<char> = reading.chars().collect();
        (0..chars.len()).any(|start| {
            (start + 1..=chars.len()).filter(|end| ends(chars.get(*end..).unwrap_or_default())).any(|end| {
                let found = starting_points(plane, &chars, start, end);
                found.iter().any(|path| plane.paths.iter().any(|kept| same(path, &segments(kept))))
            })
        })
    })
}

fn readings(text: &str) -> Vec<String> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let two = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match two.filter(|two| *first == b'%' && two.chars().all(|digit| digit.is_ascii_hexdigit())) {
            Some(two) => {
                decoded.push(u8::from_str_radix(two, 16).unwrap_or_default());
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    let unquoted = text.replace("\\\n", "").chars().filter(|char| !"\"'\\".contains(*char)).collect();
    vec![text.to_owned(), String::from_utf8_lossy(&decoded).into_owned(), unquoted, text.replace('\\', "/")]
}

/// The absolute paths, as segments, that the part from `start` to `end` may be.
fn starting_points(plane: Plane<'_>, chars: &[char], start: usize, end: usize) -> Vec<Vec<String>> {
    let before: String = chars.iter().take(start).collect();
    let part: String = chars.iter().take(end).skip(start).collect();
    let lower = part.to_lowercase();
    let mut found = Vec::new();
    for (word, folder) in
        [("$HOME/", plane.home), ("${HOME}/", plane.home), ("$PWD/", plane.cwd), ("${PWD}/", plane.cwd)]
    {
        if let Some(rest) = part.strip_prefix(word) {
            found.push(resolved(folder, rest));
        }
    }
    if lower.starts_with("file://") {
        let rest: String = part.chars().skip("file://".len()).collect();
        if let Some((_, path)) = rest.split_once('/') {
            found.push(resolved("/", path));
        }
    }
    if part.starts_with('/') {
        let mut folders = before.rsplit('/');
        let (last, _, proc) = (folders.next(), folders.next(), folders.next());
        if proc.is_some_and(|proc| proc.ends_with("proc")) {
            match last {
                Some("root") => found.push(resolved("/", &part)),
                Some("cwd") => found.push(resolved(plane.cwd, &part)),
                _ => {}
            }
        }
    }
    if part.starts_with('/') && before.ends_with("://") {
        found.push(resolved(plane.cwd, &part));
    }
    if !before.is_empty() && !before.ends_with(between_words) && !follows_an_option(&before) {
        return found;
    }
    let (first, rest) = part.split_once('/').map_or((part.as_str(), None), |(first, rest)| (first, Some(rest)));
    match rest {
        Some(rest) if first.is_empty() => found.push(resolved("/", rest)),
        Some(rest) if first.starts_with('~') && !first.contains(between_words) => {
            found.push(resolved(plane.home, rest))
        }
        Some(rest) if first.starts_with('-') && !first.contains(between_words) => {
            found.push(resolved("/", rest));
            found.push(resolved(plane.cwd, &part));
        }
        Some(_) => found.push(resolved(plane.cwd, &part)),
        None => {
            let all: String = chars.iter().collect();
            let goes_on = chars.get(end) == Some(&'/');
            if part.contains('.') || goes_on || all.trim() == part || works_on_files(&before) {
                found.push(resolved(plane.cwd, &part));
            }
        }
    }
    found
}

fn resolved(folder: &str, path: &str) -> Vec<String> {
    let mut all = segments(folder);
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                all.pop();
            }
            segment => all.push(segment.to_owned()),
        }
    }
    all
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn same(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// `-o` and the like stand right before, and are a word of their own.
fn follows_an_option(before: &str) -> bool {
    let letters = before.chars().rev().take_while(char::is_ascii_alphabetic).count();
    let rest = before.get(..before.len() - letters).unwrap_or_default();
    let Some(word) = rest.strip_suffix('-') else { return false };
    letters > 0 && (word.is_empty() || word.ends_with(between_words))
}

/// A few programs and redirections; the texts that are generated use these and no other.
fn works_on_files(before: &str) -> bool {
    let command = before.rsplit([';', '&', '|', '\n', '(', '`', '{']).next().unwrap_or_default();
    let is_aside = |word: &str| {
        let is_duration = word.chars().all(|char| "0123456789.smhd".contains(char));
        word.starts_with('-') || word.contains('=') || is_duration
    };
    let program = command.split_whitespace().find(|word| !is_aside(word) && word.rsplit('/').next() != Some("sudo"));
    let redirected = before.trim_end().strip_suffix('>').is_some_and(|before| {
        let follows = |char: char| char.is_whitespace() || char.is_ascii_digit() || char == '>' || char == '&';
        before.is_empty() || before.ends_with(follows)
    });
    redirected || program.is_some_and(|program| matches!(program.rsplit('/').next(), Some("rm" | "cat")))
}

fn ends(after: &[char]) -> bool {
    match after {
        [] | ['/', ..] => true,
        ['.', next, ..] => !next.is_alphanumeric(),
        ['.'] => true,
        [next, ..] => between_words(*next),
    }
}

fn between_words(char: char) -> bool {
    !char.is_alphanumeric() && !"_-.~/".contains(char)
}
