//! The watches there are.

use super::Event;
use crate::{
    core::{Fence, Map, Meta, Shared, edit},
    reason::Outcome,
    release::{Trigger, WatchSpec},
};
use interlock_ids::{DeploymentId, Name, ReleaseId, WatchId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// While the deployment runs.
    Deploying,
    /// After it, until the time given.
    Stabilising { until: Timestamp },
    /// Over.
    Ended,
}

/// A trigger that has fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    pub trigger: Name,
    pub value: f64,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub id: WatchId,
    pub release: ReleaseId,
    pub deployment: DeploymentId,
    pub environment: Name,
    pub spec: WatchSpec,
    pub triggers: Vec<Trigger>,
    pub phase: Phase,
    pub fence: Fence,
    pub begun: Timestamp,
    pub ended: Option<Timestamp>,
    pub outcome: Option<Outcome>,
    /// Looks at all triggers, and those of them that gave data.
    pub looks: u32,
    pub usable: u32,
    pub fired: Vec<Fired>,
}

/// What the shell is to watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub watch: WatchId,
    pub fence: Fence,
    pub release: ReleaseId,
    pub environment: Name,
    pub interval_s: u32,
    /// `None` while the deployment runs.
    pub until: Option<Timestamp>,
    pub since: Timestamp,
    /// Those that have not fired.
    pub triggers: Vec<Trigger>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub watches: Map<WatchId, Watch>,
    pub open: imbl::OrdSet<WatchId>,
    pub by_release: imbl::OrdMap<ReleaseId, WatchId>,
}

impl State {
    pub fn watch(&self, id: WatchId) -> Option<&Watch> {
        self.watches.get(&id).map(Arc::as_ref)
    }

    pub fn of_release(&self, release: ReleaseId) -> Option<&Watch> {
        self.watch(*self.by_release.get(&release)?)
    }

    /// Drops the triggers of a watch that is over.
    pub(crate) fn put_aside(&mut self, release: ReleaseId, shared: &Shared) {
        let ended = self.of_release(release).filter(|it| it.phase == Phase::Ended).map(|it| it.id);
        if let Some(id) = ended {
            edit(&mut self.watches, &id, |watch| {
                shared.environment(&mut watch.environment);
                watch.triggers = Vec::new();
                watch.fired = Vec::new();
            });
        }
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::WatchBegun(it) => {
                self.open.insert(it.watch);
                self.by_release.insert(it.release, it.watch);
                let watch = Watch {
                    id: it.watch,
                    release: it.release,
                    deployment: it.deployment,
                    environment: it.environment.clone(),
                    spec: it.spec,
                    triggers: it.triggers.clone(),
                    phase: Phase::Deploying,
                    fence: 1,
                    begun: meta.at,
                    ended: None,
                    outcome: None,
                    looks: 0,
                    usable: 0,
                    fired: Vec::new(),
                };
                self.watches.insert(it.watch, Arc::new(watch));
            }
            Event::Stabilising(it) => edit(&mut self.watches, &it.watch, |watch| {
                watch.phase = Phase::Stabilising { until: it.until };
                watch.fence += 1;
            }),
            Event::TriggerFired(it) => edit(&mut self.watches, &it.watch, |watch| {
                watch.fired.push(Fired { trigger: it.trigger.clone(), value: it.value, at: meta.at });
                watch.fence += 1;
            }),
            Event::WatchEnded(it) => {
                self.open.remove(&it.watch);
                edit(&mut self.watches, &it.watch, |watch| {
                    watch.phase = Phase::Ended;
                    watch.ended = Some(meta.at);
                    watch.outcome = it.outcome;
                    watch.looks = it.looks;
                    watch.usable = it.usable;
                });
            }
        }
    }
}
