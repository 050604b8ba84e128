//! Two thousand runners on one server: each a task that speaks the real protocol, signed, over loopback HTTP; the ledger is SQLite and
//! every exchange is durable before it is answered. Steps take no time, so what is measured is the server.
//!
//! `cargo run --release -p interlock-server --example runners [runners] [steps]`; `cargo xtask bench runners` does it. Prints one JSON line
//! and a sentence. Deliberately absent: work on targets, TLS, and processes of their own: client and server share one process here, so
//! memory and processor time are those of both.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/http/support.rs"]
mod support;

use ed25519_dalek::SigningKey;
use interlock_domain::{
    core::{Actor, Command},
    deployment::Status,
    runner::{Command as Runner, Key},
};
use interlock_ledger::{OpenOptions, SqliteLedger};
use interlock_runner::signature::{self, Claims};
use interlock_server::{PermitSigner, ServeOptions, auth, serve_on};
use interlock_wire::runner::{Lease, LeaseRequest, Outcome, PROTOCOL, StepOrder, StepReport};
use jiff::SignedDuration;
use serde_json::json;
use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use support::House;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

const STEPS: usize = 5;
const PATH: &str = "/api/v1/runners/lease";

fn manifests(targets: usize) -> String {
    let mut text = String::from(
        "apiVersion: interlock/v1\nkind: Environment\nmetadata: {name: production}\nspec:\n  tier: production\n  deployers: {roles: [deployer]}\n  targets:\n",
    );
    for n in 1..=targets {
        writeln!(text, "    - {{name: checkout-{n}, address: \"http://10.0.0.1:{n}\", services: [checkout]}}").unwrap();
    }
    text.push_str("---\napiVersion: interlock/v1\nkind: Pipeline\nmetadata: {name: shop}\nspec:\n  max_parallel: 1000\n  steps:\n");
    for n in 1..=STEPS {
        writeln!(text, "    - {{name: step-{n}, timeout: 60s, run: {{wait: 1s}}}}").unwrap();
    }
    text
}

/// One runner: offers, reports what it was given as done, offers again.
struct Light {
    name: String,
    key: SigningKey,
    client: reqwest::Client,
    url: String,
    house: Arc<House>,
    number: u64,
}

impl Light {
    async fn exchange(&mut self, reports: Vec<StepReport>) -> Lease {
        let request = LeaseRequest {
            runner: self.name.clone(),
            capacity: 1,
            protocol: PROTOCOL,
            slots: 1,
            reports,
            ..LeaseRequest::default()
        };
        let body = serde_json::to_vec(&request).unwrap();
        let created = self.house.now().as_second();
        let nonce = format!("0123456789abcdef-{:x}", self.number);
        self.number += 1;
        let signed =
            signature::sign(&self.key, &Claims { created, keyid: self.name.clone(), nonce }, "POST", PATH, &body);
        let sent = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header(signature::DIGEST, signed.digest)
            .header(signature::INPUT, signed.input)
            .header(signature::SIGNATURE, signed.signature)
            .body(body)
            .send();
        let response = sent.await.unwrap();
        assert!(response.status().is_success(), "{} {}", response.status(), response.text().await.unwrap());
        response.json().await.unwrap()
    }

    fn done(&self, order: &StepOrder) -> StepReport {
        let now = self.house.now();
        StepReport {
            key: order.key.clone(),
            deployment: order.deployment.clone(),
            target: order.target.name.clone(),
            step: order.step.clone(),
            fence: order.fence,
            attempt: order.attempt,
            outcome: Outcome::Changed,
            code: None,
            message: "as asked".into(),
            output: None,
            output_tail: String::new(),
            started_at: now,
            finished_at: now,
            facts: Default::default(),
        }
    }

    /// Works until told to stop; how long each answer that held a step took to come, counted from the beginning of work if later.
    async fn work(
        mut self,
        begun: watch::Receiver<Option<Instant>>,
        mut stop: watch::Receiver<bool>,
        all: Arc<Mutex<Vec<Duration>>>,
    ) {
        let (mut reports, mut own) = (Vec::new(), Vec::new());
        loop {
            let asked = Instant::now();
            let lease = tokio::select! {
                lease = self.exchange(std::mem::take(&mut reports)) => lease,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            if let (Some(begun), false) = (*begun.borrow(), lease.steps.is_empty()) {
                own.push(asked.max(begun).elapsed());
            }
            reports = lease.steps.iter().map(|order| self.done(order)).collect();
        }
        all.lock().unwrap().extend(own);
    }
}

fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}

async fn enrol(house: &House, count: usize) {
    let ana = house.engine.desk().by_login("ana").unwrap().account;
    let until = house.now().checked_add(SignedDuration::from_hours(1)).unwrap();
    let mut all = JoinSet::new();
    for n in 0..count {
        let (engine, name) = (house.engine.clone(), format!("runner-{n}"));
        all.spawn(async move {
            let token = auth::hash(&name);
            let invite = Runner::Invite { runner: name.parse().unwrap(), token, labels: Default::default(), until };
            engine.submit(Actor::account(ana), Command::Runner(invite), None).await.unwrap();
            let enrol = Runner::Enrol { token, key: Key(key(n).verifying_key().to_bytes()) };
            engine.submit(Actor::system(), Command::Runner(enrol), None).await.unwrap();
        });
    }
    while all.join_next().await.is_some() {}
}

fn key(n: usize) -> SigningKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(n as u64 + 1).to_be_bytes());
    SigningKey::from_bytes(&seed)
}

#[tokio::main]
async fn main() {
    let runners = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(2000);
    let targets = std::env::args().nth(2).and_then(|it| it.parse::<usize>().ok()).unwrap_or(2000 * STEPS) / STEPS;
    let dir = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open_or_create(&dir.path().join("ledger.db"), OpenOptions::default()).unwrap();
    let house = Arc::new(House::empty_on(Arc::new(ledger)).await.peopled().await);
    house.apply("ana", &manifests(targets.max(2))).await.ok();
    enrol(&house, runners).await;
    house.authorised().await;
    house.wait(3700);
    let bare = memory_mb();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = ServeOptions {
        listen: address,
        secure_cookies: false,
        permits: PermitSigner::from_seed([9; 32]),
        exposure: Default::default(),
        telemetry: Default::default(),
    };
    tokio::spawn(serve_on(listener, None, house.engine.clone(), options, std::future::pending()));
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let (begin, begun) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let all = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..runners {
        let light = Light {
            name: format!("runner-{n}"),
            key: key(n),
            client: client.clone(),
            url: format!("http://{address}{PATH}"),
            house: house.clone(),
            number: 0,
        };
        tasks.spawn(light.work(begun.clone(), stopped.clone(), all.clone()));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (waiting, before) = (memory_mb(), house.engine.head());
    let start = Instant::now();
    begin.send_replace(Some(start));
    let made = house.post("olu", "/releases/second/deploy", json!({})).await.ok();
    let deployment = made["subject"]["id"].as_str().unwrap().parse().unwrap();
    while house.engine.world().deployment.deployment(deployment).unwrap().status != Status::Succeeded {
        assert!(start.elapsed() < Duration::from_secs(600), "it does not come to its end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let took = start.elapsed();
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}

    let mut latencies = std::mem::take(&mut *all.lock().unwrap());
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    let (steps, entries) = (targets * STEPS, house.engine.head() - before);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    println!(
        "{}",
        json!({
            "bench": "runners", "runners": runners, "targets": targets, "steps": steps, "seconds": took.as_secs_f64(),
            "steps_per_s": steps as f64 / took.as_secs_f64(), "lease_ms": { "p50": at(0.5), "p99": at(0.99), "max": at(1.0) },
            "entries": entries, "memory_mb": { "before": bare, "waiting": waiting, "after": memory_mb() }, "load": load
        })
    );
    println!(
        "{runners} runners did {steps} steps on {targets} targets in {:.1} s: {:.0} steps/s, lease p50 {:.0} ms, p99 {:.0} ms, {entries} entries, {} MB with all waiting (load {load})",
        took.as_secs_f64(),
        steps as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        waiting
    );
}
