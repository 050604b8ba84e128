//! Every event there is, and the form in which an entry of the ledger holds one.
//! Invariant: `Record` to bytes and back is the identity; the kind's prefix names the room; kinds are never used again.

use super::{
    By,
    upcast::{self, UPCASTS, Upcast},
};
use crate::*;
use interlock_ids::SubmissionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Something that happened. Stored for ever: `golden/events` holds one sample of every kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Reason(reason::Event),
    Policy(policy::Event),
    People(people::Event),
    Intake(intake::Event),
    Catalog(catalog::Event),
    Calendar(calendar::Event),
    Environment(environment::Event),
    Runner(runner::Event),
    Artifact(artifact::Event),
    Change(change::Event),
    Board(board::Event),
    Release(release::Event),
    Template(template::Event),
    Deployment(deployment::Event),
    Verification(verification::Event),
    Operations(operations::Event),
    Rollback(rollback::Event),
    Emergency(emergency::Event),
    Learning(learning::Event),
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Event::Reason(it) => it.serialize(serializer),
            Event::Policy(it) => it.serialize(serializer),
            Event::People(it) => it.serialize(serializer),
            Event::Intake(it) => it.serialize(serializer),
            Event::Catalog(it) => it.serialize(serializer),
            Event::Calendar(it) => it.serialize(serializer),
            Event::Environment(it) => it.serialize(serializer),
            Event::Runner(it) => it.serialize(serializer),
            Event::Artifact(it) => it.serialize(serializer),
            Event::Change(it) => it.serialize(serializer),
            Event::Board(it) => it.serialize(serializer),
            Event::Release(it) => it.serialize(serializer),
            Event::Template(it) => it.serialize(serializer),
            Event::Deployment(it) => it.serialize(serializer),
            Event::Verification(it) => it.serialize(serializer),
            Event::Operations(it) => it.serialize(serializer),
            Event::Rollback(it) => it.serialize(serializer),
            Event::Emergency(it) => it.serialize(serializer),
            Event::Learning(it) => it.serialize(serializer),
        }
    }
}

/// Why the bytes of an entry are not an event this version knows.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the entry is not a record of this format: {0}")]
    Form(String),
    #[error(
        "the entry is of format {found}, and this version knows up to 1: use the version that wrote it, or a newer one"
    )]
    Version { found: u32 },
    #[error("the event `{kind}` is not known to this version, or its content is not what the kind says: {cause}")]
    Event { kind: String, cause: String },
}

impl Event {
    /// Decodes `{"kind": …, "data": …}`.
    fn decode(text: &str, casts: &[Upcast]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            kind: std::borrow::Cow<'a, str>,
        }
        let form = |e: serde_json::Error| DecodeError::Form(e.to_string());
        let kind = serde_json::from_str::<Kind>(text).map_err(form)?.kind;
        let newer = upcast::upcast(casts, &kind, text).map_err(form)?;
        let (kind, text) = match &newer {
            Some((kind, text)) => (std::borrow::Cow::Borrowed(kind.as_str()), text.as_str()),
            None => (kind, text),
        };
        let event = match kind.split('.').next().unwrap_or_default() {
            "reason" => serde_json::from_str(text).map(Event::Reason),
            "policy" => serde_json::from_str(text).map(Event::Policy),
            "people" => serde_json::from_str(text).map(Event::People),
            "intake" => serde_json::from_str(text).map(Event::Intake),
            "catalog" => serde_json::from_str(text).map(Event::Catalog),
            "calendar" => serde_json::from_str(text).map(Event::Calendar),
            "environment" => serde_json::from_str(text).map(Event::Environment),
            "runner" => serde_json::from_str(text).map(Event::Runner),
            "artifact" => serde_json::from_str(text).map(Event::Artifact),
            "change" => serde_json::from_str(text).map(Event::Change),
            "board" => serde_json::from_str(text).map(Event::Board),
            "release" => serde_json::from_str(text).map(Event::Release),
            "template" => serde_json::from_str(text).map(Event::Template),
            "deployment" => serde_json::from_str(text).map(Event::Deployment),
            "verification" => serde_json::from_str(text).map(Event::Verification),
            "operations" => serde_json::from_str(text).map(Event::Operations),
            "rollback" => serde_json::from_str(text).map(Event::Rollback),
            "emergency" => serde_json::from_str(text).map(Event::Emergency),
            "learning" => serde_json::from_str(text).map(Event::Learning),
            _ => Err(serde::de::Error::custom("no room of this version has that name")),
        };
        event.map_err(|cause| DecodeError::Event { kind: kind.into_owned(), cause: cause.to_string() })
    }

    /// The kind under which the event is stored, such as `release.planned`.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Reason(it) => it.kind(),
            Event::Policy(it) => it.kind(),
            Event::People(it) => it.kind(),
            Event::Intake(it) => it.kind(),
            Event::Catalog(it) => it.kind(),
            Event::Calendar(it) => it.kind(),
            Event::Environment(it) => it.kind(),
            Event::Runner(it) => it.kind(),
            Event::Artifact(it) => it.kind(),
            Event::Change(it) => it.kind(),
            Event::Board(it) => it.kind(),
            Event::Release(it) => it.kind(),
            Event::Template(it) => it.kind(),
            Event::Deployment(it) => it.kind(),
            Event::Verification(it) => it.kind(),
            Event::Operations(it) => it.kind(),
            Event::Rollback(it) => it.kind(),
            Event::Emergency(it) => it.kind(),
            Event::Learning(it) => it.kind(),
        }
    }
}

/// One entry of the ledger: an event and what is known about how it came to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The format of the record: 1.
    pub v: u32,
    pub at: Timestamp,
    pub by: By,
    /// The submission the event belongs to: everything that followed from one command carries the same id.
    pub sub: SubmissionId,
    pub event: Event,
}

impl Record {
    /// The exact bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        // Most entries fit without growing it.
        let mut body = Vec::with_capacity(768);
        serde_json::to_writer(&mut body, self).expect("events hold only text keys and finite numbers");
        body
    }

    /// Reads an entry. Errors name what is not known, so that a server can refuse to write to a ledger it does not understand.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(body, UPCASTS)
    }

    /// As [`Record::decode`], with other upcasts than the product's own.
    pub fn decode_with(body: &[u8], casts: &[Upcast]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Stored<'a> {
            v: u32,
            at: Timestamp,
            by: By,
            sub: SubmissionId,
            #[serde(borrow)]
            event: &'a RawValue,
        }
        let it: Stored = serde_json::from_slice(body).map_err(|e| DecodeError::Form(e.to_string()))?;
        if it.v != 1 {
            return Err(DecodeError::Version { found: it.v });
        }
        Ok(Self { v: it.v, at: it.at, by: it.by, sub: it.sub, event: Event::decode(it.event.get(), casts)? })
    }
}
