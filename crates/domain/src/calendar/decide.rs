//! What may happen to calendars.

use super::{
    Calendar, CalendarPut, CalendarRemoved, Command, Event, FeedRemoved, LockdownCalled, LockdownLifted, Window,
    WindowKind, WindowScope,
    exception::{self, Asked},
    feed::{self, Taken},
    recur::validate,
};
use crate::{
    core::{Context, World},
    environment::Tier,
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind},
};
use std::collections::BTreeSet;

/// Windows of one calendar.
const WINDOWS: usize = 2_000;
/// The roles there are, as the schema of policies lists them.
const ROLES: [&str; 9] = [
    "administrator",
    "release-manager",
    "developer",
    "approver",
    "deployer",
    "environment-manager",
    "on-call",
    "analyst",
    "auditor",
];
const TIERS: [Tier; 4] = [Tier::Development, Tier::Test, Tier::Staging, Tier::Production];

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutCalendar { calendar } => put(world, ctx, calendar),
        Command::RemoveCalendar { calendar } => {
            authorise(world, ctx, Question::new("calendar.manage", "Calendar", calendar))?;
            if !world.calendar.calendars().contains_key(calendar) {
                return Err(Refusal::not_found("calendar", calendar));
            }
            let feed =
                world.calendar.feed(calendar).map(|_| Event::FeedRemoved(FeedRemoved { calendar: calendar.clone() }));
            let removed = Event::CalendarRemoved(CalendarRemoved { calendar: calendar.clone() });
            Ok(feed.into_iter().chain([removed]).collect())
        }
        Command::CallLockdown { lockdown, scope, reason } => {
            authorise(world, ctx, Question::new("calendar.manage", "Organisation", "organisation"))?;
            let mut wrong = Vec::new();
            tiers("the lockdown", scope, &mut wrong);
            if world.calendar.lockdowns.contains_key(lockdown) {
                wrong.push(Blocker::new(
                    "id-taken",
                    format!("lockdown `{lockdown}` exists already"),
                    "a new id",
                    "you",
                ));
            }
            if !wrong.is_empty() {
                return Err(Refusal::new(RefusalKind::Invalid, "the lockdown cannot be called like this", wrong));
            }
            Ok(vec![Event::LockdownCalled(LockdownCalled {
                lockdown: *lockdown,
                scope: scope.clone(),
                reason: *reason,
            })])
        }
        Command::LiftLockdown { lockdown } => {
            authorise(world, ctx, Question::new("calendar.manage", "Organisation", "organisation"))?;
            let known =
                world.calendar.lockdowns.get(lockdown).ok_or_else(|| Refusal::not_found("lockdown", lockdown))?;
            if known.lifted.is_some() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::LockdownLifted(LockdownLifted { lockdown: *lockdown })])
        }
        Command::AskException { exception, release, calendar, window, occurrence, until, reason } => {
            let (exception, release, occurrence, until, reason) = (*exception, *release, *occurrence, *until, *reason);
            exception::ask(world, ctx, Asked { exception, release, calendar, window, occurrence, until, reason })
        }
        Command::DecideException { exception, grant, reason } => {
            exception::decide(world, ctx, *exception, *grant, *reason)
        }
        Command::EndException { exception, reason } => exception::end(world, ctx, *exception, *reason),
        Command::PutFeed { feed } => feed::put(world, ctx, feed),
        Command::RemoveFeed { calendar } => feed::remove(world, ctx, calendar),
        Command::TakeFeed { calendar, fence, windows, left_out, digest } => {
            let (fence, left_out, digest) = (*fence, *left_out, *digest);
            feed::take(world, ctx, Taken { calendar, fence, windows, left_out, digest })
        }
        Command::MissFeed { calendar, fence, why } => feed::miss(world, ctx, calendar, *fence, why),
    }
}

fn put(world: &World, ctx: &Context, calendar: &Calendar) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("calendar.manage", "Calendar", &calendar.name))?;
    if let Some(it) = world.calendar.feed(&calendar.name) {
        let message = format!("calendar `{}` is filled from {}", calendar.name, it.feed.address);
        let blocker =
            Blocker::new("fed", message, "remove the feed first, or take another name", "who keeps the calendar");
        return Err(Refusal::blocked(format!("calendar `{}` cannot be entered", calendar.name), vec![blocker]));
    }
    check(calendar)?;
    if world.calendar.calendars().get(&calendar.name).is_some_and(|it| **it == *calendar) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::CalendarPut(CalendarPut { calendar: calendar.clone() })])
}

/// Everything that is wrong with a calendar.
pub(super) fn check(calendar: &Calendar) -> Result<(), Refusal> {
    let mut wrong = Vec::new();
    if calendar.windows.len() > WINDOWS {
        let message = format!("it has {} windows, and {WINDOWS} are the most", calendar.windows.len());
        wrong.push(Blocker::new("count", message, "several calendars", "you"));
    }
    if calendar.source.is_empty() || calendar.source.chars().count() > 2_000 {
        wrong.push(Blocker::new(
            "source",
            "it does not say where it comes from",
            "`manifest`, or the address of a feed",
            "you",
        ));
    }
    let mut named = BTreeSet::new();
    for window in &calendar.windows {
        let name = &window.name;
        if !named.insert(name) {
            wrong.push(Blocker::new("named-twice", format!("window `{name}` is named twice"), "another name", "you"));
        }
        if let Err(message) = validate(&window.schedule) {
            wrong.push(Blocker::new("schedule", format!("window `{name}`: {message}"), "correct the schedule", "you"));
        }
        tiers(&format!("window `{name}`"), &window.scope, &mut wrong);
        if let Some(role) = window.exceptions_by.as_ref().filter(|it| !ROLES.contains(&it.as_str())) {
            let message = format!("window `{name}`: `{role}` is not a role");
            wrong.push(Blocker::new("unknown-role", message, format!("one of {}", ROLES.join(", ")), "you"));
        }
        if window.kind == WindowKind::Maintenance && window.exceptions_by.is_some() {
            wrong.push(Blocker::new(
                "no-exceptions",
                format!("window `{name}` is a maintenance window, to which there are no exceptions"),
                "leave out `exceptions_by`",
                "you",
            ));
        }
        contract(window, &mut wrong);
        if window.reason.chars().count() > 500 {
            wrong.push(Blocker::new(
                "too-long",
                format!("window `{name}`: its reason has more than 500 characters"),
                "a shorter reason",
                "you",
            ));
        }
    }
    if !wrong.is_empty() {
        let summary = format!("calendar `{}` cannot be entered: {} things are wrong", calendar.name, wrong.len());
        return Err(Refusal::new(RefusalKind::Invalid, summary, wrong));
    }
    Ok(())
}

/// A contract is somebody's, and about something; other windows belong to no customer.
fn contract(window: &Window, wrong: &mut Vec<Blocker>) {
    let name = &window.name;
    match (window.kind, &window.customer) {
        (WindowKind::ContractRenewal, None) => wrong.push(Blocker::new(
            "customer",
            format!("window `{name}` is a contract renewal and names no customer"),
            "name the customer whose contract is renewed",
            "you",
        )),
        (WindowKind::ContractRenewal, Some(_)) if window.scope.services.is_empty() => wrong.push(Blocker::new(
            "customer",
            format!("window `{name}` is a contract renewal and names no service that the customer uses"),
            "name the services in its scope",
            "you",
        )),
        (kind, Some(customer)) if kind != WindowKind::ContractRenewal => wrong.push(Blocker::new(
            "customer",
            format!("window `{name}` names the customer `{customer}` and is no contract renewal"),
            "make it one, or leave the customer out",
            "you",
        )),
        _ => {}
    }
}

/// A misspelt tier would silently never match.
pub(super) fn tiers(what: &str, scope: &WindowScope, wrong: &mut Vec<Blocker>) {
    for tier in scope.tiers.iter().filter(|it| TIERS.iter().all(|tier| tier.as_str() != it.as_str())) {
        let message = format!("{what}: `{tier}` is not a tier");
        wrong.push(Blocker::new("unknown-tier", message, "development, test, staging or production", "you"));
    }
}
