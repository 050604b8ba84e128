//! The runner protocol over HTTP: the same controller that the runner within the server talks to.

use crate::{
    auth::Runner,
    extract::Body,
    local::LocalController,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use interlock_runner::{Controller as _, ControllerError};
use interlock_wire::runner::{Lease, LeaseRequest, OutputBatch, ReportAck, ReportBatch};
use serde::Serialize;
use utoipa::ToSchema;

fn failure(error: ControllerError) -> Failure {
    match error {
        ControllerError::Unreachable(why) => Failure::unavailable(why),
        ControllerError::Refused { status, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
            Failure::new(status, "runner-refused", message)
        }
    }
}

/// A runner speaks only for itself.
fn own(runner: &Runner, name: &str) -> Answer<()> {
    if runner.name.as_str() == name {
        return Ok(());
    }
    Err(Failure::denied(
        "another-runner",
        format!("this token is that of runner `{}`", runner.name),
        "use the runner's own token, and its login as its name",
    ))
}

/// Hands out steps.
#[utoipa::path(post, path = "/runners/lease", request_body = LeaseRequest, responses((status = 200, body = Lease)))]
pub async fn lease(State(app): State<App>, runner: Runner, Body(it): Body<LeaseRequest>) -> Answer<Json<Lease>> {
    own(&runner, &it.runner)?;
    LocalController::new(app.engine().clone(), app.options().permits.clone()).lease(it).await.map(Json).map_err(failure)
}

/// Takes in what became of steps.
#[utoipa::path(post, path = "/runners/report", request_body = ReportBatch, responses((status = 200, body = ReportAck)))]
pub async fn report(State(app): State<App>, runner: Runner, Body(it): Body<ReportBatch>) -> Answer<Json<ReportAck>> {
    own(&runner, &it.runner)?;
    LocalController::new(app.engine().clone(), app.options().permits.clone())
        .report(it)
        .await
        .map(Json)
        .map_err(failure)
}

/// Takes in what steps print.
#[utoipa::path(post, path = "/runners/output", request_body = OutputBatch, responses((status = 204)))]
pub async fn output(State(app): State<App>, runner: Runner, Body(it): Body<OutputBatch>) -> Answer<StatusCode> {
    own(&runner, &it.runner)?;
    let controller = LocalController::new(app.engine().clone(), app.options().permits.clone());
    controller.take_output(&runner.name, it.chunks).await.map_err(failure)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The keys permits are signed with.
#[derive(Serialize, ToSchema)]
pub struct PermitKeyList {
    pub keys: Vec<PermitKey>,
}

#[derive(Serialize, ToSchema)]
pub struct PermitKey {
    pub id: String,
    /// Ed25519 public key (RFC 8032), base64.
    pub key: String,
}

/// What a runner has to trust. Compare it with what the server's operator tells you, not only with what the network says.
#[utoipa::path(get, path = "/runners/permit-keys", responses((status = 200, body = PermitKeyList)), security(()))]
pub async fn permit_keys(State(app): State<App>) -> Json<PermitKeyList> {
    let permits = &app.options().permits;
    Json(PermitKeyList {
        keys: vec![PermitKey { id: permits.id().into(), key: STANDARD.encode(permits.public_key()) }],
    })
}
