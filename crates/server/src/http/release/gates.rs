//! Why a release is where it is: its gates as they stand now, and its state in one sentence.

use super::find;
use crate::{
    auth::Caller,
    extract::At,
    http::{calendar, deployment},
    lens::{Lens, verdict},
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    calendar::Scope,
    reason::{Blocker, Outcome},
    release::{self, Release, Stage},
    rollback,
};
use interlock_wire::{
    length::Length,
    reason::Verdict,
    release::{Explanation, Gate, Gates},
};
use jiff::Timestamp;

/// What a gate asks, by its name.
fn asks(name: &str) -> &'static str {
    match name {
        "calendar" => "May one ship at that time?",
        "artifact" => "Is every build signed by a key in force, known, and free of quarantine?",
        "traceability" => "Is it known which commits are in it, and were they reviewed?",
        "approvals" => "Have enough people approved, and has nobody refused?",
        "segregation" => "Did others approve than those who wrote it, and do others deploy it?",
        "conditions" => "Are all conditions of the approvals met?",
        "review" => "Are the reviews of earlier releases of these services done?",
        "rollback-plan" => "Is it clear when it is taken back, by whom, and how one knows that this worked?",
        "environment" => "Is the environment free?",
        "evidence" => "Is all evidence there, fresh, and good?",
        "lead-time" => "Was it asked for early enough for its class?",
        "documents" => "Are the documents there that its class asks for?",
        "board" => "Has the board approved it, by people who are independent of it?",
        "template" => "Does it match an approved template exactly?",
        "debt" => "Is everything paid that earlier emergencies of the same owners owe?",
        _ => "A gate of the organisation's own policies.",
    }
}

fn title(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub fn gate(lens: &Lens, it: &release::Gate) -> Gate {
    Gate {
        id: it.name.into(),
        name: title(it.name),
        description: asks(it.name).into(),
        verdict: verdict(it.ruling.outcome),
        ruling: lens.ruling(&it.ruling),
    }
}

/// Everything that keeps its gates shut now.
fn standing(lens: &Lens, it: &Release) -> Vec<Blocker> {
    let gates = release::gates(&lens.world, it, lens.now);
    gates
        .into_iter()
        .filter(|gate| gate.ruling.outcome != Outcome::Pass)
        .flat_map(|gate| gate.ruling.blockers)
        .collect()
}

fn because(lens: &Lens, blockers: &[Blocker]) -> String {
    let Some(first) = blockers.first() else { return "something stands in the way".into() };
    let more = if blockers.len() > 1 { format!(" ({} more)", blockers.len() - 1) } else { String::new() };
    let clears = if first.clears.is_empty() { String::new() } else { format!(" {}.", capital(&first.clears)) };
    lens.with_names(&format!("{}.{clears}{more}", first.message.trim_end_matches('.')))
}

fn capital(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// How long until a moment, roughly, as people say it.
fn in_words(from: Timestamp, until: Timestamp) -> String {
    let seconds = until.duration_since(from).as_secs().clamp(0, 31_622_400) as u32;
    let rough = match seconds {
        0..=119 => seconds,
        120..=7_199 => seconds / 60 * 60,
        7_200..=172_799 => seconds / 3_600 * 3_600,
        _ => seconds / 86_400 * 86_400,
    };
    Length(rough).to_string()
}

/// The state of a release in one sentence.
pub fn sentence(lens: &Lens, it: &Release) -> String {
    match it.stage {
        Stage::Draft => "Draft: it has no window yet. Plan it.".into(),
        Stage::Planned => {
            let when = it.window.map(|window| format!(" for {}", at(window.start))).unwrap_or_default();
            format!("Planned{when}: freeze its scope, so that it can be approved as it is.")
        }
        Stage::Frozen => match standing(lens, it).as_slice() {
            [] => "Frozen: every gate passes; it becomes ready when they are next looked at.".into(),
            blockers => format!("Held: {}", because(lens, blockers)),
        },
        Stage::Ready => match it.window {
            Some(window) if lens.now < window.start => format!(
                "Ready: every gate passes; its window opens in {}. Authorise it.",
                in_words(lens.now, window.start)
            ),
            _ => "Ready: every gate passes. Authorise it.".into(),
        },
        Stage::Authorised => authorised(lens, it),
        Stage::Deploying => deploying(lens, it),
        Stage::Stabilising => stabilising(lens, it),
        Stage::Closed => format!("Closed: it stands since {}.", at(it.since)),
        Stage::RolledBack => rolled_back(lens, it),
        Stage::Cancelled => "Cancelled: it will not ship.".into(),
    }
}

fn at(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn authorised(lens: &Lens, it: &Release) -> String {
    match &it.permit {
        Some(permit) if lens.now < permit.not_before => format!(
            "Authorised: its permit is good in {}, at {}.",
            in_words(lens.now, permit.not_before),
            at(permit.not_before)
        ),
        Some(permit) if lens.now < permit.not_after => {
            format!("Authorised: deploy it within {}.", in_words(lens.now, permit.not_after))
        }
        _ => "Held: its permit ran out unused. Plan it anew.".into(),
    }
}

/// How its rollback stands, if it has one.
fn taken_back(lens: &Lens, it: &Release) -> Option<String> {
    let back = lens.world.rollback.of_release(it.id)?;
    Some(match back.status {
        rollback::Status::Undoing => "Rolling back: targets are being taken back.".into(),
        rollback::Status::Checking => "Rolling back: the criteria are being checked.".into(),
        rollback::Status::Succeeded => "Rolling back: every criterion passed.".into(),
        rollback::Status::Failed => {
            let open: Vec<_> = back
                .results
                .iter()
                .filter(|result| result.outcome != Outcome::Pass)
                .map(|result| format!("{}: {}", result.name, result.message))
                .collect();
            let why = if open.is_empty() { "a target could not be taken back".into() } else { open.join("; ") };
            format!("Held: the rollback could not be shown to have worked ({why}). Mend it and check again.")
        }
    })
}

fn deploying(lens: &Lens, it: &Release) -> String {
    if let Some(text) = taken_back(lens, it) {
        return text;
    }
    let running = it.deployment.and_then(|id| lens.world.deployment.deployment(id));
    running.map_or_else(|| "Deploying.".into(), |it| deployment::sentence(lens, it))
}

fn stabilising(lens: &Lens, it: &Release) -> String {
    if let Some(text) = taken_back(lens, it) {
        return text;
    }
    match lens.world.operations.of_release(it.id).map(|watch| (watch.phase, watch.outcome)) {
        Some((interlock_domain::operations::Phase::Stabilising { until }, _)) if lens.now < until => {
            format!("Watching: deployed everywhere; the watch ends in {}.", in_words(lens.now, until))
        }
        Some((interlock_domain::operations::Phase::Ended, Some(Outcome::Inconclusive))) => {
            "Held: the watch could not tell, because too few of its looks gave data. Close it or roll it back, and say why.".into()
        }
        _ => "Watching: deployed everywhere; the watch is ending.".into(),
    }
}

fn rolled_back(lens: &Lens, it: &Release) -> String {
    let worked = lens.world.rollback.of_release(it.id).is_some_and(|back| back.status == rollback::Status::Succeeded);
    let worked = if worked { "every criterion passed" } else { "it could not be shown that everything is as before" };
    let review = lens.world.learning.by_release.get(&it.id).and_then(|id| lens.world.learning.review(*id));
    match review.filter(|review| review.done.is_none()) {
        Some(review) => format!("Rolled back: {worked}; a review is due by {}.", at(review.due)),
        None => format!("Rolled back: {worked}."),
    }
}

/// The gates of a release as they stand now.
#[utoipa::path(get, path = "/releases/{release}/gates", params(("release" = String, Path)), responses((status = 200, body = Gates)))]
pub async fn gates(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Gates>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(id)?;
    let found = lens.world.release.release(id).ok_or_else(|| Failure::not_found("release", text))?;
    let gates: Vec<Gate> = release::gates(&lens.world, found, lens.now).iter().map(|it| gate(&lens, it)).collect();
    let failed = gates.iter().any(|it| it.verdict == Verdict::Fail);
    let passed = !gates.is_empty() && gates.iter().all(|it| it.verdict == Verdict::Pass);
    Ok(Json(Gates {
        release: lens.release(id),
        verdict: if failed {
            Verdict::Fail
        } else if passed {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        },
        sentence: sentence(&lens, found),
        gates,
        position: lens.world.position,
        at: lens.now,
    }))
}

/// Why a release is where it is, and what has to happen next.
#[utoipa::path(get, path = "/releases/{release}/explain", params(("release" = String, Path)), responses((status = 200, body = Explanation)))]
pub async fn explain(State(app): State<App>, caller: Caller, At(text): At<String>) -> Answer<Json<Explanation>> {
    let id = find(&app, &text)?;
    let lens = Lens::new(&app, &caller).close(id)?;
    lens.world
        .release
        .release(id)
        .map(|it| Json(explanation(&lens, it)))
        .ok_or_else(|| Failure::not_found("release", text))
}

pub fn explanation(lens: &Lens, it: &Release) -> Explanation {
    let running = it.deployment.and_then(|id| lens.world.deployment.deployment(id));
    let blockers = match it.stage {
        Stage::Draft | Stage::Planned | Stage::Frozen | Stage::Ready | Stage::Authorised => standing(lens, it),
        Stage::Deploying => running.map(|it| it.held.clone()).unwrap_or_default(),
        Stage::Stabilising | Stage::Closed | Stage::RolledBack | Stage::Cancelled => Vec::new(),
    };
    let closed = blockers
        .iter()
        .any(|it| it.code.contains("calendar") || it.code.contains("freeze") || it.code.contains("closed"));
    let scope = Scope {
        services: it.spec.items.iter().map(|item| item.service.clone()).collect(),
        environment: it.spec.environment.clone(),
        release: Some(it.id),
    };
    let offers = closed || it.window.is_none() && !it.stage.is_terminal();
    Explanation {
        release: lens.release(it.id),
        sentence: sentence(lens, it),
        blockers: lens.blockers(&blockers),
        next: next(lens, it),
        slots: if offers { calendar::free(&lens.world, &scope, lens.now, it.spec.length_s) } else { Vec::new() },
    }
}

fn next(lens: &Lens, it: &Release) -> String {
    match it.stage {
        Stage::Draft => "A release manager plans it into a window.".into(),
        Stage::Planned => "A release manager freezes its scope.".into(),
        Stage::Frozen => "Whoever can clears what stands in the way; then it becomes ready by itself.".into(),
        Stage::Ready => "A release manager authorises it.".into(),
        Stage::Authorised => "A deployer starts the deployment within the window.".into(),
        Stage::Deploying => "The runner goes on with the deployment by itself.".into(),
        Stage::Stabilising => "The watch ends by itself; a trigger takes it back.".into(),
        Stage::Closed | Stage::Cancelled => "Nothing: its life is over.".into(),
        Stage::RolledBack => {
            match lens.world.learning.by_release.get(&it.id).and_then(|id| lens.world.learning.review(*id)) {
                Some(review) if review.done.is_none() => {
                    "Whoever answers for the services completes the review; until then their next release is held."
                        .into()
                }
                _ => "Nothing: its life is over.".into(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, words) in [(45, "45s"), (150, "2m"), (7_300, "2h"), (200_000, "2d"), (-5, "0s")] {
            let until = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
            assert_eq!(in_words(now, until), words);
        }
    }
}
