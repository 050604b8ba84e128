//! Sign-in, the first administrator, and what the server is.

use crate::reason::Ref;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Signs in with a password. The answer sets the session cookie.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub login: String,
    pub password: String,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub person: Me,
    /// To be sent as `X-CSRF-Token` with every request that changes something; empty when signed in by token.
    pub csrf_token: String,
    pub expires_at: Option<Timestamp>,
    /// Where to send the browser after signing out, to sign out of the identity provider too.
    pub sign_out_url: Option<String>,
    pub server: ServerInfo,
}

/// A way to sign in beside a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInWay {
    pub name: String,
    pub title: String,
    /// Where to send the browser; takes `to`, the path of the page to come back to.
    pub url: String,
}

/// How a sign-in at an identity provider is begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BeginSignIn {
    /// Path of the page to come back to; `/` if absent.
    pub to: Option<String>,
    /// Ties the sign-in to the account that is signed in now.
    pub link: Option<bool>,
}

/// What an identity provider sends the browser back with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EndSignIn {
    pub state: Option<String>,
    pub code: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    pub error: Option<String>,
}

/// Exchanges a token of a trusted issuer, such as a CI system's, for a token of a robot.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeToken {
    /// The issuer's token, a JWT.
    pub token: String,
}

/// What was given in exchange. It is shown this once and kept nowhere.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ExchangedToken {
    /// Sent as `Authorization: Bearer <secret>`.
    pub secret: String,
    /// The robot it is of.
    pub account: Ref,
    pub scopes: Vec<String>,
    pub expires_at: Timestamp,
}

/// Ends sessions at the wish of an identity provider.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct BackChannelLogout {
    pub logout_token: String,
}

/// The account a request is made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub id: String,
    pub login: String,
    pub name: String,
    pub email: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Whose decisions this account may take at the moment.
    pub stands_in_for: Vec<Ref>,
}

/// What the server is. Needs no sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerInfo {
    pub version: String,
    /// Name of the organisation, once there is one.
    pub organisation: Option<String>,
    /// The origin that stands in the ledger's checkpoints.
    pub origin: String,
    /// Entries in the ledger.
    pub position: u64,
    /// Nobody has used the one-time link yet.
    pub setup_needed: bool,
    /// Ways to sign in beside a password.
    pub sign_in: Vec<SignInWay>,
    pub now: Timestamp,
}

/// Whether the server is alive and can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is the matter.
    pub status: String,
    pub position: u64,
}

/// Makes the first administrator with the secret from the one-time link.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub secret: String,
    pub login: String,
    pub name: String,
    #[serde(default)]
    pub email: Option<String>,
    /// 12 to 1,000 characters.
    pub password: String,
}
