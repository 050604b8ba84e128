//! Releases: scope, model, window, triggers, gates, permit, and the life from draft to closed.
//!
//! Invariants: the scope does not change once frozen; a permit exists only while every gate passes, and is bound to digests,
//! environment and time; every gate is computed afresh at planning, at authorisation and at the lease of each step.
//! Deliberately absent: how a deployment runs (deployment), what a verdict of policy is (policy).

mod check;
mod classes;
mod command;
mod decide;
mod event;
mod gate;
mod state;
#[cfg(test)]
mod tests;

pub use classes::{approvals_required, opens_by_glass, pre_approved};
pub use command::Command;
pub(crate) use decide::actor_facts;
pub use decide::{decide, owed, react};
pub use event::*;
pub use gate::{Gate, closed_plans, gates};
pub(crate) use gate::{approvers, blockers, closed_blocker, scope, text};
pub use state::{
    CanarySpec, Comparison, Criterion, CriterionKind, Indicator, Item, Margins, Model, OnInconclusive, Permit, Release,
    Revocation, RollbackPlan, Spec, Stage, State, Take, Trigger, TriggerAction, WatchSpec, WaveSpec,
};
