//! Who wrote a change and who decides on it: the facts by which policies keep the two apart, for approvals, votes in a board,
//! approvals after the event and broken glasses alike.
//!
//! Invariants: whoever decides is all accounts he can act through, and all of whoever he decides for; whether somebody wrote part
//! of a change is unknown, not false, while a commit's author is. Deliberately absent: what follows. Policies say so.

use super::{Authorship, Change};
use crate::{
    core::{Context, World},
    people::AccountKind,
    reason::{Blocker, Refusal, RefusalKind},
};
use interlock_ids::{AccountId, Digest, Identity};
use interlock_policy::Fact;
use std::collections::BTreeSet;

/// Who wrote what is in these artefacts, from their commits. One without a source contributes nobody.
pub(super) fn authorship(world: &World, artifacts: &BTreeSet<Digest>) -> Authorship {
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

/// Who decides, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Deciding {
    pub account: AccountId,
    pub on_behalf_of: Option<AccountId>,
    /// Every account of his, and of whoever he decides for.
    person: BTreeSet<AccountId>,
}

impl Deciding {
    /// Whether an account is his, or of whoever he decides for.
    pub fn is(&self, account: AccountId) -> bool {
        self.person.contains(&account)
    }
}

/// Somebody as he decided, seen from now: accounts may have been linked since.
pub(crate) fn deciding(world: &World, account: AccountId, on_behalf_of: Option<AccountId>) -> Deciding {
    let person = [Some(account), on_behalf_of].into_iter().flatten().flat_map(|it| world.people.reach(it)).collect();
    Deciding { account, on_behalf_of, person }
}

/// Whoever acts, deciding for himself or for somebody who has delegated that to him.
///
/// # Errors
/// No open account acts, or no delegation is in force.
pub(crate) fn decider(world: &World, ctx: &Context, on_behalf_of: Option<AccountId>) -> Result<Deciding, Refusal> {
    let account = world.people.acting(&ctx.actor)?.id;
    if let Some(delegator) = on_behalf_of {
        let in_force = world.people.delegations_to(account, ctx.now).any(|it| it.from == delegator);
        let open = world.people.account(delegator).is_some_and(|it| !it.closed);
        if !in_force || !open {
            let message = format!("`{delegator}` has not delegated decisions to you, or not for now");
            let blocker =
                Blocker::new("no-delegation", message, "a delegation that is in force", format!("account {delegator}"));
            return Err(Refusal::new(RefusalKind::Denied, "you cannot decide for somebody else", vec![blocker]));
        }
    }
    Ok(deciding(world, account, on_behalf_of))
}

/// Whether whoever decides is independent of a change, as six facts.
pub(crate) fn independence(world: &World, change: &Change, who: &Deciding) -> [(&'static str, Fact); 6] {
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
    let is_robot =
        |it: &AccountId| world.people.account(*it).is_some_and(|it| matches!(it.kind, AccountKind::Robot { .. }));
    let others = || world.people.reach(who.account).into_iter().filter(move |it| *it != who.account);
    let delegator = who.on_behalf_of.map(|it| world.people.reach(it)).unwrap_or_default();
    [
        ("is_author", known(who.person.iter().any(|it| written.authors.contains(it)))),
        ("is_co_author", known(who.person.iter().any(|it| written.co_authors.contains(it)))),
        ("is_requester", Fact::Bool(change.requested_by.is_some_and(|it| who.is(it)))),
        ("is_linked_to_author", known(others().any(|it| !is_robot(&it) && wrote(&it)))),
        ("owns_author_robot", known(others().any(|it| is_robot(&it) && wrote(&it)))),
        (
            "delegated_by_author",
            if who.on_behalf_of.is_none() { Fact::Bool(false) } else { known(delegator.iter().any(wrote)) },
        ),
    ]
}

/// Whether the change goes to a production-like environment.
pub(super) fn production_like(world: &World, change: &Change) -> Fact {
    let release = world.release.release(change.release);
    let environment = release.and_then(|it| world.environment.environment(&it.spec.environment));
    let known = environment.map(|it| it.production_like);
    known.map_or_else(|| Fact::Unknown("the environment does not exist".into()), Fact::Bool)
}
