//! Letting commits through a code freeze: by name, with a reason, by somebody who wrote none of them.

use super::{
    Asks, Event, ExceptionGranted, Stage,
    decide::{find, wrong_stage},
};
use crate::{
    artifact::wrote,
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind},
};
use interlock_ids::{Name, ReleaseId};
use interlock_policy::Facts;
use std::collections::BTreeSet;

/// Commits of one exception.
const COMMITS: usize = 1_000;
/// Exceptions of one release.
const EXCEPTIONS: usize = 100;

pub(super) fn decide(
    world: &World,
    id: ReleaseId,
    criterion: &Name,
    commits: &BTreeSet<String>,
    reason: NoteRef,
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    let release = find(world, id)?;
    let account = ctx.actor.account_id();
    let is_author =
        release.spec.items.iter().any(|it| account.is_some_and(|account| wrote(world, &it.digest, account)));
    let facts = Facts::new().with("is_author", is_author);
    authorise(world, ctx, Question { action: "exception.grant", resource: ("Release", id.to_string()), facts })?;
    if !matches!(release.stage, Stage::Draft | Stage::Planned | Stage::Frozen | Stage::Ready | Stage::Authorised) {
        return Err(wrong_stage(release, "given an exception", "nothing: it has begun, or its life is over"));
    }
    let mut wrong = Vec::new();
    let stated = release.spec.criteria.iter().find(|it| it.name == *criterion);
    if !stated.is_some_and(|it| matches!(it.asks, Asks::CodeFreeze { .. })) {
        let message = format!("release `{}` states no code freeze of the name `{criterion}`", release.spec.name);
        let clears = "name a criterion with a code freeze; other criteria are met by evidence, not by exception";
        wrong.push(Blocker::new("no-such-freeze", message, clears, "you"));
    }
    if commits.is_empty() || commits.len() > COMMITS {
        let message = format!("an exception is for 1 to {COMMITS} commits, not {}", commits.len());
        wrong.push(Blocker::new("count", message, "name the commits", "you"));
    }
    let builds = release.spec.items.iter().filter_map(|it| world.artifact.artifact(&it.digest)?.source.as_ref());
    let known: BTreeSet<&str> = builds.flat_map(|it| &it.commits).map(|it| it.sha.as_str()).collect();
    for sha in commits.iter().filter(|sha| !known.contains(sha.as_str())).take(20) {
        let shown: String = sha.chars().take(64).collect();
        let message = format!("commit `{shown}` is in no build of release `{}`", release.spec.name);
        wrong.push(Blocker::new("unknown-commit", message, "a full object id of a commit in it", "you"));
    }
    if release.exceptions.len() >= EXCEPTIONS {
        let message = format!("release `{}` has {EXCEPTIONS} exceptions, and no more are kept", release.spec.name);
        wrong.push(Blocker::new("too-many-exceptions", message, "a build from before the freeze", "you"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "the exception cannot be granted", wrong));
    }
    let (criterion, commits) = (criterion.clone(), commits.clone());
    Ok(vec![Event::ExceptionGranted(ExceptionGranted { release: id, criterion, commits, account, reason })])
}
