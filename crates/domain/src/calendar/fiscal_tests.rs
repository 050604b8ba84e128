//! Fiscal periods against calendars that companies and trade bodies have published.

use super::*;
use crate::{
    calendar::{Calendar, Window, WindowScope},
    given::{name, time},
};

fn weeks(pattern: Pattern, last_month: i8, closes: Closes, extra_week_in: i8) -> FiscalYear {
    FiscalYear::Weeks { pattern, last_month, weekday: Day::Sat, closes, extra_week_in }
}

fn fiscal(year: FiscalYear, period: Period, from: i16, until: i16) -> Fiscal {
    Fiscal {
        zone: "Europe/Berlin".into(),
        year,
        period,
        from,
        until,
        weekend: BTreeSet::from([Day::Sat, Day::Sun]),
        holidays: BTreeSet::new(),
    }
}

fn ends(it: &Fiscal, near: &str, far: &str) -> Vec<String> {
    let day = |text: &str| text.parse::<Date>().expect("a day");
    it.ends(day(near), day(far)).iter().map(Date::to_string).collect()
}

/// Forms 10-K and 10-Q of Apple Inc. for the fiscal years 2022 to 2024: last Saturday of September, a fourteenth week in the
/// first quarter of 2023.
#[test]
fn quarters_of_a_year_that_ends_with_the_last_saturday_of_september() {
    let it = fiscal(weeks(Pattern::FourFourFive, 9, Closes::Last, 3), Period::Quarter, -1, 1);
    let published = ["2022-09-24", "2022-12-31", "2023-04-01", "2023-07-01", "2023-09-30", "2023-12-30", "2024-03-30"];
    assert_eq!(ends(&it, "2022-09-01", "2024-04-30"), published);
}

/// The retail calendar that the National Retail Federation publishes: 4-5-4, Saturday nearest to the end of January, and 53
/// weeks in fiscal 2023, the last of which belongs to January.
#[test]
fn the_retail_calendar_has_its_fifty_third_week_in_2023() {
    let years = fiscal(weeks(Pattern::FourFiveFour, 1, Closes::Nearest, 12), Period::Year, -1, 1);
    assert_eq!(ends(&years, "2022-06-01", "2026-06-01"), ["2023-01-28", "2024-02-03", "2025-02-01", "2026-01-31"]);
    let months = fiscal(weeks(Pattern::FourFiveFour, 1, Closes::Nearest, 12), Period::Month, -1, 1);
    let published = [
        "2023-02-25",
        "2023-04-01",
        "2023-04-29",
        "2023-05-27",
        "2023-07-01",
        "2023-07-29",
        "2023-08-26",
        "2023-09-30",
        "2023-10-28",
        "2023-11-25",
        "2023-12-30",
        "2024-02-03",
    ];
    assert_eq!(ends(&months, "2023-02-01", "2024-02-03"), published);
}

#[test]
fn months_of_a_year_that_begins_in_april_end_with_the_calendars_months() {
    let it = fiscal(FiscalYear::Months { first_month: 4 }, Period::Quarter, -1, 1);
    assert_eq!(ends(&it, "2027-01-01", "2027-12-31"), ["2027-03-31", "2027-06-30", "2027-09-30", "2027-12-31"]);
    let it = fiscal(FiscalYear::Months { first_month: 4 }, Period::Year, -1, 1);
    assert_eq!(ends(&it, "2027-01-01", "2028-12-31"), ["2027-03-31", "2028-03-31"]);
    let it = fiscal(FiscalYear::Months { first_month: 1 }, Period::Month, -1, 1);
    assert_eq!(ends(&it, "2028-02-01", "2028-04-01"), ["2028-02-29", "2028-03-31"]);
}

fn holidays(days: &[(&str, &str)]) -> State {
    let windows = days.iter().enumerate().map(|(n, (start, end))| Window {
        name: name(&format!("day-{n}")),
        kind: WindowKind::Holiday,
        schedule: Schedule::Once { start: time(start), end: time(end) },
        scope: WindowScope::default(),
        reason: String::new(),
        customer: None,
        exceptions_by: None,
        holds_rollback: false,
    });
    let calendar =
        Calendar { name: name("holidays"), owner: name("hr"), source: "manifest".into(), windows: windows.collect() };
    let mut state = State::default();
    state.enter(calendar);
    state
}

fn windows(state: &State, it: &Fiscal) -> Vec<(String, String)> {
    let found = it.expand(state, time("2026-12-15T00:00:00Z"), time("2027-02-01T00:00:00Z"), 10).expect("readable");
    found.iter().map(|it| (it.start.to_string(), it.end.to_string())).collect()
}

/// Business days as numpy's `busday_offset` counts them: 31 December 2026 is a Thursday, 1 January 2027 a Friday.
#[test]
fn the_close_begins_three_business_days_before_the_end_and_ends_with_t_plus_two() {
    let new_year = holidays(&[("2026-12-31T23:00:00Z", "2027-01-01T23:00:00Z")]);
    let mut it = fiscal(FiscalYear::Months { first_month: 1 }, Period::Quarter, -3, 2);
    let window = |until: &str| vec![("2026-12-28T23:00:00Z".to_owned(), until.to_owned())];
    assert_eq!(windows(&new_year, &it), window("2027-01-04T23:00:00Z"), "1 and 4 January are worked");
    it.holidays.insert(name("holidays"));
    assert_eq!(windows(&new_year, &it), window("2027-01-05T23:00:00Z"), "4 and 5 January are worked");
}

#[test]
fn holidays_that_nobody_has_entered_make_the_window_unreadable() {
    let mut it = fiscal(FiscalYear::Months { first_month: 1 }, Period::Quarter, -1, 1);
    it.holidays.insert(name("holidays"));
    let said = it.expand(&State::default(), time("2026-12-15T00:00:00Z"), time("2027-02-01T00:00:00Z"), 10);
    assert!(said.expect_err("no such calendar").contains("no calendar `holidays`"));
    let whole_year = holidays(&[("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z")]);
    let said = it.expand(&whole_year, time("2026-12-15T00:00:00Z"), time("2027-02-01T00:00:00Z"), 10);
    assert!(said.expect_err("nobody ever works").contains("business days"));
}

#[test]
fn what_is_no_fiscal_calendar_is_refused_by_part() {
    let good = || fiscal(FiscalYear::Months { first_month: 1 }, Period::Quarter, -1, 1);
    assert_eq!(good().validate(), Ok(()));
    let said = |change: fn(&mut Fiscal)| {
        let mut it = good();
        change(&mut it);
        it.validate().expect_err("it is wrong")
    };
    assert!(said(|it| it.year = FiscalYear::Months { first_month: 13 }).contains("first_month is 13"));
    assert!(said(|it| it.from = 0).contains("from is 0"));
    assert!(said(|it| it.until = 61).contains("until is 61"));
    assert!(said(|it| it.from = 2).contains("earlier"));
    assert!(said(|it| it.zone = "Mars/Olympus".into()).contains("time zone"));
    assert!(
        said(|it| it.weekend = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun].into())
            .contains("no business day")
    );
}
