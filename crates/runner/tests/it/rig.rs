//! A runner's surroundings: keys, signed permits and artefacts, a server that remembers what it was told, a clock that lies.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use interlock_ids::Digest;
use interlock_runner::execute::Executor;
use interlock_runner::output::Transcript;
use interlock_runner::{ByteStream, Clock, Controller, ControllerError, Depot, DepotError, PermitKeys, RunnerConfig};
use interlock_wire::permit::{Permit, PermitScope, PermittedArtifact, SignedPermit, signing_bytes};
use interlock_wire::runner::*;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const NOON: i64 = 1_795_435_200;

/// Seconds since the epoch, as the test wants them.
#[derive(Clone)]
pub struct Lie(pub Arc<AtomicI64>);

impl Clock for Lie {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

pub struct Rig {
    pub dir: tempfile::TempDir,
    pub signer: SigningKey,
    pub minisign: minisign::KeyPair,
    pub depot: Arc<FakeDepot>,
    pub server: Arc<FakeServer>,
    pub clock: Lie,
    pub permit: Permit,
}

impl Rig {
    pub fn new() -> Self {
        let at = |second| Timestamp::from_second(second).unwrap();
        let permit = Permit {
            id: "pmt_1".into(),
            release: "rel_1".into(),
            scope: PermitScope::Release,
            environment: "production".into(),
            artifacts: vec![PermittedArtifact { service: "cart".into(), digest: sha256(b"artefact") }],
            targets: vec!["cart-1".into()],
            not_before: at(NOON - 60),
            not_after: at(NOON + 60),
            policy_set: "sha256:00".into(),
            approvals: vec![],
            fence_floor: 1,
        };
        Self {
            dir: tempfile::tempdir().unwrap(),
            signer: SigningKey::from_bytes(&[3; 32]),
            minisign: minisign::KeyPair::generate_unencrypted_keypair().unwrap(),
            depot: Arc::new(FakeDepot(Mutex::new(BTreeMap::from([(sha256(b"artefact"), b"artefact".to_vec())])))),
            server: Arc::default(),
            clock: Lie(Arc::new(AtomicI64::new(NOON))),
            permit,
        }
    }

    pub fn config(&self) -> RunnerConfig {
        let keys = PermitKeys::one("k1", self.signer.verifying_key().to_bytes());
        let mut config = RunnerConfig::new("runner-1", self.dir.path().join("data"), keys);
        config.clock_skew = Duration::ZERO;
        config.kill_grace = Duration::from_millis(100);
        config.shutdown_grace = Duration::from_millis(50);
        config
    }

    pub fn executor(&self) -> Executor {
        self.executor_with(self.config())
    }

    pub fn executor_with(&self, config: RunnerConfig) -> Executor {
        Executor::open(config, self.depot.clone(), Arc::new(self.clock.clone())).unwrap()
    }

    pub fn sign(&self, permit: &Permit) -> SignedPermit {
        let payload = serde_json::to_string(permit).unwrap();
        let signature = STANDARD.encode(self.signer.sign(&signing_bytes(&payload)).to_bytes());
        SignedPermit { payload, key_id: "k1".into(), signature }
    }

    pub fn artifact(&self, bytes: &[u8]) -> ArtifactOrder {
        let signature = minisign::sign(Some(&self.minisign.pk), &self.minisign.sk, bytes, Some("trusted"), Some("not"));
        ArtifactOrder {
            digest: sha256(bytes),
            size: bytes.len() as u64,
            url_path: String::new(),
            signature: signature.unwrap().into_string(),
            public_key: self.minisign.pk.to_base64(),
        }
    }

    pub fn order(&self, kind: StepKind) -> StepOrder {
        StepOrder {
            deployment: "dep_1".into(),
            environment: "production".into(),
            wave: 1,
            target: TargetView {
                name: "cart-1".into(),
                address: "http://127.0.0.1:1".into(),
                labels: BTreeMap::new(),
                params: BTreeMap::from([("port".into(), "8080".into())]),
            },
            service: "cart".into(),
            step: "install".into(),
            key: "dep_1/cart-1/install/1".into(),
            fence: 5,
            attempt: 1,
            kind,
            operation: Operation::Apply,
            timeout_ms: 20_000,
            artifact: Some(self.artifact(b"artefact")),
            permit: self.sign(&self.permit),
            expected: BTreeMap::new(),
            after: None,
            pause_ms: 0,
            on_revocation: Default::default(),
        }
    }

    /// An order whose `apply` is this shell script, and which may append lines to `log`.
    pub fn shell(&self, apply: &str) -> StepOrder {
        self.order(StepKind::Program(self.program(apply)))
    }

    pub fn program(&self, apply: &str) -> ProgramStep {
        let env = BTreeMap::from([("LOG".to_owned(), self.log_path().display().to_string())]);
        ProgramStep { check: None, apply: sh(apply), verify: None, undo: None, env, repeatable: false }
    }

    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What programs wrote to `$LOG`, as words.
    pub fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    pub fn cached(&self, digest: &str) -> PathBuf {
        self.dir.path().join("data/artifacts").join(digest.replace(':', "-"))
    }

    pub async fn run(&self, order: &StepOrder) -> Ran {
        self.run_on(&self.executor(), order).await
    }

    pub async fn run_on(&self, executor: &Executor, order: &StepOrder) -> Ran {
        let path = self.dir.path().join("transcript");
        let _ = std::fs::remove_file(&path);
        let transcript = Transcript::new(path.clone(), Arc::default());
        let (report, kept) = executor.execute(order, &AtomicU64::new(order.fence), &transcript).await;
        kept.await;
        let in_file = || String::from_utf8(std::fs::read(&path).unwrap_or_default()).unwrap();
        let output = transcript.in_memory(0).unwrap_or_else(in_file);
        let digest = (!output.is_empty()).then(|| sha256(output.as_bytes()));
        assert_eq!(report.output, digest, "the report's digest is the transcript's");
        Ran { report, output }
    }
}

pub fn sh(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

pub struct Ran {
    pub report: StepReport,
    pub output: String,
}

impl Ran {
    /// Fails unless the step ended so.
    #[track_caller]
    pub fn is(&self, outcome: Outcome, code: &str) {
        let found = (self.report.outcome, self.report.code.as_deref().unwrap_or_default());
        assert_eq!(found, (outcome, code), "{}\n{}", self.report.message, self.output);
        assert!(code.is_empty() || self.report.message.contains("Next: "), "{}", self.report.message);
    }

    #[track_caller]
    pub fn says(&self, text: &str) {
        assert!(self.report.message.contains(text), "`{}` does not say `{text}`", self.report.message);
    }
}

/// Whether a process is gone, zombies counting as gone.
pub fn gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits until `done`, for at most ten seconds.
#[track_caller]
pub fn eventually(done: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while !done() {
            assert!(std::time::Instant::now() < until, "did not come about: {caller}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub struct FakeDepot(pub Mutex<BTreeMap<String, Vec<u8>>>);

#[async_trait]
impl Depot for FakeDepot {
    async fn fetch(&self, digest: &Digest, _: &str) -> Result<ByteStream, DepotError> {
        let bytes = self.0.lock().unwrap().get(&digest.to_string()).cloned();
        let bytes = bytes.ok_or_else(|| DepotError("no such blob".into()))?;
        let pieces: Vec<_> = bytes.chunks(3).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Ok(Box::pin(futures::stream::iter(pieces)))
    }
}

/// Grants what is queued and remembers the rest.
#[derive(Default)]
pub struct FakeServer {
    pub queue: Mutex<Vec<StepOrder>>,
    pub revoked: Mutex<Vec<String>>,
    pub requests: Mutex<Vec<LeaseRequest>>,
    pub reports: Mutex<Vec<StepReport>>,
    pub output: Mutex<BTreeMap<String, String>>,
    /// Reports with a lower fence are stale.
    pub fence: AtomicU64,
    pub stale: Mutex<Vec<String>>,
    /// Takes in nothing while set.
    pub deaf: AtomicBool,
}

impl FakeServer {
    pub fn grant(&self, orders: impl IntoIterator<Item = StepOrder>) {
        self.queue.lock().unwrap().extend(orders);
    }

    pub fn reported(&self) -> usize {
        self.reports.lock().unwrap().len()
    }
}

#[async_trait]
impl Controller for FakeServer {
    async fn lease(&self, request: LeaseRequest) -> Result<Lease, ControllerError> {
        let capacity = request.capacity as usize;
        self.requests.lock().unwrap().push(request);
        let mut queue = self.queue.lock().unwrap();
        let granted = capacity.min(queue.len());
        Ok(Lease {
            steps: queue.drain(..granted).collect(),
            revoked_permits: self.revoked.lock().unwrap().clone(),
            revocation_position: 1,
            next_poll_ms: 5,
            ..Lease::default()
        })
    }

    async fn report(&self, batch: ReportBatch) -> Result<ReportAck, ControllerError> {
        if self.deaf.load(Ordering::SeqCst) {
            return Err(ControllerError::Unreachable("deaf".into()));
        }
        let mut ack = ReportAck::default();
        for report in batch.reports {
            if report.fence < self.fence.load(Ordering::SeqCst) {
                self.stale.lock().unwrap().push(report.key.clone());
                ack.stale.push(report.key);
            } else {
                ack.accepted.push(report.key.clone());
                self.reports.lock().unwrap().push(report);
            }
        }
        Ok(ack)
    }

    async fn output(&self, chunks: Vec<OutputChunk>) -> Result<(), ControllerError> {
        if self.deaf.load(Ordering::SeqCst) {
            return Err(ControllerError::Unreachable("deaf".into()));
        }
        let mut output = self.output.lock().unwrap();
        for chunk in chunks {
            let text = output.entry(chunk.key).or_default();
            text.truncate(chunk.offset as usize);
            assert_eq!(text.len() as u64, chunk.offset, "a gap in the output");
            text.push_str(&chunk.text);
        }
        Ok(())
    }
}
