//! What there is and where: the description that is kept in `world.json`, and the places it names.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artefact::Artefact;
use crate::router::{Frontend, Pool, Route, RouterConfig, Server};
use crate::sources;

/// Version of `world.json`; another one is not read.
pub const FORMAT: u32 = 1;
/// Weight of a server that carries its full share. With four servers, one at 10 and three at 30 is a canary of 10 %.
pub const FULL_WEIGHT: u32 = 30;

/// Environments and how many instances of each service they have.
pub const ENVIRONMENTS: [(&str, u16); 2] = [("staging", 1), ("production", 4)];

/// Which port is whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// The router's frontend of each environment.
    pub frontends: BTreeMap<String, u16>,
    pub router_admin: u16,
    pub load: u16,
}

/// The key artefacts are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    pub id: String,
    /// The public key, one line of Base64.
    pub public: String,
    pub public_file: PathBuf,
    pub secret_file: PathBuf,
}

/// One instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub environment: String,
    /// Unique over all environments: it is the name of the target and of the server in its pool.
    pub name: String,
    pub service: String,
    pub port: u16,
    pub dir: PathBuf,
    /// Pool of the router it is a server of.
    pub pool: String,
}

impl Target {
    /// `http://127.0.0.1:<port>`
    pub fn address(&self) -> String {
        format!("http://{}", loopback(self.port))
    }

    /// Where completed steps are recorded by the target itself.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }
}

/// Everything about a world; `world.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub format: u32,
    /// When the story begins: commits, and the freeze, lie around it.
    pub created: jiff::Timestamp,
    /// `<data>/world`, absolute.
    pub dir: PathBuf,
    pub ports: Ports,
    pub repository: PathBuf,
    /// Commit id of each version.
    pub commits: BTreeMap<String, String>,
    /// Service, then version.
    pub artefacts: BTreeMap<String, BTreeMap<String, Artefact>>,
    pub key: SigningKey,
    pub steps: PathBuf,
    pub targets: Vec<Target>,
}

/// An address on this machine only.
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Name of the pool of a service in an environment.
pub fn pool_name(environment: &str, service: &str) -> String {
    format!("{environment}-{service}")
}

/// Name of an instance: production's have no prefix, they are the ones people speak of.
fn instance_name(environment: &str, service: &str, number: u16) -> String {
    if environment == "production" {
        format!("{service}-{number}")
    } else {
        format!("{environment}-{service}-{number}")
    }
}

/// How many ports a world needs.
pub fn ports_needed() -> usize {
    let instances: u16 = ENVIRONMENTS.iter().map(|(_, count)| count * sources::SERVICES.len() as u16).sum();
    ENVIRONMENTS.len() + 2 + usize::from(instances)
}

/// Gives out `ports` (as many as [`ports_needed`]): frontends, admin, load, then the instances.
pub fn assign(dir: &Path, ports: &[u16]) -> (Ports, Vec<Target>) {
    let mut ports = ports.iter().copied();
    let mut next = || ports.next().unwrap_or_default();
    let frontends = ENVIRONMENTS.iter().map(|(name, _)| ((*name).to_owned(), next())).collect();
    let assigned = Ports { frontends, router_admin: next(), load: next() };
    let mut targets = Vec::new();
    for (environment, count) in ENVIRONMENTS {
        for service in sources::SERVICES {
            for number in 1..=count {
                let name = instance_name(environment, service, number);
                targets.push(Target {
                    environment: environment.to_owned(),
                    service: (*service).to_owned(),
                    port: next(),
                    dir: dir.join("targets").join(environment).join(format!("{service}-{number}")),
                    pool: pool_name(environment, service),
                    name,
                });
            }
        }
    }
    (assigned, targets)
}

impl Description {
    /// `world.json` below a data directory.
    pub fn file(data: &Path) -> PathBuf {
        data.join("world").join("world.json")
    }

    /// Address of the router's frontend of an environment, `http://…`; empty when there is no such environment.
    pub fn frontend(&self, environment: &str) -> String {
        self.ports.frontends.get(environment).map(|port| format!("http://{}", loopback(*port))).unwrap_or_default()
    }

    /// Address of the router's admin interface, `http://…`.
    pub fn router_admin(&self) -> String {
        format!("http://{}", loopback(self.ports.router_admin))
    }

    /// Address of the load's statistics, `http://…`.
    pub fn load(&self) -> String {
        format!("http://{}", loopback(self.ports.load))
    }

    /// The artefact of a service at a version.
    pub fn artefact(&self, service: &str, version: &str) -> Option<&Artefact> {
        self.artefacts.get(service)?.get(version)
    }

    /// Configuration of the router: all instances, each with its full share.
    pub fn router_config(&self) -> RouterConfig {
        let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
        for target in &self.targets {
            let server = Server { address: loopback(target.port), weight: FULL_WEIGHT };
            pools.entry(target.pool.clone()).or_default().servers.insert(target.name.clone(), server);
        }
        let route = |environment: &str, prefix: &str, service: &str| Route {
            prefix: prefix.to_owned(),
            pool: pool_name(environment, service),
        };
        let frontends = self.ports.frontends.iter().map(|(environment, port)| Frontend {
            listen: loopback(*port),
            routes: vec![
                route(environment, "/products", "catalogue"),
                route(environment, "/prices", "catalogue"),
                route(environment, "/basket", "basket"),
                route(environment, "/checkout", "checkout"),
            ],
        });
        RouterConfig {
            frontends: frontends.collect(),
            admin: loopback(self.ports.router_admin),
            state_file: self.dir.join("router").join("state.json"),
            pools,
            seed: 1,
            timeout_ms: 5_000,
        }
    }
}
