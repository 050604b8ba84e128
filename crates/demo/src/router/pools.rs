//! Pools, servers, weights: the choice of a server, and the state that survives a restart.
//!
//! Each request is given to a server at random, in proportion to the weights. Independent choices are what the statistics
//! of a canary assume; a strict rotation would space a canary's requests out evenly and hide every fault that needs two of
//! them at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{DemoError, Result};
use crate::files::{read_json, write_json};
use crate::random::Random;

/// The largest weight.
pub const WEIGHT_LIMIT: u32 = 100;

/// One server: where it listens, and its share relative to the other servers of its pool, 0 to 100.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub address: SocketAddr,
    pub weight: u32,
}

/// Servers by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub servers: BTreeMap<String, Server>,
}

impl Pool {
    /// The server for a request, given `draw` uniform in `0..total weight`; `None` when no server has a weight.
    fn choose(&self, random: &mut Random) -> Option<(&str, SocketAddr)> {
        let total: u64 = self.servers.values().map(|server| u64::from(server.weight)).sum();
        if total == 0 {
            return None;
        }
        let mut draw = random.below(total);
        for (name, server) in &self.servers {
            let weight = u64::from(server.weight);
            if draw < weight {
                return Some((name, server.address));
            }
            draw -= weight;
        }
        None
    }
}

struct Inner {
    pools: BTreeMap<String, Pool>,
    random: Random,
}

/// All pools of a router, shared among its connections.
pub struct Pools {
    inner: Mutex<Inner>,
    state_file: PathBuf,
}

impl Pools {
    /// The kept state where there is one, with pools and servers it does not know added from `initial`.
    ///
    /// # Errors
    /// When the state file cannot be read or written, or a weight is above the limit.
    pub fn open(initial: BTreeMap<String, Pool>, state_file: PathBuf, seed: u64) -> Result<Self> {
        let mut pools: BTreeMap<String, Pool> = read_json(&state_file)?.unwrap_or_default();
        for (name, pool) in initial {
            let kept = pools.entry(name).or_default();
            for (server, value) in pool.servers {
                kept.servers.entry(server).or_insert(value);
            }
        }
        for server in pools.values().flat_map(|pool| pool.servers.values()) {
            check_weight(server.weight)?;
        }
        write_json(&state_file, &pools)?;
        Ok(Self { inner: Mutex::new(Inner { pools, random: Random::new(seed) }), state_file })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single assignment after it was written: a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of all pools.
    pub fn all(&self) -> BTreeMap<String, Pool> {
        self.lock().pools.clone()
    }

    /// A copy of one pool.
    pub fn get(&self, pool: &str) -> Option<Pool> {
        self.lock().pools.get(pool).cloned()
    }

    /// The server for the next request of `pool`.
    pub fn choose(&self, pool: &str) -> Option<(String, SocketAddr)> {
        let Inner { pools, random } = &mut *self.lock();
        pools.get(pool)?.choose(random).map(|(name, address)| (name.to_owned(), address))
    }

    /// Sets or adds a server; gives the pool as it is then, or `None` when there is no such pool.
    ///
    /// # Errors
    /// When the weight is above the limit or the state cannot be written; then nothing has changed.
    pub fn set_server(&self, pool: &str, name: &str, server: Server) -> Result<Option<Pool>> {
        self.change(pool, |servers| {
            servers.servers.insert(name.to_owned(), server);
            true
        })
    }

    /// Sets the weight of a server; gives the pool as it is then, or `None` when there is no such pool or server.
    ///
    /// # Errors
    /// When the weight is above the limit or the state cannot be written; then nothing has changed.
    pub fn set_weight(&self, pool: &str, name: &str, weight: u32) -> Result<Option<Pool>> {
        self.change(pool, |servers| servers.servers.get_mut(name).map(|server| server.weight = weight).is_some())
    }

    fn change(&self, pool: &str, edit: impl FnOnce(&mut Pool) -> bool) -> Result<Option<Pool>> {
        let mut inner = self.lock();
        let mut next = inner.pools.clone();
        let Some(target) = next.get_mut(pool) else { return Ok(None) };
        if !edit(target) {
            return Ok(None);
        }
        for server in target.servers.values() {
            check_weight(server.weight)?;
        }
        let changed = target.clone();
        if next != inner.pools {
            write_json(&self.state_file, &next)?;
            inner.pools = next;
        }
        Ok(Some(changed))
    }
}

fn check_weight(weight: u32) -> Result<()> {
    if weight > WEIGHT_LIMIT {
        return Err(DemoError::Invalid(format!("weight {weight} is above {WEIGHT_LIMIT}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(weights: &[u32]) -> BTreeMap<String, Pool> {
        let servers = weights.iter().enumerate().map(|(index, weight)| {
            (
                format!("s{index}"),
                Server { address: format!("127.0.0.1:{}", 9000 + index).parse().unwrap(), weight: *weight },
            )
        });
        BTreeMap::from([("shop".to_owned(), Pool { servers: servers.collect() })])
    }

    #[test]
    fn a_tenth_goes_to_a_canary_with_a_tenth_of_the_weight() {
        let directory = tempfile::tempdir().unwrap();
        let pools = Pools::open(pool(&[10, 30, 30, 30]), directory.path().join("state.json"), 3).unwrap();
        let canary = (0..20_000).filter(|_| pools.choose("shop").unwrap().0 == "s0").count();
        // Binomial(20000, 0.1): mean 2000, standard deviation 42.4; four of them either way.
        assert!((1830..=2170).contains(&canary), "{canary}");
    }

    #[test]
    fn weight_zero_gets_nothing_and_all_zero_is_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let pools = Pools::open(pool(&[0, 1]), directory.path().join("state.json"), 3).unwrap();
        assert!((0..1000).all(|_| pools.choose("shop").unwrap().0 == "s1"));
        pools.set_weight("shop", "s1", 0).unwrap().unwrap();
        assert_eq!(pools.choose("shop"), None);
        assert_eq!(pools.choose("nowhere"), None);
    }

    #[test]
    fn a_restart_keeps_the_weights() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state.json");
        let pools = Pools::open(pool(&[50, 50]), state.clone(), 3).unwrap();
        pools.set_weight("shop", "s0", 7).unwrap().unwrap();
        drop(pools);
        let pools = Pools::open(pool(&[50, 50]), state, 3).unwrap();
        assert_eq!(pools.get("shop").unwrap().servers["s0"].weight, 7);
    }

    #[test]
    fn a_weight_above_the_limit_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let pools = Pools::open(pool(&[50]), directory.path().join("state.json"), 3).unwrap();
        assert!(pools.set_weight("shop", "s0", 101).is_err());
        assert_eq!(pools.get("shop").unwrap().servers["s0"].weight, 50);
        assert_eq!(pools.set_weight("shop", "s9", 1).unwrap(), None);
        assert_eq!(pools.set_weight("nowhere", "s0", 1).unwrap(), None);
    }
}
