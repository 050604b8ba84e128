//! When a release is watched, and when the watch is over.

use super::*;
use crate::{
    core::{self, Context, Obligation, World},
    deployment,
    reason::{Outcome, Refusal, only_by_system},
    rollback,
};
use interlock_ids::{DeploymentId, Name, WatchId};
use jiff::SignedDuration;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "watching a release")?;
    match command {
        Command::Begin { deployment } => begin(world, *deployment, ctx),
        Command::Stabilise { deployment } => {
            let it = of_deployment(world, *deployment)?;
            let length = SignedDuration::from_secs(it.spec.length_s.into());
            Ok(vec![Event::Stabilising(Stabilising {
                watch: it.id,
                until: ctx.now.checked_add(length).unwrap_or(ctx.now),
            })])
        }
        Command::Fire { watch, trigger, value, evidence, .. } => fire(world, *watch, trigger, *value, *evidence),
        Command::End { watch, fence, looks, usable, evidence } => {
            let it = open(world, *watch)?;
            let due = matches!(it.phase, Phase::Stabilising { until } if until <= ctx.now);
            if it.fence != *fence || !due {
                return Err(Refusal::stale("the watch is not over yet, or was begun anew"));
            }
            // Half of all looks must have seen something: less is no evidence of health.
            let seen = *looks > 0 && usable * 2 >= *looks;
            let outcome = match (it.fired.is_empty(), seen) {
                (false, _) => Outcome::Fail,
                (true, true) => Outcome::Pass,
                (true, false) => Outcome::Inconclusive,
            };
            let ended = WatchEnded {
                watch: *watch,
                outcome: Some(outcome),
                looks: *looks,
                usable: *usable,
                evidence: Some(*evidence),
            };
            Ok(vec![Event::WatchEnded(ended)])
        }
        Command::Stop { watch } => {
            let it = open(world, *watch)?;
            let ended = WatchEnded { watch: it.id, outcome: None, looks: it.looks, usable: it.usable, evidence: None };
            Ok(vec![Event::WatchEnded(ended)])
        }
    }
}

fn open(world: &World, id: WatchId) -> Result<&Watch, Refusal> {
    let watch = world.operations.watch(id).ok_or_else(|| Refusal::not_found("watch", id))?;
    world.operations.open.contains(&id).then_some(watch).ok_or_else(|| Refusal::stale("the watch is over"))
}

fn of_deployment(world: &World, id: DeploymentId) -> Result<&Watch, Refusal> {
    let open = world.operations.open.iter().filter_map(|id| world.operations.watch(*id));
    open.into_iter().find(|it| it.deployment == id).ok_or_else(|| Refusal::stale("the deployment is not being watched"))
}

fn begin(world: &World, id: DeploymentId, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let it = world.deployment.deployment(id).ok_or_else(|| Refusal::not_found("deployment", id))?;
    let release = world.release.release(it.release).ok_or_else(|| Refusal::not_found("release", it.release))?;
    Ok(vec![Event::WatchBegun(WatchBegun {
        watch: ctx.ids.id(),
        release: it.release,
        deployment: id,
        environment: it.environment.clone(),
        spec: release.spec.watch,
        triggers: release.spec.triggers.clone(),
    })])
}

fn fire(
    world: &World,
    id: WatchId,
    name: &Name,
    value: f64,
    evidence: interlock_ids::Digest,
) -> Result<Vec<Event>, Refusal> {
    let it = open(world, id)?;
    let trigger = it.triggers.iter().find(|it| it.name == *name).ok_or_else(|| Refusal::not_found("trigger", name))?;
    if it.fired.iter().any(|fired| fired.trigger == *name) {
        return Err(Refusal::stale("the trigger has fired already"));
    }
    Ok(vec![Event::TriggerFired(TriggerFired {
        watch: id,
        trigger: name.clone(),
        value,
        action: trigger.action,
        owner: trigger.owner,
        deputy: trigger.deputy,
        evidence,
    })])
}

/// What begins, changes or stops a watch.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    use core::Event as It;
    let forward = |id: DeploymentId| {
        world.deployment.deployment(id).is_some_and(|it| it.direction == deployment::Direction::Forward)
    };
    match event {
        It::Deployment(deployment::Event::Started(it)) if it.direction == deployment::Direction::Forward => {
            vec![Command::Begin { deployment: it.deployment }]
        }
        It::Deployment(deployment::Event::Ended(it))
            if it.status == deployment::Status::Succeeded && forward(it.deployment) =>
        {
            vec![Command::Stabilise { deployment: it.deployment }]
        }
        It::Rollback(rollback::Event::Started(it)) => {
            let open = world.operations.open.iter().filter_map(|id| world.operations.watch(*id));
            open.filter(|watch| watch.release == it.release).map(|it| Command::Stop { watch: it.id }).collect()
        }
        _ => Vec::new(),
    }
}

/// Watches that are not over.
pub fn owed(world: &World) -> Vec<Obligation> {
    let open = world.operations.open.iter().filter_map(|id| world.operations.watch(*id));
    open.map(|it| {
        let fired = |name: &Name| it.fired.iter().any(|fired| fired.trigger == *name);
        Obligation::Observe(Observation {
            watch: it.id,
            fence: it.fence,
            release: it.release,
            environment: it.environment.clone(),
            interval_s: it.spec.interval_s,
            until: match it.phase {
                Phase::Stabilising { until } => Some(until),
                Phase::Deploying | Phase::Ended => None,
            },
            since: it.begun,
            triggers: it.triggers.iter().filter(|trigger| !fired(&trigger.name)).cloned().collect(),
        })
    })
    .collect()
}
