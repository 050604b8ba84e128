//! What has happened to templates.

use super::Shape;
use crate::{
    core::{Subject, World, payload},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, Name, ReleaseId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "template.proposed")]
    Proposed(Proposed),
    #[serde(rename = "template.approved")]
    Approved(Approved),
    #[serde(rename = "template.withdrawn")]
    Withdrawn(Withdrawn),
    #[serde(rename = "template.used")]
    Used(Used),
    #[serde(rename = "template.earned")]
    Earned(Earned),
    #[serde(rename = "template.lost")]
    Lost(Lost),
}

payload! {
    /// A template, or another version of one, was proposed. Since 0.2.
    Proposed { template: Name, version: u32, from: ReleaseId, shape: Shape, bar: u32, account: AccountId, reason: NoteRef }
    /// A template was approved: releases that match it are standard changes. Since 0.2.
    Approved { template: Name, version: u32, account: AccountId, reason: NoteRef, signature: Signature, ruling: Ruling }
    /// A template is not to be used any more. Since 0.2.
    Withdrawn { template: Name, version: u32, account: AccountId, reason: NoteRef }
    /// A release that used the template has ended: well, or taken back. Since 0.2.
    Used { template: Name, version: u32, release: ReleaseId, good: bool }
    /// The template is trusted from now on. `lower`: the lower bound of its success rate, in millionths. Since 0.2.
    Earned { template: Name, version: u32, uses: u32, good: u32, lower: u32 }
    /// The template is trusted no more. Since 0.2.
    Lost { template: Name, version: u32, uses: u32, good: u32, lower: u32 }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Proposed(_) => "template.proposed",
            Event::Approved(_) => "template.approved",
            Event::Withdrawn(_) => "template.withdrawn",
            Event::Used(_) => "template.used",
            Event::Earned(_) => "template.earned",
            Event::Lost(_) => "template.lost",
        }
    }

    pub fn subjects(&self, _world: &World) -> Vec<Subject> {
        match self {
            Event::Proposed(it) => vec![Subject::Release(it.from)],
            Event::Used(it) => vec![Subject::Release(it.release)],
            Event::Approved(_) | Event::Withdrawn(_) | Event::Earned(_) | Event::Lost(_) => Vec::new(),
        }
    }
}
