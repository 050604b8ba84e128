//! What if: when each open release would ship, what it would wait for and for how long, from the world as it is, and from the same
//! world with something changed.
//!
//! The real core decides every step of a course: who may approve, whether the calendar is open, what a wave waits for. Only how
//! long people and steps take is drawn, from what they took before or from what is stated; all of it is told with the answer.
//! Invariants: the world given is not changed; the same question with the same seed has the same answer; what cannot be told is
//! said to be so, and is neither a yes nor a no. Deliberately absent: anything that writes.

mod course;
mod dice;
mod fate;
mod history;

pub use history::{Assumption, Basis};

use course::{Course, Ending};
use interlock_domain::{
    calendar::{self, Calendar, Schedule, Window, WindowKind, WindowScope},
    core::{self, By, Event, Meta, World},
    people,
};
use interlock_ids::{AccountId, Name, ReleaseId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Courses one answer takes at most, and releases times courses.
pub const RUNS: u32 = 500;
pub const WORK: usize = 5_000;

/// What is changed in the world that the answer is compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Somebody is away.
    pub away: Vec<Away>,
    /// Freezes that are not in any calendar.
    pub freezes: Vec<Freeze>,
    /// Windows that are left out: calendar, window.
    pub without: Vec<(Name, Name)>,
    /// Somebody has a role more: account, role.
    pub roles: Vec<(AccountId, Name)>,
    /// Nothing of a release happens before a time; how one waits for a train.
    pub not_before: BTreeMap<ReleaseId, Timestamp>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Away {
    pub account: AccountId,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Freeze {
    pub start: Timestamp,
    pub end: Timestamp,
    pub scope: WindowScope,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub from: Timestamp,
    /// How far ahead it is looked: what has not shipped by then has not been seen to ship.
    pub until: Timestamp,
    pub runs: u32,
    pub seed: u64,
    pub basis: Basis,
    pub changes: Changes,
}

/// Whether a release ships within the time looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// In every course.
    Ships,
    /// In none, and something that does not pass by itself stands in the way in each.
    DoesNot,
    /// In some courses, or too late to be seen.
    CannotTell,
}

/// Something waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// Code of a blocker, or `people`, `window`, `steps`, `judging`, `bake`.
    pub code: String,
    pub message: String,
    /// Share of courses in which it was waited for, 0 to 1.
    pub share: f64,
    /// Median of the time, over those courses.
    pub median: SignedDuration,
}

/// How one release fares.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    pub answer: Answer,
    /// Share of courses in which it shipped.
    pub shipped: f64,
    /// Of those: one in ten earlier than this, half, nine in ten.
    pub quantiles: Option<[Timestamp; 3]>,
    /// The longest first.
    pub waits: Vec<Wait>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub assumptions: Vec<Assumption>,
    /// By release: as things are; and with the changes, if there are any.
    pub releases: BTreeMap<ReleaseId, (Outlook, Option<Outlook>)>,
}

/// Answers a question. Takes seconds for many releases and courses: call it where that holds up nobody.
pub fn forecast(world: &World, question: &Question) -> Forecast {
    let (basis, assumptions) = question.basis.resolved(world);
    let before = outlooks(world, question, &basis, &BTreeMap::new());
    let after = (!question.changes.is_empty()).then(|| {
        let changed = changed(world, &question.changes, question.from);
        outlooks(&changed, question, &basis, &question.changes.not_before)
    });
    let releases = before.into_iter().map(|(id, outlook)| {
        let after = after.as_ref().and_then(|it| it.get(&id).cloned());
        (id, (outlook, after))
    });
    Forecast { assumptions, releases: releases.collect() }
}

fn outlooks(
    world: &World,
    question: &Question,
    basis: &history::Resolved,
    not_before: &BTreeMap<ReleaseId, Timestamp>,
) -> BTreeMap<ReleaseId, Outlook> {
    let mut endings: BTreeMap<ReleaseId, Vec<Ending>> = BTreeMap::new();
    for run in 0..question.runs.clamp(1, RUNS) {
        // The same draws before and after: what differs then comes from the change.
        let seed = question.seed.wrapping_add(u64::from(run).wrapping_mul(0x9e37_79b9));
        let mut course = Course::new(world, question.from, question.until, seed, basis, not_before);
        for (id, ending) in course.run() {
            endings.entry(id).or_default().push(ending);
        }
    }
    endings.into_iter().map(|(id, endings)| (id, outlook(&endings))).collect()
}

fn outlook(endings: &[Ending]) -> Outlook {
    let mut shipped: Vec<Timestamp> = endings.iter().filter_map(|it| it.shipped).collect();
    shipped.sort();
    let share = shipped.len() as f64 / endings.len().max(1) as f64;
    let answer = if shipped.len() == endings.len() {
        Answer::Ships
    } else if shipped.is_empty() && endings.iter().all(|it| it.stands) {
        Answer::DoesNot
    } else {
        Answer::CannotTell
    };
    let mut waits: BTreeMap<&str, (String, Vec<SignedDuration>)> = BTreeMap::new();
    for (code, (message, length)) in endings.iter().flat_map(|it| &it.waits) {
        let (_, lengths) = waits.entry(code).or_insert_with(|| (message.clone(), Vec::new()));
        lengths.push(*length);
    }
    let mut waits: Vec<Wait> = waits
        .into_iter()
        .map(|(code, (message, mut lengths))| {
            lengths.sort();
            let median = quantile(&lengths, 0.5).unwrap_or_default();
            Wait { code: code.to_owned(), message, share: lengths.len() as f64 / endings.len() as f64, median }
        })
        .collect();
    waits.sort_by(|a, b| b.median.cmp(&a.median).then_with(|| a.code.cmp(&b.code)));
    let quantiles = quantile(&shipped, 0.5)
        .map(|half| [quantile(&shipped, 0.1).unwrap_or(half), half, quantile(&shipped, 0.9).unwrap_or(half)]);
    Outlook { answer, shipped: share, quantiles, waits }
}

/// The value below which a share of sorted values lies: the nearest of them, never one in between.
fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

/// The world with the changes, as if they had been entered.
fn changed(world: &World, changes: &Changes, now: Timestamp) -> World {
    let mut changed = world.clone();
    let mut enter = |event: Event| {
        let meta = Meta { position: changed.position, at: now, by: By::System };
        core::apply(&mut changed, &event, &meta);
    };
    for it in &changes.away {
        let put = people::LeavePut { account: it.account, from_time: it.from, until: it.until };
        enter(Event::People(people::Event::LeavePut(put)));
    }
    for calendar in world.calendar.calendars().values() {
        let left_out =
            |window: &Window| changes.without.iter().any(|(of, name)| *of == calendar.name && *name == window.name);
        if calendar.windows.iter().any(left_out) {
            let windows = calendar.windows.iter().filter(|it| !left_out(it)).cloned().collect();
            let calendar = Calendar { windows, ..calendar.as_ref().clone() };
            enter(Event::Calendar(calendar::Event::CalendarPut(calendar::CalendarPut { calendar })));
        }
    }
    let names: Option<(Name, Name)> = "what-if".parse().ok().zip("simulate".parse().ok());
    if let Some((name, owner)) = names.filter(|_| !changes.freezes.is_empty()) {
        let windows = changes.freezes.iter().enumerate().filter_map(|(index, it)| {
            Some(Window {
                name: format!("freeze-{}", index + 1).parse().ok()?,
                kind: WindowKind::Freeze,
                schedule: Schedule::Once { start: it.start, end: it.end },
                scope: it.scope.clone(),
                reason: "assumed".into(),
                customer: None,
                exceptions_by: None,
                holds_rollback: false,
            })
        });
        let calendar = Calendar { name, owner, source: "assumption".into(), windows: windows.collect() };
        enter(Event::Calendar(calendar::Event::CalendarPut(calendar::CalendarPut { calendar })));
    }
    for (account, role) in &changes.roles {
        let Some(known) = world.people.account(*account) else { continue };
        let mut roles = known.roles.clone();
        roles.insert(role.clone());
        let put = people::AccountPut {
            account: *account,
            account_kind: known.kind,
            roles,
            groups: known.groups.clone(),
            identities: known.identities.clone(),
        };
        enter(Event::People(people::Event::AccountPut(put)));
    }
    changed
}
