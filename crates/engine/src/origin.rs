//! From where somebody acted: address and program of the client, kept at the desk by account and submission.
//!
//! Invariants: it is written in the transaction that writes the entries, so an entry that came in over HTTP has one from the first
//! moment; it is erased with the person, and by itself once it is too old. Deliberately absent: the ledger. An address is personal
//! data, and no proof depends on it.

use crate::{Desk, DeskError};
use interlock_domain::core::By;
use interlock_ids::{AccountId, SubmissionId, TokenId};
use interlock_ledger::DeskRow;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) const ORIGINS: &str = "origin";
/// How long origins are kept: 400 days, so that a year's audit still finds them.
pub const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Characters of what a client says about itself.
const AGENT: usize = 200;

/// From where something was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Address of the client as the server saw it.
    pub address: Option<String>,
    /// What the client says it is (`User-Agent`), at most 200 characters.
    pub agent: Option<String>,
    /// The token it came with; a session has none.
    pub token: Option<TokenId>,
}

impl Origin {
    /// Cuts what a client says about itself, and drops what is not printable.
    pub fn new(address: Option<String>, agent: Option<&str>, token: Option<TokenId>) -> Self {
        let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(AGENT).collect::<String>();
        Self { address, agent: agent.map(clean).filter(|text| !text.is_empty()), token }
    }
}

/// Rows of one account lie together and in the order of time.
fn key(account: AccountId, sub: SubmissionId) -> String {
    format!("{account}/{sub}")
}

pub(crate) fn row(by: &By, sub: SubmissionId, origin: &Origin) -> Option<DeskRow> {
    let By::Account(account) = by else { return None };
    let value = serde_json::to_vec(origin).ok()?;
    Some(DeskRow { table: ORIGINS.into(), key: key(*account, sub), value })
}

impl Desk {
    /// From where a submission came; `None` if it was not asked for over HTTP, is too old, or was erased.
    pub fn origin(&self, by: &By, sub: SubmissionId) -> Option<Origin> {
        let By::Account(account) = by else { return None };
        let bytes = self.ledger().desk_get(ORIGINS, &key(*account, sub)).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    /// All origins of an account, oldest first.
    ///
    /// # Errors
    /// The desk cannot be read.
    pub fn origins(&self, account: AccountId) -> Result<Vec<(SubmissionId, Origin)>, DeskError> {
        let mut found = Vec::new();
        self.each(ORIGINS, &format!("{account}/"), |key, bytes| {
            let sub = key.rsplit('/').next().and_then(|text| text.parse().ok());
            found.extend(sub.zip(serde_json::from_slice(bytes).ok()));
        })?;
        Ok(found)
    }

    /// Erases origins of before a moment; how many there were.
    ///
    /// # Errors
    /// The desk cannot be read or written.
    pub fn drop_origins(&self, before: Timestamp) -> Result<usize, DeskError> {
        let millis = u64::try_from(before.as_millisecond()).unwrap_or_default();
        let mut old = Vec::new();
        self.each(ORIGINS, "", |key, _| {
            let sub = key.rsplit('/').next().and_then(|text| text.parse::<SubmissionId>().ok());
            if sub.is_none_or(|sub| sub.millis() < millis) {
                old.push(key.to_owned());
            }
        })?;
        self.remove(ORIGINS, &old)?;
        Ok(old.len())
    }
}
