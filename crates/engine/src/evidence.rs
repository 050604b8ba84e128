//! Evidence packs: which entries concern a release or a period, and what belongs to them.
//!
//! **Invariants**
//! - The same question about the same ledger under the same checkpoint gives the same bytes.
//! - Names of people are left out unless asked for; nothing that is proven depends on them.
//! - Evidence that is left out is listed with its digest and the reason.
//!
//! **Deliberately absent:** the format and its checking, which are `interlock-verify`'s.

use crate::Engine;
use interlock_domain::core::Subject;
use interlock_ids::{AccountId, ReleaseId};
use interlock_ledger::{
    Checkpoint, Digest, Entry, Ledger, StoreError,
    pack::{self, Contents, Names, NotPacked, Omitted, ReadEntry, Scope, Witnesses},
    proof_of_many,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of one pack.
pub const ENTRIES: usize = 1_000_000;
/// Bytes of a piece of evidence that is put into a pack; larger ones are listed.
pub const PIECE: usize = 4 << 20;
/// Bytes of all entries and evidence of one pack.
pub const BYTES: usize = 512 << 20;
const CHUNK: usize = 10_000;

/// Evidence by its digest.
type Pieces = BTreeMap<Digest, Vec<u8>>;

/// What a pack is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// From a moment up to, not including, another.
    Period {
        from: Timestamp,
        to: Timestamp,
    },
    Release(ReleaseId),
}

/// An order for a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    pub wanted: Wanted,
    /// A checkpoint the reader has kept.
    pub earlier: Option<String>,
    pub names: bool,
}

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no such release")]
    NoRelease,
    #[error("the period is none: it has to end after it begins")]
    NoPeriod,
    #[error("it would have more than {limit} {what}; ask for a shorter period")]
    TooMuch { what: &'static str, limit: usize },
    #[error("the earlier checkpoint is none of this ledger: {0}")]
    Foreign(String),
    /// The reader's checkpoint and this ledger contradict each other.
    #[error("the earlier checkpoint of {size} entries has another root than this ledger had at that size")]
    Fork { size: u64 },
    #[error("the earlier checkpoint has {earlier} entries, and this ledger has {size}")]
    Ahead { earlier: u64, size: u64 },
    #[error(transparent)]
    NotPacked(#[from] NotPacked),
}

impl Engine {
    /// Makes a pack. Blocks.
    ///
    /// # Errors
    /// Nothing is there to be shown, or the ledger cannot be read.
    pub fn take_evidence(&self, taking: &Taking) -> Result<Vec<u8>, NotTaken> {
        let ledger = self.ledger().as_ref();
        let head = self.newest_checkpoint()?;
        let (scope, mut positions) = match taking.wanted {
            Wanted::Period { from, to } => period(ledger, from, to, head.size)?,
            Wanted::Release(id) => self.of_release(id, head.size)?,
        };
        self.add_policies(&mut positions, head.size)?;
        if positions.len() > ENTRIES {
            return Err(NotTaken::TooMuch { what: "entries", limit: ENTRIES });
        }
        // Witnesses lag behind by moments; what they have signed is better, if it covers everything.
        let covers = |it: &Checkpoint| positions.last().is_none_or(|last| *last < it.size) && ends(&scope) <= it.size;
        let witnessed = self.witnessed()?.map(|it| it.checkpoint).filter(covers);
        let checkpoint = witnessed.unwrap_or(head);
        let entries = read(ledger, &positions)?;
        let read: Vec<ReadEntry> = entries.iter().filter_map(|it| read_entry(it).ok()).collect();
        let (evidence, omitted) = self.evidence_of(&read, taking.names)?;
        let contents = Contents {
            scope,
            verifier_key: ledger.verifying_key().to_string(),
            witnesses: Witnesses {
                required: self.transparency().required,
                keys: self.transparency().witnesses.iter().map(|it| it.key().to_string()).collect(),
            },
            earlier: taking.earlier.as_deref().map(|note| earlier(ledger, note, checkpoint.size)).transpose()?,
            proof: proof_of_many(ledger, checkpoint.size, &entries)?,
            checkpoint,
            names: taking.names.then(|| self.names_in(&entries)),
            evidence,
            omitted,
            entries: entries.into_iter().map(|it| pack::Entry { position: it.position, body: it.body }).collect(),
        };
        Ok(pack::write(contents, |text| ledger.sign(text).map_err(|error| error.to_string()))?)
    }

    fn of_release(&self, id: ReleaseId, size: u64) -> Result<(Scope, Vec<u64>), NotTaken> {
        let world = self.world();
        let release = world.release.release(id).ok_or(NotTaken::NoRelease)?;
        let mut subjects = vec![Subject::Release(id)];
        subjects.extend(world.change.of_release(id).map(|it| Subject::Change(it.id)));
        let deployments = world.deployment.deployments.iter().filter(|(_, it)| it.release == id);
        subjects.extend(deployments.map(|(id, _)| Subject::Deployment(*id)));
        subjects.extend(release.spec.items.iter().map(|it| Subject::Artifact(it.digest)));
        let mut positions: BTreeSet<u64> = subjects.iter().flat_map(|it| world.trail.of(it)).collect();
        positions.retain(|position| *position < size);
        let scope = Scope::Release { id: id.to_string(), name: release.spec.name.to_string() };
        Ok((scope, positions.into_iter().collect()))
    }

    /// Adds the entries that installed the policy sets which the others were decided under.
    fn add_policies(&self, positions: &mut Vec<u64>, size: u64) -> Result<(), NotTaken> {
        let ledger = self.ledger().as_ref();
        let mut sets = BTreeSet::new();
        for chunk in positions.chunks(CHUNK) {
            let rulings = read(ledger, chunk)?
                .iter()
                .filter_map(|it| read_entry(it).ok())
                .flat_map(|it| it.rulings())
                .collect::<Vec<_>>();
            sets.extend(rulings.into_iter().map(|it| it.policy_set).filter(|it| !it.is_empty()));
        }
        positions.extend(installations(ledger, &sets, size)?);
        positions.sort_unstable();
        positions.dedup();
        Ok(())
    }

    /// The bytes of what these entries name, as far as they are kept and small enough. What commits say of their authors is full of
    /// names and goes with them.
    fn evidence_of(&self, entries: &[ReadEntry], names: bool) -> Result<(Pieces, Vec<Omitted>), NotTaken> {
        let world = self.world();
        let sources = world.artifact.artifacts.values().filter_map(|it| it.source.as_ref());
        let authors: BTreeSet<Digest> = sources.map(|it| Digest(it.details.0)).collect();
        let (mut kept, mut omitted, mut bytes) = (Pieces::new(), Vec::new(), 0);
        for digest in entries.iter().flat_map(ReadEntry::digests).collect::<BTreeSet<_>>() {
            let Some(found) = self.ledger().blob(&digest)? else { continue };
            let artifact = world.artifact.artifact(&interlock_ids::Digest(digest.0)).is_some();
            let why = match () {
                () if artifact => Some("artifact"),
                () if !names && authors.contains(&digest) => Some("names"),
                () if found.len() > PIECE => Some("too-large"),
                () => None,
            };
            if let Some(why) = why {
                omitted.push(Omitted { digest, bytes: found.len() as u64, why: why.into() });
                continue;
            }
            bytes += found.len();
            if bytes > BYTES {
                return Err(NotTaken::TooMuch { what: "bytes of evidence", limit: BYTES });
            }
            kept.insert(digest, found);
        }
        Ok((kept, omitted))
    }

    /// Whom these entries speak of, by the name known now.
    fn names_in(&self, entries: &[Entry]) -> Names {
        let mut names = Names::new();
        for entry in entries {
            let text = String::from_utf8_lossy(&entry.body);
            for (at, _) in text.match_indices("acc_") {
                let id = text[at..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                if names.contains_key(id) {
                    continue;
                }
                let person = id.parse::<AccountId>().ok().and_then(|account| self.desk().person(account));
                names.extend(person.map(|it| (id.to_owned(), format!("{} ({})", it.name, it.login))));
            }
        }
        names
    }
}

fn read_entry(entry: &Entry) -> Result<ReadEntry, String> {
    ReadEntry::read(&pack::Entry { position: entry.position, body: entry.body.clone() })
}

fn ends(scope: &Scope) -> u64 {
    match scope {
        Scope::Period { end, .. } => *end,
        Scope::Release { .. } => 0,
    }
}

/// All entries below `size`, in order, a piece at a time.
pub(crate) fn each(ledger: &dyn Ledger, size: u64, mut see: impl FnMut(&Entry)) -> Result<(), StoreError> {
    let mut next = 0;
    while next < size {
        let chunk = ledger.read(next, CHUNK.min((size - next) as usize))?;
        let Some(last) = chunk.last() else { break };
        next = last.position + 1;
        chunk.iter().for_each(&mut see);
    }
    Ok(())
}

/// The period with the entries beside it. A clock may have been put back, so every entry is looked at.
fn period(ledger: &dyn Ledger, from: Timestamp, to: Timestamp, size: u64) -> Result<(Scope, Vec<u64>), NotTaken> {
    if from >= to {
        return Err(NotTaken::NoPeriod);
    }
    let (mut first, mut end) = (size, 0);
    each(ledger, size, |entry| {
        let Some(at) = at(&entry.body) else { return };
        if at >= from {
            first = first.min(entry.position);
        }
        if at < to {
            end = entry.position + 1;
        }
    })?;
    let end = end.max(first);
    let positions = (first.saturating_sub(1)..size.min(end + 1)).collect();
    Ok((Scope::Period { from, to, first, end }, positions))
}

/// The time of a record, which stands near its beginning.
fn at(body: &[u8]) -> Option<Timestamp> {
    const KEY: &[u8] = b"\"at\":\"";
    let start = body.windows(KEY.len()).position(|it| it == KEY)? + KEY.len();
    let end = start + body[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[start..end]).ok()?.parse().ok()
}

/// Positions of the entries that installed these policy sets.
fn installations(ledger: &dyn Ledger, sets: &BTreeSet<String>, size: u64) -> Result<Vec<u64>, StoreError> {
    const KIND: &[u8] = b"\"kind\":\"policy.installed\"";
    let mut found = Vec::new();
    each(ledger, size, |entry| {
        // The kind stands before the content, after at most some hundred bytes.
        let head = &entry.body[..entry.body.len().min(400)];
        if head.windows(KIND.len()).any(|it| it == KIND) {
            let installed = read_entry(entry).ok().and_then(|it| it.installed());
            if installed.is_some_and(|(digest, _)| sets.contains(&digest)) {
                found.push(entry.position);
            }
        }
    })?;
    Ok(found)
}

/// The entries at these ascending positions.
pub(crate) fn read(ledger: &dyn Ledger, positions: &[u64]) -> Result<Vec<Entry>, NotTaken> {
    let (mut found, mut bytes, mut at) = (Vec::with_capacity(positions.len()), 0, 0);
    while at < positions.len() {
        let run =
            positions[at..].iter().zip(positions[at]..).take(CHUNK).take_while(|(one, next)| *one == next).count();
        let read = ledger.read(positions[at], run)?;
        if read.is_empty() {
            break;
        }
        at += read.len();
        bytes += read.iter().map(|it| it.body.len()).sum::<usize>();
        if bytes > BYTES {
            return Err(NotTaken::TooMuch { what: "bytes of entries", limit: BYTES });
        }
        found.extend(read);
    }
    Ok(found)
}

/// The reader's checkpoint, with the proof that `size` entries continue it.
fn earlier(ledger: &dyn Ledger, note: &str, size: u64) -> Result<(Checkpoint, Vec<Digest>), NotTaken> {
    let kept = Checkpoint::open(&ledger.verifying_key(), note).map_err(|error| NotTaken::Foreign(error.to_string()))?;
    if kept.size > size {
        return Err(NotTaken::Ahead { earlier: kept.size, size });
    }
    if ledger.root_at(kept.size)? != kept.root {
        return Err(NotTaken::Fork { size: kept.size });
    }
    let proof = ledger.consistency(kept.size, size)?;
    Ok((kept, proof))
}
