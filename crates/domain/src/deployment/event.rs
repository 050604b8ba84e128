//! What has happened in deployments. Leases and results are recorded in batches, so that a run of 50,000 steps stays a few
//! thousand entries.

use super::{Direction, Phase, Pipeline, PlannedWave, Status, StepResult, Unit};
use crate::{
    core::{Fence, Subject, World, payload},
    reason::{Blocker, NoteRef, Ruling},
    release::Permit,
};
use interlock_ids::{AccountId, DeploymentId, Digest, Name, PermitId, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "deployment.pipeline_put")]
    PipelinePut(PipelinePut),
    #[serde(rename = "deployment.installed_recorded")]
    InstalledRecorded(InstalledRecorded),
    #[serde(rename = "deployment.started")]
    Started(Started),
    #[serde(rename = "deployment.steps_leased")]
    StepsLeased(StepsLeased),
    #[serde(rename = "deployment.steps_handed_out")]
    StepsHandedOut(StepsHandedOut),
    #[serde(rename = "deployment.leases_ended")]
    LeasesEnded(LeasesEnded),
    #[serde(rename = "deployment.steps_reported")]
    StepsReported(StepsReported),
    #[serde(rename = "deployment.steps_answered")]
    StepsAnswered(StepsAnswered),
    #[serde(rename = "deployment.step_skipped")]
    StepSkipped(StepSkipped),
    #[serde(rename = "deployment.retried")]
    Retried(Retried),
    #[serde(rename = "deployment.phase_ended")]
    PhaseEnded(PhaseEnded),
    #[serde(rename = "deployment.paused")]
    Paused(Paused),
    #[serde(rename = "deployment.resumed")]
    Resumed(Resumed),
    #[serde(rename = "deployment.held")]
    Held(Held),
    #[serde(rename = "deployment.unheld")]
    Unheld(Unheld),
    #[serde(rename = "deployment.permit_revoked")]
    PermitRevoked(PermitRevoked),
    #[serde(rename = "deployment.permit_renewed")]
    PermitRenewed(PermitRenewed),
    #[serde(rename = "deployment.ended")]
    Ended(Ended),
    #[serde(rename = "deployment.archived")]
    Archived(Archived),
}

payload! {
    /// A pipeline was entered or replaced. Since 0.1.
    PipelinePut { pipeline: Pipeline }
    /// One thing found running.
    Found { service: Name, target: Name, digest: Digest }
    /// What runs in an environment was written down. Since 0.1.
    InstalledRecorded { environment: Name, found: Vec<Found> }
    /// A deployment began, with its whole plan. Since 0.1.
    Started {
        deployment: DeploymentId,
        release: ReleaseId,
        environment: Name,
        direction: Direction,
        permit: Permit,
        account: Option<AccountId>,
        pipeline: Pipeline,
        waves: Vec<PlannedWave>,
        units: Vec<Unit>,
        ruling: Option<Ruling>,
    }
    /// A step handed out.
    Leased { unit: u32, step: u32, attempt: u32, fence: Fence }
    /// Steps were handed to a runner. Since 0.1.
    StepsLeased { deployment: DeploymentId, runner: Name, until: Timestamp, leases: Vec<Leased> }
    /// Steps `step` to `through` of a unit, handed out to a runner until a moment.
    HandedOut { unit: u32, step: u32, through: u32, attempt: u32, fence: Fence, runner: Name, until: Timestamp }
    /// Steps were handed to runners, many at once. Since 0.2.
    StepsHandedOut { deployment: DeploymentId, leases: Vec<HandedOut> }
    /// Leases ran out or were given back. Since 0.1.
    LeasesEnded { deployment: DeploymentId, runner: Option<Name>, units: Vec<u32> }
    /// A step's result.
    Reported {
        unit: u32,
        fence: Fence,
        result: StepResult,
        /// No further try is allowed.
        last: bool,
        /// What the target runs from now on, if this step made it so.
        installed: Option<Digest>,
    }
    /// Steps were reported on. Since 0.1.
    StepsReported { deployment: DeploymentId, runner: Name, results: Vec<Reported> }
    /// A step's result, and whose it is.
    Answered {
        runner: Name,
        unit: u32,
        fence: Fence,
        result: StepResult,
        /// No further try is allowed.
        last: bool,
        /// What the target runs from now on, if this step made it so.
        installed: Option<Digest>,
    }
    /// Runners answered for steps, many at once. Since 0.2.
    StepsAnswered { deployment: DeploymentId, results: Vec<Answered> }
    /// A person left a failed step out. Since 0.1.
    StepSkipped { deployment: DeploymentId, unit: u32, step: u32, reason: NoteRef }
    /// A person has failed units tried again. Since 0.1.
    Retried { deployment: DeploymentId, reason: NoteRef }
    /// A phase of a wave is over; this is where it stands now. Since 0.1.
    PhaseEnded { deployment: DeploymentId, wave: u32, phase: Phase, status: Status }
    /// A person paused it. Since 0.1.
    Paused { deployment: DeploymentId, reason: NoteRef }
    /// A person resumed it. Since 0.1.
    Resumed { deployment: DeploymentId }
    /// No step is handed out: something stands in the way. Since 0.1.
    Held { deployment: DeploymentId, blockers: Vec<Blocker>, until: Timestamp }
    /// Nothing stands in the way any more. Since 0.1.
    Unheld { deployment: DeploymentId }
    /// The permit of a running deployment has lost its ground: it is good for no step that has not begun. Since 0.2.
    PermitRevoked { deployment: DeploymentId, permit: PermitId, blockers: Vec<Blocker> }
    /// Everything passes again: another permit takes the place of the revoked one. Since 0.2.
    PermitRenewed { deployment: DeploymentId, permit: Permit }
    /// It is over. Since 0.1.
    Ended { deployment: DeploymentId, status: Status, reason: Option<NoteRef> }
    /// Its details are only in the ledger from now on. Since 0.1.
    Archived { deployment: DeploymentId }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::PipelinePut(_) => "deployment.pipeline_put",
            Event::InstalledRecorded(_) => "deployment.installed_recorded",
            Event::Started(_) => "deployment.started",
            Event::StepsLeased(_) => "deployment.steps_leased",
            Event::StepsHandedOut(_) => "deployment.steps_handed_out",
            Event::LeasesEnded(_) => "deployment.leases_ended",
            Event::StepsReported(_) => "deployment.steps_reported",
            Event::StepsAnswered(_) => "deployment.steps_answered",
            Event::StepSkipped(_) => "deployment.step_skipped",
            Event::Retried(_) => "deployment.retried",
            Event::PhaseEnded(_) => "deployment.phase_ended",
            Event::Paused(_) => "deployment.paused",
            Event::Resumed(_) => "deployment.resumed",
            Event::Held(_) => "deployment.held",
            Event::Unheld(_) => "deployment.unheld",
            Event::PermitRevoked(_) => "deployment.permit_revoked",
            Event::PermitRenewed(_) => "deployment.permit_renewed",
            Event::Ended(_) => "deployment.ended",
            Event::Archived(_) => "deployment.archived",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let deployment = match self {
            Event::PipelinePut(_) => return Vec::new(),
            Event::InstalledRecorded(it) => return vec![Subject::Environment(it.environment.clone())],
            Event::Started(it) => {
                return vec![
                    Subject::Deployment(it.deployment),
                    Subject::Release(it.release),
                    Subject::Environment(it.environment.clone()),
                ];
            }
            Event::StepsLeased(it) => it.deployment,
            Event::StepsHandedOut(it) => it.deployment,
            Event::LeasesEnded(it) => it.deployment,
            Event::StepsReported(it) => it.deployment,
            Event::StepsAnswered(it) => it.deployment,
            Event::StepSkipped(it) => it.deployment,
            Event::Retried(it) => it.deployment,
            Event::PhaseEnded(it) => it.deployment,
            Event::Paused(it) => it.deployment,
            Event::Resumed(it) => it.deployment,
            Event::Held(it) => it.deployment,
            Event::Unheld(it) => it.deployment,
            Event::PermitRevoked(it) => it.deployment,
            Event::PermitRenewed(it) => it.deployment,
            Event::Ended(it) => it.deployment,
            Event::Archived(it) => it.deployment,
        };
        let release = world.deployment.deployment(deployment).map(|it| Subject::Release(it.release));
        std::iter::once(Subject::Deployment(deployment)).chain(release).collect()
    }
}
