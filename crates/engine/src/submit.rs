//! The only write path, seen from outside: a command goes into the queue, and its answer comes back once what it caused is durable.
//!
//! [`round`](crate::round) decides a batch, `line` lets one thread decide while another appends. Whoever loses the race for a position catches
//! up and decides again: on one node or on twenty, that is the whole concurrency control.
//! Deliberately absent: an answer before its entries are durable, and any other way to write.

use crate::{
    Engine, Origin,
    line::Landed,
    round::{Recorded, Submission},
};
use interlock_domain::{
    core::{Actor, Command},
    reason::Refusal,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};
use tokio::sync::oneshot;

/// Commands that may wait; whoever comes later waits outside.
const WAITING: usize = 8192;

/// What became of a submission.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The number of entries once it was written: everything it changed is in a world of this position.
    pub position: u64,
    pub events: Vec<Recorded>,
    /// The answer to a repeated idempotency key: what was written the first time.
    pub repeated: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ledger could not be written to. Whether the command is in it is not known until it is asked again under the same key.
    #[error("the ledger cannot be written to: {0}; try again, with the same idempotency key if one was given")]
    Unavailable(String),
    /// The connection to the ledger broke at the wrong moment: it may have been written.
    #[error("it is not known yet whether the command was written: {0}")]
    Unknown(String),
}

pub(crate) type Reply = Result<Receipt, SubmitError>;

/// A submission that waits for its answer.
pub(crate) struct Job {
    pub submission: Submission,
    pub origin: Option<Origin>,
    pub reply: oneshot::Sender<Reply>,
    /// Of whoever submitted it, for traces.
    pub span: tracing::Span,
}

/// Where the deciding thread gets its news from: commands, and what became of the batch that was being appended.
#[derive(Default)]
pub(crate) struct Queue {
    news: Mutex<News>,
    wake: Condvar,
    /// Whether there is an outcome to look at: asked between two decisions, without the lock.
    landed: AtomicBool,
}

#[derive(Default)]
pub(crate) struct News {
    pub jobs: VecDeque<Job>,
    pub landed: Option<Landed>,
    closed: bool,
    asleep: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job into the queue; gives it back if the queue is full.
    fn put(&self, job: Job) -> Result<(), Job> {
        let mut news = self.lock();
        if news.closed {
            return Ok(());
        }
        if news.jobs.len() >= WAITING {
            return Err(job);
        }
        news.jobs.push_back(job);
        if news.asleep {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Says what became of the batch that was being appended.
    pub(crate) fn land(&self, landed: Landed) {
        let mut news = self.lock();
        news.landed = Some(landed);
        self.landed.store(true, Ordering::Release);
        if news.asleep {
            self.wake.notify_one();
        }
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.landed.load(Ordering::Acquire)
    }

    /// Waits for news; `None` once the engine is gone. `jobs`: commands are news too, not only an outcome. `wait`: otherwise what
    /// there is, be it nothing.
    pub(crate) fn next(&self, jobs: bool, wait: bool) -> Option<News> {
        let mut news = self.lock();
        while wait && !news.closed && news.landed.is_none() && (!jobs || news.jobs.is_empty()) {
            news.asleep = true;
            news = self.wake.wait(news).unwrap_or_else(PoisonError::into_inner);
            news.asleep = false;
        }
        if news.closed {
            return None;
        }
        self.landed.store(false, Ordering::Release);
        let landed = news.landed.take();
        let taken = if jobs { std::mem::take(&mut news.jobs) } else { VecDeque::new() };
        Some(News { jobs: taken, landed, closed: false, asleep: false })
    }

    /// Ends the threads behind it. Whoever waits in it is told that the server is shutting down.
    fn close(&self) {
        let mut news = self.lock();
        news.closed = true;
        news.jobs.clear();
        self.wake.notify_all();
    }
}

/// The engine's end of the queue, which is closed with it.
pub(crate) struct Mouth(pub Arc<Queue>);

impl Drop for Mouth {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Engine {
    /// Submits one command. `key`: the same key again returns the first answer instead of doing it twice.
    ///
    /// # Errors
    /// A refusal, which changed nothing but may itself be recorded; or the ledger cannot be written to.
    pub async fn submit(&self, actor: Actor, command: Command, key: Option<String>) -> Reply {
        self.submit_all(actor, vec![command], key).await
    }

    /// Submits several commands that are carried out all or not at all.
    ///
    /// # Errors
    /// As [`Engine::submit`]; the refusal is that of the first command refused.
    pub async fn submit_all(&self, actor: Actor, commands: Vec<Command>, key: Option<String>) -> Reply {
        self.submit_from(actor, None, commands, key).await
    }

    /// As [`Engine::submit_all`], with from where it was asked: kept at the desk in the same transaction.
    ///
    /// # Errors
    /// As [`Engine::submit_all`].
    pub async fn submit_from(
        &self,
        actor: Actor,
        origin: Option<Origin>,
        commands: Vec<Command>,
        key: Option<String>,
    ) -> Reply {
        self.enter(Submission { actor, commands, key, blobs: Vec::new() }, origin).await
    }

    /// As [`Engine::submit`], with what the command names by digest: kept in the same transaction, if anything comes of it. Meant
    /// for little; what is large is kept beforehand.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn submit_with(&self, actor: Actor, command: Command, blobs: Vec<Vec<u8>>) -> Reply {
        self.enter(Submission { actor, commands: vec![command], key: None, blobs }, None).await
    }

    async fn enter(&self, submission: Submission, origin: Option<Origin>) -> Reply {
        let (reply, answer) = oneshot::channel();
        let mut job = Job { submission, origin, reply, span: tracing::Span::current() };
        let (counters, begun) = (self.counters(), Instant::now());
        let _waiting = counters.wait();
        // A full queue is waited for without blocking the runtime's threads.
        while let Err(back) = self.0.queue.0.put(job) {
            job = back;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let reply = answer.await.unwrap_or_else(|_| Err(closed()));
        counters.submit.observe_time(begun.elapsed());
        let count = match &reply {
            Ok(receipt) if receipt.repeated => &counters.repeated,
            Ok(_) => &counters.done,
            Err(SubmitError::Refused(_)) => &counters.refused,
            Err(SubmitError::Unavailable(_) | SubmitError::Unknown(_)) => &counters.unavailable,
        };
        count.fetch_add(1, Ordering::Relaxed);
        reply
    }
}

fn closed() -> SubmitError {
    SubmitError::Unavailable("the server is shutting down".into())
}
