//! What the judge is fed: one interval of both arms, and how it is made from raw counters.
//!
//! Counters are differenced per series and summed per arm afterwards; nothing is extrapolated. Invariants: a series'
//! first sample counts only if the series began after the watch did; a sample that is not newer than the last is stale
//! and counts as no data; a fall is a reset and the new value is the increase. Deliberately absent: `rate()`, pre-
//! smoothed series and percentiles averaged across instances, which no honest test can use.

use super::histogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Requests and failed requests of one endpoint in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub n: u64,
    pub errors: u64,
}

/// One arm in one interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Requests served.
    pub n: u64,
    /// Requests that failed.
    pub errors: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, Tally>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
    /// Interval means by name (cpu, memory, queue, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, f64>,
}

/// Both arms in one interval; `None` = not scraped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    #[serde(default)]
    pub canary: Option<Arm>,
    #[serde(default)]
    pub baseline: Option<Arm>,
}

impl Interval {
    /// An interval in which nothing was scraped.
    pub fn gap() -> Interval {
        Interval::default()
    }

    /// # Errors
    /// Names the first figure that cannot be: more errors than requests, a gauge that is not a number, a histogram
    /// whose buckets make no sense.
    pub fn check(&self) -> Result<(), DataError> {
        for (arm, name) in [(&self.canary, "canary"), (&self.baseline, "baseline")] {
            let Some(arm) = arm else { continue };
            if arm.errors > arm.n {
                return Err(DataError::ErrorsExceedRequests { arm: name, endpoint: None });
            }
            for (endpoint, tally) in &arm.endpoints {
                if tally.errors > tally.n {
                    return Err(DataError::ErrorsExceedRequests { arm: name, endpoint: Some(endpoint.clone()) });
                }
            }
            if let Some((gauge, _)) = arm.gauges.iter().find(|(_, value)| !value.is_finite()) {
                return Err(DataError::GaugeNotFinite { arm: name, gauge: gauge.clone() });
            }
            if let Some(histogram) = &arm.latency {
                histogram.check()?;
            }
        }
        Ok(())
    }
}

/// Why a figure was refused. The judge's state is unchanged; record a gap or mend the source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DataError {
    ErrorsExceedRequests { arm: &'static str, endpoint: Option<String> },
    GaugeNotFinite { arm: &'static str, gauge: String },
    Histogram { why: String },
    Counter { value: f64 },
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::ErrorsExceedRequests { arm, endpoint: None } => {
                write!(
                    f,
                    "the {arm} arm reports more errors than requests; check that both queries select the same series"
                )
            }
            DataError::ErrorsExceedRequests { arm, endpoint: Some(endpoint) } => write!(
                f,
                "the {arm} arm reports more errors than requests for `{endpoint}`; check that both queries select the same series"
            ),
            DataError::GaugeNotFinite { arm, gauge } => {
                write!(
                    f,
                    "gauge `{gauge}` of the {arm} arm is not a finite number; leave it out when there is no value"
                )
            }
            DataError::Histogram { why } => write!(f, "the latency histogram cannot be read: {why}"),
            DataError::Counter { value } => {
                write!(f, "counter value {value} is not a finite number of at least zero; check the query")
            }
        }
    }
}

impl std::error::Error for DataError {}

/// What a new sample of a counter means.
#[derive(Clone, Debug, PartialEq)]
pub enum Increase<T> {
    /// First sample of a series that existed before the watch: its past cannot be attributed.
    First,
    /// Not newer than the last sample: no data.
    Stale,
    /// Events since the last sample.
    Since(T),
    /// The process restarted; events since its start, those between the last sample and the restart are lost.
    Reset(T),
}

impl<T> Increase<T> {
    /// The events to count, if any.
    pub fn value(self) -> Option<T> {
        match self {
            Increase::First | Increase::Stale => None,
            Increase::Since(value) | Increase::Reset(value) => Some(value),
        }
    }
}

/// One counter series. Times are milliseconds of any one clock.
#[derive(Clone, Debug)]
pub struct Counter {
    buckets: BucketCounters,
}

impl Counter {
    /// `watched_from`: samples of a series created at or after this moment count from zero.
    pub fn new(watched_from: i64) -> Counter {
        Counter { buckets: BucketCounters::new(watched_from) }
    }

    /// `created`: the series' start time where the source knows it.
    ///
    /// # Errors
    /// When the value is negative or not a finite number.
    pub fn push(&mut self, at: i64, value: f64, created: Option<i64>) -> Result<Increase<f64>, DataError> {
        Ok(match self.buckets.push(at, &[value], created)? {
            Increase::First => Increase::First,
            Increase::Stale => Increase::Stale,
            Increase::Since(parts) => Increase::Since(parts[0]),
            Increase::Reset(parts) => Increase::Reset(parts[0]),
        })
    }
}

/// All buckets of one histogram series: one reset decision for all of them.
#[derive(Clone, Debug)]
pub struct BucketCounters {
    watched_from: i64,
    last: Option<(i64, Vec<f64>)>,
}

impl BucketCounters {
    pub fn new(watched_from: i64) -> BucketCounters {
        BucketCounters { watched_from, last: None }
    }

    /// `values`: the counters of all buckets, always in the same order. A changed number of buckets starts afresh.
    ///
    /// # Errors
    /// When a value is negative or not a finite number; the last good sample is kept.
    pub fn push(&mut self, at: i64, values: &[f64], created: Option<i64>) -> Result<Increase<Vec<f64>>, DataError> {
        if let Some(value) = values.iter().find(|v| !v.is_finite() || **v < 0.0) {
            return Err(DataError::Counter { value: *value });
        }
        let increase = match &self.last {
            Some((then, _)) if at <= *then => return Ok(Increase::Stale),
            Some((then, before)) if before.len() == values.len() => {
                let fell = before.iter().zip(values).any(|(old, new)| new < old);
                if fell || created.is_some_and(|created| created > *then) {
                    Increase::Reset(values.to_vec())
                } else {
                    Increase::Since(values.iter().zip(before).map(|(new, old)| new - old).collect())
                }
            }
            Some(_) => Increase::First,
            None if created.is_some_and(|created| created >= self.watched_from) => Increase::Since(values.to_vec()),
            None => Increase::First,
        };
        self.last = Some((at, values.to_vec()));
        Ok(increase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_reset_counts_from_zero_and_loses_nothing_else() {
        let mut counter = Counter::new(0);
        assert_eq!(counter.push(10, 100.0, None), Ok(Increase::First));
        assert_eq!(counter.push(20, 130.0, None), Ok(Increase::Since(30.0)));
        assert_eq!(counter.push(30, 5.0, None), Ok(Increase::Reset(5.0)));
        assert_eq!(counter.push(40, 9.0, None), Ok(Increase::Since(4.0)));
        assert_eq!(
            counter.push(50, 30.0, Some(45)),
            Ok(Increase::Reset(30.0)),
            "a restart that overtook the old value"
        );
    }

    #[test]
    fn stale_samples_are_no_data() {
        let mut counter = Counter::new(0);
        counter.push(10, 100.0, None).unwrap();
        assert_eq!(counter.push(10, 100.0, None), Ok(Increase::Stale));
        assert_eq!(counter.push(9, 400.0, None).unwrap().value(), None);
        assert_eq!(counter.push(11, 101.0, None), Ok(Increase::Since(1.0)));
    }

    #[test]
    fn a_series_born_during_the_watch_counts_from_its_birth() {
        assert_eq!(Counter::new(100).push(110, 7.0, Some(105)), Ok(Increase::Since(7.0)));
        assert_eq!(Counter::new(100).push(110, 7.0, Some(50)), Ok(Increase::First));
    }

    #[test]
    fn one_falling_bucket_resets_them_all() {
        let mut buckets = BucketCounters::new(0);
        buckets.push(1, &[5.0, 9.0, 10.0], None).unwrap();
        assert_eq!(buckets.push(2, &[4.0, 9.0, 12.0], None), Ok(Increase::Reset(vec![4.0, 9.0, 12.0])));
        assert_eq!(buckets.push(3, &[4.0, 9.0], None), Ok(Increase::First), "other buckets: not comparable");
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let mut counter = Counter::new(0);
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(counter.push(1, bad, None), Err(DataError::Counter { .. })));
        }
        let arm = |gauge: f64| Arm { n: 1, gauges: BTreeMap::from([("cpu".into(), gauge)]), ..Arm::default() };
        for bad in [f64::NAN, f64::NEG_INFINITY] {
            let interval = Interval { canary: Some(arm(1.0)), baseline: Some(arm(bad)) };
            assert!(matches!(interval.check(), Err(DataError::GaugeNotFinite { arm: "baseline", .. })));
        }
        let more = Interval { canary: Some(Arm { n: 1, errors: 2, ..Arm::default() }), baseline: None };
        assert!(more.check().unwrap_err().to_string().contains("more errors than requests"));
    }

    #[test]
    fn unknown_fields_are_refused() {
        let text = r#"{"canary": {"n": 1, "errors": 0, "latencies": null}}"#;
        assert!(serde_json::from_str::<Interval>(text).unwrap_err().to_string().contains("latencies"));
        let native = r#"{"canary":{"n":1,"errors":0,"latency":{"native":{"schema":3,"zero":0,"buckets":{"-4":1}}}}}"#;
        assert_eq!(serde_json::from_str::<Interval>(native).unwrap().canary.unwrap().latency.unwrap().total(), 1);
    }
}
