//! Measuring a wave: read old and new targets at every look, feed the judge, report its verdict.
//!
//! Every look is kept at the desk until there is a verdict, so that a restart goes on where it stopped; looks that were missed
//! meanwhile are gaps. With the verdict, everything the judge saw becomes one blob, whose digest is in the entry.
//! Invariants: a verdict is given once; a hold is no verdict; the horizon without a pass is inconclusive.

use crate::{
    Engine,
    judging::{Bench, Readings, nothing, verdict},
};
use interlock_domain::{
    core::{Command, Obligation, owed},
    verification::{self, Compared, Measurement, Place, Summary, Verdict},
};
use interlock_ids::{AnalysisId, Digest};
use interlock_stats::canary::Interval;
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

/// The course of an analysis that another node measures, told from the looks it keeps.
pub(crate) fn told(engine: &Engine, analysis: AnalysisId) -> Option<Value> {
    if !engine.shared() {
        return None;
    }
    let it = owed(&engine.world()).into_iter().find_map(|it| match it {
        Obligation::Measure(it) if it.analysis == analysis => Some(it),
        _ => None,
    })?;
    let benches: Result<Vec<Bench>, _> =
        it.compared.iter().map(|compared| Bench::new(&it.spec, compared, it.compared.len())).collect();
    let mut benches = benches.ok()?;
    restore(engine, &it, &mut benches);
    Some(course(&it, &benches, false))
}

fn show(engine: &Engine, it: &Measurement, benches: &[Bench]) {
    if let Ok(mut courses) = engine.0.courses.lock() {
        courses.insert(it.analysis, course(it, benches, false));
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
