//! The rollbacks there are.

use super::Event;
use crate::{
    core::{Fence, Map, Meta, Shared, edit},
    reason::Outcome,
    release::Criterion,
};
use interlock_ids::{AccountId, AnalysisId, DeploymentId, Digest, Name, ReleaseId, RollbackId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why a release is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Person { account: AccountId },
    Trigger { trigger: Name },
    Canary { analysis: AnalysisId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Targets are being taken back.
    Undoing,
    /// The criteria are being checked.
    Checking,
    Succeeded,
    /// A criterion failed or could not be checked, or a target could not be taken back.
    Failed,
}

/// What a criterion said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriterionResult {
    pub name: Name,
    pub outcome: Outcome,
    pub message: String,
}

/// A target that was taken back, and what it must run now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    pub target: Name,
    pub service: Name,
    pub address: String,
    pub digest: Digest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    pub id: RollbackId,
    pub release: ReleaseId,
    /// The deployment that is taken back.
    pub of: DeploymentId,
    /// The id that the deployment which takes it back will have.
    pub undo: DeploymentId,
    /// The same, once that deployment has begun.
    pub deployment: Option<DeploymentId>,
    pub environment: Name,
    pub cause: Cause,
    pub status: Status,
    pub fence: Fence,
    pub targets: Vec<Checked>,
    pub criteria: Vec<Criterion>,
    pub results: Vec<CriterionResult>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
}

/// What the shell is to check.
#[derive(Clone, Debug, PartialEq)]
pub struct CriteriaCheck {
    pub rollback: RollbackId,
    pub fence: Fence,
    pub environment: Name,
    pub targets: Vec<Checked>,
    pub criteria: Vec<Criterion>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub rollbacks: Map<RollbackId, Rollback>,
    /// Those whose end is not reached.
    pub open: imbl::OrdSet<RollbackId>,
    pub by_release: imbl::OrdMap<ReleaseId, RollbackId>,
}

impl State {
    pub fn rollback(&self, id: RollbackId) -> Option<&Rollback> {
        self.rollbacks.get(&id).map(Arc::as_ref)
    }

    pub fn of_release(&self, release: ReleaseId) -> Option<&Rollback> {
        self.rollback(*self.by_release.get(&release)?)
    }

    /// Drops where the criteria were checked, if the rollback has worked. What they said stays: lists show it.
    pub(crate) fn put_aside(&mut self, release: ReleaseId, shared: &Shared) {
        let worked = self.of_release(release).filter(|it| it.status == Status::Succeeded).map(|it| it.id);
        if let Some(id) = worked {
            edit(&mut self.rollbacks, &id, |rollback| {
                shared.environment(&mut rollback.environment);
                rollback.targets = Vec::new();
            });
        }
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Started(it) => {
                self.open.insert(it.rollback);
                self.by_release.insert(it.release, it.rollback);
                let rollback = Rollback {
                    id: it.rollback,
                    release: it.release,
                    of: it.of,
                    undo: it.undo,
                    deployment: None,
                    environment: it.environment.clone(),
                    cause: it.cause.clone(),
                    status: Status::Undoing,
                    fence: 0,
                    targets: Vec::new(),
                    criteria: it.criteria.clone(),
                    results: Vec::new(),
                    started: meta.at,
                    ended: None,
                };
                self.rollbacks.insert(it.rollback, Arc::new(rollback));
            }
            Event::UndoBegun(it) => {
                edit(&mut self.rollbacks, &it.rollback, |rollback| rollback.deployment = Some(it.deployment));
            }
            Event::CheckBegun(it) => {
                self.open.insert(it.rollback);
                edit(&mut self.rollbacks, &it.rollback, |rollback| {
                    rollback.status = Status::Checking;
                    rollback.targets = it.targets.clone();
                    rollback.fence += 1;
                    rollback.ended = None;
                });
            }
            Event::Ended(it) => {
                self.open.remove(&it.rollback);
                edit(&mut self.rollbacks, &it.rollback, |rollback| {
                    rollback.status = if it.outcome == Outcome::Pass { Status::Succeeded } else { Status::Failed };
                    rollback.results = it.results.clone();
                    rollback.ended = Some(meta.at);
                });
            }
        }
    }
}
