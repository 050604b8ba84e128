//! The only write path. One thread decides and appends; commands that arrive together are appended together.
//!
//! Whoever loses the race for a position catches up and decides again: on one node or on twenty, that is the whole concurrency
//! control. What a round decides, and how, is in [`round`](crate::round).

use crate::{
    Engine, Inner, Origin, Published,
    round::{self, Core, Means, Recorded, Round, Submission},
};
use interlock_domain::{
    core::{Actor, Command},
    reason::Refusal,
};
use interlock_ledger::{AppendError, StoreError};
use std::{
    collections::VecDeque,
    sync::{Arc, Weak, mpsc},
};
use tokio::sync::oneshot;

/// Commands that are decided and appended together at most.
const TOGETHER: usize = 1024;

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
    /// The ledger could not be written to; nothing is known to have changed.
    #[error("the ledger cannot be written to: {0}; nothing was changed, try again")]
    Unavailable(String),
    /// The connection to the ledger broke at the wrong moment: it may have been written.
    #[error("it is not known yet whether the command was written: {0}")]
    Unknown(String),
}

type Reply = Result<Receipt, SubmitError>;

struct Job {
    submission: Submission,
    origin: Option<Origin>,
    reply: oneshot::Sender<Reply>,
}

/// The way to the thread that writes.
pub(crate) struct Queue(mpsc::SyncSender<Job>);

pub(crate) struct Jobs(mpsc::Receiver<Job>);

impl Queue {
    /// Holds 8,192 commands; whoever comes later waits.
    pub(crate) fn new() -> (Self, Jobs) {
        let (sender, receiver) = mpsc::sync_channel(8192);
        (Self(sender), Jobs(receiver))
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
        let (reply, answer) = oneshot::channel();
        let mut job = Job { submission: Submission { actor, commands, key }, origin, reply };
        // A full queue is waited for without blocking the runtime's threads.
        loop {
            match self.0.queue.0.try_send(job) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => {
                    job = back;
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(closed()),
            }
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> SubmitError {
    SubmitError::Unavailable("the server is shutting down".into())
}

/// Writes until the engine is gone.
pub(crate) fn run(engine: &Weak<Inner>, jobs: &Jobs) {
    while let Ok(first) = jobs.0.recv() {
        let Some(inner) = engine.upgrade() else { return };
        let mut waiting = VecDeque::from([first]);
        waiting.extend(jobs.0.try_iter().take(TOGETHER - 1));
        write(&inner, waiting);
    }
}

struct Decided {
    job: Job,
    result: Result<round::Decided, SubmitError>,
}

/// Decides and appends jobs, again from the beginning whenever the position was taken by somebody else.
fn write(inner: &Inner, mut jobs: VecDeque<Job>) {
    let means = Means { ledger: inner.ledger.clone(), sources: inner.sources.clone(), rules: Arc::new(Core) };
    loop {
        let before = inner.world.load_full();
        let mut round = Round::new(means.clone(), &before);
        let decided: Vec<Decided> = jobs
            .drain(..)
            .map(|job| {
                let result = round.decide_from(&job.submission, job.origin.as_ref());
                Decided { job, result }
            })
            .collect();
        if round.batch.entries.is_empty() {
            // Nothing is appended, so nothing else tells that another node has written meanwhile: a "no" may be out of date.
            let refused = decided.iter().any(|it| it.result.is_err());
            if refused && inner.ledger.head().is_ok_and(|head| head.size > before.position) && inner.catch_up().is_ok()
            {
                jobs = decided.into_iter().map(|it| it.job).collect();
                continue;
            }
            return answer(decided, None);
        }
        match inner.ledger.append(before.position, &round.batch) {
            Ok(_) => {
                publish(inner, round);
                return answer(decided, None);
            }
            Err(AppendError::Conflict { .. }) => {
                jobs = decided.into_iter().map(|it| it.job).collect();
                if let Err(error) = inner.catch_up() {
                    let failed = jobs.into_iter().map(|job| Decided { job, result: Err(closed()) }).collect();
                    return answer(failed, Some((error.to_string(), false)));
                }
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the ledger could not be written to");
                let unknown = matches!(error, AppendError::Storage(StoreError::OutcomeUnknown { .. }));
                return answer(decided, Some((error.to_string(), unknown)));
            }
        }
    }
}

fn publish(inner: &Inner, round: Round) {
    let published = Published {
        position_from: round.from,
        position_to: round.world.position,
        kinds: round.kinds,
        subjects: round.subjects,
    };
    inner.advance(Arc::new(round.world));
    inner.work.notify_waiters();
    // Nobody following is no fault.
    let _ = inner.published.send(published);
}

/// `broken`: why nothing is acknowledged, and whether it may have been written all the same.
fn answer(decided: Vec<Decided>, broken: Option<(String, bool)>) {
    for Decided { job, result } in decided {
        let reply = match (&broken, result) {
            (Some((error, true)), Ok(_)) => Err(SubmitError::Unknown(error.clone())),
            (Some((error, false)), Ok(_)) => Err(SubmitError::Unavailable(error.clone())),
            (_, Ok(it)) => Ok(Receipt { position: it.position, events: it.events, repeated: it.repeated }),
            (_, Err(error)) => Err(error),
        };
        // Whoever asked may have gone away; what was decided stands.
        let _ = job.reply.send(reply);
    }
}
