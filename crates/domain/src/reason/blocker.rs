//! The shapes in which a "no" is told.

use interlock_ids::{Digest, NoteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a check said. `Inconclusive` means that it could not tell; it never opens a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    Inconclusive,
}

/// One thing that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Stable; `docs/errors` has a page of this name.
    pub code: String,
    /// What is the matter, with what.
    pub message: String,
    /// What would clear it.
    pub clears: String,
    /// Who can.
    pub who: String,
    /// By when it has to be cleared, or when it clears by itself.
    pub by: Option<Timestamp>,
}

impl Blocker {
    pub fn new(code: &str, message: impl Into<String>, clears: impl Into<String>, who: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), clears: clears.into(), who: who.into(), by: None }
    }

    pub fn until(mut self, at: Option<Timestamp>) -> Self {
        self.by = at;
        self
    }
}

/// A stretch of time that is offered instead of one that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// The canonical bytes of the request a ruling answers, from the asking until they are stored under their digest, which is the
/// ruling's `facts`. No part of an entry or of the world, and no part of what makes two rulings equal.
#[derive(Clone, Debug, Default)]
pub struct Asked(pub Option<std::sync::Arc<[u8]>>);

impl PartialEq for Asked {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Asked {}

/// What a policy decision was and what it rested on, so that it can be recomputed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub outcome: Outcome,
    /// Digest of the policy set in force.
    pub policy_set: String,
    /// Digest of the request: principal, action, resource, facts.
    pub facts: String,
    /// Ids of the policies that determined the outcome.
    pub policies: Vec<String>,
    pub blockers: Vec<Blocker>,
    #[serde(skip)]
    pub asked: Asked,
}

impl Ruling {
    /// The ruling as the world keeps it: what was asked lies under its digest by then.
    pub fn settled(&self) -> Self {
        Self { asked: Asked::default(), ..self.clone() }
    }
}

/// A free text that is kept outside the ledger, where it can be erased; the digest is salted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRef {
    pub id: NoteId,
    pub digest: Digest,
}

/// What kind of "no" it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The actor may not do this, whatever the state of things.
    Denied,
    /// Something stands in the way.
    Blocked,
    /// The command says something that cannot be.
    Invalid,
    /// What it speaks of does not exist.
    NotFound,
    /// It answers something that is no longer asked: a stale fence, a wake that came too early. Never recorded.
    Stale,
}

/// Why a command was not carried out: every reason at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{summary}")]
pub struct Refusal {
    pub kind: RefusalKind,
    /// One sentence.
    pub summary: String,
    /// Never empty.
    pub blockers: Vec<Blocker>,
    pub ruling: Option<Ruling>,
    /// Times that would do instead, if it is a matter of time.
    pub slots: Vec<Slot>,
}

impl Refusal {
    pub fn new(kind: RefusalKind, summary: impl Into<String>, blockers: Vec<Blocker>) -> Self {
        Self { kind, summary: summary.into(), blockers, ruling: None, slots: Vec::new() }
    }

    /// What the command speaks of does not exist.
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        let summary = format!("there is no {what} `{name}`");
        let clears = "name one that exists, or create it first";
        Self::new(RefusalKind::NotFound, summary.clone(), vec![Blocker::new("not-found", summary, clears, "you")])
    }

    /// The command says something that cannot be.
    pub fn invalid(code: &str, message: impl Into<String>, clears: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(RefusalKind::Invalid, message.clone(), vec![Blocker::new(code, message, clears, "you")])
    }

    /// Something stands in the way; the summary counts the blockers.
    pub fn blocked(what: impl std::fmt::Display, blockers: Vec<Blocker>) -> Self {
        let summary = match blockers.as_slice() {
            [only] => format!("{what}: {}", only.message),
            many => format!("{what}: {} things stand in the way", many.len()),
        };
        Self::new(RefusalKind::Blocked, summary, blockers)
    }

    /// The answer to something no longer asked.
    pub fn stale(message: impl Into<String>) -> Self {
        let message = message.into();
        let blocker = Blocker::new("stale", message.clone(), "nothing: the newer state holds", "nobody");
        Self::new(RefusalKind::Stale, message, vec![blocker])
    }

    pub fn with_slots(mut self, slots: Vec<Slot>) -> Self {
        self.slots = slots;
        self
    }
}

/// Refuses everybody but Interlock itself: for commands that only ever follow from something.
///
/// # Errors
/// [`RefusalKind::Denied`] for every other actor.
pub fn only_by_system(ctx: &crate::core::Context, what: &str) -> Result<(), Refusal> {
    if ctx.actor.by == crate::core::By::System {
        return Ok(());
    }
    let message = format!("{what} follows by itself and cannot be asked for");
    let blocker = Blocker::new("only-by-itself", message.clone(), "nothing: it happens when its cause does", "nobody");
    Err(Refusal::new(RefusalKind::Denied, message, vec![blocker]))
}
