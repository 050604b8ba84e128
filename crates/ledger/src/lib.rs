//! The ledger: a totally ordered, append-only log of byte strings under a Merkle tree, and the few stores beside it.
//!
//! It knows positions, bytes and hashes, never meaning. Everything that happens in the house becomes an entry here, and
//! the position is the only lock there is: an append names the size it was decided at, and loses if that has moved on.
//!
//! **Invariants**
//! - The bytes of an entry are stored and hashed exactly as given (RFC 6962, SHA-256); nothing rewrites them.
//! - Every acknowledged append is durable, and in the same transaction stands a checkpoint signed over the new root
//!   (C2SP tlog-checkpoint). Whatever alters, drops, adds or reorders entries disagrees with that signature.
//! - Damage is named with a stable code and the first bad position, and refused. Nothing is ever repaired silently.
//!
//! **Deliberately absent**
//! - Events, serialization, clocks. A checkpoint carries no time: two ledgers with the same key, origin and entries sign
//!   the same note.
//! - Protection against somebody who replaces the whole directory by an older copy of itself, or who holds the private
//!   key. Both need a memory outside: hand a checkpoint kept elsewhere to [`OpenOptions::witness`].
//! - Integrity of the desk. What lies there must be erasable, so nothing may depend on it still being there.
//!
//! Reading order: [`digest`], [`note`] and [`checkpoint`] (of `interlock-verify`), [`merkle`], [`api`], [`memory`], [`sqlite`],
//! [`postgres`], [`tiles`].

pub mod merkle;

pub mod error;
pub mod limits;

pub mod api;
pub mod memory;
pub mod moving;
pub mod postgres;
pub mod sqlite;
pub mod tiles;

/// Digests, notes, checkpoints and proofs are what an auditor needs too, and live where nothing else does.
pub use interlock_verify::{checkpoint, cosign, digest, note, pack, proof};

pub use api::{Answer, Batch, DeskRow, Entry, Figures, Head, Ledger, NewEntry, Position, Snapshot, proof_of_many};
pub use checkpoint::Checkpoint;
pub use digest::Digest;
pub use error::{AppendError, StoreError};
pub use memory::MemoryLedger;
pub use moving::{Moved, copy_to_sqlite, move_to_postgres};
pub use note::{SigningKey, VerifyingKey};
pub use postgres::PostgresLedger;
pub use sqlite::{Archived, Archiver, Fault, OpenMode, OpenOptions, Recovery, SqliteLedger, VerifyReport};
