//! Fiscal calendars: when months, quarters and years end on the books, and the business days round those ends.
//!
//! Invariants: a fiscal year is either twelve calendar months or 52 and now and then 53 whole weeks; every period ends on exactly
//! one day; offsets count business days, of which the end of a period is one only if it is a working day.
//! Deliberately absent: half days, and fiscal years that follow no rule (enter their windows one by one).

use super::{Schedule, State, WindowKind, recur};
use interlock_ids::Name;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Business days that an offset may count.
const OFFSET: i16 = 60;
/// Days in which that many business days must have been found; more holidays than that are no working calendar.
const WALK: i32 = 400;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Day::Mon => Weekday::Monday,
            Day::Tue => Weekday::Tuesday,
            Day::Wed => Weekday::Wednesday,
            Day::Thu => Weekday::Thursday,
            Day::Fri => Weekday::Friday,
            Day::Sat => Weekday::Saturday,
            Day::Sun => Weekday::Sunday,
        }
    }
}

/// How the thirteen weeks of a quarter make three months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    #[serde(rename = "4-4-5")]
    FourFourFive,
    #[serde(rename = "4-5-4")]
    FourFiveFour,
    #[serde(rename = "5-4-4")]
    FiveFourFour,
}

impl Pattern {
    fn weeks(self) -> [i32; 3] {
        match self {
            Pattern::FourFourFive => [4, 4, 5],
            Pattern::FourFiveFour => [4, 5, 4],
            Pattern::FiveFourFour => [5, 4, 4],
        }
    }
}

/// On which of its weekdays a year of weeks ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closes {
    /// The last one in the month.
    Last,
    /// The one nearest to the last day of the month, which may lie in the month after.
    Nearest,
}

/// What a year is on the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FiscalYear {
    /// Twelve calendar months from the first of this month (1 to 12) on.
    Months { first_month: i8 },
    /// Whole weeks, ending on a weekday at the end of a month (1 to 12).
    Weeks {
        pattern: Pattern,
        last_month: i8,
        weekday: Day,
        closes: Closes,
        /// The month of the fiscal year (1 to 12) that is a week longer in a year of 53.
        extra_week_in: i8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Month,
    Quarter,
    Year,
}

/// A window round the end of every period, in whole days of a zone.
///
/// An offset of -1 is the last business day of the period, -2 the one before; +1 is the first business day after it (T+1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fiscal {
    /// IANA name, such as `Europe/Berlin`.
    pub zone: String,
    pub year: FiscalYear,
    pub period: Period,
    /// The window begins with this day.
    pub from: i16,
    /// The window ends with this day.
    pub until: i16,
    /// Days of the week on which nobody works.
    pub weekend: BTreeSet<Day>,
    /// Calendars whose windows of kind `holiday` are no business days.
    #[serde(default)]
    pub holidays: BTreeSet<Name>,
}

impl Fiscal {
    /// Errors say which part is wrong.
    pub(super) fn validate(&self) -> Result<(), String> {
        recur::time_zone(&self.zone)?;
        let month = |what: &str, month: i8| match month {
            1..=12 => Ok(()),
            _ => Err(format!("{what} is {month}, and months are 1 to 12")),
        };
        match &self.year {
            FiscalYear::Months { first_month } => month("first_month", *first_month)?,
            FiscalYear::Weeks { last_month, extra_week_in, .. } => {
                month("last_month", *last_month)?;
                month("extra_week_in", *extra_week_in)?;
            }
        }
        for (what, offset) in [("from", self.from), ("until", self.until)] {
            if offset == 0 || offset.abs() > OFFSET {
                return Err(format!(
                    "{what} is {offset}; -1 is the last business day of the period, 1 the first after it, and {OFFSET} are the most"
                ));
            }
        }
        if self.from > self.until {
            return Err(format!("it begins with day {} and ends with day {}, which is earlier", self.from, self.until));
        }
        if self.weekend.len() > 6 {
            return Err("every day of the week is weekend, so there is no business day".into());
        }
        Ok(())
    }

    /// Windows that touch `[from, until)`, oldest first.
    pub(super) fn expand(
        &self,
        calendars: &State,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<recur::Occurrence>, String> {
        let zone = recur::time_zone(&self.zone)?;
        let first = zone.to_datetime(from).date();
        let last = zone.to_datetime(until).date();
        // An offset reaches that many days to either side of the end of its period.
        let reach = WALK.days();
        let near = first.saturating_sub(reach);
        let far = last.saturating_add(reach);
        let work = self.work(calendars, &zone, near.saturating_sub(reach), far.saturating_add(reach))?;
        let mut found = Vec::new();
        for end in self.ends(near, far) {
            let begins = work.day(end, self.from)?;
            let ends = work.day(end, self.until)?.saturating_add(1.day());
            let midnight = |day: Date| recur::instant(&zone, day.at(0, 0, 0, 0));
            let it = recur::Occurrence { start: midnight(begins), end: midnight(ends) };
            if it.start < until && from < it.end {
                found.push(it);
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Last days of periods between two days, both included, in order.
    fn ends(&self, near: Date, far: Date) -> Vec<Date> {
        let mut ends = Vec::new();
        for year in near.year().saturating_sub(2)..=far.year().saturating_add(2) {
            let months = match &self.year {
                FiscalYear::Months { first_month } => calendar_months(year, *first_month),
                FiscalYear::Weeks { pattern, last_month, weekday, closes, extra_week_in } => {
                    let close = |year| close(year, *last_month, weekday.weekday(), *closes);
                    match (close(year - 1), close(year)) {
                        (Some(before), Some(end)) => week_months(before, end, *pattern, *extra_week_in),
                        _ => Vec::new(),
                    }
                }
            };
            let every = match self.period {
                Period::Month => 1,
                Period::Quarter => 3,
                Period::Year => 12,
            };
            ends.extend(months.into_iter().skip(every - 1).step_by(every).filter(|it| near <= *it && *it <= far));
        }
        ends
    }

    fn work(&self, calendars: &State, zone: &TimeZone, near: Date, far: Date) -> Result<Work, String> {
        let noon = |day: Date| recur::instant(zone, day.at(12, 0, 0, 0));
        let (from, until) = (noon(near), noon(far));
        let mut holidays = BTreeSet::new();
        for name in &self.holidays {
            let calendar =
                calendars.calendar(name).ok_or_else(|| format!("there is no calendar `{name}` of holidays"))?;
            for window in calendar.windows.iter().filter(|it| it.kind == WindowKind::Holiday) {
                if matches!(window.schedule, Schedule::Fiscal(_)) {
                    return Err(format!("holiday `{}` of `{name}` is itself a fiscal window", window.name));
                }
                for it in recur::expand(calendars, &window.schedule, from, until, recur::MOST)? {
                    holidays.extend(noons(zone, it));
                }
            }
        }
        Ok(Work { weekend: self.weekend.iter().map(|day| day.weekday()).collect(), holidays })
    }
}

/// Days of a zone at whose noon something lasts: a holiday takes the day if it takes its middle.
fn noons(zone: &TimeZone, it: recur::Occurrence) -> Vec<Date> {
    let first = zone.to_datetime(it.start).date();
    let last = zone.to_datetime(it.end).date();
    let covered = |day: &Date| {
        let noon = recur::instant(zone, day.at(12, 0, 0, 0));
        it.start <= noon && noon < it.end
    };
    first.series(1.day()).take_while(|day| *day <= last).filter(covered).collect()
}

/// The days on which people work.
struct Work {
    weekend: Vec<Weekday>,
    holidays: BTreeSet<Date>,
}

impl Work {
    fn is_business_day(&self, day: Date) -> bool {
        !self.weekend.contains(&day.weekday()) && !self.holidays.contains(&day)
    }

    /// The business day that many before (negative, the end counting) or after the end of a period.
    fn day(&self, end: Date, offset: i16) -> Result<Date, String> {
        let step = if offset < 0 { -1 } else { 1 };
        let mut day = if offset < 0 { end } else { end.saturating_add(1.day()) };
        let mut left = offset.abs();
        for _ in 0..WALK {
            if self.is_business_day(day) {
                left -= 1;
                if left == 0 {
                    return Ok(day);
                }
            }
            day = day.saturating_add(step.days());
        }
        Err(format!("there are not {} business days within {WALK} days of {end}", offset.abs()))
    }
}

/// Last days of the twelve months of a fiscal year that begins in a calendar year.
fn calendar_months(year: i16, first_month: i8) -> Vec<Date> {
    let begin = Date::new(year, first_month, 1);
    let month = |n: i64| begin.clone().ok()?.checked_add(n.months()).ok().map(Date::last_of_month);
    (0..12).filter_map(month).collect()
}

/// The day on which the year of weeks ends that ends round that month.
fn close(year: i16, month: i8, weekday: Weekday, closes: Closes) -> Option<Date> {
    let last = Date::new(year, month, 1).ok()?.last_of_month();
    let back = i32::from(last.weekday().since(weekday));
    let before = last.checked_sub(back.days()).ok()?;
    match closes {
        Closes::Nearest if back > 3 => before.checked_add(7.days()).ok(),
        Closes::Last | Closes::Nearest => Some(before),
    }
}

/// Last days of the twelve months of a year of weeks: after `before`, up to and including `end`.
fn week_months(before: Date, end: Date, pattern: Pattern, extra_week_in: i8) -> Vec<Date> {
    let weeks = end.duration_since(before).as_hours() / 24 / 7;
    let mut day = before;
    (1..=12i8)
        .map(|month| {
            let extra = i32::from(weeks == 53 && month == extra_week_in);
            let length = pattern.weeks()[(month as usize - 1) % 3] + extra;
            day = day.saturating_add((length * 7).days());
            day
        })
        .collect()
}

#[cfg(test)]
#[path = "fiscal_tests.rs"]
mod tests;
