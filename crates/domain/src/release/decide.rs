//! What may happen to a release, and when its stage moves.

use super::gate::{self, blockers, gates};
use super::*;
use crate::{
    calendar, change,
    core::{self, Context, Obligation, World},
    deployment, environment, learning, operations, people,
    policy::{Question, authorise},
    reason::{Blocker, Outcome, Refusal, RefusalKind, Ruling, Slot, only_by_system},
    rollback,
};
use interlock_ids::{AccountId, ReleaseId};
use interlock_policy::{Fact, Facts};
use jiff::{SignedDuration, Timestamp};

/// A permit is good for a day at the most, however long the window.
const PERMIT_LONGEST: SignedDuration = SignedDuration::from_hours(24);
const SLOTS_OFFERED: usize = 3;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Draft { release, spec } => draft(world, *release, spec, ctx),
        Command::Plan { release, start } => plan(world, *release, *start, ctx),
        Command::Freeze { release } => freeze(world, *release, ctx),
        Command::Reassess { release } => reassess(world, *release, ctx),
        Command::Authorise { release } => issue(world, *release, ctx),
        Command::RevokePermit { release, reason } => revoke(world, *release, reason, ctx),
        Command::Begun { release, deployment } => {
            only_by_system(ctx, "the beginning of a release's deployment")?;
            Ok(vec![Event::Deploying(Deploying { release: *release, deployment: *deployment })])
        }
        Command::Deployed { release } => {
            only_by_system(ctx, "the end of a release's deployment")?;
            Ok(vec![Event::Stabilising(Stabilising { release: *release })])
        }
        Command::WatchEnded { release } => {
            only_by_system(ctx, "the end of a release's watch")?;
            match find(world, *release)?.stage {
                Stage::Stabilising => Ok(vec![Event::Closed(Closed { release: *release, reason: None })]),
                _ => Err(Refusal::stale("the release is not being watched any more")),
            }
        }
        Command::TakenBack { release } => {
            only_by_system(ctx, "the end of a rollback")?;
            Ok(vec![Event::RolledBack(RolledBack { release: *release })])
        }
        Command::Except { release, criterion, commits, reason } => {
            super::except::decide(world, *release, criterion, commits, *reason, ctx)
        }
        Command::Cancel { release, reason } => {
            let found = find(world, *release)?;
            allowed(world, ctx, "release.cancel", found)?;
            match found.stage {
                Stage::Deploying | Stage::Stabilising => Err(wrong_stage(found, "cancelled", "roll it back instead")),
                stage if stage.is_terminal() => Err(wrong_stage(found, "cancelled", "nothing: its life is over")),
                _ => Ok(vec![Event::Cancelled(Cancelled { release: *release, reason: *reason })]),
            }
        }
        Command::Close { release, reason } => {
            let found = find(world, *release)?;
            allowed(world, ctx, "release.close", found)?;
            let watched =
                world.operations.of_release(*release).is_some_and(|watch| watch.phase == operations::Phase::Ended);
            // The rollback has ended the watch, so the end of the watch alone would let the way back be cut off half way.
            let taken_back = world.rollback.of_release(*release).is_some_and(|it| world.rollback.open.contains(&it.id));
            match found.stage {
                Stage::Stabilising if taken_back => {
                    Err(wrong_stage(found, "closed while it is being taken back", "wait for the end of the rollback"))
                }
                Stage::Stabilising if watched => {
                    Ok(vec![Event::Closed(Closed { release: *release, reason: Some(*reason) })])
                }
                Stage::Stabilising => Err(wrong_stage(found, "closed", "wait for the end of the watch")),
                _ => Err(wrong_stage(found, "closed", "a release is closed after its watch")),
            }
        }
    }
}

pub(super) fn find(world: &World, id: ReleaseId) -> Result<&Release, Refusal> {
    world.release.release(id).ok_or_else(|| Refusal::not_found("release", id))
}

pub(super) fn wrong_stage(release: &Release, done: &str, clears: &str) -> Refusal {
    let message = format!(
        "release `{}` is {} and cannot be {done}",
        release.spec.name,
        gate::text(&release.stage).replace('_', " ")
    );
    Refusal::new(
        RefusalKind::Blocked,
        message.clone(),
        vec![Blocker::new("wrong-stage", message, clears, "a release manager")],
    )
}

fn allowed(world: &World, ctx: &Context, action: &str, release: &Release) -> Result<Ruling, Refusal> {
    let question = Question { action, resource: ("Release", release.id.to_string()), facts: Facts(Default::default()) };
    authorise(world, ctx, question)
}

fn draft(world: &World, id: ReleaseId, spec: &Spec, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let question =
        Question { action: "release.plan", resource: ("Release", id.to_string()), facts: Facts(Default::default()) };
    authorise(world, ctx, question)?;
    let problems = super::check::problems(world, spec);
    if !problems.is_empty() {
        let summary = format!("release `{}` cannot be put together: {}", spec.name, counted(problems.len()));
        return Err(Refusal::new(RefusalKind::Invalid, summary, problems));
    }
    Ok(vec![Event::Drafted(Drafted { release: id, account: ctx.actor.account_id(), spec: spec.clone() })])
}

fn counted(problems: usize) -> String {
    if problems == 1 { "1 problem".into() } else { format!("{problems} problems") }
}

fn plan(world: &World, id: ReleaseId, start: Timestamp, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let release = find(world, id)?;
    let ruling = allowed(world, ctx, "release.plan", release)?;
    if !matches!(release.stage, Stage::Draft | Stage::Planned | Stage::Frozen | Stage::Ready) {
        return Err(wrong_stage(release, "planned", "only a release that has no permit yet can be planned"));
    }
    let length = SignedDuration::from_secs(release.spec.length_s.into());
    let window = start.checked_add(length).map(|end| Slot { start, end });
    let Ok(window) = window.map_err(|_| ()) else {
        return Err(Refusal::invalid(
            "time-out-of-range",
            format!("{start} is out of the range of times"),
            "give a nearer start",
        ));
    };
    let mut standing: Vec<Blocker> = Vec::new();
    if window.end <= ctx.now {
        standing.push(Blocker::new(
            "window-past",
            format!("the window would have ended at {}", window.end),
            "give a later start",
            "you",
        ));
    }
    let asked = Release { window: Some(window), ..release.clone() };
    let calendar = gate::calendar_gate(world, &asked, window);
    let closed = calendar.ruling.outcome != Outcome::Pass;
    let at_planning =
        gates(world, &asked, ctx.now).into_iter().filter(|gate| matches!(gate.name, "artifact" | "rollback-plan"));
    let seen: Vec<Gate> = std::iter::once(calendar.clone()).chain(at_planning).collect();
    standing.extend(blockers(&seen));
    if standing.is_empty() {
        return Ok(vec![Event::Planned(Planned {
            release: id,
            window,
            ruling: if closed { ruling } else { calendar.ruling },
        })]);
    }
    let slots = if closed {
        calendar::slots(world, &gate::scope(release), start.max(ctx.now), release.spec.length_s, SLOTS_OFFERED)
    } else {
        Vec::new()
    };
    let mut refusal = Refusal::blocked(format!("release `{}` cannot be planned there", release.spec.name), standing)
        .with_slots(slots);
    refusal.ruling = seen.into_iter().map(|gate| gate.ruling).find(|ruling| ruling.outcome != Outcome::Pass);
    Err(refusal)
}

fn freeze(world: &World, id: ReleaseId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let release = find(world, id)?;
    allowed(world, ctx, "release.freeze", release)?;
    match release.stage {
        Stage::Planned => Ok(vec![Event::Frozen(Frozen { release: id })]),
        Stage::Draft => Err(wrong_stage(release, "frozen", "plan it first")),
        _ => Err(wrong_stage(release, "frozen", "nothing: its scope is fixed already")),
    }
}

fn records(gates: &[Gate]) -> Vec<GateRecord> {
    gates.iter().map(|gate| GateRecord { name: gate.name.into(), ruling: gate.ruling.clone() }).collect()
}

fn reassess(world: &World, id: ReleaseId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "looking at gates again")?;
    let release = find(world, id)?;
    let mut news = plan_news(world, release, ctx.now);
    if !release.stage.awaits_gates() {
        return Ok(news);
    }
    let gates = gates(world, release, ctx.now);
    let standing = blockers(&gates);
    news.extend(match (release.stage, standing.is_empty()) {
        (Stage::Frozen, true) => vec![Event::Ready(Ready { release: id, gates: records(&gates) })],
        (Stage::Ready, false) => vec![Event::HeldBack(HeldBack { release: id, blockers: standing })],
        (Stage::Authorised, false) => {
            let reason = standing.iter().map(|it| it.message.as_str()).collect::<Vec<_>>().join("; ");
            vec![Event::PermitRevoked(PermitRevoked { release: id, reason })]
        }
        // A window may be longer than a permit: without this it would stay authorised by a permit nobody can use.
        (Stage::Authorised, true) => {
            release.permit.iter().filter(|permit| permit.not_after <= ctx.now).map(|permit| ran_out(permit)).collect()
        }
        _ => Vec::new(),
    });
    Ok(news)
}

fn ran_out(permit: &Permit) -> Event {
    let reason = format!("permit {} ran out unused at {}", permit.id, permit.not_after);
    Event::PermitRevoked(PermitRevoked { release: permit.release, reason })
}

/// Whether the calendar has closed or opened again what is planned, so that whoever planned it is told.
fn plan_news(world: &World, release: &Release, now: Timestamp) -> Vec<Event> {
    let Some(window) = release.window.filter(|window| now < window.end && release.stage.is_planned()) else {
        return Vec::new();
    };
    let rest = Slot { start: now.max(window.start), end: window.end };
    let gate = gate::calendar_gate(world, release, rest);
    let blockers = if gate.ruling.outcome == Outcome::Pass { Vec::new() } else { gate.ruling.blockers };
    if blockers == release.plan_closed {
        return Vec::new();
    }
    let release = release.id;
    vec![if blockers.is_empty() {
        Event::PlanOpened(PlanOpened { release })
    } else {
        Event::PlanClosed(PlanClosed { release, blockers })
    }]
}

/// What policies want to know of whoever authorises or deploys.
pub(crate) fn actor_facts(world: &World, release: &Release, ctx: &Context) -> Facts {
    let environment = world.environment.environment(&release.spec.environment);
    let change = world.change.of_release(release.id);
    let unknown = |what: &str| Fact::Unknown(what.into());
    let account = ctx.actor.account_id();
    let of_change = |test: &dyn Fn(&change::Change, AccountId) -> bool| match (change, account) {
        (Some(change), Some(account)) => Fact::Bool(test(change, account)),
        (Some(_), None) => Fact::Bool(false),
        (None, _) => unknown("the release carries no change"),
    };
    let approved = |change: &change::Change, account: AccountId| {
        let mut decided =
            change.decisions(change::Decision::Approve).flat_map(|it| std::iter::once(it.by).chain(it.on_behalf_of));
        decided.any(|by| world.people.same_person(by, account))
    };
    let principal = world.people.principal(&ctx.actor);
    let listed = |it: &environment::Environment| {
        it.deployers.roles.iter().any(|role| principal.roles.contains(role.as_str()))
            || it.deployers.groups.iter().any(|group| principal.groups.contains(group.as_str()))
    };
    Facts(
        [
            (
                "environment_tier",
                environment
                    .map_or_else(|| unknown("the environment is gone"), |it| Fact::Text(it.tier.as_str().into())),
            ),
            ("production_like", Fact::Bool(environment.is_none_or(|it| it.production_like))),
            ("is_author", of_change(&|change, account| gate::is_author(world, change, account))),
            ("is_approver", of_change(&approved)),
            ("may_deploy", Fact::Bool(environment.is_some_and(listed))),
            ("emergency", Fact::Bool(release.spec.class == change::Class::Emergency)),
        ]
        .into_iter()
        .map(|(name, fact)| (name.to_owned(), fact))
        .collect(),
    )
}

fn issue(world: &World, id: ReleaseId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let release = find(world, id)?;
    let facts = actor_facts(world, release, ctx);
    let asked =
        authorise(world, ctx, Question { action: "release.authorise", resource: ("Release", id.to_string()), facts });
    let gates = gates(world, release, ctx.now);
    let mut standing = blockers(&gates);
    if !matches!(release.stage, Stage::Frozen | Stage::Ready) {
        let clears = if release.stage < Stage::Frozen {
            "plan and freeze it first"
        } else {
            "nothing: it has a permit, or its life is over"
        };
        standing.extend(wrong_stage(release, "authorised", clears).blockers);
    }
    let ruling = match asked {
        Ok(ruling) if standing.is_empty() => ruling,
        Ok(_) => {
            return Err(Refusal::blocked(format!("release `{}` cannot be authorised", release.spec.name), standing));
        }
        Err(mut refusal) => {
            refusal.blockers.extend(standing);
            return Err(refusal);
        }
    };
    let Some(window) = release.window else { return Err(wrong_stage(release, "authorised", "plan it first")) };
    let not_before = window.start;
    let latest = not_before.max(ctx.now).checked_add(PERMIT_LONGEST).unwrap_or(window.end);
    let approved_by = world.change.of_release(id).map(|change| gate::approvers(world, change)).unwrap_or_default();
    let permit = Permit {
        id: ctx.ids.id(),
        release: id,
        environment: release.spec.environment.clone(),
        items: release.spec.items.clone(),
        not_before,
        not_after: window.end.min(latest),
        approved_by,
        policy_set: ruling.policy_set.clone(),
    };
    Ok(vec![Event::Authorised(Authorised { permit, account: ctx.actor.account_id(), gates: records(&gates), ruling })])
}

fn revoke(world: &World, id: ReleaseId, reason: &str, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let release = find(world, id)?;
    allowed(world, ctx, "release.cancel", release)?;
    if release.permit.is_none() || release.permit_revoked || release.stage.is_terminal() {
        return Err(wrong_stage(release, "stripped of its permit", "nothing: it has none"));
    }
    Ok(vec![Event::PermitRevoked(PermitRevoked { release: id, reason: reason.into() })])
}

/// What moves a release because of what happened elsewhere.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    use core::Event as It;
    let one = |change: &interlock_ids::ChangeId| {
        world.change.change(*change).map(|it| Command::Reassess { release: it.release })
    };
    match event {
        It::Release(Event::Frozen(it)) => vec![Command::Reassess { release: it.release }],
        It::Release(Event::ExceptionGranted(it)) if world.release.open.contains(&it.release) => {
            vec![Command::Reassess { release: it.release }]
        }
        It::Change(change::Event::Decided(it)) => one(&it.change).into_iter().collect(),
        It::Change(change::Event::Withdrawn(it)) => one(&it.change).into_iter().collect(),
        It::Change(change::Event::ConditionMet(it)) => one(&it.change).into_iter().collect(),
        It::People(people::Event::AccountPut(_) | people::Event::AccountsLinked(_)) => all_open(world, None),
        It::Calendar(_) => reassess_all(world, |it| it.stage.is_planned()),
        It::Learning(learning::Event::ReviewDone(_)) | It::Artifact(_) | It::Policy(_) => all_open(world, None),
        It::Environment(environment::Event::Claimed(it)) => all_open(world, Some(&it.environment)),
        It::Environment(environment::Event::ClaimEnded(it)) => {
            all_open(world, world.environment.claims.get(&it.claim).map(|claim| &claim.environment))
        }
        It::Environment(environment::Event::EnvironmentPut(it)) => all_open(world, Some(&it.environment.name)),
        It::Deployment(deployment::Event::Started(it)) if it.direction == deployment::Direction::Forward => {
            vec![Command::Begun { release: it.release, deployment: it.deployment }]
        }
        It::Deployment(deployment::Event::Ended(it)) => match world.deployment.deployment(it.deployment) {
            Some(ended)
                if ended.direction == deployment::Direction::Forward && it.status == deployment::Status::Succeeded =>
            {
                vec![Command::Deployed { release: ended.release }]
            }
            // An environment that has become free may open the gates of those that wait for it.
            Some(ended) => all_open(world, Some(&ended.environment)),
            None => Vec::new(),
        },
        It::Operations(operations::Event::WatchEnded(it)) if it.outcome == Some(Outcome::Pass) => world
            .operations
            .watch(it.watch)
            .map(|watch| Command::WatchEnded { release: watch.release })
            .into_iter()
            .collect(),
        // Where nothing was stated to be checked there is nothing to wait for; the rollback itself stays inconclusive.
        It::Rollback(rollback::Event::Ended(it)) => {
            let ended = world.rollback.rollback(it.rollback);
            let back = ended.filter(|ended| it.outcome == Outcome::Pass || ended.criteria.is_empty());
            back.map(|it| Command::TakenBack { release: it.release }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Every open release that waits at gates, in one environment or in all.
fn all_open(world: &World, environment: Option<&interlock_ids::Name>) -> Vec<Command> {
    reassess_all(world, |it| it.stage.awaits_gates() && environment.is_none_or(|name| it.spec.environment == *name))
}

fn reassess_all(world: &World, wanted: impl Fn(&Release) -> bool) -> Vec<Command> {
    let open = world.release.open.iter().filter_map(|id| world.release.release(*id));
    open.filter(|it| wanted(it)).map(|it| Command::Reassess { release: it.id }).collect()
}

/// A permit that runs out unused is looked at again at that moment.
pub fn owed(world: &World) -> Vec<Obligation> {
    let open = world.release.open.iter().filter_map(|id| world.release.release(*id));
    let waiting = open.filter(|it| matches!(it.stage, Stage::Ready | Stage::Authorised));
    waiting
        .filter_map(|it| {
            let ends = it.permit.as_ref().filter(|_| it.stage == Stage::Authorised).map(|permit| permit.not_after);
            let ends = ends.or(it.window.map(|window| window.end));
            // Evidence that grows too old holds it back at that moment, not when somebody happens to look.
            let turns = super::judge::turns(world, it, it.since);
            ends.into_iter().chain(turns).min().map(|at| Obligation::WakeRelease { release: it.id, at })
        })
        .collect()
}
