//! Well-known programs that write the files that their arguments name.

use super::word::Word;

/// Adds what `program` writes.
pub(super) fn add(program: &str, arguments: &[Word], writes: &mut Vec<Word>) {
    match program {
        "tee" | "touch" | "mkdir" | "truncate" | "mkfifo" | "shred" => writes.extend(operands(arguments).cloned()),
        "chmod" | "chown" | "chgrp" | "chattr" | "setfacl" => writes.extend(operands(arguments).skip(1).cloned()),
        "dd" => valued(arguments, &["of="], writes),
        "cp" | "mv" | "install" | "ln" | "rsync" | "scp" => {
            let before = writes.len();
            valued(arguments, &["-t", "--target-directory="], writes);
            if writes.len() == before {
                writes.extend(operands(arguments).last().cloned());
            }
        }
        "sed" | "gsed" | "perl" => {
            let in_place = arguments.iter().any(|word| {
                word.known().is_none_or(|text| {
                    text.starts_with("--in-place")
                        || text.starts_with('-') && !text.starts_with("--") && text.contains('i')
                })
            });
            if in_place {
                writes.extend(operands(arguments).skip(1).cloned());
            }
        }
        "curl" => valued(
            arguments,
            &["-o", "--output=", "--output-dir=", "-D", "--dump-header=", "-c", "--cookie-jar="],
            writes,
        ),
        "wget" => valued(
            arguments,
            &["-O", "--output-document=", "-P", "--directory-prefix=", "-o", "--output-file="],
            writes,
        ),
        "sort" | "gcc" | "cc" | "clang" | "g++" | "objcopy" => valued(arguments, &["-o", "--output="], writes),
        "find" => valued(arguments, &["-fprint", "-fprint0", "-fls", "-fprintf"], writes),
        "tar" | "bsdtar" => valued(arguments, &["-C", "--directory="], writes),
        "unzip" => valued(arguments, &["-d"], writes),
        _ => {}
    }
}

/// Arguments that are no options. A value of an option counts as one.
pub(super) fn operands(arguments: &[Word]) -> impl Iterator<Item = &Word> {
    let mut only_operands = false;
    arguments.iter().filter(move |word| match word.known() {
        Some("--") if !only_operands => {
            only_operands = true;
            false
        }
        Some(text) => only_operands || text == "-" || !text.starts_with('-'),
        None => true,
    })
}

/// Values of options: `-o file`, `-ofile`, `--output=file`, `--output file`, `of=file`.
fn valued(arguments: &[Word], options: &[&str], writes: &mut Vec<Word>) {
    for (place, word) in arguments.iter().enumerate() {
        let Some(text) = word.known() else {
            if *word == Word::Unclear && options.first().is_some_and(|option| option.ends_with('=')) {
                writes.push(Word::Unclear);
            }
            continue;
        };
        for option in options {
            let (name, assigns) = match option.strip_suffix('=') {
                Some(name) => (name, true),
                None => (*option, false),
            };
            let cluster = option.len() == 2 && text.starts_with('-') && !text.starts_with("--");
            let value = if text == name && name.starts_with('-') {
                arguments.get(place + 1).cloned()
            } else if assigns {
                text.strip_prefix(option).map(|value| Word::Known(value.into()))
            } else if cluster && text.ends_with(option.trim_start_matches('-')) {
                arguments.get(place + 1).cloned()
            } else if cluster {
                text.strip_prefix(option).map(|value| Word::Known(value.into()))
            } else {
                None
            };
            writes.extend(value);
        }
    }
}
