//! What is owed after emergencies, and broken glasses.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse_all},
    http::{change, page, release, session::Address},
    lens::{Lens, status, words},
    problem::{Answer, Failure},
    proof,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    change::signing_digest,
    core::Command,
    emergency::{self as domain, Cause, two_people},
    learning::ReviewStatus,
    release::opens_by_glass,
};
use interlock_ids::{GlassId, ReleaseId};
use interlock_wire::{
    emergency::{BreakGlass, ConfirmGlass, Debt, Glass, Ratified, Ratify},
    page::{Page, Paging},
    reason::{Action, Because, Receipt, Ref, Severity},
};
use std::collections::BTreeSet;

pub fn debt(lens: &Lens, it: &domain::Debt) -> Debt {
    let review = lens.world.learning.by_release.get(&it.release).and_then(|id| lens.world.learning.review(*id));
    let review_done = review.is_some_and(|it| it.status == ReviewStatus::Done);
    let overdue = it.ratified.is_none() && it.ratify_by <= lens.now || !review_done && it.review_by <= lens.now;
    let state = match (it.ratified.is_some() && review_done, overdue) {
        (true, _) => status("paid", Severity::Good, true),
        (false, true) => status("overdue", Severity::Bad, false),
        (false, false) => status("open", Severity::Warning, false),
    };
    let try_out = |agreed| {
        Command::Emergency(domain::Command::Ratify { change: it.change, agreed, reason: lens.no_note(), seen: None })
    };
    let actions = if it.ratified.is_some() {
        Vec::new()
    } else {
        let signing = lens.signing();
        vec![
            signing.action(
                "ratify",
                "Approve after the event",
                "You sign that it was right; the review remains.",
                true,
                &try_out(true),
            ),
            signing.action(
                "object",
                "Object",
                "You sign that it was not right; the review remains.",
                true,
                &try_out(false),
            ),
        ]
    };
    let release = lens.release(it.release);
    let seen = lens.world.change.change(it.change).map(|it| signing_digest(&lens.world, it).to_string());
    Debt {
        change: Ref::new(it.change, release.name.clone()),
        release,
        cause: if it.cause == Cause::Emergency { "emergency".into() } else { "broken_glass".into() },
        owners: words(&it.owners),
        incurred_at: it.incurred,
        status: state,
        ratify_by: it.ratify_by,
        ratified: it.ratified.as_ref().map(|it| Ratified {
            agreed: it.agreed,
            reason: lens.note(it.reason),
            signature: proof::view(lens, it.by, &it.signature),
        }),
        review_by: it.review_by,
        review_done,
        seen: seen.unwrap_or_default(),
        actions,
    }
}

pub fn glass(lens: &Lens, it: &domain::Glass) -> Glass {
    let state = if it.in_force(lens.now) && two_people(&lens.world, it) {
        status("in_force", Severity::Bad, false)
    } else if it.in_force(lens.now) {
        status("void", Severity::Warning, false)
    } else if it.waits(lens.now) {
        status("waiting", Severity::Warning, false)
    } else {
        status("over", Severity::Neutral, true)
    };
    let confirm = Command::Emergency(domain::Command::Confirm { glass: it.id, reason: lens.no_note() });
    let end = Command::Emergency(domain::Command::End { glass: it.id, reason: lens.no_note() });
    let actions = if state.is_terminal {
        Vec::new()
    } else {
        let effect = "The gates it names are open at once, for as long as it says; an approval after the event and a review are owed.";
        vec![
            lens.signing().action("confirm", "Confirm as the second person", effect, true, &confirm),
            lens.action("end", "Give it up", "The gates are as they were.", true, &end),
        ]
    };
    Glass {
        id: it.id.to_string(),
        release: lens.release(it.release),
        gates: words(&it.gates),
        status: state,
        broken_by: lens.person(it.broken_by),
        broken_at: it.broken,
        reason: lens.note(it.reason),
        confirmed_by: it.confirmed.map(|(by, ..)| lens.person(by)),
        until: it.confirmed.map(|(_, _, until)| until),
        actions,
    }
}

/// The action of a release that breaks the glass over the gates that are shut and could be opened so.
pub fn break_action(lens: &Lens, it: &interlock_domain::release::Release) -> Option<Action> {
    let shut: BTreeSet<_> = interlock_domain::release::gates(&lens.world, it, lens.now)
        .into_iter()
        .filter(|gate| gate.ruling.outcome != interlock_domain::reason::Outcome::Pass)
        .filter_map(|gate| gate.name.parse().ok())
        .filter(|gate| opens_by_glass(&lens.world, it, gate))
        .collect();
    if shut.is_empty() || it.stage.is_terminal() {
        return None;
    }
    let command = domain::Command::Break {
        glass: lens.fresh(),
        release: it.id,
        gates: shut,
        lasts_s: 3600,
        reason: lens.no_note(),
    };
    let effect = "Everybody sees it. Once a second person confirms, the gates are open for the time you say; an approval after the event and a review are owed.";
    Some(lens.signing().action("break-glass", "Break the glass", effect, true, &Command::Emergency(command)))
}

/// What is owed after emergencies, the newest first.
#[utoipa::path(get, path = "/debts", params(Paging), responses((status = 200, body = Page<Debt>)))]
pub async fn debts(State(app): State<App>, caller: Caller, Params(it): Params<Paging>) -> Answer<Json<Page<Debt>>> {
    let lens = Lens::new(&app, &caller);
    let all = lens.world.emergency.debts.iter().rev();
    page::reversed(&it, all, |(id, _)| id.to_string(), |(_, it)| debt(&lens, it)).map(Json)
}

/// Broken glasses, the newest first.
#[utoipa::path(get, path = "/glasses", params(Paging), responses((status = 200, body = Page<Glass>)))]
pub async fn glasses(State(app): State<App>, caller: Caller, Params(it): Params<Paging>) -> Answer<Json<Page<Glass>>> {
    let lens = Lens::new(&app, &caller);
    let all = lens.world.emergency.glasses.iter().rev();
    page::reversed(&it, all, |(id, _)| id.to_string(), |(_, it)| glass(&lens, it)).map(Json)
}

async fn after_the_event(
    app: &App,
    (caller, address): (Caller, Address),
    key: Option<String>,
    text: &str,
    (agreed, it): (bool, Ratify),
) -> Answer<Done> {
    let change = change::find(app, text)?;
    let (caller, seen) = proof::prove(app, caller, &address, &it.signature).await?;
    let reason = act::note(app, "reason", &it.reason)?;
    let command = domain::Command::Ratify { change, agreed, reason, seen };
    act::carry_out(app, &caller, key, act::subject("change", change, text), Command::Emergency(command)).await
}

/// Approves an emergency after the event, and signs that.
#[utoipa::path(post, path = "/changes/{id}/ratify", params(("id" = String, Path)), request_body = Ratify, responses((status = 200, body = Receipt)))]
pub async fn ratify(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Ratify>,
) -> Answer<Done> {
    after_the_event(&app, (caller, address), key, &text, (true, it)).await
}

/// Objects to an emergency after the event, and signs that.
#[utoipa::path(post, path = "/changes/{id}/object", params(("id" = String, Path)), request_body = Ratify, responses((status = 200, body = Receipt)))]
pub async fn object(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Ratify>,
) -> Answer<Done> {
    after_the_event(&app, (caller, address), key, &text, (false, it)).await
}

/// Breaks the glass: asks for a way round gates.
#[utoipa::path(post, path = "/releases/{release}/break-glass", params(("release" = String, Path)), request_body = BreakGlass, responses((status = 201, body = Receipt)))]
pub async fn break_glass(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<BreakGlass>,
) -> Answer<Done> {
    let release: ReleaseId = release::find(&app, &text)?;
    let gates = parse_all("gates", &it.gates)?;
    let (caller, _) = proof::prove(&app, caller, &address, &it.signature).await?;
    let glass: GlassId = app.engine().fresh();
    let reason = act::note(&app, "reason", &it.reason)?;
    let command = domain::Command::Break { glass, release, gates, lasts_s: it.lasts.0, reason };
    let subject = act::subject("glass", glass, &text);
    let done = act::carry_out(&app, &caller, key, subject, Command::Emergency(command)).await?;
    Ok(done.created("/glasses"))
}

fn find(app: &App, text: &str) -> Answer<GlassId> {
    let id = text.parse::<GlassId>().ok().filter(|id| app.engine().world().emergency.glass(*id).is_some());
    id.ok_or_else(|| Failure::not_found("glass", text))
}

/// Confirms a broken glass as the second person.
#[utoipa::path(post, path = "/glasses/{glass}/confirm", params(("glass" = String, Path)), request_body = ConfirmGlass, responses((status = 200, body = Receipt)))]
pub async fn confirm_glass(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<ConfirmGlass>,
) -> Answer<Done> {
    let glass = find(&app, &text)?;
    let (caller, _) = proof::prove(&app, caller, &address, &it.signature).await?;
    let command = domain::Command::Confirm { glass, reason: act::note(&app, "reason", &it.reason)? };
    act::carry_out(&app, &caller, key, act::subject("glass", glass, &text), Command::Emergency(command)).await
}

/// Gives a broken glass up before its time.
#[utoipa::path(post, path = "/glasses/{glass}/end", params(("glass" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn end_glass(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let glass = find(&app, &text)?;
    let command = domain::Command::End { glass, reason: act::note(&app, "reason", &it.reason)? };
    act::carry_out(&app, &caller, key, act::subject("glass", glass, &text), Command::Emergency(command)).await
}
