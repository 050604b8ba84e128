//! A refusal by policy is itself recorded: who tried what, and why it was not let through.

use super::{Blocker, Outcome};
use crate::core::{Meta, Subject};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "reason.refused")]
    Refused(Refused),
}

/// Somebody tried something and was refused. Since 0.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The action that was tried, as policies name it.
    pub action: String,
    pub subject: Option<Subject>,
    pub summary: String,
    pub blockers: Vec<Blocker>,
    pub outcome: Outcome,
    pub policy_set: Option<String>,
    pub facts: Option<String>,
    /// Ids of the policies that decided; entries of before 0.2 do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// How often something was refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub refusals: u64,
}

impl State {
    pub(crate) fn apply(&mut self, event: &Event, _meta: &Meta) {
        match event {
            Event::Refused(_) => self.refusals += 1,
        }
    }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Refused(_) => "reason.refused",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Event::Refused(it) => it.subject.iter().cloned().collect(),
        }
    }
}
