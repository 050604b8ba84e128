//! The releases there are.

use super::{Event, ReleaseCriterion};
use crate::{
    change::Class,
    core::{Map, Meta, Shared, edit},
    reason::{Blocker, NoteRef, Slot},
};
use interlock_ids::{AccountId, DeploymentId, Digest, Name, PermitId, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Where in its life a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Being put together.
    Draft,
    /// Has a window.
    Planned,
    /// Its scope is fixed; gates are being met.
    Frozen,
    /// Every gate passes.
    Ready,
    /// Has a permit.
    Authorised,
    Deploying,
    /// Deployed everywhere; being watched.
    Stabilising,
    Closed,
    RolledBack,
    Cancelled,
}

impl Stage {
    pub fn is_terminal(self) -> bool {
        matches!(self, Stage::Closed | Stage::RolledBack | Stage::Cancelled)
    }
}

/// One service and the build of it that is to ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub service: Name,
    pub digest: Digest,
}

/// How many of a service's targets a wave takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    Count(u32),
    /// Of all the service's targets, rounded up, at least one.
    Percent(u32),
    /// All that no earlier wave took.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaveSpec {
    pub name: Name,
    pub take: Take,
    /// Weight of a target of this wave in its router while the wave is judged, 0 to 100: `${wave.weight}`.
    #[serde(default)]
    pub weight: Option<u32>,
    /// Time to wait after the wave before the next, in seconds.
    #[serde(default)]
    pub bake_s: u32,
    /// Judged against the old version before the next wave begins.
    #[serde(default)]
    pub canary: Option<CanarySpec>,
}

/// What is done when the judge could not tell by the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInconclusive {
    /// A person decides.
    Hold,
    Rollback,
}

/// How old and new are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanarySpec {
    /// Seconds between two looks.
    pub interval_s: u32,
    /// Looks after which the answer is inconclusive.
    pub horizon: u32,
    /// Looks before which nothing passes.
    pub at_least: u32,
    pub on_inconclusive: OnInconclusive,
    #[serde(default)]
    pub margins: Margins,
}

/// What counts as harm: a wave passes only if the new version is shown to be better than this.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Margins {
    /// Additional errors per request, such as 0.001 for a tenth of a percentage point.
    pub errors: f64,
    /// Relative rise of the median duration, such as 0.2 for 20 %.
    pub latency_p50: f64,
    pub latency_p90: f64,
    pub latency_p99: f64,
}

impl Default for Margins {
    fn default() -> Self {
        Self { errors: 0.001, latency_p50: 0.2, latency_p90: 0.2, latency_p99: 0.4 }
    }
}

/// Big bang or phased: they execute differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Model {
    /// All targets in one wave.
    BigBang,
    /// Wave after wave.
    Phased { waves: Vec<WaveSpec> },
}

/// A figure that is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Indicator {
    /// Errors over requests of a service within the last `window_s` seconds, 0 to 1.
    ErrorRatio { service: Name, window_s: u32 },
    /// A quantile of the request duration in seconds.
    Latency { service: Name, quantile: f64, window_s: u32 },
    /// The first value a PromQL expression gives.
    Promql { query: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Above,
    Below,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerAction {
    /// Tell the owner; a person decides.
    Page,
    /// Start the rollback.
    Rollback,
}

/// What takes the release back, and who answers for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub name: Name,
    pub indicator: Indicator,
    pub comparison: Comparison,
    pub threshold: f64,
    /// For how many seconds it has to hold without a break.
    pub for_s: u32,
    pub action: TriggerAction,
    pub owner: Option<AccountId>,
    pub deputy: Option<AccountId>,
}

/// What must be true after a rollback for it to have worked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub name: Name,
    pub kind: CriterionKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CriterionKind {
    /// Availability: every target that was taken back answers `path` with a 2xx status.
    Http { path: String },
    /// Configuration: every target that was taken back reports the former digest at `path`, at a JSON pointer.
    Reports { path: String, pointer: String },
    /// A figure is on the right side of a threshold.
    Metric { indicator: Indicator, comparison: Comparison, threshold: f64 },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackPlan {
    pub criteria: Vec<Criterion>,
}

/// How long and how often a release is watched after it is everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchSpec {
    pub length_s: u32,
    pub interval_s: u32,
}

/// All that a person says about a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What people call it, such as `2026.11-checkout`.
    pub name: Name,
    pub summary: NoteRef,
    pub class: Class,
    pub environment: Name,
    pub items: Vec<Item>,
    pub pipeline: Name,
    pub model: Model,
    /// Length of the window it needs, in seconds.
    pub length_s: u32,
    pub triggers: Vec<Trigger>,
    pub rollback: RollbackPlan,
    pub watch: WatchSpec,
    /// What evidence has to show before it may ship.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<ReleaseCriterion>,
}

/// The permission to execute: bound to digests, environment, window, approvals and policy set; short-lived and revocable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permit {
    pub id: PermitId,
    pub release: ReleaseId,
    pub environment: Name,
    pub items: Vec<Item>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub approved_by: Vec<AccountId>,
    pub policy_set: String,
}

/// Commits that were let through a code freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub criterion: Name,
    pub commits: BTreeSet<String>,
    pub by: Option<AccountId>,
    pub reason: NoteRef,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    pub spec: Spec,
    pub stage: Stage,
    pub window: Option<Slot>,
    pub permit: Option<Box<Permit>>,
    pub permit_revoked: bool,
    pub deployment: Option<DeploymentId>,
    pub drafted_by: Option<AccountId>,
    pub drafted: Timestamp,
    /// When it reached the stage it is in.
    pub since: Timestamp,
    /// What a changed calendar has put in the way of the window since it was planned.
    #[serde(default)]
    pub plan_closed: Vec<Blocker>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// A permit that is good no more before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub permit: PermitId,
    /// When it would have run out: from then on nobody has to be told.
    pub ends: Timestamp,
}

impl Revocation {
    /// Adds it, and leaves out those that nobody has to be told of any more.
    pub(crate) fn add_to(self, all: &mut imbl::OrdMap<u64, Revocation>, meta: &Meta) {
        *all = all.iter().filter(|(_, old)| old.ends > meta.at).map(|(at, old)| (*at, old.clone())).collect();
        all.insert(meta.position, self);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub releases: Map<ReleaseId, Release>,
    pub by_name: imbl::OrdMap<Name, ReleaseId>,
    /// Releases whose life is not over.
    pub open: imbl::OrdSet<ReleaseId>,
    pub revoked_permits: imbl::OrdMap<PermitId, Timestamp>,
    /// The same by the position that revoked them, while they could still be used: what runners are told.
    pub revocations: imbl::OrdMap<u64, Revocation>,
}

impl State {
    pub fn release(&self, id: ReleaseId) -> Option<&Release> {
        self.releases.get(&id).map(Arc::as_ref)
    }

    fn reach(&mut self, id: ReleaseId, stage: Stage, meta: &Meta) {
        edit(&mut self.releases, &id, |release| {
            release.stage = stage;
            release.since = meta.at;
        });
        if stage.is_terminal() {
            self.open.remove(&id);
        }
    }

    fn revoke(&mut self, id: ReleaseId, meta: &Meta) {
        if let Some(permit) = self.release(id).and_then(|release| release.permit.clone()) {
            self.revoked_permits.insert(permit.id, meta.at);
            let revocation = Revocation { permit: permit.id, ends: permit.not_after };
            revocation.add_to(&mut self.revocations, meta);
        }
        edit(&mut self.releases, &id, |release| release.permit_revoked = true);
    }

    /// Drops what only the page of a release shows that is over.
    pub(crate) fn put_aside(&mut self, id: ReleaseId, shared: &Shared) {
        edit(&mut self.releases, &id, |release| {
            let spec = &mut release.spec;
            release.permit = None;
            spec.triggers = Vec::new();
            spec.rollback.criteria = Vec::new();
            spec.criteria = Vec::new();
            spec.items.shrink_to_fit();
            spec.items.iter_mut().for_each(|item| shared.service(&mut item.service));
            shared.environment(&mut spec.environment);
            shared.pipeline(&mut spec.pipeline);
            if let Model::Phased { waves } = &mut spec.model {
                *waves = Vec::new();
            }
        });
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Drafted(it) => {
                self.by_name.insert(it.spec.name.clone(), it.release);
                self.open.insert(it.release);
                let release = Release {
                    id: it.release,
                    spec: it.spec.clone(),
                    stage: Stage::Draft,
                    window: None,
                    permit: None,
                    permit_revoked: false,
                    deployment: None,
                    drafted_by: it.account,
                    drafted: meta.at,
                    since: meta.at,
                    plan_closed: Vec::new(),
                    exceptions: Vec::new(),
                };
                self.releases.insert(it.release, Arc::new(release));
            }
            Event::Planned(it) => {
                self.reach(it.release, Stage::Planned, meta);
                edit(&mut self.releases, &it.release, |release| {
                    release.window = Some(it.window);
                    release.plan_closed.clear();
                });
            }
            Event::Frozen(it) => self.reach(it.release, Stage::Frozen, meta),
            Event::Ready(it) => self.reach(it.release, Stage::Ready, meta),
            Event::HeldBack(it) => self.reach(it.release, Stage::Frozen, meta),
            Event::Authorised(it) => {
                self.reach(it.permit.release, Stage::Authorised, meta);
                edit(&mut self.releases, &it.permit.release, |release| {
                    release.permit = Some(Box::new(it.permit.clone()));
                    release.permit_revoked = false;
                });
            }
            Event::PermitRevoked(it) => {
                self.revoke(it.release, meta);
                if self.release(it.release).is_some_and(|release| release.stage == Stage::Authorised) {
                    self.reach(it.release, Stage::Frozen, meta);
                }
            }
            Event::Deploying(it) => {
                self.reach(it.release, Stage::Deploying, meta);
                edit(&mut self.releases, &it.release, |release| release.deployment = Some(it.deployment));
            }
            Event::Stabilising(it) => self.reach(it.release, Stage::Stabilising, meta),
            Event::Closed(it) => self.reach(it.release, Stage::Closed, meta),
            Event::RolledBack(it) => {
                self.revoke(it.release, meta);
                self.reach(it.release, Stage::RolledBack, meta);
            }
            Event::Cancelled(it) => {
                self.revoke(it.release, meta);
                self.reach(it.release, Stage::Cancelled, meta);
            }
            Event::PlanClosed(it) => {
                edit(&mut self.releases, &it.release, |release| release.plan_closed = it.blockers.clone())
            }
            Event::ExceptionGranted(it) => edit(&mut self.releases, &it.release, |release| {
                release.exceptions.push(Exception {
                    criterion: it.criterion.clone(),
                    commits: it.commits.clone(),
                    by: it.account,
                    reason: it.reason,
                    at: meta.at,
                });
            }),
            Event::PlanOpened(it) => edit(&mut self.releases, &it.release, |release| release.plan_closed.clear()),
        }
    }
}
