//! When something is closed, worked out anew: recurrences day by day, wall-clock times by the transitions of their zone.
//!
//! Only the recurrences that are needed are read: daily, weekly by weekdays, monthly by days of the month, with interval and
//! without count. A window that cannot be read is reported, not guessed.

use crate::{book::Book, moment, read::*};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::DateTime, tz::TimeZone};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a window or a lockdown is about; every list that is not empty has to match.
#[derive(Clone, Default)]
pub struct About {
    services: BTreeSet<String>,
    environments: BTreeSet<String>,
    tiers: BTreeSet<String>,
    owners: BTreeSet<String>,
    labels: BTreeMap<String, String>,
}

impl About {
    pub fn read(value: &Value) -> Self {
        let labels = value["labels"].as_object().into_iter().flatten();
        Self {
            services: set(&value["services"]),
            environments: set(&value["environments"]),
            tiers: set(&value["tiers"]),
            owners: set(&value["owners"]),
            labels: labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect(),
        }
    }

    fn covers(&self, book: &Book, service: &str, environment: &str) -> bool {
        let place = book.environments.get(environment);
        let within =
            |list: &BTreeSet<String>, it: Option<&str>| list.is_empty() || it.is_some_and(|it| list.contains(it));
        within(&self.services, Some(service))
            && within(&self.environments, Some(environment))
            && (place.is_none() || within(&self.tiers, place.map(|it| it.tier.as_str())))
            && within(&self.owners, book.services.get(service).map(|it| it.owner.as_str()))
            && place.is_none_or(|it| self.labels.iter().all(|(key, value)| it.labels.get(key) == Some(value)))
    }
}

#[derive(Clone)]
enum When {
    Once(Timestamp, Timestamp),
    Again(Again),
}

#[derive(Clone)]
struct Again {
    start: DateTime,
    zone: TimeZone,
    length: SignedDuration,
    frequency: String,
    interval: i64,
    weekdays: BTreeSet<i8>,
    days: BTreeSet<i8>,
    plus: BTreeSet<DateTime>,
    except: BTreeSet<DateTime>,
}

#[derive(Clone)]
pub struct Window {
    pub name: String,
    pub maintenance: bool,
    /// Whether it holds the way back as well.
    pub holds_rollback: bool,
    /// The role that may grant exceptions.
    pub exceptions_by: Option<String>,
    about: About,
    /// `None`: it cannot be read.
    when: Option<When>,
}

impl Window {
    pub fn read(value: &Value) -> Self {
        Self {
            name: text(value, "name"),
            maintenance: value["kind"] == "maintenance",
            holds_rollback: value["holds_rollback"] == true,
            exceptions_by: value["exceptions_by"].as_str().map(str::to_owned),
            about: About::read(&value["scope"]),
            when: when(&value["schedule"]),
        }
    }

    pub fn is_readable(&self) -> bool {
        self.when.is_some()
    }

    /// Stretches that touch `[from, until)`.
    fn spans(&self, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let touches = |(start, end): &(Timestamp, Timestamp)| *start < until && from < *end;
        match &self.when {
            None => Vec::new(),
            Some(When::Once(start, end)) => [(*start, *end)].into_iter().filter(touches).collect(),
            Some(When::Again(it)) => it.spans(from, until).into_iter().filter(touches).collect(),
        }
    }
}

fn when(schedule: &Value) -> Option<When> {
    if let Some(once) = schedule.get("once") {
        return Some(When::Once(moment(&once["start"])?, moment(&once["end"])?));
    }
    let it = schedule.get("recurring")?;
    let times = |value: &Value| list(value).filter_map(|at| at.as_str()?.parse().ok()).collect();
    let mut again = Again {
        start: it["start"].as_str()?.parse().ok()?,
        zone: TimeZone::get(it["zone"].as_str()?).ok()?,
        length: SignedDuration::from_secs(i64::try_from(it["length_s"].as_u64()?).ok()?),
        frequency: String::new(),
        interval: 1,
        weekdays: BTreeSet::new(),
        days: BTreeSet::new(),
        plus: times(&it["plus"]),
        except: times(&it["except"]),
    };
    for part in it["rule"].as_str()?.split(';') {
        match part.split_once('=')? {
            ("FREQ", frequency) => again.frequency = frequency.to_owned(),
            ("INTERVAL", interval) => again.interval = interval.parse().ok()?,
            ("BYDAY", days) => {
                for day in days.split(',') {
                    let number = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].iter().position(|it| *it == day)?;
                    again.weekdays.insert(i8::try_from(number).ok()? + 1);
                }
            }
            ("BYMONTHDAY", days) => {
                for day in days.split(',') {
                    again.days.insert(day.parse().ok()?);
                }
            }
            _ => return None,
        }
    }
    matches!(again.frequency.as_str(), "DAILY" | "WEEKLY" | "MONTHLY").then_some(When::Again(again))
}

impl Again {
    fn occurs(&self, day: DateTime) -> bool {
        let (first, date) = (self.start.date(), day.date());
        let days = i64::from((date - first).get_days());
        let monday =
            |date: jiff::civil::Date| date.saturating_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
        match self.frequency.as_str() {
            "DAILY" => days % self.interval == 0 && (self.weekdays.is_empty() || self.weekday(date)),
            "WEEKLY" => {
                let weeks = i64::from((monday(date) - monday(first)).get_days()) / 7;
                let own = self.weekdays.is_empty() && date.weekday() == first.weekday();
                weeks % self.interval == 0 && (own || self.weekday(date))
            }
            "MONTHLY" => {
                let month = |it: jiff::civil::Date| i64::from(it.year()) * 12 + i64::from(it.month());
                let own = self.days.is_empty() && date.day() == first.day();
                (month(date) - month(first)) % self.interval == 0 && (own || self.days.contains(&date.day()))
            }
            _ => false,
        }
    }

    fn weekday(&self, date: jiff::civil::Date) -> bool {
        self.weekdays.contains(&date.weekday().to_monday_one_offset())
    }

    fn spans(&self, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let before = self.length + SignedDuration::from_hours(48);
        let mut day = self.zone.to_datetime(from).saturating_sub(before).date().to_datetime(self.start.time());
        day = day.max(self.start);
        let last = self.zone.to_datetime(until).saturating_add(SignedDuration::from_hours(48));
        let mut starts: BTreeSet<DateTime> = self.plus.clone();
        while day <= last {
            if self.occurs(day) {
                starts.insert(day);
            }
            day = day.saturating_add(1.day());
        }
        let starts = starts.into_iter().filter(|at| !self.except.contains(at));
        starts.map(|at| (first(&self.zone, at), first(&self.zone, at.saturating_add(self.length)))).collect()
    }
}

/// The first instant at which clocks of a zone show a time or a later one.
fn first(zone: &TimeZone, at: DateTime) -> Timestamp {
    let Ok(near) = TimeZone::UTC.to_timestamp(at) else { return Timestamp::MAX };
    let (Ok(mut start), Ok(end)) = (near.saturating_sub(30.hours()), near.saturating_add(30.hours())) else {
        return near;
    };
    // Between two transitions clocks run evenly.
    let mut changes: Vec<Timestamp> =
        zone.following(start).map(|it| it.timestamp()).take_while(|it| *it < end).collect();
    changes.push(end);
    for change in changes {
        let offset = zone.to_offset(start);
        if let Some(shown) = offset.to_timestamp(at).ok().filter(|shown| *shown < change) {
            return shown.max(start);
        }
        start = change;
    }
    start
}

/// What is asked about.
pub struct Asked<'a> {
    pub release: &'a str,
    pub services: &'a [String],
    pub environment: &'a str,
    /// Whether it is taken back.
    pub back: bool,
}

impl Book {
    /// What closes a release's scope at some instant of `[from, until)`; `None` if it is open throughout. On the way back only
    /// windows count that hold that too.
    pub fn closed(&self, asked: &Asked, from: Timestamp, until: Timestamp) -> Option<String> {
        let Asked { release, services, environment, back } = asked;
        for service in *services {
            let called = self.lockdowns.iter().find(|(_, it)| !back && it.covers(self, service, environment));
            if let Some((id, _)) = called {
                return Some(format!("lockdown {id}"));
            }
            let all = self.calendars.iter().flat_map(|(name, windows)| windows.iter().map(move |it| (name, it)));
            let windows =
                all.filter(|(_, it)| (!back || it.holds_rollback) && it.about.covers(self, service, environment));
            let (maintenance, shut): (Vec<_>, Vec<_>) = windows.partition(|(_, it)| it.maintenance);
            let maintenance: Vec<&Window> = maintenance.into_iter().map(|(_, it)| it).collect();
            for (calendar, window) in shut {
                let left = window.spans(from, until).into_iter().map(|(start, end)| {
                    // Until when this release is let through this occurrence.
                    let waived = self.exceptions.values().filter(|it| {
                        it.granted
                            && it.release == *release
                            && it.calendar == *calendar
                            && it.window == window.name
                            && it.occurrence == start
                            && window.exceptions_by.as_ref() == Some(&it.role)
                    });
                    (waived.map(|it| it.until).fold(start, Timestamp::max), end)
                });
                if let Some((start, end)) =
                    left.into_iter().find(|(start, end)| *start < until && from < *end && start < end)
                {
                    return Some(format!("`{}` from {start} to {end} for {service}", window.name));
                }
            }
            if maintenance.is_empty() {
                continue;
            }
            let mut open: Vec<_> = maintenance.iter().flat_map(|it| it.spans(from, until)).collect();
            open.sort();
            let mut reached = from;
            for (start, end) in open {
                if start <= reached {
                    reached = reached.max(end);
                }
            }
            if reached < until {
                return Some(format!("no maintenance window of {service} at {reached}"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Europe/Berlin moved its clocks from 02:00 to 03:00 on 29 March 2026 (01:00 UTC), and back on 25 October 2026 (01:00 UTC).
    #[test]
    fn a_time_in_a_gap_is_its_end_and_one_that_comes_twice_is_the_first() {
        let at = |text: &str| first(&zone("Europe/Berlin"), text.parse().unwrap()).to_string();
        assert_eq!(at("2026-03-29T01:59:59"), "2026-03-29T00:59:59Z");
        assert_eq!(at("2026-03-29T02:30:00"), "2026-03-29T01:00:00Z");
        assert_eq!(at("2026-03-29T03:00:00"), "2026-03-29T01:00:00Z");
        assert_eq!(at("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        assert_eq!(at("2026-10-25T03:00:00"), "2026-10-25T02:00:00Z");
        assert_eq!(
            first(&zone("Pacific/Kiritimati"), "2026-01-01T00:00:00".parse().unwrap()).to_string(),
            "2025-12-31T10:00:00Z"
        );
    }

    #[test]
    fn a_weekly_window_is_on_its_weekdays_only() {
        let value = serde_json::json!({ "name": "w", "kind": "freeze", "scope": {}, "schedule": { "recurring": {
            "start": "2026-03-06T18:00:00", "zone": "Europe/Berlin", "length_s": 7200, "rule": "FREQ=WEEKLY;BYDAY=FR,SA",
            "plus": [], "except": ["2026-03-14T18:00:00"] } } });
        let window = Window::read(&value);
        let spans = window.spans("2026-03-08T00:00:00Z".parse().unwrap(), "2026-04-05T00:00:00Z".parse().unwrap());
        let starts: Vec<String> = spans.iter().map(|(start, _)| start.to_string()).collect();
        let wanted = ["13T17", "20T17", "21T17", "27T17", "28T17"].map(|it| format!("2026-03-{it}:00:00Z"));
        assert_eq!(starts, [&wanted[..], &["2026-04-03T16:00:00Z".into(), "2026-04-04T16:00:00Z".into()]].concat());
    }
}
