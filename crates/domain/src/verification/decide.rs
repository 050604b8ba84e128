//! When a wave is judged, and what follows from the verdict.

use super::*;
use crate::{
    core::{self, Context, Obligation, World},
    deployment,
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind, only_by_system},
};
use interlock_ids::{AnalysisId, DeploymentId, Name};
use interlock_policy::Facts;
use std::collections::BTreeSet;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Begin { deployment, wave } => begin(world, *deployment, *wave, ctx),
        Command::Conclude { analysis, fence, verdict, summary, evidence } => {
            only_by_system(ctx, "the verdict of an analysis")?;
            let it = find(world, *analysis)?;
            if it.fence != *fence || !world.verification.open.contains(analysis) {
                return Err(Refusal::stale("the analysis has its verdict, was stopped, or was begun anew"));
            }
            Ok(vec![Event::Concluded(Concluded {
                analysis: *analysis,
                verdict: *verdict,
                summary: summary.clone(),
                evidence: *evidence,
            })])
        }
        Command::Resolve { analysis, resolution, reason } => {
            let it = find(world, *analysis)?;
            let question = Question {
                action: "deployment.control",
                resource: ("Deployment", it.deployment.to_string()),
                facts: Facts(Default::default()),
            };
            authorise(world, ctx, question)?;
            let judging =
                world.deployment.deployment(it.deployment).is_some_and(|it| it.status == deployment::Status::Judging);
            if it.verdict != Some(Verdict::Inconclusive)
                || it.resolution.is_some_and(|it| it != Resolution::MeasureAgain)
                || !judging
            {
                let message = "only an analysis whose verdict is inconclusive, and whose wave still waits for it, is decided by a person";
                let blocker =
                    Blocker::new("not-inconclusive", message, "nothing, or roll the release back", "a deployer");
                return Err(Refusal::new(RefusalKind::Blocked, message, vec![blocker]));
            }
            Ok(vec![Event::Resolved(Resolved { analysis: *analysis, resolution: *resolution, reason: *reason })])
        }
        Command::Stop { analysis } => {
            only_by_system(ctx, "stopping an analysis")?;
            let open = world.verification.open.contains(analysis);
            Ok(if open { vec![Event::Stopped(Stopped { analysis: *analysis })] } else { Vec::new() })
        }
    }
}

fn find(world: &World, id: AnalysisId) -> Result<&Analysis, Refusal> {
    world.verification.analysis(id).ok_or_else(|| Refusal::not_found("analysis", id))
}

fn begin(world: &World, id: DeploymentId, wave: u32, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the beginning of an analysis")?;
    let it = world.deployment.deployment(id).ok_or_else(|| Refusal::not_found("deployment", id))?;
    let spec = it.waves.get(wave as usize).and_then(|wave| wave.canary.clone());
    let Some(spec) = spec.filter(|_| it.status == deployment::Status::Judging && it.wave == wave) else {
        return Err(Refusal::stale("the wave is not waiting for a verdict"));
    };
    Ok(vec![Event::Begun(Begun {
        analysis: ctx.ids.id(),
        release: it.release,
        deployment: id,
        environment: it.environment.clone(),
        wave,
        spec,
        compared: compared(world, it),
    })])
}

/// New are the targets of this wave and of earlier ones, old those that are still to come.
fn compared(world: &World, it: &deployment::Deployment) -> Vec<Compared> {
    let judged: BTreeSet<&Name> =
        it.units.iter().filter(|unit| unit.wave == it.wave).map(|unit| &unit.service).collect();
    let address = |target: &Name| {
        let environment = world.environment.environment(&it.environment)?;
        environment.targets.iter().find(|it| it.name == *target).map(|it| it.address.clone())
    };
    let places = |service: &Name, new: bool| -> Vec<Place> {
        let units = it.units.iter().filter(|unit| unit.service == *service && (unit.wave <= it.wave) == new);
        units.filter_map(|unit| Some(Place { target: unit.target.clone(), address: address(&unit.target)? })).collect()
    };
    judged
        .into_iter()
        .filter_map(|service| {
            let metrics = world.catalog.service(service)?.metrics.clone();
            Some(Compared {
                service: service.clone(),
                metrics,
                new: places(service, true),
                old: places(service, false),
            })
        })
        .collect()
}

/// What begins or stops an analysis.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let core::Event::Deployment(event) = event else { return Vec::new() };
    match event {
        deployment::Event::PhaseEnded(it) if it.status == deployment::Status::Judging => {
            vec![Command::Begin { deployment: it.deployment, wave: it.wave }]
        }
        deployment::Event::Ended(it) => {
            let open = world.verification.open.iter().filter_map(|id| world.verification.analysis(*id));
            open.filter(|analysis| analysis.deployment == it.deployment)
                .map(|it| Command::Stop { analysis: it.id })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Analyses without a verdict.
pub fn owed(world: &World) -> Vec<Obligation> {
    let open = world.verification.open.iter().filter_map(|id| world.verification.analysis(*id));
    open.map(|it| {
        Obligation::Measure(Measurement {
            analysis: it.id,
            fence: it.fence,
            release: it.release,
            environment: it.environment.clone(),
            spec: it.spec.clone(),
            compared: it.compared.clone(),
            started: it.started,
        })
    })
    .collect()
}
