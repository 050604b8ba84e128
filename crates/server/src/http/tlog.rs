//! The ledger as C2SP tlog-tiles: checkpoint, tiles of hashes, bundles of entries. Read-only, and cacheable for ever but for the
//! checkpoint.
//!
//! **Invariants**
//! - Hashes tell nothing of what was decided; an organisation may show them, and the checkpoint, to everybody. Entries are taken in
//!   bulk only by whoever the policies let take evidence.
//! - With witnesses required, the checkpoint here is the newest that enough have signed: who reads by tiles sees no other.
//!
//! **Deliberately absent:** proofs. Who reads tiles makes them.

use crate::{
    auth::{self, Caller},
    http::evidence,
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use interlock_ledger::tiles::{self, Served, TilePath};

/// Somebody who may read hashes: everybody, if the organisation says so; else whoever may read at all.
pub struct Reader(Option<Caller>);

impl FromRequestParts<App> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        match Caller::from_request_parts(parts, app).await {
            Ok(caller) => Ok(Self(Some(caller))),
            Err(_) if app.engine().transparency().public => Ok(Self(None)),
            Err(failure) => Err(failure),
        }
    }
}

fn cached(app: &App, kind: &'static str, seconds: &str, bytes: Vec<u8>) -> Response {
    let who = if app.engine().transparency().public { "public" } else { "private" };
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CACHE_CONTROL, format!("{who}, {seconds}"))], bytes)
        .into_response()
}

/// The newest checkpoint (C2SP tlog-checkpoint), with the lines of its witnesses; if witnesses are required, the newest that
/// enough have signed.
#[utoipa::path(get, path = "/tlog/checkpoint", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn checkpoint(State(app): State<App>, _: Reader) -> Answer<Response> {
    let witnessed = app.engine().witnessed()?.map(|it| it.checkpoint);
    let checkpoint = witnessed.map_or_else(|| app.engine().newest_checkpoint(), Ok)?;
    Ok(cached(&app, "text/plain; charset=utf-8", "max-age=2", checkpoint.note.into_bytes()))
}

/// A tile of hashes, or a bundle of entries, by its path: `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`.
pub async fn tile(State(app): State<App>, Reader(caller): Reader, Path(path): Path<String>) -> Answer<Response> {
    let unknown = || Failure::not_found("tile", &path);
    let tile = TilePath::parse(&path).ok_or_else(unknown)?;
    if tile.level.is_none() {
        let caller = caller.ok_or_else(auth::nobody)?;
        evidence::may_take(&app, &caller)?;
    }
    let ledger = app.engine().ledger().clone();
    let served = tokio::task::spawn_blocking(move || tiles::serve(ledger.as_ref(), &tile)).await;
    match served.map_err(|_| Failure::unavailable("the tile could not be read; try again"))?? {
        Served::Bytes(bytes) => Ok(cached(&app, "application/octet-stream", "max-age=31536000, immutable", bytes)),
        Served::Absent => Err(unknown()),
        Served::TooLong(position) => {
            let detail = format!("entry {position} is longer than the {} bytes a bundle can hold", tiles::BUNDLED);
            let failure = Failure::new(StatusCode::NOT_FOUND, "entry-too-long", detail);
            Err(failure.with_blocker("entry-too-long", &format!("read it at /api/v1/ledger/entries/{position}"), "you"))
        }
    }
}
