//! Samples of change.

use super::parts::*;
use interlock_domain::change::{self, *};

pub fn change(last: Option<&change::Event>) -> Option<change::Event> {
    use change::Event as It;
    Some(match last {
        None => It::Opened(Opened {
            change: id(20),
            release: id(10),
            class: Class::Normal,
            services: names(&["checkout"]),
            artifacts: [digest(10)].into(),
            requested_by: Some(id(1)),
            summary: note(21),
            impact: Impact {
                level: Level::High,
                users: 120_000,
                revenue_per_hour: 9_000,
                data_classes: names(&["payment"]),
                dependants: names(&["storefront"]),
                reasons: vec!["high: 120000 people use what is touched, 100000 or more".into()],
            },
            authorship: Authorship {
                authors: [id(1)].into(),
                co_authors: [id(2)].into(),
                unknown: [identity(9)].into(),
                commits: 3,
            },
        }),
        Some(It::Opened(_)) => It::Decided(Decided {
            change: id(20),
            account: id(3),
            on_behalf_of: Some(id(4)),
            decision: Decision::Approve,
            reason: note(22),
            conditions: vec![Attached { id: id(23), text: note(24) }],
            ruling: ruling(),
        }),
        Some(It::Decided(_)) => It::Withdrawn(Withdrawn { change: id(20), account: id(3), reason: note(25) }),
        Some(It::Withdrawn(_)) => {
            It::ConditionMet(ConditionMet { change: id(20), condition: id(23), account: id(1), evidence: note(26) })
        }
        Some(It::ConditionMet(_)) => It::Closed(Closed { change: id(20) }),
        Some(It::Closed(_)) => return None,
    })
}
