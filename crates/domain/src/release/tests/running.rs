//! What happens to a deployment that runs: its permit, who is given its steps, how a way back is tried.

use super::*;

fn running(it: &Given, id: DeploymentId) -> deployment::Deployment {
    it.world.deployment.deployment(id).expect("the deployment is there").clone()
}

#[test]
fn what_holds_a_running_deployment_revokes_its_permit_and_another_is_issued_when_it_clears() {
    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let first = running(&it, deployment).permit;
    let (lockdown, reason) = (it.fresh(), it.note());
    let events = it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: Default::default(), reason });
    let revoked = events.iter().find_map(|event| match event {
        Event::Deployment(deployment::Event::PermitRevoked(it)) => Some(it.clone()),
        _ => None,
    });
    let revoked = revoked.expect("the entry that revokes it follows from the lockdown at once");
    assert_eq!((revoked.permit, revoked.blockers[0].code.as_str()), (first.id, "calendar-closed"));
    assert!(running(&it, deployment).permit_revoked);
    let told: Vec<_> = it.world.deployment.revocations.values().map(|it| it.permit).collect();
    assert_eq!(told, [first.id], "runners are told of it");
    assert!(lease(&mut it).is_empty());

    it.after(60);
    it.ok("rita", calendar::Command::LiftLockdown { lockdown });
    let second = running(&it, deployment).permit;
    assert_ne!(second.id, first.id, "a permit that was revoked never becomes good again");
    assert_eq!((second.not_before, second.not_after), (it.now, first.not_after));
    assert_eq!((second.items, second.approved_by), (first.items, first.approved_by));
    assert!(!lease(&mut it).is_empty());
}

#[test]
fn a_quarantine_or_a_withdrawn_approval_revokes_the_permit_of_what_runs() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    let held = lease(&mut it);
    let (change, reason) = (it.world.change.by_release[&release], it.note());
    it.ok("amir", change::Command::Withdraw { change, reason });
    assert!(running(&it, deployment).permit_revoked);
    // What a runner holds is its own to finish or to stop; its answer is taken in.
    report(&mut it, held.into_iter().map(|(_, report)| report).collect());
    assert!(lease(&mut it).is_empty());
    approve(&mut it, "bea", change);
    assert!(!running(&it, deployment).permit_revoked);

    let mut it = shop();
    let (_, deployment) = deploying(&mut it, "r1", NEW);
    let reason = Some(it.note());
    it.ok("rita", artifact::Command::Quarantine { digests: vec![digest(OLD)], because_of: None, reason });
    assert!(!running(&it, deployment).permit_revoked, "another build's quarantine is no reason");
    let reason = Some(it.note());
    it.ok("rita", artifact::Command::Quarantine { digests: vec![digest(NEW)], because_of: None, reason });
    assert!(running(&it, deployment).permit_revoked);
}

#[test]
fn a_permit_that_a_person_revoked_is_not_renewed() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    it.ok("rita", Command::RevokePermit { release, reason: "wrong build".into() });
    let now = running(&it, deployment);
    assert!(now.permit_revoked && now.held[0].code == "permit-revoked", "{:?}", now.held);
    it.after(60);
    it.system(deployment::Command::Wake { deployment });
    assert!(running(&it, deployment).permit_revoked && lease(&mut it).is_empty());
}

#[test]
fn the_way_back_keeps_its_permit_in_a_lockdown() {
    let mut it = shop();
    let (release, _) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    let undo = take_back(&mut it, release);
    let (lockdown, reason) = (it.fresh(), it.note());
    it.ok("rita", calendar::Command::CallLockdown { lockdown, scope: Default::default(), reason });
    assert!(!running(&it, undo).permit_revoked);
    assert!(!lease(&mut it).is_empty());
}

fn take_back(it: &mut Given, release: ReleaseId) -> DeploymentId {
    let (cause, reason) = (rollback::Cause::Person { account: it.id("olu") }, Some(it.note()));
    it.ok("olu", rollback::Command::Start { release, cause, reason });
    it.world.rollback.of_release(release).expect("it is being taken back").deployment.expect("its steps have begun")
}

/// Found by the simulator: the rollback had ended the watch, so the release could be closed, its way back was put aside in the
/// middle, and the rest of its targets stayed as they were.
#[test]
fn a_release_is_not_closed_while_it_is_being_taken_back() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    conclude(&mut it, deployment, Verdict::Pass);
    run(&mut it);
    assert_eq!(stage(&it, release), Stage::Stabilising);
    let undo = take_back(&mut it, release);
    let held = lease(&mut it);
    let reason = it.note();
    let refusal = it.refused("rita", Command::Close { release, reason });
    assert_eq!(codes(&refusal), ["wrong-stage"]);
    assert!(refusal.blockers[0].message.contains("while it is being taken back"), "{:?}", refusal.blockers);
    report(&mut it, held.into_iter().map(|(_, report)| report).collect());
    run(&mut it);
    assert_eq!(status(&it, undo), Status::Succeeded);
    criteria(&mut it, release, Outcome::Fail);
    // It has failed and is over: somebody may say that this is how it stays.
    it.ok("rita", Command::Close { release, reason });
    assert_eq!(stage(&it, release), Stage::Closed);
}

fn ask(runner: &str, capacity: u32) -> deployment::Ask {
    deployment::Ask { runner: name(runner), capacity, labels: BTreeMap::new(), kinds: None, ahead: true }
}

fn exchange(it: &mut Given, reports: Vec<(&str, Report)>, asks: Vec<deployment::Ask>) -> Vec<Event> {
    let reports = reports.into_iter().map(|(runner, report)| (name(runner), report)).collect();
    it.system(deployment::Command::Exchange { reports, asks, lease_s: 30 })
}

/// Who has which unit, with the steps that are covered.
fn handed(events: &[Event]) -> Vec<(String, u32, u32, u32)> {
    events
        .iter()
        .flat_map(|event| match event {
            Event::Deployment(deployment::Event::StepsHandedOut(it)) => {
                it.leases.iter().map(|it| (it.runner.to_string(), it.unit, it.step, it.through)).collect()
            }
            Event::Deployment(deployment::Event::StepsLeased(it)) => {
                it.leases.iter().map(|leased| (it.runner.to_string(), leased.unit, leased.step, leased.step)).collect()
            }
            _ => Vec::new(),
        })
        .collect()
}

/// The shop all at once: one wave, `ahead` steps handed out together, two at once.
fn at_once(ahead: u32, change: impl FnOnce(&mut Pipeline)) -> (Given, DeploymentId) {
    let mut it = shop();
    let mut pipeline = Pipeline { ahead, ..pipeline() };
    change(&mut pipeline);
    it.ok("admin", deployment::Command::PutPipeline { pipeline });
    let id = it.fresh();
    let spec = Spec { model: Model::BigBang, ..spec(&mut it, "r1", NEW) };
    it.ok("rita", Command::Draft { release: id, spec });
    let start = it.now;
    it.ok("rita", Command::Plan { release: id, start });
    it.ok("rita", Command::Freeze { release: id });
    let of = it.world.change.by_release[&id];
    approve(&mut it, "amir", of);
    it.ok("rita", Command::Authorise { release: id });
    let deployment = it.fresh();
    it.ok("olu", deployment::Command::Start { deployment, release: id });
    (it, deployment)
}

fn answer(it: &Given, deployment: DeploymentId, unit: u32, outcome: StepOutcome) -> Report {
    let running = running(it, deployment);
    let (step, _) = running.next_step(unit).expect("a step is left");
    let fence = running.progress[unit as usize].lease.as_ref().expect("it is leased").fence;
    let (started, finished) = (it.now, it.now);
    let (code, message, output) = (None, String::new(), None);
    Report { deployment, unit, step, fence, attempt: 1, outcome, code, message, output, started, finished }
}

#[test]
fn many_runners_are_given_steps_and_answer_in_one_entry() {
    let (mut it, deployment) = at_once(1, |_| ());
    let events = exchange(&mut it, vec![], vec![ask("a", 1), ask("b", 1), ask("c", 1)]);
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(handed(&events), [("a".into(), 0, 0, 0), ("b".into(), 1, 0, 0)], "two at once, whoever asks");
    let (first, second) =
        (answer(&it, deployment, 0, StepOutcome::Changed), answer(&it, deployment, 1, StepOutcome::Changed));
    let stolen = exchange(&mut it, vec![("c", first.clone())], vec![]);
    assert!(stolen.is_empty(), "a lease is answered by who has it");
    let events = exchange(&mut it, vec![("a", first), ("b", second)], vec![ask("b", 4)]);
    let kinds: Vec<_> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["deployment.steps_answered", "deployment.steps_leased"]);
    assert_eq!(handed(&events), [("b".into(), 0, 1, 1), ("b".into(), 1, 1, 1)]);
}

#[test]
fn steps_handed_out_together_share_a_fence_and_end_with_the_first_that_is_not_good() {
    let (mut it, deployment) = at_once(10, |_| ());
    let events = exchange(&mut it, vec![], vec![ask("a", 1)]);
    assert_eq!(handed(&events), [("a".into(), 0, 0, 2)], "up to the end of the phase");
    let now = running(&it, deployment);
    let orders = deployment::orders(&it.world, &now, 0, now.fence);
    let keys: Vec<_> = orders.iter().map(|it| it.key.rsplit_once('/').expect("a number ends it").1).collect();
    assert_eq!((orders.len(), keys), (3, vec!["1", "2", "3"]));
    assert!(orders.iter().all(|it| it.fence == now.fence));

    let out_of_turn = Report { step: 1, ..answer(&it, deployment, 0, StepOutcome::Changed) };
    assert!(exchange(&mut it, vec![("a", out_of_turn)], vec![]).is_empty());
    let first = answer(&it, deployment, 0, StepOutcome::Changed);
    let second = Report { step: 1, outcome: StepOutcome::Failed, attempt: 1, ..first.clone() };
    let third = Report { step: 2, ..first.clone() };
    exchange(&mut it, vec![("a", first), ("a", second), ("a", third)], vec![]);
    let progress = running(&it, deployment).progress[0].clone();
    assert_eq!((progress.next, progress.results.len(), progress.lease, progress.failed), (1, 2, None, true));
}

#[test]
fn a_step_goes_to_a_runner_that_has_the_labels_and_knows_the_kind() {
    let berlin: BTreeMap<String, String> = [("region".to_owned(), "berlin".to_owned())].into();
    let (mut it, _) = at_once(1, |pipeline| pipeline.steps[0].runner = berlin.clone());
    let by_itself = deployment::Ask { labels: berlin.clone(), ..ask("a", 4) };
    assert!(handed(&exchange(&mut it, vec![], vec![ask("a", 4)])).is_empty());
    let wrong = deployment::Ask { kinds: Some(["http".to_owned()].into()), ..by_itself.clone() };
    assert!(handed(&exchange(&mut it, vec![], vec![wrong])).is_empty());

    // What an enrolled runner says of itself does not count.
    let until = it.now + jiff::SignedDuration::from_hours(1);
    let invite = |labels: BTreeMap<String, String>| crate::runner::Command::Invite {
        runner: name("a"),
        token: digest(1),
        labels,
        until,
    };
    it.ok("admin", invite(BTreeMap::new()));
    it.system(crate::runner::Command::Enrol { token: digest(1), key: crate::runner::Key([1; 32]) });
    assert!(handed(&exchange(&mut it, vec![], vec![by_itself.clone()])).is_empty());
    let reason = it.note();
    it.ok("admin", crate::runner::Command::Revoke { runner: name("a"), reason });
    it.ok("admin", invite(berlin));
    it.system(crate::runner::Command::Enrol { token: digest(1), key: crate::runner::Key([2; 32]) });
    assert_eq!(handed(&exchange(&mut it, vec![], vec![ask("a", 4)])).len(), 2);
}

#[test]
fn a_revoked_runner_is_fenced_off_and_a_drained_one_gets_nothing_new() {
    let (mut it, deployment) = at_once(1, |_| ());
    let until = it.now + jiff::SignedDuration::from_hours(1);
    it.ok(
        "admin",
        crate::runner::Command::Invite { runner: name("a"), token: digest(1), labels: BTreeMap::new(), until },
    );
    it.system(crate::runner::Command::Enrol { token: digest(1), key: crate::runner::Key([1; 32]) });
    it.ok("admin", crate::runner::Command::Drain { runner: name("a"), drained: true });
    assert!(handed(&exchange(&mut it, vec![], vec![ask("a", 4)])).is_empty());
    it.ok("admin", crate::runner::Command::Drain { runner: name("a"), drained: false });
    assert_eq!(handed(&exchange(&mut it, vec![], vec![ask("a", 4)])).len(), 2);
    let zombie = answer(&it, deployment, 0, StepOutcome::Changed);
    let reason = it.note();
    it.ok("admin", crate::runner::Command::Revoke { runner: name("a"), reason });
    assert_eq!(running(&it, deployment).leased().count(), 0);
    assert!(exchange(&mut it, vec![("a", zombie)], vec![]).is_empty(), "what it says now changes nothing");
    let others = handed(&exchange(&mut it, vec![], vec![ask("a", 4), ask("b", 4)]));
    assert!(others.len() == 2 && others.iter().all(|(runner, ..)| runner == "b"), "{others:?}");
}

#[test]
fn a_step_on_the_way_back_is_tried_more_often_with_a_pause_and_still_ends_in_one_of_three() {
    let mut it = shop();
    let (release, deployment) = deploying(&mut it, "r1", NEW);
    run(&mut it);
    let undo = take_back(&mut it, release);
    assert_eq!(status(&it, deployment), Status::Aborted);
    let mut pauses = Vec::new();
    for attempt in 1..=deployment::ATTEMPTS_BACK {
        let mut leased = lease(&mut it);
        let (_, failed) = leased.remove(0);
        let order = deployment::order(&it.world, &running(&it, undo), failed.unit, 0).expect("it is owed");
        pauses.push(order.pause_s);
        assert_eq!(order.attempt, attempt);
        report(&mut it, vec![Report { outcome: StepOutcome::Failed, attempt, ..failed }]);
    }
    assert_eq!(pauses, [0, 2, 4, 8, 10]);
    assert_eq!(status(&it, undo), Status::Blocked);
    let reason = it.note();
    it.ok("olu", deployment::Command::Retry { deployment: undo, reason });
    // What could not be told is never tried again by itself, on the way back neither.
    let (_, unsure) = lease(&mut it).remove(0);
    report(&mut it, vec![Report { outcome: StepOutcome::Inconclusive, ..unsure }]);
    assert_eq!(status(&it, undo), Status::Blocked);
}

#[test]
fn a_bake_is_waited_for_and_a_pause_hands_out_nothing() {
    let mut it = shop();
    let mut spec = spec(&mut it, "r1", NEW);
    spec.model = Model::Phased {
        waves: vec![
            WaveSpec { name: name("one"), take: Take::Percent(25), weight: None, bake_s: 600, canary: None },
            WaveSpec { name: name("rest"), take: Take::Rest, weight: None, bake_s: 0, canary: None },
        ],
    };
    let release = it.fresh();
    it.ok("rita", Command::Draft { release, spec });
    let (start, change) = (it.now, it.world.change.by_release[&release]);
    it.ok("rita", Command::Plan { release, start });
    it.ok("rita", Command::Freeze { release });
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    let deployment = it.fresh();
    it.ok("olu", deployment::Command::Start { deployment, release });
    let reason = it.note();
    it.ok("olu", deployment::Command::Pause { deployment, reason });
    assert!(lease(&mut it).is_empty());
    it.ok("olu", deployment::Command::Resume { deployment });
    assert_eq!(run(&mut it).len(), 4);
    assert!(matches!(status(&it, deployment), Status::Baking { .. }));
    it.after(599);
    it.system(deployment::Command::Wake { deployment });
    assert!(lease(&mut it).is_empty());
    it.after(1);
    it.system(deployment::Command::Wake { deployment });
    assert_eq!(run(&mut it).len(), 12);
    assert_eq!(status(&it, deployment), Status::Succeeded);
}
