//! What comes back: pass, fail or inconclusive, with every reason and what clears it.

use serde::{Deserialize, Serialize};

/// Three outcomes. Only `Pass` opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Permitted, nothing forbids it, and every fact it hangs on is known.
    Pass,
    /// Forbidden, or permitted to nobody who fits.
    Fail,
    /// Something it hangs on is not known.
    Inconclusive,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The `@id` of the policy, or one of [`codes`].
    pub code: String,
    pub message: String,
    /// What clears it.
    pub clears: String,
    /// Who can clear it.
    pub who: String,
    /// The control of a regulation or standard that this serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
}

/// The answer, with what is needed to compute it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub outcome: Outcome,
    /// Everything that stands in the way, sorted; empty when the outcome is `Pass`.
    pub reasons: Vec<Reason>,
    /// The digest of the policy set that gave the verdict.
    pub policy_set: String,
    /// The digest of the request's canonical JSON.
    pub facts_digest: String,
    /// The ids of the policies that decided, sorted: the permits of a `Pass`, otherwise what fired or could not be judged.
    pub policies: Vec<String>,
}

impl Verdict {
    pub fn passes(&self) -> bool {
        self.outcome == Outcome::Pass
    }
}

/// The codes of reasons that no policy gives. Policy ids cannot take these names.
pub mod codes {
    /// No permit covers this principal.
    pub const NO_PERMISSION: &str = "no-permission";
    /// A fact that a relevant policy reads is not known.
    pub const FACT_UNKNOWN: &str = "fact-unknown";
    /// A fact that belongs to the action was not supplied.
    pub const FACT_MISSING: &str = "fact-missing";
    /// A fact has another type than the schema says.
    pub const FACT_MISTYPED: &str = "fact-mistyped";
    /// A fact was supplied that the action does not have.
    pub const FACT_UNDECLARED: &str = "fact-undeclared";
    /// The schema has no such action.
    pub const ACTION_UNKNOWN: &str = "action-unknown";
    /// The schema has no such kind of resource, or the action does not apply to it.
    pub const RESOURCE_UNKNOWN: &str = "resource-unknown";
    /// A policy could not be evaluated.
    pub const POLICY_ERROR: &str = "policy-error";

    pub(crate) const ALL: [&str; 8] = [
        NO_PERMISSION,
        FACT_UNKNOWN,
        FACT_MISSING,
        FACT_MISTYPED,
        FACT_UNDECLARED,
        ACTION_UNKNOWN,
        RESOURCE_UNKNOWN,
        POLICY_ERROR,
    ];
}
