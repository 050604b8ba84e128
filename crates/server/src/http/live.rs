//! The live feed: what is appended, as server-sent events, resumed by ledger position.

use crate::{
    auth::Caller,
    extract::Params,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
    telemetry::OpenStream,
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use interlock_domain::core::{Record, Subject};
use interlock_engine::Published;
use interlock_wire::live::{LiveEntries, LiveQuery};
use std::{collections::BTreeSet, convert::Infallible, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Entries told together when a client resumes.
const CHUNK: u64 = 500;

/// What is appended, as it happens.
#[utoipa::path(get, path = "/live", params(LiveQuery), responses((status = 200, body = String, content_type = "text/event-stream")))]
pub async fn live(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Params(it): Params<LiveQuery>,
) -> Answer<impl IntoResponse> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let bad =
        |_| Failure::invalid("invalid-value", "Last-Event-ID", "Last-Event-ID: give the id of an event of this feed");
    let resumed = last.filter(|text| !text.is_empty()).map(|text| text.parse::<u64>().map_err(bad)).transpose()?;
    // Subscribed before the position is read, so that nothing falls between.
    let news = app.engine().follow();
    let head = app.engine().head();
    let at = resumed.or(it.from).unwrap_or(head).min(head);
    let keep_alive =
        KeepAlive::new().interval(Duration::from_secs(15)).event(Event::default().event("ping").data("{}"));
    Ok(Sse::new(follow(app, caller, news, at)).keep_alive(keep_alive))
}

struct Following {
    app: App,
    caller: Caller,
    news: Receiver<Published>,
    at: u64,
    _counted: OpenStream,
}

fn follow(
    app: App,
    caller: Caller,
    news: Receiver<Published>,
    at: u64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let counted = app.telemetry().stream();
    stream::unfold(Following { app, caller, news, at, _counted: counted }, |mut it| async move {
        loop {
            if it.at < it.app.engine().head() {
                let told = missed(&it)?;
                it.at = told.position_to;
                return Some((Ok(event(&told)?), it));
            }
            // The client resumes where it was, on this node or another.
            tokio::select! {
                news = it.news.recv() => match news {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                () = it.app.telemetry().drained() => return None,
            }
        }
    })
}

/// The next entries from the position the client has reached.
fn missed(it: &Following) -> Option<LiveEntries> {
    let lens = Lens::new(&it.app, &it.caller);
    let entries = lens.engine.ledger().read(it.at, CHUNK as usize).ok().filter(|entries| !entries.is_empty())?;
    let records: Vec<Record> = entries.iter().filter_map(|entry| Record::decode(&entry.body).ok()).collect();
    let subjects: BTreeSet<Subject> = records.iter().flat_map(|record| record.event.subjects(&lens.world)).collect();
    let kinds: BTreeSet<&str> = records.iter().map(|record| record.event.kind()).collect();
    Some(LiveEntries {
        position_from: it.at,
        position_to: it.at + entries.len() as u64,
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        subjects: subjects.iter().map(|subject| lens.subject(subject)).collect(),
    })
}

fn event(told: &LiveEntries) -> Option<Event> {
    Event::default().event("entries").id(told.position_to.to_string()).json_data(told).ok()
}
