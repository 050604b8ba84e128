//! Customers of the shop, and what they see of it.
//!
//! Open loop: customers arrive by a Poisson process whether or not earlier ones were served, as customers do; a slow shop
//! does not slow its arrivals down and so cannot hide its slowness. From time to time several come at once.
//! The counts are an outside view, independent of what services and router say of themselves.
//! Invariant: equal seeds give equal journeys in equal order; only answers differ.

mod journey;
mod stats;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::{DemoError, Result};
use crate::random::Random;
use crate::router::{asked_to_end, read_config};

pub use journey::{Journey, Shop};
pub use stats::{EndpointCount, Second, Stats, Total};

/// Customers on their way at the same time, at most; those beyond are counted as skipped.
const UNDER_WAY_LIMIT: usize = 400;

/// How many customers come. Rates are journeys per second; a browse is 2 requests, a basket 2, a purchase 3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub browse_per_s: f64,
    pub basket_per_s: f64,
    pub purchase_per_s: f64,
    /// Seconds between bursts, on average; 0 for none.
    pub burst_every_s: f64,
    /// Purchases in a burst.
    pub burst_size: u32,
    /// Milliseconds over which a burst is spread.
    pub burst_spread_ms: u64,
}

impl Default for Rates {
    /// About 60 requests per second from outside, about 105 with those among the services.
    fn default() -> Self {
        Self {
            browse_per_s: 5.0,
            basket_per_s: 2.0,
            purchase_per_s: 14.0,
            burst_every_s: 4.0,
            burst_size: 6,
            burst_spread_ms: 250,
        }
    }
}

impl Rates {
    /// Requests per second from outside, bursts included.
    pub fn requests_per_s(&self) -> f64 {
        let bursts = if self.burst_every_s > 0.0 { f64::from(self.burst_size) / self.burst_every_s } else { 0.0 };
        2.0 * self.browse_per_s + 2.0 * self.basket_per_s + 3.0 * (self.purchase_per_s + bursts)
    }

    fn check(&self) -> Result<()> {
        let rates = [self.browse_per_s, self.basket_per_s, self.purchase_per_s, self.burst_every_s];
        if rates.iter().any(|rate| !(0.0..=10_000.0).contains(rate)) {
            return Err(DemoError::Invalid("rates of the load are numbers from 0 to 10,000".to_owned()));
        }
        Ok(())
    }
}

/// Configuration of the load.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadConfig {
    /// Frontend of the router, `http://host:port`.
    pub target: String,
    /// Address of `/stats` and `/rate`.
    pub listen: SocketAddr,
    /// One line of JSON per second is added here.
    pub stats_file: PathBuf,
    pub rates: Rates,
    pub seed: u64,
}

/// Arguments of the hidden `load` part.
#[derive(Debug, Clone)]
pub struct LoadArgs {
    /// File with a [`LoadConfig`] as JSON.
    pub config: PathBuf,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Factor {
    factor: f64,
}

struct Load {
    shop: Shop,
    stats: Stats,
    rates: Rates,
    /// All rates are multiplied by this; kept as bits.
    factor: AtomicU64,
    under_way: AtomicUsize,
    arrivals: Mutex<Random>,
}

impl Load {
    fn factor(&self) -> f64 {
        f64::from_bits(self.factor.load(Ordering::Relaxed))
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send_customer(self: &Arc<Self>, journey: Journey, delay: Duration) {
        let seed = self.draw(Random::next_u64);
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= UNDER_WAY_LIMIT {
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            self.stats.skipped();
            return;
        }
        let load = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            load.shop.visit(journey, &mut Random::new(seed), &load.stats).await;
            load.under_way.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// One Poisson process for all kinds of journey: each arrival is of a kind in proportion to the rates.
    async fn arrive(self: Arc<Self>) {
        let rates = &self.rates;
        let total = rates.browse_per_s + rates.basket_per_s + rates.purchase_per_s;
        let mut next = Instant::now();
        loop {
            let rate = total * self.factor();
            if rate <= 0.0 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                next = Instant::now();
                continue;
            }
            // No longer than a second, so that a new factor is soon felt; the process has no memory, so this changes nothing.
            let gap = self.draw(|random| random.exponential(1.0 / rate));
            next += Duration::from_secs_f64(gap.min(1.0));
            tokio::time::sleep_until(next).await;
            if gap > 1.0 {
                continue;
            }
            let draw = self.draw(Random::unit) * total;
            let journey = if draw < rates.browse_per_s {
                Journey::Browse
            } else if draw < rates.browse_per_s + rates.basket_per_s {
                Journey::Basket
            } else {
                Journey::Purchase
            };
            self.send_customer(journey, Duration::ZERO);
        }
    }

    async fn arrive_in_bursts(self: Arc<Self>) {
        if self.rates.burst_every_s <= 0.0 || self.rates.burst_size == 0 {
            return std::future::pending().await;
        }
        loop {
            let gap = self.draw(|random| random.exponential(self.rates.burst_every_s)).min(600.0);
            tokio::time::sleep(Duration::from_secs_f64(gap)).await;
            let size = (f64::from(self.rates.burst_size) * self.factor()).round() as u32;
            for _ in 0..size {
                let delay = self.draw(|random| random.below(self.rates.burst_spread_ms.max(1)));
                self.send_customer(Journey::Purchase, Duration::from_millis(delay));
            }
        }
    }

    async fn write_seconds(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.stats.close_second(self.under_way.load(Ordering::Relaxed));
        }
    }
}

async fn show_stats(State(load): State<Arc<Load>>) -> Json<serde_json::Value> {
    let (total, last) = load.stats.snapshot();
    Json(serde_json::json!({ "total": total, "last": last, "rates": load.rates, "factor": load.factor() }))
}

async fn set_factor(State(load): State<Arc<Load>>, body: std::result::Result<Json<Factor>, JsonRejection>) -> Response {
    match body {
        Ok(Json(body)) if (0.0..=10.0).contains(&body.factor) => {
            load.factor.store(body.factor.to_bits(), Ordering::Relaxed);
            Json(body).into_response()
        }
        Ok(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(serde_json::json!({"error": "factor is a number from 0 to 10"})))
                .into_response()
        }
        Err(error) => (error.status(), Json(serde_json::json!({"error": error.body_text()}))).into_response(),
    }
}

/// Runs the load until the process is asked to end.
///
/// # Errors
/// When the configuration cannot be read or is out of range, the statistics file cannot be opened, or the address cannot
/// be listened on.
pub async fn run_load(arguments: LoadArgs) -> Result<()> {
    run(read_config(&arguments.config)?, asked_to_end()).await
}

/// Runs the load until `end` resolves.
///
/// # Errors
/// As [`run_load`].
pub async fn run(config: LoadConfig, end: impl Future<Output = ()>) -> Result<()> {
    config.rates.check()?;
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(|source| DemoError::Address {
        action: "listen on",
        address: config.listen.to_string(),
        source,
    })?;
    let load = Arc::new(Load {
        shop: Shop::new(config.target),
        stats: Stats::open(&config.stats_file)?,
        rates: config.rates,
        factor: AtomicU64::new(1.0f64.to_bits()),
        under_way: AtomicUsize::new(0),
        arrivals: Mutex::new(Random::new(config.seed)),
    });
    let routes = Router::new()
        .route("/stats", get(show_stats))
        .route("/rate", put(set_factor))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(load.clone());
    tokio::select! {
        () = end => Ok(()),
        () = load.clone().arrive() => Ok(()),
        () = load.clone().arrive_in_bursts() => Ok(()),
        () = load.clone().write_seconds() => Ok(()),
        ended = async { axum::serve(listener, routes).await } => {
            ended.map_err(|source| DemoError::Address { action: "serve", address: config.listen.to_string(), source })
        }
    }
}
