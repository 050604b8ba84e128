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
use interlock_wire::reason::{self as wire, Subject};

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
    let receipt =
        wire::Receipt { subject, position: receipt.position, repeated: receipt.repeated, entries: entries.collect() };
    Done { receipt, created: None }
}

/// Keeps a text people wrote: 1 to 4,000 characters.
pub fn note(app: &App, field: &str, text: &str) -> Answer<NoteRef> {
    crate::extract::text(field, text, 1, 4000)?;
    Ok(app.engine().desk().put_note(text)?)
}

pub fn subject(kind: &str, id: impl ToString, name: impl Into<String>) -> Option<Subject> {
    Some(Subject { kind: kind.into(), id: id.to_string(), name: name.into() })
}
