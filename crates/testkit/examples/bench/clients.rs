//! Durable commands per second at 1, 64 and 1,024 clients, against plain appends of the same bytes to SQLite at the batch size
//! that is best for it. Both run in turns, so that both see the same machine.

use super::{Done, Size, keep, machine, rounded, share};
use interlock_domain::{
    catalog::{self, Metrics, Service},
    core::{Actor, Command},
};
use interlock_engine::Engine;
use interlock_ledger::{Ledger, OpenOptions, SqliteLedger};
use interlock_testkit::{
    house::{House, name},
    shop,
};
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const BATCHES: [usize; 5] = [64, 256, 1000, 4096, 16_384];
/// The batch that comparisons with other systems are made at.
const USUAL: usize = 1000;

/// A table as plain as it can be, as durable as the ledger's.
struct Plain {
    connection: Connection,
    next: i64,
}

impl Plain {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL);",
        )?;
        Ok(Self { connection, next: 0 })
    }

    /// Appends the bodies round and round for a time; entries per second.
    fn run(&mut self, bodies: &[Vec<u8>], batch: usize, length: Duration) -> rusqlite::Result<f64> {
        let (begun, mut count) = (Instant::now(), 0usize);
        while begun.elapsed() < length {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut insert = transaction.prepare_cached("INSERT INTO entry (position, body) VALUES (?, ?)")?;
                for body in bodies.iter().cycle().skip(count % bodies.len()).take(batch) {
                    insert.execute(params![self.next, body])?;
                    self.next += 1;
                }
            }
            transaction.commit()?;
            count += batch;
        }
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Processor time, and what was done in it. Unlike the rate, it hardly depends on who else wants the machine.
#[derive(Default)]
struct Spent {
    seconds: f64,
    count: f64,
}

impl Spent {
    fn add(&mut self, begun: Option<f64>, count: f64) {
        if let (Some(begun), Some(ended)) = (begun, machine::processor_s()) {
            self.seconds += ended - begun;
            self.count += count;
        }
    }

    /// Microseconds for one.
    fn each(&self) -> Option<f64> {
        (self.count > 0.0 && self.seconds > 0.0).then(|| rounded(self.seconds * 1e6 / self.count))
    }
}

/// One command: a service is described anew.
fn command(client: usize, turn: usize) -> Command {
    let service = Service {
        name: name(&format!("service-{client}")),
        owner: name("team"),
        description: format!("Described for the {turn}th time."),
        criticality: Default::default(),
        depends_on: Default::default(),
        repository: None,
        metrics: Metrics::default(),
    };
    Command::Catalog(catalog::Command::PutServices { services: vec![service] })
}

/// Clients that each wait for an answer before they ask again; commands per second and times of answers in milliseconds.
pub fn run(house: &House, engine: &Engine, clients: usize, length: Duration, turn: usize) -> (f64, Vec<f64>) {
    let actor = house.actor("admin");
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| house.runtime().spawn(client_of(engine.clone(), actor.clone(), client, begun + length, turn)))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(house.runtime().block_on(task).unwrap_or_default());
    }
    (times.len() as f64 / begun.elapsed().as_secs_f64(), times)
}

async fn client_of(engine: Engine, actor: Actor, client: usize, end: Instant, turn: usize) -> Vec<f64> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        if engine.submit(actor.clone(), command(client, turn * 10_000_000 + times.len()), None).await.is_err() {
            break;
        }
        times.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    times
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let length = Duration::from_secs_f64(size.seconds);
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::create(&folder.join("clients.db"), OpenOptions::default())?);
    let mut house = House::on(ledger.clone(), 1);
    shop::open(&mut house);
    let engine = house.engine().clone();
    let before = engine.head();
    run(&house, &engine, 64, length / 4, 0);
    let bodies: Vec<Vec<u8>> = ledger.read(before, 4096)?.into_iter().map(|entry| entry.body).collect();
    let mut plain = Plain::open(&folder.join("plain.db"))?;
    let mut best = (0.0, 0);
    for batch in BATCHES {
        let rate = plain.run(&bodies, batch, length / 4)?;
        if rate > best.0 {
            best = (rate, batch);
        }
    }
    let bytes = bodies.iter().map(Vec::len).sum::<usize>() / bodies.len().max(1);
    let mut turn = 1;
    for clients in [1, 64, 1024] {
        let (mut ours, mut theirs, mut ratios, mut usual, mut answers) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut our_cpu, mut their_cpu) = (Spent::default(), Spent::default());
        for _ in 0..size.rounds {
            let begun = machine::processor_s();
            let (rate, times) = run(&house, &engine, clients, length, turn);
            our_cpu.add(begun, times.len() as f64);
            let at_usual = plain.run(&bodies, USUAL, length / 2)?;
            let begun = machine::processor_s();
            let plain = plain.run(&bodies, best.1, length)?;
            their_cpu.add(begun, plain * length.as_secs_f64());
            turn += 1;
            usual.push(rate / at_usual);
            ours.push(rate);
            theirs.push(plain);
            ratios.push(rate / plain);
            answers.extend(times);
        }
        let figures = json!({
            "clients": clients,
            "commands_per_s": share(&mut ours, 0.5).round(),
            "plain_per_s": share(&mut theirs, 0.5).round(),
            "plain_batch": best.1,
            "ratio": rounded(share(&mut ratios, 0.5)),
            "ratio_lowest": rounded(share(&mut ratios, 0.0)),
            "ratio_at_1000": rounded(share(&mut usual, 0.5)),
            "goal_ratio": if clients == 1024 { json!(0.5) } else { json!(null) },
            "cpu_us_per_command": our_cpu.each(), "plain_cpu_us_per_entry": their_cpu.each(),
            "entry_bytes": bytes,
            "answer_p50_ms": rounded(share(&mut answers, 0.5)),
            "answer_p99_ms": rounded(share(&mut answers, 0.99)),
        });
        keep("clients", &figures)?;
    }
    Ok(())
}
