//! What a program starts beside itself, told from its arguments by the table of programs.

use super::call::{Call, Given, Value};
use super::programs::{Lead, Role, Runs};
use super::variables;
use super::word::Word;

/// What a program starts.
#[derive(Debug)]
pub(super) enum Start {
    /// Something that cannot be told.
    Unclear,
    /// A program with its arguments.
    Program(Vec<Word>),
    /// A shell script.
    Script(String),
    /// A shell script, which it reads from its standard input.
    Input,
}

/// All that a program starts, and where.
#[derive(Debug, Default)]
pub(super) struct Launch {
    pub(super) starts: Vec<Start>,
    /// It runs in another folder, so that relative paths say nothing.
    pub(super) moved: bool,
    /// It runs among other files, so that no path says anything.
    pub(super) away: bool,
}

/// What a program and its subcommands start.
pub(super) fn of(calls: &[Call<'_>]) -> Launch {
    let mut launch = Launch::default();
    for call in calls {
        launch.moved |=
            call.options.iter().any(|given| given.role == Role::Folder && !stays_below(&given.value.word()));
        launch.starts.extend(call.options.iter().filter_map(by_option));
        if call.is_unsure && call.program.may_run() {
            launch.starts.push(Start::Unclear);
        }
    }
    match calls.last() {
        Some(call) if !calls.iter().any(Call::quits) => by_operands(call, launch),
        _ => launch,
    }
}

fn by_operands(call: &Call<'_>, mut launch: Launch) -> Launch {
    match &call.program.runs {
        Runs::Nothing => {}
        Runs::Command(lead) => {
            launch.away = lead.away;
            command(call, lead, &mut launch.starts, |words| Start::Program(words.to_vec()));
        }
        Runs::Script(lead) => {
            launch.away = lead.away;
            command(call, lead, &mut launch.starts, joined);
        }
        Runs::Scripts => launch.starts.extend(call.operands.iter().map(|word| script(word.known()))),
        Runs::AfterDashes => {
            launch.away = true;
            launch.starts.push(if call.rest.is_empty() { Start::Unclear } else { Start::Program(call.rest.to_vec()) });
        }
        Runs::Subcommand => {
            if call.is_unknown {
                launch.starts.push(Start::Unclear);
            }
        }
        Runs::OnlySubcommands => {
            if call.is_unknown || !call.rest.is_empty() {
                launch.starts.push(Start::Unclear);
            }
        }
        Runs::Interpreter => {
            if call.is_unknown || !call.options.iter().any(|given| given.role == Role::Last) && reads_code(call.rest) {
                launch.starts.push(Start::Unclear);
            }
        }
        Runs::Interactive => {
            if launch.starts.is_empty() {
                launch.starts.push(Start::Unclear);
            }
        }
        Runs::Unclear => launch.starts.push(Start::Unclear),
        Runs::By(_, told) | Runs::Behind(_, told) => launch.starts.extend(told(call)),
    }
    launch
}

/// What an option makes a program run.
fn by_option(given: &Given<'_>) -> Option<Start> {
    match given.role {
        Role::Script => Some(script(given.value.known())),
        Role::Command => Some(split(given.value.known())),
        Role::Setting => (!variables::is_harmless_setting(given.value.known())).then_some(Start::Unclear),
        Role::Unclear | Role::Code => Some(Start::Unclear),
        // Several programs write to what a file is named for in this way, a pipe.
        Role::Writes if given.value.known().is_some_and(|text| text.starts_with(['|', '!'])) => Some(Start::Unclear),
        _ => None,
    }
}

fn script(text: Option<&str>) -> Start {
    text.map_or(Start::Unclear, |text| Start::Script(text.to_owned()))
}

/// A program with its arguments in one text, parted by blanks. What quotes would mean there differs.
fn split(text: Option<&str>) -> Start {
    let plain = |c: char| c.is_alphanumeric() || " -_./,:+@%=".contains(c);
    match text {
        Some(text) if text.chars().all(plain) => {
            let words: Vec<Word> =
                text.split(' ').filter(|word| !word.is_empty()).map(|word| Word::Known(word.into())).collect();
            let is_program = words.first().and_then(Word::known).is_some_and(|name| !name.contains('='));
            if is_program { Start::Program(words) } else { Start::Unclear }
        }
        _ => Start::Unclear,
    }
}

/// What stands behind the options of a program that starts another.
fn command(call: &Call<'_>, lead: &Lead, starts: &mut Vec<Start>, made: impl Fn(&[Word]) -> Start) {
    if call.is_unknown || call.is_unsure {
        return starts.push(Start::Unclear);
    }
    if call.options.iter().any(|given| given.role == Role::Last) {
        return;
    }
    let mut words = call.rest;
    if lead.assigns {
        while let Some((Word::Known(text), rest)) = words.split_first() {
            match variables::assigned(text) {
                Some(name) if variables::names_programs(name) => return starts.push(Start::Unclear),
                Some(_) => words = rest,
                None => break,
            }
        }
    }
    for kind in lead.skip.chars() {
        let Some((word, rest)) = words.split_first() else { break };
        let fits = match word.known() {
            Some(text) if kind == 'n' => is_number(text),
            Some(text) => !text.starts_with('-'),
            None => matches!(word, Word::Glob(_)) && kind == 'w',
        };
        if !fits {
            return starts.push(Start::Unclear);
        }
        words = rest;
    }
    if let [Word::Known(dashes), rest @ ..] = words {
        if &**dashes == "--" && !lead.skip.is_empty() {
            words = rest;
        }
    }
    let looks_like_option = words.first().and_then(Word::known).is_some_and(|text| text.starts_with('-'));
    if lead.open || looks_like_option || words.is_empty() && (lead.needed || lead.assigns && !call.rest.is_empty()) {
        starts.push(Start::Unclear);
    }
    if !words.is_empty() {
        starts.push(made(words));
    }
}

/// `5`, `1.5s`, `0,2-3`, `0xff`; what is a word of letters might be the command.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_hexdigit() || "., -xsmhdinfty:+".contains(c))
}

/// Words that a shell reads again.
pub(super) fn joined(words: &[Word]) -> Start {
    let texts: Option<Vec<&str>> = words.iter().map(Word::known).collect();
    texts.map_or(Start::Unclear, |texts| Start::Script(texts.join(" ")))
}

/// An interpreter without a file, or with one that is no file.
fn reads_code(rest: &[Word]) -> bool {
    rest.first().is_none_or(|word| word.known().is_none_or(is_stream))
}

/// Names of what is handed over by the caller or by the kernel.
pub(super) fn is_stream(path: &str) -> bool {
    path == "-" || path.starts_with("/dev/") || path.starts_with("/proc/")
}

/// True for a folder further down.
pub(super) fn stays_below(folder: &Word) -> bool {
    folder.known().is_some_and(|text| {
        !text.starts_with(['/', '~', '-']) && !text.is_empty() && !text.split('/').any(|part| part == "..")
    })
}

/// Where the subcommand stands, behind options; `None` if there is none, or it stands first.
pub(super) fn subcommand_place(calls: &[Call<'_>]) -> Option<usize> {
    let call = calls.first()?;
    let has_subcommand = matches!(call.program.runs, Runs::Subcommand | Runs::OnlySubcommands)
        && !call.is_unknown
        && !call.rest.is_empty();
    has_subcommand.then(|| call.words.len() - call.rest.len()).filter(|place| *place > 0)
}

/// The words with their leading options behind the subcommand and what follows it. Values of these options are no
/// operands, and are left out.
pub(super) fn subcommand_first(place: Option<usize>, mut arguments: Vec<Word>) -> Vec<Word> {
    let Some(place) = place else { return arguments };
    let rest = arguments.split_off(place);
    let options = std::mem::replace(&mut arguments, rest);
    let end = arguments.iter().position(|word| word.known() == Some("--")).unwrap_or(arguments.len());
    let tail = arguments.split_off(end);
    arguments.extend(options.into_iter().filter(|word| word.known().is_none_or(|text| text.starts_with('-'))));
    arguments.extend(tail);
    arguments
}

/// The value of an option of `xargs`: what stands for a line.
pub(super) fn mark<'a>(value: Option<Value<'a>>) -> Option<&'a str> {
    match value {
        Some(Value::Known("")) => Some("{}"),
        Some(Value::Known(text)) => Some(text),
        Some(Value::None) => Some("{}"),
        Some(Value::Unclear) | None => None,
    }
}
