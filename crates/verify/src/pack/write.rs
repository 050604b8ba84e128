//! Making a pack out of what a ledger gave.
//!
//! **Invariant:** what is written passes the check that needs no key. **Deliberately absent:** reading the ledger, and deciding which
//! entries concern what: that is for whoever knows the meaning.

use super::{
    CHECKPOINT, CONSISTENCY, EARLIER, ENTRIES, EVIDENCE, Entry, FORMAT, Listed, MANIFEST, MANIFEST_NOTE, Manifest,
    NAMES, Names, Omitted, PROOF, Proof, ReadEntry, Scope, Witnesses, derive, encode_digests,
};
use crate::{Checkpoint, digest::Digest, tar, tar::File};
use std::collections::BTreeMap;

/// What goes into a pack.
pub struct Contents {
    pub scope: Scope,
    /// With the lines of witnesses that have signed it.
    pub checkpoint: Checkpoint,
    pub verifier_key: String,
    pub witnesses: Witnesses,
    /// A checkpoint the reader has kept, and the proof that this ledger continues it.
    pub earlier: Option<(Checkpoint, Vec<Digest>)>,
    /// By position, ascending.
    pub entries: Vec<Entry>,
    pub proof: Proof,
    pub names: Option<Names>,
    pub evidence: BTreeMap<Digest, Vec<u8>>,
    pub omitted: Vec<Omitted>,
}

/// Why a pack was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPacked {
    #[error("entry {position} cannot be put into a pack: {why}")]
    Entry { position: u64, why: String },
    #[error("the file `{0}` has a name or a size that no pack can hold")]
    File(String),
    #[error("the manifest cannot be signed: {0}")]
    Unsigned(String),
}

/// The bytes of the pack. `sign` makes a note over a text with the ledger's key.
///
/// # Errors
/// An entry is no record, or something is too large.
pub fn write(it: Contents, sign: impl FnOnce(&str) -> Result<String, String>) -> Result<Vec<u8>, NotPacked> {
    let mut lines = Vec::new();
    let mut read = Vec::with_capacity(it.entries.len());
    for entry in &it.entries {
        let refused = |why: String| NotPacked::Entry { position: entry.position, why };
        if entry.body.contains(&b'\n') {
            return Err(refused("it contains a line break".into()));
        }
        read.push(ReadEntry::read(entry).map_err(refused)?);
        lines.extend_from_slice(&entry.body);
        lines.push(b'\n');
    }
    let mut files = vec![File { path: CHECKPOINT.into(), bytes: it.checkpoint.note.clone().into_bytes() }];
    let mut add = |path: &str, bytes: Vec<u8>| files.push(File { path: path.into(), bytes });
    let earlier = it.earlier.as_ref().map(|(checkpoint, _)| checkpoint.size);
    if let Some((checkpoint, proof)) = &it.earlier {
        add(EARLIER, checkpoint.note.clone().into_bytes());
        add(CONSISTENCY, encode_digests(proof).into_bytes());
    }
    add(ENTRIES, lines);
    add(PROOF, it.proof.encode().into_bytes());
    if let Some(names) = &it.names {
        add(NAMES, encode_names(names));
    }
    let mut manifest = Manifest {
        format: FORMAT.into(),
        origin: it.checkpoint.origin,
        verifier_key: it.verifier_key,
        size: it.checkpoint.size,
        root: it.checkpoint.root,
        scope: it.scope,
        witnesses: it.witnesses,
        earlier,
        omitted: it.omitted,
        files: Vec::new(),
    };
    let evidence: Vec<(Digest, u64)> =
        it.evidence.iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect();
    files.extend(derive::files(&manifest.head(), &read, it.names.as_ref(), &evidence));
    for (digest, bytes) in it.evidence {
        files.push(File { path: format!("{EVIDENCE}{}", hex::encode(digest.0)), bytes });
    }
    manifest.files = files.iter().map(listed).collect();
    let bytes = manifest.encode();
    let note = sign(&Manifest::statement(&bytes)).map_err(NotPacked::Unsigned)?;
    let mut all =
        vec![File { path: MANIFEST.into(), bytes }, File { path: MANIFEST_NOTE.into(), bytes: note.into_bytes() }];
    all.append(&mut files);
    tar::write(&all).map_err(NotPacked::File)
}

fn listed(file: &File) -> Listed {
    Listed { path: file.path.clone(), bytes: file.bytes.len() as u64, digest: Digest::of(&file.bytes) }
}

/// The stored form of names.
pub fn encode_names(names: &Names) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(names).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
