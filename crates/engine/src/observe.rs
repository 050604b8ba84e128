//! Watching triggers while a release is deployed and after, and checking the criteria of a rollback.
//!
//! Invariants: a look that gave no data is counted as such, and never as good; a trigger fires only after its condition has held
//! without a break, and a look without data breaks nothing and proves nothing.

use crate::{
    Engine,
    measure::put_blob,
    ports::Reading,
    watching::{Fired, Seen, beyond},
};
use interlock_domain::{
    catalog::Service,
    core::Command,
    operations::{self, Observation},
    reason::Outcome,
    release::{Comparison, CriterionKind, Indicator},
    rollback::{self, CriteriaCheck, CriterionResult},
};
use interlock_ids::Name;
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

const WATCHES: &str = "watch";
/// A criterion is asked again for so long before it counts as failed: processes need time to settle.
const SETTLE: Duration = Duration::from_secs(20);
const ASK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn observe(engine: Engine, it: Observation) {
    let key = it.watch.to_string();
    let kept = engine.ledger().desk_get(WATCHES, &key).ok().flatten();
    let mut seen: Seen = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let mut gauge = Gauge::new(engine.clone(), it.environment.clone());
    loop {
        if it.until.is_some_and(|until| until <= engine.now()) {
            return end(&engine, &it, &seen).await;
        }
        let values = gauge.values(it.triggers.iter().map(|trigger| (&trigger.name, &trigger.indicator))).await;
        let now = engine.now();
        for fired in seen.look(&it.triggers, values, now) {
            fire(&engine, &it, fired).await;
        }
        if let Ok(bytes) = serde_json::to_vec(&seen) {
            let ledger = engine.ledger().clone();
            let key = key.clone();
            let _ = tokio::task::spawn_blocking(move || ledger.desk_put(WATCHES, &key, &bytes)).await;
        }
        let left = it.until.map_or(i64::MAX, |until| until.as_millisecond() - engine.now().as_millisecond());
        tokio::time::sleep(Duration::from_millis((i64::from(it.interval_s) * 1000).min(left.max(0)) as u64)).await;
    }
}

impl Engine {
    /// What a watch has seen so far: looks, those that gave data, and the newest value of each trigger's figure.
    pub fn seen(&self, watch: interlock_ids::WatchId) -> Option<(u32, u32, BTreeMap<Name, Option<f64>>)> {
        let bytes = self.ledger().desk_get(WATCHES, &watch.to_string()).ok()??;
        let seen: Seen = serde_json::from_slice(&bytes).ok()?;
        Some((seen.looks, seen.usable, seen.values))
    }
}

async fn fire(engine: &Engine, it: &Observation, Fired { trigger, value, since }: Fired) {
    let evidence = json!({ "watch": it.watch, "trigger": trigger, "value": value, "since": since, "at": engine.now() });
    let Some(evidence) = put_blob(engine, evidence.to_string().into_bytes()).await else { return };
    let (watch, fence, name) = (it.watch, it.fence, trigger.name.clone());
    engine
        .insist(Command::Operations(operations::Command::Fire { watch, fence, trigger: name, value, evidence }))
        .await;
}

async fn end(engine: &Engine, it: &Observation, seen: &Seen) {
    let evidence = json!({ "watch": it.watch, "looks": seen.looks, "usable": seen.usable, "values": seen.values, "at": engine.now() });
    let Some(evidence) = put_blob(engine, evidence.to_string().into_bytes()).await else { return };
    let (watch, fence, looks, usable) = (it.watch, it.fence, seen.looks, seen.usable);
    engine.insist(Command::Operations(operations::Command::End { watch, fence, looks, usable, evidence })).await;
}

/// Reads figures of services in one environment, remembering what it read as far back as it is asked to look.
struct Gauge {
    engine: Engine,
    environment: Name,
    past: BTreeMap<Name, VecDeque<BTreeMap<Name, Reading>>>,
}

impl Gauge {
    fn new(engine: Engine, environment: Name) -> Self {
        Self { engine, environment, past: BTreeMap::new() }
    }

    async fn values<'a>(
        &mut self,
        wanted: impl Iterator<Item = (&'a Name, &'a Indicator)> + Clone,
    ) -> BTreeMap<Name, Option<f64>> {
        let mut longest: BTreeMap<Name, u32> = BTreeMap::new();
        for (_, indicator) in wanted.clone() {
            if let Indicator::ErrorRatio { service, window_s } | Indicator::Latency { service, window_s, .. } =
                indicator
            {
                let window = longest.entry(service.clone()).or_default();
                *window = (*window).max(*window_s);
            }
        }
        for (service, window_s) in longest {
            self.read(&service, window_s).await;
        }
        let mut values = BTreeMap::new();
        for (name, indicator) in wanted {
            let value = match indicator {
                Indicator::ErrorRatio { service, window_s } => self.error_ratio(service, *window_s),
                Indicator::Latency { service, quantile, window_s } => self.latency(service, *quantile, *window_s),
                Indicator::Promql { query } => self.engine.0.ports.meter.query(query).await.ok().flatten(),
            };
            values.insert(name.clone(), value.filter(|value| value.is_finite()));
        }
        values
    }

    async fn read(&mut self, service: &Name, window_s: u32) {
        let world = self.engine.world();
        let Some(known) = world.catalog.service(service) else { return };
        let targets = world.environment.environment(&self.environment).map(|it| it.targets.clone()).unwrap_or_default();
        let known: &Service = known;
        let readings = targets.iter().filter(|target| target.services.contains(service)).map(|target| async {
            let reading = self.engine.0.ports.meter.read(service, &target.address, &known.metrics).await;
            reading.ok().map(|reading| (target.name.clone(), reading))
        });
        let now: BTreeMap<Name, Reading> = futures::future::join_all(readings).await.into_iter().flatten().collect();
        let past = self.past.entry(service.clone()).or_default();
        past.push_back(now);
        let newest = past.back().and_then(newest).unwrap_or_default();
        // The last reading that is older than the window is where the window begins.
        while past.len() > 2
            && past.get(1).and_then(newest_of).is_some_and(|at| at <= newest - i64::from(window_s) * 1000)
        {
            past.pop_front();
        }
    }

    /// Increases over the window, summed over all targets: what `pick` takes out of a reading, as counters.
    fn increase(&self, service: &Name, window_s: u32, pick: impl Fn(&Reading) -> Vec<f64>) -> Option<Vec<f64>> {
        let past = self.past.get(service)?;
        let newest = past.back().and_then(newest)?;
        let from = newest - i64::from(window_s) * 1000;
        let start = past.iter().rposition(|readings| newest_of(readings).is_some_and(|at| at <= from)).unwrap_or(0);
        let mut sum: Vec<f64> = Vec::new();
        let steps = past.iter().skip(start).zip(past.iter().skip(start + 1));
        for (target, before, after) in
            steps.flat_map(|(a, b)| b.iter().filter_map(|(name, after)| Some((name, a.get(name)?, after))))
        {
            let (before, after, _) = (pick(before), pick(after), target);
            let restarted = before.len() != after.len() || before.iter().zip(&after).any(|(old, new)| new < old);
            sum.resize(sum.len().max(after.len()), 0.0);
            for (index, value) in after.iter().enumerate() {
                sum[index] += if restarted { *value } else { value - before[index] };
            }
        }
        (!sum.is_empty()).then_some(sum)
    }

    fn error_ratio(&self, service: &Name, window_s: u32) -> Option<f64> {
        let sum = self.increase(service, window_s, |reading| {
            let total = |of: fn(&crate::ports::Tally) -> f64| reading.endpoints.values().map(of).sum::<f64>();
            vec![total(|it| it.requests), total(|it| it.errors)]
        })?;
        (sum[0] > 0.0).then(|| sum[1] / sum[0])
    }

    /// Linear within a bucket, as Prometheus' `histogram_quantile` does; the last finite bound for what lies beyond it.
    fn latency(&self, service: &Name, quantile: f64, window_s: u32) -> Option<f64> {
        let bounds: Vec<f64> =
            self.past.get(service)?.back()?.values().next()?.latency.iter().map(|(bound, _)| *bound).collect();
        let counts =
            self.increase(service, window_s, |reading| reading.latency.iter().map(|(_, count)| *count).collect())?;
        let total = *counts.last()?;
        if total <= 0.0 || counts.len() != bounds.len() {
            return None;
        }
        let rank = quantile * total;
        let bucket = counts.iter().position(|count| *count >= rank)?;
        let (low, below) = if bucket == 0 { (0.0, 0.0) } else { (bounds[bucket - 1], counts[bucket - 1]) };
        if bounds[bucket].is_infinite() {
            return Some(low);
        }
        let share = (rank - below) / (counts[bucket] - below).max(f64::MIN_POSITIVE);
        Some(low + (bounds[bucket] - low) * share)
    }
}

fn newest(readings: &BTreeMap<Name, Reading>) -> Option<i64> {
    readings.values().map(|reading| reading.at_ms).max()
}

fn newest_of(readings: &BTreeMap<Name, Reading>) -> Option<i64> {
    newest(readings)
}

pub(crate) async fn check_criteria(engine: Engine, it: CriteriaCheck) {
    let mut results = Vec::new();
    for criterion in &it.criteria {
        let (outcome, message) = match &criterion.kind {
            CriterionKind::Http { path } => each_target(&engine, &it, |status, _, _| ok_status(status), path).await,
            CriterionKind::Reports { path, pointer } => {
                each_target(
                    &engine,
                    &it,
                    |status, body, digest| ok_status(status).and_then(|()| reports(body, pointer, digest)),
                    path,
                )
                .await
            }
            CriterionKind::Metric { indicator, comparison, threshold } => {
                metric(&engine, &it, indicator, *comparison, *threshold).await
            }
        };
        results.push(CriterionResult { name: criterion.name.clone(), outcome, message });
    }
    let evidence = json!({ "rollback": it.rollback, "targets": it.targets, "results": results, "at": engine.now() });
    let Some(evidence) = put_blob(&engine, evidence.to_string().into_bytes()).await else { return };
    let command = rollback::Command::Conclude { rollback: it.rollback, fence: it.fence, results, evidence };
    engine.insist(Command::Rollback(command)).await;
}

fn ok_status(status: u16) -> Result<(), String> {
    if (200..300).contains(&status) { Ok(()) } else { Err(format!("answers {status}")) }
}

fn reports(body: &[u8], pointer: &str, digest: &str) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_slice(body).map_err(|error| format!("answers no JSON: {error}"))?;
    match value.pointer(pointer).and_then(serde_json::Value::as_str) {
        Some(found) if found == digest => Ok(()),
        Some(found) => Err(format!("reports {found} instead of {digest}")),
        None => Err(format!("reports nothing at `{pointer}`")),
    }
}

/// Asks every target until all are right or the time to settle is over. A target that does not answer has failed: whether it
/// is available is the very question.
async fn each_target(
    engine: &Engine,
    it: &CriteriaCheck,
    right: impl Fn(u16, &[u8], &str) -> Result<(), String>,
    path: &str,
) -> (Outcome, String) {
    if it.targets.is_empty() {
        return (Outcome::Pass, "no target had been changed".into());
    }
    let asked = tokio::time::Instant::now();
    loop {
        let mut wrong = Vec::new();
        for target in &it.targets {
            let url = format!("{}{path}", target.address.trim_end_matches('/'));
            let answer = engine.0.ports.probe.get(&url).await;
            let said = answer
                .map_err(|error| error.to_string())
                .and_then(|(status, body)| right(status, &body, &target.digest.to_string()));
            wrong.extend(said.err().map(|error| format!("{}: {error}", target.target)));
        }
        if wrong.is_empty() {
            return (Outcome::Pass, format!("{} of {} targets", it.targets.len(), it.targets.len()));
        }
        if asked.elapsed() >= SETTLE {
            return (Outcome::Fail, wrong.join("; "));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn metric(
    engine: &Engine,
    it: &CriteriaCheck,
    indicator: &Indicator,
    comparison: Comparison,
    threshold: f64,
) -> (Outcome, String) {
    let mut gauge = Gauge::new(engine.clone(), it.environment.clone());
    let window_s = match indicator {
        Indicator::ErrorRatio { window_s, .. } | Indicator::Latency { window_s, .. } => *window_s,
        Indicator::Promql { .. } => 0,
    };
    let Ok(name) = "metric".parse::<Name>() else { return (Outcome::Inconclusive, "no name".into()) };
    gauge.values([(&name, indicator)].into_iter()).await;
    // What is asked is how it is now that everything is taken back: a whole window is waited for.
    tokio::time::sleep(Duration::from_secs(window_s.into())).await;
    let value = gauge.values([(&name, indicator)].into_iter()).await.remove(&name).flatten();
    match value {
        None => (Outcome::Inconclusive, "the figure could not be measured".into()),
        Some(value) if beyond(value, comparison, threshold) => {
            (Outcome::Fail, format!("{value} is beyond {threshold}"))
        }
        Some(value) => (Outcome::Pass, format!("{value}, limit {threshold}")),
    }
}
