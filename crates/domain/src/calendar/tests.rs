//! Calendars against known answers, against brute force, and against what users of other tools have reported.

use super::*;
use crate::{
    environment::Tier,
    given::{Given, codes, name, names, time},
    reason::{RefusalKind, Slot},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn wall(text: &str) -> DateTime {
    text.parse().expect("a test uses wall-clock times")
}

fn recurring(start: &str, zone: &str, hours: u32, rule: &str) -> Schedule {
    Schedule::Recurring { start: wall(start), zone: zone.into(), length_s: hours * 3600, rule: rule.into(), plus: vec![], except: vec![] }
}

fn once(start: &str, end: &str) -> Schedule {
    Schedule::Once { start: time(start), end: time(end) }
}

fn window(title: &str, kind: WindowKind, schedule: Schedule) -> Window {
    Window { name: name(title), kind, schedule, scope: WindowScope::default(), reason: format!("because of {title}") }
}

fn calendar(windows: Vec<Window>) -> Calendar {
    Calendar { name: name("company"), owner: name("finance"), source: "manifest".into(), windows }
}

/// A shop and a ledger in production and in test, and a calendar.
fn given(windows: Vec<Window>) -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).service("books", &[]);
    given.environment("prod", Tier::Production, &[("shop", 1), ("books", 1)]).environment("test", Tier::Test, &[("shop", 1)]);
    given.ok("admin", Command::PutCalendar { calendar: calendar(windows) });
    given
}

fn scope() -> Scope {
    Scope { services: names(&["shop"]), environment: name("prod") }
}

fn at(given: &Given, moment: &str) -> Opening {
    open_at(&given.world, &scope(), time(moment))
}

/// Wall-clock starts of a schedule between two moments.
fn starts(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
    let Schedule::Recurring { zone, .. } = schedule else { panic!("a recurring schedule") };
    let zone = TimeZone::get(zone).expect("a zone");
    occurrences(schedule, time(from), time(until), 1000).into_iter().map(|it| zone.to_datetime(it.start).to_string()).collect()
}

// ------------------------------------------------------------------ known answers: the examples of RFC 5545, section 3.8.5.3

#[test]
fn examples_of_rfc_5545_recur_as_it_says() {
    let zone = "America/New_York";
    for (start, rule, expected) in [
        ("1997-09-02T09:00", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"),
        ("1997-09-02T09:00", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"),
        ("1997-09-02T09:00", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002"),
        ("1997-09-02T09:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "0902 0904 0916 0918 0930 1002 1014 1016"),
        ("1997-09-05T09:00", "FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "0905 1003 1107 1205"),
        ("1997-09-07T09:00", "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU", "0907 0928 1102 1130"),
        ("1997-09-28T09:00", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=4", "0928 1029 1128 1229"),
        ("1997-09-30T09:00", "FREQ=MONTHLY;COUNT=6;BYMONTHDAY=1,-1", "0930 1001 1031 1101 1130 1201"),
        ("1997-09-04T09:00", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"),
        ("1997-09-29T09:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "0929 1030 1127 1230"),
    ] {
        let found = starts(&recurring(start, zone, 1, rule), "1997-01-01T00:00:00Z", "1998-01-01T00:00:00Z");
        let expected: Vec<String> = expected.split(' ').map(|day| format!("1997-{}-{}T09:00:00", &day[..2], &day[2..])).collect();
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn examples_of_rfc_5545_over_years_recur_as_it_says() {
    for (start, rule, expected) in [
        ("1997-06-10T09:00", "FREQ=YEARLY;COUNT=6;BYMONTH=6,7", "1997-06-10 1997-07-10 1998-06-10 1998-07-10 1999-06-10 1999-07-10"),
        ("1997-05-19T09:00", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19 1998-05-18 1999-05-17"),
        ("1997-05-12T09:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12 1998-05-11 1999-05-17"),
        ("1998-02-13T09:00", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5", "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13"),
        ("1996-11-05T09:00", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3", "1996-11-05 2000-11-07 2004-11-02"),
        ("1997-01-01T09:00", "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200", "1997-01-01 1997-04-10 1997-07-19 2000-01-01"),
    ] {
        let found = starts(&recurring(start, "America/New_York", 1, rule), "1990-01-01T00:00:00Z", "2010-01-01T00:00:00Z");
        let expected: Vec<String> = expected.split(' ').map(|day| format!("{day}T09:00:00")).collect();
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn single_dates_are_added_and_taken_out() {
    let schedule = Schedule::Recurring {
        start: wall("2026-03-06T18:00"),
        zone: "Europe/Berlin".into(),
        length_s: 3600,
        rule: "FREQ=WEEKLY;BYDAY=FR".into(),
        plus: vec![wall("2026-03-10T12:00")],
        except: vec![wall("2026-03-13T18:00")],
    };
    let found = starts(&schedule, "2026-03-01T00:00:00Z", "2026-03-21T00:00:00Z");
    assert_eq!(found, ["2026-03-06T18:00:00", "2026-03-10T12:00:00", "2026-03-20T18:00:00"]);
}

// ------------------------------------------------------------------ daylight saving: Europe/Berlin, 29 March and 25 October 2026

fn only(schedule: &Schedule, from: &str, until: &str) -> (String, String) {
    match occurrences(schedule, time(from), time(until), 10).as_slice() {
        [it] => (it.start.to_string(), it.end.to_string()),
        other => panic!("expected one occurrence: {other:?}"),
    }
}

#[test]
fn a_weekend_freeze_over_the_spring_change_is_an_hour_shorter_and_over_the_autumn_change_an_hour_longer() {
    let weekend = recurring("2026-03-06T18:00", "Europe/Berlin", 62, "FREQ=WEEKLY;BYDAY=FR");
    let spring = only(&weekend, "2026-03-28T00:00:00Z", "2026-03-29T12:00:00Z");
    assert_eq!(spring, ("2026-03-27T17:00:00Z".into(), "2026-03-30T06:00:00Z".into()));
    let autumn = only(&weekend, "2026-10-24T00:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(autumn, ("2026-10-23T16:00:00Z".into(), "2026-10-26T07:00:00Z".into()));
}

#[test]
fn a_start_in_the_spring_gap_is_the_first_instant_after_it() {
    let nightly = recurring("2026-03-01T02:30", "Europe/Berlin", 2, "FREQ=DAILY");
    let found = only(&nightly, "2026-03-29T00:30:00Z", "2026-03-29T03:00:00Z");
    assert_eq!(found, ("2026-03-29T01:00:00Z".into(), "2026-03-29T02:30:00Z".into()));
}

#[test]
fn a_window_that_lies_in_the_spring_gap_as_a_whole_does_not_occur() {
    let mut nightly = recurring("2026-03-01T02:15", "Europe/Berlin", 0, "FREQ=DAILY");
    if let Schedule::Recurring { length_s, .. } = &mut nightly {
        *length_s = 1800;
    }
    assert_eq!(occurrences(&nightly, time("2026-03-29T00:00:00Z"), time("2026-03-29T12:00:00Z"), 10), []);
    assert_eq!(occurrences(&nightly, time("2026-03-30T00:00:00Z"), time("2026-03-30T12:00:00Z"), 10).len(), 1);
}

#[test]
fn a_time_that_occurs_twice_in_autumn_is_the_first_of_the_two() {
    let nightly = recurring("2026-10-01T02:30", "Europe/Berlin", 1, "FREQ=DAILY");
    let found = only(&nightly, "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(found, ("2026-10-25T00:30:00Z".into(), "2026-10-25T02:30:00Z".into()), "02:30 CEST until 03:30 CET");
    let ends = recurring("2026-10-01T01:00", "Europe/Berlin", 1, "FREQ=DAILY");
    let found = only(&ends, "2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(found, ("2026-10-24T23:00:00Z".into(), "2026-10-25T00:00:00Z".into()), "02:00 is the first 02:00");
}

#[test]
fn an_all_day_holiday_lasts_from_midnight_to_midnight_on_the_wall() {
    let holiday = recurring("2026-10-25T00:00", "Europe/Berlin", 24, "FREQ=YEARLY");
    assert_eq!(only(&holiday, "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z"), ("2026-10-24T22:00:00Z".into(), "2026-10-25T23:00:00Z".into()));
}

// ------------------------------------------------------------------ expansion

#[test]
fn an_occurrence_that_began_before_is_found() {
    let long = recurring("2026-01-01T00:00", "UTC", 30 * 24, "FREQ=MONTHLY");
    let found = only(&long, "2026-04-20T00:00:00Z", "2026-04-21T00:00:00Z");
    assert_eq!(found, ("2026-04-01T00:00:00Z".into(), "2026-05-01T00:00:00Z".into()));
}

#[test]
fn at_most_as_many_occurrences_as_asked_for_are_given() {
    let daily = recurring("2026-01-01T00:00", "UTC", 1, "FREQ=DAILY");
    assert_eq!(occurrences(&daily, time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"), 3).len(), 3);
}

#[test]
fn the_far_future_costs_no_more_than_today() {
    let old = recurring("1971-01-01T12:00", "Europe/Berlin", 1, "FREQ=DAILY;INTERVAL=3");
    let begun = std::time::Instant::now();
    for _ in 0..200 {
        assert!(!occurrences(&old, time("2490-01-01T00:00:00Z"), time("2490-01-08T00:00:00Z"), 10).is_empty());
    }
    // Expanding 63,000 occurrences 200 times takes minutes in a debug build.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

fn rules() -> impl Strategy<Value = String> {
    let days = prop::sample::select(vec!["MO", "TU,TH", "SA,SU", "WE,FR,SU"]);
    let wkst = prop::sample::select(vec!["MO", "SU", "WE"]);
    (1u32..7, days, wkst, 0usize..8).prop_map(|(interval, days, wkst, form)| {
        let rule = match form {
            0 => "FREQ=DAILY".into(),
            1 => "FREQ=DAILY;BYHOUR=3,15".into(),
            2 => format!("FREQ=WEEKLY;BYDAY={days}"),
            3 => "FREQ=WEEKLY".into(),
            4 => "FREQ=MONTHLY;BYMONTHDAY=1,15,-1".into(),
            5 => "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1".into(),
            6 => "FREQ=YEARLY;BYMONTH=2,12".into(),
            _ => "FREQ=YEARLY;BYDAY=2MO,-1FR;BYMONTH=3".into(),
        };
        format!("{rule};INTERVAL={interval};WKST={wkst}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Beginning to expand near the moment asked about gives what expanding from the start gives.
    #[test]
    fn where_expansion_begins_makes_no_difference(rule in rules(), day in 1i8..29, month in 1i8..13, ahead in 0i64..4000, hours in 1u32..100) {
        let start = jiff::civil::date(2020, month, day).at(9, 30, 0, 0);
        let schedule = Schedule::Recurring { start, zone: "Europe/Berlin".into(), length_s: hours * 3600, rule, plus: vec![], except: vec![] };
        let begin = time("2019-12-01T00:00:00Z");
        let from = time("2020-01-01T00:00:00Z") + SignedDuration::from_hours(24 * ahead);
        let until = from + SignedDuration::from_hours(24 * 90);
        let near = occurrences(&schedule, from, until, 100_000);
        let all = occurrences(&schedule, begin, until, 100_000);
        let expected: Vec<Occurrence> = all.into_iter().filter(|it| from < it.end).collect();
        prop_assert_eq!(near, expected);
    }

    #[test]
    fn no_text_makes_reading_a_rule_panic(rule in "[A-Z=;,0-9+-]{0,60}|\\PC{0,40}", zone in "\\PC{0,12}") {
        let schedule = |zone: &str| Schedule::Recurring { start: wall("2026-01-31T10:00"), zone: zone.into(), length_s: 60, rule: rule.clone(), plus: vec![], except: vec![] };
        let _ = validate(&schedule(&zone));
        let _ = validate(&schedule("UTC"));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_the_part_that_is_wrong() {
    for (rule, part) in [
        ("", "NAME=VALUE"),
        ("INTERVAL=1", "FREQ is missing"),
        ("FREQ=SECONDLY", "too often"),
        ("FREQ=MINUTELY", "too often"),
        ("FREQ=HOURLY", "too often"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=100000", "COUNT"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "exclude"),
        ("FREQ=DAILY;UNTIL=20200101", "before the start"),
        ("FREQ=DAILY;UNTIL=soon", "UNTIL"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYYEARDAY=20", "BYYEARDAY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=DAILY;WKST=NO", "WKST"),
        ("FREQ=DAILY;RSCALE=HEBREW", "RSCALE"),
        ("FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=0,10,20,30,40", "25 times a day"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never"),
    ] {
        let said = validate(&recurring("2026-03-02T09:00", "UTC", 1, rule)).expect_err(rule);
        assert!(said.contains(part), "{rule}: {said}");
    }
    assert!(validate(&recurring("2026-03-02T09:00", "Europe/Berlim", 1, "FREQ=DAILY")).expect_err("zone").contains("time zone"));
    assert!(validate(&recurring("2026-03-02T09:00", "UTC", 0, "FREQ=DAILY")).expect_err("length").contains("length"));
    assert!(validate(&once("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z")).is_err());
    assert_eq!(validate(&recurring("2026-03-02T09:00", "UTC", 1, "freq=weekly;byday=mo,-0fr")).is_err(), true);
    assert_eq!(validate(&recurring("2026-03-02T09:00", "UTC", 1, "freq=weekly;byday=mo")), Ok(()));
}

// ------------------------------------------------------------------ open or closed

#[test]
fn without_windows_everything_is_open() {
    let given = given(vec![]);
    assert_eq!(at(&given, "2026-03-02T10:00:00Z"), Opening { open: true, closed_by: vec![], next_open: None, next_close: None });
}

#[test]
fn a_freeze_closes_and_says_who_and_until_when() {
    let given = given(vec![window("year-end", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
    let opening = at(&given, "2026-03-11T00:00:00Z");
    assert!(!opening.open);
    assert_eq!(opening.next_open, Some(time("2026-03-12T00:00:00Z")));
    assert_eq!(
        opening.closed_by,
        [Closed {
            calendar: "company".into(),
            window: "year-end".into(),
            kind: WindowKind::Freeze,
            owner: "finance".into(),
            source: "manifest".into(),
            reason: "because of year-end".into(),
            until: Some(time("2026-03-12T00:00:00Z")),
        }]
    );
    assert_eq!(opening.closed_by[0].to_string(), "freeze `year-end` of calendar `company` (finance) until 2026-03-12T00:00:00Z");
}

/// Reported elsewhere: a freeze planned for the future blocks what is deployed today.
#[test]
fn a_future_freeze_does_not_block_today() {
    let given = given(vec![window("later", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
    let opening = at(&given, "2026-03-09T23:59:59Z");
    assert!(opening.open && opening.closed_by.is_empty());
    assert_eq!(opening.next_close, Some(time("2026-03-10T00:00:00Z")));
}

/// Reported elsewhere: what was held is not resumed when the deny window ends.
#[test]
fn at_its_end_a_freeze_is_over() {
    let given = given(vec![window("short", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
    assert!(!at(&given, "2026-03-11T23:59:59.999Z").open);
    assert!(at(&given, "2026-03-12T00:00:00Z").open);
}

/// Reported elsewhere: a deny window blocks outside its hours.
#[test]
fn a_nightly_freeze_does_not_block_by_day() {
    let given = given(vec![window("night", WindowKind::Freeze, recurring("2026-03-01T22:00", "Europe/Berlin", 8, "FREQ=DAILY"))]);
    assert!(at(&given, "2026-03-05T05:00:00Z").open, "06:00 in Berlin");
    assert!(!at(&given, "2026-03-05T04:59:59Z").open);
    assert!(at(&given, "2026-03-05T20:59:59Z").open);
    assert!(!at(&given, "2026-03-05T21:00:00Z").open);
}

/// Reported elsewhere: several allow windows together mean never.
#[test]
fn several_maintenance_windows_each_open() {
    let given = given(vec![
        window("monday", WindowKind::Maintenance, recurring("2026-03-02T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=MO")),
        window("thursday", WindowKind::Maintenance, recurring("2026-03-05T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=TH")),
    ]);
    assert!(at(&given, "2026-03-09T10:00:00Z").open);
    assert!(at(&given, "2026-03-12T10:00:00Z").open);
    let tuesday = at(&given, "2026-03-10T10:00:00Z");
    assert!(!tuesday.open);
    assert_eq!((tuesday.next_open, tuesday.next_close), (Some(time("2026-03-12T09:00:00Z")), Some(time("2026-03-12T11:00:00Z"))));
    let named: BTreeSet<_> = tuesday.closed_by.iter().map(|it| (it.window.as_str(), it.until)).collect();
    assert_eq!(named, BTreeSet::from([("monday", Some(time("2026-03-16T09:00:00Z"))), ("thursday", Some(time("2026-03-12T09:00:00Z")))]));
}

#[test]
fn a_freeze_wins_over_a_maintenance_window() {
    let given = given(vec![
        window("monday", WindowKind::Maintenance, recurring("2026-03-02T09:00", "UTC", 4, "FREQ=WEEKLY;BYDAY=MO")),
        window("close", WindowKind::Freeze, once("2026-03-09T10:00:00Z", "2026-03-09T11:00:00Z")),
    ]);
    assert!(at(&given, "2026-03-09T09:30:00Z").open);
    assert!(!at(&given, "2026-03-09T10:30:00Z").open);
    assert!(at(&given, "2026-03-09T11:00:00Z").open);
}

#[test]
fn windows_that_overlap_or_touch_are_one_closure() {
    let given = given(vec![
        window("a", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z")),
        window("b", WindowKind::Holiday, once("2026-03-11T00:00:00Z", "2026-03-13T00:00:00Z")),
        window("c", WindowKind::Freeze, once("2026-03-13T00:00:00Z", "2026-03-14T00:00:00Z")),
    ]);
    assert_eq!(at(&given, "2026-03-10T12:00:00Z").next_open, Some(time("2026-03-14T00:00:00Z")));
    assert_eq!(at(&given, "2026-03-11T12:00:00Z").closed_by.len(), 2);
}

#[test]
fn a_slot_is_judged_as_a_whole_and_not_by_its_start() {
    let given = given(vec![window("close", WindowKind::Freeze, once("2026-03-09T10:00:00Z", "2026-03-09T11:00:00Z"))]);
    let during = |start: &str, end: &str| open_during(&given.world, &scope(), Slot { start: time(start), end: time(end) }).len();
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z"), 0, "it ends as the freeze begins");
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T10:00:01Z"), 1);
    assert_eq!(during("2026-03-09T11:00:00Z", "2026-03-09T12:00:00Z"), 0, "it begins as the freeze ends");
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T12:00:00Z"), 1, "the freeze is inside");
}

#[test]
fn a_slot_longer_than_its_maintenance_window_is_closed() {
    let given = given(vec![window("monday", WindowKind::Maintenance, recurring("2026-03-02T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=MO"))]);
    let during = |start: &str, end: &str| open_during(&given.world, &scope(), Slot { start: time(start), end: time(end) }).len();
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T11:00:00Z"), 0);
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T11:00:01Z"), 1);
}

#[test]
fn each_service_needs_a_maintenance_window_that_covers_it() {
    let mut shop = window("shop-window", WindowKind::Maintenance, recurring("2026-03-07T09:00", "UTC", 4, "FREQ=WEEKLY;BYDAY=SA"));
    shop.scope.services = names(&["shop"]);
    let mut books = window("books-window", WindowKind::Maintenance, recurring("2026-03-07T11:00", "UTC", 4, "FREQ=WEEKLY;BYDAY=SA"));
    books.scope.services = names(&["books"]);
    let given = given(vec![shop, books]);
    let both = Scope { services: names(&["shop", "books"]), environment: name("prod") };
    let open = |scope: &Scope, moment: &str| open_at(&given.world, scope, time(moment)).open;
    assert!(open(&scope(), "2026-03-07T10:00:00Z"));
    assert!(!open(&both, "2026-03-07T10:00:00Z"), "the books may not ship yet");
    assert!(open(&both, "2026-03-07T12:00:00Z"));
    assert!(!open(&both, "2026-03-07T14:00:00Z"), "the shop may not ship any more");
    assert!(!open(&scope(), "2026-03-07T14:00:00Z"));
}

#[test]
fn a_window_is_about_what_its_scope_says_and_about_nothing_else() {
    let freeze = |scope: WindowScope| Window { scope, ..window("f", WindowKind::Freeze, once("2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z")) };
    let scope_of = |services: &[&str], environment: &str| Scope { services: names(services), environment: name(environment) };
    let label = |value: &str| [("region".to_owned(), value.to_owned())].into();
    for (window_scope, services, environment, closed) in [
        (WindowScope::default(), vec!["shop"], "prod", true),
        (WindowScope { services: names(&["books"]), ..Default::default() }, vec!["shop"], "prod", false),
        (WindowScope { services: names(&["books"]), ..Default::default() }, vec!["shop", "books"], "prod", true),
        (WindowScope { tiers: names(&["production"]), ..Default::default() }, vec!["shop"], "prod", true),
        (WindowScope { tiers: names(&["production"]), ..Default::default() }, vec!["shop"], "test", false),
        (WindowScope { environments: names(&["test"]), ..Default::default() }, vec!["shop"], "prod", false),
        (WindowScope { owners: names(&["team"]), ..Default::default() }, vec!["shop"], "prod", true),
        (WindowScope { owners: names(&["others"]), ..Default::default() }, vec!["shop"], "prod", false),
        (WindowScope { labels: label("eu"), ..Default::default() }, vec!["shop"], "prod", false),
        (WindowScope { tiers: names(&["production"]), services: names(&["books"]), ..Default::default() }, vec!["shop"], "prod", false),
        (WindowScope { tiers: names(&["production"]), ..Default::default() }, vec!["shop"], "nowhere", true),
    ] {
        let given = given(vec![freeze(window_scope.clone())]);
        let opening = open_at(&given.world, &scope_of(&services, environment), time("2026-03-09T12:00:00Z"));
        assert_eq!(!opening.open, closed, "{window_scope:?} {services:?} {environment}");
        assert_eq!(opening.open, opening.closed_by.is_empty());
    }
}

#[test]
fn a_window_that_cannot_be_read_keeps_shut() {
    for kind in [WindowKind::Freeze, WindowKind::Maintenance] {
        let mut given = given(vec![]);
        let broken = calendar(vec![window("broken", kind, recurring("2026-03-02T09:00", "Mars/Olympus", 1, "FREQ=DAILY"))]);
        given.world.calendar.calendars.insert(broken.name.clone(), broken.into());
        let opening = at(&given, "2026-03-09T12:00:00Z");
        assert!(!opening.open && opening.next_open.is_none(), "{kind:?}");
        assert!(opening.closed_by[0].reason.contains("cannot be read"));
        assert!(slots(&given.world, &scope(), time("2026-03-09T12:00:00Z"), 60, 3).is_empty());
    }
}

#[test]
fn a_lockdown_closes_from_its_call_until_it_is_lifted() {
    let mut given = given(vec![]);
    let (lockdown, reason) = (given.fresh(), given.note());
    let scope_of = WindowScope { tiers: names(&["production"]), ..Default::default() };
    given.ok("admin", Command::CallLockdown { lockdown, scope: scope_of, reason });
    let now = given.now;
    let opening = open_at(&given.world, &scope(), now);
    assert!(!opening.open && opening.next_open.is_none());
    assert_eq!(opening.closed_by[0].window, lockdown.to_string());
    assert!(opening.closed_by[0].to_string().contains("until it is lifted"));
    assert!(open_at(&given.world, &Scope { environment: name("test"), ..scope() }, now).open);
    assert!(open_at(&given.world, &scope(), now - SignedDuration::from_secs(1)).open, "not before it was called");
    assert!(slots(&given.world, &scope(), now, 60, 3).is_empty());
    given.after(3600).ok("admin", Command::LiftLockdown { lockdown });
    assert!(open_at(&given.world, &scope(), given.now).open);
    assert!(!open_at(&given.world, &scope(), given.now - SignedDuration::from_secs(1)).open);
}

#[test]
fn slots_fit_between_freezes_and_into_the_union_of_maintenance_windows() {
    let given = given(vec![
        window("early", WindowKind::Maintenance, recurring("2026-03-02T09:00", "UTC", 1, "FREQ=WEEKLY;BYDAY=MO")),
        window("late", WindowKind::Maintenance, recurring("2026-03-02T10:00", "UTC", 1, "FREQ=WEEKLY;BYDAY=MO")),
        window("close", WindowKind::Freeze, once("2026-03-16T00:00:00Z", "2026-03-17T00:00:00Z")),
    ]);
    let found = slots(&given.world, &scope(), time("2026-03-02T10:30:00Z"), 2 * 3600, 2);
    let slot = |start: &str, end: &str| Slot { start: time(start), end: time(end) };
    assert_eq!(found, [slot("2026-03-09T09:00:00Z", "2026-03-09T11:00:00Z"), slot("2026-03-23T09:00:00Z", "2026-03-23T11:00:00Z")]);
    assert!(slots(&given.world, &scope(), time("2026-03-02T10:30:00Z"), 2 * 3600 + 1, 1).is_empty());
}

// ------------------------------------------------------------------ against brute force

#[derive(Clone, Debug)]
struct Piece {
    kind: WindowKind,
    schedule: Schedule,
    service: Option<&'static str>,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let kind = prop::sample::select(vec![WindowKind::Freeze, WindowKind::Holiday, WindowKind::Maintenance, WindowKind::Maintenance]);
    let service = prop::sample::select(vec![None, Some("shop"), Some("books")]);
    let zone = prop::sample::select(vec!["Europe/Berlin", "America/New_York", "UTC"]);
    let schedule = (0i64..96, 1u32..30, zone, prop::sample::select(vec!["FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=FR,SA,SU", "once"]))
        .prop_map(|(hour, length, zone, rule)| {
            // Around the change of 29 March in Berlin.
            let start = jiff::civil::date(2026, 3, 26).at(0, 30, 0, 0) + SignedDuration::from_hours(hour);
            if rule == "once" {
                let start = TimeZone::UTC.to_timestamp(start).expect("in range");
                return Schedule::Once { start, end: start + SignedDuration::from_hours(i64::from(length)) };
            }
            Schedule::Recurring { start, zone: zone.into(), length_s: length * 3600, rule: rule.into(), plus: vec![], except: vec![] }
        });
    prop::collection::vec((kind, schedule, service).prop_map(|(kind, schedule, service)| Piece { kind, schedule, service }), 0..5)
}

/// The rule of this room, said for one instant, window by window.
fn open_by_definition(pieces: &[Piece], services: &BTreeSet<interlock_ids::Name>, moment: Timestamp) -> bool {
    let covers = |piece: &Piece| match &piece.schedule {
        Schedule::Once { start, end } => *start <= moment && moment < *end,
        Schedule::Recurring { start, zone, length_s, rule, .. } => {
            let zone = TimeZone::get(zone).expect("a zone");
            (0..40).any(|day| {
                let begins = *start + SignedDuration::from_hours(24 * day);
                let on = match rule.as_str() {
                    "FREQ=DAILY" => true,
                    "FREQ=DAILY;INTERVAL=2" => day % 2 == 0,
                    _ => begins.weekday().to_monday_zero_offset() >= 4,
                };
                // jiff's `later` is an hour off in a gap, so the instant after the gap is looked for by the minute.
                let instant = |at: DateTime| {
                    let earlier = zone.to_ambiguous_timestamp(at).earlier().expect("in range");
                    (0..180).map(|minute| earlier + SignedDuration::from_mins(minute)).find(|it| zone.to_datetime(*it) >= at).expect("a clock goes on")
                };
                on && instant(begins) <= moment && moment < instant(begins + SignedDuration::from_secs(i64::from(*length_s)))
            })
        }
    };
    let about = |piece: &Piece, service: &str| piece.service.is_none_or(|it| it == service);
    services.iter().all(|service| {
        let windows: Vec<&Piece> = pieces.iter().filter(|it| about(it, service.as_str())).collect();
        let stopped = windows.iter().any(|it| it.kind != WindowKind::Maintenance && covers(it));
        let maintenance: Vec<&&Piece> = windows.iter().filter(|it| it.kind == WindowKind::Maintenance).collect();
        !stopped && (maintenance.is_empty() || maintenance.iter().any(|it| covers(it)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_half_hour_agrees_with_the_definition(pieces in pieces(), both: bool) {
        let windows = pieces.iter().enumerate().map(|(index, piece)| {
            let mut made = window(&format!("w{index}"), piece.kind, piece.schedule.clone());
            made.scope.services = piece.service.map(name).into_iter().collect();
            made
        });
        let given = given(windows.collect());
        let services = if both { names(&["shop", "books"]) } else { names(&["shop"]) };
        let scope = Scope { services: services.clone(), environment: name("prod") };
        let from = time("2026-03-26T00:00:00Z");
        let steps: Vec<(Timestamp, bool)> = (0..8 * 48).map(|step| {
            let moment = from + SignedDuration::from_mins(30 * step);
            (moment, open_by_definition(&pieces, &services, moment))
        }).collect();
        for (moment, open) in steps.iter().step_by(3) {
            let opening = open_at(&given.world, &scope, *moment);
            prop_assert_eq!(opening.open, *open, "{}", moment);
            prop_assert_eq!(opening.closed_by.is_empty(), *open);
            // All windows begin and end on half hours, so the next change is on one.
            let next = steps.iter().find(|(at, state)| at > moment && state != open).map(|(at, _)| *at);
            let said = if *open { opening.next_close } else { opening.next_open };
            if let Some(next) = next {
                prop_assert_eq!(said, Some(next), "after {}", moment);
            }
        }
        for slot in slots(&given.world, &scope, from, 3 * 3600, 4) {
            prop_assert!(open_during(&given.world, &scope, slot).is_empty());
            for (moment, open) in &steps {
                prop_assert!(*open || *moment < slot.start || slot.end <= *moment, "{:?} at {}", slot, moment);
            }
        }
        for (moment, _) in steps.iter().step_by(17) {
            let slot = Slot { start: *moment, end: *moment + SignedDuration::from_hours(5) };
            let whole = steps.iter().filter(|(at, _)| slot.start <= *at && *at < slot.end).all(|(_, open)| *open);
            if slot.end <= steps.last().expect("steps").0 {
                prop_assert_eq!(open_during(&given.world, &scope, slot).is_empty(), whole, "{:?}", slot);
            }
        }
    }
}

// ------------------------------------------------------------------ commands

#[test]
fn a_calendar_is_refused_with_everything_that_is_wrong_with_it() {
    let mut given = given(vec![]);
    let mut misspelt = window("twice", WindowKind::Freeze, once("2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"));
    misspelt.scope.tiers = names(&["prod"]);
    let windows = vec![window("twice", WindowKind::Freeze, recurring("2026-03-02T09:00", "UTC", 1, "FREQ=SOMETIMES")), misspelt];
    let refusal = given.refused("admin", Command::PutCalendar { calendar: Calendar { source: String::new(), ..calendar(windows) } });
    assert_eq!((refusal.kind, codes(&refusal)), (RefusalKind::Invalid, vec!["source", "schedule", "named-twice", "unknown-tier"]));
}

#[test]
fn calendars_and_lockdowns_take_a_role() {
    let mut given = given(vec![]);
    given.account("dan", &["developer"]).account("rita", &["release-manager"]);
    let refusal = given.refused("dan", Command::PutCalendar { calendar: calendar(vec![]) });
    assert_eq!(refusal.kind, RefusalKind::Denied);
    let (lockdown, reason) = (given.fresh(), given.note());
    let call = Command::CallLockdown { lockdown, scope: WindowScope::default(), reason };
    assert_eq!(given.refused("dan", call.clone()).kind, RefusalKind::Denied);
    given.ok("rita", call.clone());
    assert_eq!(codes(&given.refused("rita", call)), ["id-taken"]);
    assert_eq!(given.refused("dan", Command::LiftLockdown { lockdown }).kind, RefusalKind::Denied);
    given.ok("rita", Command::LiftLockdown { lockdown });
    assert!(given.ok("rita", Command::LiftLockdown { lockdown }).is_empty());
}

#[test]
fn the_same_calendar_again_changes_nothing() {
    let mut given = given(vec![]);
    assert!(given.ok("admin", Command::PutCalendar { calendar: calendar(vec![]) }).is_empty());
    given.ok("admin", Command::RemoveCalendar { calendar: name("company") });
    assert_eq!(given.refused("admin", Command::RemoveCalendar { calendar: name("company") }).kind, RefusalKind::NotFound);
}
