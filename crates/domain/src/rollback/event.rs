//! What has happened in rollbacks.

use super::{Cause, Checked, CriterionResult};
use crate::{
    core::{Subject, World, payload},
    reason::{NoteRef, Outcome, Ruling},
    release::Criterion,
};
use interlock_ids::{DeploymentId, Digest, Name, ReleaseId, RollbackId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "rollback.started")]
    Started(Started),
    #[serde(rename = "rollback.undo_begun")]
    UndoBegun(UndoBegun),
    #[serde(rename = "rollback.check_begun")]
    CheckBegun(CheckBegun),
    #[serde(rename = "rollback.ended")]
    Ended(Ended),
}

payload! {
    /// A release is being taken back. Since 0.1.
    Started {
        rollback: RollbackId,
        release: ReleaseId,
        of: DeploymentId,
        undo: DeploymentId,
        environment: Name,
        cause: Cause,
        reason: Option<NoteRef>,
        criteria: Vec<Criterion>,
        ruling: Option<Ruling>,
    }
    /// The deployment that takes it back has begun. Since 0.1.
    UndoBegun { rollback: RollbackId, deployment: DeploymentId }
    /// Everything is taken back, the criteria are being checked. Since 0.1.
    CheckBegun { rollback: RollbackId, targets: Vec<Checked> }
    /// It is over. Since 0.1.
    Ended { rollback: RollbackId, outcome: Outcome, results: Vec<CriterionResult>, evidence: Option<Digest> }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Started(_) => "rollback.started",
            Event::UndoBegun(_) => "rollback.undo_begun",
            Event::CheckBegun(_) => "rollback.check_begun",
            Event::Ended(_) => "rollback.ended",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let rollback = match self {
            Event::Started(it) => return vec![Subject::Release(it.release)],
            Event::UndoBegun(it) => it.rollback,
            Event::CheckBegun(it) => it.rollback,
            Event::Ended(it) => it.rollback,
        };
        world.rollback.rollback(rollback).map(|it| Subject::Release(it.release)).into_iter().collect()
    }
}
