//! Of what is over the world keeps little, and the ledger gives the rest back: looked at closely, a closed release, its change, its
//! deployments, analyses, watch, rollback and review are what they would be if nothing had ever been dropped.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::core::{Event, Meta, Record, World};
use interlock_ids::ReleaseId;
use interlock_testkit::{golden, house::House, story};
use std::sync::Arc;

fn everything(house: &House) -> Vec<(Event, Meta)> {
    let ledger = house.engine().ledger();
    let mut found = Vec::new();
    loop {
        let entries = ledger.read(found.len() as u64, 1000).unwrap();
        if entries.is_empty() {
            return found;
        }
        for entry in entries {
            let record = Record::decode(&entry.body).unwrap();
            found.push((record.event, Meta { position: entry.position, at: record.at, by: record.by }));
        }
    }
}

/// All there is about a release, as text.
fn told(world: &World, id: ReleaseId) -> String {
    let deployments: Vec<_> = world.deployment.deployments.values().filter(|it| it.release == id).collect();
    let analyses: Vec<_> = world.verification.analyses.values().filter(|it| it.release == id).collect();
    let review = world.learning.by_release.get(&id).and_then(|review| world.learning.review(*review));
    format!(
        "{:#?}\n{:#?}\n{deployments:#?}\n{analyses:#?}\n{:#?}\n{:#?}\n{review:#?}",
        world.release.release(id),
        world.change.of_release(id),
        world.operations.of_release(id),
        world.rollback.of_release(id),
    )
}

#[test]
fn what_was_put_aside_is_read_back_whole() {
    let mut over = 0;
    for file in std::fs::read_dir(golden::folder().join("transcripts")).unwrap() {
        let path = file.unwrap().path();
        let house = story::live(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let world = house.world();
        for (id, release) in &world.release.releases {
            // From every entry there is, in a world that drops nothing.
            let whole = world.details_of(*id, everything(&house));
            let close = house.engine().details(&world, *id).unwrap();
            assert_eq!(told(&close, *id), told(&whole, *id), "{} in {}", release.spec.name, path.display());
            if release.stage.is_terminal() {
                over += 1;
                assert!(told(&world, *id).len() < told(&close, *id).len());
            } else {
                assert!(Arc::ptr_eq(&world, &close), "of what is not over, nothing was dropped");
            }
        }
    }
    assert!(over >= 3, "only {over} releases came to their end");
}

#[test]
fn of_a_closed_release_only_what_lists_show_is_kept() {
    let transcript = std::fs::read_to_string(golden::folder().join("transcripts/ships-in-waves.txt")).unwrap();
    let house = story::live(&transcript).unwrap();
    let world = house.world();
    let closed = world.release.releases.values().find(|it| it.stage.is_terminal()).unwrap();
    let deployment = world.deployment.deployment(closed.deployment.unwrap()).unwrap();
    assert!(deployment.archived && deployment.units.is_empty() && deployment.pipeline.steps.is_empty());
    let change = world.change.of_release(closed.id).unwrap();
    assert!(change.approvals.is_empty() && change.counted().approvals > 0);
    let close = house.engine().details(&world, closed.id).unwrap();
    assert_eq!(close.change.of_release(closed.id).unwrap().counted(), change.counted());
    assert!(!close.deployment.deployment(deployment.id).unwrap().progress.is_empty());
}
