//! Calendars of other programs: what a file would change, what that closes, and taking it over.

use super::calendar::{as_blockers, kind_in, scope_in, window_out};
use crate::{
    act,
    auth::Caller,
    extract::{At, Body, Key, parse},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use interlock_domain::{
    calendar,
    core::{self, Command, Event, Meta, Subject, World},
    release::closed_plans,
};
use interlock_ids::Name;
use interlock_integrations::icalendar::{self, Reading, Settings, Unreadable};
use interlock_wire::{
    calendar::{ClosedPlan, ImportRequest, Imported, LeftOut, LockdownPreview, PreviewLockdown, WindowChange},
    reason::Span,
};
use std::collections::BTreeMap;

/// The windows of a file in place of those of a calendar, which is made if there is none of that name.
#[utoipa::path(post, path = "/calendars/{calendar}/import", params(("calendar" = String, Path)), request_body = ImportRequest, responses((status = 200, body = Imported)))]
pub async fn import(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(it): Body<ImportRequest>,
) -> Answer<Json<Imported>> {
    let lens = Lens::new(&app, &caller);
    let name: Name = parse("calendar", &name)?;
    let reading = read(&it)?;
    let calendar = calendar::Calendar {
        name: name.clone(),
        owner: parse("owner", &it.owner)?,
        source: "import".into(),
        windows: reading.windows.clone(),
    };
    let command = Command::Calendar(calendar::Command::PutCalendar { calendar });
    let events = app.engine().try_out(&caller.actor, &command)?;
    let mut imported = difference(&lens, &name, reading);
    imported.closes = closes(&lens, &events);
    if !it.dry_run {
        let about = Some(lens.subject(&Subject::Calendar(name)));
        imported.receipt = Some(act::carry_out(&app, &caller, key, about, command).await?.receipt);
    }
    Ok(Json(imported))
}

fn read(it: &ImportRequest) -> Answer<Reading> {
    let settings = Settings { kind: kind_in(it.kind), zone: it.zone.clone(), scope: scope_in("scope", &it.scope)? };
    icalendar::read(&it.text, &settings).map_err(|error| match error {
        Unreadable::Zone(_) => Failure::invalid("unknown-zone", "zone", error.to_string()),
        Unreadable::TooLarge(_) => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", error.to_string()),
        Unreadable::NotACalendar(_) | Unreadable::Encoding(_) | Unreadable::TooMany => {
            Failure::invalid("not-a-calendar", "text", error.to_string())
        }
    })
}

fn difference(lens: &Lens, name: &Name, reading: Reading) -> Imported {
    let known = lens.world.calendar.calendars().get(name);
    let mut before: BTreeMap<&Name, &calendar::Window> =
        known.iter().flat_map(|it| it.windows.iter()).map(|it| (&it.name, it)).collect();
    let (mut added, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0);
    for window in &reading.windows {
        match before.remove(&window.name) {
            None => added.push(window_out(window)),
            Some(old) if old == window => unchanged += 1,
            Some(old) => changed.push(WindowChange { before: window_out(old), after: window_out(window) }),
        }
    }
    let left_out = |it: icalendar::LeftOut| LeftOut { uid: it.uid, summary: it.summary, why: it.why };
    Imported {
        calendar: name.to_string(),
        added,
        changed,
        removed: before.into_values().map(window_out).collect(),
        unchanged,
        left_out: reading.left_out.into_iter().map(left_out).collect(),
        closes: Vec::new(),
        receipt: None,
    }
}

/// Planned releases that are allowed now and would not be after these events.
fn closes(lens: &Lens, events: &[Event]) -> Vec<ClosedPlan> {
    let mut after = World::clone(&lens.world);
    for event in events {
        let meta = Meta { position: after.position, at: lens.now, by: core::By::System };
        core::apply(&mut after, event, &meta);
    }
    let before: BTreeMap<_, _> = closed_plans(&lens.world, lens.now).into_iter().collect();
    let news = closed_plans(&after, lens.now).into_iter().filter(|(id, closed)| before.get(id) != Some(closed));
    news.filter_map(|(id, closed)| closed_plan(lens, id, &closed)).collect()
}

fn closed_plan(lens: &Lens, id: interlock_ids::ReleaseId, closed: &[calendar::Closed]) -> Option<ClosedPlan> {
    let release = lens.world.release.release(id)?;
    let window = release.window?;
    Some(ClosedPlan {
        release: lens.release(id),
        window: Span { start: window.start, end: window.end },
        owner: release.drafted_by.map(|account| lens.person(account)),
        reasons: as_blockers(lens, closed),
    })
}

/// What a lockdown of this scope would stop if it were called now. Changes nothing.
#[utoipa::path(post, path = "/lockdowns/preview", request_body = PreviewLockdown, responses((status = 200, body = LockdownPreview)))]
pub async fn preview_lockdown(
    State(app): State<App>,
    caller: Caller,
    Body(it): Body<PreviewLockdown>,
) -> Answer<Json<LockdownPreview>> {
    let lens = Lens::new(&app, &caller);
    let scope = scope_in("scope", &it.scope)?;
    let called = calendar::Event::LockdownCalled(calendar::LockdownCalled {
        lockdown: app.engine().fresh(),
        scope: scope.clone(),
        reason: lens.no_note(),
    });
    let closes = closes(&lens, &[Event::Calendar(called)]);
    let running = lens.world.deployment.running.iter().filter_map(|id| lens.world.deployment.deployment(*id));
    let held = running.filter(|it| {
        lens.world.release.release(it.release).is_some_and(|release| {
            let services = release.spec.items.iter().map(|item| item.service.clone()).collect();
            let about = calendar::Scope { services, environment: it.environment.clone(), release: Some(release.id) };
            calendar::concerns(&lens.world, &scope, &about)
        })
    });
    Ok(Json(LockdownPreview { closes, holds: held.map(|it| lens.release(it.release)).collect() }))
}
