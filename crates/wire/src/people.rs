//! Accounts, tokens, delegation, leave.

use crate::{
    length::Length,
    reason::{Action, Ref, Status},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Whether a person or a program is behind an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    #[default]
    Human,
    Robot,
}

/// An account as others see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    pub id: String,
    pub login: String,
    /// What people call its owner; the login if that was erased.
    pub name: String,
    pub email: Option<String>,
    pub kind: AccountKind,
    /// Who answers for a robot.
    pub owner: Option<Ref>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// How many addresses it commits with. The addresses themselves are kept only as keyed digests.
    pub identities: u32,
    /// Other accounts of the same person.
    pub links: Vec<Ref>,
    pub status: Status,
    pub leave: Vec<crate::reason::Span>,
    pub delegates_to: Vec<Delegation>,
    pub actions: Vec<Action>,
}

/// Creates an account or changes it as a whole. What is in a manifest of kind `Account`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// What people call its owner.
    pub display_name: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub kind: AccountKind,
    /// Login of who answers for a robot; needed for robots only.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub roles: BTreeSet<String>,
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Addresses it commits with, beside `email`.
    #[serde(default)]
    pub commits_as: BTreeSet<String>,
    /// Logins of other accounts of the same person.
    #[serde(default)]
    pub links: BTreeSet<String>,
}

/// Creates an account or changes it as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutAccount {
    /// 1 to 63 characters of a-z, 0-9 and `-`.
    pub login: String,
    pub spec: AccountSpec,
    /// The first password, or a new one; 12 to 1,000 characters.
    #[serde(default)]
    pub password: Option<String>,
}

/// Changes a password: one's own with the present one, or an administrator anybody's.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[serde(default)]
    pub present: Option<String>,
    /// 12 to 1,000 characters.
    pub password: String,
}

/// Says that another account belongs to the same person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkAccount {
    /// Login or id of the other account.
    pub to: String,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    pub id: String,
    pub name: String,
    pub owner: Ref,
    /// Actions it is limited to; null: all its account may do.
    pub scopes: Option<Vec<String>>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub status: Status,
}

/// Issues a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// 1 to 100 characters.
    pub name: String,
    /// Login or id of the account it is for; one's own if absent.
    #[serde(default)]
    pub account: Option<String>,
    /// Actions it is limited to, as policies name them; absent: all its account may do.
    #[serde(default)]
    pub scopes: Option<BTreeSet<String>>,
    /// How long it is good for, at most 366 days.
    pub lasts: Length,
}

/// A token that was just issued. The secret is shown this once and kept nowhere.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    pub token: Token,
    /// Sent as `Authorization: Bearer <secret>`.
    pub secret: String,
}

/// One person's decisions in another's hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delegation {
    pub id: String,
    pub from: Ref,
    pub to: Ref,
    pub start: Timestamp,
    pub end: Timestamp,
    pub status: Status,
}

/// Delegates one's own decisions for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delegate {
    /// Login or id.
    pub to: String,
    pub start: Timestamp,
    pub end: Timestamp,
}

/// Says that somebody is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutLeave {
    pub start: Timestamp,
    pub end: Timestamp,
}
