//! What the world outside owes: fully resolved, so that whoever performs it has no choices left.

use crate::{
    calendar::Feed, deployment::StepOrder, operations::Observation, rollback::CriteriaCheck, verification::Measurement,
};
use interlock_ids::{DeploymentId, ReleaseId};
use jiff::Timestamp;

/// Counts how often something was handed out. An answer that carries an older fence changes nothing.
pub type Fence = u64;

/// One piece of outstanding work. The shell compares what is owed with what it has begun, by `key`.
#[derive(Clone, Debug, PartialEq)]
pub enum Obligation {
    /// Run a step on a runner: leased by `deployment::Command::Lease`, answered by `deployment::Command::Report`.
    Step(StepOrder),
    /// Come back to a deployment at a time (a bake ends, a lease runs out, a hold is looked at again).
    WakeDeployment { deployment: DeploymentId, fence: Fence, at: Timestamp },
    /// Come back to a release at a time (a window opens, a permit runs out).
    WakeRelease { release: ReleaseId, at: Timestamp },
    /// Read a calendar's feed, again and again: answered by `calendar::Command::TakeFeed` and `calendar::Command::MissFeed`.
    ReadFeed { feed: Feed, fence: u64 },
    /// Measure old against new until the judge has decided: answered by `verification::Command::Conclude`.
    Measure(Measurement),
    /// Watch triggers: answered by `operations::Command::Fire` and `operations::Command::EndWatch`.
    Observe(Observation),
    /// Check the success criteria of a rollback: answered by `rollback::Command::Conclude`.
    CheckCriteria(CriteriaCheck),
}

impl Obligation {
    /// Names the piece of work; the same work always has the same key.
    pub fn key(&self) -> String {
        match self {
            Obligation::Step(it) => format!("step/{}/{}", it.key, it.fence),
            Obligation::WakeDeployment { deployment, fence, at } => format!("wake/{deployment}/{fence}/{at}"),
            Obligation::WakeRelease { release, at } => format!("wake/{release}/{at}"),
            Obligation::ReadFeed { feed, fence } => format!("feed/{}/{fence}", feed.calendar),
            Obligation::Measure(it) => format!("measure/{}/{}", it.analysis, it.fence),
            Obligation::Observe(it) => format!("observe/{}/{}", it.watch, it.fence),
            Obligation::CheckCriteria(it) => format!("criteria/{}/{}", it.rollback, it.fence),
        }
    }
}
