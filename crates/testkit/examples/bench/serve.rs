//! The program as it ships, started for a measurement, and what is in its ledger before it starts.
//!
//! Deliberately absent: an engine in this process. What is measured through HTTP has its memory and its processor time to itself.

use interlock_domain::{
    core::Command as Asked,
    deployment::{self, Pipeline, PipelineStep, Run},
    environment::{self, Deployers, Environment, Target, Tier},
    people, runner,
};
use interlock_ids::{AccountId, Digest, Fresh};
use interlock_ledger::{OpenOptions, SqliteLedger};
use interlock_testkit::{
    house::{House, name, names},
    shop,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

pub type Failed = Box<dyn Error + Send + Sync>;

/// The token of whoever measures.
pub const SECRET: &str = "the-token-of-the-bench";

/// The program, where Cargo puts it beside this one.
pub fn program() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.parent()?.parent()?.join("interlock");
    path.is_file().then_some(path)
}

/// A process that ends with whoever started it.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub struct Server {
    child: Process,
    pub address: String,
    pub ready: Duration,
}

impl Server {
    /// Starts it without a runner inside, on a port of its own.
    pub fn start(program: &Path, data: &Path) -> Result<Self, Box<dyn Error>> {
        let begun = Instant::now();
        let child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--runner-capacity", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(data.join("serve.log"))?)
            .spawn()?;
        let mut child = Process(child);
        let mut lines = BufReader::new(child.0.stdout.take().ok_or("the server has no output")?).lines();
        let address = lines.find_map(|line| line.ok()?.split("http://").nth(1).map(str::to_owned));
        // Read on, so that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        match address {
            Some(address) => Ok(Self { child, address, ready: begun.elapsed() }),
            None => {
                let log = std::fs::read_to_string(data.join("serve.log")).unwrap_or_default();
                Err(format!("the server did not start: {}", log.lines().last().unwrap_or("it said nothing")).into())
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Asks it to end, as an operator does, and waits: it writes a snapshot.
    pub fn stop(mut self) -> Result<(), Box<dyn Error>> {
        let asked = Command::new("kill").arg(self.id().to_string()).status()?;
        if !asked.success() || !self.child.0.wait()?.success() {
            return Err("the server did not end in order".into());
        }
        Ok(())
    }
}

/// The public API, asked by whoever measures.
#[derive(Clone)]
pub struct Api {
    pub client: reqwest::Client,
    base: String,
}

impl Api {
    pub fn of(server: &Server) -> Result<Self, Failed> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { client, base: format!("http://{}/api/v1", server.address) })
    }

    /// A request that says who asks.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(SECRET)
    }

    /// The answer, which has to be a success.
    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failed> {
        let response = request.send().await?;
        let (status, address) = (response.status(), response.url().path().to_owned());
        let bytes = response.bytes().await?;
        if !status.is_success() {
            return Err(format!("{address} answered {status}: {}", String::from_utf8_lossy(&bytes)).into());
        }
        Ok(serde_json::from_slice(&bytes)?)
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failed> {
        self.answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Drafts, plans, freezes and authorises a release of the shop's new build, watched for `watch_s` seconds.
    pub async fn authorised(&self, name: &str, place: &str, pipeline: &str, watch_s: u32) -> Result<(), Failed> {
        let start = Timestamp::now() - SignedDuration::from_secs(60);
        let spec = json!({
            "environment": place, "class": "normal", "summary": "measured", "pipeline": pipeline, "length": "12h",
            "items": [{ "service": "checkout", "digest": shop::build("1.1.0").to_string() }], "triggers": [],
            "rollback": { "criteria": [] },
            "watch": { "length": format!("{watch_s}s"), "interval": format!("{}s", watch_s.min(3600)) },
        });
        self.post("/releases", &json!({ "name": name, "spec": spec, "start": start.to_string() })).await?;
        self.post(&format!("/releases/{name}/freeze"), &json!({})).await?;
        self.post(&format!("/releases/{name}/authorise"), &json!({})).await?;
        Ok(())
    }
}

/// The shop in a ledger of its own, at the present time, with somebody who may do all that is measured.
pub fn founded(data: &Path) -> Result<House, Box<dyn Error>> {
    std::fs::create_dir_all(data)?;
    let ledger = SqliteLedger::create(&data.join("ledger.db"), OpenOptions::default())?;
    let mut house = House::on(Arc::new(ledger), 1);
    shop::open(&mut house);
    let roles = ["administrator", "release-manager", "deployer", "developer"];
    let account = house.person("bench", &roles);
    house.set_clock(Timestamp::now());
    let until = house.now() + SignedDuration::from_hours(24 * 300);
    house.ok("admin", token(account, until));
    Ok(house)
}

/// The token [`SECRET`], as an entry. A token lives for 366 days at most.
pub fn token(account: AccountId, expires: Timestamp) -> Asked {
    Asked::People(people::Command::IssueToken {
        token: Fresh::new(1_772_442_000_000, [7; 8]).id(),
        account,
        name: "bench".into(),
        hash: hash(SECRET),
        scopes: None,
        expires,
    })
}

fn hash(secret: &str) -> Digest {
    Digest(Sha256::digest(secret).into())
}

/// A place that is no production, with targets for the shop's service.
pub fn place(house: &mut House, place: &str, targets: usize) {
    let target = |n: usize| Target {
        name: name(&format!("checkout-{n}")),
        address: format!("http://checkout-{n}.{place}.test"),
        services: names(&["checkout"]),
        labels: Default::default(),
        params: Default::default(),
        runner: Default::default(),
    };
    let environment = Environment {
        name: name(place),
        tier: Tier::Staging,
        production_like: false,
        labels: Default::default(),
        deployers: Deployers { roles: names(&["deployer"]), groups: Default::default() },
        targets: (1..=targets).map(target).collect(),
    };
    house.ok("admin", Asked::Environment(environment::Command::PutEnvironment { environment }));
}

/// A pipeline of steps that do the same, `run` of the number of each, from 1 on.
pub fn pipeline(house: &mut House, pipeline: &str, max_parallel: u32, ahead: u32, run: impl Fn(usize) -> Run) {
    let step = |number: usize| PipelineStep {
        name: name(&format!("step-{number}")),
        phase: Default::default(),
        run: run(number),
        timeout_s: 60,
        attempts: 1,
        attempts_back: None,
        on_rollback: Default::default(),
        on_revocation: Default::default(),
        runner: Default::default(),
    };
    let steps = (1..=STEPS).map(step).collect();
    let pipeline = Pipeline { name: name(pipeline), max_parallel, ahead, steps };
    house.ok("admin", Asked::Deployment(deployment::Command::PutPipeline { pipeline }));
}

/// Steps of each pipeline that is measured.
pub const STEPS: usize = 5;

/// Invites runners; the token of each is `token of <name>`.
pub fn invite(house: &mut House, runners: impl Iterator<Item = String>) {
    let until = house.now() + SignedDuration::from_hours(24);
    let invite = |it: String| {
        let token = hash(&format!("token of {it}"));
        Asked::Runner(runner::Command::Invite { runner: name(&it), token, labels: Default::default(), until })
    };
    let all: Vec<Asked> = runners.map(invite).collect();
    for some in all.chunks(200) {
        house.all_ok("admin", some.to_vec());
    }
}

/// Raises the number of files this process, and those it starts, may hold open, as far as that is allowed; how many they may.
pub fn file_handles() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
