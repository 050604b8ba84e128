//! A step, fully resolved: every placeholder filled in, so that whoever executes it has no choices left.

use super::{
    Deployment, Direction, HttpStep, OnRevocation, OnRollback, PipelineStep, ProgramStep, Run, TrafficStep, Unit,
};
use crate::{
    artifact::Signature,
    core::{Fence, World},
    release::Permit,
};
use interlock_ids::{DeploymentId, Digest, Name, ReleaseId};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Apply,
    Undo,
}

/// One step on one unit, ready to be executed.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOrder {
    pub deployment: DeploymentId,
    pub release: ReleaseId,
    pub environment: Name,
    /// Index of the unit in the deployment.
    pub unit: u32,
    /// Index of the step in the pipeline.
    pub step: u32,
    pub name: Name,
    /// The same for every hand-out of the same try, so that a runner can tell that it has done it already.
    pub key: String,
    pub fence: Fence,
    pub attempt: u32,
    pub operation: Operation,
    pub run: Run,
    pub timeout_s: u32,
    pub wave: u32,
    pub target: crate::environment::Target,
    pub service: Name,
    /// What the unit is to run after the deployment.
    pub digest: Digest,
    pub version: String,
    pub size: u64,
    pub signature: Option<Signature>,
    pub public_key: Option<String>,
    pub permit: Permit,
    pub on_revocation: OnRevocation,
    /// Seconds to wait before it is begun: between two tries on the way back.
    pub pause_s: u32,
    /// Until when it is leased; `None` if it is not.
    pub until: Option<Timestamp>,
}

/// The step a unit owes, resolved; `None` if the unit has no more steps or its target is gone.
pub fn order(world: &World, deployment: &Deployment, unit: u32, fence: Fence) -> Option<StepOrder> {
    order_after(world, deployment, unit, fence, 0)
}

/// The steps a unit owes that its lease covers, in order.
pub fn orders(world: &World, deployment: &Deployment, unit: u32, fence: Fence) -> Vec<StepOrder> {
    let lease = deployment.progress.get(unit as usize).and_then(|it| it.lease.as_ref());
    let through = lease.map_or(0, |lease| lease.through);
    let following = (1..).map_while(|after| order_after(world, deployment, unit, fence, after));
    let covered = following.take_while(|it| it.step <= through);
    order(world, deployment, unit, fence).into_iter().chain(covered).collect()
}

/// The step a unit owes once `after` others are done.
fn order_after(world: &World, deployment: &Deployment, unit: u32, fence: Fence, after: usize) -> Option<StepOrder> {
    let it = deployment.units.get(unit as usize)?;
    let progress = deployment.progress.get(unit as usize)?;
    let (index, step) = deployment.steps_left(unit).nth(after)?;
    let target = world
        .environment
        .environment(&deployment.environment)?
        .targets
        .iter()
        .find(|target| target.name == it.target)?;
    let artifact = world.artifact.artifact(&it.digest)?;
    let attempt = if after == 0 { progress.attempt + 1 } else { 1 };
    let fill = Fill::new(deployment, it, target, artifact.version.clone(), step);
    let signature = artifact.signature.clone();
    let key = signature.as_ref().and_then(|signature| world.artifact.keys.get(&signature.key));
    Some(StepOrder {
        deployment: deployment.id,
        release: deployment.release,
        environment: deployment.environment.clone(),
        unit,
        step: index,
        name: step.name.clone(),
        key: format!(
            "{}/{}/{}/{}/{}",
            deployment.id,
            it.target,
            it.service,
            step.name,
            progress.results.len() + 1 + after
        ),
        fence,
        attempt,
        operation: operation(deployment.direction, step),
        run: fill.run(&step.run),
        timeout_s: step.timeout_s,
        wave: deployment.wave,
        target: target.clone(),
        service: it.service.clone(),
        digest: it.digest,
        version: artifact.version.clone(),
        size: artifact.size,
        public_key: key.map(|key| key.public_key.clone()),
        signature,
        permit: deployment.permit.clone(),
        on_revocation: step.on_revocation,
        pause_s: pause(deployment.direction, attempt),
        until: progress.lease.as_ref().map(|lease| lease.until),
    })
}

/// Tries of a step on the way back are 2, 4, 8 and then 10 seconds apart: what is being taken back may need a moment.
fn pause(direction: Direction, attempt: u32) -> u32 {
    match (direction, attempt) {
        (Direction::Forward, _) | (_, 0 | 1) => 0,
        (Direction::Back { .. }, attempt) => 2u32.saturating_pow(attempt - 1).min(10),
    }
}

fn operation(direction: Direction, step: &PipelineStep) -> Operation {
    match (direction, step.on_rollback) {
        (Direction::Back { .. }, OnRollback::Undo) => Operation::Undo,
        (Direction::Back { .. }, OnRollback::Apply | OnRollback::Skip) | (Direction::Forward, _) => Operation::Apply,
    }
}

/// Whether the step makes the target run the unit's artefact: what `installed` is recorded from.
pub(super) fn installs(step: &PipelineStep) -> bool {
    matches!(&step.run, Run::Program(program) if program.artifact)
}

/// Values for placeholders.
struct Fill(BTreeMap<String, String>);

impl Fill {
    fn new(
        deployment: &Deployment,
        unit: &Unit,
        target: &crate::environment::Target,
        version: String,
        step: &PipelineStep,
    ) -> Self {
        let wave = deployment.waves.get(unit.wave as usize);
        // Once a wave is judged good, and on the way back, a target carries its full share.
        let judged = step.phase == super::Phase::Deploy && !deployment.direction.is_back();
        let weight = wave.filter(|_| judged).and_then(|wave| wave.weight);
        let full = target.params.get("weight").cloned().unwrap_or_else(|| "100".into());
        let mut values = BTreeMap::from([
            ("target.name".into(), target.name.to_string()),
            ("target.address".into(), target.address.clone()),
            ("service".into(), unit.service.to_string()),
            ("environment".into(), deployment.environment.to_string()),
            ("artifact.digest".into(), unit.digest.to_string()),
            ("artifact.version".into(), version),
            ("wave.name".into(), wave.map(|wave| wave.name.to_string()).unwrap_or_default()),
            ("wave.weight".into(), weight.map_or(full, |weight| weight.to_string())),
        ]);
        values.extend(target.params.iter().map(|(name, value)| (format!("target.params.{name}"), value.clone())));
        values.extend(target.labels.iter().map(|(name, value)| (format!("target.labels.{name}"), value.clone())));
        Self(values)
    }

    /// One pass: a value that itself looks like a placeholder is left as it is.
    fn text(&self, template: &str) -> String {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            filled.push_str(&rest[..start]);
            let Some(length) = rest[start..].find('}') else { break };
            let name = &rest[start + 2..start + length];
            match self.0.get(name) {
                Some(value) => filled.push_str(value),
                None => filled.push_str(&rest[start..=start + length]),
            }
            rest = &rest[start + length + 1..];
        }
        filled.push_str(rest);
        filled
    }

    fn list(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn map(&self, texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        texts.iter().map(|(name, text)| (name.clone(), self.text(text))).collect()
    }

    fn run(&self, run: &Run) -> Run {
        match run {
            Run::Program(it) => Run::Program(ProgramStep {
                check: it.check.as_deref().map(|words| self.list(words)),
                apply: self.list(&it.apply),
                verify: it.verify.as_deref().map(|words| self.list(words)),
                undo: it.undo.as_deref().map(|words| self.list(words)),
                env: self.map(&it.env),
                repeatable: it.repeatable,
                artifact: it.artifact,
            }),
            Run::Http(it) => Run::Http(HttpStep {
                method: it.method.clone(),
                url: self.text(&it.url),
                headers: self.map(&it.headers),
                body: it.body.as_deref().map(|body| self.text(body)),
                expect_status: it.expect_status.clone(),
                expect_contains: it.expect_contains.as_deref().map(|text| self.text(text)),
                expect_json: self.map(&it.expect_json),
                tries: it.tries,
                every_ms: it.every_ms,
            }),
            Run::Traffic(it) => Run::Traffic(TrafficStep {
                router: self.text(&it.router),
                pool: self.text(&it.pool),
                server: self.text(&it.server),
                weight: self.text(&it.weight),
            }),
            Run::Wait { seconds } => Run::Wait { seconds: *seconds },
        }
    }
}
