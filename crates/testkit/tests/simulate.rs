//! The simulator is what it says: the same seed gives the same bytes, other seeds others; a few seeds find nothing; what is planted
//! is found. Many more seeds, and every planted defect, take minutes: `cargo xtask simulate`.
//!
//! And what it has found, each as a test of its own.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::{
    core::{Actor, Command},
    deployment::{self, StepOutcome},
    environment,
    rollback::{self, Cause},
};
use interlock_ledger::{Ledger, MemoryLedger};
use interlock_testkit::{
    house::{House, name},
    shop,
    sim::{Planted, Setting, run, shrink},
};
use jiff::SignedDuration;
use std::sync::Arc;

/// A short run: three hours, then three without trouble.
fn short(seed: u64) -> Setting {
    Setting { hours: 3, calm: 3, ..Setting::of(seed) }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let [once, again, other] = [11, 11, 12].map(|seed| run(&short(seed), false));
    assert_eq!((once.ledger, once.trace, once.steps), (again.ledger, again.trace, again.steps));
    assert_ne!(once.ledger, other.ledger);
    assert_ne!(once.trace, other.trace);
    assert!(once.entries > 200, "{} entries are no story", once.entries);
}

#[test]
fn a_few_seeds_find_nothing() {
    for seed in 20..23 {
        let outcome = run(&short(seed), false);
        assert!(outcome.findings.is_empty(), "seed {seed}: {:?}", outcome.findings);
    }
}

#[test]
fn what_is_planted_is_found_and_told_as_a_small_story() {
    let planted = Planted::named("idempotency-keys-forgotten");
    let seeds = (1..20).map(|seed| Setting { planted, ..short(seed) });
    let failing = seeds.into_iter().find(|it| !run(it, false).findings.is_empty()).unwrap();
    let story = shrink(&failing, 12).unwrap();
    assert_eq!(story.finding.rule, "done-twice");
    assert!(story.setting.hours <= failing.hours && story.setting.acts <= failing.acts);
    assert!(!story.told.is_empty() && story.told.len() <= 60);
}

#[test]
fn every_planted_defect_has_a_name_of_its_own_and_takes_something_out() {
    let mut names = std::collections::BTreeSet::new();
    for planted in Planted::all() {
        assert!(names.insert(planted.name), "{} is there twice", planted.name);
        // A policy that is not there cannot be taken out: that would panic.
        let _ = planted.packs();
    }
    assert!(names.len() >= 30);
}

/// Found by seed 1: a node whose world is behind is asked under a key that another node has answered. It looked for the entries in
/// the batch it was making, and its writing thread died.
#[test]
fn a_key_that_another_node_has_answered_is_answered_by_one_that_is_behind() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let house = House::on(ledger.clone(), 1);
    let (here, there) = (house.engine().clone(), house.node_over(ledger));
    let claim = || {
        let environment = environment::Environment {
            name: name("moon"),
            tier: environment::Tier::Test,
            production_like: false,
            labels: Default::default(),
            deployers: Default::default(),
            targets: Vec::new(),
        };
        Command::Environment(environment::Command::PutEnvironment { environment })
    };
    let admin: Actor = house.actor("admin");
    let key = Some("the same".to_owned());
    let first = house.runtime().block_on(here.submit(admin.clone(), claim(), key.clone())).unwrap();
    let again = house.runtime().block_on(there.submit(admin, claim(), key)).unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!(first.position, again.position);
    assert_eq!(again.events.len(), first.events.len());
}

/// Found by seed 2: a rollback that begins while something else is being deployed in the same place has to wait, and was
/// forgotten: it waited for the end of its own deployment, which was over.
#[test]
fn a_rollback_that_had_to_wait_for_the_place_is_carried_out_when_it_is_free() {
    let mut house = House::new(3);
    shop::open(&mut house);
    let authorised = |house: &mut House, named: &str, version: &str| {
        let (release, commands) = shop::into_staging(house, named, version);
        house.all_ok("rita", commands);
        release
    };
    let deploy = |house: &mut House, release| {
        let deployment = house.fresh();
        house.ok("olu", Command::Deployment(deployment::Command::Start { deployment, release }));
        deployment
    };
    let first = authorised(&mut house, "first", "1.1.0");
    deploy(&mut house, first);
    while house.work(10, |_| StepOutcome::Changed).len() > 1 {}
    shop::register(&mut house, "1.2.0");
    let second = authorised(&mut house, "second", "1.2.0");
    let running = deploy(&mut house, second);
    let reason = Some(house.note("it burns"));
    let cause = Cause::Person { account: house.account("olu") };
    house.ok("olu", Command::Rollback(rollback::Command::Start { release: first, cause, reason }));
    let waiting = |house: &House| house.world().rollback.of_release(first).unwrap().deployment.is_none();
    assert!(waiting(&house), "two deployments at once");
    house.ok("olu", Command::Deployment(deployment::Command::Abort { deployment: running, reason: None }));
    house.wait(SignedDuration::from_secs(1));
    assert!(!waiting(&house), "the place is free, and the rollback still waits");
}
