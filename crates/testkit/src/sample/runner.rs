//! Samples of runner.

use super::parts::*;
use interlock_domain::runner::{self, *};

pub fn runner(last: Option<&runner::Event>) -> Option<runner::Event> {
    use runner::Event as It;
    let (runner, labels) = (name("berlin-1"), [("region".to_owned(), "berlin".to_owned())]);
    Some(match last {
        None => It::Invited(Invited {
            runner,
            token: digest(70),
            labels: labels.into(),
            until: at(60),
            account: Some(id(1)),
        }),
        Some(It::Invited(_)) => It::Withdrawn(Withdrawn { runner }),
        Some(It::Withdrawn(_)) => {
            It::Enrolled(Enrolled { runner, token: digest(70), key: Key([71; 32]), labels: labels.into() })
        }
        Some(It::Enrolled(_)) => It::KeyRotated(KeyRotated { runner, key: Key([72; 32]), overlap: at(10) }),
        Some(It::KeyRotated(_)) => It::Revoked(Revoked { runner, reason: note(73) }),
        Some(It::Revoked(_)) => It::Drained(Drained { runner }),
        Some(It::Drained(_)) => It::Undrained(Undrained { runner }),
        Some(It::Undrained(_)) => return None,
    })
}
