//! What can be asked for in emergencies.

use crate::reason::NoteRef;
use interlock_ids::{ChangeId, Digest, GlassId, Name, ReleaseId};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub enum Command {
    /// Follows from the start of an emergency's deployment, or of one under a broken glass.
    Incur { release: ReleaseId },
    /// Approves after the event, or objects.
    Ratify { change: ChangeId, agreed: bool, reason: NoteRef, seen: Option<Digest> },
    /// Asks for a way round gates of one release, for `lasts_s` seconds, 60 to 4 hours, from its confirmation on.
    Break { glass: GlassId, release: ReleaseId, gates: BTreeSet<Name>, lasts_s: u32, reason: NoteRef },
    /// A second person agrees: from now on the gates are open.
    Confirm { glass: GlassId, reason: NoteRef },
    /// Gives the way up before its time.
    End { glass: GlassId, reason: NoteRef },
}
