//! Releases: putting them together, moving them through their life, and the whole of them on one page.

mod gates;
mod spec;
mod view;

pub use gates::*;
pub use spec::{Person, criterion_words, one_of, spec_in, spec_out};
pub use view::{actions, command, row, status, trigger_view, view};

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse, parse_some},
    http::{ledger, page, people},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::{Command, Subject},
    deployment,
    release::{self, Stage},
    rollback,
};
use interlock_ids::{DeploymentId, Name, ReleaseId};
use interlock_wire::{
    ledger::EntryRow,
    page::{Page, Paging},
    reason::{Because, Nothing, Receipt},
    release::{DraftRelease, PlanRelease, Release, ReleaseQuery, ReleaseRow},
};

/// The release of a name or id.
pub fn find(app: &App, text: &str) -> Answer<ReleaseId> {
    let world = app.engine().world();
    let by_id = text.parse::<ReleaseId>().ok().filter(|id| world.release.release(*id).is_some());
    let by_name = || text.parse::<Name>().ok().and_then(|name| world.release.by_name.get(&name).copied());
    by_id.or_else(by_name).ok_or_else(|| Failure::not_found("release", text))
}

pub fn known_environment(app: &App, text: &str) -> Answer<Name> {
    let name = text.parse::<Name>().ok().filter(|name| app.engine().world().environment.environment(name).is_some());
    name.ok_or_else(|| Failure::not_found("environment", text))
}

fn stage_fits(stage: Stage, wanted: &str) -> Answer<bool> {
    let known = [
        "draft",
        "planned",
        "frozen",
        "ready",
        "authorised",
        "deploying",
        "stabilising",
        "closed",
        "rolled_back",
        "cancelled",
    ];
    match wanted {
        "open" => Ok(!stage.is_terminal()),
        "ended" => Ok(stage.is_terminal()),
        name if known.contains(&name) => Ok(status(stage).value == name),
        _ => Err(Failure::invalid(
            "invalid-query",
            "state",
            format!("state: give `open`, `ended` or one of {}", known.join(", ")),
        )),
    }
}

/// Releases, the newest first.
#[utoipa::path(get, path = "/releases", params(ReleaseQuery), responses((status = 200, body = Page<ReleaseRow>)))]
pub async fn releases(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<ReleaseQuery>,
) -> Answer<Json<Page<ReleaseRow>>> {
    let lens = Lens::new(&app, &caller);
    let environment: Option<Name> = parse_some("environment", it.environment.as_deref())?;
    let service: Option<Name> = parse_some("service", it.service.as_deref())?;
    it.state.as_deref().map_or(Ok(true), |wanted| stage_fits(Stage::Draft, wanted))?;
    let part = it.q.as_deref().map(str::to_lowercase);
    let wanted = |release: &release::Release| {
        it.state.as_deref().is_none_or(|wanted| stage_fits(release.stage, wanted).unwrap_or(false))
            && environment.as_ref().is_none_or(|name| *name == release.spec.environment)
            && service.as_ref().is_none_or(|name| release.spec.items.iter().any(|item| item.service == *name))
            && part.as_ref().is_none_or(|part| release.spec.name.as_str().contains(part.as_str()))
    };
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    page::reversed(
        &paging,
        lens.world.release.releases.iter().rev().filter(|(_, it)| wanted(it)),
        |(id, _)| id.to_string(),
        |(_, it)| row(&lens, it),
    )
    .map(Json)
}

/// One release, its whole life on one page.
#[utoipa::path(get, path = "/releases/{release}", params(("release" = String, Path)), responses((status = 200, body = Release)))]
pub async fn release(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Release>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(id)?;
    let found = lens.world.release.releases.get(&id).cloned().ok_or_else(|| Failure::not_found("release", text))?;
    view(&app, &lens, &found).await.map(Json)
}

/// Puts a release together; with `start`, plans it at once: both or neither.
#[utoipa::path(post, path = "/releases", request_body = DraftRelease, responses((status = 201, body = Receipt)))]
pub async fn draft(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<DraftRelease>,
) -> Answer<Done> {
    let name: Name = parse("name", &it.name)?;
    let release: ReleaseId = app.engine().fresh();
    let mut commands = vec![Command::Release(release::Command::Draft {
        release,
        spec: spec_in(&app, name, &it.spec, &|login| people::find(&app, login))?,
    })];
    commands.extend(it.start.map(|start| Command::Release(release::Command::Plan { release, start })));
    let receipt = act::submit(&app, &caller, key, commands).await?;
    // A repeated request is answered with what the first one made.
    let made = receipt.events.iter().find_map(|it| match &it.event {
        interlock_domain::core::Event::Release(release::Event::Drafted(it)) => Some(it.release),
        _ => None,
    });
    let id = made.unwrap_or(release);
    Ok(act::done(&app, &caller, act::subject("release", id, &it.name), &receipt).created(format!("/releases/{id}")))
}

async fn act_on(
    app: &App,
    caller: &Caller,
    key: Option<String>,
    text: &str,
    command: impl FnOnce(ReleaseId) -> release::Command,
) -> Answer<Done> {
    let id = find(app, text)?;
    let name = Lens::new(app, caller).release(id).name;
    act::carry_out(app, caller, key, act::subject("release", id, name), Command::Release(command(id))).await
}

/// Gives a release a window that begins at `start`; again, to move it.
#[utoipa::path(post, path = "/releases/{release}/plan", params(("release" = String, Path)), request_body = PlanRelease, responses((status = 200, body = Receipt)))]
pub async fn plan(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<PlanRelease>,
) -> Answer<Done> {
    act_on(&app, &caller, key, &text, |release| release::Command::Plan { release, start: it.start }).await
}

/// Fixes the scope.
#[utoipa::path(post, path = "/releases/{release}/freeze", params(("release" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn freeze(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    act_on(&app, &caller, key, &text, |release| release::Command::Freeze { release }).await
}

/// Issues the permit.
#[utoipa::path(post, path = "/releases/{release}/authorise", params(("release" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn authorise(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    act_on(&app, &caller, key, &text, |release| release::Command::Authorise { release }).await
}

/// Takes the permit back.
#[utoipa::path(post, path = "/releases/{release}/revoke-permit", params(("release" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn revoke_permit(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    crate::extract::text("reason", &it.reason, 1, 500)?;
    act_on(&app, &caller, key, &text, |release| release::Command::RevokePermit { release, reason: it.reason }).await
}

/// Says that it will not ship.
#[utoipa::path(post, path = "/releases/{release}/cancel", params(("release" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    act_on(&app, &caller, key, &text, |release| release::Command::Cancel { release, reason }).await
}

/// Ends a release whose watch could not tell.
#[utoipa::path(post, path = "/releases/{release}/close", params(("release" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn close(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let reason = act::note(&app, "reason", &it.reason)?;
    act_on(&app, &caller, key, &text, |release| release::Command::Close { release, reason }).await
}

/// Begins to deploy it.
#[utoipa::path(post, path = "/releases/{release}/deploy", params(("release" = String, Path)), request_body = Nothing, responses((status = 201, body = Receipt)))]
pub async fn deploy(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    start(&app, &caller, key, &text).await
}

/// Begins to deploy a release; the receipt is about the deployment.
pub async fn start(app: &App, caller: &Caller, key: Option<String>, text: &str) -> Answer<Done> {
    let release = find(app, text)?;
    let deployment: DeploymentId = app.engine().fresh();
    let receipt =
        act::submit(app, caller, key, vec![Command::Deployment(deployment::Command::Start { deployment, release })])
            .await?;
    let made = receipt.events.iter().find_map(|it| match &it.event {
        interlock_domain::core::Event::Deployment(deployment::Event::Started(it)) => Some(it.deployment),
        _ => None,
    });
    let id = made.unwrap_or(deployment);
    let name = Lens::new(app, caller).release(release).name;
    Ok(act::done(app, caller, act::subject("deployment", id, name), &receipt).created(format!("/deployments/{id}")))
}

/// Takes it back.
#[utoipa::path(post, path = "/releases/{release}/roll-back", params(("release" = String, Path)), request_body = Because, responses((status = 201, body = Receipt)))]
pub async fn roll_back(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    take_back(&app, &caller, key, &text, &it.reason).await
}

/// Takes a release back; the receipt is about the rollback.
pub async fn take_back(app: &App, caller: &Caller, key: Option<String>, text: &str, reason: &str) -> Answer<Done> {
    let release = find(app, text)?;
    let reason = Some(act::note(app, "reason", reason)?);
    let cause = rollback::Cause::Person { account: caller.account };
    let receipt =
        act::submit(app, caller, key, vec![Command::Rollback(rollback::Command::Start { release, cause, reason })])
            .await?;
    let made = receipt.events.iter().find_map(|it| match &it.event {
        interlock_domain::core::Event::Rollback(rollback::Event::Started(it)) => Some(it.rollback),
        _ => None,
    });
    let name = Lens::new(app, caller).release(release).name;
    let subject = made.and_then(|id| act::subject("rollback", id, name));
    let address = made.map_or_else(|| format!("/releases/{release}"), |id| format!("/rollbacks/{id}"));
    Ok(act::done(app, caller, subject, &receipt).created(address))
}

/// What has happened to it, the oldest first.
#[utoipa::path(get, path = "/releases/{release}/timeline", params(("release" = String, Path), Paging), responses((status = 200, body = Page<EntryRow>)))]
pub async fn timeline(
    State(app): State<App>,
    caller: Caller,
    At(text): At<String>,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<EntryRow>>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(id)?;
    let trail: Vec<u64> = lens.world.trail.of(&Subject::Release(id)).collect();
    let positions = page::of(&paging, trail.into_iter(), |position| format!("{position:020}"), |position| position)?;
    Ok(Json(Page { items: ledger::rows(&lens, &positions.items)?, next: positions.next }))
}
