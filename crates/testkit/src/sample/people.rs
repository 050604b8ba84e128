//! Samples of reason, policy, people and intake.

use super::parts::*;
use interlock_domain::{
    core::Subject,
    intake,
    people::{self, *},
    policy,
    reason::{self, Outcome, Refused},
};
use interlock_policy::Pack;

pub fn reason(last: Option<&reason::Event>) -> Option<reason::Event> {
    match last {
        None => Some(reason::Event::Refused(Refused {
            action: "release.plan".into(),
            subject: Some(Subject::Release(id(10))),
            summary: "release `spring` cannot be planned there".into(),
            blockers: vec![blocker()],
            outcome: Outcome::Fail,
            policy_set: Some(digest(40).to_string()),
            facts: Some(digest(41).to_string()),
            policies: Vec::new(),
        })),
        Some(reason::Event::Refused(_)) => None,
    }
}

pub fn policy(last: Option<&policy::Event>) -> Option<policy::Event> {
    match last {
        None => Some(policy::Event::Installed(policy::Installed {
            digest: digest(40).to_string(),
            packs: vec![Pack {
                files: [("rules.cedar".into(), "@id(\"house.all\")\npermit (principal, action, resource);\n".into())]
                    .into(),
                name: "house".into(),
                version: "1.0.0".into(),
            }],
        })),
        Some(policy::Event::Installed(_)) => None,
    }
}

pub fn people(last: Option<&people::Event>) -> Option<people::Event> {
    use people::Event as It;
    Some(match last {
        None => It::Founded(Founded {
            organisation: "Brightwater".into(),
            time_zone_data: "2026f".into(),
            setup: digest(1),
            setup_until: at(60),
        }),
        Some(It::Founded(_)) => It::SetupClaimed(SetupClaimed { account: id(1) }),
        Some(It::SetupClaimed(_)) => It::AccountPut(AccountPut {
            account: id(2),
            account_kind: AccountKind::Robot { owner: id(1) },
            roles: names(&["developer", "deployer"]),
            groups: names(&["shop"]),
            identities: [identity(1), identity(2)].into(),
        }),
        Some(It::AccountPut(_)) => It::AccountsLinked(AccountsLinked { a: id(1), b: id(3) }),
        Some(It::AccountsLinked(_)) => It::AccountClosed(AccountClosed { account: id(3) }),
        Some(It::AccountClosed(_)) => It::TokenIssued(TokenIssued {
            token: id(4),
            account: id(2),
            name: "build".into(),
            hash: digest(2),
            scopes: Some(["artifact.register".to_owned(), "read".to_owned()].into()),
            expires: at(1440),
        }),
        Some(It::TokenIssued(_)) => It::TokenRevoked(TokenRevoked { token: id(4) }),
        Some(It::TokenRevoked(_)) => {
            It::Delegated(Delegated { delegation: id(5), from: id(1), to: id(3), from_time: at(10), until: at(20) })
        }
        Some(It::Delegated(_)) => It::DelegationEnded(DelegationEnded { delegation: id(5) }),
        Some(It::DelegationEnded(_)) => It::LeavePut(LeavePut { account: id(1), from_time: at(30), until: at(40) }),
        Some(It::LeavePut(_)) => It::ProviderPut(ProviderPut {
            provider: Provider {
                name: name("corporate"),
                title: "Corporate".into(),
                issuer: "https://login.example".into(),
                client_id: "interlock".into(),
                secret: Some("env:INTERLOCK_SECRET_OIDC".into()),
                scopes: ["email".to_owned(), "profile".to_owned()].into(),
                groups_claim: "groups".into(),
                groups: [(
                    "release-team".to_owned(),
                    Grant { roles: names(&["release-manager"]), groups: names(&["shop"]) },
                )]
                .into(),
                creates_accounts: true,
                disabled: false,
            },
        }),
        Some(It::ProviderPut(_)) => {
            It::SubjectLinked(SubjectLinked { account: id(1), provider: name("corporate"), subject: identity(3) })
        }
        Some(It::SubjectLinked(_)) => It::SignedIn(SignedIn {
            account: id(1),
            provider: name("corporate"),
            roles: names(&["release-manager"]),
            groups: names(&["shop"]),
        }),
        Some(It::SignedIn(_)) => It::IssuerPut(IssuerPut {
            issuer: Issuer {
                name: name("forge"),
                issuer: "https://token.forge.example".into(),
                audience: "interlock".into(),
                jwks_uri: Some("https://token.forge.example/keys".into()),
                jwks: Some("{\"keys\":[]}".into()),
                rules: vec![Rule {
                    claims: [("repository".to_owned(), "shop/*".to_owned())].into(),
                    account: id(2),
                    scopes: ["artifact.register".to_owned()].into(),
                    lasts_s: 600,
                }],
                disabled: false,
            },
        }),
        Some(It::IssuerPut(_)) => It::Admitted(Admitted {
            issuer: name("forge"),
            rule: 1,
            account: id(2),
            token: id(4),
            subject: note(6),
            once: digest(3),
            until: at(10),
        }),
        Some(It::Admitted(_)) => {
            It::PersonErased(PersonErased { account: id(3), basis: Basis::Request, reason: note(50) })
        }
        Some(It::PersonErased(_)) => {
            It::NoteRedacted(NoteRedacted { note: id(51), basis: Basis::Unlawful, reason: note(52) })
        }
        Some(It::NoteRedacted(_)) => return None,
    })
}

pub fn intake(last: Option<&intake::Event>) -> Option<intake::Event> {
    use intake::{Delivered, Event as It, Hook, HookPut, Scheme};
    Some(match last {
        None => It::HookPut(HookPut {
            hook: Hook {
                name: name("forge"),
                scheme: Scheme::Github,
                secrets: vec!["env:INTERLOCK_SECRET_FORGE".into()],
                disabled: true,
            },
        }),
        Some(It::HookPut(_)) => It::Delivered(Delivered {
            hook: name("forge"),
            delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958".into(),
            what: "push".into(),
            digest: digest(4),
            size: 7324,
        }),
        Some(It::Delivered(_)) => return None,
    })
}
