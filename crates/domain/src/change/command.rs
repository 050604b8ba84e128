//! What can be asked for about changes.

use super::{Class, Decision, Flow, Imposed};
use crate::reason::NoteRef;
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, Name, ReleaseId};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Command {
    /// Opens the change a release carries; follows from drafting the release. Its id is made on the way.
    Open {
        release: ReleaseId,
        class: Class,
        services: BTreeSet<Name>,
        artifacts: BTreeSet<Digest>,
        requested_by: Option<AccountId>,
        summary: NoteRef,
    },
    /// Approves or rejects, by the account that acts.
    Decide {
        change: ChangeId,
        decision: Decision,
        reason: NoteRef,
        /// Ids are given by the shell, which keeps the texts.
        conditions: Vec<(ConditionId, NoteRef)>,
        on_behalf_of: Option<AccountId>,
        /// The digest of what the approver has seen; if it is another by now, nothing is decided.
        seen: Option<Digest>,
    },
    /// Takes one's own decision back.
    Withdraw {
        change: ChangeId,
        reason: NoteRef,
    },
    MeetCondition {
        change: ChangeId,
        condition: ConditionId,
        evidence: NoteRef,
    },
    /// Sets what a class of change asks for.
    PutFlow {
        class: Class,
        flow: Flow,
    },
    /// Attaches a document by its digest.
    AttachDocument {
        change: ChangeId,
        document: Name,
        digest: Digest,
        remark: NoteRef,
    },
    /// Follows from a board's approval with conditions.
    AttachConditions {
        change: ChangeId,
        conditions: Vec<Imposed>,
    },
    /// Follows from the end of the release.
    Close {
        change: ChangeId,
    },
}
