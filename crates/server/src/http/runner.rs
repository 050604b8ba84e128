//! Runners: letting them in, seeing how they are, turning them away; and the protocol they speak, over the same controller that the
//! runner within the server talks to.

use crate::{
    act::{self, Done},
    auth::{self, Caller, Runner},
    contact::Contact,
    extract::{At, Body, Key, Params, parse},
    http::{page, session::Address},
    lens::{Lens, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    body::Body as Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use interlock_domain::{
    core::{Actor, Command},
    runner as domain,
};
use interlock_ids::{Digest, Name};
use interlock_runner::{Controller as _, ControllerError, identity::public};
use interlock_wire::{
    page::{Page, Paging},
    reason::{Because, Nothing, Ref, Severity, Status},
    runner::{
        EnrolRunner, EnrolledRunner, InviteRunner, Lease, LeaseRequest, OutputBatch, PermitKeyList, ReportAck,
        ReportBatch, RotateRunnerKey, Runner as Wire, RunnerInvitation,
    },
};
use jiff::SignedDuration;

/// A runner that was not heard from for so long is called silent, in seconds.
const SILENT_S: i64 = 60;

fn failure(error: ControllerError) -> Failure {
    match error {
        ControllerError::Unreachable(why) => Failure::unavailable(why),
        ControllerError::Refused { status, code, message } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::CONFLICT);
            Failure::new(status, &code, message)
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
        format!("this is runner `{}`", runner.name),
        "use the runner's own key or token, and its own name",
    ))
}

/// Hands out steps; takes in what became of others first.
#[utoipa::path(post, path = "/runners/lease", request_body = LeaseRequest, responses((status = 200, body = Lease)))]
pub async fn lease(State(app): State<App>, runner: Runner) -> Answer<Json<Lease>> {
    let it: LeaseRequest = runner.json()?;
    own(&runner, &it.runner)?;
    let contact = Contact {
        at: app.engine().now(),
        version: it.version.chars().take(40).collect(),
        protocol: it.protocol,
        kinds: it.kinds.iter().take(50).cloned().collect(),
        running: u32::try_from(it.running.len()).unwrap_or(u32::MAX),
        slots: it.slots,
    };
    app.contacts().heard(&runner.name, contact);
    app.controller().lease(it).await.map(Json).map_err(failure)
}

/// Takes in what became of steps.
#[utoipa::path(post, path = "/runners/report", request_body = ReportBatch, responses((status = 200, body = ReportAck)))]
pub async fn report(State(app): State<App>, runner: Runner) -> Answer<Json<ReportAck>> {
    let it: ReportBatch = runner.json()?;
    own(&runner, &it.runner)?;
    app.controller().report(it).await.map(Json).map_err(failure)
}

/// Takes in what steps print.
#[utoipa::path(post, path = "/runners/output", request_body = OutputBatch, responses((status = 204)))]
pub async fn output(State(app): State<App>, runner: Runner) -> Answer<StatusCode> {
    let it: OutputBatch = runner.json()?;
    own(&runner, &it.runner)?;
    app.controller().take_output(&runner.name, it.chunks).await.map_err(failure)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The bytes of an artefact that a running deployment installs, for a runner.
#[utoipa::path(get, path = "/runners/artifacts/{digest}", params(("digest" = String, Path)), responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn artifact(State(app): State<App>, At(text): At<String>, _runner: Runner) -> Answer<Response> {
    let digest: Digest = text.parse().map_err(|_| Failure::not_found("artifact", &text))?;
    let world = app.engine().world();
    let mut running = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
    if !running.any(|it| it.units.iter().any(|unit| unit.digest == digest)) {
        return Err(Failure::not_found("artifact that is being deployed", &text));
    }
    let (ledger, wanted) = (app.engine().ledger().clone(), interlock_ledger::Digest(digest.0));
    let read = tokio::task::spawn_blocking(move || ledger.blob(&wanted)).await;
    let bytes = read.map_err(|_| Failure::unavailable("the artefact could not be read"))?.map_err(Failure::from)?;
    let bytes = bytes.ok_or_else(|| Failure::not_found("blob", &text))?;
    Ok(([("content-type", "application/octet-stream")], Bytes::from(bytes)).into_response())
}

/// What a runner has to trust. Compare it with what the server's operator tells you, not only with what the network says.
#[utoipa::path(get, path = "/runners/permit-keys", responses((status = 200, body = PermitKeyList)), security(()))]
pub async fn permit_keys(State(app): State<App>) -> Json<PermitKeyList> {
    Json(PermitKeyList { keys: app.options().permits.keys() })
}

/// Invites a runner. The token is shown this once, is good once, and only for that name.
#[utoipa::path(post, path = "/runners/invitations", request_body = InviteRunner, responses((status = 201, body = RunnerInvitation)))]
pub async fn invite(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<InviteRunner>,
) -> Answer<(StatusCode, Json<RunnerInvitation>)> {
    let runner: Name = parse("name", &it.name)?;
    let token = format!("ilr_{}", hex::encode(app.engine().desk().secret()));
    let until = app.engine().now().checked_add(SignedDuration::from_secs(it.lasts.0.into()));
    let until = until.map_err(|_| Failure::invalid("invalid-value", "lasts", "that is beyond the range of times"))?;
    let command = domain::Command::Invite { runner, token: auth::hash(&token), labels: it.labels, until };
    let receipt = act::submit(&app, &caller, key, vec![Command::Runner(command)]).await?;
    if receipt.repeated {
        let detail = "this invitation was made already, and its token was shown then";
        return Err(Failure::new(StatusCode::CONFLICT, "already-issued", detail).with_blocker(
            "already-issued",
            "invite it again, with a new idempotency key: the earlier invitation ends",
            "you",
        ));
    }
    let permit_keys = app.options().permits.keys();
    Ok((StatusCode::CREATED, Json(RunnerInvitation { name: it.name, token, until, permit_keys })))
}

/// Takes an invitation back that was not used.
#[utoipa::path(post, path = "/runners/{name}/withdraw", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = interlock_wire::reason::Receipt)))]
pub async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let runner = named(&text)?;
    let subject = act::subject("runner", &runner, runner.as_str());
    act::carry_out(&app, &caller, key, subject, Command::Runner(domain::Command::Withdraw { runner })).await
}

/// A runner uses its invitation.
#[utoipa::path(post, path = "/runners/enrol", request_body = EnrolRunner, responses((status = 200, body = EnrolledRunner)), security(()))]
pub async fn enrol(
    State(app): State<App>,
    Address(address): Address,
    Body(it): Body<EnrolRunner>,
) -> Answer<Json<EnrolledRunner>> {
    const WHO: &str = "runner enrolment";
    let now = app.engine().now();
    if let Some(seconds) = app.sign_ins().wait(WHO, &address, now) {
        let detail = format!("too many invitations tried that are none; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let key = public(&it.key).ok_or_else(|| Failure::invalid("invalid-value", "key", "not 32 bytes in base64"))?;
    let command = domain::Command::Enrol { token: auth::hash(&it.token), key: domain::Key(key) };
    let receipt = app.engine().submit(Actor::system(), Command::Runner(command), None).await;
    let receipt = receipt.inspect_err(|_| app.sign_ins().failed(WHO, &address, now))?;
    let enrolled = receipt.events.into_iter().find_map(|it| match it.event {
        interlock_domain::core::Event::Runner(domain::Event::Enrolled(it)) => Some(it),
        _ => None,
    });
    let enrolled = enrolled.ok_or_else(|| Failure::unavailable("the runner is not there yet"))?;
    Ok(Json(EnrolledRunner {
        name: enrolled.runner.to_string(),
        labels: enrolled.labels,
        permit_keys: app.options().permits.keys(),
    }))
}

/// A runner replaces its key; the request is signed with the one in force.
#[utoipa::path(post, path = "/runners/rotate-key", request_body = RotateRunnerKey, responses((status = 204)))]
pub async fn rotate_key(State(app): State<App>, runner: Runner) -> Answer<StatusCode> {
    let it: RotateRunnerKey = runner.json()?;
    let key = public(&it.key).ok_or_else(|| Failure::invalid("invalid-value", "key", "not 32 bytes in base64"))?;
    let command = domain::Command::RotateKey { runner: runner.name.clone(), key: domain::Key(key) };
    app.engine().submit(Actor::runner(runner.name), Command::Runner(command), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(text: &str) -> Answer<Name> {
    text.parse().map_err(|_| Failure::not_found("runner", text))
}

/// Revokes a runner: its next request is refused, what it holds is fenced off.
#[utoipa::path(post, path = "/runners/{name}/revoke", params(("name" = String, Path)), request_body = Because, responses((status = 200, body = interlock_wire::reason::Receipt)))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let runner = named(&text)?;
    let reason = act::note(&app, "reason", &it.reason)?;
    let subject = act::subject("runner", &runner, runner.as_str());
    act::carry_out(&app, &caller, key, subject, Command::Runner(domain::Command::Revoke { runner, reason })).await
}

async fn set_drained(app: &App, caller: &Caller, key: Option<String>, text: &str, drained: bool) -> Answer<Done> {
    let runner = named(text)?;
    let subject = act::subject("runner", &runner, runner.as_str());
    act::carry_out(app, caller, key, subject, Command::Runner(domain::Command::Drain { runner, drained })).await
}

/// Gives a runner no new steps; it finishes what it holds.
#[utoipa::path(post, path = "/runners/{name}/drain", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = interlock_wire::reason::Receipt)))]
pub async fn drain(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    set_drained(&app, &caller, key, &text, true).await
}

/// Gives a runner steps again.
#[utoipa::path(post, path = "/runners/{name}/undrain", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = interlock_wire::reason::Receipt)))]
pub async fn undrain(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    set_drained(&app, &caller, key, &text, false).await
}

fn standing(lens: &Lens, it: Option<&domain::Runner>, contact: Option<&Contact>) -> Status {
    let silent = contact.is_none_or(|it| lens.now.as_second() - it.at.as_second() > SILENT_S);
    match it {
        None => status("invited", Severity::Info, false),
        Some(it) if it.revoked.is_some() => status("revoked", Severity::Neutral, true),
        Some(it) if it.drained => status("draining", Severity::Warning, false),
        Some(_) if silent => status("silent", Severity::Warning, false),
        Some(_) => status("active", Severity::Good, false),
    }
}

fn view(app: &App, lens: &Lens, name: &Name) -> Wire {
    let it = lens.world.runner.runner(name);
    let contact = app.contacts().of(name).filter(|_| it.is_some_and(|it| it.revoked.is_none()));
    let running = lens.world.deployment.running.iter().filter_map(|id| lens.world.deployment.deployment(*id));
    let held: Vec<_> = running
        .map(|it| (it, it.leased().filter(|(_, lease)| lease.runner == *name).count()))
        .filter(|(_, steps)| *steps > 0)
        .collect();
    let may = |name: &str, label: &str, effect: &str, needs_reason: bool, ask: domain::Command| {
        lens.action(name, label, effect, needs_reason, &Command::Runner(ask))
    };
    let own = || name.clone();
    let mut actions = Vec::new();
    if let Some(known) = it.filter(|it| it.revoked.is_none()) {
        actions.push(match known.drained {
            false => may(
                "drain",
                "Give no new steps",
                "It finishes what it holds; then it may be stopped or upgraded.",
                false,
                domain::Command::Drain { runner: own(), drained: true },
            ),
            true => may(
                "undrain",
                "Give steps again",
                "It is given steps like any other.",
                false,
                domain::Command::Drain { runner: own(), drained: false },
            ),
        });
        actions.push(may(
            "revoke",
            "Revoke",
            "Its next request is refused; what it holds is taken from it and done by another runner.",
            true,
            domain::Command::Revoke { runner: own(), reason: lens.no_note() },
        ));
    }
    let invitation = lens.world.runner.invitations.get(name).filter(|it| lens.now < it.until);
    if invitation.is_some() {
        actions.push(may(
            "withdraw",
            "Take the invitation back",
            "Its token lets nobody in any more.",
            false,
            domain::Command::Withdraw { runner: own() },
        ));
    }
    Wire {
        id: name.to_string(),
        name: name.to_string(),
        labels: it.map(|it| it.labels.clone()).or(invitation.map(|it| it.labels.clone())).unwrap_or_default(),
        status: standing(lens, it, contact.as_ref()),
        key: it.map(|it| auth::hash_bytes(&it.key.0).to_string().trim_start_matches("sha256:")[..16].to_owned()),
        key_since: it.map(|it| it.key_since),
        enrolled_at: it.map(|it| it.enrolled),
        invited_until: invitation.map(|it| it.until),
        last_contact: contact.as_ref().map(|it| it.at),
        version: contact.as_ref().map(|it| it.version.clone()),
        protocol: contact.as_ref().map(|it| it.protocol),
        kinds: contact.as_ref().map(|it| it.kinds.clone()).unwrap_or_default(),
        running: held.iter().map(|(_, steps)| *steps as u32).sum(),
        slots: contact.as_ref().map(|it| it.slots),
        deployments: held.iter().map(|(it, _)| Ref::new(it.id, lens.release(it.release).name)).collect(),
        actions,
    }
}

/// Runners that were let in, turned away or invited.
#[utoipa::path(get, path = "/runners", params(Paging), responses((status = 200, body = Page<Wire>)))]
pub async fn runners(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Wire>>> {
    let lens = Lens::new(&app, &caller);
    let known = &lens.world.runner;
    let waiting =
        known.invitations.iter().filter(|(name, it)| lens.now < it.until && !known.runners.contains_key(*name));
    let mut names: Vec<&Name> = known.runners.keys().chain(waiting.map(|(name, _)| name)).collect();
    names.sort();
    page::of(&paging, names.into_iter(), |name| name.to_string(), |name| view(&app, &lens, name)).map(Json)
}

/// One runner.
#[utoipa::path(get, path = "/runners/{name}", params(("name" = String, Path)), responses((status = 200, body = Wire)))]
pub async fn runner(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Wire>> {
    let lens = Lens::new(&app, &caller);
    let name = named(&text)?;
    let known = &lens.world.runner;
    match known.runners.contains_key(&name) || known.invitations.contains_key(&name) {
        true => Ok(Json(view(&app, &lens, &name))),
        false => Err(Failure::not_found("runner", text)),
    }
}
