//! Connections to the database: made when needed, kept for the next call, given up when they fail.
//!
//! The driver is asynchronous and the ledger is not, so a small runtime of its own drives the connections, and whoever calls
//! waits. That holds on any thread: on one of another runtime its tasks are moved aside meanwhile.
//!
//! **Invariant:** a call that did not get through says so ([`StoreError::Unreachable`]) after a bounded time; while the
//! database is known to be away, calls fail at once and it is tried again with growing pauses.
//! **Deliberately absent:** repeating what may have been carried out. Callers know what may be repeated.

use super::address::{Address, reason};
use crate::error::StoreError;
use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::{Builder, Handle, Runtime, RuntimeFlavor},
    sync::{Semaphore, watch},
};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Row, Statement, error::SqlState, types::ToSql};

/// Connections beside the one that appends and the one that listens.
const CONNECTIONS: usize = 8;
/// Fresh connections that may break under one call before it is given up.
const FRESH: usize = 2;
/// The first pause after the database could not be reached; doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Why something did not work: lost on the way, or answered.
#[derive(Debug)]
pub(super) enum Failed {
    /// The connection is gone or useless; what was sent may have been carried out or not.
    Lost(String),
    /// The database answered, and this is what it said.
    Said(tokio_postgres::Error),
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::Store(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Failed {
        let Some(code) = error.code() else {
            // Without a code it is the connection, or a column that does not have the type we gave it.
            let ours = !error.is_closed() && error.to_string().contains("deserializing");
            return if ours { Failed::Said(error) } else { Failed::Lost(reason(&error)) };
        };
        let away = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::TOO_MANY_CONNECTIONS,
            // The one that took entries has become a replica.
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ];
        if away.contains(code) || code.code().starts_with("08") {
            Failed::Lost(reason(&error))
        } else {
            Failed::Said(error)
        }
    }
}

impl Failed {
    /// What it means for whoever was `doing` something.
    pub fn told(self, doing: &str) -> StoreError {
        let doing = doing.to_owned();
        match self {
            Failed::Store(error) => error,
            Failed::Lost(detail) => StoreError::Unreachable { doing, detail },
            Failed::Said(error) => {
                let detail = reason(&error);
                match error.code() {
                    Some(code) if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) => {
                        StoreError::FileDamaged { doing, position: None, detail }
                    }
                    Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => StoreError::Busy { doing },
                    Some(code) if [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN].contains(code) => {
                        StoreError::SchemaAltered { what: detail }
                    }
                    Some(_) => StoreError::Storage { doing, detail },
                    None => StoreError::FileDamaged { doing, position: None, detail },
                }
            }
        }
    }

    /// The constraint that was violated, if that is what happened.
    pub fn violated(&self) -> Option<&str> {
        match self {
            Failed::Said(error) => {
                error.as_db_error().filter(|it| *it.code() == SqlState::UNIQUE_VIOLATION)?.constraint()
            }
            Failed::Lost(_) | Failed::Store(_) => None,
        }
    }
}

/// One connection, with the statements prepared on it.
pub(super) struct Conn {
    client: Client,
    statements: tokio::sync::Mutex<BTreeMap<&'static str, Statement>>,
    /// The server gave up waiting for its replica: what it calls committed is not yet safe.
    alone: Arc<AtomicBool>,
}

impl Conn {
    pub async fn query(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failed> {
        let statement = self.prepared(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    pub async fn one(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, Failed> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    pub async fn execute(&self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Failed> {
        let statement = self.prepared(sql).await?;
        let count = self.client.execute(&statement, values).await?;
        self.replicated()?;
        Ok(count)
    }

    /// Statements without values, as a script.
    pub async fn script(&self, sql: &str) -> Result<(), Failed> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Whether everything committed on this connection has reached the replica it has to.
    pub fn replicated(&self) -> Result<(), Failed> {
        if self.alone.load(Ordering::Acquire) {
            Err(Failed::Lost("the server was told not to wait for its synchronous replica".into()))
        } else {
            Ok(())
        }
    }

    async fn prepared(&self, sql: &'static str) -> Result<Statement, Failed> {
        let mut statements = self.statements.lock().await;
        if let Some(known) = statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// Since when the database is away, and when to try again.
struct Away {
    again: Instant,
    pause: Duration,
    detail: String,
}

/// See the module.
pub(super) struct Link {
    runtime: Option<Runtime>,
    pub address: Address,
    pub patience: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Arc<Conn>>>,
    away: Mutex<Option<Away>>,
    /// What other nodes have called out: the newest size.
    news: watch::Sender<u64>,
    listening: Arc<AtomicBool>,
}

impl Drop for Link {
    fn drop(&mut self) {
        // Not waited for: that is forbidden on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub fn new(address: Address, patience: Duration) -> Result<Link, StoreError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("ledger-db").enable_all().build().map_err(
                |error| StoreError::Storage { doing: "starting a thread".into(), detail: error.to_string() },
            )?;
        Ok(Link {
            runtime: Some(runtime),
            address,
            patience,
            permits: Semaphore::new(CONNECTIONS),
            idle: Mutex::default(),
            away: Mutex::default(),
            news: watch::Sender::new(0),
            listening: Arc::default(),
        })
    }

    fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("the runtime is taken only when dropped").handle()
    }

    /// Runs `work` to its end, on whatever thread this is.
    pub fn wait<R: Send>(&self, work: impl AsyncFnOnce() -> R + Send) -> R {
        let ours = self.handle();
        match Handle::try_current().map(|theirs| theirs.runtime_flavor()) {
            Err(_) => ours.block_on(work()),
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| ours.block_on(work())),
            Ok(_) => thread::scope(|scope| {
                let waiting = scope.spawn(|| ours.block_on(work()));
                waiting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }),
        }
    }

    /// Asks the database something that may be asked twice: again on a fresh connection if one breaks meanwhile.
    pub fn ask<R: Send>(
        &self,
        doing: &str,
        work: impl AsyncFn(&Conn) -> Result<R, Failed> + Send + Sync,
    ) -> Result<R, StoreError> {
        self.wait(async || {
            let _permit = self.permits.acquire().await;
            let kept = locked(&self.idle).pop();
            let mut lost = None;
            if let Some(conn) = kept {
                match self.within(&conn, &work).await {
                    // What broke one connection has most likely broken the others too.
                    Err(Failed::Lost(_)) => locked(&self.idle).clear(),
                    outcome => return self.keep(conn, outcome).map_err(|error| error.told(doing)),
                }
            }
            for _ in 0..FRESH {
                let conn = self.connect().await.map_err(|error| error.told(doing))?;
                match self.within(&conn, &work).await {
                    Err(Failed::Lost(detail)) => lost = Some(detail),
                    outcome => return self.keep(conn, outcome).map_err(|error| error.told(doing)),
                }
            }
            Err(Failed::Lost(lost.unwrap_or_default()).told(doing))
        })
    }

    /// One attempt within the patience.
    pub async fn within<R>(&self, conn: &Conn, work: impl AsyncFn(&Conn) -> Result<R, Failed>) -> Result<R, Failed> {
        match tokio::time::timeout(self.patience, work(conn)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failed::Lost(format!("no answer within {} s", self.patience.as_secs_f32()))),
        }
    }

    fn keep<R>(&self, conn: Arc<Conn>, outcome: Result<R, Failed>) -> Result<R, Failed> {
        if !matches!(outcome, Err(Failed::Lost(_))) {
            let mut idle = locked(&self.idle);
            if idle.len() < CONNECTIONS {
                idle.push(conn);
            }
        }
        outcome
    }

    /// A fresh connection; at once an error while the database is known to be away.
    pub async fn connect(&self) -> Result<Arc<Conn>, Failed> {
        if let Some(away) = locked(&self.away).as_ref().filter(|away| Instant::now() < away.again) {
            return Err(Failed::Lost(away.detail.clone()));
        }
        // All hosts together: one that swallows packets must not hold up those after it for ever.
        let hosts = self.address.config.get_hosts().len().max(1) as u32;
        let limit = self.patience.max(self.address.config.get_connect_timeout().copied().unwrap_or_default() * hosts);
        let outcome = match tokio::time::timeout(limit, self.open()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failed::Lost("no connection within the time allowed".into())),
        };
        let mut away = locked(&self.away);
        match &outcome {
            Ok(_) => *away = None,
            Err(Failed::Lost(detail)) => {
                let pause = away.as_ref().map_or(FIRST_PAUSE, |before| (before.pause * 2).min(LAST_PAUSE));
                *away = Some(Away { again: Instant::now() + pause, pause, detail: detail.clone() });
            }
            Err(_) => {}
        }
        outcome
    }

    async fn open(&self) -> Result<Arc<Conn>, Failed> {
        let alone = Arc::new(AtomicBool::new(false));
        let connecting = |error: tokio_postgres::Error| match Failed::from(error) {
            // A wrong password does not get better by asking again, but it is no damage either.
            Failed::Said(error) => Failed::Lost(reason(&error)),
            other => other,
        };
        let client = match &self.address.tls {
            None => {
                let (client, connection) = self.address.config.connect(NoTls).await.map_err(connecting)?;
                self.drive(connection, &alone);
                client
            }
            Some(tls) => {
                let (client, connection) = self.address.config.connect(tls.clone()).await.map_err(connecting)?;
                self.drive(connection, &alone);
                client
            }
        };
        let conn = Conn { client, statements: tokio::sync::Mutex::default(), alone };
        // `off` would acknowledge what a crash can take back; anything stronger is the database's own business.
        conn.script(&format!(
            "SET search_path TO {}, pg_catalog;
             SET default_transaction_isolation TO 'read committed';
             SET statement_timeout TO 0; SET lock_timeout TO 0; SET client_min_messages TO warning;
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
            self.address.schema
        ))
        .await?;
        Ok(Arc::new(conn))
    }

    /// Drives a connection until it ends, and hears what the server says beside the answers.
    fn drive<S, T>(&self, mut connection: Connection<S, T>, alone: &Arc<AtomicBool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (alone, news) = (Arc::clone(alone), self.news.clone());
        self.handle().spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    // Heard before the answer it belongs to, since both come in order through here.
                    AsyncMessage::Notice(notice) if *notice.code() == SqlState::QUERY_CANCELED => {
                        alone.store(true, Ordering::Release);
                    }
                    AsyncMessage::Notification(said) => {
                        if let Ok(size) = said.payload().parse() {
                            news.send_modify(|newest| *newest = size);
                        }
                    }
                    _ => {}
                }
            }
        });
    }

    fn channel(&self) -> String {
        format!("interlock_{}", self.address.schema)
    }

    /// Calls out that the ledger has grown, without waiting. Whoever does not hear it looks anyway.
    pub fn call_out(&self, conn: &Arc<Conn>, size: u64) {
        let (conn, channel) = (Arc::clone(conn), self.channel());
        self.handle().spawn(async move {
            let _ = conn.query("SELECT pg_notify($1, $2)", &[&channel, &size.to_string()]).await;
        });
    }

    /// Waits until somebody calls out a size other than `known`, at most `patience`.
    pub fn listen(&self, known: u64, patience: Duration) -> Result<(), StoreError> {
        self.wait(async || {
            let mut news = self.news.subscribe();
            if !self.listening.swap(true, Ordering::AcqRel) {
                let channel = self.channel();
                let heard = async {
                    let conn = self.connect().await?;
                    conn.script(&format!("LISTEN {channel}")).await?;
                    Ok::<_, Failed>(conn)
                };
                match heard.await {
                    // Held until it breaks; from then on the next call makes another.
                    Ok(conn) => {
                        let listening = Arc::clone(&self.listening);
                        self.handle().spawn(async move {
                            loop {
                                tokio::time::sleep(Duration::from_secs(1)).await;
                                let alive = tokio::time::timeout(Duration::from_secs(5), conn.script(""));
                                if !matches!(alive.await, Ok(Ok(()))) {
                                    listening.store(false, Ordering::Release);
                                    return;
                                }
                            }
                        });
                        // What was called out before is not heard any more.
                        return Ok(());
                    }
                    Err(error) => {
                        self.listening.store(false, Ordering::Release);
                        tokio::time::sleep(patience.min(FIRST_PAUSE)).await;
                        return Err(error.told("listening for what other nodes write"));
                    }
                }
            }
            if *news.borrow_and_update() <= known {
                let _ = tokio::time::timeout(patience, news.changed()).await;
            }
            // One call wakes once, whatever it said: nobody may be kept awake by a number that never comes true.
            self.news.send_if_modified(|newest| {
                *newest = 0;
                false
            });
            Ok(())
        })
    }
}
