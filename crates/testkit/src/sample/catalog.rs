//! Samples of catalog, calendar, environment and artifact.

use super::parts::*;
use interlock_domain::{
    artifact::{self, *},
    calendar::{self, *},
    catalog::{self, *},
    environment::{self, *},
};

pub fn metrics() -> Metrics {
    Metrics {
        path: "/metrics".into(),
        requests: "http_requests_total".into(),
        code_label: "code".into(),
        error_codes: vec!["5".into(), "429".into()],
        endpoint_label: "endpoint".into(),
        latency: "http_request_duration_seconds".into(),
    }
}

pub fn catalog(last: Option<&catalog::Event>) -> Option<catalog::Event> {
    use catalog::Event as It;
    Some(match last {
        None => It::ServicePut(ServicePut {
            service: Service {
                name: name("checkout"),
                owner: name("shop"),
                description: "Takes orders.".into(),
                criticality: Criticality {
                    users: 120_000,
                    revenue_per_hour: 9_000,
                    data_classes: names(&["payment", "personal"]),
                },
                depends_on: names(&["catalogue", "payments"]),
                repository: Some("/srv/git/shop.git".into()),
                metrics: metrics(),
            },
        }),
        Some(It::ServicePut(_)) => It::ServiceRemoved(ServiceRemoved { service: name("checkout") }),
        Some(It::ServiceRemoved(_)) => return None,
    })
}

fn scope() -> WindowScope {
    WindowScope {
        services: names(&["checkout"]),
        environments: names(&["production"]),
        tiers: names(&["production"]),
        owners: names(&["shop"]),
        labels: [("region".into(), "eu".into())].into(),
    }
}

pub fn calendar(last: Option<&calendar::Event>) -> Option<calendar::Event> {
    use calendar::Event as It;
    let wall = |day| jiff::civil::date(2026, 3, day).at(18, 0, 0, 0);
    let window = |named: &str, kind, schedule| Window {
        name: name(named),
        kind,
        schedule,
        scope: scope(),
        reason: "books are closed".into(),
        customer: None,
    };
    Some(match last {
        None => It::CalendarPut(CalendarPut {
            calendar: Calendar {
                name: name("finance"),
                owner: name("controlling"),
                source: "manifest".into(),
                windows: vec![
                    window("quarter-end", WindowKind::Freeze, Schedule::Once { start: at(0), end: at(60) }),
                    window(
                        "weekend",
                        WindowKind::Maintenance,
                        Schedule::Recurring {
                            start: wall(6),
                            zone: "Europe/Berlin".into(),
                            length_s: 216_000,
                            rule: "FREQ=WEEKLY;BYDAY=FR".into(),
                            plus: vec![wall(11)],
                            except: vec![wall(13)],
                        },
                    ),
                    window("founding-day", WindowKind::Holiday, Schedule::Once { start: at(100), end: at(200) }),
                ],
            },
        }),
        Some(It::CalendarPut(_)) => It::CalendarRemoved(CalendarRemoved { calendar: name("finance") }),
        Some(It::CalendarRemoved(_)) => {
            It::LockdownCalled(LockdownCalled { lockdown: id(6), scope: scope(), reason: note(7) })
        }
        Some(It::LockdownCalled(_)) => It::LockdownLifted(LockdownLifted { lockdown: id(6) }),
        Some(It::LockdownLifted(_)) => return None,
    })
}

pub fn environment(last: Option<&environment::Event>) -> Option<environment::Event> {
    use environment::Event as It;
    Some(match last {
        None => It::EnvironmentPut(EnvironmentPut {
            environment: Environment {
                name: name("production"),
                tier: Tier::Production,
                production_like: true,
                labels: [("region".into(), "eu".into())].into(),
                deployers: Deployers { roles: names(&["deployer"]), groups: names(&["shop"]) },
                targets: vec![Target {
                    name: name("checkout-1"),
                    address: "http://192.0.2.1:4001".into(),
                    services: names(&["checkout"]),
                    labels: [("zone".into(), "a".into())].into(),
                    params: [("pool".into(), "checkout".into())].into(),
                    runner: Default::default(),
                }],
            },
        }),
        Some(It::EnvironmentPut(_)) => It::EnvironmentRemoved(EnvironmentRemoved { environment: name("production") }),
        Some(It::EnvironmentRemoved(_)) => It::Claimed(Claimed {
            claim: id(8),
            environment: name("staging"),
            account: id(1),
            until: at(300),
            purpose: note(9),
        }),
        Some(It::Claimed(_)) => It::ClaimEnded(ClaimEnded { claim: id(8) }),
        Some(It::ClaimEnded(_)) => return None,
    })
}

pub fn artifact(last: Option<&artifact::Event>) -> Option<artifact::Event> {
    use artifact::Event as It;
    Some(match last {
        None => It::Registered(Registered {
            artifact: Artifact {
                digest: digest(10),
                service: name("checkout"),
                version: "1.4.2".into(),
                size: 1_048_576,
                signature: Some(Signature { key: name("ci"), text: "untrusted comment: signature\nRUQ=".into() }),
                source: Some(Source {
                    repository: "/srv/git/shop.git".into(),
                    commit: "b".repeat(40),
                    since: Some("a".repeat(40)),
                    commits: vec![Commit {
                        sha: "b".repeat(40),
                        author: identity(1),
                        committer: identity(2),
                        co_authors: vec![identity(3)],
                        at: at(-60),
                        committed: None,
                    }],
                    details: digest(11),
                }),
            },
        }),
        Some(It::Registered(_)) => It::KeyPut(KeyPut {
            key: SigningKey { name: name("ci"), public_key: "RWQf6LRCGA9i".into(), revoked: true },
        }),
        Some(It::KeyPut(_)) => It::Quarantined(Quarantined {
            quarantine: id(12),
            digest: digest(10),
            service: name("checkout"),
            because_of: Some(id(10)),
            reason: Some(note(13)),
        }),
        Some(It::Quarantined(_)) => It::QuarantineLifted(QuarantineLifted { quarantine: id(12), reason: note(14) }),
        Some(It::QuarantineLifted(_)) => It::EvidenceAttached(EvidenceAttached {
            evidence: Evidence {
                id: id(15),
                artifact: digest(10),
                name: name("scan"),
                kind: EvidenceKind::Sarif,
                blob: digest(16),
                size: 4_096,
                tool: Some(Tool { name: "scanner".into(), version: Some("1.9.4".into()) }),
                made: Some(at(-10)),
                content: Content::Findings {
                    findings: vec![Finding {
                        id: "CVE-2021-44228".into(),
                        severity: FindingSeverity::Critical,
                        set_aside: false,
                        count: 2,
                        since: Some(at(-90)),
                    }],
                    complete: true,
                },
            },
            account: Some(id(1)),
        }),
        Some(It::EvidenceAttached(_)) => It::EvidenceSigned(EvidenceSigned {
            evidence: id(15),
            artifact: digest(10),
            blob: digest(16),
            account: id(3),
            meaning: Meaning::Approved,
            shown: Shown::Password,
            reason: Some(note(17)),
        }),
        Some(It::EvidenceSigned(_)) => return None,
    })
}
