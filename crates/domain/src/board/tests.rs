//! A board at work: a whole meeting, what carries a motion, agendas; and what classes of change ask for beside it.

use super::*;
use crate::{
    attacks::{asked, bank, meeting, says, seat_board, shop, spec, vote},
    change::{self, BoardRule, Class, Flow, Level},
    core::Event as Any,
    given::{Given, digest, name, names},
    reason::{Meaning, Outcome, Proof, digest_of},
    release,
};
use interlock_ids::{ChangeId, MeetingId};

fn cast(it: &mut Given, who: &str, meeting: MeetingId, change: ChangeId, choice: Choice) {
    let Command::Vote { mut ballot, .. } = vote(it, meeting, change, None) else { panic!("it is a vote") };
    ballot.choice = choice;
    it.signed(who, Command::Vote { meeting, change, ballot });
}

#[test]
fn a_meeting_with_a_delegate_an_absentee_and_a_condition_from_its_call_to_its_minutes() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "bea", "cleo", "ben"], 3);
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    assert_eq!(waiting(&it.world, &name("cab")), [change]);
    let (meeting, at) = (it.fresh(), it.now);
    it.ok("rita", Command::Call { meeting, board: name("cab"), at, agenda: vec![change] });
    assert!(waiting(&it.world, &name("cab")).is_empty(), "it is on an agenda");
    it.delegate("bea", "nobody");
    let (bea, reason) = (it.id("bea"), it.note());
    it.ok("ben", Command::Excuse { meeting, reason });
    it.ok("amir", Command::Join { meeting, on_behalf_of: None });
    it.ok("nobody", Command::Join { meeting, on_behalf_of: Some(bea) });
    it.ok("rita", Command::Open { meeting });
    cast(&mut it, "amir", meeting, change, Choice::Approve);
    let (condition, text) = (it.fresh(), it.note());
    let Command::Vote { mut ballot, .. } = vote(&mut it, meeting, change, Some("bea")) else { panic!("it is a vote") };
    ballot.conditions = vec![(condition, text)];
    it.signed("nobody", Command::Vote { meeting, change, ballot });
    let refusal = it.refused("rita", Command::Conclude { meeting, change });
    says(&refusal, "no-quorum");
    let missing = &refusal.blockers[0].who;
    assert!(missing.contains(&it.id("cleo").to_string()) && missing.contains(&it.id("ben").to_string()), "{missing}");
    it.ok("cleo", Command::Join { meeting, on_behalf_of: None });
    cast(&mut it, "cleo", meeting, change, Choice::Reject);
    let events = it.ok("rita", Command::Conclude { meeting, change });
    let Any::Board(Event::Concluded(done)) = &events[0] else { panic!("{events:?}") };
    assert_eq!((done.verdict, done.approve, done.reject, done.heads, done.needed), (Verdict::Approved, 2, 1, 3, 3));
    let open = |it: &Given| it.world.change.change(change).expect("it is there").conditions.clone();
    assert_eq!((open(&it).len(), open(&it)[0].by), (1, it.id("nobody")));
    says(&it.refused("omar", release::Command::Authorise { release }), "base.conditions-open");
    let evidence = it.note();
    it.ok("dana", change::Command::MeetCondition { change, condition, evidence });
    let remarks = it.note();
    says(&it.refused("rita", Command::Close { meeting, remarks }), "not-signed");
    it.signed("rita", Command::Close { meeting, remarks });
    let found = it.world.board.meeting(meeting).expect("it is there");
    let board = it.world.board.board(&name("cab")).expect("it is there");
    let mut as_it_was = found.clone();
    (as_it_was.status, as_it_was.closed, as_it_was.signature) = (MeetingStatus::Open, None, None);
    let minutes = digest_of(&minutes_of(&as_it_was, board.members.iter().copied()));
    let signature = found.signature.as_ref().expect("it is signed");
    assert_eq!((signature.signed, signature.meaning), (minutes, Meaning::Responsibility));
    assert_eq!(found.minutes, Some(minutes), "anybody can make the minutes again and compare");
    it.ok("omar", release::Command::Authorise { release });
}

#[test]
fn a_signature_says_who_when_what_it_means_how_it_was_proved_and_what_was_signed() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "bea"], 1);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    let meeting = meeting(&mut it, change, &["amir"]);
    let found = it.world.change.change(change).expect("it is there");
    let signed = change::signing_digest(&it.world, found);
    cast(&mut it, "amir", meeting, change, Choice::Reject);
    let vote = &it.world.board.meeting(meeting).and_then(|it| it.item(change)).expect("it is there").votes[0];
    let signature = &vote.signature;
    assert_eq!((vote.by, signature.at, signature.meaning), (it.id("amir"), it.now, Meaning::Rejection));
    assert_eq!((signature.proof, signature.signed), (Proof::Password, signed));
}

#[test]
fn until_it_is_concluded_one_may_think_again() {
    let mut it = bank();
    seat_board(&mut it, &["amir", "bea"], 2);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    let meeting = meeting(&mut it, change, &["amir", "bea"]);
    cast(&mut it, "amir", meeting, change, Choice::Approve);
    cast(&mut it, "amir", meeting, change, Choice::Reject);
    let events = it.ok("rita", Command::Conclude { meeting, change });
    let Any::Board(Event::Concluded(done)) = &events[0] else { panic!("{events:?}") };
    assert_eq!((done.approve, done.reject, done.verdict), (0, 1, Verdict::Rejected));
}

#[test]
fn what_carries_a_motion_is_what_the_board_says() {
    use Choice::*;
    for (rule, votes, verdict) in [
        (Rule::Majority, vec![Approve, Reject], Verdict::Rejected),
        (Rule::Majority, vec![Approve, Approve, Reject], Verdict::Approved),
        (Rule::Majority, vec![Approve, Abstain, Abstain], Verdict::Approved),
        (Rule::TwoThirds, vec![Approve, Approve, Reject], Verdict::Approved),
        (Rule::TwoThirds, vec![Approve, Reject, Abstain], Verdict::Rejected),
        (Rule::Unanimous, vec![Approve, Approve, Reject], Verdict::Rejected),
        (Rule::Unanimous, vec![Approve, Approve, Abstain], Verdict::Approved),
    ] {
        let mut it = bank();
        let members = ["amir", "bea", "cleo"];
        seat_board(&mut it, &members, 1);
        let mut board = it.world.board.board(&name("cab")).expect("it is there").clone();
        board.rule = rule;
        it.ok("admin", Command::PutBoard { board });
        let (_, change) = asked(&mut it, "r1", Class::Normal);
        let meeting = meeting(&mut it, change, &members[..votes.len()]);
        for (who, choice) in members.iter().zip(&votes) {
            cast(&mut it, who, meeting, change, *choice);
        }
        let events = it.ok("rita", Command::Conclude { meeting, change });
        let Any::Board(Event::Concluded(done)) = &events[0] else { panic!("{events:?}") };
        assert_eq!(done.verdict, verdict, "{rule:?} {votes:?}");
    }
}

#[test]
fn what_is_not_decided_waits_for_another_meeting() {
    let mut it = bank();
    seat_board(&mut it, &["amir"], 1);
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    let first = meeting(&mut it, change, &["amir"]);
    let (second, at) = (it.fresh(), it.now);
    let call = Command::Call { meeting: second, board: name("cab"), at, agenda: vec![change] };
    says(&it.refused("rita", call.clone()), "on-another-agenda");
    let remarks = it.note();
    it.signed("rita", Command::Close { meeting: first, remarks });
    assert_eq!(waiting(&it.world, &name("cab")), [change]);
    it.ok("rita", call);
    let reason = it.note();
    it.ok("rita", Command::CallOff { meeting: second, reason });
    says(&it.refused("amir", Command::Join { meeting: second, on_behalf_of: None }), "meeting-status");
}

#[test]
fn an_agenda_names_changes_that_are_open_each_once_and_keeps_what_was_voted_on() {
    let mut it = bank();
    seat_board(&mut it, &["amir"], 1);
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    let (_, other) = asked(&mut it, "r2", Class::Normal);
    let meeting = meeting(&mut it, change, &["amir"]);
    cast(&mut it, "amir", meeting, change, Choice::Approve);
    let (unheard, agenda) = (it.fresh(), |agenda: &[ChangeId]| Command::SetAgenda { meeting, agenda: agenda.to_vec() });
    says(&it.refused("rita", agenda(&[other])), "voted-on");
    says(&it.refused("rita", agenda(&[change, change])), "named-twice");
    says(&it.refused("rita", agenda(&[change, unheard])), "not-found");
    it.ok("rita", agenda(&[other, change]));
    let reason = it.note();
    it.ok("rita", release::Command::Cancel { release, reason });
    says(&it.refused("rita", agenda(&[change])), "change-closed");
}

#[test]
fn the_most_urgent_change_waits_in_front() {
    let mut it = bank();
    seat_board(&mut it, &["amir"], 1);
    let (late, _) = (asked(&mut it, "late", Class::Normal), ());
    let draft = it.fresh();
    let unplanned = spec(&mut it, "unplanned", Class::Normal, 10);
    it.ok("rita", release::Command::Draft { release: draft, spec: unplanned });
    let soon = asked(&mut it, "soon", Class::Normal);
    let start = it.now + jiff::SignedDuration::from_hours(48);
    it.ok("rita", release::Command::Plan { release: late.0, start });
    let unplanned = it.world.change.by_release[&draft];
    assert_eq!(waiting(&it.world, &name("cab")), [soon.1, late.1, unplanned]);
}

/// What the gate of this name says of a release now.
fn gate(it: &Given, release: interlock_ids::ReleaseId, named: &str) -> Option<(Outcome, String)> {
    let found = it.world.release.release(release).expect("it is there");
    let gate = release::gates(&it.world, found, it.now).into_iter().find(|gate| gate.name == named)?;
    Some((
        gate.ruling.outcome,
        gate.ruling.blockers.iter().map(|it| format!("{}; {}", it.message, it.clears)).collect(),
    ))
}

#[test]
fn classes_ask_for_a_lead_time_and_for_documents_and_emergencies_for_no_lead_time() {
    let mut it = shop();
    let flow = Flow { lead_time_s: 2 * 86_400, documents: names(&["test-report", "risk-note"]), ..Flow::default() };
    it.ok("admin", change::Command::PutFlow { class: Class::Normal, flow: flow.clone() });
    says(&it.refused("admin", change::Command::PutFlow { class: Class::Emergency, flow }), "lead-time-out-of-range");
    let (release, change) = asked(&mut it, "r1", Class::Normal);
    let (emergency, _) = asked(&mut it, "r2", Class::Emergency);
    assert_eq!((gate(&it, emergency, "lead-time"), gate(&it, emergency, "documents")), (None, None));
    let (outcome, told) = gate(&it, release, "lead-time").expect("its class asks for it");
    assert_eq!(outcome, Outcome::Fail);
    assert!(told.contains("at least 2 days") && told.contains("2026-03-04T09:00:00Z or later"), "{told}");
    let (outcome, told) = gate(&it, release, "documents").expect("its class asks for them");
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(told.contains("risk-note, test-report"), "{told}");
    for kind in ["test-report", "risk-note"] {
        let remark = it.note();
        let attach = change::Command::AttachDocument { change, document: name(kind), digest: digest(66), remark };
        says(&it.refused("nobody", attach.clone()), "no-permission");
        it.ok("dana", attach);
    }
    assert_eq!(gate(&it, release, "documents").map(|it| it.0), Some(Outcome::Pass));
    let start = it.now + jiff::SignedDuration::from_hours(48);
    it.ok("rita", release::Command::Plan { release, start });
    assert_eq!(gate(&it, release, "lead-time").map(|it| it.0), Some(Outcome::Pass));
}

#[test]
fn approvals_are_signed_where_their_class_asks_for_it() {
    let mut it = shop();
    let flow = Flow { signed: true, ..Flow::default() };
    it.ok("admin", change::Command::PutFlow { class: Class::Normal, flow });
    let (_, change) = asked(&mut it, "r1", Class::Normal);
    says(&crate::attacks::approve_refused(&mut it, "amir", change), "not-signed");
    let command = crate::attacks::approval(&mut it, change, None);
    it.signed("amir", command);
    let given = &it.world.change.change(change).expect("it is there").approvals[0];
    assert_eq!(given.signature.as_ref().map(|it| it.meaning), Some(Meaning::Approval));
}

#[test]
fn a_flow_that_cannot_be_is_refused_with_everything_that_is_wrong() {
    let mut it = shop();
    let board = Some(BoardRule { board: name("nowhere"), from: Level::Low });
    let documents = (0..21).map(|number| name(&format!("d{number}"))).collect();
    let flow = Flow { lead_time_s: 91 * 86_400, documents, board, ratify_within_s: 1, ..Flow::default() };
    let refusal = it.refused("admin", change::Command::PutFlow { class: Class::Normal, flow });
    for code in ["lead-time-out-of-range", "count", "unknown-board", "due-out-of-range"] {
        says(&refusal, code);
    }
}
