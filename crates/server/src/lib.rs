//! The server: the HTTP API, sign-in, the live feed, the embedded page, and the port through which runners get their work.
//!
//! Invariants: nothing a client sends gives a 500; whatever is written goes through `Engine::submit`; what may be done is decided
//! by the core, here it is only asked. Deliberately absent: rules, and state of its own beyond counters of failed sign-ins.
//!
//! Reading order: [`state`], [`auth`], [`extract`], [`problem`], [`telemetry`] (the server about itself), [`act`] (how a command becomes an answer), [`lens`] (how the world
//! is looked at), then `http`, one file per noun; [`local`] hands work to runners.

pub mod act;
pub mod auth;
pub mod contact;
mod dispatch;
mod document;
pub mod edge;
pub mod extract;
mod hook;
pub mod http;
pub mod lens;
pub mod limit;
mod listen;
pub mod local;
pub mod manifest;
mod orders;
pub mod permit;
pub mod problem;
mod proof;
pub mod replay;
mod secrets;
pub mod sentence;
mod sentence_governance;
pub mod state;
pub mod telemetry;
pub mod tls;
mod web;
pub mod witness;

pub use document::openapi;
pub use local::{LocalController, LocalDepot};
pub use permit::PermitSigner;
pub use state::{App, Bounds, Exposure, ServeOptions};
pub use telemetry::Telemetry;
pub use tls::{Tls, TlsError};

use axum::{Json, Router, middleware, routing::get};
use interlock_engine::Engine;
use std::{future::Future, net::SocketAddr};
use tokio::net::TcpListener;

/// Why the server could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen at {address}: {cause}; choose another address, or end what listens there")]
    Listen { address: SocketAddr, cause: std::io::Error },
}

/// The whole of the server as a router: the API and the page.
pub fn router(app: App) -> Router {
    let (api, _) = http::routes().split_for_parts();
    let api = api
        .route("/openapi.json", get(|| async { Json(openapi()) }))
        // A path of any depth, which OpenAPI cannot describe and C2SP tlog-tiles does.
        .route("/tlog/tile/{*path}", get(http::tlog::tile))
        .fallback(edge::not_found)
        .method_not_allowed_fallback(edge::wrong_method)
        .with_state(app.clone());
    Router::new()
        .nest("/api/v1", api)
        .route("/api", get(edge::not_found))
        .route("/api/{*rest}", axum::routing::any(edge::not_found))
        .merge(telemetry::routes().with_state(app.clone()))
        .fallback_service(axum::routing::any(web::page).with_state(app.clone()))
        .layer(middleware::from_fn_with_state(app, edge::every))
}

/// Serves until `shutdown` is done; requests under way are let finish.
///
/// # Errors
/// The address cannot be listened at.
pub async fn serve(
    engine: Engine,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let address = options.listen;
    let listener = TcpListener::bind(address).await.map_err(|cause| ServeError::Listen { address, cause })?;
    serve_on(listener, None, engine, options, shutdown).await
}

/// The same on a socket that listens already, over TLS if that is given. What is under way at the end has five seconds.
///
/// # Errors
/// None at present.
pub async fn serve_on(
    listener: TcpListener,
    tls: Option<Tls>,
    engine: Engine,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let telemetry = options.telemetry.clone();
    let bounds = options.exposure.bounds;
    let app = App::new(engine, options);
    let tidying = tokio::spawn(tidy(app.clone()));
    let service = router(app);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = listen::run(listener, tls, service, bounds, async move {
        shutdown.await;
        telemetry.drain();
        // Whoever waits for the end of open streams waits no longer than this.
        let _ = stop.send(());
    });
    let deadline = async {
        let _ = stopped.await;
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    };
    tokio::select! {
        () = server => {}
        () = deadline => {}
    }
    tidying.abort();
    Ok(())
}

/// At the start and then daily: takes names out of what former versions kept, carries through erasures that a crash or a restore left
/// undone, and drops origins that are too old.
async fn tidy(app: App) {
    loop {
        let at_work = app.clone();
        let done = tokio::task::spawn_blocking(move || {
            let taken = http::take_names_out(&at_work).map_err(|failure| failure.problem().detail.clone())?;
            let engine = at_work.engine();
            let again = engine.forget_again().map_err(|error| error.to_string())?;
            let oldest = engine.now().checked_sub(interlock_engine::ORIGINS_KEPT).map_err(|error| error.to_string())?;
            let dropped = engine.desk().drop_origins(oldest).map_err(|error| error.to_string())?;
            Ok::<_, String>((taken, again, dropped))
        });
        match done.await {
            Ok(Ok((0, 0, 0))) | Err(_) => {}
            Ok(Ok((taken, again, dropped))) => tracing::info!(taken, again, dropped, "the desk was tidied"),
            Ok(Err(error)) => tracing::warn!(%error, "the desk could not be tidied; it is tried again tomorrow"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(86_400)).await;
    }
}
