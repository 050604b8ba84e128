//! A weighted HTTP router: frontends with routes by path, pools of servers with weights, an admin interface.
//!
//! It stands for the load balancer an organisation already has; Interlock tells it weights and reads them back.
//! Invariants: a change of weight is on disk before it is answered, so that a restart keeps the traffic where it was; a
//! server of weight 0 gets no new request; a request is sent to one server, once.
//! Deliberately absent: health checks and retries. Both would hide from the outside view what a release does.

mod admin;
mod metrics;
mod pools;
mod proxy;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::error::{DemoError, Result};
use crate::files::read_json;

pub use metrics::RouterMetrics;
pub use pools::{Pool, Pools, Server, WEIGHT_LIMIT};

/// One listening address and where its paths lead.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontend {
    pub listen: SocketAddr,
    pub routes: Vec<Route>,
}

/// Requests whose path is `prefix`, or continues it after a `/`, go to `pool`. The longest prefix wins.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub prefix: String,
    pub pool: String,
}

impl Frontend {
    /// The pool for a path, if any route fits.
    pub fn pool_for(&self, path: &str) -> Option<&str> {
        self.routes
            .iter()
            .filter(|route| {
                path.strip_prefix(&route.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .max_by_key(|route| route.prefix.len())
            .map(|route| route.pool.as_str())
    }
}

/// Configuration of a router. `pools` is the start; from then on `state_file` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouterConfig {
    pub frontends: Vec<Frontend>,
    pub admin: SocketAddr,
    pub state_file: PathBuf,
    pub pools: BTreeMap<String, Pool>,
    /// Seed of the choice among servers.
    pub seed: u64,
    /// How long a server may take until its answer begins, in milliseconds.
    pub timeout_ms: u64,
}

/// Arguments of the hidden `router` part.
#[derive(Debug, Clone)]
pub struct RouterArgs {
    /// File with a [`RouterConfig`] as JSON.
    pub config: PathBuf,
}

pub(crate) fn read_config<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    read_json(path)?.ok_or_else(|| DemoError::Invalid(format!("there is no configuration file {}", path.display())))
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| DemoError::Address {
        action: "listen on",
        address: address.to_string(),
        source,
    })
}

/// Resolves when the process is asked to end (SIGTERM or Ctrl-C).
pub(crate) async fn asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        // Without a handler the signal's default action ends the process, which serves as well.
        Err(_) => std::future::pending().await,
    }
}

/// Runs a router until the process is asked to end.
///
/// # Errors
/// When the configuration or the kept state cannot be read, or an address cannot be listened on.
pub async fn run_router(arguments: RouterArgs) -> Result<()> {
    serve(read_config(&arguments.config)?, asked_to_end()).await
}

/// Runs a router until `end` resolves; requests under way get two seconds.
///
/// # Errors
/// As [`run_router`].
pub async fn serve(config: RouterConfig, end: impl Future<Output = ()>) -> Result<()> {
    for route in config.frontends.iter().flat_map(|frontend| &frontend.routes) {
        if !config.pools.contains_key(&route.pool) {
            return Err(DemoError::Invalid(format!(
                "route {} leads to pool {}, which there is not",
                route.prefix, route.pool
            )));
        }
    }
    let pools = Arc::new(Pools::open(config.pools, config.state_file, config.seed)?);
    let metrics = Arc::new(RouterMetrics::default());
    let admin = bind(config.admin).await?;
    let mut listeners = Vec::new();
    for frontend in config.frontends {
        listeners.push((bind(frontend.listen).await?, frontend));
    }
    let proxy = Arc::new(proxy::Proxy::new(pools.clone(), metrics.clone(), Duration::from_millis(config.timeout_ms)));
    let graceful = hyper_util::server::graceful::GracefulShutdown::new();
    let frontends = futures::future::join_all(
        listeners
            .into_iter()
            .map(|(listener, frontend)| proxy::accept(listener, Arc::new(frontend), proxy.clone(), &graceful)),
    );
    tokio::select! {
        () = end => {}
        _ = frontends => {}
        ended = async { axum::serve(admin, admin::routes(pools, metrics)).await } => {
            ended.map_err(|source| DemoError::Address { action: "serve", address: config.admin.to_string(), source })?;
        }
    }
    let _cut_off = tokio::time::timeout(Duration::from_secs(2), graceful.shutdown()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_fitting_prefix_wins_and_words_are_not_cut() {
        let route = |prefix: &str, pool: &str| Route { prefix: prefix.to_owned(), pool: pool.to_owned() };
        let frontend = Frontend {
            listen: "127.0.0.1:0".parse().unwrap(),
            routes: vec![route("/basket", "basket"), route("/basket/items", "items"), route("/prices", "catalogue")],
        };
        assert_eq!(frontend.pool_for("/basket/abc"), Some("basket"));
        assert_eq!(frontend.pool_for("/basket/items"), Some("items"));
        assert_eq!(frontend.pool_for("/basket/itemsx"), Some("basket"));
        assert_eq!(frontend.pool_for("/prices"), Some("catalogue"));
        assert_eq!(frontend.pool_for("/pricesx"), None);
        assert_eq!(frontend.pool_for("/"), None);
    }
}
