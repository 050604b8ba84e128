//! When a window is: schedules to instants.
//!
//! Recurrences are expanded as wall-clock times by calcard and made instants by jiff, so only one time zone database has a say.
//! Invariants: a wall-clock time in a gap is the first instant after the gap, one that occurs twice is the first of the two; the
//! end is the wall-clock start plus the wall-clock length, made an instant in the same way; occurrences are half-open.
//! A start that its own rule does not produce is not an occurrence (RFC 5545 leaves that undefined).

use super::{
    Schedule, State,
    rule::{Rule, stamp},
};
use calcard::{common::timezone::Tz, icalendar::ICalendar};
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use std::collections::BTreeSet;

/// The longest occurrence: a year and a day, in seconds.
const LONGEST: u32 = 366 * 86_400;
/// Entries of `plus` and of `except`.
const DATES: usize = 2_000;
/// What one expansion gives at most: 24 a day for as long as anything looks ahead, with room to spare.
pub(super) const MOST: usize = 100_000;
/// How far from its start a rule must have occurred once.
const FIRST: i32 = 40;

/// One time that a window is, from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// Whether a schedule can be read and is ever. Errors say which part is wrong.
pub fn validate(schedule: &Schedule) -> Result<(), String> {
    match schedule {
        Schedule::Once { start, end } if start < end => Ok(()),
        Schedule::Once { start, end } => Err(format!("it ends at {end}, which is not after its start at {start}")),
        Schedule::Recurring { start, zone, length_s, rule, plus, except } => {
            let zone = time_zone(zone)?;
            if *length_s == 0 || *length_s > LONGEST {
                return Err(format!("its length is {length_s} seconds, and 1 to {LONGEST} (366 days) are possible"));
            }
            if plus.len() > DATES || except.len() > DATES {
                return Err(format!("it has more than {DATES} single dates"));
            }
            let rule = Rule::parse(rule, *start, &zone)?;
            let horizon = start.checked_add(FIRST.years()).map_err(|_| format!("its start {start} is out of range"))?;
            if expand_rule(&rule, *start, *start, horizon, 1)?.is_empty() {
                return Err("the rule never occurs".into());
            }
            Ok(())
        }
        Schedule::Fiscal(it) => it.validate(),
    }
}

/// Occurrences that touch `[from, until)`, also those that began before, oldest first, at most `limit`. Fiscal windows look up
/// holidays in the other calendars. A schedule that cannot be read has none; `validate` tells.
pub fn occurrences(
    calendars: &State,
    schedule: &Schedule,
    from: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Vec<Occurrence> {
    expand(calendars, schedule, from, until, limit).unwrap_or_default()
}

/// As `occurrences`; an error if the schedule cannot be read, so that a caller can keep shut what it cannot judge.
pub(super) fn expand(
    calendars: &State,
    schedule: &Schedule,
    from: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Occurrence>, String> {
    let touches = |it: &Occurrence| it.start < it.end && it.start < until && from < it.end;
    match schedule {
        Schedule::Once { start, end } => {
            Ok([Occurrence { start: *start, end: *end }].into_iter().filter(touches).take(limit).collect())
        }
        Schedule::Recurring { start, zone, length_s, rule, plus, except } => {
            let zone = time_zone(zone)?;
            let rule = Rule::parse(rule, *start, &zone)?;
            let length = SignedDuration::from_secs(i64::from(*length_s));
            // Wall clocks differ from instants by less than a day, whatever the zone does.
            let near = zone.to_datetime(from).saturating_sub(length).saturating_sub(1.day());
            let horizon = zone.to_datetime(until).saturating_add(1.day());
            let mut starts: BTreeSet<DateTime> = expand_rule(&rule, *start, near, horizon, MOST)?.into_iter().collect();
            starts.extend(plus.iter().filter(|at| near <= **at && **at <= horizon));
            for at in except {
                starts.remove(at);
            }
            let resolved = starts
                .into_iter()
                .map(|at| Occurrence { start: instant(&zone, at), end: instant(&zone, at.saturating_add(length)) });
            Ok(resolved.filter(touches).take(limit).collect())
        }
        Schedule::Fiscal(it) => it.expand(calendars, from, until, limit),
    }
}

pub(super) fn time_zone(name: &str) -> Result<TimeZone, String> {
    jiff::tz::db()
        .get(name)
        .map_err(|_| format!("`{name}` is not a time zone of the IANA database; write it as `Europe/Berlin`"))
}

/// Wall-clock starts between `near` and `horizon`, both included; some before `near` may be among them.
fn expand_rule(
    rule: &Rule,
    start: DateTime,
    near: DateTime,
    horizon: DateTime,
    limit: usize,
) -> Result<Vec<DateTime>, String> {
    let anchor = rule.anchor(start, near);
    let end = rule.until.map_or(horizon, |until| until.min(horizon));
    if end < anchor {
        return Ok(Vec::new());
    }
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:{}\r\nDURATION:PT1S\r\nRRULE:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        stamp(anchor),
        rule.text(horizon)
    );
    let calendar = ICalendar::parse(text).map_err(|_| "the rule cannot be read".to_owned())?;
    let expanded = calendar.expand_dates(Tz::Floating, limit);
    if let Some(error) = expanded.errors.first() {
        return Err(format!("the rule cannot be expanded: {:?}", error.error));
    }
    let starts = expanded
        .events
        .into_iter()
        .filter_map(|event| event.start.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string().parse().ok());
    Ok(starts.filter(|at: &DateTime| *at <= end).collect())
}

/// The instant at which a clock on the wall of a zone shows a time.
pub(super) fn instant(zone: &TimeZone, at: DateTime) -> Timestamp {
    let edge = if at.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(at).unwrap_or(edge)
        }
        // Read with the later offset, a time in a gap is an instant less than the gap's length before the clock moved.
        AmbiguousOffset::Gap { after, .. } => {
            let before = after.to_timestamp(at).unwrap_or(edge);
            zone.following(before).next().map_or(before, |transition| transition.timestamp())
        }
    }
}
