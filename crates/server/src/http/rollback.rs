//! Rollbacks.

use super::release::{self, criterion_words};
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params},
    http::page,
    lens::{Lens, named, status, verdict},
    problem::{Answer, Failure},
    sentence,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    rollback::{self as domain, Status as Where},
};
use interlock_ids::RollbackId;
use interlock_wire::{
    page::{Page, Paging},
    reason::{Because, Receipt, Ref, Severity},
    rollback::{CriterionView, Rollback, StartRollback},
};

fn find(app: &App, text: &str) -> Answer<RollbackId> {
    let id = text.parse::<RollbackId>().ok().filter(|id| app.engine().world().rollback.rollback(*id).is_some());
    id.ok_or_else(|| Failure::not_found("rollback", text))
}

fn again(it: RollbackId, reason: interlock_domain::reason::NoteRef) -> Command {
    Command::Rollback(domain::Command::CheckAgain { rollback: it, reason })
}

pub fn view(lens: &Lens, it: &domain::Rollback) -> Rollback {
    let (state, text) = match it.status {
        Where::Undoing => (status("undoing", Severity::Warning, false), "Targets are being taken back.".to_owned()),
        Where::Checking => (
            status("checking", Severity::Info, false),
            "Taken back; the success criteria are being checked.".to_owned(),
        ),
        Where::Succeeded => {
            (status("succeeded", Severity::Good, true), "Taken back, and every criterion passed.".to_owned())
        }
        Where::Failed => (status("failed", Severity::Bad, false), failed(it)),
    };
    let criterion = |asked: &interlock_domain::release::Criterion| {
        let result = it.results.iter().find(|result| result.name == asked.name);
        CriterionView {
            name: asked.name.to_string(),
            asks: criterion_words(asked),
            verdict: result.map(|result| verdict(result.outcome)),
            detail: result.map(|result| result.message.clone()).unwrap_or_default(),
        }
    };
    Rollback {
        id: it.id.to_string(),
        name: lens.release(it.release).name,
        release: lens.release(it.release),
        environment: named(&it.environment),
        status: state,
        sentence: text,
        cause: lens.with_names(&sentence::cause(lens, &it.cause)),
        deployment: it.deployment.map(|id| Ref::new(id, lens.release(it.release).name)),
        criteria: it.criteria.iter().map(criterion).collect(),
        started_at: it.started,
        ended_at: it.ended,
        actions: vec![lens.action(
            "check-again",
            "Check again",
            "The success criteria are checked again.",
            true,
            &again(it.id, lens.no_note()),
        )],
    }
}

fn failed(it: &domain::Rollback) -> String {
    let open: Vec<_> = it
        .results
        .iter()
        .filter(|result| result.outcome != interlock_domain::reason::Outcome::Pass)
        .map(|result| format!("{}: {}", result.name, result.message))
        .collect();
    if open.is_empty() {
        "A target could not be taken back.".into()
    } else {
        format!("Not shown to have worked. {}.", open.join("; "))
    }
}

/// Rollbacks, the newest first.
#[utoipa::path(get, path = "/rollbacks", params(Paging), responses((status = 200, body = Page<Rollback>)))]
pub async fn rollbacks(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Rollback>>> {
    let lens = Lens::new(&app, &caller);
    page::reversed(
        &paging,
        lens.world.rollback.rollbacks.iter().rev(),
        |(id, _)| id.to_string(),
        |(_, it)| view(&lens, it),
    )
    .map(Json)
}

/// One rollback.
#[utoipa::path(get, path = "/rollbacks/{id}", params(("id" = String, Path)), responses((status = 200, body = Rollback)))]
pub async fn rollback(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Rollback>> {
    let id = find(&app, &text)?;
    let release = app.engine().world().rollback.rollback(id).map(|it| it.release);
    let lens = Lens::new(&app, &caller).close(release.ok_or_else(|| Failure::not_found("rollback", &text))?)?;
    lens.world.rollback.rollback(id).map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("rollback", text))
}

/// Takes a release back.
#[utoipa::path(post, path = "/rollbacks", request_body = StartRollback, responses((status = 201, body = Receipt)))]
pub async fn start(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<StartRollback>,
) -> Answer<Done> {
    release::take_back(&app, &caller, key, &it.release, &it.reason).await
}

/// Checks the success criteria of a failed rollback again.
#[utoipa::path(post, path = "/rollbacks/{id}/check-again", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn check_again(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let id = find(&app, &text)?;
    let command = again(id, act::note(&app, "reason", &it.reason)?);
    act::carry_out(&app, &caller, key, act::subject("rollback", id, &text), command).await
}

/// The command an action of a rollback stands for.
pub fn asked(lens: &Lens, text: &str, action: &str) -> Option<Command> {
    let id = text.parse::<RollbackId>().ok()?;
    lens.world.rollback.rollback(id)?;
    (action == "check-again").then(|| again(id, lens.no_note()))
}
