//! What a runner is told once, by whoever starts it.
//!
//! Invariants: what is trusted (permit keys, artefact keys, environments, program directories) comes from here and never from an
//! order.

use crate::identity::Identity;
use crate::permit::PermitKeys;
use interlock_outbound::Guard;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Settings of a runner. Start from [`RunnerConfig::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct RunnerConfig {
    /// Unique in the installation.
    pub name: String,
    /// What it can reach and do; steps are leased by label.
    pub labels: BTreeMap<String, String>,
    /// How many steps run at once; at least 1. Default 4.
    pub capacity: u32,
    /// Journal, artefact cache and working directories; one directory per runner.
    pub data_dir: PathBuf,
    /// Who may sign permits.
    pub permit_keys: PermitKeys,
    /// Where trusted permit keys are kept, and others learnt that one of them vouches for; `None`: only `permit_keys`, ever.
    pub identity: Option<Arc<Mutex<Identity>>>,
    /// How wrong its clock, or the server's, may be when a permit's times are judged. Default 30 s, at most 5 min.
    pub clock_skew: Duration,
    /// The environments it serves; `None`: whatever its permits name.
    pub environments: Option<BTreeSet<String>>,
    /// minisign public keys (base64 line) whose artefacts it accepts; `None`: the key the server names in the order.
    pub artifact_keys: Option<BTreeSet<String>>,
    /// Where programs are looked for before PATH. A relative path such as `shop/deploy` is looked for only here.
    pub program_dirs: Vec<PathBuf>,
    /// Whether programs outside `program_dirs` are refused.
    pub only_program_dirs: bool,
    /// Which addresses HTTP and traffic steps may call. Default: also private ones and this machine, since a runner is there to reach
    /// what is beside it; never link-local ones.
    pub targets: Guard,
    /// Between asking a process group to end and killing it. Default 2 s.
    pub kill_grace: Duration,
    /// How long running steps may take to end when the runner is told to stop. Default 20 s.
    pub shutdown_grace: Duration,
    /// How much of each of a program's two output streams is kept, in bytes: the first half and the last half. Default 4 MiB.
    pub output_limit: usize,
    /// How many delivered reports are remembered, so that a late second lease of the same key is answered. Default 10,000.
    pub delivered_kept: usize,
    /// How many reports may wait for the server; from then on no step is taken until there is room. Default 10,000.
    pub spool_reports: usize,
    /// How much output may wait for the server, in bytes; from then on no step is taken until there is room. Default 1 GiB.
    pub spool_bytes: u64,
    /// Whether to end once the server says that it gets no new steps, and nothing is left to do.
    pub exit_when_drained: bool,
}

impl RunnerConfig {
    /// The defaults.
    pub fn new(name: impl Into<String>, data_dir: impl Into<PathBuf>, permit_keys: PermitKeys) -> Self {
        Self {
            name: name.into(),
            labels: BTreeMap::new(),
            capacity: 4,
            data_dir: data_dir.into(),
            permit_keys,
            identity: None,
            clock_skew: Duration::from_secs(30),
            environments: None,
            artifact_keys: None,
            program_dirs: Vec::new(),
            only_program_dirs: false,
            targets: Guard::inside(),
            kill_grace: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(20),
            output_limit: 4 << 20,
            delivered_kept: 10_000,
            spool_reports: 10_000,
            spool_bytes: 1 << 30,
            exit_when_drained: false,
        }
    }
}
