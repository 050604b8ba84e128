//! What one customer does: look round, fill a basket, buy. Each request's outcome is counted; a customer whose request
//! fails gives up.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::{Value, json};

use super::stats::Stats;
use crate::random::Random;

/// A customer who has no answer after this long has left.
const PATIENCE: Duration = Duration::from_secs(5);

const PRODUCTS: [&str; 10] = [
    "lantern",
    "lamp-oil",
    "whistle",
    "flag-green",
    "flag-red",
    "timetable",
    "track-plan",
    "lever-frame",
    "semaphore",
    "watch",
];

/// Kinds of customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journey {
    /// The list and one product: 2 requests.
    Browse,
    /// One product, put into a basket and left there: 2 requests.
    Basket,
    /// One product, basket, checkout: 3 requests.
    Purchase,
}

/// The shop as seen from outside.
pub struct Shop {
    target: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Shop {
    /// A shop behind `target`, `http://host:port`.
    pub fn new(target: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(10))
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { target, client }
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Option<Value>) {
        let content = body.map_or_else(Bytes::new, |value| Bytes::from(value.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.target))
            .header("content-type", "application/json")
            .body(Full::new(content));
        let Ok(request) = request else { return (0, None) };
        let answer = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            Some((status, serde_json::from_slice(&body).ok()))
        };
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten().unwrap_or((0, None))
    }

    /// One request, counted under `endpoint`. Status 0 stands for no answer. Gives the body of a success.
    async fn ask(
        &self,
        stats: &Stats,
        endpoint: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Option<Value> {
        let started = Instant::now();
        let (status, body) = self.exchange(method, path, body).await;
        stats.observe(endpoint, status, started.elapsed());
        body.filter(|_| (200..300).contains(&status))
    }

    /// Goes through `journey`.
    pub async fn visit(&self, journey: Journey, random: &mut Random, stats: &Stats) {
        self.follow(journey, random, stats).await;
    }

    async fn follow(&self, journey: Journey, random: &mut Random, stats: &Stats) -> Option<()> {
        let product = PRODUCTS[random.below(PRODUCTS.len() as u64) as usize];
        if journey == Journey::Browse {
            self.ask(stats, "GET /products", Method::GET, "/products", None).await?;
            pause(random, 300).await;
        }
        self.ask(stats, "GET /products/:id", Method::GET, &format!("/products/{product}"), None).await?;
        if journey == Journey::Browse {
            return Some(());
        }
        pause(random, 200).await;
        let item = json!({ "product": product, "quantity": 1 + random.below(4) });
        let basket = self.ask(stats, "POST /basket/items", Method::POST, "/basket/items", Some(item)).await?;
        if journey == Journey::Basket {
            return Some(());
        }
        pause(random, 200).await;
        let order = json!({ "basket": basket.get("basket")? });
        self.ask(stats, "POST /checkout", Method::POST, "/checkout", Some(order)).await?;
        Some(())
    }
}

/// Time to think, exponential with a mean in milliseconds.
async fn pause(random: &mut Random, mean_ms: u64) {
    let wait = random.exponential(mean_ms as f64).min(5.0 * mean_ms as f64);
    tokio::time::sleep(Duration::from_secs_f64(wait / 1000.0)).await;
}
