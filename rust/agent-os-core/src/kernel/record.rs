//! What the road needs of a flight recorder.

use crate::audit::event::Draft;
use crate::policy::Record;

/// Keeps the entries of one log, in the order in which they come. An entry that was taken is as durable as the recorder
/// promises once [`Recorder::settle`] has returned for it.
pub trait Recorder {
    /// The promise of room for an outcome.
    type Receipt;

    /// Records an intent and reserves the room for its outcome.
    ///
    /// # Errors
    /// The entry was not kept; the action must not happen.
    fn intent(&self, draft: &Draft) -> Result<Self::Receipt, RecordFault>;

    /// The place of the intent that a receipt is for.
    fn intent_seq(&self, receipt: &Self::Receipt) -> u64;

    /// Records the outcome of an intent.
    ///
    /// # Errors
    /// The entry was not kept; the result must be withheld and effects must stop.
    fn outcome(&self, receipt: Self::Receipt, draft: &Draft) -> Result<u64, RecordFault>;

    /// Records anything else.
    ///
    /// # Errors
    /// The entry was not kept.
    fn event(&self, draft: &Draft) -> Result<u64, RecordFault>;

    /// Returns when the first `size` entries are as durable as the recorder promises. An effect waits for its intent, a
    /// result for its outcome.
    ///
    /// # Errors
    /// They never will be: nothing may come of them, and effects must stop.
    fn settle(&self, size: u64) -> Result<(), RecordFault>;
}

/// Why an entry was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// Stable code of the cause.
    pub code: &'static str,
    /// What happened and what to do.
    pub message: String,
}

/// Writes what an entry says of the arguments.
pub type DescribeArguments<'a> = dyn Fn(&Shown<'_>, &mut Vec<u8>) -> Result<(), RecordFault> + 'a;

/// What an entry may say of an action.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// How much.
    pub level: Record,
    /// Paths that are blotted out.
    pub redact: &'a [String],
    /// For whom it is sealed.
    pub subjects: Subjects<'a>,
}

/// For whom what is recorded of an action is sealed.
#[derive(Clone, Copy, Debug)]
pub enum Subjects<'a> {
    /// For whom the arguments at these paths name; for nobody if there are no paths.
    At(&'a [String]),
    /// No rule was asked, and the policy has some that name somebody.
    Unknown,
}
