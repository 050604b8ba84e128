//! Changes: who decided what, with which conditions.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params},
    http::{emergency, page, people, session::Address},
    lens::{Lens, status, words},
    problem::{Answer, Failure},
    proof,
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    board::{self, Standing},
    change::{self, signing_digest},
    core::Command,
    release::approvals_required,
};
use interlock_ids::{ChangeId, ConditionId, ReleaseId};
use interlock_wire::{
    change::{
        Approval, Approve, BoardDecision, Change, ChangeDocument, ChangeQuery, ChangeRow, Class, Condition, Decision,
        Impact, Level, MeetCondition, Reject,
    },
    page::{Page, Paging},
    reason::{Action, Because, Receipt, Severity, Status},
};

pub fn class_out(class: change::Class) -> Class {
    match class {
        change::Class::Standard => Class::Standard,
        change::Class::Normal => Class::Normal,
        change::Class::Emergency => Class::Emergency,
    }
}

pub fn class_in(class: Class) -> change::Class {
    match class {
        Class::Standard => change::Class::Standard,
        Class::Normal => change::Class::Normal,
        Class::Emergency => change::Class::Emergency,
    }
}

pub fn level(level: change::Level) -> Level {
    match level {
        change::Level::Low => Level::Low,
        change::Level::Medium => Level::Medium,
        change::Level::High => Level::High,
    }
}

pub fn level_in(level: Level) -> change::Level {
    match level {
        Level::Low => change::Level::Low,
        Level::Medium => change::Level::Medium,
        Level::High => change::Level::High,
    }
}

pub fn document(lens: &Lens, it: &change::Document) -> ChangeDocument {
    ChangeDocument {
        kind: it.kind.to_string(),
        digest: it.digest.to_string(),
        by: lens.person(it.by),
        at: it.at,
        remark: lens.note(it.remark),
    }
}

/// What the board has to do with a change.
fn board_decision(lens: &Lens, it: &change::Change) -> Option<BoardDecision> {
    let decided = board::decision(&lens.world, it.id);
    let needed = board::needs(&lens.world, it);
    if needed.is_none() && decided == Standing::None {
        return None;
    }
    let coming = lens
        .world
        .board
        .meetings
        .values()
        .find(|meeting| meeting.is_pending() && meeting.item(it.id).is_some_and(|item| item.verdict.is_none()));
    let (state, meeting, why) = match (decided, coming) {
        (Standing::Approved { meeting }, _) => (status("approved", Severity::Good, false), Some(meeting), Vec::new()),
        (Standing::Rejected { meeting }, None) => (status("rejected", Severity::Bad, false), Some(meeting), Vec::new()),
        (Standing::Void { meeting, why }, None) => (status("void", Severity::Bad, false), Some(meeting), why),
        (_, Some(meeting)) => (status("on_agenda", Severity::Info, false), Some(meeting.id), Vec::new()),
        (Standing::None, None) => (status("waiting", Severity::Warning, false), None, Vec::new()),
    };
    let named = meeting.and_then(|id| lens.world.board.meeting(id)).map(|it| it.board.to_string());
    Some(BoardDecision {
        board: named.or(needed.map(|it| it.to_string())).unwrap_or_default(),
        status: state,
        meeting: meeting.map(|id| id.to_string()),
        why: why.iter().map(|it| lens.with_names(it)).collect(),
    })
}

fn state(it: &change::Change) -> Status {
    match it.status {
        change::Status::Open => status("open", Severity::Info, false),
        change::Status::Rejected => status("rejected", Severity::Bad, false),
        change::Status::Closed => status("closed", Severity::Neutral, true),
    }
}

pub fn row(lens: &Lens, it: &change::Change) -> ChangeRow {
    let release = lens.world.release.release(it.release);
    let counted = it.counted();
    ChangeRow {
        id: it.id.to_string(),
        name: lens.release(it.release).name,
        summary: lens.note(it.summary),
        release: lens.release(it.release),
        class: class_out(it.class),
        impact: level(it.impact.level),
        services: words(&counted.services),
        authors: lens.people(&counted.authors),
        status: state(it),
        opened_at: it.opened,
        approvals: counted.approvals,
        approvals_required: release.map_or(0, |release| approvals_required(&lens.world, release, it)),
        open_conditions: counted.open_conditions,
    }
}

fn condition(lens: &Lens, it: &change::Condition) -> Condition {
    Condition {
        id: it.id.to_string(),
        text: lens.note(it.text),
        by: lens.person(it.by),
        status: if it.met.is_some() {
            status("met", Severity::Good, true)
        } else {
            status("open", Severity::Warning, false)
        },
        met_by: it.met.as_ref().map(|met| lens.person(met.by)),
        met_at: it.met.as_ref().map(|met| met.at),
        evidence: it.met.as_ref().map(|met| lens.note(met.evidence)),
    }
}

fn approval(lens: &Lens, change: &change::Change, it: &change::Approval) -> Approval {
    let conditions: Vec<_> =
        change.conditions.iter().filter(|condition| condition.by == it.by).map(|it| condition(lens, it)).collect();
    let state = match (it.withdrawn, it.decision, conditions.is_empty()) {
        (true, ..) => status("withdrawn", Severity::Neutral, true),
        (false, change::Decision::Reject, _) => status("rejected", Severity::Bad, false),
        (false, change::Decision::Approve, true) => status("approved", Severity::Good, false),
        (false, change::Decision::Approve, false) => status("approved_with_conditions", Severity::Good, false),
    };
    Approval {
        person: lens.person(it.by),
        on_behalf_of: it.on_behalf_of.map(|id| lens.person(id)),
        decision: if it.decision == change::Decision::Approve { Decision::Approve } else { Decision::Reject },
        status: state,
        reason: lens.note(it.reason),
        conditions,
        at: it.at,
        signature: it.signature.as_ref().map(|signature| proof::view(lens, it.by, signature)),
        ruling: lens.ruling(&it.ruling),
    }
}

pub fn view(lens: &Lens, it: &change::Change) -> Change {
    let flow = lens.world.change.flow(it.class);
    let release = lens.world.release.release(it.release);
    let attached = |kind: &interlock_ids::Name| it.documents.iter().any(|it| it.kind == *kind);
    let glasses: Vec<_> = lens.world.emergency.of_release(it.release).map(|it| emergency::glass(lens, it)).collect();
    Change {
        row: row(lens, it),
        requested_by: it.requested_by.map(|id| lens.person(id)),
        impact_detail: Impact {
            level: level(it.impact.level),
            users: it.impact.users,
            revenue_per_hour: it.impact.revenue_per_hour,
            data_classes: words(&it.impact.data_classes),
            dependants: words(&it.impact.dependants),
            reasons: it.impact.reasons.clone(),
        },
        co_authors: lens.people(&it.authorship.co_authors),
        unknown_authors: it.authorship.unknown.len() as u32,
        commits: it.authorship.commits,
        decisions: it.approvals.iter().map(|given| approval(lens, it, given)).collect(),
        conditions: it.conditions.iter().map(|it| condition(lens, it)).collect(),
        documents: it.documents.iter().map(|it| document(lens, it)).collect(),
        documents_missing: words(flow.documents.iter().filter(|kind| !attached(kind))),
        signed: flow.signed,
        seen: signing_digest(&lens.world, it).to_string(),
        board: board_decision(lens, it),
        template: release.and_then(|it| it.spec.template.as_ref()).map(ToString::to_string),
        debt: lens.world.emergency.debt(it.id).map(|it| emergency::debt(lens, it)),
        glasses: glasses.into_iter().rev().collect(),
        actions: actions(lens, it),
    }
}

fn decide(lens: &Lens, change: ChangeId, decision: change::Decision) -> Command {
    Command::Change(change::Command::Decide {
        change,
        decision,
        reason: lens.no_note(),
        conditions: Vec::new(),
        on_behalf_of: None,
        seen: None,
    })
}

pub fn actions(lens: &Lens, it: &change::Change) -> Vec<Action> {
    let withdraw = Command::Change(change::Command::Withdraw { change: it.id, reason: lens.no_note() });
    let signing = if lens.world.change.flow(it.class).signed { lens.signing() } else { lens.clone() };
    vec![
        signing.action(
            "approve",
            "Approve",
            "Your approval is recorded, with its reason; conditions become gates.",
            true,
            &decide(lens, it.id, change::Decision::Approve),
        ),
        lens.action(
            "reject",
            "Reject",
            "The release cannot ship unless you take it back.",
            true,
            &decide(lens, it.id, change::Decision::Reject),
        ),
        lens.action("withdraw", "Withdraw", "Your decision does not count any more.", true, &withdraw),
    ]
}

/// Changes, the newest first.
#[utoipa::path(get, path = "/changes", params(ChangeQuery), responses((status = 200, body = Page<ChangeRow>)))]
pub async fn changes(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<ChangeQuery>,
) -> Answer<Json<Page<ChangeRow>>> {
    let lens = Lens::new(&app, &caller);
    let wanted = |change: &change::Change| {
        it.status.as_ref().is_none_or(|wanted| state(change).value == *wanted)
            && it.class.is_none_or(|class| class_in(class) == change.class)
    };
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    page::reversed(
        &paging,
        lens.world.change.changes.iter().rev().filter(|(_, it)| wanted(it)),
        |(id, _)| id.to_string(),
        |(_, it)| row(&lens, it),
    )
    .map(Json)
}

pub fn find(app: &App, text: &str) -> Answer<ChangeId> {
    let id = text.parse::<ChangeId>().ok().filter(|id| app.engine().world().change.change(*id).is_some());
    id.ok_or_else(|| Failure::not_found("change", text))
}

/// The release a change belongs to.
fn of(app: &App, id: ChangeId) -> Answer<ReleaseId> {
    let release = app.engine().world().change.change(id).map(|it| it.release);
    release.ok_or_else(|| Failure::not_found("change", id))
}

/// One change.
#[utoipa::path(get, path = "/changes/{id}", params(("id" = String, Path)), responses((status = 200, body = Change)))]
pub async fn change(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Change>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(of(&app, id)?)?;
    lens.world.change.change(id).map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("change", text))
}

/// Approves a change.
#[utoipa::path(post, path = "/changes/{id}/approve", params(("id" = String, Path)), request_body = Approve, responses((status = 200, body = Receipt)))]
pub async fn approve(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Approve>,
) -> Answer<Done> {
    if it.conditions.len() > 20 {
        return Err(Failure::invalid("too-many", "conditions", "conditions: at most 20"));
    }
    let conditions = it
        .conditions
        .iter()
        .map(|text| Ok((app.engine().fresh::<interlock_ids::Condition>(), act::note(&app, "conditions", text)?)))
        .collect::<Answer<_>>()?;
    let (caller, seen) = proof::prove(&app, caller, &address, &it.signature).await?;
    let given = Given {
        decision: change::Decision::Approve,
        reason: it.reason,
        conditions,
        on_behalf_of: it.on_behalf_of,
        seen,
    };
    record(&app, &caller, key, &text, given).await
}

/// Rejects a change.
#[utoipa::path(post, path = "/changes/{id}/reject", params(("id" = String, Path)), request_body = Reject, responses((status = 200, body = Receipt)))]
pub async fn reject(
    State(app): State<App>,
    caller: Caller,
    address: Address,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Reject>,
) -> Answer<Done> {
    let (caller, seen) = proof::prove(&app, caller, &address, &it.signature).await?;
    let given = Given {
        decision: change::Decision::Reject,
        reason: it.reason,
        conditions: Vec::new(),
        on_behalf_of: it.on_behalf_of,
        seen,
    };
    record(&app, &caller, key, &text, given).await
}

struct Given {
    decision: change::Decision,
    reason: String,
    conditions: Vec<(ConditionId, interlock_domain::reason::NoteRef)>,
    on_behalf_of: Option<String>,
    seen: Option<interlock_ids::Digest>,
}

async fn record(app: &App, caller: &Caller, key: Option<String>, text: &str, given: Given) -> Answer<Done> {
    let change = find(app, text)?;
    let on_behalf_of = given.on_behalf_of.as_deref().map(|who| people::find(app, who)).transpose()?;
    let reason = act::note(app, "reason", &given.reason)?;
    let command = change::Command::Decide {
        change,
        decision: given.decision,
        reason,
        conditions: given.conditions,
        on_behalf_of,
        seen: given.seen,
    };
    act::carry_out(app, caller, key, act::subject("change", change, text), Command::Change(command)).await
}

/// Takes one's own decision back.
#[utoipa::path(post, path = "/changes/{id}/withdraw", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let change = find(&app, &text)?;
    let command = change::Command::Withdraw { change, reason: act::note(&app, "reason", &it.reason)? };
    act::carry_out(&app, &caller, key, act::subject("change", change, &text), Command::Change(command)).await
}

/// Says that a condition is met.
#[utoipa::path(post, path = "/changes/{id}/conditions/{condition}/meet", params(("id" = String, Path), ("condition" = String, Path)), request_body = MeetCondition, responses((status = 200, body = Receipt)))]
pub async fn meet(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At((text, condition)): At<(String, String)>,
    Body(it): Body<MeetCondition>,
) -> Answer<Done> {
    let change = find(&app, &text)?;
    let condition: ConditionId = condition.parse().map_err(|_| Failure::not_found("condition", &condition))?;
    let command =
        change::Command::MeetCondition { change, condition, evidence: act::note(&app, "evidence", &it.evidence)? };
    act::carry_out(&app, &caller, key, act::subject("change", change, &text), Command::Change(command)).await
}

/// The command an action of a change stands for.
pub fn asked(lens: &Lens, text: &str, action: &str) -> Option<Command> {
    let it = lens.world.change.change(text.parse().ok()?)?;
    match action {
        "approve" => Some(decide(lens, it.id, change::Decision::Approve)),
        "reject" => Some(decide(lens, it.id, change::Decision::Reject)),
        "withdraw" => Some(Command::Change(change::Command::Withdraw { change: it.id, reason: lens.no_note() })),
        _ => None,
    }
}
