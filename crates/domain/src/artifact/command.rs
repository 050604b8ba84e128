//! What can be asked for about artefacts.

use super::{Artifact, SigningKey};
use crate::reason::NoteRef;
use interlock_ids::{Digest, Name, QuarantineId, ReleaseId};

#[derive(Clone, Debug)]
pub enum Command {
    /// Enters an artefact. The shell has computed the digest over the bytes and read the commits from the repository.
    Register {
        artifact: Artifact,
    },
    /// Enters a signing key, or revokes one by putting it again with `revoked`.
    PutKey {
        key: SigningKey,
    },
    /// Holds an artefact back, everywhere, at once. Several when a release took several out.
    Quarantine {
        digests: Vec<Digest>,
        because_of: Option<ReleaseId>,
        reason: Option<NoteRef>,
    },
    LiftQuarantine {
        quarantine: QuarantineId,
        reason: NoteRef,
    },
    /// Revokes a signing key.
    RevokeKey {
        key: Name,
    },
}
