//! What may happen about people.

use super::*;
use crate::{
    core::{Actor, Context, World},
    policy::{Question, actions, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind, only_by_system},
};
use interlock_ids::{AccountId, Digest, Identity, Name, TokenId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The role that keeps the house.
const ADMINISTRATOR: &str = "administrator";
/// The longest a token lives.
const TOKEN: SignedDuration = SignedDuration::from_hours(366 * 24);
/// The longest a delegation lasts.
const DELEGATION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The longest leave that is entered at once.
const LEAVE: SignedDuration = SignedDuration::from_hours(366 * 24);

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Found { organisation, time_zone_data, setup, setup_until } => {
            found(world, ctx, organisation, time_zone_data, setup, *setup_until)
        }
        Command::ClaimSetup { secret, account, spec } => claim_setup(world, ctx, secret, *account, spec),
        Command::PutAccount { account, spec } => put_account(world, ctx, *account, spec),
        Command::LinkAccounts { a, b } => {
            manage(world, ctx, *a)?;
            manage(world, ctx, *b)?;
            let (left, _) = (known(world, *a)?, known(world, *b)?);
            if a == b {
                return Err(Refusal::invalid(
                    "same-account",
                    "an account cannot be linked to itself",
                    "name two different accounts",
                ));
            }
            if left.links.contains(b) {
                return Ok(Vec::new());
            }
            Ok(vec![Event::AccountsLinked(AccountsLinked { a: *a, b: *b })])
        }
        Command::CloseAccount { account } => close_account(world, ctx, *account),
        Command::ErasePerson { account, basis, reason } => erase_person(world, ctx, *account, *basis, *reason),
        Command::RedactNote { note, basis, reason } => {
            if ctx.actor.by != crate::core::By::System {
                authorise(world, ctx, Question::new("note.redact", "Organisation", "organisation"))?;
            }
            if world.people.redacted.contains_key(note) {
                return Ok(Vec::new());
            }
            Ok(vec![Event::NoteRedacted(NoteRedacted { note: *note, basis: *basis, reason: *reason })])
        }
        Command::IssueToken { token, account, name, hash, scopes, expires } => {
            let wanted = TokenIssued {
                token: *token,
                account: *account,
                name: name.clone(),
                hash: *hash,
                scopes: scopes.clone(),
                expires: *expires,
            };
            issue_token(world, ctx, wanted)
        }
        Command::RevokeToken { token } => revoke_token(world, ctx, *token),
        Command::Delegate { delegation, to, from_time, until } => {
            let wanted = (*delegation, *to, *from_time, *until);
            delegate(world, ctx, wanted)
        }
        Command::EndDelegation { delegation } => {
            let known =
                world.people.delegations.get(delegation).ok_or_else(|| Refusal::not_found("delegation", delegation))?;
            let own = ctx.actor.account_id().is_some_and(|id| id == known.from || id == known.to)
                && in_scope(&ctx.actor, "delegation.grant");
            if !own {
                manage(world, ctx, known.from)?;
            }
            if known.ended {
                return Ok(Vec::new());
            }
            Ok(vec![Event::DelegationEnded(DelegationEnded { delegation: *delegation })])
        }
        Command::PutLeave { account, from_time, until } => {
            known(world, *account)?;
            if ctx.actor.account_id() != Some(*account) || ctx.actor.scopes.is_some() {
                manage(world, ctx, *account)?;
            }
            period(*from_time, *until, LEAVE, "leave")?;
            if world.people.account(*account).is_some_and(|it| it.leave.contains(&(*from_time, *until))) {
                return Ok(Vec::new());
            }
            Ok(vec![Event::LeavePut(LeavePut { account: *account, from_time: *from_time, until: *until })])
        }
        Command::PutProvider { provider } => outside::put_provider(world, ctx, provider),
        Command::SignIn { claimed } => outside::sign_in(world, ctx, claimed),
        Command::PutIssuer { issuer } => outside::put_issuer(world, ctx, issuer),
        Command::Admit { admission } => outside::admit(world, ctx, admission),
    }
}

fn found(
    world: &World,
    ctx: &Context,
    organisation: &str,
    zones: &str,
    setup: &Digest,
    until: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the beginning of a ledger")?;
    if let Some(name) = &world.people.organisation {
        let blocker = Blocker::new(
            "already-founded",
            format!("this ledger belongs to `{name}` already"),
            "nothing: it happens once",
            "nobody",
        );
        return Err(Refusal::blocked("the ledger cannot be begun again", vec![blocker]));
    }
    let mut wrong = Vec::new();
    text(&mut wrong, "the name of the organisation", organisation, 200);
    text(&mut wrong, "the version of the time zone data", zones, 100);
    if until <= ctx.now {
        wrong.push(Blocker::new(
            "in-the-past",
            format!("the one-time link would end at {until}, which is past"),
            "a later time",
            "you",
        ));
    }
    all_right("the ledger cannot be begun like this", wrong)?;
    Ok(vec![Event::Founded(Founded {
        organisation: organisation.to_owned(),
        time_zone_data: zones.to_owned(),
        setup: *setup,
        setup_until: until,
    })])
}

fn claim_setup(
    world: &World,
    ctx: &Context,
    secret: &Digest,
    account: AccountId,
    spec: &AccountSpec,
) -> Result<Vec<Event>, Refusal> {
    let denied = |code: &str, message: &str, clears: &str| {
        Refusal::new(RefusalKind::Denied, message, vec![Blocker::new(code, message, clears, "whoever runs the server")])
    };
    let Some(setup) = &world.people.setup else {
        return Err(denied(
            "setup-claimed",
            "the one-time link was used already",
            "an administrator makes your account",
        ));
    };
    if setup.secret != *secret {
        return Err(denied(
            "setup-secret",
            "this is not the one-time secret",
            "the link that was printed when the server first started",
        ));
    }
    if setup.until <= ctx.now {
        return Err(denied("setup-expired", "the one-time link has run out", "begin again on an empty ledger"));
    }
    let mut wrong = Vec::new();
    if spec.kind != AccountKind::Human {
        wrong.push(Blocker::new("not-a-person", "the first administrator is a person", "kind human", "you"));
    }
    if world.people.account(account).is_some() {
        wrong.push(Blocker::new("id-taken", format!("account `{account}` exists already"), "a new id", "you"));
    }
    foreign_identities(world, account, &spec.identities, &mut wrong);
    unknown_roles(&spec.roles, &mut wrong);
    all_right("the first administrator cannot be made like this", wrong)?;
    let administrator: Name = ADMINISTRATOR.parse().expect("the constant is a name");
    let mut put = account_put(account, spec);
    put.roles.insert(administrator);
    Ok(vec![Event::AccountPut(put), Event::SetupClaimed(SetupClaimed { account })])
}

fn put_account(world: &World, ctx: &Context, id: AccountId, spec: &AccountSpec) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx, id)?;
    let before = world.people.account(id);
    let mut wrong = Vec::new();
    if let Some(before) = before {
        if before.closed {
            wrong.push(Blocker::new(
                "account-closed",
                format!("account `{id}` is closed for good"),
                "a new account",
                "an administrator",
            ));
        }
        if (before.kind == AccountKind::Human) != (spec.kind == AccountKind::Human) {
            let message =
                format!("account `{id}` cannot change between person and robot: what it did would change its meaning");
            wrong.push(Blocker::new("kind-changed", message, "a new account", "an administrator"));
        }
        let loses = is_administrator(before) && !spec.roles.contains(ADMINISTRATOR);
        if loses && !other_administrators(world, id) {
            wrong.push(last_administrator(id));
        }
    }
    if let AccountKind::Robot { owner } = spec.kind {
        let fit = world.people.account(owner).is_some_and(|it| it.kind == AccountKind::Human && !it.closed);
        if !fit {
            let message = format!("`{owner}` cannot answer for a robot: it is not the open account of a person");
            wrong.push(Blocker::new("robot-owner", message, "the account of a person as owner", "you"));
        }
    }
    foreign_identities(world, id, &spec.identities, &mut wrong);
    unknown_roles(&spec.roles, &mut wrong);
    if !wrong.is_empty() {
        return Err(Refusal::blocked(format!("account `{id}` cannot be put like this"), wrong));
    }
    let same = before.is_some_and(|it| {
        it.kind == spec.kind
            && it.own.roles == spec.roles
            && it.own.groups == spec.groups
            && it.identities == spec.identities
    });
    Ok(if same { Vec::new() } else { vec![Event::AccountPut(account_put(id, spec))] })
}

fn close_account(world: &World, ctx: &Context, id: AccountId) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx, id)?;
    let account = world.people.account(id).ok_or_else(|| Refusal::not_found("account", id))?;
    if account.closed {
        return Ok(Vec::new());
    }
    let blockers = needed(world, account);
    if !blockers.is_empty() {
        return Err(Refusal::blocked(format!("account `{id}` cannot be closed"), blockers));
    }
    Ok(vec![Event::AccountClosed(AccountClosed { account: id })])
}

/// Forgets who is behind an account; closes it first if it is open. Identities stay: they are keyed digests, and who wrote what must
/// still be told apart.
fn erase_person(
    world: &World,
    ctx: &Context,
    id: AccountId,
    basis: Basis,
    reason: NoteRef,
) -> Result<Vec<Event>, Refusal> {
    // After a restore Interlock itself does again what was done before.
    if ctx.actor.by != crate::core::By::System {
        authorise(world, ctx, Question::new("person.erase", "Account", id))?;
    }
    let account = world.people.account(id).ok_or_else(|| Refusal::not_found("account", id))?;
    if account.erased.is_some() {
        return Ok(Vec::new());
    }
    let mut blockers = if account.closed { Vec::new() } else { needed(world, account) };
    if account.kind != AccountKind::Human {
        let message = format!("`{id}` is a robot, and nobody is behind it but its owner");
        blockers.push(Blocker::new("not-a-person", message, "close it; erase its owner if that is meant", "you"));
    }
    if !blockers.is_empty() {
        return Err(Refusal::blocked(format!("the person of account `{id}` cannot be erased"), blockers));
    }
    let closed = (!account.closed).then_some(Event::AccountClosed(AccountClosed { account: id }));
    Ok(closed.into_iter().chain([Event::PersonErased(PersonErased { account: id, basis, reason })]).collect())
}

/// What would be left without anybody if the account were closed.
fn needed(world: &World, account: &Account) -> Vec<Blocker> {
    let id = account.id;
    let mut blockers = Vec::new();
    if is_administrator(account) && !other_administrators(world, id) {
        blockers.push(last_administrator(id));
    }
    for robot in world.people.accounts.values().filter(|it| !it.closed && it.kind == AccountKind::Robot { owner: id }) {
        let message = format!("robot `{}` would be left without an owner", robot.id);
        blockers.push(Blocker::new(
            "owns-robot",
            message,
            "close the robot, or give it another owner",
            "an administrator",
        ));
    }
    blockers
}

fn issue_token(world: &World, ctx: &Context, wanted: TokenIssued) -> Result<Vec<Event>, Refusal> {
    let account = known(world, wanted.account)?;
    for_token(world, ctx, account)?;
    let mut wrong = Vec::new();
    if world.people.tokens.contains_key(&wanted.token) || world.people.token_by_hash.contains_key(&wanted.hash) {
        wrong.push(Blocker::new("token-known", "this token exists already", "a new secret and a new id", "you"));
    }
    text(&mut wrong, "the name of the token", &wanted.name, 100);
    for scope in wanted.scopes.iter().flatten().filter(|scope| !actions().any(|action| action == scope.as_str())) {
        let message = format!("`{scope}` is not an action a token could be limited to");
        wrong.push(Blocker::new(
            "unknown-scope",
            message,
            format!("one of: {}", actions().collect::<Vec<_>>().join(", ")),
            "you",
        ));
    }
    if let Some(own) = &ctx.actor.scopes {
        let wider = wanted.scopes.as_ref().is_none_or(|scopes| !scopes.is_subset(own));
        if wider {
            let message = "a token issued through a token may do no more than that token";
            wrong.push(Blocker::new(
                "wider-scope",
                message,
                "scopes among those of the token used, or a sign-in",
                "you",
            ));
        }
    }
    if wanted.expires <= ctx.now {
        wrong.push(Blocker::new(
            "in-the-past",
            format!("the token would have ended at {}", wanted.expires),
            "a later end",
            "you",
        ));
    } else if wanted.expires.duration_since(ctx.now) > TOKEN {
        wrong.push(Blocker::new("too-long", "a token lives 366 days at most", "an earlier end", "you"));
    }
    all_right("the token cannot be issued like this", wrong)?;
    Ok(vec![Event::TokenIssued(wanted)])
}

fn revoke_token(world: &World, ctx: &Context, id: TokenId) -> Result<Vec<Event>, Refusal> {
    let token = world.people.tokens.get(&id).ok_or_else(|| Refusal::not_found("token", id))?;
    let account = world.people.account(token.account).ok_or_else(|| Refusal::not_found("account", token.account))?;
    // A token may always give itself up.
    if ctx.actor.token != Some(id) {
        for_token(world, ctx, account)?;
    }
    Ok(if token.revoked { Vec::new() } else { vec![Event::TokenRevoked(TokenRevoked { token: id })] })
}

type Wanted = (interlock_ids::DelegationId, AccountId, Timestamp, Timestamp);

fn delegate(world: &World, ctx: &Context, (delegation, to, from_time, until): Wanted) -> Result<Vec<Event>, Refusal> {
    let from = world.people.acting(&ctx.actor)?.id;
    authorise(world, ctx, Question::new("delegation.grant", "Account", to))?;
    let mut wrong = Vec::new();
    if world.people.delegations.contains_key(&delegation) {
        wrong.push(Blocker::new("id-taken", format!("delegation `{delegation}` exists already"), "a new id", "you"));
    }
    match world.people.account(to) {
        None => wrong.push(Blocker::new(
            "not-found",
            format!("there is no account `{to}`"),
            "the account of a person",
            "you",
        )),
        Some(it) if it.closed || it.kind != AccountKind::Human => {
            let message = format!("`{to}` is not the open account of a person, so nobody could decide through it");
            wrong.push(Blocker::new("not-a-person", message, "the account of a person", "you"));
        }
        Some(_) if world.people.same_person(from, to) => {
            let message = "decisions are delegated to another person, and this account is yours";
            wrong.push(Blocker::new("to-oneself", message, "the account of another person", "you"));
        }
        Some(_) => {}
    }
    if until <= ctx.now {
        wrong.push(Blocker::new(
            "in-the-past",
            format!("the delegation would have ended at {until}"),
            "a later end",
            "you",
        ));
    }
    if let Err(refusal) = period(from_time, until, DELEGATION, "a delegation") {
        wrong.extend(refusal.blockers);
    }
    all_right("the delegation cannot be made like this", wrong)?;
    Ok(vec![Event::Delegated(Delegated { delegation, from, to, from_time, until })])
}

impl State {
    /// The open account that acts. A runner, Interlock itself and a closed account have none.
    pub(crate) fn acting(&self, actor: &Actor) -> Result<&Account, Refusal> {
        actor.account_id().and_then(|id| self.account(id)).filter(|it| !it.closed).ok_or_else(|| {
            let message = "only somebody with an open account can do this";
            let blocker = Blocker::new("account-needed", message, "sign in with an account", "you");
            Refusal::new(RefusalKind::Denied, message, vec![blocker])
        })
    }
}

fn known(world: &World, id: AccountId) -> Result<&Account, Refusal> {
    world.people.account(id).filter(|it| !it.closed).ok_or_else(|| Refusal::not_found("open account", id))
}

fn manage(world: &World, ctx: &Context, id: AccountId) -> Result<(), Refusal> {
    let kind = match world.people.account(id).map(|it| it.kind) {
        Some(AccountKind::Robot { .. }) => "Robot",
        Some(AccountKind::Human) | None => "Account",
    };
    authorise(world, ctx, Question::new("account.manage", kind, id)).map(drop)
}

/// Whoever it is the account of, or who answers for the robot, or who may do it for others.
fn for_token(world: &World, ctx: &Context, account: &Account) -> Result<(), Refusal> {
    let acting = world.people.acting(&ctx.actor).ok().map(|it| it.id);
    let own = acting.is_some_and(|id| id == account.id || account.kind == AccountKind::Robot { owner: id });
    if own && in_scope(&ctx.actor, "token.issue") {
        return Ok(());
    }
    let kind = if account.kind == AccountKind::Human { "Account" } else { "Robot" };
    authorise(world, ctx, Question::new("token.issue", kind, account.id)).map(drop)
}

fn in_scope(actor: &Actor, action: &str) -> bool {
    actor.scopes.as_ref().is_none_or(|scopes| scopes.contains(action))
}

fn is_administrator(account: &Account) -> bool {
    !account.closed && account.kind == AccountKind::Human && account.roles.contains(ADMINISTRATOR)
}

fn other_administrators(world: &World, id: AccountId) -> bool {
    world.people.accounts.values().any(|it| it.id != id && is_administrator(it))
}

fn last_administrator(id: AccountId) -> Blocker {
    let message = format!("`{id}` is the last administrator; after that nobody could manage accounts");
    Blocker::new("last-administrator", message, "make somebody else an administrator first", "an administrator")
}

fn foreign_identities(world: &World, id: AccountId, identities: &BTreeSet<Identity>, wrong: &mut Vec<Blocker>) {
    for identity in identities {
        if let Some(other) = world.people.author(identity).filter(|other| *other != id) {
            let message = format!("one of the addresses belongs to account `{other}`");
            wrong.push(Blocker::new(
                "identity-taken",
                message,
                "take it from that account first, or link the two accounts",
                "an administrator",
            ));
        }
    }
}

/// A misspelt role would silently permit nothing.
pub(super) fn unknown_roles(roles: &BTreeSet<Name>, wrong: &mut Vec<Blocker>) {
    let known = interlock_policy::roles();
    for role in roles.iter().filter(|it| !known.contains(it.as_str())) {
        let clears = format!("one of: {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
        wrong.push(Blocker::new("unknown-role", format!("`{role}` is not a role"), clears, "you"));
    }
}

pub(super) fn account_put(account: AccountId, spec: &AccountSpec) -> AccountPut {
    AccountPut {
        account,
        account_kind: spec.kind,
        roles: spec.roles.clone(),
        groups: spec.groups.clone(),
        identities: spec.identities.clone(),
    }
}

fn period(from: Timestamp, until: Timestamp, longest: SignedDuration, what: &str) -> Result<(), Refusal> {
    if from >= until {
        return Err(Refusal::invalid(
            "no-length",
            format!("{what} from {from} until {until} has no length"),
            "an end after its beginning",
        ));
    }
    if until.duration_since(from) > longest {
        let days = longest.as_hours() / 24;
        return Err(Refusal::invalid("too-long", format!("{what} lasts {days} days at most"), "an earlier end"));
    }
    Ok(())
}

pub(super) fn text(wrong: &mut Vec<Blocker>, what: &str, value: &str, longest: usize) {
    if value.trim().is_empty() || value.chars().count() > longest {
        wrong.push(Blocker::new(
            "bad-text",
            format!("{what} has to have 1 to {longest} characters"),
            "another text",
            "you",
        ));
    }
}

pub(super) fn all_right(summary: &str, wrong: Vec<Blocker>) -> Result<(), Refusal> {
    match wrong.as_slice() {
        [] => Ok(()),
        [only] => Err(Refusal::new(RefusalKind::Invalid, format!("{summary}: {}", only.message), wrong)),
        many => Err(Refusal::new(RefusalKind::Invalid, format!("{summary}: {} things are wrong", many.len()), wrong)),
    }
}
