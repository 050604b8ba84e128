//! What can be asked for about artefacts.

use super::{Artifact, Evidence, Meaning, Shown, SigningKey};
use crate::reason::NoteRef;
use interlock_ids::{Digest, EvidenceId, Name, QuarantineId, ReleaseId};

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
    /// Attaches evidence. The shell has stored the document and read it.
    Attach {
        evidence: Evidence,
    },
    /// Signs evidence. The shell has seen how whoever signs has shown again who they are.
    Sign {
        evidence: EvidenceId,
        meaning: Meaning,
        shown: Shown,
        reason: Option<NoteRef>,
    },
    /// Revokes a signing key.
    RevokeKey {
        key: Name,
    },
}
