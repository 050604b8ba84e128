//! Releases: scope, model, window, triggers, gates, permit, and the life from draft to closed.
//!
//! Invariants: the scope does not change once frozen; a permit exists only while every gate passes, and is bound to digests,
//! environment and time; every gate is computed afresh at planning, at authorisation and at the lease of each step.
//! Deliberately absent: how a deployment runs (deployment), what a verdict of policy is (policy).

mod check;
mod command;
mod criterion;
mod decide;
mod event;
mod except;
mod gate;
mod judge;
mod state;
mod stated;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use criterion::{Asks, Limit, ReleaseCriterion, SignatureRule};
pub(crate) use decide::actor_facts;
pub use decide::{decide, owed, react};
pub use event::*;
pub use gate::{Gate, closed_plans, gates};
pub(crate) use gate::{approvers, blockers, text};
pub use judge::{Judged, judge, wanted};
pub use state::{
    CanarySpec, Comparison, Criterion, CriterionKind, Exception, Indicator, Item, Margins, Model, OnInconclusive,
    Permit, Release, Revocation, RollbackPlan, Spec, Stage, State, Take, Trigger, TriggerAction, WatchSpec, WaveSpec,
};
