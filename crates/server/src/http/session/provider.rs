//! Sign-in by an identity provider: off to it, back from it, and out of it.
//!
//! Invariants: who comes back is the browser that was sent off (cookie), with the state it was sent off with, once; the session that
//! follows is a new one; the only places to go to afterwards are paths of the page; addresses are made of the server's own
//! configuration and of the provider's document, never of the request's.

use super::{Address, open};
use crate::{
    auth,
    extract::{At, Params, content_type, read, wrong_content},
    problem::{Answer, Failure},
    secrets,
    state::App,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use interlock_domain::{
    core::{Actor, Command, Event},
    people::{self, Claimed, Provider},
};
use interlock_engine::{Begun, Person, SignedInBy};
use interlock_ids::{AccountId, Name};
use interlock_integrations::oidc::{self, Expected, Issuers, Source, Trouble, Verified};
use interlock_wire::session::{BeginSignIn, EndSignIn, SignInWay};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeSet, sync::Arc};
use subtle::ConstantTimeEq as _;

/// What ties a sign-in to the browser that began it.
const BROWSER: &str = "interlock_sign_in";
/// How long somebody may take at the provider.
const TAKES: SignedDuration = SignedDuration::from_mins(10);
/// Groups of one person that are looked at.
const GROUPS: usize = 1000;
/// What a token that ends sessions has to speak of.
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Ways to sign in beside a password.
pub(super) fn ways(app: &App) -> Vec<SignInWay> {
    let world = app.engine().world();
    let open = world.people.providers.values().filter(|it| !it.disabled);
    open.map(|it| SignInWay {
        name: it.name.to_string(),
        title: it.title.clone(),
        url: format!("/api/v1/session/providers/{}", it.name),
    })
    .collect()
}

/// Where to sign out of the provider too, if it has such a place and can be asked.
pub(super) async fn sign_out_at(app: &App, by: &SignedInBy) -> Option<String> {
    let provider = app.engine().world().people.providers.get(&by.provider)?.clone();
    let metadata = app.issuers()?.metadata(&provider.issuer).await.ok()?;
    oidc::sign_out(&metadata, &provider.client_id, &format!("{}/sign-in", app.public_url()), &by.id_token)
}

fn provider(app: &App, name: &str) -> Answer<Arc<Provider>> {
    let found = name.parse::<Name>().ok().and_then(|name| app.engine().world().people.providers.get(&name).cloned());
    found.filter(|it| !it.disabled).ok_or_else(|| Failure::not_found("identity provider", name))
}

pub(super) fn issuers(app: &App) -> Answer<&Issuers> {
    app.issuers().ok_or_else(|| Failure::unavailable("this server cannot ask anybody outside; see its log"))
}

fn redirect_uri(app: &App) -> String {
    format!("{}/api/v1/session/callback", app.public_url())
}

/// A path of the page to go to after signing in. Nothing else: an address would let anybody's link lead from our sign-in to his.
fn way_back(to: Option<&str>) -> Answer<String> {
    let to = to.unwrap_or("/");
    let inside = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    if inside && to.len() <= 512 && to.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(to.to_owned());
    }
    Err(Failure::invalid("return-path", "to", "to: write a path of this page, such as /releases/spring"))
}

/// Sends the browser to an identity provider.
#[utoipa::path(get, path = "/session/providers/{provider}", params(("provider" = String, Path), BeginSignIn), responses((status = 303, description = "Off to the identity provider"), (status = 403, body = interlock_wire::problem::Problem, content_type = "application/problem+json")), security(()))]
pub async fn begin_sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    At(name): At<String>,
    Params(it): Params<BeginSignIn>,
) -> Answer<Response> {
    let (provider, to) = (provider(&app, &name)?, way_back(it.to.as_deref())?);
    let link = it.link.unwrap_or(false).then(|| {
        auth::same_site(&headers)?;
        let shown = auth::shown(&headers, &app)?.map(|caller| caller.account);
        shown.ok_or_else(|| {
            Failure::denied("link-without-session", "nobody is signed in to tie this to", "sign in first")
        })
    });
    let link = link.transpose()?;
    let metadata = issuers(&app)?.metadata(&provider.issuer).await.map_err(trouble)?;
    let desk = app.engine().desk();
    let (nonce, browser) = (hex::encode(desk.secret()), hex::encode(desk.secret()));
    let verifier = hex::encode(desk.secret());
    let expires = app.engine().now().checked_add(TAKES).unwrap_or(app.engine().now());
    let state = format!("{}.{}", expires.as_second(), hex::encode(desk.secret()));
    let begun = Begun {
        provider: provider.name.clone(),
        nonce,
        verifier,
        browser: auth::hash(&browser),
        to,
        link,
        expires: second(expires),
    };
    let (redirect_uri, scopes) = (redirect_uri(&app), scopes(&provider));
    let place =
        oidc::begin(&metadata, &sent(&provider, &redirect_uri, &scopes, &state, &begun), &challenge(&begun.verifier));
    desk.put_begun(&auth::hash(&state), &begun)?;
    go(&place.map_err(trouble)?, Some(browser_cookie(&app, &browser, TAKES.as_secs())?))
}

fn scopes(provider: &Provider) -> Vec<&str> {
    provider.scopes.iter().map(String::as_str).collect()
}

/// A sign-in in the form in which the flow takes it.
fn sent<'a>(
    provider: &'a Provider,
    redirect_uri: &'a str,
    scopes: &'a [&'a str],
    state: &'a str,
    begun: &'a Begun,
) -> oidc::Begun<'a> {
    oidc::Begun {
        client_id: &provider.client_id,
        redirect_uri,
        scopes,
        state,
        nonce: &begun.nonce,
        verifier: &begun.verifier,
    }
}

fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn challenge(verifier: &str) -> String {
    oidc::challenge(&Sha256::digest(verifier.as_bytes()).into())
}

fn browser_cookie(app: &App, value: &str, seconds: i64) -> Answer<HeaderValue> {
    let secure = if app.options().secure_cookies { "; Secure" } else { "" };
    // Lax: the way back is a navigation that another site begins.
    let text =
        format!("{BROWSER}={value}; Path=/api/v1/session/callback; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|_| Failure::unavailable("the sign-in could not be begun"))
}

/// Sends the browser somewhere.
fn go(place: &str, cookie: Option<HeaderValue>) -> Answer<Response> {
    let place = HeaderValue::from_str(place).map_err(|_| Failure::unavailable("there is no way to go there"))?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Takes the browser back from an identity provider and signs in.
#[utoipa::path(get, path = "/session/callback", params(EndSignIn), responses((status = 303, description = "Into the page, signed in or told why not"), (status = 403, body = interlock_wire::problem::Problem, content_type = "application/problem+json"), (status = 429, body = interlock_wire::problem::Problem, content_type = "application/problem+json")), security(()))]
pub async fn end_sign_in(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Params(it): Params<EndSignIn>,
) -> Answer<Response> {
    let now = app.engine().now();
    if let Some(seconds) = app.sign_ins().wait_address(&address, now) {
        let detail = format!("too many failed sign-ins; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let over = browser_cookie(&app, "", 0)?;
    match signed_in(&app, &headers, it).await {
        Ok((to, session)) => {
            let mut response = go(&to, Some(over))?;
            response.headers_mut().append(header::SET_COOKIE, session);
            Ok(response)
        }
        Err(failure) => {
            app.sign_ins().failed_address(&address, now);
            tracing::warn!(code = failure.problem().code, detail = failure.problem().detail, "a sign-in was refused");
            // A person reads the page; the code is one of ours and nothing of the request.
            let reads =
                headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html"));
            if reads { go(&format!("/sign-in?refused={}", failure.problem().code), Some(over)) } else { Err(failure) }
        }
    }
}

async fn signed_in(app: &App, headers: &HeaderMap, it: EndSignIn) -> Answer<(String, HeaderValue)> {
    let (begun, provider, state) = taken(app, headers, &it)?;
    if it.iss.as_deref().is_some_and(|iss| iss != provider.issuer) {
        return Err(Failure::denied("token-issuer", "another provider answered than was asked", "sign in again"));
    }
    if let Some(error) = it.error {
        let error: String = error.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
        let detail = format!("{} refused: {error}", provider.title);
        return Err(Failure::denied("provider-refused", detail, "sign in again, or ask whoever runs the provider"));
    }
    let code = it.code.filter(|code| (1..=4096).contains(&code.len()));
    let code = code.ok_or_else(|| Failure::denied("provider-refused", "the provider sent no code", "sign in again"))?;
    let secret = provider.secret.as_deref().map(|reference| secrets::read(app, reference)).transpose()?;
    let (redirect_uri, scopes) = (redirect_uri(app), scopes(&provider));
    let sent = sent(&provider, &redirect_uri, &scopes, &state, &begun);
    let issuers = issuers(app)?;
    let tokens = issuers.exchange(&provider.issuer, &sent, secret.as_deref(), &code).await.map_err(trouble)?;
    let expected = Expected {
        issuer: &provider.issuer,
        audience: &provider.client_id,
        nonce: Some(&begun.nonce),
        subject: true,
        now: app.engine().now().as_second(),
    };
    let verified = issuers.verify(Source::Discovered, &tokens.id_token, &expected).await.map_err(trouble)?;
    let mut claims = verified.claims.clone();
    // Many providers tell groups and addresses only when asked for them.
    let more = issuers.person(&provider.issuer, &tokens.access_token, &verified.subject).await.map_err(trouble)?;
    for (claim, value) in more {
        claims.entry(claim).or_insert(value);
    }
    let subject = app.engine().desk().subject(&provider.issuer, &verified.subject);
    let account = enter(app, &provider, &begun, subject, &claims).await?;
    let sid = verified.text("sid").map(str::to_owned);
    let by = SignedInBy { provider: provider.name.clone(), subject, sid, id_token: tokens.id_token };
    let (_, cookie) = open(app, headers, account, Some(by))?;
    Ok((begun.to, cookie))
}

/// The sign-in this browser began, which is thereby over, whatever comes of it.
fn taken(app: &App, headers: &HeaderMap, it: &EndSignIn) -> Answer<(Begun, Arc<Provider>, String)> {
    let stranger = || {
        let detail = "this browser has begun no such sign-in, or it took longer than 10 minutes, or it is over";
        Failure::denied("sign-in-not-begun", detail, "begin at the sign-in page")
    };
    let state = it.state.clone().filter(|it| it.len() <= 200).ok_or_else(stranger)?;
    let expires = state.split_once('.').and_then(|(second, _)| second.parse().ok());
    let expires = expires.and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(stranger)?;
    let begun = app.engine().desk().take_begun(expires, &auth::hash(&state))?.ok_or_else(stranger)?;
    let browser = auth::hash(&auth::cookie(headers, BROWSER).unwrap_or_default());
    if !bool::from(browser.0.ct_eq(&begun.browser.0)) {
        return Err(stranger());
    }
    let provider = provider(app, begun.provider.as_str())?;
    Ok((begun, provider, state))
}

/// Has the core decide who this is; somebody new is entered at the desk first.
async fn enter(
    app: &App,
    provider: &Provider,
    begun: &Begun,
    subject: interlock_ids::Identity,
    claims: &Map<String, Value>,
) -> Answer<AccountId> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let address = text("email").filter(|it| verified && it.len() <= 254 && it.contains('@'));
    let groups = match claims.get(&provider.groups_claim) {
        Some(Value::Array(all)) => all.iter().take(GROUPS).filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(only)) => BTreeSet::from([only.clone()]),
        _ => BTreeSet::new(),
    };
    let fresh: AccountId = app.engine().fresh();
    let email = address.map(|it| app.engine().desk().identity(it));
    let claimed = Claimed { provider: provider.name.clone(), subject, account: fresh, groups, email, link: begun.link };
    let command = Command::People(people::Command::SignIn { claimed });
    let rehearsed = app.engine().try_out(&Actor::system(), &command);
    let new =
        rehearsed.is_ok_and(|events| events.iter().any(|it| matches!(it, Event::People(people::Event::AccountPut(_)))));
    if new {
        let login = login(app, text("preferred_username").or(address).unwrap_or("person"));
        let name = text("name").or(text("preferred_username")).unwrap_or(&login);
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        app.engine().desk().put_person(&Person { account: fresh, login, name, email: address.map(str::to_owned) })?;
    }
    let receipt = app.engine().submit(Actor::system(), command, None).await?;
    let account = receipt.events.iter().find_map(|it| match &it.event {
        Event::People(people::Event::SignedIn(it)) => Some(it.account),
        _ => None,
    });
    account.ok_or_else(|| Failure::unavailable("the sign-in was not recorded; try again"))
}

/// A login that nobody has, made of what the provider calls somebody.
fn login(app: &App, wish: &str) -> String {
    let wish = wish.split('@').next().unwrap_or_default().to_lowercase();
    let plain: String = wish.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(50).collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "person" } else { plain };
    let taken = |login: &str| app.engine().desk().by_login(login).is_some();
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    std::iter::once(plain.to_owned()).chain(numbered).find(|login| !taken(login)).unwrap_or_default()
}

/// What it means that an issuer could not be asked or its token is not taken.
pub(super) fn trouble(trouble: Trouble) -> Failure {
    let detail = trouble.to_string();
    match trouble {
        Trouble::Unreachable(_) => {
            tracing::warn!(%detail, "an issuer could not be asked");
            Failure::unavailable("the identity provider cannot be reached at the moment; try again")
        }
        Trouble::Document(_) => Failure::denied("provider-document", detail, "whoever runs the provider corrects it"),
        Trouble::Exchange(_) => Failure::denied("provider-refused", detail, "sign in again"),
        Trouble::Token(fault) => {
            Failure::denied(fault.code(), detail, "get a new token, by signing in again or from its issuer")
        }
    }
}

/// Ends sessions at the wish of an identity provider (OpenID Connect Back-Channel Logout 1.0).
#[utoipa::path(post, path = "/session/providers/{provider}/logout", params(("provider" = String, Path)), request_body(content = interlock_wire::session::BackChannelLogout, content_type = "application/x-www-form-urlencoded"), responses((status = 204)), security(()))]
pub async fn back_channel_logout(State(app): State<App>, At(name): At<String>, request: Request) -> Answer<StatusCode> {
    let provider = provider(&app, &name)?;
    let kind = content_type(request.headers());
    if kind != "application/x-www-form-urlencoded" {
        return Err(wrong_content(&kind, "application/x-www-form-urlencoded"));
    }
    let bytes = read(request, 32 << 10).await?;
    // A token has no character that a form would escape.
    let form = String::from_utf8_lossy(&bytes);
    let token = form.split('&').find_map(|pair| pair.strip_prefix("logout_token=")).unwrap_or_default();
    let expected = Expected {
        issuer: &provider.issuer,
        audience: &provider.client_id,
        nonce: None,
        subject: false,
        now: app.engine().now().as_second(),
    };
    let verified = issuers(&app)?.verify(Source::Discovered, token, &expected).await.map_err(trouble)?;
    let (subject, sid) = ends(&app, &provider, &verified)?;
    let ended = app.engine().desk().end_sessions(subject.as_ref(), &provider.name, sid.as_deref())?;
    tracing::info!(provider = %provider.name, ended, "sessions were ended by the identity provider");
    Ok(StatusCode::NO_CONTENT)
}

type Ends = (Option<interlock_ids::Identity>, Option<String>);

/// Whose sessions a token ends. One that was made for signing in is none of those.
fn ends(app: &App, provider: &Provider, it: &Verified) -> Answer<Ends> {
    let meant = it.claims.get("events").and_then(|events| events.get(LOGOUT)).is_some_and(Value::is_object);
    let sid = it.text("sid").map(str::to_owned);
    if !meant || it.claims.contains_key("nonce") || (it.subject.is_empty() && sid.is_none()) {
        return Err(Failure::denied("token-malformed", "this token ends no sessions", "send a logout token"));
    }
    let subject = (!it.subject.is_empty()).then(|| app.engine().desk().subject(&provider.issuer, &it.subject));
    Ok((subject, sid))
}
