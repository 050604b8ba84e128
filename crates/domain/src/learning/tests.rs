//! Reviews, and the DORA figures against numbers worked out by hand.

use super::*;
use crate::{
    artifact,
    deployment::{self, Direction, Phase, Pipeline, Status},
    environment::Tier,
    given::{self, Given, codes, digest, identity, name, names, spec, time},
    reason::{Outcome, RefusalKind},
    release, rollback,
};
use interlock_ids::{DeploymentId, ReleaseId, ReviewId};
use jiff::SignedDuration;

fn given() -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).service("books", &[]);
    given.environment("prod", Tier::Production, &[("shop", 1)]).environment("test", Tier::Test, &[("shop", 1)]);
    given.account("dan", &["developer"]).account("ada", &["auditor"]);
    given.ok("dan", artifact::Command::Register { artifact: given::artifact("shop", 1, identity(1), &[]) });
    given.ok("dan", artifact::Command::Register { artifact: given::artifact("shop", 2, identity(1), &[]) });
    given
}

fn release(given: &mut Given, title: &str, environment: &str, version: u8) -> ReleaseId {
    let (id, note) = (given.fresh(), given.note());
    let spec = spec(title, environment, &[("shop", digest(version))], note);
    given.record(release::Event::Drafted(release::Drafted { release: id, account: None, spec }));
    id
}

fn taken_back(given: &mut Given, title: &str) -> (ReleaseId, ReviewId) {
    let id = release(given, title, "prod", 1);
    let event = given.taken_back(id, Outcome::Pass);
    for command in react(&given.world, &event) {
        given.system(command);
    }
    assert!(react(&given.world, &event).is_empty(), "one release, one review");
    (id, *given.world.learning.by_release.get(&id).expect("a review is due"))
}

#[test]
fn a_release_that_was_taken_back_is_reviewed_within_five_days_and_blocks_its_services_until_then() {
    let mut given = given();
    let (id, review) = taken_back(&mut given, "r1");
    let it = given.world.learning.review(review).expect("opened");
    assert_eq!((it.due, it.services.clone()), (given.now + SignedDuration::from_hours(120), names(&["shop"])));
    let next: ReleaseId = given.fresh();
    assert_eq!(blocking_reviews(&given.world, &names(&["shop", "books"]), next, given.now), [review]);
    assert!(blocking_reviews(&given.world, &names(&["books"]), next, given.now).is_empty());
    assert!(blocking_reviews(&given.world, &names(&["shop"]), id, given.now).is_empty());
    let complete = Command::Complete { review, root_cause: given.note(), factors: vec![], actions: vec![] };
    assert_eq!(given.refused("ada", complete.clone()).kind, RefusalKind::Denied);
    given.ok("dan", complete.clone());
    assert!(blocking_reviews(&given.world, &names(&["shop"]), next, given.now).is_empty());
    assert_eq!(codes(&given.refused("dan", complete)), ["review-done"]);
    assert_eq!(
        codes(&given.refused("dan", Command::OpenReview { release: id, cause: Cause::Rollback, due: None })),
        ["only-by-itself"]
    );
    assert!(given.system(Command::OpenReview { release: id, cause: Cause::Rollback, due: None }).is_empty());
}

#[test]
fn actions_have_owners_who_exist_and_are_fifty_at_most() {
    let mut given = given();
    let (_, review) = taken_back(&mut given, "r1");
    let (dan, nobody) = (given.id("dan"), given.fresh());
    let due = given.now + SignedDuration::from_hours(24);
    let text = given.note();
    let action = |owner, due| Action { text, owner, due };
    let with = |actions| Command::Complete { review, root_cause: text, factors: vec![], actions };
    let now = given.now;
    assert_eq!(
        codes(&given.refused("dan", with(vec![action(nobody, due), action(dan, now)]))),
        ["action-owner", "in-the-past"]
    );
    assert_eq!(codes(&given.refused("dan", with(vec![action(dan, due); 51]))), ["count"]);
    given.ok("dan", with(vec![action(dan, due); 50]));
}

// ------------------------------------------------------------------ figures

/// A forward deployment from one moment to another.
fn deployed(
    given: &mut Given,
    title: &str,
    environment: &str,
    version: u8,
    from: &str,
    until: &str,
    status: Status,
) -> DeploymentId {
    let id = release(given, title, environment, version);
    let deployment = given.fresh();
    given.at(from);
    let permit = permit(given, id, environment);
    given.record(deployment::Event::Started(deployment::Started {
        deployment,
        release: id,
        environment: name(environment),
        direction: Direction::Forward,
        permit,
        account: None,
        pipeline: Pipeline { name: name("standard"), max_parallel: 1, ahead: 1, steps: vec![] },
        waves: vec![],
        units: vec![],
        ruling: None,
    }));
    given.at(until).record(deployment::Event::PhaseEnded(deployment::PhaseEnded {
        deployment,
        wave: 0,
        phase: Phase::Deploy,
        status: Status::Running,
    }));
    given.record(deployment::Event::Ended(deployment::Ended { deployment, status, reason: None }));
    deployment
}

fn permit(given: &mut Given, release: ReleaseId, environment: &str) -> release::Permit {
    release::Permit {
        id: given.fresh(),
        release,
        environment: name(environment),
        items: vec![],
        not_before: given.now,
        not_after: given.now,
        approved_by: vec![],
        policy_set: String::new(),
    }
}

fn undone(given: &mut Given, of: DeploymentId, from: &str, until: &str, outcome: Outcome) {
    let rollback = given.fresh();
    let release = given.world.deployment.deployment(of).expect("it was deployed").release;
    let cause = rollback::Cause::Trigger { trigger: name("errors") };
    let started = rollback::Started {
        rollback,
        release,
        of,
        environment: name("prod"),
        cause,
        reason: None,
        undo: given.fresh(),
        criteria: vec![],
        ruling: None,
    };
    given.at(from).record(rollback::Event::Started(started));
    given.at(until).record(rollback::Event::Ended(rollback::Ended {
        rollback,
        outcome,
        results: vec![],
        evidence: None,
    }));
}

fn march() -> DoraQuery {
    DoraQuery {
        from: time("2026-03-02T00:00:00Z"),
        until: time("2026-03-16T00:00:00Z"),
        service: None,
        owner: None,
        environment: None,
    }
}

#[test]
fn without_data_a_figure_is_nothing_and_not_zero() {
    let given = given();
    let found = dora(&given.world, &march());
    for figure in
        [found.deployments, found.lead_time, found.change_failure_rate, found.time_to_recover, found.rework_rate]
    {
        assert_eq!(
            (figure.value, figure.low, figure.high, figure.count),
            (None, None, None, 0),
            "{}",
            figure.definition
        );
    }
}

/// Three deployments in two weeks, one taken back; worked out by hand.
fn fortnight() -> Given {
    let mut given = given();
    deployed(&mut given, "r1", "prod", 1, "2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z", Status::Succeeded);
    let bad = deployed(&mut given, "r2", "prod", 2, "2026-03-04T09:00:00Z", "2026-03-04T10:00:00Z", Status::Succeeded);
    undone(&mut given, bad, "2026-03-04T11:00:00Z", "2026-03-04T11:30:00Z", Outcome::Pass);
    deployed(&mut given, "r3", "prod", 1, "2026-03-05T09:00:00Z", "2026-03-05T10:00:00Z", Status::Succeeded);
    deployed(&mut given, "t1", "test", 1, "2026-03-05T12:00:00Z", "2026-03-05T13:00:00Z", Status::Aborted);
    deployed(&mut given, "r4", "prod", 1, "2026-03-17T09:00:00Z", "2026-03-17T10:00:00Z", Status::Aborted);
    given
}

#[test]
fn the_figures_of_a_fortnight_are_those_worked_out_by_hand() {
    let given = fortnight();
    let found = dora(&given.world, &march());
    assert_eq!((found.deployments.value, found.deployments.count), (Some(1.5), 3));
    // Both commits were authored on 2 March at 09:00; r3 brings nothing new: 25 and 49 hours.
    assert_eq!((found.lead_time.value, found.lead_time.count), (Some(37.0 * 3600.0), 2));
    assert_eq!((found.lead_time.low, found.lead_time.high), (None, None), "two values bound no median");
    assert_eq!((found.change_failure_rate.value, found.change_failure_rate.count), (Some(1.0 / 3.0), 3));
    // Wilson's interval for 1 of 3 at 95 %, from R: prop.test(1, 3, correct = FALSE).
    let (low, high) = (found.change_failure_rate.low.expect("low"), found.change_failure_rate.high.expect("high"));
    assert!((low - 0.0615).abs() < 1e-3 && (high - 0.7923).abs() < 1e-3, "{low} {high}");
    assert_eq!((found.time_to_recover.value, found.time_to_recover.count), (Some(1800.0), 1));
    assert_eq!(
        (found.rework_rate.value, found.rework_rate.count),
        (Some(1.0 / 3.0), 3),
        "r3 came next after r2, which was taken back"
    );
}

#[test]
fn every_sample_leads_to_its_entries() {
    let given = fortnight();
    let found = dora(&given.world, &march());
    for sample in &found.deployments.samples {
        assert_eq!(sample.positions.len(), 3, "started, a phase, ended");
        assert!(sample.positions.windows(2).all(|it| it[0] < it[1]));
    }
}

#[test]
fn a_query_narrows_to_an_environment_a_service_or_a_team() {
    let given = fortnight();
    let count = |query: DoraQuery| dora(&given.world, &query).deployments.count;
    assert_eq!(count(DoraQuery { environment: Some(name("test")), ..march() }), 1);
    assert_eq!(count(DoraQuery { service: Some(name("shop")), ..march() }), 3);
    assert_eq!(count(DoraQuery { service: Some(name("books")), ..march() }), 0);
    assert_eq!(count(DoraQuery { owner: Some(name("team")), ..march() }), 3);
    assert_eq!(count(DoraQuery { owner: Some(name("others")), ..march() }), 0);
    assert_eq!(count(DoraQuery { until: time("2026-03-18T00:00:00Z"), ..march() }), 4);
}

#[test]
fn a_rollback_that_failed_is_no_recovery() {
    let mut given = given();
    let bad = deployed(&mut given, "r1", "prod", 1, "2026-03-03T09:00:00Z", "2026-03-03T10:00:00Z", Status::Succeeded);
    undone(&mut given, bad, "2026-03-04T11:00:00Z", "2026-03-04T11:30:00Z", Outcome::Inconclusive);
    let found = dora(&given.world, &march());
    assert_eq!((found.time_to_recover.value, found.time_to_recover.count), (None, 0));
    assert_eq!(found.change_failure_rate.value, Some(1.0));
}
