//! The actions a policy can speak about, as constants. The schema declares the same list; a test holds them together.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An action by name. The constants and [`Action::ALL`] are the actions of the schema; a request with any other name
/// gets an inconclusive verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action(pub &'static str);

macro_rules! actions {
    ($($constant:ident = $name:literal,)*) => {
        impl Action {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Action = Action($name);)*

            /// Every action of the schema, in the order of a release's life.
            pub const ALL: &'static [Action] = &[$(Action($name),)*];
        }
    };
}

actions! {
    ACCOUNT_MANAGE = "account.manage",
    PERSON_ERASE = "person.erase",
    NOTE_REDACT = "note.redact",
    ACTIVITY_ORIGINS = "activity.origins",
    TOKEN_ISSUE = "token.issue",
    POLICY_INSTALL = "policy.install",
    SERVICE_MANAGE = "service.manage",
    ENVIRONMENT_MANAGE = "environment.manage",
    CALENDAR_MANAGE = "calendar.manage",
    SIGNING_KEY_MANAGE = "signing-key.manage",
    PIPELINE_MANAGE = "pipeline.manage",
    RUNNER_MANAGE = "runner.manage",
    ENVIRONMENT_CLAIM = "environment.claim",
    ARTIFACT_REGISTER = "artifact.register",
    ARTIFACT_QUARANTINE = "artifact.quarantine",
    ARTIFACT_RELEASE_QUARANTINE = "artifact.release-quarantine",
    EVIDENCE_ATTACH = "evidence.attach",
    EVIDENCE_SIGN = "evidence.sign",
    EXCEPTION_GRANT = "exception.grant",
    CHANGE_OPEN = "change.open",
    CHANGE_APPROVE = "change.approve",
    CHANGE_REJECT = "change.reject",
    CONDITION_MEET = "condition.meet",
    RELEASE_PLAN = "release.plan",
    RELEASE_FREEZE = "release.freeze",
    RELEASE_AUTHORISE = "release.authorise",
    RELEASE_CANCEL = "release.cancel",
    RELEASE_CLOSE = "release.close",
    DEPLOYMENT_START = "deployment.start",
    DEPLOYMENT_CONTROL = "deployment.control",
    ROLLBACK_START = "rollback.start",
    REVIEW_COMPLETE = "review.complete",
    DELEGATION_GRANT = "delegation.grant",
    READ = "read",
    EVIDENCE_TAKE = "evidence.take",
    GATE_CALENDAR = "gate.calendar",
    GATE_ARTIFACT = "gate.artifact",
    GATE_TRACEABILITY = "gate.traceability",
    GATE_APPROVALS = "gate.approvals",
    GATE_SEGREGATION = "gate.segregation",
    GATE_CONDITIONS = "gate.conditions",
    GATE_REVIEW = "gate.review",
    GATE_ROLLBACK_PLAN = "gate.rollback-plan",
    GATE_ENVIRONMENT = "gate.environment",
    GATE_EVIDENCE = "gate.evidence",
}

impl Action {
    /// The action of that name, if the schema has one.
    pub fn parse(name: &str) -> Option<Action> {
        Action::ALL.iter().copied().find(|action| action.0 == name)
    }

    /// The name, as it stands in policies: `change.approve`.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether this is a gate, which Interlock itself asks for.
    pub fn is_gate(self) -> bool {
        self.0.starts_with("gate.")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Action::parse(&name).ok_or_else(|| {
            serde::de::Error::custom(format!("`{name}` is no action; the policy schema lists the actions there are"))
        })
    }
}
