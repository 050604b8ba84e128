//! Sign-in, sign-out, the first administrator; what the server is.

mod exchange;
mod provider;

pub use exchange::*;
pub use provider::*;

use crate::{
    auth::{self, Caller},
    edge::POSITION,
    extract::{Body, text},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
    telemetry::health::{Outcome, readiness},
};
use axum::{
    Json,
    extract::{ConnectInfo, FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use interlock_domain::{
    core::{Actor, Command},
    people::{self, AccountKind, AccountSpec},
};
use interlock_engine::SignedInBy;
use interlock_engine::{Person, Session as Kept};
use interlock_ids::{AccountId, Name};
use interlock_wire::session::{Health, Me, ServerInfo, Session, SetUp, SignIn};
use jiff::SignedDuration;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// The address a request comes from, as far as it is known.
pub struct Address(pub String);

impl FromRequestParts<App> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(from.map_or_else(|| "unknown".into(), |it| behind(it.0.ip(), &parts.headers, app).to_string())))
    }
}

/// Who stands behind a proxy that is believed: the last address in `X-Forwarded-For` that is no such proxy's.
fn behind(peer: IpAddr, headers: &HeaderMap, app: &App) -> IpAddr {
    let proxies = &app.options().exposure.proxies;
    let believed = |address: IpAddr| proxies.iter().any(|net| net.contains(address));
    if !believed(peer) {
        return peer;
    }
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|it| it.to_str().ok());
    let hops: Vec<&str> = named.flat_map(|it| it.split(',')).map(str::trim).collect();
    // What cannot be read was not written by a proxy that is believed.
    let hops = hops.into_iter().rev().map_while(|hop| hop.parse::<IpAddr>().ok());
    hops.take(20).find(|hop| !believed(*hop)).unwrap_or(peer)
}

/// Whether the server answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Health)), security(()))]
pub async fn health(State(app): State<App>) -> Json<Health> {
    Json(Health { status: "ok".into(), position: app.engine().head() })
}

/// Whether the server can do its work: the ledger can be read, and policies are in force.
#[utoipa::path(get, path = "/ready", responses((status = 200, body = Health)), security(()))]
pub async fn ready(State(app): State<App>) -> Answer<Json<Health>> {
    let found = readiness(app.engine(), app.telemetry());
    match found.checks.iter().find(|it| it.outcome == Outcome::Fail) {
        Some(failed) => Err(Failure::unavailable(format!("{}: {}", failed.check, failed.detail))),
        None => Ok(Json(Health { status: "ok".into(), position: found.position })),
    }
}

/// What the server is.
#[utoipa::path(get, path = "/version", responses((status = 200, body = ServerInfo)), security(()))]
pub async fn version(State(app): State<App>) -> Json<ServerInfo> {
    Json(info(&app))
}

fn info(app: &App) -> ServerInfo {
    let world = app.engine().world();
    ServerInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        organisation: world.people.organisation.clone(),
        origin: app.engine().ledger().verifying_key().name().into(),
        position: world.position,
        setup_needed: world.people.setup.is_some(),
        sign_in: ways(app),
        now: app.engine().now(),
    }
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", responses((status = 200, body = Session)))]
pub async fn read(State(app): State<App>, caller: Caller) -> Json<Session> {
    let sign_out_url = match caller.session.as_ref().and_then(|(_, it)| it.by.as_ref()) {
        Some(by) => sign_out_at(&app, by).await,
        None => None,
    };
    Json(Session { sign_out_url, ..describe(&app, &caller) })
}

fn describe(app: &App, caller: &Caller) -> Session {
    let lens = Lens::new(app, caller);
    let person = lens.engine.desk().person(caller.account);
    let account = lens.world.people.account(caller.account);
    let names = |set: Option<&BTreeSet<Name>>| set.into_iter().flatten().map(Name::to_string).collect();
    Session {
        person: Me {
            id: caller.account.to_string(),
            login: person.as_ref().map_or_else(|| caller.account.to_string(), |it| it.login.clone()),
            name: lens.engine.desk().name(caller.account),
            email: person.and_then(|it| it.email),
            roles: names(account.map(|it| &it.roles)),
            groups: names(account.map(|it| &it.groups)),
            stands_in_for: lens
                .world
                .people
                .delegations_to(caller.account, lens.now)
                .map(|it| lens.person(it.from))
                .collect(),
        },
        csrf_token: caller.session.as_ref().map(|(_, it)| it.csrf.clone()).unwrap_or_default(),
        expires_at: caller.session.as_ref().map(|(_, it)| it.expires),
        sign_out_url: None,
        server: info(app),
    }
}

/// Signs in.
#[utoipa::path(post, path = "/session", request_body = SignIn, responses((status = 200, body = Session)), security(()))]
pub async fn sign_in(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Body(it): Body<SignIn>,
) -> Answer<Response> {
    auth::same_site(&headers)?;
    let now = app.engine().now();
    if let Some(seconds) = app.sign_ins().wait(&it.login, &address, now) {
        let detail = format!("too many failed sign-ins; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let world = app.engine().world();
    let person = app.engine().desk().by_login(&it.login);
    let account = person
        .map(|it| it.account)
        .filter(|id| world.people.account(*id).is_some_and(|it| !it.closed && it.kind == AccountKind::Human));
    // Checking takes long on purpose: not on a thread that serves others.
    let (desk, password) = (app.engine().desk().clone(), it.password.clone());
    let right = tokio::task::spawn_blocking(move || desk.check_password(account, &password)).await.unwrap_or(false);
    match account.filter(|_| right) {
        Some(account) => {
            app.sign_ins().succeeded(&it.login, &address);
            begin(&app, &headers, account, None)
        }
        None => {
            app.sign_ins().failed(&it.login, &address, now);
            Err(Failure::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "login or password is wrong").with_blocker(
                "wrong-credentials",
                "check both, or ask an administrator for a new password",
                "you",
            ))
        }
    }
}

fn begin(app: &App, headers: &HeaderMap, account: AccountId, by: Option<SignedInBy>) -> Answer<Response> {
    let (caller, cookie) = open(app, headers, account, by)?;
    let mut response = Json(describe(app, &caller)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Opens a session under a secret that nobody had before: what the browser showed is never taken over, and a session it had ends.
fn open(app: &App, headers: &HeaderMap, account: AccountId, by: Option<SignedInBy>) -> Answer<(Caller, HeaderValue)> {
    let desk = app.engine().desk();
    if let Some((former, _)) = auth::shown(headers, app)?.and_then(|caller| caller.session) {
        desk.end_session(&former)?;
    }
    let (secret, csrf) = (hex::encode(desk.secret()), hex::encode(desk.secret()));
    let since = app.engine().now();
    let session = Kept { account, csrf, since, expires: since.checked_add(LASTS).unwrap_or(since), by };
    let key = auth::hash(&secret);
    desk.put_session(&key, &session)?;
    let caller =
        Caller { actor: Actor::account(account), account, session: Some((key, session)), origin: Default::default() };
    Ok((caller, cookie(app, &secret, LASTS.as_secs())?))
}

fn cookie(app: &App, value: &str, seconds: i64) -> Answer<HeaderValue> {
    let secure = if app.options().secure_cookies { "; Secure" } else { "" };
    let name = auth::cookie_name(app);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Failure::unavailable("the session could not be begun"))
}

/// Signs out.
#[utoipa::path(delete, path = "/session", responses((status = 204)))]
pub async fn sign_out(State(app): State<App>, caller: Caller) -> Answer<Response> {
    if let Some((key, _)) = &caller.session {
        app.engine().desk().end_session(key)?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&app, "", 0)?)]).into_response())
}

/// Makes the first administrator with the secret from the one-time link, and signs in.
#[utoipa::path(post, path = "/setup", request_body = SetUp, responses((status = 200, body = Session)), security(()))]
pub async fn set_up(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Body(it): Body<SetUp>,
) -> Answer<Response> {
    auth::same_site(&headers)?;
    let now = app.engine().now();
    if let Some(seconds) = app.sign_ins().wait("", &address, now) {
        return Err(
            Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", "too many tries; wait").retry_after(seconds)
        );
    }
    let login: Name = crate::extract::parse("login", &it.login)?;
    text("name", &it.name, 1, 200)?;
    super::people::check_password(&it.password)?;
    let account: AccountId = app.engine().fresh();
    let email = it.email.iter().map(|email| app.engine().desk().identity(email)).collect();
    let spec =
        AccountSpec { kind: AccountKind::Human, roles: BTreeSet::new(), groups: BTreeSet::new(), identities: email };
    let command = Command::People(people::Command::ClaimSetup { secret: auth::hash(&it.secret), account, spec });
    app.engine()
        .try_out(&Actor::account(account), &command)
        .inspect_err(|_| app.sign_ins().failed("", &address, now))?;
    app.engine().desk().put_person(&Person { account, login: login.to_string(), name: it.name, email: it.email })?;
    let receipt = app.engine().submit(Actor::account(account), command, None).await?;
    super::people::set_password(&app, account, it.password.clone()).await?;
    let mut response = begin(&app, &headers, account, None)?;
    response.headers_mut().insert(POSITION, HeaderValue::from(receipt.position));
    Ok(response)
}
