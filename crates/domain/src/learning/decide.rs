//! What may happen in reviews.

use super::{Action, Command, Event, Review, ReviewDone, ReviewOpened, ReviewStatus};
use crate::{
    core::{self, Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind, only_by_system},
    rollback,
};
use interlock_ids::{Name, ReleaseId, ReviewId};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// How long there is for a review.
const DUE: SignedDuration = SignedDuration::from_hours(5 * 24);
/// Actions, and factors, of one review.
const ACTIONS: usize = 50;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::OpenReview { release } => open(world, ctx, *release),
        Command::Complete { review, root_cause, factors, actions } => {
            let known = world.learning.review(*review).ok_or_else(|| Refusal::not_found("review", review))?;
            complete(world, ctx, known, *root_cause, factors, actions)
        }
    }
}

/// A release that was taken back is reviewed, whether or not that has worked.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let core::Event::Rollback(rollback::Event::Ended(it)) = event else { return Vec::new() };
    let release = world.rollback.rollback(it.rollback).map(|it| it.release);
    let new = release.filter(|release| !world.learning.by_release.contains_key(release));
    new.map(|release| Command::OpenReview { release }).into_iter().collect()
}

/// Reviews that are open and concern one of the services, except that of a release itself: they block it.
pub fn blocking_reviews(world: &World, services: &BTreeSet<Name>, except: ReleaseId) -> Vec<ReviewId> {
    let open = world.learning.open.iter().filter_map(|id| world.learning.review(*id));
    open.filter(|it| it.release != except && !it.services.is_disjoint(services)).map(|it| it.id).collect()
}

fn open(world: &World, ctx: &Context, release: ReleaseId) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the opening of a review")?;
    let known = world.release.release(release).ok_or_else(|| Refusal::not_found("release", release))?;
    if world.learning.by_release.contains_key(&release) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ReviewOpened(ReviewOpened {
        review: ctx.ids.id(),
        release,
        services: known.spec.items.iter().map(|it| it.service.clone()).collect(),
        due: ctx.now.checked_add(DUE).unwrap_or(jiff::Timestamp::MAX),
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
