//! Exceptions to windows: asked for, granted or refused, taken back.

use super::release;
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse},
    http::page,
    lens::{Lens, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    calendar::{self, Command as Calendars},
    core::Command,
};
use interlock_ids::ExceptionId;
use interlock_wire::{
    calendar::{AskException, Exception},
    page::{Page, Paging},
    reason::{Because, Receipt, Severity},
};

fn view(lens: &Lens, it: &calendar::Exception) -> Exception {
    let (id, reason) = (it.id, lens.no_note());
    let state = match &it.decided {
        _ if it.ended.is_some() => status("taken_back", Severity::Neutral, true),
        None => status("pending", Severity::Info, false),
        Some(decided) if !decided.granted => status("refused", Severity::Bad, true),
        Some(_) if it.until <= lens.now => status("over", Severity::Neutral, true),
        Some(_) => status("granted", Severity::Good, false),
    };
    let decide = |grant| Command::Calendar(Calendars::DecideException { exception: id, grant, reason });
    let end = Command::Calendar(Calendars::EndException { exception: id, reason });
    let mut actions = Vec::new();
    if it.is_pending() {
        let effect = format!("The release may ship until {}, whatever this window says.", it.until);
        actions.push(lens.action("grant", "Grant", effect, true, &decide(true)));
        actions.push(lens.action("refuse", "Refuse", "The window stays shut for the release.", true, &decide(false)));
    }
    if it.is_pending() || it.is_granted() {
        actions.push(lens.action("end", "Take back", "The window is shut for the release again.", true, &end));
    }
    Exception {
        id: it.id.to_string(),
        release: lens.release(it.release),
        calendar: it.calendar.to_string(),
        window: it.window.to_string(),
        occurrence: it.occurrence,
        until: it.until,
        role: it.role.to_string(),
        reason: lens.note(it.reason),
        asked_by: it.asked_by.map(|id| lens.person(id)),
        asked: it.asked,
        decided_by: it.decided.as_ref().and_then(|it| it.by).map(|id| lens.person(id)),
        decided: it.decided.as_ref().map(|it| it.at),
        decision: it.decided.as_ref().map(|it| lens.note(it.reason)).unwrap_or_default(),
        status: state,
        actions,
    }
}

/// Exceptions to windows and requests for them, the newest first.
#[utoipa::path(get, path = "/exceptions", params(Paging), responses((status = 200, body = Page<Exception>)))]
pub async fn exceptions(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Exception>>> {
    let lens = Lens::new(&app, &caller);
    let all = lens.world.calendar.exceptions.iter().rev();
    page::reversed(&paging, all, |(id, _)| id.to_string(), |(_, it)| view(&lens, it)).map(Json)
}

/// One exception.
#[utoipa::path(get, path = "/exceptions/{id}", params(("id" = String, Path)), responses((status = 200, body = Exception)))]
pub async fn exception(State(app): State<App>, caller: Caller, At(id): At<String>) -> Answer<Json<Exception>> {
    let lens = Lens::new(&app, &caller);
    let found = lens.world.calendar.exception(id_of(&id)?);
    found.map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("exception", id))
}

/// Asks that a release be let through one occurrence of a window.
#[utoipa::path(post, path = "/exceptions", request_body = AskException, responses((status = 201, body = Receipt)))]
pub async fn ask_exception(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<AskException>,
) -> Answer<Done> {
    let exception: ExceptionId = app.engine().fresh();
    let command = Calendars::AskException {
        exception,
        release: release::find(&app, &it.release)?,
        calendar: parse("calendar", &it.calendar)?,
        window: parse("window", &it.window)?,
        occurrence: it.occurrence,
        until: it.until,
        reason: act::note(&app, "reason", &it.reason)?,
    };
    let about = act::subject("exception", exception, "exception");
    let done = act::carry_out(&app, &caller, key, about, Command::Calendar(command)).await?;
    Ok(done.created(format!("/exceptions/{exception}")))
}

fn id_of(id: &str) -> Answer<ExceptionId> {
    id.parse().map_err(|_| Failure::not_found("exception", id))
}

async fn decide(app: App, caller: Caller, key: Option<String>, id: String, grant: bool, it: Because) -> Answer<Done> {
    let exception = id_of(&id)?;
    let reason = act::note(&app, "reason", &it.reason)?;
    let command = Command::Calendar(Calendars::DecideException { exception, grant, reason });
    act::carry_out(&app, &caller, key, act::subject("exception", exception, "exception"), command).await
}

/// Grants an exception: for whoever holds the role that the window names, and did not ask for it.
#[utoipa::path(post, path = "/exceptions/{id}/grant", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn grant_exception(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    decide(app, caller, key, id, true, it).await
}

/// Refuses an exception.
#[utoipa::path(post, path = "/exceptions/{id}/refuse", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn refuse_exception(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    decide(app, caller, key, id, false, it).await
}

/// Takes an exception back, or the request for one.
#[utoipa::path(post, path = "/exceptions/{id}/end", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn end_exception(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let exception = id_of(&id)?;
    let reason = act::note(&app, "reason", &it.reason)?;
    let command = Command::Calendar(Calendars::EndException { exception, reason });
    act::carry_out(&app, &caller, key, act::subject("exception", exception, "exception"), command).await
}
