//! Which rulings of policy an event records, wherever in it they stand.

use super::Event;
use crate::{board, change, deployment, emergency, reason::Ruling, release, rollback, template};

/// A ruling, and what it is the ruling of: `decision`, or the name of a gate.
pub type Named<'a> = (&'a str, &'a Ruling);

const DECISION: &str = "decision";

impl Event {
    /// The rulings the event records, each by its name within the event, in the order in which they stand there.
    pub fn rulings(&self) -> Vec<Named<'_>> {
        let of = |ruling| vec![(DECISION, ruling)];
        match self {
            Event::Change(change::Event::Decided(it)) => of(&it.ruling),
            Event::Release(release::Event::Planned(it)) => of(&it.ruling),
            Event::Release(release::Event::Authorised(it)) => {
                let gates = it.gates.iter().map(|gate| (gate.name.as_str(), &gate.ruling));
                gates.chain([(DECISION, &it.ruling)]).collect()
            }
            Event::Deployment(deployment::Event::Started(it)) => it.ruling.as_ref().map(of).unwrap_or_default(),
            Event::Rollback(rollback::Event::Started(it)) => it.ruling.as_ref().map(of).unwrap_or_default(),
            Event::Board(board::Event::Voted(it)) => of(&it.ruling),
            Event::Template(template::Event::Approved(it)) => of(&it.ruling),
            Event::Emergency(emergency::Event::Ratified(it)) => of(&it.ruling),
            Event::Emergency(emergency::Event::Broken(it)) => of(&it.ruling),
            Event::Emergency(emergency::Event::Confirmed(it)) => of(&it.ruling),
            // A refusal holds the parts of a ruling; every other event rests on none that is recorded.
            Event::Reason(_)
            | Event::Policy(_)
            | Event::People(_)
            | Event::Catalog(_)
            | Event::Calendar(_)
            | Event::Environment(_)
            | Event::Artifact(_)
            | Event::Change(_)
            | Event::Board(_)
            | Event::Release(_)
            | Event::Template(_)
            | Event::Deployment(_)
            | Event::Verification(_)
            | Event::Operations(_)
            | Event::Rollback(_)
            | Event::Emergency(_)
            | Event::Learning(_)
            | Event::Intake(_)
            | Event::Runner(_) => Vec::new(),
        }
    }
}
