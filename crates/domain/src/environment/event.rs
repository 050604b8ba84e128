//! What has happened to environments.

use super::Environment;
use crate::{
    core::{Subject, World, payload},
    reason::NoteRef,
};
use interlock_ids::{AccountId, ClaimId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "environment.put")]
    EnvironmentPut(EnvironmentPut),
    #[serde(rename = "environment.removed")]
    EnvironmentRemoved(EnvironmentRemoved),
    #[serde(rename = "environment.claimed")]
    Claimed(Claimed),
    #[serde(rename = "environment.claim_ended")]
    ClaimEnded(ClaimEnded),
}

payload! {
    /// An environment was entered or replaced. Since 0.1.
    EnvironmentPut { environment: Environment }
    /// An environment was removed. Since 0.1.
    EnvironmentRemoved { environment: Name }
    /// Somebody claimed an environment. Since 0.1.
    Claimed { claim: ClaimId, environment: Name, account: AccountId, until: Timestamp, purpose: NoteRef }
    /// A claim was given back. Since 0.1.
    ClaimEnded { claim: ClaimId }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::EnvironmentPut(_) => "environment.put",
            Event::EnvironmentRemoved(_) => "environment.removed",
            Event::Claimed(_) => "environment.claimed",
            Event::ClaimEnded(_) => "environment.claim_ended",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        match self {
            Event::EnvironmentPut(it) => vec![Subject::Environment(it.environment.name.clone())],
            Event::EnvironmentRemoved(it) => vec![Subject::Environment(it.environment.clone())],
            Event::Claimed(it) => vec![Subject::Environment(it.environment.clone())],
            Event::ClaimEnded(it) => world
                .environment
                .claims
                .get(&it.claim)
                .map(|claim| Subject::Environment(claim.environment.clone()))
                .into_iter()
                .collect(),
        }
    }
}
