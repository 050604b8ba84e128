//! The types of the HTTP API and of the runner protocol: one file per noun, and the source of the OpenAPI file.
//!
//! Invariants: whatever people write is refused when it has a field nobody knows; times are RFC 3339 in UTC; lengths of time that
//! people write are text such as `30s` or `2h 30m`, those that programs read are whole seconds in fields that end in `_s`; a page
//! of a list says where the next begins. Deliberately absent: rules, and the types of the core. The server maps one to the other.

pub mod activity;
pub mod artifact;
pub mod calendar;
pub mod catalog;
pub mod change;
pub mod control;
pub mod criterion;
pub mod deployment;
pub mod environment;
pub mod erasure;
pub mod evidence;
pub mod intake;
pub mod learning;
pub mod ledger;
pub mod length;
pub mod live;
pub mod manifest;
pub mod operations;
pub mod page;
pub mod people;
pub mod permit;
pub mod policy;
pub mod problem;
pub mod reason;
pub mod release;
pub mod replay;
pub mod rollback;
pub mod runner;
pub mod search;
pub mod session;
pub mod simulate;
pub mod today;
pub mod verification;
