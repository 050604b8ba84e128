//! The deployments there are, and what runs where.

use super::{Event, Phase, Pipeline, PlannedWave, Reported, Unit};
use crate::{
    core::{Fence, Map, Meta, Shared, edit},
    reason::{Blocker, Outcome},
    release::{Permit, Revocation},
};
use interlock_ids::{AccountId, DeploymentId, Digest, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether it brings a release out or takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Forward,
    /// Takes back what the named deployment did.
    Back {
        of: DeploymentId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Steps of the current wave and phase are being run.
    Running,
    /// The current wave is being judged.
    Judging,
    /// Waiting after a wave.
    Baking {
        until: Timestamp,
    },
    /// A step failed for good, or could not be told; a person decides: retry, skip, abort, roll back.
    Blocked,
    /// Aborted, but steps are still in the hands of runners.
    Stopping,
    Succeeded,
    Aborted,
}

impl Status {
    pub fn is_terminal(self) -> bool {
        matches!(self, Status::Succeeded | Status::Aborted)
    }
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    Changed,
    /// It was done already.
    Unchanged,
    Failed,
    /// It could not be told.
    Inconclusive,
}

impl StepOutcome {
    pub fn is_good(self) -> bool {
        matches!(self, StepOutcome::Changed | StepOutcome::Unchanged)
    }

    pub fn outcome(self) -> Outcome {
        match self {
            StepOutcome::Changed | StepOutcome::Unchanged => Outcome::Pass,
            StepOutcome::Failed => Outcome::Fail,
            StepOutcome::Inconclusive => Outcome::Inconclusive,
        }
    }
}

/// Who holds a step, under which fence, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub runner: Name,
    pub fence: Fence,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Index of the last step it covers.
    pub through: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// Index into the pipeline's steps.
    pub step: u32,
    pub attempt: u32,
    pub outcome: StepOutcome,
    pub code: Option<String>,
    pub message: String,
    /// Blob with everything it printed.
    pub output: Option<Digest>,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// How far a unit is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Index into the pipeline's steps of the one to be run next.
    pub next: u32,
    /// Tries of that step so far.
    pub attempt: u32,
    pub lease: Option<Lease>,
    pub results: Vec<StepResult>,
    /// A step failed for good.
    pub failed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: DeploymentId,
    pub release: ReleaseId,
    pub environment: Name,
    pub direction: Direction,
    pub permit: Permit,
    /// Its permit was revoked because something stands in the way; it gets another one once nothing does.
    pub permit_revoked: bool,
    pub pipeline: Pipeline,
    pub waves: Vec<PlannedWave>,
    pub units: Vec<Unit>,
    /// One per unit.
    pub progress: Vec<Progress>,
    pub status: Status,
    /// Index of the wave it is in.
    pub wave: u32,
    pub phase: Phase,
    pub paused: bool,
    /// Why no step is handed out at the moment; looked at again at `held_until` at the latest.
    pub held: Vec<Blocker>,
    pub held_until: Option<Timestamp>,
    /// The fence of the newest lease.
    pub fence: Fence,
    pub started: Timestamp,
    pub started_by: Option<AccountId>,
    pub ended: Option<Timestamp>,
    /// Details were dropped from memory; the ledger has them.
    pub archived: bool,
}

/// What a target runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    pub digest: Digest,
    pub since: Timestamp,
    pub deployment: Option<DeploymentId>,
    pub release: Option<ReleaseId>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub pipelines: Map<Name, Pipeline>,
    pub deployments: Map<DeploymentId, Deployment>,
    /// Deployments that are not over.
    pub running: imbl::OrdSet<DeploymentId>,
    /// By environment, service, target.
    pub installed: Map<(Name, Name, Name), Installed>,
    /// Permits of running deployments that were revoked, by the position that did, while they could still be used.
    pub revocations: imbl::OrdMap<u64, Revocation>,
}

impl State {
    pub fn deployment(&self, id: DeploymentId) -> Option<&Deployment> {
        self.deployments.get(&id).map(Arc::as_ref)
    }

    /// The deployment that runs in an environment.
    pub fn running_in(&self, environment: &Name) -> Option<&Deployment> {
        self.running.iter().filter_map(|id| self.deployment(*id)).find(|it| it.environment == *environment)
    }

    pub fn installed(&self, environment: &Name, service: &Name, target: &Name) -> Option<&Installed> {
        self.installed.get(&(environment.clone(), service.clone(), target.clone())).map(Arc::as_ref)
    }

    /// Drops the plan and its course, if the deployment is archived.
    pub(crate) fn put_aside(&mut self, id: DeploymentId, shared: &Shared) {
        if self.deployment(id).is_some_and(|it| it.archived) {
            edit(&mut self.deployments, &id, |deployment| {
                shared.environment(&mut deployment.environment);
                shared.environment(&mut deployment.permit.environment);
                shared.pipeline(&mut deployment.pipeline.name);
                deployment.pipeline.steps = Vec::new();
                deployment.waves = Vec::new();
                deployment.units = Vec::new();
                deployment.progress = Vec::new();
                deployment.permit.items = Vec::new();
                deployment.permit.approved_by = Vec::new();
                deployment.permit.policy_set = String::new();
            });
        }
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::PipelinePut(it) => {
                drop(self.pipelines.insert(it.pipeline.name.clone(), Arc::new(it.pipeline.clone())))
            }
            Event::InstalledRecorded(it) => {
                for found in &it.found {
                    let key = (it.environment.clone(), found.service.clone(), found.target.clone());
                    let installed = Installed { digest: found.digest, since: meta.at, deployment: None, release: None };
                    self.installed.insert(key, Arc::new(installed));
                }
            }
            Event::Started(it) => {
                self.running.insert(it.deployment);
                let deployment = Deployment {
                    id: it.deployment,
                    release: it.release,
                    environment: it.environment.clone(),
                    direction: it.direction,
                    permit: it.permit.clone(),
                    permit_revoked: false,
                    pipeline: it.pipeline.clone(),
                    waves: it.waves.clone(),
                    progress: vec![Progress::default(); it.units.len()],
                    units: it.units.clone(),
                    status: Status::Running,
                    wave: 0,
                    phase: Phase::Deploy,
                    paused: false,
                    held: Vec::new(),
                    held_until: None,
                    fence: 0,
                    started: meta.at,
                    started_by: it.account,
                    ended: None,
                    archived: false,
                };
                self.deployments.insert(it.deployment, Arc::new(deployment));
            }
            Event::StepsLeased(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                for leased in &it.leases {
                    deployment.fence = deployment.fence.max(leased.fence);
                    if let Some(progress) = deployment.progress.get_mut(leased.unit as usize) {
                        progress.lease = Some(Lease {
                            runner: it.runner.clone(),
                            fence: leased.fence,
                            since: meta.at,
                            until: it.until,
                            through: leased.step,
                        });
                    }
                }
            }),
            Event::StepsHandedOut(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                for leased in &it.leases {
                    deployment.fence = deployment.fence.max(leased.fence);
                    if let Some(progress) = deployment.progress.get_mut(leased.unit as usize) {
                        progress.lease = Some(Lease {
                            runner: leased.runner.clone(),
                            fence: leased.fence,
                            since: meta.at,
                            until: leased.until,
                            through: leased.through,
                        });
                    }
                }
            }),
            Event::LeasesEnded(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                for unit in &it.units {
                    if let Some(progress) = deployment.progress.get_mut(*unit as usize) {
                        progress.lease = None;
                    }
                }
            }),
            Event::StepsReported(it) => self.reported(it.deployment, it.results.iter().cloned(), meta),
            Event::StepsAnswered(it) => {
                let results = it.results.iter().cloned();
                let results = results.map(|it| Reported {
                    unit: it.unit,
                    fence: it.fence,
                    result: it.result,
                    last: it.last,
                    installed: it.installed,
                });
                self.reported(it.deployment, results, meta);
            }
            Event::PermitRevoked(it) => {
                let ends = self.deployment(it.deployment).map_or(meta.at, |deployment| deployment.permit.not_after);
                Revocation { permit: it.permit, ends }.add_to(&mut self.revocations, meta);
                edit(&mut self.deployments, &it.deployment, |deployment| deployment.permit_revoked = true);
            }
            Event::PermitRenewed(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                deployment.permit = it.permit.clone();
                deployment.permit_revoked = false;
            }),
            Event::StepSkipped(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                if let Some(progress) = deployment.progress.get_mut(it.unit as usize) {
                    progress.next = it.step + 1;
                    progress.attempt = 0;
                    progress.failed = false;
                    progress.lease = None;
                }
            }),
            Event::Retried(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                deployment.status = Status::Running;
                for progress in deployment.progress.iter_mut().filter(|progress| progress.failed) {
                    progress.failed = false;
                    progress.attempt = 0;
                }
            }),
            Event::PhaseEnded(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                deployment.status = it.status;
                deployment.wave = it.wave;
                deployment.phase = it.phase;
            }),
            Event::Paused(it) => edit(&mut self.deployments, &it.deployment, |deployment| deployment.paused = true),
            Event::Resumed(it) => edit(&mut self.deployments, &it.deployment, |deployment| deployment.paused = false),
            Event::Held(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                deployment.held = it.blockers.clone();
                deployment.held_until = Some(it.until);
            }),
            Event::Unheld(it) => edit(&mut self.deployments, &it.deployment, |deployment| {
                deployment.held.clear();
                deployment.held_until = None;
            }),
            Event::Ended(it) => {
                self.running.remove(&it.deployment);
                edit(&mut self.deployments, &it.deployment, |deployment| {
                    deployment.status = it.status;
                    deployment.ended = Some(meta.at);
                    deployment.held.clear();
                    deployment.held_until = None;
                    deployment.progress.iter_mut().for_each(|progress| progress.lease = None);
                });
            }
            Event::Archived(it) => edit(&mut self.deployments, &it.deployment, |deployment| deployment.archived = true),
        }
    }

    fn reported(&mut self, id: DeploymentId, results: impl Iterator<Item = Reported>, meta: &Meta) {
        let mut reached = Vec::new();
        edit(&mut self.deployments, &id, |deployment| {
            for reported in results {
                let Some(progress) = deployment.progress.get_mut(reported.unit as usize) else { continue };
                let result = &reported.result;
                // A lease of several steps lasts until the last of them, or until one is not good.
                let goes_on = result.outcome.is_good()
                    && progress.lease.as_ref().is_some_and(|lease| result.step < lease.through);
                if !goes_on {
                    progress.lease = None;
                }
                progress.results.push(result.clone());
                match (result.outcome.is_good(), reported.last) {
                    (true, _) => {
                        progress.next = result.step + 1;
                        progress.attempt = 0;
                    }
                    (false, true) => {
                        progress.attempt = result.attempt;
                        progress.failed = true;
                    }
                    (false, false) => progress.attempt = result.attempt,
                }
                if let Some(digest) = reported.installed {
                    reached.extend(deployment.units.get(reported.unit as usize).map(|unit| {
                        let key = (deployment.environment.clone(), unit.service.clone(), unit.target.clone());
                        (
                            key,
                            Installed {
                                digest,
                                since: meta.at,
                                deployment: Some(deployment.id),
                                release: Some(deployment.release),
                            },
                        )
                    }));
                }
            }
        });
        for (key, installed) in reached {
            self.installed.insert(key, Arc::new(installed));
        }
    }
}
