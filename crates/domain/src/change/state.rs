//! The changes there are.

use super::Event;
use crate::{
    core::{Map, Meta, Shared, edit},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, Identity, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// ITIL's classes of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Standard,
    Normal,
    Emergency,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Standard => "standard",
            Class::Normal => "normal",
            Class::Emergency => "emergency",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Low,
    Medium,
    High,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

/// What is at stake: computed from the services touched and from all that depend on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    pub level: Level,
    pub users: u64,
    pub revenue_per_hour: u64,
    pub data_classes: BTreeSet<Name>,
    /// Services that depend on those touched, directly or not.
    pub dependants: BTreeSet<Name>,
    /// Why the level is what it is, one sentence per reason.
    pub reasons: Vec<String>,
}

/// Who wrote what is in it, from Git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorship {
    pub authors: BTreeSet<AccountId>,
    pub co_authors: BTreeSet<AccountId>,
    /// Addresses of authors and co-authors that belong to no account.
    pub unknown: BTreeSet<Identity>,
    pub commits: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: AccountId,
    /// Whose decision it is, if it was delegated.
    pub on_behalf_of: Option<AccountId>,
    pub decision: Decision,
    pub reason: NoteRef,
    pub at: Timestamp,
    pub ruling: Ruling,
    pub withdrawn: bool,
    /// There if it was signed.
    #[serde(default)]
    pub signature: Option<Signature>,
}

/// What a change of a class goes through beside its approvals. Absent parts ask for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Seconds that have to lie between asking for the change and the beginning of its window, 0 to 90 days.
    pub lead_time_s: u32,
    /// Kinds of documents that have to be attached, at most 20.
    pub documents: BTreeSet<Name>,
    /// The board that decides, and from which impact on.
    pub board: Option<BoardRule>,
    /// Whether approvals are signed.
    pub signed: bool,
    /// Of an emergency: seconds until it has to be approved after the event, and until its review has to be done.
    pub ratify_within_s: u32,
    pub review_within_s: u32,
    /// Of emergencies: how many one group of owners may make in 30 days; `None` for any number.
    pub budget: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardRule {
    pub board: Name,
    pub from: Level,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            lead_time_s: 0,
            documents: BTreeSet::new(),
            board: None,
            signed: false,
            ratify_within_s: 24 * 3600,
            review_within_s: 72 * 3600,
            budget: None,
        }
    }
}

/// Something that was attached to a change, by its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub kind: Name,
    pub digest: Digest,
    pub by: AccountId,
    pub at: Timestamp,
    pub remark: NoteRef,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub id: ConditionId,
    pub text: NoteRef,
    pub by: AccountId,
    pub met: Option<Met>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    pub by: AccountId,
    pub at: Timestamp,
    pub evidence: NoteRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    Rejected,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub id: ChangeId,
    /// The release that carries it.
    pub release: ReleaseId,
    pub class: Class,
    pub services: BTreeSet<Name>,
    pub artifacts: BTreeSet<Digest>,
    pub requested_by: Option<AccountId>,
    pub summary: NoteRef,
    pub impact: Impact,
    pub authorship: Authorship,
    pub status: Status,
    pub opened: Timestamp,
    pub approvals: Vec<Approval>,
    pub conditions: Vec<Condition>,
    #[serde(default)]
    pub documents: Vec<Document>,
    /// How many there were, once they were put aside.
    pub counted: Option<Box<Counted>>,
}

/// What is left of the approvals and conditions of a change that is closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub services: Vec<Name>,
    pub authors: Vec<AccountId>,
    pub approvals: u32,
    pub open_conditions: u32,
}

impl Change {
    /// Decisions in force.
    pub fn decisions(&self, decision: Decision) -> impl Iterator<Item = &Approval> {
        self.approvals.iter().filter(move |it| !it.withdrawn && it.decision == decision)
    }

    /// What a list shows of it, be the rest put aside or not: approvals in force, conditions that are not met.
    pub fn counted(&self) -> Counted {
        self.counted.as_deref().cloned().unwrap_or_else(|| Counted {
            services: self.services.iter().cloned().collect(),
            authors: self.authorship.authors.iter().copied().collect(),
            approvals: self.decisions(Decision::Approve).count() as u32,
            open_conditions: self.conditions.iter().filter(|it| it.met.is_none()).count() as u32,
        })
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub changes: Map<ChangeId, Change>,
    pub by_release: imbl::OrdMap<ReleaseId, ChangeId>,
    /// What classes ask for, where that was set.
    #[serde(default)]
    pub flows: imbl::OrdMap<Class, Flow>,
}

impl State {
    pub fn change(&self, id: ChangeId) -> Option<&Change> {
        self.changes.get(&id).map(Arc::as_ref)
    }

    pub fn of_release(&self, release: ReleaseId) -> Option<&Change> {
        self.change(*self.by_release.get(&release)?)
    }

    /// What a class asks for.
    pub fn flow(&self, class: Class) -> Flow {
        self.flows.get(&class).cloned().unwrap_or_default()
    }

    /// Drops what only the page of a change shows that is closed.
    pub(crate) fn put_aside(&mut self, release: ReleaseId, shared: &Shared) {
        let closed = self.of_release(release).filter(|it| it.status == Status::Closed).map(|it| it.id);
        let Some(id) = closed else { return };
        edit(&mut self.changes, &id, |change| {
            let mut counted = change.counted();
            counted.services.iter_mut().for_each(|service| shared.service(service));
            change.counted = Some(Box::new(counted));
            change.services = BTreeSet::new();
            change.authorship.authors = BTreeSet::new();
            change.approvals = Vec::new();
            change.conditions = Vec::new();
            change.documents = Vec::new();
            change.artifacts = BTreeSet::new();
            change.impact.data_classes = BTreeSet::new();
            change.impact.dependants = BTreeSet::new();
            change.impact.reasons = Vec::new();
            change.authorship.co_authors = BTreeSet::new();
            change.authorship.unknown = BTreeSet::new();
        });
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Opened(it) => {
                self.by_release.insert(it.release, it.change);
                let change = Change {
                    id: it.change,
                    release: it.release,
                    class: it.class,
                    services: it.services.clone(),
                    artifacts: it.artifacts.clone(),
                    requested_by: it.requested_by,
                    summary: it.summary,
                    impact: it.impact.clone(),
                    authorship: it.authorship.clone(),
                    status: Status::Open,
                    opened: meta.at,
                    approvals: Vec::new(),
                    conditions: Vec::new(),
                    documents: Vec::new(),
                    counted: None,
                };
                self.changes.insert(it.change, Arc::new(change));
            }
            Event::Decided(it) => edit(&mut self.changes, &it.change, |change| {
                change.approvals.push(Approval {
                    by: it.account,
                    on_behalf_of: it.on_behalf_of,
                    decision: it.decision,
                    reason: it.reason,
                    at: meta.at,
                    ruling: it.ruling.settled(),
                    withdrawn: false,
                    signature: it.signature.clone(),
                });
                change.conditions.extend(it.conditions.iter().map(|condition| Condition {
                    id: condition.id,
                    text: condition.text,
                    by: it.account,
                    met: None,
                }));
                if it.decision == Decision::Reject {
                    change.status = Status::Rejected;
                }
            }),
            Event::Withdrawn(it) => edit(&mut self.changes, &it.change, |change| {
                change
                    .approvals
                    .iter_mut()
                    .filter(|approval| approval.by == it.account)
                    .for_each(|approval| approval.withdrawn = true);
                if change.decisions(Decision::Reject).next().is_none() && change.status == Status::Rejected {
                    change.status = Status::Open;
                }
            }),
            Event::ConditionMet(it) => edit(&mut self.changes, &it.change, |change| {
                for condition in change.conditions.iter_mut().filter(|condition| condition.id == it.condition) {
                    condition.met = Some(Met { by: it.account, at: meta.at, evidence: it.evidence });
                }
            }),
            Event::FlowPut(it) => drop(self.flows.insert(it.class, it.flow.clone())),
            Event::DocumentAttached(it) => edit(&mut self.changes, &it.change, |change| {
                change.documents.retain(|document| document.kind != it.document);
                change.documents.push(Document {
                    kind: it.document.clone(),
                    digest: it.digest,
                    by: it.account,
                    at: meta.at,
                    remark: it.remark,
                });
            }),
            Event::ConditionsAttached(it) => edit(&mut self.changes, &it.change, |change| {
                change.conditions.extend(it.conditions.iter().map(|condition| Condition {
                    id: condition.id,
                    text: condition.text,
                    by: condition.by,
                    met: None,
                }));
            }),
            Event::Closed(it) => edit(&mut self.changes, &it.change, |change| change.status = Status::Closed),
        }
    }
}
