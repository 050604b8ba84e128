//! Accounts, tokens and delegations: who may, and what is refused.

use super::*;
use crate::{
    core::{Actor, By},
    given::{Given, codes, digest, identity, names, time},
    policy::{self, Question, ask},
    reason::{Outcome, Refusal, RefusalKind},
};
use interlock_ids::{AccountId, Digest};
use jiff::{SignedDuration, Timestamp};

fn given() -> Given {
    let mut given = Given::new();
    given.account("rita", &["release-manager"]).account("anna", &["approver"]).person(
        "dan",
        &["developer"],
        &[identity(1)],
    );
    given
}

fn human(roles: &[&str]) -> AccountSpec {
    AccountSpec {
        kind: AccountKind::Human,
        roles: names(roles),
        groups: Default::default(),
        identities: Default::default(),
    }
}

fn token(given: &mut Given, who: &str, seed: u8) -> Command {
    Command::IssueToken {
        token: given.fresh(),
        account: given.id(who),
        name: "build".into(),
        hash: digest(seed),
        scopes: Some(["read".to_owned(), "token.issue".to_owned()].into()),
        expires: given.now + SignedDuration::from_hours(24),
    }
}

fn with_token(
    mut command: Command,
    change: impl FnOnce(&mut Option<std::collections::BTreeSet<String>>, &mut Timestamp, &mut String),
) -> Command {
    if let Command::IssueToken { scopes, expires, name, .. } = &mut command {
        change(scopes, expires, name);
    }
    command
}

#[test]
fn a_ledger_is_begun_once_and_by_interlock_itself() {
    let mut given = Given::new();
    let until = given.now + SignedDuration::from_hours(1);
    let found = Command::Found {
        organisation: "Other".into(),
        time_zone_data: "2026f".into(),
        setup: digest(1),
        setup_until: until,
    };
    assert_eq!(codes(&given.refused("admin", found.clone())), ["only-by-itself"]);
    assert_eq!(codes(&given.refused("system", found)), ["already-founded"]);
}

#[test]
fn the_one_time_link_makes_one_administrator_and_then_no_other() {
    let claim = |secret: Digest, account: AccountId| Command::ClaimSetup { secret, account, spec: human(&[]) };
    let mut given = Given::new();
    let account = given.fresh();
    assert_eq!(codes(&given.refused("system", claim(digest(255), account))), ["setup-claimed"]);
    let mut fresh = given.clone();
    fresh.world.people = State::default();
    let until = fresh.now + SignedDuration::from_hours(1);
    fresh.system(Command::Found {
        organisation: "New".into(),
        time_zone_data: "2026f".into(),
        setup: digest(7),
        setup_until: until,
    });
    assert_eq!(codes(&fresh.refused("system", claim(digest(8), account))), ["setup-secret"]);
    let mut late = fresh.clone();
    late.after(3600);
    assert_eq!(codes(&late.refused("system", claim(digest(7), account))), ["setup-expired"]);
    fresh.system(claim(digest(7), account));
    assert!(fresh.world.people.account(account).is_some_and(|it| it.roles.contains("administrator")));
    assert_eq!(codes(&fresh.refused("system", claim(digest(7), account))), ["setup-claimed"]);
}

#[test]
fn only_administrators_manage_accounts() {
    let mut given = given();
    let account = given.fresh();
    let put = Command::PutAccount { account, spec: human(&["developer"]) };
    assert_eq!(given.refused("rita", put.clone()).kind, RefusalKind::Denied);
    given.ok("admin", put.clone());
    assert!(given.ok("admin", put).is_empty(), "the same again changes nothing");
}

#[test]
fn an_address_belongs_to_one_account() {
    let mut given = given();
    let (account, dan) = (given.fresh(), given.id("dan"));
    let spec = AccountSpec { identities: [identity(1)].into(), ..human(&[]) };
    let refusal = given.refused("admin", Command::PutAccount { account, spec });
    assert_eq!((refusal.kind, codes(&refusal)), (RefusalKind::Blocked, vec!["identity-taken"]));
    assert!(refusal.blockers[0].message.contains(&dan.to_string()));
}

#[test]
fn an_account_is_refused_with_everything_that_is_wrong_with_it() {
    let mut given = given();
    given.robot("bot", "dan", &[]);
    let (dan, bot) = (given.id("dan"), given.id("bot"));
    let spec = AccountSpec { kind: AccountKind::Robot { owner: bot }, roles: names(&["wizard"]), ..human(&[]) };
    let refusal = given.refused("admin", Command::PutAccount { account: dan, spec });
    assert_eq!(codes(&refusal), ["kind-changed", "robot-owner", "unknown-role"]);
}

#[test]
fn there_is_always_an_administrator_and_a_robot_always_has_an_owner() {
    let mut given = given();
    given.robot("bot", "dan", &[]);
    let (admin, dan, bot) = (given.id("admin"), given.id("dan"), given.id("bot"));
    assert_eq!(codes(&given.refused("admin", Command::CloseAccount { account: admin })), ["last-administrator"]);
    assert_eq!(
        codes(&given.refused("admin", Command::PutAccount { account: admin, spec: human(&[]) })),
        ["last-administrator"]
    );
    assert_eq!(codes(&given.refused("admin", Command::CloseAccount { account: dan })), ["owns-robot"]);
    given.ok("admin", Command::CloseAccount { account: bot });
    given.ok("admin", Command::CloseAccount { account: dan });
    given.account("second", &["administrator"]);
    given.ok("second", Command::CloseAccount { account: admin });
    assert_eq!(
        codes(&given.refused("second", Command::PutAccount { account: dan, spec: human(&[]) })),
        ["account-closed"]
    );
}

#[test]
fn a_closed_account_may_nothing_and_its_tokens_end() {
    let mut given = given();
    let issue = token(&mut given, "rita", 9);
    given.ok("rita", issue);
    let (rita, now) = (given.id("rita"), given.now);
    assert!(given.world.people.token(&digest(9), now).is_some());
    given.ok("admin", Command::CloseAccount { account: rita });
    assert!(given.world.people.token(&digest(9), now).is_none());
    let ruling = ask(&given.world, &given.actor("rita"), Question::new("service.manage", "Service", "shop"));
    assert_eq!(ruling.outcome, Outcome::Fail);
}

#[test]
fn linked_accounts_are_one_person_whichever_way_and_however_far() {
    let mut given = given();
    given.robot("bot", "dan", &[]);
    let [rita, anna, dan, bot] = ["rita", "anna", "dan", "bot"].map(|who| given.id(who));
    assert!(!given.world.people.same_person(rita, dan));
    given.ok("admin", Command::LinkAccounts { a: rita, b: anna });
    given.ok("admin", Command::LinkAccounts { a: dan, b: anna });
    assert!(given.ok("admin", Command::LinkAccounts { a: anna, b: rita }).is_empty());
    for other in [anna, dan, bot] {
        assert!(given.world.people.same_person(rita, other) && given.world.people.same_person(other, rita));
    }
    assert_eq!(codes(&given.refused("admin", Command::LinkAccounts { a: dan, b: dan })), ["same-account"]);
    assert_eq!(given.refused("rita", Command::LinkAccounts { a: dan, b: rita }).kind, RefusalKind::Denied);
}

#[test]
fn tokens_are_issued_for_oneself_for_ones_robot_or_by_an_administrator() {
    let mut given = given();
    given.robot("bot", "dan", &[]);
    let mut seed = 20;
    for (who, whose, may) in [
        ("dan", "dan", true),
        ("dan", "bot", true),
        ("admin", "dan", true),
        ("rita", "dan", false),
        ("rita", "bot", false),
        ("bot", "dan", false),
        ("system", "dan", false),
    ] {
        seed += 1;
        let issue = token(&mut given, whose, seed);
        let actor = given.actor(who);
        assert_eq!(given.submit(&actor, issue).is_ok(), may, "{who} for {whose}");
    }
}

#[test]
fn a_token_is_refused_with_everything_that_is_wrong_with_it() {
    let mut given = given();
    let issue = token(&mut given, "dan", 30);
    let wrong = with_token(issue.clone(), |scopes, expires, name| {
        *scopes = Some(["fly".to_owned(), "gate.calendar".to_owned()].into());
        *expires += SignedDuration::from_hours(366 * 24);
        name.clear();
    });
    assert_eq!(codes(&given.refused("dan", wrong)), ["bad-text", "unknown-scope", "unknown-scope", "too-long"]);
    let past = with_token(issue.clone(), |_, expires, _| *expires = time("2026-03-02T09:00:00Z"));
    assert_eq!(codes(&given.refused("dan", past)), ["in-the-past"]);
    given.ok("dan", issue.clone());
    assert_eq!(codes(&given.refused("dan", issue)), ["token-known"]);
}

#[test]
fn a_token_never_lets_one_make_a_wider_token() {
    let mut given = given();
    let scoped = |given: &Given, scopes: &[&str]| Actor {
        scopes: Some(scopes.iter().map(|it| (*it).to_owned()).collect()),
        ..given.actor("dan")
    };
    let unlimited = with_token(token(&mut given, "dan", 40), |scopes, _, _| *scopes = None);
    let narrow = token(&mut given, "dan", 41);
    let actor = scoped(&given, &["read", "token.issue"]);
    let refusal = given.submit(&actor, unlimited.clone()).expect_err("it is wider");
    assert_eq!(codes(&refusal), ["wider-scope"]);
    let reader = scoped(&given, &["read"]);
    let refusal = given.submit(&reader, narrow.clone()).expect_err("it may only read");
    assert!(codes(&refusal).contains(&"token-scope"));
    given.submit(&actor, narrow).expect("it is no wider");
    given.ok("dan", unlimited);
}

#[test]
fn a_token_can_be_revoked_by_its_owner_and_by_itself() {
    let mut given = given();
    let issue = token(&mut given, "dan", 50);
    given.ok("dan", issue);
    let id = *given.world.people.token_by_hash.get(&digest(50)).expect("issued");
    assert_eq!(given.refused("rita", Command::RevokeToken { token: id }).kind, RefusalKind::Denied);
    let itself =
        Actor { by: By::Account(given.id("dan")), token: Some(id), scopes: Some(Default::default()), proof: None };
    given.submit(&itself, Command::RevokeToken { token: id }).expect("it gives itself up");
    assert!(given.world.people.token(&digest(50), given.now).is_none());
    assert!(given.ok("dan", Command::RevokeToken { token: id }).is_empty());
}

#[test]
fn decisions_are_delegated_to_another_person_for_at_most_ninety_days() {
    let mut given = given();
    given.account("ben", &["approver"]).account("anna-too", &[]);
    let (anna, too) = (given.id("anna"), given.id("anna-too"));
    given.ok("admin", Command::LinkAccounts { a: anna, b: too });
    let now = given.now;
    let mut delegate = |who: &str, to: &str, hours: i64| {
        let (delegation, to) = (given.fresh(), given.id(to));
        let command =
            Command::Delegate { delegation, to, from_time: now, until: now + SignedDuration::from_hours(hours) };
        let actor = given.actor(who);
        given.submit(&actor, command).map_err(|it: Refusal| codes(&it).join(" "))
    };
    assert_eq!(delegate("anna", "anna", 24), Err("to-oneself".into()));
    assert_eq!(delegate("anna", "anna-too", 24), Err("to-oneself".into()));
    assert_eq!(delegate("anna", "ben", 90 * 24 + 1), Err("too-long".into()));
    assert_eq!(delegate("anna", "ben", 0), Err("in-the-past no-length".into()));
    assert!(delegate("anna-too", "ben", 24).is_err(), "no role, nothing to delegate");
    assert!(delegate("anna", "ben", 90 * 24).is_ok());
    let ben = given.id("ben");
    let delegation = given.world.people.delegations_to(ben, now).next().expect("in force").id;
    assert_eq!(given.world.people.delegations_to(ben, now + SignedDuration::from_hours(90 * 24)).count(), 0);
    assert_eq!(given.refused("dan", Command::EndDelegation { delegation }).kind, RefusalKind::Denied);
    given.ok("ben", Command::EndDelegation { delegation });
    assert_eq!(given.world.people.delegations_to(ben, now).count(), 0);
}

#[test]
fn leave_is_entered_by_oneself_or_by_an_administrator() {
    let mut given = given();
    let (anna, from_time) = (given.id("anna"), given.now);
    let leave = Command::PutLeave { account: anna, from_time, until: from_time + SignedDuration::from_hours(48) };
    assert_eq!(given.refused("rita", leave.clone()).kind, RefusalKind::Denied);
    given.ok("anna", leave.clone());
    assert!(given.ok("admin", leave).is_empty());
    assert!(given.world.people.on_leave(anna, from_time));
    assert!(!given.world.people.on_leave(anna, from_time + SignedDuration::from_hours(48)));
    let backwards = Command::PutLeave { account: anna, from_time, until: from_time };
    assert_eq!(codes(&given.refused("anna", backwards)), ["no-length"]);
}

// ------------------------------------------------------------------ asking

#[test]
fn without_a_policy_set_nothing_is_permitted_and_nothing_is_denied() {
    let mut given = given();
    given.world.policy = policy::State::default();
    let ruling = ask(&given.world, &given.actor("admin"), Question::new("account.manage", "Account", "x"));
    assert_eq!((ruling.outcome, ruling.blockers[0].code.as_str()), (Outcome::Inconclusive, "no-policy-set"));
    let account = given.fresh();
    assert_eq!(given.refused("admin", Command::PutAccount { account, spec: human(&[]) }).kind, RefusalKind::Denied);
}

#[test]
fn a_token_may_only_what_its_scopes_say_and_its_account_may() {
    let given = given();
    let ask_as = |who: &str, scopes: &[&str]| {
        let actor = Actor { scopes: Some(scopes.iter().map(|it| (*it).to_owned()).collect()), ..given.actor(who) };
        let ruling = ask(&given.world, &actor, Question::new("service.manage", "Service", "shop"));
        (ruling.outcome, ruling.blockers.iter().any(|it| it.code == "token-scope"))
    };
    assert_eq!(ask_as("rita", &["service.manage"]), (Outcome::Pass, false));
    assert_eq!(ask_as("rita", &["read"]), (Outcome::Fail, true));
    assert_eq!(ask_as("rita", &[]), (Outcome::Fail, true));
    assert_eq!(ask_as("dan", &["service.manage"]), (Outcome::Fail, false));
}

#[test]
fn a_ruling_names_the_set_and_the_facts_it_rests_on() {
    let given = given();
    let ruling = ask(&given.world, &given.actor("rita"), Question::new("service.manage", "Service", "shop"));
    assert_eq!(ruling.policy_set, given.world.policy.set().expect("installed").digest());
    assert!(ruling.facts.starts_with("sha256:"));
    assert_eq!(ruling.policies, ["base.keep-services-calendars-pipelines"]);
    let unheard = ask(&given.world, &given.actor("rita"), Question::new("service.conjure", "Service", "shop"));
    assert_eq!((unheard.outcome, unheard.blockers.len()), (Outcome::Inconclusive, 1));
}

#[test]
fn a_policy_set_that_does_not_compile_is_refused_with_every_error_and_the_same_again_changes_nothing() {
    let mut given = given();
    let mut packs = interlock_policy::shipped();
    assert!(given.ok("admin", policy::Command::Install { packs: packs.clone() }).is_empty());
    assert_eq!(given.refused("rita", policy::Command::Install { packs: packs.clone() }).kind, RefusalKind::Denied);
    assert_eq!(given.refused("system", policy::Command::Install { packs: packs.clone() }).kind, RefusalKind::Denied);
    assert_eq!(codes(&given.refused("admin", policy::Command::Install { packs: vec![] })), ["no-packs"]);
    packs[0].files.insert("one.cedar".into(), "permit (".into());
    packs[1].files.insert("two.cedar".into(), "forbid (".into());
    let refusal = given.refused("admin", policy::Command::Install { packs });
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert!(
        ["one.cedar", "two.cedar"].iter().all(|file| refusal.blockers.iter().any(|it| it.message.contains(file))),
        "{refusal:#?}"
    );
}

#[test]
fn a_person_is_erased_once_by_who_may_and_the_account_stays_closed_with_what_it_did() {
    let mut given = given();
    let (dan, reason) = (given.id("dan"), given.note());
    let erase = |account| Command::ErasePerson { account, basis: Basis::Request, reason };
    for who in ["rita", "dan", "anna"] {
        assert_eq!(given.refused(who, erase(dan)).kind, RefusalKind::Denied, "{who}");
    }
    given.ok(
        "admin",
        Command::PutLeave { account: dan, from_time: given.now, until: given.now + SignedDuration::from_hours(9) },
    );
    let events = given.ok("admin", erase(dan));
    assert_eq!(
        events.iter().map(|it| it.kind()).collect::<Vec<_>>(),
        ["people.account_closed", "people.person_erased"]
    );
    let known = given.world.people.account(dan).cloned().expect("the account stays");
    assert!(known.closed && known.erased == Some(given.world.position - 1) && known.leave.is_empty());
    // Who wrote what is still told apart.
    assert_eq!(given.world.people.author(&identity(1)), Some(dan));
    assert!(given.ok("admin", erase(dan)).is_empty());
    assert_eq!(
        codes(&given.refused("admin", Command::PutAccount { account: dan, spec: human(&[]) })),
        ["account-closed"]
    );
    let nobody = given.fresh();
    assert_eq!(given.refused("admin", erase(nobody)).kind, RefusalKind::NotFound);
}

#[test]
fn nobody_is_erased_who_is_needed_or_who_is_no_person() {
    let mut given = given();
    given.robot("ci", "dan", &[]);
    let (admin, dan, ci, reason) = (given.id("admin"), given.id("dan"), given.id("ci"), given.note());
    let erase = |account| Command::ErasePerson { account, basis: Basis::Other, reason };
    assert_eq!(codes(&given.refused("admin", erase(admin))), ["last-administrator"]);
    assert_eq!(codes(&given.refused("admin", erase(dan))), ["owns-robot"]);
    assert_eq!(codes(&given.refused("admin", erase(ci))), ["not-a-person"]);
}

#[test]
fn delegations_end_with_the_person_and_a_text_is_redacted_once() {
    let mut given = given();
    let (anna, rita) = (given.id("anna"), given.id("rita"));
    let delegation = given.fresh();
    let until = given.now + SignedDuration::from_hours(24);
    given.ok("anna", Command::Delegate { delegation, to: rita, from_time: given.now, until });
    assert_eq!(given.world.people.delegations_to(rita, given.now).count(), 1);
    let reason = given.note();
    given.ok("admin", Command::ErasePerson { account: anna, basis: Basis::Retention, reason });
    assert_eq!(given.world.people.delegations_to(rita, given.now).count(), 0);
    let note = given.fresh();
    let redact = Command::RedactNote { note, basis: Basis::Unlawful, reason };
    assert_eq!(given.refused("rita", redact.clone()).kind, RefusalKind::Denied);
    assert_eq!(given.ok("admin", redact.clone()).len(), 1);
    assert!(given.ok("admin", redact).is_empty());
    assert!(given.world.people.redacted.contains_key(&note));
}
