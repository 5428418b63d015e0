//! What the road needs of a state store, and the window that every store counts with.
//!
//! A counter adds up what was charged within a window that slides. Its time is cut into slices of 1/64 of the window;
//! a charge counts until the window has passed the whole slice that it fell into. So it counts for at least the
//! window and at most 1/64 longer: never is more let through than the exact window would let through, and a counter
//! holds at most 65 slices whatever is charged. The time of a counter does not run backwards: a clock that is set
//! back finds the counter at the latest time that it has seen.

use std::fmt;

use smallvec::SmallVec;

use crate::amount::Amount;

/// Slices of a window.
const SLICES: i64 = 64;

/// A counter: its name, and how long a charge counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Unique to what is counted, for whom, and over what window.
    pub key: Box<str>,
    /// Length of the window.
    pub window: Window,
}

/// How long a charge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    // INVARIANT: positive. `i64::MAX` is for ever.
    micros: i64,
}

impl Window {
    /// For as long as the counter is there.
    pub const FOREVER: Self = Self { micros: i64::MAX };

    /// So many seconds; `None` for 0 and for more than the microseconds of an `i64`.
    #[must_use]
    pub fn seconds(seconds: u64) -> Option<Self> {
        let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
        (micros > 0).then_some(Self { micros })
    }

    /// The slice that a moment falls into.
    #[must_use]
    pub fn slice(self, now_micros: i64) -> i64 {
        now_micros.div_euclid(self.width())
    }

    /// The oldest slice that still counts when the latest one is `slice`.
    #[must_use]
    pub fn oldest(self, slice: i64) -> i64 {
        if self == Self::FOREVER { i64::MIN } else { slice.saturating_sub(SLICES) }
    }

    /// The moment from which on nothing of a slice counts.
    #[must_use]
    pub fn expiry(self, slice: i64) -> i64 {
        if self == Self::FOREVER {
            return i64::MAX;
        }
        slice.saturating_add(SLICES).saturating_add(1).saturating_mul(self.width())
    }

    /// Whole seconds divide into 64 slices without a rest.
    fn width(self) -> i64 {
        (self.micros / SLICES).max(1)
    }
}

/// What is to be added to a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Where.
    pub counter: Counter,
    /// How much.
    pub amount: Amount,
    /// What the counter may come to with it; `None` to count without a bound.
    pub max: Option<Amount>,
}

/// What was added to a counter, for giving it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The counter's name.
    pub key: Box<str>,
    /// The slice.
    pub slice: i64,
    /// How much.
    pub amount: Amount,
}

/// Everything that one reservation added.
pub type Ticket = SmallVec<[Charged; 2]>;

/// What reserving came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// Everything was added.
    Taken(Ticket),
    /// Nothing was added: the charge at this place would have passed its bound.
    Full(usize),
}

/// State that outlives a decision. Implementations are shared between threads, and perhaps between processes.
pub trait Store: fmt::Debug + Send + Sync {
    /// What each of the counters has come to.
    ///
    /// # Errors
    /// The store could not be read; nobody may take that for nothing used.
    fn used(&self, counters: &[Counter], now_micros: i64) -> Result<Vec<Amount>, StoreFault>;

    /// Adds all of the charges or none, in one step that no other caller sees the middle of.
    ///
    /// # Errors
    /// The store could not be written. What was to be charged may have been.
    fn reserve(&self, charges: &[Charge], now_micros: i64) -> Result<Reserved, StoreFault>;

    /// Takes back what a reservation added, as far as it still counts.
    ///
    /// # Errors
    /// The store could not be written: it still counts.
    fn refund(&self, ticket: &[Charged]) -> Result<(), StoreFault>;

    /// Lets go of what the store holds. Whatever is asked of it from now on may be a fault.
    fn close(&self) {}
}

/// Why a store could not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFault {
    /// Stable code of the cause.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}
