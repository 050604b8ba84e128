//! Files that libraries of other programs have written (`foreign/make.py`, `foreign/make.mjs`), against what those libraries were told:
//! icalendar 7.3.2 and ics 0.7.3 for Python, ical-generator 10.2.0 for Node.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::calendar::{State, WindowKind, WindowScope, occurrences};
use interlock_integrations::icalendar::{Reading, Settings, decoded, read};
use serde_json::Value;

fn file(name: &str) -> (Reading, Value) {
    let at = |ending: &str| format!("{}/tests/foreign/{name}.{ending}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(at("ics")).unwrap();
    let settings = Settings { kind: WindowKind::Freeze, zone: "Europe/Berlin".into(), scope: WindowScope::default() };
    let reading = read(decoded(&bytes).unwrap(), &settings).unwrap();
    (reading, serde_json::from_str(&std::fs::read_to_string(at("json")).unwrap()).unwrap())
}

fn spans(reading: &Reading) -> Vec<[i64; 2]> {
    let edge = |text: &str| text.parse().unwrap();
    let (from, until) = (edge("2026-01-01T00:00:00Z"), edge("2027-01-01T00:00:00Z"));
    let all = reading.windows.iter().flat_map(|it| occurrences(&State::default(), &it.schedule, from, until, 1_000));
    let mut found: Vec<[i64; 2]> = all.map(|it| [it.start.as_second(), it.end.as_second()]).collect();
    found.sort_unstable();
    found
}

fn told(told: &Value) -> Vec<[i64; 2]> {
    let second = |it: &Value| it.as_f64().unwrap() as i64;
    let mut spans: Vec<[i64; 2]> =
        told["spans"].as_array().unwrap().iter().map(|it| [second(&it[0]), second(&it[1])]).collect();
    spans.sort_unstable();
    spans
}

fn agrees(name: &str) -> Reading {
    let (reading, expected) = file(name);
    assert_eq!(spans(&reading), told(&expected), "{name}");
    let left_out: Vec<&str> = reading.left_out.iter().map(|it| it.uid.as_str()).collect();
    assert_eq!(Value::from(left_out), expected["left_out"], "{name}");
    reading
}

#[test]
fn a_file_of_icalendar_with_a_moved_occurrence_a_taken_out_one_whole_days_and_a_time_zone_of_its_own_is_read() {
    let reading = agrees("icalendar");
    assert!(reading.windows.iter().any(|it| it.kind == WindowKind::Holiday && it.reason == "Ostern"));
    assert!(reading.windows.iter().any(|it| it.reason.contains("„Nord“") && it.reason.contains("gefaltet")));
    assert!(reading.left_out[0].why.contains("covers nothing"));
}

#[test]
fn a_file_of_ics_with_lengths_and_a_whole_day_is_read() {
    let reading = agrees("ics");
    assert!(reading.windows.iter().any(|it| it.reason == "Move: racks, cables"));
}

#[test]
fn a_file_of_ical_generator_with_a_series_over_a_change_of_the_clock_is_read() {
    let reading = agrees("ical-generator");
    assert!(reading.windows.iter().any(|it| it.kind == WindowKind::Maintenance));
}
