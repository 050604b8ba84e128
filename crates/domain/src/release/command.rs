//! What can be asked for about releases.

use super::Spec;
use crate::reason::NoteRef;
use interlock_ids::{DeploymentId, Name, ReleaseId};
use jiff::Timestamp;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Command {
    /// Puts a release together; the change it carries follows.
    Draft {
        release: ReleaseId,
        spec: Spec,
    },
    /// Gives it a window that begins at `start` and is as long as its spec says; again, to move it.
    Plan {
        release: ReleaseId,
        start: Timestamp,
    },
    /// Fixes the scope.
    Freeze {
        release: ReleaseId,
    },
    /// Looks at the gates again: follows from whatever may have moved one.
    Reassess {
        release: ReleaseId,
    },
    /// Issues the permit.
    Authorise {
        release: ReleaseId,
    },
    /// Takes the permit back: follows from a quarantine, a lockdown, a withdrawn approval; or a person does.
    RevokePermit {
        release: ReleaseId,
        reason: String,
    },
    /// News from the deployment: it has begun, it is everywhere, the watch is over, all was taken back.
    Begun {
        release: ReleaseId,
        deployment: DeploymentId,
    },
    Deployed {
        release: ReleaseId,
    },
    WatchEnded {
        release: ReleaseId,
    },
    TakenBack {
        release: ReleaseId,
    },
    /// Lets commits through a code freeze, by name and with a reason.
    Except {
        release: ReleaseId,
        criterion: Name,
        commits: BTreeSet<String>,
        reason: NoteRef,
    },
    Cancel {
        release: ReleaseId,
        reason: NoteRef,
    },
    /// Ends a release whose watch could not tell, by a person who says why.
    Close {
        release: ReleaseId,
        reason: NoteRef,
    },
}
