//! What can be asked for about reviews.

use super::Action;
use crate::reason::NoteRef;
use interlock_ids::{ReleaseId, ReviewId};

#[derive(Clone, Debug)]
pub enum Command {
    /// Follows from a rolled-back release.
    OpenReview { release: ReleaseId },
    /// Says what was found and what will be done.
    Complete { review: ReviewId, root_cause: NoteRef, factors: Vec<NoteRef>, actions: Vec<Action> },
}
