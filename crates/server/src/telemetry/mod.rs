//! The server about itself: figures for Prometheus (`/metrics`), whether it lives (`/healthz`) and should get work (`/readyz`).
//!
//! Invariants: labels are of closed sets (route templates, statuses, kinds), never of what people wrote; answering costs no write and
//! no more than a second of reading. These addresses are outside of the API: their form is that of the tools which ask them.
//! Deliberately absent: history. Whoever collects the figures keeps them.

pub mod health;
mod process;
mod scrape;
mod text;

use crate::{auth::Caller, state::App};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use interlock_engine::{
    Engine,
    telemetry::{Histogram, SECONDS},
};
use interlock_ledger::Figures;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How long figures that have to be counted are good for.
const COUNTED_FOR: Duration = Duration::from_secs(30);
/// Routes that are told apart; there are about a hundred.
const ROUTES: usize = 500;

/// What the server counts while it works. Cloning it is cheap; all clones are one.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    data: Option<PathBuf>,
    started: Instant,
    /// By method, route and status.
    answers: Mutex<BTreeMap<(&'static str, String, u16), u64>>,
    times: Mutex<BTreeMap<String, Arc<Histogram>>>,
    streams: AtomicI64,
    sign_in_failures: AtomicU64,
    /// Entries in the archive and failures to write to it; nothing if there is none.
    archive: Mutex<Option<(u64, u64)>>,
    counted: Mutex<Option<(Instant, Figures)>>,
    draining: watch::Sender<bool>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Telemetry {
    /// `data`: the directory whose free space counts.
    pub fn new(data: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            data,
            started: Instant::now(),
            answers: Mutex::default(),
            times: Mutex::default(),
            streams: AtomicI64::new(0),
            sign_in_failures: AtomicU64::new(0),
            archive: Mutex::default(),
            counted: Mutex::default(),
            draining: watch::channel(false).0,
        }))
    }

    /// Notes an answer. `route` is the template of the address, or what stands for all others.
    pub fn answered(&self, method: &axum::http::Method, route: &str, status: u16, took: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        if method == "POST" && matches!(status, 401 | 429) && matches!(route, "/api/v1/session" | "/api/v1/setup") {
            self.0.sign_in_failures.fetch_add(1, Relaxed);
        }
        let mut answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry((method, route.to_owned(), status)).or_default() += 1;
        drop(answers);
        let mut times = self.0.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() < ROUTES || times.contains_key(route) {
            let histogram = times.entry(route.to_owned()).or_insert_with(|| Arc::new(Histogram::new(&SECONDS)));
            let histogram = Arc::clone(histogram);
            drop(times);
            histogram.observe_time(took);
        }
    }

    /// Counts a stream that stays open, for as long as what is given lives.
    pub fn stream(&self) -> OpenStream {
        self.0.streams.fetch_add(1, Relaxed);
        OpenStream(self.clone())
    }

    /// Notes how far the archive is, and whether the last try failed.
    pub fn archived(&self, size: Option<u64>) {
        let mut archive = self.0.archive.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, failures) = archive.unwrap_or_default();
        *archive = Some((size.unwrap_or(before), failures + u64::from(size.is_none())));
    }

    /// From now on the server is not ready, and streams end.
    pub fn drain(&self) {
        self.0.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.0.draining.borrow()
    }

    /// Waits until the server takes leave.
    pub async fn drained(&self) {
        let mut draining = self.0.draining.subscribe();
        // The sender lives as long as we do.
        let _ = draining.wait_for(|it| *it).await;
    }

    /// Free bytes where the data is.
    pub fn free_bytes(&self) -> Option<u64> {
        self.0.data.as_deref().and_then(free_bytes)
    }

    fn counted(&self, engine: &Engine) -> Option<Figures> {
        let mut counted = self.0.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, figures)) = counted.as_ref()
            && at.elapsed() < COUNTED_FOR
        {
            return Some(figures.clone());
        }
        let figures = engine.ledger().figures().ok()?;
        *counted = Some((Instant::now(), figures.clone()));
        Some(figures)
    }

    /// The page of figures.
    pub fn page(&self, engine: &Engine) -> String {
        scrape::page(self, engine)
    }
}

/// Free bytes for whoever is not root, in the file system of a directory.
pub fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// See [`Telemetry::stream`].
pub struct OpenStream(Telemetry);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.0.streams.fetch_sub(1, Relaxed);
    }
}

/// The addresses on the main listener; figures only for whoever may read.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(|| async { alive() }))
        .route("/readyz", get(|State(app): State<App>| async move { ready(app.engine(), app.telemetry()).await }))
        .route(
            "/metrics",
            get(|State(app): State<App>, _: Caller| async move { figures(app.engine(), app.telemetry()).await }),
        )
}

/// The same on a listener of its own, which is kept from strangers by where it listens.
pub fn inside(engine: Engine, telemetry: Telemetry) -> Router {
    let both = (engine, telemetry);
    Router::new()
        .route("/healthz", get(|| async { alive() }))
        .route(
            "/readyz",
            get(|State((engine, it)): State<(Engine, Telemetry)>| async move { ready(&engine, &it).await }),
        )
        .route(
            "/metrics",
            get(|State((engine, it)): State<(Engine, Telemetry)>| async move { figures(&engine, &it).await }),
        )
        .with_state(both)
}

fn alive() -> Response {
    Json(serde_json::json!({ "alive": true, "version": env!("CARGO_PKG_VERSION") })).into_response()
}

async fn ready(engine: &Engine, telemetry: &Telemetry) -> Response {
    let (engine, telemetry) = (engine.clone(), telemetry.clone());
    let found = tokio::task::spawn_blocking(move || health::readiness(&engine, &telemetry)).await;
    match found {
        Ok(found) => {
            let status = if found.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (status, Json(found)).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn figures(engine: &Engine, telemetry: &Telemetry) -> Response {
    let (engine, telemetry) = (engine.clone(), telemetry.clone());
    match tokio::task::spawn_blocking(move || telemetry.page(&engine)).await {
        Ok(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
