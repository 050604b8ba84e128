//! The four functions of the core, each a list of rooms.

use super::{Command, Context, Event, Meta, Obligation, Subject, World, settle};
use crate::{reason::Refusal, *};

fn all<E>(wrap: fn(E) -> Event) -> impl Fn(Vec<E>) -> Vec<Event> {
    move |events| events.into_iter().map(wrap).collect()
}

/// What would happen if the command were carried out now; or every reason why it may not be.
pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Policy(it) => policy::decide(world, it, ctx).map(all(Event::Policy)),
        Command::People(it) => people::decide(world, it, ctx).map(all(Event::People)),
        Command::Intake(it) => intake::decide(world, it, ctx).map(all(Event::Intake)),
        Command::Catalog(it) => catalog::decide(world, it, ctx).map(all(Event::Catalog)),
        Command::Calendar(it) => calendar::decide(world, it, ctx).map(all(Event::Calendar)),
        Command::Environment(it) => environment::decide(world, it, ctx).map(all(Event::Environment)),
        Command::Runner(it) => runner::decide(world, it, ctx).map(all(Event::Runner)),
        Command::Artifact(it) => artifact::decide(world, it, ctx).map(all(Event::Artifact)),
        Command::Change(it) => change::decide(world, it, ctx).map(all(Event::Change)),
        Command::Board(it) => board::decide(world, it, ctx).map(all(Event::Board)),
        Command::Release(it) => release::decide(world, it, ctx).map(all(Event::Release)),
        Command::Template(it) => template::decide(world, it, ctx).map(all(Event::Template)),
        Command::Deployment(it) => deployment::decide(world, it, ctx).map(all(Event::Deployment)),
        Command::Verification(it) => verification::decide(world, it, ctx).map(all(Event::Verification)),
        Command::Operations(it) => operations::decide(world, it, ctx).map(all(Event::Operations)),
        Command::Rollback(it) => rollback::decide(world, it, ctx).map(all(Event::Rollback)),
        Command::Emergency(it) => emergency::decide(world, it, ctx).map(all(Event::Emergency)),
        Command::Learning(it) => learning::decide(world, it, ctx).map(all(Event::Learning)),
    }
}

/// Folds one entry into the world, and gives what it concerns. Total: it was decided, so it happened.
pub fn apply(world: &mut World, event: &Event, meta: &Meta) -> Vec<Subject> {
    let subjects = event.subjects(world);
    for subject in &subjects {
        world.trail.add(subject, meta.position);
    }
    match event {
        Event::Reason(it) => world.reason.apply(it, meta),
        Event::Policy(it) => world.policy.apply(it, meta),
        Event::People(it) => world.people.apply(it, meta),
        Event::Intake(it) => world.intake.apply(it, meta),
        Event::Catalog(it) => world.catalog.apply(it, meta),
        Event::Calendar(it) => world.calendar.apply(it, meta),
        Event::Environment(it) => world.environment.apply(it, meta),
        Event::Runner(it) => world.runner.apply(it, meta),
        Event::Artifact(it) => world.artifact.apply(it, meta),
        Event::Change(it) => world.change.apply(it, meta),
        Event::Board(it) => world.board.apply(it, meta),
        Event::Release(it) => world.release.apply(it, meta),
        Event::Template(it) => world.template.apply(it, meta),
        Event::Deployment(it) => world.deployment.apply(it, meta),
        Event::Verification(it) => world.verification.apply(it, meta),
        Event::Operations(it) => world.operations.apply(it, meta),
        Event::Rollback(it) => world.rollback.apply(it, meta),
        Event::Emergency(it) => world.emergency.apply(it, meta),
        Event::Learning(it) => world.learning.apply(it, meta),
    }
    world.position = meta.position + 1;
    settle::settle(world, &subjects);
    subjects
}

/// The commands that follow at once from an event that was just applied. Each goes through `decide` like anyone's.
pub fn react(world: &World, event: &Event) -> Vec<Command> {
    let mut commands = Vec::new();
    commands.extend(change::react(world, event).into_iter().map(Command::Change));
    commands.extend(release::react(world, event).into_iter().map(Command::Release));
    commands.extend(template::react(world, event).into_iter().map(Command::Template));
    commands.extend(deployment::react(world, event).into_iter().map(Command::Deployment));
    commands.extend(verification::react(world, event).into_iter().map(Command::Verification));
    commands.extend(operations::react(world, event).into_iter().map(Command::Operations));
    commands.extend(rollback::react(world, event).into_iter().map(Command::Rollback));
    commands.extend(emergency::react(world, event).into_iter().map(Command::Emergency));
    commands.extend(artifact::react(world, event).into_iter().map(Command::Artifact));
    commands.extend(learning::react(world, event).into_iter().map(Command::Learning));
    commands
}

/// All work outstanding, derived from state alone: a restart, a restore or a failover derives the same list.
pub fn owed(world: &World) -> Vec<Obligation> {
    let mut owed = Vec::new();
    owed.extend(calendar::owed(world));
    owed.extend(release::owed(world));
    owed.extend(deployment::owed(world));
    owed.extend(verification::owed(world));
    owed.extend(operations::owed(world));
    owed.extend(rollback::owed(world));
    owed
}
