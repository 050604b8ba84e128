//! The environments there are.

use super::Event;
use crate::{
    core::{Map, Meta, edit},
    reason::NoteRef,
};
use interlock_ids::{AccountId, ClaimId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Development,
    Test,
    Staging,
    Production,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Development => "development",
            Tier::Test => "test",
            Tier::Staging => "staging",
            Tier::Production => "production",
        }
    }
}

/// Who may deploy: anybody who is in one of the groups or has one of the accounts' roles listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deployers {
    pub roles: BTreeSet<Name>,
    pub groups: BTreeSet<Name>,
}

/// A place where services run: an instance, a host, a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub name: Name,
    /// How it is reached, such as `http://127.0.0.1:4001`.
    pub address: String,
    /// Services that run on it.
    pub services: BTreeSet<Name>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Values for steps: `${target.params.<name>}`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Labels a runner must have to be given steps for it: who reaches it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runner: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub name: Name,
    pub tier: Tier,
    /// Whether the rules of production hold. Always so for tier production.
    pub production_like: bool,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub deployers: Deployers,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub id: ClaimId,
    pub environment: Name,
    pub by: AccountId,
    pub since: Timestamp,
    pub until: Timestamp,
    pub purpose: NoteRef,
    pub ended: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub environments: Map<Name, Environment>,
    pub claims: Map<ClaimId, Claim>,
}

impl State {
    pub fn environment(&self, name: &Name) -> Option<&Environment> {
        self.environments.get(name).map(Arc::as_ref)
    }

    /// The exclusive claim that holds an environment at a moment.
    pub fn claim(&self, environment: &Name, at: Timestamp) -> Option<&Claim> {
        self.claims
            .values()
            .map(Arc::as_ref)
            .find(|it| it.environment == *environment && it.ended.is_none() && it.since <= at && at < it.until)
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::EnvironmentPut(it) => {
                drop(self.environments.insert(it.environment.name.clone(), Arc::new(it.environment.clone())));
            }
            Event::EnvironmentRemoved(it) => drop(self.environments.remove(&it.environment)),
            Event::Claimed(it) => {
                let claim = Claim {
                    id: it.claim,
                    environment: it.environment.clone(),
                    by: it.account,
                    since: meta.at,
                    until: it.until,
                    purpose: it.purpose,
                    ended: None,
                };
                self.claims.insert(it.claim, Arc::new(claim));
            }
            Event::ClaimEnded(it) => edit(&mut self.claims, &it.claim, |claim| claim.ended = Some(meta.at)),
        }
    }
}
