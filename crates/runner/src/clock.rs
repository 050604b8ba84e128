//! What time it is, as an argument: a permit's window is judged by it, and tests lie about it.
//!
//! Deliberately absent: time limits and pauses, which are measured on the monotonic clock of the async runtime.

use jiff::Timestamp;

/// Wall-clock time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
