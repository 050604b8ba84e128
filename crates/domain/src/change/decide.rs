//! What may happen to changes.

use super::*;
use crate::{
    core::{self, Context, World},
    policy::{Question, authorise, authorise_for},
    reason::{Blocker, NoteRef, Refusal, RefusalKind, only_by_system},
    release::{self, Stage},
};
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, Identity, Name, ReleaseId};
use interlock_policy::{Fact, Facts};
use std::collections::BTreeSet;

/// Conditions one decision may carry.
const CONDITIONS: usize = 20;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Open { release, class, services, artifacts, requested_by, summary } => {
            only_by_system(ctx, "what follows for a change from its release")?;
            if world.change.of_release(*release).is_some() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::Opened(opened(world, ctx, *release, *class, services, artifacts, *requested_by, *summary))])
        }
        Command::Decide { change, decision, reason, conditions, on_behalf_of } => {
            let given = Given { decision: *decision, reason: *reason, conditions, on_behalf_of: *on_behalf_of };
            decide_on(world, ctx, find(world, *change)?, given)
        }
        Command::Withdraw { change, reason } => {
            let change = find(world, *change)?;
            let account = world.people.acting(&ctx.actor)?.id;
            in_scope(ctx, &["change.approve", "change.reject"])?;
            not_closed(change)?;
            if !change.approvals.iter().any(|it| !it.withdrawn && it.by == account) {
                let message = "you have no decision on this change that you could withdraw";
                return Err(Refusal::blocked(
                    "nothing is withdrawn",
                    vec![Blocker::new("not-decided", message, "decide first", "you")],
                ));
            }
            Ok(vec![Event::Withdrawn(Withdrawn { change: change.id, account, reason: *reason })])
        }
        Command::MeetCondition { change, condition, evidence } => {
            let change = find(world, *change)?;
            let account = world.people.acting(&ctx.actor)?.id;
            authorise(world, ctx, Question::new("condition.meet", "Condition", condition))?;
            not_closed(change)?;
            let known = change
                .conditions
                .iter()
                .find(|it| it.id == *condition)
                .ok_or_else(|| Refusal::not_found("condition", condition))?;
            if let Some(met) = &known.met {
                let message = format!("the condition was declared met by `{}` at {}", met.by, met.at);
                return Err(Refusal::blocked(
                    "nothing changes",
                    vec![Blocker::new("already-met", message, "nothing", "nobody")],
                ));
            }
            Ok(vec![Event::ConditionMet(ConditionMet {
                change: change.id,
                condition: *condition,
                account,
                evidence: *evidence,
            })])
        }
        Command::Close { change } => {
            only_by_system(ctx, "what follows for a change from its release")?;
            let change = find(world, *change)?;
            Ok(if change.status == Status::Closed {
                Vec::new()
            } else {
                vec![Event::Closed(Closed { change: change.id })]
            })
        }
    }
}

/// A drafted release opens its change; a release that is over closes it.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let core::Event::Release(event) = event else { return Vec::new() };
    let release = match event {
        release::Event::Drafted(it) => {
            return vec![Command::Open {
                release: it.release,
                class: it.spec.class,
                services: it.spec.items.iter().map(|item| item.service.clone()).collect(),
                artifacts: it.spec.items.iter().map(|item| item.digest).collect(),
                requested_by: it.account,
                summary: it.spec.summary,
            }];
        }
        release::Event::Closed(it) => it.release,
        release::Event::RolledBack(it) => it.release,
        release::Event::Cancelled(it) => it.release,
        _ => return Vec::new(),
    };
    let over = world
        .release
        .release(release)
        .is_some_and(|it| matches!(it.stage, Stage::Closed | Stage::RolledBack | Stage::Cancelled));
    let open = world.change.of_release(release).filter(|it| over && it.status != Status::Closed);
    open.map(|it| Command::Close { change: it.id }).into_iter().collect()
}

#[allow(clippy::too_many_arguments)]
fn opened(
    world: &World,
    ctx: &Context,
    release: ReleaseId,
    class: Class,
    services: &BTreeSet<Name>,
    artifacts: &BTreeSet<Digest>,
    requested_by: Option<AccountId>,
    summary: NoteRef,
) -> Opened {
    Opened {
        change: ctx.ids.id(),
        release,
        class,
        services: services.clone(),
        artifacts: artifacts.clone(),
        requested_by,
        summary,
        impact: impact_of(world, services),
        authorship: authorship(world, artifacts),
    }
}

/// Who wrote what is in these artefacts, from their commits. One without a source contributes nobody.
fn authorship(world: &World, artifacts: &BTreeSet<Digest>) -> Authorship {
    let mut found = Authorship::default();
    let mut seen = BTreeSet::new();
    let sources = artifacts.iter().filter_map(|it| world.artifact.artifact(it)).filter_map(|it| it.source.as_ref());
    for (source, commit) in sources.flat_map(|source| source.commits.iter().map(move |commit| (source, commit))) {
        found.commits += u64::from(seen.insert((&source.repository, &commit.sha)));
        let mut enter = |identity: &Identity, co_author: bool| match world.people.author(identity) {
            Some(account) if co_author => drop(found.co_authors.insert(account)),
            Some(account) => drop(found.authors.insert(account)),
            None => drop(found.unknown.insert(*identity)),
        };
        enter(&commit.author, false);
        commit.co_authors.iter().for_each(|it| enter(it, true));
    }
    found
}

/// The authorship of a change as the accounts of today show it: addresses that were unknown when it was opened may have been
/// linked since. Nobody who was an author then ceases to be one.
pub fn authorship_now(world: &World, change: &Change) -> Authorship {
    let today = authorship(world, &change.artifacts);
    let mut merged = change.authorship.clone();
    merged.authors.extend(today.authors);
    merged.co_authors.extend(today.co_authors);
    merged.unknown = today.unknown;
    merged
}

struct Given<'a> {
    decision: Decision,
    reason: NoteRef,
    conditions: &'a [(ConditionId, NoteRef)],
    on_behalf_of: Option<AccountId>,
}

fn decide_on(world: &World, ctx: &Context, change: &Change, given: Given) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    if let Some(delegator) = given.on_behalf_of {
        let in_force = world.people.delegations_to(account, ctx.now).any(|it| it.from == delegator);
        let open = world.people.account(delegator).is_some_and(|it| !it.closed);
        if !in_force || !open {
            let message = format!("`{delegator}` has not delegated decisions to you, or not for now");
            let blocker =
                Blocker::new("no-delegation", message, "a delegation that is in force", format!("account {delegator}"));
            return Err(Refusal::new(RefusalKind::Denied, "you cannot decide for somebody else", vec![blocker]));
        }
    }
    let person: BTreeSet<AccountId> =
        [Some(account), given.on_behalf_of].into_iter().flatten().flat_map(|it| world.people.reach(it)).collect();
    let decided = change
        .approvals
        .iter()
        .filter(|it| !it.withdrawn)
        .any(|it| person.contains(&it.by) || it.on_behalf_of.is_some_and(|delegator| person.contains(&delegator)));
    let ruling = match given.decision {
        Decision::Approve => {
            let question = Question::new("change.approve", "Change", change.id)
                .with(facts(world, ctx, change, account, &given, &person, decided));
            authorise_for(world, ctx, given.on_behalf_of, question)?
        }
        Decision::Reject => {
            authorise_for(world, ctx, given.on_behalf_of, Question::new("change.reject", "Change", change.id))?
        }
    };
    let mut blockers = Vec::new();
    if change.status == Status::Closed || (change.status == Status::Rejected && given.decision == Decision::Approve) {
        let message = "the change is not open for decision";
        blockers.push(Blocker::new(
            "change-not-open",
            message,
            "a change that is open; a rejection may be withdrawn",
            "whoever rejected it",
        ));
    }
    if decided {
        let message = "you have decided on this change already, yourself or for somebody, under one account or another";
        blockers.push(Blocker::new("already-decided", message, "withdraw that decision first", "you"));
    }
    if !blockers.is_empty() {
        return Err(Refusal::blocked("the decision is not taken", blockers));
    }
    let ids: BTreeSet<ConditionId> = given.conditions.iter().map(|(id, _)| *id).collect();
    if given.conditions.len() > CONDITIONS
        || ids.len() != given.conditions.len()
        || change.conditions.iter().any(|it| ids.contains(&it.id))
    {
        let message = format!("a decision carries at most {CONDITIONS} conditions, each with an id of its own");
        return Err(Refusal::invalid("conditions", message, "fewer conditions, or new ids"));
    }
    if given.decision == Decision::Reject && !given.conditions.is_empty() {
        return Err(Refusal::invalid(
            "conditions",
            "a rejection carries no conditions",
            "approve with conditions, or reject with a reason",
        ));
    }
    Ok(vec![Event::Decided(Decided {
        change: change.id,
        account,
        on_behalf_of: given.on_behalf_of,
        decision: given.decision,
        reason: given.reason,
        conditions: given.conditions.iter().map(|(id, text)| Attached { id: *id, text: *text }).collect(),
        ruling,
    })])
}

/// What policies judge an approval by. Whether somebody wrote part of it is unknown, not false, while a commit's author is.
fn facts(
    world: &World,
    ctx: &Context,
    change: &Change,
    account: AccountId,
    given: &Given,
    person: &BTreeSet<AccountId>,
    decided: bool,
) -> Facts {
    let written = authorship_now(world, change);
    let sourceless = change.artifacts.iter().any(|it| world.artifact.artifact(it).is_none_or(|it| it.source.is_none()));
    let unknown = sourceless || !written.unknown.is_empty();
    let wrote = |it: &AccountId| written.authors.contains(it) || written.co_authors.contains(it);
    let known = |yes: bool| {
        if yes || !unknown {
            Fact::Bool(yes)
        } else {
            Fact::Unknown("who wrote some of the commits is not known".into())
        }
    };
    let is_robot = |it: &AccountId| {
        world.people.account(*it).is_some_and(|it| matches!(it.kind, crate::people::AccountKind::Robot { .. }))
    };
    let others = || world.people.reach(account).into_iter().filter(move |it| *it != account);
    let delegator = given.on_behalf_of.map(|it| world.people.reach(it)).unwrap_or_default();
    let entries = [
        ("class", Fact::Text(change.class.as_str().into())),
        ("impact", Fact::Text(change.impact.level.as_str().into())),
        ("is_author", known(person.iter().any(|it| written.authors.contains(it)))),
        ("is_co_author", known(person.iter().any(|it| written.co_authors.contains(it)))),
        ("is_requester", Fact::Bool(change.requested_by.is_some_and(|it| person.contains(&it)))),
        ("is_linked_to_author", known(others().any(|it| !is_robot(&it) && wrote(&it)))),
        ("owns_author_robot", known(others().any(|it| is_robot(&it) && wrote(&it)))),
        (
            "delegated_by_author",
            if given.on_behalf_of.is_none() { Fact::Bool(false) } else { known(delegator.iter().any(wrote)) },
        ),
        ("already_decided", Fact::Bool(decided)),
        ("on_leave", Fact::Bool(world.people.on_leave(account, ctx.now))),
        ("change_open", Fact::Bool(change.status == Status::Open)),
    ];
    let release = world.release.release(change.release);
    let production_like =
        release.and_then(|it| world.environment.environment(&it.spec.environment)).map(|it| it.production_like);
    let production_like = (
        "production_like",
        production_like.map_or_else(|| Fact::Unknown("the environment does not exist".into()), Fact::Bool),
    );
    Facts(entries.into_iter().chain([production_like]).map(|(key, fact)| (key.to_owned(), fact)).collect())
}

fn find(world: &World, id: ChangeId) -> Result<&Change, Refusal> {
    world.change.change(id).ok_or_else(|| Refusal::not_found("change", id))
}

fn not_closed(change: &Change) -> Result<(), Refusal> {
    if change.status == Status::Closed {
        let message = "the change is closed, with its release";
        return Err(Refusal::blocked(
            "nothing changes any more",
            vec![Blocker::new("change-closed", message, "a new release", "a release manager")],
        ));
    }
    Ok(())
}

fn in_scope(ctx: &Context, actions: &[&str]) -> Result<(), Refusal> {
    if ctx.actor.scopes.as_ref().is_none_or(|scopes| actions.iter().any(|it| scopes.contains(*it))) {
        return Ok(());
    }
    let message = "the token may not decide on changes";
    let blocker = Blocker::new("token-scope", message, "a token whose scopes include it", "the owner of the account");
    Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]))
}
