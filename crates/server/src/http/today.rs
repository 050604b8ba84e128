//! Today: what needs me, what ships, what is in trouble.

use super::{calendar, deployment, learning, release, rollback};
use crate::{
    auth::Caller,
    extract::Params,
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    calendar::{WindowKind, happening},
    change::Status as ChangeStatus,
    core::Subject,
    deployment::Status as Where,
    release::{Release, Stage, gates},
};
use interlock_wire::{
    reason::{Action, Severity, Span, Subject as WireSubject},
    today::{DayFreeze, NeedsMe, Shipping, Today, TodayQuery, Trouble},
};
use jiff::{SignedDuration, tz::TimeZone};

/// Items of a column.
const COLUMN: usize = 50;
/// Windows of one day.
const FREEZES: usize = 500;

/// What a person can act on today.
#[utoipa::path(get, path = "/today", params(TodayQuery), responses((status = 200, body = Today)))]
pub async fn today(State(app): State<App>, caller: Caller, Params(it): Params<TodayQuery>) -> Answer<Json<Today>> {
    let lens = Lens::new(&app, &caller);
    let name = it.zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(name).map_err(|_| {
        Failure::invalid(
            "unknown-zone",
            "zone",
            format!("zone: `{}` is not an IANA time zone", name.chars().take(60).collect::<String>()),
        )
    })?;
    let day = day(&lens, &zone)
        .ok_or_else(|| Failure::invalid("invalid-value", "zone", "the day cannot be told in that zone"))?;
    let soon = lens.now.checked_add(SignedDuration::from_hours(14 * 24)).unwrap_or(day.end);
    let open = || lens.world.release.open.iter().filter_map(|id| lens.world.release.release(*id));
    let within = |it: &Release, start, end| it.window.is_some_and(|window| window.start < end && start < window.end);
    let shipping = |it: &Release| shipping(&lens, it);
    let mut ships: Vec<Shipping> = open()
        .filter(|it| within(it, day.start, day.end) || it.stage == Stage::Deploying)
        .filter_map(shipping)
        .collect();
    let mut next: Vec<Shipping> = open()
        .filter(|it| it.window.is_some_and(|window| day.end <= window.start && window.start < soon))
        .filter_map(shipping)
        .collect();
    ships.sort_by_key(|it| it.window.start);
    next.sort_by_key(|it| it.window.start);
    next.truncate(COLUMN);
    Ok(Json(Today {
        now: lens.now,
        day,
        zone: name.into(),
        needs_me: needs_me(&lens),
        ships_today: ships,
        in_trouble: in_trouble(&lens),
        freezes: freezes(&lens, day),
        next,
    }))
}

fn day(lens: &Lens, zone: &TimeZone) -> Option<Span> {
    let here = lens.now.to_zoned(zone.clone());
    let start = here.start_of_day().ok()?;
    let end = here.tomorrow().ok()?.start_of_day().ok()?;
    Some(Span { start: start.timestamp(), end: end.timestamp() })
}

fn shipping(lens: &Lens, it: &Release) -> Option<Shipping> {
    let window = it.window?;
    Some(Shipping {
        release: lens.release(it.id),
        services: it.spec.items.iter().map(|item| item.service.to_string()).collect(),
        environment: named(&it.spec.environment),
        window: Span { start: window.start, end: window.end },
        status: release::status(it.stage),
        sentence: release::sentence(lens, it),
    })
}

/// Actions a person would take next on something, as far as that person may.
fn next_actions(all: Vec<Action>, wanted: &[&str]) -> Vec<Action> {
    all.into_iter().filter(|action| action.allowed && wanted.contains(&action.name.as_str())).collect()
}

fn needs_me(lens: &Lens) -> Vec<NeedsMe> {
    let mut items = Vec::new();
    for it in lens.world.release.open.iter().filter_map(|id| lens.world.release.release(*id)) {
        items.extend(change_needs_me(lens, it));
        items.extend(release_needs_me(lens, it));
    }
    for it in lens.world.learning.open.iter().filter_map(|id| lens.world.learning.review(*id)) {
        let view = learning::view(lens, it);
        let actions = next_actions(view.actions.clone(), &["complete"]);
        if !actions.is_empty() {
            let late = it.due < lens.now;
            items.push(NeedsMe {
                id: it.id.to_string(),
                title: format!("Review {}", view.name),
                why: view.why,
                subject: WireSubject { kind: "review".into(), id: view.id, name: view.name },
                due_at: Some(it.due),
                severity: if late { Severity::Bad } else { Severity::Warning },
                waiting: view.blocks.into_iter().map(|it| it.name).collect(),
                actions,
            });
        }
    }
    items.sort_by_key(|it| (it.due_at.is_none(), it.due_at));
    items.truncate(COLUMN);
    items
}

fn change_needs_me(lens: &Lens, it: &Release) -> Option<NeedsMe> {
    let change = lens.world.change.of_release(it.id).filter(|change| change.status == ChangeStatus::Open)?;
    if !matches!(it.stage, Stage::Planned | Stage::Frozen | Stage::Ready) {
        return None;
    }
    let approvals = gates(&lens.world, it, lens.now).into_iter().find(|gate| gate.name == "approvals")?;
    let waits = approvals.ruling.outcome != interlock_domain::reason::Outcome::Pass;
    let actions = next_actions(super::change::actions(lens, change), &["approve", "reject"]);
    (waits && !actions.is_empty()).then(|| NeedsMe {
        id: change.id.to_string(),
        title: format!("Decide on {}", it.spec.name),
        why: lens.note(it.spec.summary),
        subject: WireSubject { kind: "change".into(), id: change.id.to_string(), name: it.spec.name.to_string() },
        due_at: it.window.map(|window| window.start),
        severity: Severity::Warning,
        waiting: Vec::new(),
        actions,
    })
}

fn release_needs_me(lens: &Lens, it: &Release) -> Option<NeedsMe> {
    let closed = it.plan_closed.first();
    let wanted: &[&str] = match it.stage {
        Stage::Draft => &["plan"],
        Stage::Planned | Stage::Frozen | Stage::Ready if closed.is_some() => &["plan"],
        Stage::Planned => &["freeze"],
        Stage::Ready => &["authorise"],
        Stage::Authorised => &["deploy"],
        Stage::Stabilising => &["close"],
        _ => return None,
    };
    let actions = match closed {
        // That the calendar stands in the way is why it is to be planned again.
        Some(_) => {
            let by_calendar = |it: &Action| it.reasons.iter().all(|reason| reason.code == "calendar-closed");
            let plan = |it: &Action| wanted.contains(&it.name.as_str()) && by_calendar(it);
            release::actions(lens, it).into_iter().filter(plan).collect()
        }
        None => next_actions(release::actions(lens, it), wanted),
    };
    (!actions.is_empty()).then(|| NeedsMe {
        id: it.id.to_string(),
        title: match closed {
            Some(_) => format!("Plan {} again", it.spec.name),
            None => format!("{} {}", actions[0].label, it.spec.name),
        },
        why: match closed {
            Some(blocker) => format!("The calendar was changed: {}", lens.with_names(&blocker.message)),
            None => release::sentence(lens, it),
        },
        subject: lens.subject(&Subject::Release(it.id)),
        due_at: it.window.map(|window| window.start),
        severity: if closed.is_some() { Severity::Warning } else { Severity::Info },
        waiting: Vec::new(),
        actions,
    })
}

fn in_trouble(lens: &Lens) -> Vec<Trouble> {
    let mut items = Vec::new();
    for it in lens.world.release.open.iter().filter_map(|id| lens.world.release.release(*id)) {
        let soon =
            it.window.is_some_and(|window| window.start.duration_since(lens.now) < SignedDuration::from_hours(7 * 24));
        let explanation = release::explanation(lens, it);
        let held = it.stage == Stage::Frozen && soon && !explanation.blockers.is_empty();
        if held || (it.stage == Stage::Planned && !it.plan_closed.is_empty()) {
            items.push(Trouble {
                id: it.id.to_string(),
                subject: lens.subject(&Subject::Release(it.id)),
                status: status("held", Severity::Warning, false),
                sentence: explanation.sentence,
                since: it.since,
                deadline_at: it.window.map(|window| window.start),
                blockers: explanation.blockers,
            });
        }
    }
    for it in lens.world.deployment.running.iter().filter_map(|id| lens.world.deployment.deployment(*id)) {
        let judged = lens
            .world
            .verification
            .by_deployment
            .get(&it.id)
            .and_then(|all| all.last())
            .and_then(|id| lens.world.verification.analysis(*id));
        let undecided =
            it.status == Where::Judging && judged.is_some_and(|it| it.verdict.is_some() && it.resolution.is_none());
        if it.paused || !it.held.is_empty() || it.status == Where::Blocked || undecided {
            let view = deployment::view(lens, it);
            items.push(Trouble {
                id: view.row.id.clone(),
                subject: lens.subject(&Subject::Deployment(it.id)),
                status: view.row.status,
                sentence: if undecided {
                    "The judge could not tell; a person decides.".into()
                } else {
                    view.row.sentence
                },
                since: it.started,
                deadline_at: Some(it.permit.not_after),
                blockers: view.held,
            });
        }
    }
    for it in lens
        .world
        .rollback
        .rollbacks
        .values()
        .rev()
        .filter(|it| it.status != interlock_domain::rollback::Status::Succeeded)
        .take(COLUMN)
    {
        let over = it.ended.is_some_and(|at| lens.now.duration_since(at) > SignedDuration::from_hours(7 * 24));
        if !over {
            let view = rollback::view(lens, it);
            items.push(Trouble {
                id: view.id,
                subject: lens.subject(&Subject::Release(it.release)),
                status: view.status,
                sentence: view.sentence,
                since: it.started,
                deadline_at: None,
                blockers: Vec::new(),
            });
        }
    }
    items.truncate(COLUMN);
    items
}

/// Windows and lockdowns that touch the day.
fn freezes(lens: &Lens, day: Span) -> Vec<DayFreeze> {
    let stops = happening(&lens.world.calendar, day.start, day.end, |_| true, FREEZES);
    let mut found: Vec<DayFreeze> = stops
        .into_iter()
        .filter(|(_, window, _)| window.kind != WindowKind::Maintenance)
        .map(|(calendar, window, it)| DayFreeze {
            id: format!("{}/{}", calendar.name, window.name),
            title: if window.reason.is_empty() { window.name.to_string() } else { window.reason.clone() },
            source: format!("calendar {}", calendar.name),
            start: it.start,
            end: Some(it.end),
            environments: calendar::environments_of(lens, &window.scope),
        })
        .collect();
    let lockdowns = lens
        .world
        .calendar
        .lockdowns
        .values()
        .filter(|it| it.since < day.end && it.lifted.is_none_or(|at| day.start < at));
    found.extend(lockdowns.map(|it| DayFreeze {
        id: it.id.to_string(),
        title: lens.note(it.reason),
        source: "lockdown".into(),
        start: it.since,
        end: it.lifted,
        environments: calendar::environments_of(lens, &it.scope),
    }));
    found
}
