//! What may happen to environments.

use super::{ClaimEnded, Claimed, Command, Environment, EnvironmentPut, EnvironmentRemoved, Event, Tier};
use crate::{
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind},
};
use interlock_ids::{ClaimId, Name};
use interlock_policy::Facts;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The longest an environment is claimed at once.
const CLAIM: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Targets of one environment.
const TARGETS: usize = 10_000;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutEnvironment { environment } => put(world, ctx, environment),
        Command::RemoveEnvironment { environment } => remove(world, ctx, environment),
        Command::Claim { claim, environment, until, purpose } => {
            claim_it(world, ctx, *claim, environment, *until, *purpose)
        }
        Command::EndClaim { claim } => {
            let known = world.environment.claims.get(claim).ok_or_else(|| Refusal::not_found("claim", claim))?;
            let own = world.people.acting(&ctx.actor).is_ok_and(|it| world.people.same_person(it.id, known.by));
            let in_scope = ctx.actor.scopes.as_ref().is_none_or(|scopes| scopes.contains("environment.claim"));
            if !(own && in_scope) {
                manage(world, ctx, &known.environment)?;
            }
            Ok(if known.ended.is_some() { Vec::new() } else { vec![Event::ClaimEnded(ClaimEnded { claim: *claim })] })
        }
    }
}

fn manage(world: &World, ctx: &Context, name: &Name) -> Result<(), Refusal> {
    authorise(world, ctx, Question::new("environment.manage", "Environment", name)).map(drop)
}

fn put(world: &World, ctx: &Context, it: &Environment) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx, &it.name)?;
    let mut wrong = Vec::new();
    if it.tier == Tier::Production && !it.production_like {
        let message = "an environment of tier production is always production-like";
        wrong.push(Blocker::new("production-like", message, "`production_like: true`, or another tier", "you"));
    }
    if (it.production_like || it.tier == Tier::Production)
        && it.deployers.roles.is_empty()
        && it.deployers.groups.is_empty()
    {
        let message = "it is production-like and names nobody who may deploy to it";
        wrong.push(Blocker::new("no-deployers", message, "roles or groups under `deployers`", "you"));
    }
    if it.targets.len() > TARGETS {
        wrong.push(Blocker::new("count", format!("it has more than {TARGETS} targets"), "several environments", "you"));
    }
    let mut named = BTreeSet::new();
    for target in &it.targets {
        if !named.insert(&target.name) {
            wrong.push(Blocker::new(
                "named-twice",
                format!("target `{}` is named twice", target.name),
                "another name",
                "you",
            ));
        }
        if target.address.trim().is_empty() || target.address.chars().count() > 2_000 {
            let message = format!("target `{}` has no address, or one of more than 2,000 characters", target.name);
            wrong.push(Blocker::new("address", message, "how the target is reached", "you"));
        }
        for service in target.services.iter().filter(|name| world.catalog.service(name).is_none()) {
            let message = format!("target `{}` runs `{service}`, and there is no such service", target.name);
            wrong.push(Blocker::new("unknown-service", message, "enter the service first", "you"));
        }
    }
    if !wrong.is_empty() {
        let summary = format!("environment `{}` cannot be entered: {} things are wrong", it.name, wrong.len());
        return Err(Refusal::new(RefusalKind::Invalid, summary, wrong));
    }
    if world.environment.environment(&it.name) == Some(it) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::EnvironmentPut(EnvironmentPut { environment: it.clone() })])
}

fn remove(world: &World, ctx: &Context, name: &Name) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx, name)?;
    world.environment.environment(name).ok_or_else(|| Refusal::not_found("environment", name))?;
    let mut blockers = Vec::new();
    if let Some(running) = world.deployment.running_in(name) {
        let message = format!("deployment `{}` is running there", running.id);
        blockers.push(Blocker::new("deployment-running", message, "it ends", "whoever deploys"));
    }
    for release in
        world.release.open.iter().filter_map(|id| world.release.release(*id)).filter(|it| it.spec.environment == *name)
    {
        let message = format!("release `{}` is meant for it", release.spec.name);
        blockers.push(Blocker::new("in-release", message, "the release ends", "a release manager"));
    }
    if !blockers.is_empty() {
        return Err(Refusal::blocked(format!("environment `{name}` cannot be removed"), blockers));
    }
    Ok(vec![Event::EnvironmentRemoved(EnvironmentRemoved { environment: name.clone() })])
}

fn claim_it(
    world: &World,
    ctx: &Context,
    claim: ClaimId,
    name: &Name,
    until: Timestamp,
    purpose: NoteRef,
) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    let environment = world.environment.environment(name).ok_or_else(|| Refusal::not_found("environment", name))?;
    let held = world.environment.claim(name, ctx.now);
    let other = held.filter(|it| !world.people.same_person(it.by, account));
    let mut blockers = Vec::new();
    if let Some(it) = other {
        let message = format!("`{name}` is claimed by `{}` until {}", it.by, it.until);
        blockers.push(
            Blocker::new("claimed", message, "the claim is given back, or runs out", format!("account {}", it.by))
                .until(Some(it.until)),
        );
    }
    if let Some(running) = world.deployment.running_in(name) {
        let own = running.started_by.is_some_and(|by| world.people.same_person(by, account));
        if !own {
            let message = format!("deployment `{}`, which somebody else started, is running there", running.id);
            blockers.push(Blocker::new("deployment-running", message, "it ends", "whoever deploys"));
        }
    }
    if !blockers.is_empty() {
        return Err(Refusal::blocked(format!("environment `{name}` cannot be claimed"), blockers));
    }
    let facts =
        Facts::new().with("claimed_by_other", other.is_some()).with("production_like", environment.production_like);
    authorise(world, ctx, Question::new("environment.claim", "Environment", name).with(facts))?;
    let mut wrong = Vec::new();
    if world.environment.claims.contains_key(&claim) {
        wrong.push(Blocker::new("id-taken", format!("claim `{claim}` exists already"), "a new id", "you"));
    }
    if until <= ctx.now {
        wrong.push(Blocker::new("in-the-past", format!("the claim would have ended at {until}"), "a later end", "you"));
    } else if until.duration_since(ctx.now) > CLAIM {
        wrong.push(Blocker::new("too-long", "an environment is claimed for 14 days at most", "an earlier end", "you"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!("environment `{name}` cannot be claimed like this"),
            wrong,
        ));
    }
    // One's own claim is prolonged by a new one in its place: never are there two at a time.
    let before = held.map(|it| Event::ClaimEnded(ClaimEnded { claim: it.id }));
    let claimed = Event::Claimed(Claimed { claim, environment: name.clone(), account, until, purpose });
    Ok(before.into_iter().chain([claimed]).collect())
}
