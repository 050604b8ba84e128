//! Schedules of windows: what the wire says and what the core means, both ways.

use crate::{
    extract::parse_all,
    problem::{Answer, Failure},
};
use interlock_domain::calendar::{self, Schedule};
use interlock_ids::Name;
use interlock_wire::{calendar as wire, length::Length};

/// Exactly one form of schedule.
///
/// # Errors
/// None or several are given, or a name of a calendar is none.
pub fn read(field: &str, it: &wire::ScheduleSpec) -> Answer<Schedule> {
    match (&it.once, &it.recurring, &it.fiscal) {
        (Some(once), None, None) => Ok(Schedule::Once { start: once.start, end: once.end }),
        (None, Some(it), None) => Ok(Schedule::Recurring {
            start: it.start,
            zone: it.zone.clone(),
            length_s: it.length.0,
            rule: it.rule.clone(),
            plus: it.plus.clone(),
            except: it.except.clone(),
        }),
        (None, None, Some(it)) => fiscal(&format!("{field}.fiscal"), it).map(Schedule::Fiscal),
        _ => Err(one_of(field, "`once`, `recurring` and `fiscal`")),
    }
}

fn one_of(field: &str, which: &str) -> Failure {
    Failure::invalid("one-of", field, format!("{field}: give exactly one of {which}"))
}

fn fiscal(field: &str, it: &wire::Fiscal) -> Answer<calendar::Fiscal> {
    let year = match (&it.year.months, &it.year.weeks) {
        (Some(it), None) => calendar::FiscalYear::Months { first_month: it.first_month },
        (None, Some(it)) => calendar::FiscalYear::Weeks {
            pattern: match it.pattern {
                wire::Pattern::FourFourFive => calendar::Pattern::FourFourFive,
                wire::Pattern::FourFiveFour => calendar::Pattern::FourFiveFour,
                wire::Pattern::FiveFourFour => calendar::Pattern::FiveFourFour,
            },
            last_month: it.last_month,
            weekday: day_in(it.weekday),
            closes: match it.closes {
                wire::Closes::Last => calendar::Closes::Last,
                wire::Closes::Nearest => calendar::Closes::Nearest,
            },
            extra_week_in: it.extra_week_in,
        },
        _ => return Err(one_of(&format!("{field}.year"), "`months` and `weeks`")),
    };
    Ok(calendar::Fiscal {
        zone: it.zone.clone(),
        year,
        period: match it.period {
            wire::Period::Month => calendar::Period::Month,
            wire::Period::Quarter => calendar::Period::Quarter,
            wire::Period::Year => calendar::Period::Year,
        },
        from: it.from,
        until: it.until,
        weekend: it.weekend.iter().copied().map(day_in).collect(),
        holidays: parse_all(&format!("{field}.holidays"), &it.holidays)?,
    })
}

fn day_in(day: wire::Day) -> calendar::Day {
    match day {
        wire::Day::Mon => calendar::Day::Mon,
        wire::Day::Tue => calendar::Day::Tue,
        wire::Day::Wed => calendar::Day::Wed,
        wire::Day::Thu => calendar::Day::Thu,
        wire::Day::Fri => calendar::Day::Fri,
        wire::Day::Sat => calendar::Day::Sat,
        wire::Day::Sun => calendar::Day::Sun,
    }
}

fn day_out(day: calendar::Day) -> wire::Day {
    match day {
        calendar::Day::Mon => wire::Day::Mon,
        calendar::Day::Tue => wire::Day::Tue,
        calendar::Day::Wed => wire::Day::Wed,
        calendar::Day::Thu => wire::Day::Thu,
        calendar::Day::Fri => wire::Day::Fri,
        calendar::Day::Sat => wire::Day::Sat,
        calendar::Day::Sun => wire::Day::Sun,
    }
}

/// A schedule as its manifest would state it.
pub fn show(it: &Schedule) -> wire::ScheduleSpec {
    match it {
        Schedule::Once { start, end } => {
            wire::ScheduleSpec { once: Some(wire::Once { start: *start, end: *end }), ..Default::default() }
        }
        Schedule::Recurring { start, zone, length_s, rule, plus, except } => wire::ScheduleSpec {
            recurring: Some(wire::Recurring {
                start: *start,
                zone: zone.clone(),
                length: Length(*length_s),
                rule: rule.clone(),
                plus: plus.clone(),
                except: except.clone(),
            }),
            ..Default::default()
        },
        Schedule::Fiscal(it) => wire::ScheduleSpec { fiscal: Some(fiscal_out(it)), ..Default::default() },
    }
}

fn fiscal_out(it: &calendar::Fiscal) -> wire::Fiscal {
    let year = match &it.year {
        calendar::FiscalYear::Months { first_month } => {
            wire::FiscalYear { months: Some(wire::YearOfMonths { first_month: *first_month }), weeks: None }
        }
        calendar::FiscalYear::Weeks { pattern, last_month, weekday, closes, extra_week_in } => wire::FiscalYear {
            months: None,
            weeks: Some(wire::YearOfWeeks {
                pattern: match pattern {
                    calendar::Pattern::FourFourFive => wire::Pattern::FourFourFive,
                    calendar::Pattern::FourFiveFour => wire::Pattern::FourFiveFour,
                    calendar::Pattern::FiveFourFour => wire::Pattern::FiveFourFour,
                },
                last_month: *last_month,
                weekday: day_out(*weekday),
                closes: match closes {
                    calendar::Closes::Last => wire::Closes::Last,
                    calendar::Closes::Nearest => wire::Closes::Nearest,
                },
                extra_week_in: *extra_week_in,
            }),
        },
    };
    wire::Fiscal {
        zone: it.zone.clone(),
        year,
        period: match it.period {
            calendar::Period::Month => wire::Period::Month,
            calendar::Period::Quarter => wire::Period::Quarter,
            calendar::Period::Year => wire::Period::Year,
        },
        from: it.from,
        until: it.until,
        weekend: it.weekend.iter().copied().map(day_out).collect(),
        holidays: it.holidays.iter().map(Name::to_string).collect(),
    }
}
