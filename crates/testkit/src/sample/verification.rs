//! Samples of verification, operations, rollback and learning.

use super::{
    catalog::metrics,
    parts::*,
    release::{canary, criteria, triggers},
};
use interlock_domain::{
    learning::{self, Action, ReviewDone, ReviewOpened},
    operations::{self, Stabilising, TriggerFired, WatchBegun, WatchEnded},
    reason::Outcome,
    release::{TriggerAction, WatchSpec},
    rollback::{self, Cause, CheckBegun, Checked, CriterionResult, UndoBegun},
    verification::{self, Begun, Compared, Concluded, Place, Resolution, Resolved, Stopped, Summary, Verdict},
};

pub fn verification(last: Option<&verification::Event>) -> Option<verification::Event> {
    use verification::Event as It;
    let place = |target: &str, address: &str| Place { target: name(target), address: address.into() };
    Some(match last {
        None => It::Begun(Begun {
            analysis: id(60),
            release: id(10),
            deployment: id(50),
            environment: name("production"),
            wave: 1,
            spec: canary(),
            compared: vec![Compared {
                service: name("checkout"),
                metrics: metrics(),
                new: vec![place("checkout-1", "http://192.0.2.1:4001")],
                old: vec![place("checkout-2", "http://192.0.2.2:4001")],
            }],
        }),
        Some(It::Begun(_)) => It::Concluded(Concluded {
            analysis: id(60),
            verdict: Verdict::Fail,
            summary: Summary {
                text: "the new version of checkout is worse".into(),
                log10_evidence: 2.5,
                looks: 14,
                usable: 13,
                requests_new: 410,
                requests_old: 3700,
                culprits: vec!["checkout: errors".into()],
                excess_bad_requests: 9.25,
            },
            evidence: digest(61),
        }),
        Some(It::Concluded(_)) => {
            It::Resolved(Resolved { analysis: id(60), resolution: Resolution::MeasureAgain, reason: note(62) })
        }
        Some(It::Resolved(_)) => It::Stopped(Stopped { analysis: id(60) }),
        Some(It::Stopped(_)) => return None,
    })
}

pub fn operations(last: Option<&operations::Event>) -> Option<operations::Event> {
    use operations::Event as It;
    let watch = id(70);
    Some(match last {
        None => It::WatchBegun(WatchBegun {
            watch,
            release: id(10),
            deployment: id(50),
            environment: name("production"),
            spec: WatchSpec { length_s: 86_400, interval_s: 15 },
            triggers: triggers(),
        }),
        Some(It::WatchBegun(_)) => It::Stabilising(Stabilising { watch, until: at(1500) }),
        Some(It::Stabilising(_)) => It::TriggerFired(TriggerFired {
            watch,
            trigger: name("errors"),
            value: 0.125,
            action: TriggerAction::Rollback,
            owner: Some(id(5)),
            deputy: Some(id(6)),
            evidence: digest(71),
        }),
        Some(It::TriggerFired(_)) => It::WatchEnded(WatchEnded {
            watch,
            outcome: Some(Outcome::Pass),
            looks: 96,
            usable: 95,
            evidence: Some(digest(72)),
        }),
        Some(It::WatchEnded(_)) => return None,
    })
}

pub fn rollback(last: Option<&rollback::Event>) -> Option<rollback::Event> {
    use rollback::Event as It;
    let rollback = id(80);
    Some(match last {
        None => It::Started(rollback::Started {
            rollback,
            release: id(10),
            of: id(50),
            undo: id(51),
            environment: name("production"),
            cause: Cause::Trigger { trigger: name("errors") },
            reason: Some(note(81)),
            criteria: criteria(),
            ruling: Some(ruling()),
        }),
        Some(It::Started(_)) => It::UndoBegun(UndoBegun { rollback, deployment: id(51) }),
        Some(It::UndoBegun(_)) => It::CheckBegun(CheckBegun {
            rollback,
            targets: vec![Checked {
                target: name("checkout-1"),
                service: name("checkout"),
                address: "http://192.0.2.1:4001".into(),
                digest: digest(9),
            }],
        }),
        Some(It::CheckBegun(_)) => It::Ended(rollback::Ended {
            rollback,
            outcome: Outcome::Pass,
            results: vec![CriterionResult {
                name: name("available"),
                outcome: Outcome::Pass,
                message: "answers 200".into(),
            }],
            evidence: Some(digest(82)),
        }),
        Some(It::Ended(_)) => return None,
    })
}

pub fn learning(last: Option<&learning::Event>) -> Option<learning::Event> {
    use learning::Event as It;
    let review = id(90);
    Some(match last {
        None => It::ReviewOpened(ReviewOpened {
            review,
            release: id(10),
            services: names(&["checkout"]),
            due: at(7200),
            cause: learning::Cause::Rollback,
        }),
        Some(It::ReviewOpened(_)) => It::ReviewDone(ReviewDone {
            review,
            account: id(2),
            root_cause: note(91),
            factors: vec![note(92)],
            actions: vec![Action { text: note(93), owner: id(1), due: at(14_400) }],
        }),
        Some(It::ReviewDone(_)) => return None,
    })
}
