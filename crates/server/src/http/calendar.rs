//! Calendars, what is open when, lockdowns.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse, parse_all},
    http::{page, schedule},
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    calendar::{self, Scope, WindowKind, WindowScope, open_at, open_during, slots},
    core::{Command, World},
    reason::Slot,
};
use interlock_ids::{LockdownId, Name};
use interlock_wire::{
    calendar::{
        Calendar, CalendarSpec, CallLockdown, CheckAnswer, CheckRequest, Lockdown, ScopeSpec, WindowKind as WireKind,
        WindowSpec,
    },
    page::{Page, Paging},
    reason::{Blocker, Nothing, Receipt, Severity, Span},
};
use jiff::{SignedDuration, Timestamp};

const SLOTS: usize = 5;

/// What the spec of a calendar means to the core.
pub fn spec_in(name: Name, it: &CalendarSpec) -> Answer<calendar::Calendar> {
    let windows = it.windows.iter().enumerate().map(|(n, window)| window_in(&format!("windows[{n}]"), window));
    Ok(calendar::Calendar {
        name,
        owner: parse("owner", &it.owner)?,
        source: "manifest".into(),
        windows: windows.collect::<Answer<_>>()?,
    })
}

fn window_in(field: &str, it: &WindowSpec) -> Answer<calendar::Window> {
    let field_of = |part: &str| format!("{field}.{part}");
    Ok(calendar::Window {
        name: parse(&field_of("name"), &it.name)?,
        kind: kind_in(it.kind),
        schedule: schedule::read(&field_of("schedule"), &it.schedule)?,
        scope: scope_in(&field_of("scope"), &it.scope)?,
        reason: it.reason.clone(),
        customer: it.customer.as_ref().map(|customer| parse(&field_of("customer"), customer)).transpose()?,
        exceptions_by: it.exceptions_by.as_ref().map(|role| parse(&field_of("exceptions_by"), role)).transpose()?,
        holds_rollback: it.holds_rollback,
    })
}

pub fn kind_in(kind: WireKind) -> WindowKind {
    match kind {
        WireKind::Freeze => WindowKind::Freeze,
        WireKind::Holiday => WindowKind::Holiday,
        WireKind::FiscalClose => WindowKind::FiscalClose,
        WireKind::ContractRenewal => WindowKind::ContractRenewal,
        WireKind::Maintenance => WindowKind::Maintenance,
    }
}

pub fn scope_in(field: &str, it: &ScopeSpec) -> Answer<WindowScope> {
    Ok(WindowScope {
        services: parse_all(&format!("{field}.services"), &it.services)?,
        environments: parse_all(&format!("{field}.environments"), &it.environments)?,
        tiers: parse_all(&format!("{field}.tiers"), &it.tiers)?,
        owners: parse_all(&format!("{field}.owners"), &it.owners)?,
        labels: it.labels.clone(),
    })
}

pub fn scope_out(it: &WindowScope) -> ScopeSpec {
    let names = |set: &std::collections::BTreeSet<Name>| set.iter().map(Name::to_string).collect();
    ScopeSpec {
        services: names(&it.services),
        environments: names(&it.environments),
        tiers: names(&it.tiers),
        owners: names(&it.owners),
        labels: it.labels.clone(),
    }
}

pub fn kind_out(kind: WindowKind) -> WireKind {
    match kind {
        WindowKind::Freeze => WireKind::Freeze,
        WindowKind::Holiday => WireKind::Holiday,
        WindowKind::FiscalClose => WireKind::FiscalClose,
        WindowKind::ContractRenewal => WireKind::ContractRenewal,
        WindowKind::Maintenance => WireKind::Maintenance,
    }
}

pub fn window_out(it: &calendar::Window) -> WindowSpec {
    WindowSpec {
        name: it.name.to_string(),
        kind: kind_out(it.kind),
        schedule: schedule::show(&it.schedule),
        scope: scope_out(&it.scope),
        reason: it.reason.clone(),
        customer: it.customer.as_ref().map(Name::to_string),
        exceptions_by: it.exceptions_by.as_ref().map(Name::to_string),
        holds_rollback: it.holds_rollback,
    }
}

pub fn view(lens: &Lens, it: &calendar::Calendar) -> Calendar {
    let remove = Command::Calendar(calendar::Command::RemoveCalendar { calendar: it.name.clone() });
    let feed = lens.world.calendar.feed(&it.name);
    let mut actions = vec![lens.action("remove", "Remove", "Its windows hold no more.", false, &remove)];
    if feed.is_some() {
        let stop = Command::Calendar(calendar::Command::RemoveFeed { calendar: it.name.clone() });
        actions.push(lens.action(
            "unsubscribe",
            "Unsubscribe",
            "Its windows stay; nothing is read any more.",
            false,
            &stop,
        ));
    }
    Calendar {
        id: it.name.to_string(),
        name: it.name.to_string(),
        source: it.source.clone(),
        spec: CalendarSpec { owner: it.owner.to_string(), windows: it.windows.iter().map(window_out).collect() },
        feed: feed.map(super::feed::show),
        actions,
    }
}

/// Calendars.
#[utoipa::path(get, path = "/calendars", params(Paging), responses((status = 200, body = Page<Calendar>)))]
pub async fn calendars(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Calendar>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.calendar.calendars().iter(), |(name, _)| name.to_string(), |(_, it)| view(&lens, it))
        .map(Json)
}

/// One calendar.
#[utoipa::path(get, path = "/calendars/{calendar}", params(("calendar" = String, Path)), responses((status = 200, body = Calendar)))]
pub async fn calendar(State(app): State<App>, caller: Caller, At(name): At<String>) -> Answer<Json<Calendar>> {
    let lens = Lens::new(&app, &caller);
    let found = name.parse::<Name>().ok().and_then(|name| lens.world.calendar.calendars().get(&name).cloned());
    found.map(|it| Json(view(&lens, &it))).ok_or_else(|| Failure::not_found("calendar", name))
}

/// What keeps something shut, as blockers.
pub fn as_blockers(lens: &Lens, closed: &[calendar::Closed]) -> Vec<Blocker> {
    let reason = |it: &calendar::Closed| {
        let why = if it.reason.is_empty() { String::new() } else { format!(": {}", it.reason) };
        let code = match (it.calendar.as_str(), it.kind) {
            ("lockdown", _) => "lockdown",
            (_, WindowKind::Maintenance) => "outside-maintenance",
            _ => "freeze",
        };
        Blocker {
            code: code.into(),
            message: lens.with_names(&format!("{it}{why}")),
            clears: if code == "lockdown" {
                "have the lockdown lifted".into()
            } else {
                "choose one of the slots offered".into()
            },
            who: vec![lens.with_names(&it.owner)],
            by: it.until,
        }
    };
    closed.iter().map(reason).collect()
}

/// Whether one may ship then, by which windows, and when one may.
#[utoipa::path(post, path = "/calendar/check", request_body = CheckRequest, responses((status = 200, body = CheckAnswer)))]
pub async fn check(State(app): State<App>, caller: Caller, Body(it): Body<CheckRequest>) -> Answer<Json<CheckAnswer>> {
    let lens = Lens::new(&app, &caller);
    let environment: Name = parse("environment", &it.environment)?;
    lens.world
        .environment
        .environment(&environment)
        .ok_or_else(|| Failure::not_found("environment", &it.environment))?;
    let services = parse_all::<Name, _>("services", &it.services)?;
    let scope = Scope { services, environment, release: None };
    let slot = span(&it, lens.now)?;
    let closed = open_during(&lens.world, &scope, slot);
    let opening = open_at(&lens.world, &scope, slot.start);
    let length =
        it.length.map_or_else(|| slot.end.duration_since(slot.start).as_secs().clamp(0, 31_622_400) as u32, |it| it.0);
    let length = if length == 0 { 3600 } else { length };
    let offered = slots(&lens.world, &scope, slot.start.max(lens.now), length, SLOTS);
    Ok(Json(CheckAnswer {
        allowed: closed.is_empty(),
        reasons: as_blockers(&lens, &closed),
        windows: closed.iter().map(|it| format!("{}/{}", it.calendar, it.window)).collect(),
        next_open: opening.next_open,
        next_close: opening.next_close,
        slots: offered.iter().map(|it| Span { start: it.start, end: it.end }).collect(),
    }))
}

fn span(it: &CheckRequest, now: Timestamp) -> Answer<Slot> {
    match (it.at, it.from, it.until) {
        (at, None, None) => {
            let start = at.unwrap_or(now);
            Ok(Slot { start, end: start })
        }
        (None, Some(start), Some(end)) if start < end => Ok(Slot { start, end }),
        (None, Some(_), Some(_)) => Err(Failure::invalid("invalid-value", "until", "until must be later than from")),
        _ => Err(Failure::invalid("one-of", "at", "give `at`, or `from` and `until`")),
    }
}

/// Free slots of a length for a release, from a moment on.
pub fn free(world: &World, scope: &Scope, from: Timestamp, length_s: u32) -> Vec<Span> {
    slots(world, scope, from, length_s, SLOTS).into_iter().map(|it| Span { start: it.start, end: it.end }).collect()
}

fn lockdown(lens: &Lens, it: &calendar::Lockdown) -> Lockdown {
    let lift = Command::Calendar(calendar::Command::LiftLockdown { lockdown: it.id });
    let state = if it.lifted.is_some() {
        status("lifted", Severity::Neutral, true)
    } else {
        status("in_force", Severity::Bad, false)
    };
    Lockdown {
        id: it.id.to_string(),
        scope: scope_out(&it.scope),
        reason: lens.note(it.reason),
        called_by: it.called_by.map(|id| lens.person(id)),
        since: it.since,
        lifted: it.lifted,
        status: state,
        actions: vec![lens.action("lift", "Lift", "What it stopped may go on.", false, &lift)],
    }
}

/// Emergency lockdowns, the newest first.
#[utoipa::path(get, path = "/lockdowns", params(Paging), responses((status = 200, body = Page<Lockdown>)))]
pub async fn lockdowns(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Lockdown>>> {
    let lens = Lens::new(&app, &caller);
    page::reversed(
        &paging,
        lens.world.calendar.lockdowns.iter().rev(),
        |(id, _)| id.to_string(),
        |(_, it)| lockdown(&lens, it),
    )
    .map(Json)
}

/// Stops everything in a scope, now, until it is lifted.
#[utoipa::path(post, path = "/lockdowns", request_body = CallLockdown, responses((status = 201, body = Receipt)))]
pub async fn call_lockdown(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<CallLockdown>,
) -> Answer<Done> {
    let lockdown: LockdownId = app.engine().fresh();
    let scope = scope_in("scope", &it.scope)?;
    let command = calendar::Command::CallLockdown { lockdown, scope, reason: act::note(&app, "reason", &it.reason)? };
    let done =
        act::carry_out(&app, &caller, key, act::subject("lockdown", lockdown, "lockdown"), Command::Calendar(command))
            .await?;
    Ok(done.created("/lockdowns"))
}

/// Lifts a lockdown.
#[utoipa::path(post, path = "/lockdowns/{id}/lift", params(("id" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn lift_lockdown(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let lockdown: LockdownId = id.parse().map_err(|_| Failure::not_found("lockdown", &id))?;
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("lockdown", lockdown, "lockdown"),
        Command::Calendar(calendar::Command::LiftLockdown { lockdown }),
    )
    .await
}

/// Where something stands on a scope: all of its environments that are known.
pub fn environments_of(lens: &Lens, scope: &WindowScope) -> Vec<interlock_wire::reason::Ref> {
    let tiers = |it: &interlock_domain::environment::Environment| {
        scope.tiers.is_empty() || scope.tiers.contains(it.tier.as_str())
    };
    let labels = |it: &interlock_domain::environment::Environment| {
        scope.labels.iter().all(|(key, value)| it.labels.get(key) == Some(value))
    };
    if scope.environments.is_empty() && scope.tiers.is_empty() && scope.labels.is_empty() {
        return Vec::new();
    }
    let all = lens.world.environment.environments.values();
    let about = all.filter(|it| {
        (scope.environments.is_empty() || scope.environments.contains(&it.name)) && tiers(it) && labels(it)
    });
    about.map(|it| named(&it.name)).collect()
}

/// How long a span may be asked for at once.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);
