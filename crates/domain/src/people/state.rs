//! Who there is, and what follows from it: one person's accounts, delegations in force, leave.

use super::{Event, Issuer, Provider};
use crate::core::{Actor, By, Map, Meta, edit};
use interlock_ids::{AccountId, DelegationId, Digest, Identity, Name, NoteId, TokenId};
use interlock_policy::{Principal, PrincipalKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Whether a person or a program is behind an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Human,
    /// A program, answered for by a person.
    Robot {
        owner: AccountId,
    },
}

/// Roles and groups from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub roles: BTreeSet<Name>,
    pub groups: BTreeSet<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    /// All of them: what administrators gave, and what identity providers gave at the last sign-in.
    pub roles: BTreeSet<Name>,
    pub groups: BTreeSet<Name>,
    /// What administrators gave.
    pub own: Given,
    /// What each identity provider gave at the last sign-in.
    pub given: BTreeMap<Name, Given>,
    pub identities: BTreeSet<Identity>,
    /// Other accounts of the same person.
    pub links: BTreeSet<AccountId>,
    pub closed: bool,
    /// Who is behind it was forgotten: the entry that says so.
    pub erased: Option<u64>,
    pub leave: Vec<(Timestamp, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub id: TokenId,
    pub account: AccountId,
    pub name: String,
    pub hash: Digest,
    pub scopes: Option<BTreeSet<String>>,
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub revoked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    pub id: DelegationId,
    pub from: AccountId,
    pub to: AccountId,
    pub from_time: Timestamp,
    pub until: Timestamp,
    pub ended: bool,
}

/// The one-time way to the first administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    pub secret: Digest,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub organisation: Option<String>,
    pub setup: Option<Setup>,
    pub accounts: Map<AccountId, Account>,
    pub tokens: Map<TokenId, Token>,
    pub token_by_hash: imbl::OrdMap<Digest, TokenId>,
    pub by_identity: imbl::OrdMap<Identity, AccountId>,
    pub delegations: Map<DelegationId, Delegation>,
    /// Texts that were taken off the desk, with the entry that says so.
    pub redacted: imbl::OrdMap<NoteId, u64>,
    pub providers: Map<Name, Provider>,
    /// Who the subjects of identity providers are.
    pub by_subject: imbl::OrdMap<Identity, AccountId>,
    pub issuers: Map<Name, Issuer>,
    /// Tokens of issuers that were exchanged, until they would have ended anyway: none is taken twice.
    pub exchanged: imbl::OrdMap<Digest, Timestamp>,
    /// Tokens given in exchange, by their end.
    pub exchanged_for: imbl::OrdSet<(Timestamp, TokenId)>,
}

impl Account {
    /// Sums up what all sources gave.
    fn sum(&mut self) {
        let sources = || std::iter::once(&self.own).chain(self.given.values());
        let roles = sources().flat_map(|it| it.roles.iter().cloned()).collect();
        let groups = sources().flat_map(|it| it.groups.iter().cloned()).collect();
        (self.roles, self.groups) = (roles, groups);
    }
}

impl State {
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).map(Arc::as_ref)
    }

    /// The account of whoever commits with this address, as far as it is known.
    pub fn author(&self, identity: &Identity) -> Option<AccountId> {
        self.by_identity.get(identity).copied()
    }

    /// The token with this secret's hash, if it is in force.
    pub fn token(&self, hash: &Digest, now: Timestamp) -> Option<&Token> {
        let token = self.tokens.get(self.token_by_hash.get(hash)?)?;
        let open = self.account(token.account).is_some_and(|account| !account.closed);
        (open && !token.revoked && now < token.expires).then_some(token.as_ref())
    }

    /// All accounts that one person can act through: linked accounts, transitively, and the robots he owns.
    pub fn reach(&self, id: AccountId) -> BTreeSet<AccountId> {
        let mut reached = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            let linked = self.account(next).into_iter().flat_map(|account| account.links.iter().copied());
            let owned =
                self.accounts.values().filter(|it| it.kind == AccountKind::Robot { owner: next }).map(|it| it.id);
            let owner = self.account(next).and_then(|account| match account.kind {
                AccountKind::Robot { owner } => Some(owner),
                AccountKind::Human => None,
            });
            for other in linked.chain(owned).chain(owner) {
                if reached.insert(other) {
                    open.push(other);
                }
            }
        }
        reached
    }

    /// Whether both accounts are the same person, directly, through links or through a robot's owner.
    pub fn same_person(&self, a: AccountId, b: AccountId) -> bool {
        self.reach(a).contains(&b)
    }

    /// Delegations to `to` that are in force.
    pub fn delegations_to(&self, to: AccountId, now: Timestamp) -> impl Iterator<Item = &Delegation> {
        self.delegations
            .values()
            .map(Arc::as_ref)
            .filter(move |it| it.to == to && !it.ended && it.from_time <= now && now < it.until)
    }

    pub fn on_leave(&self, id: AccountId, at: Timestamp) -> bool {
        self.account(id).is_some_and(|it| it.leave.iter().any(|(from, until)| *from <= at && at < *until))
    }

    /// The actor as policies see him. A closed or unknown account has no roles.
    pub fn principal(&self, actor: &Actor) -> Principal {
        let none = BTreeSet::new();
        let names = |set: &BTreeSet<Name>| set.iter().map(Name::to_string).collect::<BTreeSet<_>>();
        match &actor.by {
            By::System => {
                Principal { id: "system".into(), kind: PrincipalKind::System, roles: none.clone(), groups: none }
            }
            By::Runner(name) => Principal {
                id: format!("runner:{name}"),
                kind: PrincipalKind::Runner,
                roles: none.clone(),
                groups: none,
            },
            By::Account(id) => match self.account(*id).filter(|it| !it.closed) {
                Some(account) => Principal {
                    id: id.to_string(),
                    kind: match account.kind {
                        AccountKind::Human => PrincipalKind::Human,
                        AccountKind::Robot { .. } => PrincipalKind::Robot,
                    },
                    roles: names(&account.roles),
                    groups: names(&account.groups),
                },
                None => Principal { id: id.to_string(), kind: PrincipalKind::Human, roles: none.clone(), groups: none },
            },
        }
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Founded(it) => {
                self.organisation = Some(it.organisation.clone());
                self.setup = Some(Setup { secret: it.setup, until: it.setup_until });
            }
            Event::SetupClaimed(_) => self.setup = None,
            Event::AccountPut(it) => self.put(it),
            Event::AccountsLinked(it) => {
                edit(&mut self.accounts, &it.a, |account| account.links.extend([it.b]));
                edit(&mut self.accounts, &it.b, |account| account.links.extend([it.a]));
            }
            Event::AccountClosed(it) => edit(&mut self.accounts, &it.account, |account| account.closed = true),
            Event::TokenIssued(it) => {
                let token = Token {
                    id: it.token,
                    account: it.account,
                    name: it.name.clone(),
                    hash: it.hash,
                    scopes: it.scopes.clone(),
                    issued: meta.at,
                    expires: it.expires,
                    revoked: false,
                };
                self.token_by_hash.insert(it.hash, it.token);
                self.tokens.insert(it.token, Arc::new(token));
            }
            Event::TokenRevoked(it) => edit(&mut self.tokens, &it.token, |token| token.revoked = true),
            Event::Delegated(it) => {
                let delegation = Delegation {
                    id: it.delegation,
                    from: it.from,
                    to: it.to,
                    from_time: it.from_time,
                    until: it.until,
                    ended: false,
                };
                self.delegations.insert(it.delegation, Arc::new(delegation));
            }
            Event::DelegationEnded(it) => {
                edit(&mut self.delegations, &it.delegation, |delegation| delegation.ended = true)
            }
            Event::PersonErased(it) => {
                edit(&mut self.accounts, &it.account, |account| {
                    account.closed = true;
                    account.erased = Some(meta.position);
                    account.leave.clear();
                });
                let concerned: Vec<DelegationId> = self
                    .delegations
                    .values()
                    .filter(|held| !held.ended && (held.from == it.account || held.to == it.account))
                    .map(|held| held.id)
                    .collect();
                for id in concerned {
                    edit(&mut self.delegations, &id, |delegation| delegation.ended = true);
                }
            }
            Event::NoteRedacted(it) => drop(self.redacted.insert(it.note, meta.position)),
            Event::LeavePut(it) => {
                edit(&mut self.accounts, &it.account, |account| account.leave.push((it.from_time, it.until)))
            }
            Event::ProviderPut(it) => {
                if it.provider.disabled {
                    self.take_back(&it.provider.name);
                }
                self.providers.insert(it.provider.name.clone(), Arc::new(it.provider.clone()));
            }
            Event::SubjectLinked(it) => {
                self.by_subject.insert(it.subject, it.account);
            }
            Event::SignedIn(it) => edit(&mut self.accounts, &it.account, |account| {
                let given = Given { roles: it.roles.clone(), groups: it.groups.clone() };
                account.given.insert(it.provider.clone(), given);
                account.sum();
            }),
            Event::IssuerPut(it) => {
                self.issuers.insert(it.issuer.name.clone(), Arc::new(it.issuer.clone()));
            }
            Event::Admitted(it) => {
                self.forget_exchanged(meta.at);
                self.exchanged.insert(it.once, it.until);
                if let Some(token) = self.tokens.get(&it.token) {
                    self.exchanged_for.insert((token.expires, it.token));
                }
            }
        }
    }

    /// An identity provider that is switched off takes back what it gave.
    fn take_back(&mut self, provider: &Name) {
        let given = self.accounts.iter().filter(|(_, account)| account.given.contains_key(provider));
        let ids: Vec<AccountId> = given.map(|(id, _)| *id).collect();
        for id in ids {
            edit(&mut self.accounts, &id, |account| {
                account.given.remove(provider);
                account.sum();
            });
        }
    }

    /// Drops what is over: builds exchange tokens by the hundred a day, and a token that has ended opens nothing.
    fn forget_exchanged(&mut self, now: Timestamp) {
        let over: Vec<(Timestamp, TokenId)> =
            self.exchanged_for.iter().take_while(|(end, _)| *end <= now).copied().collect();
        for pair in over {
            self.exchanged_for.remove(&pair);
            if let Some(token) = self.tokens.remove(&pair.1) {
                self.token_by_hash.remove(&token.hash);
            }
        }
        let over: Vec<Digest> =
            self.exchanged.iter().filter(|(_, until)| **until <= now).map(|(once, _)| *once).collect();
        for once in &over {
            self.exchanged.remove(once);
        }
    }

    fn put(&mut self, it: &super::AccountPut) {
        let before = self.account(it.account).cloned();
        for identity in before.iter().flat_map(|account| &account.identities) {
            self.by_identity.remove(identity);
        }
        for identity in &it.identities {
            self.by_identity.insert(*identity, it.account);
        }
        let mut account = Account {
            id: it.account,
            kind: it.account_kind,
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
            own: Given { roles: it.roles.clone(), groups: it.groups.clone() },
            given: before.as_ref().map(|account| account.given.clone()).unwrap_or_default(),
            identities: it.identities.clone(),
            links: before.as_ref().map(|account| account.links.clone()).unwrap_or_default(),
            closed: false,
            erased: None,
            leave: before.map(|account| account.leave).unwrap_or_default(),
        };
        account.sum();
        self.accounts.insert(it.account, Arc::new(account));
    }
}
