//! What can be asked for about intake.

use super::Hook;
use interlock_ids::{Digest, Name};

#[derive(Clone, Debug)]
pub enum Command {
    /// Enters a hook or changes it.
    PutHook { hook: Hook },
    /// Takes in a delivery that the edge has verified. Only Interlock itself may.
    Deliver { hook: Name, delivery: String, what: String, digest: Digest, size: u32 },
}
