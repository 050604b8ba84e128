//! Who is believed from outside: identity providers about people (OpenID Connect), issuers about programs (workload identity).
//!
//! The edge verifies signatures, audiences and times, since those need keys and a clock. Here is decided what follows: which
//! account somebody has, which roles a group gives, which rule lets a program in.
//!
//! Invariants: a group that is not mapped gives nothing; a person whom nothing ties to an account never gets one that exists
//! already, whatever address the provider names; a rule has to name at least one claim and matches only if all its claims do; a
//! token is exchanged once. Deliberately absent: secrets (a provider names where its secret is), names and addresses.

use super::{
    Account, AccountKind, AccountSpec, Admitted, Event, IssuerPut, ProviderPut, SignedIn, SubjectLinked, TokenIssued,
    decide::{account_put, all_right, text, unknown_roles},
};
use crate::{
    core::{Context, World},
    policy::{Question, actions, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind, only_by_system},
};
use interlock_ids::{AccountId, Digest, Identity, Name, TokenId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The longest that a token lives that was given in exchange, in seconds.
const EXCHANGED_S: u32 = 3600;
const RULES: usize = 100;
const GROUPS: usize = 500;

/// What a group of an identity provider gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    pub roles: BTreeSet<Name>,
    pub groups: BTreeSet<Name>,
}

/// An identity provider (OpenID Connect Core 1.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub name: Name,
    /// What the sign-in page calls it.
    pub title: String,
    /// Its issuer identifier, exactly as it stands in its tokens.
    pub issuer: String,
    pub client_id: String,
    /// Where the client's secret is, `env:INTERLOCK_SECRET_NAME` or `file:name`; none for a public client.
    pub secret: Option<String>,
    /// Scopes asked for beside `openid`.
    pub scopes: BTreeSet<String>,
    /// The claim that lists groups.
    pub groups_claim: String,
    pub groups: BTreeMap<String, Grant>,
    /// Whether somebody who comes for the first time gets an account.
    pub creates_accounts: bool,
    pub disabled: bool,
}

/// What an identity provider said about somebody, verified by the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub provider: Name,
    /// Stand-in for issuer and subject.
    pub subject: Identity,
    /// The id of the account, should one have to be made.
    pub account: AccountId,
    pub groups: BTreeSet<String>,
    /// Stand-in for the e-mail address, if the provider has verified it.
    pub email: Option<Identity>,
    /// Who asked, signed in, that his account be tied to this subject.
    pub link: Option<AccountId>,
}

/// An issuer of tokens for programs, such as a CI system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    pub name: Name,
    /// Exactly as it stands in its tokens.
    pub issuer: String,
    pub audience: String,
    /// Where its keys are; else its discovery document says so.
    pub jwks_uri: Option<String>,
    /// Its keys themselves (RFC 7517), for an issuer that cannot be called.
    pub jwks: Option<String>,
    /// The first that matches counts.
    pub rules: Vec<Rule>,
    pub disabled: bool,
}

/// Whom an issuer's token lets in as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Claims and what they have to be; `*` stands for any characters.
    pub claims: BTreeMap<String, String>,
    /// The robot it becomes.
    pub account: AccountId,
    pub scopes: BTreeSet<String>,
    /// How long the token given in exchange is good for, in seconds.
    pub lasts_s: u32,
}

/// A token of an issuer, verified by the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    pub issuer: Name,
    /// Claims that are texts, numbers or truth values, as text.
    pub claims: BTreeMap<String, String>,
    /// The subject, kept outside the ledger.
    pub subject: NoteRef,
    /// What makes the token usable once.
    pub once: Digest,
    /// When the issuer's token ends.
    pub ends: Timestamp,
    /// The token that is given in exchange.
    pub token: TokenId,
    pub hash: Digest,
}

/// Whether a text fits a pattern in which `*` stands for any characters, none included. Case counts.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn denied(code: &str, message: String, clears: &str, who: &str) -> Refusal {
    Refusal::new(RefusalKind::Denied, message.clone(), vec![Blocker::new(code, message, clears, who)])
}

/// An issuer identifier or address: https, or http on this very machine.
fn address(wrong: &mut Vec<Blocker>, field: &str, value: &str) {
    let rest = value.strip_prefix("https://");
    let local = ["http://127.0.0.1", "http://[::1]", "http://localhost"].iter().find_map(|it| value.strip_prefix(it));
    let local = local.filter(|rest| rest.is_empty() || rest.starts_with([':', '/']));
    let good = rest
        .or(local)
        .is_some_and(|rest| !rest.contains(['#', '@', ' ', '\\']) && !value.chars().any(char::is_control));
    if !good || value.len() > 500 || rest == Some("") {
        let message = format!("{field} `{}` is no https address", value.chars().take(80).collect::<String>());
        wrong.push(Blocker::new("issuer-address", message, "an address that begins with https://", "you"));
    }
}

fn manage(world: &World, ctx: &Context) -> Result<(), Refusal> {
    authorise(world, ctx, Question::new("account.manage", "Organisation", "organisation")).map(drop)
}

pub(super) fn put_provider(world: &World, ctx: &Context, provider: &Provider) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx)?;
    let mut wrong = Vec::new();
    text(&mut wrong, "the title of the provider", &provider.title, 100);
    text(&mut wrong, "the client id", &provider.client_id, 500);
    text(&mut wrong, "the claim that lists groups", &provider.groups_claim, 100);
    address(&mut wrong, "issuer", &provider.issuer);
    if provider.groups.len() > GROUPS || provider.scopes.len() > 50 {
        let message = format!("at most {GROUPS} groups are mapped and 50 scopes asked for");
        wrong.push(Blocker::new("too-many", message, "fewer of them", "you"));
    }
    if let Some(secret) = &provider.secret {
        secret_reference(&mut wrong, secret);
    }
    provider.groups.values().for_each(|grant| unknown_roles(&grant.roles, &mut wrong));
    all_right("the identity provider cannot be entered like this", wrong)?;
    let same = world.people.providers.get(&provider.name).is_some_and(|it| **it == *provider);
    Ok(if same { Vec::new() } else { vec![Event::ProviderPut(ProviderPut { provider: provider.clone() })] })
}

/// A secret is never entered; what is entered says where it is.
pub(crate) fn secret_reference(wrong: &mut Vec<Blocker>, reference: &str) {
    // Not any variable and not any file: whoever may write a manifest must not have the server send what else this machine knows.
    let fits = |name: &str, more: &[u8], upper: bool| {
        (1..=100).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(|b| {
                b.is_ascii_digit() || more.contains(&b) || b.is_ascii_uppercase() || !upper && b.is_ascii_lowercase()
            })
    };
    let variable = reference.strip_prefix("env:INTERLOCK_SECRET_").is_some_and(|name| fits(name, b"_", true));
    let file = reference.strip_prefix("file:").is_some_and(|name| fits(name, b"._-", false));
    if !variable && !file {
        let message = "a secret is named by where it is, never entered itself";
        let clears =
            "`env:INTERLOCK_SECRET_NAME` (A-Z, 0-9, _), or `file:name` for a file in the server's directory of secrets";
        wrong.push(Blocker::new("secret-reference", message, clears, "you"));
    }
}

/// What the groups somebody is in give him.
fn granted(provider: &Provider, groups: &BTreeSet<String>) -> Grant {
    let mut sum = Grant::default();
    for grant in groups.iter().filter_map(|group| provider.groups.get(group)) {
        sum.roles.extend(grant.roles.iter().cloned());
        sum.groups.extend(grant.groups.iter().cloned());
    }
    sum
}

pub(super) fn sign_in(world: &World, ctx: &Context, it: &Claimed) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "a sign-in by an identity provider")?;
    let provider = world.people.providers.get(&it.provider).filter(|provider| !provider.disabled);
    let provider = provider.ok_or_else(|| Refusal::not_found("identity provider", &it.provider))?;
    let grant = granted(provider, &it.groups);
    let known = world.people.by_subject.get(&it.subject).copied();
    let signed_in = |account| {
        let (roles, groups) = (grant.roles.clone(), grant.groups.clone());
        Event::SignedIn(SignedIn { account, provider: it.provider.clone(), roles, groups })
    };
    let linked =
        |account| Event::SubjectLinked(SubjectLinked { account, provider: it.provider.clone(), subject: it.subject });
    match (known, it.link) {
        (Some(known), Some(link)) if known != link => Err(denied(
            "subject-taken",
            format!("this sign-in at `{}` belongs to account `{known}` already", provider.title),
            "sign in to that account, or have an administrator link the two accounts",
            "you",
        )),
        (Some(known), _) => {
            open_person(world, known)?;
            Ok(vec![signed_in(known)])
        }
        (None, Some(link)) => {
            open_person(world, link)?;
            Ok(vec![linked(link), signed_in(link)])
        }
        (None, None) => {
            if let Some(owner) = it.email.and_then(|email| world.people.author(&email)) {
                return Err(denied(
                    "account-exists",
                    format!(
                        "an account with this address exists, `{owner}`, and is not given away because an address is equal"
                    ),
                    "sign in to it with its password, then link the provider in your menu",
                    "you",
                ));
            }
            if !provider.creates_accounts {
                let message = format!("nobody has tied an account to this sign-in at `{}`", provider.title);
                return Err(denied("no-account", message, "an account, and its owner to link it", "an administrator"));
            }
            if world.people.account(it.account).is_some() {
                return Err(Refusal::invalid(
                    "id-taken",
                    format!("account `{}` exists already", it.account),
                    "a new id",
                ));
            }
            let spec = AccountSpec {
                kind: AccountKind::Human,
                roles: BTreeSet::new(),
                groups: BTreeSet::new(),
                identities: it.email.into_iter().collect(),
            };
            let put = Event::AccountPut(account_put(it.account, &spec));
            Ok(vec![put, linked(it.account), signed_in(it.account)])
        }
    }
}

fn open_person(world: &World, id: AccountId) -> Result<&Account, Refusal> {
    world.people.account(id).filter(|it| !it.closed && it.kind == AccountKind::Human).ok_or_else(|| {
        denied("account-closed", format!("account `{id}` is closed"), "another account", "an administrator")
    })
}

pub(super) fn put_issuer(world: &World, ctx: &Context, issuer: &Issuer) -> Result<Vec<Event>, Refusal> {
    manage(world, ctx)?;
    let mut wrong = Vec::new();
    text(&mut wrong, "the audience", &issuer.audience, 500);
    address(&mut wrong, "issuer", &issuer.issuer);
    if let Some(uri) = &issuer.jwks_uri {
        address(&mut wrong, "jwks_uri", uri);
    }
    if issuer.jwks_uri.is_some() && issuer.jwks.is_some() {
        wrong.push(Blocker::new("one-of", "keys are given and fetched at once", "either `jwks` or `jwks_uri`", "you"));
    }
    if issuer.rules.is_empty() || issuer.rules.len() > RULES {
        wrong.push(Blocker::new("count", format!("an issuer has 1 to {RULES} rules"), "as many rules", "you"));
    }
    for (number, rule) in (1..).zip(&issuer.rules) {
        rule_faults(world, number, rule, &mut wrong);
    }
    all_right("the issuer cannot be entered like this", wrong)?;
    let same = world.people.issuers.get(&issuer.name).is_some_and(|it| **it == *issuer);
    Ok(if same { Vec::new() } else { vec![Event::IssuerPut(IssuerPut { issuer: issuer.clone() })] })
}

fn rule_faults(world: &World, number: usize, rule: &Rule, wrong: &mut Vec<Blocker>) {
    let mut add = |code: &str, message: String, clears: &str| wrong.push(Blocker::new(code, message, clears, "you"));
    // A rule that only asks for anything would let in everybody whom the issuer serves.
    let bound = rule.claims.values().any(|pattern| pattern.chars().any(|c| c != '*'));
    if !bound || rule.claims.len() > 20 || rule.claims.values().any(|pattern| pattern.is_empty() || pattern.len() > 500)
    {
        let message = format!("rule {number} does not say which claims have to be what");
        add("claims-open", message, "1 to 20 claims, one of them at least with more than `*`");
    }
    let robot = world.people.account(rule.account).filter(|it| !it.closed && it.kind != AccountKind::Human);
    if robot.is_none() {
        add(
            "not-a-robot",
            format!("rule {number} lets in as `{}`, which is no open account of a robot", rule.account),
            "a robot",
        );
    }
    if rule.scopes.is_empty() {
        add("empty", format!("rule {number} gives no scope"), "the actions it is for");
    }
    for scope in rule.scopes.iter().filter(|scope| !actions().any(|action| action == scope.as_str())) {
        let clears = format!("one of: {}", actions().collect::<Vec<_>>().join(", "));
        add("unknown-scope", format!("`{scope}` is not an action a token could be limited to"), &clears);
    }
    if !(60..=EXCHANGED_S).contains(&rule.lasts_s) {
        add("length-out-of-range", format!("rule {number} lasts {} s", rule.lasts_s), "60 seconds to an hour");
    }
}

pub(super) fn admit(world: &World, ctx: &Context, it: &Admission) -> Result<Vec<Event>, Refusal> {
    only_by_system(ctx, "the exchange of a token")?;
    let issuer = world.people.issuers.get(&it.issuer).filter(|issuer| !issuer.disabled);
    let issuer = issuer.ok_or_else(|| Refusal::not_found("issuer", &it.issuer))?;
    if world.people.exchanged.get(&it.once).is_some_and(|until| ctx.now < *until) {
        let message = "this token was exchanged before, and each is good once".to_owned();
        return Err(denied("token-replayed", message, "ask the issuer for a new token", "you"));
    }
    let fits = |rule: &Rule| {
        rule.claims.iter().all(|(claim, pattern)| it.claims.get(claim).is_some_and(|value| matches(pattern, value)))
    };
    let Some((number, rule)) = (1..).zip(&issuer.rules).find(|(_, rule)| fits(rule)) else {
        let message = format!("no rule of issuer `{}` lets in a token with these claims", it.issuer);
        return Err(denied("no-rule", message, "a rule of the issuer that names them", "an administrator"));
    };
    let robot = world.people.account(rule.account).filter(|it| !it.closed);
    robot.ok_or_else(|| {
        denied(
            "account-closed",
            format!("robot `{}` is closed", rule.account),
            "a rule with another robot",
            "an administrator",
        )
    })?;
    let lasts = SignedDuration::from_secs(i64::from(rule.lasts_s.min(EXCHANGED_S)));
    let expires = ctx.now.checked_add(lasts).unwrap_or(ctx.now);
    Ok(vec![
        Event::TokenIssued(TokenIssued {
            token: it.token,
            account: rule.account,
            name: format!("exchanged with {}", it.issuer),
            hash: it.hash,
            scopes: Some(rule.scopes.clone()),
            expires,
        }),
        Event::Admitted(Admitted {
            issuer: it.issuer.clone(),
            rule: number,
            account: rule.account,
            token: it.token,
            subject: it.subject,
            once: it.once,
            // Some leeway: the edge takes a token a little beyond its end.
            until: it.ends.checked_add(SignedDuration::from_mins(5)).unwrap_or(it.ends),
        }),
    ])
}
