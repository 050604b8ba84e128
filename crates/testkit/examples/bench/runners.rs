//! Thousands of remote runners on one server: each a task that speaks the real protocol over loopback HTTP with the client of the
//! runner that ships, signed with a key of its own, and verifies each permit before it calls a step done. Steps take no time, so what
//! is measured is the server.
//!
//! Invariant: a step counts once the server has acknowledged its report, which is then in the ledger.
//! Deliberately absent: journals and processes. What a runner writes on its own machine costs the server nothing.

use super::{
    Done, Size, keep, machine, rounded,
    serve::{self, Api, Failed, STEPS, Server},
    share,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use interlock_domain::deployment::{HttpStep, Run};
use interlock_runner::{
    Controller as _, Credential, PermitKeys, RemoteConfig, RemoteServer, Tls, identity,
    permit::{Binding, verify_within},
};
use interlock_wire::runner::{KINDS, LeaseRequest, Outcome, PROTOCOL, StepOrder, StepReport};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

/// Handles that a process needs beside those of its connections.
const OTHER_HANDLES: u64 = 300;
const PATIENCE: Duration = Duration::from_secs(600);

/// What is measured: a deployment, and how many of its steps may be in hand at once.
struct Load {
    name: &'static str,
    targets: usize,
    at_once: u32,
}

#[derive(Default)]
struct State {
    /// When the report was sent that made a target's next step runnable.
    since: BTreeMap<String, Instant>,
    leases_ms: Vec<f64>,
    acknowledged: usize,
    last: Option<Instant>,
    wrong: Option<String>,
}

/// What all runners write on.
#[derive(Default)]
struct Board {
    state: Mutex<State>,
    news: Notify,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrong(&self, why: String) {
        self.state().wrong.get_or_insert(why);
        self.news.notify_one();
    }
}

struct Light {
    name: String,
    server: RemoteServer,
    permits: PermitKeys,
    board: Arc<Board>,
}

impl Light {
    /// Makes a key, uses the invitation, signs from then on.
    async fn enrol(address: &str, number: usize, board: Arc<Board>) -> Result<Self, Failed> {
        let name = format!("runner-{number}");
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let key = SigningKey::from_bytes(&seed);
        let server = RemoteServer::new(&RemoteConfig {
            server: format!("http://{address}"),
            credential: Credential::Nothing,
            runner: name.clone(),
            allow_plain_http: false,
            // No authority is needed for plain HTTP to this machine, and those of the system take memory in each client.
            tls: Tls { ca: Some(Vec::new()), client: None },
        })?;
        let public = BASE64_STANDARD.encode(key.verifying_key().to_bytes());
        let enrolled = server.enrol(&format!("token of {name}"), &public).await?;
        server.use_key(key);
        let trusted = enrolled.permit_keys.iter().filter_map(|it| Some((it.id.clone(), identity::public(&it.key)?)));
        let permits = trusted.fold(PermitKeys::default(), |keys, (id, key)| keys.with(id, key));
        Ok(Self { name, server, permits, board })
    }

    /// Leases, does, reports with the next request, until told to stop.
    async fn work(self, mut stop: watch::Receiver<bool>) {
        let (mut reports, mut seen): (Vec<StepReport>, u64) = (Vec::new(), 0);
        loop {
            let request = LeaseRequest {
                runner: self.name.clone(),
                capacity: 1,
                seen_revocations: seen,
                protocol: PROTOCOL,
                version: env!("CARGO_PKG_VERSION").into(),
                kinds: KINDS.map(str::to_owned).to_vec(),
                slots: 1,
                reports: reports.clone(),
                ..LeaseRequest::default()
            };
            let answer = tokio::select! {
                answer = self.server.lease(request) => answer,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let lease = match answer {
                Ok(lease) => lease,
                Err(error) => return self.board.wrong(format!("{}: {error}", self.name)),
            };
            let arrived = Instant::now();
            seen = seen.max(lease.revocation_position);
            if !reports.is_empty() {
                let accepted = lease.reported.map_or(0, |ack| ack.accepted.len());
                if accepted != reports.len() {
                    return self.board.wrong(format!("{}: a report was not taken", self.name));
                }
                let mut state = self.board.state();
                state.acknowledged += accepted;
                state.last = Some(arrived);
                drop(state);
                self.board.news.notify_one();
            }
            reports.clear();
            for order in &lease.steps {
                match self.done(order, arrived) {
                    Ok(report) => reports.push(report),
                    Err(why) => return self.board.wrong(why),
                }
            }
            if lease.steps.is_empty() {
                tokio::time::sleep(Duration::from_millis(lease.next_poll_ms)).await;
            }
        }
    }

    /// Verifies the permit, and says that the step was done.
    fn done(&self, order: &StepOrder, arrived: Instant) -> Result<StepReport, String> {
        let about = Binding {
            deployment: &order.deployment,
            environment: &order.environment,
            target: &order.target.name,
            service: &order.service,
            digest: None,
            fence: order.fence,
        };
        let (now, skew) = (Timestamp::now(), SignedDuration::from_secs(30));
        verify_within(&order.permit, &self.permits, now, skew, &about, &BTreeSet::new())
            .map_err(|fault| format!("{}: {fault}", self.name))?;
        let mut state = self.board.state();
        if let Some(since) = state.since.insert(order.target.name.clone(), Instant::now()) {
            state.leases_ms.push((arrived - since).as_secs_f64() * 1e3);
        }
        drop(state);
        Ok(StepReport {
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
        })
    }
}

/// Deploys a release to all its targets; seconds until the last report was acknowledged, and how long each lease took to come.
async fn deploy(api: &Api, board: &Board, release: &str, steps: usize) -> Result<(f64, Vec<f64>), Failed> {
    *board.state() = State::default();
    let begun = Instant::now();
    api.post(&format!("/releases/{release}/deploy"), &json!({})).await?;
    loop {
        let _ = tokio::time::timeout(Duration::from_secs(1), board.news.notified()).await;
        let mut state = board.state();
        if let Some(why) = state.wrong.take() {
            return Err(why.into());
        }
        if state.acknowledged >= steps {
            let took = state.last.unwrap_or(begun) - begun;
            return Ok((took.as_secs_f64(), std::mem::take(&mut state.leases_ms)));
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("{} of {steps} steps were done when patience ended", state.acknowledged).into());
        }
    }
}

fn megabytes(server: &Server) -> Option<u64> {
    machine::resident_of(server.id()).map(|bytes| bytes >> 20)
}

async fn all(size: Size, handles: u64, runners: usize, server: &Server, loads: &[Load]) -> Result<(), Failed> {
    let api = Api::of(server)?;
    let board = Arc::new(Board::default());
    let before = megabytes(server);
    let (begun, mut enrolling) = (Instant::now(), JoinSet::new());
    for number in 1..=runners {
        let (address, board) = (server.address.clone(), board.clone());
        enrolling.spawn(async move { Light::enrol(&address, number, board).await });
    }
    let mut lights = Vec::new();
    while let Some(light) = enrolling.join_next().await {
        lights.push(light??);
    }
    let enrolled = begun.elapsed().as_secs_f64();
    let (stop, stopped) = watch::channel(false);
    let mut working = JoinSet::new();
    for light in lights {
        working.spawn(light.work(stopped.clone()));
    }
    // All of them have asked, and wait.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let waiting = megabytes(server);
    for load in loads {
        let (steps, mut rates, mut leases) = (load.targets * STEPS, Vec::new(), Vec::new());
        for round in 0..size.rounds.min(3) {
            let release = format!("{}-{round}", load.name);
            api.authorised(&release, load.name, load.name, 86_400).await?;
            let (took, latencies) = deploy(&api, &board, &release, steps).await?;
            rates.push(steps as f64 / took);
            leases.extend(latencies);
            // The deployment ends, and its environment is free, before the last report is acknowledged.
        }
        let figures = json!({
            "load": load.name, "runners": runners, "file_handles": handles, "targets": load.targets, "steps": steps,
            "steps_at_once": load.at_once, "steps_per_s": share(&mut rates, 0.5).round(),
            "lease_p50_ms": rounded(share(&mut leases, 0.5)), "lease_p99_ms": rounded(share(&mut leases, 0.99)),
            "leases": leases.len(), "enrolled_per_s": (runners as f64 / enrolled).round(),
            "server_resident_mb": { "alone": before, "all_waiting": waiting, "after": megabytes(server) },
        });
        keep("runners", &figures).map_err(|error| error.to_string())?;
    }
    stop.send_replace(true);
    while working.join_next().await.is_some() {}
    Ok(())
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let Some(program) = serve::program() else {
        println!(
            "runners: skipped, because there is no `interlock` beside this program; `cargo xtask bench` builds it"
        );
        return Ok(());
    };
    // One connection for each runner, here and in the server, which is started with the same limit.
    let handles = serve::file_handles();
    let runners = size.runners.min(usize::try_from(handles.saturating_sub(OTHER_HANDLES))?);
    if runners < size.runners {
        println!("runners: {runners} and not {}: a process here may hold {handles} files open", size.runners);
    }
    let loads = [
        Load { name: "calm", targets: size.runners.div_ceil(20), at_once: 10 },
        Load { name: "full", targets: size.runners, at_once: 1000 },
    ];
    let data = folder.join("runners");
    let mut house = serve::founded(&data)?;
    for load in &loads {
        serve::place(&mut house, load.name, load.targets);
        serve::pipeline(&mut house, load.name, load.at_once, 1, |number| {
            Run::Http(HttpStep {
                method: "PUT".into(),
                url: format!("${{target.address}}/steps/{number}"),
                headers: Default::default(),
                body: None,
                expect_status: vec![200],
                expect_contains: None,
                expect_json: Default::default(),
                tries: 1,
                every_ms: 0,
            })
        });
    }
    serve::invite(&mut house, (1..=runners).map(|number| format!("runner-{number}")));
    drop(house);
    let server = Server::start(&program, &data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(all(size, handles, runners, &server, &loads)).map_err(|error| error.to_string())?;
    server.stop()
}
