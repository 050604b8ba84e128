//! Two threads behind the queue: while one appends a batch, the other decides the next on the world that the first hopes for.
//!
//! Invariants: nothing is published or answered before it is durable, refusals included, since a "no" may rest on what is still
//! being appended; batches are appended in the order they were decided in; if one is not appended, everything decided on
//! top of it is dropped and decided again, on what is in the ledger. So a command is carried out once or not at all, whatever
//! the pipeline had in it.
//! Deliberately absent: more than one batch in flight. The store takes one writer, and a hope built on a hope saves nothing.

use crate::{
    Inner, Published,
    round::{Core, Decided, Means, Round, Sealed},
    submit::{Job, Queue, Receipt, SubmitError},
};
use interlock_ledger::{AppendError, StoreError};
use std::{
    collections::VecDeque,
    sync::{Arc, Weak, atomic::Ordering::Relaxed, mpsc},
    time::Instant,
};

/// Jobs that are appended together at most.
const TOGETHER: usize = 1024;
/// Jobs that are worth a commit of their own while more are waiting to be decided.
const WORTH: usize = 256;

/// What a job is answered once its batch is durable.
type Outcome = (Job, Result<Decided, SubmitError>);

/// A batch in the making, with whom to answer.
struct Making {
    round: Round,
    decided: Vec<Outcome>,
}

impl Making {
    fn on(round: Round) -> Self {
        Self { round, decided: Vec::new() }
    }

    fn take(&mut self, job: Job) {
        let outcome = self.round.decide_from(&job.submission, job.origin.as_ref());
        self.decided.push((job, outcome));
    }

    fn is_full(&self) -> bool {
        self.decided.len() >= TOGETHER || self.round.is_full()
    }
}

/// A batch on its way to the disk.
struct Flight {
    inner: Arc<Inner>,
    sealed: Arc<Sealed>,
    decided: Vec<Outcome>,
}

/// What became of a batch.
pub(crate) enum Landed {
    /// It is durable, published and answered.
    Done,
    /// Somebody else wrote first: these are to be decided again.
    Overtaken(Vec<Job>),
    /// It could not be written, and those who asked were told so.
    Broken,
}

/// Starts both threads. They end with the engine.
pub(crate) fn start(engine: Weak<Inner>, queue: Arc<Queue>) -> std::io::Result<()> {
    let (runway, flights) = mpsc::sync_channel::<Flight>(1);
    let landing = queue.clone();
    std::thread::Builder::new().name("ledger-append".into()).spawn(move || {
        for flight in flights {
            let landed = append(flight);
            landing.land(landed);
        }
    })?;
    std::thread::Builder::new().name("ledger".into()).spawn(move || decide(&engine, &queue, &runway)).map(|_| ())
}

/// Decides until the engine is gone.
fn decide(engine: &Weak<Inner>, queue: &Queue, runway: &mpsc::SyncSender<Flight>) {
    let mut todo: VecDeque<Job> = VecDeque::new();
    let mut making: Option<Making> = None;
    let mut flying: Option<Arc<Sealed>> = None;
    loop {
        let full = making.as_ref().is_some_and(Making::is_full);
        let Some(news) = queue.next(!full, todo.is_empty() || full) else { return };
        let Some(inner) = engine.upgrade() else { return };
        todo.extend(news.jobs);
        if let Some(landed) = news.landed {
            flying = None;
            // Whatever did not become durable takes what was decided on top of it along.
            let (mut first, overtaken) = match landed {
                Landed::Done => (VecDeque::new(), false),
                Landed::Overtaken(jobs) => (VecDeque::from(jobs), true),
                Landed::Broken => (VecDeque::new(), true),
            };
            if overtaken {
                first.extend(making.take().into_iter().flat_map(|it| it.decided).map(|(job, _)| job));
                first.append(&mut todo);
                todo = first;
                if let Err(error) = inner.catch_up() {
                    tracing::error!(%error, "what others have written cannot be read");
                    fail(&mut todo, &error.to_string());
                }
            }
        }
        while let Some(job) = todo.pop_front() {
            let making = making.get_or_insert_with(|| {
                let means =
                    Means { ledger: inner.ledger.clone(), sources: inner.sources.clone(), rules: Arc::new(Core) };
                Making::on(match &flying {
                    Some(below) => Round::over(means, below),
                    None => Round::new(means, &inner.world.load()),
                })
            });
            making.take(job);
            let landed = flying.is_some() && queue.has_landed();
            if landed || making.is_full() || (flying.is_none() && making.decided.len() >= WORTH) {
                break;
            }
        }
        if flying.is_none()
            && let Some(Making { round, decided }) = making.take()
        {
            let sealed = Arc::new(round.seal());
            flying = Some(sealed.clone());
            if runway.send(Flight { inner, sealed, decided }).is_err() {
                return;
            }
        }
    }
}

fn fail(jobs: &mut VecDeque<Job>, error: &str) {
    for job in jobs.drain(..) {
        // Whoever asked may have gone away.
        let _ = job.reply.send(Err(SubmitError::Unavailable(error.to_owned())));
    }
}

/// Makes a batch durable, then publishes it, then answers.
fn append(flight: Flight) -> Landed {
    let Flight { inner, sealed, decided } = flight;
    let jobs = |decided: Vec<Outcome>| decided.into_iter().map(|(job, _)| job).collect();
    if sealed.batch.entries.is_empty() {
        // Nothing is appended, so nothing else tells that another node has written meanwhile: a "no", or that there is nothing
        // to do, may be out of date. A node that cannot find out does not say it.
        if inner.ledger.shared() || decided.iter().any(|(_, outcome)| outcome.is_err()) {
            match inner.ledger.head() {
                Ok(head) if head.size > sealed.from => return Landed::Overtaken(jobs(decided)),
                Ok(_) => {}
                Err(error) => return broken(decided, &error.to_string(), false),
            }
        }
        answer(decided);
        return Landed::Done;
    }
    let (begun, entries) = (Instant::now(), sealed.batch.entries.len());
    // Of the first command in the batch; the others wait for the same append.
    let _traced = decided.first().map(|(job, _)| {
        tracing::info_span!(parent: &job.span, "append", commands = decided.len() as u64, entries = entries as u64)
            .entered()
    });
    match inner.ledger.append(sealed.from, &sealed.batch) {
        Ok(_) => {
            inner.counters.append.observe_time(begun.elapsed());
            inner.counters.batch.observe(entries as f64);
            publish(&inner, &sealed);
            answer(decided);
            Landed::Done
        }
        Err(AppendError::Conflict { .. }) => {
            inner.counters.conflicts.fetch_add(1, Relaxed);
            Landed::Overtaken(jobs(decided))
        }
        Err(error) => {
            tracing::error!(code = error.code(), %error, "the ledger could not be written to");
            inner.counters.failures.fetch_add(1, Relaxed);
            inner.stopped.notify_waiters();
            let unknown = matches!(error, AppendError::Storage(StoreError::OutcomeUnknown { .. }));
            broken(decided, &error.to_string(), unknown)
        }
    }
}

/// Tells everybody that the ledger could not be written to. A refusal that could not be written down is none either: it may
/// rest on a world that is out of date.
fn broken(decided: Vec<Outcome>, error: &str, unknown: bool) -> Landed {
    for (job, outcome) in decided {
        let told = match outcome {
            Ok(_) if unknown => SubmitError::Unknown(error.to_owned()),
            Ok(_) | Err(_) => SubmitError::Unavailable(error.to_owned()),
        };
        // Whoever asked may have gone away.
        let _ = job.reply.send(Err(told));
    }
    Landed::Broken
}

fn publish(inner: &Inner, sealed: &Sealed) {
    inner.advance(sealed.world.clone());
    inner.work.notify_waiters();
    if inner.published.receiver_count() > 0 {
        let published = Published {
            position_from: sealed.from,
            position_to: sealed.world.position,
            kinds: sealed.kinds.clone(),
            subjects: sealed.subjects.clone(),
        };
        // Nobody following any more is no fault.
        let _ = inner.published.send(published);
    }
}

fn answer(decided: Vec<Outcome>) {
    for (job, outcome) in decided {
        let reply = outcome.map(|it| Receipt { position: it.position, events: it.events, repeated: it.repeated });
        // Whoever asked may have gone away; what was decided stands.
        let _ = job.reply.send(reply);
    }
}
