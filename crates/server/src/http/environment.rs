//! Environments, what runs where, claims.

use super::{catalog, release};
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, Body, Key, Params, parse, parse_all},
    http::page,
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    calendar::{Scope, open_at},
    core::Command,
    deployment,
    environment::{self, Tier},
};
use interlock_ids::{ClaimId, Name};
use interlock_wire::{
    deployment::RecordInstalled,
    environment::{
        Cell, Claim, ClaimRequest, Deployers, Environment, EnvironmentFreeze, EnvironmentRow, EnvironmentSpec, Matrix,
        MatrixService, Target, TargetSpec, Tier as WireTier,
    },
    page::{Page, Paging},
    reason::{Nothing, Receipt, Severity, Status},
};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// What the spec of an environment means to the core.
pub fn spec_in(name: Name, it: &EnvironmentSpec) -> Answer<environment::Environment> {
    let target = |(n, it): (usize, &TargetSpec)| -> Answer<environment::Target> {
        Ok(environment::Target {
            name: parse(&format!("targets[{n}].name"), &it.name)?,
            address: it.address.clone(),
            services: parse_all(&format!("targets[{n}].services"), &it.services)?,
            labels: it.labels.clone(),
            params: it.params.clone(),
            runner: it.runner.clone(),
        })
    };
    Ok(environment::Environment {
        name,
        tier: match it.tier {
            WireTier::Development => Tier::Development,
            WireTier::Test => Tier::Test,
            WireTier::Staging => Tier::Staging,
            WireTier::Production => Tier::Production,
        },
        production_like: it.production_like || it.tier == WireTier::Production,
        labels: it.labels.clone(),
        deployers: environment::Deployers {
            roles: parse_all("deployers.roles", &it.deployers.roles)?,
            groups: parse_all("deployers.groups", &it.deployers.groups)?,
        },
        targets: it.targets.iter().enumerate().map(target).collect::<Answer<_>>()?,
    })
}

fn tier(tier: Tier) -> WireTier {
    match tier {
        Tier::Development => WireTier::Development,
        Tier::Test => WireTier::Test,
        Tier::Staging => WireTier::Staging,
        Tier::Production => WireTier::Production,
    }
}

fn spec_out(it: &environment::Environment) -> EnvironmentSpec {
    let names = |set: &BTreeSet<Name>| set.iter().map(Name::to_string).collect();
    EnvironmentSpec {
        tier: tier(it.tier),
        production_like: it.production_like,
        labels: it.labels.clone(),
        deployers: Deployers { roles: names(&it.deployers.roles), groups: names(&it.deployers.groups) },
        targets: it
            .targets
            .iter()
            .map(|it| TargetSpec {
                name: it.name.to_string(),
                address: it.address.clone(),
                services: names(&it.services),
                labels: it.labels.clone(),
                params: it.params.clone(),
                runner: it.runner.clone(),
            })
            .collect(),
    }
}

fn row(lens: &Lens, it: &environment::Environment) -> EnvironmentRow {
    let scope = Scope { services: BTreeSet::new(), environment: it.name.clone(), release: None };
    let opening = open_at(&lens.world, &scope, lens.now);
    let running = lens.world.deployment.running_in(&it.name);
    let held = lens.world.environment.claim(&it.name, lens.now);
    let state = if running.is_some() {
        status("deploying", Severity::Info, false)
    } else if !opening.open {
        status("closed", Severity::Warning, false)
    } else if held.is_some() {
        status("claimed", Severity::Info, false)
    } else {
        status("open", Severity::Good, false)
    };
    EnvironmentRow {
        id: it.name.to_string(),
        name: it.name.to_string(),
        tier: tier(it.tier),
        production_like: it.production_like,
        targets: it.targets.len() as u32,
        status: state,
        freeze: freeze(lens, &scope, &opening),
        claim: held.map(|it| claim(lens, it)),
        deployment: running.map(|it| interlock_wire::reason::Ref::new(it.id, lens.release(it.release).name)),
    }
}

/// What closes an environment now, or within a week.
fn freeze(lens: &Lens, scope: &Scope, opening: &interlock_domain::calendar::Opening) -> Option<EnvironmentFreeze> {
    let (start, closed) = if opening.open {
        let start =
            opening.next_close.filter(|at| at.duration_since(lens.now) <= SignedDuration::from_hours(7 * 24))?;
        (start, open_at(&lens.world, scope, start).closed_by)
    } else {
        (lens.now, opening.closed_by.clone())
    };
    let first = closed.into_iter().next()?;
    Some(EnvironmentFreeze {
        title: first.window,
        source: lens.with_names(&format!("{} ({})", first.calendar, first.owner)),
        start,
        end: first.until,
    })
}

/// Environments.
#[utoipa::path(get, path = "/environments", params(Paging), responses((status = 200, body = Page<EnvironmentRow>)))]
pub async fn environments(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<EnvironmentRow>>> {
    let lens = Lens::new(&app, &caller);
    page::of(
        &paging,
        lens.world.environment.environments.iter(),
        |(name, _)| name.to_string(),
        |(_, it)| row(&lens, it),
    )
    .map(Json)
}

/// One environment.
#[utoipa::path(get, path = "/environments/{environment}", params(("environment" = String, Path)), responses((status = 200, body = Environment)))]
pub async fn environment(State(app): State<App>, caller: Caller, At(name): At<String>) -> Answer<Json<Environment>> {
    let lens = Lens::new(&app, &caller);
    let found = name.parse::<Name>().ok().and_then(|name| lens.world.environment.environment(&name));
    found.map(|it| Json(view(&lens, it))).ok_or_else(|| Failure::not_found("environment", name))
}

pub fn view(lens: &Lens, it: &environment::Environment) -> Environment {
    let claims = lens.world.environment.claims.values().rev().filter(|claim| claim.environment == it.name);
    let until = lens.now.checked_add(SignedDuration::from_hours(1)).unwrap_or(lens.now);
    let take = environment::Command::Claim {
        claim: lens.fresh(),
        environment: it.name.clone(),
        until,
        purpose: lens.no_note(),
    };
    Environment {
        row: row(lens, it),
        spec: spec_out(it),
        target_list: it
            .targets
            .iter()
            .flat_map(|target| target.services.iter().map(move |service| on_target(lens, it, target, service)))
            .collect(),
        claims: claims.take(50).map(|it| claim(lens, it)).collect(),
        actions: vec![lens.action(
            "claim",
            "Claim",
            "Nobody else deploys here until you give it back.",
            true,
            &Command::Environment(take),
        )],
    }
}

fn on_target(lens: &Lens, it: &environment::Environment, target: &environment::Target, service: &Name) -> Target {
    let installed = lens.world.deployment.installed(&it.name, service, &target.name);
    let held = installed.is_some_and(|it| lens.world.artifact.quarantine(&it.digest).is_some());
    let state = match installed {
        None => status("unknown", Severity::Neutral, false),
        Some(_) if held => status("quarantined", Severity::Bad, false),
        Some(_) => status("current", Severity::Good, false),
    };
    Target {
        id: format!("{}/{service}", target.name),
        name: target.name.to_string(),
        address: target.address.clone(),
        labels: target.labels.clone(),
        service: named(service),
        version: catalog::version_of(lens, installed.map(|it| it.digest)),
        digest: installed.map(|it| it.digest.to_string()),
        since: installed.map(|it| it.since),
        release: installed.and_then(|it| it.release).map(|id| lens.release(id)),
        status: state,
    }
}

/// What runs where.
#[utoipa::path(get, path = "/matrix", responses((status = 200, body = Matrix)))]
pub async fn matrix(State(app): State<App>, caller: Caller) -> Json<Matrix> {
    let lens = Lens::new(&app, &caller);
    let environments = &lens.world.environment.environments;
    let services = &lens.world.catalog.services;
    let runs = |environment: &environment::Environment, service: &Name| {
        environment.targets.iter().any(|it| it.services.contains(service))
    };
    let pairs =
        services.keys().flat_map(|service| environments.values().map(move |environment| (service, environment)));
    Json(Matrix {
        environments: environments.values().map(|it| row(&lens, it)).collect(),
        services: services
            .values()
            .map(|it| MatrixService { id: it.name.to_string(), name: it.name.to_string(), owner: it.owner.to_string() })
            .collect(),
        cells: pairs
            .filter(|(service, environment)| runs(environment, service))
            .map(|(service, environment)| cell(&lens, service, environment))
            .collect(),
    })
}

fn cell(lens: &Lens, service: &Name, environment: &environment::Environment) -> Cell {
    let running = catalog::running(lens, &environment.name, service);
    let quarantined = running.iter().any(|it| lens.world.artifact.quarantine(&it.digest).is_some());
    let state: Status = match running.as_slice() {
        [] => status("unknown", Severity::Neutral, false),
        _ if quarantined => status("quarantined", Severity::Bad, false),
        [_] => status("current", Severity::Good, false),
        _ => status("mixed", Severity::Warning, false),
    };
    let most = running.first();
    Cell {
        service: service.to_string(),
        environment: environment.name.to_string(),
        version: most.map(|it| lens.version(&it.digest)),
        digest: most.map(|it| it.digest.to_string()),
        since: most.map(|it| it.since),
        release: most.and_then(|it| it.release.clone()),
        status: state,
        mixed: running.iter().skip(1).map(|it| lens.version(&it.digest)).collect(),
    }
}

fn claim(lens: &Lens, it: &environment::Claim) -> Claim {
    let over = it.ended.is_some() || it.until <= lens.now;
    Claim {
        id: it.id.to_string(),
        environment: named(&it.environment),
        holder: lens.person(it.by),
        start: it.since,
        end: it.until,
        purpose: lens.note(it.purpose),
        ended: it.ended,
        status: if over { status("ended", Severity::Neutral, true) } else { status("in_force", Severity::Info, false) },
    }
}

/// Claims, the newest first.
#[utoipa::path(get, path = "/claims", params(Paging), responses((status = 200, body = Page<Claim>)))]
pub async fn claims(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Claim>>> {
    let lens = Lens::new(&app, &caller);
    page::reversed(
        &paging,
        lens.world.environment.claims.iter().rev(),
        |(id, _)| id.to_string(),
        |(_, it)| claim(&lens, it),
    )
    .map(Json)
}

/// Claims an environment for oneself, from now on.
#[utoipa::path(post, path = "/environments/{environment}/claim", params(("environment" = String, Path)), request_body = ClaimRequest, responses((status = 201, body = Receipt)))]
pub async fn claim_environment(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(it): Body<ClaimRequest>,
) -> Answer<Done> {
    let environment = release::known_environment(&app, &name)?;
    let claim: ClaimId = app.engine().fresh();
    let purpose = act::note(&app, "purpose", &it.purpose)?;
    let command = environment::Command::Claim { claim, environment, until: it.until, purpose };
    let done =
        act::carry_out(&app, &caller, key, act::subject("claim", claim, name), Command::Environment(command)).await?;
    Ok(done.created("/claims"))
}

/// Gives a claim back.
#[utoipa::path(post, path = "/claims/{id}/end", params(("id" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn end_claim(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let claim: ClaimId = id.parse().map_err(|_| Failure::not_found("claim", &id))?;
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("claim", claim, &id),
        Command::Environment(environment::Command::EndClaim { claim }),
    )
    .await
}

/// Writes down what ran in an environment before Interlock.
#[utoipa::path(post, path = "/environments/{environment}/installed", params(("environment" = String, Path)), request_body = RecordInstalled, responses((status = 200, body = Receipt)))]
pub async fn record_installed(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(name): At<String>,
    Body(it): Body<RecordInstalled>,
) -> Answer<Done> {
    let environment = release::known_environment(&app, &name)?;
    let found = it
        .found
        .iter()
        .map(|it| Ok((parse("service", &it.service)?, parse("target", &it.target)?, parse("digest", &it.digest)?)))
        .collect::<Answer<_>>()?;
    let command = deployment::Command::RecordInstalled { environment, found };
    act::carry_out(&app, &caller, key, act::subject("environment", &name, &name), Command::Deployment(command)).await
}

/// The command an action of an environment stands for.
pub fn asked(lens: &Lens, text: &str, action: &str, until: Option<jiff::Timestamp>) -> Option<Command> {
    let it = lens.world.environment.environment(&text.parse::<Name>().ok()?)?;
    let until = until.or_else(|| lens.now.checked_add(SignedDuration::from_hours(1)).ok())?;
    let take = environment::Command::Claim {
        claim: lens.fresh(),
        environment: it.name.clone(),
        until,
        purpose: lens.no_note(),
    };
    (action == "claim").then_some(Command::Environment(take))
}
