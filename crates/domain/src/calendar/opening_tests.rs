//! Openings against the definition by brute force, and against what users of other tools have reported.

use super::{
    tests::{once, recurring},
    *,
};
use crate::{
    environment::Tier,
    given::{Given, codes, name, names, time},
    reason::{RefusalKind, Slot},
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(super) fn window(title: &str, kind: WindowKind, schedule: Schedule) -> Window {
    Window {
        name: name(title),
        kind,
        schedule,
        scope: WindowScope::default(),
        reason: format!("because of {title}"),
        customer: None,
        exceptions_by: None,
        holds_rollback: false,
    }
}

fn calendar(windows: Vec<Window>) -> Calendar {
    Calendar { name: name("company"), owner: name("finance"), source: "manifest".into(), windows }
}

/// A shop and a ledger in production and in test, and a calendar.
pub(super) fn given(windows: Vec<Window>) -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).service("books", &[]);
    given.environment("prod", Tier::Production, &[("shop", 1), ("books", 1)]).environment(
        "test",
        Tier::Test,
        &[("shop", 1)],
    );
    given.ok("admin", Command::PutCalendar { calendar: calendar(windows) });
    given
}

fn scope() -> Scope {
    Scope { services: names(&["shop"]), environment: name("prod"), release: None }
}

fn at(given: &Given, moment: &str) -> Opening {
    open_at(&given.world, &scope(), time(moment))
}

// ------------------------------------------------------------------ open or closed

#[test]
fn without_windows_everything_is_open() {
    let given = given(vec![]);
    assert_eq!(
        at(&given, "2026-03-02T10:00:00Z"),
        Opening { open: true, closed_by: vec![], next_open: None, next_close: None }
    );
}

#[test]
fn a_freeze_closes_and_says_who_and_until_when() {
    let given =
        given(vec![window("year-end", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
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
            exceptable: None,
        }]
    );
    assert_eq!(
        opening.closed_by[0].to_string(),
        "freeze `year-end` of calendar `company` (finance) until 2026-03-12T00:00:00Z"
    );
}

/// Octopus 9621: a freeze planned for the future blocks what is deployed today.
#[test]
fn octopus_9621_a_future_freeze_does_not_block_today() {
    let given = given(vec![window("later", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
    let opening = at(&given, "2026-03-09T23:59:59Z");
    assert!(opening.open && opening.closed_by.is_empty());
    assert_eq!(opening.next_close, Some(time("2026-03-10T00:00:00Z")));
}

/// Argo CD 21692: what was held is not resumed when the deny window ends.
#[test]
fn argocd_21692_at_its_end_a_freeze_is_over() {
    let given = given(vec![window("short", WindowKind::Freeze, once("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"))]);
    assert!(!at(&given, "2026-03-11T23:59:59.999Z").open);
    assert!(at(&given, "2026-03-12T00:00:00Z").open);
}

/// Argo CD 5590: a deny window blocks outside its hours.
#[test]
fn argocd_5590_a_nightly_freeze_does_not_block_by_day() {
    let given = given(vec![window(
        "night",
        WindowKind::Freeze,
        recurring("2026-03-01T22:00", "Europe/Berlin", 8, "FREQ=DAILY"),
    )]);
    assert!(at(&given, "2026-03-05T05:00:00Z").open, "06:00 in Berlin");
    assert!(!at(&given, "2026-03-05T04:59:59Z").open);
    assert!(at(&given, "2026-03-05T20:59:59Z").open);
    assert!(!at(&given, "2026-03-05T21:00:00Z").open);
}

/// Argo CD 10425: several allow windows together mean never.
#[test]
fn argocd_10425_several_maintenance_windows_each_open() {
    let given = given(vec![
        window("monday", WindowKind::Maintenance, recurring("2026-03-02T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=MO")),
        window("thursday", WindowKind::Maintenance, recurring("2026-03-05T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=TH")),
    ]);
    assert!(at(&given, "2026-03-09T10:00:00Z").open);
    assert!(at(&given, "2026-03-12T10:00:00Z").open);
    let tuesday = at(&given, "2026-03-10T10:00:00Z");
    assert!(!tuesday.open);
    assert_eq!(
        (tuesday.next_open, tuesday.next_close),
        (Some(time("2026-03-12T09:00:00Z")), Some(time("2026-03-12T11:00:00Z")))
    );
    let named: BTreeSet<_> = tuesday.closed_by.iter().map(|it| (it.window.as_str(), it.until)).collect();
    assert_eq!(
        named,
        BTreeSet::from([
            ("monday", Some(time("2026-03-16T09:00:00Z"))),
            ("thursday", Some(time("2026-03-12T09:00:00Z")))
        ])
    );
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
    let during =
        |start: &str, end: &str| open_during(&given.world, &scope(), Slot { start: time(start), end: time(end) }).len();
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z"), 0, "it ends as the freeze begins");
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T10:00:01Z"), 1);
    assert_eq!(during("2026-03-09T11:00:00Z", "2026-03-09T12:00:00Z"), 0, "it begins as the freeze ends");
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T12:00:00Z"), 1, "the freeze is inside");
}

#[test]
fn a_slot_longer_than_its_maintenance_window_is_closed() {
    let given = given(vec![window(
        "monday",
        WindowKind::Maintenance,
        recurring("2026-03-02T09:00", "UTC", 2, "FREQ=WEEKLY;BYDAY=MO"),
    )]);
    let during =
        |start: &str, end: &str| open_during(&given.world, &scope(), Slot { start: time(start), end: time(end) }).len();
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T11:00:00Z"), 0);
    assert_eq!(during("2026-03-09T09:00:00Z", "2026-03-09T11:00:01Z"), 1);
}

#[test]
fn each_service_needs_a_maintenance_window_that_covers_it() {
    let mut shop =
        window("shop-window", WindowKind::Maintenance, recurring("2026-03-07T09:00", "UTC", 4, "FREQ=WEEKLY;BYDAY=SA"));
    shop.scope.services = names(&["shop"]);
    let mut books = window(
        "books-window",
        WindowKind::Maintenance,
        recurring("2026-03-07T11:00", "UTC", 4, "FREQ=WEEKLY;BYDAY=SA"),
    );
    books.scope.services = names(&["books"]);
    let given = given(vec![shop, books]);
    let both = Scope { services: names(&["shop", "books"]), environment: name("prod"), release: None };
    let open = |scope: &Scope, moment: &str| open_at(&given.world, scope, time(moment)).open;
    assert!(open(&scope(), "2026-03-07T10:00:00Z"));
    assert!(!open(&both, "2026-03-07T10:00:00Z"), "the books may not ship yet");
    assert!(open(&both, "2026-03-07T12:00:00Z"));
    assert!(!open(&both, "2026-03-07T14:00:00Z"), "the shop may not ship any more");
    assert!(!open(&scope(), "2026-03-07T14:00:00Z"));
}

#[test]
fn a_window_is_about_what_its_scope_says_and_about_nothing_else() {
    let freeze = |scope: WindowScope| Window {
        scope,
        ..window("f", WindowKind::Freeze, once("2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z"))
    };
    let scope_of = |services: &[&str], environment: &str| Scope {
        services: names(services),
        environment: name(environment),
        release: None,
    };
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
        (
            WindowScope { tiers: names(&["production"]), services: names(&["books"]), ..Default::default() },
            vec!["shop"],
            "prod",
            false,
        ),
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
        let broken =
            calendar(vec![window("broken", kind, recurring("2026-03-02T09:00", "Mars/Olympus", 1, "FREQ=DAILY"))]);
        given.world.calendar.enter(broken);
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
    assert_eq!(
        found,
        [slot("2026-03-09T09:00:00Z", "2026-03-09T11:00:00Z"), slot("2026-03-23T09:00:00Z", "2026-03-23T11:00:00Z")]
    );
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
    let kind = prop::sample::select(vec![
        WindowKind::Freeze,
        WindowKind::Holiday,
        WindowKind::Maintenance,
        WindowKind::Maintenance,
    ]);
    let service = prop::sample::select(vec![None, Some("shop"), Some("books")]);
    let zone = prop::sample::select(vec!["Europe/Berlin", "America/New_York", "UTC"]);
    let schedule = (
        0i64..96,
        1u32..30,
        zone,
        prop::sample::select(vec!["FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=FR,SA,SU", "once"]),
    )
        .prop_map(|(hour, length, zone, rule)| {
            // Around the change of 29 March in Berlin.
            let start = jiff::civil::date(2026, 3, 26).at(0, 30, 0, 0) + SignedDuration::from_hours(hour);
            if rule == "once" {
                let start = TimeZone::UTC.to_timestamp(start).expect("in range");
                return Schedule::Once { start, end: start + SignedDuration::from_hours(i64::from(length)) };
            }
            Schedule::Recurring {
                start,
                zone: zone.into(),
                length_s: length * 3600,
                rule: rule.into(),
                plus: vec![],
                except: vec![],
            }
        });
    prop::collection::vec(
        (kind, schedule, service).prop_map(|(kind, schedule, service)| Piece { kind, schedule, service }),
        0..5,
    )
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
                    (0..180)
                        .map(|minute| earlier + SignedDuration::from_mins(minute))
                        .find(|it| zone.to_datetime(*it) >= at)
                        .expect("a clock goes on")
                };
                on && instant(begins) <= moment
                    && moment < instant(begins + SignedDuration::from_secs(i64::from(*length_s)))
            })
        }
        Schedule::Fiscal(_) => panic!("no piece is fiscal"),
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
        let scope = Scope { services: services.clone(), environment: name("prod"), release: None };
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
    let windows =
        vec![window("twice", WindowKind::Freeze, recurring("2026-03-02T09:00", "UTC", 1, "FREQ=SOMETIMES")), misspelt];
    let refusal = given
        .refused("admin", Command::PutCalendar { calendar: Calendar { source: String::new(), ..calendar(windows) } });
    assert_eq!(
        (refusal.kind, codes(&refusal)),
        (RefusalKind::Invalid, vec!["source", "schedule", "named-twice", "unknown-tier"])
    );
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
    assert_eq!(
        given.refused("admin", Command::RemoveCalendar { calendar: name("company") }).kind,
        RefusalKind::NotFound
    );
}
