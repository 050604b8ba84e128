//! What the classes of change ask for, and documents of changes.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse, parse_all},
    http::{
        change::{self, class_out, level, level_in},
        page,
    },
    lens::{Lens, words},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    change::{self as domain, Class},
    core::Command,
};
use interlock_ids::Digest;
use interlock_wire::{
    change::{AttachDocument, BoardRule, Flow, FlowSpec},
    length::Length,
    page::{Page, Paging},
    reason::Receipt,
};

/// In the order of their names, by which lists are cut.
const CLASSES: [Class; 3] = [Class::Emergency, Class::Normal, Class::Standard];

fn view(lens: &Lens, class: Class) -> Flow {
    let it = lens.world.change.flow(class);
    Flow {
        class: class_out(class),
        set: lens.world.change.flows.contains_key(&class),
        spec: FlowSpec {
            lead_time: Length(it.lead_time_s),
            documents: words(&it.documents),
            board: it.board.map(|it| BoardRule { board: it.board.to_string(), from: level(it.from) }),
            signed: it.signed,
            ratify_within: Length(it.ratify_within_s),
            review_within: Length(it.review_within_s),
            budget: it.budget,
        },
    }
}

/// What a specification means to the core.
pub fn spec_in(it: &FlowSpec) -> Answer<domain::Flow> {
    let board = it.board.as_ref().map(|it| {
        Ok::<_, Failure>(domain::BoardRule { board: parse("board.board", &it.board)?, from: level_in(it.from) })
    });
    Ok(domain::Flow {
        lead_time_s: it.lead_time.0,
        documents: parse_all("documents", &it.documents)?,
        board: board.transpose()?,
        signed: it.signed,
        ratify_within_s: it.ratify_within.0,
        review_within_s: it.review_within.0,
        budget: it.budget,
    })
}

/// What each class of change asks for.
#[utoipa::path(get, path = "/flows", params(Paging), responses((status = 200, body = Page<Flow>)))]
pub async fn flows(State(app): State<App>, caller: Caller, Params(it): Params<Paging>) -> Answer<Json<Page<Flow>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&it, CLASSES.into_iter(), |class| format!("{class:?}"), |class| view(&lens, class)).map(Json)
}

/// Sets what a class of change asks for, as a whole.
#[utoipa::path(put, path = "/flows/{class}", params(("class" = String, Path)), request_body = FlowSpec, responses((status = 200, body = Receipt)))]
pub async fn put_flow(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<FlowSpec>,
) -> Answer<Done> {
    let class = CLASSES.into_iter().find(|it| it.as_str() == text).ok_or_else(|| Failure::not_found("class", &text))?;
    let command = domain::Command::PutFlow { class, flow: spec_in(&it)? };
    act::carry_out(&app, &caller, key, act::subject("flow", &text, &text), Command::Change(command)).await
}

/// Attaches a document to a change. Its bytes were put as a blob before.
#[utoipa::path(post, path = "/changes/{id}/documents", params(("id" = String, Path)), request_body = AttachDocument, responses((status = 200, body = Receipt)))]
pub async fn attach(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<AttachDocument>,
) -> Answer<Done> {
    let id = change::find(&app, &text)?;
    let digest: Digest = parse("digest", &it.digest)?;
    if app.engine().ledger().blob(&interlock_ledger::Digest(digest.0))?.is_none() {
        let detail = format!("digest: there is no blob {digest}; put its bytes first, with POST /api/v1/blobs");
        return Err(Failure::invalid("no-such-blob", "digest", detail));
    }
    let (document, remark) = (parse("kind", &it.kind)?, act::note(&app, "remark", &it.remark)?);
    let command = domain::Command::AttachDocument { change: id, document, digest, remark };
    act::carry_out(&app, &caller, key, act::subject("change", id, &text), Command::Change(command)).await
}
