//! What is asked: who, what, on what, and the facts.
//!
//! The fields of each type stand in alphabetical order, and every map and set is sorted, so that the JSON of a request
//! is canonical (RFC 8785 for these types: no floats, ASCII keys) and its digest does not depend on who built it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::action::Action;

/// What kind of actor asks. The order is the order of appearance in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// A person's account; `Account` in policies.
    Human,
    /// An account that a program uses; `Robot` in policies.
    Robot,
    /// Interlock itself; `System` in policies.
    System,
    /// The process that executes steps; `Runner` in policies.
    Runner,
}

impl PrincipalKind {
    pub(crate) const ALL: [PrincipalKind; 4] =
        [PrincipalKind::Human, PrincipalKind::Robot, PrincipalKind::System, PrincipalKind::Runner];

    /// The entity type that stands for this kind in policies.
    pub fn entity_type(self) -> &'static str {
        match self {
            PrincipalKind::Human => "Account",
            PrincipalKind::Robot => "Robot",
            PrincipalKind::System => "System",
            PrincipalKind::Runner => "Runner",
        }
    }

    /// The kind as it reads in a sentence, with its article.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            PrincipalKind::Human => "a person",
            PrincipalKind::Robot => "a robot",
            PrincipalKind::System => "Interlock itself",
            PrincipalKind::Runner => "a runner",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The organisation's own groups the account belongs to.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// The account id, or `system`.
    pub id: String,
    pub kind: PrincipalKind,
    /// Roles by name, delegated ones included. A role the schema does not know grants nothing.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl Principal {
    /// Interlock itself: asks for gates, and acts by triggers and timers.
    pub fn system() -> Principal {
        Principal {
            groups: BTreeSet::new(),
            id: "system".to_owned(),
            kind: PrincipalKind::System,
            roles: BTreeSet::new(),
        }
    }

    /// A person with these roles and no groups.
    pub fn human<R: Into<String>>(id: impl Into<String>, roles: impl IntoIterator<Item = R>) -> Principal {
        Principal {
            groups: BTreeSet::new(),
            id: id.into(),
            kind: PrincipalKind::Human,
            roles: roles.into_iter().map(Into::into).collect(),
        }
    }
}

/// On what. The kind is an entity type of the schema in any of the usual spellings: `signing-key`, `SigningKey`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub id: String,
    pub kind: String,
}

impl Resource {
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Resource {
        Resource { id: id.into(), kind: kind.into() }
    }
}

/// One fact. In JSON: `true`, `3`, `"text"`, `["a", "b"]`, or `{"unknown": "why"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fact {
    Bool(bool),
    Long(i64),
    Text(String),
    /// Order and repetition mean nothing.
    Set(Vec<String>),
    /// Nobody can say; with the reason why, as a clause: `the code host did not answer`.
    Unknown(String),
}

impl From<bool> for Fact {
    fn from(value: bool) -> Fact {
        Fact::Bool(value)
    }
}

impl From<i64> for Fact {
    fn from(value: i64) -> Fact {
        Fact::Long(value)
    }
}

impl From<&str> for Fact {
    fn from(value: &str) -> Fact {
        Fact::Text(value.to_owned())
    }
}

impl From<String> for Fact {
    fn from(value: String) -> Fact {
        Fact::Text(value)
    }
}

impl From<Vec<String>> for Fact {
    fn from(value: Vec<String>) -> Fact {
        Fact::Set(value)
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::Bool(value) => serializer.serialize_bool(*value),
            Fact::Long(value) => serializer.serialize_i64(*value),
            Fact::Text(value) => serializer.serialize_str(value),
            Fact::Set(values) => serializer.collect_seq(values.iter().collect::<BTreeSet<_>>()),
            Fact::Unknown(why) => serializer.collect_map([("unknown", why)]),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FactForm {
    Bool(bool),
    Long(i64),
    Text(String),
    Set(Vec<String>),
    Unknown(UnknownForm),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnknownForm {
    unknown: String,
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = FactForm::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom(
                "a fact is true or false, a whole number of 64 bits, a text, a list of texts, or {\"unknown\": \"why\"}",
            )
        })?;
        Ok(match form {
            FactForm::Bool(value) => Fact::Bool(value),
            FactForm::Long(value) => Fact::Long(value),
            FactForm::Text(value) => Fact::Text(value),
            FactForm::Set(values) => Fact::Set(values),
            FactForm::Unknown(form) => Fact::Unknown(form.unknown),
        })
    }
}

/// The facts of a request by name. The schema says which facts each action takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<String, Fact>);

impl Facts {
    pub fn new() -> Facts {
        Facts::default()
    }

    /// These facts and one more; a fact of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, fact: impl Into<Fact>) -> Facts {
        self.0.insert(name.to_owned(), fact.into());
        self
    }

    /// These facts, and one that nobody can say, with the reason why.
    #[must_use]
    pub fn unknown(self, name: &str, why: impl Into<String>) -> Facts {
        self.with(name, Fact::Unknown(why.into()))
    }

    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }
}

/// May this principal do this, on this, given these facts?
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub action: Action,
    #[serde(default)]
    pub facts: Facts,
    pub principal: Principal,
    pub resource: Resource,
}

impl Request {
    /// The canonical JSON of the request: the bytes its digest is over.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a request holds only strings, integers and sorted maps")
    }

    /// `sha256:` and 64 hex digits over the canonical JSON of the request.
    pub fn digest(&self) -> String {
        sha256(&self.canonical())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_how_the_request_was_built() {
        let request = |facts: Facts| Request {
            principal: Principal::human("acc_1", ["approver", "developer"]),
            action: Action::GATE_CALENDAR,
            resource: Resource::new("release", "rel_1"),
            facts,
        };
        let one = request(Facts::new().with("open", false).with("windows", vec!["b".into(), "a".into(), "b".into()]));
        let two = request(Facts::new().with("windows", vec!["a".into(), "b".into()]).with("open", false));
        assert_eq!(one.digest(), two.digest());
        assert_ne!(one.digest(), request(Facts::new().with("open", true)).digest());
        // Digest computed with Python's hashlib over the JSON with sorted keys and no spaces.
        let json = r#"{"action":"gate.calendar","facts":{"open":false,"windows":["a","b"]},"principal":{"groups":[],"id":"acc_1","kind":"human","roles":["approver","developer"]},"resource":{"id":"rel_1","kind":"release"}}"#;
        assert_eq!(serde_json::to_string(&one).unwrap(), json);
        assert_eq!(one.digest(), "sha256:c2da3cf436f21c69e6d9ae82b01d6ffb45f79b48452705b176748665a97258a8");
    }

    #[test]
    fn facts_read_back_as_written() {
        let facts = Facts::new()
            .with("a", true)
            .with("b", -3_i64)
            .with("c", "text")
            .with("d", Vec::<String>::new())
            .unknown("e", "nobody asked");
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(json, r#"{"a":true,"b":-3,"c":"text","d":[],"e":{"unknown":"nobody asked"}}"#);
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
    }

    #[test]
    fn what_is_no_fact_is_refused() {
        for bad in ["null", "1.5", "[1]", "{}", r#"{"unknown":"a","more":1}"#, "9223372036854775808"] {
            assert!(serde_json::from_str::<Fact>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Action>(r#""change.aprove""#).is_err());
    }
}
