//! The plan: which targets, in which wave, in which order. Made once, when the deployment starts, and stored with it.

use super::{Deployment, Direction, Progress};
use crate::{
    core::World,
    release::{CanarySpec, Item, Model, Spec, Take},
};
use interlock_ids::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One wave as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedWave {
    pub name: Name,
    /// Weight of a target of this wave while the wave is judged.
    pub weight: Option<u32>,
    pub bake_s: u32,
    pub canary: Option<CanarySpec>,
}

/// One service on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub target: Name,
    pub service: Name,
    /// What it is to run.
    pub digest: Digest,
    /// What it runs now, as far as known.
    pub previous: Option<Digest>,
    /// Index of its wave.
    pub wave: u32,
    /// Within a wave, units of a lower rank come first: a service comes after those it depends on.
    pub rank: u32,
}

/// Plans a release onto the targets of its environment. Targets of a service are taken in the order of their names' appearance.
pub fn plan_forward(world: &World, spec: &Spec) -> (Vec<PlannedWave>, Vec<Unit>) {
    let whole = [("all", Take::Rest, None, 0, None)];
    let waves: Vec<PlannedWave>;
    let takes: Vec<Take>;
    match &spec.model {
        Model::BigBang => {
            waves = whole
                .iter()
                .filter_map(|(name, _, weight, bake_s, canary)| {
                    Some(PlannedWave {
                        name: name.parse().ok()?,
                        weight: *weight,
                        bake_s: *bake_s,
                        canary: canary.clone(),
                    })
                })
                .collect();
            takes = vec![Take::Rest];
        }
        Model::Phased { waves: specs } => {
            waves = specs
                .iter()
                .map(|it| PlannedWave {
                    name: it.name.clone(),
                    weight: it.weight,
                    bake_s: it.bake_s,
                    canary: it.canary.clone(),
                })
                .collect();
            takes = specs.iter().map(|it| it.take).collect();
        }
    }
    let ranks = ranks(world, &spec.items);
    let mut units = Vec::new();
    for item in &spec.items {
        let targets = targets_of(world, &spec.environment, &item.service);
        let all = targets.len();
        let mut rest = targets.into_iter();
        for (wave, take) in takes.iter().enumerate() {
            let wanted = match take {
                Take::Count(count) => *count as usize,
                Take::Percent(percent) => (all * *percent as usize).div_ceil(100).max(1),
                Take::Rest => usize::MAX,
            };
            units.extend(rest.by_ref().take(wanted).map(|target| Unit {
                previous: world.deployment.installed(&spec.environment, &item.service, &target).map(|it| it.digest),
                target,
                service: item.service.clone(),
                digest: item.digest,
                wave: wave as u32,
                rank: ranks.get(&item.service).copied().unwrap_or_default(),
            }));
        }
    }
    units.sort_by_key(|unit| (unit.wave, unit.rank));
    (waves, units)
}

/// Plans the way back: every unit on which a step was at least handed out, in one wave, dependants first.
pub fn plan_back(of: &Deployment) -> (Vec<PlannedWave>, Vec<Unit>) {
    let highest = of.units.iter().map(|unit| unit.rank).max().unwrap_or_default();
    let touched = |progress: &Progress| progress.next > 0 || progress.lease.is_some() || !progress.results.is_empty();
    let units: Vec<Unit> = of
        .units
        .iter()
        .zip(&of.progress)
        .filter(|(_, progress)| touched(progress))
        .filter_map(|(unit, _)| {
            let former = unit.previous?;
            let (target, service) = (unit.target.clone(), unit.service.clone());
            Some(Unit {
                target,
                service,
                digest: former,
                previous: Some(unit.digest),
                wave: 0,
                rank: highest - unit.rank,
            })
        })
        .collect();
    let wave = "back".parse().ok().map(|name| PlannedWave { name, weight: None, bake_s: 0, canary: None });
    let mut units = units;
    units.sort_by_key(|unit| unit.rank);
    (wave.into_iter().collect(), units)
}

/// Targets of an environment that run a service, in the environment's order.
pub(crate) fn targets_of(world: &World, environment: &Name, service: &Name) -> Vec<Name> {
    let environment = world.environment.environment(environment);
    let targets = environment.into_iter().flat_map(|it| &it.targets);
    targets.filter(|target| target.services.contains(service)).map(|target| target.name.clone()).collect()
}

/// Rank of each service of the scope: one more than the highest of those it depends on. Services of one cycle share a rank.
fn ranks(world: &World, items: &[Item]) -> BTreeMap<Name, u32> {
    let scope = items.iter().map(|it| it.service.clone()).collect();
    let order = crate::catalog::order(world, &scope);
    order
        .into_iter()
        .enumerate()
        .flat_map(|(rank, group)| group.into_iter().map(move |name| (name, rank as u32)))
        .collect()
}

impl Direction {
    pub fn is_back(self) -> bool {
        matches!(self, Direction::Back { .. })
    }
}
