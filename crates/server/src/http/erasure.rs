//! Forgetting a person, redacting a text, and telling a person what is held.
//!
//! Invariants: an answer that says "erased" is given only after the bytes are gone from the files; the entry comes first, so that
//! what a crash leaves undone is done at the next start; the answer names nobody who was just forgotten.

use super::people::find;
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key},
    http::people::{delegation, manages_or_is, token},
    lens::{Lens, words},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{core::Command, people};
use interlock_engine::{DeskError, Engine, Written};
use interlock_ids::NoteId;
use interlock_wire::{
    erasure::{Basis, CommitterHeld, Erase, Erased, Erasures, OriginHeld, PersonExport, SessionHeld, TextHeld},
    reason::{Receipt, Span},
};
use jiff::Timestamp;

fn basis(it: Basis) -> people::Basis {
    match it {
        Basis::Request => people::Basis::Request,
        Basis::Retention => people::Basis::Retention,
        Basis::Unlawful => people::Basis::Unlawful,
        Basis::Other => people::Basis::Other,
    }
}

/// Does what the ledger says was done, and waits until the bytes are gone.
async fn carry_through(app: &App, work: impl FnOnce(&Engine) -> Result<(), DeskError> + Send + 'static) -> Answer<()> {
    let engine = app.engine().clone();
    let done = tokio::task::spawn_blocking(move || work(&engine)).await;
    let done = done.map_err(|_| Failure::unavailable("it is recorded, and not yet carried through; ask again"))?;
    done.map_err(|error| {
        tracing::error!(%error, "an erasure is recorded and not yet carried through");
        Failure::unavailable("it is recorded, and not yet carried through; ask again, or start the server anew")
    })
}

/// Forgets who is behind an account. The account stays, closed; what it did keeps its meaning.
#[utoipa::path(post, path = "/accounts/{account}/erase", params(("account" = String, Path)), request_body = Erase, responses((status = 200, body = Receipt)))]
pub async fn erase_person(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(account): At<String>,
    Body(it): Body<Erase>,
) -> Answer<Done> {
    let id = find(&app, &account)?;
    let no_note = Lens::new(&app, &caller).no_note();
    let command =
        |reason| Command::People(people::Command::ErasePerson { account: id, basis: basis(it.basis), reason });
    app.engine().try_out(&caller.actor, &command(no_note))?;
    let reason = act::note(&app, "reason", &it.reason)?;
    let receipt = act::submit(&app, &caller, key, vec![command(reason)]).await?;
    carry_through(&app, move |engine| engine.forget_person(id)).await?;
    Ok(act::done(&app, &caller, act::subject("account", id, app.engine().desk().name(id)), &receipt))
}

/// Takes a text off the desk. The entries that refer to it stay, and say that it was redacted.
#[utoipa::path(post, path = "/notes/{note}/redact", params(("note" = String, Path)), request_body = Erase, responses((status = 200, body = Receipt)))]
pub async fn redact_note(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Erase>,
) -> Answer<Done> {
    let note: NoteId = text.parse().map_err(|_| Failure::not_found("note", &text))?;
    let known = app.engine().desk().note(note).is_some() || app.engine().world().people.redacted.contains_key(&note);
    let lens = Lens::new(&app, &caller);
    let command = |reason| Command::People(people::Command::RedactNote { note, basis: basis(it.basis), reason });
    app.engine().try_out(&caller.actor, &command(lens.no_note()))?;
    if !known {
        return Err(Failure::not_found("note", &text));
    }
    let reason = act::note(&app, "reason", &it.reason)?;
    let receipt = act::submit(&app, &caller, key, vec![command(reason)]).await?;
    carry_through(&app, move |engine| engine.desk().redact(note)).await?;
    Ok(act::done(&app, &caller, act::subject("note", note, note.to_string()), &receipt))
}

/// What was forgotten so far, without a name in it.
#[utoipa::path(get, path = "/erasures", responses((status = 200, body = Erasures)))]
pub async fn erasures(State(app): State<App>, _: Caller) -> Json<Erasures> {
    let world = app.engine().world();
    let people = world.people.accounts.values().filter_map(|it| Some((it.id.to_string(), it.erased?)));
    let notes = world.people.redacted.iter().map(|(id, position)| (id.to_string(), *position));
    let erased = |(id, position)| Erased { id, position };
    Json(Erasures {
        position: world.position,
        people: people.map(erased).collect(),
        notes: notes.map(erased).collect(),
    })
}

/// Everything that is held about a person: for oneself, or for who may manage accounts.
#[utoipa::path(get, path = "/accounts/{account}/export", params(("account" = String, Path)), responses((status = 200, body = PersonExport)))]
pub async fn export_person(
    State(app): State<App>,
    caller: Caller,
    At(account): At<String>,
) -> Answer<Json<PersonExport>> {
    let id = find(&app, &account)?;
    manages_or_is(&app, &caller, id, "you may not see what is held about this person")?;
    let engine = app.engine().clone();
    let held = tokio::task::spawn_blocking(move || engine.held(id)).await;
    let held = held.map_err(|_| Failure::unavailable("putting it together broke off; try again"))??;
    let lens = Lens::new(&app, &caller);
    let known = lens.world.people.account(id).ok_or_else(|| Failure::not_found("account", &account))?;
    let texts = |all: Vec<Written>| {
        all.into_iter().map(|it| TextHeld { note: it.note.to_string(), position: it.position, text: it.text }).collect()
    };
    let origin = |(sub, it): (interlock_ids::SubmissionId, interlock_engine::Origin)| OriginHeld {
        submission: sub.to_string(),
        at: Timestamp::from_millisecond(sub.millis() as i64).unwrap_or_default(),
        address: it.address,
        agent: it.agent,
        token: it.token.map(|token| token.to_string()),
    };
    let delegations = lens.world.people.delegations.values().filter(|it| it.from == id || it.to == id);
    Ok(Json(PersonExport {
        account: id.to_string(),
        at: lens.now,
        position: lens.world.position,
        login: held.person.as_ref().map(|it| it.login.clone()),
        name: held.person.as_ref().map(|it| it.name.clone()),
        email: held.person.and_then(|it| it.email),
        roles: words(&known.roles),
        groups: words(&known.groups),
        links: lens.people(&known.links),
        identities: words(&known.identities),
        has_password: held.has_password,
        leave: known.leave.iter().map(|(start, end)| Span { start: *start, end: *end }).collect(),
        delegations: delegations.map(|it| delegation(&lens, it)).collect(),
        tokens: lens.world.people.tokens.values().filter(|it| it.account == id).map(|it| token(&lens, it)).collect(),
        sessions: held.sessions.iter().map(|it| SessionHeld { since: it.since, expires: it.expires }).collect(),
        commits_as: held
            .committers
            .into_iter()
            .map(|it| CommitterHeld { name: it.name, address: it.address })
            .collect(),
        origins: held.origins.into_iter().map(origin).collect(),
        texts: texts(held.written),
        named_in: texts(held.named_in),
        entries_naming: held.entries_naming,
        entries: held.entries,
    }))
}
