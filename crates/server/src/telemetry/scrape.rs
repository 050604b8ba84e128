//! Gathers all figures into one page; `docs/operations.md` lists them.

use super::{Telemetry, process, text::Page};
use interlock_engine::Engine;
use std::{
    sync::{PoisonError, atomic::Ordering::Relaxed},
    time::{SystemTime, UNIX_EPOCH},
};

pub fn page(telemetry: &Telemetry, engine: &Engine) -> String {
    let mut page = Page::default();
    page.family("interlock_build_info", "gauge", "Always 1; what runs is in the labels.");
    page.sample("interlock_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let up = telemetry.0.started.elapsed().as_secs_f64();
    page.one("interlock_up_seconds", "gauge", "Seconds since the server began.", up);
    http(telemetry, &mut page);
    path(engine, &mut page);
    state(engine, telemetry, &mut page);
    stored(telemetry, engine, &mut page);
    of_process(&mut page);
    page.done()
}

fn http(telemetry: &Telemetry, page: &mut Page) {
    let it = &telemetry.0;
    page.family("interlock_http_requests_total", "counter", "Requests answered.");
    for ((method, route, status), count) in it.answers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let labels = [("method", *method), ("route", route), ("status", &status.to_string())];
        page.sample("interlock_http_requests_total", &labels, *count as f64);
    }
    page.family("interlock_http_request_duration_seconds", "histogram", "Time until the answer began.");
    for (route, times) in it.times.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        page.histogram("interlock_http_request_duration_seconds", &[("route", route)], &times.read());
    }
    let streams = it.streams.load(Relaxed) as f64;
    page.one("interlock_http_streams", "gauge", "Live feeds that are open.", streams);
    let failures = it.sign_in_failures.load(Relaxed) as f64;
    page.one("interlock_sign_in_failures_total", "counter", "Sign-ins that were refused.", failures);
}

fn path(engine: &Engine, page: &mut Page) {
    let it = engine.counters();
    page.family("interlock_submit_seconds", "histogram", "Time from the submission of a command to its answer.");
    page.histogram("interlock_submit_seconds", &[], &it.submit.read());
    page.family("interlock_submissions_total", "counter", "Commands by what became of them.");
    for (outcome, count) in
        [("done", &it.done), ("repeated", &it.repeated), ("refused", &it.refused), ("unavailable", &it.unavailable)]
    {
        page.sample("interlock_submissions_total", &[("outcome", outcome)], count.load(Relaxed) as f64);
    }
    let waiting = it.waiting.load(Relaxed).max(0) as f64;
    page.one("interlock_submit_queue", "gauge", "Commands that are not answered yet.", waiting);
    page.family("interlock_append_entries", "histogram", "Entries appended together.");
    page.histogram("interlock_append_entries", &[], &it.batch.read());
    page.family("interlock_append_seconds", "histogram", "Time of an append, until it is synchronised.");
    page.histogram("interlock_append_seconds", &[], &it.append.read());
    let conflicts = it.conflicts.load(Relaxed) as f64;
    page.one("interlock_append_conflicts_total", "counter", "Appends that another node was ahead of.", conflicts);
    let failures = it.failures.load(Relaxed) as f64;
    page.one("interlock_append_failures_total", "counter", "Appends that storage failed.", failures);
}

fn state(engine: &Engine, telemetry: &Telemetry, page: &mut Page) {
    let it = engine.state();
    page.one("interlock_world_position", "gauge", "Entries that this node has taken in.", it.position as f64);
    page.known("interlock_ledger_entries", "Entries in the ledger.", it.ledger);
    let performed = engine.counters().performed.load(Relaxed);
    page.family("interlock_follower_lag_entries", "gauge", "Entries that a follower has yet to see.");
    let behind = |at: u64| it.ledger.unwrap_or(it.position).saturating_sub(at) as f64;
    page.sample("interlock_follower_lag_entries", &[("follower", "world")], behind(it.position));
    page.sample("interlock_follower_lag_entries", &[("follower", "performer")], behind(performed));
    let archive = *telemetry.0.archive.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((size, _)) = archive {
        page.sample("interlock_follower_lag_entries", &[("follower", "archive")], behind(size));
    }
    let failures = archive.map_or(0, |(_, failures)| failures) as f64;
    page.one("interlock_archive_failures_total", "counter", "Tries to archive that failed.", failures);
    page.family("interlock_obligations", "gauge", "What is owed to the world outside, by kind.");
    for (kind, owed) in &it.owed {
        page.sample("interlock_obligations", &[("kind", kind)], owed.count as f64);
    }
    page.family("interlock_obligation_age_seconds", "gauge", "How long the oldest of a kind has been due.");
    for (kind, owed) in &it.owed {
        page.sample("interlock_obligation_age_seconds", &[("kind", kind)], owed.oldest_seconds as f64);
    }
    page.one("interlock_leases", "gauge", "Steps in the hands of runners.", it.leases as f64);
    page.one("interlock_runners_working", "gauge", "Runners that hold a step.", it.runners as f64);
    page.one("interlock_analyses_running", "gauge", "Canary analyses without a verdict.", it.analyses as f64);
    page.one("interlock_deployments_running", "gauge", "Deployments that have not ended.", it.deployments as f64);
    let stopped = f64::from(u8::from(it.stopped.is_some()));
    page.one(
        "interlock_ledger_stopped",
        "gauge",
        "1 if storage failed and nothing is written until a restart.",
        stopped,
    );
    let draining = f64::from(u8::from(telemetry.is_draining()));
    page.one("interlock_draining", "gauge", "1 while the server takes leave of its clients.", draining);
}

fn stored(telemetry: &Telemetry, engine: &Engine, page: &mut Page) {
    page.known("interlock_disk_free_bytes", "Free bytes where the data is.", telemetry.free_bytes());
    let Some(it) = telemetry.counted(engine) else { return };
    page.known("interlock_ledger_bytes", "Bytes of the database.", it.database_bytes);
    page.known("interlock_ledger_log_bytes", "Bytes of the write-ahead log.", it.log_bytes);
    page.known("interlock_snapshot_bytes", "Bytes of the snapshots.", it.snapshot_bytes);
    page.known("interlock_blobs", "Blobs.", it.blobs);
    page.known("interlock_blob_bytes", "Bytes of all blobs.", it.blob_bytes);
    page.known("interlock_answers", "Answers remembered for idempotency keys.", it.answers);
    page.family("interlock_desk_rows", "gauge", "Rows on the desk, by table.");
    for (table, rows) in &it.desk_rows {
        page.sample("interlock_desk_rows", &[("table", table)], *rows as f64);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    let age = it.snapshot_at.map(|at| now.saturating_sub(at));
    page.known("interlock_snapshot_age_seconds", "Age of the newest snapshot.", age);
    let behind = it.snapshot_size.map(|size| engine.head().saturating_sub(size));
    page.known("interlock_snapshot_lag_entries", "Entries after the newest snapshot.", behind);
}

fn of_process(page: &mut Page) {
    let it = process::read();
    page.known("process_resident_memory_bytes", "Resident memory.", it.resident_bytes);
    page.known("process_virtual_memory_bytes", "Virtual memory.", it.virtual_bytes);
    page.known("process_open_fds", "Open file descriptors.", it.open_fds);
    page.known("process_max_fds", "Most file descriptors that may be open.", it.max_fds);
    page.known("process_threads", "Threads.", it.threads);
    if let Some(seconds) = it.cpu_seconds {
        page.one("process_cpu_seconds_total", "counter", "Processor time, user and system.", seconds);
    }
}
