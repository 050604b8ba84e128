//! What can be asked for about reviews.

use super::{Action, Cause};
use crate::reason::NoteRef;
use interlock_ids::{ReleaseId, ReviewId};
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub enum Command {
    /// Follows from a rolled-back release, or from what is owed after an emergency.
    OpenReview { release: ReleaseId, cause: Cause, due: Option<Timestamp> },
    /// Says what was found and what will be done.
    Complete { review: ReviewId, root_cause: NoteRef, factors: Vec<NoteRef>, actions: Vec<Action> },
}
