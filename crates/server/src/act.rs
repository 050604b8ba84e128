//! Carries a command out and says what it did.

use crate::{
    auth::Caller,
    edge::POSITION,
    lens::Lens,
    problem::{Answer, Failure},
    sentence,
    state::App,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use interlock_domain::{core::Command, reason::NoteRef};
use interlock_engine::Receipt;
use interlock_ledger::{Ledger, StoreError};
use interlock_wire::reason::{self as wire, Subject};
use serde_json::Value;

/// What a command did, with the place of what was created.
pub struct Done {
    pub receipt: wire::Receipt,
    created: Option<String>,
}

impl Done {
    /// Says that something was created, and where it is.
    pub fn created(mut self, address: impl Into<String>) -> Self {
        self.created = Some(address.into());
        self
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let position = self.receipt.position;
        let status = if self.created.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = (status, Json(self.receipt)).into_response();
        response.headers_mut().insert(POSITION, HeaderValue::from(position));
        if let Some(place) = self.created.and_then(|address| HeaderValue::from_str(&format!("/api/v1{address}")).ok()) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }
}

/// Carries out commands, all or none, and answers with a receipt about `subject`.
pub async fn submit(app: &App, caller: &Caller, key: Option<String>, commands: Vec<Command>) -> Answer<Receipt> {
    let lens = Lens::new(app, caller);
    let origin = Some(caller.origin.clone());
    let receipt = app.engine().submit_from(caller.actor.clone(), origin, commands, caller.own_key(key)).await;
    receipt.map_err(|error| named(Failure::from(error), &lens))
}

/// A failure in which accounts are called by name.
fn named(mut failure: Failure, lens: &Lens) -> Failure {
    failure.name_people(|text| lens.with_names(text));
    failure
}

pub async fn carry_out(
    app: &App,
    caller: &Caller,
    key: Option<String>,
    subject: Option<Subject>,
    command: Command,
) -> Answer<Done> {
    carry_out_all(app, caller, key, subject, vec![command]).await
}

pub async fn carry_out_all(
    app: &App,
    caller: &Caller,
    key: Option<String>,
    subject: Option<Subject>,
    commands: Vec<Command>,
) -> Answer<Done> {
    let receipt = submit(app, caller, key, commands).await?;
    Ok(done(app, caller, subject, &receipt))
}

pub fn done(app: &App, caller: &Caller, subject: Option<Subject>, receipt: &Receipt) -> Done {
    let lens = Lens::new(app, caller);
    let entries = receipt.events.iter().map(|it| wire::ReceiptEntry {
        position: it.position,
        kind: it.event.kind().into(),
        summary: sentence::of(&lens, &it.event).0,
    });
    let subject = if receipt.repeated { subject.map(|it| first_meant(it, receipt)) } else { subject };
    let receipt = wire::Receipt {
        subject,
        position: receipt.position,
        repeated: receipt.repeated,
        entries: entries.collect(),
        proof: proof(app.engine().ledger().as_ref(), receipt),
    };
    Done { receipt, created: None }
}

/// The subject of a repeated answer. What a command creates gets its id before the command is sent, so a repeated command
/// comes with an id that was never used; the one that was stands in the first answer's entries.
fn first_meant(subject: Subject, receipt: &Receipt) -> Subject {
    let Some((prefix, _)) = subject.id.rsplit_once('_') else { return subject };
    let bodies = receipt.events.iter().filter_map(|it| serde_json::to_value(&it.event).ok());
    let ids: Vec<String> = bodies.flat_map(|body| ids(&body, prefix)).collect();
    match ids.first() {
        Some(first) if !ids.contains(&subject.id) => Subject { id: first.clone(), ..subject },
        _ => subject,
    }
}

/// The ids of a kind in an entry: ids bear their kind before the `_`.
fn ids(value: &Value, prefix: &str) -> Vec<String> {
    match value {
        Value::String(text) if text.rsplit_once('_').is_some_and(|(kind, _)| kind == prefix) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(|it| ids(it, prefix)).collect(),
        Value::Object(fields) => fields.values().flat_map(|it| ids(it, prefix)).collect(),
        _ => Vec::new(),
    }
}

/// Entries of one receipt that are proved in it.
const PROVED: usize = 64;

/// What proves the entries of a receipt. Read after the append, so that nothing waits for it but this answer; all of them share
/// the checkpoint of now, which many receipts share.
fn proof(ledger: &dyn Ledger, receipt: &Receipt) -> Option<wire::ReceiptProof> {
    let first = receipt.events.first()?.position;
    let read = || -> Result<wire::ReceiptProof, StoreError> {
        let checkpoint = ledger.checkpoint()?;
        let count = receipt.events.len().min(PROVED);
        let mut entries = Vec::with_capacity(count);
        for (it, leaf) in receipt.events.iter().zip(ledger.subtrees(0, first, count as u64)?) {
            let path = ledger.inclusion(it.position, checkpoint.size)?;
            entries.push(wire::EntryProof {
                position: it.position,
                leaf_hash: leaf.to_string(),
                hashes: path.iter().map(ToString::to_string).collect(),
            });
        }
        Ok(wire::ReceiptProof {
            tree_size: checkpoint.size,
            root_hash: checkpoint.root.to_string(),
            checkpoint: checkpoint.note,
            verifier_key: ledger.verifying_key().to_string(),
            entries,
        })
    };
    let contiguous = receipt.events.iter().zip(first..).all(|(it, position)| it.position == position);
    match read() {
        Ok(proof) if contiguous => Some(proof),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(code = error.code(), %error, "a receipt is given without its proof");
            None
        }
    }
}

/// Keeps a text people wrote: 1 to 4,000 characters.
pub fn note(app: &App, field: &str, text: &str) -> Answer<NoteRef> {
    crate::extract::text(field, text, 1, 4000)?;
    Ok(app.engine().desk().put_note(text)?)
}

pub fn subject(kind: &str, id: impl ToString, name: impl Into<String>) -> Option<Subject> {
    Some(Subject { kind: kind.into(), id: id.to_string(), name: name.into() })
}
