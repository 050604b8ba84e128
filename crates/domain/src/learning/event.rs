//! What has happened in reviews.

use super::{Action, Cause};
use crate::{
    core::{Subject, World, payload},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Name, ReleaseId, ReviewId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "learning.review_opened")]
    ReviewOpened(ReviewOpened),
    #[serde(rename = "learning.review_done")]
    ReviewDone(ReviewDone),
}

payload! {
    /// A review is due. Since 0.1.
    ReviewOpened {
        review: ReviewId,
        release: ReleaseId,
        services: BTreeSet<Name>,
        due: Timestamp,
        /// What it is about; since 0.2, before that always a rollback.
        #[serde(default, skip_serializing_if = "Cause::is_rollback")]
        cause: Cause,
    }
    /// A review is done. Since 0.1.
    ReviewDone { review: ReviewId, account: AccountId, root_cause: NoteRef, factors: Vec<NoteRef>, actions: Vec<Action> }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::ReviewOpened(_) => "learning.review_opened",
            Event::ReviewDone(_) => "learning.review_done",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let release = match self {
            Event::ReviewOpened(it) => Some(it.release),
            Event::ReviewDone(it) => world.learning.review(it.review).map(|review| review.release),
        };
        release.map(Subject::Release).into_iter().collect()
    }
}
