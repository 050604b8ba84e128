//! The outside view: what customers got, by the second and in total.
//!
//! A failure is no answer within the customer's patience, or a status of 500 or more.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{OnPath, Result};

/// Seconds kept in memory.
const KEPT: usize = 300;

/// Requests to one endpoint and how many failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCount {
    pub requests: u64,
    pub failures: u64,
}

/// One second: a line of the statistics file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// End of the second, UTC.
    pub at: jiff::Timestamp,
    pub requests: u64,
    pub failures: u64,
    /// By status; 0 is no answer.
    pub codes: BTreeMap<u16, u64>,
    pub endpoints: BTreeMap<String, EndpointCount>,
    /// Median and 95th percentile of the time to the full answer; absent in a second without requests.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub under_way: usize,
    /// Customers turned away because too many were under way: the load, not the shop, was at its limit.
    pub skipped: u64,
}

/// Everything since the start of the load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub requests: u64,
    pub failures: u64,
    pub skipped: u64,
    pub codes: BTreeMap<u16, u64>,
    pub endpoints: BTreeMap<String, EndpointCount>,
}

#[derive(Default)]
struct Inner {
    codes: BTreeMap<u16, u64>,
    endpoints: BTreeMap<String, EndpointCount>,
    times_ms: Vec<f64>,
    skipped: u64,
    total: Total,
    last: VecDeque<Second>,
}

/// Counts, and the file they go to.
pub struct Stats {
    inner: Mutex<Inner>,
    file: Mutex<File>,
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).map(|value| (value * 10.0).round() / 10.0)
}

impl Stats {
    /// Adds to `path`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).on("make directory", parent)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).on("open", path)?;
        Ok(Self { inner: Mutex::new(Inner::default()), file: Mutex::new(file) })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one request; `status` 0 is no answer.
    pub fn observe(&self, endpoint: &str, status: u16, took: Duration) {
        let failures = u64::from(status == 0 || status >= 500);
        self.with(|inner| {
            *inner.codes.entry(status).or_default() += 1;
            let count = inner.endpoints.entry(endpoint.to_owned()).or_default();
            count.requests += 1;
            count.failures += failures;
            inner.times_ms.push(took.as_secs_f64() * 1000.0);
        });
    }

    /// Counts a customer who was not let in.
    pub fn skipped(&self) {
        self.with(|inner| inner.skipped += 1);
    }

    /// Ends the current second and writes it.
    pub fn close_second(&self, under_way: usize) {
        let second = self.with(|inner| {
            let mut times = std::mem::take(&mut inner.times_ms);
            times.sort_by(f64::total_cmp);
            let codes = std::mem::take(&mut inner.codes);
            let endpoints = std::mem::take(&mut inner.endpoints);
            let second = Second {
                at: jiff::Timestamp::now(),
                requests: endpoints.values().map(|count| count.requests).sum(),
                failures: endpoints.values().map(|count| count.failures).sum(),
                p50_ms: quantile(&times, 0.5),
                p95_ms: quantile(&times, 0.95),
                under_way,
                skipped: std::mem::take(&mut inner.skipped),
                codes,
                endpoints,
            };
            add(&mut inner.total, &second);
            inner.last.push_back(second.clone());
            if inner.last.len() > KEPT {
                inner.last.pop_front();
            }
            second
        });
        let Ok(line) = serde_json::to_string(&second) else { return };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            eprintln!("load: cannot write statistics: {error}");
        }
    }

    /// The total, the current second included, and the seconds kept, oldest first.
    pub fn snapshot(&self) -> (Total, Vec<Second>) {
        self.with(|inner| {
            let mut total = inner.total.clone();
            total.skipped += inner.skipped;
            for (code, count) in &inner.codes {
                *total.codes.entry(*code).or_default() += count;
            }
            for (endpoint, count) in &inner.endpoints {
                add_count(&mut total, endpoint, *count);
            }
            (total, inner.last.iter().cloned().collect())
        })
    }
}

fn add_count(total: &mut Total, endpoint: &str, count: EndpointCount) {
    let sum = total.endpoints.entry(endpoint.to_owned()).or_default();
    sum.requests += count.requests;
    sum.failures += count.failures;
    total.requests += count.requests;
    total.failures += count.failures;
}

fn add(total: &mut Total, second: &Second) {
    total.skipped += second.skipped;
    for (code, count) in &second.codes {
        *total.codes.entry(*code).or_default() += count;
    }
    for (endpoint, count) in &second.endpoints {
        add_count(total, endpoint, *count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_add_up_to_the_total_and_silence_is_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stats.jsonl");
        let stats = Stats::open(&path).unwrap();
        stats.observe("GET /products", 200, Duration::from_millis(10));
        stats.observe("POST /checkout", 500, Duration::from_millis(20));
        stats.close_second(3);
        stats.observe("POST /checkout", 0, Duration::from_secs(5));
        stats.observe("POST /checkout", 404, Duration::from_millis(1));
        let (total, last) = stats.snapshot();
        assert_eq!((total.requests, total.failures), (4, 2));
        assert_eq!(total.endpoints["POST /checkout"], EndpointCount { requests: 3, failures: 2 });
        assert_eq!(last.len(), 1);
        let written: Second = serde_json::from_str(std::fs::read_to_string(&path).unwrap().trim()).unwrap();
        assert_eq!((written.requests, written.failures, written.under_way), (2, 1, 3));
        assert_eq!((written.p50_ms, written.p95_ms), (Some(10.0), Some(20.0)));
    }

    #[test]
    fn a_second_without_requests_has_no_percentiles() {
        let directory = tempfile::tempdir().unwrap();
        let stats = Stats::open(&directory.path().join("stats.jsonl")).unwrap();
        stats.close_second(0);
        assert_eq!(stats.snapshot().1[0].p50_ms, None);
    }
}
