//! When a release is taken back, and when that has worked.

use super::*;
use crate::{
    core::{self, By, Context, Obligation, World},
    deployment::{self, Direction},
    operations,
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Outcome, Refusal, RefusalKind, only_by_system},
    release::{self, OnInconclusive, Stage, TriggerAction},
    verification::{self, Resolution, Verdict},
};
use interlock_ids::{AnalysisId, ReleaseId, RollbackId};
use interlock_policy::Facts;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Start { release, cause, reason } => start(world, *release, cause, *reason, ctx),
        Command::UndoBegun { rollback, deployment } => {
            only_by_system(ctx, "news of a rollback")?;
            Ok(vec![Event::UndoBegun(UndoBegun { rollback: *rollback, deployment: *deployment })])
        }
        Command::UndoEnded { rollback } => undo_ended(world, *rollback, ctx),
        Command::Conclude { rollback, fence, results, evidence } => {
            conclude(world, *rollback, *fence, results, *evidence, ctx)
        }
        Command::CheckAgain { rollback, .. } => {
            let it = find(world, *rollback)?;
            let question = Question {
                action: "rollback.start",
                resource: ("Release", it.release.to_string()),
                facts: Facts(Default::default()),
            };
            authorise(world, ctx, question)?;
            if it.status != Status::Failed || it.targets.is_empty() || it.criteria.is_empty() {
                let message = "only a rollback whose criteria were not met is checked again";
                return Err(blocked("rollback-not-failed", message, "wait for the check that is under way"));
            }
            Ok(vec![Event::CheckBegun(CheckBegun { rollback: *rollback, targets: it.targets.clone() })])
        }
    }
}

fn find(world: &World, id: RollbackId) -> Result<&Rollback, Refusal> {
    world.rollback.rollback(id).ok_or_else(|| Refusal::not_found("rollback", id))
}

fn blocked(code: &str, message: &str, clears: &str) -> Refusal {
    Refusal::new(
        RefusalKind::Blocked,
        message,
        vec![Blocker::new(code, message, clears, "a deployer or a release manager")],
    )
}

fn start(
    world: &World,
    id: ReleaseId,
    cause: &Cause,
    reason: Option<NoteRef>,
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    let release = world.release.release(id).ok_or_else(|| Refusal::not_found("release", id))?;
    let question =
        Question { action: "rollback.start", resource: ("Release", id.to_string()), facts: Facts(Default::default()) };
    let ruling = authorise(world, ctx, question)?;
    let by_itself = ctx.actor.by == By::System;
    if let Some(under_way) = world.rollback.of_release(id) {
        let message = format!("release `{}` is being taken back already ({})", release.spec.name, under_way.id);
        return Err(if by_itself {
            Refusal::stale(message)
        } else {
            blocked("rollback-under-way", &message, "nothing: follow that rollback")
        });
    }
    let Some(of) = release.deployment.filter(|_| matches!(release.stage, Stage::Deploying | Stage::Stabilising)) else {
        let message = format!(
            "release `{}` is {}: there is nothing to take back",
            release.spec.name,
            release::text(&release.stage).replace('_', " ")
        );
        return Err(if by_itself {
            Refusal::stale(message)
        } else {
            blocked("nothing-to-take-back", &message, "a rollback is for a release that is deploying or being watched")
        });
    };
    let cause = match ctx.actor.account_id() {
        Some(account) => Cause::Person { account },
        None => cause.clone(),
    };
    Ok(vec![Event::Started(Started {
        rollback: ctx.ids.id(),
        release: id,
        of,
        undo: ctx.ids.id(),
        environment: release.spec.environment.clone(),
        cause,
        reason,
        criteria: release.spec.rollback.criteria.clone(),
        ruling: Some(ruling),
    })])
}

fn undo_ended(world: &World, id: RollbackId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "news of a rollback")?;
    let it = find(world, id)?;
    let back = it.deployment.and_then(|id| world.deployment.deployment(id));
    let ended = |outcome, message: &str| {
        let name = "targets".parse().ok();
        let results = name.map(|name| CriterionResult { name, outcome, message: message.into() });
        Ok(vec![Event::Ended(Ended { rollback: id, outcome, results: results.into_iter().collect(), evidence: None })])
    };
    match back {
        Some(back) if back.status == deployment::Status::Succeeded => {
            if it.criteria.is_empty() {
                return ended(Outcome::Inconclusive, "nothing was stated that could be checked");
            }
            let environment = world.environment.environment(&it.environment);
            let address = |target: &interlock_ids::Name| {
                let found = environment.into_iter().flat_map(|it| &it.targets).find(|it| it.name == *target);
                found.map(|it| it.address.clone()).unwrap_or_default()
            };
            let targets = back.units.iter().map(|unit| Checked {
                target: unit.target.clone(),
                service: unit.service.clone(),
                address: address(&unit.target),
                digest: unit.digest,
            });
            Ok(vec![Event::CheckBegun(CheckBegun { rollback: id, targets: targets.collect() })])
        }
        Some(_) | None => {
            ended(Outcome::Fail, "not every target was taken back: the deployment that did it was aborted")
        }
    }
}

fn conclude(
    world: &World,
    id: RollbackId,
    fence: core::Fence,
    results: &[CriterionResult],
    evidence: interlock_ids::Digest,
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the check of a rollback's criteria")?;
    let it = find(world, id)?;
    if it.fence != fence || it.status != Status::Checking {
        return Err(Refusal::stale("these criteria are not being checked any more"));
    }
    let every = it.criteria.iter().all(|criterion| results.iter().any(|result| result.name == criterion.name));
    let outcome = if results.iter().any(|result| result.outcome == Outcome::Fail) {
        Outcome::Fail
    } else if every && results.iter().all(|result| result.outcome == Outcome::Pass) {
        Outcome::Pass
    } else {
        Outcome::Inconclusive
    };
    Ok(vec![Event::Ended(Ended { rollback: id, outcome, results: results.to_vec(), evidence: Some(evidence) })])
}

/// What starts a rollback by itself, and the news of the deployment that runs it.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    use core::Event as It;
    let by_canary = |id: AnalysisId| {
        let analysis = world.verification.analysis(id);
        analysis
            .map(|it| Command::Start { release: it.release, cause: Cause::Canary { analysis: id }, reason: None })
            .into_iter()
            .collect()
    };
    match event {
        It::Operations(operations::Event::TriggerFired(it)) if it.action == TriggerAction::Rollback => {
            let watch = world.operations.watch(it.watch);
            let start = |watch: &operations::Watch| Command::Start {
                release: watch.release,
                cause: Cause::Trigger { trigger: it.trigger.clone() },
                reason: None,
            };
            watch.map(start).into_iter().collect()
        }
        It::Verification(verification::Event::Concluded(it)) => match it.verdict {
            Verdict::Fail => by_canary(it.analysis),
            Verdict::Inconclusive if on_inconclusive(world, it.analysis) == Some(OnInconclusive::Rollback) => {
                by_canary(it.analysis)
            }
            Verdict::Inconclusive | Verdict::Pass => Vec::new(),
        },
        It::Verification(verification::Event::Resolved(it)) if it.resolution == Resolution::Rollback => {
            by_canary(it.analysis)
        }
        It::Deployment(deployment::Event::Started(it)) => match it.direction {
            Direction::Back { of } => under_way(world, of)
                .map(|rollback| Command::UndoBegun { rollback, deployment: it.deployment })
                .into_iter()
                .collect(),
            Direction::Forward => Vec::new(),
        },
        It::Deployment(deployment::Event::Ended(it)) => {
            let direction = world.deployment.deployment(it.deployment).map(|it| it.direction);
            match direction {
                Some(Direction::Back { of }) => {
                    under_way(world, of).map(|rollback| Command::UndoEnded { rollback }).into_iter().collect()
                }
                Some(Direction::Forward) | None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn on_inconclusive(world: &World, id: AnalysisId) -> Option<OnInconclusive> {
    world.verification.analysis(id).map(|it| it.spec.on_inconclusive)
}

fn under_way(world: &World, of: interlock_ids::DeploymentId) -> Option<RollbackId> {
    let mut open = world.rollback.open.iter().filter_map(|id| world.rollback.rollback(*id));
    open.find(|it| it.of == of).map(|it| it.id)
}

/// Rollbacks whose criteria are to be checked.
pub fn owed(world: &World) -> Vec<Obligation> {
    let open = world.rollback.open.iter().filter_map(|id| world.rollback.rollback(*id));
    open.filter(|it| it.status == Status::Checking)
        .map(|it| {
            Obligation::CheckCriteria(CriteriaCheck {
                rollback: it.id,
                fence: it.fence,
                environment: it.environment.clone(),
                targets: it.targets.clone(),
                criteria: it.criteria.clone(),
            })
        })
        .collect()
}
