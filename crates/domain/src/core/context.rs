//! What a decision may know of here and now: filled in by the shell, never read from the machine.

use crate::reason::Proof;
use interlock_ids::{AccountId, Fresh, Name, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who did something, as the ledger records it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person's or a robot's account.
    Account(AccountId),
    /// A runner, by its name.
    Runner(Name),
    /// Interlock itself: a timer, a reaction, a measurement.
    System,
}

/// Who asks, as the edge has authenticated it. What he may do is decided by policy, never by the edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub by: By,
    /// The token used, if any. Its scopes narrow what the account may do.
    pub token: Option<TokenId>,
    /// Actions the token is limited to; `None` means no limit.
    pub scopes: Option<BTreeSet<String>>,
    /// How whoever asks has proved with this very request that it is he: what signatures are made of.
    pub proof: Option<Proof>,
}

impl Actor {
    pub fn system() -> Self {
        Self { by: By::System, token: None, scopes: None, proof: None }
    }

    pub fn account(id: AccountId) -> Self {
        Self { by: By::Account(id), token: None, scopes: None, proof: None }
    }

    /// The same, having proved with the request who he is.
    pub fn proving(self, proof: Proof) -> Self {
        Self { proof: Some(proof), ..self }
    }

    pub fn runner(name: Name) -> Self {
        Self { by: By::Runner(name), token: None, scopes: None, proof: None }
    }

    pub fn account_id(&self) -> Option<AccountId> {
        match self.by {
            By::Account(id) => Some(id),
            By::Runner(_) | By::System => None,
        }
    }
}

/// All a decision may know beside the world.
#[derive(Clone, Debug)]
pub struct Context {
    pub now: Timestamp,
    pub actor: Actor,
    pub ids: Fresh,
}

impl Context {
    /// The same moment and the same source of ids, seen as Interlock itself: for what follows from a decision.
    pub fn as_system(&self) -> Self {
        Self { now: self.now, actor: Actor::system(), ids: self.ids.clone() }
    }
}

/// What the ledger knows about an event beside the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    pub position: u64,
    pub at: Timestamp,
    pub by: By,
}
