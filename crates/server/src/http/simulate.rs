//! What if: the open releases are let take their course, from the world as it is and with something changed. Writes nothing.

use super::{calendar::scope_in, people, release};
use crate::{
    auth::Caller,
    extract::Body,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{core::World, people::AccountKind};
use interlock_engine::forecast::{self, Answer as Told, Away, Basis, Changes, Freeze, Outlook, Question};
use interlock_ids::{AccountId, Name};
use interlock_wire::{
    length::Length,
    simulate::{self as wire, Absence, Prospect, Simulate, Simulation, Waiting},
};
use jiff::{SignedDuration, Timestamp};

const AHEAD: u32 = 90 * 86_400;
/// Entries in each list of what is changed.
const LIST: usize = 100;

/// When would each open release ship, and what would it wait for? With `what_if`: and if that were so?
#[utoipa::path(post, path = "/simulate", request_body = Simulate, responses((status = 200, body = Simulation)))]
pub async fn simulate(State(app): State<App>, caller: Caller, Body(it): Body<Simulate>) -> Answer<Json<Simulation>> {
    let lens = Lens::new(&app, &caller);
    let question = question(&app, &lens, &it)?;
    let (world, asked) = (lens.world.clone(), question.clone());
    let told = tokio::task::spawn_blocking(move || forecast::forecast(&world, &asked)).await;
    let told = told.map_err(|_| Failure::unavailable("the simulation broke off; ask again with fewer runs"))?;
    Ok(Json(view(&lens, &question, told)))
}

fn question(app: &App, lens: &Lens, it: &Simulate) -> Answer<Question> {
    limits(lens, it)?;
    let length = |it: Option<Length>| it.map(|it| SignedDuration::from_secs(it.0.into()));
    let assume = &it.assume;
    let basis = Basis {
        approval: length(assume.approval),
        act: length(assume.act),
        step: length(assume.step),
        failing: assume.failing,
    };
    let until = lens.now.checked_add(SignedDuration::from_secs(it.ahead.0.into()));
    Ok(Question {
        from: lens.now,
        until: until.unwrap_or(Timestamp::MAX),
        runs: it.runs,
        seed: it.seed,
        basis,
        changes: changes(app, lens, &it.what_if)?,
    })
}

fn limits(lens: &Lens, it: &Simulate) -> Answer<()> {
    let wrong = |field: &str, message: String| Err(Failure::invalid("out-of-range", field, message));
    if !(1..=AHEAD).contains(&it.ahead.0) {
        return wrong("ahead", format!("ahead: {} is not between 1s and 90d", it.ahead));
    }
    if !(1..=forecast::RUNS).contains(&it.runs) {
        return wrong("runs", format!("runs: {} is not between 1 and {}", it.runs, forecast::RUNS));
    }
    let work = lens.world.release.open.len() * it.runs as usize;
    if work > forecast::WORK {
        let message = format!(
            "runs: {} runs of {} open releases are {work}, and {} are the most; ask for fewer runs",
            it.runs,
            lens.world.release.open.len(),
            forecast::WORK
        );
        return wrong("runs", message);
    }
    if it.assume.failing.is_some_and(|it| !(0.0..=1.0).contains(&it)) {
        return wrong("assume.failing", "assume.failing: a share is from 0 to 1".into());
    }
    let lists = [it.what_if.away.len(), it.what_if.freezes.len(), it.what_if.without.len(), it.what_if.roles.len()];
    if lists.iter().any(|it| *it > LIST) || it.what_if.not_before.len() > LIST {
        return wrong("what_if", format!("what_if: each list has {LIST} entries at most"));
    }
    Ok(())
}

fn changes(app: &App, lens: &Lens, it: &wire::WhatIf) -> Answer<Changes> {
    let mut changes = Changes::default();
    for (index, absence) in it.away.iter().enumerate() {
        period(&format!("what_if.away[{index}]"), absence.from, absence.until)?;
        let away = |account| Away { account, from: absence.from, until: absence.until };
        changes.away.extend(absent(app, &lens.world, index, absence)?.into_iter().map(away));
    }
    for (index, freeze) in it.freezes.iter().enumerate() {
        period(&format!("what_if.freezes[{index}]"), freeze.start, freeze.end)?;
        let scope = scope_in(&format!("what_if.freezes[{index}].scope"), &freeze.scope)?;
        changes.freezes.push(Freeze { start: freeze.start, end: freeze.end, scope });
    }
    for text in &it.without {
        let names = text.split_once('/').and_then(|(calendar, window)| calendar.parse().ok().zip(window.parse().ok()));
        let known = names.filter(|(calendar, window): &(Name, Name)| {
            let calendar = lens.world.calendar.calendars().get(calendar);
            calendar.is_some_and(|it| it.windows.iter().any(|it| it.name == *window))
        });
        let shown: String = text.chars().take(100).collect();
        changes.without.push(known.ok_or_else(|| Failure::not_found("window `calendar/window`", shown))?);
    }
    for (index, role) in it.roles.iter().enumerate() {
        let field = format!("what_if.roles[{index}].role");
        let known = role.role.parse::<Name>().ok().filter(|it| interlock_policy::roles().contains(it.as_str()));
        let shown: String = role.role.chars().take(60).collect();
        let name = known
            .ok_or_else(|| Failure::invalid("unknown-role", &field, format!("{field}: `{shown}` is not a role")))?;
        changes.roles.push((people::find(app, &role.account)?, name));
    }
    for (text, at) in &it.not_before {
        changes.not_before.insert(release::find(app, text)?, *at);
    }
    Ok(changes)
}

fn period(field: &str, from: Timestamp, until: Timestamp) -> Answer<()> {
    if from < until {
        return Ok(());
    }
    Err(Failure::invalid("no-length", field, format!("{field}: it ends at {until}, which is not after {from}")))
}

/// Whom an absence is about.
fn absent(app: &App, world: &World, index: usize, it: &Absence) -> Answer<Vec<AccountId>> {
    match (&it.account, &it.role) {
        (Some(account), None) => Ok(vec![people::find(app, account)?]),
        (None, Some(role)) => {
            let has = world
                .people
                .accounts
                .values()
                .filter(|it| it.kind == AccountKind::Human && !it.closed && it.roles.contains(role.as_str()));
            Ok(has.map(|it| it.id).collect())
        }
        _ => {
            let field = format!("what_if.away[{index}]");
            let message = format!("{field}: give either an account or a role");
            Err(Failure::invalid("one-of", &field, message))
        }
    }
}

fn view(lens: &Lens, question: &Question, told: forecast::Forecast) -> Simulation {
    let assumptions = told.assumptions.into_iter().map(|it| wire::Assumption {
        name: it.name.into(),
        value: it.value,
        source: it.source.into(),
        seen: u32::try_from(it.seen).unwrap_or(u32::MAX),
    });
    let half = |it: &Outlook| it.quantiles.map(|[_, half, _]| half);
    let releases = told.releases.into_iter().filter_map(|(id, (before, after))| {
        let release = lens.world.release.release(id)?;
        let halves = half(&before).zip(after.as_ref().and_then(half));
        Some(Prospect {
            release: lens.release(id),
            environment: release.spec.environment.to_string(),
            stage: release::status(release.stage).value,
            later_s: halves.map(|(before, after)| after.as_second() - before.as_second()),
            before: outlook(lens, before),
            after: after.map(|it| outlook(lens, it)),
        })
    });
    Simulation {
        position: lens.world.position,
        from: question.from,
        until: question.until,
        runs: question.runs,
        seed: question.seed,
        assumptions: assumptions.collect(),
        releases: releases.collect(),
    }
}

fn outlook(lens: &Lens, it: Outlook) -> wire::Outlook {
    let answer = match it.answer {
        Told::Ships => "ships",
        Told::DoesNot => "does_not",
        Told::CannotTell => "cannot_tell",
    };
    let waits = it.waits.into_iter().map(|wait| Waiting {
        code: wait.code,
        message: lens.with_names(&wait.message),
        share: wait.share,
        median_s: u64::try_from(wait.median.as_secs()).unwrap_or_default(),
    });
    let at = |index: usize| it.quantiles.map(|all| all[index]);
    wire::Outlook {
        answer: answer.into(),
        shipped: it.shipped,
        p10: at(0),
        p50: at(1),
        p90: at(2),
        waits: waits.collect(),
    }
}
