//! The runner against real processes, real files and real sockets.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod artifacts;
mod http;
mod permits;
mod programs;
mod recovery;
mod rig;
