//! The life of a release, given, when, then: from a draft to a closed review, and everything that stops it on the way.

use crate::{
    artifact::{self, Artifact, Commit, Signature, SigningKey, Source},
    calendar::{self, Calendar, Schedule, Window, WindowKind},
    change::{self, Class, Decision},
    core::{Event, Obligation, owed},
    deployment::{
        self, Direction, OnRevocation, OnRollback, Phase, Pipeline, PipelineStep, ProgramStep, Report, Run, Status,
        StepOutcome, TrafficStep,
    },
    environment::Tier,
    given::{Given, codes, digest, identity, name, time},
    learning, operations,
    reason::{Outcome, RefusalKind},
    release::*,
    rollback::{self, CriterionResult},
    verification::{self, Summary, Verdict},
};
use interlock_ids::{ChangeId, DeploymentId, ReleaseId};
use std::collections::BTreeMap;

mod criteria;
mod permits;
mod running;

const OLD: u8 = 10;
const NEW: u8 = 11;

/// A shop of one service on four targets in production, the old version everywhere, the new one registered: Dana wrote it with
/// Erik, Amir and Bea approve, Olu deploys, Rita manages releases.
fn shop() -> Given {
    let mut it = Given::new();
    it.account("rita", &["release-manager"]).person("dana", &["developer"], &[identity(1)]).person(
        "erik",
        &["developer", "approver"],
        &[identity(2)],
    );
    it.account("amir", &["approver"])
        .account("bea", &["approver", "deployer"])
        .account("olu", &["deployer", "on-call"]);
    it.service("checkout", &[]).environment("production", Tier::Production, &[("checkout", 4)]).environment(
        "staging",
        Tier::Staging,
        &[("checkout", 1)],
    );
    let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".into();
    it.ok("admin", artifact::Command::PutKey { key: SigningKey { name: name("ci"), public_key, revoked: false } });
    for (seed, version) in [(OLD, "1.0.0"), (NEW, "1.1.0")] {
        register(&mut it, seed, version);
    }
    it.ok("admin", deployment::Command::PutPipeline { pipeline: pipeline() });
    for (environment, targets) in [("production", 4), ("staging", 1)] {
        let found = (1..=targets).map(|n| (name("checkout"), name(&format!("checkout-{n}")), digest(OLD))).collect();
        it.ok("admin", deployment::Command::RecordInstalled { environment: name(environment), found });
    }
    it
}

fn register(it: &mut Given, seed: u8, version: &str) {
    let commit = |sha: char, author: u8, co_authors: &[u8]| Commit {
        sha: sha.to_string().repeat(40),
        author: identity(author),
        committer: identity(author),
        co_authors: co_authors.iter().map(|seed| identity(*seed)).collect(),
        at: time("2026-02-27T10:00:00Z"),
        committed: None,
    };
    let source = Source {
        repository: "/srv/shop.git".into(),
        commit: format!("{seed:02x}").repeat(20),
        since: None,
        commits: vec![commit('a', 1, &[]), commit('b', 1, &[2])],
        details: digest(99),
    };
    let signature = Signature { key: name("ci"), text: "untrusted comment: test".into() };
    let artifact = Artifact {
        digest: digest(seed),
        service: name("checkout"),
        version: version.into(),
        size: 1000,
        signature: Some(signature),
        source: Some(source),
    };
    it.ok("dana", artifact::Command::Register { artifact });
}

fn step(step: &str, phase: Phase, run: Run, on_rollback: OnRollback) -> PipelineStep {
    PipelineStep {
        name: name(step),
        phase,
        run,
        timeout_s: 30,
        attempts: 1,
        attempts_back: None,
        on_rollback,
        on_revocation: OnRevocation::Finish,
        runner: BTreeMap::new(),
    }
}

fn pipeline() -> Pipeline {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let traffic = |weight: &str| {
        Run::Traffic(TrafficStep {
            router: "http://router.test".into(),
            pool: "${service}".into(),
            server: "${target.name}".into(),
            weight: weight.into(),
        })
    };
    let deploy = ProgramStep {
        check: None,
        apply: words(&["/bin/deploy", "${artifact.digest}"]),
        verify: None,
        undo: Some(words(&["/bin/deploy"])),
        env: BTreeMap::new(),
        repeatable: true,
        artifact: true,
    };
    Pipeline {
        name: name("instances"),
        max_parallel: 2,
        ahead: 1,
        steps: vec![
            step("drain", Phase::Deploy, traffic("0"), OnRollback::Apply),
            step("deploy", Phase::Deploy, Run::Program(deploy), OnRollback::Undo),
            step("canary-traffic", Phase::Deploy, traffic("${wave.weight}"), OnRollback::Skip),
            step("full-traffic", Phase::Settle, traffic("${wave.weight}"), OnRollback::Apply),
        ],
    }
}

fn spec(it: &mut Given, release: &str, seed: u8) -> Spec {
    let (owner, deputy) = (Some(it.id("olu")), Some(it.id("rita")));
    let canary = CanarySpec {
        interval_s: 1,
        horizon: 60,
        at_least: 10,
        on_inconclusive: OnInconclusive::Hold,
        margins: Margins::default(),
    };
    Spec {
        name: name(release),
        summary: it.note(),
        class: Class::Normal,
        environment: name("production"),
        items: vec![Item { service: name("checkout"), digest: digest(seed) }],
        pipeline: name("instances"),
        model: Model::Phased {
            waves: vec![
                WaveSpec {
                    name: name("canary"),
                    take: Take::Count(1),
                    weight: Some(10),
                    bake_s: 0,
                    canary: Some(canary),
                },
                WaveSpec { name: name("rest"), take: Take::Rest, weight: None, bake_s: 0, canary: None },
            ],
        },
        length_s: 3600,
        triggers: vec![Trigger {
            name: name("errors"),
            indicator: Indicator::ErrorRatio { service: name("checkout"), window_s: 30 },
            comparison: Comparison::Above,
            threshold: 0.05,
            for_s: 5,
            action: TriggerAction::Rollback,
            owner,
            deputy,
        }],
        rollback: RollbackPlan {
            criteria: vec![Criterion {
                name: name("available"),
                kind: CriterionKind::Http { path: "/healthz".into() },
            }],
        },
        watch: WatchSpec { length_s: 60, interval_s: 5 },
        criteria: Vec::new(),
    }
}

fn drafted(it: &mut Given, release: &str, seed: u8) -> (ReleaseId, ChangeId) {
    let id = it.fresh();
    let spec = spec(it, release, seed);
    it.ok("rita", Command::Draft { release: id, spec });
    (id, *it.world.change.by_release.get(&id).expect("a change follows from a draft"))
}

/// A release that is planned for now and frozen, with its change.
fn frozen(it: &mut Given, release: &str, seed: u8) -> (ReleaseId, ChangeId) {
    let (id, change) = drafted(it, release, seed);
    let start = it.now;
    it.ok("rita", Command::Plan { release: id, start });
    it.ok("rita", Command::Freeze { release: id });
    (id, change)
}

fn approve(it: &mut Given, who: &str, change: ChangeId) {
    let command = decision(it, change);
    it.ok(who, command);
}

fn decision(it: &mut Given, change: ChangeId) -> change::Command {
    change::Command::Decide {
        change,
        decision: Decision::Approve,
        reason: it.note(),
        conditions: Vec::new(),
        on_behalf_of: None,
    }
}

/// A release that Olu has begun to deploy.
fn deploying(it: &mut Given, release: &str, seed: u8) -> (ReleaseId, DeploymentId) {
    let (id, change) = frozen(it, release, seed);
    approve(it, "amir", change);
    it.ok("rita", Command::Authorise { release: id });
    let deployment = it.fresh();
    it.ok("olu", deployment::Command::Start { deployment, release: id });
    (id, deployment)
}

fn stage(it: &Given, id: ReleaseId) -> Stage {
    it.world.release.release(id).expect("the release is there").stage
}

fn status(it: &Given, id: DeploymentId) -> Status {
    it.world.deployment.deployment(id).expect("the deployment is there").status
}

/// Leases what there is to lease: names of steps with what a report needs.
fn lease(it: &mut Given) -> Vec<(String, Report)> {
    it.system(deployment::Command::Lease { runner: name("local"), capacity: 100, lease_s: 30 });
    let now = it.now;
    let running = it.world.deployment.running.iter().filter_map(|id| it.world.deployment.deployment(*id));
    running
        .flat_map(|running| running.leased().map(|(unit, lease)| (running, unit, lease.fence)).collect::<Vec<_>>())
        .map(|(running, unit, fence)| {
            let (step, found) = running.next_step(unit).expect("what is leased has a step");
            let report = Report {
                deployment: running.id,
                unit,
                step,
                fence,
                attempt: 1,
                outcome: StepOutcome::Changed,
                code: None,
                message: String::new(),
                output: None,
                started: now,
                finished: now,
            };
            (format!("{}/{}", running.units[unit as usize].target, found.name), report)
        })
        .collect()
}

fn report(it: &mut Given, reports: Vec<Report>) -> Vec<Event> {
    it.system(deployment::Command::Report { runner: name("local"), reports })
}

/// Runs steps until none is left to lease; the names in the order in which they were handed out.
fn run(it: &mut Given) -> Vec<String> {
    let mut done = Vec::new();
    loop {
        let leased = lease(it);
        if leased.is_empty() {
            return done;
        }
        let (names, reports): (Vec<_>, Vec<_>) = leased.into_iter().unzip();
        done.extend(names);
        report(it, reports);
    }
}

fn conclude(it: &mut Given, deployment: DeploymentId, verdict: Verdict) {
    let analysis = *it.world.verification.by_deployment[&deployment].last().expect("the wave is judged");
    let fence = it.world.verification.analysis(analysis).expect("it is there").fence;
    let summary = Summary {
        text: "t".into(),
        log10_evidence: 0.0,
        looks: 10,
        usable: 10,
        requests_new: 100,
        requests_old: 900,
        culprits: Vec::new(),
        excess_bad_requests: 0.0,
    };
    it.system(verification::Command::Conclude { analysis, fence, verdict, summary, evidence: digest(50) });
}

fn criteria(it: &mut Given, release: ReleaseId, outcome: Outcome) {
    let rollback = it.world.rollback.of_release(release).expect("it is being taken back");
    let results = vec![CriterionResult { name: name("available"), outcome, message: String::new() }];
    let command =
        rollback::Command::Conclude { rollback: rollback.id, fence: rollback.fence, results, evidence: digest(51) };
    it.system(command);
}

fn freeze(it: &mut Given, start: &str, end: &str) {
    let schedule = Schedule::Once { start: time(start), end: time(end) };
    let window = Window {
        name: name("quarter-end"),
        kind: WindowKind::Freeze,
        schedule,
        scope: Default::default(),
        reason: "books are closed".into(),
        customer: None,
    };
    let calendar =
        Calendar { name: name("finance"), owner: name("team"), source: "manifest".into(), windows: vec![window] };
    it.ok("admin", calendar::Command::PutCalendar { calendar });
}

#[test]
fn a_release_planned_into_a_freeze_is_refused_with_the_window_and_slots_and_the_first_slot_is_good() {
    let mut it = shop();
    freeze(&mut it, "2026-03-02T12:00:00Z", "2026-03-03T06:00:00Z");
    let (release, _) = drafted(&mut it, "r1", NEW);
    let refusal = it.refused("rita", Command::Plan { release, start: time("2026-03-02T11:30:00Z") });
    assert_eq!(codes(&refusal), ["calendar-closed"]);
    assert!(
        refusal.blockers[0].message.contains("quarter-end") && refusal.blockers[0].message.contains("books are closed")
    );
    assert_eq!(refusal.blockers[0].by, Some(time("2026-03-03T06:00:00Z")));
    assert_eq!(refusal.slots.len(), 3);
    assert_eq!(refusal.slots[0].start, time("2026-03-03T06:00:00Z"));
    it.ok("rita", Command::Plan { release, start: refusal.slots[0].start });
    assert_eq!(stage(&it, release), Stage::Planned);
}

#[test]
fn an_edited_calendar_tells_of_every_plan_that_it_closes_and_of_those_that_it_opens_again() {
    let mut it = shop();
    let (release, _) = drafted(&mut it, "r1", NEW);
    it.ok("rita", Command::Plan { release, start: time("2026-03-02T12:00:00Z") });
    let closed = |it: &Given| it.world.release.release(release).expect("it is there").plan_closed.clone();
    assert_eq!(closed(&it), []);

    freeze(&mut it, "2026-03-02T12:30:00Z", "2026-03-03T06:00:00Z");
    assert_eq!(closed(&it).iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["calendar-closed"]);
    assert_eq!(closed_plans(&it.world, time("2026-03-02T11:00:00Z")).len(), 1);
    assert_eq!(stage(&it, release), Stage::Planned, "it is told; whoever planned it decides");

    freeze(&mut it, "2026-03-04T12:30:00Z", "2026-03-04T18:00:00Z");
    assert_eq!(closed(&it), [], "the freeze was moved away");

    let (lockdown, reason) = (it.fresh(), it.note());
    it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: Default::default(), reason });
    assert_eq!(closed(&it).len(), 1);
    it.ok("rita", calendar::Command::LiftLockdown { lockdown });
    assert_eq!(closed(&it), []);
}

#[test]
fn authors_and_co_authors_may_not_approve_and_are_told_every_reason() {
    let mut it = shop();
    let (_, change) = frozen(&mut it, "r1", NEW);
    let command = decision(&mut it, change);
    let dana = it.refused("dana", command.clone());
    assert_eq!(dana.kind, RefusalKind::Denied);
    assert!(codes(&dana).contains(&"segregation.author"), "{:?}", codes(&dana));
    let erik = it.refused("erik", command);
    assert!(codes(&erik).iter().any(|code| code.contains("co-author")), "{:?}", codes(&erik));
}

#[test]
fn a_phased_release_goes_from_draft_to_closed() {
    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    assert_eq!(stage(&it, release), Stage::Frozen);
    let refusal = it.refused("rita", Command::Authorise { release });
    assert_eq!(codes(&refusal), ["base.approvals-missing"]);
    approve(&mut it, "amir", change);
    assert_eq!(stage(&it, release), Stage::Ready, "the gates open by themselves");
    it.ok("rita", Command::Authorise { release });
    let deployment = it.fresh();
    it.ok("olu", deployment::Command::Start { deployment, release });
    assert_eq!(stage(&it, release), Stage::Deploying);
    assert_eq!(run(&mut it), ["checkout-1/drain", "checkout-1/deploy", "checkout-1/canary-traffic"]);
    assert_eq!(status(&it, deployment), Status::Judging);
    assert!(owed(&it.world).iter().any(
        |it| matches!(it, Obligation::Measure(it) if it.compared[0].new.len() == 1 && it.compared[0].old.len() == 3)
    ));
    conclude(&mut it, deployment, Verdict::Pass);
    let rest = run(&mut it);
    assert_eq!(rest.first().map(String::as_str), Some("checkout-1/full-traffic"));
    assert_eq!(rest.len(), 1 + 3 * 4);
    assert_eq!((status(&it, deployment), stage(&it, release)), (Status::Succeeded, Stage::Stabilising));
    assert!((1..=4).all(|n| {
        it.world
            .deployment
            .installed(&name("production"), &name("checkout"), &name(&format!("checkout-{n}")))
            .is_some_and(|it| it.digest == digest(NEW))
    }));
    let watch = it.world.operations.of_release(release).expect("it is watched").clone();
    let end =
        operations::Command::End { watch: watch.id, fence: watch.fence, looks: 12, usable: 12, evidence: digest(52) };
    assert_eq!(it.refused("system", end.clone()).kind, RefusalKind::Stale, "the watch is not over yet");
    it.after(61);
    it.ok("system", end);
    assert_eq!(stage(&it, release), Stage::Closed);
    assert!(owed(&it.world).is_empty(), "nothing is owed for a closed release");
    assert!(it.world.deployment.deployment(deployment).expect("it is there").archived);
}

#[test]
fn a_wave_is_not_begun_before_the_one_before_it_is_judged() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    assert!(lease(&mut it).is_empty());
    conclude(&mut it, deployment, Verdict::Inconclusive);
    assert!(lease(&mut it).is_empty(), "inconclusive never passes");
    assert_eq!(status(&it, deployment), Status::Judging);
    let analysis = it.world.verification.by_deployment[&deployment][0];
    let reason = it.note();
    it.ok("olu", verification::Command::Resolve { analysis, resolution: verification::Resolution::Proceed, reason });
    assert!(!lease(&mut it).is_empty());
}

#[test]
fn a_flawed_release_is_taken_back_quarantined_and_reviewed_before_the_next() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    conclude(&mut it, deployment, Verdict::Fail);
    assert_eq!(status(&it, deployment), Status::Aborted);
    let back = it.world.deployment.running_in(&name("production")).expect("it is being taken back");
    assert!(matches!(back.direction, Direction::Back { of } if of == deployment));
    assert_eq!(run(&mut it), ["checkout-1/drain", "checkout-1/deploy", "checkout-1/full-traffic"]);
    let installed = it.world.deployment.installed(&name("production"), &name("checkout"), &name("checkout-1"));
    assert_eq!(installed.map(|it| it.digest), Some(digest(OLD)));
    assert_eq!(stage(&it, release), Stage::Deploying, "not taken back before the criteria say so");
    criteria(&mut it, release, Outcome::Pass);
    assert_eq!(stage(&it, release), Stage::RolledBack);
    assert!(it.world.artifact.quarantine(&digest(NEW)).is_some());
    assert!(it.world.artifact.quarantine(&digest(OLD)).is_none());

    let (again, _) = drafted(&mut it, "r2", NEW);
    let start = it.now;
    let refusal = it.refused("rita", Command::Plan { release: again, start });
    assert_eq!(codes(&refusal), ["base.artifact-quarantined"]);

    register(&mut it, 12, "1.1.1");
    let (fixed, change) = frozen(&mut it, "r3", 12);
    approve(&mut it, "amir", change);
    let refusal = it.refused("rita", Command::Authorise { release: fixed });
    assert_eq!(codes(&refusal), ["base.review-open"]);
    let review = *it.world.learning.open.get_min().expect("a review opened by itself");
    let root_cause = it.note();
    it.ok("rita", learning::Command::Complete { review, root_cause, factors: Vec::new(), actions: Vec::new() });
    assert_eq!(stage(&it, fixed), Stage::Ready);
}

#[test]
fn a_rollback_whose_criteria_are_not_met_has_not_worked() {
    for outcome in [Outcome::Fail, Outcome::Inconclusive] {
        let mut it = shop();
        let (release, deployment) = deploying(&mut it, "r1", NEW);
        run(&mut it);
        conclude(&mut it, deployment, Verdict::Fail);
        run(&mut it);
        criteria(&mut it, release, outcome);
        assert_eq!(it.world.rollback.of_release(release).map(|it| it.status), Some(rollback::Status::Failed));
        assert_eq!(stage(&it, release), Stage::Deploying);
        let (rollback, reason) = (it.world.rollback.of_release(release).expect("it is there").id, it.note());
        it.ok("olu", rollback::Command::CheckAgain { rollback, reason });
        criteria(&mut it, release, Outcome::Pass);
        assert_eq!(stage(&it, release), Stage::RolledBack);
    }
}

#[test]
fn a_trigger_that_fires_starts_the_rollback_once() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    let watch = it.world.operations.of_release(release).expect("it is watched while it is deployed").clone();
    let fire = operations::Command::Fire {
        watch: watch.id,
        fence: watch.fence,
        trigger: name("errors"),
        value: 0.3,
        evidence: digest(53),
    };
    it.system(fire.clone());
    assert_eq!(status(&it, deployment), Status::Aborted);
    assert_eq!(it.refused("system", fire).kind, RefusalKind::Stale);
    assert!(it.world.verification.open.is_empty(), "nothing is judged any more");
    let analysis = it.world.verification.by_deployment[&deployment][0];
    assert_eq!(it.world.verification.analysis(analysis).and_then(|it| it.verdict), None, "stopped is not passed");
}

#[test]
fn a_watch_that_saw_too_little_does_not_close_the_release() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    conclude(&mut it, deployment, Verdict::Pass);
    run(&mut it);
    it.after(61);
    let watch = it.world.operations.of_release(release).expect("it is watched").clone();
    it.system(operations::Command::End {
        watch: watch.id,
        fence: watch.fence,
        looks: 12,
        usable: 5,
        evidence: digest(52),
    });
    assert_eq!(stage(&it, release), Stage::Stabilising);
    let reason = it.note();
    it.ok("rita", Command::Close { release, reason });
    assert_eq!(stage(&it, release), Stage::Closed);
}

#[test]
fn a_late_report_meets_a_newer_fence_and_changes_nothing() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let (_, first) = lease(&mut it).remove(0);
    let until =
        it.world.deployment.deployment(deployment).expect("it is there").leased().next().expect("leased").1.until;
    it.now = until;
    it.system(deployment::Command::Wake { deployment });
    let (_, second) = lease(&mut it).remove(0);
    assert!(second.fence > first.fence);
    let refusal = it.refused("system", deployment::Command::Report { runner: name("local"), reports: vec![first] });
    assert_eq!(refusal.kind, RefusalKind::Stale);
    report(&mut it, vec![second.clone()]);
    let refusal = it.refused("system", deployment::Command::Report { runner: name("local"), reports: vec![second] });
    assert_eq!(refusal.kind, RefusalKind::Stale, "a step is reported once");
}

#[test]
fn the_same_try_has_the_same_key_however_often_it_is_handed_out() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let key = |it: &Given| {
        let found = it.world.deployment.deployment(deployment).expect("it is there");
        deployment::order(&it.world, found, 0, 0).expect("a step is left").key
    };
    let first = key(&it);
    lease(&mut it);
    it.system(deployment::Command::ReleaseLeases { runner: name("local") });
    lease(&mut it);
    assert_eq!(key(&it), first);
}

#[test]
fn a_lockdown_holds_the_next_step_and_lets_go_when_it_is_lifted() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let running: Vec<_> = lease(&mut it).into_iter().map(|(_, report)| report).collect();
    let (lockdown, reason) = (it.fresh(), it.note());
    it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: Default::default(), reason });
    report(&mut it, running);
    assert!(lease(&mut it).is_empty());
    let held = it.world.deployment.deployment(deployment).expect("it is there").held.clone();
    assert_eq!(held.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["calendar-closed"]);
    it.ok("rita", calendar::Command::LiftLockdown { lockdown });
    assert!(!lease(&mut it).is_empty());
}

#[test]
fn a_quarantine_or_a_withdrawn_approval_stops_the_next_step() {
    let mut it = shop();
    let (release, _) = deploying(&mut it, "r1", NEW);
    let (change, reason) = (it.world.change.by_release[&release], it.note());
    it.ok("amir", change::Command::Withdraw { change, reason });
    assert!(lease(&mut it).is_empty());

    let mut it = shop();
    deploying(&mut it, "r1", NEW);
    let reason = Some(it.note());
    it.ok("rita", artifact::Command::Quarantine { digests: vec![digest(NEW)], because_of: None, reason });
    assert!(lease(&mut it).is_empty());
}

#[test]
fn an_abort_waits_for_what_runners_hold() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let held: Vec<_> = lease(&mut it).into_iter().map(|(_, report)| report).collect();
    it.ok("olu", deployment::Command::Abort { deployment, reason: None });
    assert_eq!(status(&it, deployment), Status::Stopping);
    assert!(
        lease(&mut it).iter().all(|(_, report)| held.iter().any(|other| other.fence == report.fence)),
        "nothing new is handed out"
    );
    report(&mut it, held);
    assert_eq!(status(&it, deployment), Status::Aborted);
}

#[test]
fn a_step_that_fails_for_good_stops_its_wave_until_a_person_decides() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let failed: Vec<_> =
        lease(&mut it).into_iter().map(|(_, report)| Report { outcome: StepOutcome::Failed, ..report }).collect();
    report(&mut it, failed);
    assert_eq!(status(&it, deployment), Status::Blocked);
    assert!(lease(&mut it).is_empty());
    let reason = it.note();
    it.ok("olu", deployment::Command::Retry { deployment, reason });
    let unsure: Vec<_> =
        lease(&mut it).into_iter().map(|(_, report)| Report { outcome: StepOutcome::Inconclusive, ..report }).collect();
    report(&mut it, unsure);
    assert_eq!(status(&it, deployment), Status::Blocked, "what could not be told is not tried again by itself");
    it.ok("olu", deployment::Command::Skip { deployment, unit: 0, reason });
    assert_eq!(run(&mut it), ["checkout-1/deploy", "checkout-1/canary-traffic"]);
}

#[test]
fn two_deployments_never_run_in_one_environment() {
    let mut it = shop();
    register(&mut it, 12, "1.1.1");
    let (second, change) = frozen(&mut it, "r2", 12);
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release: second });
    deploying(&mut it, "r1", NEW);
    let deployment = it.fresh();
    let refusal = it.refused("olu", deployment::Command::Start { deployment, release: second });
    assert!(codes(&refusal).contains(&"environment-busy"), "{:?}", codes(&refusal));
}

#[test]
fn a_draft_that_cannot_be_names_every_problem_at_once() {
    let mut it = shop();
    let mut spec = spec(&mut it, "r1", NEW);
    spec.environment = name("nowhere");
    spec.pipeline = name("none");
    spec.items.push(Item { service: name("ghost"), digest: digest(77) });
    spec.length_s = 5;
    let release = it.fresh();
    let refusal = it.refused("rita", Command::Draft { release, spec });
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    for code in [
        "unknown-environment",
        "unknown-pipeline",
        "unknown-service",
        "unknown-artifact",
        "no-target",
        "length-out-of-range",
    ] {
        assert!(codes(&refusal).contains(&code), "{code} is missing from {:?}", codes(&refusal));
    }
}

#[test]
fn a_release_into_production_without_triggers_is_refused_at_planning() {
    let mut it = shop();
    let mut spec = spec(&mut it, "r1", NEW);
    spec.triggers[0].deputy = None;
    let release = it.fresh();
    it.ok("rita", Command::Draft { release, spec });
    let start = it.now;
    assert_eq!(codes(&it.refused("rita", Command::Plan { release, start })), ["base.trigger-without-deputy"]);
}
