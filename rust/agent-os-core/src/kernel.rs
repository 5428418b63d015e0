//! The road of one action: identity, decision, record of the intent, and only then the right to dispatch; then the
//! record of the outcome. Every failure on it ends in a denial with a stable reason.
//!
//! The effect itself is the caller's. What the caller needs for it, an [`Audited`] decision, exists only after the
//! intent was recorded.

mod counters;
mod decision;
mod fit;
mod gate;
mod lifecycle;
mod outcome;
mod process;
mod protected;
mod record;
mod redact;
mod repeats;
mod retired;
mod road;
mod store;
mod subjects;
mod usage;

pub use counters::Counters;
pub use decision::Decision;
pub use fit::NotFit;
pub use gate::{Attached, Gate};
pub use lifecycle::NotPermitted;
pub use outcome::{Message, Outcome};
pub use process::{Agent, OPERATOR, Process, RunData};
pub use protected::{Protected, ProtectedFault};
pub use record::{DescribeArguments, RecordFault, Recorder, Shown, Subjects};
pub use redact::{REDACTED, redact};
pub use road::{AgentPlace, Approval, Audited, Cleared, InForce, Judged, Kernel, Request};
pub use store::{Charge, Charged, Counter, Reserved, Store, StoreFault, Ticket, Window};
pub use subjects::{UNNAMED, subjects_in};
