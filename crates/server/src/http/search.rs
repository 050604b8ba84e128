//! Finds any object by part of its name, or by the beginning of its id, commit or digest.

use super::{change, release};
use crate::{
    auth::Caller,
    extract::Params,
    lens::{Lens, short},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_wire::search::{Hit, Hits, SearchQuery};

const MOST: usize = 50;

/// What matches, at most 50, the best first.
#[utoipa::path(get, path = "/search", params(SearchQuery), responses((status = 200, body = Hits)))]
pub async fn search(State(app): State<App>, caller: Caller, Params(it): Params<SearchQuery>) -> Answer<Json<Hits>> {
    let wanted = it.q.trim().to_lowercase();
    if wanted.chars().count() < 2 || wanted.chars().count() > 200 {
        return Err(Failure::invalid("invalid-query", "q", "q: give 2 to 200 characters"));
    }
    let lens = Lens::new(&app, &caller);
    let mut found: Vec<(u8, Hit)> = Vec::new();
    let mut add = |rank: Option<u8>, kind: &str, id: String, title: String, detail: String| {
        found.extend(rank.map(|rank| (rank, Hit { kind: kind.into(), id, title, detail })));
    };
    let world = &lens.world;
    for it in world.release.releases.values().rev() {
        let rank = rank(&wanted, it.spec.name.as_str(), &[it.id.to_string()]);
        add(rank, "release", it.id.to_string(), it.spec.name.to_string(), release::status(it.stage).label);
    }
    for it in world.catalog.services.values() {
        add(
            rank(&wanted, it.name.as_str(), &[]),
            "service",
            it.name.to_string(),
            it.name.to_string(),
            it.description.clone(),
        );
    }
    for it in world.environment.environments.values() {
        add(
            rank(&wanted, it.name.as_str(), &[]),
            "environment",
            it.name.to_string(),
            it.name.to_string(),
            it.tier.as_str().into(),
        );
    }
    for it in world.calendar.calendars().values() {
        add(
            rank(&wanted, it.name.as_str(), &[]),
            "calendar",
            it.name.to_string(),
            it.name.to_string(),
            format!("owned by {}", it.owner),
        );
    }
    for it in world.artifact.artifacts.values() {
        let digest = it.digest.to_string();
        let mut handles = vec![digest.clone(), digest.trim_start_matches("sha256:").to_owned()];
        handles.extend(it.source.iter().flat_map(|source| source.commits.iter().map(|commit| commit.sha.clone())));
        let title = format!("{} {}", it.service, it.version);
        add(rank(&wanted, &title.to_lowercase(), &handles), "artifact", digest, title, short(&it.digest));
    }
    for it in lens.engine.desk().people().into_iter().filter(|it| world.people.account(it.account).is_some()) {
        let names = format!("{} {}", it.login, it.name).to_lowercase();
        add(rank(&wanted, &names, &[it.account.to_string()]), "account", it.login.clone(), it.name.clone(), it.login);
    }
    for it in world.deployment.deployments.values().rev() {
        let id = it.id.to_string();
        add(
            rank(&wanted, "", std::slice::from_ref(&id)),
            "deployment",
            id,
            lens.release(it.release).name,
            it.environment.to_string(),
        );
    }
    for it in world.change.changes.values().rev() {
        let id = it.id.to_string();
        add(
            rank(&wanted, "", std::slice::from_ref(&id)),
            "change",
            id,
            lens.release(it.release).name,
            format!("{:?}", change::class_out(it.class)).to_lowercase(),
        );
    }
    if let Ok(position) = wanted.parse::<u64>()
        && position < world.position
    {
        add(Some(1), "entry", position.to_string(), format!("Entry {position}"), "of the ledger".into());
    }
    found.sort_by_key(|(rank, _)| *rank);
    Ok(Json(Hits { items: found.into_iter().take(MOST).map(|(_, hit)| hit).collect() }))
}

/// 0 the very thing, 1 begins so, 2 contains it.
fn rank(wanted: &str, name: &str, handles: &[String]) -> Option<u8> {
    if name == wanted || handles.iter().any(|it| it == wanted) {
        Some(0)
    } else if name.starts_with(wanted) || wanted.len() >= 4 && handles.iter().any(|it| it.starts_with(wanted)) {
        Some(1)
    } else {
        (!name.is_empty() && name.contains(wanted)).then_some(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_very_thing_comes_first() {
        let handles = ["abcdef12".to_owned()];
        assert_eq!(rank("checkout", "checkout", &[]), Some(0));
        assert_eq!(rank("check", "checkout", &[]), Some(1));
        assert_eq!(rank("out", "checkout", &[]), Some(2));
        assert_eq!(rank("abcd", "x", &handles), Some(1));
        assert_eq!(rank("abc", "x", &handles), None);
    }
}
