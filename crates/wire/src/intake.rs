//! Webhooks in: where other systems deliver, and what was taken in.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// How a delivery proves who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// `X-Hub-Signature-256`.
    Github,
    /// `X-Gitlab-Token`.
    Gitlab,
    /// Standard Webhooks.
    Standard,
}

/// A place to which another system delivers. What is in a manifest of kind `Webhook`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    pub scheme: Scheme,
    /// Where its secrets are: `env:INTERLOCK_SECRET_NAME` or `file:name`. Any of the 1 to 3 is taken.
    pub secrets: Vec<String>,
    #[serde(default)]
    pub disabled: bool,
}

/// A webhook as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    pub name: String,
    pub scheme: Scheme,
    /// Where to deliver.
    pub url: String,
    pub disabled: bool,
}

/// What was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The sender's id of it.
    pub delivery: String,
    /// SHA-256 of the body.
    pub digest: String,
    /// It was in already; nothing was recorded.
    pub repeated: bool,
    pub position: u64,
}

/// An identity provider that people sign in by. What is in a manifest of kind `IdentityProvider`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderSpec {
    /// What the sign-in page calls it.
    pub title: String,
    /// Its issuer identifier, exactly as in its discovery document.
    pub issuer: String,
    pub client_id: String,
    /// Where the client's secret is: `env:INTERLOCK_SECRET_NAME` or `file:name`; absent for a public client.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Scopes asked for beside `openid`.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// The claim that lists groups.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// What each group gives. A group that is not here gives nothing.
    #[serde(default)]
    pub groups: std::collections::BTreeMap<String, GroupGrant>,
    /// Whether somebody who comes for the first time gets an account.
    #[serde(default)]
    pub creates_accounts: bool,
    #[serde(default)]
    pub disabled: bool,
}

fn groups_claim() -> String {
    "groups".into()
}

/// What a group of an identity provider gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupGrant {
    #[serde(default)]
    pub roles: BTreeSet<String>,
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// An issuer whose tokens programs may exchange. What is in a manifest of kind `TrustedIssuer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuerSpec {
    /// Exactly as in its tokens.
    pub issuer: String,
    /// What its tokens have to be made for.
    pub audience: String,
    /// Where its keys are; absent: where its discovery document says.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// Its keys themselves, a JWK Set as JSON text, for an issuer that cannot be called.
    #[serde(default)]
    pub jwks: Option<String>,
    /// The first that matches counts.
    pub rules: Vec<IssuerRule>,
    #[serde(default)]
    pub disabled: bool,
}

/// Whom a token lets in as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerRule {
    /// Claims and what they have to be; `*` stands for any characters.
    pub claims: std::collections::BTreeMap<String, String>,
    /// Login of the robot it becomes.
    pub account: String,
    /// Actions the token given in exchange is limited to.
    pub scopes: BTreeSet<String>,
    /// How long that token is good for: 1 minute to 1 hour.
    pub lasts: crate::length::Length,
}
