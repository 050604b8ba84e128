//! Environments and claims.

use super::*;
use crate::{
    given::{Given, codes, name, names},
    reason::RefusalKind,
};
use interlock_ids::ClaimId;
use jiff::SignedDuration;

fn given() -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).environment("staging", Tier::Staging, &[("shop", 2)]);
    given.account("eva", &["environment-manager"]).account("dan", &["developer"]).account("dora", &["deployer"]);
    given
}

fn claim(given: &mut Given, hours: i64) -> (ClaimId, Command) {
    let (claim, purpose) = (given.fresh(), given.note());
    (
        claim,
        Command::Claim {
            claim,
            environment: name("staging"),
            until: given.now + SignedDuration::from_hours(hours),
            purpose,
        },
    )
}

/// Who may claim is for the policies; whoever may.
fn claimants(given: &Given) -> Vec<&'static str> {
    let mut scratch = given.clone();
    ["eva", "dan", "dora", "admin"]
        .into_iter()
        .filter(|who| {
            let (_, command) = claim(&mut scratch, 1);
            given.would(&given.actor(who), command).is_ok()
        })
        .collect()
}

#[test]
fn production_is_production_like_and_names_its_deployers() {
    let mut given = given();
    let mut wrong = (**given.world.environment.environments.get("staging").expect("entered")).clone();
    wrong.name = name("prod");
    wrong.tier = Tier::Production;
    wrong.deployers = Deployers::default();
    wrong.targets[1].name = wrong.targets[0].name.clone();
    wrong.targets[1].services = names(&["unheard-of"]);
    wrong.targets[0].address = " ".into();
    let refusal = given.refused("eva", Command::PutEnvironment { environment: wrong.clone() });
    assert_eq!(codes(&refusal), ["production-like", "no-deployers", "address", "named-twice", "unknown-service"]);
    wrong.tier = Tier::Staging;
    wrong.production_like = true;
    assert!(codes(&given.refused("eva", Command::PutEnvironment { environment: wrong })).contains(&"no-deployers"));
}

#[test]
fn environments_take_a_role_and_the_same_again_changes_nothing() {
    let mut given = given();
    let same = (**given.world.environment.environments.get("staging").expect("entered")).clone();
    let put = Command::PutEnvironment { environment: same };
    assert_eq!(given.refused("dan", put.clone()).kind, RefusalKind::Denied);
    assert!(given.ok("eva", put).is_empty());
    given.ok("eva", Command::RemoveEnvironment { environment: name("staging") });
    assert_eq!(
        given.refused("eva", Command::RemoveEnvironment { environment: name("staging") }).kind,
        RefusalKind::NotFound
    );
}

#[test]
fn at_most_one_claim_holds_an_environment() {
    let mut given = given();
    let who = claimants(&given);
    assert!(who.len() >= 2, "{who:?}");
    let (first, second) = (who[0], who[1]);
    let (id, command) = claim(&mut given, 24);
    given.ok(first, command);
    let (_, command) = claim(&mut given, 1);
    let refusal = given.refused(second, command.clone());
    assert_eq!((refusal.kind, codes(&refusal)), (RefusalKind::Blocked, vec!["claimed"]));
    let until = given.now + SignedDuration::from_hours(24);
    assert!(
        refusal.blockers[0].message.contains(&given.id(first).to_string()) && refusal.blockers[0].by == Some(until)
    );
    given.ok(first, Command::EndClaim { claim: id });
    assert!(given.ok(first, Command::EndClaim { claim: id }).is_empty());
    given.ok(second, command);
}

#[test]
fn a_claim_runs_out_and_ones_own_is_prolonged() {
    let mut given = given();
    let who = claimants(&given);
    let (old, command) = claim(&mut given, 24);
    given.ok(who[0], command);
    let (new, command) = claim(&mut given, 48);
    given.ok(who[0], command);
    assert!(given.world.environment.claims.get(&old).is_some_and(|it| it.ended.is_some()));
    assert_eq!(given.world.environment.claim(&name("staging"), given.now).map(|it| it.id), Some(new));
    given.after(48 * 3600);
    let (_, command) = claim(&mut given, 1);
    given.ok(who[1], command);
}

#[test]
fn a_claim_lasts_fourteen_days_at_most_and_begins_now() {
    let mut given = given();
    let who = claimants(&given)[0];
    let (_, long) = claim(&mut given, 14 * 24 + 1);
    assert_eq!(codes(&given.refused(who, long)), ["too-long"]);
    let (_, past) = claim(&mut given, 0);
    assert_eq!(codes(&given.refused(who, past)), ["in-the-past"]);
    let (_, command) = claim(&mut given, 14 * 24);
    given.ok(who, command);
    let (_, nowhere) = claim(&mut given, 1);
    let Command::Claim { claim, until, purpose, .. } = nowhere else { unreachable!("it is a claim") };
    let nowhere = Command::Claim { claim, environment: name("nowhere"), until, purpose };
    assert_eq!(given.refused(who, nowhere).kind, RefusalKind::NotFound);
}

#[test]
fn only_its_owner_or_a_manager_ends_a_claim() {
    let mut given = given();
    let who = claimants(&given)[0];
    let (id, command) = claim(&mut given, 24);
    given.ok(who, command);
    assert_eq!(given.refused("dora", Command::EndClaim { claim: id }).kind, RefusalKind::Denied);
    given.ok("admin", Command::EndClaim { claim: id });
}
