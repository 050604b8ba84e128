//! What has happened about intake.

use super::Hook;
use crate::core::{Subject, payload};
use interlock_ids::{Digest, Name};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "intake.hook_put")]
    HookPut(HookPut),
    #[serde(rename = "intake.delivered")]
    Delivered(Delivered),
}

payload! {
    /// A hook was entered or changed. Since 0.2.
    HookPut { hook: Hook }
    /// A verified delivery came in: `delivery` is the sender's id of it, `what` the sender's word for what it is about, `digest` and `size` (bytes) are of the body. Since 0.2.
    Delivered { hook: Name, delivery: String, what: String, digest: Digest, size: u32 }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::HookPut(_) => "intake.hook_put",
            Event::Delivered(_) => "intake.delivered",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Event::HookPut(_) | Event::Delivered(_) => Vec::new(),
        }
    }
}
