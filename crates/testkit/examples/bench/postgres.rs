//! Durable commands per second on PostgreSQL, against single-row inserts of the same bytes by 32 connections, each of which waits
//! for its commit: what a program does that leaves the batching to the database. Both run in turns on one server.

use super::{
    Done, Size,
    clients::run,
    keep, rounded,
    server::{self, Server},
    share,
};
use interlock_ledger::{Ledger, OpenOptions, PostgresLedger};
use interlock_testkit::{house::House, shop};
use serde_json::json;
use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 32;
const GOAL: f64 = 3.0;

/// Inserts one row after the other on each connection for a time; rows per second.
async fn plain(address: &str, bodies: &Arc<Vec<Vec<u8>>>, length: Duration) -> Result<f64, Box<dyn Error>> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        clients.push(client);
    }
    let begun = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(at, client)| {
            let bodies = bodies.clone();
            tokio::spawn(async move {
                let insert = client.prepare("INSERT INTO plain (body) VALUES ($1)").await?;
                let mut count = 0;
                while begun.elapsed() < length {
                    client.execute(&insert, &[&bodies[(at + count) % bodies.len()]]).await?;
                    count += 1;
                }
                Ok::<_, tokio_postgres::Error>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Where the database is to be: PostgreSQL does not run as root, and nobody else gets into our own folder then.
fn place(folder: &Path) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(if std::fs::metadata("/proc/self")?.uid() == 0 { std::env::temp_dir() } else { folder.to_owned() })
}

pub fn measure(size: Size, folder: &Path) -> Done {
    if server::programs().is_none() {
        println!("postgres: left out: there is no PostgreSQL; install the package `postgresql` of your system");
        return Ok(());
    }
    let length = Duration::from_secs_f64(size.seconds);
    // On the disk, with everything as it is delivered: what is measured is what survives a crash.
    let database = Server::start_in(&place(folder)?, "")?;
    let address = database.schema("interlock");
    let ledger: Arc<dyn Ledger> =
        Arc::new(PostgresLedger::create(&address, &folder.join("postgres.key"), OpenOptions::default())?);
    // The house's own runtime does no networking.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut house = House::on(ledger.clone(), 1);
    shop::open(&mut house);
    let engine = house.engine().clone();
    let before = engine.head();
    run(&house, &engine, 64, length / 4, 0);
    let bodies: Vec<Vec<u8>> = ledger.read(before, 4096)?.into_iter().map(|entry| entry.body).collect();
    let bodies = Arc::new(bodies);
    database.sql("CREATE TABLE public.plain (position bigserial PRIMARY KEY, body bytea NOT NULL)");
    let (bare, _) = address.split_once('?').unwrap_or((&address, ""));
    let mut turn = 1;
    for clients in [1, 32, 256, 1024] {
        let (mut ours, mut theirs, mut ratios, mut answers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..size.rounds {
            let (rate, times) = run(&house, &engine, clients, length, turn);
            let plain = runtime.block_on(plain(bare, &bodies, length))?;
            turn += 1;
            ours.push(rate);
            theirs.push(plain);
            ratios.push(rate / plain);
            answers.extend(times);
        }
        let figures = json!({
            "clients": clients,
            "commands_per_s": share(&mut ours, 0.5).round(),
            "plain_inserts_per_s": share(&mut theirs, 0.5).round(),
            "plain_connections": CONNECTIONS,
            "ratio": rounded(share(&mut ratios, 0.5)),
            "ratio_lowest": rounded(share(&mut ratios, 0.0)),
            "goal_ratio": if clients < CONNECTIONS { json!(null) } else { json!(GOAL) },
            "answer_p50_ms": rounded(share(&mut answers, 0.5)),
            "answer_p99_ms": rounded(share(&mut answers, 0.99)),
        });
        keep("postgres", &figures)?;
    }
    Ok(())
}
