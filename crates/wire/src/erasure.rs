//! Erasure: forgetting a person, redacting a text, telling a person what is held.

use crate::reason::Ref;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// On what ground something is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person asked for it (GDPR, article 17).
    Request,
    /// It has been kept as long as it may be.
    Retention,
    /// It should never have been kept.
    Unlawful,
    /// The reason says.
    Other,
}

/// Forgets a person, or redacts a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    pub basis: Basis,
    /// Names nobody; 1 to 4,000 characters. It is kept with the entry that says that it was done.
    pub reason: String,
}

/// What was forgotten so far, without a name in it. Keep it beside the backups: `interlock ledger restore --erasures` does it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erasures {
    /// Entries the ledger had.
    pub position: u64,
    pub people: Vec<Erased>,
    pub notes: Vec<Erased>,
}

/// One thing that was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Id of the account or of the note.
    pub id: String,
    /// The entry that says so.
    pub position: u64,
}

/// Everything that is held about a person (GDPR, article 15).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonExport {
    pub account: String,
    /// When this was put together, and at how many entries.
    pub at: Timestamp,
    pub position: u64,
    pub login: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub links: Vec<Ref>,
    /// Keyed digests that stand for addresses in the ledger. They stay after an erasure.
    pub identities: Vec<String>,
    pub has_password: bool,
    pub leave: Vec<crate::reason::Span>,
    pub delegations: Vec<crate::people::Delegation>,
    pub tokens: Vec<crate::people::Token>,
    pub sessions: Vec<SessionHeld>,
    /// What commits call the person.
    pub commits_as: Vec<CommitterHeld>,
    /// From where the person acted.
    pub origins: Vec<OriginHeld>,
    /// Texts the person wrote. They stay after an erasure, unless they are redacted.
    pub texts: Vec<TextHeld>,
    /// Texts of anybody in which the person is named. They can be redacted one by one.
    pub named_in: Vec<TextHeld>,
    /// Entries whose own bytes hold the person's name, login or address, such as the name of a token. They cannot be changed.
    pub entries_naming: Vec<u64>,
    /// Entries the person caused.
    pub entries: Vec<u64>,
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionHeld {
    pub since: Timestamp,
    pub expires: Timestamp,
}

/// Somebody as commits name him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommitterHeld {
    pub name: Option<String>,
    pub address: String,
}

/// From where something was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginHeld {
    pub submission: String,
    pub at: Timestamp,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub token: Option<String>,
}

/// A text and the entry that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextHeld {
    pub note: String,
    pub position: u64,
    /// Null if it was redacted.
    pub text: Option<String>,
}
