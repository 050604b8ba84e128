//! Calendar: windows in which one may or may not ship, lockdowns, free slots.
//!
//! Invariants: a moment is open if and only if no freeze covers it, no lockdown covers it, and either no maintenance window
//! applies to the scope or one covers it; windows that overlap only ever get stricter. Times of day are wall-clock times of the
//! window's zone: one that falls into a spring gap begins at the first instant after the gap, one that occurs twice in autumn
//! begins at the first. Exceptions are to one occurrence, for one release, until a time, and only where the window names the role that
//! may grant them. Deliberately absent: exceptions to a lockdown, and to a maintenance window (enter another one).

mod command;
mod decide;
mod evaluate;
mod event;
mod exception;
mod feed;
mod fiscal;
mod index;
mod recur;
mod rule;
mod state;

pub use command::Command;
pub use decide::decide;
pub use evaluate::{Closed, Opening, Scope, concerns, happening, open_at, open_during, open_for_rollback, slots};
pub use event::*;
pub use feed::owed;
pub use fiscal::{Closes, Day, Fiscal, FiscalYear, Pattern, Period};
pub use recur::{Occurrence, occurrences, validate};
pub use state::{
    Calendar, Exception, ExceptionDecided, Fed, Feed, Lockdown, Read, Schedule, State, Window, WindowKind, WindowScope,
};

/// `1 window`, `2 windows`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod opening_tests;
#[cfg(test)]
mod tests;
