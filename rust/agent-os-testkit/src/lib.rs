//! What the engine is tested against: a naive reference evaluator, and generators of policies and requests.
//!
//! Nothing here is part of the product. The evaluator is written from the meaning of the policy document alone and
//! shares no evaluation code with the engine: it has no index, no short cut and no cache of decisions.
//! [`differential`] puts the two side by side.

#![allow(clippy::panic, reason = "a test kit stops loudly where a test's own assumption does not hold")]

pub mod case;
pub mod differential;
pub mod engine;
pub mod generate;
pub mod property;
pub mod reference;
pub mod shrink;
pub mod sql;
