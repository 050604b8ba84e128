//! The judge's bench: readings of old and new targets become intervals, intervals become a verdict. No waiting, no reading.
//!
//! The engine's measuring sits on it, and so does the simulator's.
//! Invariants: one service that is worse is enough to fail; to pass, every one must have been shown to be good; the horizon
//! without a pass is inconclusive; a reading that is missing is a gap, and a gap is no evidence.

use crate::ports::Reading;
use interlock_domain::{
    release::CanarySpec,
    verification::{Compared, Summary, Verdict},
};
use interlock_stats::canary::{self, Arm, Assessment, BucketCounters, Config, Histogram, Interval, Judge, Tally};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One service under judgement.
pub struct Bench {
    pub compared: Compared,
    pub(crate) judge: Judge,
    counters: BTreeMap<String, BucketCounters>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) course: Vec<Value>,
    pub(crate) last: Option<Assessment>,
}

impl Bench {
    /// `services`: how many are judged together.
    ///
    /// # Errors
    /// The specification makes no judge.
    pub fn new(spec: &CanarySpec, compared: &Compared, services: usize) -> Result<Self, canary::ConfigError> {
        let mut config = Config {
            interval_seconds: spec.interval_s.into(),
            horizon: spec.horizon,
            min_pass_intervals: spec.at_least,
            gauges: BTreeMap::new(),
            ..Config::default()
        };
        // The chance of a false alarm is shared by the services judged together.
        config.alpha /= services.max(1) as f64;
        config.errors.harm_difference = spec.margins.errors;
        config.latency.harm_p50 = spec.margins.latency_p50;
        config.latency.harm_p90 = spec.margins.latency_p90;
        config.latency.harm_p99 = spec.margins.latency_p99;
        Ok(Self {
            compared: compared.clone(),
            judge: Judge::new(config)?,
            counters: BTreeMap::new(),
            intervals: Vec::new(),
            course: Vec::new(),
            last: None,
        })
    }

    /// Turns readings into the interval since the last ones.
    pub fn interval(&mut self, readings: (Readings, Readings)) -> Interval {
        Interval { canary: self.arm(readings.0), baseline: self.arm(readings.1) }
    }

    fn arm(&mut self, readings: Readings) -> Option<Arm> {
        let mut arm = Arm::default();
        let mut any = false;
        for (target, reading) in readings {
            for (endpoint, tally) in &reading.endpoints {
                let values = [tally.requests, tally.errors];
                let Some(since) = self.increase(format!("{target}/requests/{endpoint}"), reading.at_ms, &values) else {
                    continue;
                };
                any = true;
                let errors = since[1].min(since[0]) as u64;
                arm.n += since[0] as u64;
                arm.errors += errors;
                if !endpoint.is_empty() {
                    let sum = arm.endpoints.entry(endpoint.clone()).or_insert(Tally { n: 0, errors: 0 });
                    sum.n += since[0] as u64;
                    sum.errors += errors;
                }
            }
            let counts: Vec<f64> = reading.latency.iter().map(|(_, count)| *count).collect();
            if let Some(since) = self.increase(format!("{target}/latency"), reading.at_ms, &counts) {
                let bounds = reading.latency.iter().map(|(bound, _)| *bound);
                let pairs: Vec<(f64, u64)> = bounds.zip(since.iter().map(|count| *count as u64)).collect();
                arm.latency = merged(arm.latency.take(), Histogram::from_cumulative(&pairs).ok());
            }
        }
        any.then_some(arm)
    }

    fn increase(&mut self, series: String, at_ms: i64, values: &[f64]) -> Option<Vec<f64>> {
        if values.is_empty() {
            return None;
        }
        let counters = self.counters.entry(series).or_insert_with(|| BucketCounters::new(i64::MAX));
        counters.push(at_ms, values, None).ok()?.value()
    }

    /// Shows the judge one interval.
    pub fn observe(&mut self, interval: &Interval) {
        // Figures that cannot be are no evidence.
        let assessment = self.judge.observe(interval).or_else(|_| self.judge.observe(&Interval::gap()));
        let Ok(assessment) = assessment else { return };
        self.intervals.push(interval.clone());
        self.course.push(point(&assessment, interval));
        self.last = Some(assessment);
    }
}

/// Readings by target.
pub type Readings = Vec<(String, Reading)>;

fn merged(sum: Option<Histogram>, more: Option<Histogram>) -> Option<Histogram> {
    match (sum, more) {
        (Some(Histogram::Classic { bounds, counts }), Some(Histogram::Classic { bounds: others, counts: more }))
            if bounds == others =>
        {
            Some(Histogram::Classic { bounds, counts: counts.iter().zip(more).map(|(a, b)| a + b).collect() })
        }
        (sum, more) => sum.or(more),
    }
}

fn point(it: &Assessment, interval: &Interval) -> Value {
    let n = |arm: &Option<Arm>| arm.as_ref().map(|arm| arm.n);
    json!({
        "t": it.t, "log10_evidence": it.log10_wealth, "ratio": it.effect.ratio,
        "low": it.effect.bounds.low, "high": it.effect.bounds.high,
        "new_rate": it.effect.canary_rate, "old_rate": it.effect.baseline_rate,
        "requests_new": n(&interval.canary), "requests_old": n(&interval.baseline),
        "excess_bad_requests": it.excess_bad_requests,
        "indicators": it.evidence.iter().map(|one| json!({ "name": one.indicator, "log10": one.log10 })).collect::<Vec<_>>(),
    })
}

/// A summary of nothing.
pub(crate) fn nothing() -> Summary {
    Summary {
        text: String::new(),
        log10_evidence: 0.0,
        looks: 0,
        usable: 0,
        requests_new: 0,
        requests_old: 0,
        culprits: Vec::new(),
        excess_bad_requests: 0.0,
    }
}

/// The verdict, once there is one; `over`: no further look will be taken.
pub fn verdict(benches: &[Bench], over: bool) -> Option<(Verdict, Summary)> {
    let latest: Vec<(&Bench, &Assessment)> =
        benches.iter().filter_map(|bench| Some((bench, bench.last.as_ref()?))).collect();
    let failed = latest.iter().find(|(_, it)| it.verdict == canary::Verdict::Fail);
    let good = |it: &Assessment| matches!(it.verdict, canary::Verdict::PassStep | canary::Verdict::Pass);
    let passed = !latest.is_empty() && latest.len() == benches.len() && latest.iter().all(|(_, it)| good(it));
    let verdict = match (failed.is_some(), passed, over) {
        (true, _, _) => Verdict::Fail,
        (false, true, _) => Verdict::Pass,
        (false, false, true) => Verdict::Inconclusive,
        (false, false, false) => return None,
    };
    let mut summary = nothing();
    for (bench, it) in &latest {
        summary.log10_evidence = summary.log10_evidence.max(finite(it.log10_wealth));
        summary.looks = summary.looks.max(it.t);
        summary.usable = if summary.usable == 0 { it.usable } else { summary.usable.min(it.usable) };
        summary.requests_new += it.n_canary;
        summary.requests_old += it.n_baseline;
        summary.excess_bad_requests += finite(it.excess_bad_requests);
        summary.culprits.extend(
            it.culprits
                .iter()
                .chain(it.leading.iter().filter(|_| it.culprits.is_empty()))
                .map(|name| format!("{}: {name}", bench.compared.service)),
        );
    }
    if verdict != Verdict::Fail {
        summary.culprits.clear();
    }
    summary.text = tell(verdict, &summary, failed.map(|(bench, it)| (bench.compared.service.as_str(), *it)));
    Some((verdict, summary))
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn tell(verdict: Verdict, summary: &Summary, failed: Option<(&str, &Assessment)>) -> String {
    match (verdict, failed) {
        (Verdict::Fail, Some((service, it))) => {
            let rates = it.effect.canary_rate.zip(it.effect.baseline_rate);
            let rates = rates.map_or_else(String::new, |(new, old)| {
                format!(": {:.2} % of requests fail, {:.2} % with the old version", new * 100.0, old * 100.0)
            });
            format!("the new version of {service} is worse{rates}, after {} looks and {} requests", it.t, it.n_canary)
        }
        (Verdict::Fail, None) => "the new version is worse".into(),
        (Verdict::Pass, _) => format!(
            "the new version was shown to do no harm, after {} looks and {} requests",
            summary.looks, summary.requests_new
        ),
        (Verdict::Inconclusive, _) if summary.requests_new == 0 => {
            "nothing could be measured, so nothing is known".into()
        }
        (Verdict::Inconclusive, _) => {
            format!("{} looks and {} requests were not enough to tell", summary.looks, summary.requests_new)
        }
    }
}
