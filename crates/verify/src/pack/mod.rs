//! Evidence packs: one file that shows what was decided, to whoever has the ledger's public key, without a server.
//!
//! A pack is a tar archive in one spelling ([`crate::tar`]): what was decided (`entries.jsonl`), that it stands in the ledger
//! (`proof.txt`, `checkpoint`), that nothing before an earlier checkpoint was changed (`earlier.checkpoint`, `consistency.txt`), the
//! evidence it names (`evidence/`), what follows from it for people to read (`index.html`, `index.csv`, `controls.csv`, `policies/`),
//! and digests of all of these (`manifest.json`), signed (`manifest.note`). `docs/reference/evidence-pack.md` is the format.
//!
//! **Invariants**
//! - The bytes of a pack follow from its content: no time of making, no order that could be another.
//! - Whatever people read in a pack is made from the proven entries, and the check makes it again ([`derive`](mod@derive)).
//! - Entries hold no personal data. Names are in a pack only if asked for (`names.json`), and nothing proven depends on them.
//!
//! **Deliberately absent:** compression (a changed byte must be told with its file), encryption (of the whole file, by whoever sends it).

pub mod check;
pub mod derive;
mod entry;
mod fault;
mod steps;
pub mod write;

pub use check::{Trust, check};
pub use entry::{Entry, ReadEntry};
pub use fault::{Check, Fault, Outcome, Report};
pub use write::{Contents, NotPacked, write};

use crate::proof::Subtree;
use crate::{checkpoint::decimal, digest::Digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format, and the first line of what signs a manifest.
pub const FORMAT: &str = "interlock-pack/1";

pub const MANIFEST: &str = "manifest.json";
pub const MANIFEST_NOTE: &str = "manifest.note";
pub const CHECKPOINT: &str = "checkpoint";
pub const EARLIER: &str = "earlier.checkpoint";
pub const CONSISTENCY: &str = "consistency.txt";
pub const ENTRIES: &str = "entries.jsonl";
pub const PROOF: &str = "proof.txt";
pub const NAMES: &str = "names.json";
pub const EVIDENCE: &str = "evidence/";

/// What a pack is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// Every entry of a period: from `from` up to, not including, `to`.
    Period {
        from: Timestamp,
        to: Timestamp,
        /// Position of the first entry of the period.
        first: u64,
        /// Position after the last. The entries before `first` and at `end`, if there are any, are in the pack too: they show that the
        /// period begins and ends there.
        end: u64,
    },
    /// The entries that concern one release, its changes and deployments, and the policy sets they were decided under.
    Release { id: String, name: String },
}

/// Which witnesses the organisation has agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// How many must have signed for the checkpoint to be called witnessed.
    pub required: u32,
    /// Their keys, `name+id+base64`.
    pub keys: Vec<String>,
}

/// Evidence that an entry names and that is not in the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omitted {
    pub digest: Digest,
    pub bytes: u64,
    /// `artifact`: the bytes that were deployed. `names`: what commits say of their authors. `too-large`: above the limit.
    pub why: String,
}

/// A file of the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub path: String,
    pub bytes: u64,
    pub digest: Digest,
}

/// What is in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    /// Origin of the ledger.
    pub origin: String,
    /// The ledger's key. A check believes the one it was given, not this.
    pub verifier_key: String,
    /// Entries under the checkpoint.
    pub size: u64,
    pub root: Digest,
    pub scope: Scope,
    pub witnesses: Witnesses,
    /// Size of the earlier checkpoint that this ledger is shown to continue.
    pub earlier: Option<u64>,
    pub omitted: Vec<Omitted>,
    /// Every file but `manifest.json` and `manifest.note`, in the order of the archive.
    pub files: Vec<Listed>,
}

impl Manifest {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The text that the ledger's key signs for this manifest.
    pub fn statement(bytes: &[u8]) -> String {
        format!("{FORMAT}\n{}\n", Digest::of(bytes))
    }
}

/// People behind accounts, by the account's id.
pub type Names = BTreeMap<String, String>;

/// `proof.txt`: a leaf hash per entry, then the subtrees that join them to the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    pub size: u64,
    pub leaves: Vec<(u64, Digest)>,
    pub nodes: Vec<(Subtree, Digest)>,
}

impl Proof {
    /// The stored form: `size N`, then `leaf <position> <digest>` and `node <height> <index> <digest>` lines.
    pub fn encode(&self) -> String {
        let mut out = format!("size {}\n", self.size);
        for (position, digest) in &self.leaves {
            out.push_str(&format!("leaf {position} {digest}\n"));
        }
        for (Subtree { height, index }, digest) in &self.nodes {
            out.push_str(&format!("node {height} {index} {digest}\n"));
        }
        out
    }

    /// Reads what [`Proof::encode`] wrote; the number of the first line, from 1, that it would not have written.
    ///
    /// # Errors
    /// That line.
    pub fn decode(text: &str) -> Result<Self, usize> {
        let mut it = Self::default();
        let Some(body) = text.strip_suffix('\n') else { return Err(text.lines().count().max(1)) };
        for (number, line) in body.split('\n').enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let number_of = |text: &str| decimal(text).ok_or(number + 1);
            let digest_of = |text: &str| text.parse::<Digest>().map_err(|_| number + 1);
            match (number, words.as_slice()) {
                (0, ["size", size]) => it.size = number_of(size)?,
                (1.., ["leaf", at, digest]) if it.nodes.is_empty() => {
                    it.leaves.push((number_of(at)?, digest_of(digest)?));
                }
                (1.., ["node", height, index, digest]) => {
                    let height = u32::try_from(number_of(height)?).ok().filter(|it| *it < 64).ok_or(number + 1)?;
                    it.nodes.push((Subtree { height, index: number_of(index)? }, digest_of(digest)?));
                }
                _ => return Err(number + 1),
            }
        }
        Ok(it)
    }
}

/// `consistency.txt`: a digest a line.
pub fn decode_digests(text: &str) -> Result<Vec<Digest>, usize> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(body) = text.strip_suffix('\n') else { return Err(text.lines().count()) };
    body.split('\n').enumerate().map(|(number, line)| line.parse().map_err(|_| number + 1)).collect()
}

/// The form that [`decode_digests`] reads.
pub fn encode_digests(digests: &[Digest]) -> String {
    digests.iter().map(|digest| format!("{digest}\n")).collect()
}
