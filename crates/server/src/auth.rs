//! Who asks: a session cookie or a bearer token. Authentication is here; what somebody may do is decided by the core.
//!
//! Invariants: a request that changes something on the strength of a cookie comes from our own page (Fetch Metadata, `Origin`)
//! and repeats the session's token; secrets are only compared as SHA-256; whoever is not let in learns nothing about why.

use crate::{
    extract,
    problem::{Answer, Failure},
    replay::{Old, SKEW_S},
    state::App,
};
use axum::{
    body::Bytes,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
};
use interlock_domain::{
    core::Actor,
    people::AccountKind,
    policy::{self, Question},
    reason::Outcome,
};
use interlock_engine::{Origin, Session};
use interlock_ids::{AccountId, Digest, Name};
use interlock_runner::signature;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use subtle::ConstantTimeEq as _;

/// Name of the session cookie.
pub const COOKIE: &str = "interlock_session";
/// Its name where it is only sent over TLS: then browsers take it from nobody but this very host, over TLS, for all paths.
const HOST_COOKIE: &str = "__Host-interlock_session";
/// The group a robot's account is in when a runner acts through it. The runner's name is the account's login.
pub const RUNNERS: &str = "runners";

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub account: AccountId,
    /// The key and content of the session, when signed in by cookie.
    pub session: Option<(Digest, Session)>,
    /// From where it is asked; kept at the desk beside what is written.
    pub origin: Origin,
}

impl Caller {
    /// An idempotency key, made this caller's own: nobody reads another's answer. Only its digest is kept, for ever, and an address
    /// may hold a login.
    pub fn own_key(&self, key: Option<String>) -> Option<String> {
        key.map(|key| format!("{} {}", self.account, hash(&key)))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let mut caller = identify(&parts.headers, &parts.method, app)?;
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|it| it.0.ip().to_string());
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        caller.origin = Origin::new(address, agent, caller.actor.token);
        if parts.method == Method::GET {
            may_read(app, &caller.actor)?;
        }
        Ok(caller)
    }
}

/// A runner, by the signature of its own key over the whole request, or, in protocol 1, by the token of its robot account; with the
/// body of the request.
pub struct Runner {
    pub name: Name,
    pub body: Bytes,
}

/// Longest body of a runner's request, in bytes.
const RUNNER_BODY: usize = 8 << 20;

impl Runner {
    /// The body as JSON. Read leniently: the other side may be newer (see `interlock_wire::runner`).
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Answer<T> {
        extract::json(&self.body)
    }
}

impl FromRequest<App> for Runner {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        if parts.extensions.get::<crate::tls::Shown>() == Some(&crate::tls::Shown(false)) {
            return Err(Failure::denied(
                "runner-certificate",
                "runners have to show a certificate here, and this one has shown none",
                "start the runner with --client-cert and --client-key",
            ));
        }
        // Who is nobody does not get a body read.
        let by_token = match parts.headers.contains_key(signature::INPUT) {
            true => None,
            false => Some(runner_by_token(&parts, app)?),
        };
        let mut rest = Request::new(body);
        *rest.headers_mut() = parts.headers.clone();
        let body = extract::read(rest, RUNNER_BODY).await?;
        let name = match by_token {
            Some(name) => name,
            None => runner_by_key(&parts, &body, app)?,
        };
        Ok(Self { name, body })
    }
}

/// What the session cookie is called on this server.
pub fn cookie_name(app: &App) -> &'static str {
    if app.options().secure_cookies { HOST_COOKIE } else { COOKIE }
}

/// The session a request shows, if it shows one that is in force.
///
/// # Errors
/// The desk cannot be read.
pub fn shown(headers: &HeaderMap, app: &App) -> Answer<Option<Caller>> {
    cookie(headers, cookie_name(app)).map_or(Ok(None), |secret| by_session(&secret, app))
}

fn runner_by_token(parts: &Parts, app: &App) -> Answer<Name> {
    let caller = identify(&parts.headers, &parts.method, app)?;
    let world = app.engine().world();
    let robot = world.people.account(caller.account).filter(|it| it.kind != AccountKind::Human);
    let member = robot.is_some_and(|it| it.groups.contains(RUNNERS));
    let login = app.engine().desk().person(caller.account).map(|it| it.login);
    let name: Option<Name> = login.filter(|_| member && caller.session.is_none()).and_then(|login| login.parse().ok());
    // A runner that has a key of its own uses it.
    name.filter(|name| world.runner.runner(name).is_none()).ok_or_else(|| {
        Failure::denied(
            "not-a-runner",
            "this account is not a runner's",
            "enrol the runner, or use the token of a robot in the group `runners`",
        )
    })
}

fn runner_by_key(parts: &Parts, body: &[u8], app: &App) -> Answer<Name> {
    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
    let signed = signature::Headers {
        digest: header(signature::DIGEST),
        input: header(signature::INPUT),
        signature: header(signature::SIGNATURE),
    };
    let wrong = |detail: String| {
        Failure::new(StatusCode::UNAUTHORIZED, "runner-signature", detail).with_blocker(
            "runner-signature",
            "sign with the runner's key as docs/reference/runner-protocol.md says",
            "the runner",
        )
    };
    let now = app.engine().now();
    let world = app.engine().world();
    let claims = signed.claims().map_err(|error| wrong(error.to_string()))?;
    let known = claims.keyid.parse::<Name>().ok().and_then(|name| world.runner.runner(&name).cloned());
    let revoked = known.as_ref().and_then(|it| it.revoked);
    let keys: Vec<[u8; 32]> = match (&known, revoked) {
        // Only whoever has the key is told that it is good for nothing any more.
        (Some(it), Some(_)) => vec![it.key.0],
        (Some(it), None) => it.keys(now).map(|key| key.0).collect(),
        (None, _) => Vec::new(),
    };
    // The path as the runner sent it: below a nest the router shows only the rest.
    let path = parts.extensions.get::<axum::extract::OriginalUri>().map_or(parts.uri.clone(), |it| it.0.clone());
    if path.query().is_some() {
        return Err(wrong("a signed request has no query".into()));
    }
    let verified = signed.verify(&keys, parts.method.as_str(), path.path(), body);
    verified.map_err(|error| wrong(error.to_string()))?;
    if let Some(at) = revoked {
        let detail = format!("runner `{}` was revoked at {at}", claims.keyid);
        return Err(Failure::denied(
            "runner-revoked",
            detail,
            "have it invited anew, and enrol it in an empty directory",
        ));
    }
    match app.replays().take(&claims.keyid, &claims.nonce, claims.created, now.as_second()) {
        Ok(()) => {}
        Err(Old::Clock) => {
            let detail = format!(
                "the request was made at {} by the runner's clock and it is {} here: more than {SKEW_S} seconds apart",
                jiff::Timestamp::from_second(claims.created).map_or_else(|_| "no time".into(), |it| it.to_string()),
                now
            );
            return Err(Failure::new(StatusCode::UNAUTHORIZED, "runner-clock", detail).with_blocker(
                "runner-clock",
                "set the clocks of both machines, by NTP for example",
                "who runs the machines",
            ));
        }
        Err(Old::BeforeStart) => {
            return Err(wrong("the request was made before this node started; sign it anew".into()));
        }
        Err(Old::Used) => return Err(wrong("the request was taken before; sign it anew".into())),
        Err(Old::Form) => return Err(wrong("the nonce is not a session and a number".into())),
    }
    known.map(|it| it.name).ok_or_else(|| wrong("there is no such runner".into()))
}

/// SHA-256 of a secret: how secrets are stored and looked up.
pub fn hash(secret: &str) -> Digest {
    Digest(Sha256::digest(secret.as_bytes()).into())
}

/// SHA-256 of bytes that are no secret.
pub fn hash_bytes(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Whoever may read nothing is told so by the policies, like for everything else.
pub fn may_read(app: &App, actor: &Actor) -> Answer<()> {
    let world = app.engine().world();
    let ruling = policy::ask(&world, actor, Question::new("read", "Organisation", "organisation"));
    if ruling.outcome == Outcome::Pass {
        return Ok(());
    }
    let summary = "you may not read here";
    Err(interlock_domain::reason::Refusal::new(interlock_domain::reason::RefusalKind::Denied, summary, ruling.blockers)
        .into())
}

fn identify(headers: &HeaderMap, method: &Method, app: &App) -> Answer<Caller> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let secret = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return secret
            .and_then(|(_, secret)| by_token(secret.trim(), app))
            .ok_or_else(|| unknown("the token is not one that is in force"));
    }
    let caller = shown(headers, app)?.ok_or_else(|| unknown("sign in, or send a token"))?;
    if !method.is_safe() {
        same_site(headers)?;
        let shown = headers.get("x-csrf-token").map(|it| it.as_bytes()).unwrap_or_default();
        let wanted = caller.session.as_ref().map(|(_, session)| session.csrf.as_bytes()).unwrap_or_default();
        if wanted.is_empty() || !bool::from(shown.ct_eq(wanted)) {
            let detail = "the header `X-CSRF-Token` is missing or is not this session's";
            return Err(Failure::denied("csrf-token", detail, "send the `csrf_token` that GET /api/v1/session gives"));
        }
    }
    Ok(caller)
}

/// Nobody has signed in.
pub fn nobody() -> Failure {
    unknown("sign in, or send a token")
}

fn unknown(detail: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "not-signed-in", detail).with_blocker(
        "not-signed-in",
        "sign in, or send `Authorization: Bearer <token>`",
        "you",
    )
}

/// The account behind a token's secret, if the token is in force.
pub fn by_token(secret: &str, app: &App) -> Option<Caller> {
    let world = app.engine().world();
    let token = world.people.token(&hash(secret), app.engine().now())?;
    let actor = Actor { token: Some(token.id), scopes: token.scopes.clone(), ..Actor::account(token.account) };
    Some(Caller { actor, account: token.account, session: None, origin: Origin::default() })
}

fn by_session(secret: &str, app: &App) -> Answer<Option<Caller>> {
    let key = hash(secret);
    let Some(session) = app.engine().desk().session(&key)? else { return Ok(None) };
    let world = app.engine().world();
    let open = world.people.account(session.account).is_some_and(|account| !account.closed);
    let account = session.account;
    Ok(open.then(|| Caller {
        actor: Actor::account(account),
        account,
        session: Some((key, session)),
        origin: Origin::default(),
    }))
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

/// Refuses what a browser sends on behalf of another site: by Fetch Metadata where the browser has it, by `Origin` where not.
pub fn same_site(headers: &HeaderMap) -> Answer<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fetched_by_us = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let host = text("host").unwrap_or_default();
    let our_origin = text("origin").is_none_or(|origin| origin.split_once("://").is_some_and(|(_, it)| it == host));
    if fetched_by_us && our_origin {
        return Ok(());
    }
    Err(Failure::denied(
        "cross-site",
        "the request comes from another site's page",
        "use Interlock's own page, or a token",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn other_sites_are_told_by_either_header() {
        for good in [
            &[][..],
            &[("host", "h:1"), ("origin", "http://h:1")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(same_site(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[("host", "h:1"), ("origin", "http://h:2")][..],
            &[("host", "h:1"), ("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(same_site(&headers(bad)).unwrap_err().problem().code, "cross-site", "{bad:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let all = headers(&[("cookie", "a=1; interlock_session=xyz; b=2")]);
        assert_eq!(cookie(&all, COOKIE).as_deref(), Some("xyz"));
        assert_eq!(cookie(&all, "session"), None);
    }
}
