//! Feeds: calendars of other programs that are read again and again, and what each reading has changed.
//!
//! Invariants: a calendar is filled by hand or by one feed, never both; a reading takes the place of all windows or of none; what
//! cannot be read leaves the windows as they were, and so does a feed that is suddenly empty, since that would open everything.
//! Only a change, the first failure and the first success after one become entries.
//! Deliberately absent: the fetching, and secrets. An address is in the ledger for good.

use super::{
    Calendar, CalendarPut, Event, Feed, FeedPut, FeedRead, FeedRemoved, Read, Window, decide as calendars,
    recur::time_zone,
};
use crate::{
    core::{Context, Obligation, World},
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind, only_by_system},
};
use interlock_ids::{Digest, Name};
use std::collections::BTreeMap;

/// Seconds between two readings: from five minutes to a week.
const OFTEN: u32 = 300;
const SELDOM: u32 = 7 * 86_400;
/// Characters of an address, and of why a feed could not be read.
const ADDRESS: usize = 1_000;
const WHY: usize = 300;
/// Names of windows that one reading lists of each sort.
const NAMED: usize = 200;

pub(super) fn put(world: &World, ctx: &Context, feed: &Feed) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("calendar.manage", "Calendar", &feed.calendar))?;
    let mut wrong = Vec::new();
    let mut say = |code: &str, message: String, clears: &str| wrong.push(Blocker::new(code, message, clears, "you"));
    let host = feed.address.strip_prefix("https://").or_else(|| feed.address.strip_prefix("http://"));
    let authority = host.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match authority {
        Some(authority) if authority.contains('@') => say(
            "feed-address",
            "the address holds a name or password, which would stay in the ledger for good".into(),
            "an address without one",
        ),
        Some(authority)
            if !authority.is_empty()
                && feed.address.len() <= ADDRESS
                && feed.address.bytes().all(|b| b.is_ascii_graphic()) => {}
        _ => say(
            "feed-address",
            format!("`{}` is not an address of a feed", feed.address),
            "such as https://example.org/holidays.ics",
        ),
    }
    if !(OFTEN..=SELDOM).contains(&feed.every_s) {
        let message = format!("it would be read every {} seconds, and {OFTEN} to {SELDOM} are possible", feed.every_s);
        say("feed-interval", message, "five minutes to a week");
    }
    if let Err(message) = time_zone(&feed.zone) {
        say("unknown-zone", message, "a zone such as Europe/Berlin");
    }
    if feed.kind == super::WindowKind::ContractRenewal {
        say("customer", "a feed does not say whose contract is renewed".into(), "enter contract renewals by manifest");
    }
    calendars::tiers("the feed", &feed.scope, &mut wrong);
    if !wrong.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "the feed cannot be entered like this", wrong));
    }
    if world.calendar.feed(&feed.calendar).is_some_and(|it| it.feed == *feed) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::FeedPut(FeedPut { feed: feed.clone() })])
}

pub(super) fn remove(world: &World, ctx: &Context, calendar: &Name) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("calendar.manage", "Calendar", calendar))?;
    world.calendar.feed(calendar).ok_or_else(|| Refusal::not_found("feed of calendar", calendar))?;
    Ok(vec![Event::FeedRemoved(FeedRemoved { calendar: calendar.clone() })])
}

/// What was read of a feed.
pub(super) struct Taken<'a> {
    pub calendar: &'a Name,
    pub fence: u64,
    pub windows: &'a [Window],
    pub left_out: u32,
    pub digest: Digest,
}

pub(super) fn take(world: &World, ctx: &Context, it: Taken) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "what a feed says")?;
    let known = world.calendar.feed(it.calendar).filter(|known| known.fence == it.fence);
    let known = known.ok_or_else(|| Refusal::stale("the feed was changed or removed meanwhile"))?;
    let before: &[Window] = world.calendar.calendar(it.calendar).map_or(&[], |calendar| &calendar.windows);
    if it.windows.is_empty() && !before.is_empty() {
        let why = format!(
            "it has no event any more that would be a window; {} stay until somebody removes the feed",
            super::counted(before.len(), "window")
        );
        return Ok(missed(it.calendar, it.fence, known.failing.as_deref(), &why));
    }
    let feed = &known.feed;
    let calendar = Calendar {
        name: feed.calendar.clone(),
        owner: feed.owner.clone(),
        source: feed.address.clone(),
        windows: it.windows.to_vec(),
    };
    calendars::check(&calendar)?;
    let same = world.calendar.calendar(it.calendar) == Some(&calendar);
    if same && known.failing.is_none() && known.read.is_some() {
        return Ok(Vec::new());
    }
    let mut old: BTreeMap<&Name, &Window> = before.iter().map(|window| (&window.name, window)).collect();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for window in it.windows {
        match old.remove(&window.name) {
            None => added.push(window.name.clone()),
            Some(other) if other != window => changed.push(window.name.clone()),
            Some(_) => {}
        }
    }
    let mut removed: Vec<Name> = old.into_keys().cloned().collect();
    let counts = [added.len(), changed.len(), removed.len()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    for names in [&mut added, &mut changed, &mut removed] {
        names.truncate(NAMED);
    }
    let read = Read { added, changed, removed, counts, left_out: it.left_out, digest: it.digest };
    let read =
        Event::FeedRead(FeedRead { calendar: it.calendar.clone(), fence: it.fence, read: Some(read), why: None });
    let put = (!same).then_some(Event::CalendarPut(CalendarPut { calendar }));
    Ok(put.into_iter().chain([read]).collect())
}

pub(super) fn miss(
    world: &World,
    ctx: &Context,
    calendar: &Name,
    fence: u64,
    why: &str,
) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "what a feed says")?;
    let known = world.calendar.feed(calendar).filter(|known| known.fence == fence);
    let known = known.ok_or_else(|| Refusal::stale("the feed was changed or removed meanwhile"))?;
    Ok(missed(calendar, fence, known.failing.as_deref(), why))
}

/// The first failure is an entry, those that follow are not.
fn missed(calendar: &Name, fence: u64, failing: Option<&str>, why: &str) -> Vec<Event> {
    if failing.is_some() {
        return Vec::new();
    }
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WHY).collect();
    vec![Event::FeedRead(FeedRead { calendar: calendar.clone(), fence, read: None, why: Some(why) })]
}

/// Every feed is to be read, again and again.
pub fn owed(world: &World) -> Vec<Obligation> {
    let feeds = world.calendar.feeds.values();
    feeds.map(|it| Obligation::ReadFeed { feed: it.feed.clone(), fence: it.fence }).collect()
}
