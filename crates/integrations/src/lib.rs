//! Adapters: one folder per outside system, each behind a trait of the engine. They never see each other.
//!
//! Invariants: every call has a time limit and a size limit; no redirect is followed; what cannot be read is said to be unread
//! and never guessed. Deliberately absent: decisions.

pub mod git;
pub mod http;
pub mod icalendar;
pub mod oidc;
pub mod prometheus;
pub mod witness;
