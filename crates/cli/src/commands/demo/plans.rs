//! The releases of the story, and what everybody does to bring one to its permit.

use super::stage::Stage;
use crate::{
    client::{Client, segment},
    commands::{calendar, release::change_of},
    failure::{Done, Failure},
};
use interlock_wire::{
    change::{Approve, Class},
    length::{Amount, Length},
    reason::{Nothing, Receipt},
    release::{
        CanarySpec, Comparison, CriterionSpec, DraftRelease, ErrorRatio, HttpCriterion, IndicatorSpec, ItemSpec,
        Margins, ModelSpec, OnInconclusive, Phased, PlanRelease, Release, ReleaseSpec, ReportsCriterion, RollbackSpec,
        TriggerAction, TriggerSpec, WatchSpec, WaveSpec,
    },
};
use jiff::Timestamp;

/// How long a window every release of the story asks for.
pub const LENGTH: Length = Length(3_600);
/// Weight of a new target while it is judged; with three old ones at 30 that is a tenth of the traffic.
pub const CANARY_WEIGHT: u32 = 10;

/// One version of some services to production: one target of each judged at a tenth of the traffic, then the rest.
pub fn phased(summary: &str, services: &[&str], version: &str) -> ReleaseSpec {
    let canary = CanarySpec {
        interval: Length(1),
        horizon: 180,
        at_least: 8,
        on_inconclusive: OnInconclusive::Hold,
        margins: Margins { errors: 0.05, latency_p50: 0.5, latency_p90: 0.5, latency_p99: 1.0 },
    };
    let wave = |name: &str, take| WaveSpec { name: name.into(), take, weight: None, bake: Length(0), canary: None };
    let waves = vec![
        WaveSpec {
            weight: Some(CANARY_WEIGHT),
            bake: Length(2),
            canary: Some(canary),
            ..wave("canary", Amount::Count(1))
        },
        wave("rest", Amount::Rest),
    ];
    ReleaseSpec {
        model: ModelSpec { phased: Some(Phased { waves }), big_bang: None },
        ..spec(summary, "production", services, version)
    }
}

/// The same, patient with a busy machine: what the crash test ships is good, and what it tests is something else.
pub fn patient(summary: &str, services: &[&str], version: &str) -> ReleaseSpec {
    let mut spec = phased(summary, services, version);
    for wave in spec.model.phased.iter_mut().flat_map(|it| &mut it.waves) {
        if let Some(canary) = &mut wave.canary {
            canary.horizon = 900;
            canary.margins = Margins { errors: 0.15, latency_p50: 3.0, latency_p90: 5.0, latency_p99: 10.0 };
        }
    }
    for trigger in &mut spec.triggers {
        trigger.threshold = 0.6;
        trigger.for_ = Length(10);
    }
    spec
}

/// One version of some services, at once.
pub fn spec(summary: &str, environment: &str, services: &[&str], version: &str) -> ReleaseSpec {
    let item = |service: &&str| ItemSpec { service: (*service).into(), version: Some(version.into()), digest: None };
    let trigger = |service: &&str| TriggerSpec {
        name: format!("{service}-errors"),
        indicator: IndicatorSpec {
            error_ratio: Some(ErrorRatio { service: (*service).into(), window: Length(5) }),
            ..Default::default()
        },
        comparison: Comparison::Above,
        threshold: 0.05,
        for_: Length(5),
        action: TriggerAction::Rollback,
        owner: Some("olu".into()),
        deputy: Some("rita".into()),
    };
    let criterion = |name: &str| CriterionSpec { name: name.into(), http: None, reports: None, metric: None };
    ReleaseSpec {
        environment: environment.into(),
        class: Class::Normal,
        summary: summary.into(),
        items: services.iter().map(item).collect(),
        pipeline: "shop".into(),
        model: ModelSpec::default(),
        length: LENGTH,
        triggers: services.iter().map(trigger).collect(),
        rollback: RollbackSpec {
            criteria: vec![
                CriterionSpec { http: Some(HttpCriterion { path: "/healthz".into() }), ..criterion("available") },
                CriterionSpec {
                    reports: Some(ReportsCriterion { path: "/version".into(), pointer: "/digest".into() }),
                    ..criterion("former-version")
                },
            ],
        },
        watch: WatchSpec { length: Length(15), interval: Length(1) },
        criteria: Vec::new(),
    }
}

/// Puts a release together, planned if `start` is given.
///
/// # Errors
/// As any request.
pub async fn draft(client: &Client, name: &str, spec: &ReleaseSpec, start: Option<Timestamp>) -> Done<Receipt> {
    client.post("/releases", &DraftRelease { name: name.into(), spec: spec.clone(), start }).await
}

pub async fn plan(client: &Client, name: &str, start: Timestamp) -> Done<Receipt> {
    client.act("releases", name, "plan", &PlanRelease { start }).await
}

pub async fn act(client: &Client, name: &str, action: &str) -> Done<Receipt> {
    client.act("releases", name, action, &Nothing {}).await
}

pub async fn read(client: &Client, name: &str) -> Done<Release> {
    client.get(&format!("/releases/{}", segment(name))).await
}

pub async fn approve(client: &Client, name: &str, reason: &str, conditions: &[&str]) -> Done<Receipt> {
    let change = change_of(client, name).await?;
    let conditions = conditions.iter().map(|it| (*it).to_owned()).collect();
    client.act("changes", &change, "approve", &Approve { reason: reason.into(), conditions, on_behalf_of: None }).await
}

/// The first slot there is from now on.
///
/// # Errors
/// There is none.
pub async fn first_slot(client: &Client, services: &[&str]) -> Done<Timestamp> {
    let services: Vec<String> = services.iter().map(|it| (*it).to_owned()).collect();
    let answer = calendar::check(client, "production", &services, Timestamp::now(), Some(LENGTH)).await?;
    answer.slots.first().map(|it| it.start).ok_or_else(|| Failure::Failed("the calendar offers no slot".into()))
}

/// Draft, window, fixed scope, two approvals.
///
/// # Errors
/// As any request.
pub async fn prepare(stage: &Stage, name: &str, spec: &ReleaseSpec) -> Done {
    let rita = stage.of("rita")?;
    let services: Vec<&str> = spec.items.iter().map(|it| it.service.as_str()).collect();
    let start = first_slot(rita, &services).await?;
    draft(rita, name, spec, Some(start)).await?;
    act(rita, name, "freeze").await?;
    for approver in ["amir", "bea"] {
        approve(stage.of(approver)?, name, "Diff and tests read", &[]).await?;
    }
    Ok(())
}
