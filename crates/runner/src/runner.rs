//! The loop: lease, execute in parallel, report; until told to stop.
//!
//! Invariants: at most `capacity` steps run; a key runs at most once at a time, and a second lease of it only raises its fence; a
//! finished key is answered from the journal; before the first lease, what an earlier life of this runner left running is ended.
//! Deliberately absent: any choice of what to do next.

use crate::artifact::Depot;
use crate::clock::{Clock, SystemClock};
use crate::config::RunnerConfig;
use crate::controller::Controller;
use crate::courier::Courier;
use crate::execute::{Executor, fingerprint};
use crate::fault::{Code, Fault};
use crate::journal::Known;
use crate::leftovers;
use futures::FutureExt as _;
use interlock_wire::runner::{KINDS, Lease, LeaseRequest, PROTOCOL, StepOrder, StepReport};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const POLL_MAX: Duration = Duration::from_secs(60);
/// Longest pause before an order is begun, in milliseconds.
const PAUSE_MAX_MS: u64 = 60_000;
/// Steps that end together are replaced together.
const GATHER: Duration = Duration::from_millis(2);
/// How long the last reports may take when the runner stops; what is left waits on disk.
const FLUSH: Duration = Duration::from_secs(2);

/// A runner, ready to run.
pub struct Runner {
    shared: Arc<Shared>,
    controller: Arc<dyn Controller>,
    stop: watch::Sender<bool>,
}

struct Shared {
    executor: Arc<Executor>,
    courier: Courier,
    running: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    slots: Arc<Semaphore>,
    freed: Notify,
    wake: Notify,
}

/// Speaks to a runner from elsewhere. Does not keep it alive: its data directory is free once [`Runner::run`] has returned.
#[derive(Clone)]
pub struct RunnerHandle {
    shared: Weak<Shared>,
    stop: watch::Sender<bool>,
}

impl RunnerHandle {
    /// There may be work: ask for a lease now.
    pub fn wake(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.wake.notify_one();
        }
    }

    /// Lease no more, let running steps end within the grace, deliver, return from [`Runner::run`].
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// How many steps are in hand.
    pub fn running(&self) -> usize {
        self.shared.upgrade().map_or(0, |shared| shared.running().len())
    }
}

impl Runner {
    /// Opens the data directory.
    ///
    /// # Errors
    /// R210, R503, R504, R506.
    pub fn new(config: RunnerConfig, controller: Arc<dyn Controller>, depot: Arc<dyn Depot>) -> Result<Self, Fault> {
        Self::with_clock(config, controller, depot, Arc::new(SystemClock))
    }

    /// The same with another clock to judge permits by.
    ///
    /// # Errors
    /// As [`Runner::new`].
    pub fn with_clock(
        config: RunnerConfig,
        controller: Arc<dyn Controller>,
        depot: Arc<dyn Depot>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Fault> {
        let capacity = config.capacity.clamp(1, 100_000) as usize;
        let executor = Arc::new(Executor::open(config, depot, clock)?);
        let shared = Shared {
            courier: Courier::new(executor.clone(), controller.clone()),
            executor,
            running: Mutex::default(),
            slots: Arc::new(Semaphore::new(capacity)),
            freed: Notify::new(),
            wake: Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared), controller, stop: watch::channel(false).0 })
    }

    pub fn handle(&self) -> RunnerHandle {
        RunnerHandle { shared: Arc::downgrade(&self.shared), stop: self.stop.clone() }
    }

    /// Works until [`RunnerHandle::stop`], until it is revoked, or, if it is so configured, until it is drained. Whether it may go on
    /// at another time: `false` once it was revoked.
    pub async fn run(self) -> bool {
        self.shared.tidy().await;
        let carrying = tokio::spawn({
            let shared = self.shared.clone();
            async move { shared.courier.work().await }
        });
        let mut tasks = JoinSet::new();
        let mut stop = self.stop.subscribe();
        tokio::select! {
            // Nothing that was granted may be lost: what is left out here is still leased, and is asked for at the next start.
            () = self.lease_for_ever(&mut tasks) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        let grace = self.shared.executor.config.shutdown_grace;
        if timeout(grace, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
            tracing::warn!(
                steps = tasks.len(),
                "steps did not end in time and are broken off; they are resumed when leased again"
            );
            tasks.shutdown().await;
        }
        carrying.abort();
        let _ = carrying.await;
        if timeout(FLUSH, self.shared.courier.flush()).await.is_err() {
            tracing::warn!("reports wait on disk for the next start");
        }
        !self.shared.executor.halted()
    }

    async fn lease_for_ever(&self, tasks: &mut JoinSet<()>) {
        let shared = &self.shared;
        let (mut position, mut backoff, mut beat) = (0, BACKOFF_MIN, Duration::ZERO);
        loop {
            while tasks.try_join_next().is_some() {}
            let mut request = shared.request(position);
            let asked = request.capacity;
            if asked == 0 && !beat.is_zero() {
                // Full hands: only to hear of revocations, and to be heard of.
                tokio::select! {
                    () = sleep(std::mem::take(&mut beat)) => {}
                    () = shared.freed.notified() => continue,
                }
            }
            if self.controller.takes_reports() {
                request.reports = shared.courier.take_along();
            }
            let along = request.reports.clone();
            shared.courier.asking.store(asked > 0 && along.is_empty(), Ordering::SeqCst);
            let answer = self.controller.lease(request).await;
            shared.courier.asking.store(false, Ordering::SeqCst);
            let lease = match answer {
                Ok(lease) => lease,
                Err(error) => {
                    shared.courier.took_along(&along, None);
                    if error.is_final() {
                        tracing::error!(%error, "this runner was revoked: what runs is stopped, nothing more is done");
                        shared.executor.halt();
                        return;
                    }
                    tracing::warn!(%error, retry_ms = backoff.as_millis() as u64, "no lease");
                    tokio::select! { () = sleep(backoff) => {} () = shared.wake.notified() => {} }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    continue;
                }
            };
            backoff = BACKOFF_MIN;
            position = position.max(lease.revocation_position);
            let Lease { steps, revoked_permits, next_poll_ms, reported, drained, .. } = lease;
            // A server that does not know of reports that come along does not say what became of them.
            shared.courier.took_along(&along, reported);
            shared.executor.revoke(revoked_permits);
            if steps.iter().any(|order| !shared.executor.knows(&order.permit.key_id)) {
                self.learn_keys().await;
            }
            let hungry = steps.len() >= asked as usize;
            let got = !steps.is_empty();
            shared.accept(steps, tasks);
            if drained && shared.executor.config.exit_when_drained && shared.idle() {
                tracing::info!("drained: nothing is left to do");
                return;
            }
            let pause = Duration::from_millis(next_poll_ms).clamp(Duration::from_millis(1), POLL_MAX);
            if hungry {
                beat = pause;
                if shared.executor.config.capacity > 1 {
                    tokio::select! { () = sleep(pause) => {} () = shared.freed.notified() => sleep(GATHER).await }
                }
            } else if !got {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = shared.wake.notified() => {}
                    () = shared.freed.notified() => {}
                    () = shared.courier.delivered.notified() => {}
                }
            }
        }
    }

    /// Asks for the permit keys anew: a permit is signed with one that is not known.
    async fn learn_keys(&self) {
        match self.controller.permit_keys().await {
            Ok(named) => self.shared.executor.learn(&named),
            Err(error) => tracing::warn!(%error, "the server does not say which keys it signs permits with"),
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<AtomicU64>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, seen_revocations: u64) -> LeaseRequest {
        let running = self.running();
        let keys: Vec<String> = running.keys().cloned().collect();
        let chains: BTreeSet<usize> = running.values().map(|fence| Arc::as_ptr(fence) as usize).collect();
        drop(running);
        let config = &self.executor.config;
        let busy = u32::try_from(chains.len()).unwrap_or(u32::MAX);
        let (reports, bytes) = self.courier.waiting();
        let full = reports >= config.spool_reports || bytes >= config.spool_bytes;
        if full {
            tracing::warn!(reports, bytes, "too much waits for the server: no step is taken until there is room");
        }
        LeaseRequest {
            runner: config.name.clone(),
            labels: config.labels.clone(),
            capacity: if full { 0 } else { config.capacity.max(1).saturating_sub(busy) },
            running: keys,
            seen_revocations,
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            kinds: KINDS.map(str::to_owned).to_vec(),
            slots: config.capacity.max(1),
            reports: Vec::new(),
        }
    }

    /// Nothing runs and nothing waits for the server.
    fn idle(&self) -> bool {
        self.running().is_empty() && self.courier.waiting().0 == 0
    }

    /// Begins what was leased. Orders of one lease that follow one another are done one after the other, by one hand.
    fn accept(self: &Arc<Self>, orders: Vec<StepOrder>, tasks: &mut JoinSet<()>) {
        let mut chains: Vec<Vec<StepOrder>> = Vec::new();
        for order in orders {
            let last = chains.last_mut();
            match last.filter(|chain| order.after.is_some() && chain.last().map(|it| &it.key) == order.after.as_ref()) {
                Some(chain) => chain.push(order),
                None => chains.push(vec![order]),
            }
        }
        for chain in chains {
            self.accept_chain(chain, tasks);
        }
    }

    fn accept_chain(self: &Arc<Self>, chain: Vec<StepOrder>, tasks: &mut JoinSet<()>) {
        let Some(first) = chain.first() else { return };
        let mut running = self.running();
        let under_way = chain.iter().find_map(|order| running.get(&order.key));
        if let Some(fence) = under_way {
            fence.fetch_max(first.fence, Ordering::SeqCst);
            return;
        }
        let fence = Arc::new(AtomicU64::new(first.fence));
        for order in &chain {
            running.insert(order.key.clone(), fence.clone());
        }
        drop(running);
        let shared = self.clone();
        tasks.spawn(async move { shared.one_after_the_other(chain, fence).await });
    }

    async fn one_after_the_other(self: Arc<Self>, chain: Vec<StepOrder>, fence: Arc<AtomicU64>) {
        let _slot = self.slots.acquire().await;
        // Reports on their way to the disk, in the shade of the step after.
        let mut leaving = JoinSet::new();
        let mut left = chain.iter();
        for order in left.by_ref() {
            if !self.one(order, &fence, &mut leaving).await {
                break;
            }
        }
        while leaving.join_next().await.is_some() {}
        // What comes after a step that did not pass is not begun.
        let mut running = self.running();
        left.for_each(|order| drop(running.remove(&order.key)));
        drop(running);
        self.freed.notify_one();
    }

    /// The report of an order that was done before, if it was.
    fn done_before(&self, order: &StepOrder, fence: u64) -> Option<StepReport> {
        let Some(Known::Finished { fingerprint: before, report, .. }) = self.executor.journal.known(&order.key) else {
            return None;
        };
        if before != fingerprint(order) {
            return None;
        }
        let mut report = (*report).clone();
        report.fence = report.fence.max(fence);
        report.message = format!("already done, not executed again: {}", report.message);
        Some(report)
    }

    /// Does one order; whether the next one of its lease may be begun.
    async fn one(self: &Arc<Self>, order: &StepOrder, fence: &Arc<AtomicU64>, leaving: &mut JoinSet<()>) -> bool {
        if let Some(report) = self.done_before(order, fence.load(Ordering::SeqCst)) {
            let passes = report.outcome.passes();
            self.hand_over(report, fence);
            return passes;
        }
        if order.pause_ms > 0 {
            sleep(Duration::from_millis(order.pause_ms.min(PAUSE_MAX_MS))).await;
        }
        let transcript = self.courier.transcript(&order.key);
        let executed = AssertUnwindSafe(self.executor.execute(order, fence, &transcript)).catch_unwind().await;
        let (report, kept) = executed.unwrap_or_else(|_| {
            let fault = Fault::inconclusive(Code::RunnerDefect, "the runner broke off by a defect of its own");
            self.executor.give_up(order, fault, &transcript)
        });
        let passes = report.outcome.passes();
        let (shared, fence) = (self.clone(), fence.clone());
        leaving.spawn(async move {
            kept.await;
            shared.hand_over(report, &fence);
        });
        passes
    }

    /// A step is over: its report goes on its way.
    fn hand_over(&self, mut report: StepReport, fence: &AtomicU64) {
        let mut running = self.running();
        running.remove(&report.key);
        // A lease of the same key that came meanwhile raised the fence; one that comes from here on is answered anew.
        report.fence = report.fence.max(fence.load(Ordering::SeqCst));
        self.courier.take(report);
    }

    /// Ends leftover processes and clears away directories of steps that are over.
    async fn tidy(&self) {
        let journal = &self.executor.journal;
        let unfinished = journal.unfinished();
        let undelivered = journal.undelivered();
        let open = unfinished.iter().map(|(key, _)| key).chain(undelivered.iter().map(|report| &report.key));
        let keep: BTreeSet<_> = open.map(|key| self.executor.step_dir(key)).collect();
        let steps = self.executor.config.data_dir.join("steps");
        let grace = self.executor.config.kill_grace;
        let tidying = tokio::task::spawn_blocking(move || {
            for (key, group) in unfinished {
                let ended = leftovers::end(&key, group, grace);
                tracing::info!(key, processes = ended, "an interrupted step's processes were ended");
            }
            for entry in std::fs::read_dir(steps).into_iter().flatten().flatten() {
                if !keep.contains(&entry.path()) {
                    let _ = std::fs::remove_dir_all(entry.path());
                }
            }
        });
        let _ = tidying.await;
    }
}
