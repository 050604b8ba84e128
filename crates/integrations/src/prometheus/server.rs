//! Asking a Prometheus server (HTTP API v1): instant queries for raw counters, and for expressions of one's own.

use super::exposition::{Sample, number};
use super::scrape::reading;
use crate::http::{body, client, get, told};
use async_trait::async_trait;
use interlock_domain::catalog::Metrics;
use interlock_engine::ports::{Meter, Reading, Unread};
use interlock_ids::Name;
use interlock_outbound::{Guard, Outbound};
use serde::Deserialize;
use std::collections::BTreeMap;

const LIMIT: usize = 16 * 1024 * 1024;

/// A Prometheus server.
pub struct Server {
    client: Outbound,
    /// Such as `http://127.0.0.1:9090`.
    base: String,
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar((f64, String)),
    /// An expression over a range or a text is no figure.
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Time in seconds and value as text; absent for native histograms.
    value: Option<(f64, String)>,
}

impl Server {
    /// `base` is named by whoever runs the server, not by a manifest: it may be inside.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new(base: &str) -> Result<Self, Unread> {
        Ok(Self { client: client(Guard::inside())?, base: base.trim_end_matches('/').to_owned() })
    }

    async fn ask(&self, promql: &str) -> Result<Data, Unread> {
        let url = format!("{}/api/v1/query", self.base);
        let response =
            get(&self.client, &url)?.query(&[("query", promql)]).send().await.map_err(|error| Unread(told(&error)))?;
        let bytes = body(response, LIMIT).await?;
        let answer: Answer = serde_json::from_slice(&bytes)
            .map_err(|error| Unread(format!("{url} answers no Prometheus result: {error}")))?;
        match answer.data {
            Some(data) if answer.status == "success" => Ok(data),
            _ => Err(Unread(format!("Prometheus refuses the query `{promql}`: {}", answer.error))),
        }
    }
}

#[async_trait]
impl Meter for Server {
    async fn read(&self, service: &Name, address: &str, metrics: &Metrics) -> Result<Reading, Unread> {
        let instance = address.trim_start_matches("http://").trim_start_matches("https://").trim_end_matches('/');
        let names = format!("{}|{}_bucket|process_resident_memory_bytes", metrics.requests, metrics.latency);
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let Data::Vector(series) =
            self.ask(&format!("{{__name__=~{},instance={}}}", quoted(&names), quoted(instance))).await?
        else {
            return Err(Unread("Prometheus answers something else than series".into()));
        };
        let mut newest = 0.0_f64;
        let samples: Vec<Sample> = series
            .into_iter()
            .filter_map(|mut it| {
                let (at, value) = it.value?;
                newest = newest.max(at);
                let name = it.metric.remove("__name__")?;
                Some(Sample { name, labels: it.metric, value: number(&value)? })
            })
            .collect();
        reading(&samples, service, metrics, (newest * 1000.0) as i64)
    }

    async fn query(&self, promql: &str) -> Result<Option<f64>, Unread> {
        match self.ask(promql).await? {
            Data::Scalar((_, value)) => Ok(number(&value)),
            Data::Vector(series) => {
                Ok(series.into_iter().next().and_then(|it| it.value).and_then(|(_, value)| number(&value)))
            }
            Data::Matrix(_) | Data::String(_) => {
                Err(Unread(format!("`{promql}` gives no single number: use an expression that does")))
            }
        }
    }
}
