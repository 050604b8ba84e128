//! One sample of every event there is, with every field filled in: what golden files are made of.
//!
//! Invariants: samples never change once their golden file is written (a test compares them); each room's samples are a chain of
//! `match`es over its events, so that an event without a sample does not compile, and each sample names all fields, so that a
//! field without a value does not compile either.
//! Deliberately absent: sense. A sample is valid in form, not a likely story.

mod catalog;
mod change;
mod deployment;
mod governance;
mod parts;
mod people;
mod release;
mod runner;
mod verification;

use interlock_domain::core::{By, Event, Record};
use parts::{at, id};

/// Follows a chain of samples to its end.
fn chain<E>(next: fn(Option<&E>) -> Option<E>, wrap: fn(E) -> Event) -> Vec<Event> {
    let mut events: Vec<E> = Vec::new();
    while let Some(event) = next(events.last()) {
        events.push(event);
    }
    events.into_iter().map(wrap).collect()
}

/// The samples of the room an event belongs to, and an event of the next room.
fn rooms() -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let room = match all.last() {
            None => chain(people::reason, Event::Reason),
            Some(Event::Reason(_)) => chain(people::policy, Event::Policy),
            Some(Event::Policy(_)) => chain(people::people, Event::People),
            Some(Event::People(_)) => chain(people::intake, Event::Intake),
            Some(Event::Intake(_)) => chain(catalog::catalog, Event::Catalog),
            Some(Event::Catalog(_)) => chain(catalog::calendar, Event::Calendar),
            Some(Event::Calendar(_)) => chain(catalog::environment, Event::Environment),
            Some(Event::Environment(_)) => chain(runner::runner, Event::Runner),
            Some(Event::Runner(_)) => chain(catalog::artifact, Event::Artifact),
            Some(Event::Artifact(_)) => chain(change::change, Event::Change),
            Some(Event::Change(_)) => chain(governance::board, Event::Board),
            Some(Event::Board(_)) => chain(release::release, Event::Release),
            Some(Event::Release(_)) => chain(governance::template, Event::Template),
            Some(Event::Template(_)) => chain(deployment::deployment, Event::Deployment),
            Some(Event::Deployment(_)) => chain(verification::verification, Event::Verification),
            Some(Event::Verification(_)) => chain(verification::operations, Event::Operations),
            Some(Event::Operations(_)) => chain(verification::rollback, Event::Rollback),
            Some(Event::Rollback(_)) => chain(governance::emergency, Event::Emergency),
            Some(Event::Emergency(_)) => chain(verification::learning, Event::Learning),
            Some(Event::Learning(_)) => return all,
        };
        all.extend(room);
    }
}

/// A record of every kind of event, in the order of the rooms.
pub fn samples() -> Vec<Record> {
    let record = |event| Record { v: 1, at: at(0), by: By::Account(id(1)), sub: id(2), event };
    rooms().into_iter().map(record).collect()
}
