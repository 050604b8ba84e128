//! Policy sets as they were installed. The text itself is in the entry, so that any past verdict can be recomputed.

use crate::core::Meta;
use interlock_policy::{Pack, PolicySet};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "policy.installed")]
    Installed(Installed),
}

/// A policy set took force. Since 0.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    pub digest: String,
    pub packs: Vec<Pack>,
}

/// The set in force. Only the text is kept in a snapshot; it is compiled again on the way in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Text", into = "Text")]
pub struct State {
    packs: std::sync::Arc<Vec<Pack>>,
    set: Option<PolicySet>,
    since: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Text {
    packs: std::sync::Arc<Vec<Pack>>,
    since: Option<u64>,
}

impl From<Text> for State {
    fn from(text: Text) -> Self {
        let set = if text.packs.is_empty() { None } else { PolicySet::compile(&text.packs).ok() };
        Self { packs: text.packs, set, since: text.since }
    }
}

impl From<State> for Text {
    fn from(state: State) -> Self {
        Self { packs: state.packs, since: state.since }
    }
}

impl State {
    /// The set in force; `None` before the first installation, or if this version cannot compile what was installed. Then
    /// every question is inconclusive, and nothing is allowed.
    pub fn set(&self) -> Option<&PolicySet> {
        self.set.as_ref()
    }

    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// Position of the entry that installed the set in force.
    pub fn since(&self) -> Option<u64> {
        self.since
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Installed(it) => {
                *self = Self {
                    packs: std::sync::Arc::new(it.packs.clone()),
                    set: PolicySet::compile(&it.packs).ok(),
                    since: Some(meta.position),
                };
            }
        }
    }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Installed(_) => "policy.installed",
        }
    }
}
