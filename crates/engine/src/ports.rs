//! What the engine asks of the world outside. One trait per need; adapters are in `interlock-integrations`.

use async_trait::async_trait;
use interlock_domain::{
    calendar::{Feed, Window},
    catalog::Metrics,
};
use interlock_ids::Name;
use interlock_ledger::{Digest, cosign::WitnessKey};
use std::{collections::BTreeMap, sync::Arc};

/// Counters of one endpoint as one series reports them: they only grow, until the process restarts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub requests: f64,
    pub errors: f64,
}

/// What one target says about one service, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// When it was taken, Unix time in milliseconds.
    pub at_ms: i64,
    /// By endpoint; the empty name if the service does not tell endpoints apart.
    pub endpoints: BTreeMap<String, Tally>,
    /// Upper bounds in seconds, ascending, the last infinite, with cumulative counts.
    pub latency: Vec<(f64, f64)>,
    /// Momentary values, such as resident memory.
    pub gauges: BTreeMap<String, f64>,
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub String);

/// Reads figures.
#[async_trait]
pub trait Meter: Send + Sync {
    /// What a target says about a service now.
    async fn read(&self, service: &Name, address: &str, metrics: &Metrics) -> Result<Reading, Unread>;
    /// The first value of a PromQL expression; `Ok(None)` if it gives nothing.
    async fn query(&self, promql: &str) -> Result<Option<f64>, Unread>;
}

/// What a calendar's feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedReading {
    pub windows: Vec<Window>,
    /// Events that are no windows.
    pub left_out: u32,
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
}

/// Reads calendars of other programs.
#[async_trait]
pub trait Feeds: Send + Sync {
    async fn read(&self, feed: &Feed) -> Result<FeedReading, Unread>;
}

/// Asks a target over HTTP.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Status and body (at most 1 MiB) of a GET.
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), Unread>;
}

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cosigned {
    /// Its signature lines.
    Lines(String),
    /// It has signed a tree of another size than the one the proof begins at.
    Size(u64),
}

/// Why a witness did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCosigned {
    /// It did not answer, or not now.
    #[error("{0}")]
    Unread(String),
    /// It says that this checkpoint does not continue what it has signed, or is not signed by a key it knows.
    #[error("it refuses with status {status}: {text}")]
    Refused { status: u16, text: String },
}

/// Asks a witness to sign checkpoints (C2SP tlog-witness).
#[async_trait]
pub trait Witness: Send + Sync {
    /// Its public key, got from whoever runs it.
    fn key(&self) -> &WitnessKey;
    /// Where it is asked.
    fn address(&self) -> &str;
    /// Asks it to sign `checkpoint`, with the proof that it continues the tree of `old` entries.
    async fn cosign(&self, old: u64, proof: &[Digest], checkpoint: &str) -> Result<Cosigned, NotCosigned>;
}

/// All ports.
#[derive(Clone)]
pub struct Ports {
    pub meter: Arc<dyn Meter>,
    pub probe: Arc<dyn Probe>,
    pub feeds: Arc<dyn Feeds>,
}

/// An outside of which nothing is known: everything measured with it is inconclusive.
pub struct Nothing;

#[async_trait]
impl Meter for Nothing {
    async fn read(&self, _: &Name, _: &str, _: &Metrics) -> Result<Reading, Unread> {
        Err(Unread("no source of metrics is configured".into()))
    }

    async fn query(&self, _: &str) -> Result<Option<f64>, Unread> {
        Err(Unread("no source of metrics is configured".into()))
    }
}

#[async_trait]
impl Probe for Nothing {
    async fn get(&self, _: &str) -> Result<(u16, Vec<u8>), Unread> {
        Err(Unread("probing over HTTP is not configured".into()))
    }
}

#[async_trait]
impl Feeds for Nothing {
    async fn read(&self, _: &Feed) -> Result<FeedReading, Unread> {
        Err(Unread("reading feeds is not configured".into()))
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self { meter: Arc::new(Nothing), probe: Arc::new(Nothing), feeds: Arc::new(Nothing) }
    }
}
