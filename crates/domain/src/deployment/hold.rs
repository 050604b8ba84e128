//! Holding a deployment back, and letting it go on: what stands in the way is written down, the permit of what runs is revoked
//! with it, and once nothing stands in the way another permit is issued. A permit that was revoked never becomes good again.
//!
//! The way back is never held for what a gate says, so its permit is not revoked for it either: it is what a lockdown or a
//! quarantine is for. Nor is it held because it takes long: a permit of it that runs out is replaced when the next step is due.

use super::obstacle::obstacles;
use super::*;
use crate::{
    artifact, change,
    core::{self, Context, World},
    environment, learning,
    reason::Blocker,
    release::{self, Permit},
};
use interlock_ids::DeploymentId;
use jiff::{SignedDuration, Timestamp};

/// How soon a held deployment is looked at again, if nothing is known to clear earlier.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// How long a permit to go back is good: it is short, since it is issued when it is needed.
const BACK_PERMIT: SignedDuration = SignedDuration::from_hours(4);
/// The permit is not good now; every other blocker takes its ground away.
const NOT_NOW: &str = "no-valid-permit";

/// Writes down what stands in the way, and takes the permit back for it.
pub(super) fn hold(it: &Deployment, blockers: Vec<Blocker>, now: Timestamp) -> Vec<Event> {
    let ground: Vec<Blocker> = blockers.iter().filter(|it| it.code != NOT_NOW).cloned().collect();
    let revoke = it.direction == Direction::Forward && !it.permit_revoked && !ground.is_empty();
    let soon = now.checked_add(LOOK_AGAIN).unwrap_or(now);
    let clears = blockers.iter().filter_map(|blocker| blocker.by).filter(|at| *at > now).min();
    let until = clears.map_or(soon, |at| at.min(soon));
    let revoked = PermitRevoked { deployment: it.id, permit: it.permit.id, blockers: ground };
    let held = Event::Held(Held { deployment: it.id, blockers, until });
    std::iter::once(held).chain(revoke.then_some(Event::PermitRevoked(revoked))).collect()
}

/// Until when a permit to go back is good that is issued now.
pub(super) fn back_until(now: Timestamp) -> Timestamp {
    now.checked_add(BACK_PERMIT).unwrap_or(now)
}

/// Another permit in the place of a revoked one, when nothing stands in the way: the same builds, until the same moment. In the
/// place of one that ran out on the way back: the same builds, for as long again.
pub(super) fn renew(world: &World, it: &Deployment, ctx: &Context) -> Option<Event> {
    let ran_out = it.direction != Direction::Forward && ctx.now >= it.permit.not_after;
    if !it.permit_revoked && !ran_out {
        return None;
    }
    let approved_by = world.change.of_release(it.release).map(|change| release::approvers(world, change));
    let permit = Permit {
        id: ctx.ids.id(),
        not_before: ctx.now,
        not_after: if ran_out { back_until(ctx.now) } else { it.permit.not_after },
        approved_by: approved_by.unwrap_or_default(),
        policy_set: world.policy.set().map_or_else(|| it.permit.policy_set.clone(), |set| set.digest().to_string()),
        ..it.permit.clone()
    };
    Some(Event::PermitRenewed(PermitRenewed { deployment: it.id, permit }))
}

/// Looks again at what stands in the way of a deployment that is not over.
pub(super) fn look(world: &World, it: &Deployment, ctx: &Context) -> Vec<Event> {
    if it.status == Status::Stopping || (it.held.is_empty() && it.direction != Direction::Forward) {
        return Vec::new();
    }
    let found = obstacles(world, it, ctx.now);
    match (found.is_empty(), it.held.is_empty()) {
        (true, true) => Vec::new(),
        (true, false) => {
            std::iter::once(Event::Unheld(Unheld { deployment: it.id })).chain(renew(world, it, ctx)).collect()
        }
        (false, false) if found == it.held => Vec::new(),
        (false, _) => hold(it, found, ctx.now),
    }
}

/// Running deployments that an event may have taken the ground from.
pub(super) fn shaken(world: &World, event: &core::Event) -> Vec<DeploymentId> {
    use core::Event as It;
    let those = |test: &dyn Fn(&Deployment) -> bool| {
        let running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
        running.filter(|it| test(it)).map(|it| it.id).collect::<Vec<_>>()
    };
    match event {
        It::Calendar(_) | It::Policy(_) => those(&|_| true),
        It::Artifact(artifact::Event::Quarantined(quarantined)) => {
            those(&|it| it.units.iter().any(|unit| unit.digest == quarantined.digest))
        }
        It::Artifact(artifact::Event::KeyPut(_)) => those(&|_| true),
        It::Change(change::Event::Withdrawn(change::Withdrawn { change, .. }))
        | It::Change(change::Event::Decided(change::Decided { change, .. })) => {
            let release = world.change.change(*change).map(|it| it.release);
            those(&|it| Some(it.release) == release)
        }
        It::Release(release::Event::PermitRevoked(it)) => {
            let release = it.release;
            those(&|it| it.release == release)
        }
        It::Environment(environment::Event::Claimed(claimed)) => those(&|it| it.environment == claimed.environment),
        It::Learning(learning::Event::ReviewOpened(opened)) => {
            those(&|it| it.units.iter().any(|unit| opened.services.contains(&unit.service)))
        }
        // Whatever may clear something.
        It::Artifact(_) | It::Change(_) | It::Environment(_) | It::Learning(_) => those(&|it| !it.held.is_empty()),
        _ => Vec::new(),
    }
}
