//! Schedules against known answers, over changes of the clock, and against expansion from the start.

use super::*;
use crate::given::time;
use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

pub(super) fn wall(text: &str) -> DateTime {
    text.parse().expect("a test uses wall-clock times")
}

pub(super) fn recurring(start: &str, zone: &str, hours: u32, rule: &str) -> Schedule {
    Schedule::Recurring {
        start: wall(start),
        zone: zone.into(),
        length_s: hours * 3600,
        rule: rule.into(),
        plus: vec![],
        except: vec![],
    }
}

pub(super) fn once(start: &str, end: &str) -> Schedule {
    Schedule::Once { start: time(start), end: time(end) }
}

/// Wall-clock starts of a schedule between two moments.
fn starts(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
    let Schedule::Recurring { zone, .. } = schedule else { panic!("a recurring schedule") };
    let zone = TimeZone::get(zone).expect("a zone");
    occurrences(&State::default(), schedule, time(from), time(until), 1000)
        .into_iter()
        .map(|it| zone.to_datetime(it.start).to_string())
        .collect()
}

// ------------------------------------------------------------------ known answers: the examples of RFC 5545, section 3.8.5.3

#[test]
fn examples_of_rfc_5545_recur_as_it_says() {
    let zone = "America/New_York";
    for (start, rule, expected) in [
        ("1997-09-02T09:00", "FREQ=DAILY;COUNT=10", "0902 0903 0904 0905 0906 0907 0908 0909 0910 0911"),
        ("1997-09-02T09:00", "FREQ=DAILY;INTERVAL=10;COUNT=5", "0902 0912 0922 1002 1012"),
        (
            "1997-09-02T09:00",
            "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
            "0902 0904 0909 0911 0916 0918 0923 0925 0930 1002",
        ),
        (
            "1997-09-02T09:00",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            "0902 0904 0916 0918 0930 1002 1014 1016",
        ),
        ("1997-09-05T09:00", "FREQ=MONTHLY;COUNT=4;BYDAY=1FR", "0905 1003 1107 1205"),
        ("1997-09-07T09:00", "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU", "0907 0928 1102 1130"),
        ("1997-09-28T09:00", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=4", "0928 1029 1128 1229"),
        ("1997-09-30T09:00", "FREQ=MONTHLY;COUNT=6;BYMONTHDAY=1,-1", "0930 1001 1031 1101 1130 1201"),
        ("1997-09-04T09:00", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "0904 1007 1106"),
        ("1997-09-29T09:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "0929 1030 1127 1230"),
    ] {
        let found = starts(&recurring(start, zone, 1, rule), "1997-01-01T00:00:00Z", "1998-01-01T00:00:00Z");
        let expected: Vec<String> =
            expected.split(' ').map(|day| format!("1997-{}-{}T09:00:00", &day[..2], &day[2..])).collect();
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn examples_of_rfc_5545_over_years_recur_as_it_says() {
    for (start, rule, expected) in [
        (
            "1997-06-10T09:00",
            "FREQ=YEARLY;COUNT=6;BYMONTH=6,7",
            "1997-06-10 1997-07-10 1998-06-10 1998-07-10 1999-06-10 1999-07-10",
        ),
        ("1997-05-19T09:00", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19 1998-05-18 1999-05-17"),
        ("1997-05-12T09:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12 1998-05-11 1999-05-17"),
        (
            "1998-02-13T09:00",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5",
            "1998-02-13 1998-03-13 1998-11-13 1999-08-13 2000-10-13",
        ),
        (
            "1996-11-05T09:00",
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            "1996-11-05 2000-11-07 2004-11-02",
        ),
        (
            "1997-01-01T09:00",
            "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
            "1997-01-01 1997-04-10 1997-07-19 2000-01-01",
        ),
    ] {
        let found =
            starts(&recurring(start, "America/New_York", 1, rule), "1990-01-01T00:00:00Z", "2010-01-01T00:00:00Z");
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
    match occurrences(&State::default(), schedule, time(from), time(until), 10).as_slice() {
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
    assert_eq!(
        occurrences(&State::default(), &nightly, time("2026-03-29T00:00:00Z"), time("2026-03-29T12:00:00Z"), 10),
        []
    );
    assert_eq!(
        occurrences(&State::default(), &nightly, time("2026-03-30T00:00:00Z"), time("2026-03-30T12:00:00Z"), 10).len(),
        1
    );
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
    assert_eq!(
        only(&holiday, "2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z"),
        ("2026-10-24T22:00:00Z".into(), "2026-10-25T23:00:00Z".into())
    );
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
    assert_eq!(
        occurrences(&State::default(), &daily, time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"), 3).len(),
        3
    );
}

#[test]
fn the_far_future_costs_no_more_than_today() {
    let old = recurring("1971-01-01T12:00", "Europe/Berlin", 1, "FREQ=DAILY;INTERVAL=3");
    let begun = std::time::Instant::now();
    for _ in 0..200 {
        assert!(
            !occurrences(&State::default(), &old, time("2490-01-01T00:00:00Z"), time("2490-01-08T00:00:00Z"), 10)
                .is_empty()
        );
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
        let near = occurrences(&State::default(), &schedule, from, until, 100_000);
        let all = occurrences(&State::default(), &schedule, begin, until, 100_000);
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
    assert!(
        validate(&recurring("2026-03-02T09:00", "Europe/Berlim", 1, "FREQ=DAILY"))
            .expect_err("zone")
            .contains("time zone")
    );
    assert!(validate(&recurring("2026-03-02T09:00", "UTC", 0, "FREQ=DAILY")).expect_err("length").contains("length"));
    assert!(validate(&once("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z")).is_err());
    assert!(validate(&recurring("2026-03-02T09:00", "UTC", 1, "freq=weekly;byday=mo,-0fr")).is_err());
    assert_eq!(validate(&recurring("2026-03-02T09:00", "UTC", 1, "freq=weekly;byday=mo")), Ok(()));
}
