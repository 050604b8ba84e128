//! Templates of standard changes: the shape a release has to have, and the record by which the template is trusted.
//!
//! Invariants: a template begins without trust; it takes somebody else's approval to be used at all, and its own record to spare
//! its releases theirs: the lower bound of its success rate (Clopper and Pearson's interval, 95 % one-sided, the last 100 uses) has to reach
//! its bar. It loses that by itself, with the use that takes the bound below. Another version starts from nothing.
//! Deliberately absent: exceptions. What does not match exactly is a normal change.

mod command;
mod decide;
mod event;
mod shape;
mod state;

pub use command::Command;
pub use decide::{decide, react};
pub use event::*;
pub use shape::{Shape, differences};
pub use state::{Standing, State, Template, Trust, trust};
