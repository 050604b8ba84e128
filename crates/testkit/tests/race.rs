//! Two conflicting commands at the same instant, a thousand times over: exactly one wins each time. Once with two tasks on one
//! engine, once with two engines, each with a ledger handle of its own, over one SQLite file.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_domain::{
    core::{Actor, Command},
    deployment, environment, release,
};
use interlock_engine::{Engine, Receipt, SubmitError};
use interlock_ids::{ClaimId, DeploymentId, ReleaseId};
use interlock_ledger::{Ledger, OpenOptions, SqliteLedger};
use interlock_testkit::{
    house::{House, bytes_of, name},
    shop,
};
use jiff::SignedDuration;
use std::sync::Arc;
use tokio::sync::Barrier;

const ROUNDS: usize = 1000;

type Answer = Result<Receipt, SubmitError>;

/// Submits two commands, each by its own actor on its own node, from two tasks that start together; the two answers.
fn at_once(house: &House, engines: &[Engine; 2], actors: &[Actor; 2], commands: [Command; 2]) -> [Answer; 2] {
    let barrier = Arc::new(Barrier::new(2));
    let tasks: Vec<_> = engines
        .iter()
        .zip(actors)
        .zip(commands)
        .map(|((engine, actor), command)| {
            let (engine, actor, barrier) = (engine.clone(), actor.clone(), barrier.clone());
            house.runtime().spawn(async move {
                barrier.wait().await;
                engine.submit(actor, command, None).await
            })
        })
        .collect();
    let answers: Vec<Answer> = tasks.into_iter().map(|task| house.runtime().block_on(task).unwrap()).collect();
    answers.try_into().unwrap_or_else(|_| unreachable!("two were spawned"))
}

/// Carries out, on one node, what must be possible.
#[track_caller]
fn must(house: &House, engine: &Engine, who: &str, commands: Vec<Command>) {
    let done = house.runtime().block_on(engine.submit_all(house.actor(who), commands, None));
    assert!(done.is_ok(), "{who} was refused: {done:?}");
}

/// Which of the two won; the other must have been refused with this code.
#[track_caller]
fn winner(answers: &[Answer; 2], code: &str) -> usize {
    let refused = |answer: &Answer| match answer {
        Ok(_) => false,
        Err(SubmitError::Refused(refusal)) => {
            assert!(refusal.blockers.iter().any(|it| it.code == code), "refused for another reason: {refusal:?}");
            true
        }
        Err(error) => panic!("neither won nor was refused: {error}"),
    };
    match answers.each_ref().map(refused) {
        [false, true] => 0,
        [true, false] => 1,
        [true, true] => panic!("both were refused: {answers:?}"),
        [false, false] => panic!("both won: {answers:?}"),
    }
}

/// Two people claim one environment; how often each won.
fn claims(house: &House, engines: &[Engine; 2]) -> [usize; 2] {
    let mut wins = [0, 0];
    let people = ["rita", "dana"];
    for _ in 0..ROUNDS {
        let until = house.now() + SignedDuration::from_hours(1);
        let purpose = house.note("a load test");
        let ids: [ClaimId; 2] = [house.fresh(), house.fresh()];
        let claim = |claim| {
            Command::Environment(environment::Command::Claim { claim, environment: name("staging"), until, purpose })
        };
        let answers = at_once(house, engines, &people.map(|who| house.actor(who)), ids.map(claim));
        let won = winner(&answers, "claimed");
        wins[won] += 1;
        let end = Command::Environment(environment::Command::EndClaim { claim: ids[won] });
        must(house, &engines[won], people[won], vec![end]);
    }
    wins
}

/// Authorises, on one node, a release of the shop into staging: there a low impact takes no approval.
fn authorised(house: &House, engine: &Engine, named: &str) -> ReleaseId {
    let (release, commands) = shop::into_staging(house, named, "1.1.0");
    must(house, engine, "rita", commands);
    release
}

/// Two releases start into one environment; how often each won.
fn deployments(house: &House, engines: &[Engine; 2]) -> [usize; 2] {
    let mut wins = [0, 0];
    let olu = house.actor("olu");
    for round in 0..ROUNDS {
        let releases = [0, 1].map(|side| authorised(house, &engines[side], &format!("r-{round}-{side}")));
        let ids: [DeploymentId; 2] = [house.fresh(), house.fresh()];
        let start = |side: usize| {
            Command::Deployment(deployment::Command::Start { deployment: ids[side], release: releases[side] })
        };
        let answers = at_once(house, engines, &[olu.clone(), olu.clone()], [start(0), start(1)]);
        let won = winner(&answers, "environment-busy");
        wins[won] += 1;
        for engine in engines {
            let running: Vec<DeploymentId> = engine.world().deployment.running.iter().copied().collect();
            assert!(running == [ids[won]] || engine.head() < engines[won].head(), "round {round}: {running:?}");
        }
        let abort = Command::Deployment(deployment::Command::Abort { deployment: ids[won], reason: None });
        must(house, &engines[won], "olu", vec![abort]);
        let cancel = Command::Release(release::Command::Cancel {
            release: releases[1 - won],
            reason: house.note("lost the race"),
        });
        must(house, &engines[1 - won], "rita", vec![cancel]);
    }
    wins
}

fn in_memory(seed: u64) -> (House, [Engine; 2]) {
    let mut house = House::new(seed);
    shop::open(&mut house);
    let engine = house.engine().clone();
    (house, [engine.clone(), engine])
}

/// Two nodes with handles of their own on one file.
fn on_one_file(seed: u64, folder: &tempfile::TempDir) -> (House, [Engine; 2]) {
    let path = folder.path().join("ledger.db");
    let first: Arc<dyn Ledger> = Arc::new(SqliteLedger::create(&path, OpenOptions::default()).unwrap());
    let mut house = House::on(first, seed);
    shop::open(&mut house);
    let second: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&path, OpenOptions::default()).unwrap());
    let engines = [house.engine().clone(), house.node_over(second)];
    (house, engines)
}

/// Files of a test, in memory where there is room.
fn folder() -> tempfile::TempDir {
    tempfile::TempDir::new_in("/dev/shm").or_else(|_| tempfile::TempDir::new()).unwrap()
}

/// What the ledger holds, folded anew, is what whoever wrote last has published.
fn agrees(house: &House, engines: &[Engine; 2]) {
    let newest = engines.iter().max_by_key(|engine| engine.head()).unwrap();
    assert!(bytes_of(&house.another_node().world()) == bytes_of(&newest.world()));
}

#[test]
fn of_two_claims_at_once_exactly_one_wins() {
    let (house, engines) = in_memory(1);
    let wins = claims(&house, &engines);
    println!("won: {wins:?}");
    assert_eq!(wins[0] + wins[1], ROUNDS);
    agrees(&house, &engines);
}

#[test]
fn of_two_claims_at_once_on_two_nodes_exactly_one_wins() {
    let folder = folder();
    let (house, engines) = on_one_file(2, &folder);
    let wins = claims(&house, &engines);
    println!("won: {wins:?}");
    assert_eq!(wins[0] + wins[1], ROUNDS);
    assert!(wins[0] > 0 && wins[1] > 0, "one node always wins, so there was no race: {wins:?}");
    agrees(&house, &engines);
}

#[test]
fn of_two_deployments_at_once_exactly_one_starts() {
    let (house, engines) = in_memory(3);
    let wins = deployments(&house, &engines);
    println!("won: {wins:?}");
    assert_eq!(wins[0] + wins[1], ROUNDS);
    agrees(&house, &engines);
}

#[test]
fn of_two_deployments_at_once_on_two_nodes_exactly_one_starts() {
    let folder = folder();
    let (house, engines) = on_one_file(4, &folder);
    let wins = deployments(&house, &engines);
    println!("won: {wins:?}");
    assert_eq!(wins[0] + wins[1], ROUNDS);
    assert!(wins[0] > 0 && wins[1] > 0, "one node always wins, so there was no race: {wins:?}");
    agrees(&house, &engines);
}
