//! Changes: authorship, impact, who may decide, conditions.

use super::*;
use crate::{
    artifact,
    catalog::Criticality,
    core,
    environment::Tier,
    given::{self, Given, codes, digest, identity, name, names, spec},
    people,
    reason::{Outcome, RefusalKind},
    release,
};
use interlock_ids::{ChangeId, Identity, ReleaseId};
use jiff::SignedDuration;

fn given() -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).environment("prod", Tier::Production, &[("shop", 2)]);
    given.person("dan", &["developer", "approver"], &[identity(1)]).person(
        "cora",
        &["developer", "approver"],
        &[identity(2)],
    );
    given
        .account("rita", &["release-manager", "approver"])
        .account("anna", &["approver"])
        .account("ben", &["approver"]);
    given.account("ada", &["auditor"]).robot("bot", "ben", &[identity(3)]);
    given
}

/// The change of a release of one artefact by `author`, asked for by rita.
fn change(given: &mut Given, author: Identity, co_authors: &[Identity]) -> ChangeId {
    given.ok("dan", artifact::Command::Register { artifact: given::artifact("shop", 1, author, co_authors) });
    let release: ReleaseId = given.fresh();
    let (account, note) = (Some(given.id("rita")), given.note());
    let drafted = release::Drafted { release, account, spec: spec("r1", "prod", &[("shop", digest(1))], note) };
    given.record(release::Event::Drafted(drafted.clone()));
    for command in react(&given.world, &core::Event::Release(release::Event::Drafted(drafted))) {
        given.system(command);
    }
    given.world.change.of_release(release).expect("the release has opened it").id
}

fn approve(given: &mut Given, change: ChangeId) -> Command {
    Command::Decide {
        change,
        decision: Decision::Approve,
        reason: given.note(),
        conditions: Vec::new(),
        on_behalf_of: None,
        seen: None,
    }
}

fn reject(given: &mut Given, change: ChangeId) -> Command {
    Command::Decide {
        change,
        decision: Decision::Reject,
        reason: given.note(),
        conditions: Vec::new(),
        on_behalf_of: None,
        seen: None,
    }
}

fn for_somebody(command: Command, who: interlock_ids::AccountId) -> Command {
    match command {
        Command::Decide { change, decision, reason, conditions, .. } => {
            Command::Decide { change, decision, reason, conditions, on_behalf_of: Some(who), seen: None }
        }
        other => other,
    }
}

#[test]
fn a_drafted_release_opens_a_change_whose_authors_come_from_its_commits() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[identity(2), identity(9)]);
    let it = given.world.change.change(id).expect("opened");
    assert_eq!(it.requested_by, Some(given.id("rita")));
    assert_eq!(it.authorship.authors, [given.id("dan")].into());
    assert_eq!(it.authorship.co_authors, [given.id("cora")].into());
    assert_eq!((it.authorship.unknown.clone(), it.authorship.commits), ([identity(9)].into(), 1));
    let release = it.release;
    let again = Command::Open {
        release,
        class: Class::Normal,
        services: names(&["shop"]),
        artifacts: [digest(1)].into(),
        requested_by: None,
        summary: it.summary,
    };
    assert_eq!(codes(&given.refused("rita", again.clone())), ["only-by-itself"]);
    assert!(given.system(again).is_empty(), "a release carries one change");
}

#[test]
fn nobody_approves_what_he_wrote_asked_for_or_answers_for() {
    for (who, author, co_authors, expected) in [
        ("dan", 1, vec![], "segregation.author"),
        ("cora", 1, vec![identity(2)], "segregation.co-author"),
        ("rita", 1, vec![], "segregation.requester"),
        ("ben", 3, vec![], "segregation.robot-owner"),
    ] {
        let mut given = given();
        let id = change(&mut given, identity(author), &co_authors);
        let command = approve(&mut given, id);
        let refusal = given.refused(who, command.clone());
        assert_eq!(refusal.kind, RefusalKind::Denied);
        assert!(codes(&refusal).contains(&expected), "{who}: {:?}", codes(&refusal));
        given.ok("anna", command);
    }
}

#[test]
fn another_account_of_the_author_does_not_help() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let (dan, anna) = (given.id("dan"), given.id("anna"));
    given.ok("admin", people::Command::LinkAccounts { a: dan, b: anna });
    let command = approve(&mut given, id);
    let refusal = given.refused("anna", command);
    assert!(codes(&refusal).contains(&"segregation.linked-account"), "{:?}", codes(&refusal));
}

#[test]
fn who_has_no_role_and_who_is_no_person_decides_nothing() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let (yes, no) = (approve(&mut given, id), reject(&mut given, id));
    for who in ["ada", "bot", "system"] {
        assert_eq!(given.refused(who, yes.clone()).kind, RefusalKind::Denied, "{who}");
        assert_eq!(given.refused(who, no.clone()).kind, RefusalKind::Denied, "{who}");
    }
}

#[test]
fn while_an_author_is_unknown_nobody_is_known_not_to_be_him() {
    let mut given = given();
    let id = change(&mut given, identity(9), &[]);
    let command = approve(&mut given, id);
    let refusal = given.refused("anna", command.clone());
    assert_eq!(refusal.ruling.map(|it| it.outcome), Some(Outcome::Inconclusive));
    given.person("newcomer", &["developer"], &[identity(9)]);
    given.ok("anna", command);
    let it = given.world.change.change(id).expect("opened");
    assert_eq!(authorship_now(&given.world, it).authors, [given.id("newcomer")].into());
    assert_eq!(it.approvals[0].ruling.outcome, Outcome::Pass);
}

#[test]
fn nobody_decides_twice_under_any_account_unless_he_withdraws() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    given.account("anna-too", &["approver"]);
    let (anna, too) = (given.id("anna"), given.id("anna-too"));
    given.ok("admin", people::Command::LinkAccounts { a: anna, b: too });
    let (yes, no) = (approve(&mut given, id), reject(&mut given, id));
    given.ok("anna", yes.clone());
    assert!(codes(&given.refused("anna", yes.clone())).contains(&"base.already-decided"));
    assert!(codes(&given.refused("anna-too", yes)).contains(&"base.already-decided"));
    assert_eq!(codes(&given.refused("anna", no.clone())), ["already-decided"]);
    let withdraw = Command::Withdraw { change: id, reason: given.note() };
    assert_eq!(codes(&given.refused("ben", withdraw.clone())), ["not-decided"]);
    given.ok("anna", withdraw);
    given.ok("anna", no);
}

#[test]
fn a_rejected_change_takes_no_approval_until_the_rejection_is_withdrawn() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let (yes, no) = (approve(&mut given, id), reject(&mut given, id));
    given.ok("anna", no);
    assert_eq!(given.world.change.change(id).expect("opened").status, Status::Rejected);
    assert!(codes(&given.refused("ben", yes.clone())).contains(&"base.change-not-open"));
    let withdraw = Command::Withdraw { change: id, reason: given.note() };
    given.ok("anna", withdraw);
    given.ok("ben", yes);
}

#[test]
fn a_delegation_gives_the_delegators_role_and_his_limits() {
    let mut given = given();
    given.account("deputy", &["developer"]);
    let id = change(&mut given, identity(1), &[]);
    let (anna, dan, now) = (given.id("anna"), given.id("dan"), given.now);
    let yes = approve(&mut given, id);
    let (for_anna, for_dan) = (for_somebody(yes.clone(), anna), for_somebody(yes.clone(), dan));
    assert_eq!(codes(&given.refused("deputy", for_anna.clone())), ["no-delegation"]);
    for who in ["anna", "dan"] {
        let (delegation, to) = (given.fresh(), given.id("deputy"));
        given.ok(
            who,
            people::Command::Delegate { delegation, to, from_time: now, until: now + SignedDuration::from_hours(24) },
        );
    }
    assert!(codes(&given.refused("deputy", for_dan)).contains(&"segregation.delegate-of-author"));
    assert_eq!(given.refused("deputy", yes.clone()).kind, RefusalKind::Denied, "in his own right he is no approver");
    let mut late = given.clone();
    late.after(24 * 3600);
    assert_eq!(codes(&late.refused("deputy", for_anna.clone())), ["no-delegation"]);
    given.ok("deputy", for_anna);
    assert_eq!(given.world.change.change(id).expect("opened").approvals[0].on_behalf_of, Some(anna));
    assert!(codes(&given.refused("anna", yes)).contains(&"base.already-decided"), "her decision was taken");
}

#[test]
fn on_leave_one_does_not_approve() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let (account, from_time) = (given.id("anna"), given.now);
    given.ok(
        "anna",
        people::Command::PutLeave { account, from_time, until: from_time + SignedDuration::from_hours(24) },
    );
    let command = approve(&mut given, id);
    assert_eq!(codes(&given.refused("anna", command.clone())), ["base.on-leave"]);
    given.after(24 * 3600).ok("anna", command);
}

#[test]
fn conditions_are_attached_and_met_once() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let many: Vec<_> = (0..21).map(|_| (given.fresh(), given.note())).collect();
    let with = |conditions: &[_], reason| Command::Decide {
        change: id,
        decision: Decision::Approve,
        reason,
        conditions: conditions.to_vec(),
        on_behalf_of: None,
        seen: None,
    };
    let reason = given.note();
    assert_eq!(codes(&given.refused("anna", with(&many, reason))), ["conditions"]);
    assert_eq!(codes(&given.refused("anna", with(&[many[0], many[0]], reason))), ["conditions"]);
    given.ok("anna", with(&many[..2], reason));
    let meet = Command::MeetCondition { change: id, condition: many[0].0, evidence: given.note() };
    assert_eq!(given.refused("ada", meet.clone()).kind, RefusalKind::Denied);
    given.ok("dan", meet.clone());
    assert_eq!(codes(&given.refused("dan", meet)), ["already-met"]);
    let unheard = Command::MeetCondition { change: id, condition: many[5].0, evidence: reason };
    assert_eq!(given.refused("dan", unheard).kind, RefusalKind::NotFound);
    let it = given.world.change.change(id).expect("opened");
    assert_eq!(it.conditions.iter().filter(|it| it.met.is_none()).count(), 1);
}

#[test]
fn a_change_ends_with_its_release() {
    let mut given = given();
    let id = change(&mut given, identity(1), &[]);
    let release = given.world.change.change(id).expect("opened").release;
    let cancelled = release::Event::Cancelled(release::Cancelled { release, reason: given.note() });
    given.record(cancelled.clone());
    for command in react(&given.world, &core::Event::Release(cancelled.clone())) {
        given.system(command);
    }
    assert_eq!(given.world.change.change(id).expect("opened").status, Status::Closed);
    assert!(react(&given.world, &core::Event::Release(cancelled)).is_empty());
    let command = reject(&mut given, id);
    assert_eq!(codes(&given.refused("anna", command)), ["change-not-open"]);
    let withdraw = Command::Withdraw { change: id, reason: given.note() };
    assert_eq!(codes(&given.refused("anna", withdraw)), ["change-closed"]);
}

#[test]
fn impact_counts_those_who_depend_on_what_is_touched_and_says_why() {
    let worth = |users: u64, revenue: u64, data: &[&str]| Criticality {
        users,
        revenue_per_hour: revenue,
        data_classes: names(data),
    };
    let mut given = Given::new();
    given.service_worth("log", &[], worth(10, 0, &[])).service_worth("crm", &[], worth(0, 0, &["personal"]));
    given.service_worth("books", &[], worth(500, 0, &[])).service_worth("shop", &["books"], worth(600, 999, &[]));
    given.service_worth("bank", &[], worth(0, 0, &["payment"])).service_worth("mint", &[], worth(0, 10_000, &[]));
    let of = |services: &[&str]| impact_of(&given.world, &names(services));
    assert_eq!(of(&["log"]).level, Level::Low);
    assert_eq!(of(&["crm"]).level, Level::Medium);
    let books = of(&["books"]);
    assert_eq!((books.level, books.users, books.dependants.clone()), (Level::Medium, 1100, names(&["shop"])));
    assert_eq!(books.reasons, ["medium: 1100 people use what is touched, 1000 or more"]);
    assert_eq!(of(&["shop"]).level, Level::Low, "999 of revenue and 600 people are below every threshold");
    assert_eq!(of(&["bank"]).level, Level::High);
    assert_eq!(of(&["mint"]).level, Level::High);
    assert_eq!(of(&["unheard-of"]).level, Level::High, "nothing known is not nothing at stake");
    assert_eq!(of(&["log", "crm"]).level, Level::Medium);
}

#[test]
fn dependants_alone_raise_the_impact() {
    for (count, level) in [(2, Level::Low), (3, Level::Medium), (9, Level::Medium), (10, Level::High)] {
        let mut given = Given::new();
        given.service("base", &[]);
        for index in 0..count {
            given.service(&format!("s{index}"), &["base"]);
        }
        assert_eq!(impact_of(&given.world, &[name("base")].into()).level, level, "{count}");
    }
}

#[test]
fn approvals_needed_follow_class_impact_and_environment() {
    use Class::*;
    use Level::*;
    for (class, level, production, pre_approved, needed) in [
        (Standard, Low, true, true, 0),
        (Standard, High, true, true, 0),
        (Standard, Low, true, false, 1),
        (Standard, High, true, false, 2),
        (Standard, Medium, false, false, 0),
        (Normal, Low, true, false, 1),
        (Normal, Medium, true, false, 1),
        (Normal, High, true, false, 2),
        (Normal, Low, true, true, 1),
        (Emergency, Low, true, false, 1),
        (Emergency, High, true, false, 1),
        (Emergency, High, true, true, 1),
        (Normal, Low, false, false, 0),
        (Normal, Medium, false, false, 0),
        (Normal, High, false, false, 2),
        (Emergency, Medium, false, false, 0),
        (Emergency, High, false, false, 1),
    ] {
        let found = required_approvals(class, level, production, pre_approved);
        assert_eq!(found, needed, "{class:?} {level:?} {production} {pre_approved}");
    }
}
