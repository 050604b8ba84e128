//! A house to try things in: the real engine over any ledger, with a clock that stands still until it is moved and chance that
//! comes from a seed. Given, when, then, through the public way in.
//!
//! Invariant: the same seed and the same calls give the same ledger, to the byte, if the ledger is in memory.
//! Deliberately absent: anything that happens by itself. What is owed is performed only when a test says so.

use interlock_domain::{
    core::{Actor, Command, Obligation, World, owed},
    deployment::{self, Report, StepOutcome},
    people::{self, AccountKind, AccountSpec},
    policy,
    reason::{NoteRef, Refusal},
};
use interlock_engine::{Clock, Engine, Entropy, Options, Receipt, Sources, SubmitError};
use interlock_ids::{AccountId, Digest, Id, Kind, Name};
use interlock_ledger::{Ledger, MemoryLedger};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

/// The moment at which every house begins: Monday, 2 March 2026, 09:00 UTC.
pub const START: &str = "2026-03-02T09:00:00Z";

/// A clock that is moved by hand.
pub struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_millisecond(), Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).expect("only timestamps are put in")
    }
}

/// Chance from a seed: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub struct Seeded(AtomicU64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(GAMMA, Ordering::SeqCst).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

pub fn name(text: &str) -> Name {
    text.parse().expect("a test uses names")
}

pub fn names(all: &[&str]) -> std::collections::BTreeSet<Name> {
    all.iter().map(|it| name(it)).collect()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a test uses timestamps")
}

/// A digest that stands for some bytes.
pub fn digest(seed: u8) -> Digest {
    Digest([seed; 32])
}

/// A world as bytes, for comparing two of them.
pub fn bytes_of(world: &World) -> Vec<u8> {
    rmp_serde::to_vec_named(world).expect("a world can be written as a snapshot")
}

/// The world that was written as such bytes.
pub fn world_of(bytes: &[u8]) -> World {
    rmp_serde::from_slice(bytes).expect("what was written as a snapshot can be read")
}

pub struct House {
    runtime: tokio::runtime::Runtime,
    ledger: Arc<dyn Ledger>,
    engine: Engine,
    clock: Arc<SimulatedClock>,
    sources: Sources,
    accounts: BTreeMap<String, AccountId>,
}

impl House {
    /// A founded house over a ledger in memory, with the shipped policies and an administrator, `admin`.
    pub fn new(seed: u64) -> Self {
        Self::on(Arc::new(MemoryLedger::default()), seed)
    }

    /// The same over an empty ledger of any kind.
    pub fn on(ledger: Arc<dyn Ledger>, seed: u64) -> Self {
        let clock = Arc::new(SimulatedClock(AtomicI64::new(time(START).as_millisecond())));
        let sources = Sources { clock: clock.clone(), entropy: Arc::new(Seeded::new(seed)) };
        let engine = open(&ledger, &sources);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build();
        let runtime = runtime.expect("a test may start threads");
        let mut house = Self { runtime, ledger, engine, clock, sources, accounts: BTreeMap::new() };
        let setup = digest(255);
        let setup_until = house.now() + SignedDuration::from_hours(1);
        let found = people::Command::Found {
            organisation: "Brightwater".into(),
            time_zone_data: "test".into(),
            setup,
            setup_until,
        };
        house.ok("system", Command::People(found));
        house.ok("system", Command::Policy(policy::Command::Install { packs: interlock_policy::shipped() }));
        let account = house.fresh();
        house.accounts.insert("admin".into(), account);
        let spec = AccountSpec {
            kind: AccountKind::Human,
            roles: Default::default(),
            groups: Default::default(),
            identities: Default::default(),
        };
        house.ok("system", Command::People(people::Command::ClaimSetup { secret: setup, account, spec }));
        house
    }

    /// A second engine over the same ledger and the same clock: another node.
    pub fn another_node(&self) -> Engine {
        open(&self.ledger, &self.sources)
    }

    /// Another node with a handle of its own on the same ledger.
    pub fn node_over(&self, ledger: Arc<dyn Ledger>) -> Engine {
        open(&ledger, &self.sources)
    }

    /// The engine dies and is opened again: whether it knows exactly what it knew.
    pub fn crash(&mut self) -> bool {
        let before = bytes_of(&self.world());
        self.engine = open(&self.ledger, &self.sources);
        before == bytes_of(&self.world())
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    pub fn world(&self) -> Arc<World> {
        self.engine.world()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn set_clock(&self, to: Timestamp) {
        self.clock.set(to);
    }

    /// An id no one has used.
    pub fn fresh<K: Kind>(&self) -> Id<K> {
        self.engine.fresh()
    }

    pub fn note(&self, text: &str) -> NoteRef {
        self.engine.desk().put_note(text).expect("a ledger of a test takes notes")
    }

    /// A person's account; the group `team` has everybody. Commits are written by the address `<who>@example.org`.
    pub fn person(&mut self, who: &str, roles: &[&str]) -> AccountId {
        let account = self.fresh();
        self.accounts.insert(who.into(), account);
        let spec = AccountSpec {
            kind: AccountKind::Human,
            roles: names(roles),
            groups: names(&["team"]),
            identities: [self.engine.desk().identity(&format!("{who}@example.org"))].into(),
        };
        self.ok("admin", Command::People(people::Command::PutAccount { account, spec }));
        account
    }

    pub fn account(&self, who: &str) -> AccountId {
        *self.accounts.get(who).unwrap_or_else(|| panic!("nobody is called `{who}`"))
    }

    /// What somebody is called, or `system`, or a runner's name.
    pub fn who(&self, account: AccountId) -> Option<&str> {
        self.accounts.iter().find(|(_, id)| **id == account).map(|(who, _)| who.as_str())
    }

    pub fn actor(&self, who: &str) -> Actor {
        match who {
            "system" => Actor::system(),
            "runner" => Actor::runner(name("local")),
            who => Actor::account(self.account(who)),
        }
    }

    /// Submits commands that are carried out all or not at all.
    pub fn submit(&mut self, who: &str, commands: Vec<Command>) -> Result<Receipt, Refusal> {
        let actor = self.actor(who);
        match self.runtime.block_on(self.engine.submit_all(actor, commands, None)) {
            Ok(receipt) => Ok(receipt),
            Err(SubmitError::Refused(refusal)) => Err(refusal),
            Err(SubmitError::Unavailable(error) | SubmitError::Unknown(error)) => {
                panic!("the ledger of a test cannot be written to: {error}")
            }
        }
    }

    /// Carries out what must be possible.
    #[track_caller]
    pub fn ok(&mut self, who: &str, command: Command) -> Receipt {
        self.all_ok(who, vec![command])
    }

    /// Carries out what must be possible together.
    #[track_caller]
    pub fn all_ok(&mut self, who: &str, commands: Vec<Command>) -> Receipt {
        self.submit(who, commands).unwrap_or_else(|refusal| panic!("{who} was refused: {refusal:#?}"))
    }

    /// Tries what must be refused.
    #[track_caller]
    pub fn refused(&mut self, who: &str, command: Command) -> Refusal {
        match self.submit(who, vec![command]) {
            Ok(receipt) => panic!("{who} was not refused: {receipt:#?}"),
            Err(refusal) => refusal,
        }
    }

    /// A runner asks for at most `capacity` steps, does them as `outcome` says by `<target>/<step>`, and reports them together.
    /// What was written, in order; nothing if there was nothing to lease.
    pub fn work(&mut self, capacity: u32, outcome: impl Fn(&str) -> StepOutcome) -> Vec<Receipt> {
        let lease = deployment::Command::Lease { runner: name("local"), capacity, lease_s: 30 };
        let leased = self.ok("runner", Command::Deployment(lease));
        let world = self.world();
        let (now, mut reports) = (self.now(), Vec::new());
        for running in world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id)) {
            for (unit, lease) in running.leased() {
                let (step, found) = running.next_step(unit).expect("what is leased has a step");
                let progress = &running.progress[unit as usize];
                let target = &running.units[unit as usize].target;
                let outcome = outcome(&format!("{target}/{}", found.name));
                reports.push(Report {
                    deployment: running.id,
                    unit,
                    step,
                    fence: lease.fence,
                    attempt: progress.attempt + 1,
                    outcome,
                    code: (!outcome.is_good()).then(|| "R310".into()),
                    message: String::new(),
                    output: None,
                    started: now,
                    finished: now,
                });
            }
        }
        if reports.is_empty() {
            return vec![leased];
        }
        let report = deployment::Command::Report { runner: name("local"), reports };
        vec![leased, self.ok("runner", Command::Deployment(report))]
    }

    /// Moves the clock on, and comes back to whatever asked for it on the way, at its moment.
    pub fn wait(&mut self, length: SignedDuration) -> Vec<Receipt> {
        let end = self.now() + length;
        let mut written = Vec::new();
        let mut done = std::collections::BTreeSet::new();
        loop {
            let due = owed(&self.world()).into_iter().filter_map(|it| match &it {
                Obligation::WakeDeployment { at, .. } | Obligation::WakeRelease { at, .. } => Some((*at, it.key(), it)),
                Obligation::Step(_)
                | Obligation::Measure(_)
                | Obligation::Observe(_)
                | Obligation::ReadFeed { .. }
                | Obligation::CheckCriteria(_) => None,
            });
            let next = due
                .filter(|(at, key, _)| *at <= end && !done.contains(key))
                .min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            let Some((at, key, obligation)) = next else { break };
            done.insert(key);
            self.clock.set(at.max(self.now()));
            written.extend(self.submit("system", wake(&obligation)).ok());
        }
        self.clock.set(end);
        written.retain(|receipt| !receipt.events.is_empty());
        written
    }
}

fn wake(obligation: &Obligation) -> Vec<Command> {
    match obligation {
        Obligation::WakeDeployment { deployment, .. } => {
            vec![Command::Deployment(deployment::Command::Wake { deployment: *deployment })]
        }
        Obligation::WakeRelease { release, .. } => {
            vec![Command::Release(interlock_domain::release::Command::Reassess { release: *release })]
        }
        Obligation::Step(_)
        | Obligation::Measure(_)
        | Obligation::Observe(_)
        | Obligation::ReadFeed { .. }
        | Obligation::CheckCriteria(_) => Vec::new(),
    }
}

fn open(ledger: &Arc<dyn Ledger>, sources: &Sources) -> Engine {
    let options = Options { sources: sources.clone(), ..Options::default() };
    Engine::open(ledger.clone(), options).expect("a ledger of a test can be opened")
}
