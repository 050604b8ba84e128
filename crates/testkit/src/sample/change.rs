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
            // As the kind began; what was signed shows in the kinds of the board.
            signature: None,
        }),
        Some(It::Decided(_)) => It::Withdrawn(Withdrawn { change: id(20), account: id(3), reason: note(25) }),
        Some(It::Withdrawn(_)) => {
            It::ConditionMet(ConditionMet { change: id(20), condition: id(23), account: id(1), evidence: note(26) })
        }
        Some(It::ConditionMet(_)) => It::Closed(Closed { change: id(20) }),
        Some(It::Closed(_)) => It::FlowPut(FlowPut {
            class: Class::Normal,
            flow: Flow {
                lead_time_s: 172_800,
                documents: names(&["test-report"]),
                board: Some(BoardRule { board: name("cab"), from: Level::High }),
                signed: true,
                ratify_within_s: 86_400,
                review_within_s: 259_200,
                budget: Some(3),
            },
        }),
        Some(It::FlowPut(_)) => It::DocumentAttached(DocumentAttached {
            change: id(20),
            document: name("test-report"),
            digest: digest(27),
            account: id(1),
            remark: note(28),
        }),
        Some(It::DocumentAttached(_)) => It::ConditionsAttached(ConditionsAttached {
            change: id(20),
            conditions: vec![Imposed { id: id(29), text: note(29), by: id(3) }],
        }),
        Some(It::ConditionsAttached(_)) => return None,
    })
}
