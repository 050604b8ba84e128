//! Moves the write-ahead log into the database file, off the path of the writer.
//!
//! A thread with a connection of its own does it (SQLite's passive checkpoint blocks neither readers nor the writer) when
//! enough has gathered, or when the writer has paused. With nothing pending it sleeps without polling. Only if the log
//! has grown far beyond that does the writer stop to do it itself, since only then can the log start over.
//!
//! **Deliberately absent:** any part in durability. What was acknowledged is synchronised in the log before.

use super::{
    SqliteLedger,
    schema::{failed, writer},
};
use crate::error::StoreError;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Bytes in the log after which it is moved even while the writer is busy.
pub(super) const GATHERED: u64 = 32 << 20;
/// Bytes after which the writer itself stops for it.
const OVERGROWN: u64 = 128 << 20;
/// How long the writer must have paused.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Pending {
    /// Bytes committed since the log was last begun to be moved, and since all of it was.
    fresh: u64,
    total: u64,
    commits: u64,
    trouble: Option<StoreError>,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
}

/// See the module. Stops and waits for its thread when dropped.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One passive checkpoint; whether all of the log is in the file now.
fn move_log(conn: &Connection) -> Result<bool, StoreError> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, log, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == moved)
    })
    .map_err(failed("moving the write-ahead log into the database"))
}

/// Before anything is acknowledged: moves the log of an earlier life into the file and synchronises that.
///
/// A commit whose synchronisation failed is answered with an error, but may be whole in the page cache, and SQLite then
/// takes it for committed at the next start. Writing its pages anew makes it so on the disk as well, or fails here.
pub(super) fn settle(conn: &Connection) -> Result<(), StoreError> {
    match move_log(conn) {
        // Another process has it open and lives: its log is in good hands.
        Ok(_) | Err(StoreError::Busy { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Moves all of the log and cuts its file to nothing, so that no former content is left in it. `false` if a reader or another
/// process was in the way.
fn empty_log(conn: &Connection) -> Result<bool, StoreError> {
    let busy: i64 = conn
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(failed("emptying the write-ahead log"))?;
    Ok(busy == 0)
}

impl SqliteLedger {
    /// See [`crate::api::Ledger::scrub`]. Idle readers hold nothing; one that reads is waited for.
    pub(super) fn empty_log(&self) -> Result<(), StoreError> {
        self.write_desk_anew()?;
        let until = Instant::now() + self.patience;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match empty_log(&writer) {
                Ok(true) => break,
                Err(error) if !matches!(error, StoreError::Busy { .. }) => return Err(error),
                Ok(false) | Err(_) if Instant::now() > until => {
                    return Err(StoreError::Busy { doing: "emptying the write-ahead log".into() });
                }
                Ok(false) | Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
        let mut pending = self.flusher.shared.lock();
        (pending.fresh, pending.total) = (0, 0);
        Ok(())
    }
}

impl Flusher {
    pub fn start(path: &Path, patience: Duration) -> Result<Flusher, StoreError> {
        let conn = writer(path, patience)?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("ledger-flush".into())
                .spawn(move || run(&shared, &conn))
                .map_err(|error| StoreError::Storage { doing: "starting a thread".into(), detail: error.to_string() })?
        };
        Ok(Flusher { shared, thread: Some(thread) })
    }

    /// Called by the writer after each commit, with about how many bytes went into the log.
    pub fn committed(&self, bytes: u64, writer: &Connection) -> Result<(), StoreError> {
        let mut pending = self.shared.lock();
        let (was_idle, was_below) = (pending.fresh == 0, pending.fresh < GATHERED);
        pending.fresh += bytes;
        pending.total += bytes;
        pending.commits += 1;
        if was_idle || (was_below && pending.fresh >= GATHERED) {
            self.shared.wake.notify_one();
        }
        let overgrown = pending.total >= OVERGROWN;
        drop(pending);
        if overgrown && move_log(writer)? {
            let mut pending = self.shared.lock();
            (pending.fresh, pending.total) = (0, 0);
        }
        Ok(())
    }

    /// What went wrong since last asked; nothing is lost by it, and it is tried again.
    pub fn trouble(&self) -> Option<StoreError> {
        self.shared.lock().trouble.take()
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, conn: &Connection) {
    let mut pending = shared.lock();
    while !pending.stop {
        if pending.fresh == 0 {
            pending = shared.wake.wait(pending).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        if pending.fresh < GATHERED {
            let commits = pending.commits;
            let (guard, timeout) = shared.wake.wait_timeout(pending, PAUSE).unwrap_or_else(PoisonError::into_inner);
            pending = guard;
            let paused = timeout.timed_out() && pending.commits == commits;
            if pending.stop || (!paused && pending.fresh < GATHERED) {
                continue;
            }
        }
        let moving = pending.total;
        pending.fresh = 0;
        drop(pending);
        let outcome = move_log(conn);
        pending = shared.lock();
        match outcome {
            Ok(true) => pending.total = pending.total.saturating_sub(moving),
            Ok(false) => {}
            Err(StoreError::Busy { .. }) => {}
            Err(error) => pending.trouble = Some(error),
        }
    }
}
