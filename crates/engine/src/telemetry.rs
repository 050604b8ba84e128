//! Figures about the engine itself: what the path of a command costs, and how far behind anything is.
//!
//! Invariants: counting never waits for anything and never fails; nothing here names a person, a release or an address.
//! Deliberately absent: a format. The server writes the figures down for whoever collects them.

use crate::Engine;
use interlock_domain::core::{Obligation, owed};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Counts of values up to fixed bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: what is above the last.
    counts: Vec<AtomicU64>,
    /// In millionths, so that it can be added to without a lock.
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Upper bounds with the number of values at or below them; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
}

impl Histogram {
    /// `bounds`: upper bounds, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub fn observe(&self, value: f64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Relaxed);
        self.sum.fetch_add((value.max(0.0) * 1e6) as u64, Relaxed);
    }

    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    pub fn read(&self) -> Reading {
        let mut below = 0;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds
            .zip(&self.counts)
            .map(|(bound, count)| {
                below += count.load(Relaxed);
                (bound, below)
            })
            .collect();
        Reading { buckets, sum: self.sum.load(Relaxed) as f64 / 1e6 }
    }
}

/// Seconds: from a synchronised write on a quick disk to one that nobody should wait for.
pub const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 100.0, 250.0, 1000.0, 10_000.0];

/// What the engine counts while it works.
#[derive(Debug)]
pub struct Counters {
    /// From the submission to its answer.
    pub submit: Histogram,
    pub done: AtomicU64,
    pub repeated: AtomicU64,
    pub refused: AtomicU64,
    pub unavailable: AtomicU64,
    /// Commands that are not answered yet.
    pub waiting: AtomicI64,
    /// Entries appended together, and how long that took.
    pub batch: Histogram,
    pub append: Histogram,
    pub conflicts: AtomicU64,
    pub failures: AtomicU64,
    /// Position up to which what is owed has been derived.
    pub performed: AtomicU64,
    /// When this process first saw something owed, by its key.
    seen: Mutex<BTreeMap<String, Timestamp>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            submit: Histogram::new(&SECONDS),
            done: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
            waiting: AtomicI64::new(0),
            batch: Histogram::new(&SIZES),
            append: Histogram::new(&SECONDS),
            conflicts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            performed: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }
}

/// A command that waits for its answer; whoever asked may go away before it comes.
pub(crate) struct Waiting<'a>(&'a AtomicI64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Counters {
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(&self.waiting)
    }
}

/// What is owed of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    pub count: u64,
    /// How long the oldest has been due, in seconds. What is due in the future is not; the rest is since this process knows of it.
    pub oldest_seconds: u64,
}

/// The kinds of what is owed, as they are named in figures.
pub const OWED: [&str; 7] =
    ["step", "wake_deployment", "wake_release", "measure", "observe", "check_criteria", "read_feed"];

fn kind(it: &Obligation) -> &'static str {
    match it {
        Obligation::Step(_) => OWED[0],
        Obligation::WakeDeployment { .. } => OWED[1],
        Obligation::WakeRelease { .. } => OWED[2],
        Obligation::Measure(_) => OWED[3],
        Obligation::Observe(_) => OWED[4],
        Obligation::CheckCriteria(_) => OWED[5],
        Obligation::ReadFeed { .. } => OWED[6],
    }
}

fn due(it: &Obligation) -> Option<Timestamp> {
    match it {
        Obligation::WakeDeployment { at, .. } | Obligation::WakeRelease { at, .. } => Some(*at),
        // It is read again and again, and never late.
        Obligation::ReadFeed { .. } => Some(Timestamp::MAX),
        Obligation::Step(_) | Obligation::Measure(_) | Obligation::Observe(_) | Obligation::CheckCriteria(_) => None,
    }
}

/// The engine at one moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Entries that the world holds, and that the ledger has; `None` if it cannot be read.
    pub position: u64,
    pub ledger: Option<u64>,
    pub owed: BTreeMap<&'static str, Owed>,
    pub leases: u64,
    /// Runners that hold a lease.
    pub runners: u64,
    pub analyses: u64,
    pub deployments: u64,
    /// Why nothing is written any more.
    pub stopped: Option<String>,
}

impl Engine {
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Looks at everything that is not counted as it happens.
    pub fn state(&self) -> State {
        let (world, now) = (self.world(), self.now());
        let mut state = State {
            position: world.position,
            ledger: self.ledger().head().ok().map(|head| head.size),
            owed: OWED.iter().map(|kind| (*kind, Owed::default())).collect(),
            analyses: world.verification.open.len() as u64,
            deployments: world.deployment.running.len() as u64,
            stopped: self.ledger().stopped(),
            ..State::default()
        };
        let mut seen = self.0.counters.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut still = BTreeMap::new();
        for it in owed(&world) {
            let key = it.key();
            let since = due(&it).unwrap_or_else(|| seen.get(&key).copied().unwrap_or(now));
            let row = state.owed.entry(kind(&it)).or_default();
            row.count += 1;
            row.oldest_seconds =
                row.oldest_seconds.max(u64::try_from(now.duration_since(since).as_secs()).unwrap_or(0));
            still.insert(key, since);
        }
        *seen = still;
        let running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
        let leases: Vec<_> = running.flat_map(|it| it.progress.iter().filter_map(|unit| unit.lease.as_ref())).collect();
        state.leases = leases.len() as u64;
        state.runners = leases.iter().map(|it| &it.runner).collect::<std::collections::BTreeSet<_>>().len() as u64;
        state
    }

    /// Waits until the ledger takes no more writes; says why.
    pub async fn stopped(&self) -> String {
        loop {
            let stopped = self.0.stopped.notified();
            if let Some(why) = self.ledger().stopped() {
                return why;
            }
            // Not every write is an append: looked at now and then as well.
            let _ = tokio::time::timeout(Duration::from_secs(1), stopped).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_every_bucket_it_is_not_above() {
        let it = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 7.0].into_iter().for_each(|value| it.observe(value));
        assert_eq!(it.read(), Reading { buckets: vec![(1.0, 2), (2.0, 3), (f64::INFINITY, 4)], sum: 10.0 });
    }
}
