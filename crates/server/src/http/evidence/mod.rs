//! Evidence over HTTP: about artefacts, and in packs, one file that shows what was decided, for whoever may take it out of the house.
//!
//! **Invariant:** taking evidence changes nothing, and is decided by the policies (`evidence.take`).

mod attach;
mod words;

pub use attach::*;
pub use words::*;

use crate::{
    auth::{self, Caller},
    extract::Body,
    http::release,
    problem::{Answer, Failure, blockers},
    state::App,
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use interlock_domain::{
    policy::{self, Question},
    reason::Outcome,
};
use interlock_engine::{NotTaken, Taking, Wanted};
use interlock_wire::evidence::TakeEvidence;

/// Whether the caller may take entries in bulk.
pub fn may_take(app: &App, caller: &Caller) -> Answer<()> {
    let ruling = policy::ask(&app.engine().world(), &caller.actor, Question::new("evidence.take", "Ledger", "ledger"));
    if ruling.outcome == Outcome::Pass {
        return Ok(());
    }
    let code = ruling.blockers.first().map_or("denied", |it| it.code.as_str());
    Err(Failure::new(StatusCode::FORBIDDEN, code, "you may not take evidence")
        .with_blockers(blockers(&ruling.blockers)))
}

fn wanted(app: &App, it: &TakeEvidence) -> Answer<Wanted> {
    match (&it.release, it.from, it.to) {
        (Some(release), None, None) => Ok(Wanted::Release(release::find(app, release)?)),
        (None, Some(from), Some(to)) => Ok(Wanted::Period { from, to }),
        _ => Err(Failure::invalid("evidence-scope", "release", "give a release, or else both `from` and `to`")),
    }
}

/// One file with entries, proofs, policy sets and evidence, which `interlock-verify` checks without a server.
#[utoipa::path(post, path = "/evidence", request_body = TakeEvidence, responses((status = 200, body = Vec<u8>, content_type = "application/x-tar")))]
pub async fn take(State(app): State<App>, caller: Caller, Body(it): Body<TakeEvidence>) -> Answer<Response> {
    auth::may_read(&app, &caller.actor)?;
    may_take(&app, &caller)?;
    let taking = Taking { wanted: wanted(&app, &it)?, earlier: it.earlier, names: it.names };
    let engine = app.engine().clone();
    let made = tokio::task::spawn_blocking(move || engine.take_evidence(&taking)).await;
    let bytes = made.map_err(|_| Failure::unavailable("the pack could not be made; try again"))?.map_err(not_taken)?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"evidence.tar\""),
    ];
    Ok((headers, bytes).into_response())
}

pub fn not_taken(error: NotTaken) -> Failure {
    let detail = error.to_string();
    match error {
        NotTaken::Store(error) => error.into(),
        NotTaken::NoRelease => Failure::not_found("release", "of this id"),
        NotTaken::NoPeriod => Failure::invalid("evidence-period", "to", detail),
        NotTaken::TooMuch { .. } => Failure::invalid("evidence-too-large", "to", detail),
        NotTaken::Foreign(_) => Failure::invalid("earlier-checkpoint", "earlier", detail),
        NotTaken::Fork { .. } | NotTaken::Ahead { .. } => {
            let failure = Failure::new(StatusCode::CONFLICT, "ledger-forked", detail);
            let clears =
                "keep your checkpoint, it is evidence; ask whoever runs this server, and other holders of checkpoints";
            failure.with_blocker("ledger-forked", clears, "an auditor")
        }
        NotTaken::NotPacked(error) => {
            tracing::error!(%error, "a pack could not be made");
            Failure::unavailable(detail)
        }
    }
}
