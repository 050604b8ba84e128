//! Programs come in by the token of an issuer that is trusted: it is exchanged for a token of a robot, scoped and short.

use super::{Address, issuers, trouble};
use crate::{
    auth,
    edge::POSITION,
    extract::Body,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
};
use interlock_domain::{
    core::{Actor, Command},
    people::{self, Admission, Issuer},
    reason::NoteRef,
};
use interlock_ids::{Digest, TokenId};
use interlock_integrations::oidc::{Expected, Issuers, Source, Verified};
use interlock_wire::session::{ExchangeToken, ExchangedToken};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// Exchanges a token of a trusted issuer for a token of a robot.
#[utoipa::path(post, path = "/session/exchange", request_body = ExchangeToken, responses((status = 201, body = ExchangedToken), (status = 429, body = interlock_wire::problem::Problem, content_type = "application/problem+json")), security(()))]
pub async fn exchange_token(
    State(app): State<App>,
    Address(address): Address,
    Body(it): Body<ExchangeToken>,
) -> Answer<(StatusCode, [(HeaderName, HeaderValue); 1], Json<ExchangedToken>)> {
    let now = app.engine().now();
    if let Some(seconds) = app.sign_ins().wait_address(&address, now) {
        let detail = format!("too many refused tokens; try again in {seconds} seconds");
        return Err(Failure::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail).retry_after(seconds));
    }
    let given = exchanged(&app, &it.token).await.inspect_err(|_| app.sign_ins().failed_address(&address, now))?;
    let position = HeaderValue::from(app.engine().head());
    Ok((StatusCode::CREATED, [(POSITION, position)], Json(given)))
}

async fn exchanged(app: &App, token: &str) -> Answer<ExchangedToken> {
    let issuer = issuer(app, token)?;
    let source = match (&issuer.jwks, &issuer.jwks_uri) {
        (Some(jwks), _) => Source::Given(jwks),
        (None, Some(uri)) => Source::At(uri),
        (None, None) => Source::Discovered,
    };
    let now = app.engine().now().as_second();
    let expected = Expected { issuer: &issuer.issuer, audience: &issuer.audience, nonce: None, subject: true, now };
    let verified = issuers(app)?.verify(source, token, &expected).await.map_err(trouble)?;
    let secret = format!("ilk_{}", hex::encode(app.engine().desk().secret()));
    let id: TokenId = app.engine().fresh();
    let admission = |subject| Admission {
        issuer: issuer.name.clone(),
        claims: texts(&verified),
        subject,
        once: once(&issuer, &verified, token),
        ends: Timestamp::from_second(verified.expires).unwrap_or(app.engine().now()),
        token: id,
        hash: auth::hash(&secret),
    };
    let command = |subject| Command::People(people::Command::Admit { admission: admission(subject) });
    // Who it is, is written down only once it is let in.
    let nobody = NoteRef { id: app.engine().fresh(), digest: Digest([0; 32]) };
    let subject = match app.engine().try_out(&Actor::system(), &command(nobody)) {
        Ok(_) => app.engine().desk().put_note(&verified.subject)?,
        Err(_) => nobody,
    };
    app.engine().submit(Actor::system(), command(subject), None).await?;
    let lens = Lens::of_system(app.engine());
    let token = lens.world.people.tokens.get(&id).cloned();
    let token = token.ok_or_else(|| Failure::unavailable("the token is not there yet; ask for another"))?;
    Ok(ExchangedToken {
        secret,
        account: lens.person(token.account),
        scopes: token.scopes.iter().flatten().cloned().collect(),
        expires_at: token.expires,
    })
}

/// The issuer the token says it is of, if it is one that is trusted. By its keys it is then judged.
fn issuer(app: &App, token: &str) -> Answer<Arc<Issuer>> {
    let claimed = Issuers::claimed(token).unwrap_or_default();
    let world = app.engine().world();
    let found = world.people.issuers.values().find(|it| !it.disabled && it.issuer == claimed).cloned();
    found.ok_or_else(|| {
        let detail = "the token is of no issuer that is trusted here, or cannot be read";
        Failure::denied("token-issuer", detail, "a token of an issuer that is entered as a TrustedIssuer")
    })
}

/// Claims that rules can speak of.
fn texts(it: &Verified) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    it.claims.iter().filter_map(|(claim, value)| Some((claim.clone(), text(value)?))).collect()
}

/// What makes a token usable once: its id, or what was signed, which unlike the signature has one form only.
fn once(issuer: &Issuer, it: &Verified, token: &str) -> Digest {
    let signed = token.rsplit_once('.').map_or(token, |(signed, _)| signed);
    let what = it.text("jti").map_or_else(|| format!("signed {signed}"), |id| format!("id {id}"));
    Digest(Sha256::digest(format!("{}\n{what}", issuer.issuer)).into())
}
