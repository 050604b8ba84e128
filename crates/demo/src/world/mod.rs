//! The world around Interlock, on one machine: repository, artefacts, instances, router, customers.
//!
//! Invariants: everything runs in processes of its own that outlive their starter; `up` may be called at any time and
//! brings up what is missing, touching nothing that runs; `down` leaves no process behind; ports and keys are chosen once.

mod layout;
mod ports;
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::artefact::{self, Artefact};
use crate::client::{get_json, get_text};
use crate::error::{DemoError, OnPath, Result};
use crate::files::{read_json, write_json, write_whole};
use crate::load::{LoadConfig, Rates};
use crate::minisign::KeyPair;
use crate::process::{Handle, start_detached};
use crate::{repository, sources};

pub use layout::{Description, ENVIRONMENTS, FORMAT, FULL_WEIGHT, Ports, SigningKey, Target, loopback, pool_name};
pub use targets::run_step;

/// Instances brought up at the same time.
const AT_ONCE: usize = 4;
const PART_LIMIT: Duration = Duration::from_secs(15);

/// How a world is started.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Program that knows the hidden parts `router --config F` and `load --config F`.
    pub program: PathBuf,
    /// Arguments before the part's name, such as `demo-part`.
    pub prefix: Vec<String>,
    pub rates: Rates,
    /// Seed of the customers.
    pub seed: u64,
    /// Whether customers come at all.
    pub with_load: bool,
}

impl WorldConfig {
    /// Parts are run by the program that is running now, as `<program> demo-part <part> --config <file>`.
    ///
    /// # Errors
    /// When the running program cannot be found.
    pub fn of_this_program() -> Result<Self> {
        let program = std::env::current_exe().on("find", Path::new("the running program"))?;
        Ok(Self { program, prefix: vec!["demo-part".to_owned()], rates: Rates::default(), seed: 1, with_load: true })
    }
}

/// What runs: the answer of [`World::status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub router: Option<i32>,
    pub load: Option<i32>,
    pub instances: BTreeMap<String, InstanceStatus>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceStatus {
    pub pid: Option<i32>,
    /// What it says it serves; absent when it does not answer.
    pub version: Option<String>,
    pub digest: Option<String>,
}

impl Status {
    /// Whether router and all instances run and answer.
    pub fn is_complete(&self) -> bool {
        self.router.is_some()
            && self.instances.values().all(|instance| instance.pid.is_some() && instance.version.is_some())
    }
}

/// A world whose description is known; it need not be running.
#[derive(Debug, Clone)]
pub struct World {
    description: Description,
}

impl World {
    /// The world below `data`, if one was made there.
    ///
    /// # Errors
    /// When its description cannot be read.
    pub fn open(data: &Path) -> Result<Option<Self>> {
        let path = Description::file(data);
        let Some(description) = read_json::<Description>(&path)? else { return Ok(None) };
        if description.format != FORMAT {
            return Err(DemoError::Damaged {
                path,
                reason: format!("format {} instead of {FORMAT}", description.format),
            });
        }
        let expected = absolute(data)?.join("world");
        if description.dir != expected {
            let reason = format!("it was made at {} and holds absolute paths", description.dir.display());
            return Err(DemoError::Damaged { path, reason });
        }
        Ok(Some(Self { description }))
    }

    /// Makes what is missing and starts what does not run. `progress` hears one line for each thing done.
    ///
    /// # Errors
    /// When Git, Node or tar is missing, a port is taken, or a part does not come up; what did come up keeps running, so
    /// that the next call goes on from there.
    pub async fn up(data: &Path, config: &WorldConfig, progress: &mut (dyn FnMut(String) + Send)) -> Result<Self> {
        targets::check_node().await?;
        let world = match Self::open(data)? {
            Some(world) => world,
            None => {
                progress("making the shop's repository, building and signing its artefacts".to_owned());
                let data = data.to_owned();
                let made = tokio::task::spawn_blocking(move || make(&data)).await;
                made.map_err(|error| DemoError::Invalid(format!("making the world was interrupted: {error}")))??
            }
        };
        let description = &world.description;
        for (name, content) in sources::STEPS {
            let path = description.steps.join(name);
            if fs::read(&path).ok().as_deref() != Some(content.as_bytes()) {
                write_whole(&path, content.as_bytes())?;
            }
        }
        if world.start_router(config)? {
            progress(format!("router: {}", description.frontend("production")));
        }
        world.await_part("the router", &format!("{}/healthz", description.router_admin()), "router").await?;
        let mut starting = Vec::new();
        for target in description.targets.iter().filter(|target| target.handle().running().is_none()) {
            if !ports::is_free(target.port) {
                return Err(DemoError::NotStarted {
                    what: target.name.clone(),
                    reason: format!(
                        "port {} is taken by another program; end it, or remove the data directory",
                        target.port
                    ),
                });
            }
            starting.push(bring_up(description.clone(), target.clone()));
        }
        let mut started = stream::iter(starting).buffer_unordered(AT_ONCE);
        while let Some(name) = started.next().await {
            progress(format!("instance {} is up", name?));
        }
        if config.with_load {
            if world.start_load(config)? {
                progress(format!("customers: about {:.0} requests per second", config.rates.requests_per_s()));
            }
            world.await_part("the load", &format!("{}/healthz", description.load()), "load").await?;
        }
        Ok(world)
    }

    /// Ends everything that runs. May be called at any time.
    ///
    /// # Errors
    /// When a process does not end even when killed.
    pub async fn down(&self) -> Result<()> {
        let world = self.clone();
        let ended = tokio::task::spawn_blocking(move || {
            world.part("load").stop(Duration::from_secs(1))?;
            let instances = targets::stop_all(&world.description);
            world.part("router").stop(Duration::from_secs(3))?;
            instances
        });
        ended.await.map_err(|error| DemoError::Invalid(format!("ending the world was interrupted: {error}")))?
    }

    /// What runs now, and what it says it is.
    pub async fn status(&self) -> Status {
        let answers: Vec<_> = self.description.targets.iter().cloned().map(ask).collect();
        Status {
            router: self.part("router").running(),
            load: self.part("load").running(),
            instances: futures::future::join_all(answers).await.into_iter().collect(),
        }
    }

    /// Where everything is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    fn part_dir(&self, name: &str) -> PathBuf {
        self.description.dir.join(name)
    }

    fn part(&self, name: &str) -> Handle {
        let dir = self.part_dir(name);
        Handle { pid_file: dir.join(format!("{name}.pid")), marker: dir.join("config.json").display().to_string() }
    }

    fn start_part<T: Serialize>(&self, name: &str, config: &WorldConfig, own: &T) -> Result<bool> {
        let dir = self.part_dir(name);
        let file = dir.join("config.json");
        if self.part(name).running().is_some() {
            return Ok(false);
        }
        write_json(&file, own)?;
        let mut arguments = config.prefix.clone();
        arguments.extend([name.to_owned(), "--config".to_owned(), file.display().to_string()]);
        start_detached(&self.part(name), &config.program, &arguments, &dir.join(format!("{name}.log")))
    }

    fn start_router(&self, config: &WorldConfig) -> Result<bool> {
        self.start_part("router", config, &self.description.router_config())
    }

    fn start_load(&self, config: &WorldConfig) -> Result<bool> {
        let own = LoadConfig {
            target: self.description.frontend("production"),
            listen: loopback(self.description.ports.load),
            stats_file: self.part_dir("load").join("stats.jsonl"),
            rates: config.rates.clone(),
            seed: config.seed,
        };
        self.start_part("load", config, &own)
    }

    async fn await_part(&self, what: &str, url: &str, name: &str) -> Result<()> {
        let log = self.part_dir(name).join(format!("{name}.log"));
        let until = tokio::time::Instant::now() + PART_LIMIT;
        let failed = |reason: String| DemoError::NotStarted { what: what.to_owned(), reason };
        loop {
            if get_text(url).await.is_ok_and(|(status, _)| status == 200) && self.part(name).running().is_some() {
                return Ok(());
            }
            if self.part(name).running().is_none() {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(failed(format!("it ended: {}", said.lines().last().unwrap_or("without a word"))));
            }
            if tokio::time::Instant::now() > until {
                return Err(failed(format!("no answer at {url} within {PART_LIMIT:?}; see {}", log.display())));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

async fn bring_up(description: Description, target: Target) -> Result<String> {
    targets::bring_up(&description, &target).await.map(|()| target.name)
}

async fn ask(target: Target) -> (String, InstanceStatus) {
    let said = get_json(&format!("{}/version", target.address())).await.ok();
    let said = said.filter(|said| said["instance"] == target.name.as_str());
    let text = |name: &str| said.as_ref().and_then(|said| said[name].as_str()).map(str::to_owned);
    let status = InstanceStatus { pid: target.handle().running(), version: text("version"), digest: text("digest") };
    (target.name, status)
}

fn absolute(data: &Path) -> Result<PathBuf> {
    fs::create_dir_all(data).on("make directory", data)?;
    fs::canonicalize(data).on("find", data)
}

/// Makes everything that does not run: key, repository, artefacts, description.
fn make(data: &Path) -> Result<World> {
    let dir = absolute(data)?.join("world");
    let key_dir = dir.join("keys");
    let (public_file, secret_file) = (key_dir.join("release.pub"), key_dir.join("release.key"));
    // A start that was cut short has a key already, and artefacts signed with it.
    let pair = match fs::read_to_string(&secret_file) {
        Ok(text) => KeyPair::from_secret_file(&text)?,
        Err(_) => {
            let pair = KeyPair::generate()?;
            write_whole(&secret_file, pair.secret_file().as_bytes())?;
            pair
        }
    };
    write_whole(&public_file, pair.public_file().as_bytes())?;
    let shop = dir.join("shop");
    let created =
        jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let commits = repository::create(&shop, created)?;
    let mut artefacts: BTreeMap<String, BTreeMap<String, Artefact>> = BTreeMap::new();
    for service in sources::SERVICES {
        for (version, commit) in &commits {
            let built = artefact::build(&shop, &dir.join("artefacts"), service, version, commit, &pair)?;
            artefacts.entry((*service).to_owned()).or_default().insert(version.clone(), built);
        }
    }
    let (ports, targets) = layout::assign(&dir, &ports::choose(&dir, layout::ports_needed())?);
    let description = Description {
        format: FORMAT,
        created,
        ports,
        repository: shop,
        commits,
        artefacts,
        key: SigningKey { id: pair.id(), public: pair.public_base64(), public_file, secret_file },
        steps: dir.join("steps"),
        targets,
        dir,
    };
    write_json(&Description::file(data), &description)?;
    Ok(World { description })
}

/// A description without anything behind it.
#[cfg(test)]
pub(crate) fn description_for_tests(dir: &Path) -> Description {
    let ports: Vec<u16> = (1..=layout::ports_needed() as u16).map(|n| 20_000 + n).collect();
    let (ports, targets) = layout::assign(dir, &ports);
    let file = |name: &str| dir.join(name);
    let key = SigningKey {
        id: String::new(),
        public: String::new(),
        public_file: file("release.pub"),
        secret_file: file("release.key"),
    };
    Description {
        format: FORMAT,
        created: jiff::Timestamp::UNIX_EPOCH,
        dir: dir.to_owned(),
        ports,
        repository: file("shop"),
        commits: BTreeMap::new(),
        artefacts: BTreeMap::new(),
        key,
        steps: file("steps"),
        targets,
    }
}
