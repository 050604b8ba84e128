//! Several nodes on one PostgreSQL: any takes any command, each follows the others, one performs what is owed.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../../ledger/tests/server/mod.rs"]
mod server;

use interlock_domain::{
    catalog::{self, Metrics, Service},
    core::Command,
};
use interlock_engine::Engine;
use interlock_ledger::{Ledger, OpenOptions, PostgresLedger};
use interlock_testkit::house::{House, bytes_of, name};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(20);

struct Nodes {
    house: House,
    folder: tempfile::TempDir,
    address: String,
}

impl Nodes {
    /// A founded house on a fresh schema; `None` without PostgreSQL.
    fn new(seed: u64) -> Option<Nodes> {
        let address = server::server()?.fresh();
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("ledger.key");
        let ledger = PostgresLedger::create(&address, &key, OpenOptions::default()).unwrap();
        Some(Nodes { house: House::on(Arc::new(ledger), seed), folder, address })
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("ledger.key")
    }

    fn another(&self) -> Engine {
        let ledger = PostgresLedger::open(&self.address, &self.key(), OpenOptions::default()).unwrap();
        self.house.node_over(Arc::new(ledger))
    }
}

fn described(service: &str, text: &str) -> Command {
    let service = Service {
        name: name(service),
        owner: name("team"),
        description: text.to_owned(),
        criticality: Default::default(),
        depends_on: Default::default(),
        repository: None,
        metrics: Metrics::default(),
    };
    Command::Catalog(catalog::Command::PutServices { services: vec![service] })
}

#[test]
fn a_node_knows_soon_what_another_has_acknowledged_and_says_when_it_does_not() {
    let Some(nodes) = Nodes::new(1) else { return };
    let (one, two) = (nodes.house.engine().clone(), nodes.another());
    let actor = nodes.house.actor("admin");
    nodes.house.runtime().block_on(async {
        for turn in 0..20 {
            let (here, there) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let receipt = here.submit(actor.clone(), described("shop", &format!("turn {turn}")), None).await.unwrap();
            there.reach(receipt.position, SOON).await.unwrap();
            let known = there.world().catalog.service(&name("shop")).unwrap().description.clone();
            assert_eq!(known, format!("turn {turn}"), "read your writes, at any node");
        }
        let behind = two.reach(one.head() + 7, Duration::from_millis(300)).await.unwrap_err();
        assert_eq!((behind.reached, behind.wanted), (one.head(), one.head() + 7));
    });
    assert!(bytes_of(&one.world()) == bytes_of(&two.world()), "the same entries give the same world");
}

#[test]
fn the_same_idempotency_key_is_done_once_whichever_nodes_are_asked() {
    let Some(nodes) = Nodes::new(2) else { return };
    let engines = [nodes.house.engine().clone(), nodes.another(), nodes.another()];
    let actor = nodes.house.actor("admin");
    let before = engines[0].head();
    let receipts = nodes.house.runtime().block_on(async {
        let asked = (0..30).map(|turn| {
            let command = described("shop", &format!("key {}", turn / 3));
            engines[turn % 3].submit(actor.clone(), command, Some(format!("key {}", turn / 3)))
        });
        let mut receipts = Vec::new();
        for answer in futures::future::join_all(asked).await {
            receipts.push(answer.unwrap());
        }
        receipts
    });
    for of_one_key in receipts.chunks(3) {
        assert_eq!(of_one_key.iter().filter(|it| !it.repeated).count(), 1, "one did it, two were told");
        let positions: Vec<Vec<u64>> =
            of_one_key.iter().map(|it| it.events.iter().map(|event| event.position).collect()).collect();
        assert!(positions.iter().all(|it| *it == positions[0] && !it.is_empty()));
    }
    assert_eq!(engines[0].ledger().head().unwrap().size, before + 10);
}

#[test]
fn nodes_that_write_at_once_end_in_the_same_world() {
    let Some(nodes) = Nodes::new(3) else { return };
    let engines = [nodes.house.engine().clone(), nodes.another(), nodes.another()];
    let actor = nodes.house.actor("admin");
    let acknowledged = nodes.house.runtime().block_on(async {
        let asked = (0..90).map(|turn| {
            let command = described(&format!("service-{}", turn % 7), &format!("turn {turn}"));
            engines[turn % 3].submit(actor.clone(), command, None)
        });
        let answers = futures::future::join_all(asked).await;
        let mut positions: Vec<u64> =
            answers.into_iter().flat_map(|it| it.unwrap().events).map(|event| event.position).collect();
        positions.sort();
        for engine in &engines {
            engine.reach(engines[0].ledger().head().unwrap().size, SOON).await.unwrap();
        }
        positions
    });
    assert_eq!(acknowledged.len(), 90);
    assert!(acknowledged.windows(2).all(|pair| pair[0] < pair[1]), "a position was given twice");
    let worlds: Vec<Vec<u8>> = engines.iter().map(|it| bytes_of(&it.world())).collect();
    assert!(worlds.iter().all(|it| *it == worlds[0]));
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn one_node_performs_and_another_takes_over_when_it_is_gone() {
    let Some(nodes) = Nodes::new(4) else { return };
    let (one, two) = (nodes.house.engine().clone(), nodes.another());
    let runtime = nodes.house.runtime();
    let first = runtime.spawn(one.clone().perform());
    until("the first node performs", || one.performs());
    let second = runtime.spawn(two.clone().perform());
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        assert!(one.performs() && !two.performs(), "one at a time");
    }
    first.abort();
    until("the second node takes over", || two.performs());
    second.abort();
}

/// Three nodes whose connections are cut again and again: what was acknowledged is there once.
#[test]
fn commands_survive_connections_that_break() {
    let Some(nodes) = Nodes::new(5) else { return };
    let engines = [nodes.house.engine().clone(), nodes.another(), nodes.another()];
    let actor = nodes.house.actor("admin");
    let before = engines[0].head();
    let server = server::server().unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let cutting = {
        let stop = stop.clone();
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(60));
                server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'interlock' AND random() < 0.3");
            }
        })
    };
    nodes.house.runtime().block_on(async {
        for turn in 0..60usize {
            let key = Some(format!("key {turn}"));
            // As a client does: again, at another node, under the same key.
            for node in turn.. {
                let command = described("shop", &format!("turn {turn}"));
                if engines[node % 3].submit(actor.clone(), command, key.clone()).await.is_ok() {
                    break;
                }
                assert!(node < turn + 100, "it never got through");
            }
        }
    });
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    cutting.join().unwrap();
    let ledger = PostgresLedger::open(&nodes.address, &nodes.key(), OpenOptions::default()).unwrap();
    assert_eq!(ledger.head().unwrap().size, before + 60, "each was done once");
}
