//! What can be asked for about deployments.

use super::{Pipeline, StepOutcome};
use crate::{core::Fence, reason::NoteRef};
use interlock_ids::{DeploymentId, Digest, Name, ReleaseId, RollbackId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub enum Command {
    PutPipeline {
        pipeline: Pipeline,
    },
    /// Says what runs in an environment that was there before Interlock: service, target, digest.
    RecordInstalled {
        environment: Name,
        found: Vec<(Name, Name, Digest)>,
    },
    /// Begins to deploy an authorised release.
    Start {
        deployment: DeploymentId,
        release: ReleaseId,
    },
    /// Begins to take a deployment back; follows from a rollback.
    TakeBack {
        deployment: DeploymentId,
        of: DeploymentId,
        rollback: RollbackId,
    },
    /// A runner asks for work: at most `capacity` steps, for which it has all `labels` needed.
    Lease {
        runner: Name,
        capacity: u32,
        lease_s: u32,
    },
    /// Many runners report and ask at once: what was done first, then what is to be done next.
    Exchange {
        reports: Vec<(Name, Report)>,
        asks: Vec<Ask>,
        lease_s: u32,
    },
    /// What became of steps. A result under another fence than the lease's changes nothing.
    Report {
        runner: Name,
        reports: Vec<Report>,
    },
    /// A runner has lost its memory of what it held: give it all back.
    ReleaseLeases {
        runner: Name,
    },
    /// Time has come: leases run out, bakes end, holds are looked at again.
    Wake {
        deployment: DeploymentId,
    },
    /// The judge says that the wave is good.
    Proceed {
        deployment: DeploymentId,
        wave: u32,
    },
    Pause {
        deployment: DeploymentId,
        reason: NoteRef,
    },
    Resume {
        deployment: DeploymentId,
    },
    /// Tries failed units again.
    Retry {
        deployment: DeploymentId,
        reason: NoteRef,
    },
    /// Leaves out the step on which a unit has failed.
    Skip {
        deployment: DeploymentId,
        unit: u32,
        reason: NoteRef,
    },
    /// Ends it where it is. Follows from a rollback, or a person does it.
    Abort {
        deployment: DeploymentId,
        reason: Option<NoteRef>,
    },
    /// Drops details from memory once the release's life is over.
    Archive {
        deployment: DeploymentId,
    },
}

/// Among the kinds a runner knows: it stops a step whose permit is taken from it.
pub const STOP: &str = "stop";

/// A runner offers its free hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub runner: Name,
    /// At most so many steps.
    pub capacity: u32,
    /// Labels of the runner within the server; those of an enrolled runner are what its invitation said.
    pub labels: BTreeMap<String, String>,
    /// Kinds of steps it knows, and [`STOP`] if it can stop one on its way; `None`: all.
    pub kinds: Option<BTreeSet<String>>,
    /// Whether it can be given several steps of a unit at once.
    pub ahead: bool,
}

/// What a runner says of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub deployment: DeploymentId,
    pub unit: u32,
    pub step: u32,
    pub fence: Fence,
    pub attempt: u32,
    pub outcome: StepOutcome,
    pub code: Option<String>,
    /// At most 500 characters are kept.
    pub message: String,
    pub output: Option<Digest>,
    pub started: Timestamp,
    pub finished: Timestamp,
}
