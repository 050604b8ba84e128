//! Verification: canary analyses, from their beginning to their verdict.
//!
//! Invariants: an analysis has exactly one verdict; no data, too little data and a broken source are inconclusive, and an
//! inconclusive analysis never lets a wave proceed by itself. Deliberately absent: the statistics (`interlock-stats`) and the
//! measuring (the shell). Smoke tests are steps of a pipeline and live in deployment.

mod command;
mod decide;
mod event;
mod state;

pub use command::{Command, Resolution};
pub use decide::{decide, owed, react};
pub use event::*;
pub use state::{Analysis, Compared, Measurement, Place, State, Summary, Verdict};
