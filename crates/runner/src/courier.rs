//! Carries output and reports to the server, in batches, as often as it takes.
//!
//! Invariants: a report is forgotten only when the server has it or wants it no more; a report follows its output, unless the
//! output cannot be delivered; one answer that never goes through does not hold up the others.
//! Deliberately absent: any bound on how long a server may be away. What waits is on disk.

use crate::controller::{Controller, ControllerError};
use crate::execute::Executor;
use crate::journal::Record;
use crate::output::{TAIL_MAX, Transcript};
use interlock_wire::runner::{OutputChunk, ReportAck, ReportBatch, StepReport};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// Most reports in one batch.
const REPORTS_MAX: usize = 500;
/// Most output in one chunk and in one batch, in bytes.
const CHUNK_MAX: u64 = 64 << 10;
const CHUNKS_MAX: usize = 16;
/// Output of a step that runs is gathered for this long before it is sent; what a short step writes goes with its report.
const GATHER: Duration = Duration::from_millis(50);
/// How long a report is left to the next lease request, which takes it along.
const TAKE_ALONG: Duration = Duration::from_millis(20);
/// How often output is offered before the report goes without it.
const OUTPUT_TRIES: u32 = 5;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Delivers what steps produce.
pub struct Courier {
    executor: Arc<Executor>,
    controller: Arc<dyn Controller>,
    /// Notified by transcripts.
    pub grown: Arc<Notify>,
    finished: Notify,
    /// Notified when the server took in reports: there may be new work.
    pub delivered: Notify,
    /// A lease request is on its way and will not take reports along.
    pub asking: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, Stream>,
    reports: BTreeMap<String, StepReport>,
    /// Keys of reports that travel with a lease request.
    along: BTreeSet<String>,
    /// The last report offered, and how many go together now.
    last: String,
    together: usize,
}

struct Stream {
    path: PathBuf,
    /// `None` after a restart if there is a file, which is all there is then.
    live: Option<Transcript>,
    sent: u64,
    /// Since when there is text that is not sent.
    since: Option<Instant>,
    failures: u32,
    given_up: bool,
}

impl Stream {
    fn written(&self) -> u64 {
        match &self.live {
            Some(transcript) => transcript.bytes(),
            None => self.path.metadata().map_or(0, |meta| meta.len()),
        }
    }

    fn settled(&self) -> bool {
        self.given_up || self.sent >= self.written()
    }

    /// Until when a step that runs may write more before this is sent.
    fn gathers_until(&mut self, now: Instant) -> Option<Instant> {
        let until = *self.since.get_or_insert(now) + GATHER;
        (until > now && self.written() - self.sent < CHUNK_MAX).then_some(until)
    }

    /// Whether the report itself carries all of it.
    fn fits_in_report(&self) -> bool {
        self.sent == 0 && self.written() <= TAIL_MAX as u64
    }

    /// The next piece, ending at the end of a character.
    fn next(&self) -> std::io::Result<String> {
        if let Some(text) = self.live.as_ref().and_then(|it| it.in_memory(self.sent)) {
            return Ok(text);
        }
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.sent))?;
        let mut bytes = Vec::new();
        file.take((self.written() - self.sent).min(CHUNK_MAX)).read_to_end(&mut bytes)?;
        if let Err(error) = std::str::from_utf8(&bytes) {
            bytes.truncate(error.valid_up_to());
        }
        String::from_utf8(bytes).map_err(std::io::Error::other)
    }
}

#[derive(PartialEq)]
enum Round {
    /// Nothing is left to carry.
    Idle,
    /// Nothing is left but what is still gathered.
    Later(Instant),
    /// Something was carried, and there may be more.
    Moved,
    /// The server did not take it.
    Stuck,
}

impl Courier {
    /// A courier with the reports that were not delivered before the last restart.
    pub fn new(executor: Arc<Executor>, controller: Arc<dyn Controller>) -> Self {
        let mut state = State { together: REPORTS_MAX, ..State::default() };
        for report in executor.journal.undelivered() {
            let path = executor.step_dir(&report.key).join("output");
            // Without a file, the report in the journal has all of it.
            let live = (!path.exists()).then(|| {
                let transcript = Transcript::new(path.clone(), Arc::default());
                transcript.add(&report.output_tail);
                transcript
            });
            let stream = Stream { path, live, sent: 0, since: None, failures: 0, given_up: false };
            state.streams.insert(report.key.clone(), stream);
            state.reports.insert(report.key.clone(), (*report).clone());
        }
        Self {
            executor,
            controller,
            grown: Arc::default(),
            finished: Notify::new(),
            delivered: Notify::new(),
            asking: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// A transcript for `key`, whose text is carried as it grows.
    pub fn transcript(&self, key: &str) -> Transcript {
        let transcript = Transcript::new(self.executor.step_dir(key).join("output"), self.grown.clone());
        let path = transcript.path().to_path_buf();
        let stream =
            Stream { path, live: Some(transcript.clone()), sent: 0, since: None, failures: 0, given_up: false };
        self.locked().streams.insert(key.to_owned(), stream);
        transcript
    }

    /// Takes a report to be delivered; one for the same key is replaced when it is older.
    pub fn take(&self, report: StepReport) {
        let mut state = self.locked();
        if state.reports.get(&report.key).is_none_or(|older| older.fence <= report.fence) {
            state.reports.insert(report.key.clone(), report);
        }
        drop(state);
        self.finished.notify_one();
    }

    /// Carries until the future is dropped.
    pub async fn work(&self) {
        let mut pause = PAUSE_MIN;
        loop {
            match self.round().await {
                Round::Moved => pause = PAUSE_MIN,
                Round::Idle => tokio::select! {
                    () = self.left_along() => {}
                    () = self.grown.notified() => {}
                },
                Round::Later(at) => tokio::select! {
                    () = self.left_along() => {}
                    () = sleep_until(at) => {}
                },
                Round::Stuck => {
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Waits for a report, and a moment longer if a lease request may take it along.
    async fn left_along(&self) {
        self.finished.notified().await;
        if !self.asking.load(Ordering::SeqCst) {
            sleep(TAKE_ALONG).await;
        }
    }

    /// Carries until nothing is left or the server does not take it.
    pub async fn flush(&self) {
        loop {
            match self.round().await {
                Round::Moved => {}
                Round::Later(at) => sleep_until(at).await,
                Round::Idle | Round::Stuck => return,
            }
        }
    }

    async fn round(&self) -> Round {
        let output = self.carry_output().await;
        let reports = self.carry_reports().await;
        match (output, reports) {
            (Round::Moved, _) | (_, Round::Moved) => Round::Moved,
            (Round::Stuck, _) | (_, Round::Stuck) => Round::Stuck,
            (Round::Later(at), _) | (_, Round::Later(at)) => Round::Later(at),
            (Round::Idle, Round::Idle) => Round::Idle,
        }
    }

    /// The next pieces of output, of as many steps as go together; and when there is the next to look at.
    fn next_output(&self) -> (Vec<OutputChunk>, Option<Instant>) {
        let (mut chunks, mut later, now) = (Vec::new(), None::<Instant>, Instant::now());
        let light = self.controller.takes_reports();
        let mut state = self.locked();
        let State { streams, reports, .. } = &mut *state;
        for (key, stream) in streams {
            if chunks.len() == CHUNKS_MAX {
                break;
            }
            if stream.settled() || (light && stream.fits_in_report() && reports.contains_key(key)) {
                continue;
            }
            if !reports.contains_key(key)
                && let Some(until) = stream.gathers_until(now)
            {
                later = Some(later.map_or(until, |at| at.min(until)));
                continue;
            }
            match stream.next() {
                Ok(text) if !text.is_empty() => {
                    chunks.push(OutputChunk { key: key.clone(), offset: stream.sent, text });
                }
                Ok(_) => stream.given_up = true,
                Err(error) => {
                    tracing::warn!(key, %error, "kept output cannot be read and is not delivered");
                    stream.given_up = true;
                }
            }
        }
        (chunks, later)
    }

    async fn carry_output(&self) -> Round {
        let (chunks, later) = self.next_output();
        if chunks.is_empty() {
            return later.map_or(Round::Idle, Round::Later);
        }
        let sent: Vec<_> =
            chunks.iter().map(|chunk| (chunk.key.clone(), chunk.offset + chunk.text.len() as u64)).collect();
        let result = self.controller.output(chunks).await;
        let mut state = self.locked();
        let mut given_up = false;
        for (key, end) in sent {
            let Some(stream) = state.streams.get_mut(&key) else { continue };
            match &result {
                Ok(()) => (stream.sent, stream.since, stream.failures) = (end, None, 0),
                Err(error) => {
                    stream.failures += 1;
                    if stream.failures >= OUTPUT_TRIES {
                        tracing::warn!(key, %error, "output cannot be delivered; its report goes without it");
                        stream.given_up = true;
                        given_up = true;
                    }
                }
            }
        }
        if result.is_ok() || given_up { Round::Moved } else { Round::Stuck }
    }

    async fn carry_reports(&self) -> Round {
        let reports = self.next_reports();
        if reports.is_empty() {
            return Round::Idle;
        }
        let fences: BTreeMap<String, u64> = reports.iter().map(|report| (report.key.clone(), report.fence)).collect();
        let runner = self.executor.config.name.clone();
        let result = self.controller.report(ReportBatch { runner, reports }).await;
        let mut state = self.locked();
        let ack = match result {
            Ok(ack) => ack,
            Err(error) => {
                tracing::warn!(%error, reports = fences.len(), "reports wait on disk");
                if matches!(error, ControllerError::Refused { .. }) {
                    // Perhaps only one of them is the reason.
                    state.together = 1;
                }
                return Round::Stuck;
            }
        };
        state.together = (state.together * 2).min(REPORTS_MAX);
        drop(state);
        if self.settle(&fences, ack) { Round::Moved } else { Round::Stuck }
    }

    /// Takes in what became of reports; whether any is delivered.
    fn settle(&self, fences: &BTreeMap<String, u64>, ack: ReportAck) -> bool {
        let mut state = self.locked();
        let mut done = Vec::new();
        for key in ack.accepted.into_iter().chain(ack.stale) {
            // A newer fence may have come while this was under way; then its report is still owed.
            let same =
                fences.get(&key).is_some_and(|fence| state.reports.get(&key).is_some_and(|now| now.fence == *fence));
            if same {
                state.reports.remove(&key);
                state.streams.remove(&key);
                done.push(key);
            }
        }
        drop(state);
        if done.is_empty() {
            return false;
        }
        let dirs: Vec<PathBuf> = done.iter().map(|key| self.executor.step_dir(key)).collect();
        done.into_iter().for_each(|key| self.executor.journal.note(Record::Delivered { key }));
        tokio::task::spawn_blocking(move || dirs.iter().for_each(|dir| drop(std::fs::remove_dir_all(dir))));
        self.delivered.notify_one();
        true
    }

    /// Reports for a lease request to take along; [`Courier::took_along`] has to be called once it is answered.
    pub fn take_along(&self) -> Vec<StepReport> {
        let mut state = self.locked();
        let State { streams, reports, along, .. } = &mut *state;
        let ready = |key: &String| streams.get(key).is_none_or(|it| it.settled() || it.fits_in_report());
        let ready = reports.iter().filter(|(key, _)| ready(key) && !along.contains(*key));
        let taken: Vec<StepReport> = ready.take(REPORTS_MAX).map(|(_, report)| report.clone()).collect();
        along.extend(taken.iter().map(|report| report.key.clone()));
        taken
    }

    /// A lease request that took reports along was answered, or was not (`None`): then they go another way.
    pub fn took_along(&self, reports: &[StepReport], ack: Option<ReportAck>) {
        if reports.is_empty() {
            return;
        }
        let fences = reports.iter().map(|report| (report.key.clone(), report.fence)).collect();
        for report in reports {
            self.locked().along.remove(&report.key);
        }
        if let Some(ack) = ack {
            self.settle(&fences, ack);
        }
        self.finished.notify_one();
    }

    /// How many reports wait, and how many bytes of output with them.
    pub fn waiting(&self) -> (usize, u64) {
        let state = self.locked();
        let waits = |key: &String| state.reports.contains_key(key);
        let bytes = state
            .streams
            .iter()
            .filter(|(key, it)| waits(key) && !it.settled())
            .map(|(_, it)| it.written() - it.sent.min(it.written()));
        (state.reports.len(), bytes.sum())
    }

    /// Reports whose output is settled, going on after the last one offered.
    fn next_reports(&self) -> Vec<StepReport> {
        let light = self.controller.takes_reports();
        let mut state = self.locked();
        let settled = |key: &String| {
            !state.along.contains(key)
                && state.streams.get(key).is_none_or(|it| it.settled() || (light && it.fits_in_report()))
        };
        let after = state.reports.range::<String, _>((Bound::Excluded(&state.last), Bound::Unbounded));
        let before = state.reports.range::<String, _>((Bound::Unbounded, Bound::Included(&state.last)));
        let ready = after.chain(before).filter(|(key, _)| settled(key)).map(|(_, report)| report.clone());
        let reports: Vec<_> = ready.take(state.together).collect();
        if let Some(report) = reports.last() {
            state.last = report.key.clone();
        }
        reports
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
