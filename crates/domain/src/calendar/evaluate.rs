//! Whether a scope is open, when it will be, and who says so.
//!
//! A moment is open for a scope if and only if no window that stops and no lockdown covers it, and every service of the scope to which
//! maintenance windows apply is covered by one of those. Intervals are half-open: at its end a freeze is over.
//! A window that cannot be read keeps shut what it is about. An exception takes one occurrence of one window away, for one release,
//! until it ends; whatever else covers the moment keeps it shut.
//! Openings are looked for step by step, so that the answer costs what lies before it and not what lies within 400 days.

use super::{
    Calendar, Exception, Occurrence, Window, WindowKind, WindowScope,
    index::{Group, Span, union},
};
use crate::{core::World, reason::Slot};
use interlock_ids::{Name, ReleaseId};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// How far ahead openings and slots are looked for.
pub(super) const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The first step in which they are looked for; each is four times as long as the one before.
const STEP: SignedDuration = SignedDuration::from_hours(48);
/// Stands for the name of a calendar where a lockdown is meant.
const LOCKDOWN: &str = "lockdown";

/// What is to be shipped, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub services: BTreeSet<Name>,
    pub environment: Name,
    /// Exceptions granted to it count.
    pub release: Option<ReleaseId>,
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
    /// When the occurrence begins to which an exception may be granted, and the role that may grant it.
    pub exceptable: Option<(Timestamp, Name)>,
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
    let facing = Facing::of(world, scope, Way::Forward);
    let until = later(at, HORIZON);
    let mut shut = facing.shut(at, until);
    let known = |moment: Timestamp| (moment < until).then_some(moment);
    match shut.next() {
        Some(first) if first.start <= at => {
            let next_open = known(first.end);
            let next_close = next_open.and_then(|_| shut.next()).map(|it| it.start);
            let closed_by = facing.closed(Span { start: at, end: later(at, SignedDuration::from_nanos(1)) });
            Opening { open: false, closed_by, next_open, next_close }
        }
        first => Opening { open: true, closed_by: Vec::new(), next_open: None, next_close: first.map(|it| it.start) },
    }
}

/// Everything that keeps the scope shut at any instant of the slot, its end not included. Empty: open throughout.
pub fn open_during(world: &World, scope: &Scope, slot: Slot) -> Vec<Closed> {
    Facing::of(world, scope, Way::Forward).closed(span_of(slot))
}

/// As `open_during`, for taking a release back: only what is meant to hold the way back as well counts, and no lockdown.
pub fn open_for_rollback(world: &World, scope: &Scope, slot: Slot) -> Vec<Closed> {
    Facing::of(world, scope, Way::Back).closed(span_of(slot))
}

fn span_of(slot: Slot) -> Span {
    Span { start: slot.start, end: slot.end.max(later(slot.start, SignedDuration::from_nanos(1))) }
}

/// The next slots of `length_s` seconds from a moment on in which the scope is open throughout: each the earliest after the one
/// before, at most `count`, within 400 days.
pub fn slots(world: &World, scope: &Scope, from: Timestamp, length_s: u32, count: usize) -> Vec<Slot> {
    let length = SignedDuration::from_secs(i64::from(length_s.max(1)));
    let until = later(from, HORIZON);
    let facing = Facing::of(world, scope, Way::Forward);
    let mut found = Vec::new();
    let mut start = from;
    for shut in facing.shut(from, until).chain([Span { start: until, end: until }]) {
        while found.len() < count && shut.start.duration_since(start) >= length {
            let end = later(start, length);
            found.push(Slot { start, end });
            start = end;
        }
        if found.len() == count {
            break;
        }
        start = start.max(shut.end);
    }
    found
}

pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Whether a window or lockdown of `it` would be about any of what is shipped.
pub fn concerns(world: &World, it: &WindowScope, scope: &Scope) -> bool {
    services(scope).into_iter().any(|service| applies(world, it, service, &scope.environment))
}

/// Each service, or the environment alone if there are none.
fn services(scope: &Scope) -> Vec<Option<&Name>> {
    if scope.services.is_empty() { vec![None] } else { scope.services.iter().map(Some).collect() }
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

/// Everything that is about a scope.
struct Facing<'a> {
    world: &'a World,
    /// Groups whose windows stop, in the order of calendars.
    stops: Vec<&'a Arc<Group>>,
    /// For each service (or for the environment alone) to which maintenance windows apply: those.
    maintenance: Vec<Vec<&'a Arc<Group>>>,
    lockdowns: Vec<(&'a super::Lockdown, Span)>,
    exceptions: Vec<&'a Exception>,
}

impl<'a> Facing<'a> {
    fn of(world: &'a World, scope: &Scope, way: Way) -> Self {
        let mut stops: BTreeMap<(&Name, usize), &Arc<Group>> = BTreeMap::new();
        let mut maintenance: Vec<Vec<&Arc<Group>>> = Vec::new();
        for service in services(scope) {
            let candidates = world.calendar.index.candidates(world, service, &scope.environment);
            let about = candidates.into_iter().filter(|it| {
                (way == Way::Forward || it.holds_rollback) && applies(world, it.scope(), service, &scope.environment)
            });
            let (opens, closes): (Vec<_>, Vec<_>) = about.partition(|it| it.maintenance);
            stops.extend(closes.into_iter().map(|it| ((&it.calendar.name, it.windows()[0]), it)));
            if !opens.is_empty() {
                maintenance.push(opens);
            }
        }
        maintenance.dedup_by(|a, b| a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| Arc::ptr_eq(a, b)));
        let lockdowns = world.calendar.lockdowns.values().map(AsRef::as_ref);
        let called = lockdowns.filter(|it| way == Way::Forward && concerns(world, &it.scope, scope));
        Self {
            world,
            stops: stops.into_values().collect(),
            maintenance,
            lockdowns: called
                .map(|it| (it, Span { start: it.since, end: it.lifted.unwrap_or(Timestamp::MAX) }))
                .collect(),
            exceptions: scope.release.map_or_else(Vec::new, |id| world.calendar.granted(id).collect()),
        }
    }

    /// What is left of an occurrence for this scope.
    fn left(&self, group: &Group, (span, place): (Span, usize)) -> Option<Span> {
        let window = group.window(place);
        // A calendar that lets this role except nothing any more has the last word.
        let excepted = self.exceptions.iter().filter(|it| {
            it.calendar == group.calendar.name
                && it.window == window.name
                && it.occurrence == span.start
                && window.exceptions_by.as_ref() == Some(&it.role)
        });
        let start = excepted.map(|it| it.until).fold(span.start, Timestamp::max);
        (start < span.end).then_some(Span { start, end: span.end })
    }

    fn excepts(&self, group: &Group) -> bool {
        self.exceptions.iter().any(|it| it.calendar == group.calendar.name)
    }

    /// When the scope is shut within a span, sorted and merged. The last may end after it.
    fn shut_in(&self, span: Span) -> Vec<Span> {
        let calendars = &self.world.calendar;
        let mut shut: Vec<Span> = self.lockdowns.iter().map(|(_, it)| *it).filter(|it| it.touches(span)).collect();
        for group in &self.stops {
            for block in group.blocks(calendars, span) {
                if self.excepts(group) {
                    let left = block.touching(span).filter_map(|it| self.left(group, it));
                    shut.extend(left.filter(|it| it.touches(span)));
                    if !block.unreadable.is_empty() {
                        shut.push(span);
                    }
                } else {
                    shut.extend(block.covered_in(span));
                }
            }
        }
        for groups in &self.maintenance {
            shut.extend(outside(span, &self.covered(groups, span)));
        }
        union(shut)
    }

    fn covered(&self, groups: &[&Arc<Group>], span: Span) -> Vec<Span> {
        let calendars = &self.world.calendar;
        let mut found = Vec::new();
        for group in groups {
            for block in group.blocks(calendars, span) {
                found.extend(block.covered_in(span));
            }
        }
        union(found)
    }

    /// When the scope is shut between two moments: in order, not touching one another. The last may end at or after `until`.
    fn shut(&self, from: Timestamp, until: Timestamp) -> Shut<'_, 'a> {
        Shut { facing: self, at: from, until, step: STEP, ready: VecDeque::new(), open_end: None }
    }

    /// Everything that keeps the scope shut at some instant of the span, one entry per window.
    fn closed(&self, span: Span) -> Vec<Closed> {
        let mut found: Vec<Closed> = Vec::new();
        for (lockdown, _) in self.lockdowns.iter().filter(|(_, it)| it.touches(span)) {
            found.push(Closed {
                calendar: LOCKDOWN.into(),
                window: lockdown.id.to_string(),
                kind: WindowKind::Freeze,
                owner: lockdown.called_by.map_or_else(|| "Interlock".into(), |id| id.to_string()),
                source: "called by hand".into(),
                reason: String::new(),
                until: lockdown.lifted,
                exceptable: None,
            });
        }
        let mut stopped: BTreeMap<(&Name, usize), Closed> = BTreeMap::new();
        for group in &self.stops {
            for block in group.blocks(&self.world.calendar, span) {
                for (place, why) in &block.unreadable {
                    stopped.insert((&group.calendar.name, *place), closing(group, *place, Some(why), None));
                }
                for (whole, place) in block.touching(span) {
                    let Some(left) = self.left(group, (whole, place)).filter(|it| it.touches(span)) else { continue };
                    let window = group.window(place);
                    let entry = stopped
                        .entry((&group.calendar.name, place))
                        .or_insert_with(|| closing(group, place, None, Some(left.end)));
                    entry.until = entry.until.map(|until| until.max(left.end));
                    // The first one that stands in the way is the first to be excepted.
                    if let Some(role) = &window.exceptions_by {
                        let first = entry.exceptable.as_ref().map_or(whole.start, |(at, _)| whole.start.min(*at));
                        entry.exceptable = Some((first, role.clone()));
                    }
                }
            }
        }
        found.extend(stopped.into_values());
        let mut named = BTreeSet::new();
        for groups in &self.maintenance {
            let Some(gap) = outside(span, &self.covered(groups, span)).first().copied() else { continue };
            for group in groups {
                let next = self.next_of(group, gap.start);
                for place in group.windows().iter().filter(|it| named.insert((&group.calendar.name, **it))) {
                    let why = group.blocks(&self.world.calendar, gap).find_map(|block| {
                        block.unreadable.iter().find(|(of, _)| of == place).map(|(_, why)| why.clone())
                    });
                    found.push(closing(group, *place, why.as_deref(), next.get(place).copied()));
                }
            }
        }
        found
    }

    /// When each maintenance window of a group begins next after a moment, within 400 days.
    fn next_of(&self, group: &Group, after: Timestamp) -> BTreeMap<usize, Timestamp> {
        let mut next = BTreeMap::new();
        let until = later(after, HORIZON);
        for block in group.blocks(&self.world.calendar, Span { start: after, end: until }) {
            let from = block.spans.partition_point(|(it, _)| it.start <= after);
            for (span, place) in block.spans[from..].iter().take_while(|(it, _)| it.start < until) {
                next.entry(*place).or_insert(span.start);
            }
            if next.len() == group.windows().len() {
                break;
            }
        }
        next
    }
}

/// A window as what keeps shut; `why` it cannot be read, if it cannot.
fn closing(group: &Group, place: usize, why: Option<&str>, until: Option<Timestamp>) -> Closed {
    let window: &Window = group.window(place);
    let why = why.map_or_else(String::new, |why| format!("this window cannot be read ({why}); "));
    Closed {
        calendar: group.calendar.name.to_string(),
        window: window.name.to_string(),
        kind: window.kind,
        owner: group.calendar.owner.to_string(),
        source: group.calendar.source.clone(),
        reason: format!("{why}{}", window.reason),
        until,
        exceptable: None,
    }
}

/// Windows of every kind that touch `[from, until)` and are about what is wanted, by beginning; at most `limit`.
pub fn happening<'a>(
    calendars: &'a super::State,
    from: Timestamp,
    until: Timestamp,
    wanted: impl Fn(&WindowScope) -> bool,
    limit: usize,
) -> Vec<(&'a Calendar, &'a Window, Occurrence)> {
    let span = Span { start: from, end: until };
    let mut found: Vec<(Span, &Arc<Group>, usize)> = Vec::new();
    for group in calendars.index.groups().filter(|it| wanted(it.scope())) {
        for block in group.blocks(calendars, span) {
            found.extend(block.touching(span).map(|(it, place)| (it, group, place)));
        }
    }
    let order = |(span, group, place): &(Span, &Arc<Group>, usize)| (*span, group.calendar.name.clone(), *place);
    found.sort_by_cached_key(order);
    // One that reaches from a block into the next was found in both.
    found.dedup_by(|a, b| a.0 == b.0 && a.2 == b.2 && Arc::ptr_eq(a.1, b.1));
    found.truncate(limit);
    let named = |(span, group, place): (Span, &'a Arc<Group>, usize)| {
        (group.calendar.as_ref(), group.window(place), Occurrence { start: span.start, end: span.end })
    };
    found.into_iter().map(named).collect()
}

/// Walks along the time in steps that grow.
struct Shut<'f, 'a> {
    facing: &'f Facing<'a>,
    at: Timestamp,
    until: Timestamp,
    step: SignedDuration,
    ready: VecDeque<Span>,
    /// The last stretch found, which may go on in the next step.
    open_end: Option<Span>,
}

impl Iterator for Shut<'_, '_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        while self.ready.is_empty() && self.at < self.until {
            let end = later(self.at, self.step).min(self.until);
            let mut found: Vec<Span> = self.open_end.take().into_iter().collect();
            found.extend(self.facing.shut_in(Span { start: self.at, end }));
            let mut found = union(found);
            // Whatever reaches the end of a step may be continued after it; the rest is as it is.
            if found.last().is_some_and(|it| it.end >= end) {
                self.open_end = found.pop();
            }
            self.ready.extend(found);
            self.at = end;
            self.step = self.step.saturating_mul(4);
        }
        self.ready.pop_front().or_else(|| self.open_end.take())
    }
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
