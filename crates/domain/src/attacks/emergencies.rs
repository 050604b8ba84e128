//! Attacks on the emergency path: its own approval, what it owes, the broken glass.

use super::*;
use crate::{
    change::Flow,
    emergency::{Cause, Command},
    learning,
    reason::Outcome,
};
use interlock_ids::ReviewId;

/// An emergency by Rita that Amir has approved and Omar authorised, and that Olu has begun to deploy.
fn deployed(it: &mut Given, title: &str) -> (ReleaseId, ChangeId) {
    let (release, change) = asked(it, title, Class::Emergency);
    approve(it, "amir", change);
    it.ok("omar", authorise(release));
    let command = start(it, release);
    it.ok("olu", command);
    (release, change)
}

/// Its deployment is over, so that the environment is free.
fn ended(it: &mut Given, release: ReleaseId) {
    let deployment = it.world.release.release(release).and_then(|it| it.deployment).expect("it is deployed");
    it.record(deployment::Event::Ended(deployment::Ended {
        deployment,
        status: deployment::Status::Aborted,
        reason: None,
    }));
}

fn ratify(it: &mut Given, change: ChangeId) -> Command {
    Command::Ratify { change, agreed: true, reason: it.note(), seen: None }
}

fn review_of(it: &Given, release: ReleaseId) -> ReviewId {
    it.world.learning.by_release[&release]
}

fn reviewed(it: &mut Given, release: ReleaseId) {
    let review = review_of(it, release);
    let root_cause = it.note();
    it.ok("rita", learning::Command::Complete { review, root_cause, factors: Vec::new(), actions: Vec::new() });
}

#[test]
fn the_author_approves_in_an_emergency() {
    let mut it = shop();
    let (_, change) = asked(&mut it, "r1", Class::Emergency);
    says(&approve_refused(&mut it, "dana", change), "segregation.author");
}

#[test]
fn the_author_deploys_in_an_emergency() {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Emergency);
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    it.person("dana", &["on-call", "deployer"], &[identity(1)]);
    let command = start(&mut it, release);
    says(&it.refused("dana", command), "segregation.author-deploys");
}

#[test]
fn an_emergency_is_shipped_and_nobody_looks_at_it_again() {
    let mut it = shop();
    let (release, change) = deployed(&mut it, "hotfix");
    ended(&mut it, release);
    let debt = it.world.emergency.debt(change).expect("it owes").clone();
    assert_eq!((debt.cause, debt.ratified.is_some()), (Cause::Emergency, false));
    assert_eq!(debt.ratify_by.duration_since(it.now).as_hours(), 24);
    assert_eq!(debt.review_by.duration_since(it.now).as_hours(), 72);
    it.after(24 * 3600 - 1800);
    let (next, next_change) = asked(&mut it, "next", Class::Normal);
    approve(&mut it, "amir", next_change);
    it.ok("omar", authorise(next));
    it.after(1800);
    let command = start(&mut it, next);
    let refusal = it.refused("olu", command);
    says(&refusal, "base.debt-overdue");
    assert!(refusal.blockers.iter().any(|it| it.message.contains("the approval of hotfix after the event")));
}

#[test]
fn the_approval_after_the_event_is_there_and_the_review_is_not() {
    let mut it = shop();
    let (release, change) = deployed(&mut it, "hotfix");
    ended(&mut it, release);
    let command = ratify(&mut it, change);
    it.signed("bea", command);
    it.after(72 * 3600);
    let (next, next_change) = asked(&mut it, "next", Class::Normal);
    approve(&mut it, "amir", next_change);
    let refusal = it.refused("omar", authorise(next));
    says(&refusal, "base.debt-overdue");
    says(&refusal, "base.review-open");
    reviewed(&mut it, release);
    it.ok("omar", authorise(next));
}

#[test]
fn whoever_approved_the_emergency_approves_it_after_the_event() {
    let mut it = shop();
    let (_, change) = deployed(&mut it, "hotfix");
    let command = ratify(&mut it, change);
    says(&it.refused_signed("amir", command), "segregation.ratified-by-approver");
}

#[test]
fn another_account_of_the_approver_approves_it_after_the_event() {
    let mut it = shop();
    let (_, change) = deployed(&mut it, "hotfix");
    it.link("amir", "bea");
    let command = ratify(&mut it, change);
    says(&it.refused_signed("bea", command), "segregation.ratified-by-approver");
}

#[test]
fn whoever_deployed_the_emergency_approves_it_after_the_event() {
    let mut it = shop();
    let (_, change) = deployed(&mut it, "hotfix");
    it.account("olu", &["deployer", "approver"]);
    let command = ratify(&mut it, change);
    says(&it.refused_signed("olu", command), "segregation.ratified-by-deployer");
}

#[test]
fn the_author_approves_after_the_event() {
    let mut it = shop();
    let (_, change) = deployed(&mut it, "hotfix");
    let command = ratify(&mut it, change);
    says(&it.refused_signed("dana", command.clone()), "segregation.author");
    says(&it.refused_signed("erik", command.clone()), "segregation.co-author");
    says(&it.refused_signed("rita", command.clone()), "segregation.requester");
    says(&it.refused("bea", command), "base.not-signed");
}

#[test]
fn an_approval_after_the_event_is_given_twice_or_where_none_is_owed() {
    let mut it = shop();
    let (_, change) = deployed(&mut it, "hotfix");
    let command = ratify(&mut it, change);
    it.signed("bea", command.clone());
    says(&it.refused_signed("cleo", command), "base.nothing-to-ratify");
    let (_, normal) = asked(&mut it, "r2", Class::Normal);
    let command = ratify(&mut it, normal);
    says(&it.refused_signed("bea", command), "base.nothing-to-ratify");
}

#[test]
fn everything_is_called_an_emergency() {
    let mut it = shop();
    let flow = Flow { budget: Some(1), ..Flow::default() };
    it.ok("admin", change::Command::PutFlow { class: Class::Emergency, flow });
    let (first, change) = deployed(&mut it, "hotfix-1");
    ended(&mut it, first);
    let command = ratify(&mut it, change);
    it.signed("bea", command);
    let (second, change) = asked(&mut it, "hotfix-2", Class::Emergency);
    approve(&mut it, "amir", change);
    says(&it.refused("omar", authorise(second)), "base.emergency-budget-spent");
    reviewed(&mut it, first);
    it.after(31 * 24 * 3600);
    let (third, change) = asked(&mut it, "hotfix-3", Class::Emergency);
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(third));
}

/// A release that nobody has approved, of high impact, in the middle of the night.
fn stuck() -> (Given, ReleaseId, ChangeId) {
    let mut it = bank();
    let (release, change) = asked(&mut it, "hotfix", Class::Normal);
    (it, release, change)
}

#[test]
fn one_person_breaks_the_glass() {
    let (mut it, release, _) = stuck();
    broken(&mut it, "olu", release, &["approvals"]);
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn two_people_break_the_glass_for_a_time_and_owe_for_it() {
    let (mut it, release, change) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    let events = it.ok("omar", authorise(release));
    let crate::core::Event::Release(release::Event::Authorised(issued)) = &events[0] else { panic!("{events:?}") };
    let gate = issued.gates.iter().find(|gate| gate.name == "approvals").expect("it was asked");
    assert_eq!(
        (gate.ruling.outcome, gate.ruling.policies.as_slice()),
        (Outcome::Pass, ["base.glass-opens".to_owned()].as_slice())
    );
    let command = start(&mut it, release);
    it.ok("olu", command);
    assert_eq!(it.world.emergency.debt(change).map(|it| it.cause), Some(Cause::BrokenGlass));
    assert_eq!(it.world.learning.review(review_of(&it, release)).map(|it| it.cause), Some(learning::Cause::Emergency));
    let command = ratify(&mut it, change);
    says(&it.refused_signed("bea", command), "segregation.ratified-by-approver");
}

#[test]
fn one_person_breaks_the_glass_and_confirms_it() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("olu", command), "segregation.glass-same-person");
}

#[test]
fn one_person_breaks_the_glass_under_two_accounts() {
    let (mut it, release, _) = stuck();
    it.link("olu", "omar");
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("omar", command), "segregation.glass-same-person");
}

#[test]
fn the_two_who_broke_the_glass_turn_out_to_be_one() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    it.ok("omar", authorise(release));
    it.link("olu", "bea");
    assert!(it.world.release.release(release).expect("it is there").permit_revoked);
    says(&it.refused("omar", authorise(release)), "base.glass-not-by-two");
}

#[test]
fn the_author_confirms_a_broken_glass() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("dana", command.clone()), "segregation.author");
    says(&it.refused_signed("erik", command.clone()), "segregation.co-author");
    says(&it.refused_signed("rita", command), "segregation.requester");
}

/// Let through by policies `base.break-glass` and `base.confirm-glass`: whoever wrote the repair may break the glass, since the second
/// person, who wrote none of it, has to confirm it; and he may not deploy it.
#[test]
fn the_author_breaks_the_glass_and_somebody_else_confirms_it() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "dana", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    it.ok("omar", authorise(release));
    let command = start(&mut it, release);
    says(&it.refused("dana", command), "segregation.author-deploys");
}

#[test]
fn a_robot_breaks_or_confirms() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("bot", command), "segregation.people-decide");
}

#[test]
fn somebody_without_a_role_breaks_or_confirms() {
    let (mut it, release, _) = stuck();
    let (glass, reason) = (it.fresh(), it.note());
    let gates = names(&["approvals"]);
    let command = Command::Break { glass, release, gates, lasts_s: 3600, reason };
    says(&it.refused_signed("nobody", command), "no-permission");
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("nobody", command), "no-permission");
}

#[test]
fn a_glass_is_broken_from_a_session_that_was_left_open() {
    let (mut it, release, _) = stuck();
    let (glass, reason) = (it.fresh(), it.note());
    let gates = names(&["approvals"]);
    let command = Command::Break { glass, release, gates, lasts_s: 3600, reason };
    says(&it.refused("olu", command), "base.not-signed");
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    says(&it.refused("bea", command), "base.not-signed");
}

#[test]
fn a_glass_is_broken_over_what_never_opens() {
    let (mut it, release, _) = stuck();
    for gate in ["artifact", "segregation", "traceability", "environment", "glass", "nonsense"] {
        let (glass, reason) = (it.fresh(), it.note());
        let gates = names(&[gate]);
        let command = Command::Break { glass, release, gates, lasts_s: 3600, reason };
        says(&it.refused_signed("olu", command), "not-by-glass");
    }
}

#[test]
fn a_glass_is_used_for_a_gate_it_does_not_name() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["calendar"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn a_glass_is_used_for_another_release() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    let (other, _) = asked(&mut it, "other", Class::Normal);
    says(&it.refused("omar", authorise(other)), "base.approvals-missing");
}

#[test]
fn a_glass_is_used_after_its_end() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    it.ok("omar", authorise(release));
    it.after(3600 - 60);
    let mut late = it.clone();
    let command = start(&mut late, release);
    late.ok("olu", command);
    it.after(60);
    let mut again = it.clone();
    let command = start(&mut again, release);
    assert!(
        again
            .refused("olu", command)
            .blockers
            .iter()
            .any(|it| it.code.contains("approvals") || it.code == "window-over")
    );
}

#[test]
fn a_glass_is_given_up_and_used() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    let reason = it.note();
    it.ok("olu", Command::End { glass, reason });
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn a_glass_is_confirmed_when_nobody_remembers_why_it_was_broken() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    it.after(31 * 60);
    let command = confirm(&mut it, glass);
    says(&it.refused_signed("bea", command), "glass-over");
}

#[test]
fn the_account_of_the_second_person_is_closed() {
    let (mut it, release, _) = stuck();
    let glass = broken(&mut it, "olu", release, &["approvals"]);
    let command = confirm(&mut it, glass);
    it.signed("bea", command);
    let account = it.id("bea");
    it.ok("admin", crate::people::Command::CloseAccount { account });
    says(&it.refused("omar", authorise(release)), "base.glass-not-by-two");
}
