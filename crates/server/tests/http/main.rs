//! The API through its front door: requests in, answers out, over an engine on a ledger in memory. One module per noun.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod activity;
mod artifact;
mod bad_input;
mod calendar;
mod catalog;
mod criteria;
mod document;
mod erasure;
mod evidence;
mod far;
mod intake;
mod ledger;
mod life;
mod live;
mod manifest;
mod people;
mod replay;
mod runner;
mod security;
mod session;
mod simulate;
