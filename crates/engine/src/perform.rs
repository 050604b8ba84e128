//! Performing what is owed: derived from the state after every change, compared with what is under way, begun or dropped.
//!
//! Nothing about what is under way is stored: after a crash the same list is derived again, and begun again under the same
//! fences. Where several nodes share a ledger, one of them performs at a time ([`crate::nodes`]). Steps are not performed here;
//! runners come for them.

use crate::{
    Engine, SubmitError, feeds, measure,
    nodes::{Lease, PROLONG},
    observe,
};
use interlock_domain::{
    core::{Actor, Command, Obligation, owed},
    deployment,
    reason::RefusalKind,
    release,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};
use tokio::{sync::broadcast::error::RecvError, task::JoinHandle};

/// Work under way, which ends with whoever holds it.
struct Task(JoinHandle<()>);

impl Task {
    fn begin(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How soon something that could not be submitted is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_secs(15);

impl Engine {
    /// Performs what is owed until the engine is gone. Run it once per organisation.
    pub async fn perform(self) {
        let _snapshots = Task::begin(self.clone().keep_snapshots());
        let mut under_way: BTreeMap<String, Task> = BTreeMap::new();
        let mut news = self.follow();
        let mut lease = Lease::new(&self);
        loop {
            let ours = self.may_perform(&mut lease).await;
            let world = self.world();
            let at = world.position;
            let owed: BTreeMap<String, Obligation> = owed(&world).into_iter().map(|it| (it.key(), it)).collect();
            under_way.retain(|key, _| ours && owed.contains_key(key));
            let mut steps = false;
            for (key, obligation) in owed {
                if matches!(obligation, Obligation::Step(_)) {
                    steps = true;
                } else if ours {
                    under_way.entry(key).or_insert_with(|| Task::begin(perform(self.clone(), obligation)));
                }
            }
            if steps {
                self.0.work.notify_waiters();
            }
            self.counters().performed.store(at, Ordering::Relaxed);
            for notice in self.ledger().notices() {
                tracing::warn!(notice, "the ledger says");
            }
            // With others on the same ledger the lease has to be prolonged, whether there are news or not.
            let heard =
                if self.shared() { tokio::time::timeout(PROLONG, news.recv()).await } else { Ok(news.recv().await) };
            match heard {
                // Whatever was missed shows in the state.
                Err(_) | Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => break,
            }
            // Entries that come together are looked at together.
            while news.try_recv().is_ok() {}
        }
    }

    /// Submits what the world outside has answered, until it is accepted or no longer asked for.
    pub(crate) async fn insist(&self, command: Command) {
        loop {
            match self.submit(Actor::system(), command.clone(), None).await {
                Ok(_) => return,
                Err(SubmitError::Refused(refusal)) => {
                    if refusal.kind != RefusalKind::Stale {
                        tracing::error!(%refusal, "an answer from outside was refused");
                    }
                    return;
                }
                Err(SubmitError::Unavailable(error) | SubmitError::Unknown(error)) => {
                    tracing::warn!(%error, "an answer from outside could not be written down yet");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    /// Submits the same now and then, until it is no longer owed and the task is dropped: what stands in the way may clear
    /// without leaving a trace in the ledger.
    async fn keep_asking(&self, command: impl Fn() -> Command) {
        loop {
            self.insist(command()).await;
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Sleeps until a moment of the engine's clock.
    pub(crate) async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = at.as_millisecond() - self.now().as_millisecond();
            if left <= 0 {
                return;
            }
            // In parts: the clock may be set while we sleep.
            tokio::time::sleep(Duration::from_millis(left.min(10_000) as u64)).await;
        }
    }
}

async fn perform(engine: Engine, obligation: Obligation) {
    match obligation {
        Obligation::Step(_) => {}
        Obligation::WakeDeployment { deployment, at, .. } => {
            engine.sleep_until(at).await;
            engine.keep_asking(|| Command::Deployment(deployment::Command::Wake { deployment })).await;
        }
        Obligation::WakeRelease { release, at } => {
            engine.sleep_until(at).await;
            engine.keep_asking(|| Command::Release(release::Command::Reassess { release })).await;
        }
        Obligation::ReadFeed { feed, fence } => feeds::follow(engine, feed, fence).await,
        Obligation::Measure(it) => measure::measure(engine, it).await,
        Obligation::Observe(it) => observe::observe(engine, it).await,
        Obligation::CheckCriteria(it) => observe::check_criteria(engine, it).await,
    }
}
