//! The simulator: several nodes, each with its own world, over one ledger; runners, targets, a network, clocks and people, in one
//! thread, in virtual time, from a seed.
//!
//! What decides is the real thing: the core, the round that the engine's writing thread runs, the judge, the watch. What waits
//! and what fails is simulated, so that whatever can happen between two effects does happen. An auditor that shares nothing with
//! the core is told everything in the order in which it truly happened.
//! Invariants: the same setting gives the same ledger and the same trace, to the byte; nothing here reads a clock or draws chance
//! of its own. Deliberately absent: HTTP, threads, SQL, processes. They have tests of their own.

mod cast;
mod closing;
mod governing;
mod interfering;
mod node;
mod outside;
mod people;
mod performing;
pub mod planted;
mod random;
mod runner;
mod setting;
mod shrink;
mod spec;
mod upkeep;

pub use planted::{PLANTED, Planted};
pub use setting::{Fault, Setting};
pub use shrink::{Story, shrink};

use interlock_auditor::{Auditor, Finding, Tally};
use interlock_domain::core::World;
use interlock_engine::{
    Clock, Entropy, Sources,
    round::{Core, Means, Rules, Submission},
};
use interlock_ledger::{Ledger, MemoryLedger};
use jiff::{SignedDuration, Timestamp};
use node::{Answer, Node};
use outside::Outside;
use random::Random;
use runner::Runner;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

/// What comes of a run.
pub struct Outcome {
    pub findings: Vec<Finding>,
    /// How often each rule of the auditor was put to the test.
    pub tally: Tally,
    /// SHA-256 over all entries' bytes, and over everything that happened.
    pub ledger: [u8; 32],
    pub trace: [u8; 32],
    pub entries: u64,
    /// Virtual time.
    pub simulated: SignedDuration,
    /// When the first finding was made, in hours from the beginning.
    pub found_at: Option<f64>,
    /// Things that happened until the first finding, or at all.
    pub steps: u64,
    pub counts: BTreeMap<&'static str, u64>,
    /// The last things that happened before the first finding, if they were to be told.
    pub told: Vec<String>,
}

#[derive(Clone, Debug)]
enum Happening {
    Act,
    Arrive { node: usize, request: u64 },
    Write { node: usize, life: u64 },
    Commit { node: usize, life: u64 },
    Written { node: usize, life: u64 },
    Answer { request: u64, answer: Answer },
    Overdue { request: u64, attempt: u32 },
    News { node: usize },
    Due { node: usize, life: u64, key: String },
    Poll { runner: usize, life: u64 },
    Work { runner: usize, life: u64, key: String },
    Trouble(Fault),
    StartNode { node: usize },
    StartRunner { runner: usize },
    Resume { runner: usize },
    Calm,
}

/// A clock that goes with the truth, some way off.
pub(crate) struct OwnClock {
    truth: Arc<AtomicI64>,
    pub(crate) off: AtomicI64,
}

impl Clock for OwnClock {
    fn now(&self) -> Timestamp {
        let millis = self.truth.load(Ordering::Relaxed) + self.off.load(Ordering::Relaxed);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

struct Chance(Mutex<Random>);

impl Entropy for Chance {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A command on its way, and what became of it.
struct Request {
    from: From,
    submission: Submission,
    attempt: u32,
    answered: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum From {
    Person,
    /// A runner that asks for work, with the keys it is working on.
    Lease(usize, u64, Vec<String>),
    Report(usize, u64),
    /// What a node owes itself; by the key of the obligation.
    Own(usize, u64, String),
}

struct Sim {
    setting: Setting,
    truth: Arc<AtomicI64>,
    start: i64,
    sequence: u64,
    queue: BTreeMap<(i64, u64), Happening>,
    random: Random,
    ledger: Arc<MemoryLedger>,
    nodes: Vec<Node>,
    runners: Vec<Runner>,
    requests: BTreeMap<u64, Request>,
    last_request: u64,
    outside: Outside,
    auditor: Auditor,
    cast: cast::Cast,
    acts: usize,
    calm: bool,
    hasher: Sha256,
    telling: Option<Vec<String>>,
    counts: BTreeMap<&'static str, u64>,
    steps: u64,
    found: Option<(f64, u64)>,
}

/// Simulates. `tell`: keeps what happened before the first finding, for reading.
pub fn run(setting: &Setting, tell: bool) -> Outcome {
    let mut sim = Sim::new(setting.clone(), tell);
    sim.found_an_organisation();
    sim.begin();
    sim.live();
    sim.close()
}

impl Sim {
    fn new(setting: Setting, tell: bool) -> Self {
        let mut random = Random::new(setting.seed);
        // A start within some weeks of a change of clocks, in spring or autumn.
        let around = if random.chance(0.5) { 1_774_746_000_000 } else { 1_792_890_000_000 };
        let start = around + random.between(-4 * 24, 2 * 24) * 3_600_000;
        let truth = Arc::new(AtomicI64::new(start));
        let ledger = MemoryLedger::new("simulated/ledger", [7; 32]).expect("the name is a constant without spaces");
        let ledger = Arc::new(ledger);
        let rules: Arc<dyn Rules> = match setting.planted.and_then(|it| it.rules()) {
            Some(rules) => rules,
            None => Arc::new(Core),
        };
        let nodes = (0..setting.nodes)
            .map(|_| {
                let clock = Arc::new(OwnClock { truth: truth.clone(), off: AtomicI64::new(0) });
                let entropy = Arc::new(Chance(Mutex::new(Random::new(random.next()))));
                let sources = Sources { clock: clock.clone(), entropy };
                Node::new(clock, Means { ledger: ledger.clone(), sources, rules: rules.clone() })
            })
            .collect();
        let runners = (0..setting.runners)
            .map(|index| Runner::new(index, OwnClock { truth: truth.clone(), off: AtomicI64::new(0) }))
            .collect();
        Self {
            outside: Outside::new(random.next()),
            truth,
            start,
            sequence: 0,
            queue: BTreeMap::new(),
            ledger,
            nodes,
            runners,
            requests: BTreeMap::new(),
            last_request: 0,
            auditor: Auditor::new(),
            cast: cast::Cast::default(),
            acts: 0,
            calm: false,
            hasher: Sha256::new(),
            telling: tell.then(Vec::new),
            counts: BTreeMap::new(),
            steps: 0,
            found: None,
            random,
            setting,
        }
    }

    fn now(&self) -> i64 {
        self.truth.load(Ordering::Relaxed)
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn after(&mut self, millis: i64, what: Happening) {
        let key = (self.now() + millis.max(0), self.sequence);
        self.sequence += 1;
        self.queue.insert(key, what);
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Something that happened: always hashed, and kept if it is to be told.
    fn say(&mut self, text: impl FnOnce() -> String) {
        let line = text();
        self.hasher.update(line.as_bytes());
        if self.found.is_some() {
            return;
        }
        let at = self.at();
        if let Some(told) = &mut self.telling {
            told.push(format!("{} {line}", at.strftime("%a %d.%m. %H:%M:%S%.3f")));
        }
    }

    fn begin(&mut self) {
        for fault in self.setting.faults.clone() {
            match fault {
                Fault::Skew => {
                    for node in &self.nodes {
                        node.clock.off.store(self.random.between(-2_000, 2_000), Ordering::Relaxed);
                    }
                    for runner in &self.runners {
                        runner.clock.off.store(self.random.between(-2_000, 2_000), Ordering::Relaxed);
                    }
                }
                fault => self.trouble_later(fault),
            }
        }
        for node in 0..self.nodes.len() {
            self.after(1, Happening::News { node });
        }
        self.after(1_000, Happening::Act);
        self.after(i64::from(self.setting.hours) * 3_600_000, Happening::Calm);
    }

    fn live(&mut self) {
        let end = self.start + i64::from(self.setting.hours + self.setting.calm) * 3_600_000;
        while let Some(((at, _), what)) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.truth.store(at, Ordering::Relaxed);
            self.steps += 1;
            self.happen(what);
            if self.found.is_none() && !self.auditor.findings().is_empty() {
                self.found = Some(((at - self.start) as f64 / 3_600_000.0, self.steps));
                // What is wrong is wrong: a planted defect has been found, and nothing more is to be learnt.
                if self.setting.planted.is_some() || self.telling.is_some() {
                    break;
                }
            }
        }
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Act => self.act(),
            Happening::Arrive { node, request } => self.arrive(node, request),
            Happening::Write { node, life } => self.write(node, life),
            Happening::Commit { node, life } => self.commit(node, life),
            Happening::Written { node, life } => self.written(node, life),
            Happening::Answer { request, answer } => self.answered(request, answer),
            Happening::Overdue { request, attempt } => self.overdue(request, attempt),
            Happening::News { node } => self.news(node),
            Happening::Due { node, life, key } => self.due(node, life, key),
            Happening::Poll { runner, life } => self.poll(runner, life),
            Happening::Work { runner, life, key } => self.work(runner, life, &key),
            Happening::Trouble(fault) => self.trouble(fault),
            Happening::StartNode { node } => self.start_node(node),
            Happening::StartRunner { runner } => self.start_runner(runner),
            Happening::Resume { runner } => self.resume_runner(runner),
            Happening::Calm => self.grow_calm(),
        }
    }

    fn close(mut self) -> Outcome {
        if self.found.is_none() {
            self.compare_worlds();
            let calm = self.start + i64::from(self.setting.hours) * 3_600_000;
            let calm = Timestamp::from_millisecond(calm).unwrap_or(self.at());
            self.auditor.close(self.at(), calm, SignedDuration::from_hours(3));
        }
        let (size, root) = self.auditor.root();
        let head = self.ledger.head().expect("a ledger in memory has a head");
        if (head.size, head.root.0) != (size, root) {
            self.auditor.report("root", format!("the ledger says {} entries, and the auditor saw {size}", head.size));
        }
        if self.found.is_none() && !self.auditor.findings().is_empty() {
            self.found = Some(((self.now() - self.start) as f64 / 3_600_000.0, self.steps));
        }
        self.counts.insert("late effects", self.auditor.late_effects());
        Outcome {
            findings: self.auditor.findings().to_vec(),
            tally: self.auditor.tally().clone(),
            ledger: root,
            trace: self.hasher.finalize().into(),
            entries: size,
            simulated: SignedDuration::from_millis(self.truth.load(Ordering::Relaxed) - self.start),
            found_at: self.found.map(|(hours, _)| hours),
            steps: self.found.map_or(self.steps, |(_, steps)| steps),
            counts: self.counts,
            told: self.telling.unwrap_or_default(),
        }
    }

    /// The world that the ledger gives, folded anew; and whether every node that is up to date has the same.
    fn compare_worlds(&mut self) {
        let means = self.nodes[0].means.clone();
        let mut again = World::default();
        node::fold(means.ledger.as_ref(), &mut again);
        let wanted = crate::house::bytes_of(&again);
        for index in 0..self.nodes.len() {
            let mut world = self.nodes[index].world.clone();
            node::fold(means.ledger.as_ref(), &mut world);
            if crate::house::bytes_of(&world) != wanted {
                self.auditor.report("replay", format!("node {index} knows another world than the ledger gives"));
            }
        }
    }
}
