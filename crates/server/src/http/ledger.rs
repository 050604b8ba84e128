//! The ledger in the open: head, checkpoint, entries with their exact bytes, proofs, search.

use super::{people, release};
use crate::{
    auth::Caller,
    extract::{At, Params},
    http::page,
    lens::Lens,
    problem::{Answer, Failure},
    sentence,
    state::App,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use interlock_domain::{
    core::{By, Event, Record, Subject},
    release::Event as ReleaseEvent,
};
use interlock_engine::Standing;
use interlock_ids::{Digest, ReleaseId};
use interlock_ledger::{Entry as Stored, Ledger};
use interlock_wire::{
    ledger::{
        Consistency, ConsistencyQuery, EntriesQuery, Entry, EntryRow, Head, Proof, Witness, WitnessedCheckpoint,
        Witnesses,
    },
    page::{Page, Paging},
    reason::{Severity, Status, Verdict},
};
use jiff::Timestamp;

/// Entries looked through for one page of a search.
const LOOKED_THROUGH: u64 = 20_000;
/// Entries read from the store at once.
const CHUNK: u64 = 500;

fn text(digest: interlock_ledger::Digest) -> String {
    Digest(digest.0).to_string()
}

/// Size, root, and the signed note over them.
#[utoipa::path(get, path = "/ledger", responses((status = 200, body = Head)))]
pub async fn head(State(app): State<App>, _: Caller) -> Answer<Json<Head>> {
    let ledger = app.engine().ledger();
    let checkpoint = ledger.checkpoint()?;
    Ok(Json(Head {
        size: checkpoint.size,
        root: text(checkpoint.root),
        checkpoint: checkpoint.note,
        verifier_key: ledger.verifying_key().to_string(),
    }))
}

/// The signed note over the present head (C2SP tlog-checkpoint).
#[utoipa::path(get, path = "/ledger/checkpoint", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn checkpoint(State(app): State<App>, _: Caller) -> Answer<Response> {
    let note = app.engine().ledger().checkpoint()?.note;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

pub fn record(stored: &Stored) -> Answer<Record> {
    Record::decode(&stored.body).map_err(|error| {
        tracing::error!(position = stored.position, %error, "an entry cannot be read");
        Failure::unavailable(format!("entry {} cannot be read by this version", stored.position))
    })
}

pub fn row(lens: &Lens, position: u64, record: &Record) -> EntryRow {
    let (summary, severity) = sentence::of(lens, &record.event);
    EntryRow {
        position,
        at: record.at,
        kind: record.event.kind().into(),
        actor: lens.by(&record.by),
        subjects: record.event.subjects(&lens.world).iter().map(|it| lens.subject(it)).collect(),
        summary,
        severity,
    }
}

/// Rows of entries at these positions, which ascend.
pub fn rows(lens: &Lens, positions: &[u64]) -> Answer<Vec<EntryRow>> {
    let mut rows = Vec::with_capacity(positions.len());
    let mut rest = positions;
    while let Some(first) = rest.first() {
        // One read for a run of positions that lie close together.
        let run = rest.iter().take_while(|position| **position < first + 64).count();
        let last = rest[run - 1];
        let entries = read(lens.engine.ledger().as_ref(), *first, last + 1 - first)?;
        for position in &rest[..run] {
            if let Some(entry) = entries.iter().find(|entry| entry.position == *position) {
                rows.push(row(lens, *position, &record(entry)?));
            }
        }
        rest = &rest[run..];
    }
    Ok(rows)
}

/// All of a stretch, however little the store gives at once.
pub fn read(ledger: &dyn Ledger, from: u64, count: u64) -> Answer<Vec<Stored>> {
    let mut entries: Vec<Stored> = Vec::new();
    while (entries.len() as u64) < count {
        let more = ledger.read(from + entries.len() as u64, (count - entries.len() as u64) as usize)?;
        if more.is_empty() {
            break;
        }
        entries.extend(more);
    }
    Ok(entries)
}

/// What has happened to a release itself, with times.
pub fn release_events(lens: &Lens, release: ReleaseId) -> Vec<(Timestamp, ReleaseEvent)> {
    let ledger = lens.engine.ledger();
    let mut found = Vec::new();
    for position in lens.world.trail.of(&Subject::Release(release)) {
        let Ok(entries) = ledger.read(position, 1) else { return found };
        let record = entries.first().and_then(|entry| Record::decode(&entry.body).ok());
        if let Some(Record { at, event: Event::Release(event), .. }) = record {
            found.push((at, event));
        }
    }
    found
}

/// What entries are wanted.
pub struct Filter {
    kind: Option<String>,
    by: Option<By>,
    subject: Option<Subject>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    words: Vec<String>,
}

impl Filter {
    pub fn new(app: &App, it: &EntriesQuery) -> Answer<Self> {
        Ok(Self {
            kind: it.kind.clone(),
            by: it.actor.as_deref().map(|text| actor(app, text)).transpose()?,
            subject: it.subject.as_deref().map(|text| subject(app, text)).transpose()?,
            from: it.from,
            to: it.to,
            words: it.q.as_deref().unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect(),
        })
    }

    pub fn fits(&self, record: &Record, row: impl FnOnce() -> EntryRow) -> Option<EntryRow> {
        let kind = record.event.kind();
        let kind_fits = self
            .kind
            .as_deref()
            .is_none_or(|wanted| kind == wanted || kind.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.')));
        let fits = kind_fits
            && self.by.as_ref().is_none_or(|by| *by == record.by)
            && self.from.is_none_or(|from| from <= record.at)
            && self.to.is_none_or(|to| record.at < to);
        let row = fits.then(row)?;
        let text = row.summary.to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str())).then_some(row)
    }
}

fn actor(app: &App, text: &str) -> Answer<By> {
    match text.split_once(':') {
        None if text == "system" => Ok(By::System),
        Some(("runner", name)) => Ok(By::Runner(crate::extract::parse("actor", name)?)),
        _ => Ok(By::Account(people::find(app, text)?)),
    }
}

fn subject(app: &App, text: &str) -> Answer<Subject> {
    use crate::extract::parse;
    let bad = || {
        Failure::invalid(
            "invalid-query",
            "subject",
            "subject: give `<kind>:<id or name>` with account, service, calendar, environment, artifact, change, release or deployment",
        )
    };
    let (kind, id) = text.split_once(':').ok_or_else(bad)?;
    Ok(match kind {
        "account" => Subject::Account(people::find(app, id)?),
        "service" => Subject::Service(parse("subject", id)?),
        "calendar" => Subject::Calendar(parse("subject", id)?),
        "environment" => Subject::Environment(parse("subject", id)?),
        "artifact" => Subject::Artifact(parse("subject", id)?),
        "change" => Subject::Change(parse("subject", id)?),
        "release" => Subject::Release(release::find(app, id)?),
        "deployment" => Subject::Deployment(parse("subject", id)?),
        _ => return Err(bad()),
    })
}

/// Entries, the newest first, by kind, subject, actor, time and words.
#[utoipa::path(get, path = "/ledger/entries", params(EntriesQuery), responses((status = 200, body = Page<EntryRow>)))]
pub async fn entries(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<EntriesQuery>,
) -> Answer<Json<Page<EntryRow>>> {
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    let (limit, after) = (page::limit(&paging)?, page::after(&paging)?);
    let lens = Lens::new(&app, &caller);
    let before = match after {
        None => lens.world.position,
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| Failure::invalid("invalid-cursor", "cursor", "the cursor is not one this server gave"))?
            .min(lens.world.position),
    };
    let filter = Filter::new(&app, &it)?;
    let found = tokio::task::spawn_blocking(move || search(&lens, &filter, before, limit)).await;
    let (items, next) = found.map_err(|_| Failure::unavailable("the search broke off; try again"))??;
    Ok(Json(Page { items, next: next.map(|position| page::cursor(&position.to_string())) }))
}

/// Looks backwards from `before`; gives what fits and where to look on, if there may be more.
fn search(lens: &Lens, filter: &Filter, before: u64, limit: usize) -> Answer<(Vec<EntryRow>, Option<u64>)> {
    if let Some(subject) = &filter.subject {
        return by_subject(lens, filter, subject, before, limit);
    }
    let mut found = Vec::new();
    let mut end = before;
    let least = before.saturating_sub(LOOKED_THROUGH);
    while end > least {
        let start = end.saturating_sub(CHUNK).max(least);
        for entry in read(lens.engine.ledger().as_ref(), start, end - start)?.iter().rev() {
            let record = record(entry)?;
            found.extend(filter.fits(&record, || row(lens, entry.position, &record)));
            if found.len() == limit {
                return Ok((found, Some(entry.position).filter(|position| *position > 0)));
            }
        }
        end = start;
    }
    Ok((found, Some(end).filter(|end| *end > 0)))
}

fn by_subject(
    lens: &Lens,
    filter: &Filter,
    subject: &Subject,
    before: u64,
    limit: usize,
) -> Answer<(Vec<EntryRow>, Option<u64>)> {
    let mut found = Vec::new();
    for position in lens.world.trail.of(subject).rev().filter(|position| *position < before) {
        let entries = lens.engine.ledger().read(position, 1)?;
        let Some(entry) = entries.first() else { continue };
        let record = record(entry)?;
        found.extend(filter.fits(&record, || row(lens, position, &record)));
        if found.len() == limit {
            return Ok((found, Some(position).filter(|position| *position > 0)));
        }
    }
    Ok((found, None))
}

/// One entry: its exact bytes, and the proof that it is in the ledger.
#[utoipa::path(get, path = "/ledger/entries/{position}", params(("position" = u64, Path)), responses((status = 200, body = Entry)))]
pub async fn entry(State(app): State<App>, caller: Caller, At(position): At<String>) -> Answer<Json<Entry>> {
    let unknown = || Failure::not_found("entry", &position);
    let number: u64 = position.parse().map_err(|_| unknown())?;
    let lens = Lens::new(&app, &caller);
    let ledger = lens.engine.ledger().clone();
    let checkpoint = ledger.checkpoint()?;
    if number >= checkpoint.size {
        return Err(unknown());
    }
    let stored = ledger.read(number, 1)?.into_iter().next().ok_or_else(unknown)?;
    let record = record(&stored)?;
    let proof = Proof {
        position: number,
        tree_size: checkpoint.size,
        hashes: ledger.inclusion(number, checkpoint.size)?.into_iter().map(text).collect(),
        root_hash: text(checkpoint.root),
        checkpoint: checkpoint.note,
        verifier_key: ledger.verifying_key().to_string(),
    };
    Ok(Json(Entry {
        row: row(&lens, number, &record),
        submission: record.sub.to_string(),
        body: STANDARD.encode(&stored.body),
        record: serde_json::from_slice(&stored.body).unwrap_or_default(),
        leaf_hash: text(stored.leaf),
        proof,
    }))
}

/// Proof that the later ledger begins with the earlier.
#[utoipa::path(get, path = "/ledger/consistency", params(ConsistencyQuery), responses((status = 200, body = Consistency)))]
pub async fn consistency(
    State(app): State<App>,
    _: Caller,
    Params(it): Params<ConsistencyQuery>,
) -> Answer<Json<Consistency>> {
    let ledger = app.engine().ledger();
    let head = ledger.head()?;
    let new = it.new.unwrap_or(head.size);
    if it.old > new || new > head.size {
        return Err(Failure::invalid("invalid-query", "old", format!("give sizes with old ≤ new ≤ {}", head.size)));
    }
    Ok(Json(Consistency {
        old_size: it.old,
        old_root: text(ledger.root_at(it.old)?),
        new_size: new,
        new_root: text(ledger.root_at(new)?),
        hashes: ledger.consistency(it.old, new)?.into_iter().map(text).collect(),
    }))
}

/// Who signs the checkpoints of this ledger beside itself, and how far they are.
#[utoipa::path(get, path = "/ledger/witnesses", responses((status = 200, body = Witnesses)))]
pub async fn witnesses(State(app): State<App>, _: Caller) -> Answer<Json<Witnesses>> {
    let engine = app.engine();
    let (required, head) = (engine.transparency().required, engine.head());
    let standing = engine.witnesses();
    let contradicts = standing.iter().any(|(_, it)| it.contradicts);
    let witnessed = engine.witnessed()?;
    let (verdict, summary) = match &witnessed {
        _ if contradicts => (Verdict::Fail, "a witness has seen another past of this ledger".to_owned()),
        Some(it) => (Verdict::Pass, format!("{} witnesses have signed {} entries", it.by.len(), it.checkpoint.size)),
        None if required == 0 => (Verdict::Inconclusive, "no witness is required".into()),
        None => (Verdict::Inconclusive, format!("{required} witnesses are required, and too few have signed")),
    };
    Ok(Json(Witnesses {
        required,
        verdict,
        summary,
        witnesses: standing.iter().map(|(witness, it)| told(witness.as_ref(), it, head)).collect(),
        witnessed: witnessed.map(|it| WitnessedCheckpoint {
            size: it.checkpoint.size,
            root: text(it.checkpoint.root),
            checkpoint: it.checkpoint.note,
        }),
    }))
}

fn told(witness: &dyn interlock_engine::ports::Witness, it: &Standing, head: u64) -> Witness {
    let status = match it {
        Standing { contradicts: true, .. } => Status::new("contradicts", "contradicts", Severity::Bad, false),
        Standing { trouble: Some(_), .. } => Status::new("unreachable", "does not sign", Severity::Warning, false),
        Standing { size: 0, .. } => Status::new("waiting", "has not signed yet", Severity::Neutral, false),
        Standing { .. } => Status::new("signs", "signs", Severity::Good, false),
    };
    Witness {
        name: witness.key().name().to_owned(),
        key: witness.key().to_string(),
        address: witness.address().to_owned(),
        size: it.size,
        behind: head.saturating_sub(it.size),
        signed_at: it.at,
        status,
        trouble: it.trouble.clone(),
    }
}
