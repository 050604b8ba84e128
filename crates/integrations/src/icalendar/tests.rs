//! Files in the manner of programs that people use, and files that are wrong.

use super::*;
use interlock_domain::calendar::{State, occurrences};
use jiff::Timestamp;
use proptest::prelude::*;

fn settings() -> Settings {
    Settings { kind: WindowKind::Freeze, zone: "Europe/Berlin".into(), scope: WindowScope::default() }
}

fn event(lines: &str) -> String {
    file(&format!("BEGIN:VEVENT\nUID:one@example.org\nDTSTAMP:20260101T000000Z\nSUMMARY:Books\n{lines}\nEND:VEVENT"))
}

fn file(parts: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{parts}\nEND:VCALENDAR\n").replace('\n', "\r\n")
}

fn good(text: &str) -> Reading {
    let reading = read(text, &settings()).expect("it is readable");
    assert_eq!(reading.left_out, [], "nothing is left out");
    reading
}

/// Beginnings and ends of all windows in a year, in UTC.
fn spans(reading: &Reading, year: i16) -> Vec<(String, String)> {
    let edge = |year: i16| -> Timestamp { format!("{year}-01-01T00:00:00Z").parse().expect("a moment") };
    let all = reading
        .windows
        .iter()
        .flat_map(|window| occurrences(&State::default(), &window.schedule, edge(year), edge(year + 1), 1000));
    let mut found: Vec<_> = all.map(|it| (it.start.to_string(), it.end.to_string())).collect();
    found.sort();
    found
}

fn span(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

#[test]
fn an_event_in_utc_is_a_window_with_its_summary_as_reason() {
    let reading = good(&event("DTSTART:20261231T120000Z\nDTEND:20270102T120000Z"));
    assert_eq!(spans(&reading, 2026), [span("2026-12-31T12:00:00Z", "2027-01-02T12:00:00Z")]);
    assert_eq!((reading.windows[0].reason.as_str(), reading.windows[0].kind), ("Books", WindowKind::Freeze));
}

#[test]
fn a_whole_day_is_a_day_of_the_importers_zone_and_without_an_end_it_is_one_day() {
    let day = good(&event("DTSTART;VALUE=DATE:20260329"));
    assert_eq!(spans(&day, 2026), [span("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")], "the day has 23 hours");
    let three = good(&event("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227"));
    assert_eq!(spans(&three, 2026), [span("2026-12-23T23:00:00Z", "2026-12-26T23:00:00Z")]);
}

#[test]
fn a_series_keeps_to_the_clock_on_the_wall_over_a_change_of_the_clock() {
    let lines = "DTSTART;TZID=America/New_York:20261030T180000\nDTEND;TZID=America/New_York:20261030T200000\nRRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=3\nEXDATE;TZID=America/New_York:20261106T180000";
    assert_eq!(
        spans(&good(&event(lines)), 2026),
        [span("2026-10-30T22:00:00Z", "2026-10-31T00:00:00Z"), span("2026-11-13T23:00:00Z", "2026-11-14T01:00:00Z")]
    );
}

#[test]
fn the_start_counts_even_if_the_rule_would_not_give_it_and_rdates_are_added() {
    let lines = "DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260310T235959Z\nRDATE:20260305T090000Z";
    let starts: Vec<String> = spans(&good(&event(lines)), 2026).into_iter().map(|it| it.0).collect();
    assert_eq!(
        starts,
        ["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "2026-03-05T09:00:00Z", "2026-03-10T09:00:00Z"]
    );
}

/// Outlook names zones as Windows does.
#[test]
fn a_zone_named_as_windows_does_is_understood() {
    let lines =
        "DTSTART;TZID=W. Europe Standard Time:20260701T080000\nDTEND;TZID=W. Europe Standard Time:20260701T090000";
    assert_eq!(spans(&good(&event(lines)), 2026), [span("2026-07-01T06:00:00Z", "2026-07-01T07:00:00Z")]);
}

#[test]
fn a_moved_occurrence_takes_the_place_of_the_one_it_replaces_and_a_cancelled_one_is_gone() {
    let series =
        "BEGIN:VEVENT\nUID:s\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT";
    let moved = "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID:20260309T090000Z\nDTSTART:20260310T150000Z\nDTEND:20260310T160000Z\nEND:VEVENT";
    let gone =
        "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID:20260316T090000Z\nDTSTART:20260316T090000Z\nSTATUS:CANCELLED\nEND:VEVENT";
    let reading = good(&file(&format!("{series}\n{moved}\n{gone}")));
    assert_eq!(
        spans(&reading, 2026),
        [span("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"), span("2026-03-10T15:00:00Z", "2026-03-10T16:00:00Z")]
    );
    assert_eq!(read(&file(&format!("{moved}\n{gone}\n{series}")), &settings()), Ok(reading), "in any order");
}

#[test]
fn a_category_names_the_kind_and_what_our_own_feed_says_is_no_window_is_left_out() {
    let kind = |category: &str| {
        let text = event(&format!("DTSTART:20260302T090000Z\nDURATION:PT1H\nCATEGORIES:{category}"));
        read(&text, &settings()).expect("readable")
    };
    assert_eq!(kind("Work,Maintenance").windows[0].kind, WindowKind::Maintenance);
    assert_eq!(kind("FISCAL-CLOSE").windows[0].kind, WindowKind::FiscalClose);
    assert_eq!(kind("anything").windows[0].kind, WindowKind::Freeze);
    assert!(kind("release").left_out[0].why.contains("release of an Interlock"));
}

#[test]
fn what_cannot_be_a_window_is_left_out_with_a_reason_and_the_rest_is_kept() {
    for (lines, why) in [
        ("DTSTART:20260302T090000Z", "covers nothing"),
        ("DTEND:20260302T090000Z", "no DTSTART"),
        ("DTSTART:20260302T090000Z\nDTEND:20260302T080000Z", "covers nothing"),
        ("DTSTART;TZID=Mars/Olympus:20260302T090000\nDURATION:PT1H", "time zone `Mars/Olympus`"),
        ("DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY", "too often"),
        ("DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "several RRULEs"),
        ("DTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "EXRULE"),
        ("DTSTART:20261302T090000Z\nDURATION:PT1H", "date"),
        ("DTSTART:20260302T090000Z\nDURATION:P4000D\nRRULE:FREQ=DAILY", "length"),
    ] {
        let one = format!("BEGIN:VEVENT\nUID:bad\nSUMMARY:Bad\n{lines}\nEND:VEVENT");
        let other = "BEGIN:VEVENT\nUID:good\nDTSTART:20260302T090000Z\nDURATION:PT1H\nEND:VEVENT";
        let reading = read(&file(&format!("{one}\n{other}")), &settings()).expect("readable as a whole");
        assert_eq!(reading.windows.len(), 1, "{lines}");
        assert_eq!(reading.left_out.len(), 1, "{lines}");
        assert!(reading.left_out[0].why.contains(why), "{lines}: {}", reading.left_out[0].why);
    }
}

#[test]
fn a_series_with_a_change_that_cannot_be_read_is_left_out_as_a_whole() {
    let series =
        "BEGIN:VEVENT\nUID:s\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT";
    let all_that_follow = "BEGIN:VEVENT\nUID:s\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260309T090000Z\nDTSTART:20260310T150000Z\nDTEND:20260310T160000Z\nEND:VEVENT";
    let reading = read(&file(&format!("{series}\n{all_that_follow}")), &settings()).expect("readable");
    assert_eq!(reading.windows, []);
    assert_eq!(reading.left_out.len(), 2);
    assert!(reading.left_out[0].why.contains("RANGE"));
}

#[test]
fn what_is_no_calendar_is_an_error_that_says_what_is_wrong() {
    let said = |text: &str| read(text, &settings()).expect_err("it is no calendar").to_string();
    assert!(said("").contains("no VCALENDAR"));
    assert!(said("<html><body>Sign in</body></html>").contains("RFC 5545"));
    assert!(said("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nEND:VCARD\r\n").contains("business card"));
    assert!(said("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n").contains("cut short"));
    assert!(said(&"x".repeat(LARGEST + 1)).contains("bytes"));
    let zone = read(&event("DTSTART:20260302T090000Z"), &Settings { zone: "Mars".into(), ..settings() });
    assert_eq!(zone, Err(Unreadable::Zone("Mars".into())));
}

// ------------------------------------------------------------------ bombs, and files that are not what they say

/// None of these may take longer than a moment, or more memory than the file: a feed is anybody's.
#[test]
fn a_file_that_is_meant_to_exhaust_is_refused_or_left_out_at_once() {
    let begun = std::time::Instant::now();
    let start = "DTSTART:20260302T090000Z\nDURATION:PT1H";
    let left = |rule: &str| {
        let reading = read(&event(&format!("{start}\nRRULE:{rule}")), &settings()).expect("readable as a whole");
        assert_eq!(reading.windows, [], "{rule}");
        reading.left_out[0].why.clone()
    };
    assert!(left("FREQ=SECONDLY").contains("too often"));
    assert!(left("FREQ=SECONDLY;COUNT=4000000000").contains("too often"));
    assert!(left("FREQ=DAILY;COUNT=4000000000").contains("COUNT"));
    assert!(left("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30").contains("never"));
    let all = |end: u32| (0..end).map(|it| it.to_string()).collect::<Vec<_>>().join(",");
    assert!(left(&format!("FREQ=DAILY;BYHOUR={};BYMINUTE={}", all(24), all(60))).contains("1440 times a day"));
    let dates = (0..3_000).map(|n| format!("2026{:02}{:02}T{:02}0000Z", 1 + n % 12, 1 + n % 28, n % 24));
    let many = dates.collect::<Vec<_>>().join(",");
    let reading = read(&event(&format!("{start}\nRRULE:FREQ=DAILY\nRDATE:{many}")), &settings()).expect("readable");
    assert!(reading.left_out[0].why.contains("single dates"));

    // A million lines, and ten thousand events and one more.
    let lines = "X-NOTHING:1\r\n".repeat(LARGEST / 13 - 100);
    assert!(lines.lines().count() > 300_000);
    let _ = read(&format!("BEGIN:VCALENDAR\r\n{lines}END:VCALENDAR\r\n"), &settings());
    let short = "\r\n".repeat(1_000_000);
    let _ = read(&format!("BEGIN:VCALENDAR\r\n{short}END:VCALENDAR\r\n"), &settings());
    let one = |n: usize| format!("BEGIN:VEVENT\nUID:{n}\nDTSTART:20260302T090000Z\nDURATION:PT1H\nEND:VEVENT\n");
    let crowd: String = (0..=EVENTS).map(one).collect();
    assert_eq!(read(&file(&crowd), &settings()), Err(Unreadable::TooMany));
    let nested = "BEGIN:VEVENT\n".repeat(20_000) + &"END:VEVENT\n".repeat(20_000);
    let _ = read(&file(&nested), &settings());
    let long = format!("{start}\nSUMMARY:{}", "x".repeat(1_000_000));
    assert!(good(&event(&long)).windows[0].reason.len() <= 500);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn another_encoding_is_an_error_that_says_where_and_a_mark_at_the_beginning_is_none() {
    let text = event("DTSTART:20260302T090000Z\nDURATION:PT1H");
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    assert_eq!(decoded(&marked), Ok(text.as_str()));
    assert_eq!(decoded(b"SUMMARY:B\xfcro"), Err(Unreadable::Encoding(9)), "Latin-1");
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(decoded(&[b"\xff\xfe", wide.as_slice()].concat()).is_err(), "UTF-16");
    assert!(read("BEGIN:VCALENDAR\0END:VCALENDAR", &settings()).is_err());
}

#[test]
fn the_same_event_has_the_same_name_at_the_next_import() {
    let first = good(&event("DTSTART:20260302T090000Z\nDURATION:PT1H"));
    let later = good(&event("DTSTART:20260303T090000Z\nDURATION:PT2H"));
    assert_eq!(first.windows[0].name, later.windows[0].name);
    assert_ne!(first.windows[0].schedule, later.windows[0].schedule);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is in a file, every event of it becomes windows or is left out, and nothing panics.
    #[test]
    fn lines_in_any_disorder_are_read_or_refused(lines in prop::collection::vec(prop_oneof![
        Just("BEGIN:VCALENDAR".to_owned()), Just("END:VCALENDAR".to_owned()), Just("BEGIN:VEVENT".to_owned()),
        Just("END:VEVENT".to_owned()), Just("DTSTART:20260302T090000Z".to_owned()), Just("DURATION:PT1H".to_owned()),
        Just("RRULE:FREQ=DAILY;COUNT=2".to_owned()), Just("DTSTART;VALUE=DATE:20260230".to_owned()),
        Just("RECURRENCE-ID:20260302T090000Z".to_owned()), Just("UID:a".to_owned()), "[A-Z]{1,8}[;:=]{0,3}[0-9TZ]{0,16}", ".{0,40}",
    ], 0..24)) {
        let _ = read(&lines.join("\r\n"), &settings());
    }

    /// A good file, of which some bytes were changed, taken out or doubled: nothing is lost without being named.
    #[test]
    fn a_damaged_file_is_refused_or_every_event_of_it_is_accounted_for(
        changes in prop::collection::vec((0usize..3, any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let good = include_bytes!("../../tests/foreign/ics.ics");
        let mut bytes = good.to_vec();
        for (what, at, byte) in changes {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        let Ok(text) = decoded(&bytes) else { return Ok(()) };
        let events = text.lines().filter(|it| it.trim_end().eq_ignore_ascii_case("BEGIN:VEVENT")).count();
        if let Ok(reading) = read(text, &settings()) {
            prop_assert!(reading.windows.len() + reading.left_out.len() >= events, "{}", text);
        }
    }
}
