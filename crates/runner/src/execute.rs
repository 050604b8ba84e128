//! One order from beginning to report.
//!
//! Invariants: an order always ends in a report, except when the runner itself is stopped; what changes something is journaled
//! before, its end is journaled after; the permit is judged by the clock, the revocations and the fence of that very moment.
//! Deliberately absent: retries of a step. A new attempt is a new order with a new key.

use crate::artifact::{Cache, Depot, Wanted};
use crate::clock::Clock;
use crate::config::RunnerConfig;
use crate::fault::{Code, Fault, excerpt};
use crate::journal::{Journal, Known, Record};
use crate::output::Transcript;
use crate::permit::{self, Binding, PermitKeys};
use crate::process::Programs;
use crate::steps;
use futures::{FutureExt as _, future::BoxFuture};
use interlock_ids::Digest;
use interlock_outbound::Outbound;
use interlock_wire::deployment::OnRevocation;
use interlock_wire::runner::{Operation, Outcome, PermitKey, StepKind, StepOrder, StepReport};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// Longest time limit of an order, in milliseconds: a week.
pub const TIMEOUT_MAX_MS: u64 = 7 * 86_400_000;
/// Longest idempotency key, in bytes.
pub const KEY_MAX: usize = 512;

/// How often a step that is stopped with its permit looks at the clock.
const LOOK: Duration = Duration::from_millis(250);
/// The most a clock is taken to be wrong.
const SKEW_MAX: Duration = Duration::from_secs(300);

/// Everything an order needs to be executed.
pub struct Executor {
    pub config: RunnerConfig,
    pub journal: Journal,
    pub programs: Programs,
    pub http: Outbound,
    cache: Cache,
    depot: Arc<dyn Depot>,
    clock: Arc<dyn Clock>,
    revoked: RwLock<BTreeSet<String>>,
    keys: RwLock<PermitKeys>,
    /// Grows with every revocation that is heard of; the flag says that the runner itself was revoked.
    news: watch::Sender<(u64, bool)>,
}

/// Comes to its end when a report is on disk.
pub type Kept = BoxFuture<'static, ()>;

/// Longest that a request takes whose step says nothing shorter.
const REQUEST: Duration = Duration::from_secs(60);

impl Executor {
    /// Opens journal and cache below the data directory.
    ///
    /// # Errors
    /// R210, R503, R504, R506; R507 when the system gives no TLS roots.
    pub fn open(config: RunnerConfig, depot: Arc<dyn Depot>, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        let journal = Journal::open(&config.data_dir, config.delivered_kept)?;
        let cache = Cache::open(config.data_dir.join("artifacts"))?;
        let http = Outbound::new(config.targets.clone(), REQUEST);
        let http = http.map_err(|error| Fault::failed(Code::RunnerDefect, format!("no HTTP client: {error}")))?;
        let programs = Programs { dirs: config.program_dirs.clone(), only_dirs: config.only_program_dirs };
        let keys = RwLock::new(config.permit_keys.clone());
        let news = watch::channel((0, false)).0;
        Ok(Self { config, journal, programs, http, cache, depot, clock, revoked: RwLock::default(), keys, news })
    }

    /// Takes in permits that are revoked from now on.
    pub fn revoke(&self, permits: impl IntoIterator<Item = String>) {
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        let before = revoked.len();
        revoked.extend(permits);
        if revoked.len() > before {
            self.news.send_modify(|(count, _)| *count += 1);
        }
    }

    /// The runner was revoked: whatever runs is stopped, and nothing is begun.
    pub fn halt(&self) {
        self.news.send_modify(|(_, halted)| *halted = true);
    }

    pub fn halted(&self) -> bool {
        self.news.borrow().1
    }

    /// Whether permits of a key can be verified.
    pub fn knows(&self, key_id: &str) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).knows(key_id)
    }

    /// Takes in permit keys the server names, those that a trusted one vouches for.
    pub fn learn(&self, named: &[PermitKey]) {
        let Some(identity) = &self.config.identity else { return };
        let mut identity = identity.lock().unwrap_or_else(PoisonError::into_inner);
        match identity.learn(named) {
            Ok(learnt) => {
                learnt.iter().for_each(|id| tracing::info!(key = id, "another permit key is trusted from now on"));
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = identity.permit_keys();
            }
            Err(error) => tracing::error!(%error, "a permit key could not be kept, and is not trusted"),
        }
    }

    /// The directory of a key: transcript and working directory. The name is a digest, so a key can say anything.
    pub fn step_dir(&self, key: &str) -> PathBuf {
        self.config.data_dir.join("steps").join(&hex::encode(Sha256::digest(key.as_bytes()))[..32])
    }

    /// Executes an order. `fence` may grow meanwhile, when the same key is leased again. The report must not leave before it is
    /// kept; the next step may begin, since what the journal says of it comes behind.
    pub async fn execute(&self, order: &StepOrder, fence: &AtomicU64, transcript: &Transcript) -> (StepReport, Kept) {
        let started_at = self.clock.now();
        let facts = Mutex::default();
        let fingerprint = fingerprint(order);
        let result = match self.attempt(order, fence, transcript, &facts, &fingerprint) {
            Ok(attempt) => attempt.run().await,
            Err(fault) => Err(fault),
        };
        let mut report = self.report(order, fence, started_at, result, transcript);
        report.facts = facts.into_inner().unwrap_or_else(PoisonError::into_inner);
        if report.code.as_deref() == Some(Code::KeyReused.as_str()) {
            // What the journal holds is about the other order, and stays.
            return (report, std::future::ready(()).boxed());
        }
        let kept = self.keep(fingerprint, &report);
        (report, kept)
    }

    /// Ends an order whose execution broke off by a defect of the runner.
    pub fn give_up(&self, order: &StepOrder, fault: Fault, transcript: &Transcript) -> (StepReport, Kept) {
        let report = self.report(order, &AtomicU64::new(order.fence), self.clock.now(), Err(fault), transcript);
        let kept = self.keep(fingerprint(order), &report);
        (report, kept)
    }

    fn keep(&self, fingerprint: String, report: &StepReport) -> Kept {
        let written = self.journal.append(Record::Finished { fingerprint, report: Box::new(report.clone()) });
        let key = report.key.clone();
        async move {
            if let Err(fault) = written.await {
                // Without the journal the report can still be delivered, only not after a restart.
                tracing::error!(key, %fault, "a report could not be kept");
            }
        }
        .boxed()
    }

    fn report(
        &self,
        order: &StepOrder,
        fence: &AtomicU64,
        started_at: Timestamp,
        result: Result<steps::Done, Fault>,
        transcript: &Transcript,
    ) -> StepReport {
        if let Err(fault) = &result {
            transcript.line(&format!("[interlock] {fault}"));
        }
        let (output, output_tail, lost) = transcript.finish();
        let (outcome, code, mut message) = match result {
            Ok((outcome, message)) => (outcome, None, message),
            Err(fault) => (fault.outcome, Some(fault.code.as_str().to_owned()), fault.to_string()),
        };
        if let Some(lost) = lost {
            message = format!("{message} ({lost})");
        }
        StepReport {
            key: order.key.clone(),
            deployment: order.deployment.clone(),
            target: order.target.name.clone(),
            step: order.step.clone(),
            fence: fence.load(Ordering::SeqCst),
            attempt: order.attempt,
            outcome,
            code,
            message,
            output: output.map(|digest| digest.to_string()),
            output_tail,
            started_at,
            finished_at: self.clock.now(),
            facts: BTreeMap::new(),
        }
    }

    fn attempt<'a>(
        &'a self,
        order: &'a StepOrder,
        fence: &'a AtomicU64,
        transcript: &'a Transcript,
        facts: &'a Mutex<BTreeMap<String, String>>,
        fingerprint: &'a str,
    ) -> Result<Attempt<'a>, Fault> {
        plausible(order)?;
        let known = self.journal.known(&order.key);
        if known.as_ref().is_some_and(|known| known.fingerprint() != fingerprint) {
            let message = format!("key `{}` was used for another order before", excerpt(&order.key));
            return Err(Fault::failed(Code::KeyReused, message));
        }
        let interrupted = match known {
            Some(Known::Began { at, .. }) => Some(at),
            _ => None,
        };
        let trusted = self.config.artifact_keys.as_ref();
        let wanted = order.artifact.as_ref().map(|artifact| Wanted::read(artifact, trusted)).transpose()?;
        let deadline = Instant::now() + Duration::from_millis(order.timeout_ms);
        Ok(Attempt {
            executor: self,
            order,
            transcript,
            deadline,
            fence,
            facts,
            fingerprint,
            interrupted,
            wanted,
            begun: AtomicBool::new(false),
        })
    }
}

/// Identifies what a key was used for: everything that determines what is done, not who allowed it and not how often it was
/// leased.
pub fn fingerprint(order: &StepOrder) -> String {
    let digest = order.artifact.as_ref().map(|artifact| &artifact.digest);
    let what =
        (&order.deployment, &order.target.name, &order.step, order.attempt, order.operation, &order.kind, digest);
    let text = serde_json::to_vec(&what).expect("text and numbers always serialise");
    Digest(Sha256::digest(text).into()).to_string()
}

fn plausible(order: &StepOrder) -> Result<(), Fault> {
    let invalid = |what: String| Err(Fault::failed(Code::OrderInvalid, what));
    if order.key.is_empty() || order.key.len() > KEY_MAX || order.key.contains(char::is_control) {
        return invalid(format!(
            "the idempotency key is empty, longer than {KEY_MAX} bytes or holds control characters"
        ));
    }
    if !(1..=TIMEOUT_MAX_MS).contains(&order.timeout_ms) {
        return invalid(format!("the time limit {} ms is not between 1 and {TIMEOUT_MAX_MS}", order.timeout_ms));
    }
    match &order.kind {
        StepKind::Wait(wait) if wait.ms >= order.timeout_ms => {
            invalid(format!("a pause of {} ms does not fit into a time limit of {} ms", wait.ms, order.timeout_ms))
        }
        _ => Ok(()),
    }
}

/// One order being executed.
pub struct Attempt<'a> {
    pub executor: &'a Executor,
    pub order: &'a StepOrder,
    pub transcript: &'a Transcript,
    pub deadline: Instant,
    fence: &'a AtomicU64,
    facts: &'a Mutex<BTreeMap<String, String>>,
    fingerprint: &'a str,
    interrupted: Option<Timestamp>,
    wanted: Option<Wanted>,
    /// Something may have changed under this very lease.
    begun: AtomicBool,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<steps::Done, Fault> {
        // What is dropped here is gone: a program's process group dies with the future that runs it.
        tokio::select! {
            biased;
            fault = self.stopped() => Err(fault),
            done = self.work() => done,
        }
    }

    /// Comes to its end when the step has to be stopped.
    async fn stopped(&self) -> Fault {
        let mut news = self.executor.news.subscribe();
        loop {
            if news.borrow_and_update().1 {
                return Fault::inconclusive(Code::RunnerRevoked, "the runner was revoked while the step ran");
            }
            if self.order.on_revocation == OnRevocation::Stop
                && self.begun.load(Ordering::SeqCst)
                && let Err(fault) = self.verified()
            {
                return Fault::inconclusive(Code::PermitWithdrawn, fault.message).within("stopped while it ran");
            }
            // A change nobody tells of: time passes.
            tokio::select! { _ = news.changed() => {} () = sleep(LOOK) => {} }
        }
    }

    async fn work(&self) -> Result<steps::Done, Fault> {
        let done = match &self.order.kind {
            // A program's time limit is kept where its process group is; its end must not be cut off from here.
            StepKind::Program(step) => steps::program::run(self, step).await?,
            StepKind::Http(_) | StepKind::Wait(_) if self.order.operation == Operation::Undo => {
                return Ok((Outcome::Unchanged, "there is nothing to take back".into()));
            }
            StepKind::Http(step) => self.in_time(steps::http::run(self, step)).await?,
            StepKind::Wait(step) => self.in_time(steps::wait::run(self, step)).await?,
            StepKind::Traffic(step) => self.in_time(steps::traffic::run(self, step)).await?,
        };
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, expected) in &self.order.expected {
            match facts.get(name) {
                Some(found) if found != expected => {
                    let message = format!("`{name}` is `{}`, expected `{}`", excerpt(found), excerpt(expected));
                    return Err(Fault::failed(Code::FactContradictsExpected, message));
                }
                _ => {}
            }
        }
        Ok(done)
    }

    async fn in_time(&self, work: impl Future<Output = Result<steps::Done, Fault>>) -> Result<steps::Done, Fault> {
        // Whatever is inside has shorter limits of its own; this is the last net.
        let late = || {
            let message = format!("the step did not end within {} ms", self.order.timeout_ms);
            Fault::inconclusive(Code::RequestTimeLimit, message)
        };
        timeout_at(self.deadline + Duration::from_millis(500), work).await.unwrap_or_else(|_| Err(late()))
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        self.executor.clock.now()
    }

    /// When an earlier lease of this key began to change something without ending.
    pub fn interrupted(&self) -> Option<Timestamp> {
        self.interrupted
    }

    /// Whether the permit allows the next operation at this moment.
    ///
    /// # Errors
    /// R101 to R113.
    pub fn permit(&self) -> Result<(), Fault> {
        match self.verified() {
            // Half a change is worse than a whole one: what has begun under a good permit is brought to its end.
            Err(fault)
                if matches!(fault.code, Code::PermitRevoked | Code::PermitExpired)
                    && self.order.on_revocation == OnRevocation::Finish
                    && self.begun.load(Ordering::SeqCst) =>
            {
                self.transcript.line(&format!("[interlock] {}; what has begun is finished", fault.message));
                Ok(())
            }
            verified => verified,
        }
    }

    fn verified(&self) -> Result<(), Fault> {
        let (order, config) = (self.order, &self.executor.config);
        if config.environments.as_ref().is_some_and(|served| !served.contains(&order.environment)) {
            let message = format!("this runner does not serve environment `{}`", excerpt(&order.environment));
            return Err(Fault::failed(Code::EnvironmentNotServed, message));
        }
        let about = Binding {
            deployment: &order.deployment,
            environment: &order.environment,
            target: &order.target.name,
            service: &order.service,
            digest: self.wanted.as_ref().map(|wanted| &wanted.digest),
            fence: self.fence.load(Ordering::SeqCst),
        };
        let revoked = self.executor.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let keys = self.executor.keys.read().unwrap_or_else(PoisonError::into_inner);
        let skew = SignedDuration::try_from(config.clock_skew.min(SKEW_MAX)).unwrap_or_default();
        permit::verify_within(&order.permit, &keys, self.now(), skew, &about, &revoked).map(drop)
    }

    /// Journals that from here on something may have changed; once per key.
    ///
    /// # Errors
    /// R504: then nothing may be changed.
    pub async fn begin(&self) -> Result<(), Fault> {
        self.begun.store(true, Ordering::SeqCst);
        if self.interrupted.is_some() {
            return Ok(());
        }
        let (key, fingerprint) = (self.order.key.clone(), self.fingerprint.to_owned());
        self.executor.journal.append(Record::Began { key, fingerprint, at: self.now() }).await
    }

    /// Fetches the order's artefact unless it is here.
    ///
    /// # Errors
    /// R202 to R204, R207, R210.
    pub async fn fetch(&self) -> Result<(), Fault> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        let late = |_| {
            let message = format!("artefact {} did not come within the step's time limit", wanted.digest);
            Err(Fault::failed(Code::ArtifactNotFetched, message))
        };
        let fetched = timeout_at(self.deadline, self.executor.cache.fetch(wanted, self.executor.depot.as_ref())).await;
        fetched.unwrap_or_else(late)
    }

    /// The order's artefact, its bytes on disk proved now.
    ///
    /// # Errors
    /// R208.
    pub async fn prove(&self) -> Result<Option<PathBuf>, Fault> {
        match &self.wanted {
            Some(wanted) => self.executor.cache.prove(wanted).await.map(Some),
            None => Ok(None),
        }
    }

    /// The directory programs of this key run in.
    ///
    /// # Errors
    /// R210.
    pub fn work_dir(&self) -> Result<PathBuf, Fault> {
        let dir = self.executor.step_dir(&self.order.key).join("work");
        match std::fs::create_dir_all(&dir) {
            Ok(()) => Ok(dir),
            Err(error) => Err(Fault::failed(Code::Storage, format!("{}: {error}", dir.display()))),
        }
    }

    /// Takes in facts; a later one replaces an earlier one of the same name.
    pub fn learn(&self, facts: &BTreeMap<String, String>) {
        let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(facts.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}
