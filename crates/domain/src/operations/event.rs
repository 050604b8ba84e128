//! What has happened in watches.

use crate::{
    core::{Subject, World, payload},
    reason::Outcome,
    release::{Trigger, TriggerAction, WatchSpec},
};
use interlock_ids::{AccountId, DeploymentId, Digest, Name, ReleaseId, WatchId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "operations.watch_begun")]
    WatchBegun(WatchBegun),
    #[serde(rename = "operations.stabilising")]
    Stabilising(Stabilising),
    #[serde(rename = "operations.trigger_fired")]
    TriggerFired(TriggerFired),
    #[serde(rename = "operations.watch_ended")]
    WatchEnded(WatchEnded),
}

payload! {
    /// A release is being watched. Since 0.1.
    WatchBegun {
        watch: WatchId,
        release: ReleaseId,
        deployment: DeploymentId,
        environment: Name,
        spec: WatchSpec,
        triggers: Vec<Trigger>,
    }
    /// The time after the deployment has begun. Since 0.1.
    Stabilising { watch: WatchId, until: Timestamp }
    /// A trigger has fired. Since 0.1.
    TriggerFired {
        watch: WatchId,
        trigger: Name,
        value: f64,
        action: TriggerAction,
        owner: Option<AccountId>,
        deputy: Option<AccountId>,
        evidence: Digest,
    }
    /// The watch is over; without outcome if it was stopped. Since 0.1.
    WatchEnded { watch: WatchId, outcome: Option<Outcome>, looks: u32, usable: u32, evidence: Option<Digest> }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::WatchBegun(_) => "operations.watch_begun",
            Event::Stabilising(_) => "operations.stabilising",
            Event::TriggerFired(_) => "operations.trigger_fired",
            Event::WatchEnded(_) => "operations.watch_ended",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let watch = match self {
            Event::WatchBegun(it) => return vec![Subject::Release(it.release)],
            Event::Stabilising(it) => it.watch,
            Event::TriggerFired(it) => it.watch,
            Event::WatchEnded(it) => it.watch,
        };
        world.operations.watch(watch).map(|it| Subject::Release(it.release)).into_iter().collect()
    }
}
