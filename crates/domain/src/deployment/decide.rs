//! What may happen in deployments, and what each of them still owes.

use super::obstacle::{busy, claimed_by_other, no_permit, permit_blocker};
use super::plan::{plan_back, plan_forward};
use super::*;
use crate::{
    core::{self, By, Context, Obligation, World},
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind, only_by_system},
    release::{self, Permit, Stage, gates},
    rollback, verification,
};
use interlock_ids::{DeploymentId, Name, ReleaseId};
use interlock_policy::{Fact, Facts};
use jiff::Timestamp;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutPipeline { pipeline } => super::check::put(world, pipeline, ctx),
        Command::RecordInstalled { environment, found } => {
            super::check::record_installed(world, environment, found, ctx)
        }
        Command::Start { deployment, release } => start(world, *deployment, *release, ctx),
        Command::TakeBack { deployment, of, .. } => take_back(world, *deployment, *of, ctx),
        Command::Lease { runner, capacity, lease_s } => {
            only_runners(ctx, runner)?;
            let ask = Ask {
                runner: runner.clone(),
                capacity: *capacity,
                labels: Default::default(),
                kinds: None,
                ahead: false,
            };
            Ok(exchange::hand_out(world, &[ask], *lease_s, ctx))
        }
        Command::Exchange { reports, asks, lease_s } => {
            only_by_system(ctx, "speaking for many runners")?;
            let mut events = exchange::take_in(world, reports.iter().map(|(runner, it)| (runner, it)), ctx.now);
            let after = exchange::after(world, &events, ctx.now);
            events.extend(exchange::hand_out(&after, asks, *lease_s, ctx));
            Ok(events)
        }
        Command::Report { runner, reports } => {
            only_runners(ctx, runner)?;
            let events = exchange::take_in(world, reports.iter().map(|it| (runner, it)), ctx.now);
            match events.is_empty() && !reports.is_empty() {
                true => Err(Refusal::stale("none of these steps is leased to this runner under this fence any more")),
                false => Ok(events),
            }
        }
        Command::ReleaseLeases { runner } => release_leases(world, runner, ctx),
        Command::Wake { deployment } => wake(world, *deployment, ctx),
        Command::Proceed { deployment, wave } => proceed(world, *deployment, *wave, ctx),
        Command::Pause { deployment, reason } => {
            let it = controlled(world, *deployment, ctx)?;
            match it.paused {
                true => Err(refused(it, "paused", "it is paused already")),
                false => Ok(vec![Event::Paused(Paused { deployment: it.id, reason: *reason })]),
            }
        }
        Command::Resume { deployment } => {
            let it = controlled(world, *deployment, ctx)?;
            match it.paused {
                true => Ok(vec![Event::Resumed(Resumed { deployment: it.id })]),
                false => Err(refused(it, "resumed", "it is not paused")),
            }
        }
        Command::Retry { deployment, reason } => {
            let it = controlled(world, *deployment, ctx)?;
            match it.status {
                Status::Blocked => Ok(vec![Event::Retried(Retried { deployment: it.id, reason: *reason })]),
                _ => Err(refused(it, "retried", "no step of it has failed for good")),
            }
        }
        Command::Skip { deployment, unit, reason } => skip(world, *deployment, *unit, *reason, ctx),
        Command::Abort { deployment, reason } => {
            let it = controlled(world, *deployment, ctx)?;
            Ok(match it.leased().next() {
                None => vec![Event::Ended(Ended { deployment: it.id, status: Status::Aborted, reason: *reason })],
                Some(_) => {
                    let stopping =
                        PhaseEnded { deployment: it.id, wave: it.wave, phase: it.phase, status: Status::Stopping };
                    vec![Event::PhaseEnded(stopping)]
                }
            })
        }
        Command::Archive { deployment } => {
            only_by_system(ctx, "archiving a deployment")?;
            let it = find(world, *deployment)?;
            Ok(if it.archived { Vec::new() } else { vec![Event::Archived(Archived { deployment: it.id })] })
        }
    }
}

fn find(world: &World, id: DeploymentId) -> Result<&Deployment, Refusal> {
    world.deployment.deployment(id).ok_or_else(|| Refusal::not_found("deployment", id))
}

fn refused(it: &Deployment, done: &str, why: &str) -> Refusal {
    let message = format!("deployment {} cannot be {done}: {why}", it.id);
    let clears = "look at its state; another action may be what you want";
    Refusal::new(
        RefusalKind::Blocked,
        message.clone(),
        vec![Blocker::new("wrong-stage", message, clears, "a deployer")],
    )
}

/// A deployment that the actor may control and that is not over.
fn controlled<'a>(world: &'a World, id: DeploymentId, ctx: &Context) -> Result<&'a Deployment, Refusal> {
    let it = find(world, id)?;
    let question = Question {
        action: "deployment.control",
        resource: ("Deployment", id.to_string()),
        facts: Facts(Default::default()),
    };
    authorise(world, ctx, question)?;
    if it.status.is_terminal() { Err(refused(it, "changed", "it is over")) } else { Ok(it) }
}

fn start(world: &World, id: DeploymentId, release_id: ReleaseId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let release = world.release.release(release_id).ok_or_else(|| Refusal::not_found("release", release_id))?;
    let permit = release.permit.as_ref().filter(|_| release.stage == Stage::Authorised);
    let invalid =
        permit.map_or_else(|| Some(no_permit(release)), |permit| permit_blocker(world, permit, false, ctx.now));
    let mut facts = release::actor_facts(world, release, ctx);
    facts.0.insert("permit_valid".into(), Fact::Bool(invalid.is_none()));
    let question = Question { action: "deployment.start", resource: ("Release", release_id.to_string()), facts };
    let asked = authorise(world, ctx, question);
    let mut standing: Vec<Blocker> = invalid.into_iter().collect();
    if !release.stage.is_terminal() && release.stage < Stage::Deploying {
        standing.extend(release::blockers(&gates(world, release, ctx.now)));
    }
    standing.extend(claimed_by_other(world, release, ctx));
    standing.extend(busy(world, &release.spec.environment));
    let (permit, ruling) = match (asked, permit) {
        (Ok(ruling), Some(permit)) if standing.is_empty() => (Permit::clone(permit), ruling),
        (Ok(_), _) => {
            return Err(Refusal::blocked(format!("release `{}` cannot be deployed", release.spec.name), standing));
        }
        (Err(mut refusal), _) => {
            // The policy says in general what the blocker says in particular.
            refusal.blockers.retain(|it| it.code != "base.no-valid-permit" || standing.is_empty());
            refusal.blockers.extend(standing);
            return Err(refusal);
        }
    };
    let Some(pipeline) = world.deployment.pipelines.get(&release.spec.pipeline) else {
        return Err(Refusal::not_found("pipeline", &release.spec.pipeline));
    };
    let (waves, units) = plan_forward(world, &release.spec);
    begin(
        world,
        Started {
            deployment: id,
            release: release_id,
            environment: release.spec.environment.clone(),
            direction: Direction::Forward,
            permit,
            account: ctx.actor.account_id(),
            pipeline: pipeline.as_ref().clone(),
            waves,
            units,
            ruling: Some(ruling),
        },
        ctx.now,
    )
}

fn take_back(world: &World, id: DeploymentId, of: DeploymentId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "taking a deployment back")?;
    let forward = find(world, of)?;
    if let Some(blocker) = busy(world, &forward.environment) {
        return Err(Refusal::blocked("the deployment cannot be taken back yet", vec![blocker]));
    }
    let (waves, units) = plan_back(forward);
    let mut items: Vec<release::Item> =
        units.iter().map(|unit| release::Item { service: unit.service.clone(), digest: unit.digest }).collect();
    items.sort_by(|a, b| (&a.service, a.digest).cmp(&(&b.service, b.digest)));
    items.dedup();
    let permit = Permit {
        id: ctx.ids.id(),
        release: forward.release,
        environment: forward.environment.clone(),
        items,
        not_before: ctx.now,
        not_after: hold::back_until(ctx.now),
        approved_by: forward.permit.approved_by.clone(),
        policy_set: forward.permit.policy_set.clone(),
    };
    begin(
        world,
        Started {
            deployment: id,
            release: forward.release,
            environment: forward.environment.clone(),
            direction: Direction::Back { of },
            permit,
            account: None,
            pipeline: forward.pipeline.clone(),
            waves,
            units,
            ruling: None,
        },
        ctx.now,
    )
}

/// The beginning, and all that follows at once: a deployment without units is over as soon as it has begun.
fn begin(world: &World, started: Started, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let id = started.deployment;
    let mut events = vec![Event::Started(started)];
    events.extend(follow_up(world, id, &events, now));
    Ok(events)
}

/// What follows for a deployment once the events given are applied.
pub(super) fn follow_up(world: &World, id: DeploymentId, events: &[Event], now: Timestamp) -> Vec<Event> {
    let mut state = world.deployment.clone();
    let meta = core::Meta { position: world.position, at: now, by: By::System };
    events.iter().for_each(|event| state.apply(event, &meta));
    state.deployment(id).map(|it| it.advance(now)).unwrap_or_default()
}

fn only_runners(ctx: &Context, runner: &Name) -> Result<(), Refusal> {
    let fits = match &ctx.actor.by {
        By::System => true,
        By::Runner(name) => name == runner,
        By::Account(_) => false,
    };
    let message = "steps are leased and reported by the runner that holds them";
    fits.then_some(()).ok_or_else(|| {
        let blocker = Blocker::new(
            "not-this-runner",
            message,
            "use the runner's own token",
            "an administrator registers runners",
        );
        Refusal::new(RefusalKind::Denied, message, vec![blocker])
    })
}

fn release_leases(world: &World, runner: &Name, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_runners(ctx, runner)?;
    let running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
    Ok(running
        .flat_map(|it| {
            let units: Vec<u32> =
                it.leased().filter(|(_, lease)| lease.runner == *runner).map(|(unit, _)| unit).collect();
            end_leases(world, it, Some(runner.clone()), units, ctx.now)
        })
        .collect())
}

fn end_leases(world: &World, it: &Deployment, runner: Option<Name>, units: Vec<u32>, now: Timestamp) -> Vec<Event> {
    if units.is_empty() {
        return Vec::new();
    }
    let mut events = vec![Event::LeasesEnded(LeasesEnded { deployment: it.id, runner, units })];
    events.extend(follow_up(world, it.id, &events, now));
    events
}

fn wake(world: &World, id: DeploymentId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "waking a deployment")?;
    let it = find(world, id)?;
    if it.status.is_terminal() {
        return Ok(Vec::new());
    }
    let late: Vec<u32> = it.leased().filter(|(_, lease)| lease.until <= ctx.now).map(|(unit, _)| unit).collect();
    let mut events = end_leases(world, it, None, late, ctx.now);
    events.extend(hold::look(world, it, ctx));
    if events.is_empty() {
        events = it.advance(ctx.now);
    }
    Ok(events)
}

fn proceed(world: &World, id: DeploymentId, wave: u32, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "proceeding after a verdict")?;
    let it = find(world, id)?;
    if it.status != Status::Judging || it.wave != wave {
        return Err(Refusal::stale("the wave is not being judged any more"));
    }
    let mut events =
        vec![Event::PhaseEnded(PhaseEnded { deployment: id, wave, phase: Phase::Settle, status: Status::Running })];
    events.extend(follow_up(world, id, &events, ctx.now));
    Ok(events)
}

fn skip(
    world: &World,
    id: DeploymentId,
    unit: u32,
    reason: crate::reason::NoteRef,
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    let it = controlled(world, id, ctx)?;
    let failed = it.progress.get(unit as usize).is_some_and(|progress| progress.failed);
    let Some((step, _)) = it.next_step(unit).filter(|_| failed && it.status == Status::Blocked) else {
        return Err(refused(it, "let go on without that step", "the unit has not failed for good"));
    };
    let mut events = vec![Event::StepSkipped(StepSkipped { deployment: id, unit, step, reason })];
    let others = it.progress.iter().enumerate().any(|(index, progress)| progress.failed && index != unit as usize);
    if !others {
        events.push(Event::PhaseEnded(PhaseEnded {
            deployment: id,
            wave: it.wave,
            phase: it.phase,
            status: Status::Running,
        }));
        events.extend(follow_up(world, id, &events, ctx.now));
    }
    Ok(events)
}

/// What moves a deployment because of what happened elsewhere.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    use core::Event as It;
    let take_back = |it: &rollback::Rollback| Command::TakeBack { deployment: it.undo, of: it.of, rollback: it.id };
    match event {
        It::Rollback(rollback::Event::Started(it)) => {
            let running = world.deployment.running.contains(&it.of);
            let back = world.rollback.rollback(it.rollback).map(take_back);
            if running { vec![Command::Abort { deployment: it.of, reason: None }] } else { back.into_iter().collect() }
        }
        // The environment has become free: a rollback that waited for that is carried out, be it of this deployment or of an
        // earlier one. The newest first: it goes back to what the one before it brought.
        It::Deployment(Event::Ended(it)) => {
            let place = world.deployment.deployment(it.deployment).map(|ended| &ended.environment);
            let waits = |open: &&rollback::Rollback| {
                open.deployment.is_none()
                    && place == Some(&open.environment)
                    && !world.deployment.running.contains(&open.of)
            };
            let open = world.rollback.open.iter().filter_map(|id| world.rollback.rollback(*id));
            open.filter(waits).max_by_key(|open| open.of).map(take_back).into_iter().collect()
        }
        It::Verification(verification::Event::Concluded(it)) if it.verdict == verification::Verdict::Pass => {
            proceed_after(world, it.analysis)
        }
        It::Verification(verification::Event::Resolved(it)) if it.resolution == verification::Resolution::Proceed => {
            proceed_after(world, it.analysis)
        }
        It::Release(release::Event::Closed(it)) => archive(world, it.release),
        It::Release(release::Event::RolledBack(it)) => archive(world, it.release),
        It::Runner(crate::runner::Event::Revoked(it)) => vec![Command::ReleaseLeases { runner: it.runner.clone() }],
        other => {
            let wake = |deployment| Command::Wake { deployment };
            hold::shaken(world, other).into_iter().map(wake).collect()
        }
    }
}

fn proceed_after(world: &World, analysis: interlock_ids::AnalysisId) -> Vec<Command> {
    let analysis = world.verification.analysis(analysis);
    analysis.map(|it| Command::Proceed { deployment: it.deployment, wave: it.wave }).into_iter().collect()
}

fn archive(world: &World, release: ReleaseId) -> Vec<Command> {
    let forward = world.release.release(release).and_then(|it| it.deployment);
    let back = world.rollback.of_release(release).and_then(|it| it.deployment);
    forward.into_iter().chain(back).map(|deployment| Command::Archive { deployment }).collect()
}

/// Steps that may be handed out, steps that are out (so that they are waited for), and times to come back at.
pub fn owed(world: &World) -> Vec<Obligation> {
    let mut owed = Vec::new();
    for it in world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id)) {
        let orders = it.runnable().into_iter().filter_map(|unit| order(world, it, unit, it.fence + 1));
        owed.extend(orders.map(Obligation::Step));
        let leases = it.leased().map(|(_, lease)| lease.until).min();
        let bake = match it.status {
            Status::Baking { until } => Some(until),
            _ => None,
        };
        let times = [leases, bake, it.held_until];
        owed.extend(times.into_iter().flatten().map(|at| Obligation::WakeDeployment {
            deployment: it.id,
            fence: it.fence,
            at,
        }));
    }
    owed
}
