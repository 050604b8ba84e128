//! Reviews, and the DORA figures.

use super::people;
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse_some},
    http::page,
    lens::{Lens, named, status, words},
    problem::{Answer, Failure},
    sentence,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    learning::{self as domain, DoraQuery, ReviewStatus, dora},
};
use interlock_ids::{Name, ReviewId};
use interlock_wire::{
    learning::{CompleteReview, Dora, DoraParams, Figure, FollowUp, Observation, Review, ReviewQuery},
    length::Length,
    page::{Page, Paging},
    reason::{Receipt, Ref, Severity},
};
use jiff::SignedDuration;

/// Observations given with a figure.
const OBSERVATIONS: usize = 1000;
const NINETY_DAYS: SignedDuration = SignedDuration::from_hours(90 * 24);

fn find(app: &App, text: &str) -> Answer<ReviewId> {
    let id = text.parse::<ReviewId>().ok().filter(|id| app.engine().world().learning.review(*id).is_some());
    id.ok_or_else(|| Failure::not_found("review", text))
}

fn complete(lens: &Lens, it: &domain::Review) -> Option<Command> {
    let owner = lens.account?;
    let due = lens.now.checked_add(SignedDuration::from_hours(24)).ok()?;
    let actions = vec![domain::Action { text: lens.no_note(), owner, due }];
    Some(Command::Learning(domain::Command::Complete {
        review: it.id,
        root_cause: lens.no_note(),
        factors: Vec::new(),
        actions,
    }))
}

pub fn view(lens: &Lens, it: &domain::Review) -> Review {
    let state = match it.status {
        ReviewStatus::Open if it.due < lens.now => status("overdue", Severity::Bad, false),
        ReviewStatus::Open => status("open", Severity::Warning, false),
        ReviewStatus::Done => status("done", Severity::Good, true),
    };
    let back = lens.world.rollback.of_release(it.release);
    let why = back.map_or_else(
        || match it.cause {
            domain::Cause::Emergency => "It was an emergency, or the glass was broken for it.".to_owned(),
            domain::Cause::Rollback => "It did not end as planned.".to_owned(),
        },
        |back| {
            format!(
                "It was taken back: {}.",
                lens.with_names(&sentence::cause(lens, &back.cause)).trim_end_matches('.')
            )
        },
    );
    let open = lens.world.release.open.iter().filter_map(|id| lens.world.release.release(*id));
    let waits = open.filter(|release| {
        it.status == ReviewStatus::Open
            && release.id != it.release
            && release.spec.items.iter().any(|item| it.services.contains(&item.service))
    });
    let action = complete(lens, it).map(|command| {
        lens.action(
            "complete",
            "Complete",
            "Cause, factors and actions are recorded; the next release of these services is free.",
            false,
            &command,
        )
    });
    Review {
        id: it.id.to_string(),
        name: lens.release(it.release).name,
        release: lens.release(it.release),
        services: words(&it.services),
        status: state,
        why,
        opened_at: it.opened,
        due_at: it.due,
        done_at: it.done,
        done_by: it.done_by.map(|id| lens.person(id)),
        root_cause: it.root_cause.map(|note| lens.note(note)),
        factors: it.factors.iter().map(|note| lens.note(*note)).collect(),
        follow_ups: it
            .actions
            .iter()
            .map(|it| FollowUp { text: lens.note(it.text), owner: lens.person(it.owner), due_at: it.due })
            .collect(),
        blocks: waits.map(|it| Ref::new(it.id, it.spec.name.as_str())).collect(),
        actions: action.into_iter().collect(),
    }
}

/// Reviews, the newest first.
#[utoipa::path(get, path = "/reviews", params(ReviewQuery), responses((status = 200, body = Page<Review>)))]
pub async fn reviews(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<ReviewQuery>,
) -> Answer<Json<Page<Review>>> {
    let lens = Lens::new(&app, &caller);
    let wanted = match it.status.as_deref() {
        None => None,
        Some("open") => Some(ReviewStatus::Open),
        Some("done") => Some(ReviewStatus::Done),
        Some(_) => return Err(Failure::invalid("invalid-query", "status", "status: give `open` or `done`")),
    };
    let all =
        lens.world.learning.reviews.iter().rev().filter(|(_, it)| wanted.is_none_or(|wanted| wanted == it.status));
    page::reversed(
        &Paging { cursor: it.cursor, limit: it.limit },
        all,
        |(id, _)| id.to_string(),
        |(_, it)| view(&lens, it),
    )
    .map(Json)
}

/// One review.
#[utoipa::path(get, path = "/reviews/{id}", params(("id" = String, Path)), responses((status = 200, body = Review)))]
pub async fn review(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Review>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller);
    lens.world.learning.review(id).map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("review", text))
}

/// Says what was found and what will be done.
#[utoipa::path(post, path = "/reviews/{id}/complete", params(("id" = String, Path)), request_body = CompleteReview, responses((status = 200, body = Receipt)))]
pub async fn complete_review(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<CompleteReview>,
) -> Answer<Done> {
    let review = find(&app, &text)?;
    if it.factors.len() > 50 || it.actions.len() > 50 {
        return Err(Failure::invalid("too-many", "actions", "at most 50 factors and 50 actions"));
    }
    let action = |action: &interlock_wire::learning::FollowUpSpec| -> Answer<domain::Action> {
        Ok(domain::Action {
            owner: people::find(&app, &action.owner)?,
            text: act::note(&app, "actions", &action.text)?,
            due: action.due,
        })
    };
    let actions = it.actions.iter().map(action).collect::<Answer<_>>()?;
    let factors = it.factors.iter().map(|text| act::note(&app, "factors", text)).collect::<Answer<_>>()?;
    let command = domain::Command::Complete {
        review,
        root_cause: act::note(&app, "root_cause", &it.root_cause)?,
        factors,
        actions,
    };
    act::carry_out(&app, &caller, key, act::subject("review", review, &text), Command::Learning(command)).await
}

/// The command an action of a review stands for.
pub fn asked(lens: &Lens, text: &str, action: &str) -> Option<Command> {
    let it = lens.world.learning.review(text.parse::<ReviewId>().ok()?)?;
    if action == "complete" { complete(lens, it) } else { None }
}

/// The DORA figures, with intervals and the observations behind each.
#[utoipa::path(get, path = "/metrics/dora", params(DoraParams), responses((status = 200, body = Dora)))]
pub async fn figures(State(app): State<App>, caller: Caller, Params(it): Params<DoraParams>) -> Answer<Json<Dora>> {
    let lens = Lens::new(&app, &caller);
    let until = it.to.unwrap_or(lens.now);
    let from = it.from.unwrap_or_else(|| until.checked_sub(NINETY_DAYS).unwrap_or(until));
    if until <= from {
        return Err(Failure::invalid("invalid-query", "to", "to: give a moment after `from`"));
    }
    let service: Option<Name> = parse_some("service", it.service.as_deref())?;
    let environment: Option<Name> = parse_some("environment", it.environment.as_deref())?;
    let query = DoraQuery { from, until, service, owner: None, environment };
    let found = dora(&lens.world, &query);
    let figures = vec![
        figure(&lens, "deployment_frequency", "Deployment frequency", &found.deployments),
        figure(&lens, "lead_time", "Lead time for changes", &found.lead_time),
        figure(&lens, "change_failure_rate", "Change failure rate", &found.change_failure_rate),
        figure(&lens, "time_to_recover", "Time to recover", &found.time_to_recover),
        figure(&lens, "rework_rate", "Rework rate", &found.rework_rate),
    ];
    Ok(Json(Dora { from, to: until, confidence: 0.95, figures }))
}

fn figure(lens: &Lens, key: &str, label: &str, it: &domain::Figure) -> Figure {
    let observation = |sample: &domain::Sample| {
        let environment = lens.world.deployment.deployment(sample.deployment).map(|it| named(&it.environment));
        Observation {
            position: sample.positions.last().copied().unwrap_or_default(),
            at: sample.at,
            release: Some(lens.release(sample.release)),
            environment,
            value: sample.value,
            detail: shown(it.unit, sample.value),
        }
    };
    Figure {
        key: key.into(),
        label: label.into(),
        definition: it.definition.into(),
        unit: it.unit.replace(' ', "_"),
        value: it.value,
        low: it.low,
        high: it.high,
        display: it.value.map_or_else(|| "no data".into(), |value| shown(it.unit, value)),
        sample: it.count,
        severity: if it.value.is_some() { Severity::Info } else { Severity::Neutral },
        observations: it.samples.iter().rev().take(OBSERVATIONS).map(observation).collect(),
    }
}

/// A value in words.
fn shown(unit: &str, value: f64) -> String {
    match unit {
        "seconds" => {
            let seconds = value.clamp(0.0, 31_622_400.0) as u32;
            let rough = if seconds >= 172_800 {
                seconds / 3_600 * 3_600
            } else if seconds >= 7_200 {
                seconds / 60 * 60
            } else {
                seconds
            };
            Length(rough).to_string()
        }
        "ratio" => format!("{:.1} %", value * 100.0),
        "per week" => format!("{value:.1} a week"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_their_unit() {
        assert_eq!(shown("seconds", 90.4), "1m 30s");
        assert_eq!(shown("seconds", 200_000.0), "2d 7h");
        assert_eq!(shown("ratio", 0.125), "12.5 %");
        assert_eq!(shown("per week", 3.0), "3.0 a week");
    }
}
