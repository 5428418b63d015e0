//! The pure heart of Agent OS: frozen values, requests, policies, decisions, signals and the audit tree.
//!
//! Nothing here reads a clock, touches a file, opens a socket, starts a thread or knows Python: time and counters
//! are inputs. The crate refuses to act; it only says what may happen, and gives proof types to those who act.

pub mod action;
pub mod amount;
pub mod audit;
pub mod canonical;
pub mod kernel;
pub mod limits;
pub mod number;
pub mod policy;
pub mod reason;
pub mod request;
pub mod signal;
pub mod time;
pub mod value;
