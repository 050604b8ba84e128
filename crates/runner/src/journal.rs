//! What survives a crash: which keys began to change something, and which ended with which report.
//!
//! Invariants: `began` is on disk before the change begins and `finished` before the report leaves; lines are only appended; a
//! torn last line was never acknowledged and is dropped; any other line that cannot be read stops the runner, because guessing
//! could run a step twice; one process at a time has a journal.
//! Deliberately absent: orders. What to do comes from the lease, again if need be.

use crate::fault::{Code, Fault};
use interlock_wire::runner::StepReport;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const FORMAT: u32 = 1;
/// Most records written and synchronised together.
const BATCH: usize = 1024;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// The first line.
    Opened { format: u32 },
    /// From here on the step may have changed something.
    Began { key: String, fingerprint: String, at: Timestamp },
    /// The process group that does it.
    Spawned { key: String, group: u32 },
    /// It ended so.
    Finished { fingerprint: String, report: Box<StepReport> },
    /// The server has the report.
    Delivered { key: String },
}

impl Record {
    /// Whether what follows may rely on this record only once it is on disk.
    fn must_sync(&self) -> bool {
        matches!(self, Self::Began { .. } | Self::Finished { .. })
    }
}

/// What is known about a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// It began and may have changed something.
    Began { fingerprint: String, at: Timestamp, group: Option<u32> },
    /// It ended.
    Finished { fingerprint: String, report: Arc<StepReport>, delivered: bool },
}

impl Known {
    /// Digest of the order that the key was used for.
    pub fn fingerprint(&self) -> &str {
        match self {
            Self::Began { fingerprint, .. } | Self::Finished { fingerprint, .. } => fingerprint,
        }
    }
}

#[derive(Default)]
struct Index {
    known: BTreeMap<String, Known>,
    delivered: VecDeque<String>,
}

impl Index {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Opened { .. } => {}
            Record::Began { key, fingerprint, at } => {
                self.known.insert(key, Known::Began { fingerprint, at, group: None });
            }
            Record::Spawned { key, group: new } => {
                if let Some(Known::Began { group, .. }) = self.known.get_mut(&key) {
                    *group = Some(new);
                }
            }
            Record::Finished { fingerprint, report } => {
                let report = Arc::<StepReport>::from(report);
                self.known.insert(report.key.clone(), Known::Finished { fingerprint, report, delivered: false });
            }
            Record::Delivered { key } => {
                if let Some(Known::Finished { delivered, .. }) = self.known.get_mut(&key)
                    && !std::mem::replace(delivered, true)
                {
                    self.delivered.push_back(key);
                }
            }
        }
    }

    fn forget_beyond(&mut self, keep: usize) {
        while self.delivered.len() > keep {
            if let Some(key) = self.delivered.pop_front() {
                self.known.remove(&key);
            }
        }
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        let finished = |known: &Known| match known {
            Known::Finished { fingerprint, report, .. } => {
                Some(Record::Finished { fingerprint: fingerprint.clone(), report: Box::new((**report).clone()) })
            }
            Known::Began { .. } => None,
        };
        let open = self.known.iter().filter(|(_, known)| !matches!(known, Known::Finished { delivered: true, .. }));
        let open = open.flat_map(move |(key, known)| match known {
            Known::Began { fingerprint, at, group } => {
                let began = Record::Began { key: key.clone(), fingerprint: fingerprint.clone(), at: *at };
                vec![Some(began), group.map(|group| Record::Spawned { key: key.clone(), group })]
            }
            Known::Finished { .. } => vec![finished(known)],
        });
        let closed = self.delivered.iter().flat_map(move |key| {
            [self.known.get(key).and_then(finished), Some(Record::Delivered { key: key.clone() })]
        });
        std::iter::once(Some(Record::Opened { format: FORMAT })).chain(open).chain(closed).flatten()
    }
}

struct Job {
    record: Record,
    done: Option<oneshot::Sender<Result<(), String>>>,
}

/// The journal of one runner.
pub struct Journal {
    index: Arc<Mutex<Index>>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    _lock: File,
}

impl Journal {
    /// Opens or makes `journal.jsonl` in `dir`; remembers `keep` delivered reports.
    ///
    /// # Errors
    /// R506 when another process has it, R503 with the line that cannot be read, R504 when it cannot be written.
    pub fn open(dir: &Path, keep: usize) -> Result<Self, Fault> {
        let unwritten =
            |error: std::io::Error| Fault::failed(Code::JournalNotWritten, format!("{}: {error}", dir.display()));
        fs::create_dir_all(dir).map_err(unwritten)?;
        let lock = File::create(dir.join("lock")).map_err(unwritten)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("another runner works in {}", dir.display());
                return Err(Fault::failed(Code::DataDirInUse, message));
            }
            Err(TryLockError::Error(error)) => return Err(unwritten(error)),
        }
        let path = dir.join("journal.jsonl");
        let mut index = read(&path)?;
        index.forget_beyond(keep);
        let (file, lines) = rewrite(&path, &index).map_err(unwritten)?;
        let index = Arc::new(Mutex::new(index));
        let (jobs, queue) = mpsc::channel();
        let writer = Writer { path, file, lines, compact_at: threshold(lines, keep), keep, index: index.clone() };
        let writer =
            std::thread::Builder::new().name("journal".into()).spawn(move || writer.work(&queue)).map_err(unwritten)?;
        Ok(Self { index, jobs: Some(jobs), writer: Some(writer), _lock: lock })
    }

    /// What is known about a key.
    pub fn known(&self, key: &str) -> Option<Known> {
        locked(&self.index).known.get(key).cloned()
    }

    /// Every key that began and did not finish, with its process group.
    pub fn unfinished(&self) -> Vec<(String, Option<u32>)> {
        let index = locked(&self.index);
        let unfinished = index.known.iter().filter_map(|(key, known)| match known {
            Known::Began { group, .. } => Some((key.clone(), *group)),
            Known::Finished { .. } => None,
        });
        unfinished.collect()
    }

    /// Every report the server does not have yet.
    pub fn undelivered(&self) -> Vec<Arc<StepReport>> {
        let index = locked(&self.index);
        let undelivered = index.known.values().filter_map(|known| match known {
            Known::Finished { report, delivered: false, .. } => Some(report.clone()),
            _ => None,
        });
        undelivered.collect()
    }

    /// Appends a record, at once and in order; what is returned waits until it is on disk.
    ///
    /// # Errors
    /// R504; after the first one every further call fails too.
    pub fn append(&self, record: Record) -> impl Future<Output = Result<(), Fault>> + Send + use<> {
        let (done, written) = oneshot::channel();
        self.send(Job { record, done: Some(done) });
        let lost = |why: String| Fault::failed(Code::JournalNotWritten, format!("the runner's journal: {why}"));
        async move { written.await.map_err(|_| lost("its writer has stopped".into()))?.map_err(lost) }
    }

    /// Appends a record whose loss does no harm, without waiting.
    pub fn note(&self, record: Record) {
        self.send(Job { record, done: None });
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // A writer that is gone drops the job, and whoever waits for it hears of that.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn locked(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

fn threshold(lines: usize, keep: usize) -> usize {
    (2 * lines).max(4 * keep).max(1000)
}

/// Reads a journal; a missing or empty one is a new one.
fn read(path: &Path) -> Result<Index, Fault> {
    let unreadable = |line: usize, why: String| {
        Fault::failed(Code::JournalUnreadable, format!("{} line {line}: {why}", path.display()))
    };
    let mut index = Index::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(index),
        Err(error) => return Err(unreadable(0, error.to_string())),
    };
    let (mut input, mut line, mut number) = (BufReader::new(file), Vec::new(), 0);
    let mut torn: Option<(usize, String)> = None;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(|error| unreadable(number, error.to_string()))? == 0 {
            break;
        }
        if let Some((number, why)) = torn {
            return Err(unreadable(number, why));
        }
        number += 1;
        let parsed = line.strip_suffix(b"\n").ok_or("it is cut off".to_owned());
        match parsed.and_then(|line| serde_json::from_slice(line).map_err(|error| error.to_string())) {
            Ok(Record::Opened { format: FORMAT }) if number == 1 => {}
            Ok(Record::Opened { format }) => {
                return Err(unreadable(
                    number,
                    format!("format {format} does not belong here; this runner writes {FORMAT}"),
                ));
            }
            Ok(_) if number == 1 => return Err(unreadable(1, "this is not a runner's journal".into())),
            Ok(record) => index.apply(record),
            // The first line comes with the file, by a rename; it cannot be torn.
            Err(why) if number == 1 => return Err(unreadable(1, why)),
            Err(why) => torn = Some((number, why)),
        }
    }
    if let Some((number, why)) = torn {
        tracing::warn!(line = number, why, "the last line of the runner's journal was torn and is dropped");
    }
    Ok(index)
}

/// Writes the index as a new journal in place of the old one, durably. Returns it open for appending, and its number of lines.
fn rewrite(path: &Path, index: &Index) -> std::io::Result<(File, usize)> {
    let new = path.with_extension("new");
    let mut lines = 0;
    let mut output = std::io::BufWriter::new(File::create(&new)?);
    for record in index.records() {
        serde_json::to_writer(&mut output, &record)?;
        output.write_all(b"\n")?;
        lines += 1;
    }
    output.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&new, path)?;
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok((OpenOptions::new().append(true).open(path)?, lines))
}

struct Writer {
    path: PathBuf,
    file: File,
    lines: usize,
    compact_at: usize,
    keep: usize,
    index: Arc<Mutex<Index>>,
}

impl Writer {
    /// Writes what is queued, many records per synchronisation, until nobody can queue any more.
    fn work(mut self, queue: &mpsc::Receiver<Job>) {
        let mut broken: Option<String> = None;
        while let Ok(first) = queue.recv() {
            let batch: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect();
            if broken.is_none() {
                // After a failed write nobody knows what the file holds, so nothing more is appended to it.
                broken = self.write(&batch).err().map(|error| error.to_string());
            }
            for job in batch {
                let answer = broken.clone().map_or(Ok(()), Err);
                if answer.is_ok() {
                    locked(&self.index).apply(job.record);
                }
                job.done.map(|done| done.send(answer));
            }
            if broken.is_none() && self.lines > self.compact_at {
                broken = self.compact().err().map(|error| error.to_string());
            }
        }
    }

    fn write(&mut self, batch: &[Job]) -> std::io::Result<()> {
        let mut text = Vec::new();
        for job in batch {
            serde_json::to_writer(&mut text, &job.record)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        self.lines += batch.len();
        if batch.iter().any(|job| job.record.must_sync()) { self.file.sync_data() } else { Ok(()) }
    }

    fn compact(&mut self) -> std::io::Result<()> {
        let mut index = locked(&self.index);
        index.forget_beyond(self.keep);
        (self.file, self.lines) = rewrite(&self.path, &index)?;
        self.compact_at = threshold(self.lines, self.keep);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_wire::runner::Outcome;

    fn report(key: &str) -> StepReport {
        StepReport {
            key: key.into(),
            deployment: "d".into(),
            target: "t".into(),
            step: "s".into(),
            fence: 1,
            attempt: 1,
            outcome: Outcome::Changed,
            code: None,
            message: String::new(),
            output: None,
            output_tail: String::new(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            facts: BTreeMap::new(),
        }
    }

    fn began(key: &str) -> Record {
        Record::Began { key: key.into(), fingerprint: "f".into(), at: Timestamp::UNIX_EPOCH }
    }

    fn finished(key: &str) -> Record {
        Record::Finished { fingerprint: "f".into(), report: Box::new(report(key)) }
    }

    fn delivered(key: &str) -> Record {
        Record::Delivered { key: key.into() }
    }

    async fn written(dir: &Path, records: Vec<Record>) {
        let journal = Journal::open(dir, 10).unwrap();
        for record in records {
            journal.append(record).await.unwrap();
        }
    }

    fn code(dir: &Path) -> &'static str {
        Journal::open(dir, 10).map_or_else(|fault| fault.code.as_str(), |_| "open")
    }

    #[tokio::test]
    async fn what_was_written_is_known_again() {
        let dir = tempfile::tempdir().unwrap();
        let spawned = Record::Spawned { key: "a".into(), group: 7 };
        let records = vec![began("a"), spawned, began("b"), finished("b"), began("c"), finished("c"), delivered("c")];
        written(dir.path(), records).await;
        for _ in 0..2 {
            let journal = Journal::open(dir.path(), 10).unwrap();
            assert_eq!(journal.unfinished(), [("a".to_owned(), Some(7))]);
            assert_eq!(journal.undelivered().iter().map(|report| report.key.as_str()).collect::<Vec<_>>(), ["b"]);
            assert!(matches!(journal.known("c"), Some(Known::Finished { delivered: true, .. })));
            assert_eq!(journal.known("d"), None);
        }
    }

    #[tokio::test]
    async fn a_torn_last_line_is_dropped_and_any_other_stops_the_runner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        written(dir.path(), vec![began("a"), began("b")]).await;
        let whole = fs::read_to_string(&path).unwrap();
        for torn in
            [&whole[..whole.len() - 1], &whole[..whole.len() - 20], &format!("{}\0\0\0\n", &whole[..whole.len() - 20])]
        {
            fs::write(&path, torn).unwrap();
            let journal = Journal::open(dir.path(), 10).unwrap();
            assert_eq!(journal.unfinished(), [("a".to_owned(), None)], "{torn}");
        }
        fs::write(&path, whole.replacen("began", "began!", 1)).unwrap();
        let fault = Journal::open(dir.path(), 10).err().unwrap();
        assert_eq!((fault.code, fault.message.contains("line 2")), (Code::JournalUnreadable, true), "{fault}");
        for foreign in
            ["hello", "hello\n", "{\"entry\":\"opened\",\"format\":2}\n", &whole[whole.find('\n').unwrap() + 1..]]
        {
            fs::write(&path, foreign).unwrap();
            assert_eq!(code(dir.path()), "R503", "{foreign}");
        }
    }

    #[tokio::test]
    async fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Journal::open(dir.path(), 10).unwrap();
        assert_eq!(code(dir.path()), "R506");
        drop(first);
        assert_eq!(code(dir.path()), "open");
    }

    #[tokio::test]
    async fn it_stays_small_and_remembers_what_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), 10).unwrap();
        journal.append(began("open")).await.unwrap();
        for n in 0..2000 {
            let key = format!("{n:05}");
            [began(&key), finished(&key), delivered(&key)].into_iter().for_each(|record| journal.note(record));
        }
        journal.append(finished("last")).await.unwrap();
        drop(journal);
        let lines = fs::read_to_string(dir.path().join("journal.jsonl")).unwrap().lines().count();
        assert!(lines < 3000, "{lines} lines");
        let journal = Journal::open(dir.path(), 10).unwrap();
        assert!(journal.known("open").is_some() && journal.known("01999").is_some() && journal.known("last").is_some());
        assert_eq!(journal.known("00000"), None);
    }
}
