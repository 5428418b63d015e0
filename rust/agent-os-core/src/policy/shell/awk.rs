//! Whether a program of awk may run commands or write files, told from its text alone: what merely may counts.

/// It may run something.
pub(super) fn runs(code: &str) -> bool {
    code.contains("system") || code.contains("getline") || code.replace("||", "").contains('|') || code.contains('@')
}

/// It may write a file: anything that is compared with `>` counts too.
pub(super) fn writes(code: &str) -> bool {
    code.replace(">=", "").contains('>') && code.contains("print")
}
