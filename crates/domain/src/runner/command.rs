//! What can be asked for about runners.

use super::Key;
use crate::reason::NoteRef;
use interlock_ids::{Digest, Name};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub enum Command {
    /// Lets a runner of this name in, once, until a moment. `token`: SHA-256 of the secret. An earlier invitation ends.
    Invite { runner: Name, token: Digest, labels: BTreeMap<String, String>, until: Timestamp },
    /// Takes an invitation back that was not used.
    Withdraw { runner: Name },
    /// A runner uses its invitation and says what its key is.
    Enrol { token: Digest, key: Key },
    /// A runner replaces its key by another. Both are good for a short time.
    RotateKey { runner: Name, key: Key },
    /// A runner may do nothing any more, from the next request on; what it holds is fenced off.
    Revoke { runner: Name, reason: NoteRef },
    /// A runner gets no new steps and finishes what it holds; or gets steps again.
    Drain { runner: Name, drained: bool },
}
