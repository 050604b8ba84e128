//! Histories: complete small ledgers as versions of the product wrote them, in `golden/histories`.
//!
//! `<name>.v<version>.jsonl` holds the bodies of all entries, one a line, byte for byte as that version stored them.
//! `<name>.v<version>.summary.json` holds what they mean, in figures that every later version must arrive at. Both are only ever added
//! to. Invariant: the summary says what people know a release by, and nothing of how a world is laid out in memory.

use interlock_domain::{
    core::{self, DecodeError, Meta, Record, Subject, Upcast, World},
    learning::{DoraQuery, dora},
};
use interlock_ids::ReleaseId;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Folds the bodies of a history, reading them with the upcasts given.
///
/// # Errors
/// The first line that this version cannot read, with its position.
pub fn fold(history: &str, casts: &[Upcast]) -> Result<World, (u64, DecodeError)> {
    let mut world = World::default();
    for (line, position) in history.lines().zip(0..) {
        let record = Record::decode_with(line.as_bytes(), casts).map_err(|error| (position, error))?;
        core::apply(&mut world, &record.event, &Meta { position, at: record.at, by: record.by });
    }
    Ok(world)
}

/// The same world with nothing dropped of the releases that are over: what it left to the ledger is read back.
///
/// # Errors
/// As [`fold`].
pub fn whole(history: &str, casts: &[Upcast]) -> Result<World, (u64, DecodeError)> {
    let lines: Vec<&str> = history.lines().collect();
    let mut world = fold(history, casts)?;
    let releases: Vec<ReleaseId> = world.release.releases.keys().copied().collect();
    for release in releases {
        let mut entries = Vec::new();
        for position in world.trail.of(&Subject::Release(release)) {
            let line = lines.get(position as usize).copied().unwrap_or_default();
            let record = Record::decode_with(line.as_bytes(), casts).map_err(|error| (position, error))?;
            entries.push((record.event, Meta { position, at: record.at, by: record.by }));
        }
        world = world.details_of(release, entries);
    }
    Ok(world)
}

/// What a world comes to.
pub fn summary(world: &World, until: Timestamp) -> Value {
    let text = |it: &dyn std::fmt::Debug| format!("{it:?}");
    let releases = world.release.releases.values().map(|it| {
        let change = world.change.of_release(it.id);
        json!({
            "name": it.spec.name, "stage": text(&it.stage), "window": it.window, "permit": it.permit.as_ref().map(|permit| permit.id),
            "change": change.map(|it| json!({
                "status": text(&it.status), "impact": text(&it.impact.level), "authors": it.authorship.authors.len(),
                "decisions": it.approvals.iter().map(|it| format!("{} {:?}{}", it.by, it.decision, if it.withdrawn { ", withdrawn" } else { "" })).collect::<Vec<_>>(),
                "conditions": it.conditions.iter().map(|it| it.met.is_some()).collect::<Vec<_>>(),
            })),
        })
    });
    let deployments = world.deployment.deployments.values().map(|it| {
        json!({ "id": it.id, "release": it.release, "status": text(&it.status), "direction": text(&it.direction), "fence": it.fence, "archived": it.archived })
    });
    let installed = world
        .deployment
        .installed
        .iter()
        .map(|((environment, service, target), it)| json!([environment, service, target, it.digest, it.since]));
    let query = DoraQuery { from: Timestamp::UNIX_EPOCH, until, service: None, owner: None, environment: None };
    let figures = dora(world, &query);
    let figures = [figures.deployments, figures.lead_time, figures.change_failure_rate, figures.time_to_recover];
    json!({
        "entries": world.position,
        "organisation": world.people.organisation,
        "accounts": world.people.accounts.values().map(|it| json!([it.id, it.roles, it.groups, it.closed])).collect::<Vec<_>>(),
        "policy_set": world.policy.set().map(|set| set.digest().to_owned()),
        "releases": releases.collect::<Vec<_>>(),
        "deployments": deployments.collect::<Vec<_>>(),
        "installed": installed.collect::<Vec<_>>(),
        "analyses": world.verification.analyses.values().map(|it| text(&it.verdict)).collect::<Vec<_>>(),
        "rollbacks": world.rollback.rollbacks.values().map(|it| text(&it.status)).collect::<Vec<_>>(),
        "reviews": world.learning.reviews.values().map(|it| text(&it.status)).collect::<Vec<_>>(),
        "quarantines": world.artifact.quarantines.values().map(|it| json!([it.digest, it.lifted.is_some()])).collect::<Vec<_>>(),
        "lockdowns": world.calendar.lockdowns.values().map(|it| it.lifted.is_some()).collect::<Vec<_>>(),
        "refusals": world.reason.refusals,
        "dora": figures.iter().map(|it| json!([it.value, it.unit, it.count])).collect::<Vec<_>>(),
    })
}
