//! Feeds: what a reading changes, and what it must not.

use super::{
    opening_tests::{given, window},
    tests::once,
    *,
};
use crate::{
    core::{Obligation, owed},
    given::{Given, codes, digest, name},
    reason::RefusalKind,
};

fn feed(address: &str) -> Feed {
    Feed {
        calendar: name("holidays"),
        owner: name("hr"),
        address: address.into(),
        kind: WindowKind::Holiday,
        zone: "Europe/Berlin".into(),
        scope: WindowScope::default(),
        every_s: 3600,
    }
}

fn fed() -> Given {
    let mut it = given(vec![]);
    it.ok("admin", Command::PutFeed { feed: feed("https://example.org/holidays.ics") });
    it
}

fn known(it: &Given) -> Fed {
    it.world.calendar.feed(&name("holidays")).expect("there is a feed").clone()
}

fn take(it: &Given, windows: Vec<Window>) -> Command {
    let fence = known(it).fence;
    Command::TakeFeed { calendar: name("holidays"), fence, windows, left_out: 1, digest: digest(7) }
}

fn day(title: &str, day: u8) -> Window {
    let schedule = once(&format!("2026-04-{day:02}T00:00:00Z"), &format!("2026-04-{:02}T00:00:00Z", day + 1));
    window(title, WindowKind::Holiday, schedule)
}

fn names_of(it: &Given) -> Vec<String> {
    let calendar = it.world.calendar.calendar(&name("holidays")).expect("there is a calendar");
    calendar.windows.iter().map(|it| it.name.to_string()).collect()
}

#[test]
fn a_feed_is_owed_until_it_is_removed_and_each_reading_says_what_has_changed() {
    let mut it = fed();
    let reading = |it: &Given| owed(&it.world).iter().any(|due| matches!(due, Obligation::ReadFeed { .. }));
    assert!(reading(&it));
    it.system(take(&it, vec![day("a", 3), day("b", 6)]));
    let read = known(&it).read.expect("it was read").1;
    assert_eq!((read.added, read.counts, read.left_out), (vec![name("a"), name("b")], [2, 0, 0], 1));
    it.system(take(&it, vec![day("b", 7), day("c", 20)]));
    let read = known(&it).read.expect("it was read").1;
    assert_eq!((read.added, read.changed, read.removed), (vec![name("c")], vec![name("b")], vec![name("a")]));
    assert_eq!(names_of(&it), ["b", "c"]);
    assert!(it.system(take(&it, vec![day("b", 7), day("c", 20)])).is_empty(), "the same again is no entry");
    it.ok("admin", Command::RemoveFeed { calendar: name("holidays") });
    assert!(!reading(&it));
    assert_eq!(names_of(&it), ["b", "c"], "its windows stay");
}

#[test]
fn what_cannot_be_read_changes_nothing_and_is_said_once() {
    let mut it = fed();
    it.system(take(&it, vec![day("a", 3)]));
    let miss = |it: &Given, why: &str| Command::MissFeed {
        calendar: name("holidays"),
        fence: known(it).fence,
        why: why.into(),
    };
    assert_eq!(it.system(miss(&it, "status 503")).len(), 1);
    assert_eq!(known(&it).failing.as_deref(), Some("status 503"));
    assert!(it.system(miss(&it, "status 502")).is_empty());
    assert_eq!(names_of(&it), ["a"]);
    assert_eq!(it.system(take(&it, vec![day("a", 3)])).len(), 1, "that it can be read again is said too");
    assert_eq!(known(&it).failing, None);
}

#[test]
fn a_feed_that_is_suddenly_empty_opens_nothing() {
    let mut it = fed();
    it.system(take(&it, vec![day("a", 3)]));
    it.system(take(&it, vec![]));
    assert_eq!(names_of(&it), ["a"]);
    assert!(known(&it).failing.expect("it is said").contains("1 window stay"));
}

#[test]
fn an_answer_of_a_former_feed_and_an_answer_of_somebody_else_change_nothing() {
    let mut it = fed();
    let former = take(&it, vec![day("a", 3)]);
    it.ok("admin", Command::PutFeed { feed: feed("https://example.org/other.ics") });
    assert_eq!(it.refused("system", former).kind, RefusalKind::Stale);
    let command = take(&it, vec![day("a", 3)]);
    assert_eq!(it.refused("admin", command).kind, RefusalKind::Denied);
}

#[test]
fn a_calendar_is_filled_by_hand_or_by_a_feed_and_never_by_both() {
    let mut it = fed();
    it.system(take(&it, vec![day("a", 3)]));
    let calendar = Calendar { name: name("holidays"), owner: name("hr"), source: "manifest".into(), windows: vec![] };
    assert_eq!(codes(&it.refused("admin", Command::PutCalendar { calendar })), ["fed"]);
}

#[test]
fn a_feed_that_cannot_be_is_refused_with_everything_that_is_wrong_with_it() {
    let mut it = given(vec![]);
    let mut wrong = feed("ftp://example.org/holidays.ics");
    (wrong.zone, wrong.every_s) = ("Mars/Olympus".into(), 10);
    wrong.scope.tiers = crate::given::names(&["prod"]);
    let refusal = it.refused("admin", Command::PutFeed { feed: wrong });
    assert_eq!(codes(&refusal), ["feed-address", "feed-interval", "unknown-zone", "unknown-tier"]);
    let secret = it.refused("admin", Command::PutFeed { feed: feed("https://me:secret@example.org/a.ics") });
    assert!(secret.blockers[0].message.contains("for good") && !secret.to_string().contains("secret"));
}
