//! The hooks there are, and which deliveries are known.

use super::Event;
use crate::core::{Map, Meta};
use interlock_ids::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Deliveries that are remembered, over all hooks.
const REMEMBERED: usize = 20_000;

/// How a delivery proves who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// `X-Hub-Signature-256`: HMAC-SHA256 of the body, as GitHub and others send it.
    Github,
    /// `X-Gitlab-Token`: the secret itself.
    Gitlab,
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
}

/// A place to which another system delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    pub name: Name,
    pub scheme: Scheme,
    /// Where its secrets are, `env:INTERLOCK_SECRET_NAME` or `file:name`: any of them is taken, so that one can be replaced without a gap.
    pub secrets: Vec<String>,
    pub disabled: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub hooks: Map<Name, Hook>,
    /// Digest of each delivery that is remembered.
    seen: imbl::OrdMap<(Name, String), Digest>,
    order: imbl::Vector<(Name, String)>,
}

impl State {
    /// The digest of a delivery that came in before.
    pub fn seen(&self, hook: &Name, delivery: &str) -> Option<&Digest> {
        self.seen.get(&(hook.clone(), delivery.to_owned()))
    }

    pub(crate) fn apply(&mut self, event: &Event, _: &Meta) {
        match event {
            Event::HookPut(it) => {
                self.hooks.insert(it.hook.name.clone(), Arc::new(it.hook.clone()));
            }
            Event::Delivered(it) => {
                let key = (it.hook.clone(), it.delivery.clone());
                if self.seen.insert(key.clone(), it.digest).is_none() {
                    self.order.push_back(key);
                }
                while self.order.len() > REMEMBERED {
                    if let Some(oldest) = self.order.pop_front() {
                        self.seen.remove(&oldest);
                    }
                }
            }
        }
    }
}
