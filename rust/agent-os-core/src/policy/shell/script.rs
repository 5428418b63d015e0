//! The parser, fenced in: what would make it slow or deep is refused before it starts.
//!
//! It descends without a bound, and tries again at every level where a group fails to parse. What could nest is therefore
//! counted beforehand, mostly without crediting what closes it: words that look like ends need not be any.

use brush_parser::ast::Program;
use brush_parser::{ParserOptions, SourceInfo, Token, TokenizerOptions, parse_tokens, uncached_tokenize_str};

use crate::limits;

/// Words in one script that may open a group.
const GROUPS: usize = 48;

/// Words in one script that may open a `case`, each of which the parser tries twice where it fails.
const CASES: usize = 6;

/// Substitutions in one script.
const SUBSTITUTIONS: usize = 128;

/// Reads a script; `None` for what is no script, or more than is looked at.
pub(super) fn parse(text: &str) -> Option<Program> {
    // SECURITY: a panic of the parser is one more text that is not understood. Nothing is shared with it.
    std::panic::catch_unwind(|| guarded(text)).ok().flatten()
}

fn guarded(text: &str) -> Option<Program> {
    let substitutions = text.matches("$(").count() + text.matches("${").count();
    if substitutions > SUBSTITUTIONS {
        return None;
    }
    if has_document_in_substitution(text) {
        return None;
    }
    let tokens = uncached_tokenize_str(text, &TokenizerOptions::default()).ok()?;
    let words = |names: &[&str]| {
        tokens.iter().filter(|token| matches!(token, Token::Word(text, _) if names.contains(&text.as_str()))).count()
    };
    let cases = words(&["case"]);
    let groups = words(&["{", "if", "while", "until", "for", "function", "!"]);
    let mut open = 0_usize;
    for token in &tokens {
        let Token::Operator(text, _) = token else { continue };
        if text.starts_with('(') {
            open += text.len();
        } else if text.starts_with(')') && cases == 0 {
            // In a `case`, a pattern ends with what closes nothing.
            open = open.saturating_sub(text.len());
        }
        if open > limits::SHELL_NESTING {
            return None;
        }
    }
    if cases > CASES || groups > GROUPS || has_huge_descriptor(&tokens) {
        return None;
    }
    parse_tokens(&tokens, &ParserOptions::default(), &SourceInfo::default()).ok()
}

/// True where a here-document may start inside of a substitution. There the tokenizer and bash end it at different places:
/// to bash `E)` ends the document `E` as well as the substitution. Text that only looks so counts too.
fn has_document_in_substitution(text: &str) -> bool {
    let first = ["$(", "<(", ">(", "`"].iter().filter_map(|opening| text.find(opening)).min();
    let Some(after) = first.and_then(|place| text.get(place..)) else { return false };
    // A here-string, `<<<`, is a word.
    after.replace("<<<", "").contains("<<")
}

/// The parser panics on the number of a file descriptor that no number of its own can hold.
fn has_huge_descriptor(tokens: &[Token]) -> bool {
    let is_huge = |text: &str| text.len() > 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    tokens.windows(2).any(|pair| match pair {
        [Token::Word(text, _), Token::Operator(after, _)] => is_huge(text) && after.starts_with(['<', '>']),
        _ => false,
    })
}
