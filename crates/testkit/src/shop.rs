//! The shop that stories are told of: one service on four targets in production and one in staging, the people round it, two
//! builds. Dana wrote what ships, with Erik; Amir and Bea approve; Olu deploys; Rita manages releases.

use crate::house::{House, digest, name, names, time};
use interlock_domain::{
    artifact::{self, Artifact, Commit, Signature, SigningKey, Source},
    catalog::{self, Criticality, Metrics, Service},
    change::Class,
    core::Command,
    deployment::{self, OnRollback, Phase, Pipeline, PipelineStep, ProgramStep, Run, TrafficStep},
    environment::{self, Deployers, Environment, Target, Tier},
    release::{self, *},
};
use interlock_ids::{Digest, ReleaseId};
use std::collections::BTreeMap;

const PEOPLE: [(&str, &[&str]); 6] = [
    ("rita", &["release-manager", "environment-manager"]),
    ("dana", &["developer"]),
    ("erik", &["developer", "approver"]),
    ("amir", &["approver"]),
    ("bea", &["approver"]),
    ("olu", &["deployer", "on-call"]),
];

/// What a version's bytes are called; versions are those the stories use.
pub fn build(version: &str) -> Digest {
    digest(version.bytes().fold(7u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)))
}

/// Sets the shop up, with version 1.0.0 everywhere and 1.1.0 registered.
pub fn open(house: &mut House) {
    for (who, roles) in PEOPLE {
        house.person(who, roles);
    }
    let service = Service {
        name: name("checkout"),
        owner: name("team"),
        description: "Takes orders.".into(),
        criticality: Criticality { users: 500, revenue_per_hour: 100, data_classes: Default::default() },
        depends_on: Default::default(),
        repository: None,
        metrics: Metrics::default(),
    };
    house.ok("admin", Command::Catalog(catalog::Command::PutServices { services: vec![service] }));
    for (place, tier, count) in [("production", Tier::Production, 4), ("staging", Tier::Staging, 1)] {
        let environment = place_of(place, tier, count);
        house.ok("admin", Command::Environment(environment::Command::PutEnvironment { environment }));
    }
    let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".into();
    let key = SigningKey { name: name("ci"), public_key, revoked: false };
    house.ok("admin", Command::Artifact(artifact::Command::PutKey { key }));
    house.ok("admin", Command::Deployment(deployment::Command::PutPipeline { pipeline: pipeline() }));
    register(house, "1.0.0");
    register(house, "1.1.0");
    for (place, count) in [("production", 4), ("staging", 1)] {
        let found = (1..=count).map(|n| (name("checkout"), name(&format!("checkout-{n}")), build("1.0.0"))).collect();
        house
            .ok("admin", Command::Deployment(deployment::Command::RecordInstalled { environment: name(place), found }));
    }
}

fn place_of(place: &str, tier: Tier, count: usize) -> Environment {
    let target = |n: usize| Target {
        name: name(&format!("checkout-{n}")),
        address: format!("http://checkout-{n}.{place}.test"),
        services: names(&["checkout"]),
        labels: BTreeMap::new(),
        params: BTreeMap::new(),
        runner: BTreeMap::new(),
    };
    Environment {
        name: name(place),
        tier,
        production_like: tier == Tier::Production,
        labels: BTreeMap::new(),
        deployers: Deployers { roles: names(&["deployer"]), groups: Default::default() },
        targets: (1..=count).map(target).collect(),
    }
}

fn pipeline() -> Pipeline {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let traffic = |weight: &str| {
        Run::Traffic(TrafficStep {
            router: "http://router.test".into(),
            pool: "${service}".into(),
            server: "${target.name}".into(),
            weight: weight.into(),
        })
    };
    let deploy = Run::Program(ProgramStep {
        check: None,
        apply: words(&["/bin/deploy", "${artifact.digest}"]),
        verify: None,
        undo: Some(words(&["/bin/deploy"])),
        env: BTreeMap::new(),
        repeatable: true,
        artifact: true,
    });
    let step = |step: &str, phase, run, on_rollback| PipelineStep {
        name: name(step),
        phase,
        run,
        timeout_s: 30,
        attempts: 1,
        attempts_back: None,
        on_rollback,
        on_revocation: Default::default(),
        runner: BTreeMap::new(),
    };
    Pipeline {
        name: name("instances"),
        max_parallel: 2,
        ahead: 1,
        steps: vec![
            step("drain", Phase::Deploy, traffic("0"), OnRollback::Apply),
            step("deploy", Phase::Deploy, deploy, OnRollback::Undo),
            step("canary", Phase::Deploy, traffic("${wave.weight}"), OnRollback::Skip),
            step("traffic", Phase::Settle, traffic("${wave.weight}"), OnRollback::Apply),
        ],
    }
}

/// Dana registers a build with her commits, one of them written with Erik.
pub fn register(house: &mut House, version: &str) {
    let identity = |who: &str| house.engine().desk().identity(&format!("{who}@example.org"));
    let commit = |sha: &str, co_authors| Commit {
        sha: sha.repeat(40),
        author: identity("dana"),
        committer: identity("dana"),
        co_authors,
        at: time("2026-02-27T10:00:00Z"),
        committed: None,
    };
    let bytes = build(version);
    let source = Source {
        repository: "/srv/shop.git".into(),
        commit: format!("{:02x}", bytes.0[0]).repeat(20),
        since: None,
        commits: vec![commit("a", Vec::new()), commit("b", vec![identity("erik")])],
        details: digest(99),
    };
    let artifact = Artifact {
        digest: bytes,
        service: name("checkout"),
        version: version.into(),
        size: 1000,
        signature: Some(Signature { key: name("ci"), text: "untrusted comment: test".into() }),
        source: Some(source),
    };
    house.ok("dana", Command::Artifact(artifact::Command::Register { artifact }));
}

/// A release of the shop into staging and what brings it to its permit: there a low impact takes no approval.
pub fn into_staging(house: &House, named: &str, version: &str) -> (ReleaseId, Vec<Command>) {
    let spec = Spec { environment: name("staging"), model: Model::BigBang, ..spec(house, named, version) };
    let (release, start) = (house.fresh(), house.now());
    let commands = [
        release::Command::Draft { release, spec },
        release::Command::Plan { release, start },
        release::Command::Freeze { release },
        release::Command::Authorise { release },
    ];
    (release, commands.map(Command::Release).into())
}

/// A release of a version into production: one target judged for its wave, then the rest.
pub fn spec(house: &House, release: &str, version: &str) -> Spec {
    let canary = CanarySpec {
        interval_s: 1,
        horizon: 60,
        at_least: 10,
        on_inconclusive: OnInconclusive::Hold,
        margins: Margins::default(),
    };
    let wave = |wave: &str, take, weight, bake_s, canary| WaveSpec { name: name(wave), take, weight, bake_s, canary };
    let errors = Trigger {
        name: name("errors"),
        indicator: Indicator::ErrorRatio { service: name("checkout"), window_s: 30 },
        comparison: Comparison::Above,
        threshold: 0.05,
        for_s: 5,
        action: TriggerAction::Rollback,
        owner: Some(house.account("olu")),
        deputy: Some(house.account("rita")),
    };
    let available = Criterion { name: name("available"), kind: CriterionKind::Http { path: "/healthz".into() } };
    Spec {
        name: name(release),
        summary: house.note("what is new"),
        class: Class::Normal,
        environment: name("production"),
        items: vec![Item { service: name("checkout"), digest: build(version) }],
        pipeline: name("instances"),
        model: Model::Phased {
            waves: vec![
                wave("canary", Take::Count(1), Some(10), 20, Some(canary)),
                wave("rest", Take::Rest, None, 0, None),
            ],
        },
        length_s: 3600,
        triggers: vec![errors],
        rollback: RollbackPlan { criteria: vec![available] },
        watch: WatchSpec { length_s: 60, interval_s: 5 },
        criteria: Vec::new(),
    }
}

/// The release of that name.
pub fn release(house: &House, release: &str) -> ReleaseId {
    let world = house.world();
    *world.release.by_name.get(&name(release)).unwrap_or_else(|| panic!("there is no release `{release}`"))
}
