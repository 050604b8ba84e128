//! The calendar as people see it: windows expanded, lockdowns, claims and planned releases between two moments, and the same as
//! a feed (RFC 5545).

use super::{
    calendar::{LONGEST, environments_of, scope_out},
    release,
};
use crate::{
    auth::{self, Caller},
    extract::{Params, parse_some},
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use interlock_domain::{
    calendar::{Schedule, Window, WindowKind, WindowScope, happening},
    core::Subject,
};
use interlock_ids::Name;
use interlock_wire::{
    calendar::{CalendarEntries, CalendarEntry, EntriesQuery, ScopeSpec},
    reason::Severity,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Occurrences of windows shown at once.
const MOST: usize = 20_000;

struct Asked {
    from: Timestamp,
    to: Timestamp,
    environment: Option<Name>,
    service: Option<Name>,
}

/// Windows, lockdowns, claims and releases between two moments.
#[utoipa::path(get, path = "/calendar", params(EntriesQuery), responses((status = 200, body = CalendarEntries)))]
pub async fn entries(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<EntriesQuery>,
) -> Answer<Json<CalendarEntries>> {
    let lens = Lens::new(&app, &caller);
    if it.to <= it.from || it.to.duration_since(it.from) > LONGEST {
        return Err(Failure::invalid("invalid-query", "to", "to: give a moment after `from`, at most 400 days later"));
    }
    let asked = Asked {
        from: it.from,
        to: it.to,
        environment: parse_some("environment", it.environment.as_deref())?,
        service: parse_some("service", it.service.as_deref())?,
    };
    Ok(Json(CalendarEntries { entries: all(&lens, &asked) }))
}

fn all(lens: &Lens, asked: &Asked) -> Vec<CalendarEntry> {
    let mut entries = windows(lens, asked);
    entries.extend(lockdowns(lens, asked));
    entries.extend(claims(lens, asked));
    entries.extend(releases(lens, asked));
    entries.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    entries
}

fn concerns(lens: &Lens, scope: &WindowScope, asked: &Asked) -> bool {
    let environment = asked.environment.as_ref().is_none_or(|name| {
        let known = lens.world.environment.environment(name);
        (scope.environments.is_empty() || scope.environments.contains(name))
            && (scope.tiers.is_empty() || known.is_none_or(|it| scope.tiers.contains(it.tier.as_str())))
            && known.is_none_or(|it| scope.labels.iter().all(|(key, value)| it.labels.get(key) == Some(value)))
    });
    let service = asked.service.as_ref().is_none_or(|name| {
        let owner = lens.world.catalog.service(name).map(|it| &it.owner);
        (scope.services.is_empty() || scope.services.contains(name))
            && (scope.owners.is_empty() || owner.is_none_or(|it| scope.owners.contains(it)))
    });
    environment && service
}

fn windows(lens: &Lens, asked: &Asked) -> Vec<CalendarEntry> {
    let wanted = |scope: &WindowScope| concerns(lens, scope, asked);
    let found = happening(&lens.world.calendar, asked.from, asked.to, wanted, MOST);
    found
        .into_iter()
        .map(|(calendar, window, it)| window_entry(lens, &calendar.name, window, it.start, it.end))
        .collect()
}

fn window_entry(lens: &Lens, calendar: &Name, window: &Window, start: Timestamp, end: Timestamp) -> CalendarEntry {
    let (recurrence, zone) = match &window.schedule {
        Schedule::Once { .. } => (None, None),
        Schedule::Recurring { rule, zone, .. } => (Some(rule.clone()), Some(zone.clone())),
        Schedule::Fiscal(it) => (None, Some(it.zone.clone())),
    };
    let kind = match window.kind {
        WindowKind::Freeze => "freeze",
        WindowKind::Holiday => "holiday",
        WindowKind::FiscalClose => "fiscal_close",
        WindowKind::ContractRenewal => "contract_renewal",
        WindowKind::Maintenance => "maintenance",
    };
    CalendarEntry {
        id: format!("{calendar}/{}/{}", window.name, start.as_second()),
        kind: kind.into(),
        title: window.name.to_string(),
        start,
        end: Some(end),
        environments: environments_of(lens, &window.scope),
        services: window.scope.services.iter().map(named).collect(),
        scope: scope_out(&window.scope),
        source: format!("calendar {calendar}"),
        reason: window.reason.clone(),
        recurrence,
        zone,
        exceptions_by: window.exceptions_by.as_ref().map(Name::to_string),
        status: None,
        subject: Some(lens.subject(&Subject::Calendar(calendar.clone()))),
    }
}

fn lockdowns(lens: &Lens, asked: &Asked) -> Vec<CalendarEntry> {
    let within =
        |since: Timestamp, until: Option<Timestamp>| since < asked.to && until.is_none_or(|end| asked.from < end);
    let found = lens
        .world
        .calendar
        .lockdowns
        .values()
        .filter(|it| within(it.since, it.lifted) && concerns(lens, &it.scope, asked));
    let entry = |it: &std::sync::Arc<interlock_domain::calendar::Lockdown>| CalendarEntry {
        id: it.id.to_string(),
        kind: "lockdown".into(),
        title: "Lockdown".into(),
        start: it.since,
        end: it.lifted,
        environments: environments_of(lens, &it.scope),
        services: it.scope.services.iter().map(named).collect(),
        scope: scope_out(&it.scope),
        source: it.called_by.map_or_else(|| "Interlock".into(), |id| lens.person(id).name),
        reason: lens.note(it.reason),
        recurrence: None,
        zone: None,
        exceptions_by: None,
        status: Some(if it.lifted.is_some() {
            status("lifted", Severity::Neutral, true)
        } else {
            status("in_force", Severity::Bad, false)
        }),
        subject: None,
    };
    found.map(entry).collect()
}

fn claims(lens: &Lens, asked: &Asked) -> Vec<CalendarEntry> {
    let claims = lens.world.environment.claims.values().filter(|it| {
        let end = it.ended.unwrap_or(it.until);
        it.since < asked.to
            && asked.from < end
            && asked.environment.as_ref().is_none_or(|name| *name == it.environment)
            && asked.service.is_none()
    });
    let entry = |it: &std::sync::Arc<interlock_domain::environment::Claim>| CalendarEntry {
        id: it.id.to_string(),
        kind: "claim".into(),
        title: format!("Claimed by {}", lens.person(it.by).name),
        start: it.since,
        end: Some(it.ended.unwrap_or(it.until)),
        environments: vec![named(&it.environment)],
        services: Vec::new(),
        scope: ScopeSpec::default(),
        source: lens.person(it.by).name,
        reason: lens.note(it.purpose),
        recurrence: None,
        zone: None,
        exceptions_by: None,
        status: None,
        subject: Some(lens.subject(&Subject::Environment(it.environment.clone()))),
    };
    claims.map(entry).collect()
}

fn releases(lens: &Lens, asked: &Asked) -> Vec<CalendarEntry> {
    let planned =
        lens.world.release.releases.values().filter_map(|it| Some((it, it.window?))).filter(|(it, window)| {
            window.start < asked.to
                && asked.from < window.end
                && it.stage != interlock_domain::release::Stage::Cancelled
                && asked.environment.as_ref().is_none_or(|name| *name == it.spec.environment)
                && asked.service.as_ref().is_none_or(|name| it.spec.items.iter().any(|item| item.service == *name))
        });
    let entry =
        |(it, window): (&std::sync::Arc<interlock_domain::release::Release>, interlock_domain::reason::Slot)| {
            CalendarEntry {
                id: it.id.to_string(),
                kind: "release".into(),
                title: it.spec.name.to_string(),
                start: window.start,
                end: Some(window.end),
                environments: vec![named(&it.spec.environment)],
                services: it.spec.items.iter().map(|item| named(&item.service)).collect(),
                scope: ScopeSpec::default(),
                source: it.drafted_by.map_or_else(|| "Interlock".into(), |id| lens.person(id).name),
                reason: lens.note(it.spec.summary),
                recurrence: None,
                zone: None,
                exceptions_by: None,
                status: Some(release::status(it.stage)),
                subject: Some(lens.subject(&Subject::Release(it.id))),
            }
        };
    planned.map(entry).collect()
}

/// A token, since calendar programs cannot send headers.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// The secret of a token; limit it to the action `read`.
    pub token: String,
}

/// The calendar as a feed: what is within a month back and a year ahead.
#[utoipa::path(get, path = "/calendar.ics", params(FeedQuery), responses((status = 200, body = String, content_type = "text/calendar")), security(()))]
pub async fn feed(State(app): State<App>, Params(it): Params<FeedQuery>) -> Answer<impl IntoResponse> {
    let unknown = || Failure::new(StatusCode::UNAUTHORIZED, "not-signed-in", "the token is not one that is in force");
    let caller = auth::by_token(&it.token, &app).ok_or_else(unknown)?;
    auth::may_read(&app, &caller.actor)?;
    let lens = Lens::new(&app, &caller);
    let moment = |days: i64| lens.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(lens.now);
    let asked = Asked { from: moment(-31), to: moment(366), environment: None, service: None };
    let text = write(&all(&lens, &asked), lens.now);
    Ok(([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text))
}

/// Writes entries as an iCalendar object: escaped, lines folded at 75 octets, ended by CRLF.
fn write(entries: &[CalendarEntry], now: Timestamp) -> String {
    let stamp = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut lines: Vec<String> = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Interlock//Calendar//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:Interlock",
    ]
    .map(String::from)
    .into();
    for it in entries {
        lines.push("BEGIN:VEVENT".into());
        lines.push(format!("UID:{}@interlock", escape(&it.id)));
        lines.push(format!("DTSTAMP:{}", stamp(now)));
        lines.push(format!("DTSTART:{}", stamp(it.start)));
        lines.extend(it.end.map(|end| format!("DTEND:{}", stamp(end))));
        lines.push(format!("SUMMARY:{}", escape(&format!("{}: {}", it.kind, it.title))));
        let description = [it.reason.clone(), it.source.clone()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n");
        lines.push(format!("DESCRIPTION:{}", escape(&description)));
        lines.push(format!("CATEGORIES:{}", escape(&it.kind)));
        lines.push("TRANSP:TRANSPARENT".into());
        lines.push("END:VEVENT".into());
    }
    lines.push("END:VCALENDAR".into());
    lines.iter().map(|line| fold(line) + "\r\n").collect()
}

fn escape(text: &str) -> String {
    let clean: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    clean.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n")
}

fn fold(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + line.len() / 70 * 3);
    let mut width = 0;
    for c in line.chars() {
        if width + c.len_utf8() > 75 {
            folded.push_str("\r\n ");
            width = 1;
        }
        folded.push(c);
        width += c.len_utf8();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_folded_as_rfc_5545_says() {
        assert_eq!(escape("a;b,c\\d\ne\u{7}"), "a\\;b\\,c\\\\d\\ne");
        let folded = fold(&format!("SUMMARY:{}", "ä".repeat(80)));
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", ""), format!("SUMMARY:{}", "ä".repeat(80)));
    }
}
