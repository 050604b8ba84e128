//! Measuring a wave: read old and new targets at every look, feed the judge, report its verdict.
//!
//! Every look is kept at the desk until there is a verdict, so that a restart goes on where it stopped; looks that were missed
//! meanwhile are gaps. With the verdict, everything the judge saw becomes one blob, whose digest is in the entry.
//! Invariants: a verdict is given once; a hold is no verdict; the horizon without a pass is inconclusive.

use crate::{Engine, ports::Reading};
use interlock_domain::{
    core::Command,
    release::CanarySpec,
    verification::{self, Compared, Measurement, Place, Summary, Verdict},
};
use interlock_ids::Digest;
use interlock_stats::canary::{self, Arm, Assessment, BucketCounters, Config, Histogram, Interval, Judge, Tally};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const LOOKS: &str = "look";

pub(crate) async fn measure(engine: Engine, it: Measurement) {
    let mut benches: Vec<Bench> =
        match it.compared.iter().map(|compared| Bench::new(&it.spec, compared, it.compared.len())).collect() {
            Ok(benches) => benches,
            Err(error) => {
                let summary = Summary { text: format!("the canary could not be judged: {error}"), ..nothing() };
                return conclude(&engine, &it, &[], Verdict::Inconclusive, summary).await;
            }
        };
    let mut next = restore(&engine, &it, &mut benches);
    // The first reading only sets the counters: what came before cannot be attributed.
    let mut seen = read_all(&engine, &benches).await;
    benches.iter_mut().zip(seen).for_each(|(bench, readings)| drop(bench.interval(readings)));
    loop {
        let verdict = verdict(&benches, next > it.spec.horizon);
        show(&engine, &it, &benches);
        if let Some((verdict, summary)) = verdict {
            return conclude(&engine, &it, &benches, verdict, summary).await;
        }
        let due = it.started.saturating_add(SignedDuration::from_secs(i64::from(it.spec.interval_s) * i64::from(next)));
        engine.sleep_until(due.unwrap_or(it.started)).await;
        seen = read_all(&engine, &benches).await;
        let intervals: Vec<Interval> =
            benches.iter_mut().zip(seen).map(|(bench, readings)| bench.interval(readings)).collect();
        keep(&engine, &it, next, &intervals).await;
        benches.iter_mut().zip(&intervals).for_each(|(bench, interval)| bench.observe(interval));
        next += 1;
    }
}

/// One service under judgement.
struct Bench {
    compared: Compared,
    judge: Judge,
    counters: BTreeMap<String, BucketCounters>,
    intervals: Vec<Interval>,
    course: Vec<Value>,
    last: Option<Assessment>,
}

impl Bench {
    fn new(spec: &CanarySpec, compared: &Compared, services: usize) -> Result<Self, canary::ConfigError> {
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
    fn interval(&mut self, readings: (Readings, Readings)) -> Interval {
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

    fn observe(&mut self, interval: &Interval) {
        // Figures that cannot be are no evidence.
        let assessment = self.judge.observe(interval).or_else(|_| self.judge.observe(&Interval::gap()));
        let Ok(assessment) = assessment else { return };
        self.intervals.push(interval.clone());
        self.course.push(point(&assessment, interval));
        self.last = Some(assessment);
    }
}

/// Readings by target.
type Readings = Vec<(String, Reading)>;

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

async fn read_all(engine: &Engine, benches: &[Bench]) -> Vec<(Readings, Readings)> {
    let services = benches.iter().map(|bench| async {
        let of = |places: &'_ [Place]| read_places(engine.clone(), bench.compared.clone(), places.to_vec());
        futures::join!(of(&bench.compared.new), of(&bench.compared.old))
    });
    futures::future::join_all(services).await
}

async fn read_places(engine: Engine, compared: Compared, places: Vec<Place>) -> Readings {
    let readings = places.iter().map(|place| async {
        let reading = engine.0.ports.meter.read(&compared.service, &place.address, &compared.metrics).await;
        reading.ok().map(|reading| (place.target.to_string(), reading))
    });
    futures::future::join_all(readings).await.into_iter().flatten().collect()
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

/// What pages show, and with the verdict what is kept as evidence.
fn course(it: &Measurement, benches: &[Bench], with_intervals: bool) -> Value {
    let services = benches.iter().map(|bench| {
        let mut service = json!({
            "service": bench.compared.service, "new": bench.compared.new, "old": bench.compared.old,
            "config": bench.judge.config(), "points": bench.course, "latest": bench.last,
        });
        if with_intervals {
            service["intervals"] = json!(bench.intervals);
        }
        service
    });
    json!({
        "analysis": it.analysis, "started": it.started, "interval_s": it.spec.interval_s, "horizon": it.spec.horizon,
        "services": services.collect::<Vec<_>>(),
    })
}

fn show(engine: &Engine, it: &Measurement, benches: &[Bench]) {
    if let Ok(mut courses) = engine.0.courses.lock() {
        courses.insert(it.analysis, course(it, benches, false));
    }
}

fn nothing() -> Summary {
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

/// One service that is worse is enough; to pass, every one must have been shown to be good.
fn verdict(benches: &[Bench], over: bool) -> Option<(Verdict, Summary)> {
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

async fn conclude(engine: &Engine, it: &Measurement, benches: &[Bench], verdict: Verdict, summary: Summary) {
    let evidence = serde_json::to_vec(&course(it, benches, true)).unwrap_or_default();
    let Some(evidence) = put_blob(engine, evidence).await else { return };
    let command =
        verification::Command::Conclude { analysis: it.analysis, fence: it.fence, verdict, summary, evidence };
    let (engine, analysis, prefix) = (engine.clone(), it.analysis, prefix(it));
    // By itself: once there is a verdict the measuring is owed no more, and whoever measures is dropped.
    let last = tokio::spawn(async move {
        engine.insist(Command::Verification(command)).await;
        if let Ok(mut courses) = engine.0.courses.lock() {
            courses.remove(&analysis);
        }
        let ledger = engine.ledger().clone();
        let cleared = tokio::task::spawn_blocking(move || {
            let rows = ledger.desk_scan(LOOKS, &prefix, None, 10_000)?;
            ledger.desk_delete_many(LOOKS, &rows.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        });
        if let Ok(Err(error)) = cleared.await {
            tracing::warn!(%error, "the looks of a finished analysis are still at the desk");
        }
    });
    let _ = last.await;
}

/// Stores evidence, until it is stored.
pub(crate) async fn put_blob(engine: &Engine, bytes: Vec<u8>) -> Option<Digest> {
    loop {
        let (ledger, copy) = (engine.ledger().clone(), bytes.clone());
        match tokio::task::spawn_blocking(move || ledger.put_blob(&copy)).await.ok()? {
            Ok(digest) => return Some(Digest(digest.0)),
            Err(error) => {
                tracing::warn!(%error, "evidence could not be stored yet");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn prefix(it: &Measurement) -> String {
    format!("{}/{}/", it.analysis, it.fence)
}

async fn keep(engine: &Engine, it: &Measurement, look: u32, intervals: &[Interval]) {
    let ledger = engine.ledger().clone();
    let key = format!("{}{look:06}", prefix(it));
    let Ok(bytes) = serde_json::to_vec(intervals) else { return };
    let kept = tokio::task::spawn_blocking(move || ledger.desk_put(LOOKS, &key, &bytes)).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "a look could not be kept; after a restart it would count as a gap");
    }
}

/// Feeds the judges with what was seen before a restart, and gaps for what was missed. Returns the number of the next look.
fn restore(engine: &Engine, it: &Measurement, benches: &mut [Bench]) -> u32 {
    let rows = engine.ledger().desk_scan(LOOKS, &prefix(it), None, 10_000).unwrap_or_default();
    let looks: BTreeMap<u32, Vec<Interval>> = rows
        .iter()
        .filter_map(|(key, bytes)| Some((key.rsplit('/').next()?.parse().ok()?, serde_json::from_slice(bytes).ok()?)))
        .collect();
    let elapsed = (engine.now().as_millisecond() - it.started.as_millisecond()).max(0) / 1000;
    let passed = (elapsed / i64::from(it.spec.interval_s.max(1))).min(it.spec.horizon.into()) as u32;
    let gaps = vec![Interval::gap(); benches.len()];
    for look in 1..=passed {
        let intervals = looks.get(&look).unwrap_or(&gaps);
        benches.iter_mut().zip(intervals).for_each(|(bench, interval)| bench.observe(interval));
    }
    passed + 1
}
