//! A durable workflow of five steps that run in another process, here and in Restate, in turns on one machine: the same step functions
//! in one Node process, the same client, the same number of clients at once.
//!
//! Ours is a release with one target and five HTTP steps, deployed by one request to a server and carried out by a runner, each a
//! process as it ships. It is complete once the ledger's feed has told its end. Restate's is a handler of five `ctx.run`, called by
//! one request and complete when that is answered. Both synchronise what they write.
//! Deliberately absent: making the releases. They are authorised before a turn begins, and what watches them afterwards has ended
//! before the other's turn.

use super::{
    Done, Size, keep, machine, rounded,
    serve::{self, Api, Failed, Process, Server},
    share,
};
use futures::StreamExt as _;
use interlock_domain::deployment::{HttpStep, Run};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, task::JoinSet};

/// Clients at once, and with it as many environments: in each one deployment runs at a time.
const AT_ONCE: [usize; 2] = [1, 64];
const LANES: usize = 64;
const WATCH_S: u32 = 3;
const RUNNER: &str = "far";
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder with the steps and the packages of the other side.
fn bench() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench")
}

/// Installs the packages, if they are not there; why that cannot be.
fn install() -> Result<(), String> {
    let has = |program: &str| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has("node") || !has("npm") {
        return Err("there is no Node here, or no npm".into());
    }
    if bench().join("node_modules").is_dir() {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(bench());
    match npm.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("the packages of bench/package.json could not be installed".into()),
    }
}

/// The program of Restate for this machine, which its package brings.
fn restate_program() -> Option<PathBuf> {
    let packages = std::fs::read_dir(bench().join("node_modules/@restatedev")).ok()?.flatten();
    let mut programs = packages.map(|it| it.path().join("bin/restate-server"));
    programs.find(|it| it.is_file())
}

/// The process with the steps; the ports for our runner and for Restate.
fn steps(folder: &Path) -> Result<(Process, u64, u64), Failed> {
    let mut node = Command::new("node");
    node.arg("steps.mjs").current_dir(bench()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Process(node.stderr(File::create(folder.join("steps.log"))?).spawn()?);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().ok_or("Node has no output")?).read_line(&mut line)?;
    let ports: Value = serde_json::from_str(&line).map_err(|_| "the steps did not start; see bench/steps.mjs")?;
    let port = |name: &str| ports[name].as_u64().ok_or("the steps do not say where they listen");
    Ok((child, port("steps")?, port("restate")?))
}

/// A port nobody listens on, or did a moment ago.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

struct Restate {
    process: Process,
    call: String,
    client: reqwest::Client,
}

impl Restate {
    /// Starts it as it is delivered, but on this machine only, and tells it of the steps.
    async fn start(folder: &Path, steps: u64) -> Result<Self, Failed> {
        let program = restate_program().ok_or("its package brings no program for this machine")?;
        let (node, ingress, admin) = (free_port()?, free_port()?, free_port()?);
        let here = |port: u16| format!("127.0.0.1:{port}");
        let mut server = Command::new(program);
        server
            .args([
                "--no-logo",
                "--auto-provision",
                "true",
                "--node-name",
                "bench",
                "--log-filter",
                "warn",
                "--base-dir",
            ])
            .arg(folder.join("restate"))
            .env("RESTATE_BIND_ADDRESS", here(node))
            .env("RESTATE_INGRESS__BIND_ADDRESS", here(ingress))
            .env("RESTATE_ADMIN__BIND_ADDRESS", here(admin))
            .env("RESTATE_LISTEN_MODE", "tcp")
            .env("RESTATE_DISABLE_TELEMETRY", "true")
            .env("DO_NOT_TRACK", "1")
            .stdout(File::create(folder.join("restate.out"))?)
            .stderr(File::create(folder.join("restate.log"))?);
        let process = Process(server.spawn()?);
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let admin = format!("http://{}", here(admin));
        let begun = Instant::now();
        while !client.get(format!("{admin}/health")).send().await.is_ok_and(|it| it.status().is_success()) {
            if begun.elapsed() > PATIENCE {
                return Err("Restate did not start".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let uri = json!({ "uri": format!("http://127.0.0.1:{steps}") });
        let told = client.post(format!("{admin}/deployments")).json(&uri).send().await?;
        if !told.status().is_success() {
            return Err(format!("Restate does not take the steps: {}", told.text().await?).into());
        }
        Ok(Self { process, call: format!("http://{}/flow/run", here(ingress)), client })
    }

    /// One workflow, from the request to its answer.
    async fn flow(client: reqwest::Client, call: String) -> Result<(), Failed> {
        let response = client.post(call).json(&json!({})).send().await?;
        let (status, answer) = (response.status(), response.text().await?);
        let last: Value = serde_json::from_str(&answer).unwrap_or_default();
        match status.is_success() && last["step"] == json!(serve::STEPS) {
            true => Ok(()),
            false => Err(format!("Restate answered {status}: {answer}").into()),
        }
    }
}

/// Ends that were told, and who waits for some.
#[derive(Default)]
struct Ends {
    told: BTreeMap<String, bool>,
    waiting: BTreeMap<String, oneshot::Sender<bool>>,
}

/// Follows the ledger for all clients: the feed says that something ended, the ledger what.
#[derive(Clone)]
struct Follower(Arc<Mutex<Ends>>);

impl Follower {
    async fn begin(api: &Api) -> Result<Self, Failed> {
        let response = api.request(reqwest::Method::GET, "/live").send().await?.error_for_status()?;
        let follower = Self(Arc::default());
        let (ends, api) = (follower.0.clone(), api.clone());
        tokio::spawn(async move {
            let (mut feed, mut text, mut seen) = (response.bytes_stream(), Vec::new(), None);
            while let Some(Ok(bytes)) = feed.next().await {
                text.extend_from_slice(&bytes);
                let Some(end) = text.windows(2).rposition(|it| it == b"\n\n") else { continue };
                let told: Vec<u8> = text.drain(..end + 2).collect();
                if String::from_utf8_lossy(&told).contains("\"deployment.ended\"")
                    && let Err(error) = read(&api, &mut seen, &ends).await
                {
                    println!("workflow: the ledger cannot be followed: {error}");
                }
            }
        });
        Ok(follower)
    }

    /// Waits for the end of a deployment, which has to be a good one.
    async fn end(&self, deployment: &str) -> Result<(), Failed> {
        let (sender, told) = oneshot::channel();
        {
            let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match ends.told.remove(deployment) {
                Some(good) => {
                    let _ = sender.send(good);
                }
                None => {
                    ends.waiting.insert(deployment.to_owned(), sender);
                }
            }
        }
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(format!("{deployment} did not succeed").into()),
            Err(_) => Err(format!("{deployment} did not end").into()),
        }
    }
}

/// Reads the ends of deployments that were not read yet, the newest first as the ledger gives them.
async fn read(api: &Api, seen: &mut Option<u64>, ends: &Mutex<Ends>) -> Result<(), Failed> {
    let page = api.get("/ledger/entries?kind=deployment.ended&limit=100").await?;
    let rows = page["items"].as_array().cloned().unwrap_or_default();
    let position = |row: &Value| row["position"].as_u64().unwrap_or_default();
    let new = rows.iter().filter(|row| seen.is_none_or(|seen| position(row) > seen));
    let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
    for row in new {
        let subjects = row["subjects"].as_array().into_iter().flatten();
        let ids = subjects.filter(|it| it["kind"] == json!("deployment")).filter_map(|it| it["id"].as_str());
        for id in ids {
            let good = row["severity"] == json!("good");
            match ends.waiting.remove(id) {
                Some(waiting) => {
                    let _ = waiting.send(good);
                }
                None => {
                    ends.told.insert(id.to_owned(), good);
                }
            }
        }
    }
    *seen = rows.first().map(position).or(*seen);
    Ok(())
}

struct Ours {
    server: Server,
    runner: Process,
    api: Api,
    follower: Follower,
}

impl Ours {
    /// Starts a server on what was prepared, and a runner of its own.
    async fn start(program: &Path, folder: &Path) -> Result<Self, Failed> {
        let server = Server::start(program, &prepared(folder)).map_err(|error| error.to_string())?;
        let (home, token) = (folder.join("runner"), folder.join("runner.token"));
        std::fs::write(&token, format!("token of {RUNNER}"))?;
        let address = format!("http://{}", server.address);
        let log = File::create(folder.join("runner.log"))?;
        let mut enrol = Command::new(program);
        enrol.args(["runner", "enrol", "--server", &address, "--token-file"]).arg(&token).arg("--data").arg(&home);
        let enrolled = enrol.stdout(Stdio::null()).stderr(log.try_clone()?).status()?;
        if !enrolled.success() {
            return Err(format!(
                "the runner was not enrolled: {}",
                std::fs::read_to_string(folder.join("runner.log"))?
            )
            .into());
        }
        let mut runner = Command::new(program);
        runner.args(["runner", "--capacity", &LANES.to_string(), "--data"]).arg(&home);
        let runner = Process(runner.stdout(Stdio::null()).stderr(log).spawn()?);
        let api = Api::of(&server)?;
        let follower = Follower::begin(&api).await?;
        Ok(Self { server, runner, api, follower })
    }

    /// Makes and authorises the releases of a turn.
    async fn authorise(&self, turn: usize, clients: usize, each: usize) -> Result<(), Failed> {
        let mut all = JoinSet::new();
        for lane in 1..=clients {
            let api = self.api.clone();
            all.spawn(async move {
                for number in 0..each {
                    api.authorised(&flow_name(turn, lane, number), &lane_name(lane), "flow", WATCH_S).await?;
                }
                Ok::<(), Failed>(())
            });
        }
        ended(all).await.map(drop)
    }

    /// One workflow, from the request to its end as seen by whoever asked.
    async fn flow(api: Api, follower: Follower, release: String) -> Result<(), Failed> {
        let begun = api.post(&format!("/releases/{release}/deploy"), &json!({})).await?;
        follower.end(begun["subject"]["id"].as_str().ok_or("the receipt names no deployment")?).await
    }
}

/// All of them, if none failed.
async fn ended<T: 'static>(mut all: JoinSet<Result<T, Failed>>) -> Result<Vec<T>, Failed> {
    let mut found = Vec::new();
    while let Some(one) = all.join_next().await {
        found.push(one??);
    }
    Ok(found)
}

fn lane_name(lane: usize) -> String {
    format!("lane-{lane}")
}

fn flow_name(turn: usize, lane: usize, number: usize) -> String {
    format!("flow-{turn}-{lane}-{number}")
}

/// Where our server's data are.
fn prepared(folder: &Path) -> PathBuf {
    folder.join("workflow")
}

fn prepare(folder: &Path, steps: u64) -> Done {
    let mut house = serve::founded(&prepared(folder))?;
    (1..=LANES).for_each(|lane| serve::place(&mut house, &lane_name(lane), 1));
    // All five are leased together, as Restate hands a whole handler over.
    serve::pipeline(&mut house, "flow", 1, 5, |number| {
        Run::Http(HttpStep {
            // Done again after a crash, as `ctx.run` is.
            method: "PUT".into(),
            url: format!("http://127.0.0.1:{steps}/steps/{number}"),
            headers: Default::default(),
            body: None,
            expect_status: vec![200],
            expect_contains: None,
            expect_json: [("/step".to_owned(), number.to_string())].into(),
            tries: 1,
            every_ms: 0,
        })
    });
    serve::invite(&mut house, std::iter::once(RUNNER.to_owned()));
    Ok(())
}

/// What one side did in its turn.
struct Turn {
    per_s: f64,
    answers_ms: Vec<f64>,
}

/// Clients that each run some workflows, one after the other.
async fn turn<F>(clients: usize, each: usize, flow: impl Fn(usize, usize) -> F) -> Result<Turn, Failed>
where
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for client in 1..=clients {
        // Made before they are awaited; none has begun.
        let flows: Vec<F> = (0..each).map(|number| flow(client, number)).collect();
        all.spawn(async move {
            let mut answers = Vec::new();
            for flow in flows {
                let begun = Instant::now();
                flow.await?;
                answers.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, Failed>(answers)
        });
    }
    let answers_ms = ended(all).await?.concat();
    Ok(Turn { per_s: (clients * each) as f64 / begun.elapsed().as_secs_f64(), answers_ms })
}

async fn compare(size: Size, ours: &Ours, theirs: &Restate) -> Done {
    let fail = |error: Failed| error.to_string();
    let mut turns = 0;
    for clients in AT_ONCE {
        // One client alone runs as many as eight of many do.
        let each = if clients == 1 { size.flows * 8 } else { size.flows };
        let (mut rates, mut their_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut answers, mut their_answers, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        // The first turn of each warms up and does not count.
        for round in 0..=size.rounds {
            turns += 1;
            let name = |lane: usize, number: usize| flow_name(turns, lane, number);
            ours.authorise(turns, clients, each).await.map_err(fail)?;
            let flow = |lane, number| Ours::flow(ours.api.clone(), ours.follower.clone(), name(lane, number));
            let mut one = turn(clients, each, flow).await.map_err(fail)?;
            // What follows a deployment, its watch, is no part of a workflow, and not to be in the way of the other side.
            tokio::time::sleep(Duration::from_secs(u64::from(WATCH_S) + 2)).await;
            let flow = |_, _| Restate::flow(theirs.client.clone(), theirs.call.clone());
            let mut other = turn(clients, each, flow).await.map_err(fail)?;
            if round == 0 {
                continue;
            }
            ratios.push(one.per_s / other.per_s);
            shares.push(share(&mut one.answers_ms, 0.5) / share(&mut other.answers_ms, 0.5));
            rates.push(one.per_s);
            their_rates.push(other.per_s);
            answers.append(&mut one.answers_ms);
            their_answers.append(&mut other.answers_ms);
        }
        let alone = clients == 1;
        let figures = json!({
            "clients": clients, "steps": serve::STEPS, "workflows_per_turn": clients * each,
            "workflows_per_s": rounded(share(&mut rates, 0.5)), "restate_per_s": rounded(share(&mut their_rates, 0.5)),
            "ratio": rounded(share(&mut ratios, 0.5)), "ratio_lowest": rounded(share(&mut ratios, 0.0)),
            "goal_ratio": if alone { Value::Null } else { json!(10) },
            "p50_ms": rounded(share(&mut answers, 0.5)), "p99_ms": rounded(share(&mut answers, 0.99)),
            "restate_p50_ms": rounded(share(&mut their_answers, 0.5)),
            "restate_p99_ms": rounded(share(&mut their_answers, 0.99)),
            "p50_of_restate": rounded(share(&mut shares, 0.5)),
            "goal_p50_of_restate": if alone { json!(0.2) } else { Value::Null },
            "server_mb": megabytes(ours.server.id()), "runner_mb": megabytes(ours.runner.0.id()),
            "restate_mb": megabytes(theirs.process.0.id()),
        });
        keep("workflow", &figures)?;
    }
    Ok(())
}

fn megabytes(process: u32) -> Option<u64> {
    machine::resident_of(process).map(|bytes| bytes >> 20)
}

pub fn measure(size: Size, folder: &Path) -> Done {
    let Some(program) = serve::program() else {
        println!(
            "workflow: skipped, because there is no `interlock` beside this program; `cargo xtask bench` builds it"
        );
        return Ok(());
    };
    if let Err(why) = install() {
        println!("workflow: left out: {why}");
        return Ok(());
    }
    if restate_program().is_none() {
        println!("workflow: left out: there is no Restate for this machine among its packages");
        return Ok(());
    }
    let folder = folder.join("flows");
    std::fs::create_dir_all(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let fail = |error: Failed| error.to_string();
    let (_steps, our_port, their_port) = steps(&folder).map_err(fail)?;
    // A house has a runtime of its own, and none starts within another.
    prepare(&folder, our_port)?;
    runtime.block_on(async {
        let theirs = Restate::start(&folder, their_port).await.map_err(fail)?;
        let ours = Ours::start(&program, &folder).await.map_err(fail)?;
        compare(size, &ours, &theirs).await
    })
}
