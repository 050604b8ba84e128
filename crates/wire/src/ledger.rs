//! The ledger: head, checkpoints, entries with their exact bytes, proofs.

use crate::reason::{Severity, Status, Subject, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where the ledger stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root over them, `sha256:` and 64 hexadecimal digits.
    pub root: String,
    /// C2SP tlog-checkpoint: a signed note.
    pub checkpoint: String,
    /// The key that checks it: name, key id and key.
    pub verifier_key: String,
}

/// Which entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    /// A kind such as `release.planned`, or the room alone: `release`.
    pub kind: Option<String>,
    /// `<kind>:<id or name>`, such as `release:2026-11-checkout` or `environment:production`.
    pub subject: Option<String>,
    /// Login or id of an account, `runner:<name>`, or `system`.
    pub actor: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Words that occur in the sentence.
    pub q: Option<String>,
    pub cursor: Option<String>,
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// An entry in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntryRow {
    pub position: u64,
    pub at: Timestamp,
    pub kind: String,
    /// `account`, `runner` or `system`.
    pub actor: Subject,
    pub subjects: Vec<Subject>,
    /// What happened, in one sentence.
    pub summary: String,
    pub severity: Severity,
}

/// An entry with what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    #[serde(flatten)]
    pub row: EntryRow,
    /// The submission it belongs to: everything one command caused carries the same.
    pub submission: String,
    /// The exact stored bytes, standard base64.
    pub body: String,
    /// The same, read.
    #[schema(value_type = Object)]
    pub record: serde_json::Value,
    /// RFC 6962 leaf hash of the body.
    pub leaf_hash: String,
    pub proof: Proof,
}

/// The audit path of an entry (RFC 6962 section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proof {
    pub position: u64,
    pub tree_size: u64,
    /// From the leaf to the root.
    pub hashes: Vec<String>,
    pub root_hash: String,
    pub checkpoint: String,
    pub verifier_key: String,
}

/// Which two sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    #[param(minimum = 0)]
    pub old: u64,
    /// The present size if absent.
    #[param(minimum = 0)]
    pub new: Option<u64>,
}

/// Proof that the later ledger begins with the earlier (RFC 6962 section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consistency {
    pub old_size: u64,
    pub old_root: String,
    pub new_size: u64,
    pub new_root: String,
    pub hashes: Vec<String>,
}

/// Who signs the checkpoints of this ledger beside itself, and how far they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Witnesses {
    /// How many must have signed a checkpoint for it to be called witnessed.
    pub required: u32,
    /// `pass`: enough have signed the newest witnessed checkpoint, and nobody contradicts. `fail`: a witness has seen another past.
    /// `inconclusive`: too few have signed, or none are required.
    pub verdict: Verdict,
    /// In one sentence.
    pub summary: String,
    pub witnesses: Vec<Witness>,
    /// The newest checkpoint that enough have signed, with their lines.
    pub witnessed: Option<WitnessedCheckpoint>,
}

/// A witness and the newest checkpoint it has signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Witness {
    pub name: String,
    /// Name, key id and key (C2SP tlog-cosignature).
    pub key: String,
    pub address: String,
    /// Entries under the newest checkpoint it has signed.
    pub size: u64,
    /// Entries that were written since.
    pub behind: u64,
    /// By its own clock.
    pub signed_at: Option<Timestamp>,
    pub status: Status,
    /// Why it has not signed the next.
    pub trouble: Option<String>,
}

/// A checkpoint that enough witnesses have signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WitnessedCheckpoint {
    pub size: u64,
    pub root: String,
    pub checkpoint: String,
}
