//! Witnesses: others who sign our checkpoints, so that this ledger cannot show different people different pasts.
//!
//! It follows the ledger with a cursor per witness, the size that it signed last, and never stands in the way of an append. What
//! they sign is kept at the desk: it can be asked for again, and no proof of ours depends on it.
//!
//! **Invariants**
//! - A signature counts only if it verifies here, under the key that was configured, over the checkpoint that was sent.
//! - A witness that says it has seen another past is told loudly and is never argued with.
//!
//! **Deliberately absent:** waiting for witnesses before something is acknowledged. How fresh they are is shown, and an evidence
//! pack that needs them says so.

use crate::{
    Engine,
    ports::{Cosigned, NotCosigned, Witness},
};
use interlock_ledger::{Checkpoint, Digest, Ledger, StoreError, note};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Table of the desk: by size, the checkpoint with the lines of those who signed it; and `newest`, the newest that enough have signed.
const COSIGNED: &str = "cosigned";
/// Table of the desk: by the witness's name, the size it signed last.
const CURSORS: &str = "witness";
const NEWEST: &str = "newest";
/// Signed checkpoints kept.
const KEPT: usize = 1000;
/// At most one question to a witness in this time; what is appended meanwhile is asked for at once.
const PAUSE: Duration = Duration::from_millis(500);
/// How soon a witness that did not answer is asked again, doubling.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Who vouches for this ledger to others, and what it shows without sign-in.
#[derive(Clone, Default)]
pub struct Transparency {
    pub witnesses: Vec<Arc<dyn Witness>>,
    /// How many of them must have signed a checkpoint for it to be called witnessed.
    pub required: u32,
    /// Whether checkpoint and hash tiles are shown to everybody. Entries never are.
    pub public: bool,
}

/// How a witness stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Entries under the newest checkpoint it has signed; 0 if none.
    pub size: u64,
    /// When it signed that, by its own clock.
    pub at: Option<Timestamp>,
    /// Why it has not signed the next.
    pub trouble: Option<String>,
    /// It says that this ledger does not continue what it has signed.
    pub contradicts: bool,
}

/// The newest checkpoint that enough witnesses have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub checkpoint: Checkpoint,
    /// Names, with the time of each signature.
    pub by: Vec<(String, Timestamp)>,
}

pub(crate) struct Witnessing {
    config: Transparency,
    standing: Mutex<BTreeMap<String, Standing>>,
    /// Lines of several witnesses for one size are joined one after the other.
    joining: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    size: u64,
    at: Timestamp,
}

impl Witnessing {
    pub(crate) fn new(config: Transparency) -> Self {
        Self { config, standing: Mutex::default(), joining: Mutex::default() }
    }
}

fn by_size(size: u64) -> String {
    format!("{size:020}")
}

impl Engine {
    /// How it was configured.
    pub fn transparency(&self) -> &Transparency {
        &self.0.witnessing.config
    }

    /// How each witness stands, in the order of configuration.
    pub fn witnesses(&self) -> Vec<(Arc<dyn Witness>, Standing)> {
        let standing = self.0.witnessing.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |it: &Arc<dyn Witness>| {
            let known = standing.get(it.key().name()).cloned();
            (it.clone(), known.unwrap_or_else(|| self.cursor(it.as_ref()).unwrap_or_default()))
        };
        self.transparency().witnesses.iter().map(of).collect()
    }

    /// The newest checkpoint that as many witnesses as are required have signed; `None` if none are required, or none is there.
    ///
    /// # Errors
    /// The desk cannot be read.
    pub fn witnessed(&self) -> Result<Option<Witnessed>, StoreError> {
        let Some(note) = self.0.ledger.desk_get(COSIGNED, NEWEST)?.and_then(|bytes| String::from_utf8(bytes).ok())
        else {
            return Ok(None);
        };
        // What lies at the desk is believed as little as what a witness sends.
        let Ok(checkpoint) = Checkpoint::open(&self.0.ledger.verifying_key(), &note) else { return Ok(None) };
        let by = self.signers(&note);
        let enough = self.transparency().required > 0 && by.len() as u32 >= self.transparency().required;
        Ok(enough.then_some(Witnessed { checkpoint, by }))
    }

    /// The newest checkpoint, with the lines of all who have signed exactly it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn newest_checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let head = self.0.ledger.checkpoint()?;
        let kept = self.0.ledger.desk_get(COSIGNED, &by_size(head.size))?.and_then(|it| String::from_utf8(it).ok());
        let same = kept.filter(|note| note.starts_with(&head.note) && !self.signers(note).is_empty());
        Ok(same.map_or_else(|| head.clone(), |note| Checkpoint { note, ..head.clone() }))
    }

    /// Known witnesses whose signature over this note verifies.
    fn signers(&self, note: &str) -> Vec<(String, Timestamp)> {
        let signed = self.transparency().witnesses.iter().filter_map(|it| {
            let seconds = it.key().signed(note).ok().flatten()?;
            Some((it.key().name().to_owned(), Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?))
        });
        signed.collect()
    }

    /// Asks every witness to sign what is appended, until the engine is gone.
    pub async fn be_witnessed(self) {
        let following = self.transparency().witnesses.iter().map(|it| self.clone().follow_with(it.clone()));
        futures::future::join_all(following.collect::<Vec<_>>()).await;
    }

    async fn follow_with(self, witness: Arc<dyn Witness>) {
        let mut news = self.follow();
        let mut again = AGAIN.0;
        loop {
            match self.ask(witness.as_ref()).await {
                Ok(()) => again = AGAIN.0,
                Err(trouble) => {
                    let contradicts = matches!(&trouble, NotCosigned::Refused { status: 409 | 422, .. });
                    let (name, told) = (witness.key().name(), trouble.to_string());
                    if contradicts {
                        tracing::error!(witness = name, %told, "a witness has seen another past of this ledger");
                    } else {
                        tracing::warn!(witness = name, %told, "a witness did not sign; it is asked again");
                    }
                    let known = self.cursor(witness.as_ref()).unwrap_or_default();
                    self.stands(name, Standing { trouble: Some(told), contradicts, ..known });
                    tokio::time::sleep(again).await;
                    again = (again * 2).min(AGAIN.1);
                    continue;
                }
            }
            // What was missed shows in the head.
            if matches!(news.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
            while news.try_recv().is_ok() {}
        }
    }

    fn stands(&self, name: &str, standing: Standing) {
        let mut all = self.0.witnessing.standing.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), standing);
    }

    fn cursor(&self, witness: &dyn Witness) -> Option<Standing> {
        let bytes = self.0.ledger.desk_get(CURSORS, witness.key().name()).ok()??;
        let Cursor { size, at } = serde_json::from_slice(&bytes).ok()?;
        Some(Standing { size, at: Some(at), ..Standing::default() })
    }

    /// One round with one witness; nothing to do is no trouble.
    async fn ask(&self, witness: &dyn Witness) -> Result<(), NotCosigned> {
        let mut old = self.cursor(witness).unwrap_or_default().size;
        // Once with what we believe it has signed, once with what it says it has.
        for _ in 0..2 {
            let (checkpoint, proof) = self.from(old).await?;
            if checkpoint.size <= old {
                return if checkpoint.size == old { Ok(()) } else { Err(behind(old, checkpoint.size)) };
            }
            match witness.cosign(old, &proof, &checkpoint.note).await? {
                Cosigned::Lines(lines) => return self.keep(witness, &checkpoint, &lines).await,
                Cosigned::Size(size) if size > checkpoint.size => return Err(behind(size, checkpoint.size)),
                Cosigned::Size(size) if size == old => break,
                Cosigned::Size(size) => old = size,
            }
        }
        Err(NotCosigned::Unread("it changes its mind about what it has signed".into()))
    }

    /// The checkpoint of now, and the proof that it continues `old`.
    async fn from(&self, old: u64) -> Result<(Checkpoint, Vec<Digest>), NotCosigned> {
        let ledger = self.0.ledger.clone();
        let read = tokio::task::spawn_blocking(move || {
            let checkpoint = ledger.checkpoint()?;
            let proof = if old < checkpoint.size { ledger.consistency(old, checkpoint.size)? } else { Vec::new() };
            Ok::<_, StoreError>((checkpoint, proof))
        });
        let read = read.await.map_err(|error| NotCosigned::Unread(error.to_string()))?;
        read.map_err(|error| NotCosigned::Unread(error.to_string()))
    }

    /// Keeps a signature that verifies.
    async fn keep(&self, witness: &dyn Witness, checkpoint: &Checkpoint, lines: &str) -> Result<(), NotCosigned> {
        let wrong = |text: String| NotCosigned::Unread(format!("what it answered is no signature of its key: {text}"));
        let own = format!("\u{2014} {} ", witness.key().name());
        let lines: String = lines.split_inclusive('\n').filter(|line| line.starts_with(&own)).collect();
        let signed = format!("{}{lines}", checkpoint.note);
        note::parts(&signed).map_err(|error| wrong(error.to_string()))?;
        let seconds = witness.key().signed(&signed).map_err(|error| wrong(error.to_string()))?;
        let at = seconds.and_then(|it| Timestamp::from_second(i64::try_from(it).ok()?).ok());
        let at = at.ok_or_else(|| wrong("it is not there".into()))?;
        let (engine, checkpoint, name) = (self.clone(), checkpoint.clone(), witness.key().name().to_owned());
        let size = checkpoint.size;
        let kept = tokio::task::spawn_blocking({
            let name = name.clone();
            move || engine.join(&name, &checkpoint, &lines, at)
        });
        let kept = kept.await.map_err(|error| NotCosigned::Unread(error.to_string()))?;
        kept.map_err(|error| NotCosigned::Unread(format!("its signature cannot be kept: {error}")))?;
        self.stands(&name, Standing { size, at: Some(at), ..Standing::default() });
        Ok(())
    }

    fn join(&self, name: &str, checkpoint: &Checkpoint, lines: &str, at: Timestamp) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.witnessing.joining.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = &self.0.ledger;
        let kept = ledger.desk_get(COSIGNED, &by_size(checkpoint.size))?.and_then(|it| String::from_utf8(it).ok());
        let own = format!("\u{2014} {name} ");
        let others = kept.filter(|note| note.starts_with(&checkpoint.note)).unwrap_or_else(|| checkpoint.note.clone());
        let (text, signatures) = others.split_at(checkpoint.note.len());
        let others: String = signatures.split_inclusive('\n').filter(|line| !line.starts_with(&own)).collect();
        let note = format!("{text}{others}{lines}");
        let cursor = serde_json::to_vec(&Cursor { size: checkpoint.size, at }).unwrap_or_default();
        let size = by_size(checkpoint.size);
        let mut rows = vec![(COSIGNED, size.as_str(), note.as_bytes()), (CURSORS, name, cursor.as_slice())];
        let newest = self.witnessed()?.map_or(0, |it| it.checkpoint.size);
        let enough =
            self.transparency().required > 0 && self.signers(&note).len() as u32 >= self.transparency().required;
        if enough && checkpoint.size >= newest {
            rows.push((COSIGNED, NEWEST, note.as_bytes()));
        }
        ledger.desk_put_many(&rows)?;
        self.forget(ledger.as_ref())
    }

    /// Drops the oldest signed checkpoints beyond what is kept.
    fn forget(&self, ledger: &dyn Ledger) -> Result<(), StoreError> {
        let rows = ledger.desk_scan(COSIGNED, "0", None, 2 * KEPT)?;
        if rows.len() >= 2 * KEPT {
            let old: Vec<&str> = rows.iter().take(KEPT).map(|(key, _)| key.as_str()).collect();
            ledger.desk_delete_many(COSIGNED, &old)?;
        }
        Ok(())
    }
}

/// A witness has signed more than there is: this ledger is an older copy of itself, or another one under the same key.
fn behind(signed: u64, here: u64) -> NotCosigned {
    NotCosigned::Refused {
        status: 409,
        text: format!(
            "it has signed {signed} entries, and this ledger has {here}: it was put back, or a second one runs under its key"
        ),
    }
}
