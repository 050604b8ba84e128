//! The statistics of the house: sequential tests, the canary judge, change risk, burst detection and intervals.
//!
//! Invariants: every function here is a pure function of its arguments; no clock, no random numbers, no input or
//! output. The same input gives the same bytes. No evidence is never taken for good evidence: an empty input yields
//! "unknown" or "hold", never "pass". Not-a-number and infinite inputs are refused at the door.
//!
//! Deliberately absent: fetching metrics, choosing what to do about a verdict, and anything that knows what a release
//! is. Those live in the domain and in the integrations.

pub mod burst;
pub mod canary;
pub mod interval;
pub mod multiple;
pub mod risk;
pub mod special;
