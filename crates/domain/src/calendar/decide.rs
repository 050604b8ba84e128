//! What may happen to calendars.

use super::{
    Calendar, CalendarPut, CalendarRemoved, Command, Event, LockdownCalled, LockdownLifted, Window, WindowKind,
    WindowScope, recur::validate,
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
const TIERS: [Tier; 4] = [Tier::Development, Tier::Test, Tier::Staging, Tier::Production];

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutCalendar { calendar } => put(world, ctx, calendar),
        Command::RemoveCalendar { calendar } => {
            authorise(world, ctx, Question::new("calendar.manage", "Calendar", calendar))?;
            if !world.calendar.calendars.contains_key(calendar) {
                return Err(Refusal::not_found("calendar", calendar));
            }
            Ok(vec![Event::CalendarRemoved(CalendarRemoved { calendar: calendar.clone() })])
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
    }
}

fn put(world: &World, ctx: &Context, calendar: &Calendar) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("calendar.manage", "Calendar", &calendar.name))?;
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
    if world.calendar.calendars.get(&calendar.name).is_some_and(|it| **it == *calendar) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::CalendarPut(CalendarPut { calendar: calendar.clone() })])
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
fn tiers(what: &str, scope: &WindowScope, wrong: &mut Vec<Blocker>) {
    for tier in scope.tiers.iter().filter(|it| TIERS.iter().all(|tier| tier.as_str() != it.as_str())) {
        let message = format!("{what}: `{tier}` is not a tier");
        wrong.push(Blocker::new("unknown-tier", message, "development, test, staging or production", "you"));
    }
}
