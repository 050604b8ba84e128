//! Recurrence rules: RFC 5545 `RRULE`, read strictly.
//!
//! Invariants: a part nobody knows, a value out of range and a combination RFC 5545 (section 3.3.10) forbids are errors; what is
//! left out is filled in from the start, so that a rule means the same wherever its expansion begins.
//! Deliberately absent: rules that recur more often than daily (a window does not), and other calendars than the Gregorian.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use std::{collections::BTreeMap, fmt::Write};

/// The largest `COUNT`. A rule with a count is expanded from its start every time.
const COUNT: u32 = 1_000;
/// The largest `INTERVAL`.
const INTERVAL: u32 = 1_000;
/// Times of day in one rule.
const TIMES: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule with nothing left implicit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    frequency: Frequency,
    interval: u32,
    pub count: Option<u32>,
    /// The last wall-clock moment at which an occurrence may begin.
    pub until: Option<DateTime>,
    week_start: Weekday,
    /// `BYDAY=MO,FR` and the like, by name.
    by: BTreeMap<&'static str, String>,
}

/// The numbered parts with the range of their absolute value and whether they may be negative.
const NUMBERED: &[(&str, i64, i64, bool)] = &[
    ("BYSECOND", 0, 59, false),
    ("BYMINUTE", 0, 59, false),
    ("BYHOUR", 0, 23, false),
    ("BYMONTHDAY", 1, 31, true),
    ("BYYEARDAY", 1, 366, true),
    ("BYWEEKNO", 1, 53, true),
    ("BYMONTH", 1, 12, false),
    ("BYSETPOS", 1, 366, true),
];

const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn day(text: &str) -> Option<Weekday> {
    DAYS.iter().find(|(name, _)| *name == text).map(|(_, day)| *day)
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (!digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

impl Rule {
    /// Reads a rule that begins at a wall-clock time in a zone. Errors name the part that is wrong.
    pub fn parse(text: &str, start: DateTime, zone: &TimeZone) -> Result<Self, String> {
        if text.len() > 1_000 {
            return Err("the rule is longer than 1,000 characters".into());
        }
        let mut parts: BTreeMap<String, String> = BTreeMap::new();
        for part in text.split(';') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is not of the form NAME=VALUE"))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
            if parts.insert(name.clone(), value).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        let frequency = match parts.remove("FREQ").as_deref() {
            Some("DAILY") => Frequency::Daily,
            Some("WEEKLY") => Frequency::Weekly,
            Some("MONTHLY") => Frequency::Monthly,
            Some("YEARLY") => Frequency::Yearly,
            Some(other @ ("HOURLY" | "MINUTELY" | "SECONDLY")) => {
                return Err(format!("FREQ={other} recurs too often for a window; use FREQ=DAILY with BYHOUR"));
            }
            Some(other) => return Err(format!("FREQ={other} is not DAILY, WEEKLY, MONTHLY or YEARLY")),
            None => return Err("FREQ is missing".into()),
        };
        let mut bounded = |name: &str, most: u32| match parts.remove(name) {
            None => Ok(None),
            Some(value) => match number(&value) {
                Some(n) if 1 <= n && n <= i64::from(most) => Ok(Some(n as u32)),
                _ => Err(format!("{name}={value} is not a number from 1 to {most}")),
            },
        };
        let interval = bounded("INTERVAL", INTERVAL)?.unwrap_or(1);
        let count = bounded("COUNT", COUNT)?;
        let until = parts.remove("UNTIL").map(|value| until(&value, zone)).transpose()?;
        if count.is_some() && until.is_some() {
            return Err("COUNT and UNTIL exclude each other".into());
        }
        if until.is_some_and(|until| until < start) {
            return Err("UNTIL is before the start".into());
        }
        let week_start = match parts.remove("WKST") {
            None => Weekday::Monday,
            Some(value) => day(&value).ok_or_else(|| format!("WKST={value} is not a day of the week"))?,
        };
        let mut by = BTreeMap::new();
        for (name, least, most, negative) in NUMBERED {
            if let Some(value) = parts.remove(*name) {
                let fits = |n: i64| (*least..=*most).contains(&n.abs()) && (n >= 0 || *negative);
                if !value.split(',').all(|item| number(item).is_some_and(fits)) {
                    let sign = if *negative { ", or from the end with a minus" } else { "" };
                    return Err(format!("{name}={value} is not a list of numbers from {least} to {most}{sign}"));
                }
                by.insert(*name, value);
            }
        }
        if let Some(value) = parts.remove("BYDAY") {
            let numbered = by_day(&value)?;
            let monthly_or_yearly = matches!(frequency, Frequency::Monthly | Frequency::Yearly);
            if numbered && (!monthly_or_yearly || by.contains_key("BYWEEKNO")) {
                return Err(format!(
                    "BYDAY={value} counts days, which goes with MONTHLY and YEARLY only, and not with BYWEEKNO"
                ));
            }
            by.insert("BYDAY", value);
        }
        if let Some(name) = parts.keys().next() {
            return Err(format!("`{name}` is not a part of a rule"));
        }
        let mut rule = Self { frequency, interval, count, until, week_start, by };
        rule.combine()?;
        rule.fill(start);
        let times =
            ["BYHOUR", "BYMINUTE", "BYSECOND"].iter().map(|name| rule.by[name].split(',').count()).product::<usize>();
        if times > TIMES {
            return Err(format!("the rule recurs {times} times a day, and {TIMES} are the most"));
        }
        Ok(rule)
    }

    fn combine(&self) -> Result<(), String> {
        let with = |name: &str| self.by.contains_key(name);
        if with("BYWEEKNO") && self.frequency != Frequency::Yearly {
            return Err("BYWEEKNO goes with YEARLY only".into());
        }
        if with("BYYEARDAY") && self.frequency != Frequency::Yearly {
            return Err("BYYEARDAY goes with YEARLY only".into());
        }
        if with("BYMONTHDAY") && self.frequency == Frequency::Weekly {
            return Err("BYMONTHDAY does not go with WEEKLY".into());
        }
        if with("BYSETPOS") && self.by.len() == 1 {
            return Err("BYSETPOS needs another BY part to choose from".into());
        }
        Ok(())
    }

    /// Fills in what RFC 5545 takes from the start.
    fn fill(&mut self, start: DateTime) {
        let days = ["BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"].iter().any(|name| self.by.contains_key(name));
        let of_month = || start.day().to_string();
        if !days {
            match self.frequency {
                Frequency::Yearly => {
                    self.by.entry("BYMONTH").or_insert_with(|| start.month().to_string());
                    self.by.insert("BYMONTHDAY", of_month());
                }
                Frequency::Monthly => drop(self.by.insert("BYMONTHDAY", of_month())),
                Frequency::Weekly => {
                    drop(self.by.insert("BYDAY", DAYS[start.weekday().to_monday_zero_offset() as usize].0.into()))
                }
                Frequency::Daily => {}
            }
        } else if self.frequency == Frequency::Yearly && self.by.contains_key("BYWEEKNO") {
            let chosen = ["BYDAY", "BYMONTHDAY", "BYYEARDAY"].iter().any(|name| self.by.contains_key(name));
            if !chosen {
                self.by.insert("BYDAY", DAYS[start.weekday().to_monday_zero_offset() as usize].0.into());
            }
        }
        self.by.entry("BYHOUR").or_insert_with(|| start.hour().to_string());
        self.by.entry("BYMINUTE").or_insert_with(|| start.minute().to_string());
        self.by.entry("BYSECOND").or_insert_with(|| start.second().to_string());
    }

    /// A moment in phase with the rule, at or before `near` where the start allows it, from which expansion gives the same
    /// occurrences as from the start. Saves expanding years that nobody asks about.
    pub fn anchor(&self, start: DateTime, near: DateTime) -> DateTime {
        if self.count.is_some() || near <= start {
            return start;
        }
        let step = i64::from(self.interval);
        // One period less than would fit, so that nothing that begins in the period of `near` is missed.
        let whole = |periods: i64| (periods / step - 1).max(0) * step;
        let midnight = |date: Date| date.to_datetime(Time::midnight());
        let (from, to) = (start.date(), near.date());
        let days = |from: Date, to: Date| i64::from((to - from).get_days());
        let anchored = match self.frequency {
            Frequency::Daily => match whole(days(from, to)) {
                0 => None,
                n => from.checked_add(n.days()).ok(),
            },
            Frequency::Weekly => {
                let monday = i64::from(from.weekday().since(self.week_start));
                let week = from.checked_sub(monday.days()).unwrap_or(from);
                match whole(days(week, to) / 7) {
                    0 => None,
                    n => week.checked_add((n * 7).days()).ok(),
                }
            }
            Frequency::Monthly => {
                let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month() - from.month());
                match whole(months) {
                    0 => None,
                    n => from.first_of_month().checked_add(n.months()).ok(),
                }
            }
            Frequency::Yearly => match whole(i64::from(to.year() - from.year())) {
                0 => None,
                n => from.first_of_year().checked_add(n.years()).ok(),
            },
        };
        anchored.map_or(start, midnight)
    }

    /// The rule as text, with an end: at most `horizon`.
    pub fn text(&self, horizon: DateTime) -> String {
        let frequency = match self.frequency {
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Yearly => "YEARLY",
        };
        let start = DAYS[self.week_start.to_monday_zero_offset() as usize].0;
        let mut text = format!("FREQ={frequency};INTERVAL={};WKST={start}", self.interval);
        for (name, value) in &self.by {
            let _ = write!(text, ";{name}={value}");
        }
        let end = self.until.map_or(horizon, |until| until.min(horizon));
        match self.count {
            Some(count) => drop(write!(text, ";COUNT={count}")),
            None => drop(write!(text, ";UNTIL={}", stamp(end))),
        }
        text
    }
}

/// RFC 5545 form of a floating date with time.
pub(super) fn stamp(at: DateTime) -> String {
    at.strftime("%Y%m%dT%H%M%S").to_string()
}

fn by_day(value: &str) -> Result<bool, String> {
    let mut numbered = false;
    for item in value.split(',') {
        let bad = || format!("BYDAY: `{item}` is not a day such as MO, 1MO or -1FR");
        let cut = item.len().checked_sub(2).filter(|cut| item.is_char_boundary(*cut)).ok_or_else(bad)?;
        let (count, name) = item.split_at(cut);
        day(name).ok_or_else(bad)?;
        if !count.is_empty() {
            numbered = true;
            number(count).filter(|n| (1..=53).contains(&n.abs())).ok_or_else(bad)?;
        }
    }
    Ok(numbered)
}

/// `UNTIL` as a wall-clock time: a moment in UTC, a floating moment, or a day, which counts as a whole.
fn until(value: &str, zone: &TimeZone) -> Result<DateTime, String> {
    let bad = |_| format!("UNTIL={value} is not a moment such as 20261231T235959Z, nor a day such as 20261231");
    if let Some(utc) = value.strip_suffix('Z') {
        let at = DateTime::strptime("%Y%m%dT%H%M%S", utc).map_err(bad)?;
        let at: Timestamp = TimeZone::UTC.to_timestamp(at).map_err(bad)?;
        return Ok(zone.to_datetime(at));
    }
    if value.contains('T') {
        return DateTime::strptime("%Y%m%dT%H%M%S", value).map_err(bad);
    }
    Date::strptime("%Y%m%d", value).map_err(bad).map(|day| day.at(23, 59, 59, 0))
}
