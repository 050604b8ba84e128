//! Whether a scope is open, when it will be, and who says so.
//!
//! A moment is open for a scope if and only if no window that stops and no lockdown covers it, and every service of the scope to which
//! maintenance windows apply is covered by one of those. Intervals are half-open: at its end a freeze is over.
//! A window that cannot be read keeps shut what it is about.

use super::{Window, WindowKind, WindowScope, recur::expand};
use crate::{core::World, reason::Slot};
use interlock_ids::Name;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How far ahead openings and slots are looked for.
const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// What is read of one window in one look: more than 24 a day within the horizon.
const MOST: usize = 20_000;
/// Stands for the name of a calendar where a lockdown is meant.
const LOCKDOWN: &str = "lockdown";

/// What is to be shipped, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub services: BTreeSet<Name>,
    pub environment: Name,
}

/// One thing that keeps a scope shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Name of the calendar; of a lockdown: `lockdown`.
    pub calendar: String,
    /// Name of the window; of a lockdown its id.
    pub window: String,
    /// `Maintenance`: it ships only while such a window lasts, and this is none. A lockdown is a freeze called by hand.
    pub kind: WindowKind,
    /// The group, or for a lockdown the account, that answers for it.
    pub owner: String,
    pub source: String,
    /// What the organisation says about it.
    pub reason: String,
    /// When it ends; of a maintenance window when the next begins. `None`: nobody knows, or later than 400 days from now.
    pub until: Option<Timestamp>,
}

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calendar, window, owner, .. } = self;
        match self.kind {
            WindowKind::Freeze if calendar == LOCKDOWN => write!(f, "lockdown `{window}` called by {owner}")?,
            WindowKind::Freeze => write!(f, "freeze `{window}` of calendar `{calendar}` ({owner})")?,
            WindowKind::Holiday => write!(f, "holiday `{window}` of calendar `{calendar}` ({owner})")?,
            WindowKind::FiscalClose => write!(f, "fiscal close `{window}` of calendar `{calendar}` ({owner})")?,
            WindowKind::ContractRenewal => write!(f, "contract renewal `{window}` of calendar `{calendar}` ({owner})")?,
            WindowKind::Maintenance => {
                write!(f, "outside maintenance window `{window}` of calendar `{calendar}` ({owner})")?
            }
        }
        match self.until {
            Some(at) if self.kind == WindowKind::Maintenance => write!(f, ", which begins at {at}"),
            Some(at) => write!(f, " until {at}"),
            None if calendar == LOCKDOWN => write!(f, " until it is lifted"),
            None => write!(f, ", with no end in sight"),
        }
    }
}

/// How a scope stands at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub open: bool,
    /// Everything that keeps it shut now.
    pub closed_by: Vec<Closed>,
    /// When it opens, if it is shut; `None`: not within 400 days, or only when somebody lifts a lockdown.
    pub next_open: Option<Timestamp>,
    /// When it closes, if it is open; else when the opening at `next_open` closes. `None`: not within 400 days.
    pub next_close: Option<Timestamp>,
}

/// Whether the scope is open at a moment, and if not, by what and until when.
pub fn open_at(world: &World, scope: &Scope, at: Timestamp) -> Opening {
    let until = later(at, HORIZON);
    let shut = merged(world, scope, at, until);
    let instant = Span { start: at, end: later(at, SignedDuration::from_nanos(1)) };
    let closed_by = closed(world, scope, instant);
    let known = |moment: Timestamp| (moment < until).then_some(moment);
    match shut.first() {
        Some(first) if first.start <= at => {
            let next_open = known(first.end);
            let next_close = next_open.and_then(|_| shut.get(1)).map(|it| it.start);
            Opening { open: false, closed_by, next_open, next_close }
        }
        first => Opening { open: true, closed_by, next_open: None, next_close: first.map(|it| it.start) },
    }
}

/// Everything that keeps the scope shut at any instant of the slot, its end not included. Empty: open throughout.
pub fn open_during(world: &World, scope: &Scope, slot: Slot) -> Vec<Closed> {
    let end = slot.end.max(later(slot.start, SignedDuration::from_nanos(1)));
    closed(world, scope, Span { start: slot.start, end })
}

/// The next slots of `length_s` seconds from a moment on in which the scope is open throughout: each the earliest after the one
/// before, at most `count`, within 400 days.
pub fn slots(world: &World, scope: &Scope, from: Timestamp, length_s: u32, count: usize) -> Vec<Slot> {
    let length = SignedDuration::from_secs(i64::from(length_s.max(1)));
    let until = later(from, HORIZON);
    let mut found = Vec::new();
    let mut start = from;
    for shut in merged(world, scope, from, until).into_iter().chain([Span { start: until, end: until }]) {
        while found.len() < count && shut.start.duration_since(start) >= length {
            let end = later(start, length);
            found.push(Slot { start, end });
            start = end;
        }
        start = start.max(shut.end);
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    start: Timestamp,
    end: Timestamp,
}

impl Span {
    fn touches(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A window that applies, with when it is within the span looked at, or why it cannot be read.
struct Applying<'a> {
    calendar: &'a super::Calendar,
    window: &'a Window,
    spans: Result<Vec<Span>, String>,
}

impl Applying<'_> {
    fn closed(&self, kind: WindowKind, until: Option<Timestamp>) -> Closed {
        let unreadable = match &self.spans {
            Err(why) => format!("this window cannot be read ({why}); "),
            Ok(_) => String::new(),
        };
        Closed {
            calendar: self.calendar.name.to_string(),
            window: self.window.name.to_string(),
            kind,
            owner: self.calendar.owner.to_string(),
            source: self.calendar.source.clone(),
            reason: format!("{unreadable}{}", self.window.reason),
            until,
        }
    }
}

/// Whether a window or lockdown of `it` would be about any of what is shipped.
pub fn concerns(world: &World, it: &WindowScope, scope: &Scope) -> bool {
    if scope.services.is_empty() {
        return applies(world, it, None, &scope.environment);
    }
    scope.services.iter().any(|service| applies(world, it, Some(service), &scope.environment))
}

fn applying<'a>(world: &'a World, scope: &Scope, span: Span) -> Vec<Applying<'a>> {
    let windows = world
        .calendar
        .calendars
        .values()
        .flat_map(|calendar| calendar.windows.iter().map(move |window| (calendar.as_ref(), window)));
    windows
        .filter(|(_, window)| concerns(world, &window.scope, scope))
        .map(|(calendar, window)| {
            let spans = expand(&world.calendar, &window.schedule, span.start, span.end, MOST);
            let spans = spans.map(|found| found.into_iter().map(|it| Span { start: it.start, end: it.end }).collect());
            Applying { calendar, window, spans }
        })
        .collect()
}

/// Whether a window is about a service in an environment. An environment nobody knows might be any.
fn applies(world: &World, scope: &WindowScope, service: Option<&Name>, environment: &Name) -> bool {
    let known = world.environment.environment(environment);
    let environments = scope.environments.is_empty() || scope.environments.contains(environment);
    let tiers = scope.tiers.is_empty() || known.is_none_or(|it| scope.tiers.contains(it.tier.as_str()));
    let labels = known.is_none_or(|it| scope.labels.iter().all(|(key, value)| it.labels.get(key) == Some(value)));
    let services = scope.services.is_empty() || service.is_some_and(|it| scope.services.contains(it));
    let owner = service.and_then(|it| world.catalog.service(it)).map(|it| &it.owner);
    let owners = scope.owners.is_empty() || owner.is_some_and(|it| scope.owners.contains(it));
    environments && tiers && labels && services && owners
}

fn lockdowns<'a>(world: &'a World, scope: &'a Scope) -> impl Iterator<Item = (&'a super::Lockdown, Span)> {
    let about = world.calendar.lockdowns.values().map(AsRef::as_ref).filter(|it| concerns(world, &it.scope, scope));
    about.map(|it| (it, Span { start: it.since, end: it.lifted.unwrap_or(Timestamp::MAX) }))
}

/// For each service (or for the environment alone, if there are none) to which maintenance windows apply: those windows.
fn maintenance<'a, 'b>(world: &World, scope: &Scope, windows: &'b [Applying<'a>]) -> Vec<Vec<&'b Applying<'a>>> {
    let services: Vec<Option<&Name>> =
        if scope.services.is_empty() { vec![None] } else { scope.services.iter().map(Some).collect() };
    let mut groups: Vec<Vec<&Applying>> = services
        .into_iter()
        .map(|service| {
            let about = |it: &&Applying| {
                it.window.kind == WindowKind::Maintenance
                    && applies(world, &it.window.scope, service, &scope.environment)
            };
            windows.iter().filter(about).collect::<Vec<_>>()
        })
        .filter(|group| !group.is_empty())
        .collect();
    groups.dedup_by(|a, b| a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| std::ptr::eq(*a, *b)));
    groups
}

fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// What of a span is not covered by spans that are sorted and do not overlap.
fn outside(span: Span, covered: &[Span]) -> Vec<Span> {
    let mut gaps = Vec::new();
    let mut at = span.start;
    for it in covered {
        if at < it.start {
            gaps.push(Span { start: at, end: it.start.min(span.end) });
        }
        at = at.max(it.end);
    }
    if at < span.end {
        gaps.push(Span { start: at, end: span.end });
    }
    gaps.retain(|it| it.start < it.end && it.start < span.end);
    gaps
}

/// When the scope is shut between two moments: sorted, not touching one another. The last may end at or after `until`.
fn merged(world: &World, scope: &Scope, from: Timestamp, until: Timestamp) -> Vec<Span> {
    let span = Span { start: from, end: until };
    let windows = applying(world, scope, span);
    let mut shut: Vec<Span> = lockdowns(world, scope).map(|(_, it)| it).filter(|it| it.touches(span)).collect();
    for it in windows.iter().filter(|it| it.window.kind != WindowKind::Maintenance) {
        shut.extend(it.spans.clone().unwrap_or_else(|_| vec![span]));
    }
    for group in maintenance(world, scope, &windows) {
        let covered = union(group.iter().flat_map(|it| it.spans.iter().flatten().copied()).collect());
        shut.extend(outside(span, &covered));
    }
    union(shut)
}

/// Everything that keeps the scope shut at some instant of the span, one entry per window.
fn closed(world: &World, scope: &Scope, span: Span) -> Vec<Closed> {
    let windows = applying(world, scope, span);
    let mut found: Vec<Closed> = Vec::new();
    for (lockdown, _) in lockdowns(world, scope).filter(|(_, it)| it.touches(span)) {
        found.push(Closed {
            calendar: LOCKDOWN.into(),
            window: lockdown.id.to_string(),
            kind: WindowKind::Freeze,
            owner: lockdown.called_by.map_or_else(|| "Interlock".into(), |id| id.to_string()),
            source: "called by hand".into(),
            reason: String::new(),
            until: lockdown.lifted,
        });
    }
    for it in windows.iter().filter(|it| it.window.kind != WindowKind::Maintenance) {
        let kind = it.window.kind;
        match &it.spans {
            Err(_) => found.push(it.closed(kind, None)),
            Ok(spans) => found.extend(spans.iter().map(|it| it.end).max().map(|end| it.closed(kind, Some(end)))),
        }
    }
    let mut named = BTreeSet::new();
    for group in maintenance(world, scope, &windows) {
        let covered = union(group.iter().flat_map(|it| it.spans.iter().flatten().copied()).collect());
        let Some(gap) = outside(span, &covered).first().copied() else { continue };
        for it in group.into_iter().filter(|it| named.insert((&it.calendar.name, &it.window.name))) {
            let next = expand(&world.calendar, &it.window.schedule, gap.start, later(gap.start, HORIZON), MOST)
                .unwrap_or_default();
            let next = next.into_iter().map(|it| it.start).find(|start| *start > gap.start);
            found.push(it.closed(WindowKind::Maintenance, next));
        }
    }
    found
}
