//! The page, embedded: files by path with the encoding the browser takes, and the page itself for every other path.
//!
//! Invariants: the server runs without the page; it then says how to build it. The page's own styles are allowed by a nonce that is
//! fresh with every answer, so nothing that gets into the page by accident is styled or run.

use crate::{edge::CONTENT_SECURITY, state::App};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

const INDEX: &str = "index.html";
/// What stands in the page where its nonce belongs.
const NONCE: &str = "__CSP_NONCE__";

const PLAIN: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Interlock</title><h1>Interlock</h1>\
    <p>The server runs; its web page is not part of this build. Build the page with <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code> \
    and build the server again.</p><p>The API is described at <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></html>";

/// Any path that is not the API's.
pub async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let named = if path.is_empty() { INDEX } else { path };
    let hidden = named.ends_with(".br") || named.ends_with(".gz") || named == INDEX;
    if !hidden && let Some(response) = file(named, &headers) {
        return response;
    }
    // A path with an extension is a file that is not there; any other is a place within the page.
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.contains('.') && named != INDEX {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    }
    index(&hex::encode(&app.engine().desk().secret()[..16]))
}

/// The page itself, with a nonce that is good for this answer only.
fn index(nonce: &str) -> Response {
    let text = Dist::get(INDEX).and_then(|it| String::from_utf8(it.data.into_owned()).ok());
    let body = text.map_or_else(|| PLAIN.to_owned(), |text| text.replace(NONCE, nonce));
    let policy = CONTENT_SECURITY.replace("style-src 'self'", &format!("style-src 'self' 'nonce-{nonce}'"));
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Dist::get(path)?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |wanted: &str| {
        accepted
            .split(',')
            .any(|it| it.split(';').next().is_some_and(|name| name.trim() == wanted) && !it.contains("q=0"))
    };
    let encoded = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(name, _)| accepts(name))
        .find_map(|(name, ending)| Some((name, Dist::get(&format!("{path}{ending}"))?)));
    let kind = plain.metadata.mimetype().to_owned();
    let tag = format!("\"{}\"", hex::encode(&plain.metadata.sha256_hash()[..12]));
    let unchanged = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let (encoding, content): (Option<&str>, EmbeddedFile) =
        encoded.map_or((None, plain), |(name, file)| (Some(name), file));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(content.data.into_owned()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind).ok()?);
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Files under assets carry a hash of their content in their name.
    let keep = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_str(encoding).ok()?);
    }
    Some(response)
}
