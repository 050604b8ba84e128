//! Who may do what, and whether a gate opens: Cedar policies in, verdicts with reasons out.
//!
//! A [`PolicySet`] is compiled once from [`Pack`]s: parsed, validated strictly against the embedded schema, checked for
//! what a verdict needs to explain itself, and sorted by action. [`PolicySet::check`] then answers a [`Request`] with a
//! [`Verdict`]. `Pass` is given only when a permit matches, no forbid fires, and every fact that a relevant policy reads
//! is known.
//!
//! Invariants:
//! - A forbid wins over every permit, and every forbid that fires is reported, not only the first.
//! - What is not known never passes: a fact that is missing, unknown or of the wrong type, and a policy that cannot be
//!   evaluated, make the verdict inconclusive. (Cedar itself skips a policy that errs; a skipped forbid would let
//!   everything through.)
//! - The same packs and the same request give the same verdict, to the byte, on every machine.
//!
//! Deliberately absent: reading files, the clock, randomness; collecting facts (whoever asks brings them); anything
//! remembered that could change a verdict. Policy text comes in as strings, and [`shipped`] hands out the packs that are part of the program.

mod action;
mod catalogue;
mod check;
mod compile;
mod error;
mod message;
mod meta;
mod pack;
mod prescan;
mod reads;
mod remember;
mod request;
mod verdict;
mod vocabulary;

pub use action::Action;
pub use catalogue::{Catalogue, Control, catalogues};
pub use compile::{PolicyInfo, PolicySet};
pub use error::PolicyError;
pub use pack::{Pack, shipped, standards};
pub use request::{Fact, Facts, Principal, PrincipalKind, Request, Resource};
pub use verdict::{Outcome, Reason, Verdict, codes};
pub use vocabulary::{FactInfo, FactType, facts_of, roles, schema_digest, schema_text};
