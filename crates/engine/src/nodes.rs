//! Several nodes on one ledger. Each takes any command; each follows what the others write; one at a time performs what is owed.
//!
//! A node that is told of an entry folds it in at once, and looks twice a second in case it was not told. What is performed
//! for the whole organisation (measuring, watching, waking up) is done by the node that holds a lease on it in the database.
//! A node that dies, hangs or is cut off does not prolong its lease, and another takes over where the desk says it stopped.
//! Answers carry fences and go through the ledger, so one that had lost its lease without knowing changes nothing twice.
//!
//! Invariants: a world never goes back; a node whose ledger was put back to an earlier time says so and does not go on.
//! Deliberately absent: an election, a leader for commands, and any message between nodes.

use crate::{Engine, Inner, OpenError};
use interlock_ledger::StoreError;
use std::{
    io,
    sync::{
        Arc, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::broadcast::error::RecvError;

/// How long a node waits to be told before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How old what is known of people may be, where other nodes enter some.
const PEOPLE_EVERY: Duration = Duration::from_secs(5);
/// What the lease on performing is called.
const PERFORMING: &str = "perform";
/// How long a lease lasts, and how often it is prolonged.
const LEASE: Duration = Duration::from_secs(6);
pub(crate) const PROLONG: Duration = Duration::from_secs(2);

/// A node has not got as far as was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node has {reached} entries and was asked for {wanted}{}", .trouble.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
pub struct Behind {
    pub reached: u64,
    pub wanted: u64,
    /// What keeps it from the ledger, as far as it knows.
    pub trouble: Option<String>,
}

impl Engine {
    /// Whether other nodes write to the same ledger.
    pub fn shared(&self) -> bool {
        self.0.ledger.shared()
    }

    /// Waits, at most `patience`, until this node knows the first `position` entries.
    ///
    /// # Errors
    /// It does not know them by then; at once if nobody else could write them.
    pub async fn reach(&self, position: u64, patience: Duration) -> Result<(), Behind> {
        if self.head() >= position {
            return Ok(());
        }
        // Heard from here on, so that nothing falls between looking and waiting.
        let mut news = self.follow();
        let waiting = async {
            while self.head() < position {
                if matches!(news.recv().await, Err(RecvError::Closed)) {
                    break;
                }
            }
        };
        if self.shared() {
            let _ = tokio::time::timeout(patience, waiting).await;
        }
        let reached = self.head();
        if reached >= position {
            return Ok(());
        }
        Err(Behind { reached, wanted: position, trouble: self.trouble() })
    }

    /// Whether this node performs what is owed: alone on its ledger always, among others if it holds the lease.
    pub fn performs(&self) -> bool {
        !self.shared() || self.0.performs.load(Ordering::Acquire)
    }

    /// What keeps this node from following its ledger, if anything does.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this node may perform now what is owed: alone on its ledger always, else while it holds the lease.
    pub(crate) async fn may_perform(&self, lease: &mut Lease) -> bool {
        if !self.shared() {
            return true;
        }
        let (ledger, holder, asked) = (self.0.ledger.clone(), lease.holder.clone(), Instant::now());
        let claimed = tokio::task::spawn_blocking(move || ledger.claim(PERFORMING, &holder, LEASE)).await;
        let was = lease.until.is_some();
        match claimed {
            Ok(Ok(true)) => lease.until = Some(asked + LEASE),
            Ok(Ok(false)) => lease.until = None,
            // Not known: as long as nobody else can have it, it is ours.
            Ok(Err(_)) | Err(_) => lease.until = lease.until.filter(|until| Instant::now() + PROLONG < *until),
        }
        let is = lease.until.is_some();
        if was != is {
            tracing::info!(node = %lease.holder, performs = is, "what is owed is performed by one node");
        }
        self.0.performs.store(is, Ordering::Release);
        is
    }
}

/// The lease on performing, as one node knows it.
pub(crate) struct Lease {
    holder: String,
    until: Option<Instant>,
}

impl Lease {
    pub fn new(engine: &Engine) -> Self {
        Self { holder: hex(&engine.0.sources.random::<8>()), until: None }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts the thread that follows, where there is somebody to follow.
pub(crate) fn start(inner: &Arc<Inner>) -> io::Result<()> {
    if inner.ledger.shared() {
        let weak = Arc::downgrade(inner);
        thread::Builder::new().name("follow".into()).spawn(move || follow(&weak))?;
    }
    Ok(())
}

fn follow(engine: &Weak<Inner>) {
    let mut people = Instant::now();
    loop {
        // Not held while waiting, so that the engine can go.
        let Some((ledger, known)) = engine.upgrade().map(|it| (it.ledger.clone(), it.world.load().position)) else {
            return;
        };
        let heard = ledger.listen(known, LOOK_EVERY);
        drop(ledger);
        let Some(inner) = engine.upgrade() else { return };
        let outcome = heard.map_err(OpenError::from).and_then(|()| inner.catch_up());
        if people.elapsed() >= PEOPLE_EVERY || inner.strangers.swap(false, Ordering::AcqRel) {
            people = Instant::now();
            if let Err(error) = inner.desk.reload() {
                tracing::debug!(%error, "what is known of people may be old");
            }
        }
        inner.tell(outcome);
    }
}

impl Inner {
    fn tell(&self, outcome: Result<(), OpenError>) {
        let now = outcome.err().map(|error| {
            if let OpenError::Store(StoreError::NotAContinuation { .. }) = &error {
                tracing::error!(%error, "the ledger was put back to an earlier time; start this node again to go on from there");
            }
            error.to_string()
        });
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(error)) = (&*trouble, &now) {
            tracing::warn!(%error, "this node cannot follow its ledger");
        }
        if trouble.is_some() && now.is_none() {
            tracing::info!("this node follows its ledger again");
            self.strangers.store(true, Ordering::Release);
        }
        if now.is_some() {
            // Where nothing can be reached, waiting is all there is to do.
            thread::sleep(Duration::from_millis(50));
        }
        *trouble = now;
    }
}

/// Set when somebody appears in the ledger whose name is not known yet.
pub(crate) type Strangers = AtomicBool;
