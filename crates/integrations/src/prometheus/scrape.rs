//! Reading targets themselves, for organisations that have no Prometheus.

use super::exposition::{Sample, number, parse};
use crate::http::{body, client, get, told};
use async_trait::async_trait;
use interlock_domain::catalog::Metrics;
use interlock_engine::ports::{Meter, Reading, Tally, Unread};
use interlock_ids::Name;
use interlock_outbound::{Guard, Outbound};
use std::collections::BTreeMap;

/// Bytes of one exposition at most.
const LIMIT: usize = 16 * 1024 * 1024;

/// Scrapes targets.
pub struct Scrape(Outbound);

impl Scrape {
    /// # Errors
    /// As [`client`].
    pub fn new(guard: Guard) -> Result<Self, Unread> {
        client(guard).map(Self)
    }
}

#[async_trait]
impl Meter for Scrape {
    async fn read(&self, service: &Name, address: &str, metrics: &Metrics) -> Result<Reading, Unread> {
        let url = format!("{}{}", address.trim_end_matches('/'), metrics.path);
        let response = get(&self.0, &url)?.send().await.map_err(|error| Unread(told(&error)))?;
        if !response.status().is_success() {
            return Err(Unread(format!("{url} answers {}", response.status())));
        }
        let text = String::from_utf8(body(response, LIMIT).await?).map_err(|_| Unread(format!("{url} is no UTF-8")))?;
        let samples = parse(&text).map_err(|error| Unread(format!("{url}: {error}")))?;
        reading(&samples, service, metrics, jiff::Timestamp::now().as_millisecond())
    }

    async fn query(&self, _: &str) -> Result<Option<f64>, Unread> {
        Err(Unread("a PromQL query needs a Prometheus server; start Interlock with one".into()))
    }
}

/// Makes a reading of samples, as the service says its metrics are called. Samples that name another service are left out.
///
/// # Errors
/// The counter of requests is not there: that is no reading of zero.
pub(super) fn reading(samples: &[Sample], service: &Name, metrics: &Metrics, at_ms: i64) -> Result<Reading, Unread> {
    let own = |sample: &&Sample| sample.label("service").is_none_or(|it| it == service.as_str());
    let of = |name: &str| {
        let name = name.to_owned();
        samples.iter().filter(own).filter(move |sample| sample.name == name)
    };
    let mut endpoints: BTreeMap<String, Tally> = BTreeMap::new();
    for sample in of(&metrics.requests) {
        let tally = endpoints.entry(sample.label(&metrics.endpoint_label).unwrap_or_default().to_owned()).or_default();
        let code = sample.label(&metrics.code_label).unwrap_or_default();
        tally.requests += sample.value;
        tally.errors +=
            if metrics.error_codes.iter().any(|begin| code.starts_with(begin.as_str())) { sample.value } else { 0.0 };
    }
    if endpoints.is_empty() {
        return Err(Unread(format!("there is no counter `{}`", metrics.requests)));
    }
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for sample in of(&format!("{}_bucket", metrics.latency)) {
        let Some(bound) = sample.label("le").and_then(number) else { continue };
        match buckets.iter_mut().find(|(other, _)| *other == bound) {
            Some((_, count)) => *count += sample.value,
            None => buckets.push((bound, sample.value)),
        }
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let gauges = ["process_resident_memory_bytes"].into_iter();
    let gauges = gauges.filter_map(|name| of(name).next().map(|sample| (name.to_owned(), sample.value))).collect();
    Ok(Reading { at_ms, endpoints, latency: buckets, gauges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_by_endpoint_and_buckets_over_series() {
        let text = r#"
http_requests_total{service="basket",endpoint="/items",code="200"} 90
http_requests_total{service="basket",endpoint="/items",code="503"} 10
http_requests_total{service="other",endpoint="/items",code="503"} 7
http_request_duration_seconds_bucket{endpoint="/items",le="0.1"} 5
http_request_duration_seconds_bucket{endpoint="/other",le="0.1"} 2
http_request_duration_seconds_bucket{endpoint="/items",le="+Inf"} 9
"#;
        let reading = reading(&parse(text).unwrap(), &"basket".parse().unwrap(), &Metrics::default(), 1).unwrap();
        assert_eq!(reading.endpoints["/items"], Tally { requests: 100.0, errors: 10.0 });
        assert_eq!(reading.latency, [(0.1, 7.0), (f64::INFINITY, 9.0)]);
    }

    #[test]
    fn a_target_without_the_counter_is_unread_not_idle() {
        let samples = parse("up 1").unwrap();
        assert!(reading(&samples, &"basket".parse().unwrap(), &Metrics::default(), 1).is_err());
    }
}
