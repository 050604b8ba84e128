//! Attacks on the board: votes, seats, quorum, what a decision rests on.

use super::*;
use crate::board::{Board, Choice, Command, Rule, Standing, decision};

/// A release of high impact, and a board of Amir, Bea, Cleo and the author, with a quorum of two.
fn convened() -> (Given, ReleaseId, ChangeId) {
    let mut it = bank();
    seat_board(&mut it, &["amir", "bea", "cleo", "dana", "erik", "ben"], 2);
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    (it, release, change)
}

#[test]
fn the_author_votes() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "dana"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("dana", command), "segregation.author");
}

#[test]
fn a_co_author_votes() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["erik"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("erik", command), "segregation.co-author");
}

#[test]
fn the_author_votes_against_so_that_the_quorum_is_there() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "dana"]);
    let Command::Vote { mut ballot, .. } = vote(&mut it, meeting, change, None) else { panic!("it is a vote") };
    ballot.choice = Choice::Abstain;
    says(&it.refused_signed("dana", Command::Vote { meeting, change, ballot }), "segregation.author");
}

#[test]
fn whoever_asked_for_it_votes() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "rita"], 1);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    let meeting = meeting(&mut it, change, &["rita"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("rita", command), "segregation.requester");
}

#[test]
fn another_account_of_the_author_votes() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    it.link("amir", "dana");
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("amir", command), "segregation.linked-account");
}

#[test]
fn the_owner_of_the_robot_that_wrote_it_votes() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "ben"], 1);
    register(&mut it, 11, 3, &[]);
    let spec = spec(&mut it, "r1", Class::Normal, 11);
    let (_, change) = asked_as(&mut it, "rita", spec);
    let meeting = meeting(&mut it, change, &["ben"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("ben", command), "segregation.robot-owner");
}

#[test]
fn a_delegate_of_the_author_sits_and_votes_for_him() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    it.delegate("dana", "nobody");
    let dana = it.id("dana");
    it.ok("nobody", Command::Join { meeting, on_behalf_of: Some(dana) });
    let command = vote(&mut it, meeting, change, Some("dana"));
    says(&it.refused_signed("nobody", command), "segregation.delegate-of-author");
}

#[test]
fn the_author_sits_and_votes_for_somebody_independent() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    it.delegate("bea", "dana");
    let bea = it.id("bea");
    it.ok("dana", Command::Join { meeting, on_behalf_of: Some(bea) });
    let command = vote(&mut it, meeting, change, Some("bea"));
    says(&it.refused_signed("dana", command), "segregation.author");
}

#[test]
fn one_person_is_made_a_member_twice() {
    let mut it = bank();
    it.link("amir", "bea");
    let members = [it.id("amir"), it.id("bea")].into();
    let chairs = [it.id("rita")].into();
    let board = Board { name: name("cab"), members, chairs, quorum: 2, rule: Rule::Majority };
    let refusal = it.refused("admin", Command::PutBoard { board });
    says(&refusal, "same-person");
    says(&refusal, "quorum-out-of-range");
}

#[test]
fn a_robot_is_made_a_member() {
    let mut it = bank();
    let (members, chairs) = ([it.id("amir"), it.id("bot")].into(), [it.id("rita")].into());
    let board = Board { name: name("cab"), members, chairs, quorum: 1, rule: Rule::Majority };
    says(&it.refused("admin", Command::PutBoard { board }), "not-a-person");
}

#[test]
fn one_person_takes_two_seats_under_two_accounts() {
    let (mut it, _, change) = convened();
    it.link("amir", "bea");
    let meeting = meeting(&mut it, change, &["amir"]);
    says(&it.refused("bea", Command::Join { meeting, on_behalf_of: None }), "seated-already");
}

#[test]
fn one_delegate_takes_the_seats_of_two_members() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["cleo"]);
    it.delegate("amir", "nobody").delegate("bea", "nobody");
    let (amir, bea) = (it.id("amir"), it.id("bea"));
    it.ok("nobody", Command::Join { meeting, on_behalf_of: Some(amir) });
    says(&it.refused("nobody", Command::Join { meeting, on_behalf_of: Some(bea) }), "seated-already");
}

#[test]
fn a_member_takes_the_seat_of_another_beside_his_own() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    it.delegate("bea", "amir");
    let bea = it.id("bea");
    says(&it.refused("amir", Command::Join { meeting, on_behalf_of: Some(bea) }), "seated-already");
}

#[test]
fn the_quorum_is_made_up_of_accounts_of_one_person() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "bea"]);
    let command = vote(&mut it, meeting, change, None);
    it.signed("amir", command);
    it.link("amir", "bea");
    let refusal = it.refused("rita", Command::Conclude { meeting, change });
    says(&refusal, "no-quorum");
    assert!(refusal.blockers[0].message.contains("as the same person"), "{}", refusal.blockers[0].message);
}

#[test]
fn the_quorum_is_made_up_with_the_author() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "dana"]);
    let command = vote(&mut it, meeting, change, None);
    it.signed("amir", command);
    says(&it.refused("rita", Command::Conclude { meeting, change }), "no-quorum");
}

#[test]
fn two_accounts_of_one_person_vote() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "bea", "cleo"]);
    let command = vote(&mut it, meeting, change, None);
    it.signed("amir", command);
    it.link("amir", "bea");
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("bea", command), "base.voted-already");
}

#[test]
fn the_votes_turn_out_to_be_of_one_person_after_the_decision() {
    let (mut it, release, change) = convened();
    boarded(&mut it, change, &["amir", "bea"]);
    it.ok("omar", authorise(release));
    it.link("amir", "bea");
    assert!(matches!(decision(&it.world, change), Standing::Void { .. }));
    assert!(it.world.release.release(release).expect("it is there").permit_revoked);
    says(&it.refused("omar", authorise(release)), "base.board-void");
}

#[test]
fn a_voter_turns_out_to_be_the_author_after_the_decision() {
    let (mut it, release, change) = convened();
    boarded(&mut it, change, &["amir", "bea"]);
    it.link("amir", "dana");
    says(&it.refused("omar", authorise(release)), "base.board-void");
}

#[test]
fn somebody_votes_who_is_no_member() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("olu", command), "base.not-seated");
    says(&it.refused("olu", Command::Join { meeting, on_behalf_of: None }), "not-a-member");
}

#[test]
fn a_member_votes_who_has_not_come() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("bea", command), "base.not-seated");
}

#[test]
fn somebody_votes_from_a_session_that_was_left_open() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused("amir", command), "base.not-signed");
}

#[test]
fn somebody_votes_after_the_decision() {
    let (mut it, _, change) = convened();
    let meeting = boarded(&mut it, change, &["amir", "bea"]);
    let command = vote(&mut it, meeting, change, None);
    says(&it.refused_signed("amir", command), "base.item-not-open");
}

#[test]
fn the_quorum_is_lowered_while_the_meeting_goes_on() {
    let (mut it, _, change) = convened();
    meeting(&mut it, change, &["amir"]);
    let mut board = it.world.board.board(&name("cab")).expect("it is there").clone();
    board.quorum = 1;
    says(&it.refused("admin", Command::PutBoard { board }), "meeting-open");
}

#[test]
fn what_is_voted_on_is_changed_under_the_voters_hands() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir"]);
    let found = it.world.change.change(change).expect("it is there");
    let seen = change::signing_digest(&it.world, found);
    let remark = it.note();
    let attach = change::Command::AttachDocument { change, document: name("test-report"), digest: digest(66), remark };
    it.ok("dana", attach);
    let Command::Vote { mut ballot, .. } = vote(&mut it, meeting, change, None) else { panic!("it is a vote") };
    ballot.seen = Some(seen);
    says(&it.refused_signed("amir", Command::Vote { meeting, change, ballot }), "signed-otherwise");
}

#[test]
fn the_chair_decides_without_votes() {
    let (mut it, _, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "bea"]);
    says(&it.refused("rita", Command::Conclude { meeting, change }), "no-votes");
}

#[test]
fn somebody_convenes_who_may_not() {
    let (mut it, _, change) = convened();
    let (meeting, at) = (it.fresh(), it.now);
    let call = Command::Call { meeting, board: name("cab"), at, agenda: vec![change] };
    says(&it.refused("amir", call), "no-permission");
}

#[test]
fn somebody_who_voted_for_it_deploys() {
    let (mut it, release, change) = convened();
    boarded(&mut it, change, &["amir", "bea"]);
    it.ok("omar", authorise(release));
    it.account("amir", &["deployer"]);
    let command = start(&mut it, release);
    says(&it.refused("amir", command), "segregation.approver-deploys");
}

#[test]
fn two_approvals_are_given_to_go_round_the_board() {
    let (mut it, release, change) = convened();
    approve(&mut it, "amir", change);
    approve(&mut it, "bea", change);
    says(&it.refused("omar", authorise(release)), "base.board-undecided");
}

#[test]
fn approvals_are_given_after_the_board_has_rejected() {
    let (mut it, release, change) = convened();
    let meeting = meeting(&mut it, change, &["amir", "bea"]);
    let Command::Vote { mut ballot, .. } = vote(&mut it, meeting, change, None) else { panic!("it is a vote") };
    ballot.choice = Choice::Reject;
    it.signed("amir", Command::Vote { meeting, change, ballot });
    it.ok("rita", Command::Conclude { meeting, change });
    approve(&mut it, "bea", change);
    approve(&mut it, "cleo", change);
    says(&it.refused("omar", authorise(release)), "base.board-rejected");
}

#[test]
fn a_board_that_does_not_exist_is_made_responsible() {
    let mut it = bank();
    let rule = change::BoardRule { board: name("nowhere"), from: change::Level::High };
    let flow = change::Flow { board: Some(rule), ..change::Flow::default() };
    says(&it.refused("admin", change::Command::PutFlow { class: Class::Normal, flow }), "unknown-board");
}

#[test]
fn a_release_manager_loosens_what_a_class_asks_for() {
    let (mut it, _, _) = convened();
    let flow = change::Flow::default();
    says(&it.refused("rita", change::Command::PutFlow { class: Class::Normal, flow }), "no-permission");
}

#[test]
fn a_pack_that_has_never_heard_of_boards_opens_no_board_gate() {
    let (mut it, release, change) = convened();
    let mut packs = interlock_policy::shipped();
    let gates = packs[0].files.get_mut("gates.cedar").expect("the base pack has gates");
    let from = gates.find("@id(\"base.board-undecided\")").expect("it is there");
    let until = gates.find("@id(\"base.template-missing\")").expect("it is there");
    gates.replace_range(from..until, "");
    it.ok("admin", crate::policy::Command::Install { packs });
    approve(&mut it, "amir", change);
    approve(&mut it, "bea", change);
    says(&it.refused("omar", authorise(release)), "gate-unheard-of");
}
