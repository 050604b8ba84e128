//! Traces for OpenTelemetry: spans of requests and of what they cause, sent to a collector as OTLP over HTTP, in its JSON encoding.
//!
//! Invariants: off unless an address is given; a collector that does not answer costs nothing but its spans, which are counted and
//! dropped; nothing is sent that is not in the log as well (templates of addresses, never addresses).
//! Source: OpenTelemetry protocol 1.x, "OTLP/HTTP" and "JSON Protobuf Encoding" (ids in hexadecimal); W3C Trace Context for
//! `traceparent`. Deliberately absent: sampling of our own; the caller's decision is followed, and a collector can sample.

use serde_json::{Map, Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Spans that wait to be sent; more are dropped.
const WAITING: usize = 4096;
/// Spans sent together, and how long the first of them waits.
const TOGETHER: usize = 512;
const PAUSE: Duration = Duration::from_secs(2);

/// A span under way.
struct Open {
    trace: String,
    id: String,
    parent: String,
    /// The caller decided that it is not kept.
    left_out: bool,
    begun: u128,
    fields: Map<String, Value>,
}

/// Collects spans as they end.
pub struct Traces {
    ended: mpsc::Sender<Value>,
    dropped: Arc<AtomicU64>,
}

/// Sends what was collected.
pub struct Sending {
    ended: mpsc::Receiver<Value>,
    dropped: Arc<AtomicU64>,
    address: String,
    service: String,
}

fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_nanos())
}

fn random<const N: usize>() -> String {
    let mut bytes = [0u8; N];
    // Without randomness an id of zeroes is invalid, and collectors drop the span.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}

/// Trace, span and whether it is sampled, of a `traceparent` of version 00.
fn traceparent(text: &str) -> Option<(&str, &str, bool)> {
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && part.bytes().any(|b| b != b'0')
    };
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let sampled = u8::from_str_radix(flags, 16).ok().filter(|_| flags.len() == 2)? & 1 == 1;
    (version == "00" && hex(trace, 32) && hex(span, 16) && parts.next().is_none()).then_some((trace, span, sampled))
}

/// The name a field has for OpenTelemetry, where its conventions have one.
fn named(field: &str) -> &str {
    match field {
        "method" => "http.request.method",
        "route" => "http.route",
        "status" => "http.response.status_code",
        "id" => "interlock.request.id",
        other => other,
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().into(), json!({ "stringValue": format!("{value:?}") }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), json!({ "stringValue": value }));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // 64-bit numbers are strings in the JSON of protocol buffers.
        self.0.insert(field.name().into(), json!({ "intValue": value.to_string() }));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), json!({ "intValue": value.to_string() }));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), json!({ "boolValue": value }));
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.get("stringValue")?.as_str().map(str::to_owned)
}

/// A layer for the log's subscriber, and what sends its spans to `address` (`/v1/traces` is added).
pub fn traces(address: &str, service: &str) -> (Traces, Sending) {
    let (sender, ended) = mpsc::channel(WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    let address = format!("{}/v1/traces", address.trim_end_matches('/'));
    let sending = Sending { ended, dropped: dropped.clone(), address, service: service.to_owned() };
    (Traces { ended: sender, dropped }, sending)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, given: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id).filter(|it| it.metadata().target().starts_with("interlock")) else { return };
        let mut fields = Map::new();
        given.record(&mut Fields(&mut fields));
        let mut open = Open {
            trace: String::new(),
            id: random::<8>(),
            parent: String::new(),
            left_out: false,
            begun: nanoseconds(),
            fields,
        };
        let above = span.parent();
        let above = above.as_ref().map(|it| it.extensions());
        if let Some(it) = above.as_ref().and_then(|it| it.get::<Open>()) {
            (open.trace, open.parent, open.left_out) = (it.trace.clone(), it.id.clone(), it.left_out);
        } else if let Some(caller) = text(&open.fields, "traceparent")
            && let Some((trace, parent, sampled)) = traceparent(&caller)
        {
            (open.trace, open.parent, open.left_out) = (trace.into(), parent.into(), !sampled);
        } else {
            open.trace = random::<16>();
        }
        drop(above);
        open.fields.remove("traceparent");
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut Fields(&mut open.fields));
        }
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        if open.left_out {
            return;
        }
        let request = text(&open.fields, "route").zip(text(&open.fields, "method"));
        let name = request.map_or_else(|| span.name().to_owned(), |(route, method)| format!("{method} {route}"));
        let failed = text(&open.fields, "error").is_some()
            || open.fields.get("status").and_then(|it| it["intValue"].as_str()).is_some_and(|it| it >= "500");
        let attributes: Vec<Value> =
            open.fields.iter().map(|(key, value)| json!({ "key": named(key), "value": value })).collect();
        let ended = json!({
            "traceId": open.trace,
            "spanId": open.id,
            "parentSpanId": open.parent,
            "name": name,
            // 2 is a server's, 1 is internal; a status of 2 is an error.
            "kind": if open.fields.contains_key("route") { 2 } else { 1 },
            "startTimeUnixNano": open.begun.to_string(),
            "endTimeUnixNano": nanoseconds().to_string(),
            "attributes": attributes,
            "status": if failed { json!({ "code": 2 }) } else { json!({}) },
        });
        if self.ended.try_send(ended).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Sending {
    /// Sends until the subscriber is gone.
    pub async fn run(mut self) {
        let client = match reqwest::Client::builder().timeout(Duration::from_secs(10)).build() {
            Ok(client) => client,
            Err(error) => return tracing::warn!(%error, "no traces are sent"),
        };
        let mut quiet = false;
        loop {
            let mut spans = Vec::new();
            if self.ended.recv_many(&mut spans, TOGETHER).await == 0 {
                return;
            }
            let until = tokio::time::Instant::now() + PAUSE;
            while spans.len() < TOGETHER {
                let room = TOGETHER - spans.len();
                match tokio::time::timeout_at(until, self.ended.recv_many(&mut spans, room)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            let count = spans.len() as u64;
            let sent = client.post(&self.address).json(&self.message(spans)).send().await;
            match sent.and_then(reqwest::Response::error_for_status) {
                Ok(_) => quiet = false,
                Err(error) => {
                    let dropped = self.dropped.fetch_add(count, Relaxed) + count;
                    // Said once, until it works again.
                    if !std::mem::replace(&mut quiet, true) {
                        tracing::warn!(error = %error.without_url(), dropped, "traces could not be sent");
                    }
                }
            }
        }
    }

    fn message(&self, spans: Vec<Value>) -> Value {
        let about = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let version = env!("CARGO_PKG_VERSION");
        let resource = [about("service.name", &self.service), about("service.version", version)];
        json!({ "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": "interlock", "version": version }, "spans": spans }],
        }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn spans(work: impl FnOnce()) -> Vec<Value> {
        let (layer, mut sending) = traces("http://nowhere", "test");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        std::iter::from_fn(|| sending.ended.try_recv().ok()).collect()
    }

    #[test]
    fn a_span_is_of_the_trace_of_the_one_around_it_and_of_its_caller() {
        // The example of W3C Trace Context, section 3.2.2.
        let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let found = spans(|| {
            let outer = tracing::info_span!(target: "interlock", "request", method = "GET", route = "/x/{id}", traceparent = caller, status = tracing::field::Empty);
            let entered = outer.enter();
            drop(tracing::info_span!(target: "interlock", "append", entries = 3u64));
            drop(tracing::info_span!(target: "elsewhere", "theirs"));
            outer.record("status", 503u64);
            drop(entered);
        });
        assert_eq!(found.len(), 2, "{found:#?}");
        let (append, request) = (&found[0], &found[1]);
        assert_eq!(request["name"], "GET /x/{id}");
        assert_eq!((&request["kind"], &request["status"]["code"]), (&json!(2), &json!(2)));
        assert_eq!(request["parentSpanId"], "00f067aa0ba902b7");
        assert_eq!(append["parentSpanId"], request["spanId"]);
        for it in &found {
            assert_eq!(it["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        }
        assert_eq!(append["attributes"], json!([{ "key": "entries", "value": { "intValue": "3" } }]));
        assert!(!request.to_string().contains("traceparent"));
    }

    #[test]
    fn what_the_caller_leaves_out_is_left_out_and_nonsense_begins_a_new_trace() {
        let one = |caller: &'static str| {
            spans(|| drop(tracing::info_span!(target: "interlock", "request", traceparent = caller)))
        };
        assert!(one("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").is_empty());
        for nonsense in ["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "00-0-0-01", "ff-x-y-01"] {
            let found = one(nonsense);
            assert_eq!((found.len(), &found[0]["parentSpanId"]), (1, &json!("")), "{nonsense}");
            assert_eq!(found[0]["traceId"].as_str().unwrap().len(), 32);
        }
    }
}
