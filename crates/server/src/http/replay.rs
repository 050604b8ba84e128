//! The past: the world at any position or moment, what was known at a decision, rulings recomputed.
//!
//! Invariants: an object of the past is shown by the very functions that show the present one, over the world of that position; what
//! came later is never part of what was known. Deliberately absent: names and texts of then. They are at the desk, which has no past:
//! a person is called what he is called now, or by the pseudonym if he was erased.

use super::{calendar, catalog, change, deployment, environment, learning, ledger, people, release, rollback};
use crate::{
    auth::Caller,
    extract::{At, Params},
    lens::{Lens, named, status, words},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::{Actor, By, Record, Subject, World},
    policy::{self, Question},
    reason::Outcome,
};
use interlock_engine::{Compared, Recomputed, ReplayError, Told};
use interlock_ids::Name;
use interlock_wire::{
    ledger::EntryRow,
    reason::{Ref, Severity, Verdict},
    replay::{
        Attachment, Count, Decider, Document, Installed, Knowledge, KnownObject, Recomputation, RecomputeQuery,
        RecomputedRuling, RulingTold, WorldQuery, WorldView,
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Releases listed with a former world.
const RELEASES: usize = 100;
/// Documents listed with a decision.
const DOCUMENTS: usize = 500;
/// Later entries listed with a decision.
const LATER: usize = 50;
/// Rulings given that are not the same.
const NOT_THE_SAME: usize = 100;
/// Entries recomputed in one request.
const AT_ONCE: u64 = 10_000;

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Beyond { .. } => Failure::invalid("beyond-the-ledger", "position", error.to_string()),
            ReplayError::Store(error) => error.into(),
            ReplayError::Open(error) => {
                tracing::error!(%error, "a former world could not be folded");
                Failure::unavailable("the world of that moment cannot be put together at the moment; try again")
            }
        }
    }
}

/// Looks at the world of a position as the caller may look at the present one.
async fn look_back(app: &App, caller: &Caller, position: u64) -> Answer<Lens> {
    let engine = app.engine().clone();
    let found = tokio::task::spawn_blocking(move || {
        let world = engine.world_at(position)?;
        let at = if position == 0 { None } else { engine.time_of(position - 1)? };
        Ok::<_, ReplayError>((world, at))
    });
    let (world, at) = found.await.map_err(|_| Failure::unavailable("looking back broke off; try again"))??;
    let lens = Lens::new(app, caller);
    let now = at.unwrap_or(lens.now);
    Ok(lens.at(world, now))
}

/// The world at a position or a moment, and one object as it was then.
#[utoipa::path(get, path = "/ledger/world", params(WorldQuery), responses((status = 200, body = WorldView)))]
pub async fn world(State(app): State<App>, caller: Caller, Params(it): Params<WorldQuery>) -> Answer<Json<WorldView>> {
    let engine = app.engine().clone();
    let position = match (it.position, it.time) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid("invalid-query", "time", "give a position or a time, not both"));
        }
        (Some(position), None) => position,
        (None, Some(time)) => {
            let found = tokio::task::spawn_blocking(move || engine.position_at(time)).await;
            found.map_err(|_| Failure::unavailable("looking back broke off; try again"))??
        }
        (None, None) => engine.head(),
    };
    let lens = look_back(&app, &caller, position).await?;
    let object = match &it.object {
        Some(text) => {
            let (kind, id) = text.split_once('/').unwrap_or((text, ""));
            let subject = named_object(&lens, kind, id)?;
            let state = state_of(&app, &lens, &subject).await?;
            Some(state.ok_or_else(|| Failure::not_found(kind, format!("{id} at position {position}")))?)
        }
        None => None,
    };
    let size = app.engine().head();
    let time = |position| app.engine().time_of(position);
    Ok(Json(WorldView {
        position,
        at: if position == 0 { None } else { Some(lens.now) },
        size,
        first_at: time(0)?,
        last_at: if size == 0 { None } else { time(size - 1)? },
        policy_set: lens.world.policy.set().map(|set| set.digest().to_owned()),
        counts: counts(&lens.world),
        releases: lens
            .world
            .release
            .releases
            .values()
            .rev()
            .filter(|it| !it.stage.is_terminal())
            .take(RELEASES)
            .map(|it| release::row(&lens, it))
            .collect(),
        deployments: lens
            .world
            .deployment
            .running
            .iter()
            .filter_map(|id| lens.world.deployment.deployment(*id))
            .map(|it| deployment::row(&lens, it))
            .collect(),
        lockdowns: lens.world.calendar.lockdowns.values().filter(|it| it.lifted.is_none()).count() as u32,
        installed: installed(&lens),
        object,
    }))
}

fn counts(world: &World) -> Vec<Count> {
    let count = |name: &str, count: usize| Count { name: name.into(), count: count as u64 };
    vec![
        count("accounts", world.people.accounts.len()),
        count("services", world.catalog.services.len()),
        count("environments", world.environment.environments.len()),
        count("calendars", world.calendar.calendars().len()),
        count("artefacts", world.artifact.artifacts.len()),
        count("releases", world.release.releases.len()),
        count("changes", world.change.changes.len()),
        count("deployments", world.deployment.deployments.len()),
        count("rollbacks", world.rollback.rollbacks.len()),
        Count { name: "refusals".into(), count: world.reason.refusals },
    ]
}

fn installed(lens: &Lens) -> Vec<Installed> {
    let mut found: BTreeMap<(Name, Name, interlock_ids::Digest), u32> = BTreeMap::new();
    for ((environment, service, _), it) in &lens.world.deployment.installed {
        *found.entry((environment.clone(), service.clone(), it.digest)).or_default() += 1;
    }
    let view = |((environment, service, digest), targets): ((Name, Name, interlock_ids::Digest), u32)| Installed {
        environment: named(&environment),
        service: named(&service),
        version: lens.version(&digest),
        digest: digest.to_string(),
        targets,
    };
    found.into_iter().map(view).collect()
}

/// What of a former world can be looked at.
enum Object {
    Subject(Subject),
    Rollback(interlock_ids::RollbackId),
    Review(interlock_ids::ReviewId),
}

fn named_object(lens: &Lens, kind: &str, id: &str) -> Answer<Object> {
    let unknown = || Failure::not_found(kind, format!("{id} at position {}", lens.world.position));
    let name = || id.parse::<Name>().map_err(|_| unknown());
    let by_name = |name: Name| lens.world.release.by_name.get(&name).copied();
    Ok(match kind {
        "release" => {
            let found = id.parse().ok().or_else(|| id.parse().ok().and_then(by_name));
            Object::Subject(Subject::Release(found.ok_or_else(unknown)?))
        }
        "change" => Object::Subject(Subject::Change(id.parse().map_err(|_| unknown())?)),
        "deployment" => Object::Subject(Subject::Deployment(id.parse().map_err(|_| unknown())?)),
        "environment" => Object::Subject(Subject::Environment(name()?)),
        "service" => Object::Subject(Subject::Service(name()?)),
        "calendar" => Object::Subject(Subject::Calendar(name()?)),
        "account" => {
            let by_login = lens.engine.desk().by_login(id).map(|it| it.account);
            Object::Subject(Subject::Account(by_login.or_else(|| id.parse().ok()).ok_or_else(unknown)?))
        }
        "rollback" => Object::Rollback(id.parse().map_err(|_| unknown())?),
        "review" => Object::Review(id.parse().map_err(|_| unknown())?),
        _ => {
            let message = "object: give `<kind>/<name or id>` with release, change, deployment, environment, service, calendar, account, rollback or review";
            return Err(Failure::invalid("invalid-query", "object", message));
        }
    })
}

/// The object as its own address would have given it; `None` if it did not exist or has no view.
async fn state_of(app: &App, lens: &Lens, object: &Object) -> Answer<Option<Value>> {
    fn json(view: impl serde::Serialize) -> Option<Value> {
        serde_json::to_value(view).ok()
    }
    // Of a release that was over, what its page shows is read back.
    let release = match object {
        Object::Subject(Subject::Release(id)) => Some(*id),
        Object::Subject(Subject::Change(id)) => lens.world.change.change(*id).map(|it| it.release),
        Object::Subject(Subject::Deployment(id)) => lens.world.deployment.deployment(*id).map(|it| it.release),
        Object::Subject(_) | Object::Rollback(_) | Object::Review(_) => None,
    };
    let close = release.map(|id| lens.clone().close(id)).transpose()?;
    let lens = close.as_ref().unwrap_or(lens);
    let world = &lens.world;
    Ok(match object {
        Object::Subject(Subject::Release(id)) => match world.release.releases.get(id).cloned() {
            Some(it) => json(release::view(app, lens, &it).await?),
            None => None,
        },
        Object::Subject(Subject::Change(id)) => world.change.change(*id).and_then(|it| json(change::view(lens, it))),
        Object::Subject(Subject::Deployment(id)) => {
            world.deployment.deployment(*id).and_then(|it| json(deployment::view(lens, it)))
        }
        Object::Subject(Subject::Environment(name)) => {
            world.environment.environment(name).and_then(|it| json(environment::view(lens, it)))
        }
        Object::Subject(Subject::Service(name)) => {
            world.catalog.service(name).and_then(|it| json(catalog::view(lens, it)))
        }
        Object::Subject(Subject::Calendar(name)) => {
            world.calendar.calendars().get(name).and_then(|it| json(calendar::view(lens, it)))
        }
        Object::Subject(Subject::Account(id)) => world.people.account(*id).and_then(|it| json(people::view(lens, it))),
        Object::Subject(Subject::Artifact(_)) => None,
        Object::Rollback(id) => world.rollback.rollback(*id).and_then(|it| json(rollback::view(lens, it))),
        Object::Review(id) => world.learning.review(*id).and_then(|it| json(learning::view(lens, it))),
    })
}

/// What was known when the entry was decided: the world before it, the facts of its rulings, what was on record, who decided.
#[utoipa::path(get, path = "/ledger/entries/{position}/knowledge", params(("position" = u64, Path)), responses((status = 200, body = Knowledge)))]
pub async fn knowledge(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Knowledge>> {
    let (position, record) = entry(&app, &text)?;
    let now = Lens::new(&app, &caller);
    let then = look_back(&app, &caller, position).await?.at_time(record.at);
    let subjects = record.event.subjects(&then.world);
    let about = related(&then.world, &subjects);
    let mut objects = Vec::new();
    for subject in &about {
        let state = state_of(&app, &then, &Object::Subject(subject.clone())).await?;
        objects.push(KnownObject { subject: then.subject(subject), state });
    }
    let positions: BTreeSet<u64> = about.iter().flat_map(|subject| then.world.trail.of(subject)).collect();
    let left_out = positions.len().saturating_sub(DOCUMENTS);
    let known: Vec<u64> = positions.into_iter().skip(left_out).collect();
    let later: BTreeSet<u64> =
        about.iter().flat_map(|subject| now.world.trail.of(subject).filter(|it| *it > position)).collect();
    let later: Vec<u64> = later.into_iter().take(LATER).collect();
    Ok(Json(Knowledge {
        entry: ledger::row(&now, position, &record),
        decider: decider(&then, &record.by),
        rulings: recomputed(&app, position, 1).await?.0.into_iter().map(|it| ruling(&it)).collect(),
        objects,
        documents: documents(&now, &known)?,
        documents_left_out: left_out as u32,
        later: ledger::rows(&now, &later)?,
    }))
}

/// One entry, read.
fn entry(app: &App, text: &str) -> Answer<(u64, Record)> {
    let unknown = || Failure::not_found("entry", text);
    let position: u64 = text.parse().map_err(|_| unknown())?;
    let stored = app.engine().ledger().read(position, 1)?.into_iter().next().ok_or_else(unknown)?;
    Ok((position, ledger::record(&stored)?))
}

/// The subjects, and what belongs to them: the change of a release, the release of a change or a deployment, its builds.
fn related(world: &World, subjects: &[Subject]) -> Vec<Subject> {
    let mut all: Vec<Subject> = Vec::new();
    let mut add = |subject: Subject| {
        if !all.contains(&subject) {
            all.push(subject);
        }
    };
    for subject in subjects {
        add(subject.clone());
        let release = match subject {
            Subject::Release(id) => Some(*id),
            Subject::Change(id) => world.change.change(*id).map(|it| it.release),
            Subject::Deployment(id) => world.deployment.deployment(*id).map(|it| it.release),
            Subject::Account(_)
            | Subject::Service(_)
            | Subject::Calendar(_)
            | Subject::Environment(_)
            | Subject::Artifact(_) => None,
        };
        let Some(release) = release.and_then(|id| world.release.release(id)) else { continue };
        add(Subject::Release(release.id));
        if let Some(change) = world.change.of_release(release.id) {
            add(Subject::Change(change.id));
        }
        release.deployment.into_iter().for_each(|id| add(Subject::Deployment(id)));
        add(Subject::Environment(release.spec.environment.clone()));
        release.spec.items.iter().for_each(|item| add(Subject::Artifact(item.digest)));
    }
    all
}

fn decider(then: &Lens, by: &By) -> Decider {
    let people = &then.world.people;
    let account = match by {
        By::Account(id) => people.account(*id),
        By::Runner(_) | By::System => None,
    };
    let actor = Actor { by: by.clone(), token: None, scopes: None, proof: None };
    let read = policy::ask(&then.world, &actor, Question::new("read", "Organisation", "organisation"));
    Decider {
        who: then.by(by),
        roles: account.map(|it| words(&it.roles)).unwrap_or_default(),
        groups: account.map(|it| words(&it.groups)).unwrap_or_default(),
        stands_in_for: account
            .map(|it| people.delegations_to(it.id, then.now).map(|it| then.person(it.from)).collect::<Vec<Ref>>())
            .unwrap_or_default(),
        may_read: verdict(read.outcome),
        on_leave: account.is_some_and(|it| people.on_leave(it.id, then.now)),
    }
}

fn documents(now: &Lens, positions: &[u64]) -> Answer<Vec<Document>> {
    let mut found = Vec::with_capacity(positions.len());
    for position in positions {
        let Some(stored) = now.engine.ledger().read(*position, 1)?.into_iter().next() else { continue };
        let EntryRow { at, kind, summary, .. } = ledger::row(now, *position, &ledger::record(&stored)?);
        found.push(Document { position: *position, at, kind, summary, refers_to: attachments(now, &stored.body) });
    }
    Ok(found)
}

/// Notes and blobs an entry refers to.
fn attachments(now: &Lens, body: &[u8]) -> Vec<Attachment> {
    let mut found: Vec<Attachment> = interlock_engine::notes(body)
        .into_iter()
        .map(|note| {
            let text = now.engine.desk().note(note.id);
            Attachment { kind: "note".into(), id: note.id.to_string(), there: text.is_some(), text }
        })
        .collect();
    for digest in blobs(body) {
        let there = now.engine.ledger().blob(&interlock_ledger::Digest(digest.0)).ok().flatten().is_some();
        found.push(Attachment { kind: "blob".into(), id: digest.to_string(), there, text: None });
    }
    found
}

/// Digests of blobs in an entry, by the names of the fields that hold them.
pub fn blobs(body: &[u8]) -> Vec<interlock_ids::Digest> {
    fn walk(value: &Value, found: &mut Vec<interlock_ids::Digest>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let names_blob = matches!(name.as_str(), "evidence" | "output" | "details");
                    match value.as_str().filter(|_| names_blob).and_then(|text| text.parse().ok()) {
                        Some(digest) => found.push(digest),
                        None => walk(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|it| walk(it, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice(body) {
        walk(&value, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

async fn recomputed(app: &App, from: u64, count: u64) -> Answer<(Vec<Recomputed>, Option<u64>)> {
    let engine = app.engine().clone();
    let found = tokio::task::spawn_blocking(move || engine.recompute(from, count)).await;
    Ok(found.map_err(|_| Failure::unavailable("recomputing broke off; try again"))??)
}

fn verdict(outcome: Outcome) -> Verdict {
    crate::lens::verdict(outcome)
}

fn told(it: &Told) -> RulingTold {
    RulingTold {
        verdict: verdict(it.outcome),
        policy_set: it.policy_set.clone(),
        facts_digest: it.facts.clone(),
        policies: it.policies.clone(),
    }
}

fn ruling(it: &Recomputed) -> RecomputedRuling {
    RecomputedRuling {
        position: it.position,
        name: it.name.clone(),
        recorded: told(&it.recorded),
        again: it.again.as_ref().map(told),
        verdict: match it.compared {
            Compared::Same => Verdict::Pass,
            Compared::Different => Verdict::Fail,
            Compared::Inconclusive => Verdict::Inconclusive,
        },
        why: it.why.clone(),
        request: it.request.as_deref().and_then(|text| serde_json::from_str(text).ok()),
    }
}

/// The rulings of one entry, asked again: the same policies, the same facts.
#[utoipa::path(get, path = "/ledger/entries/{position}/recomputed", params(("position" = u64, Path)), responses((status = 200, body = Vec<RecomputedRuling>)))]
pub async fn recompute_entry(
    State(app): State<App>,
    _: Caller,
    At(text): At<String>,
) -> Answer<Json<Vec<RecomputedRuling>>> {
    let (position, _) = entry(&app, &text)?;
    Ok(Json(recomputed(&app, position, 1).await?.0.iter().map(ruling).collect()))
}

/// The rulings of a stretch of the ledger, asked again.
#[utoipa::path(get, path = "/ledger/recomputed", params(RecomputeQuery), responses((status = 200, body = Recomputation)))]
pub async fn recompute(
    State(app): State<App>,
    _: Caller,
    Params(it): Params<RecomputeQuery>,
) -> Answer<Json<Recomputation>> {
    let (from, count) = (it.from.unwrap_or(0), it.count.unwrap_or(2_000));
    if !(1..=AT_ONCE).contains(&count) {
        return Err(Failure::invalid("invalid-query", "count", format!("count: give 1 to {AT_ONCE}")));
    }
    let (all, next) = recomputed(&app, from, count).await?;
    let of = |wanted: Compared| all.iter().filter(|it| it.compared == wanted).count() as u64;
    let (same, different, inconclusive) = (of(Compared::Same), of(Compared::Different), of(Compared::Inconclusive));
    let state = match (different, inconclusive) {
        (0, 0) => status("same", Severity::Good, true),
        (0, _) => status("inconclusive", Severity::Warning, true),
        _ => status("different", Severity::Bad, true),
    };
    Ok(Json(Recomputation {
        from,
        next,
        rulings: all.len() as u64,
        same,
        different,
        inconclusive,
        not_the_same: all.iter().filter(|it| it.compared != Compared::Same).take(NOT_THE_SAME).map(ruling).collect(),
        status: state,
    }))
}
