//! What comes from outside: webhooks that are delivered here; and what manifests say about providers, issuers and webhooks.

use crate::{
    auth::Caller,
    edge::POSITION,
    extract::{At, Params, parse_all, read},
    hook,
    http::page,
    problem::{Answer, Failure},
    secrets,
    state::App,
};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
};
use interlock_domain::{
    core::{Actor, Command},
    intake::{self, Hook},
    people::{Grant, Issuer, Provider, Rule},
};
use interlock_ids::{AccountId, Digest, Name};
use interlock_wire::{
    intake::{Delivery, GroupGrant, IdentityProviderSpec, IssuerRule, Scheme, TrustedIssuerSpec, Webhook, WebhookSpec},
    page::{Page, Paging},
};
use sha2::{Digest as _, Sha256};

/// The longest delivery, in bytes.
const LONGEST: usize = 5 << 20;
/// Table of the desk in which bodies are kept, by webhook and digest: what others write about people can be erased there.
const BODIES: &str = "delivery";

pub fn provider_in(name: Name, it: &IdentityProviderSpec) -> Answer<Provider> {
    let grant = |it: &GroupGrant| -> Answer<Grant> {
        Ok(Grant { roles: parse_all("groups.roles", &it.roles)?, groups: parse_all("groups.groups", &it.groups)? })
    };
    let groups = it.groups.iter().map(|(group, it)| Ok((group.clone(), grant(it)?)));
    Ok(Provider {
        name,
        title: it.title.clone(),
        issuer: it.issuer.clone(),
        client_id: it.client_id.clone(),
        secret: it.client_secret.clone(),
        scopes: it.scopes.clone(),
        groups_claim: it.groups_claim.clone(),
        groups: groups.collect::<Answer<_>>()?,
        creates_accounts: it.creates_accounts,
        disabled: it.disabled,
    })
}

pub fn issuer_in(name: Name, it: &TrustedIssuerSpec, find: &impl Fn(&str) -> Answer<AccountId>) -> Answer<Issuer> {
    let rule = |it: &IssuerRule| -> Answer<Rule> {
        let account = find(&it.account)?;
        Ok(Rule { claims: it.claims.clone(), account, scopes: it.scopes.clone(), lasts_s: it.lasts.0 })
    };
    if let Some(jwks) = &it.jwks {
        interlock_integrations::oidc::Keys::parse(jwks.as_bytes())
            .map_err(|error| Failure::invalid("issuer-keys", "jwks", format!("jwks: {error}")))?;
    }
    Ok(Issuer {
        name,
        issuer: it.issuer.clone(),
        audience: it.audience.clone(),
        jwks_uri: it.jwks_uri.clone(),
        jwks: it.jwks.clone(),
        rules: it.rules.iter().map(rule).collect::<Answer<_>>()?,
        disabled: it.disabled,
    })
}

pub fn hook_in(name: Name, it: &WebhookSpec) -> Hook {
    let scheme = match it.scheme {
        Scheme::Github => intake::Scheme::Github,
        Scheme::Gitlab => intake::Scheme::Gitlab,
        Scheme::Standard => intake::Scheme::Standard,
    };
    Hook { name, scheme, secrets: it.secrets.clone(), disabled: it.disabled }
}

fn view(app: &App, it: &Hook) -> Webhook {
    Webhook {
        name: it.name.to_string(),
        scheme: match it.scheme {
            intake::Scheme::Github => Scheme::Github,
            intake::Scheme::Gitlab => Scheme::Gitlab,
            intake::Scheme::Standard => Scheme::Standard,
        },
        url: format!("{}/api/v1/webhooks/{}", app.public_url(), it.name),
        disabled: it.disabled,
    }
}

/// Places to which other systems deliver.
#[utoipa::path(get, path = "/webhooks", params(Paging), responses((status = 200, body = Page<Webhook>)))]
pub async fn webhooks(
    State(app): State<App>,
    _caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Webhook>>> {
    let world = app.engine().world();
    page::of(&paging, world.intake.hooks.iter(), |(name, _)| name.to_string(), |(_, it)| view(&app, it)).map(Json)
}

/// Takes in a delivery of another system, if it is signed.
#[utoipa::path(post, path = "/webhooks/{webhook}", params(("webhook" = String, Path)), request_body(content = Vec<u8>, content_type = "application/json"), responses((status = 200, body = Delivery), (status = 401, body = interlock_wire::problem::Problem, content_type = "application/problem+json")), security(()))]
pub async fn deliver(
    State(app): State<App>,
    At(name): At<String>,
    request: Request,
) -> Answer<([(HeaderName, HeaderValue); 1], Json<Delivery>)> {
    let found = name.parse::<Name>().ok().and_then(|name| app.engine().world().intake.hooks.get(&name).cloned());
    let it = found.filter(|it| !it.disabled).ok_or_else(|| Failure::not_found("webhook", &name))?;
    // A secret that is not there yet, or no more, is passed over; without any, nothing is taken.
    let secrets: Vec<String> = it.secrets.iter().filter_map(|reference| secrets::read(&app, reference).ok()).collect();
    let headers = request.headers().clone();
    let body = read(request, LONGEST).await?;
    let signed = hook::judge(it.scheme, &secrets, &headers, &body, app.engine().now().as_second())?;
    let digest = Digest(Sha256::digest(&body).into());
    keep(&app, &it.name, &digest, body.to_vec()).await?;
    let command = intake::Command::Deliver {
        hook: it.name.clone(),
        delivery: signed.delivery.clone(),
        what: signed.what,
        digest,
        size: body.len() as u32,
    };
    let receipt = app.engine().submit(Actor::system(), Command::Intake(command), None).await?;
    let delivery = Delivery {
        delivery: signed.delivery,
        digest: digest.to_string(),
        repeated: receipt.events.is_empty(),
        position: receipt.position,
    };
    Ok(([(POSITION, HeaderValue::from(receipt.position))], Json(delivery)))
}

async fn keep(app: &App, hook: &Name, digest: &Digest, body: Vec<u8>) -> Answer<()> {
    let (ledger, key) = (app.engine().ledger().clone(), format!("{hook} {digest}"));
    let kept = tokio::task::spawn_blocking(move || ledger.desk_put(BODIES, &key, &body)).await;
    Ok(kept.map_err(|_| Failure::unavailable("the delivery could not be kept; send it again"))??)
}
