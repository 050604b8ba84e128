//! What has happened to releases.

use super::{Permit, Spec};
use crate::{
    core::{Subject, World, payload},
    reason::{Blocker, NoteRef, Ruling, Slot},
};
use interlock_ids::{AccountId, DeploymentId, Name, ReleaseId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "release.drafted")]
    Drafted(Drafted),
    #[serde(rename = "release.planned")]
    Planned(Planned),
    #[serde(rename = "release.frozen")]
    Frozen(Frozen),
    #[serde(rename = "release.ready")]
    Ready(Ready),
    #[serde(rename = "release.held_back")]
    HeldBack(HeldBack),
    #[serde(rename = "release.authorised")]
    Authorised(Authorised),
    #[serde(rename = "release.permit_revoked")]
    PermitRevoked(PermitRevoked),
    #[serde(rename = "release.deploying")]
    Deploying(Deploying),
    #[serde(rename = "release.stabilising")]
    Stabilising(Stabilising),
    #[serde(rename = "release.closed")]
    Closed(Closed),
    #[serde(rename = "release.rolled_back")]
    RolledBack(RolledBack),
    #[serde(rename = "release.cancelled")]
    Cancelled(Cancelled),
    #[serde(rename = "release.plan_closed")]
    PlanClosed(PlanClosed),
    #[serde(rename = "release.plan_opened")]
    PlanOpened(PlanOpened),
    #[serde(rename = "release.exception_granted")]
    ExceptionGranted(ExceptionGranted),
}

payload! {
    /// A release was put together. Since 0.1.
    Drafted { release: ReleaseId, account: Option<AccountId>, spec: Spec }
    /// A release has a window. Since 0.1.
    Planned { release: ReleaseId, window: Slot, ruling: Ruling }
    /// The scope is fixed. Since 0.1.
    Frozen { release: ReleaseId }
    /// What a gate said when it was last asked.
    GateRecord { name: String, ruling: Ruling }
    /// Every gate passes. Since 0.1.
    Ready { release: ReleaseId, gates: Vec<GateRecord> }
    /// A gate that passed does not any more. Since 0.1.
    HeldBack { release: ReleaseId, blockers: Vec<Blocker> }
    /// The permit was issued. Since 0.1.
    Authorised { permit: Permit, account: Option<AccountId>, gates: Vec<GateRecord>, ruling: Ruling }
    /// The permit was taken back. Since 0.1.
    PermitRevoked { release: ReleaseId, reason: String }
    /// Its deployment has begun. Since 0.1.
    Deploying { release: ReleaseId, deployment: DeploymentId }
    /// It is deployed everywhere and being watched. Since 0.1.
    Stabilising { release: ReleaseId }
    /// It stands. Since 0.1.
    Closed { release: ReleaseId, reason: Option<NoteRef> }
    /// It was taken back. Since 0.1.
    RolledBack { release: ReleaseId }
    /// It will not ship. Since 0.1.
    Cancelled { release: ReleaseId, reason: NoteRef }
    /// The calendar was changed and does not allow what is planned any more. Since 0.2.
    PlanClosed { release: ReleaseId, blockers: Vec<Blocker> }
    /// The calendar allows what is planned again. Since 0.2.
    PlanOpened { release: ReleaseId }
    /// Commits were let through a code freeze. Since 0.2.
    ExceptionGranted { release: ReleaseId, criterion: Name, commits: BTreeSet<String>, account: Option<AccountId>, reason: NoteRef }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Drafted(_) => "release.drafted",
            Event::Planned(_) => "release.planned",
            Event::Frozen(_) => "release.frozen",
            Event::Ready(_) => "release.ready",
            Event::HeldBack(_) => "release.held_back",
            Event::Authorised(_) => "release.authorised",
            Event::PermitRevoked(_) => "release.permit_revoked",
            Event::Deploying(_) => "release.deploying",
            Event::Stabilising(_) => "release.stabilising",
            Event::Closed(_) => "release.closed",
            Event::RolledBack(_) => "release.rolled_back",
            Event::Cancelled(_) => "release.cancelled",
            Event::PlanClosed(_) => "release.plan_closed",
            Event::PlanOpened(_) => "release.plan_opened",
            Event::ExceptionGranted(_) => "release.exception_granted",
        }
    }

    pub fn subjects(&self, _world: &World) -> Vec<Subject> {
        let release = match self {
            Event::Drafted(it) => it.release,
            Event::Planned(it) => it.release,
            Event::Frozen(it) => it.release,
            Event::Ready(it) => it.release,
            Event::HeldBack(it) => it.release,
            Event::Authorised(it) => it.permit.release,
            Event::PermitRevoked(it) => it.release,
            Event::Deploying(it) => it.release,
            Event::Stabilising(it) => it.release,
            Event::Closed(it) => it.release,
            Event::RolledBack(it) => it.release,
            Event::Cancelled(it) => it.release,
            Event::PlanClosed(it) => it.release,
            Event::PlanOpened(it) => it.release,
            Event::ExceptionGranted(it) => it.release,
        };
        vec![Subject::Release(release)]
    }
}
