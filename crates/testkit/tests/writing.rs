//! The pipeline behind `submit`, with a store that is held back, overtaken and made to fail while batches are on their way: nothing
//! that was acknowledged is lost, nothing is carried out twice, and nothing shows before it is durable.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::{
    catalog::{self, Metrics, Service},
    core::{Actor, Command, Event, Record},
    environment,
};
use interlock_engine::{Clock, Engine, Entropy, Options, Receipt, Sources, SubmitError};
use interlock_ids::ClaimId;
use interlock_ledger::{Ledger, MemoryLedger, OpenOptions, SqliteLedger};
use interlock_testkit::{
    faulty::{Fate, FaultyLedger},
    house::{House, Seeded, bytes_of, name},
    shop,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::JoinHandle;

type Answer = Result<Receipt, SubmitError>;

struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Chance that counts how often it was asked: once for every decision.
struct Counting(Seeded, AtomicUsize);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// A node over a store that can be held and made to fail, beside a house that uses the same store undisturbed.
struct Rig {
    house: House,
    engine: Engine,
    store: Arc<FaultyLedger>,
    decisions: Arc<Counting>,
}

impl Rig {
    fn new(seed: u64, ledger: Arc<dyn Ledger>) -> Self {
        let mut house = House::on(ledger.clone(), seed);
        shop::open(&mut house);
        let store = FaultyLedger::over(ledger);
        let decisions = Arc::new(Counting(Seeded::new(seed + 1), AtomicUsize::new(0)));
        let sources = Sources { clock: Arc::new(Standing(house.now())), entropy: decisions.clone() };
        let engine = Engine::open(store.clone(), Options { sources, ..Options::default() }).unwrap();
        Self { house, engine, store, decisions }
    }

    fn submit(&self, who: &str, command: Command, key: Option<&str>) -> JoinHandle<Answer> {
        let (engine, actor, key) = (self.engine.clone(), self.house.actor(who), key.map(str::to_owned));
        self.house.runtime().spawn(async move { engine.submit(actor, command, key).await })
    }

    fn answer(&self, task: JoinHandle<Answer>) -> Answer {
        self.house.runtime().block_on(task).unwrap()
    }

    /// Submits a command, and comes back once it was decided: whatever happens to it then, it rests on what was in flight.
    fn decided(&self, who: &str, command: Command, key: Option<&str>) -> JoinHandle<Answer> {
        let before = self.decisions.1.load(Ordering::SeqCst);
        let task = self.submit(who, command, key);
        while self.decisions.1.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        task
    }

    /// Begins an append that is held, with one command in it.
    fn held(&self, who: &str, command: Command, key: Option<&str>) -> JoinHandle<Answer> {
        self.store.hold();
        let appends = self.store.begun();
        let task = self.submit(who, command, key);
        self.store.wait_for(appends + 1);
        task
    }

    /// What the ledger holds, folded anew, is what this node has published.
    #[track_caller]
    fn agrees(&self) {
        assert!(bytes_of(&self.house.another_node().world()) == bytes_of(&self.engine.world()));
    }

    /// How often each service was entered, by the ledger.
    fn entered(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        let mut at = 0;
        loop {
            let entries = self.store.read(at, 1000).unwrap();
            let Some(last) = entries.last() else { return found };
            at = last.position + 1;
            for entry in &entries {
                if let Event::Catalog(catalog::Event::ServicePut(it)) = Record::decode(&entry.body).unwrap().event {
                    *found.entry(it.service.name.to_string()).or_default() += 1;
                }
            }
        }
    }
}

fn memory() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::default())
}

fn service(named: &str) -> Command {
    let service = Service {
        name: name(named),
        owner: name("team"),
        description: String::new(),
        criticality: Default::default(),
        depends_on: Default::default(),
        repository: None,
        metrics: Metrics::default(),
    };
    Command::Catalog(catalog::Command::PutServices { services: vec![service] })
}

fn claim(house: &House) -> Command {
    let (claim, until): (ClaimId, _) = (house.fresh(), house.now() + SignedDuration::from_hours(1));
    let purpose = house.note("a load test");
    Command::Environment(environment::Command::Claim { claim, environment: name("staging"), until, purpose })
}

#[track_caller]
fn refused(answer: Answer, code: &str) {
    match answer {
        Err(SubmitError::Refused(refusal)) => assert!(refusal.blockers.iter().any(|it| it.code == code), "{refusal:?}"),
        other => panic!("not refused with {code}: {other:?}"),
    }
}

#[test]
fn what_was_decided_on_a_batch_that_is_overtaken_is_decided_again() {
    let folder = tempfile::TempDir::new_in("/dev/shm").or_else(|_| tempfile::TempDir::new()).unwrap();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::create(&path, OpenOptions::default()).unwrap());
    let mut rig = Rig::new(1, Arc::new(SqliteLedger::open(&path, OpenOptions::default()).unwrap()));
    let first = rig.held("admin", service("first"), None);
    let second = rig.decided("rita", claim(&rig.house), None);
    let third = rig.decided("admin", service("third"), None);
    // Another node, with a handle of its own on the file, is quicker.
    let other: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&path, OpenOptions::default()).unwrap());
    let node = rig.house.node_over(other);
    let theirs = rig.house.runtime().block_on(node.submit(rig.house.actor("dana"), claim(&rig.house), None)).unwrap();
    rig.store.let_go();
    let first = rig.answer(first).unwrap();
    refused(rig.answer(second), "claimed");
    let third = rig.answer(third).unwrap();
    assert!(theirs.position <= first.events[0].position && first.position <= third.events[0].position);
    assert_eq!((rig.entered()["first"], rig.entered()["third"]), (1, 1));
    let (overtaken, again) = (rig.store.seen()[0], rig.store.seen()[1]);
    assert!(overtaken.0 < again.0, "decided again at a later position: {:?}", rig.store.seen());
    rig.agrees();
    rig.house.ok("admin", service("fourth"));
}

#[test]
fn a_batch_that_cannot_be_written_takes_along_only_itself() {
    let rig = Rig::new(2, memory());
    rig.store.fates([Fate::FailBefore]);
    let first = rig.held("admin", service("first"), None);
    let second = rig.decided("rita", claim(&rig.house), None);
    let third = rig.decided("admin", service("third"), None);
    rig.store.let_go();
    assert!(matches!(rig.answer(first), Err(SubmitError::Unavailable(_))));
    assert!(rig.answer(second).is_ok());
    let third = rig.answer(third).unwrap();
    assert_eq!(rig.entered().get("first"), None);
    assert_eq!(rig.entered()["third"], 1);
    assert!(third.position <= rig.engine.head());
    rig.agrees();
}

#[test]
fn a_refusal_that_rests_on_what_was_never_written_is_taken_back() {
    let rig = Rig::new(3, memory());
    rig.store.fates([Fate::FailBefore]);
    let first = rig.held("dana", claim(&rig.house), None);
    let second = rig.decided("rita", claim(&rig.house), None);
    rig.store.let_go();
    assert!(matches!(rig.answer(first), Err(SubmitError::Unavailable(_))));
    rig.answer(second).unwrap();
    rig.agrees();
}

#[test]
fn what_was_written_although_it_failed_is_not_written_twice() {
    let rig = Rig::new(4, memory());
    rig.store.fates([Fate::FailAfter]);
    let first = rig.held("admin", service("first"), Some("k1"));
    let second = rig.decided("admin", service("second"), Some("k2"));
    rig.store.let_go();
    assert!(matches!(rig.answer(first), Err(SubmitError::Unavailable(_))));
    assert!(!rig.answer(second).unwrap().repeated);
    let again = rig.answer(rig.submit("admin", service("first"), Some("k1"))).unwrap();
    assert!(again.repeated);
    assert_eq!((rig.entered()["first"], rig.entered()["second"]), (1, 1));
    rig.agrees();
}

#[test]
fn a_key_that_is_still_on_its_way_is_answered_like_one_that_has_arrived() {
    let rig = Rig::new(5, memory());
    let first = rig.held("admin", service("once"), Some("key"));
    let second = rig.submit("admin", service("once"), Some("key"));
    // Decided after the repetition, so that the repetition was looked at while the first was on its way.
    let third = rig.decided("admin", service("other"), None);
    assert!(!second.is_finished(), "nothing is answered before what it rests on is durable");
    rig.store.let_go();
    let (first, second) = (rig.answer(first).unwrap(), rig.answer(second).unwrap());
    rig.answer(third).unwrap();
    assert!(!first.repeated && second.repeated);
    assert_eq!(first.position, second.position);
    assert_eq!(first.events[0].event, second.events[0].event);
    assert_eq!(rig.entered()["once"], 1);
    rig.agrees();
}

#[test]
fn a_key_whose_first_use_was_not_written_is_used_by_the_second() {
    let rig = Rig::new(6, memory());
    rig.store.fates([Fate::FailBefore]);
    let first = rig.held("admin", service("once"), Some("key"));
    let second = rig.submit("admin", service("once"), Some("key"));
    let third = rig.decided("admin", service("other"), None);
    rig.store.let_go();
    assert!(matches!(rig.answer(first), Err(SubmitError::Unavailable(_))));
    assert!(!rig.answer(second).unwrap().repeated);
    rig.answer(third).unwrap();
    assert_eq!(rig.entered()["once"], 1);
    rig.agrees();
}

#[test]
fn nothing_shows_before_it_is_durable_and_trying_out_sees_only_what_is() {
    let rig = Rig::new(7, memory());
    let (before, mut news) = (rig.engine.head(), rig.engine.follow());
    rig.store.hold();
    let task = rig.submit("rita", claim(&rig.house), None);
    rig.store.wait_for(1);
    let dana = rig.house.actor("dana");
    let (head, tried) = (rig.engine.head(), rig.engine.try_out(&dana, &claim(&rig.house)));
    assert!(head == before && tried.is_ok() && news.try_recv().is_err() && !task.is_finished());
    rig.store.let_go();
    let done = rig.answer(task).unwrap();
    assert!(done.position <= rig.engine.head());
    let told = news.try_recv().unwrap();
    assert_eq!((told.position_from, told.position_to), (before, rig.engine.head()));
    assert!(rig.engine.try_out(&dana, &claim(&rig.house)).is_err());
}

#[test]
fn several_commands_are_carried_out_all_or_not_at_all_in_the_middle_of_a_batch() {
    let rig = Rig::new(8, memory());
    let first = rig.held("admin", service("before"), None);
    let (engine, actor) = (rig.engine.clone(), rig.house.actor("admin"));
    let remove = Command::Catalog(catalog::Command::RemoveService { service: name("nowhere") });
    let commands = vec![service("half"), remove];
    let half = rig.house.runtime().spawn(async move { engine.submit_all(actor, commands, None).await });
    let after = rig.decided("admin", service("after"), None);
    rig.store.let_go();
    rig.answer(first).unwrap();
    assert!(rig.answer(half).is_err());
    rig.answer(after).unwrap();
    let entered = rig.entered();
    assert!(entered.contains_key("before") && entered.contains_key("after") && !entered.contains_key("half"));
    rig.agrees();
}

/// Clients that ask again under the same key until they are answered, over a store that fails now and then in both ways, and beside
/// another node that writes to the same ledger.
#[test]
fn under_failures_and_a_rival_every_command_is_carried_out_exactly_once() {
    const CLIENTS: usize = 24;
    const EACH: usize = 40;
    let rig = Rig::new(9, memory());
    let fates = (0..2_000).map(|n: usize| match n * 7 % 11 {
        0 => Fate::FailBefore,
        1 => Fate::FailAfter,
        _ => Fate::Good,
    });
    rig.store.fates(fates);
    let client = |engine: Engine, actor: Actor, side: &'static str, client: usize| async move {
        let mut acknowledged = Vec::new();
        for turn in 0..EACH {
            let named = format!("{side}-{client}-{turn}");
            loop {
                match engine.submit(actor.clone(), service(&named), Some(named.clone())).await {
                    Ok(receipt) => break acknowledged.push((named, receipt)),
                    Err(SubmitError::Unavailable(_) | SubmitError::Unknown(_)) => {}
                    Err(SubmitError::Refused(refusal)) => panic!("{refusal}"),
                }
            }
        }
        acknowledged
    };
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let (engine, side) = if n % 4 == 0 { (rig.house.engine(), "rival") } else { (&rig.engine, "ours") };
            rig.house.runtime().spawn(client(engine.clone(), rig.house.actor("admin"), side, n))
        })
        .collect();
    let mut acknowledged = Vec::new();
    for task in tasks {
        acknowledged.extend(rig.house.runtime().block_on(task).unwrap());
    }
    assert_eq!(acknowledged.len(), CLIENTS * EACH);
    let entered = rig.entered();
    for (named, receipt) in &acknowledged {
        assert_eq!(entered.get(named), Some(&1), "{named}");
        // The entry stands where the receipt says.
        let recorded = &receipt.events[0];
        let stored = rig.store.read(recorded.position, 1).unwrap();
        assert_eq!(Record::decode(&stored[0].body).unwrap().event, recorded.event);
    }
    // A last word from either node, after which both know everything.
    let both = [rig.house.engine().clone(), rig.engine.clone()];
    for (n, engine) in both.iter().enumerate() {
        let last = || engine.submit(rig.house.actor("admin"), service(&format!("last-{n}")), Some(format!("last-{n}")));
        while rig.house.runtime().block_on(last()).is_err() {}
    }
    rig.agrees();
}
