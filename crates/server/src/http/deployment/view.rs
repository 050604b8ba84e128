//! A deployment as the API shows it.

use super::pipeline::phase_out;
use crate::{
    http::{release, verification},
    lens::{Lens, named, status},
};
use interlock_domain::{
    core::Command,
    deployment::{
        Command as Steer, Deployment as Running, Direction, OnRollback, PipelineStep, Progress, Status as Where,
        StepOutcome,
    },
};
use interlock_wire::{
    deployment::{Deployment, DeploymentRow, Step, Wave, WaveTarget},
    reason::{Action, Severity, Status},
};

fn state(it: &Running) -> Status {
    if it.paused && !it.status.is_terminal() {
        return status("paused", Severity::Warning, false);
    }
    match it.status {
        Where::Running if !it.held.is_empty() => status("held", Severity::Warning, false),
        Where::Running => status("running", Severity::Info, false),
        Where::Judging => status("judging", Severity::Info, false),
        Where::Baking { .. } => status("baking", Severity::Info, false),
        Where::Blocked => status("blocked", Severity::Bad, false),
        Where::Stopping => status("stopping", Severity::Warning, false),
        Where::Succeeded => status("succeeded", Severity::Good, true),
        Where::Aborted => status("aborted", Severity::Bad, true),
    }
}

/// The state of a deployment in one sentence.
pub fn sentence(lens: &Lens, it: &Running) -> String {
    let wave = it
        .waves
        .get(it.wave as usize)
        .map_or_else(String::new, |wave| format!("wave {} ({} of {})", wave.name, it.wave + 1, it.waves.len()));
    let doing = if it.direction.is_back() { "Taking back" } else { "Deploying" };
    if it.paused && !it.status.is_terminal() {
        return format!("Paused in {wave}: no step is handed out until somebody resumes it.");
    }
    if let Some(first) = it.held.first().filter(|_| !it.status.is_terminal()) {
        return lens.with_names(&format!("Held in {wave}: {}.", first.message.trim_end_matches('.')));
    }
    match it.status {
        Where::Running => format!("{doing}: {wave}, {} of {} steps done.", done(it), total(it)),
        Where::Judging => format!("Judging {wave}: the new version is compared with the old."),
        Where::Baking { until } => format!("Waiting after {wave} until {}.", until.strftime("%H:%M:%S UTC")),
        Where::Blocked => match failure(it) {
            Some((unit, step, message)) => format!(
                "Blocked in {wave}: {step} of {} on {} failed: {}. Retry, skip, abort or roll back.",
                unit.service,
                unit.target,
                message.trim_end_matches('.')
            ),
            None => format!("Blocked in {wave}: a step failed. Retry, skip, abort or roll back."),
        },
        Where::Stopping => "Stopping: running steps are let finish.".into(),
        Where::Succeeded if it.direction.is_back() => "Taken back everywhere.".into(),
        Where::Succeeded => "Deployed everywhere.".into(),
        Where::Aborted => "Aborted where it was.".into(),
    }
}

fn failure(it: &Running) -> Option<(&interlock_domain::deployment::Unit, String, String)> {
    let (index, progress) = it.progress.iter().enumerate().find(|(_, progress)| progress.failed)?;
    let result = progress.results.last()?;
    let step = it.pipeline.steps.get(result.step as usize)?;
    Some((it.units.get(index)?, step.name.to_string(), result.message.clone()))
}

fn left_out(it: &Running, step: &PipelineStep) -> bool {
    it.direction.is_back() && step.on_rollback == OnRollback::Skip
}

fn total(it: &Running) -> u32 {
    let steps = it.pipeline.steps.iter().filter(|step| !left_out(it, step)).count();
    (steps * it.units.len()) as u32
}

fn done(it: &Running) -> u32 {
    let of_unit = |progress: &Progress| {
        it.pipeline.steps.iter().take(progress.next as usize).filter(|step| !left_out(it, step)).count()
    };
    it.progress.iter().map(|progress| of_unit(progress) as u32).sum()
}

pub fn row(lens: &Lens, it: &Running) -> DeploymentRow {
    DeploymentRow {
        id: it.id.to_string(),
        name: lens.release(it.release).name,
        release: lens.release(it.release),
        environment: named(&it.environment),
        direction: if it.direction == Direction::Forward { "forward".into() } else { "back".into() },
        status: state(it),
        sentence: sentence(lens, it),
        started_at: it.started,
        started_by: it.started_by.map(|id| lens.person(id)),
        ended_at: it.ended,
        steps_done: done(it),
        steps_total: total(it),
    }
}

pub fn view(lens: &Lens, it: &Running) -> Deployment {
    let analyses = lens.world.verification.by_deployment.get(&it.id);
    Deployment {
        row: row(lens, it),
        pipeline: it.pipeline.name.to_string(),
        max_parallel: it.pipeline.max_parallel,
        paused: it.paused,
        held: lens.blockers(&it.held),
        held_until: it.held_until,
        analysis: analyses.and_then(|all| all.last()).map(|id| verification::reference(lens, *id)),
        waves: (0..it.waves.len()).map(|index| wave(lens, it, index as u32)).collect(),
        archived: it.archived,
        actions: actions(lens, it),
    }
}

fn wave(lens: &Lens, it: &Running, index: u32) -> Wave {
    let planned = &it.waves[index as usize];
    let over = it.status.is_terminal();
    let state = if index < it.wave || it.status == Where::Succeeded {
        status("done", Severity::Good, true)
    } else if index > it.wave {
        status(if over { "not_begun" } else { "waiting" }, Severity::Neutral, over)
    } else {
        state(it)
    };
    let bake_until = match it.status {
        Where::Baking { until } if index == it.wave => Some(until),
        _ => None,
    };
    let units = it.units.iter().enumerate().filter(|(_, unit)| unit.wave == index);
    Wave {
        index,
        name: planned.name.to_string(),
        status: state,
        weight: planned.weight,
        bake_until,
        targets: units.map(|(unit, _)| target(lens, it, unit)).collect(),
    }
}

fn target(lens: &Lens, it: &Running, index: usize) -> WaveTarget {
    let (unit, progress) = (&it.units[index], &it.progress[index]);
    let over = progress.next as usize >= it.pipeline.steps.len();
    let state = if progress.failed {
        status("failed", Severity::Bad, false)
    } else if over {
        status("done", Severity::Good, true)
    } else if progress.lease.is_some() {
        status("running", Severity::Info, false)
    } else if progress.results.is_empty() {
        status("waiting", Severity::Neutral, false)
    } else {
        status("begun", Severity::Info, false)
    };
    let steps =
        it.pipeline.steps.iter().enumerate().map(|(number, planned)| step(it, index, number, planned, progress));
    WaveTarget {
        unit: index as u32,
        name: unit.target.to_string(),
        service: named(&unit.service),
        status: state,
        from_version: unit.previous.map(|digest| lens.version(&digest)),
        to_version: lens.version(&unit.digest),
        digest: unit.digest.to_string(),
        steps: steps.collect(),
    }
}

fn step(it: &Running, unit: usize, number: usize, planned: &PipelineStep, progress: &Progress) -> Step {
    let result = progress.results.iter().rev().find(|result| result.step as usize == number);
    let next = it.next_step(unit as u32).map(|(index, _)| index as usize);
    let lease = progress.lease.as_ref().filter(|_| next == Some(number));
    let passed = (number as u32) < progress.next;
    let state = match (lease, result.map(|result| result.outcome)) {
        (Some(_), _) => status("running", Severity::Info, false),
        (None, Some(StepOutcome::Changed)) => status("changed", Severity::Good, true),
        (None, Some(StepOutcome::Unchanged)) => status("unchanged", Severity::Good, true),
        (None, Some(_)) if passed => status("skipped", Severity::Warning, true),
        (None, Some(StepOutcome::Failed)) => status("failed", Severity::Bad, false),
        (None, Some(StepOutcome::Inconclusive)) => status("inconclusive", Severity::Warning, false),
        (None, None) if passed || left_out(it, planned) => status("skipped", Severity::Neutral, true),
        (None, None) => status("waiting", Severity::Neutral, false),
    };
    Step {
        id: format!("{unit}.{number}"),
        name: planned.name.to_string(),
        kind: planned.kind().into(),
        phase: phase_out(planned.phase),
        status: state,
        attempt: if lease.is_some() { progress.attempt + 1 } else { result.map_or(0, |result| result.attempt) },
        runner: lease.map(|lease| lease.runner.to_string()),
        started_at: lease.map(|lease| lease.since).or(result.map(|result| result.started)),
        ended_at: result.filter(|_| lease.is_none()).map(|result| result.finished),
        code: result.filter(|_| lease.is_none()).and_then(|result| result.code.clone()),
        summary: result.filter(|_| lease.is_none()).map(|result| result.message.clone()).unwrap_or_default(),
        output: result.filter(|_| lease.is_none()).and_then(|result| result.output).map(|digest| digest.to_string()),
    }
}

/// The command an action of a deployment stands for.
pub fn command(lens: &Lens, it: &Running, action: &str) -> Option<Command> {
    let (deployment, reason) = (it.id, lens.no_note());
    let failed = it.progress.iter().position(|progress| progress.failed).unwrap_or_default() as u32;
    Some(match action {
        "pause" => Command::Deployment(Steer::Pause { deployment, reason }),
        "resume" => Command::Deployment(Steer::Resume { deployment }),
        "retry" => Command::Deployment(Steer::Retry { deployment, reason }),
        "skip" => Command::Deployment(Steer::Skip { deployment, unit: failed, reason }),
        "abort" => Command::Deployment(Steer::Abort { deployment, reason: Some(reason) }),
        "roll-back" => {
            let release = lens.world.release.release(it.release)?;
            release::command(lens, release, "roll-back", None)?
        }
        _ => return None,
    })
}

fn actions(lens: &Lens, it: &Running) -> Vec<Action> {
    let all = [
        ("pause", "Pause", "No further step is handed out; running ones are let finish.", true),
        ("resume", "Resume", "Steps are handed out again.", false),
        ("retry", "Retry", "Failed steps are tried again.", true),
        ("skip", "Skip", "The step that failed is left out; what it should have done is not done.", true),
        ("abort", "Abort", "It ends where it is; nothing is taken back.", true),
    ];
    let tried = all.into_iter().filter_map(|(name, label, effect, needs_reason)| {
        let command = command(lens, it, name)?;
        Some(lens.action(name, label, effect, needs_reason, &command))
    });
    tried.collect()
}
