//! Live progress of a release: what changed since one last looked, one line each, until it is over.
//! Deliberately absent: judgement. The sentences are the server's.

use crate::{
    client::{Client, segment},
    failure::{Done, Failure},
};
use interlock_wire::{
    deployment::Deployment,
    release::Release,
    verification::{Analysis, Course},
};
use serde_json::Value;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(400);
const COUNT_EVERY: Duration = Duration::from_secs(3);

/// How long and how patiently one looks.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After which it is given up, with exit code 3.
    pub limit: Duration,
    /// How long the server may be away meanwhile.
    pub away: Duration,
}

/// What was told last.
#[derive(Default)]
struct Told {
    sentence: String,
    deployment: String,
    steps: u32,
    counted: Option<Instant>,
    looks: u64,
}

/// Follows a release until `over` says so; `say` hears each line.
///
/// # Errors
/// It took too long, the server refuses, or was away for too long.
pub async fn follow(
    client: &Client,
    release: &str,
    patience: Patience,
    over: impl Fn(&Release) -> bool,
    say: &mut (dyn FnMut(String) + Send),
) -> Done<Release> {
    let begun = Instant::now();
    let mut seen = Instant::now();
    let mut told = Told::default();
    loop {
        match look(client, release, &mut told, say).await {
            Ok(it) if over(&it) => return Ok(it),
            Ok(_) => seen = Instant::now(),
            Err(Failure::Unreachable(_)) if seen.elapsed() < patience.away => {}
            Err(failure) => return Err(failure),
        }
        if begun.elapsed() > patience.limit {
            return Err(Failure::Inconclusive(format!(
                "release `{release}` was not done within {} s: {}",
                patience.limit.as_secs(),
                told.sentence
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(client: &Client, name: &str, told: &mut Told, say: &mut (dyn FnMut(String) + Send)) -> Done<Release> {
    let release: Release = client.get(&format!("/releases/{}", segment(name))).await?;
    if shape(&told.sentence) != shape(&release.row.sentence) {
        say(release.row.sentence.clone());
    }
    told.sentence.clone_from(&release.row.sentence);
    let undoing = release.rollback.current.as_ref().and_then(|it| it.deployment.as_ref());
    if let Some(running) = undoing.or(release.deployment.as_ref()) {
        let it: Deployment = client.get(&format!("/deployments/{}", segment(&running.id))).await?;
        deployment(&it, told, say);
    }
    if let Some(last) = release.analyses.last().filter(|_| !release.row.status.is_terminal) {
        analysis(client, &last.id, told, say).await?;
    }
    Ok(release)
}

fn deployment(it: &Deployment, told: &mut Told, say: &mut (dyn FnMut(String) + Send)) {
    // Once it is archived, nobody counts its steps any more.
    if it.archived {
        return;
    }
    let sentence = shape(&it.row.sentence);
    if shape(&told.deployment) != sentence && shape(&told.sentence) != sentence {
        say(it.row.sentence.clone());
    }
    told.deployment.clone_from(&it.row.sentence);
    let due = told.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
    if told.steps != it.row.steps_done && due {
        told.steps = it.row.steps_done;
        told.counted = Some(Instant::now());
        say(format!(
            "{}: {} of {} steps",
            if it.row.direction == "back" { "taking back" } else { "deploying" },
            it.row.steps_done,
            it.row.steps_total
        ));
    }
}

/// A sentence without its numbers: when only they change, it has been told.
fn shape(sentence: &str) -> String {
    sentence.chars().filter(|c| !c.is_ascii_digit()).collect()
}

async fn analysis(client: &Client, id: &str, told: &mut Told, say: &mut (dyn FnMut(String) + Send)) -> Done {
    let analysis: Analysis = client.get(&format!("/analyses/{}", segment(id))).await?;
    if analysis.status.is_terminal {
        return Ok(());
    }
    let course: Course = client.get(&format!("/analyses/{}/course", segment(id))).await?;
    let Some(course) = course.course else { return Ok(()) };
    let (looks, line) = canary(&course);
    if looks >= told.looks + 5 || (looks > 0 && looks < told.looks) {
        told.looks = looks;
        say(line);
    }
    Ok(())
}

/// Number of the last look, and what it showed, in one line.
fn canary(course: &Value) -> (u64, String) {
    let mut most = 0;
    let mut parts = Vec::new();
    for service in course["services"].as_array().into_iter().flatten() {
        let points = service["points"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |name: &str| points.iter().filter_map(|point| point[name].as_u64()).sum::<u64>();
        most = most.max(points.len() as u64);
        let evidence = points.last().and_then(|point| point["log10_evidence"].as_f64());
        let evidence = evidence.map_or_else(|| "none yet".to_owned(), |it| format!("{:.1} of 2", it.max(0.0)));
        parts.push(format!(
            "{} {} new / {} old requests, evidence of harm {evidence}",
            service["service"].as_str().unwrap_or("?"),
            sum("requests_new"),
            sum("requests_old")
        ));
    }
    (most, format!("canary, look {most}: {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_alone_are_no_news() {
        assert_eq!(shape("wave canary, 3 of 72 steps"), shape("wave canary, 14 of 72 steps"));
        assert_ne!(shape("wave canary, 3 of 72 steps"), shape("wave rest, 3 of 72 steps"));
    }

    #[test]
    fn the_canary_is_told_in_one_line() {
        let point = |n: u64, evidence: f64| serde_json::json!({"requests_new": n, "requests_old": 10 * n, "log10_evidence": evidence});
        let course =
            serde_json::json!({"services": [{"service": "checkout", "points": [point(2, 0.0), point(3, 1.25)]}]});
        assert_eq!(
            canary(&course),
            (2, "canary, look 2: checkout 5 new / 50 old requests, evidence of harm 1.2 of 2".to_owned())
        );
        assert_eq!(canary(&Value::Null).0, 0);
    }
}
