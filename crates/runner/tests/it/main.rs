//! The runner against real processes, real files and real sockets.

mod artifacts;
mod http;
mod permits;
mod programs;
mod recovery;
mod rig;
