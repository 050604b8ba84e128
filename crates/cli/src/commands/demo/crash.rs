//! The crash test: releases go out while the server is killed at random moments, with a clerk who keeps writing meanwhile.
//!
//! Checked at the end: every release finished by itself; nothing that was acknowledged is lost; the targets' own journals show
//! that every step was completed once, and none begun again after it was completed; the ledger verifies, through the API and in
//! the file. The moments are drawn from a seed that is printed.

use super::{
    plans::{self, act, patient},
    play::customers,
    stage::Stage,
    tell::Story,
};
use crate::{
    client::Client,
    commands::{ledger, proof},
    failure::{Done, Failure},
    render::progress,
};
use interlock_demo::{Random, sources::SERVICES};
use interlock_wire::{
    environment::ClaimRequest,
    ledger::{Entry, EntryRow},
    reason::{Nothing, Receipt},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

const PATIENCE: progress::Patience =
    progress::Patience { limit: Duration::from_secs(300), away: Duration::from_secs(30) };
/// Between two kills of one release, in milliseconds: in quick succession, or anywhere in deployment, canary and watch.
const SOONEST_MS: u64 = 100;
const SPREADS_MS: [u64; 2] = [4_000, 25_000];
/// As a multiple of a normal day: the machine has the server to start again beside.
const CUSTOMERS: f64 = 1.5;
/// After which it is taken that nothing was due: the canary looks, or the watch does.
const PROGRESS: Duration = Duration::from_secs(3);
/// Good versions that take turns. Whoever approves wrote none of either.
const VERSIONS: [&str; 2] = ["1.1.0", "1.2.1"];

#[derive(Default)]
struct Figures {
    kills: u32,
    releases: u32,
    /// From the start of the process until it could write.
    ready_ms: Vec<u64>,
    /// From the start of the process until the first entry of the deployment.
    progress_ms: Vec<u64>,
    nothing_due: u32,
}

pub async fn run(stage: &mut Stage, kills: u32, per_release: u32, seed: u64) -> Done {
    let mut story = Story::new();
    let mut random = Random::new(seed);
    let mut figures = Figures::default();
    println!("\nKilling the server {kills} times, {per_release} times during each release; seed {seed}.");
    customers(stage, CUSTOMERS).await?;
    let clerk = Clerk::begin(stage.of("elin")?.clone().with_tries(1));
    while figures.kills < kills {
        // More releases than kills would say that none is long enough to be killed.
        if figures.releases > kills {
            return Err(Failure::Inconclusive("releases end before the server can be killed".into()));
        }
        let version = VERSIONS[figures.releases as usize % VERSIONS.len()];
        let wanted = per_release.min(kills - figures.kills);
        one_release(stage, &story, &mut random, &mut figures, version, wanted).await?;
        figures.releases += 1;
    }
    let acknowledged = clerk.end().await;
    check(stage, &mut story, &figures, &acknowledged).await
}

async fn one_release(
    stage: &mut Stage,
    story: &Story,
    random: &mut Random,
    figures: &mut Figures,
    version: &str,
    kills: u32,
) -> Done {
    let name = format!("crash-{}", figures.releases + 1);
    story.turn(&format!("Release `{name}`: {version} of all services."));
    plans::prepare(stage, &name, &patient("A release that has to survive", SERVICES, version)).await?;
    act(stage.of("rita")?, &name, "authorise").await?;
    act(stage.of("olu")?, &name, "deploy").await?;
    for _ in 0..kills {
        let spread = SPREADS_MS[random.below(SPREADS_MS.len() as u64) as usize];
        let wait = SOONEST_MS + random.below(spread);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let it = plans::read(stage.of("olu")?, &name).await?;
        if it.row.status.is_terminal {
            break;
        }
        kill(stage, story, figures, &it.row.sentence).await?;
    }
    let mut quiet = |_| {};
    let it = progress::follow(stage.of("olu")?, &name, PATIENCE, |it| it.row.status.is_terminal, &mut quiet).await?;
    story.answer(&it.row.sentence);
    if it.row.status.value == "closed" {
        Ok(())
    } else {
        Err(Failure::Failed(format!("release `{name}` did not close by itself: {}", it.row.sentence)))
    }
}

async fn kill(stage: &mut Stage, story: &Story, figures: &mut Figures, sentence: &str) -> Done {
    if let Some(server) = stage.server.take() {
        server.kill().await?;
    }
    figures.kills += 1;
    let (begun, at) = (Instant::now(), Timestamp::now());
    stage.start_server().await?;
    let ready = begun.elapsed();
    figures.ready_ms.push(ready.as_millis() as u64);
    let progress = first_progress(stage.of("aude")?, at).await?;
    match progress {
        Some(ms) => figures.progress_ms.push(ms),
        None => figures.nothing_due += 1,
    }
    let told = progress.map_or_else(|| "nothing due".to_owned(), |ms| format!("went on after {ms} ms"));
    story.answer(&format!(
        "kill {}: while {}; ready after {} ms, {told}",
        figures.kills,
        sentence.trim_end_matches('.'),
        ready.as_millis()
    ));
    Ok(())
}

/// Milliseconds from `at` until the first entry that moved the deployment on; `None` if there was none for a while.
async fn first_progress(client: &Client, at: Timestamp) -> Done<Option<u64>> {
    let begun = Instant::now();
    while begun.elapsed() < PROGRESS {
        let rows: Vec<EntryRow> = client.list(&format!("/ledger/entries?from={at}"), 500).await?;
        let rooms = ["deployment.", "verification.", "operations.", "release.", "rollback."];
        // What the runner held is given back at the start: that is no progress yet.
        let moved =
            |it: &&EntryRow| rooms.iter().any(|room| it.kind.starts_with(room)) && !it.kind.contains("released");
        if let Some(first) = rows.iter().filter(moved).map(|it| it.at).min() {
            return Ok(u64::try_from(first.as_millisecond() - at.as_millisecond()).ok());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

/// What somebody was told: the entry at this position is of this kind.
type Acknowledged = BTreeMap<u64, String>;

/// Claims staging and gives it back, again and again, and remembers what was acknowledged.
struct Clerk {
    working: JoinHandle<()>,
    acknowledged: Arc<Mutex<Acknowledged>>,
}

impl Clerk {
    fn begin(client: Client) -> Self {
        let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
        let working = tokio::spawn({
            let acknowledged = acknowledged.clone();
            async move {
                loop {
                    // What is not acknowledged is nobody's promise: whatever goes wrong here is tried anew.
                    if let Ok(receipt) = Self::write(&client).await {
                        let entries = receipt.into_iter().flat_map(|it| it.entries).map(|it| (it.position, it.kind));
                        acknowledged.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
                    }
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            }
        });
        Self { working, acknowledged }
    }

    async fn write(client: &Client) -> Done<Vec<Receipt>> {
        let claims: Vec<interlock_wire::environment::Claim> = client.list("/claims", usize::MAX).await?;
        let mut done = Vec::new();
        for it in claims.iter().filter(|it| it.ended.is_none()) {
            done.push(client.act("claims", &it.id, "end", &Nothing {}).await?);
        }
        let until = Timestamp::now()
            .checked_add(SignedDuration::from_hours(1))
            .map_err(|error| Failure::Bug(error.to_string()))?;
        done.push(
            client
                .act("environments", "staging", "claim", &ClaimRequest { until, purpose: "Books are kept".into() })
                .await?,
        );
        Ok(done)
    }

    async fn end(self) -> Acknowledged {
        self.working.abort();
        // It was told to end; that it did is all there is to know.
        let _ = self.working.await;
        std::mem::take(&mut *self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A line of a target's own journal.
#[derive(Deserialize)]
struct Line {
    key: String,
    operation: String,
    phase: String,
}

/// What a target's journal says: steps completed, completed more than once, begun again after they were completed.
fn read_journal(text: &str) -> (usize, usize, usize) {
    let mut completed: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut again = 0;
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        let key = (line.key, line.operation);
        match line.phase.as_str() {
            "completed" => *completed.entry(key).or_default() += 1,
            _ if completed.contains_key(&key) => again += 1,
            _ => {}
        }
    }
    (completed.len(), completed.values().filter(|times| **times > 1).count(), again)
}

async fn check(stage: &mut Stage, story: &mut Story, figures: &Figures, acknowledged: &Acknowledged) -> Done {
    let aude = stage.of("aude")?.clone();
    let mut lost = 0;
    for (position, kind) in acknowledged {
        let entry: Done<Entry> = aude.get(&format!("/ledger/entries/{position}")).await;
        match entry {
            Ok(it) if it.row.kind == *kind => {}
            Ok(_) | Err(Failure::Refused(_)) => lost += 1,
            Err(failure) => return Err(failure),
        }
    }
    let (mut completed, mut twice, mut again, mut other) = (0, 0, 0, 0);
    let production: Vec<_> = stage.description().targets.iter().filter(|it| it.environment == "production").collect();
    for target in &production {
        let path = target.journal();
        let text = fs::read_to_string(&path).map_err(|error| Failure::io("reading", &path, &error))?;
        let (steps, doubled, begun_again) = read_journal(&text);
        completed += steps;
        twice += doubled;
        again += begun_again;
        // The first installation, and one step for each release.
        other += usize::from(steps != figures.releases as usize + 1);
    }
    let head = proof::verify_server(&aude).await?;
    stage.stop_server().await?;
    let report = ledger::verify_files(&stage.data, None)?;
    println!("\nkills                              {}", figures.kills);
    println!("releases, all closed by themselves {}", figures.releases);
    println!("entries in the ledger              {}", head.size);
    println!("ready after a restart              {}", quantiles(&figures.ready_ms));
    println!(
        "first progress after a restart     {} ({} times nothing was due)",
        quantiles(&figures.progress_ms),
        figures.nothing_due
    );
    println!("steps completed on targets         {completed}");
    println!("steps completed twice              {twice}");
    println!("steps begun again when completed   {again}");
    println!("targets with a step too many or too few  {other}");
    println!("acknowledged entries               {}", acknowledged.len());
    println!("acknowledged entries lost          {lost}");
    println!("ledger                             {}\n", if report.passed() { "verifies" } else { "does NOT verify" });
    story.check(!acknowledged.is_empty(), "somebody was writing all the time")?;
    story.check(lost == 0, "nothing that was acknowledged is lost")?;
    story.check(twice == 0 && again == 0 && other == 0, "no completed step was executed again, none is missing")?;
    story.check(report.passed(), "the ledger verifies")
}

/// Median and 99th percentile (nearest rank), in milliseconds.
fn quantiles(values: &[u64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| sorted.get(((share * sorted.len() as f64).ceil() as usize).saturating_sub(1)).copied();
    match (at(0.5), at(0.99)) {
        (Some(p50), Some(p99)) => format!("p50 {p50} ms, p99 {p99} ms, n {}", sorted.len()),
        _ => "never".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: &str, phase: &str) -> String {
        format!("{{\"key\":\"{key}\",\"operation\":\"apply\",\"phase\":\"{phase}\",\"digest\":\"x\"}}\n")
    }

    #[test]
    fn a_journal_shows_what_was_done_twice() {
        let good = [
            line("a", "begun"),
            line("a", "begun"),
            line("a", "completed"),
            line("b", "begun"),
            line("b", "completed"),
        ]
        .concat();
        assert_eq!(read_journal(&good), (2, 0, 0), "begun again before it was completed is a resumption");
        assert_eq!(read_journal(&[good.as_str(), &line("a", "begun")].concat()), (2, 0, 1));
        assert_eq!(read_journal(&[good.as_str(), &line("a", "completed")].concat()), (2, 1, 0));
        assert_eq!(
            read_journal(&format!("{good}{{\"key\":\"c\"")),
            (2, 0, 0),
            "a line that was cut short says nothing"
        );
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        assert_eq!(quantiles(&(1..=100).collect::<Vec<_>>()), "p50 50 ms, p99 99 ms, n 100");
        assert_eq!(quantiles(&[]), "never");
    }
}
