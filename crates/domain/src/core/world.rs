//! The world: the state of every room, as one value. Cloning it is cheap; a reader holds a consistent snapshot without a lock.

use super::Trail;
use crate::*;
use serde::{Deserialize, Serialize};

/// Everything that is known at one position of the ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Entries folded into this world: the position the next entry will have.
    pub position: u64,
    /// Keeps the details of what is over. Only so for a look at one object, never for a world that is carried on.
    #[serde(skip)]
    pub(super) whole: bool,
    pub trail: Trail,
    pub reason: reason::State,
    pub policy: policy::State,
    pub people: people::State,
    pub intake: intake::State,
    pub catalog: catalog::State,
    pub calendar: calendar::State,
    pub environment: environment::State,
    pub runner: runner::State,
    pub artifact: artifact::State,
    pub change: change::State,
    #[serde(default)]
    pub board: board::State,
    pub release: release::State,
    #[serde(default)]
    pub template: template::State,
    pub deployment: deployment::State,
    pub verification: verification::State,
    pub operations: operations::State,
    pub rollback: rollback::State,
    #[serde(default)]
    pub emergency: emergency::State,
    pub learning: learning::State,
}
