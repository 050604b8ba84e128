//! What may happen in reviews.

use super::{Action, Cause, Command, Event, Review, ReviewDone, ReviewOpened, ReviewStatus};
use crate::{
    core::{self, Context, World},
    emergency,
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind, only_by_system},
    rollback,
};
use interlock_ids::{Name, ReleaseId, ReviewId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// How long there is for a review.
const DUE: SignedDuration = SignedDuration::from_hours(5 * 24);
/// Actions, and factors, of one review.
const ACTIONS: usize = 50;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::OpenReview { release, cause, due } => open(world, ctx, *release, *cause, *due),
        Command::Complete { review, root_cause, factors, actions } => {
            let known = world.learning.review(*review).ok_or_else(|| Refusal::not_found("review", review))?;
            complete(world, ctx, known, *root_cause, factors, actions)
        }
    }
}

/// A release that was taken back is reviewed, whether or not that has worked; an emergency is, whether or not anything went wrong.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    match event {
        core::Event::Emergency(emergency::Event::Incurred(it)) => {
            vec![Command::OpenReview { release: it.release, cause: Cause::Emergency, due: Some(it.review_by) }]
        }
        core::Event::Rollback(rollback::Event::Ended(it)) => {
            let release = world.rollback.rollback(it.rollback).map(|it| it.release);
            let new = release.filter(|release| !has_review(world, *release, Cause::Rollback));
            new.map(|release| Command::OpenReview { release, cause: Cause::Rollback, due: None }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a release has a review that serves for this cause: one that is open serves for both.
fn has_review(world: &World, release: ReleaseId, cause: Cause) -> bool {
    let known = world.learning.by_release.get(&release).and_then(|id| world.learning.review(*id));
    known.is_some_and(|it| it.cause == cause || it.status == ReviewStatus::Open)
}

/// Reviews that are open and concern one of the services, except that of a release itself: they block it. One after an emergency
/// that was not taken back does so once it is overdue.
pub fn blocking_reviews(world: &World, services: &BTreeSet<Name>, except: ReleaseId, now: Timestamp) -> Vec<ReviewId> {
    let open = world.learning.open.iter().filter_map(|id| world.learning.review(*id));
    let taken_back = |it: &Review| world.rollback.of_release(it.release).is_some();
    open.filter(|it| it.cause == Cause::Rollback || it.due <= now || taken_back(it))
        .filter(|it| it.release != except && !it.services.is_disjoint(services))
        .map(|it| it.id)
        .collect()
}

/// Whether the review that an emergency owes is still open.
pub(crate) fn emergency_review_open(world: &World, release: ReleaseId) -> bool {
    let known = world.learning.by_release.get(&release).and_then(|id| world.learning.review(*id));
    known.is_some_and(|it| it.status == ReviewStatus::Open)
}

fn open(
    world: &World,
    ctx: &Context,
    release: ReleaseId,
    cause: Cause,
    due: Option<Timestamp>,
) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the opening of a review")?;
    let known = world.release.release(release).ok_or_else(|| Refusal::not_found("release", release))?;
    if has_review(world, release, cause) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ReviewOpened(ReviewOpened {
        review: ctx.ids.id(),
        release,
        services: known.spec.items.iter().map(|it| it.service.clone()).collect(),
        due: due.unwrap_or_else(|| ctx.now.checked_add(DUE).unwrap_or(Timestamp::MAX)),
        cause,
    })])
}

fn complete(
    world: &World,
    ctx: &Context,
    review: &Review,
    root_cause: NoteRef,
    factors: &[NoteRef],
    actions: &[Action],
) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("review.complete", "Review", review.id))?;
    let account = world.people.acting(&ctx.actor)?.id;
    if review.status == ReviewStatus::Done {
        let blocker = Blocker::new("review-done", "the review is done already", "nothing", "nobody");
        return Err(Refusal::blocked("the review is not completed again", vec![blocker]));
    }
    let mut wrong = Vec::new();
    if actions.len() > ACTIONS || factors.len() > ACTIONS {
        let message = format!("a review has at most {ACTIONS} actions and {ACTIONS} factors");
        wrong.push(Blocker::new("count", message, "fewer", "you"));
    }
    for action in actions.iter().take(ACTIONS) {
        if world.people.account(action.owner).is_none_or(|it| it.closed) {
            let message = format!("`{}` cannot own an action: there is no such open account", action.owner);
            wrong.push(Blocker::new("action-owner", message, "the account of a person", "you"));
        }
        if action.due <= ctx.now {
            let message = format!("an action would have been due at {}", action.due);
            wrong.push(Blocker::new("in-the-past", message, "a later time", "you"));
        }
    }
    if !wrong.is_empty() {
        let summary = format!("review `{}` cannot be completed: {} things are wrong", review.id, wrong.len());
        return Err(Refusal::new(RefusalKind::Invalid, summary, wrong));
    }
    Ok(vec![Event::ReviewDone(ReviewDone {
        review: review.id,
        account,
        root_cause,
        factors: factors.to_vec(),
        actions: actions.to_vec(),
    })])
}
