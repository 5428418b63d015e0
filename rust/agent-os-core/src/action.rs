//! The grammar of names: actions, agents, roles and labels. Names are taken literally, case included.

use crate::limits;

/// First segments that belong to the kernel; a tool that claims one is refused.
pub const RESERVED: &[&str] =
    &["agent", "approval", "code", "env", "fs", "ipc", "kernel", "net", "proc", "signal", "vfs"];

/// Why a text is not an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameFault {
    /// There is nothing, or nothing between two dots.
    EmptySegment,
    /// A character outside `[A-Za-z0-9_-]`.
    Character(char),
    /// A segment is longer than the limit.
    SegmentTooLong,
    /// The whole is longer than the limit.
    TooLong,
}

impl std::fmt::Display for NameFault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EmptySegment => out.write_str("a segment is empty"),
            Self::Character(found) => write!(out, "`{}` is not one of A-Z a-z 0-9 _ -", found.escape_debug()),
            Self::SegmentTooLong => write!(out, "a segment is longer than {} bytes", limits::ACTION_SEGMENT_BYTES),
            Self::TooLong => write!(out, "it is longer than {} bytes", limits::ACTION_BYTES),
        }
    }
}

/// Checks the grammar of an action: segments of `[A-Za-z0-9_-]{1,64}` joined by dots, at most 256 bytes.
///
/// ```
/// use agent_os_core::action::{check, NameFault};
/// assert_eq!(check("payments.send"), Ok(()));
/// assert_eq!(check("ｓｅｎｄ"), Err(NameFault::Character('ｓ')));
/// ```
///
/// # Errors
/// Says what is wrong with the text.
pub fn check(action: &str) -> Result<(), NameFault> {
    if action.len() > limits::ACTION_BYTES {
        return Err(NameFault::TooLong);
    }
    // One pass over the bytes: this runs in every decision on an action that no rule names.
    let mut length = 0;
    for byte in action.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => length += 1,
            b'.' if length == 0 => return Err(NameFault::EmptySegment),
            b'.' => length = 0,
            _ => return Err(NameFault::Character(first_odd(action))),
        }
        if length > limits::ACTION_SEGMENT_BYTES {
            return Err(NameFault::SegmentTooLong);
        }
    }
    if length == 0 { Err(NameFault::EmptySegment) } else { Ok(()) }
}

/// The first character outside the grammar; only asked for where there is one.
fn first_odd(action: &str) -> char {
    let odd = action.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
    odd.unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// True if the action's first segment belongs to the kernel.
///
/// ```
/// assert!(agent_os_core::action::is_reserved("agent.run"));
/// assert!(!agent_os_core::action::is_reserved("agents.run"));
/// ```
#[must_use]
pub fn is_reserved(action: &str) -> bool {
    action.split('.').next().is_some_and(|first| RESERVED.contains(&first))
}

/// Checks an agent's id, a role or a label: 1 to 128 of `[A-Za-z0-9_.:-]`.
///
/// ```
/// assert!(agent_os_core::action::is_name("desk-7"));
/// assert!(!agent_os_core::action::is_name("desk 7"));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=limits::NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-'))
}
