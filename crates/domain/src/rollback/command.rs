//! What can be asked for about rollbacks.

use super::{Cause, CriterionResult};
use crate::{core::Fence, reason::NoteRef};
use interlock_ids::{DeploymentId, Digest, ReleaseId, RollbackId};

#[derive(Clone, Debug)]
pub enum Command {
    /// Takes a release back: a person with a reason, or what follows from a trigger or the judge.
    Start {
        release: ReleaseId,
        cause: Cause,
        reason: Option<NoteRef>,
    },
    /// News from the deployment that takes it back.
    UndoBegun {
        rollback: RollbackId,
        deployment: DeploymentId,
    },
    UndoEnded {
        rollback: RollbackId,
    },
    /// What the criteria said, from the shell that checked.
    Conclude {
        rollback: RollbackId,
        fence: Fence,
        results: Vec<CriterionResult>,
        evidence: Digest,
    },
    /// Checks the criteria of a failed rollback again.
    CheckAgain {
        rollback: RollbackId,
        reason: NoteRef,
    },
}
