//! Evidence packs: what to ask for one with. What a pack is, is told in `docs/reference/evidence-pack.md`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which pack: of one release, or of a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeEvidence {
    /// Id or name of a release; or else a period.
    #[serde(default)]
    pub release: Option<String>,
    /// Beginning of the period.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// End of the period, which does not belong to it.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// A checkpoint (signed note) that was kept: the pack shows that the ledger continues it.
    #[serde(default)]
    #[schema(max_length = 16384)]
    pub earlier: Option<String>,
    /// Puts the names of people in. They are not proven, and can no longer be erased from the pack.
    #[serde(default)]
    pub names: bool,
}
