//! Which windows concern a scope, and when they are: found by what a window is about, expanded block by block.
//!
//! Windows of one calendar that are about the same and do the same are one *group*. A group is found under the rarest thing its scope
//! names; when its windows are is worked out once for each block of 64 days that somebody asks about, and kept.
//! Invariants: a group never changes, a changed calendar has new groups, and so have calendars whose fiscal windows look up holidays
//! in it. What is kept follows from the group and the calendars alone, so that it makes an answer quicker and never another one;
//! it is no part of a snapshot. A window that cannot be read shuts the whole block, or opens nothing of it.
//! Deliberately absent: a bound on blocks for a world. Each group keeps at most eight.

use super::{Calendar, Schedule, State, Window, WindowKind, WindowScope, recur};
use crate::core::World;
use interlock_ids::Name;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

/// Length of a block.
const BLOCK_S: i64 = 64 * 86_400;
/// Blocks that a group keeps: more than what is looked ahead takes.
const KEPT: usize = 8;
/// Occurrences of one window in one block: more than 24 a day.
const MOST: usize = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Span {
    pub fn touches(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The stretches that spans cover together: sorted, not touching one another.
pub(super) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// The rarest thing that a scope names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Service(Name),
    Environment(Name),
    Owner(Name),
    Label(String, String),
    Tier(String),
    Everything,
}

impl Key {
    fn of(scope: &WindowScope) -> Vec<Key> {
        if !scope.services.is_empty() {
            scope.services.iter().cloned().map(Key::Service).collect()
        } else if !scope.environments.is_empty() {
            scope.environments.iter().cloned().map(Key::Environment).collect()
        } else if !scope.owners.is_empty() {
            scope.owners.iter().cloned().map(Key::Owner).collect()
        } else if let Some((key, value)) = scope.labels.iter().next() {
            vec![Key::Label(key.clone(), value.clone())]
        } else if !scope.tiers.is_empty() {
            scope.tiers.iter().map(|it| Key::Tier(it.to_string())).collect()
        } else {
            vec![Key::Everything]
        }
    }
}

/// When the windows of a group are, within a block.
#[derive(Debug)]
pub(super) struct Block {
    /// Every occurrence that touches the block, with its window's place in the calendar, by beginning.
    pub spans: Vec<(Span, usize)>,
    /// The latest end of this span and all before it.
    reach: Vec<Timestamp>,
    /// What they cover together; of a group that stops, also the whole block if a window cannot be read.
    pub covered: Vec<Span>,
    /// Windows that cannot be read, and why.
    pub unreadable: Vec<(usize, String)>,
}

impl Block {
    /// Occurrences that touch a span, the latest first.
    pub fn touching(&self, span: Span) -> impl Iterator<Item = (Span, usize)> + '_ {
        let before = self.spans.partition_point(|(it, _)| it.start < span.end);
        let reached = self.reach[..before].iter().rev().take_while(move |end| **end > span.start).count();
        self.spans[before - reached..before].iter().rev().copied().filter(move |(it, _)| it.touches(span))
    }

    /// What of the covered stretches touches a span, in order.
    pub fn covered_in(&self, span: Span) -> impl Iterator<Item = Span> + '_ {
        let first = self.covered.partition_point(|it| it.end <= span.start);
        self.covered[first..].iter().copied().take_while(move |it| it.start < span.end)
    }
}

/// Windows of one calendar that are about the same and do the same.
#[derive(Debug)]
pub(super) struct Group {
    pub calendar: Arc<Calendar>,
    /// Places in the calendar.
    windows: Vec<usize>,
    pub maintenance: bool,
    pub holds_rollback: bool,
    kept: Mutex<Vec<(i64, Arc<Block>)>>,
}

impl Group {
    pub fn scope(&self) -> &WindowScope {
        &self.window(self.windows[0]).scope
    }

    pub fn window(&self, place: usize) -> &Window {
        &self.calendar.windows[place]
    }

    pub fn windows(&self) -> &[usize] {
        &self.windows
    }

    /// Blocks that a span touches, in order.
    pub fn blocks<'a>(&'a self, calendars: &'a State, span: Span) -> impl Iterator<Item = Arc<Block>> + 'a {
        let number = |at: Timestamp| at.as_second().div_euclid(BLOCK_S);
        let last = if span.end.subsec_nanosecond() == 0 { span.end.as_second() - 1 } else { span.end.as_second() };
        (number(span.start)..=last.div_euclid(BLOCK_S).max(number(span.start))).map(|n| self.block(calendars, n))
    }

    fn block(&self, calendars: &State, n: i64) -> Arc<Block> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = kept.iter().find(|(of, _)| *of == n) {
            return block.clone();
        }
        let block = Arc::new(self.expand(calendars, n));
        // Those that are eight apart take one another's place, whatever the order in which they are asked for.
        kept.retain(|(of, _)| (of - n).rem_euclid(KEPT as i64) != 0);
        kept.push((n, block.clone()));
        block
    }

    fn expand(&self, calendars: &State, n: i64) -> Block {
        let edge = |n: i64, out: Timestamp| {
            n.checked_mul(BLOCK_S).and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(out)
        };
        let whole = Span { start: edge(n, Timestamp::MIN), end: edge(n.saturating_add(1), Timestamp::MAX) };
        let (mut spans, mut unreadable) = (Vec::new(), Vec::new());
        for place in &self.windows {
            match recur::expand(calendars, &self.window(*place).schedule, whole.start, whole.end, MOST) {
                Ok(found) => spans.extend(found.into_iter().map(|it| (Span { start: it.start, end: it.end }, *place))),
                Err(why) => unreadable.push((*place, why)),
            }
        }
        spans.sort_unstable();
        let mut latest = Timestamp::MIN;
        let reach = spans.iter().map(|(it, _)| {
            latest = latest.max(it.end);
            latest
        });
        let reach = reach.collect();
        let mut covered: Vec<Span> = spans.iter().map(|(it, _)| *it).collect();
        if !self.maintenance && !unreadable.is_empty() {
            covered.push(whole);
        }
        Block { spans, reach, covered: union(covered), unreadable }
    }
}

/// Where a group stands: its calendar, and its place in it.
type Place = (Name, usize);

/// A calendar as it is looked up.
#[derive(Debug)]
struct Sheet {
    groups: Vec<Arc<Group>>,
    /// Calendars in which its fiscal windows look up holidays.
    holidays: BTreeSet<Name>,
}

impl Sheet {
    fn of(calendar: &Arc<Calendar>) -> Self {
        let mut groups: BTreeMap<(bool, bool, &WindowScope), Vec<usize>> = BTreeMap::new();
        let mut holidays = BTreeSet::new();
        for (place, window) in calendar.windows.iter().enumerate() {
            let does = (window.kind == WindowKind::Maintenance, window.holds_rollback, &window.scope);
            groups.entry(does).or_default().push(place);
            if let Schedule::Fiscal(it) = &window.schedule {
                holidays.extend(it.holidays.iter().cloned());
            }
        }
        let group = |((maintenance, holds_rollback, _), windows): ((bool, bool, &WindowScope), Vec<usize>)| {
            let calendar = calendar.clone();
            Arc::new(Group { calendar, windows, maintenance, holds_rollback, kept: Mutex::default() })
        };
        Self { groups: groups.into_iter().map(group).collect(), holidays }
    }
}

/// All calendars as they are looked up. Cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    sheets: imbl::OrdMap<Name, Arc<Sheet>>,
    by: imbl::OrdMap<Key, imbl::OrdMap<Place, Arc<Group>>>,
}

impl Index {
    pub fn of<'a>(calendars: impl Iterator<Item = &'a Arc<Calendar>>) -> Self {
        let mut index = Self::default();
        calendars.for_each(|it| index.enter(it));
        index
    }

    fn leave(&mut self, name: &Name) {
        let Some(old) = self.sheets.remove(name) else { return };
        for (n, group) in old.groups.iter().enumerate() {
            for key in Key::of(group.scope()) {
                if let Some(places) = self.by.get_mut(&key) {
                    places.remove(&(name.clone(), n));
                    if places.is_empty() {
                        self.by.remove(&key);
                    }
                }
            }
        }
    }

    fn enter(&mut self, calendar: &Arc<Calendar>) {
        self.leave(&calendar.name);
        let sheet = Sheet::of(calendar);
        for (n, group) in sheet.groups.iter().enumerate() {
            for key in Key::of(group.scope()) {
                self.by.entry(key).or_default().insert((calendar.name.clone(), n), group.clone());
            }
        }
        self.sheets.insert(calendar.name.clone(), Arc::new(sheet));
    }

    /// Calendars whose fiscal windows look up holidays in this one: what is kept of them holds no more.
    fn leaning_on(&self, name: &Name) -> Vec<Arc<Calendar>> {
        let leaning = self.sheets.iter().filter(|(of, it)| *of != name && it.holidays.contains(name));
        leaning.filter_map(|(_, it)| it.groups.first().map(|group| group.calendar.clone())).collect()
    }

    pub fn put(&mut self, calendar: &Arc<Calendar>) {
        self.enter(calendar);
        self.leaning_on(&calendar.name).iter().for_each(|it| self.enter(it));
    }

    pub fn remove(&mut self, name: &Name) {
        self.leave(name);
        self.leaning_on(name).iter().for_each(|it| self.enter(it));
    }

    /// Groups of one calendar.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.sheets.values().flat_map(|it| it.groups.iter())
    }

    /// Groups that might be about a service in an environment, each once, in the order of calendars. An environment that nobody
    /// knows might have any tier and any label.
    pub fn candidates(&self, world: &World, service: Option<&Name>, environment: &Name) -> Vec<&Arc<Group>> {
        let known = world.environment.environment(environment);
        let mut keys = vec![Key::Everything, Key::Environment(environment.clone())];
        if let Some(service) = service {
            keys.push(Key::Service(service.clone()));
            keys.extend(world.catalog.service(service).map(|it| Key::Owner(it.owner.clone())));
        }
        match known {
            Some(it) => {
                keys.push(Key::Tier(it.tier.as_str().to_owned()));
                keys.extend(it.labels.iter().map(|(key, value)| Key::Label(key.clone(), value.clone())));
            }
            None => keys.extend(self.by.keys().filter(|it| matches!(it, Key::Tier(_) | Key::Label(..))).cloned()),
        }
        let mut found: Vec<(&Place, &Arc<Group>)> = keys.iter().filter_map(|key| self.by.get(key)).flatten().collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found.dedup_by(|(a, _), (b, _)| a == b);
        found.into_iter().map(|(_, group)| group).collect()
    }
}
