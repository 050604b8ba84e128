//! What the router counts: requests by pool, server and status, and how long answers took to begin.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds in seconds: 1 ms growing by half, the last one 5 s (the same as the services').
fn bounds() -> impl Iterator<Item = f64> {
    (0..22).map(|index| if index == 21 { 5.0 } else { 0.001 * 1.5f64.powi(index) })
}

#[derive(Default)]
struct Series {
    by_code: BTreeMap<u16, u64>,
    buckets: [u64; 22],
    sum_seconds: f64,
    count: u64,
}

/// Counters of one router, from its start.
#[derive(Default)]
pub struct RouterMetrics {
    series: Mutex<BTreeMap<(String, String), Series>>,
}

impl RouterMetrics {
    /// Counts one answer. `server` is empty when there was none to ask.
    pub fn observe(&self, pool: &str, server: &str, code: u16, took: Duration) {
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry((pool.to_owned(), server.to_owned())).or_default();
        *series.by_code.entry(code).or_default() += 1;
        series.count += 1;
        series.sum_seconds += took.as_secs_f64();
        if let Some(index) = bounds().position(|bound| took.as_secs_f64() <= bound) {
            series.buckets[index] += 1;
        }
    }

    /// Prometheus text format.
    pub fn render(&self) -> String {
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from("# TYPE router_requests_total counter\n");
        // Writing to a String cannot fail.
        for ((pool, server), series) in all.iter() {
            for (code, count) in &series.by_code {
                let _ = writeln!(
                    text,
                    "router_requests_total{{pool=\"{pool}\",server=\"{server}\",code=\"{code}\"}} {count}"
                );
            }
        }
        text.push_str("# TYPE router_request_duration_seconds histogram\n");
        for ((pool, server), series) in all.iter() {
            let labels = format!("pool=\"{pool}\",server=\"{server}\"");
            let mut below = 0;
            for (bound, count) in bounds().zip(series.buckets) {
                below += count;
                let _ = writeln!(text, "router_request_duration_seconds_bucket{{{labels},le=\"{bound:.4}\"}} {below}");
            }
            let _ = writeln!(text, "router_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {}", series.count);
            let _ = writeln!(text, "router_request_duration_seconds_sum{{{labels}}} {:.6}", series.sum_seconds);
            let _ = writeln!(text, "router_request_duration_seconds_count{{{labels}}} {}", series.count);
        }
        text
    }
}
