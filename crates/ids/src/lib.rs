//! Typed, prefixed, time-ordered ids; names; digests.
//!
//! Invariants: an id of one kind is never accepted where another is meant; text and value correspond one to one, so an id can
//! be compared as text; ids sort by the millisecond they were made in.
//! Deliberately absent: clocks and randomness. Whoever makes an id passes both in, so the core stays a function of its input.

mod digest;
mod id;
mod name;
mod raw;

pub use digest::{Digest, Identity};
pub use id::{Fresh, Id, IdError, Kind};
pub use name::{Name, NameError};

/// Declares the kinds of ids: an append-only registry, since prefixes are stored for ever.
macro_rules! kinds {
    ($($(#[$doc:meta])* $marker:ident $alias:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $marker {}
        impl Kind for $marker { const PREFIX: &'static str = $prefix; }
        $(#[$doc])*
        pub type $alias = Id<$marker>;
    )*
    /// Every prefix in use, in the order of its introduction.
    pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

kinds! {
    /// An account: a person's or a robot's way in.
    Account AccountId "acc";
    /// An API token.
    Token TokenId "tok";
    /// A delegation of one person's decisions to another.
    Delegation DelegationId "dlg";
    /// A free text kept outside the ledger.
    Note NoteId "not";
    /// A claim on an environment.
    Claim ClaimId "clm";
    /// An emergency lockdown.
    Lockdown LockdownId "lck";
    /// A quarantine of an artefact.
    Quarantine QuarantineId "qua";
    /// A change.
    Change ChangeId "chg";
    /// A condition somebody attached to an approval.
    Condition ConditionId "cnd";
    /// A release.
    Release ReleaseId "rel";
    /// A deployment permit.
    Permit PermitId "pmt";
    /// A deployment.
    Deployment DeploymentId "dep";
    /// A canary analysis.
    Analysis AnalysisId "ana";
    /// A stabilisation watch.
    Watch WatchId "wat";
    /// A rollback.
    Rollback RollbackId "rbk";
    /// A review.
    Review ReviewId "rev";
    /// A sign-in session.
    Session SessionId "ses";
    /// One command handed to the ledger's write path.
    Submission SubmissionId "sub";
    /// Evidence about an artefact.
    Evidence EvidenceId "evd";
}
