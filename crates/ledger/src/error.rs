//! What can go wrong with a ledger, each with a stable code.
//!
//! **Invariant:** a code is never reused and never changes its meaning; `docs/errors/<code>.md` explains it.
//! Codes from L001 to L029 mean that the ledger is not what was signed or not ours to open; L030 and above are refusals
//! and passing troubles that leave it untouched.
//! **Deliberately absent:** the types of SQLite. A caller decides by code; the detail is for people.

use crate::digest::Digest;
use std::path::PathBuf;

/// A ledger refuses to open, to answer or to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("`{}` is not an interlock ledger: {why}; check the path of the data directory", path.display())]
    Foreign { path: PathBuf, why: String },
    #[error(
        "the ledger has format {found}, this program knows formats up to {known}; use the version that wrote it or a newer one"
    )]
    NewerFormat { found: i64, known: i64 },
    #[error("the tables of the ledger were altered: {what}; restore a backup")]
    SchemaAltered { what: String },
    #[error("the signing key `{}` is missing; restore it from the backup it was made with, for a new one cannot stand in for it", path.display())]
    KeyMissing { path: PathBuf },
    #[error("the signing key `{}` cannot be used: {why}", path.display())]
    KeyUnusable { path: PathBuf, why: String },
    #[error(
        "the ledger belongs to key `{found}`, but the key at hand is `{expected}`; somebody signed with another key, or the key file is that of another ledger"
    )]
    WrongKey { expected: String, found: String },
    #[error("the signed checkpoint is damaged: {why}; restore a backup")]
    CheckpointDamaged { why: String },
    #[error("entry {position} was altered: its bytes do not have the hash recorded for it; restore a backup")]
    EntryAltered { position: u64 },
    #[error("entries {position} and {other} were exchanged; restore a backup")]
    EntriesSwapped { position: u64, other: u64 },
    #[error("entry {position} is missing, though later ones are there; restore a backup")]
    EntryMissing { position: u64 },
    #[error(
        "the ledger ends before entry {position}, but its checkpoint was signed over {signed} entries; restore a backup"
    )]
    TailMissing { position: u64, signed: u64 },
    #[error(
        "entry {position} stands outside the {signed} entries that the checkpoint was signed over; restore a backup"
    )]
    EntryUnsigned { position: i64, signed: u64 },
    #[error(
        "the stored tree is damaged from entry {position} on (level {level}), while the entries themselves agree with the signed checkpoint; restore a backup"
    )]
    TreeDamaged { position: u64, level: u8 },
    #[error(
        "entries {position} to {last} were rewritten together with their hashes: they disagree with the tree above them; restore a backup"
    )]
    HistoryRewritten { position: u64, last: u64 },
    #[error(
        "the ledger has {found} entries and does not continue the {witnessed} that the checkpoint kept elsewhere was signed over; it was rolled back or replaced"
    )]
    NotAContinuation { witnessed: u64, found: u64 },
    #[error("the write-ahead log `{}` is damaged at frame {frame}, before commits that were already acknowledged; restore a backup", path.display())]
    LogDamaged { path: PathBuf, frame: u64 },
    #[error("the database file is damaged while {doing}{}: {detail}; restore a backup", at(position))]
    FileDamaged { doing: String, position: Option<u64>, detail: String },
    #[error("blob {digest} is damaged: its bytes have another digest; restore it from a backup")]
    BlobDamaged { digest: Digest },
    #[error("the remembered answer `{key}` is damaged; restore a backup")]
    AnswerDamaged { key: String },
    #[error("`{}` is missing, but its signing key is there: the ledger was removed; restore a backup, or move the key away if this was a first start that was cut short", path.display())]
    LedgerRemoved { path: PathBuf },

    #[error("{what} {given} lies outside the ledger, which has {size} entries")]
    OutOfRange { what: &'static str, given: u64, size: u64 },
    #[error("{what} is too large: {given}, the limit is {limit}")]
    TooLarge { what: &'static str, given: usize, limit: usize },
    #[error("{what} is not acceptable: {why}")]
    Malformed { what: &'static str, why: String },
    #[error("`{}` exists already and is never overwritten; choose another path", path.display())]
    AlreadyExists { path: PathBuf },
    #[error("an answer for key `{key}` is remembered already; return it instead of deciding again")]
    AnswerExists { key: String },
    #[error("the ledger is locked by another process while {doing}; try again, or stop the other process")]
    Busy { doing: String },
    #[error(
        "storage failed while {doing}: {detail}; check the disk, its free space and the permissions, then try again"
    )]
    Storage { doing: String, detail: String },
    #[error(
        "the database cannot be reached while {doing}: {detail}; it is tried again by itself, look after the database or the network"
    )]
    Unreachable { doing: String, detail: String },
    #[error(
        "the connection broke while entries were appended at {position}, and the database could not be asked since whether they are there: {detail}; send the command again under the same idempotency key, which cannot do it twice"
    )]
    OutcomeUnknown { position: u64, detail: String },
    #[error("`{target}` is not empty ({what}), and nothing is ever moved over something else; choose an empty schema")]
    TargetNotEmpty { target: String, what: String },
    #[error("what was moved is not what was there: {what}; the source is untouched, remove the target and try again")]
    MovedWrong { what: String },
    #[error("the disk is full while {doing}: {detail}; free some space, nothing else needs to be done")]
    DiskFull { doing: String, detail: String },
    #[error(
        "the ledger takes no more writes since storage failed ({why}); what the disk holds is certain again only after a restart, which verifies it"
    )]
    Stopped { why: String },
    #[error("the archive file `{}` is damaged: {why}; entries after it cannot be restored from this archive", path.display())]
    ArchiveDamaged { path: PathBuf, why: String },
    #[error("the archive `{}` is not of this ledger, or of a later state of it: {why}; archive into another folder", path.display())]
    ArchiveForeign { path: PathBuf, why: String },
}

fn at(position: &Option<u64>) -> String {
    position.map(|p| format!(" at entry {p}")).unwrap_or_default()
}

impl StoreError {
    /// The stable code, `L001` and up.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Foreign { .. } => "L001",
            StoreError::NewerFormat { .. } => "L002",
            StoreError::SchemaAltered { .. } => "L003",
            StoreError::KeyMissing { .. } => "L004",
            StoreError::KeyUnusable { .. } => "L005",
            StoreError::WrongKey { .. } => "L006",
            StoreError::CheckpointDamaged { .. } => "L007",
            StoreError::EntryAltered { .. } => "L008",
            StoreError::EntriesSwapped { .. } => "L009",
            StoreError::EntryMissing { .. } => "L010",
            StoreError::TailMissing { .. } => "L011",
            StoreError::EntryUnsigned { .. } => "L012",
            StoreError::TreeDamaged { .. } => "L013",
            StoreError::HistoryRewritten { .. } => "L014",
            StoreError::NotAContinuation { .. } => "L015",
            StoreError::LogDamaged { .. } => "L016",
            StoreError::FileDamaged { .. } => "L017",
            StoreError::BlobDamaged { .. } => "L018",
            StoreError::AnswerDamaged { .. } => "L019",
            StoreError::LedgerRemoved { .. } => "L020",
            StoreError::OutOfRange { .. } => "L030",
            StoreError::TooLarge { .. } => "L031",
            StoreError::Malformed { .. } => "L032",
            StoreError::AlreadyExists { .. } => "L033",
            StoreError::AnswerExists { .. } => "L034",
            StoreError::Busy { .. } => "L035",
            StoreError::Storage { .. } => "L036",
            StoreError::Unreachable { .. } => "L037",
            StoreError::OutcomeUnknown { .. } => "L038",
            StoreError::TargetNotEmpty { .. } => "L039",
            StoreError::MovedWrong { .. } => "L041",
            StoreError::DiskFull { .. } => "L050",
            StoreError::Stopped { .. } => "L051",
            StoreError::ArchiveDamaged { .. } => "L052",
            StoreError::ArchiveForeign { .. } => "L053",
        }
    }

    /// The first bad position, where the damage has one.
    pub fn position(&self) -> Option<u64> {
        match self {
            StoreError::EntryAltered { position }
            | StoreError::EntriesSwapped { position, .. }
            | StoreError::EntryMissing { position }
            | StoreError::TailMissing { position, .. }
            | StoreError::TreeDamaged { position, .. }
            | StoreError::HistoryRewritten { position, .. } => Some(*position),
            StoreError::EntryUnsigned { position, .. } => u64::try_from(*position).ok(),
            StoreError::FileDamaged { position, .. } => *position,
            _ => None,
        }
    }

    /// Whether after this nobody knows what the disk holds: a write or a synchronisation failed for another reason than a
    /// full disk. The page cache may then show what the disk never got.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, StoreError::Storage { .. })
    }

    /// Whether this says that stored data is not what was written, rather than that a request was refused.
    pub fn is_damage(&self) -> bool {
        self.code() < "L030"
    }
}

/// An append was not made; nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else appended first: read what came in between and decide again.
    #[error("the append was decided at size {expected}, but the ledger has {actual} entries; read on and decide again")]
    Conflict { expected: u64, actual: u64 },
    #[error("{what} is too large: {given}, the limit is {limit}")]
    TooLarge { what: &'static str, given: usize, limit: usize },
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl AppendError {
    /// The stable code: `L040` for a conflict, otherwise that of the storage error.
    pub fn code(&self) -> &'static str {
        match self {
            AppendError::Conflict { .. } => "L040",
            AppendError::TooLarge { .. } => "L031",
            AppendError::Storage(error) => error.code(),
        }
    }
}
