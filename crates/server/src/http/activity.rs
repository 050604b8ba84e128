//! The activity log: entries with the change, environment and targets they belong to, and from where they came.
//!
//! Invariants: addresses are shown to whoever the policies permit `activity.origins`, and to each his own; an export names nobody
//! unless that is asked for and permitted. Deliberately absent: a log of its own. This is the ledger, looked at by who, where and when.

mod export;
mod place;

pub use export::*;

use super::{ledger, page, release, replay};
use crate::{
    auth::Caller,
    extract::{Params, parse_some},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::{By, Record, Subject},
    policy::{self, Question},
    reason::Outcome,
};
use interlock_ids::{ChangeId, Name};
use interlock_ledger::Entry as Stored;
use interlock_wire::{
    activity::{Activity, ActivityOrigin, ActivityQuery},
    ledger::EntriesQuery,
    page::{Page, Paging},
    reason::Ref,
};
use place::{Place, Places};
use std::collections::BTreeSet;

/// Entries looked through for one page.
const LOOKED_THROUGH: u64 = 20_000;
const CHUNK: u64 = 500;

/// What is wanted.
struct Wanted {
    filter: ledger::Filter,
    /// Positions, if they are known beforehand: those of a release and what belongs to it.
    positions: Option<BTreeSet<u64>>,
    environment: Option<Name>,
    target: Option<Name>,
    /// From this position up to, not including, that.
    span: (u64, u64),
}

impl Wanted {
    fn new(app: &App, lens: &Lens, it: &ActivityQuery) -> Answer<Self> {
        let entries = EntriesQuery {
            kind: it.kind.clone(),
            actor: it.actor.clone(),
            from: it.from,
            to: it.to,
            q: it.q.clone(),
            ..EntriesQuery::default()
        };
        let of_release = it.release.as_deref().map(|text| release::find(app, text)).transpose()?;
        let of_change = match it.change.as_deref() {
            Some(text) => {
                let id: Option<ChangeId> = text.parse().ok();
                let change = id.and_then(|id| lens.world.change.change(id));
                Some(change.ok_or_else(|| Failure::not_found("change", text))?.release)
            }
            None => None,
        };
        let positions = [of_release, of_change].into_iter().flatten().map(|id| belonging(lens, id));
        let positions = positions.reduce(|a, b| a.intersection(&b).copied().collect());
        let size = lens.world.position;
        // A little room on both sides: clocks may disagree, and the filter looks at each entry's own time.
        let start = it.from.map(|at| lens.engine.position_at(at)).transpose()?.unwrap_or(0).saturating_sub(1_000);
        let end = it.to.map(|at| lens.engine.position_at(at)).transpose()?.map_or(size, |at| (at + 1_000).min(size));
        Ok(Self {
            filter: ledger::Filter::new(app, &entries)?,
            positions,
            environment: parse_some("environment", it.environment.as_deref())?,
            target: parse_some("target", it.target.as_deref())?,
            span: (start, end),
        })
    }

    fn fits(&self, lens: &Lens, places: &mut Places, stored: &Stored, record: &Record) -> Option<(Place, String)> {
        let known = self.positions.as_ref().is_none_or(|all| all.contains(&stored.position));
        if !known || stored.position < self.span.0 || stored.position >= self.span.1 {
            return None;
        }
        let row = self.filter.fits(record, || ledger::row(lens, stored.position, record))?;
        let place = places.of(lens, &record.event);
        let fits = self.environment.as_ref().is_none_or(|name| place.environment.as_ref() == Some(name))
            && self.target.as_ref().is_none_or(|name| place.targets.contains(name));
        fits.then_some((place, row.summary))
    }
}

/// Positions of a release, its change and its deployments.
fn belonging(lens: &Lens, release: interlock_ids::ReleaseId) -> BTreeSet<u64> {
    let world = &lens.world;
    let change = world.change.of_release(release).map(|it| Subject::Change(it.id));
    let deployments = world.deployment.deployments.values().filter(|it| it.release == release);
    let subjects =
        [Subject::Release(release)].into_iter().chain(change).chain(deployments.map(|it| Subject::Deployment(it.id)));
    subjects.flat_map(|subject| world.trail.of(&subject).collect::<Vec<_>>()).collect()
}

/// Whether the caller may see from where this was done.
fn may_see(lens: &Lens, all: bool, by: &By) -> bool {
    all || lens.account.is_some_and(|own| *by == By::Account(own))
}

fn sees_origins(lens: &Lens) -> bool {
    let question = Question::new("activity.origins", "Organisation", "organisation");
    policy::ask(&lens.world, &lens.actor, question).outcome == Outcome::Pass
}

fn view(lens: &Lens, all: bool, stored: &Stored, record: &Record, place: &Place) -> Activity {
    let origin = may_see(lens, all, &record.by).then(|| lens.engine.desk().origin(&record.by, record.sub)).flatten();
    let change = place.release.and_then(|id| lens.world.change.of_release(id));
    Activity {
        row: ledger::row(lens, stored.position, record),
        submission: record.sub.to_string(),
        change: change.map(|it| Ref::new(it.id, lens.release(it.release).name)),
        release: place.release.map(|id| lens.release(id)),
        environment: place.environment.as_ref().map(Name::to_string),
        targets: place.targets.iter().map(Name::to_string).collect(),
        origin: origin.map(|it| ActivityOrigin {
            address: it.address,
            agent: it.agent,
            token: it.token.map(|token| token.to_string()),
        }),
        evidence: replay::blobs(&stored.body).iter().map(ToString::to_string).collect(),
    }
}

/// Who did what, from where, when, under which change: the newest first.
#[utoipa::path(get, path = "/activity", params(ActivityQuery), responses((status = 200, body = Page<Activity>)))]
pub async fn activity(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<ActivityQuery>,
) -> Answer<Json<Page<Activity>>> {
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    let (limit, after) = (page::limit(&paging)?, page::after(&paging)?);
    let lens = Lens::new(&app, &caller);
    let before = match after {
        None => u64::MAX,
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| Failure::invalid("invalid-cursor", "cursor", "the cursor is not one this server gave"))?,
    };
    let wanted = Wanted::new(&app, &lens, &it)?;
    let found = tokio::task::spawn_blocking(move || search(&lens, &wanted, before, limit)).await;
    let (items, next) = found.map_err(|_| Failure::unavailable("the search broke off; try again"))??;
    Ok(Json(Page { items, next: next.map(|position| page::cursor(&position.to_string())) }))
}

/// Looks backwards; gives what fits and where to look on, if there may be more.
fn search(lens: &Lens, wanted: &Wanted, before: u64, limit: usize) -> Answer<(Vec<Activity>, Option<u64>)> {
    let (all, mut places, mut found) = (sees_origins(lens), Places::default(), Vec::new());
    let (start, end) = (wanted.span.0, wanted.span.1.min(before));
    let mut take = |stored: &Stored| -> Answer<bool> {
        let record = ledger::record(stored)?;
        if let Some((place, _)) = wanted.fits(lens, &mut places, stored, &record) {
            found.push(view(lens, all, stored, &record, &place));
        }
        Ok(found.len() == limit)
    };
    let rest = |position: u64| Some(position).filter(|position| *position > start);
    if let Some(positions) = &wanted.positions {
        for position in positions.range(..end).rev().take_while(|it| **it >= start) {
            if let Some(stored) = lens.engine.ledger().read(*position, 1)?.first()
                && take(stored)?
            {
                return Ok((found, rest(*position)));
            }
        }
        return Ok((found, None));
    }
    let (mut end, least) = (end, end.saturating_sub(LOOKED_THROUGH).max(start));
    while end > least {
        let from = end.saturating_sub(CHUNK).max(least);
        for stored in ledger::read(lens.engine.ledger().as_ref(), from, end - from)?.iter().rev() {
            if take(stored)? {
                return Ok((found, rest(stored.position)));
            }
        }
        end = from;
    }
    Ok((found, rest(end)))
}

/// The filters of an export, as those of a page.
fn query(it: &interlock_wire::activity::ExportQuery) -> ActivityQuery {
    ActivityQuery {
        actor: it.actor.clone(),
        change: it.change.clone(),
        release: it.release.clone(),
        environment: it.environment.clone(),
        target: it.target.clone(),
        kind: it.kind.clone(),
        from: it.from,
        to: it.to,
        q: it.q.clone(),
        cursor: None,
        limit: None,
    }
}
