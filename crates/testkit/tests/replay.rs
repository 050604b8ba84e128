//! State is the fold of the ledger and nothing else: folded again it is the same, from the beginning or from any snapshot.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::{
    core::{self, Meta, Record, World},
    deployment::StepOutcome,
};
use interlock_ledger::Ledger;
use interlock_testkit::{
    golden,
    house::{House, bytes_of, world_of},
    shop, story,
};

fn fold(ledger: &dyn Ledger, world: &mut World, until: u64) {
    while world.position < until {
        let entries = ledger.read(world.position, (until - world.position) as usize).unwrap();
        for entry in entries {
            let record = Record::decode(&entry.body).unwrap();
            core::apply(world, &record.event, &Meta { position: entry.position, at: record.at, by: record.by });
        }
    }
}

/// A house in which a release was taken back, reviewed, and followed by another.
fn lived_in() -> House {
    let transcript = std::fs::read_to_string(golden::folder().join("transcripts/flawed-and-taken-back.txt")).unwrap();
    story::live(&transcript).unwrap()
}

#[test]
fn folding_the_ledger_again_gives_the_same_world() {
    let house = lived_in();
    let mut again = World::default();
    fold(house.engine().ledger().as_ref(), &mut again, house.world().position);
    assert!(again.position > 50);
    assert!(bytes_of(&again) == bytes_of(&house.world()));
}

#[test]
fn a_snapshot_and_what_came_after_it_give_the_same_world_wherever_it_was_taken() {
    let house = lived_in();
    let (ledger, end) = (house.engine().ledger().clone(), house.world().position);
    let whole = bytes_of(&house.world());
    let mut world = World::default();
    for size in (0..=end).step_by(6) {
        fold(ledger.as_ref(), &mut world, size);
        // Taken apart and put together again, as a snapshot on disk is.
        let mut from_snapshot = world_of(&bytes_of(&world));
        fold(ledger.as_ref(), &mut from_snapshot, end);
        assert!(bytes_of(&from_snapshot) == whole, "from a snapshot at {size}");
    }
}

#[test]
fn an_engine_opened_from_its_snapshot_knows_what_one_without_knows() {
    let mut house = lived_in();
    let before = bytes_of(&house.world());
    house.engine().snapshot().unwrap();
    // One that could not be read would be left aside, and every start would fold the whole ledger.
    let kept = house.engine().ledger().latest_snapshot(interlock_engine::FORM).unwrap().unwrap();
    assert!(bytes_of(&world_of(&kept.bytes)) == before);
    house.work(10, |_| StepOutcome::Changed);
    shop::register(&mut house, "1.2.0");
    let live = bytes_of(&house.world());
    assert!(house.engine().ledger().latest_snapshot("unknown").unwrap().is_none());
    assert!(bytes_of(&house.another_node().world()) == live);
}

#[test]
fn the_same_seed_gives_the_same_ledger_to_the_byte() {
    let roots = [lived_in(), lived_in()].map(|house| house.engine().ledger().head().unwrap());
    assert_eq!(roots[0], roots[1]);
}
