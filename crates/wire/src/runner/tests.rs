//! How kinds, orders and requests are written, and that what is unknown is refused.

use super::*;

#[test]
fn a_kind_is_told_by_its_tag_and_an_unknown_one_is_refused() {
    let wait: StepKind = serde_json::from_str(r#"{"kind":"wait","ms":5}"#).unwrap();
    assert_eq!(wait, StepKind::Wait(WaitStep { ms: 5 }));
    assert_eq!(serde_json::to_string(&wait).unwrap(), r#"{"kind":"wait","ms":5}"#);
    for bad in [r#"{"kind":"nap","ms":5}"#, r#"{"ms":5}"#, r#"{"kind":"wait"}"#] {
        assert!(serde_json::from_str::<StepKind>(bad).is_err(), "{bad}");
    }
    let newer: StepKind = serde_json::from_str(r#"{"kind":"wait","ms":5,"jitter":1}"#).unwrap();
    assert_eq!(newer, wait, "a field of a newer server is left alone");
}

#[test]
fn what_protocol_2_added_does_not_show_to_protocol_1() {
    let request = LeaseRequest { runner: "r".into(), capacity: 1, protocol: 1, ..LeaseRequest::default() };
    assert_eq!(
        serde_json::to_string(&request).unwrap(),
        r#"{"runner":"r","labels":{},"capacity":1,"running":[],"seen_revocations":0}"#
    );
    let lease = Lease { next_poll_ms: 5, protocol: 1, ..Lease::default() };
    assert_eq!(
        serde_json::to_string(&lease).unwrap(),
        r#"{"steps":[],"revoked_permits":[],"revocation_position":0,"next_poll_ms":5}"#
    );
}

#[test]
fn a_program_is_not_repeatable_unless_it_says_so() {
    let StepKind::Program(program) = serde_json::from_str(r#"{"kind":"program","apply":["x"]}"#).unwrap() else {
        panic!("another kind")
    };
    assert!(!program.repeatable && program.check.is_none());
}

#[test]
fn only_two_outcomes_pass() {
    let all = [Outcome::Changed, Outcome::Unchanged, Outcome::Failed, Outcome::Inconclusive];
    assert_eq!(all.map(Outcome::passes), [true, true, false, false]);
    assert_eq!(serde_json::to_string(&all).unwrap(), r#"["changed","unchanged","failed","inconclusive"]"#);
}

#[test]
fn times_travel_as_rfc_3339_text() {
    let report = serde_json::json!({
        "key": "k", "deployment": "d", "target": "t", "step": "s", "fence": 1, "attempt": 1, "outcome": "changed",
        "message": "", "started_at": "2026-11-23T10:00:00Z", "finished_at": "2026-11-23T12:00:00+02:00"
    });
    let report: StepReport = serde_json::from_value(report).unwrap();
    assert_eq!(report.started_at, report.finished_at);
}
