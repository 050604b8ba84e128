//! Samples of boards, templates and emergencies.

use super::parts::*;
use interlock_domain::{
    board::{
        self, AgendaSet, Board, BoardPut, Called, CalledOff, Choice, Concluded, Excused, Rule, SeatTaken, Verdict,
        Voted,
    },
    change::{Attached, Imposed},
    emergency::{self, Broken, Cause, Confirmed, Incurred, RatifiedNow},
    reason::Meaning,
    release::{Model, RollbackPlan, WatchSpec},
    template::{self, Approved, Earned, Lost, Proposed, Shape, Used, Withdrawn},
};

pub fn board(last: Option<&board::Event>) -> Option<board::Event> {
    use board::Event as It;
    let meeting = id(100);
    Some(match last {
        None => It::BoardPut(BoardPut {
            board: Board {
                name: name("cab"),
                members: [id(3), id(4), id(5)].into(),
                chairs: [id(2)].into(),
                quorum: 2,
                rule: Rule::TwoThirds,
            },
        }),
        Some(It::BoardPut(_)) => {
            It::Called(Called { meeting, board: name("cab"), at: at(600), agenda: vec![id(20)], account: id(2) })
        }
        Some(It::Called(_)) => It::AgendaSet(AgendaSet { meeting, agenda: vec![id(20), id(21)] }),
        Some(It::AgendaSet(_)) => It::Excused(Excused { meeting, account: id(5), reason: note(101) }),
        Some(It::Excused(_)) => It::SeatTaken(SeatTaken { meeting, account: id(6), on_behalf_of: Some(id(4)) }),
        Some(It::SeatTaken(_)) => It::Opened(board::Opened { meeting }),
        Some(It::Opened(_)) => It::Voted(Voted {
            meeting,
            change: id(20),
            account: id(6),
            on_behalf_of: Some(id(4)),
            choice: Choice::Approve,
            reason: note(102),
            conditions: vec![Attached { id: id(103), text: note(103) }],
            signature: signature(Meaning::Approval),
            ruling: ruling(),
        }),
        Some(It::Voted(_)) => It::Concluded(Concluded {
            meeting,
            change: id(20),
            verdict: Verdict::Approved,
            approve: 2,
            reject: 1,
            abstain: 1,
            heads: 3,
            needed: 2,
            conditions: vec![Imposed { id: id(103), text: note(103), by: id(6) }],
        }),
        Some(It::Concluded(_)) => It::Closed(board::Closed {
            meeting,
            account: id(2),
            remarks: note(104),
            minutes: digest(104),
            signature: signature(Meaning::Responsibility),
        }),
        Some(It::Closed(_)) => It::CalledOff(CalledOff { meeting, reason: note(105) }),
        Some(It::CalledOff(_)) => return None,
    })
}

pub fn template(last: Option<&template::Event>) -> Option<template::Event> {
    use template::Event as It;
    let (template, version) = (name("storefront-weekly"), 2);
    Some(match last {
        None => It::Proposed(Proposed {
            template,
            version,
            from: id(10),
            shape: Shape {
                environment: name("production"),
                services: names(&["storefront"]),
                pipeline: name("instances"),
                model: Model::BigBang,
                length_s: 3600,
                triggers: super::release::triggers(),
                rollback: RollbackPlan { criteria: super::release::criteria() },
                watch: WatchSpec { length_s: 600, interval_s: 10 },
            },
            bar: 900,
            account: id(1),
            reason: note(110),
        }),
        Some(It::Proposed(_)) => It::Approved(Approved {
            template,
            version,
            account: id(3),
            reason: note(111),
            signature: signature(Meaning::Approval),
            ruling: ruling(),
        }),
        Some(It::Approved(_)) => It::Withdrawn(Withdrawn { template, version, account: id(1), reason: note(112) }),
        Some(It::Withdrawn(_)) => It::Used(Used { template, version, release: id(10), good: true }),
        Some(It::Used(_)) => It::Earned(Earned { template, version, uses: 29, good: 29, lower: 901_855 }),
        Some(It::Earned(_)) => It::Lost(Lost { template, version, uses: 30, good: 29, lower: 851_404 }),
        Some(It::Lost(_)) => return None,
    })
}

pub fn emergency(last: Option<&emergency::Event>) -> Option<emergency::Event> {
    use emergency::Event as It;
    let glass = id(120);
    Some(match last {
        None => It::Incurred(Incurred {
            change: id(20),
            release: id(10),
            cause: Cause::BrokenGlass,
            owners: names(&["shop"]),
            ratify_by: at(1440),
            review_by: at(4320),
        }),
        Some(It::Incurred(_)) => It::Ratified(RatifiedNow {
            change: id(20),
            account: id(4),
            agreed: true,
            reason: note(121),
            signature: signature(Meaning::Ratification),
            ruling: ruling(),
        }),
        Some(It::Ratified(_)) => It::Broken(Broken {
            glass,
            release: id(10),
            gates: names(&["approvals", "calendar"]),
            lasts_s: 3600,
            account: id(1),
            reason: note(122),
            signature: signature(Meaning::Responsibility),
            ruling: ruling(),
        }),
        Some(It::Broken(_)) => It::Confirmed(Confirmed {
            glass,
            account: id(2),
            until: at(90),
            reason: note(123),
            signature: signature(Meaning::Responsibility),
            ruling: ruling(),
        }),
        Some(It::Confirmed(_)) => It::Ended(emergency::Ended { glass, account: Some(id(2)), reason: note(124) }),
        Some(It::Ended(_)) => return None,
    })
}
