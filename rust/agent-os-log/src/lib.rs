//! The flight recorder's disk: segments, writer, recovery, reading and verification.
//!
//! A log is a directory of append-only segment files that hold canonical JSON entries, framed by a checksum and
//! hashed into an RFC 6962 tree. The exact format is in `docs/reference/log-format.md`.
//!
//! - [`Log`] writes. It records first and answers later: an entry that could not be written is an error, and after a
//!   failed write or sync nothing is accepted any more. It never retries and never drops an entry silently.
//! - [`Reader`] reads, also while another process writes.
//! - [`verify()`] checks everything from scratch and shares no code with either.
//!
//! The crate does not know what entries mean, except for its own (`log.created`, `log.opened`, `log.recovered`,
//! `log.key_rotated`, `log.redacted`, `log.retained`, `log.closed`) and for the link from an outcome to its intent. It decides nothing about agents or policies.

mod checkpoint;
pub mod disk;
mod encoding;
mod error;
mod export;
mod fetch;
mod fork;
mod frame;
mod inner;
mod keeper;
mod keys;
mod layout;
mod log;
mod options;
mod payloads;
mod prove;
mod publish;
mod ratchet;
mod reader;
mod recovery;
mod redact;
mod retain;
mod seal;
mod segment;
mod subjects;
pub mod verify;
mod witness;

pub use error::LogError;
pub use fetch::{Fetcher, Location};
pub use fork::mark_forked;
pub use keys::{Keys, PublicKey, SigningKey};
pub use log::{Build, Log, Reservation};
pub use options::{Durability, ENTRY_MAX, OUTCOME_MAX, Options, Stamp};
pub use payloads::PayloadRef;
pub use prove::{Consistency, Inclusion};
pub use reader::{Entries, Kept, Reader};
pub use redact::Unsealer;
pub use retain::Retained;
pub use seal::{SUBJECTS_MAX, Sealing};
pub use subjects::SUBJECT_MAX;
pub use verify::{Cosignature, Pins, Problem, Report, entry_fault, entry_shapes, verify, verify_against};
pub use witness::{Cosigned, Submission, Witness, keep_cosignature};
