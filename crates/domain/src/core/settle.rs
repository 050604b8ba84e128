//! What is over takes little room: once a release's life has ended, what only its own page shows is dropped from the world.
//!
//! The ledger keeps it. [`World::details_of`] reads it back: a look at one object as it would be if nothing had been dropped.
//! Invariants: nothing a decision or a list reads is dropped; dropping is part of `apply`, so every node drops the same; a
//! further event on what was put aside still applies. Deliberately absent: I/O. Whoever looks brings the entries.

use super::{Event, Map, Meta, Subject, World, apply};
use crate::{catalog::Service, deployment::Pipeline, environment::Environment};
use interlock_ids::{Name, ReleaseId};

/// Drops details of a release that an event has just concerned, if it is over.
pub(super) fn settle(world: &mut World, subjects: &[Subject]) {
    if world.whole {
        return;
    }
    let over = |id: &ReleaseId| world.release.release(*id).is_some_and(|it| it.stage.is_terminal());
    let concerned = subjects.iter().find_map(|subject| match subject {
        Subject::Release(id) => Some(*id),
        _ => None,
    });
    if let Some(id) = concerned.filter(over) {
        put_aside(world, id);
    }
}

/// Names as the world's own lists hold them: one text in memory, however many objects are called after it.
pub(crate) struct Shared {
    services: Map<Name, Service>,
    environments: Map<Name, Environment>,
    pipelines: Map<Name, Pipeline>,
}

impl Shared {
    fn of(world: &World) -> Self {
        Self {
            services: world.catalog.services.clone(),
            environments: world.environment.environments.clone(),
            pipelines: world.deployment.pipelines.clone(),
        }
    }

    pub(crate) fn service(&self, name: &mut Name) {
        share(&self.services, name);
    }

    pub(crate) fn environment(&self, name: &mut Name) {
        share(&self.environments, name);
    }

    pub(crate) fn pipeline(&self, name: &mut Name) {
        share(&self.pipelines, name);
    }
}

fn share<V>(all: &Map<Name, V>, name: &mut Name) {
    if let Some((own, _)) = all.get_key_value(name) {
        *name = own.clone();
    }
}

fn put_aside(world: &mut World, id: ReleaseId) {
    let Some(release) = world.release.release(id) else { return };
    let forward = release.deployment;
    let back = world.rollback.of_release(id).and_then(|it| it.deployment);
    let shared = Shared::of(world);
    for deployment in forward.into_iter().chain(back) {
        world.deployment.put_aside(deployment, &shared);
        world.verification.put_aside(deployment, &shared);
    }
    world.release.put_aside(id, &shared);
    world.change.put_aside(id, &shared);
    world.operations.put_aside(id, &shared);
    world.rollback.put_aside(id, &shared);
}

impl World {
    /// This world, with nothing dropped of one release: from the entries that concern it, in order, each with what the ledger
    /// knows beside. The positions are those of its [`trail`](World::trail).
    pub fn details_of(&self, release: ReleaseId, entries: impl IntoIterator<Item = (Event, Meta)>) -> World {
        let mut whole = World { whole: true, ..World::default() };
        for (event, meta) in entries {
            apply(&mut whole, &event, &meta);
        }
        let mut world = self.clone();
        let found = whole.release.releases.get(&release);
        world.release.releases.extend(found.map(|it| (release, it.clone())));
        world.change.changes.extend(whole.change.changes);
        world.deployment.deployments.extend(whole.deployment.deployments);
        world.verification.analyses.extend(whole.verification.analyses);
        world.operations.watches.extend(whole.operations.watches);
        world.rollback.rollbacks.extend(whole.rollback.rollbacks);
        world.learning.reviews.extend(whole.learning.reviews);
        world
    }
}
