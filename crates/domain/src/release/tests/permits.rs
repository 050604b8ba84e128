//! Permits: who uses them, when they are good, what takes them back, and how one gets another.

use super::*;

#[test]
fn who_approved_does_not_deploy_and_a_permit_is_needed() {
    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    approve(&mut it, "bea", change);
    let deployment = it.fresh();
    let refusal = it.refused("olu", deployment::Command::Start { deployment, release });
    assert_eq!(codes(&refusal), ["no-valid-permit"]);
    it.ok("rita", Command::Authorise { release });
    let refusal = it.refused("bea", deployment::Command::Start { deployment, release });
    assert_eq!(codes(&refusal), ["segregation.approver-deploys"]);
    let refusal = it.refused("admin", deployment::Command::Start { deployment, release });
    assert_eq!(refusal.kind, RefusalKind::Denied, "administrators deploy nothing by being administrators");
    it.ok("olu", deployment::Command::Start { deployment, release });
}

#[test]
fn a_permit_is_good_within_its_window_only() {
    let mut it = shop();
    let (release, change) = drafted(&mut it, "r1", NEW);
    it.ok("rita", Command::Plan { release, start: time("2026-03-02T12:00:00Z") });
    it.ok("rita", Command::Freeze { release });
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    let deployment = it.fresh();
    let early = it.refused("olu", deployment::Command::Start { deployment, release });
    assert_eq!((codes(&early), early.blockers[0].by), (vec!["no-valid-permit"], Some(time("2026-03-02T12:00:00Z"))));
    it.at("2026-03-02T13:00:00Z");
    it.system(Command::Reassess { release });
    assert_eq!(stage(&it, release), Stage::Frozen, "the window is over, the permit is gone");
    let late = it.refused("olu", deployment::Command::Start { deployment, release });
    assert!(codes(&late).contains(&"window-over"), "{:?}", codes(&late));
}

#[test]
fn a_permit_that_runs_out_unused_within_a_longer_window_can_be_had_again() {
    let mut it = shop();
    let release = it.fresh();
    let mut spec = spec(&mut it, "r1", NEW);
    spec.length_s = 3 * 86_400;
    it.ok("rita", Command::Draft { release, spec });
    let (change, start) = (*it.world.change.by_release.get(&release).unwrap(), it.now);
    it.ok("rita", Command::Plan { release, start });
    it.ok("rita", Command::Freeze { release });
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    let first = it.world.release.release(release).and_then(|it| it.permit.clone()).unwrap();
    it.at(&first.not_after.to_string());
    it.system(Command::Reassess { release });
    assert_eq!(stage(&it, release), Stage::Frozen, "it has a permit no more, and every gate passes still");
    it.ok("rita", Command::Authorise { release });
    let second = it.world.release.release(release).and_then(|it| it.permit.clone()).unwrap();
    assert!(second.id != first.id && second.not_after > first.not_after);
}

#[test]
fn a_freeze_called_after_the_approvals_takes_the_permit_back() {
    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    approve(&mut it, "amir", change);
    it.ok("rita", Command::Authorise { release });
    freeze(&mut it, "2026-03-02T09:30:00Z", "2026-03-02T10:00:00Z");
    assert_eq!(stage(&it, release), Stage::Frozen);
    assert!(it.world.release.release(release).expect("it is there").permit_revoked);
}

#[test]
fn conditions_are_gates() {
    let mut it = shop();
    let (release, change) = frozen(&mut it, "r1", NEW);
    let (condition, text) = (it.fresh(), it.note());
    let reason = it.note();
    it.ok(
        "amir",
        change::Command::Decide {
            change,
            decision: Decision::Approve,
            reason,
            conditions: vec![(condition, text)],
            on_behalf_of: None,
            seen: None,
        },
    );
    assert_eq!(stage(&it, release), Stage::Frozen);
    assert_eq!(codes(&it.refused("rita", Command::Authorise { release })), ["base.conditions-open"]);
    let evidence = it.note();
    it.ok("rita", change::Command::MeetCondition { change, condition, evidence });
    assert_eq!(stage(&it, release), Stage::Ready);
}
