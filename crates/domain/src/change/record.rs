//! What somebody signs when he decides on a change: all that the decision is about, as one canonical text.
//!
//! Invariants: the same change gives the same text everywhere; whatever would make it another change makes it another text.
//! Deliberately absent: texts of people, which may be erased. They stand by their salted digests.

use super::{Change, facts::authorship_now};
use crate::{core::World, reason::digest_of};
use interlock_ids::Digest;
use serde_json::{Value, json};

/// The change as it is to be decided on: release, place, builds by digest, class, impact, authors, window, documents.
pub fn record_of(world: &World, change: &Change) -> Value {
    let release = world.release.release(change.release);
    let written = authorship_now(world, change);
    let items = release.into_iter().flat_map(|it| &it.spec.items);
    json!({
        "record": "interlock-change-v1",
        "change": change.id,
        "release": change.release,
        "name": release.map(|it| &it.spec.name),
        "summary": change.summary,
        "environment": release.map(|it| &it.spec.environment),
        "window": release.and_then(|it| it.window),
        "items": items.map(|it| json!({ "service": it.service, "digest": it.digest })).collect::<Vec<_>>(),
        "class": change.class,
        "impact": change.impact.level,
        "dependants": change.impact.dependants,
        "authors": written.authors,
        "co_authors": written.co_authors,
        "requested_by": change.requested_by,
        "documents": change.documents.iter().map(|it| json!({ "kind": it.kind, "digest": it.digest })).collect::<Vec<_>>(),
    })
}

/// SHA-256 of [`record_of`] as JSON without space.
pub fn signing_digest(world: &World, change: &Change) -> Digest {
    digest_of(&record_of(world, change))
}
