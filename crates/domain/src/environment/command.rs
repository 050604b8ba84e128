//! What can be asked for about environments.

use super::Environment;
use crate::reason::NoteRef;
use interlock_ids::{ClaimId, Name};
use jiff::Timestamp;

#[derive(Clone, Debug)]
pub enum Command {
    /// Creates an environment or replaces it as a whole.
    PutEnvironment {
        environment: Environment,
    },
    RemoveEnvironment {
        environment: Name,
    },
    /// Claims an environment for oneself, from now on.
    Claim {
        claim: ClaimId,
        environment: Name,
        until: Timestamp,
        purpose: NoteRef,
    },
    EndClaim {
        claim: ClaimId,
    },
}
