//! The reviews there are.

use super::Event;
use crate::{
    core::{Map, Meta, edit},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Name, ReleaseId, ReviewId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    Open,
    Done,
}

/// What a review is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A release was taken back: the review blocks from the beginning.
    #[default]
    Rollback,
    /// There was an emergency, or the glass was broken: the review blocks once it is overdue.
    Emergency,
}

impl Cause {
    pub(crate) fn is_rollback(&self) -> bool {
        *self == Cause::Rollback
    }
}

/// Something to be done after a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    pub text: NoteRef,
    pub owner: AccountId,
    pub due: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub id: ReviewId,
    pub release: ReleaseId,
    pub services: BTreeSet<Name>,
    #[serde(default)]
    pub cause: Cause,
    pub status: ReviewStatus,
    pub opened: Timestamp,
    pub due: Timestamp,
    pub done: Option<Timestamp>,
    pub done_by: Option<AccountId>,
    pub root_cause: Option<NoteRef>,
    pub factors: Vec<NoteRef>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub reviews: Map<ReviewId, Review>,
    pub open: imbl::OrdSet<ReviewId>,
    pub by_release: imbl::OrdMap<ReleaseId, ReviewId>,
}

impl State {
    pub fn review(&self, id: ReviewId) -> Option<&Review> {
        self.reviews.get(&id).map(Arc::as_ref)
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::ReviewOpened(it) => {
                self.open.insert(it.review);
                self.by_release.insert(it.release, it.review);
                let review = Review {
                    id: it.review,
                    release: it.release,
                    services: it.services.clone(),
                    cause: it.cause,
                    status: ReviewStatus::Open,
                    opened: meta.at,
                    due: it.due,
                    done: None,
                    done_by: None,
                    root_cause: None,
                    factors: Vec::new(),
                    actions: Vec::new(),
                };
                self.reviews.insert(it.review, Arc::new(review));
            }
            Event::ReviewDone(it) => {
                self.open.remove(&it.review);
                edit(&mut self.reviews, &it.review, |review| {
                    review.status = ReviewStatus::Done;
                    review.done = Some(meta.at);
                    review.done_by = Some(it.account);
                    review.root_cause = Some(it.root_cause);
                    review.factors = it.factors.clone();
                    review.actions = it.actions.clone();
                });
            }
        }
    }
}
