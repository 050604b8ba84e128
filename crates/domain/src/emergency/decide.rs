//! What may happen in emergencies.

use super::*;
use crate::{
    change::{self, Change, Class},
    core::{self, Context, World},
    deployment, learning,
    policy::{Question, authorise},
    reason::{Blocker, Meaning, NoteRef, Refusal, RefusalKind, digest_of, only_by_system, sign},
    release::{self, Release},
};
use interlock_ids::{ChangeId, Digest, GlassId, Name, ReleaseId};
use interlock_policy::{Fact, Facts};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The longest a broken glass opens gates.
const LONGEST_S: u32 = 4 * 3600;
/// Emergencies of this long count for a budget.
const BUDGET_DAYS: i64 = 30;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Incur { release } => incur(world, ctx, *release),
        Command::Ratify { change, agreed, reason, seen } => ratify(world, ctx, *change, *agreed, *reason, *seen),
        Command::Break { glass, release, gates, lasts_s, reason } => {
            break_glass(world, ctx, *glass, (*release, gates, *lasts_s), *reason)
        }
        Command::Confirm { glass, reason } => confirm(world, ctx, *glass, *reason),
        Command::End { glass, reason } => {
            let known = world.emergency.glass(*glass).ok_or_else(|| Refusal::not_found("glass", glass))?;
            let facts = facts([("signed", Fact::Bool(true))]);
            authorise(world, ctx, Question::new("glass.break", "Glass", glass).with(facts))?;
            if known.ended.is_some() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::Ended(Ended { glass: *glass, account: ctx.actor.account_id(), reason: *reason })])
        }
    }
}

/// What starts to deploy in an emergency, or under a broken glass, owes something from then on.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let core::Event::Deployment(deployment::Event::Started(it)) = event else { return Vec::new() };
    let forward = it.direction == deployment::Direction::Forward;
    let release = world.release.release(it.release).filter(|_| forward);
    let owes = |it: &Release| it.spec.class == Class::Emergency || world.emergency.of_release(it.id).next().is_some();
    release.filter(|it| owes(it)).map(|it| Command::Incur { release: it.id }).into_iter().collect()
}

fn facts<const N: usize>(entries: [(&str, Fact); N]) -> Facts {
    Facts(entries.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
}

/// Groups that own the services of a release.
fn owners(world: &World, release: &Release) -> BTreeSet<Name> {
    let services = release.spec.items.iter().filter_map(|it| world.catalog.service(&it.service));
    services.map(|it| it.owner.clone()).collect()
}

fn production_like(world: &World, release: &Release) -> bool {
    world.environment.environment(&release.spec.environment).is_none_or(|it| it.production_like)
}

/// What is overdue after emergencies of the owners of a release, in words, except after its own.
pub fn overdue(world: &World, release: &Release, now: Timestamp) -> Vec<String> {
    let owners = owners(world, release);
    let mine = world.emergency.debts.values().filter(|it| it.release != release.id && !it.owners.is_disjoint(&owners));
    let name = |id: ReleaseId| world.release.release(id).map_or_else(|| id.to_string(), |it| it.spec.name.to_string());
    let mut found = Vec::new();
    for debt in mine {
        if debt.ratified.is_none() && debt.ratify_by <= now {
            found.push(format!("the approval of {} after the event, due {}", name(debt.release), debt.ratify_by));
        }
        if debt.review_by <= now && learning::emergency_review_open(world, debt.release) {
            found.push(format!("the review of {}, due {}", name(debt.release), debt.review_by));
        }
    }
    found
}

/// Whether the owners of an emergency have made as many as they may in 30 days, itself left out.
pub fn budget_spent(world: &World, release: &Release, now: Timestamp) -> bool {
    let Some(budget) = world.change.flow(Class::Emergency).budget else { return false };
    if release.spec.class != Class::Emergency {
        return false;
    }
    let since = now - SignedDuration::from_hours(24 * BUDGET_DAYS);
    let counts = |it: &Debt, owner: &Name| it.incurred > since && it.release != release.id && it.owners.contains(owner);
    let made = |owner: &Name| world.emergency.debts.values().filter(|it| counts(it, owner)).count();
    owners(world, release).iter().any(|owner| made(owner) >= budget as usize)
}

fn incur(world: &World, ctx: &Context, release: ReleaseId) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "what is owed after an emergency")?;
    let (Some(known), Some(change)) = (world.release.release(release), world.change.of_release(release)) else {
        return Ok(Vec::new());
    };
    if !production_like(world, known) || world.emergency.debt(change.id).is_some() {
        return Ok(Vec::new());
    }
    let flow = world.change.flow(Class::Emergency);
    let due = |seconds: u32| ctx.now.checked_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX);
    let cause = if known.spec.class == Class::Emergency { Cause::Emergency } else { Cause::BrokenGlass };
    Ok(vec![Event::Incurred(Incurred {
        change: change.id,
        release,
        cause,
        owners: owners(world, known),
        ratify_by: due(flow.ratify_within_s),
        review_by: due(flow.review_within_s),
    })])
}

/// The change as it is signed, with what has become of it.
fn ratify(
    world: &World,
    ctx: &Context,
    id: ChangeId,
    agreed: bool,
    reason: NoteRef,
    seen: Option<Digest>,
) -> Result<Vec<Event>, Refusal> {
    let change = world.change.change(id).ok_or_else(|| Refusal::not_found("change", id))?;
    let who = change::decider(world, ctx, None)?;
    let debt = world.emergency.debt(id);
    let decided = change.approvals.iter().filter(|it| !it.withdrawn).flat_map(|it| [Some(it.by), it.on_behalf_of]);
    let glasses = || world.emergency.of_release(change.release);
    let opened = glasses().flat_map(|it| [Some(it.broken_by), it.confirmed.map(|(who, ..)| who)]);
    let before = decided.chain(opened).flatten().any(|it| who.is(it));
    let release = world.release.release(change.release);
    let deployer = release.and_then(|it| it.deployment).and_then(|it| world.deployment.deployment(it)?.started_by);
    let entries = [
        ("is_approver", Fact::Bool(before)),
        ("is_deployer", Fact::Bool(deployer.is_some_and(|it| who.is(it)))),
        ("debt_open", Fact::Bool(debt.is_some_and(|it| it.ratified.is_none()))),
        ("signed", Fact::Bool(ctx.actor.proof.is_some())),
    ];
    let entries = entries.into_iter().chain(change::independence(world, change, &who));
    let facts = Facts(entries.map(|(name, fact)| (name.to_owned(), fact)).collect());
    let digest = change::signing_digest(world, change);
    if seen.is_some_and(|seen| seen != digest) {
        return Err(change::signed_otherwise(&digest));
    }
    let ruling = authorise(world, ctx, Question::new("emergency.ratify", "Change", id).with(facts))?;
    if debt.is_none_or(|it| it.ratified.is_some()) {
        let message = "no approval is owed for this change after the event";
        let blocker = Blocker::new("nothing-owed", message, "nothing", "nobody");
        return Err(Refusal::blocked("nothing is approved", vec![blocker]));
    }
    let meaning = if agreed { Meaning::Ratification } else { Meaning::Objection };
    let signature = sign(ctx, meaning, digest).ok_or_else(unsigned)?;
    let account = who.account;
    Ok(vec![Event::Ratified(RatifiedNow { change: id, account, agreed, reason, signature, ruling })])
}

fn unsigned() -> Refusal {
    let message = "this is signed, and the request did not prove who you are";
    let clears =
        "your password is given with it, or you have signed in by your identity provider within the last 5 minutes";
    Refusal::new(RefusalKind::Denied, message, vec![Blocker::new("not-signed", message, clears, "you")])
}

/// What two people sign: the way round, and the change it is for.
fn glass_digest(world: &World, change: &Change, id: GlassId, gates: &BTreeSet<Name>, lasts_s: u32) -> Digest {
    digest_of(&serde_json::json!({
        "record": "interlock-glass-v1", "glass": id, "gates": gates, "lasts_s": lasts_s,
        "change": change::record_of(world, change),
    }))
}

fn break_glass(
    world: &World,
    ctx: &Context,
    id: GlassId,
    (release, gates, lasts_s): (ReleaseId, &BTreeSet<Name>, u32),
    reason: NoteRef,
) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    let known = world.release.release(release).ok_or_else(|| Refusal::not_found("release", release))?;
    let change = world.change.of_release(release).ok_or_else(|| Refusal::not_found("change of release", release))?;
    let facts = facts([("signed", Fact::Bool(ctx.actor.proof.is_some()))]);
    let ruling = authorise(world, ctx, Question::new("glass.break", "Release", release).with(facts))?;
    let mut wrong = Vec::new();
    if gates.is_empty() || gates.len() > 20 {
        wrong.push(Blocker::new("count", "a broken glass opens 1 to 20 gates", "name the gates that are shut", "you"));
    }
    for gate in gates.iter().filter(|it| !release::opens_by_glass(world, known, it)) {
        let message = format!("gate `{gate}` is opened by no broken glass");
        wrong.push(Blocker::new("not-by-glass", message, "it is cleared as it says itself", "whoever it names"));
    }
    if !(60..=LONGEST_S).contains(&lasts_s) {
        let message = format!("the glass would be broken for {lasts_s} s");
        wrong.push(Blocker::new("lasts-out-of-range", message, "1 minute to 4 hours", "you"));
    }
    if known.stage.is_terminal() {
        let message = format!("release `{}` is over", known.spec.name);
        wrong.push(Blocker::new("release-over", message, "another release", "a release manager"));
    }
    let other = world.emergency.of_release(release).find(|it| it.waits(ctx.now) || it.in_force(ctx.now));
    if let Some(other) = other {
        let message = format!("glass `{}` is broken for this release already", other.id);
        wrong.push(Blocker::new("glass-broken", message, "confirm it, or end it first", "a second person"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::blocked("the glass is not broken", wrong));
    }
    let digest = glass_digest(world, change, id, gates, lasts_s);
    let signature = sign(ctx, Meaning::Responsibility, digest).ok_or_else(unsigned)?;
    let gates = gates.clone();
    Ok(vec![Event::Broken(Broken { glass: id, release, gates, lasts_s, account, reason, signature, ruling })])
}

fn confirm(world: &World, ctx: &Context, id: GlassId, reason: NoteRef) -> Result<Vec<Event>, Refusal> {
    let glass = world.emergency.glass(id).ok_or_else(|| Refusal::not_found("glass", id))?;
    let change = world.change.of_release(glass.release).ok_or_else(|| Refusal::not_found("change of glass", id))?;
    let who = change::decider(world, ctx, None)?;
    let entries =
        [("broke_it", Fact::Bool(who.is(glass.broken_by))), ("signed", Fact::Bool(ctx.actor.proof.is_some()))];
    let entries = entries.into_iter().chain(change::independence(world, change, &who));
    let facts = Facts(entries.map(|(name, fact)| (name.to_owned(), fact)).collect());
    let ruling = authorise(world, ctx, Question::new("glass.confirm", "Glass", id).with(facts))?;
    if !glass.waits(ctx.now) {
        let message = "the glass is confirmed, given up, or has waited for more than 30 minutes";
        let blocker = Blocker::new("glass-over", message, "break it anew if it is still needed", "somebody on call");
        return Err(Refusal::blocked("nothing is confirmed", vec![blocker]));
    }
    let digest = glass_digest(world, change, id, &glass.gates, glass.lasts_s);
    let signature = sign(ctx, Meaning::Responsibility, digest).ok_or_else(unsigned)?;
    let until = ctx.now.checked_add(SignedDuration::from_secs(glass.lasts_s.into())).unwrap_or(Timestamp::MAX);
    let account = who.account;
    Ok(vec![Event::Confirmed(Confirmed { glass: id, account, until, reason, signature, ruling })])
}
