//! The five DORA figures, from the ledger.
//!
//! Invariants: a figure without data is `None`, never 0; every figure carries its definition, its uncertainty and the entries it
//! was computed from. Deliberately absent: grades. Whether a figure is good depends on what the organisation wants.

use crate::{
    change::Class,
    core::{Subject, World},
    deployment::{Deployment, Direction, Status},
    environment::Environment,
    rollback,
};
use interlock_ids::{DeploymentId, Name, ReleaseId};
use interlock_stats::interval::{percentile, wilson};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Chance that an interval contains what is estimated.
const CONFIDENCE: f64 = 0.95;

/// What to look at: deployments that ended in `[from, until)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoraQuery {
    pub from: Timestamp,
    pub until: Timestamp,
    pub service: Option<Name>,
    /// The group that owns the services.
    pub owner: Option<Name>,
    /// `None`: all environments that are production-like.
    pub environment: Option<Name>,
}

/// One measurement behind a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub release: ReleaseId,
    pub deployment: DeploymentId,
    pub at: Timestamp,
    pub value: f64,
    /// Positions of the entries that concern the deployment.
    pub positions: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// `None` without data.
    pub value: Option<f64>,
    pub unit: &'static str,
    /// Ends of the 95 % interval, where there are data enough for one.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Number of samples.
    pub count: u64,
    pub definition: &'static str,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Dora {
    pub deployments: Figure,
    pub lead_time: Figure,
    pub change_failure_rate: Figure,
    pub time_to_recover: Figure,
    pub rework_rate: Figure,
}

/// The five figures for a period.
pub fn dora(world: &World, query: &DoraQuery) -> Dora {
    let ended = deployments(world, query);
    Dora {
        deployments: frequency(world, query, &ended),
        lead_time: lead_time(world, query, &ended),
        change_failure_rate: failure_rate(world, &ended),
        time_to_recover: time_to_recover(world, query),
        rework_rate: rework_rate(world, query, &ended),
    }
}

/// A forward deployment that ended, and when.
type Ended<'a> = (&'a Deployment, Timestamp);

fn deployments<'a>(world: &'a World, query: &DoraQuery) -> Vec<Ended<'a>> {
    let all = world.deployment.deployments.values().map(AsRef::as_ref);
    let mut found: Vec<Ended> = all
        .filter(|it| it.direction == Direction::Forward && concerns(world, query, it))
        .filter_map(|it| it.ended.map(|at| (it, at)))
        .filter(|(_, at)| query.from <= *at && *at < query.until)
        .collect();
    found.sort_by_key(|(it, at)| (*at, it.id));
    found
}

fn concerns(world: &World, query: &DoraQuery, deployment: &Deployment) -> bool {
    let place = match &query.environment {
        Some(name) => deployment.environment == *name,
        None => {
            world.environment.environment(&deployment.environment).is_some_and(|it: &Environment| it.production_like)
        }
    };
    place && !services(world, query, deployment).is_empty()
}

/// The services of a deployment's release that a query asks about.
fn services<'a>(world: &'a World, query: &DoraQuery, deployment: &Deployment) -> BTreeSet<&'a Name> {
    let items =
        world.release.release(deployment.release).into_iter().flat_map(|it| &it.spec.items).map(|it| &it.service);
    items
        .filter(|name| query.service.as_ref().is_none_or(|wanted| wanted == *name))
        .filter(|name| {
            query.owner.as_ref().is_none_or(|owner| world.catalog.service(name).is_some_and(|it| it.owner == *owner))
        })
        .collect()
}

fn sample(world: &World, deployment: &Deployment, at: Timestamp, value: f64) -> Sample {
    let positions = world.trail.of(&Subject::Deployment(deployment.id)).collect();
    Sample { release: deployment.release, deployment: deployment.id, at, value, positions }
}

fn seconds(from: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(from).as_secs_f64()
}

fn frequency(world: &World, query: &DoraQuery, ended: &[Ended]) -> Figure {
    let samples: Vec<Sample> = ended.iter().map(|(it, at)| sample(world, it, *at, 1.0)).collect();
    let weeks = seconds(query.from, query.until) / (7.0 * 86_400.0);
    let rate = (!samples.is_empty() && weeks > 0.0).then(|| samples.len() as f64 / weeks);
    Figure {
        value: rate,
        unit: "per week",
        low: None,
        high: None,
        count: samples.len() as u64,
        definition: "Forward deployments that ended in the period, whether they succeeded or not, per week of the period.",
        samples,
    }
}

fn median(unit: &'static str, definition: &'static str, samples: Vec<Sample>) -> Figure {
    let values: Vec<f64> = samples.iter().map(|it| it.value).collect();
    let found = percentile(&values, 0.5, CONFIDENCE);
    Figure {
        value: found.map(|it| it.estimate),
        unit,
        low: found.and_then(|it| it.low),
        high: found.and_then(|it| it.high),
        count: samples.len() as u64,
        definition,
        samples,
    }
}

fn rate(definition: &'static str, samples: Vec<Sample>) -> Figure {
    let (hits, all) = (samples.iter().filter(|it| it.value > 0.0).count() as u64, samples.len() as u64);
    let found = wilson(hits, all, CONFIDENCE);
    Figure {
        value: found.map(|it| it.estimate),
        unit: "ratio",
        low: found.map(|it| it.low),
        high: found.map(|it| it.high),
        count: all,
        definition,
        samples,
    }
}

fn lead_time(world: &World, query: &DoraQuery, ended: &[Ended]) -> Figure {
    let mut shipped = BTreeSet::new();
    let mut samples = Vec::new();
    for (deployment, at) in ended.iter().filter(|(it, _)| it.status == Status::Succeeded) {
        let asked = services(world, query, deployment);
        let items = world.release.release(deployment.release).into_iter().flat_map(|it| &it.spec.items);
        let sources = items
            .filter(|it| asked.contains(&it.service))
            .filter_map(|it| Some((it, world.artifact.artifact(&it.digest)?.source.as_ref()?)));
        for (item, commit) in sources.flat_map(|(item, source)| source.commits.iter().map(move |commit| (item, commit)))
        {
            if shipped.insert((&deployment.environment, &item.service, &commit.sha)) {
                samples.push(sample(world, deployment, *at, seconds(commit.at, *at)));
            }
        }
    }
    let definition = "From the time a commit was authored to the end of the first successful deployment in the period that \
                      brought it to the environment; median over commits.";
    median("seconds", definition, samples)
}

/// Whether a deployment was aborted or taken back.
fn failed(world: &World, deployment: &Deployment) -> bool {
    let taken_back = world.rollback.rollbacks.values().any(|it| it.of == deployment.id);
    deployment.status == Status::Aborted || taken_back
}

fn failure_rate(world: &World, ended: &[Ended]) -> Figure {
    let samples = ended.iter().map(|(it, at)| sample(world, it, *at, f64::from(u8::from(failed(world, it)))));
    let definition = "Forward deployments that were aborted or taken back, over all forward deployments that ended \
                      in the period.";
    rate(definition, samples.collect())
}

fn time_to_recover(world: &World, query: &DoraQuery) -> Figure {
    let recovered =
        world.rollback.rollbacks.values().filter(|it| it.status == rollback::Status::Succeeded).filter_map(|it| {
            let ended = it.ended.filter(|at| query.from <= *at && *at < query.until)?;
            let deployment = world.deployment.deployment(it.of).filter(|of| concerns(world, query, of))?;
            Some(sample(world, deployment, ended, seconds(it.started, ended)))
        });
    let definition = "From the start of a rollback, the first evidence of harm that was acted on, to its end with every criterion \
                      passed; median over rollbacks that ended in the period.";
    median("seconds", definition, recovered.collect())
}

fn rework_rate(world: &World, query: &DoraQuery, ended: &[Ended]) -> Figure {
    let samples = ended.iter().map(|(deployment, at)| {
        let emergency = world.release.release(deployment.release).is_some_and(|it| it.spec.class == Class::Emergency);
        let asked = services(world, query, deployment);
        let mends =
            asked.iter().any(|service| previous(world, deployment, service).is_some_and(|it| failed(world, it)));
        sample(world, deployment, *at, f64::from(u8::from(emergency || mends)))
    });
    let definition = "Forward deployments that were emergency changes, or came next after one of the same service in the same \
                      environment that was aborted or taken back, over all forward deployments that ended in the period.";
    rate(definition, samples.collect())
}

/// The forward deployment of a service that came before one in the same environment.
fn previous<'a>(world: &'a World, deployment: &Deployment, service: &Name) -> Option<&'a Deployment> {
    let ships = |it: &Deployment| {
        world.release.release(it.release).is_some_and(|it| it.spec.items.iter().any(|item| item.service == *service))
    };
    let all = world.deployment.deployments.values().map(AsRef::as_ref);
    all.filter(|it| {
        it.direction == Direction::Forward
            && it.environment == deployment.environment
            && it.started < deployment.started
    })
    .filter(|it| ships(it))
    .max_by_key(|it| (it.started, it.id))
}
