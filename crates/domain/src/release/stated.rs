//! Whether the criteria that a release states can be judged at all: every problem at once.

use super::{Asks, ReleaseCriterion, Spec, check::problem};
use crate::{artifact::FindingSeverity, core::World, reason::Blocker};
use std::collections::BTreeSet;

const CRITERIA: usize = 50;
/// Ten years, in seconds: what is never too old is no limit.
const FRESH_S: std::ops::RangeInclusive<u32> = 60..=315_360_000;

pub(super) fn problems(world: &World, spec: &Spec, found: &mut Vec<Blocker>) {
    if spec.criteria.len() > CRITERIA {
        let message = format!("the release states {} criteria", spec.criteria.len());
        found.push(problem("criteria-count", message, "state 50 at most"));
    }
    let scope: BTreeSet<_> = spec.items.iter().map(|it| &it.service).collect();
    let mut names = BTreeSet::new();
    for it in &spec.criteria {
        if !names.insert(&it.name) {
            let message = format!("there are two criteria `{}`", it.name);
            found.push(problem("criterion-twice", message, "give each its own name"));
        }
        for service in it.services.iter().filter(|service| !scope.contains(service)) {
            let message = format!("criterion `{}` asks about `{service}`, which is not in the scope", it.name);
            found.push(problem("criterion-service", message, "name services of the scope, or none for all"));
        }
        asks(world, it, found);
        signature(world, it, found);
    }
}

fn asks(world: &World, it: &ReleaseCriterion, found: &mut Vec<Blocker>) {
    if let Some((_, fresh_s)) = it.asks.evidence()
        && !FRESH_S.contains(&fresh_s)
    {
        let message = format!("criterion `{}` takes evidence that is {fresh_s} s old", it.name);
        found.push(problem("fresh-out-of-range", message, "give 1 minute to 10 years"));
    }
    let nothing = |what: &str| format!("criterion `{}` asks for {what}, so nothing could fail it", it.name);
    match &it.asks {
        Asks::CodeFreeze { .. } => {}
        Asks::Tests { at_least, .. } => {
            if *at_least == 0 {
                found.push(problem("criterion-asks-nothing", nothing("no test"), "ask for at least 1"));
            }
        }
        Asks::Findings { limits, vex, evidence, .. } => {
            if limits.is_empty() {
                found.push(problem(
                    "criterion-asks-nothing",
                    nothing("no limit"),
                    "set a limit for a severity, such as `critical`",
                ));
            }
            if limits.keys().all(|it| *it == FindingSeverity::Info) && !limits.is_empty() {
                found.push(problem(
                    "criterion-asks-nothing",
                    nothing("what harms nobody only"),
                    "set a limit for a severity above `info`",
                ));
            }
            if vex.as_ref() == Some(evidence) {
                let message =
                    format!("criterion `{}` takes its findings and what sets them aside from one document", it.name);
                found.push(problem("criterion-vex", message, "give the OpenVEX document a name of its own"));
            }
        }
        Asks::Components { at_least, identified_percent, .. } => {
            if *at_least == 0 {
                found.push(problem("criterion-asks-nothing", nothing("no component"), "ask for at least 1"));
            }
            if *identified_percent > 100 {
                let message = format!("criterion `{}` asks for {identified_percent} %", it.name);
                found.push(problem("percent-out-of-range", message, "give 0 to 100"));
            }
        }
        Asks::Statement { predicate, keys, .. } => {
            if keys.is_empty() || predicate.trim().is_empty() || predicate.chars().count() > 120 {
                let message =
                    format!("criterion `{}` names no key, or no kind of statement of 1 to 120 characters", it.name);
                found.push(problem(
                    "criterion-asks-nothing",
                    message,
                    "name at least one signing key, and the predicate type",
                ));
            }
            for key in keys.iter().filter(|key| !world.artifact.keys.contains_key(*key)) {
                let message = format!("criterion `{}` wants key `{key}`, which is not registered", it.name);
                found.push(problem("unknown-key", message, "register the key first, or name one that is"));
            }
        }
    }
}

fn signature(world: &World, it: &ReleaseCriterion, found: &mut Vec<Blocker>) {
    let Some(rule) = &it.signature else { return };
    if it.asks.evidence().is_none() {
        let message = format!("criterion `{}` wants a signature, and there is no document to sign", it.name);
        found.push(problem(
            "criterion-signature",
            message,
            "leave the signature out; exceptions to a freeze are granted by name",
        ));
    }
    for account in rule.by.iter().filter(|id| world.people.account(**id).is_none_or(|it| it.closed)) {
        let message = format!("criterion `{}` wants the signature of {account}, who is no account in use", it.name);
        found.push(problem("unknown-account", message, "name somebody who has an account"));
    }
}
