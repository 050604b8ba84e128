//! Opening: the newest usable snapshot, then the entries after it. Snapshots are a cache; the ledger is the truth.

use crate::{
    Desk, DeskError, Engine, Inner, Outputs, Published, Sources, Transparency, line, nodes, ports::Ports, replay,
    submit, transparency,
};
use arc_swap::ArcSwap;
use interlock_domain::core::{self, DecodeError, Event, Meta, Record, Subject, World};
use interlock_ids::ReleaseId;
use interlock_ledger::{Entry, Ledger, StoreError};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{Notify, broadcast};

/// Names the form of World in snapshots: another form is thrown away and folded anew.
pub const FORM: &str = concat!("world-", env!("CARGO_PKG_VERSION"), "-4");
const CHUNK: usize = 10_000;
/// Distance within which entries are read together.
const TOGETHER: u64 = 64;
/// Entries after which a new snapshot is worth its while.
const SNAPSHOT_EVERY: u64 = 20_000;

/// What an engine needs beside a ledger.
#[derive(Clone, Default)]
pub struct Options {
    pub sources: Sources,
    pub ports: Ports,
    pub transparency: Transparency,
}

/// Why a ledger cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "entry {position} cannot be understood by Interlock {}: {cause}; use the version that wrote it, or a newer one",
        env!("CARGO_PKG_VERSION")
    )]
    Entry { position: u64, cause: DecodeError },
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error("the world could not be written as a snapshot: {0}; nothing depends on it")]
    Snapshot(String),
    #[error("a thread that writes could not be started: {0}")]
    Thread(std::io::Error),
}

impl Engine {
    /// Opens a ledger: folds it into a world and starts the threads that write.
    ///
    /// # Errors
    /// The ledger cannot be read, or holds entries this version does not know.
    pub fn open(ledger: Arc<dyn Ledger>, options: Options) -> Result<Self, OpenError> {
        let world = load(ledger.as_ref())?;
        let desk = Desk::open(ledger.clone(), options.sources.clone())?;
        let queue = Arc::<submit::Queue>::default();
        let inner = Arc::new(Inner {
            ledger,
            world: ArcSwap::from_pointee(world),
            queue: submit::Mouth(queue.clone()),
            published: broadcast::channel(4096).0,
            desk,
            outputs: Outputs::default(),
            sources: options.sources,
            ports: options.ports,
            courses: Mutex::default(),
            work: Notify::new(),
            trouble: Mutex::default(),
            strangers: nodes::Strangers::default(),
            performs: AtomicBool::new(false),
            counters: crate::telemetry::Counters::default(),
            stopped: Notify::new(),
            past: replay::Past::default(),
            witnessing: transparency::Witnessing::new(options.transparency),
        });
        line::start(Arc::downgrade(&inner), queue).map_err(OpenError::Thread)?;
        nodes::start(&inner).map_err(OpenError::Thread)?;
        Ok(Self(inner))
    }

    /// Writes a snapshot of the world as it is now, so that the next start need not fold so much.
    ///
    /// # Errors
    /// It could not be written; nothing depends on it.
    pub fn snapshot(&self) -> Result<(), OpenError> {
        let world = self.world();
        // With names: fields that are left out when empty cannot be told apart without them.
        let bytes = rmp_serde::to_vec_named(world.as_ref()).map_err(|error| OpenError::Snapshot(error.to_string()))?;
        self.0.ledger.put_snapshot(world.position, FORM, &bytes)?;
        Ok(())
    }

    /// Writes snapshots now and then, in the background, until the engine is gone.
    pub(crate) async fn keep_snapshots(self) {
        let mut last = self.0.ledger.latest_snapshot(FORM).ok().flatten().map_or(0, |snapshot| snapshot.size);
        let mut news = self.follow();
        while !matches!(news.recv().await, Err(broadcast::error::RecvError::Closed)) {
            let ours = self.performs();
            if ours && self.head() >= last + SNAPSHOT_EVERY {
                last = self.head();
                let engine = self.clone();
                let written = tokio::task::spawn_blocking(move || engine.snapshot()).await;
                if let Ok(Err(error)) = written {
                    tracing::warn!(%error, "no snapshot could be written; the next start will take longer");
                }
            }
        }
    }
}

impl Engine {
    /// A world with nothing dropped of one release, its change, deployments, analyses, watch and rollback: of what is over, the
    /// world keeps little, and the ledger has the rest. The same world, if the release is not over.
    ///
    /// # Errors
    /// The ledger cannot be read, or holds entries this version does not know.
    pub fn details(&self, world: &Arc<World>, release: ReleaseId) -> Result<Arc<World>, OpenError> {
        if world.release.release(release).is_none_or(|it| !it.stage.is_terminal()) {
            return Ok(world.clone());
        }
        let positions: Vec<u64> = world.trail.of(&Subject::Release(release)).collect();
        let mut entries = Vec::with_capacity(positions.len());
        let mut rest = positions.as_slice();
        while let Some(first) = rest.first() {
            // One read for a run of positions that lie close together.
            let run = rest.iter().take_while(|position| **position < first + TOGETHER).count();
            let count = (rest[run - 1] + 1 - first) as usize;
            let read = self.0.ledger.read(*first, count)?;
            // The store may give less at once than was asked for; then the next read begins where this one ended.
            let end = read.last().map_or(*first, |entry| entry.position) + 1;
            let done = rest[..run].iter().take_while(|position| **position < end).count();
            for entry in read.into_iter().filter(|entry| rest[..done].binary_search(&entry.position).is_ok()) {
                entries.push(decoded(&entry)?);
            }
            rest = &rest[done.max(1)..];
        }
        Ok(Arc::new(world.details_of(release, entries)))
    }
}

fn decoded(entry: &Entry) -> Result<(Event, Meta), OpenError> {
    let position = entry.position;
    let record = Record::decode(&entry.body).map_err(|cause| OpenError::Entry { position, cause })?;
    Ok((record.event, Meta { position, at: record.at, by: record.by }))
}

impl Inner {
    /// Folds in what others have written, and tells those who follow.
    pub(crate) fn catch_up(&self) -> Result<(), OpenError> {
        let before = self.world.load_full();
        let mut world = World::clone(&before);
        let mut told = Told::default();
        fold(self.ledger.as_ref(), &mut world, |kind, subjects| told.add(kind, subjects))?;
        let (from, to) = (before.position, world.position);
        if to > from && self.advance(Arc::new(world)) {
            if told.kinds.iter().any(|kind| kind.starts_with("people.")) {
                self.strangers.store(true, Ordering::Release);
            }
            self.work.notify_waiters();
            let Told { kinds, subjects } = told;
            // Nobody following is no fault.
            let _ = self.published.send(Published { position_from: from, position_to: to, kinds, subjects });
        }
        Ok(())
    }

    /// Puts a world in place of an older one; whether it was newer. It never goes back: whoever is late finds a newer one.
    pub(crate) fn advance(&self, world: Arc<World>) -> bool {
        let before = self.world.rcu(|now| if now.position < world.position { world.clone() } else { now.clone() });
        before.position < world.position
    }
}

/// What others have written, as those who follow are told; no more of it than anybody looks at.
#[derive(Default)]
struct Told {
    kinds: Vec<String>,
    subjects: Vec<Subject>,
}

impl Told {
    fn add(&mut self, kind: &str, subjects: Vec<Subject>) {
        if self.kinds.len() < CHUNK {
            self.kinds.push(kind.to_owned());
            self.subjects.extend(subjects);
        }
    }
}

fn load(ledger: &dyn Ledger) -> Result<World, OpenError> {
    let snapshot = ledger.latest_snapshot(FORM)?;
    let kept = snapshot.and_then(|it| match rmp_serde::from_slice::<World>(&it.bytes) {
        Ok(world) if world.position == it.size => Some(world),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(%error, "the snapshot cannot be read and is left aside; everything is folded anew");
            None
        }
    });
    let mut world = kept.unwrap_or_default();
    fold(ledger, &mut world, |_, _| {})?;
    Ok(world)
}

fn fold(ledger: &dyn Ledger, world: &mut World, tell: impl FnMut(&str, Vec<Subject>)) -> Result<(), OpenError> {
    fold_to(ledger, world, u64::MAX, tell)
}

/// Folds in entries until the world is at `size`, or all there is.
pub(crate) fn fold_to(
    ledger: &dyn Ledger,
    world: &mut World,
    size: u64,
    mut tell: impl FnMut(&str, Vec<Subject>),
) -> Result<(), OpenError> {
    loop {
        let wanted = size.saturating_sub(world.position).min(CHUNK as u64);
        let entries = ledger.read(world.position, wanted as usize)?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            let (event, meta) = decoded(&entry)?;
            let subjects = core::apply(world, &event, &meta);
            tell(event.kind(), subjects);
        }
    }
}
