//! What tests of the whole are made with: samples of every event, a house to try things in, and transcripts of its days.
//!
//! Deliberately absent: anything that ships. Only tests and tools use this crate.

pub mod faulty;
pub mod golden;
pub mod history;
pub mod house;
pub mod redact;
pub mod sample;
pub mod shop;
pub mod sim;
pub mod story;
