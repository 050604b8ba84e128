//! The trail: which entries concern which object. It is what the timeline of a release is read from.

use super::{Event, World, positions::Positions};
use interlock_ids::{AccountId, ChangeId, DeploymentId, Digest, Name, ReleaseId};
use serde::{Deserialize, Serialize};

/// What an entry can concern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    Account(AccountId),
    Service(Name),
    Calendar(Name),
    Environment(Name),
    Artifact(Digest),
    Change(ChangeId),
    Release(ReleaseId),
    Deployment(DeploymentId),
}

/// Positions of entries by what they concern, ascending.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trail(imbl::OrdMap<Subject, Positions>);

impl Trail {
    pub(super) fn add(&mut self, subject: &Subject, position: u64) {
        match self.0.get_mut(subject) {
            Some(positions) => positions.push(position),
            None => drop(self.0.insert(subject.clone(), Positions::one(position))),
        }
    }

    /// Positions of the entries that concern the subject, oldest first.
    pub fn of(&self, subject: &Subject) -> impl DoubleEndedIterator<Item = u64> + '_ {
        self.0.get(subject).into_iter().flat_map(Positions::iter)
    }
}

impl Event {
    /// What the event concerns, seen from the world before it is applied.
    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        match self {
            Event::Reason(it) => it.subjects(),
            Event::Policy(_) => Vec::new(),
            Event::People(it) => it.subjects(),
            Event::Intake(it) => it.subjects(),
            Event::Catalog(it) => it.subjects(),
            Event::Calendar(it) => it.subjects(),
            Event::Environment(it) => it.subjects(world),
            Event::Runner(it) => it.subjects(),
            Event::Artifact(it) => it.subjects(world),
            Event::Change(it) => it.subjects(world),
            Event::Board(it) => it.subjects(world),
            Event::Release(it) => it.subjects(world),
            Event::Template(it) => it.subjects(world),
            Event::Deployment(it) => it.subjects(world),
            Event::Verification(it) => it.subjects(world),
            Event::Operations(it) => it.subjects(world),
            Event::Rollback(it) => it.subjects(world),
            Event::Emergency(it) => it.subjects(world),
            Event::Learning(it) => it.subjects(world),
        }
    }
}
