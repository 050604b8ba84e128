//! Whether a pipeline can be, and what was found installed: every problem at once.

use super::*;
use crate::{
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind},
};
use interlock_ids::{Digest, Name};
use interlock_policy::Facts;
use std::collections::BTreeSet;

const STEPS: usize = 200;
const KNOWN: [&str; 8] = [
    "target.name",
    "target.address",
    "service",
    "environment",
    "artifact.digest",
    "artifact.version",
    "wave.name",
    "wave.weight",
];
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

fn problem(code: &str, message: String, clears: &str) -> Blocker {
    Blocker::new(code, message, clears, "you")
}

pub(super) fn put(world: &World, pipeline: &Pipeline, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    let resource = ("Pipeline", pipeline.name.to_string());
    authorise(world, ctx, Question { action: "pipeline.manage", resource, facts: Facts(Default::default()) })?;
    let mut found = Vec::new();
    if !(1..=1000).contains(&pipeline.max_parallel) {
        found.push(problem(
            "parallel-out-of-range",
            format!("{} steps at once", pipeline.max_parallel),
            "give 1 to 1,000",
        ));
    }
    if !(1..=20).contains(&pipeline.ahead) {
        let message = format!("{} steps of a unit are handed out together", pipeline.ahead);
        found.push(problem("ahead-out-of-range", message, "give 1 to 20"));
    }
    if pipeline.steps.is_empty() || pipeline.steps.len() > STEPS {
        found.push(problem(
            "step-count",
            format!("the pipeline has {} steps", pipeline.steps.len()),
            "give 1 to 200 steps",
        ));
    }
    if !pipeline.steps.is_sorted_by_key(|step| step.phase) {
        let message = "a step of phase `deploy` comes after one of phase `settle`".to_owned();
        found.push(problem("phase-order", message, "put all steps of phase `deploy` first"));
    }
    let mut seen = BTreeSet::new();
    for step in &pipeline.steps {
        if !seen.insert(&step.name) {
            found.push(problem(
                "step-twice",
                format!("there are two steps `{}`", step.name),
                "give each step its own name",
            ));
        }
        check_step(step, &mut found);
    }
    if world.deployment.pipelines.get(&pipeline.name).is_some_and(|it| **it == *pipeline) {
        return Ok(Vec::new());
    }
    if found.is_empty() {
        return Ok(vec![Event::PipelinePut(PipelinePut { pipeline: pipeline.clone() })]);
    }
    let summary = format!("pipeline `{}` cannot be: {} problems", pipeline.name, found.len());
    Err(Refusal::new(RefusalKind::Invalid, summary, found))
}

fn check_step(step: &PipelineStep, found: &mut Vec<Blocker>) {
    let name = &step.name;
    if !(1..=86_400).contains(&step.timeout_s) {
        found.push(problem(
            "timeout-out-of-range",
            format!("step `{name}` may take {} s", step.timeout_s),
            "give 1 s to 1 day",
        ));
    }
    if !(1..=10).contains(&step.attempts) {
        found.push(problem(
            "attempts-out-of-range",
            format!("step `{name}` is tried {} times", step.attempts),
            "give 1 to 10",
        ));
    }
    if step.attempts_back.is_some_and(|it| !(1..=10).contains(&it)) {
        let message =
            format!("step `{name}` is tried {} times on the way back", step.attempts_back.unwrap_or_default());
        found.push(problem("attempts-out-of-range", message, "give 1 to 10"));
    }
    if let Some(message) = crate::runner::labels_wrong(&step.runner) {
        let clears = "give at most 50 labels; names and values have 1 to 100 printable characters";
        found.push(problem("labels", format!("step `{name}`: {message}"), clears));
    }
    let mut texts: Vec<&str> = Vec::new();
    match &step.run {
        Run::Program(it) => {
            let all = [it.check.as_ref(), Some(&it.apply), it.verify.as_ref(), it.undo.as_ref()];
            if all.iter().flatten().any(|words| words.first().is_none_or(|word| word.is_empty())) {
                found.push(problem(
                    "no-program",
                    format!("step `{name}` names no program"),
                    "give the program and its arguments",
                ));
            }
            if step.on_rollback == OnRollback::Undo && it.undo.is_none() {
                let message = format!("step `{name}` is to be undone on a rollback, but says not how");
                found.push(problem("no-undo", message, "give `undo`, or set `on_rollback` to `apply` or `skip`"));
            }
            texts.extend(all.into_iter().flatten().flatten().map(String::as_str));
            texts.extend(it.env.values().map(String::as_str));
        }
        Run::Http(it) => {
            if !METHODS.contains(&it.method.as_str()) {
                found.push(problem(
                    "method",
                    format!("step `{name}` has the method `{}`", it.method),
                    "use GET, HEAD, POST, PUT, PATCH or DELETE",
                ));
            }
            if !(it.url.starts_with("http://") || it.url.starts_with("https://") || it.url.starts_with("${")) {
                found.push(problem("url", format!("step `{name}` asks `{}`", it.url), "give an http or https address"));
            }
            if it.expect_status.is_empty() || it.expect_status.iter().any(|status| !(100..=599).contains(status)) {
                found.push(problem(
                    "expect-status",
                    format!("step `{name}` does not say which status is right"),
                    "list statuses from 100 to 599",
                ));
            }
            if !(1..=100).contains(&it.tries) {
                found.push(problem(
                    "tries-out-of-range",
                    format!("step `{name}` asks {} times", it.tries),
                    "give 1 to 100",
                ));
            }
            texts.extend([it.url.as_str()].into_iter().chain(it.body.as_deref()).chain(it.expect_contains.as_deref()));
            texts.extend(it.headers.values().chain(it.expect_json.values()).map(String::as_str));
        }
        Run::Traffic(it) => {
            if !it.weight.contains("${") && it.weight.parse::<u32>().map_or(true, |weight| weight > 100) {
                found.push(problem(
                    "weight-out-of-range",
                    format!("step `{name}` sets the weight `{}`", it.weight),
                    "give 0 to 100, or a placeholder",
                ));
            }
            texts.extend([it.router.as_str(), &it.pool, &it.server, &it.weight]);
        }
        Run::Wait { seconds } => {
            if !(1..=86_400).contains(seconds) || *seconds > step.timeout_s {
                let message = format!("step `{name}` waits {seconds} s and may take {} s", step.timeout_s);
                found.push(problem(
                    "wait-out-of-range",
                    message,
                    "wait 1 s to 1 day, and no longer than the step may take",
                ));
            }
        }
    }
    if !matches!(step.run, Run::Program(_)) && step.on_rollback == OnRollback::Undo {
        let message = format!("step `{name}` cannot be undone");
        found.push(problem("no-undo", message, "set `on_rollback` to `apply` or `skip`"));
    }
    for unknown in texts.iter().flat_map(|text| placeholders(text)).filter(|it| !is_known(it)) {
        let message = format!("step `{name}` uses the placeholder `${{{unknown}}}`, which does not exist");
        found.push(problem("placeholder", message, "use target.name, target.address, target.params.…, target.labels.…, service, environment, artifact.digest, artifact.version, wave.name or wave.weight"));
    }
}

fn placeholders(text: &str) -> Vec<String> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned())).collect()
}

fn is_known(name: &str) -> bool {
    name.starts_with("target.params.") || name.starts_with("target.labels.") || KNOWN.contains(&name)
}

pub(super) fn record_installed(
    world: &World,
    environment: &Name,
    found: &[(Name, Name, Digest)],
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    let resource = ("Environment", environment.to_string());
    authorise(world, ctx, Question { action: "environment.manage", resource, facts: Facts(Default::default()) })?;
    let place =
        world.environment.environment(environment).ok_or_else(|| Refusal::not_found("environment", environment))?;
    let mut problems = Vec::new();
    for (service, target, digest) in found {
        if !place.targets.iter().any(|it| it.name == *target && it.services.contains(service)) {
            let message = format!("`{environment}` has no target `{target}` that runs `{service}`");
            problems.push(problem("unknown-target", message, "name a target of the environment and a service it runs"));
        }
        if world.artifact.artifact(digest).is_none_or(|artifact| artifact.service != *service) {
            let message = format!("{digest} is not a registered build of `{service}`");
            problems.push(problem("unknown-artifact", message, "register the build first"));
        }
    }
    if world.deployment.running_in(environment).is_some() {
        let message = format!("a deployment runs in `{environment}`");
        problems.push(problem("environment-busy", message, "wait until it ends"));
    }
    if !problems.is_empty() {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!("what runs in `{environment}` cannot be recorded"),
            problems,
        ));
    }
    let found = found.iter().map(|(service, target, digest)| Found {
        service: service.clone(),
        target: target.clone(),
        digest: *digest,
    });
    Ok(vec![Event::InstalledRecorded(InstalledRecorded { environment: environment.clone(), found: found.collect() })])
}
