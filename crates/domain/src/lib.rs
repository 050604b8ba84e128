//! The pure core of Interlock: what may happen and what has happened, from commit to closed review.
//!
//! Read the rooms in this order: it is the life of a release. A room may read every room but imports types only from rooms
//! above it, changes only its own state, and sends news upward as commands through `react`.
//! Deliberately absent: clocks, randomness, the environment, input and output, async. Time, ids and identity are arguments.

pub mod core;
pub mod reason;

pub mod policy;

pub mod people;

pub mod intake;

pub mod catalog;

pub mod calendar;

pub mod environment;

pub mod runner;

pub mod artifact;

pub mod change;

pub mod board;

pub mod release;

pub mod template;

pub mod deployment;

pub mod verification;

pub mod operations;

pub mod rollback;

pub mod emergency;

pub mod learning;

pub use interlock_ids as ids;

#[cfg(test)]
pub(crate) mod given;

#[cfg(test)]
mod attacks;
