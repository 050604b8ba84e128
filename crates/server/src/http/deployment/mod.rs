//! Deployments: watching them, steering them, reading what their steps print; pipelines.

mod output;
mod pipeline;
mod view;

pub use output::*;
pub use pipeline::*;
pub use view::{command, row, sentence, view};

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse_some},
    http::{page, release},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::Command,
    deployment::{self, Command as Steer},
};
use interlock_ids::{DeploymentId, Name};
use interlock_wire::{
    deployment::{Deployment, DeploymentQuery, DeploymentRow, SkipStep, StartDeployment},
    page::{Page, Paging},
    reason::{Because, Nothing, Receipt},
};

pub fn find(app: &App, text: &str) -> Answer<DeploymentId> {
    let id = text.parse::<DeploymentId>().ok().filter(|id| app.engine().world().deployment.deployment(*id).is_some());
    id.ok_or_else(|| Failure::not_found("deployment", text))
}

/// Deployments, the newest first.
#[utoipa::path(get, path = "/deployments", params(DeploymentQuery), responses((status = 200, body = Page<DeploymentRow>)))]
pub async fn deployments(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<DeploymentQuery>,
) -> Answer<Json<Page<DeploymentRow>>> {
    let lens = Lens::new(&app, &caller);
    let environment: Option<Name> = parse_some("environment", it.environment.as_deref())?;
    let release = it.release.as_deref().map(|text| release::find(&app, text)).transpose()?;
    let wanted = |found: &deployment::Deployment| {
        environment.as_ref().is_none_or(|name| *name == found.environment)
            && release.is_none_or(|id| id == found.release)
            && it.running.is_none_or(|running| running != found.status.is_terminal())
    };
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    page::reversed(
        &paging,
        lens.world.deployment.deployments.iter().rev().filter(|(_, it)| wanted(it)),
        |(id, _)| id.to_string(),
        |(_, it)| view::row(&lens, it),
    )
    .map(Json)
}

/// One deployment, with its waves.
#[utoipa::path(get, path = "/deployments/{id}", params(("id" = String, Path)), responses((status = 200, body = Deployment)))]
pub async fn deployment(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Deployment>> {
    let id = find(&app, &text)?;
    let release = app.engine().world().deployment.deployment(id).map(|it| it.release);
    let lens = Lens::new(&app, &caller).close(release.ok_or_else(|| Failure::not_found("deployment", &text))?)?;
    lens.world
        .deployment
        .deployment(id)
        .map(|it| Json(view(&lens, it)))
        .ok_or_else(|| Failure::not_found("deployment", text))
}

/// Begins to deploy an authorised release.
#[utoipa::path(post, path = "/deployments", request_body = StartDeployment, responses((status = 201, body = Receipt)))]
pub async fn start(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<StartDeployment>,
) -> Answer<Done> {
    release::start(&app, &caller, key, &it.release).await
}

async fn steer(
    app: &App,
    caller: &Caller,
    key: Option<String>,
    text: &str,
    command: impl FnOnce(DeploymentId) -> Steer,
) -> Answer<Done> {
    let id = find(app, text)?;
    let lens = Lens::new(app, caller);
    let name = lens.world.deployment.deployment(id).map_or_else(String::new, |it| lens.release(it.release).name);
    act::carry_out(app, caller, key, act::subject("deployment", id, name), Command::Deployment(command(id))).await
}

/// No further step is handed out; running ones are let finish.
#[utoipa::path(post, path = "/deployments/{id}/pause", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn pause(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    steer(&app, &caller, key, &text, |deployment| Steer::Pause { deployment, reason }).await
}

/// Goes on after a pause.
#[utoipa::path(post, path = "/deployments/{id}/resume", params(("id" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn resume(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    steer(&app, &caller, key, &text, |deployment| Steer::Resume { deployment }).await
}

/// Tries failed steps again.
#[utoipa::path(post, path = "/deployments/{id}/retry", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn retry(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    steer(&app, &caller, key, &text, |deployment| Steer::Retry { deployment, reason }).await
}

/// Leaves out the step on which a unit has failed.
#[utoipa::path(post, path = "/deployments/{id}/skip", params(("id" = String, Path)), request_body = SkipStep, responses((status = 200, body = Receipt)))]
pub async fn skip(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<SkipStep>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    steer(&app, &caller, key, &text, |deployment| Steer::Skip { deployment, unit: it.unit, reason }).await
}

/// Ends it where it is.
#[utoipa::path(post, path = "/deployments/{id}/abort", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn abort(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = Some(act::note(&app, "reason", &it.reason)?);
    steer(&app, &caller, key, &text, |deployment| Steer::Abort { deployment, reason }).await
}
