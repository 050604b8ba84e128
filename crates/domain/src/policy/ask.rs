//! The one way to ask the policies in force.
//!
//! Invariants: no set in force means inconclusive, never permitted; a token never may more than its account, and less if it has
//! scopes; a ruling carries the digests of the set and of the facts, so that it can be recomputed.
//! Deliberately absent: what the answer means. A room asks, and refuses or records.

use crate::{
    core::{Actor, Context, World},
    reason::{Asked, Blocker, Outcome, Refusal, RefusalKind, Ruling},
};
use interlock_ids::AccountId;
use interlock_policy::{Action, Facts, PolicySet, Request, Resource, codes};

/// Every action a person, a robot or a token may be allowed; gates are not among them, since only Interlock asks those.
pub fn actions() -> impl Iterator<Item = &'static str> {
    Action::ALL.iter().filter(|it| !it.is_own()).map(|it| it.as_str())
}

/// What is asked: whether an action may be done to a resource, given these facts.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// As the schema names it, such as `change.approve`.
    pub action: &'a str,
    /// Kind, as the schema names it, such as `Change`, and id.
    pub resource: (&'a str, String),
    pub facts: Facts,
}

impl<'a> Question<'a> {
    /// A question whose action needs no facts.
    pub fn new(action: &'a str, kind: &'a str, id: impl std::fmt::Display) -> Self {
        Self { action, resource: (kind, id.to_string()), facts: Facts::default() }
    }

    pub fn with(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }
}

/// What the policies in force say. Only `Pass` permits.
pub fn ask(world: &World, actor: &Actor, question: Question) -> Ruling {
    ask_for(world, actor, None, question)
}

/// As `ask`: for pages that show what somebody may do and why not.
pub fn may(world: &World, actor: &Actor, question: Question) -> Ruling {
    ask(world, actor, question)
}

/// The ruling if it permits; else a refusal with every reason.
pub fn authorise(world: &World, ctx: &Context, question: Question) -> Result<Ruling, Refusal> {
    authorise_for(world, ctx, None, question)
}

/// As `authorise`, with the roles of somebody who has delegated his decisions added to the actor's own. Whether such a
/// delegation is in force is for the caller to have checked.
pub(crate) fn authorise_for(
    world: &World,
    ctx: &Context,
    delegator: Option<AccountId>,
    question: Question,
) -> Result<Ruling, Refusal> {
    let what = format!("{} on {} `{}`", question.action, question.resource.0, question.resource.1);
    let ruling = ask_for(world, &ctx.actor, delegator, question);
    if ruling.outcome == Outcome::Pass {
        return Ok(ruling);
    }
    let summary = match ruling.blockers.as_slice() {
        [only] => format!("{what} is refused: {}", only.message),
        many => format!("{what} is refused for {} reasons", many.len()),
    };
    let mut refusal = Refusal::new(RefusalKind::Denied, summary, ruling.blockers.clone());
    refusal.ruling = Some(ruling);
    Err(refusal)
}

fn ask_for(world: &World, actor: &Actor, delegator: Option<AccountId>, question: Question) -> Ruling {
    let outside = actor.scopes.as_ref().filter(|scopes| !scopes.contains(question.action)).map(|scopes| {
        let limits = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let message = format!(
            "the token may not do `{}`: it is limited to {}",
            question.action,
            if limits.is_empty() { "nothing" } else { &limits }
        );
        Blocker::new("token-scope", message, "a token whose scopes include it", "the owner of the account")
    });
    let mut ruling = evaluate(world, actor, delegator, question);
    if let Some(blocker) = outside {
        ruling.outcome = Outcome::Fail;
        ruling.blockers.insert(0, blocker);
    }
    ruling
}

fn evaluate(world: &World, actor: &Actor, delegator: Option<AccountId>, question: Question) -> Ruling {
    let Some(set) = world.policy.set() else {
        let message = "no policy set is in force, so nothing is permitted";
        let blocker =
            Blocker::new("no-policy-set", message, "a policy set that compiles is installed", "an administrator");
        return untold(String::new(), blocker);
    };
    let Some(action) = Action::parse(question.action) else {
        let message = format!("no policy can speak about `{}`: there is no such action", question.action);
        let blocker = Blocker::new(codes::ACTION_UNKNOWN, message, "an action of the schema", "whoever asks");
        return untold(set.digest().to_owned(), blocker);
    };
    let mut principal = world.people.principal(actor);
    if let Some(delegator) = delegator {
        principal.roles.extend(world.people.principal(&Actor::account(delegator)).roles);
    }
    let request = Request {
        principal,
        action,
        resource: Resource::new(question.resource.0, question.resource.1),
        facts: question.facts,
    };
    rule(set, &request)
}

/// What a set of policies says about a request. The same set and the same request give the same ruling, to the byte, at any time:
/// that is what a recorded ruling is recomputed with.
pub fn rule(set: &PolicySet, request: &Request) -> Ruling {
    let action = request.action;
    let verdict = set.check(request);
    let outcome = match verdict.outcome {
        interlock_policy::Outcome::Pass => Outcome::Pass,
        interlock_policy::Outcome::Fail => Outcome::Fail,
        interlock_policy::Outcome::Inconclusive => Outcome::Inconclusive,
    };
    let mut blockers: Vec<Blocker> = verdict
        .reasons
        .iter()
        .map(|it| Blocker::new(&it.code, it.message.clone(), it.clears.clone(), it.who.clone()))
        .collect();
    if outcome != Outcome::Pass && blockers.is_empty() {
        let message = format!("no policy in force permits `{action}`");
        blockers.push(Blocker::new("not-permitted", message, "a role that may do it", "an administrator"));
    }
    Ruling {
        outcome,
        policy_set: verdict.policy_set,
        facts: verdict.facts_digest,
        policies: verdict.policies,
        blockers,
        asked: Asked(Some(request.canonical().into())),
    }
}

fn untold(policy_set: String, blocker: Blocker) -> Ruling {
    Ruling {
        outcome: Outcome::Inconclusive,
        policy_set,
        facts: String::new(),
        policies: Vec::new(),
        blockers: vec![blocker],
        asked: Asked::default(),
    }
}
