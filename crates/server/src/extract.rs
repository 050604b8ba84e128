//! Reads requests strictly: bodies, queries, parts of the path, idempotency keys. Whatever is wrong becomes a problem that says
//! where and what was expected.

use crate::{
    problem::{Answer, Failure},
    state::{App, Bounds},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::BytesMut;
use futures::StreamExt as _;
use interlock_wire::problem::Fault;
use serde::de::DeserializeOwned;
use std::{io::Read as _, str::FromStr, time::Duration};
use tokio::time::Instant;

/// The longest JSON or YAML body, in bytes.
pub const BODY: usize = 1 << 20;
/// The longest blob, in bytes.
pub const BLOB: usize = 64 << 20;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &App) -> Answer<Self> {
        let kind = content_type(request.headers());
        let bytes = read(request, BODY).await?;
        // An action that needs nothing may be asked for with nothing.
        if bytes.is_empty() {
            return json(b"{}").map(Body);
        }
        if kind != "application/json" && !kind.ends_with("+json") {
            return Err(wrong_content(&kind, "application/json"));
        }
        json(&bytes).map(Body)
    }
}

/// The content type without its parameters, in lower case.
pub fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub fn wrong_content(found: &str, wanted: &str) -> Failure {
    let found: String = found.chars().take(80).collect();
    let detail = format!("the content type is `{found}`; send `{wanted}`");
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", detail).with_blocker(
        "content-type",
        &format!("send `Content-Type: {wanted}`"),
        "you",
    )
}

/// The whole body, unpacked if it came packed, at most `limit` bytes either way.
pub async fn read(request: Request, limit: usize) -> Answer<Bytes> {
    let packed = packed(request.headers())?;
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let silence = request.extensions().get::<Bounds>().copied().unwrap_or_default().silence;
    let bytes = arrive(request.into_body(), limit, silence).await?;
    if !packed {
        return Ok(bytes);
    }
    let unpacked = tokio::task::spawn_blocking(move || unpack(&bytes, limit)).await;
    unpacked.map_err(|_| Failure::unavailable("the body could not be unpacked; send it again"))?
}

fn too_large(limit: usize) -> Failure {
    let detail = format!("the body is longer than {limit} bytes, the most that is taken here");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).with_blocker(
        "too-large",
        "send less, or in parts",
        "you",
    )
}

/// Whether the body is packed by gzip; other codings are not taken.
fn packed(headers: &HeaderMap) -> Answer<bool> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    match (codings.next().map(|it| it.to_str().unwrap_or_default().trim().to_ascii_lowercase()), codings.next()) {
        (None, _) => Ok(false),
        (Some(only), None) if only == "identity" => Ok(false),
        (Some(only), None) if only == "gzip" => Ok(true),
        (Some(first), _) => {
            let shown: String = first.chars().take(40).collect();
            let detail = format!("the body is packed as `{shown}`; send it as it is, or packed once by gzip");
            Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", detail))
        }
    }
}

/// Collects a body that keeps arriving: within the time that 64 KiB a second would take, and never silent for long.
async fn arrive(body: axum::body::Body, limit: usize, silence: Duration) -> Answer<Bytes> {
    let mut stream = body.into_data_stream();
    let end = Instant::now() + silence + Duration::from_secs(limit as u64 / (64 << 10));
    let mut bytes = BytesMut::new();
    loop {
        let next = tokio::time::timeout_at(end.min(Instant::now() + silence), stream.next()).await;
        match next {
            Err(_) => {
                let detail = "the body arrived too slowly and was given up";
                return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, "body-too-slow", detail).with_blocker(
                    "body-too-slow",
                    "send it again over a better connection",
                    "you",
                ));
            }
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Err(_))) => {
                let detail = "the body did not arrive whole; send it again";
                return Err(Failure::new(StatusCode::BAD_REQUEST, "body-cut-off", detail));
            }
            Ok(Some(Ok(part))) if bytes.len() + part.len() > limit => return Err(too_large(limit)),
            Ok(Some(Ok(part))) => bytes.extend_from_slice(&part),
        }
    }
}

/// Unpacks gzip (RFC 1952), never more than `limit` bytes whatever the packed bytes promise.
fn unpack(packed: &[u8], limit: usize) -> Answer<Bytes> {
    let mut rest = packed;
    let mut unpacked = Vec::new();
    let read = flate2::bufread::GzDecoder::new(&mut rest).take(limit as u64 + 1).read_to_end(&mut unpacked);
    if unpacked.len() > limit {
        return Err(too_large(limit));
    }
    if read.is_err() || !rest.is_empty() {
        let detail = "the body says it is gzip and cannot be unpacked, or something follows it";
        return Err(Failure::new(StatusCode::BAD_REQUEST, "malformed-gzip", detail));
    }
    Ok(unpacked.into())
}

/// JSON, with what is wrong told as a problem.
///
/// # Errors
/// It is no JSON, or not of that form.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    // The library would also take fields without their names, in an array.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let message = "the body is an array; send an object";
        let fault = Fault { field: None, line: Some(1), column: Some(1), message: message.into() };
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value", message).with_faults(vec![fault]));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        let place = |n: usize| u32::try_from(n).ok().filter(|n| *n > 0);
        let fault = Fault {
            field: named(&message),
            line: place(error.line()),
            column: place(error.column()),
            message: message.clone(),
        };
        let (status, code) = match error.classify() {
            serde_json::error::Category::Data => (StatusCode::UNPROCESSABLE_ENTITY, data_code(&message)),
            _ => (StatusCode::BAD_REQUEST, "malformed-json"),
        };
        let detail = format!("the body cannot be read: {message} (line {}, column {})", error.line(), error.column());
        Failure::new(status, code, detail).with_faults(vec![fault])
    })
}

/// A stable code for what serde says.
pub fn data_code(message: &str) -> &'static str {
    if message.contains("unknown field") {
        "unknown-field"
    } else if message.contains("missing field") {
        "missing-field"
    } else if message.contains("unknown variant") {
        "unknown-value"
    } else {
        "invalid-value"
    }
}

/// The field a message names in backticks, if it is about a field.
fn named(message: &str) -> Option<String> {
    message.contains("field").then(|| message.split('`').nth(1).map(str::to_owned)).flatten()
}

/// The query.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|it| Params(it.0)).map_err(|error| {
            let message = error.body_text();
            let fault = Fault { field: named(&message), line: None, column: None, message: message.clone() };
            Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-query", message).with_faults(vec![fault])
        })
    }
}

/// Parts of the path, as text.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for At<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Answer<Self> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|it| At(it.0))
            .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, "malformed-path", error.body_text()))
    }
}

/// The idempotency key a client chose.
pub struct Key(pub Option<String>);

impl FromRequestParts<App> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Answer<Self> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Key(None)) };
        let text = value.to_str().ok().filter(|it| (1..=200).contains(&it.len()));
        let bad = || {
            Failure::new(
                StatusCode::BAD_REQUEST,
                "idempotency-key",
                "the header `Idempotency-Key` must have 1 to 200 visible ASCII characters",
            )
        };
        let text = text.ok_or_else(bad)?;
        // The same key means the same request only within one address.
        Ok(Key(Some(format!("{} {} {text}", parts.method, parts.uri.path()))))
    }
}

/// Reads a name, id or digest out of a request; `field` says where it stood.
pub fn parse<T: FromStr>(field: &str, text: &str) -> Answer<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Failure::invalid("invalid-value", field, format!("{field}: {error}")))
}

pub fn parse_some<T: FromStr>(field: &str, text: Option<&str>) -> Answer<Option<T>>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| parse(field, text)).transpose()
}

pub fn parse_all<'a, T: FromStr, C: FromIterator<T>>(
    field: &str,
    texts: impl IntoIterator<Item = &'a String>,
) -> Answer<C>
where
    T::Err: std::fmt::Display,
{
    texts.into_iter().map(|text| parse(field, text)).collect()
}

/// A text that people write: `least` to `most` characters, not only spaces.
pub fn text(field: &str, text: &str, least: usize, most: usize) -> Answer<()> {
    let length = text.trim().chars().count();
    if length >= least && text.chars().count() <= most {
        return Ok(());
    }
    Err(Failure::invalid("text-length", field, format!("{field}: write {least} to {most} characters")))
}
