//! What has happened about people.

use super::{AccountKind, Issuer, Provider};
use crate::core::{Subject, payload};
use crate::reason::NoteRef;
use interlock_ids::{AccountId, DelegationId, Digest, Identity, Name, NoteId, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "people.founded")]
    Founded(Founded),
    #[serde(rename = "people.setup_claimed")]
    SetupClaimed(SetupClaimed),
    #[serde(rename = "people.account_put")]
    AccountPut(AccountPut),
    #[serde(rename = "people.accounts_linked")]
    AccountsLinked(AccountsLinked),
    #[serde(rename = "people.account_closed")]
    AccountClosed(AccountClosed),
    #[serde(rename = "people.token_issued")]
    TokenIssued(TokenIssued),
    #[serde(rename = "people.token_revoked")]
    TokenRevoked(TokenRevoked),
    #[serde(rename = "people.delegated")]
    Delegated(Delegated),
    #[serde(rename = "people.delegation_ended")]
    DelegationEnded(DelegationEnded),
    #[serde(rename = "people.leave_put")]
    LeavePut(LeavePut),
    #[serde(rename = "people.provider_put")]
    ProviderPut(ProviderPut),
    #[serde(rename = "people.subject_linked")]
    SubjectLinked(SubjectLinked),
    #[serde(rename = "people.signed_in")]
    SignedIn(SignedIn),
    #[serde(rename = "people.issuer_put")]
    IssuerPut(IssuerPut),
    #[serde(rename = "people.admitted")]
    Admitted(Admitted),
    #[serde(rename = "people.person_erased")]
    PersonErased(PersonErased),
    #[serde(rename = "people.note_redacted")]
    NoteRedacted(NoteRedacted),
}

/// On what ground something is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

payload! {
    /// The organisation began. Since 0.1.
    Founded { organisation: String, time_zone_data: String, setup: Digest, setup_until: Timestamp }
    /// The one-time link was used. Since 0.1.
    SetupClaimed { account: AccountId }
    /// An account was created or changed. Since 0.1.
    AccountPut { account: AccountId, account_kind: AccountKind, roles: BTreeSet<Name>, groups: BTreeSet<Name>, identities: BTreeSet<Identity> }
    /// Two accounts were found to belong to one person. Since 0.1.
    AccountsLinked { a: AccountId, b: AccountId }
    /// An account was closed. Since 0.1.
    AccountClosed { account: AccountId }
    /// An API token was issued. Since 0.1.
    TokenIssued { token: TokenId, account: AccountId, name: String, hash: Digest, scopes: Option<BTreeSet<String>>, expires: Timestamp }
    /// An API token was revoked. Since 0.1.
    TokenRevoked { token: TokenId }
    /// Somebody delegated decisions. Since 0.1.
    Delegated { delegation: DelegationId, from: AccountId, to: AccountId, from_time: Timestamp, until: Timestamp }
    /// A delegation was ended early. Since 0.1.
    DelegationEnded { delegation: DelegationId }
    /// Somebody will be away. Since 0.1.
    LeavePut { account: AccountId, from_time: Timestamp, until: Timestamp }
    /// Who is behind an account was forgotten; the account is closed for good. Since 0.2.
    PersonErased { account: AccountId, basis: Basis, reason: NoteRef }
    /// A text was taken off the desk. Since 0.2.
    NoteRedacted { note: NoteId, basis: Basis, reason: NoteRef }
    /// An identity provider was entered or changed. Since 0.2.
    ProviderPut { provider: Provider }
    /// An account was tied to a subject of an identity provider. Since 0.2.
    SubjectLinked { account: AccountId, provider: Name, subject: Identity }
    /// Somebody signed in by an identity provider, which gives these roles and groups until the next time. Since 0.2.
    SignedIn { account: AccountId, provider: Name, roles: BTreeSet<Name>, groups: BTreeSet<Name> }
    /// An issuer of tokens for programs was entered or changed. Since 0.2.
    IssuerPut { issuer: Issuer }
    /// A program was let in by a token of an issuer; `once`: what makes that token usable once, until it would end. Since 0.2.
    Admitted { issuer: Name, rule: u32, account: AccountId, token: TokenId, subject: NoteRef, once: Digest, until: Timestamp }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Founded(_) => "people.founded",
            Event::SetupClaimed(_) => "people.setup_claimed",
            Event::AccountPut(_) => "people.account_put",
            Event::AccountsLinked(_) => "people.accounts_linked",
            Event::AccountClosed(_) => "people.account_closed",
            Event::TokenIssued(_) => "people.token_issued",
            Event::TokenRevoked(_) => "people.token_revoked",
            Event::Delegated(_) => "people.delegated",
            Event::DelegationEnded(_) => "people.delegation_ended",
            Event::LeavePut(_) => "people.leave_put",
            Event::PersonErased(_) => "people.person_erased",
            Event::NoteRedacted(_) => "people.note_redacted",
            Event::ProviderPut(_) => "people.provider_put",
            Event::SubjectLinked(_) => "people.subject_linked",
            Event::SignedIn(_) => "people.signed_in",
            Event::IssuerPut(_) => "people.issuer_put",
            Event::Admitted(_) => "people.admitted",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Event::Founded(_)
            | Event::TokenRevoked(_)
            | Event::DelegationEnded(_)
            | Event::NoteRedacted(_)
            | Event::ProviderPut(_)
            | Event::IssuerPut(_) => Vec::new(),
            Event::SubjectLinked(it) => vec![Subject::Account(it.account)],
            Event::SignedIn(it) => vec![Subject::Account(it.account)],
            Event::Admitted(it) => vec![Subject::Account(it.account)],
            Event::PersonErased(it) => vec![Subject::Account(it.account)],
            Event::SetupClaimed(it) => vec![Subject::Account(it.account)],
            Event::AccountPut(it) => vec![Subject::Account(it.account)],
            Event::AccountsLinked(it) => vec![Subject::Account(it.a), Subject::Account(it.b)],
            Event::AccountClosed(it) => vec![Subject::Account(it.account)],
            Event::TokenIssued(it) => vec![Subject::Account(it.account)],
            Event::Delegated(it) => vec![Subject::Account(it.from), Subject::Account(it.to)],
            Event::LeavePut(it) => vec![Subject::Account(it.account)],
        }
    }
}
