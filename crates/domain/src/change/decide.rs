//! What may happen to changes.

use super::facts::{authorship, production_like};
use super::*;
use crate::{
    board,
    core::{self, Context, World},
    policy::{Question, authorise, authorise_for},
    reason::{Blocker, Meaning, NoteRef, Refusal, RefusalKind, only_by_system, sign},
    release::{self, Stage},
};
use interlock_ids::{AccountId, ChangeId, ConditionId, Digest, Name, ReleaseId};
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
        Command::Decide { change, decision, reason, conditions, on_behalf_of, seen } => {
            let given =
                Given { decision: *decision, reason: *reason, conditions, on_behalf_of: *on_behalf_of, seen: *seen };
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
        Command::PutFlow { class, flow } => put_flow(world, ctx, *class, flow),
        Command::AttachDocument { change, document, digest, remark } => {
            attach(world, ctx, find(world, *change)?, (document, *digest, *remark))
        }
        Command::AttachConditions { change, conditions } => {
            only_by_system(ctx, "what follows for a change from the decision of a board")?;
            let change = find(world, *change)?;
            let known = |id: &ConditionId| change.conditions.iter().any(|it| it.id == *id);
            let conditions: Vec<_> = conditions.iter().filter(|it| !known(&it.id)).cloned().collect();
            Ok(if conditions.is_empty() || change.status == Status::Closed {
                Vec::new()
            } else {
                vec![Event::ConditionsAttached(ConditionsAttached { change: change.id, conditions })]
            })
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

/// A drafted release opens its change; a release that is over closes it; what a board attaches becomes conditions.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    if let core::Event::Board(board::Event::Concluded(it)) = event {
        let attach = Command::AttachConditions { change: it.change, conditions: it.conditions.clone() };
        return if it.conditions.is_empty() { Vec::new() } else { vec![attach] };
    }
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

struct Given<'a> {
    decision: Decision,
    reason: NoteRef,
    conditions: &'a [(ConditionId, NoteRef)],
    on_behalf_of: Option<AccountId>,
    seen: Option<Digest>,
}

fn decide_on(world: &World, ctx: &Context, change: &Change, given: Given) -> Result<Vec<Event>, Refusal> {
    let who = decider(world, ctx, given.on_behalf_of)?;
    let account = who.account;
    let decided = change
        .approvals
        .iter()
        .filter(|it| !it.withdrawn)
        .any(|it| who.is(it.by) || it.on_behalf_of.is_some_and(|delegator| who.is(delegator)));
    let digest = signing_digest(world, change);
    if given.seen.is_some_and(|seen| seen != digest) {
        return Err(signed_otherwise(&digest));
    }
    let meaning = match given.decision {
        Decision::Approve => Meaning::Approval,
        Decision::Reject => Meaning::Rejection,
    };
    let ruling = match given.decision {
        Decision::Approve => {
            let question =
                Question::new("change.approve", "Change", change.id).with(facts(world, ctx, change, &who, decided));
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
    if world.change.flow(change.class).signed && ctx.actor.proof.is_none() {
        let message = "decisions on changes of this class are signed, and the request did not prove who you are";
        let clears =
            "your password is given with it, or you have signed in by your identity provider within the last 5 minutes";
        blockers.push(Blocker::new("not-signed", message, clears, "you"));
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
        signature: sign(ctx, meaning, digest),
    })])
}

/// What somebody has seen and wants to sign is not what there is any more.
pub(crate) fn signed_otherwise(digest: &Digest) -> Refusal {
    let message = format!("what you have seen has changed meanwhile; what there is now has the digest {digest}");
    Refusal::blocked(
        "nothing is decided",
        vec![Blocker::new("signed-otherwise", message, "read it again, and decide on that", "you")],
    )
}

/// What policies judge an approval by.
fn facts(world: &World, ctx: &Context, change: &Change, who: &Deciding, decided: bool) -> Facts {
    let entries = [
        ("class", Fact::Text(change.class.as_str().into())),
        ("impact", Fact::Text(change.impact.level.as_str().into())),
        ("already_decided", Fact::Bool(decided)),
        ("on_leave", Fact::Bool(world.people.on_leave(who.account, ctx.now))),
        ("change_open", Fact::Bool(change.status == Status::Open)),
        ("production_like", production_like(world, change)),
    ];
    let entries = entries.into_iter().chain(independence(world, change, who));
    Facts(entries.map(|(key, fact)| (key.to_owned(), fact)).collect())
}

fn put_flow(world: &World, ctx: &Context, class: Class, flow: &Flow) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("flow.manage", "Flow", class.as_str()))?;
    const DAY_S: u32 = 86_400;
    let within = |seconds: u32| (3600..=30 * DAY_S).contains(&seconds);
    let mut wrong = Vec::new();
    if flow.lead_time_s > 90 * DAY_S || class == Class::Emergency && flow.lead_time_s > 0 {
        let message = format!("the lead time of a {} change would be {} s", class.as_str(), flow.lead_time_s);
        wrong.push(Blocker::new("lead-time-out-of-range", message, "0 to 90 days; none for emergencies", "you"));
    }
    if flow.documents.len() > 20 {
        let message = format!("a class would ask for {} kinds of documents", flow.documents.len());
        wrong.push(Blocker::new("count", message, "at most 20", "you"));
    }
    if let Some(rule) = flow.board.as_ref().filter(|rule| world.board.board(&rule.board).is_none()) {
        let message = format!("there is no board `{}`", rule.board);
        wrong.push(Blocker::new("unknown-board", message, "set up the board first", "an administrator"));
    }
    if !within(flow.ratify_within_s) || !within(flow.review_within_s) {
        let message = "what is owed after an emergency would be due too soon or too late";
        wrong.push(Blocker::new("due-out-of-range", message, "1 hour to 30 days", "you"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "a class cannot ask for this", wrong));
    }
    let same = world.change.flows.get(&class) == Some(flow);
    Ok(if same { Vec::new() } else { vec![Event::FlowPut(FlowPut { class, flow: flow.clone() })] })
}

fn attach(
    world: &World,
    ctx: &Context,
    change: &Change,
    (document, digest, remark): (&Name, Digest, NoteRef),
) -> Result<Vec<Event>, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    authorise(world, ctx, Question::new("change.document", "Change", change.id))?;
    not_closed(change)?;
    let known = change.documents.iter().find(|it| it.kind == *document);
    if known.is_none() && change.documents.len() >= 50 {
        return Err(Refusal::invalid("count", "a change has at most 50 documents", "fewer documents"));
    }
    if known.is_some_and(|it| it.digest == digest) {
        return Ok(Vec::new());
    }
    let document = document.clone();
    Ok(vec![Event::DocumentAttached(DocumentAttached { change: change.id, document, digest, account, remark })])
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
