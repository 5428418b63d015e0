//! The control plane is not the agent's: which files are the operator's own, and whether an argument names one of them.
//!
//! This reads texts and nothing else. What a spelling leads to on a disk (links, mounts, open descriptors) and what a
//! shell would put together from pieces is not known here.

mod operand;
mod reading;
mod sieve;
mod walk;

use std::cell::OnceCell;
use std::fmt;

use aho_corasick::automaton::{Automaton, OverlappingState, StateID};
use aho_corasick::dfa::DFA;

use aho_corasick::{Anchored, Input};

use crate::request::Arguments;

/// The paths that no governed action may name, and what their relative spellings are relative to.
///
/// ```
/// use agent_os_core::kernel::Protected;
/// let paths = ["/home/u/.local/state/agent-os", "/home/u/desk/policy.yaml"].map(String::from);
/// let protected = Protected::new(&paths, "/home/u/desk", Some("/home/u"))?;
/// assert!(protected.is_named_in("cat ~/.local/state/agent-os/logs/1/head"));
/// assert!(protected.is_named_in("sub/../policy.yaml"));
/// assert!(!protected.is_named_in("/home/u/.local/state/agent-os-other/x"));
/// # Ok::<(), agent_os_core::kernel::ProtectedFault>(())
/// ```
pub struct Protected {
    targets: Vec<Target>,
    // INVARIANT: pattern `n` is the folded last segment of the targets whose `name` is `n`; `None` without targets.
    names: Option<Names>,
    cwd: Vec<String>,
    home: Option<Vec<String>>,
}

struct Names {
    sieve: sieve::Sieve,
    dfa: DFA,
    start: StateID,
}

struct Target {
    name: usize,
    // INVARIANT: not empty, and in the spelling that `reading::folded` gives.
    segments: Vec<String>,
}

/// Why a path cannot be protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectedFault {
    /// It is not absolute.
    Relative(String),
    /// It holds the working directory, or is the root: every relative path would name it.
    HoldsWorkingDirectory(String),
    /// It holds the home directory.
    HoldsHome(String),
    /// It has a NUL in it, so that no file has that name.
    Nul(String),
}

impl fmt::Display for ProtectedFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative(path) => write!(out, "`{path}` is not an absolute path"),
            Self::HoldsWorkingDirectory(path) => write!(
                out,
                "`{path}` holds the working directory, so every relative path of an agent would name it; start the \
                 program in another directory, or keep the log in a folder of its own"
            ),
            Self::Nul(path) => {
                write!(out, "`{}` has a NUL in it, so it is no path; leave it out", path.escape_debug())
            }
            Self::HoldsHome(path) => {
                write!(out, "`{path}` holds the home directory and cannot be kept from agents; name a folder below it")
            }
        }
    }
}

impl std::error::Error for ProtectedFault {}

impl Protected {
    /// Protects these files, and these directories with all that is in them. `cwd` is what relative paths start from.
    ///
    /// # Errors
    /// A path cannot be protected.
    pub fn new(paths: &[String], cwd: &str, home: Option<&str>) -> Result<Self, ProtectedFault> {
        let cwd = segments_of(cwd);
        let home = home.map(segments_of);
        let (mut targets, mut names): (Vec<Target>, Vec<String>) = (Vec::new(), Vec::new());
        for path in paths {
            if path.contains('\0') {
                return Err(ProtectedFault::Nul(path.clone()));
            }
            let slashed = reading::slashed(path);
            if !slashed.starts_with('/') && slashed.as_bytes().get(1..3) != Some(b":/") {
                return Err(ProtectedFault::Relative(path.clone()));
            }
            let segments = segments_of(path);
            if starts_with(&cwd, &segments) {
                return Err(ProtectedFault::HoldsWorkingDirectory(path.clone()));
            }
            if home.as_deref().is_some_and(|home| starts_with(home, &segments)) {
                return Err(ProtectedFault::HoldsHome(path.clone()));
            }
            let Some(last) = segments.last() else { return Err(ProtectedFault::HoldsWorkingDirectory(path.clone())) };
            let name = names.iter().position(|name| name == last).unwrap_or_else(|| {
                names.push(last.clone());
                names.len() - 1
            });
            if !targets.iter().any(|target: &Target| target.segments == segments) {
                targets.push(Target { name, segments });
            }
        }
        Ok(Self { targets, names: Names::new(&names), cwd, home })
    }

    /// Nothing is protected.
    #[must_use]
    pub fn nothing() -> Self {
        Self { targets: Vec::new(), names: None, cwd: Vec::new(), home: None }
    }

    /// Where the arguments name something protected, as the path of an argument; for the key of a map, the path of the
    /// map.
    #[inline]
    pub fn find_in<A: Arguments>(&self, args: &A) -> Option<String> {
        let names = self.names.as_ref()?;
        args.find_text(&|text| self.has_one(names, text))
    }

    /// True if a text is, or has in it, a path that is protected or leads through one that is.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        self.names.as_ref().is_some_and(|names| self.has_one(names, text))
    }

    #[inline]
    fn has_one(&self, names: &Names, text: &str) -> bool {
        names.sieve.may_have_one(text.as_bytes()) && self.looks_like_one(names, text)
    }

    #[cold]
    fn looks_like_one(&self, names: &Names, text: &str) -> bool {
        names.may_be_in(text.as_bytes())
            && reading::readings(text).iter().any(|reading| self.is_named_as_read(names, reading))
    }

    fn is_named_as_read(&self, names: &Names, text: &str) -> bool {
        // SECURITY: what would take too long to tell counts against the caller.
        let mut patience = walk::Patience::of(text);
        let slashes: Vec<usize> = text.match_indices('/').map(|(place, _)| place).collect();
        let (cwd, home) = (self.cwd.as_slice(), self.home.as_deref());
        let walk = walk::Walk { text, slashes: &slashes, cwd, home, commands: OnceCell::new() };
        let mut state = OverlappingState::start();
        let input = Input::new(text);
        loop {
            if names.dfa.try_find_overlapping(&input, &mut state).is_err() {
                return true;
            }
            let Some(found) = state.get_match() else { return false };
            let named = self
                .targets
                .iter()
                .filter(|target| target.name == found.pattern().as_usize())
                .any(|target| walk.leads_to(&target.segments, found.start(), found.end(), &mut patience));
            if named || patience.is_over() {
                return true;
            }
        }
    }
}

impl fmt::Debug for Protected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.targets.iter().map(|target| target.segments.join("/"))).finish()
    }
}

impl Names {
    fn new(names: &[String]) -> Option<Self> {
        let sieve = sieve::Sieve::new(names)?;
        let dfa = DFA::builder()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .start_kind(aho_corasick::StartKind::Unanchored)
            .build(names)
            .ok()?;
        let start = dfa.start_state(Anchored::No).ok()?;
        Some(Self { sieve, dfa, start })
    }

    /// False if no name is in the text, however it is read.
    fn may_be_in(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for byte in reading::Bare::new(text) {
            state = self.dfa.next_state(Anchored::No, state, byte);
            if self.dfa.is_match(state) {
                return true;
            }
        }
        false
    }
}

/// The segments of an absolute path, without `.`, `..` and empty ones, as they are compared.
fn segments_of(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for segment in reading::slashed(path).split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(reading::folded(segment)),
        }
    }
    segments
}

fn starts_with(path: &[String], prefix: &[String]) -> bool {
    path.len() >= prefix.len() && path.iter().zip(prefix).all(|(a, b)| a.eq_ignore_ascii_case(b))
}
