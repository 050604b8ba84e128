//! Canary analyses.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key},
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    verification::{self as domain, Place},
};
use interlock_ids::{AnalysisId, Digest, Name, ReleaseId};
use interlock_wire::{
    reason::{Action, Receipt, Ref, Severity, Status, Verdict},
    verification::{Analysis, AnalysisSummary, Compared, Course, Resolution, ResolveAnalysis},
};
use jiff::SignedDuration;

fn find(app: &App, text: &str) -> Answer<AnalysisId> {
    let id = text.parse::<AnalysisId>().ok().filter(|id| app.engine().world().verification.analysis(*id).is_some());
    id.ok_or_else(|| Failure::not_found("analysis", text))
}

/// Names an analysis by its release and wave.
pub fn reference(lens: &Lens, id: AnalysisId) -> Ref {
    let Some(it) = lens.world.verification.analysis(id) else { return Ref::new(id, id.to_string()) };
    let deployment = lens.world.deployment.deployment(it.deployment);
    let wave = deployment
        .and_then(|found| found.waves.get(it.wave as usize))
        .map_or_else(|| format!("wave {}", it.wave + 1), |wave| format!("wave {}", wave.name));
    Ref::new(id, format!("{}, {wave}", lens.release(it.release).name))
}

fn state(it: &domain::Analysis) -> Status {
    match (it.stopped, it.verdict, it.resolution) {
        (true, ..) => status("stopped", Severity::Neutral, true),
        (false, None, _) => status("measuring", Severity::Info, false),
        (false, Some(domain::Verdict::Pass), _) => status("passed", Severity::Good, true),
        (false, Some(domain::Verdict::Fail), _) => status("failed", Severity::Bad, true),
        (false, Some(domain::Verdict::Inconclusive), None) => status("inconclusive", Severity::Warning, false),
        (false, Some(domain::Verdict::Inconclusive), Some(_)) => status("resolved", Severity::Info, true),
    }
}

fn sentence(it: &domain::Analysis) -> String {
    match (&it.summary, it.stopped) {
        (_, true) => "Stopped before it had a verdict: it says nothing.".into(),
        (Some(summary), false) if it.verdict.is_some() => {
            let mut letters = summary.text.chars();
            let text: String =
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
            format!("{}.", text.trim_end_matches('.'))
        }
        _ => "Comparing the new version with the old.".into(),
    }
}

fn command(it: AnalysisId, resolution: domain::Resolution, reason: interlock_domain::reason::NoteRef) -> Command {
    Command::Verification(domain::Command::Resolve { analysis: it, resolution, reason })
}

fn actions(lens: &Lens, it: &domain::Analysis) -> Vec<Action> {
    let resolve = command(it.id, domain::Resolution::MeasureAgain, lens.no_note());
    vec![lens.action(
        "resolve",
        "Decide",
        "You decide what the judge could not: go on, take it back, or measure again.",
        true,
        &resolve,
    )]
}

/// What most targets of a place list run or ran of a service.
fn version(lens: &Lens, it: &domain::Analysis, service: &Name, places: &[Place], new: bool) -> Option<String> {
    let units = lens.world.deployment.deployment(it.deployment).into_iter().flat_map(|found| &found.units);
    let digest: Option<Digest> = if new {
        units.filter(|unit| unit.service == *service).map(|unit| unit.digest).next()
    } else {
        let first = places.first()?;
        lens.world.deployment.installed(&it.environment, service, &first.target).map(|found| found.digest)
    };
    digest.map(|digest| lens.version(&digest))
}

fn view(lens: &Lens, it: &domain::Analysis) -> Analysis {
    let horizon = SignedDuration::from_secs(i64::from(it.spec.interval_s) * i64::from(it.spec.horizon));
    let targets = |places: &[Place]| places.iter().map(|place| place.target.to_string()).collect();
    Analysis {
        id: it.id.to_string(),
        name: reference(lens, it.id).name,
        release: lens.release(it.release),
        deployment: Ref::new(it.deployment, lens.release(it.release).name),
        environment: named(&it.environment),
        wave: it.wave,
        status: state(it),
        verdict: it.verdict.map(|verdict| match verdict {
            domain::Verdict::Pass => Verdict::Pass,
            domain::Verdict::Fail => Verdict::Fail,
            domain::Verdict::Inconclusive => Verdict::Inconclusive,
        }),
        sentence: sentence(it),
        started_at: it.started,
        ended_at: it.ended,
        interval_s: it.spec.interval_s,
        horizon: it.spec.horizon,
        horizon_at: it.started.checked_add(horizon).unwrap_or(it.started),
        at_least: it.spec.at_least,
        summary: it.summary.as_ref().map(|it| AnalysisSummary {
            text: it.text.clone(),
            log10_evidence: it.log10_evidence,
            looks: it.looks,
            usable: it.usable,
            requests_new: it.requests_new,
            requests_old: it.requests_old,
            culprits: it.culprits.clone(),
            excess_bad_requests: it.excess_bad_requests,
        }),
        compared: it
            .compared
            .iter()
            .map(|pair| Compared {
                service: named(&pair.service),
                new: targets(&pair.new),
                old: targets(&pair.old),
                new_version: version(lens, it, &pair.service, &pair.new, true),
                old_version: version(lens, it, &pair.service, &pair.old, false),
            })
            .collect(),
        resolution: it.resolution.map(|it| match it {
            domain::Resolution::Proceed => Resolution::Proceed,
            domain::Resolution::Rollback => Resolution::Rollback,
            domain::Resolution::MeasureAgain => Resolution::MeasureAgain,
        }),
        evidence: it.evidence.map(|digest| digest.to_string()),
        actions: actions(lens, it),
    }
}

/// The release an analysis is about.
fn of(app: &App, id: AnalysisId) -> Answer<ReleaseId> {
    let release = app.engine().world().verification.analysis(id).map(|it| it.release);
    release.ok_or_else(|| Failure::not_found("analysis", id))
}

/// One analysis.
#[utoipa::path(get, path = "/analyses/{id}", params(("id" = String, Path)), responses((status = 200, body = Analysis)))]
pub async fn analysis(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Analysis>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(of(&app, id)?)?;
    lens.world
        .verification
        .analysis(id)
        .map(|it| Json(view(&lens, it)))
        .ok_or_else(|| Failure::not_found("analysis", text))
}

/// The course of an analysis, look by look; live while it runs.
#[utoipa::path(get, path = "/analyses/{id}/course", params(("id" = String, Path)), responses((status = 200, body = Course)))]
pub async fn course(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Course>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(of(&app, id)?)?;
    let complete = lens.world.verification.analysis(id).is_some_and(|it| it.ended.is_some());
    let engine = app.engine().clone();
    let course = tokio::task::spawn_blocking(move || engine.canary(id)).await.unwrap_or_default();
    Ok(Json(Course { analysis: reference(&lens, id), complete, course }))
}

/// Decides what the judge could not.
#[utoipa::path(post, path = "/analyses/{id}/resolve", params(("id" = String, Path)), request_body = ResolveAnalysis, responses((status = 200, body = Receipt)))]
pub async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<ResolveAnalysis>,
) -> Answer<Done> {
    let id = find(&app, &text)?;
    let resolution = match it.resolution {
        Resolution::Proceed => domain::Resolution::Proceed,
        Resolution::Rollback => domain::Resolution::Rollback,
        Resolution::MeasureAgain => domain::Resolution::MeasureAgain,
    };
    let command = command(id, resolution, act::note(&app, "reason", &it.reason)?);
    act::carry_out(&app, &caller, key, act::subject("analysis", id, &text), command).await
}

/// The command an action of an analysis stands for.
pub fn asked(lens: &Lens, text: &str, action: &str) -> Option<Command> {
    let id = text.parse::<AnalysisId>().ok()?;
    lens.world.verification.analysis(id)?;
    (action == "resolve").then(|| command(id, domain::Resolution::MeasureAgain, lens.no_note()))
}
