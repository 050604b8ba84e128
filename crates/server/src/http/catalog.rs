//! Services, what runs of them, who depends on whom.

use crate::{
    auth::Caller,
    extract::{At, Params},
    http::{page, release},
    lens::{Lens, named, short, words},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    catalog::{self, cycles, dependants},
    change::{Level, impact_of},
    core::Command,
    environment::Tier,
};
use interlock_ids::{Digest, Name};
use interlock_wire::{
    catalog::{
        Criticality, GraphEdge, GraphNode, MetricsSpec, RunningVersion, Service, ServiceGraph, ServiceRelease,
        ServiceRow, ServiceSpec,
    },
    page::{Page, Paging},
    reason::{Ref, Severity, Status},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the spec of a service means to the core.
pub fn spec_in(name: Name, it: &ServiceSpec) -> Answer<catalog::Service> {
    use crate::extract::{parse, parse_all, text};
    text("description", &it.description, 0, 2000)?;
    let usual = catalog::Metrics::default();
    let or = |given: &Option<String>, usual: String| given.clone().unwrap_or(usual);
    Ok(catalog::Service {
        name,
        owner: parse("owner", &it.owner)?,
        description: it.description.clone(),
        criticality: catalog::Criticality {
            users: it.criticality.users,
            revenue_per_hour: it.criticality.revenue_per_hour,
            data_classes: parse_all("criticality.data_classes", &it.criticality.data_classes)?,
        },
        depends_on: parse_all("depends_on", &it.depends_on)?,
        repository: it.repository.clone(),
        metrics: catalog::Metrics {
            path: or(&it.metrics.path, usual.path),
            requests: or(&it.metrics.requests, usual.requests),
            code_label: or(&it.metrics.code_label, usual.code_label),
            error_codes: it.metrics.error_codes.clone().unwrap_or(usual.error_codes),
            endpoint_label: or(&it.metrics.endpoint_label, usual.endpoint_label),
            latency: or(&it.metrics.latency, usual.latency),
        },
    })
}

fn spec_out(it: &catalog::Service) -> ServiceSpec {
    let usual = catalog::Metrics::default();
    let differs = |it: &String, usual: &String| (it != usual).then(|| it.clone());
    ServiceSpec {
        owner: it.owner.to_string(),
        description: it.description.clone(),
        criticality: Criticality {
            users: it.criticality.users,
            revenue_per_hour: it.criticality.revenue_per_hour,
            data_classes: it.criticality.data_classes.iter().map(Name::to_string).collect(),
        },
        depends_on: it.depends_on.iter().map(Name::to_string).collect(),
        repository: it.repository.clone(),
        metrics: MetricsSpec {
            path: differs(&it.metrics.path, &usual.path),
            requests: differs(&it.metrics.requests, &usual.requests),
            code_label: differs(&it.metrics.code_label, &usual.code_label),
            error_codes: (it.metrics.error_codes != usual.error_codes).then(|| it.metrics.error_codes.clone()),
            endpoint_label: differs(&it.metrics.endpoint_label, &usual.endpoint_label),
            latency: differs(&it.metrics.latency, &usual.latency),
        },
    }
}

/// The impact a change of a service has, as a status.
fn criticality(lens: &Lens, name: &Name) -> Status {
    let (value, severity) = match impact_of(&lens.world, &BTreeSet::from([name.clone()])).level {
        Level::Low => ("low", Severity::Neutral),
        Level::Medium => ("medium", Severity::Warning),
        Level::High => ("high", Severity::Bad),
    };
    crate::lens::status(value, severity, false)
}

/// What runs of a service in an environment: by digest, on how many targets, since when, by which release.
pub struct Running {
    pub digest: Digest,
    pub targets: u32,
    pub since: Timestamp,
    pub release: Option<Ref>,
}

/// What runs of a service in an environment, what most targets run first.
pub fn running(lens: &Lens, environment: &Name, service: &Name) -> Vec<Running> {
    let targets = lens.world.environment.environment(environment).into_iter().flat_map(|it| &it.targets);
    let installed = targets.filter_map(|target| lens.world.deployment.installed(environment, service, &target.name));
    let mut found: BTreeMap<Digest, Running> = BTreeMap::new();
    for it in installed {
        let release = it.release.map(|id| lens.release(id));
        let entry =
            found.entry(it.digest).or_insert(Running { digest: it.digest, targets: 0, since: it.since, release });
        entry.targets += 1;
        entry.since = entry.since.min(it.since);
    }
    let mut all: Vec<Running> = found.into_values().collect();
    all.sort_by_key(|it| (std::cmp::Reverse(it.targets), it.digest));
    all
}

fn row(lens: &Lens, it: &catalog::Service) -> ServiceRow {
    let production = lens.world.environment.environments.values().filter(|it| it.tier == Tier::Production);
    let versions: BTreeSet<String> = production
        .flat_map(|environment| running(lens, &environment.name, &it.name))
        .map(|it| lens.version(&it.digest))
        .collect();
    ServiceRow {
        id: it.name.to_string(),
        name: it.name.to_string(),
        description: it.description.clone(),
        owner: it.owner.to_string(),
        users: it.criticality.users,
        revenue_per_hour: it.criticality.revenue_per_hour,
        data_classes: words(&it.criticality.data_classes),
        depends_on: words(&it.depends_on),
        criticality: criticality(lens, &it.name),
        production_version: (versions.len() == 1).then(|| versions.first().cloned()).flatten(),
        mixed: if versions.len() > 1 { versions.into_iter().collect() } else { Vec::new() },
    }
}

/// Services.
#[utoipa::path(get, path = "/services", params(Paging), responses((status = 200, body = Page<ServiceRow>)))]
pub async fn services(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<ServiceRow>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.catalog.services.iter(), |(name, _)| name.to_string(), |(_, it)| row(&lens, it))
        .map(Json)
}

/// One service.
#[utoipa::path(get, path = "/services/{service}", params(("service" = String, Path)), responses((status = 200, body = Service)))]
pub async fn service(State(app): State<App>, caller: Caller, At(name): At<String>) -> Answer<Json<Service>> {
    let lens = Lens::new(&app, &caller);
    let found = name.parse::<Name>().ok().and_then(|name| lens.world.catalog.service(&name));
    found.map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("service", name))
}

pub fn view(lens: &Lens, it: &catalog::Service) -> Service {
    let world = &lens.world;
    let all = dependants(world, &BTreeSet::from([it.name.clone()]));
    let versions = world.environment.environments.keys().flat_map(|environment| {
        running(lens, environment, &it.name).into_iter().map(|found| RunningVersion {
            environment: named(environment),
            version: lens.version(&found.digest),
            digest: found.digest.to_string(),
            targets: found.targets,
            since: found.since,
            release: found.release,
            quarantined: world.artifact.quarantine(&found.digest).is_some(),
        })
    });
    let releases = world
        .release
        .releases
        .values()
        .rev()
        .filter(|release| release.spec.items.iter().any(|item| item.service == it.name));
    let remove = Command::Catalog(catalog::Command::RemoveService { service: it.name.clone() });
    Service {
        row: row(lens, it),
        spec: spec_out(it),
        dependents: world
            .catalog
            .services
            .values()
            .filter(|other| other.depends_on.contains(&it.name))
            .map(|other| named(&other.name))
            .collect(),
        all_dependents: all.iter().map(named).collect(),
        versions: versions.collect(),
        releases: releases
            .take(20)
            .map(|release| ServiceRelease {
                id: release.id.to_string(),
                name: release.spec.name.to_string(),
                status: release::status(release.stage),
                at: release.since,
            })
            .collect(),
        actions: vec![lens.action("remove", "Remove", "The service leaves the catalogue.", false, &remove)],
    }
}

/// Who depends on whom.
#[utoipa::path(get, path = "/graph", responses((status = 200, body = ServiceGraph)))]
pub async fn graph(State(app): State<App>, caller: Caller) -> Json<ServiceGraph> {
    let lens = Lens::new(&app, &caller);
    let services = &lens.world.catalog.services;
    let circles = cycles(&lens.world);
    let mut names: BTreeSet<&Name> = services.keys().collect();
    names.extend(services.values().flat_map(|it| &it.depends_on));
    let node = |name: &&Name| GraphNode {
        id: name.to_string(),
        name: name.to_string(),
        owner: services.get(*name).map(|it| it.owner.to_string()).unwrap_or_default(),
        severity: criticality(&lens, name).severity,
        dependents: dependants(&lens.world, &BTreeSet::from([(*name).clone()])).len() as u32,
        missing: !services.contains_key(*name),
    };
    let edges = services.values().flat_map(|it| it.depends_on.iter().map(move |to| (&it.name, to)));
    Json(ServiceGraph {
        nodes: names.iter().map(node).collect(),
        edges: edges
            .map(|(from, to)| GraphEdge {
                from: from.to_string(),
                to: to.to_string(),
                in_cycle: circles.iter().any(|circle| circle.contains(from) && circle.contains(to)),
            })
            .collect(),
        cycles: circles.iter().map(words).collect(),
    })
}

/// The version of a digest, or the beginning of the digest.
pub fn version_of(lens: &Lens, digest: Option<Digest>) -> Option<String> {
    digest.map(|digest| lens.world.artifact.artifact(&digest).map_or_else(|| short(&digest), |it| it.version.clone()))
}
