//! Attacks on approval, authorisation and deployment.

use super::*;
use crate::{
    core::Actor,
    people,
    reason::{Outcome, RefusalKind},
};
use jiff::SignedDuration;

fn shopped() -> (Given, ReleaseId, ChangeId) {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    (it, release, change)
}

#[test]
fn the_author_approves() {
    let (mut it, _, change) = shopped();
    says(&approve_refused(&mut it, "dana", change), "segregation.author");
}

#[test]
fn somebody_named_in_a_co_author_trailer_approves() {
    let (mut it, _, change) = shopped();
    says(&approve_refused(&mut it, "erik", change), "segregation.co-author");
}

#[test]
fn whoever_asked_for_it_approves() {
    let (mut it, _, change) = shopped();
    says(&approve_refused(&mut it, "rita", change), "segregation.requester");
}

#[test]
fn another_account_of_the_author_approves() {
    let (mut it, _, change) = shopped();
    it.link("dana", "amir");
    says(&approve_refused(&mut it, "amir", change), "segregation.linked-account");
}

#[test]
fn an_account_linked_to_an_account_linked_to_the_author_approves() {
    let (mut it, _, change) = shopped();
    it.link("dana", "nobody").link("nobody", "amir");
    says(&approve_refused(&mut it, "amir", change), "segregation.linked-account");
}

#[test]
fn another_account_of_whoever_asked_approves() {
    let (mut it, _, change) = shopped();
    it.link("rita", "amir");
    says(&approve_refused(&mut it, "amir", change), "segregation.requester");
}

/// A release of what the robot wrote.
fn by_robot() -> (Given, ChangeId) {
    let mut it = shop();
    register(&mut it, 11, 3, &[]);
    let spec = spec(&mut it, "r1", Class::Normal, 11);
    let (_, change) = asked_as(&mut it, "rita", spec);
    (it, change)
}

#[test]
fn the_owner_of_the_robot_that_wrote_it_approves() {
    let (mut it, change) = by_robot();
    says(&approve_refused(&mut it, "ben", change), "segregation.robot-owner");
}

#[test]
fn another_account_of_the_robots_owner_approves() {
    let (mut it, change) = by_robot();
    it.link("ben", "amir");
    says(&approve_refused(&mut it, "amir", change), "segregation.robot-owner");
}

#[test]
fn a_robot_with_the_role_of_an_approver_approves() {
    let (mut it, _, change) = shopped();
    let spec = people::AccountSpec {
        kind: people::AccountKind::Robot { owner: it.id("ben") },
        roles: names(&["approver"]),
        groups: names(&["team"]),
        identities: [identity(3)].into(),
    };
    let account = it.id("bot");
    it.ok("admin", people::Command::PutAccount { account, spec });
    says(&approve_refused(&mut it, "bot", change), "segregation.people-decide");
}

#[test]
fn a_token_of_a_robot_that_the_author_owns_approves() {
    let (mut it, _, change) = shopped();
    it.robot("danas-bot", "dana", &[]);
    let (account, token, hash, expires) =
        (it.id("danas-bot"), it.fresh(), digest(77), it.now + SignedDuration::from_hours(1));
    let issue = people::Command::IssueToken { token, account, name: "t".into(), hash, scopes: None, expires };
    it.ok("dana", issue);
    let actor = Actor { token: Some(token), ..Actor::account(account) };
    let command = approval(&mut it, change, None);
    let refusal = it.submit(&actor, command).expect_err("a robot of the author");
    says(&refusal, "segregation.people-decide");
    says(&refusal, "segregation.linked-account");
}

#[test]
fn a_token_limited_to_reading_approves() {
    let (mut it, _, change) = shopped();
    let actor = Actor { scopes: Some(["read".to_owned()].into()), ..it.actor("amir") };
    let command = approval(&mut it, change, None);
    says(&it.submit(&actor, command).expect_err("out of scope"), "token-scope");
}

#[test]
fn a_delegate_approves_on_behalf_of_the_author() {
    let (mut it, _, change) = shopped();
    it.delegate("dana", "amir");
    let command = approval(&mut it, change, Some("dana"));
    says(&it.refused("amir", command), "segregation.delegate-of-author");
}

#[test]
fn the_author_approves_as_the_delegate_of_somebody_independent() {
    let (mut it, _, change) = shopped();
    it.delegate("amir", "dana");
    let command = approval(&mut it, change, Some("amir"));
    says(&it.refused("dana", command), "segregation.author");
}

#[test]
fn whoever_asked_approves_as_the_delegate_of_somebody_independent() {
    let (mut it, _, change) = shopped();
    it.delegate("amir", "rita");
    let command = approval(&mut it, change, Some("amir"));
    says(&it.refused("rita", command), "segregation.requester");
}

#[test]
fn a_delegate_approves_on_behalf_of_whoever_asked() {
    let (mut it, _, change) = shopped();
    it.delegate("rita", "amir");
    let command = approval(&mut it, change, Some("rita"));
    says(&it.refused("amir", command), "segregation.requester");
}

#[test]
fn the_author_delegates_to_another_account_of_his() {
    let mut it = shop();
    it.link("dana", "amir");
    let (delegation, to, now) = (it.fresh(), it.id("amir"), it.now);
    let until = now + SignedDuration::from_hours(1);
    says(&it.refused("dana", people::Command::Delegate { delegation, to, from_time: now, until }), "to-oneself");
}

#[test]
fn a_delegation_is_used_after_its_end() {
    let (mut it, _, change) = shopped();
    it.delegate("amir", "nobody").after(25 * 3600);
    let command = approval(&mut it, change, Some("amir"));
    says(&it.refused("nobody", command), "no-delegation");
}

#[test]
fn one_person_approves_twice_under_two_accounts() {
    let mut it = bank();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    it.link("amir", "bea");
    approve(&mut it, "amir", change);
    says(&approve_refused(&mut it, "bea", change), "base.already-decided");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn somebody_approves_for_himself_and_again_through_a_delegate() {
    let (mut it, _, change) = shopped();
    it.delegate("amir", "nobody");
    approve(&mut it, "amir", change);
    let command = approval(&mut it, change, Some("amir"));
    says(&it.refused("nobody", command), "base.already-decided");
}

#[test]
fn a_commit_under_an_address_that_nobody_has_registered() {
    let mut it = shop();
    register(&mut it, 12, 9, &[]);
    let spec = spec(&mut it, "r1", Class::Normal, 12);
    let (release, change) = asked_as(&mut it, "rita", spec);
    let refusal = approve_refused(&mut it, "amir", change);
    assert_eq!(refusal.ruling.as_ref().map(|it| it.outcome), Some(Outcome::Inconclusive), "it may be his own");
    says(&it.refused("omar", authorise(release)), "segregation.authors-unknown");
}

#[test]
fn a_co_author_trailer_with_an_address_that_nobody_has_registered() {
    let mut it = shop();
    register(&mut it, 12, 1, &[9]);
    let spec = spec(&mut it, "r1", Class::Normal, 12);
    let (_, change) = asked_as(&mut it, "rita", spec);
    says(&approve_refused(&mut it, "amir", change), "fact-unknown");
}

#[test]
fn a_build_without_any_commits() {
    let mut it = shop();
    let signature = Some(Signature { key: name("ci"), text: "untrusted comment: test".into() });
    let source = None;
    let (digest, service) = (digest(13), name("checkout"));
    let artifact = Artifact { digest, service, version: "1.13".into(), size: 10, signature, source };
    it.ok("dana", artifact::Command::Register { artifact });
    let spec = spec(&mut it, "r1", Class::Normal, 13);
    let (release, change) = asked_as(&mut it, "rita", spec);
    says(&approve_refused(&mut it, "amir", change), "fact-unknown");
    let refusal = it.refused("omar", authorise(release));
    says(&refusal, "base.not-traceable");
    says(&refusal, "segregation.authors-unknown");
}

#[test]
fn the_approver_turns_out_to_be_the_author_under_another_account() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.link("amir", "dana");
    let refusal = it.refused("omar", authorise(release));
    says(&refusal, "base.approvals-missing");
    says(&refusal, "segregation.no-independent-approval");
}

#[test]
fn the_approver_turns_out_to_be_whoever_asked_under_another_account() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.link("amir", "rita");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn two_approvers_turn_out_to_be_one_person() {
    let mut it = bank();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    approve(&mut it, "amir", change);
    approve(&mut it, "bea", change);
    it.link("amir", "bea");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn accounts_are_linked_after_the_permit_was_issued() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    it.link("amir", "dana");
    let found = it.world.release.release(release).expect("it is there");
    assert!(found.permit_revoked, "what the permit rested on is gone");
    let command = start(&mut it, release);
    says(&it.refused("olu", command), "no-valid-permit");
}

#[test]
fn an_address_is_found_to_be_the_approvers_after_he_approved() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    // Dana's address moves to Amir's account, as if it had always been his.
    it.person("dana", &["developer"], &[]).person("amir", &["approver"], &[identity(1)]);
    says(&it.refused("omar", authorise(release)), "segregation.no-independent-approval");
}

#[test]
fn somebody_on_leave_approves() {
    let (mut it, _, change) = shopped();
    let (account, from_time) = (it.id("amir"), it.now);
    let until = from_time + SignedDuration::from_hours(24);
    it.ok("amir", people::Command::PutLeave { account, from_time, until });
    says(&approve_refused(&mut it, "amir", change), "base.on-leave");
}

#[test]
fn the_role_is_taken_before_the_approval() {
    let (mut it, _, change) = shopped();
    it.account("amir", &["developer"]);
    says(&approve_refused(&mut it, "amir", change), "no-permission");
}

/// Let through by policy `base.decide-change`: an approval is judged by the role its giver had, and the ruling is in the entry; what
/// is judged again each time is whether he is independent.
#[test]
fn the_role_is_taken_after_the_approval() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.account("amir", &["auditor"]);
    it.ok("omar", authorise(release));
    let ruling = &it.world.change.change(change).expect("it is there").approvals[0].ruling;
    assert_eq!(ruling.policies, ["base.decide-change"]);
}

#[test]
fn an_administrator_makes_the_author_an_approver() {
    let (mut it, _, change) = shopped();
    it.person("dana", &["administrator", "approver"], &[identity(1)]);
    says(&approve_refused(&mut it, "dana", change), "segregation.author");
}

#[test]
fn a_closed_account_approves() {
    let (mut it, _, change) = shopped();
    let account = it.id("amir");
    it.ok("admin", people::Command::CloseAccount { account });
    says(&approve_refused(&mut it, "amir", change), "account-needed");
}

#[test]
fn interlock_itself_is_made_to_approve() {
    let (mut it, _, change) = shopped();
    let command = approval(&mut it, change, None);
    assert_eq!(it.refused("system", command).kind, RefusalKind::Denied);
}

/// A release that is approved by Amir and authorised by Omar.
fn authorised() -> (Given, ReleaseId) {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    (it, release)
}

#[test]
fn the_author_authorises() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    says(&it.refused("dana", authorise(release)), "segregation.author-authorises");
}

#[test]
fn the_author_deploys() {
    let (mut it, release) = authorised();
    let command = start(&mut it, release);
    says(&it.refused("dana", command), "segregation.author-deploys");
}

#[test]
fn another_account_of_the_author_deploys() {
    let (mut it, release) = authorised();
    it.account("danas-other", &["deployer"]).link("dana", "danas-other");
    let command = start(&mut it, release);
    says(&it.refused("danas-other", command), "segregation.author-deploys");
}

#[test]
fn the_approver_gets_the_role_of_a_deployer_and_deploys() {
    let (mut it, release) = authorised();
    it.account("amir", &["deployer"]);
    let command = start(&mut it, release);
    says(&it.refused("amir", command), "segregation.approver-deploys");
}

#[test]
fn another_account_of_the_approver_deploys() {
    let (mut it, release) = authorised();
    it.account("amirs-other", &["deployer"]).link("amir", "amirs-other");
    let command = start(&mut it, release);
    says(&it.refused("amirs-other", command), "segregation.approver-deploys");
}

#[test]
fn whoever_delegated_the_approval_deploys() {
    let (mut it, release, change) = shopped();
    it.account("amir", &["approver", "deployer"]).delegate("amir", "nobody");
    let command = approval(&mut it, change, Some("amir"));
    it.ok("nobody", command);
    it.ok("omar", authorise(release));
    let command = start(&mut it, release);
    says(&it.refused("amir", command), "segregation.approver-deploys");
}

#[test]
fn the_role_of_the_deployer_is_taken_between_authorisation_and_start() {
    let (mut it, release) = authorised();
    it.account("olu", &["on-call"]);
    let command = start(&mut it, release);
    let refusal = it.refused("olu", command);
    says(&refusal, "base.not-a-deployer-here");
    says(&refusal, "no-permission");
}

#[test]
fn the_approval_is_withdrawn_between_authorisation_and_start() {
    let (mut it, release, change) = shopped();
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    let reason = it.note();
    it.ok("amir", change::Command::Withdraw { change, reason });
    let command = start(&mut it, release);
    says(&it.refused("olu", command), "no-valid-permit");
}
