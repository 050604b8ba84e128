//! Whether what a person says about a release can be: every problem at once.

use super::*;
use crate::{core::World, reason::Blocker};
use interlock_ids::Name;
use std::collections::BTreeSet;

const LONGEST_S: u32 = 14 * 86_400;
const WAVES: usize = 50;

pub(super) fn problem(code: &str, message: String, clears: &str) -> Blocker {
    Blocker::new(code, message, clears, "you")
}

/// Problems of a specification; empty if it can be drafted.
pub(super) fn problems(world: &World, spec: &Spec) -> Vec<Blocker> {
    let mut found = Vec::new();
    if world.release.by_name.contains_key(&spec.name) {
        found.push(problem("name-taken", format!("there is a release `{}` already", spec.name), "choose another name"));
    }
    let environment = world.environment.environment(&spec.environment);
    if environment.is_none() {
        found.push(problem(
            "unknown-environment",
            format!("there is no environment `{}`", spec.environment),
            "name one that exists",
        ));
    }
    if !world.deployment.pipelines.contains_key(&spec.pipeline) {
        found.push(problem(
            "unknown-pipeline",
            format!("there is no pipeline `{}`", spec.pipeline),
            "name one that exists",
        ));
    }
    items(world, spec, &mut found);
    model(world, spec, &mut found);
    lengths(spec, &mut found);
    triggers(world, spec, &mut found);
    criteria(spec, &mut found);
    super::stated::problems(world, spec, &mut found);
    found
}

fn items(world: &World, spec: &Spec, found: &mut Vec<Blocker>) {
    if spec.items.is_empty() || spec.items.len() > 1000 {
        let message = format!("the scope has {} services", spec.items.len());
        found.push(problem("scope-size", message, "name 1 to 1,000 services, each with a build"));
    }
    let mut seen = BTreeSet::new();
    for item in &spec.items {
        if !seen.insert(&item.service) {
            let message = format!("service `{}` is in the scope twice", item.service);
            found.push(problem("service-twice", message, "name each service once"));
        }
        if world.catalog.service(&item.service).is_none() {
            let message = format!("there is no service `{}`", item.service);
            found.push(problem("unknown-service", message, "enter it in the catalogue first"));
        }
        match world.artifact.artifact(&item.digest) {
            None => {
                let message = format!("artefact {} of service `{}` is not registered", item.digest, item.service);
                found.push(problem("unknown-artifact", message, "register the build first"));
            }
            Some(artifact) if artifact.service != item.service => {
                let message =
                    format!("artefact {} is a build of `{}`, not of `{}`", item.digest, artifact.service, item.service);
                found.push(problem("foreign-artifact", message, "name a build of the service"));
            }
            Some(_) => {}
        }
        if crate::deployment::targets_of(world, &spec.environment, &item.service).is_empty() {
            let message = format!("no target in `{}` runs service `{}`", spec.environment, item.service);
            found.push(problem("no-target", message, "give the environment a target for the service"));
        }
    }
}

fn model(world: &World, spec: &Spec, found: &mut Vec<Blocker>) {
    let Model::Phased { waves } = &spec.model else { return };
    if waves.is_empty() || waves.len() > WAVES {
        found.push(problem("wave-count", format!("the model has {} waves", waves.len()), "give 1 to 50 waves"));
    }
    let mut seen = BTreeSet::new();
    for (index, wave) in waves.iter().enumerate() {
        let last = index + 1 == waves.len();
        if !seen.insert(&wave.name) {
            found.push(problem(
                "wave-twice",
                format!("there are two waves `{}`", wave.name),
                "give each wave its own name",
            ));
        }
        match wave.take {
            Take::Rest if !last => {
                let message = format!("wave `{}` takes the rest, but others follow", wave.name);
                found.push(problem("rest-not-last", message, "let only the last wave take the rest"));
            }
            Take::Count(_) | Take::Percent(_) if last => {
                let message = format!("the last wave, `{}`, does not take the rest", wave.name);
                found.push(problem(
                    "rest-missing",
                    message,
                    "let the last wave take the rest, so that no target is forgotten",
                ));
            }
            Take::Count(0) | Take::Percent(0) => {
                found.push(problem(
                    "wave-empty",
                    format!("wave `{}` takes nothing", wave.name),
                    "let it take at least one target",
                ));
            }
            Take::Percent(percent) if percent > 100 => {
                let message = format!("wave `{}` takes {percent} %", wave.name);
                found.push(problem("wave-too-large", message, "take at most 100 %"));
            }
            Take::Count(_) | Take::Percent(_) | Take::Rest => {}
        }
        if wave.weight.is_some_and(|weight| weight > 100) {
            let message = format!("wave `{}` has a weight above 100", wave.name);
            found.push(problem("weight-out-of-range", message, "give a weight from 0 to 100"));
        }
        if let Some(canary) = &wave.canary {
            canary_problems(wave, canary, last, found);
        }
    }
    let canaried = waves.iter().any(|wave| wave.canary.is_some());
    for item in spec.items.iter().filter(|_| canaried) {
        let targets = crate::deployment::targets_of(world, &spec.environment, &item.service).len();
        if targets == 1 {
            let message = format!(
                "service `{}` has one target, so that no old one is left to compare the new one with",
                item.service
            );
            found.push(problem("nothing-to-compare", message, "give it a second target, or do without the canary"));
        }
    }
}

fn canary_problems(wave: &WaveSpec, canary: &CanarySpec, last: bool, found: &mut Vec<Blocker>) {
    if last {
        let message = format!("wave `{}` is the last: no old version is left to compare with", wave.name);
        found.push(problem("canary-in-last-wave", message, "judge an earlier wave; the watch covers the last"));
    }
    let sound = (1..=3600).contains(&canary.interval_s)
        && (2..=10_000).contains(&canary.horizon)
        && (2..=canary.horizon).contains(&canary.at_least);
    let margins =
        [canary.margins.errors, canary.margins.latency_p50, canary.margins.latency_p90, canary.margins.latency_p99];
    if !margins.iter().all(|margin| margin.is_finite() && *margin > 0.0 && *margin <= 10.0)
        || canary.margins.errors >= 1.0
    {
        let message = format!("the canary of wave `{}` has a margin that is none", wave.name);
        found.push(problem("margin-out-of-range", message, "give margins above 0: errors below 1, durations up to 10"));
    }
    if !sound {
        let message = format!(
            "the canary of wave `{}` looks every {} s, at least {} and at most {} times",
            wave.name, canary.interval_s, canary.at_least, canary.horizon
        );
        found.push(problem(
            "canary-out-of-range",
            message,
            "interval 1 to 3,600 s, horizon 2 to 10,000 looks, at least 2 looks and no more than the horizon",
        ));
    }
}

fn lengths(spec: &Spec, found: &mut Vec<Blocker>) {
    if !(60..=LONGEST_S).contains(&spec.length_s) {
        found.push(problem(
            "length-out-of-range",
            format!("the release needs {} s", spec.length_s),
            "give 1 minute to 14 days",
        ));
    }
    let watch = &spec.watch;
    if !(1..=30 * 86_400).contains(&watch.length_s)
        || !(1..=3600).contains(&watch.interval_s)
        || watch.interval_s > watch.length_s
    {
        let message = format!("the watch lasts {} s and looks every {} s", watch.length_s, watch.interval_s);
        found.push(problem(
            "watch-out-of-range",
            message,
            "length 1 s to 30 days, interval 1 to 3,600 s and no longer than the watch",
        ));
    }
}

fn triggers(world: &World, spec: &Spec, found: &mut Vec<Blocker>) {
    let mut seen = BTreeSet::new();
    for trigger in &spec.triggers {
        if !seen.insert(&trigger.name) {
            found.push(problem(
                "trigger-twice",
                format!("there are two triggers `{}`", trigger.name),
                "give each its own name",
            ));
        }
        if !trigger.threshold.is_finite() {
            found.push(problem(
                "threshold",
                format!("the threshold of trigger `{}` is no number", trigger.name),
                "give a number",
            ));
        }
        for (role, account) in [("owner", trigger.owner), ("deputy", trigger.deputy)] {
            if let Some(account) = account.filter(|it| world.people.account(*it).is_none_or(|it| it.closed)) {
                let message = format!("the {role} of trigger `{}`, {account}, is no account in use", trigger.name);
                found.push(problem("unknown-account", message, "name somebody who has an account"));
            }
        }
        indicator(world, &trigger.name, &trigger.indicator, found);
    }
}

fn indicator(world: &World, name: &Name, indicator: &Indicator, found: &mut Vec<Blocker>) {
    let (service, window_s) = match indicator {
        Indicator::ErrorRatio { service, window_s } => (service, *window_s),
        Indicator::Latency { service, quantile, window_s } => {
            if !(quantile.is_finite() && *quantile > 0.0 && *quantile < 1.0) {
                found.push(problem(
                    "quantile",
                    format!("`{name}` asks for quantile {quantile}"),
                    "give a number between 0 and 1",
                ));
            }
            (service, *window_s)
        }
        Indicator::Promql { query } => {
            if query.trim().is_empty() {
                found.push(problem("empty-query", format!("`{name}` has an empty query"), "give a PromQL expression"));
            }
            return;
        }
    };
    if world.catalog.service(service).is_none() {
        found.push(problem(
            "unknown-service",
            format!("`{name}` watches service `{service}`, which does not exist"),
            "name one that exists",
        ));
    }
    if !(1..=86_400).contains(&window_s) {
        found.push(problem(
            "window-out-of-range",
            format!("`{name}` looks back {window_s} s"),
            "look back 1 s to 1 day",
        ));
    }
}

fn criteria(spec: &Spec, found: &mut Vec<Blocker>) {
    let mut seen = BTreeSet::new();
    for criterion in &spec.rollback.criteria {
        if !seen.insert(&criterion.name) {
            found.push(problem(
                "criterion-twice",
                format!("there are two criteria `{}`", criterion.name),
                "give each its own name",
            ));
        }
        let path = match &criterion.kind {
            CriterionKind::Http { path } | CriterionKind::Reports { path, .. } => path,
            CriterionKind::Metric { .. } => continue,
        };
        if !path.starts_with('/') {
            found.push(problem(
                "criterion-path",
                format!("the path of criterion `{}` does not begin with `/`", criterion.name),
                "give a path such as `/healthz`",
            ));
        }
    }
}
