//! A release as the API shows it.

use super::{gates, spec, spec_out};
use crate::{
    http::{artifact, catalog, change, criterion, learning, operations, rollback, source, verification},
    lens::{Lens, named, short, words},
    problem::Answer,
    state::App,
};
use interlock_domain::{
    core::Command,
    deployment::{Command as Deploy, plan_forward},
    release::{self as domain, Command as Move, Model, Permit, Stage, gates as gates_of},
    rollback as back,
};
use interlock_wire::{
    reason::{Action, Ref, Severity, Span, Status, Verdict},
    release::{
        LifeStage, PermitView, PlanWave, Release, ReleaseItem, ReleasePlan, ReleaseRow, RollbackView, TriggerView,
    },
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Commits shown on the page; all are at the artefacts.
const COMMITS: usize = 1000;

pub fn status(stage: Stage) -> Status {
    let (value, severity) = match stage {
        Stage::Draft => ("draft", Severity::Neutral),
        Stage::Planned => ("planned", Severity::Info),
        Stage::Frozen => ("frozen", Severity::Warning),
        Stage::Ready => ("ready", Severity::Good),
        Stage::Authorised => ("authorised", Severity::Good),
        Stage::Deploying => ("deploying", Severity::Info),
        Stage::Stabilising => ("stabilising", Severity::Info),
        Stage::Closed => ("closed", Severity::Good),
        Stage::RolledBack => ("rolled_back", Severity::Bad),
        Stage::Cancelled => ("cancelled", Severity::Neutral),
    };
    crate::lens::status(value, severity, stage.is_terminal())
}

pub fn row(lens: &Lens, it: &domain::Release) -> ReleaseRow {
    ReleaseRow {
        id: it.id.to_string(),
        name: it.spec.name.to_string(),
        summary: lens.note(it.spec.summary),
        class: change::class_out(it.spec.class),
        status: status(it.stage),
        sentence: gates::sentence(lens, it),
        model: model(&it.spec.model).into(),
        environment: named(&it.spec.environment),
        services: words(it.spec.items.iter().map(|item| &item.service)),
        owner: it.drafted_by.map(|id| lens.person(id)),
        window: it.window.map(|window| Span { start: window.start, end: window.end }),
        created_at: it.drafted,
        updated_at: it.since,
    }
}

fn model(it: &Model) -> &'static str {
    match it {
        Model::BigBang => "big_bang",
        Model::Phased { .. } => "phased",
    }
}

pub async fn view(app: &App, lens: &Lens, it: &domain::Release) -> Answer<Release> {
    let world = &lens.world;
    let builds: Vec<_> = it.spec.items.iter().filter_map(|item| world.artifact.artifact(&item.digest)).collect();
    let mut commits = Vec::new();
    let mut total = 0;
    for build in &builds {
        let Some(source) = &build.source else { continue };
        total += source.commits.len() as u64;
        if commits.len() < COMMITS {
            commits.extend(source::commits(app, lens, source, Some(&build.service)).await?);
        }
    }
    commits.truncate(COMMITS);
    let analyses = it.deployment.and_then(|id| world.verification.by_deployment.get(&id));
    Ok(Release {
        row: row(lens, it),
        spec: spec_out(lens, &it.spec),
        life: life(lens, it),
        items: it.spec.items.iter().map(|item| release_item(lens, it, item)).collect(),
        commits,
        commits_total: total,
        plan: plan(lens, it),
        gates: gates_of(world, it, lens.now).iter().map(|gate| gates::gate(lens, gate)).collect(),
        criteria: criterion::views(lens, it),
        exceptions: criterion::exceptions(lens, it),
        change: world.change.of_release(it.id).map(|it| change::view(lens, it)),
        permit: it.permit.as_ref().map(|permit| permit_view(lens, it, permit)),
        deployment: it.deployment.map(|id| Ref::new(id, it.spec.name.as_str())),
        analyses: analyses.into_iter().flatten().map(|id| verification::reference(lens, *id)).collect(),
        watch: world.operations.of_release(it.id).map(|it| operations::watch(lens, it)),
        rollback: rollback_view(lens, it),
        review: world
            .learning
            .by_release
            .get(&it.id)
            .and_then(|id| world.learning.review(*id))
            .map(|it| learning::view(lens, it)),
        actions: actions(lens, it),
    })
}

/// When each stage was reached, from the entries of its trail.
fn life(lens: &Lens, it: &domain::Release) -> Vec<LifeStage> {
    let mut reached: BTreeMap<Stage, Timestamp> = BTreeMap::from([(Stage::Draft, it.drafted)]);
    for (at, event) in crate::http::ledger::release_events(lens, it.id) {
        let stage = match event {
            domain::Event::Planned(_) => Stage::Planned,
            domain::Event::Frozen(_) => Stage::Frozen,
            domain::Event::Ready(_) => Stage::Ready,
            domain::Event::Authorised(_) => Stage::Authorised,
            domain::Event::Deploying(_) => Stage::Deploying,
            domain::Event::Stabilising(_) => Stage::Stabilising,
            domain::Event::Closed(_) => Stage::Closed,
            domain::Event::RolledBack(_) => Stage::RolledBack,
            domain::Event::Cancelled(_) => Stage::Cancelled,
            domain::Event::Drafted(_)
            | domain::Event::HeldBack(_)
            | domain::Event::PermitRevoked(_)
            | domain::Event::PlanClosed(_)
            | domain::Event::PlanOpened(_)
            | domain::Event::ExceptionGranted(_) => continue,
        };
        reached.insert(stage, at);
    }
    let usual = [
        Stage::Draft,
        Stage::Planned,
        Stage::Frozen,
        Stage::Ready,
        Stage::Authorised,
        Stage::Deploying,
        Stage::Stabilising,
    ];
    let end = match it.stage {
        Stage::RolledBack | Stage::Cancelled => it.stage,
        _ => Stage::Closed,
    };
    let shown = usual.into_iter().chain([end]).map(|stage| {
        let look = status(stage);
        // A stage it has fallen back from was reached, but does not hold.
        let holds = stage <= it.stage || it.stage.is_terminal();
        LifeStage {
            value: look.value,
            label: look.label,
            at: reached.get(&stage).copied().filter(|_| holds),
            current: stage == it.stage,
            severity: look.severity,
        }
    });
    shown.collect()
}

fn release_item(lens: &Lens, release: &domain::Release, item: &domain::Item) -> ReleaseItem {
    let build = lens.world.artifact.artifact(&item.digest);
    let source = build.and_then(|it| it.source.as_ref());
    let missing = || interlock_wire::artifact::SignatureCheck {
        verdict: Verdict::Inconclusive,
        signer: None,
        detail: "the build is not registered".into(),
    };
    let running = catalog::running(lens, &release.spec.environment, &item.service);
    let before = release.deployment.and_then(|id| lens.world.deployment.deployment(id));
    let previous = before
        .into_iter()
        .flat_map(|it| &it.units)
        .filter(|unit| unit.service == item.service)
        .find_map(|unit| unit.previous);
    let from = previous.or_else(|| running.first().map(|it| it.digest).filter(|_| release.deployment.is_none()));
    ReleaseItem {
        service: named(&item.service),
        version: build.map_or_else(|| short(&item.digest), |it| it.version.clone()),
        digest: item.digest.to_string(),
        size: build.map_or(0, |it| it.size),
        signature: build.map_or_else(missing, |it| artifact::signature(lens, it)),
        quarantined: lens.world.artifact.quarantine(&item.digest).is_some(),
        from_version: catalog::version_of(lens, from),
        repository: source.map(|it| it.repository.clone()),
        commit: source.map(|it| it.commit.clone()),
        since: source.and_then(|it| it.since.clone()),
    }
}

fn plan(lens: &Lens, it: &domain::Release) -> ReleasePlan {
    let running = it.deployment.and_then(|id| lens.world.deployment.deployment(id)).filter(|it| !it.archived);
    let (waves, units) =
        running.map_or_else(|| plan_forward(&lens.world, &it.spec), |it| (it.waves.clone(), it.units.clone()));
    let wave = |(index, wave): (usize, &interlock_domain::deployment::PlannedWave)| PlanWave {
        name: wave.name.to_string(),
        targets: units.iter().filter(|unit| unit.wave as usize == index).map(|unit| unit.target.to_string()).collect(),
        weight: wave.weight,
        bake_s: wave.bake_s,
        canary: wave.canary.is_some(),
    };
    ReleasePlan {
        model: model(&it.spec.model).into(),
        length_s: it.spec.length_s,
        waves: waves.iter().enumerate().map(wave).collect(),
    }
}

fn permit_view(lens: &Lens, release: &domain::Release, it: &Permit) -> PermitView {
    let state = if release.permit_revoked || lens.world.release.revoked_permits.contains_key(&it.id) {
        crate::lens::status("revoked", Severity::Bad, true)
    } else if lens.now < it.not_before {
        crate::lens::status("waiting", Severity::Info, false)
    } else if lens.now < it.not_after {
        crate::lens::status("valid", Severity::Good, false)
    } else {
        crate::lens::status("expired", Severity::Neutral, true)
    };
    PermitView {
        id: it.id.to_string(),
        status: state,
        not_before: it.not_before,
        not_after: it.not_after,
        environment: it.environment.to_string(),
        digests: it.items.iter().map(|item| item.digest.to_string()).collect(),
        approved_by: lens.people(&it.approved_by),
        policy_set: it.policy_set.clone(),
    }
}

/// A trigger in words, and whether it has fired.
pub fn trigger_view(lens: &Lens, it: &domain::Trigger, fired: &[interlock_domain::operations::Fired]) -> TriggerView {
    let fired = fired.iter().find(|fired| fired.trigger == it.name);
    let indicator = spec::indicator_words(&it.indicator);
    TriggerView {
        name: it.name.to_string(),
        condition: format!(
            "{indicator} {} {} for {}",
            spec::comparison_words(it.comparison),
            it.threshold,
            interlock_wire::length::Length(it.for_s)
        ),
        action: spec::action_out(it.action),
        owner: it.owner.map(|id| lens.person(id)),
        deputy: it.deputy.map(|id| lens.person(id)),
        fired_at: fired.map(|it| it.at),
        value: fired.map(|it| it.value),
    }
}

fn rollback_view(lens: &Lens, it: &domain::Release) -> RollbackView {
    let watch = lens.world.operations.of_release(it.id);
    let fired = watch.map(|it| it.fired.as_slice()).unwrap_or_default();
    let units = match it.deployment.and_then(|id| lens.world.deployment.deployment(id)) {
        Some(running) => running.units.clone(),
        None => plan_forward(&lens.world, &it.spec).1,
    };
    let unknown = units.iter().filter(|unit| unit.previous.is_none()).count();
    let planned = !it.spec.triggers.is_empty() && !it.spec.rollback.criteria.is_empty();
    let owned = it.spec.triggers.iter().all(|it| it.owner.is_some() && it.deputy.is_some());
    let (feasible, sentence) = match (planned, owned, unknown) {
        (false, ..) => (Verdict::Fail, "Triggers or success criteria are missing.".to_owned()),
        (true, false, _) => (Verdict::Fail, "A trigger has no owner or no deputy.".to_owned()),
        (true, true, 0) => (
            Verdict::Pass,
            "It can be taken back: every target's former build is known, and so is how one sees that it worked."
                .to_owned(),
        ),
        (true, true, n) => (
            Verdict::Inconclusive,
            format!("What ran before is not known on {n} of {} targets, so they cannot be taken back.", units.len()),
        ),
    };
    RollbackView {
        feasible,
        sentence,
        triggers: it.spec.triggers.iter().map(|it| trigger_view(lens, it, fired)).collect(),
        criteria: it
            .spec
            .rollback
            .criteria
            .iter()
            .map(|it| format!("{}: {}", it.name, spec::criterion_words(it)))
            .collect(),
        current: lens.world.rollback.of_release(it.id).map(|it| rollback::view(lens, it)),
    }
}

/// The command an action of a release stands for; what it needs beside is made up, since it is only tried out.
pub fn command(lens: &Lens, it: &domain::Release, action: &str, at: Option<Timestamp>) -> Option<Command> {
    let (release, reason) = (it.id, lens.no_note());
    let start = || {
        let asked = at.or(it.window.map(|window| window.start).filter(|start| lens.now < *start));
        asked.unwrap_or_else(|| {
            let scope = interlock_domain::calendar::Scope {
                services: it.spec.items.iter().map(|item| item.service.clone()).collect(),
                environment: it.spec.environment.clone(),
            };
            let free = interlock_domain::calendar::slots(&lens.world, &scope, lens.now, it.spec.length_s, 1);
            free.first().map_or(lens.now, |slot| slot.start)
        })
    };
    Some(match action {
        "plan" => Command::Release(Move::Plan { release, start: start() }),
        "freeze" => Command::Release(Move::Freeze { release }),
        "authorise" => Command::Release(Move::Authorise { release }),
        "revoke-permit" => Command::Release(Move::RevokePermit { release, reason: "asked".into() }),
        "deploy" => Command::Deployment(Deploy::Start { deployment: lens.fresh(), release }),
        "roll-back" => {
            let cause = back::Cause::Person { account: lens.account? };
            Command::Rollback(back::Command::Start { release, cause, reason: Some(reason) })
        }
        "cancel" => Command::Release(Move::Cancel { release, reason }),
        "close" => Command::Release(Move::Close { release, reason }),
        _ => return None,
    })
}

/// What may be done to a release, in the order of its life.
pub fn actions(lens: &Lens, it: &domain::Release) -> Vec<Action> {
    let all = [
        ("plan", "Plan", "It gets a window; its former window is given up.", false),
        ("freeze", "Freeze", "Its scope does not change any more; gates are looked at.", false),
        (
            "authorise",
            "Authorise",
            "A permit is issued, bound to these builds, this environment and this window.",
            false,
        ),
        ("deploy", "Deploy", "The first wave begins at once.", false),
        (
            "roll-back",
            "Roll back",
            "Every target that was touched goes back to its former build; a review will be due.",
            true,
        ),
        ("revoke-permit", "Revoke permit", "No step is handed out under it any more.", true),
        ("close", "Close", "It stands, although its watch could not tell.", true),
        ("cancel", "Cancel", "It will not ship.", true),
    ];
    let tried = all.into_iter().filter_map(|(name, label, effect, needs_reason)| {
        let command = command(lens, it, name, None)?;
        Some(lens.action(name, label, effect, needs_reason, &command))
    });
    tried.collect()
}
