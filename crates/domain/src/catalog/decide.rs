//! What may happen in the catalogue.

use super::{Command, Event, Service, ServicePut, ServiceRemoved};
use crate::{
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, Refusal, RefusalKind},
};
use interlock_ids::Name;
use std::collections::BTreeSet;

/// Services in one command.
const MOST: usize = 5_000;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::PutServices { services } => put(world, ctx, services),
        Command::RemoveService { service } => remove(world, ctx, service),
    }
}

fn put(world: &World, ctx: &Context, services: &[Service]) -> Result<Vec<Event>, Refusal> {
    for service in services {
        authorise(world, ctx, Question::new("service.manage", "Service", &service.name))?;
    }
    let mut wrong = Vec::new();
    if services.is_empty() || services.len() > MOST {
        wrong.push(Blocker::new(
            "count",
            format!("1 to {MOST} services are entered at once, not {}", services.len()),
            "another number",
            "you",
        ));
    }
    let mut named = BTreeSet::new();
    for service in services {
        if !named.insert(&service.name) {
            wrong.push(Blocker::new(
                "named-twice",
                format!("service `{}` is named twice", service.name),
                "name it once",
                "you",
            ));
        }
    }
    for service in services {
        for needed in &service.depends_on {
            if !named.contains(needed) && world.catalog.service(needed).is_none() {
                let message = format!("`{}` depends on `{needed}`, and there is no such service", service.name);
                wrong.push(Blocker::new(
                    "unknown-dependency",
                    message,
                    format!("enter `{needed}` too, or leave it out"),
                    "you",
                ));
            }
        }
        for (what, value) in [
            ("description", &service.description),
            ("repository", service.repository.as_ref().unwrap_or(&service.description)),
        ] {
            if value.chars().count() > 2_000 {
                let message = format!("the {what} of `{}` is longer than 2,000 characters", service.name);
                wrong.push(Blocker::new("too-long", message, "a shorter text", "you"));
            }
        }
        let metrics = &service.metrics;
        if !metrics.path.starts_with('/')
            || metrics.requests.is_empty()
            || metrics.code_label.is_empty()
            || metrics.latency.is_empty()
        {
            let message = format!("the metrics of `{}` need a path that begins with `/`, and names", service.name);
            wrong.push(Blocker::new(
                "metrics",
                message,
                "leave `metrics` out for the convention, or fill them in",
                "you",
            ));
        }
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!("the services cannot be entered: {} things are wrong", wrong.len()),
            wrong,
        ));
    }
    let changed = services.iter().filter(|it| world.catalog.service(&it.name) != Some(it));
    Ok(changed.map(|it| Event::ServicePut(ServicePut { service: it.clone() })).collect())
}

fn remove(world: &World, ctx: &Context, name: &Name) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("service.manage", "Service", name))?;
    world.catalog.service(name).ok_or_else(|| Refusal::not_found("service", name))?;
    let mut blockers = Vec::new();
    for other in world.catalog.services.values().filter(|it| it.name != *name && it.depends_on.contains(name)) {
        let message = format!("service `{}` of group `{}` depends on it", other.name, other.owner);
        blockers.push(Blocker::new(
            "depended-on",
            message,
            "take the dependency out first",
            format!("group {}", other.owner),
        ));
    }
    for environment in world.environment.environments.values() {
        for target in environment.targets.iter().filter(|it| it.services.contains(name)) {
            let message = format!("target `{}` of environment `{}` runs it", target.name, environment.name);
            blockers.push(Blocker::new(
                "runs-there",
                message,
                "take it off the target first",
                "whoever keeps the environment",
            ));
        }
    }
    for release in world.release.open.iter().filter_map(|id| world.release.release(*id)) {
        if release.spec.items.iter().any(|it| it.service == *name) {
            let message = format!("release `{}` ships it", release.spec.name);
            blockers.push(Blocker::new("in-release", message, "the release ends", "a release manager"));
        }
    }
    if !blockers.is_empty() {
        return Err(Refusal::blocked(format!("service `{name}` cannot be removed"), blockers));
    }
    Ok(vec![Event::ServiceRemoved(ServiceRemoved { service: name.clone() })])
}
