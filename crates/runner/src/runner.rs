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
use interlock_wire::runner::{Lease, LeaseRequest, StepOrder};
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

    /// Works until [`RunnerHandle::stop`].
    pub async fn run(self) {
        self.shared.tidy().await;
        let carrying = tokio::spawn({
            let shared = self.shared.clone();
            async move { shared.courier.work().await }
        });
        let mut tasks = JoinSet::new();
        let mut stop = self.stop.subscribe();
        tokio::select! {
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
    }

    async fn lease_for_ever(&self, tasks: &mut JoinSet<()>) {
        let shared = &self.shared;
        let (mut position, mut backoff) = (0, BACKOFF_MIN);
        loop {
            while tasks.try_join_next().is_some() {}
            let request = shared.request(position);
            let asked = request.capacity;
            let answer = tokio::select! {
                answer = self.controller.lease(request) => answer,
                // Nothing can have been granted, so nothing is lost by asking anew.
                () = shared.freed.notified(), if asked == 0 => continue,
            };
            let lease = match answer {
                Ok(lease) => lease,
                Err(error) => {
                    tracing::warn!(%error, retry_ms = backoff.as_millis() as u64, "no lease");
                    tokio::select! { () = sleep(backoff) => {} () = shared.wake.notified() => {} }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    continue;
                }
            };
            backoff = BACKOFF_MIN;
            position = position.max(lease.revocation_position);
            let Lease { steps, revoked_permits, next_poll_ms, .. } = lease;
            shared.executor.revoke(revoked_permits);
            let hungry = steps.len() >= asked as usize;
            for order in steps {
                shared.accept(order, tasks);
            }
            let pause = Duration::from_millis(next_poll_ms).clamp(Duration::from_millis(1), POLL_MAX);
            tokio::select! {
                () = sleep(pause) => {}
                () = shared.wake.notified() => {}
                () = shared.courier.delivered.notified() => {}
                () = shared.freed.notified(), if hungry => sleep(GATHER).await,
            }
        }
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Arc<AtomicU64>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, seen_revocations: u64) -> LeaseRequest {
        let running: Vec<String> = self.running().keys().cloned().collect();
        let config = &self.executor.config;
        LeaseRequest {
            runner: config.name.clone(),
            labels: config.labels.clone(),
            capacity: config.capacity.max(1).saturating_sub(u32::try_from(running.len()).unwrap_or(u32::MAX)),
            running,
            seen_revocations,
        }
    }

    fn accept(self: &Arc<Self>, order: StepOrder, tasks: &mut JoinSet<()>) {
        let mut running = self.running();
        if let Some(fence) = running.get(&order.key) {
            fence.fetch_max(order.fence, Ordering::SeqCst);
            return;
        }
        if let Some(Known::Finished { fingerprint: before, report, .. }) = self.executor.journal.known(&order.key)
            && before == fingerprint(&order)
        {
            if order.fence < report.fence {
                tracing::warn!(key = order.key, fence = order.fence, "a lease came late and is left alone");
                return;
            }
            let mut report = (*report).clone();
            report.fence = order.fence;
            report.message = format!("already done, not executed again: {}", report.message);
            self.courier.take(report);
            return;
        }
        let fence = Arc::new(AtomicU64::new(order.fence));
        running.insert(order.key.clone(), fence.clone());
        drop(running);
        let shared = self.clone();
        tasks.spawn(async move { shared.one(order, &fence).await });
    }

    async fn one(&self, order: StepOrder, fence: &AtomicU64) {
        let _slot = self.slots.acquire().await;
        let transcript = self.courier.transcript(&order.key);
        let executed = AssertUnwindSafe(self.executor.execute(&order, fence, &transcript)).catch_unwind().await;
        let mut report = match executed {
            Ok(report) => report,
            Err(_) => {
                let fault = Fault::inconclusive(Code::RunnerDefect, "the runner broke off by a defect of its own");
                self.executor.give_up(&order, fault, &transcript).await
            }
        };
        let mut running = self.running();
        running.remove(&order.key);
        // A lease of the same key that came meanwhile raised the fence; one that comes from here on is answered anew.
        report.fence = fence.load(Ordering::SeqCst);
        self.courier.take(report);
        drop(running);
        self.freed.notify_one();
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
