//! Calendar: windows in which one may or may not ship, lockdowns, free slots.
//!
//! Invariants: a moment is open if and only if no freeze covers it, no lockdown covers it, and either no maintenance window
//! applies to the scope or one covers it; windows that overlap only ever get stricter. Times of day are wall-clock times of the
//! window's zone: one that falls into a spring gap begins at the first instant after the gap, one that occurs twice in autumn
//! begins at the first. Deliberately absent: exceptions. Nobody is let through a window by name.

mod command;
mod decide;
mod evaluate;
mod event;
mod fiscal;
mod recur;
mod rule;
mod state;

pub use command::Command;
pub use decide::decide;
pub use evaluate::{Closed, Opening, Scope, concerns, open_at, open_during, slots};
pub use event::*;
pub use fiscal::{Closes, Day, Fiscal, FiscalYear, Pattern, Period};
pub use recur::{Occurrence, occurrences, validate};
pub use state::{Calendar, Lockdown, Schedule, State, Window, WindowKind, WindowScope};

#[cfg(test)]
mod opening_tests;
#[cfg(test)]
mod tests;
