//! Carries output and reports to the server, in batches, as often as it takes.
//!
//! Invariants: a report is forgotten only when the server has it or wants it no more; a report follows its output, unless the
//! output cannot be delivered; one answer that never goes through does not hold up the others.
//! Deliberately absent: any bound on how long a server may be away. What waits is on disk.

use crate::controller::{Controller, ControllerError};
use crate::execute::Executor;
use crate::journal::Record;
use crate::output::Transcript;
use interlock_wire::runner::{OutputChunk, ReportBatch, StepReport};
use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// Most reports in one batch.
const REPORTS_MAX: usize = 500;
/// Most output in one chunk and in one batch, in bytes.
const CHUNK_MAX: u64 = 64 << 10;
const CHUNKS_MAX: usize = 16;
/// Live output is gathered for this long before it is sent.
const GATHER: Duration = Duration::from_millis(50);
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
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, Stream>,
    reports: BTreeMap<String, StepReport>,
    /// The last report offered, and how many go together now.
    last: String,
    together: usize,
}

struct Stream {
    path: PathBuf,
    /// `None` after a restart: the file is all there is.
    live: Option<Transcript>,
    sent: u64,
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

    /// The next piece, ending at the end of a character.
    fn next(&self) -> std::io::Result<String> {
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
            let stream = Stream { path, live: None, sent: 0, failures: 0, given_up: false };
            state.streams.insert(report.key.clone(), stream);
            state.reports.insert(report.key.clone(), (*report).clone());
        }
        Self {
            executor,
            controller,
            grown: Arc::default(),
            finished: Notify::new(),
            delivered: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// A transcript for `key`, whose text is carried as it grows.
    pub fn transcript(&self, key: &str) -> Transcript {
        let transcript = Transcript::new(self.executor.step_dir(key).join("output"), self.grown.clone());
        let path = transcript.path().to_path_buf();
        let stream = Stream { path, live: Some(transcript.clone()), sent: 0, failures: 0, given_up: false };
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
                Round::Idle => {
                    tokio::select! {
                        () = self.finished.notified() => {}
                        () = self.grown.notified() => {
                            tokio::select! { () = sleep(GATHER) => {} () = self.finished.notified() => {} }
                        }
                    }
                }
                Round::Stuck => {
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Carries until nothing is left or the server does not take it.
    pub async fn flush(&self) {
        while self.round().await == Round::Moved {}
    }

    async fn round(&self) -> Round {
        let output = self.carry_output().await;
        let reports = self.carry_reports().await;
        match (output, reports) {
            (Round::Moved, _) | (_, Round::Moved) => Round::Moved,
            (Round::Stuck, _) | (_, Round::Stuck) => Round::Stuck,
            (Round::Idle, Round::Idle) => Round::Idle,
        }
    }

    async fn carry_output(&self) -> Round {
        let mut chunks = Vec::new();
        for (key, stream) in &mut self.locked().streams {
            if chunks.len() == CHUNKS_MAX {
                break;
            }
            if stream.settled() {
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
        if chunks.is_empty() {
            return Round::Idle;
        }
        let sent: Vec<_> =
            chunks.iter().map(|chunk| (chunk.key.clone(), chunk.offset + chunk.text.len() as u64)).collect();
        let result = self.controller.output(chunks).await;
        let mut state = self.locked();
        let mut given_up = false;
        for (key, end) in sent {
            let Some(stream) = state.streams.get_mut(&key) else { continue };
            match &result {
                Ok(()) => (stream.sent, stream.failures) = (end, 0),
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
            return Round::Stuck;
        }
        let dirs: Vec<PathBuf> = done.iter().map(|key| self.executor.step_dir(key)).collect();
        done.into_iter().for_each(|key| self.executor.journal.note(Record::Delivered { key }));
        tokio::task::spawn_blocking(move || dirs.iter().for_each(|dir| drop(std::fs::remove_dir_all(dir))));
        self.delivered.notify_one();
        Round::Moved
    }

    /// Reports whose output is settled, going on after the last one offered.
    fn next_reports(&self) -> Vec<StepReport> {
        let mut state = self.locked();
        let settled = |key: &String| state.streams.get(key).is_none_or(Stream::settled);
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
