//! What stands in the way of a deployment: asked when it starts, and again whenever a step is handed out.

use super::{Deployment, Direction};
use crate::{
    calendar,
    core::{Context, World},
    reason::{Blocker, Outcome, Slot},
    release::{self, Permit, Release, gates},
};
use interlock_ids::Name;
use jiff::Timestamp;

const TAKE_IT_BACK: &str = "roll the deployment back, or abort it";
const ITS_KEEPERS: &str = "a deployer or who is on call";

/// `running`: a release whose deployment has begun is not authorised again.
pub(super) fn permit_blocker(world: &World, permit: &Permit, running: bool, now: Timestamp) -> Option<Blocker> {
    let revoked = world.release.revoked_permits.contains_key(&permit.id);
    let message = if revoked {
        format!("permit {} was revoked", permit.id)
    } else if now < permit.not_before {
        format!("permit {} is good from {}", permit.id, permit.not_before)
    } else if now >= permit.not_after {
        format!("permit {} ran out at {}", permit.id, permit.not_after)
    } else {
        return None;
    };
    let early = !revoked && now < permit.not_before;
    let (clears, who) = match (early, running) {
        (true, _) => ("wait for the window", "a release manager"),
        (false, true) => (TAKE_IT_BACK, ITS_KEEPERS),
        (false, false) => ("authorise the release again", "a release manager"),
    };
    Some(Blocker::new("no-valid-permit", message, clears, who).until(early.then_some(permit.not_before)))
}

pub(super) fn no_permit(release: &Release) -> Blocker {
    let message = format!("release `{}` has no permit", release.spec.name);
    Blocker::new("no-valid-permit", message, "authorise it", "a release manager")
}

fn permit_taken_back(release: &Release) -> Blocker {
    let message = format!("the permit of release `{}` was revoked", release.spec.name);
    Blocker::new("permit-revoked", message, TAKE_IT_BACK, ITS_KEEPERS)
}

pub(super) fn busy(world: &World, environment: &Name) -> Option<Blocker> {
    let running = world.deployment.running_in(environment)?;
    let name = world.release.release(running.release).map(|it| it.spec.name.to_string()).unwrap_or_default();
    let message = format!("deployment {} of release `{name}` runs in `{environment}`", running.id);
    Some(Blocker::new("environment-busy", message, "wait until it ends, or abort it", "a deployer"))
}

pub(super) fn claimed_by_other(world: &World, release: &Release, ctx: &Context) -> Option<Blocker> {
    let claim = world.environment.claim(&release.spec.environment, ctx.now)?;
    let own = ctx.actor.account_id().is_some_and(|account| world.people.same_person(account, claim.by));
    let message = format!("`{}` is claimed by {} until {}", claim.environment, claim.by, claim.until);
    (!own).then(|| {
        Blocker::new(
            "environment-claimed",
            message,
            "wait, or ask for the claim to be given back",
            claim.by.to_string(),
        )
        .until(Some(claim.until))
    })
}

/// What stands in the way of the next step of a deployment: everything that was checked before it began is checked again.
pub(super) fn obstacles(world: &World, it: &Deployment, now: Timestamp) -> Vec<Blocker> {
    let forward = it.direction == Direction::Forward;
    let taken_back = world.release.release(it.release).filter(|release| forward && release.permit_revoked);
    // A permit that was renewed since rests on the one the deployment was begun with.
    let mut found: Vec<Blocker> = match taken_back {
        Some(release) => vec![permit_taken_back(release)],
        // The way back takes as long as it takes, and is given another permit when one runs out.
        None if !forward && now >= it.permit.not_after => Vec::new(),
        None => permit_blocker(world, &it.permit, true, now).into_iter().collect(),
    };
    let Some(release) = world.release.release(it.release) else { return found };
    // The way back stays open, since it is what a lockdown or a quarantine is for; unless a window says that it holds that too.
    if !forward {
        let instant = Slot { start: now, end: now };
        let closed = calendar::open_for_rollback(world, &release::scope(release), instant);
        found.extend(closed.iter().map(release::closed_blocker));
    } else {
        let asked: Vec<_> =
            gates(world, release, now).into_iter().filter(|gate| gate.ruling.outcome != Outcome::Pass).collect();
        found.extend(release::blockers(&asked));
    }
    found
}
