//! Exceptions: one release let through one occurrence of one window, until a time.
//!
//! Invariants: only a window that names the role which may grant them has exceptions; that role, and nobody who asked, grants; an
//! exception ends at the latest with its occurrence, and is worth nothing once the calendar is edited so that the occurrence, or the
//! role, is another. It takes away that one window: whatever else covers the moment keeps the release out.

use super::{
    Event, Exception, ExceptionAsked, ExceptionEnded, ExceptionRuled, Window, WindowKind, evaluate, recur::occurrences,
};
use crate::{
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind},
};
use interlock_ids::{ExceptionId, Name, ReleaseId};
use interlock_policy::{Fact, Facts};
use jiff::{SignedDuration, Timestamp};

/// Requests of one release that wait for a decision at once.
const PENDING: usize = 20;

/// What is asked for.
pub(super) struct Asked<'a> {
    pub exception: ExceptionId,
    pub release: ReleaseId,
    pub calendar: &'a Name,
    pub window: &'a Name,
    pub occurrence: Timestamp,
    pub until: Timestamp,
    pub reason: NoteRef,
}

fn wrong(code: &str, message: impl Into<String>, clears: &str) -> Blocker {
    Blocker::new(code, message.into(), clears, "you")
}

fn window<'a>(world: &'a World, calendar: &Name, window: &Name) -> Result<&'a Window, Refusal> {
    let known = world.calendar.calendar(calendar).ok_or_else(|| Refusal::not_found("calendar", calendar))?;
    let found = known.windows.iter().find(|it| it.name == *window);
    found.ok_or_else(|| Refusal::not_found("window", format!("{calendar}/{window}")))
}

/// When the occurrence ends that begins at that moment, if there is one.
fn end_of(world: &World, window: &Window, begins: Timestamp) -> Option<Timestamp> {
    let instant = evaluate::later(begins, SignedDuration::from_secs(1));
    let found = occurrences(&world.calendar, &window.schedule, begins, instant, 1_000);
    found.into_iter().find(|it| it.start == begins).map(|it| it.end)
}

pub(super) fn ask(world: &World, ctx: &Context, it: Asked) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("release.plan", "Release", it.release))?;
    let release = world.release.release(it.release).ok_or_else(|| Refusal::not_found("release", it.release))?;
    let about = window(world, it.calendar, it.window)?;
    let name = format!("window `{}` of calendar `{}`", it.window, it.calendar);
    let mut standing = Vec::new();
    if world.calendar.exception(it.exception).is_some() {
        standing.push(wrong("id-taken", format!("exception `{}` exists already", it.exception), "a new id"));
    }
    if release.stage.is_terminal() {
        let message = format!("release `{}` is over", release.spec.name);
        standing.push(wrong("wrong-stage", message, "ask for a release that is still to ship"));
    }
    let scope = crate::release::scope(release);
    if !evaluate::concerns(world, &about.scope, &scope) {
        let message = format!("{name} is not about release `{}`", release.spec.name);
        standing.push(wrong("not-concerned", message, "name the window that stands in its way"));
    }
    if about.kind == WindowKind::Maintenance {
        let message = format!("{name} is a maintenance window, outside of which there is no occurrence to except");
        standing.push(wrong("no-exceptions", message, "have a further maintenance window entered"));
    } else if about.exceptions_by.is_none() {
        let message = format!("{name} names no role that may grant exceptions");
        standing.push(wrong("no-exceptions", message, "plan for another time, or have the calendar changed"));
    }
    match end_of(world, about, it.occurrence) {
        None => standing.push(wrong(
            "no-occurrence",
            format!("{name} does not begin at {}", it.occurrence),
            "give the beginning of one of its occurrences, exactly",
        )),
        Some(end) if end <= ctx.now => standing.push(wrong(
            "no-occurrence",
            format!("this occurrence of {name} was over at {end}"),
            "no exception is needed",
        )),
        Some(end) => {
            if it.until <= ctx.now || it.until > end {
                let message =
                    format!("an exception until {} is not between now and {end}, when the occurrence ends", it.until);
                standing.push(wrong("exception-end", message, "give an end within the occurrence"));
            }
        }
    }
    let same = |other: &&Exception| {
        other.calendar == *it.calendar && other.window == *it.window && other.occurrence == it.occurrence
    };
    let of_release = || world.calendar.exceptions_of(it.release);
    if let Some(other) = of_release().filter(|other| other.is_pending() || other.is_granted()).find(same) {
        let message = format!("exception `{}` is to the same occurrence", other.id);
        standing.push(wrong("exception-there", message, "have that one decided, or take it back"));
    }
    if of_release().filter(|other| other.is_pending()).count() >= PENDING {
        let message = format!("{PENDING} requests of this release wait for a decision, and no more can");
        standing.push(wrong("count", message, "have some of them decided"));
    }
    match (standing.is_empty(), &about.exceptions_by) {
        (true, Some(role)) => Ok(vec![Event::ExceptionAsked(ExceptionAsked {
            exception: it.exception,
            release: it.release,
            calendar: it.calendar.clone(),
            window: it.window.clone(),
            occurrence: it.occurrence,
            until: it.until,
            role: role.clone(),
            reason: it.reason,
        })]),
        _ => Err(Refusal::new(RefusalKind::Invalid, "the exception cannot be asked for like this", standing)),
    }
}

pub(super) fn decide(
    world: &World,
    ctx: &Context,
    id: ExceptionId,
    grant: bool,
    reason: NoteRef,
) -> Result<Vec<Event>, Refusal> {
    let it = world.calendar.exception(id).ok_or_else(|| Refusal::not_found("exception", id))?;
    let about =
        window(world, &it.calendar, &it.window).ok().filter(|about| about.exceptions_by.as_ref() == Some(&it.role));
    let principal = world.people.principal(&ctx.actor);
    let drafted = world.release.release(it.release).and_then(|release| release.drafted_by);
    let account = ctx.actor.account_id();
    let same = |other: Option<interlock_ids::AccountId>| {
        other.zip(account).is_some_and(|(a, b)| world.people.same_person(a, b))
    };
    let facts = Facts(
        [
            ("holds_role", Fact::Bool(principal.roles.contains(it.role.as_str()))),
            ("asked_for_it", Fact::Bool(same(it.asked_by) || same(drafted))),
        ]
        .map(|(name, fact)| (name.to_owned(), fact))
        .into(),
    );
    let question = Question { action: "calendar.except", resource: ("Calendar", it.calendar.to_string()), facts };
    let ruling = authorise(world, ctx, question)?;
    if !it.is_pending() {
        let blocker = wrong("already-decided", format!("exception `{id}` waits for no decision any more"), "ask anew");
        return Err(Refusal::new(RefusalKind::Blocked, "this exception is decided", vec![blocker]));
    }
    if grant {
        let mut standing = Vec::new();
        match about.and_then(|about| end_of(world, about, it.occurrence)) {
            None => {
                let message = format!(
                    "window `{}` of calendar `{}` was changed: what the exception was asked for is no more",
                    it.window, it.calendar
                );
                standing.push(wrong("no-occurrence", message, "ask anew, for the window as it is now"));
            }
            Some(end) if it.until > end => {
                let message = format!("this occurrence ends at {end} now, before the exception");
                standing.push(wrong("exception-end", message, "ask anew, with an earlier end"));
            }
            Some(_) => {}
        }
        if it.until <= ctx.now {
            standing.push(wrong(
                "exception-end",
                format!("it was asked for until {}, which is past", it.until),
                "ask anew",
            ));
        }
        if !standing.is_empty() {
            return Err(Refusal::blocked("the exception cannot be granted any more", standing));
        }
    }
    let (exception, release, calendar) = (id, it.release, it.calendar.clone());
    Ok(vec![Event::ExceptionDecided(ExceptionRuled { exception, release, calendar, granted: grant, reason, ruling })])
}

pub(super) fn end(world: &World, ctx: &Context, id: ExceptionId, reason: NoteRef) -> Result<Vec<Event>, Refusal> {
    let it = world.calendar.exception(id).ok_or_else(|| Refusal::not_found("exception", id))?;
    let own = it.asked_by.zip(ctx.actor.account_id()).is_some_and(|(a, b)| world.people.same_person(a, b));
    if !own {
        authorise(world, ctx, Question::new("calendar.manage", "Calendar", &it.calendar))?;
    }
    if !it.is_pending() && !it.is_granted() {
        return Ok(Vec::new());
    }
    let (release, calendar) = (it.release, it.calendar.clone());
    Ok(vec![Event::ExceptionEnded(ExceptionEnded { exception: id, release, calendar, reason })])
}
