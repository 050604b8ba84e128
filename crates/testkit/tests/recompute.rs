//! Every ruling that was ever recorded is recomputed from the policies and the facts of then, to the byte: ten thousand of them, after
//! a restart, without snapshots, and with the ledger tampered with in between.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::{
    change::{self, Decision},
    core::Command,
    policy, release,
    rollback::{self, Cause},
};
use interlock_engine::{Compared, Engine};
use interlock_ledger::{Digest, OpenOptions, SqliteLedger};
use interlock_testkit::{
    house::{House, time},
    shop,
};
use jiff::SignedDuration;
use std::{path::Path, sync::Arc};

/// Rulings recorded.
const VERDICTS: u64 = 10_000;

fn all(engine: &Engine) -> (u64, Vec<String>) {
    let (mut from, mut same, mut others) = (0, 0, Vec::new());
    loop {
        let (found, next) = engine.recompute(from, 5_000).unwrap();
        for it in found {
            match it.compared {
                Compared::Same => same += 1,
                Compared::Different | Compared::Inconclusive => {
                    others.push(format!("{} {}: {:?} {}", it.position, it.name, it.compared, it.why));
                }
            }
        }
        match next {
            Some(next) => from = next,
            None => return (same, others),
        }
    }
}

/// One release from draft to permit, with people who try what they may not; then it is cancelled.
fn life(house: &mut House, number: u64) {
    let named = format!("life-{number}");
    let id = house.fresh();
    let spec = shop::spec(house, &named, "1.1.0");
    house.ok("rita", Command::Release(release::Command::Draft { release: id, spec }));
    house.ok("rita", Command::Release(release::Command::Plan { release: id, start: house.now() }));
    house.ok("rita", Command::Release(release::Command::Freeze { release: id }));
    let change = house.world().change.of_release(id).unwrap().id;
    let decide = |house: &House, decision| {
        let reason = house.note("as seen");
        Command::Change(change::Command::Decide {
            change,
            decision,
            reason,
            conditions: Vec::new(),
            on_behalf_of: None,
            seen: None,
        })
    };
    let (approve, reject) = (decide(house, Decision::Approve), decide(house, Decision::Reject));
    for who in ["dana", "erik", "rita", "olu"] {
        house.refused(who, approve.clone());
    }
    house.refused("dana", reject);
    house.refused("rita", Command::Release(release::Command::Authorise { release: id }));
    for who in ["amir", "bea"] {
        house.ok(who, approve.clone());
        house.refused(who, approve.clone());
    }
    for who in ["dana", "amir", "olu", "admin"] {
        house.refused(who, Command::Release(release::Command::Authorise { release: id }));
        let back = rollback::Command::Start {
            release: id,
            cause: Cause::Person { account: house.account(who) },
            reason: None,
        };
        if who != "olu" {
            house.refused(who, Command::Rollback(back));
        }
    }
    house.ok("rita", Command::Release(release::Command::Authorise { release: id }));
    let reason = house.note("enough");
    house.ok("rita", Command::Release(release::Command::Cancel { release: id, reason }));
}

#[test]
fn ten_thousand_verdicts_are_recomputed_to_the_byte_after_a_restart_and_without_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Arc::new(SqliteLedger::create(&path, OpenOptions::default()).unwrap());
    let mut house = House::on(ledger, 7);
    shop::open(&mut house);
    let (mut number, mut recorded) = (0, 0);
    while recorded < VERDICTS {
        for _ in 0..20 {
            number += 1;
            life(&mut house, number);
        }
        // Another set of policies now and then: a verdict is recomputed under the set of its own time.
        let mut packs = interlock_policy::shipped();
        packs[0].version = format!("9.{number}.0");
        house.ok("admin", Command::Policy(policy::Command::Install { packs }));
        house.set_clock(house.now() + SignedDuration::from_secs(60));
        recorded = number * (all(house.engine()).0 / number.max(1));
        if number == 20 {
            // How many one life records is known now; the rest is lived without counting.
            let each = recorded / 20;
            for _ in 0..(VERDICTS - recorded) / each + 1 {
                number += 1;
                life(&mut house, number);
            }
            recorded = each * number;
        }
    }
    house.engine().snapshot().unwrap();
    drop(house);
    for snapshots in [true, false] {
        if !snapshots {
            std::fs::remove_dir_all(folder.path().join("ledger.db.snapshots")).unwrap();
        }
        let (same, others) = all(&open(&path));
        assert!(same >= VERDICTS, "{same}");
        assert_eq!(others, Vec::<String>::new());
    }
    eprintln!("{recorded} verdicts of {number} lives");
}

fn open(path: &Path) -> Engine {
    let ledger = SqliteLedger::open(path, OpenOptions::default()).unwrap();
    Engine::open(Arc::new(ledger), interlock_engine::Options::default()).unwrap()
}

#[test]
fn a_verdict_whose_facts_are_gone_is_inconclusive_and_one_that_was_never_given_is_different() {
    let mut house = House::new(3);
    shop::open(&mut house);
    life(&mut house, 1);
    let (same, others) = all(house.engine());
    assert!(same > 20 && others.is_empty(), "{others:?}");
    let (rulings, _) = house.engine().recompute(0, 10_000).unwrap();
    let one = rulings.iter().find(|it| it.name == "decision").unwrap();
    let digest: interlock_ids::Digest = one.recorded.facts.parse().unwrap();
    assert!(one.request.as_ref().unwrap().contains("\"principal\""));
    assert!(house.engine().ledger().erase_blob(&Digest(digest.0)).unwrap());
    let (_, others) = all(house.engine());
    assert!(!others.is_empty() && others.iter().all(|it| it.contains("Inconclusive")), "{others:?}");

    // An entry that claims what the policies would not have said: written by somebody who is not the engine.
    let forged = rulings.iter().find(|it| it.name == "refusal").unwrap().position;
    let entry = house.engine().ledger().read(forged, 1).unwrap().remove(0);
    let text = String::from_utf8(entry.body).unwrap().replace("\"outcome\":\"fail\"", "\"outcome\":\"pass\"");
    let batch = interlock_ledger::Batch {
        entries: vec![interlock_ledger::NewEntry { body: text.into_bytes() }],
        ..Default::default()
    };
    let head = house.engine().ledger().append(house.world().position, &batch).unwrap();
    let node = house.another_node();
    let (found, _) = node.recompute(head.size - 1, 1).unwrap();
    assert_eq!(found.iter().map(|it| it.compared).collect::<Vec<_>>(), [Compared::Different]);
}

#[test]
fn the_world_of_any_position_or_moment_is_the_fold_up_to_there() {
    let mut house = House::new(5);
    shop::open(&mut house);
    let mut seen = Vec::new();
    for number in 1..4 {
        life(&mut house, number);
        seen.push((house.world().position, interlock_testkit::house::bytes_of(&house.world()), house.now()));
        house.set_clock(house.now() + SignedDuration::from_hours(1));
    }
    for (position, bytes, moment) in seen.iter().rev().chain(&seen) {
        let world = house.engine().world_at(*position).unwrap();
        assert!(interlock_testkit::house::bytes_of(&world) == *bytes, "at {position}");
        assert_eq!(house.engine().position_at(*moment).unwrap(), *position);
    }
    assert_eq!(house.engine().world_at(0).unwrap().position, 0);
    assert_eq!(house.engine().position_at(time("2020-01-01T00:00:00Z")).unwrap(), 0);
    assert!(house.engine().world_at(house.world().position + 1).is_err());
    // From every position on, folded on to the end, it is the present world.
    let end = interlock_testkit::house::bytes_of(&house.world());
    for position in (0..house.world().position).step_by(17) {
        assert_eq!(house.engine().world_at(position).unwrap().position, position);
    }
    assert!(interlock_testkit::house::bytes_of(&house.world()) == end);
}
