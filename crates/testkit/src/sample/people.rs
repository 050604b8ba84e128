//! Samples of reason, policy and people.

use super::parts::*;
use interlock_domain::{
    core::Subject,
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
        Some(It::LeavePut(_)) => {
            It::PersonErased(PersonErased { account: id(3), basis: Basis::Request, reason: note(50) })
        }
        Some(It::PersonErased(_)) => {
            It::NoteRedacted(NoteRedacted { note: id(51), basis: Basis::Unlawful, reason: note(52) })
        }
        Some(It::NoteRedacted(_)) => return None,
    })
}
