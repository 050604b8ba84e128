//! What this machine has seen of a server's ledger: its key and its newest checkpoint, so that a server which shows another past is
//! found out.
//!
//! **Invariants**
//! - Nothing is remembered that does not verify, and nothing that was remembered is replaced by something that does not continue it.
//! - A contradiction is never overwritten: both checkpoints are kept beside each other, as evidence.
//!
//! **Deliberately absent:** trust in the first use. Whoever wants more compares the key with one got from elsewhere
//! (`interlock ledger head`).

use crate::{
    client::Client,
    context,
    failure::{Done, Failure},
};
use interlock_ledger::{Checkpoint, Digest, VerifyingKey, proof};
use interlock_wire::{ledger::Consistency, reason::ReceiptProof};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What was seen last of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub server: String,
    pub verifier_key: String,
    pub checkpoint: String,
}

/// What a new checkpoint is to the one seen before.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    First,
    Same,
    /// Larger: has to be shown to continue the one of this size and root.
    Later(u64, Digest),
}

/// The file for a server.
fn file(server: &str) -> Option<PathBuf> {
    let name = hex::encode(&Digest::of(server.trim_end_matches('/').as_bytes()).0[..8]);
    Some(context::file()?.parent()?.join("checkpoints").join(format!("{name}.json")))
}

fn digest(text: &str) -> Done<Digest> {
    text.parse().map_err(|_| Failure::Bug(format!("`{text}` is no digest")))
}

/// Opens a checkpoint by the key it came with.
///
/// # Errors
/// It is not what that key signed.
pub fn open(note: &str, key: &str) -> Done<Checkpoint> {
    let wrong = |error: String| Failure::Failed(format!("the checkpoint is not what its key signed: {error}"));
    let key = VerifyingKey::parse(key).map_err(|error| wrong(error.to_string()))?;
    Checkpoint::open(&key, note).map_err(|error| wrong(error.to_string()))
}

/// Checks that the entries of a receipt are under its signed checkpoint.
///
/// # Errors
/// One of them is not.
pub fn verify(it: &ReceiptProof) -> Done<Checkpoint> {
    let checkpoint = open(&it.checkpoint, &it.verifier_key)?;
    for entry in &it.entries {
        let path = entry.hashes.iter().map(|it| digest(it)).collect::<Done<Vec<_>>>()?;
        let leaf = digest(&entry.leaf_hash)?;
        if !proof::verify_inclusion(&leaf, entry.position, checkpoint.size, &path, &checkpoint.root) {
            return Err(Failure::Failed(format!(
                "entry {} is NOT under the signed root of {} entries, though the server says that it was written",
                entry.position, checkpoint.size
            )));
        }
    }
    Ok(checkpoint)
}

fn compare(seen: Option<&Seen>, key: &str, now: &Checkpoint) -> Result<Next, String> {
    let Some(seen) = seen else { return Ok(Next::First) };
    if seen.verifier_key != key {
        return Err(format!("it signed with key `{}` before, and with `{key}` now", seen.verifier_key));
    }
    let before =
        open(&seen.checkpoint, key).map_err(|error| format!("what was seen before cannot be read: {error}"))?;
    match now.size.cmp(&before.size) {
        std::cmp::Ordering::Less => {
            Err(format!("it had {} entries before, and has {} now: it was put back", before.size, now.size))
        }
        std::cmp::Ordering::Equal if now.root == before.root => Ok(Next::Same),
        std::cmp::Ordering::Equal => Err(format!("its {} entries had another root before: it was rewritten", now.size)),
        std::cmp::Ordering::Greater => Ok(Next::Later(before.size, before.root)),
    }
}

/// Compares a checkpoint with the one seen before, has the server prove that it continues it, and remembers it.
///
/// # Errors
/// [`Failure::Forked`], if it does not.
pub async fn remember(client: &Client, note: &str, key: &str) -> Done {
    let now = open(note, key)?;
    let Some(path) = file(client.server()) else { return Ok(()) };
    let seen = read(&path)?;
    let next = match compare(seen.as_ref(), key, &now) {
        Ok(next) => next,
        Err(why) => return Err(forked(&path, client.server(), note, key, &why)),
    };
    match next {
        Next::Same => return Ok(()),
        Next::First => {}
        Next::Later(size, root) => {
            let it: Consistency = client.get(&format!("/ledger/consistency?old={size}&new={}", now.size)).await?;
            let hashes = it.hashes.iter().map(|it| digest(it)).collect::<Done<Vec<_>>>()?;
            if !proof::verify_consistency(size, now.size, &root, &now.root, &hashes) {
                let why = format!("its {} entries do not continue the {size} it showed before", now.size);
                return Err(forked(&path, client.server(), note, key, &why));
            }
        }
    }
    let seen = Seen { server: client.server().into(), verifier_key: key.into(), checkpoint: note.into() };
    write(&path, &seen)
}

fn read(path: &Path) -> Done<Option<Seen>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Failure::Failed(format!("`{}` cannot be read: {error}; remove it to begin anew", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("reading", path, &error)),
    }
}

fn write(path: &Path, seen: &Seen) -> Done {
    let text = serde_json::to_string_pretty(seen).map_err(|error| Failure::Bug(error.to_string()))?;
    // Two commands at once may both write; each file is whole, and either is a checkpoint that was shown.
    let beside = path.with_added_extension(std::process::id().to_string());
    context::write_private(&beside, &text)?;
    std::fs::rename(&beside, path).map_err(|error| Failure::io("writing", path, &error))
}

/// Keeps what contradicts, and says so.
fn forked(path: &Path, server: &str, note: &str, key: &str, why: &str) -> Failure {
    let beside = path.with_extension("forked.json");
    let found = Seen { server: server.into(), verifier_key: key.into(), checkpoint: note.into() };
    let kept = match write(&beside, &found) {
        Ok(()) => format!("Both checkpoints are kept: `{}` (before), `{}` (now).", path.display(), beside.display()),
        Err(error) => format!("What it showed now could not be kept: {error}. It was:\n{note}"),
    };
    Failure::Forked(format!(
        "ledger-forked: {server} shows another past than before: {why}.\n{kept}\nDo not remove them: they are signed evidence. Ask whoever runs the server, and other holders of checkpoints. If the organisation has moved to a new ledger on purpose, moving the first file away begins anew."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry};

    fn ledger(seed: u8, bodies: &[&str]) -> MemoryLedger {
        let ledger = MemoryLedger::new("test.example/ledger", [seed; 32]).unwrap();
        let entries = bodies.iter().map(|it| NewEntry { body: it.as_bytes().to_vec() }).collect();
        ledger.append(0, &Batch { entries, ..Default::default() }).unwrap();
        ledger
    }

    fn seen(of: &MemoryLedger) -> Seen {
        Seen {
            server: "s".into(),
            verifier_key: of.verifying_key().to_string(),
            checkpoint: of.checkpoint().unwrap().note,
        }
    }

    #[test]
    fn another_past_another_key_and_a_step_back_are_told_apart() {
        let (before, now) = (ledger(1, &["a", "b"]), ledger(1, &["a", "b", "c"]));
        let key = now.verifying_key().to_string();
        let checkpoint = now.checkpoint().unwrap();
        let root = before.checkpoint().unwrap().root;
        assert_eq!(compare(None, &key, &checkpoint), Ok(Next::First));
        assert_eq!(compare(Some(&seen(&now)), &key, &checkpoint), Ok(Next::Same));
        assert_eq!(compare(Some(&seen(&before)), &key, &checkpoint), Ok(Next::Later(2, root)));
        let forked = ledger(1, &["a", "b", "x"]);
        assert!(compare(Some(&seen(&forked)), &key, &checkpoint).unwrap_err().contains("rewritten"));
        let longer = ledger(1, &["a", "b", "c", "d"]);
        assert!(compare(Some(&seen(&longer)), &key, &checkpoint).unwrap_err().contains("put back"));
        let other = ledger(2, &["a"]);
        assert!(compare(Some(&seen(&other)), &key, &checkpoint).unwrap_err().contains("key"));
    }

    #[test]
    fn a_receipt_proves_its_entries_or_is_refused() {
        let ledger = ledger(1, &["a", "b", "c"]);
        let checkpoint = ledger.checkpoint().unwrap();
        let mut it = ReceiptProof {
            tree_size: 3,
            root_hash: checkpoint.root.to_string(),
            checkpoint: checkpoint.note,
            verifier_key: ledger.verifying_key().to_string(),
            entries: vec![interlock_wire::reason::EntryProof {
                position: 1,
                leaf_hash: Digest::leaf(b"b").to_string(),
                hashes: ledger.inclusion(1, 3).unwrap().iter().map(ToString::to_string).collect(),
            }],
        };
        assert!(verify(&it).is_ok());
        it.entries[0].leaf_hash = Digest::leaf(b"x").to_string();
        assert_eq!(verify(&it).unwrap_err().exit_code(), 1);
    }

    #[test]
    fn a_fork_keeps_both_checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write(&path, &seen(&ledger(1, &["a"]))).unwrap();
        let other = seen(&ledger(1, &["x"]));
        let failure = forked(&path, "s", &other.checkpoint, &other.verifier_key, "why");
        assert_eq!(failure.exit_code(), 5);
        assert_eq!(read(&folder.path().join("a.forked.json")).unwrap(), Some(other));
        assert_eq!(read(&path).unwrap(), Some(seen(&ledger(1, &["a"]))));
    }
}
