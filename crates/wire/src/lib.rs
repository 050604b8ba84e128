//! placeholder

pub mod permit;
pub mod runner;
