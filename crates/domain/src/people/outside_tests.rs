//! Identity providers and issuers: who becomes whom, and what is refused.

use super::*;
use crate::{
    core::Actor,
    given::{Given as House, codes, digest, identity, name, names},
    reason::RefusalKind,
};
use interlock_ids::AccountId;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

fn provider() -> Provider {
    let grant = |roles: &[&str], groups: &[&str]| Grant { roles: names(roles), groups: names(groups) };
    Provider {
        name: name("corporate"),
        title: "Corporate".into(),
        issuer: "https://login.example".into(),
        client_id: "interlock".into(),
        secret: Some("env:INTERLOCK_SECRET_OIDC".into()),
        scopes: ["email".to_owned()].into(),
        groups_claim: "groups".into(),
        groups: [
            ("release-team".to_owned(), grant(&["release-manager"], &["shop"])),
            ("developers".to_owned(), grant(&["developer"], &[])),
        ]
        .into(),
        creates_accounts: true,
        disabled: false,
    }
}

fn claimed(account: AccountId, groups: &[&str]) -> Claimed {
    Claimed {
        provider: name("corporate"),
        subject: identity(70),
        account,
        groups: groups.iter().map(|it| (*it).to_owned()).collect(),
        email: Some(identity(71)),
        link: None,
    }
}

fn house() -> House {
    let mut house = House::new();
    house.account("rita", &["release-manager"]).person("dan", &["developer"], &[identity(1)]);
    house.ok("admin", Command::PutProvider { provider: provider() });
    house
}

fn roles(house: &House, id: AccountId) -> BTreeSet<String> {
    house.world.people.account(id).unwrap().roles.iter().map(|it| it.to_string()).collect()
}

#[test]
fn groups_give_what_they_are_mapped_to_and_are_judged_anew_at_each_sign_in() {
    let mut house = house();
    let account = house.fresh();
    house.system(Command::SignIn { claimed: claimed(account, &["release-team", "administrators", "*"]) });
    assert_eq!(roles(&house, account), ["release-manager".to_owned()].into());
    assert!(house.world.people.account(account).unwrap().groups.contains("shop"));
    // The same subject is the same account, whatever id would have been used.
    let other = house.fresh();
    house.system(Command::SignIn { claimed: claimed(other, &["developers"]) });
    assert!(house.world.people.account(other).is_none());
    assert_eq!(roles(&house, account), ["developer".to_owned()].into());
    // What an administrator gave stays when the provider takes its own back.
    let spec = AccountSpec {
        kind: AccountKind::Human,
        roles: names(&["approver"]),
        groups: names(&[]),
        identities: [].into(),
    };
    house.ok("admin", Command::PutAccount { account, spec });
    assert_eq!(roles(&house, account), ["approver".to_owned(), "developer".to_owned()].into());
    house.system(Command::SignIn { claimed: claimed(other, &[]) });
    assert_eq!(roles(&house, account), ["approver".to_owned()].into());
}

#[test]
fn a_provider_that_is_switched_off_takes_back_what_it_gave() {
    let mut house = house();
    let account = house.fresh();
    house.system(Command::SignIn { claimed: claimed(account, &["developers"]) });
    house.ok("admin", Command::PutProvider { provider: Provider { disabled: true, ..provider() } });
    assert!(roles(&house, account).is_empty());
    assert_eq!(house.refused("system", Command::SignIn { claimed: claimed(account, &[]) }).kind, RefusalKind::NotFound);
}

#[test]
fn an_account_is_not_given_away_because_an_address_is_equal() {
    let mut house = house();
    let (fresh, dan) = (house.fresh(), house.id("dan"));
    let stranger = Claimed { email: Some(identity(1)), ..claimed(fresh, &["release-team"]) };
    let refusal = house.refused("system", Command::SignIn { claimed: stranger.clone() });
    assert_eq!((refusal.kind, codes(&refusal)), (RefusalKind::Denied, vec!["account-exists"]));
    // Dan, signed in, ties it to himself.
    house.system(Command::SignIn { claimed: Claimed { link: Some(dan), ..stranger.clone() } });
    assert!(roles(&house, dan).contains("release-manager") && roles(&house, dan).contains("developer"));
    // Then it is his, and nobody else's.
    let rita = house.id("rita");
    let refusal = house.refused("system", Command::SignIn { claimed: Claimed { link: Some(rita), ..stranger } });
    assert_eq!(codes(&refusal), ["subject-taken"]);
}

#[test]
fn who_is_closed_or_unknown_stays_out() {
    let mut house = house();
    let account = house.fresh();
    house.ok("admin", Command::PutProvider { provider: Provider { creates_accounts: false, ..provider() } });
    assert_eq!(codes(&house.refused("system", Command::SignIn { claimed: claimed(account, &[]) })), ["no-account"]);
    house.ok("admin", Command::PutProvider { provider: provider() });
    house.system(Command::SignIn { claimed: claimed(account, &[]) });
    house.ok("admin", Command::CloseAccount { account });
    assert_eq!(codes(&house.refused("system", Command::SignIn { claimed: claimed(account, &[]) })), ["account-closed"]);
    assert_eq!(codes(&house.refused("rita", Command::SignIn { claimed: claimed(account, &[]) })), ["only-by-itself"]);
}

#[test]
fn only_administrators_enter_providers_and_their_faults_are_told() {
    let mut house = house();
    assert_eq!(house.refused("rita", Command::PutProvider { provider: provider() }).kind, RefusalKind::Denied);
    assert!(house.ok("admin", Command::PutProvider { provider: provider() }).is_empty());
    let grant = Grant { roles: names(&["king"]), ..Grant::default() };
    for (provider, code) in [
        (Provider { issuer: "http://login.example".into(), ..provider() }, "issuer-address"),
        (Provider { issuer: "http://localhost.evil.example".into(), ..provider() }, "issuer-address"),
        (Provider { issuer: "https://user@login.example".into(), ..provider() }, "issuer-address"),
        (Provider { secret: Some("hunter2".into()), ..provider() }, "secret-reference"),
        (Provider { secret: Some("env:HOME".into()), ..provider() }, "secret-reference"),
        (Provider { secret: Some("file:../ledger.key".into()), ..provider() }, "secret-reference"),
        (Provider { secret: Some("file:/etc/passwd".into()), ..provider() }, "secret-reference"),
        (Provider { secret: Some("file:.hidden".into()), ..provider() }, "secret-reference"),
        (Provider { groups: [("x".to_owned(), grant)].into(), ..provider() }, "unknown-role"),
    ] {
        assert_eq!(codes(&house.refused("admin", Command::PutProvider { provider })), [code]);
    }
    for local in ["http://127.0.0.1:4000", "http://localhost:4000/realm", "http://[::1]"] {
        house.ok("admin", Command::PutProvider { provider: Provider { issuer: local.into(), ..provider() } });
    }
}

fn issuer(robot: AccountId) -> Issuer {
    Issuer {
        name: name("forge"),
        issuer: "https://token.forge.example".into(),
        audience: "interlock".into(),
        jwks_uri: None,
        jwks: None,
        rules: vec![Rule {
            claims: [("repository".to_owned(), "shop/*".to_owned()), ("ref".to_owned(), "refs/heads/main".to_owned())]
                .into(),
            account: robot,
            scopes: ["artifact.register".to_owned()].into(),
            lasts_s: 600,
        }],
        disabled: false,
    }
}

fn admission(house: &mut House, claims: &[(&str, &str)], once: u8) -> Admission {
    Admission {
        issuer: name("forge"),
        claims: claims
            .iter()
            .map(|(claim, value)| ((*claim).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        subject: house.note(),
        once: digest(once),
        ends: house.now + SignedDuration::from_mins(5),
        token: house.fresh(),
        hash: digest(once.wrapping_add(100)),
    }
}

#[test]
fn a_build_is_let_in_by_the_rule_its_claims_fit_once_and_for_a_while() {
    let mut house = house();
    house.robot("ci", "dan", &[]);
    let robot = house.id("ci");
    house.ok("admin", Command::PutIssuer { issuer: issuer(robot) });
    let good = [("repository", "shop/basket"), ("ref", "refs/heads/main"), ("actor", "dan")];
    let first = admission(&mut house, &good, 1);
    house.system(Command::Admit { admission: first.clone() });
    let token = house.world.people.token(&first.hash, house.now).unwrap().clone();
    assert_eq!((token.account, token.scopes), (robot, Some(["artifact.register".to_owned()].into())));
    assert_eq!(token.expires.duration_since(house.now).as_secs(), 600);
    // The very same token again.
    let again = Admission { once: first.once, ..admission(&mut house, &good, 2) };
    assert_eq!(codes(&house.refused("system", Command::Admit { admission: again })), ["token-replayed"]);
    for bad in [
        &[("repository", "shop/basket"), ("ref", "refs/heads/other")][..],
        &[("repository", "shop/basket")],
        &[("repository", "eviler/shop/basket"), ("ref", "refs/heads/main")],
        &[],
    ] {
        let admission = admission(&mut house, bad, 3);
        assert_eq!(codes(&house.refused("system", Command::Admit { admission })), ["no-rule"]);
    }
    let mine = admission(&mut house, &good, 4);
    assert_eq!(codes(&house.refused("admin", Command::Admit { admission: mine })), ["only-by-itself"]);
    // What is over is forgotten when the next comes.
    house.after(3600);
    let late = admission(&mut house, &good, 5);
    house.system(Command::Admit { admission: late });
    assert_eq!((house.world.people.exchanged.len(), house.world.people.exchanged_for.len()), (1, 1));
    assert!(!house.world.people.tokens.contains_key(&token.id));
}

#[test]
fn an_issuer_whose_rules_let_in_everybody_is_refused() {
    let mut house = house();
    house.robot("ci", "dan", &[]);
    let (robot, dan) = (house.id("ci"), house.id("dan"));
    let with = |change: fn(&mut Rule)| {
        let mut issuer = issuer(robot);
        change(&mut issuer.rules[0]);
        issuer
    };
    for (issuer, code) in [
        (with(|it| it.claims = [("sub".to_owned(), "*".to_owned())].into()), "claims-open"),
        (with(|it| it.claims.clear()), "claims-open"),
        (with(|it| it.scopes.clear()), "empty"),
        (with(|it| it.scopes = ["everything".to_owned()].into()), "unknown-scope"),
        (with(|it| it.lasts_s = 86_400), "length-out-of-range"),
        (Issuer { rules: Vec::new(), ..issuer(robot) }, "count"),
        (Issuer { issuer: "http://token.forge.example".into(), ..issuer(robot) }, "issuer-address"),
        (issuer(dan), "not-a-robot"),
    ] {
        assert_eq!(codes(&house.refused("admin", Command::PutIssuer { issuer })), [code]);
    }
    let actor: Actor = house.actor("rita");
    assert!(house.submit(&actor, Command::PutIssuer { issuer: issuer(robot) }).is_err());
}

#[test]
fn a_pattern_is_all_of_a_text() {
    for (pattern, text, fits) in [
        ("main", "main", true),
        ("main", "main2", false),
        ("shop/*", "shop/basket", true),
        ("shop/*", "xshop/basket", false),
        ("*/main", "a/b/main", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b", "ab", true),
        ("ab*b", "ab", false),
        ("*", "", true),
        ("Main", "main", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}
