//! What happens to every request and answer: an id, security headers, the ledger's position, a line in the log, and a problem
//! instead of a broken connection when a handler panics.

use crate::{
    problem::{Failure, REQUEST_ID},
    state::App,
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tracing::Instrument as _;

pub const POSITION: HeaderName = HeaderName::from_static("x-ledger-position");

/// How long a request waits for this node to know what the client has seen.
const CATCH_UP: Duration = Duration::from_secs(3);

/// What the page may do: load its own files, talk to its own server, and be framed by nobody.
/// Nothing inline: styles that the page makes itself carry the nonce of its answer (module `web`).
pub const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub async fn every(State(app): State<App>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(app.options().exposure.bounds);
    let id = hex::encode(&app.engine().desk().secret()[..8]);
    let (method, path, begun) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    // The template, never the address itself: that may hold anything.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let caller = request.headers().get("traceparent").and_then(|it| it.to_str().ok()).filter(|it| is_traceparent(it));
    let status = tracing::field::Empty;
    let span = tracing::info_span!("request", id = %id, method = method.as_str(), route, status, traceparent = caller);
    let handled = REQUEST_ID.scope(id.clone(), async {
        let wanted = request.headers().get(POSITION).cloned();
        if let Err(failure) = caught_up(&app, wanted).await {
            return failure.into_response();
        }
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => defect().into_response(),
        }
    });
    let mut response = handled.instrument(span.clone()).await;
    let api = path.starts_with("/api/");
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| drop(headers.insert(name, HeaderValue::from_static(value)));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    set(HeaderName::from_static("x-permitted-cross-domain-policies"), "none");
    if app.options().secure_cookies {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    let content = if api { "default-src 'none'; frame-ancestors 'none'; sandbox" } else { CONTENT_SECURITY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(content));
    if api {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.entry(POSITION).or_insert_with(|| HeaderValue::from(app.engine().head()));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    let (status, ms) = (response.status().as_u16(), begun.elapsed().as_millis() as u64);
    span.record("status", u64::from(status));
    app.telemetry().answered(&method, &route, status, begun.elapsed());
    let _entered = span.entered();
    if response.status().is_server_error() {
        tracing::error!(status, ms, "answered");
    } else {
        tracing::debug!(status, ms, "answered");
    }
    response
}

/// Waits until this node knows what the client has seen elsewhere: a request may name, in the header that answers carry, the
/// position it must be answered at or after.
async fn caught_up(app: &App, wanted: Option<HeaderValue>) -> Result<(), Failure> {
    let Some(value) = wanted else { return Ok(()) };
    let wanted = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Failure::invalid(
            "invalid-value",
            "X-Ledger-Position",
            "X-Ledger-Position: give a number of entries, as answers carry it",
        )
    })?;
    Ok(app.engine().reach(wanted, CATCH_UP).await?)
}

/// Whether a header has the form of W3C Trace Context, version 00: only hexadecimal digits in their places get into the log.
fn is_traceparent(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 2 | 35 | 52);
    text.len() == 55 && text.bytes().enumerate().all(|(at, b)| if dash(at) { b == b'-' } else { b.is_ascii_hexdigit() })
}

fn defect() -> Failure {
    tracing::error!("a handler panicked; this is a defect");
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "defect",
        "the server failed to answer; this is a defect of Interlock, please report it with the request id",
    )
}

/// An address that is not one.
pub async fn not_found(request: Request) -> Failure {
    let path: String = request.uri().path().chars().take(200).collect();
    Failure::new(
        StatusCode::NOT_FOUND,
        "no-such-address",
        format!("there is nothing at `{path}`; /api/v1/openapi.json lists what there is"),
    )
}

/// An address that is not asked like that.
pub async fn wrong_method(request: Request) -> Failure {
    let detail = format!("`{}` cannot be done at this address; the header `Allow` says what can", request.method());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}
