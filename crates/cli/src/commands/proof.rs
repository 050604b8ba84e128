//! What a server says of its ledger, checked here against what it has signed: one entry, all of them, one size against another.
//!
//! Invariant: nothing the server claims of a proof is believed; bytes are hashed here.

use crate::{
    client::{Client, segment},
    context::Global,
    failure::{Done, Failure},
    render::show,
    seen,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{StreamExt, TryStreamExt, stream};
use interlock_ledger::{
    Checkpoint, Digest,
    proof::{root_of, verify_consistency, verify_inclusion},
};
use interlock_wire::{
    ledger::{Consistency, Entry, Head, Proof},
    reason::ReceiptProof,
};
use std::path::Path;

/// Entries asked for at once.
const AT_ONCE: usize = 16;

/// One entry with its proof.
///
/// # Errors
/// There is none, or it cannot be asked for.
pub async fn entry(client: &Client, position: u64) -> Done<Entry> {
    client.get(&format!("/ledger/entries/{}", segment(&position.to_string()))).await
}

fn digest(text: &str) -> Done<Digest> {
    let text = text.trim();
    let hex = hex::decode(text.strip_prefix("sha256:").unwrap_or(text)).ok();
    let base64 = || BASE64_STANDARD.decode(text).ok();
    let bytes = hex.or_else(base64).and_then(|bytes| Digest::from_slice(&bytes));
    bytes.ok_or_else(|| Failure::Bug(format!("`{text}` is no digest")))
}

/// The leaf hash of an entry's exact bytes.
fn leaf(it: &Entry) -> Done<Digest> {
    let body = BASE64_STANDARD
        .decode(&it.body)
        .map_err(|error| Failure::Bug(format!("entry {} is not base64: {error}", it.row.position)))?;
    Ok(Digest::leaf(&body))
}

fn signed(checkpoint: &str, key: &str) -> Done<Checkpoint> {
    seen::open(checkpoint, key)
}

/// Checks an entry against the signed checkpoint it came with: bytes to leaf, leaf to root, root to signature.
///
/// # Errors
/// One of the three does not hold.
pub fn prove(it: &Entry) -> Done {
    let Proof { position, tree_size, hashes, root_hash, checkpoint, verifier_key } = &it.proof;
    let checkpoint = signed(checkpoint, verifier_key)?;
    let root = digest(root_hash)?;
    let path: Vec<Digest> = hashes.iter().map(|it| digest(it)).collect::<Done<_>>()?;
    let under = verify_inclusion(&leaf(it)?, *position, *tree_size, &path, &root);
    if under && checkpoint.size == *tree_size && checkpoint.root == root && *position == it.row.position {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "entry {} is NOT under the signed root of {} entries",
        it.row.position, checkpoint.size
    )))
}

/// What shows that one size of the ledger continues another, checked here.
#[derive(serde::Serialize)]
struct Continued {
    #[serde(flatten)]
    proof: Consistency,
    /// The signed note over the later size, if that is the present one.
    checkpoint: Option<String>,
    verifier_key: String,
}

/// Proves that the ledger continues what it was, and shows it.
///
/// # Errors
/// It does not: it has forked. Or it cannot be asked.
pub async fn continues(global: &Global, from: Option<u64>, to: Option<u64>, earlier: Option<&Path>) -> Done {
    let client = global.client()?;
    let head: Head = client.get("/ledger").await?;
    let now = signed(&head.checkpoint, &head.verifier_key)?;
    seen::remember(&client, &head.checkpoint, &head.verifier_key).await?;
    let kept = match earlier {
        Some(path) => {
            let note = std::fs::read_to_string(path).map_err(|error| Failure::io("reading", path, &error))?;
            Some(signed(&note, &head.verifier_key)?)
        }
        None => None,
    };
    let old = kept.as_ref().map(|it| it.size).or(from).unwrap_or_default();
    let new = to.unwrap_or(now.size);
    let fork = |why: String| {
        Failure::Forked(format!("ledger-forked: {why}. Keep both checkpoints, they are signed evidence."))
    };
    if kept.is_some() && old > new {
        return Err(fork(format!("the checkpoint you kept has {old} entries, the ledger {new}")));
    }
    let it: Consistency = client.get(&format!("/ledger/consistency?old={old}&new={new}")).await?;
    let hashes: Vec<Digest> = it.hashes.iter().map(|it| digest(it)).collect::<Done<_>>()?;
    let (old_root, new_root) = (digest(&it.old_root)?, digest(&it.new_root)?);
    let same = kept.as_ref().is_none_or(|kept| kept.root == old_root) && (new != now.size || new_root == now.root);
    if !same || !verify_consistency(old, new, &old_root, &new_root, &hashes) {
        return Err(fork(format!("{new} entries do NOT continue the {old} from before")));
    }
    let checkpoint = (new == now.size).then_some(head.checkpoint);
    let it = Continued { proof: it, checkpoint, verifier_key: head.verifier_key };
    if let Some(path) = &global.proof {
        write_json(path, &it)?;
    }
    show(global.output, &it, |it| {
        let signed = if it.checkpoint.is_some() { ", which are signed" } else { "" };
        format!(
            "Proved: nothing among the first {old} entries was changed on the way to {new}{signed}.\nroot {}",
            it.proof.new_root
        )
    })
}

/// Writes what is to be kept.
///
/// # Errors
/// The file cannot be written.
pub fn write_json(path: &Path, it: &impl serde::Serialize) -> Done {
    let text = serde_json::to_string_pretty(it).map_err(|error| Failure::Bug(error.to_string()))?;
    std::fs::write(path, text + "\n").map_err(|error| Failure::io("writing", path, &error))
}

/// Writes the entries of a receipt with their exact bytes and proofs, each of them checked.
///
/// # Errors
/// One does not hold, or the file cannot be written.
pub async fn keep_proof(client: &Client, receipt: &ReceiptProof, path: &Path) -> Done {
    let mut entries = Vec::new();
    for it in &receipt.entries {
        let found = entry(client, it.position).await?;
        prove(&found)?;
        if found.leaf_hash != it.leaf_hash {
            return Err(Failure::Failed(format!("entry {} is NOT the one that was acknowledged", it.position)));
        }
        entries.push(found);
    }
    write_json(path, &entries)
}

/// Reads every entry from the server, hashes it here and compares the root with the signed checkpoint.
///
/// # Errors
/// The signature or the root does not hold.
pub async fn verify_server(client: &Client) -> Done<Head> {
    let head: Head = client.get("/ledger").await?;
    let checkpoint = signed(&head.checkpoint, &head.verifier_key)?;
    let entries =
        stream::iter((0..checkpoint.size).map(|position| async move { leaf(&entry(client, position).await?) }));
    let leaves: Vec<Digest> = entries.buffered(AT_ONCE).try_collect().await?;
    if root_of(&leaves) == checkpoint.root && digest(&head.root)? == checkpoint.root {
        return Ok(head);
    }
    Err(Failure::Failed(format!("the {} entries do NOT hash to the root that was signed", checkpoint.size)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry};

    #[test]
    fn the_root_is_that_of_the_ledger() {
        for size in [1, 2, 3, 7, 8] {
            let ledger = MemoryLedger::new("a", [1; 32]).unwrap();
            for n in 0..size {
                let batch = Batch { entries: vec![NewEntry { body: vec![n; 20] }], ..Default::default() };
                ledger.append(u64::from(n), &batch).unwrap();
            }
            let leaves: Vec<Digest> = (0..size).map(|n| Digest::leaf(&[n; 20])).collect();
            assert_eq!(root_of(&leaves), ledger.root_at(u64::from(size)).unwrap(), "{size}");
        }
    }

    #[test]
    fn a_checkpoint_of_another_key_proves_nothing() {
        let (one, two) = (MemoryLedger::new("a", [1; 32]).unwrap(), MemoryLedger::new("a", [2; 32]).unwrap());
        let note = one.checkpoint().unwrap().note;
        assert!(signed(&note, &one.verifying_key().to_string()).is_ok());
        assert_eq!(signed(&note, &two.verifying_key().to_string()).unwrap_err().exit_code(), 1);
    }
}
