//! What can be asked for about watches.

use crate::core::Fence;
use interlock_ids::{DeploymentId, Digest, Name, WatchId};

#[derive(Clone, Debug)]
pub enum Command {
    /// Begins with a forward deployment; follows from it.
    Begin { deployment: DeploymentId },
    /// The deployment is everywhere: the time after it begins.
    Stabilise { deployment: DeploymentId },
    /// A trigger's condition has held for as long as it says. From the shell that measures.
    Fire { watch: WatchId, fence: Fence, trigger: Name, value: f64, evidence: Digest },
    /// The time is over. From the shell that measured: how often it looked, how often it saw something.
    End { watch: WatchId, fence: Fence, looks: u32, usable: u32, evidence: Digest },
    /// The release is being taken back.
    Stop { watch: WatchId },
}
