//! Calls to addresses that others have named: targets in manifests, steps of pipelines, identity providers, issuers.
//!
//! Whoever may write a manifest must not thereby reach what only this machine can reach. So there is one client for all such calls,
//! and it asks a [`Guard`] about every address before it connects.
//!
//! Invariants: what is judged is the address that is then connected to, never a name, so a name that resolves differently a moment
//! later (DNS rebinding) gains nothing; a name with one forbidden address is refused as a whole; link-local addresses and those at
//! which clouds hand out credentials are refused whatever is configured; no redirect is followed and no proxy is used; every answer
//! has a limit in size and in time.
//! Deliberately absent: trust in names, and a way to switch the guard off.

mod client;
mod guard;

pub use client::{Names, Outbound, SetUpError, System, TooLong, Unsent, body};
pub use guard::{CODE, Guard, Net, Refused, Sort, sort};
