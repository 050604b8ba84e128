//! What can be asked for about templates.

use crate::reason::NoteRef;
use interlock_ids::{Name, ReleaseId};

#[derive(Clone, Debug)]
pub enum Command {
    /// Proposes a template, or another version of one, from the shape of a release. `bar`: the lower bound of the success rate
    /// from which on it is trusted, in thousandths, 500 to 999.
    Propose {
        template: Name,
        from: ReleaseId,
        bar: u32,
        reason: NoteRef,
    },
    Approve {
        template: Name,
        reason: NoteRef,
    },
    Withdraw {
        template: Name,
        reason: NoteRef,
    },
    /// Follows from the end of a release that used it.
    Reckon {
        release: ReleaseId,
        good: bool,
    },
}
