//! What users of other tools have asked for or complained about, in approvals and segregation: each as a test of this one. The names
//! are those of the issues in which it was said.

use super::*;
use crate::{core::owed, policy, reason::RefusalKind, release::Stage};
use interlock_policy::Pack;
use std::collections::BTreeMap as Files;

fn stage(it: &Given, id: ReleaseId) -> Stage {
    it.world.release.release(id).expect("it is there").stage
}

/// With a pack of the organisation's own beside those that are shipped.
fn with_pack(it: &mut Given, text: &str) {
    let own = Pack {
        name: "house".into(),
        version: "1.0.0".into(),
        files: Files::from([("house.cedar".to_owned(), text.to_owned())]),
    };
    let packs = interlock_policy::shipped().into_iter().chain([own]).collect();
    it.ok("admin", policy::Command::Install { packs });
}

/// akuity/kargo#3440: approval policies by groups.
#[test]
fn kargo_3440_only_a_group_may_approve() {
    let mut it = shop();
    let text = "@id(\"house.payments-approve\")\n@message(\"only the payments group approves\")\n\
                @clears(\"an approval by that group\")\n@who(\"the payments group\")\n\
                forbid (principal, action == Action::\"change.approve\", resource)\n\
                unless { principal in Group::\"payments\" };\n";
    with_pack(&mut it, text);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    says(&approve_refused(&mut it, "amir", change), "house.payments-approve");
}

/// akuity/kargo#4376, #5345, #4239: an approval was taken for a way round.
#[test]
fn kargo_4376_an_approval_opens_its_own_gate_and_no_other() {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    let reason = Some(it.note());
    it.ok("dana", artifact::Command::Quarantine { digests: vec![digest(10)], because_of: None, reason });
    approve(&mut it, "bea", change);
    says(&it.refused("omar", authorise(release)), "base.artifact-quarantined");
}

/// ansible/awx#10610: forbid that somebody approves his own.
#[test]
fn awx_10610_self_approval_is_forbidden() {
    let mut it = shop();
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    for (who, rule) in [("dana", "segregation.author"), ("rita", "segregation.requester")] {
        says(&approve_refused(&mut it, who, change), rule);
    }
}

/// ansible/awx#6843: who approves is said for each thing, not for the whole workflow.
#[test]
fn awx_6843_who_approves_depends_on_what_it_is() {
    let mut it = shop();
    let text = "@id(\"house.emergencies-by-cleo\")\n@message(\"emergencies are approved by the duty group\")\n\
                @clears(\"an approval by that group\")\n@who(\"the duty group\")\n\
                forbid (principal, action == Action::\"change.approve\", resource)\n\
                when { context.class == \"emergency\" && !(principal in Group::\"duty\") };\n";
    with_pack(&mut it, text);
    let (_, emergency) = asked(&mut it, "r1", Class::Emergency);
    let (_, normal) = asked(&mut it, "r2", Class::Normal);
    says(&approve_refused(&mut it, "amir", emergency), "house.emergencies-by-cleo");
    approve(&mut it, "amir", normal);
}

/// ansible/awx#15180: approvals collide.
#[test]
fn awx_15180_two_who_approve_at_once_both_count_once() {
    let mut it = bank();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    let (first, second) = (approval(&mut it, change, None), approval(&mut it, change, None));
    // Both were decided upon by people who saw the same state of things.
    it.ok("amir", first.clone());
    it.ok("bea", second);
    says(&it.refused("amir", first), "base.already-decided");
    it.ok("omar", authorise(release));
}

/// spinnaker/spinnaker#4792: who may judge was asked after the judging, and only if roles were configured.
#[test]
fn spinnaker_4792_who_may_decide_is_asked_before_and_always() {
    let mut it = shop();
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    let refusal = approve_refused(&mut it, "nobody", change);
    assert_eq!(refusal.kind, RefusalKind::Denied);
    says(&refusal, "no-permission");
    assert!(it.world.change.change(change).expect("it is there").approvals.is_empty());
}

/// spinnaker/spinnaker#4630: a permission to execute that is of no use.
#[test]
fn spinnaker_4630_the_right_to_deploy_is_asked_when_deploying() {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    let command = start(&mut it, release);
    says(&it.refused("nobody", command), "base.not-a-deployer-here");
}

/// rundeck/rundeck#4288, #5693: a run that waits for approval.
#[test]
fn rundeck_4288_what_waits_for_approval_waits_and_goes_on_by_itself() {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    assert_eq!(stage(&it, release), Stage::Frozen);
    assert!(owed(&it.world).iter().all(|it| !matches!(it, crate::core::Obligation::Step(_))), "nothing runs");
    approve(&mut it, "amir", change);
    assert_eq!(stage(&it, release), Stage::Ready, "the gates were looked at again by themselves");
}

/// gocd/gocd#9926: named approvers before a stage.
#[test]
fn gocd_9926_named_people_decide_for_one_environment() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "bea"], 2);
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    approve(&mut it, "cleo", change);
    says(&it.refused("omar", authorise(release)), "base.board-undecided");
    boarded(&mut it, change, &["amir", "bea"]);
    it.ok("omar", authorise(release));
}

/// OctopusDeploy/Issues#10199: a manual intervention is no change approval.
#[test]
fn octopus_10199_an_approval_is_of_a_change_with_reason_and_ruling() {
    let mut it = shop();
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    approve(&mut it, "amir", change);
    let given = &it.world.change.change(change).expect("it is there").approvals[0];
    assert_eq!(given.by, it.id("amir"));
    assert!(given.ruling.policy_set.starts_with("sha256:") && given.ruling.facts.starts_with("sha256:"));
}

/// OctopusDeploy/Issues#4564, #5666: what waits for approval blocks others, or does not.
#[test]
fn octopus_4564_what_waits_for_approval_blocks_nobody() {
    let mut it = shop();
    asked(&mut it, "waits", Class::Normal);
    let (release, change) = asked(&mut it, "goes", Class::Normal);
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
    let command = start(&mut it, release);
    it.ok("olu", command);
}

/// A public issue of 2026: the gate could be met by nobody, and that was found at the first real release.
#[test]
fn a_gate_that_nobody_can_meet_is_refused_when_it_is_made() {
    let mut it = bank();
    let (members, chairs) = ([it.id("amir")].into(), [it.id("rita")].into());
    let cab = board::Board { name: name("cab"), members, chairs, quorum: 2, rule: board::Rule::Majority };
    says(&it.refused("admin", board::Command::PutBoard { board: cab }), "quorum-out-of-range");
}

/// gitlab-org/gitlab#381418: emergency self-approval is wanted.
#[test]
fn gitlab_381418_in_an_emergency_two_people_break_the_glass_instead_of_one_approving_himself() {
    let mut it = shop();
    let (release, change) = asked(&mut it, "r1", Class::Emergency);
    says(&approve_refused(&mut it, "dana", change), "segregation.author");
    let glass = broken(&mut it, "dana", release, &["approvals"]);
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
    let command = confirm(&mut it, glass);
    it.signed("olu", command);
    it.ok("omar", authorise(release));
}

/// superplanehq/superplane#7518: two approvers who are two.
#[test]
fn superplane_7518_two_approvals_are_by_two_people() {
    let mut it = bank();
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    approve(&mut it, "amir", change);
    it.account("amirs-other", &["approver"]).link("amir", "amirs-other");
    says(&approve_refused(&mut it, "amirs-other", change), "base.already-decided");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
    approve(&mut it, "bea", change);
    it.ok("omar", authorise(release));
}

/// Octopus Approvals (preview of 2026-08-31): matching rules were merged into the union of their approvers, so one rule weakened another.
#[test]
fn octopus_approvals_another_pack_never_makes_a_rule_weaker() {
    let mut it = shop();
    let text =
        "@id(\"house.everybody-approves\")\npermit (principal, action == Action::\"change.approve\", resource);\n";
    with_pack(&mut it, text);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    says(&approve_refused(&mut it, "dana", change), "segregation.author");
    says(&approve_refused(&mut it, "bot", change), "segregation.people-decide");
}
