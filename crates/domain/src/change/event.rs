//! What has happened to changes.

use super::{Authorship, Class, Decision, Flow, Impact};
use crate::{
    core::{Subject, World, payload},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, Name, ReleaseId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "change.opened")]
    Opened(Opened),
    #[serde(rename = "change.decided")]
    Decided(Decided),
    #[serde(rename = "change.decision_withdrawn")]
    Withdrawn(Withdrawn),
    #[serde(rename = "change.condition_met")]
    ConditionMet(ConditionMet),
    #[serde(rename = "change.closed")]
    Closed(Closed),
    #[serde(rename = "change.flow_put")]
    FlowPut(FlowPut),
    #[serde(rename = "change.document_attached")]
    DocumentAttached(DocumentAttached),
    #[serde(rename = "change.conditions_attached")]
    ConditionsAttached(ConditionsAttached),
}

payload! {
    /// A change was opened. Since 0.1.
    Opened {
        change: ChangeId,
        release: ReleaseId,
        class: Class,
        services: BTreeSet<Name>,
        artifacts: BTreeSet<Digest>,
        requested_by: Option<AccountId>,
        summary: NoteRef,
        impact: Impact,
        authorship: Authorship,
    }
    /// A condition as it was attached.
    Attached { id: ConditionId, text: NoteRef }
    /// Somebody approved or rejected. Since 0.1.
    Decided {
        change: ChangeId,
        account: AccountId,
        on_behalf_of: Option<AccountId>,
        decision: Decision,
        reason: NoteRef,
        conditions: Vec<Attached>,
        ruling: Ruling,
        /// There if it was signed; since 0.2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<Signature>,
    }
    /// Somebody took a decision back. Since 0.1.
    Withdrawn { change: ChangeId, account: AccountId, reason: NoteRef }
    /// A condition was met. Since 0.1.
    ConditionMet { change: ChangeId, condition: ConditionId, account: AccountId, evidence: NoteRef }
    /// A change ended with its release. Since 0.1.
    Closed { change: ChangeId }
    /// What a class of change asks for was set. Since 0.2.
    FlowPut { class: Class, flow: Flow }
    /// A document was attached, in place of one of its kind if there was one. Since 0.2.
    DocumentAttached { change: ChangeId, document: Name, digest: Digest, account: AccountId, remark: NoteRef }
    /// A condition as the board attached it; by: whoever voted so.
    Imposed { id: ConditionId, text: NoteRef, by: AccountId }
    /// The board approved with conditions. Since 0.2.
    ConditionsAttached { change: ChangeId, conditions: Vec<Imposed> }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Opened(_) => "change.opened",
            Event::Decided(_) => "change.decided",
            Event::Withdrawn(_) => "change.decision_withdrawn",
            Event::ConditionMet(_) => "change.condition_met",
            Event::Closed(_) => "change.closed",
            Event::FlowPut(_) => "change.flow_put",
            Event::DocumentAttached(_) => "change.document_attached",
            Event::ConditionsAttached(_) => "change.conditions_attached",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let (change, release) = match self {
            Event::Opened(it) => (it.change, Some(it.release)),
            Event::Decided(it) => (it.change, None),
            Event::Withdrawn(it) => (it.change, None),
            Event::ConditionMet(it) => (it.change, None),
            Event::Closed(it) => (it.change, None),
            Event::DocumentAttached(it) => (it.change, None),
            Event::ConditionsAttached(it) => (it.change, None),
            Event::FlowPut(_) => return Vec::new(),
        };
        let release = release.or_else(|| world.change.change(change).map(|it| it.release));
        std::iter::once(Subject::Change(change)).chain(release.map(Subject::Release)).collect()
    }
}
