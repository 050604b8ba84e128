//! Sign-in, the first administrator, and what the server is.

use crate::reason::Ref;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub server: ServerInfo,
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
