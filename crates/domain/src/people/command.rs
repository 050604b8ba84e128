//! What can be asked for about people.

use super::{AccountKind, Admission, Basis, Claimed, Issuer, Provider};
use crate::reason::NoteRef;
use interlock_ids::{AccountId, DelegationId, Digest, Identity, Name, NoteId, TokenId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What an account is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    pub kind: AccountKind,
    /// Names of roles, as the policies in force know them.
    pub roles: BTreeSet<Name>,
    pub groups: BTreeSet<Name>,
    /// Stand-ins for the e-mail addresses the person commits with.
    pub identities: BTreeSet<Identity>,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// The first entry of a ledger: names the organisation and the hash of the one-time secret that makes the first
    /// administrator. Only Interlock itself may, and only once.
    Found {
        organisation: String,
        time_zone_data: String,
        setup: Digest,
        setup_until: Timestamp,
    },
    /// Makes the first administrator. `secret`: SHA-256 of the one-time secret.
    ClaimSetup {
        secret: Digest,
        account: AccountId,
        spec: AccountSpec,
    },
    /// Creates or changes an account.
    PutAccount {
        account: AccountId,
        spec: AccountSpec,
    },
    /// Says that two accounts belong to one person.
    LinkAccounts {
        a: AccountId,
        b: AccountId,
    },
    /// Closes an account: it may do nothing any more; its tokens end.
    CloseAccount {
        account: AccountId,
    },
    /// Forgets who is behind an account. The account stays, closed, so that what it did keeps its meaning.
    ErasePerson {
        account: AccountId,
        basis: Basis,
        reason: NoteRef,
    },
    /// Takes a text off the desk, because it says what nobody may keep. The entry that refers to it stays.
    RedactNote {
        note: NoteId,
        basis: Basis,
        reason: NoteRef,
    },
    /// `hash`: SHA-256 of the secret.
    IssueToken {
        token: TokenId,
        account: AccountId,
        name: String,
        hash: Digest,
        scopes: Option<BTreeSet<String>>,
        expires: Timestamp,
    },
    RevokeToken {
        token: TokenId,
    },
    /// From one's own account to another, for a time.
    Delegate {
        delegation: DelegationId,
        to: AccountId,
        from_time: Timestamp,
        until: Timestamp,
    },
    EndDelegation {
        delegation: DelegationId,
    },
    /// Somebody is away.
    PutLeave {
        account: AccountId,
        from_time: Timestamp,
        until: Timestamp,
    },
    /// Enters or changes an identity provider that people may sign in by.
    PutProvider {
        provider: Provider,
    },
    /// An identity provider has said who somebody is; the edge has verified that it has. Only Interlock itself may.
    SignIn {
        claimed: Claimed,
    },
    /// Enters or changes an issuer whose tokens programs may exchange.
    PutIssuer {
        issuer: Issuer,
    },
    /// Exchanges a token of a trusted issuer, which the edge has verified. Only Interlock itself may.
    Admit {
        admission: Admission,
    },
}
