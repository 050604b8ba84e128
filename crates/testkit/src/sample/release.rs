//! Samples of release.

use super::parts::*;
use interlock_domain::{
    change::Class,
    release::{self, *},
};

pub fn canary() -> CanarySpec {
    CanarySpec {
        interval_s: 5,
        horizon: 120,
        at_least: 12,
        on_inconclusive: OnInconclusive::Hold,
        margins: Margins { errors: 0.001, latency_p50: 0.25, latency_p90: 0.5, latency_p99: 0.75 },
    }
}

pub fn triggers() -> Vec<Trigger> {
    let trigger = |named: &str, indicator, comparison, action| Trigger {
        name: name(named),
        indicator,
        comparison,
        threshold: 0.05,
        for_s: 30,
        action,
        owner: Some(id(5)),
        deputy: Some(id(6)),
    };
    let latency = Indicator::Latency { service: name("checkout"), quantile: 0.99, window_s: 60 };
    vec![
        trigger(
            "errors",
            Indicator::ErrorRatio { service: name("checkout"), window_s: 60 },
            Comparison::Above,
            TriggerAction::Rollback,
        ),
        trigger("slow", latency, Comparison::Above, TriggerAction::Page),
        trigger(
            "orders",
            Indicator::Promql { query: "sum(rate(orders_total[1m]))".into() },
            Comparison::Below,
            TriggerAction::Page,
        ),
    ]
}

pub fn criteria() -> Vec<Criterion> {
    let criterion = |named: &str, kind| Criterion { name: name(named), kind };
    vec![
        criterion("available", CriterionKind::Http { path: "/healthz".into() }),
        criterion("version", CriterionKind::Reports { path: "/version".into(), pointer: "/digest".into() }),
        criterion(
            "errors",
            CriterionKind::Metric {
                indicator: Indicator::ErrorRatio { service: name("checkout"), window_s: 60 },
                comparison: Comparison::Below,
                threshold: 0.01,
            },
        ),
    ]
}

fn spec() -> Spec {
    let wave =
        |named: &str, take| WaveSpec { name: name(named), take, weight: Some(10), bake_s: 60, canary: Some(canary()) };
    Spec {
        name: name("spring"),
        summary: note(30),
        class: Class::Normal,
        environment: name("production"),
        items: vec![Item { service: name("checkout"), digest: digest(10) }],
        pipeline: name("instances"),
        model: Model::Phased {
            waves: vec![wave("one", Take::Count(1)), wave("some", Take::Percent(25)), wave("rest", Take::Rest)],
        },
        length_s: 7200,
        triggers: triggers(),
        rollback: RollbackPlan { criteria: criteria() },
        watch: WatchSpec { length_s: 86_400, interval_s: 15 },
        criteria: Vec::new(),
    }
}

pub fn permit() -> Permit {
    Permit {
        id: id(31),
        release: id(10),
        environment: name("production"),
        items: vec![Item { service: name("checkout"), digest: digest(10) }],
        not_before: at(60),
        not_after: at(180),
        approved_by: vec![id(3), id(4)],
        policy_set: digest(40).to_string(),
    }
}

fn gates() -> Vec<GateRecord> {
    vec![GateRecord { name: "approvals".into(), ruling: ruling() }]
}

pub fn release(last: Option<&release::Event>) -> Option<release::Event> {
    use release::Event as It;
    let release = id(10);
    Some(match last {
        None => It::Drafted(Drafted { release, account: Some(id(1)), spec: spec() }),
        Some(It::Drafted(_)) => It::Planned(Planned { release, window: slot(), ruling: ruling() }),
        Some(It::Planned(_)) => It::Frozen(Frozen { release }),
        Some(It::Frozen(_)) => It::Ready(Ready { release, gates: gates() }),
        Some(It::Ready(_)) => It::HeldBack(HeldBack { release, blockers: vec![blocker()] }),
        Some(It::HeldBack(_)) => {
            It::Authorised(Authorised { permit: permit(), account: Some(id(2)), gates: gates(), ruling: ruling() })
        }
        Some(It::Authorised(_)) => {
            It::PermitRevoked(PermitRevoked { release, reason: "an approval was withdrawn".into() })
        }
        Some(It::PermitRevoked(_)) => It::Deploying(Deploying { release, deployment: id(50) }),
        Some(It::Deploying(_)) => It::Stabilising(Stabilising { release }),
        Some(It::Stabilising(_)) => It::Closed(Closed { release, reason: Some(note(32)) }),
        Some(It::Closed(_)) => It::RolledBack(RolledBack { release }),
        Some(It::RolledBack(_)) => It::Cancelled(Cancelled { release, reason: note(33) }),
        Some(It::Cancelled(_)) => It::PlanClosed(PlanClosed { release, blockers: vec![blocker()] }),
        Some(It::PlanClosed(_)) => It::PlanOpened(PlanOpened { release }),
        Some(It::PlanOpened(_)) => It::ExceptionGranted(ExceptionGranted {
            release,
            criterion: name("code-freeze"),
            commits: ["1".repeat(40)].into(),
            account: Some(id(2)),
            reason: note(34),
        }),
        Some(It::ExceptionGranted(_)) => return None,
    })
}
