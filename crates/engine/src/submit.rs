//! The only write path. One thread decides and appends; commands that arrive together are appended together.
//!
//! Whoever loses the race for a position catches up and decides again: on one node or on twenty, that is the whole concurrency
//! control. Reactions are decided like anybody's commands; one that is refused leaves an audit event.

use crate::{Engine, Inner, Published};
use interlock_domain::{
    core::{self, Actor, By, Command, Context, Event, Meta, Record, Subject, World},
    reason::{self, Refusal, RefusalKind, Refused},
};
use interlock_ids::SubmissionId;
use interlock_ledger::{Answer, AppendError, Batch, NewEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Weak, mpsc},
};
use tokio::sync::oneshot;

/// Commands that are decided and appended together at most.
const TOGETHER: usize = 1024;
/// Entries of one command and all that follows from it.
const FOLLOWING: usize = 10_000;

/// An entry that was written.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: u64,
    pub at: Timestamp,
    pub event: Event,
}

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
}

type Reply = Result<Receipt, SubmitError>;

struct Job {
    actor: Actor,
    commands: Vec<Command>,
    key: Option<String>,
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

/// What an idempotency key is answered with again.
#[derive(Serialize, Deserialize)]
struct Remembered {
    from: u64,
    to: u64,
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
        let (reply, answer) = oneshot::channel();
        let mut job = Job { actor, commands, key, reply };
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
    result: Result<(u64, Vec<Recorded>, bool), SubmitError>,
}

/// Decides and appends jobs, again from the beginning whenever the position was taken by somebody else.
fn write(inner: &Inner, mut jobs: VecDeque<Job>) {
    loop {
        let before = inner.world.load_full();
        let mut round = Round::new(inner, &before);
        let decided: Vec<Decided> = jobs
            .drain(..)
            .map(|job| {
                let result = round.decide(&job);
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
                    return answer(failed, Some(error.to_string()));
                }
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the ledger could not be written to");
                return answer(decided, Some(error.to_string()));
            }
        }
    }
}

fn publish(inner: &Inner, round: Round<'_>) {
    let published = Published {
        position_from: round.from,
        position_to: round.world.position,
        kinds: round.kinds,
        subjects: round.subjects,
    };
    inner.world.store(Arc::new(round.world));
    inner.work.notify_waiters();
    // Nobody following is no fault.
    let _ = inner.published.send(published);
}

fn answer(decided: Vec<Decided>, broken: Option<String>) {
    for Decided { job, result } in decided {
        let reply = match (&broken, result) {
            (Some(error), Ok(_)) => Err(SubmitError::Unavailable(error.clone())),
            (_, Ok((position, events, repeated))) => Ok(Receipt { position, events, repeated }),
            (_, Err(error)) => Err(error),
        };
        // Whoever asked may have gone away; what was decided stands.
        let _ = job.reply.send(reply);
    }
}

/// One batch in the making.
struct Round<'a> {
    inner: &'a Inner,
    from: u64,
    world: World,
    batch: Batch,
    kinds: Vec<String>,
    subjects: Vec<Subject>,
    /// Keys answered within this very batch.
    keys: BTreeMap<String, Remembered>,
}

impl<'a> Round<'a> {
    fn new(inner: &'a Inner, before: &World) -> Self {
        Self {
            inner,
            from: before.position,
            world: before.clone(),
            batch: Batch { entries: Vec::new(), answers: Vec::new() },
            kinds: Vec::new(),
            subjects: Vec::new(),
            keys: BTreeMap::new(),
        }
    }

    fn decide(&mut self, job: &Job) -> Result<(u64, Vec<Recorded>, bool), SubmitError> {
        if let Some(remembered) = job.key.as_deref().map(|key| self.remembered(key)).transpose()?.flatten() {
            return Ok((remembered.to, self.read(&remembered)?, true));
        }
        let ctx =
            Context { now: self.inner.sources.clock.now(), actor: job.actor.clone(), ids: self.inner.sources.ids() };
        let sub: SubmissionId = ctx.ids.id();
        let mut attempt = Attempt { world: self.world.clone(), records: Vec::new() };
        for command in &job.commands {
            match attempt.carry_out(command, &ctx, sub) {
                Ok(()) => {}
                Err(refusal) => {
                    self.record_refusal(command, &refusal, &ctx, sub);
                    return Err(refusal.into());
                }
            }
        }
        let from = self.world.position;
        let records = self.take(attempt);
        let to = self.world.position;
        if let Some(key) = &job.key {
            let remembered = Remembered { from, to };
            let body = serde_json::to_vec(&remembered).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            if to > from {
                self.batch.answers.push(Answer { key: key.clone(), body });
                self.keys.insert(key.clone(), remembered);
            }
        }
        Ok((to, records, false))
    }

    fn remembered(&self, key: &str) -> Result<Option<Remembered>, SubmitError> {
        if let Some(it) = self.keys.get(key) {
            return Ok(Some(Remembered { from: it.from, to: it.to }));
        }
        let unavailable = |error: String| SubmitError::Unavailable(error);
        let stored = self.inner.ledger.answer(key).map_err(|error| unavailable(error.to_string()))?;
        stored.map(|body| serde_json::from_slice(&body).map_err(|error| unavailable(error.to_string()))).transpose()
    }

    /// Entries that were written for a remembered key, from the ledger or from the batch in the making.
    fn read(&self, it: &Remembered) -> Result<Vec<Recorded>, SubmitError> {
        let bodies: Vec<Vec<u8>> = if it.from >= self.from {
            let entries = &self.batch.entries[(it.from - self.from) as usize..(it.to - self.from) as usize];
            entries.iter().map(|entry| entry.body.clone()).collect()
        } else {
            let entries = self.inner.ledger.read(it.from, (it.to - it.from) as usize);
            let entries = entries.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            entries.into_iter().map(|entry| entry.body).collect()
        };
        let decoded = bodies.iter().zip(it.from..).map(|(body, position)| {
            let record = Record::decode(body).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            Ok(Recorded { position, at: record.at, event: record.event })
        });
        decoded.collect()
    }

    fn take(&mut self, attempt: Attempt) -> Vec<Recorded> {
        let mut records = Vec::with_capacity(attempt.records.len());
        for ((position, record), subjects) in attempt.records {
            self.batch.entries.push(NewEntry { body: record.encode() });
            self.kinds.push(record.event.kind().to_owned());
            self.subjects.extend(subjects);
            records.push(Recorded { position, at: record.at, event: record.event });
        }
        self.world = attempt.world;
        records
    }

    /// A refusal by policy or by a gate is itself an entry; malformed or stale commands leave no trace.
    fn record_refusal(&mut self, command: &Command, refusal: &Refusal, ctx: &Context, sub: SubmissionId) {
        let telling = matches!(refusal.kind, RefusalKind::Denied | RefusalKind::Blocked);
        if !telling || ctx.actor.by == By::System {
            return;
        }
        let mut attempt = Attempt { world: self.world.clone(), records: Vec::new() };
        attempt.add(refused(command, refusal), ctx.now, ctx.actor.by.clone(), sub);
        self.take(attempt);
    }
}

fn refused(command: &Command, refusal: &Refusal) -> Event {
    let (action, subject) = command.about();
    Event::Reason(reason::Event::Refused(Refused {
        action: action.to_owned(),
        subject,
        summary: refusal.summary.clone(),
        blockers: refusal.blockers.clone(),
        outcome: refusal.ruling.as_ref().map_or(reason::Outcome::Fail, |ruling| ruling.outcome),
        policy_set: refusal.ruling.as_ref().map(|ruling| ruling.policy_set.clone()),
        facts: refusal.ruling.as_ref().map(|ruling| ruling.facts.clone()),
    }))
}

/// One job in the making: kept only if all of it is allowed.
struct Attempt {
    world: World,
    records: Vec<((u64, Record), Vec<Subject>)>,
}

impl Attempt {
    fn add(&mut self, event: Event, at: Timestamp, by: By, sub: SubmissionId) {
        let position = self.world.position;
        let subjects = event.subjects(&self.world);
        core::apply(&mut self.world, &event, &Meta { position, at, by: by.clone() });
        self.records.push(((position, Record { v: 1, at, by, sub, event }), subjects));
    }

    /// Decides a command and everything that follows from it, until quiet.
    fn carry_out(&mut self, command: &Command, ctx: &Context, sub: SubmissionId) -> Result<(), Refusal> {
        let system = ctx.as_system();
        let mut follows: VecDeque<Command> = VecDeque::new();
        for event in core::decide(&self.world, command, ctx)? {
            self.add(event.clone(), ctx.now, ctx.actor.by.clone(), sub);
            follows.extend(core::react(&self.world, &event));
        }
        while let Some(next) = follows.pop_front() {
            if self.records.len() > FOLLOWING {
                let message = format!("more than {FOLLOWING} entries would follow from this");
                return Err(Refusal::invalid("too-much-follows", message, "do it in smaller parts"));
            }
            match core::decide(&self.world, &next, &system) {
                Ok(events) => {
                    for event in events {
                        self.add(event.clone(), ctx.now, By::System, sub);
                        follows.extend(core::react(&self.world, &event));
                    }
                }
                Err(refusal) if refusal.kind == RefusalKind::Stale => {}
                Err(refusal) => self.add(refused(&next, &refusal), ctx.now, By::System, sub),
            }
        }
        Ok(())
    }
}
