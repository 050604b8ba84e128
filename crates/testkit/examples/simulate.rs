//! The simulator by hand and in continuous integration: `simulate [minutes=N] [seed=N]`, `simulate one <seed>`,
//! `simulate tell <seed>`, `simulate planted [minutes=N] [only=NAME]`. The last line is `N passed, N failed, N skipped`.

use interlock_testkit::sim::{Outcome, Planted, Setting, run, shrink};
use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named = |name: &str| words.iter().find_map(|it| it.strip_prefix(&format!("{name}="))).map(str::to_owned);
    let number = |name: &str| named(name).and_then(|it| it.parse::<f64>().ok());
    let good = match words.first().map(String::as_str) {
        Some("one") => {
            let seed = words.get(1).and_then(|it| it.parse().ok());
            let planted = named("planted").and_then(|it| Planted::named(&it));
            seed.is_some_and(|seed| one(&Setting { planted, ..Setting::of(seed) }))
        }
        // Everything that happens, up to the first finding.
        Some("tell") => {
            let seed = words.get(1).and_then(|it| it.parse().ok()).unwrap_or_default();
            run(&Setting::of(seed), true).told.iter().for_each(|line| println!("{line}"));
            true
        }
        Some("planted") => planted(
            Duration::from_secs_f64(number("minutes").unwrap_or(10.0) * 60.0),
            named("only").as_deref(),
            base(named("seed")),
        ),
        _ => fresh(Duration::from_secs_f64(number("minutes").unwrap_or(2.0) * 60.0), base(named("seed"))),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed: given, or of this moment, so that every run of continuous integration sees others.
fn base(given: Option<String>) -> u64 {
    let given = given.or_else(|| std::env::var("INTERLOCK_SEED").ok()).and_then(|it| it.parse().ok());
    given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        now.as_secs() * 1_000
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn one(setting: &Setting) -> bool {
    let begun = Instant::now();
    let outcome = run(setting, false);
    let ratio = outcome.simulated.as_secs_f64() / begun.elapsed().as_secs_f64();
    println!(
        "seed {}: {} entries, {} happenings, ledger {}, trace {}, {:.0} times real time",
        setting.seed,
        outcome.entries,
        outcome.steps,
        hex(&outcome.ledger),
        hex(&outcome.trace),
        ratio
    );
    outcome.counts.iter().for_each(|(what, count)| println!("  {count:8} {what}"));
    outcome.tally.iter().for_each(|(rule, count)| println!("  {count:8} times {rule}"));
    outcome.findings.iter().take(20).for_each(|it| println!("  FOUND {it}"));
    if !outcome.findings.is_empty()
        && let Some(story) = shrink(setting, 40)
    {
        println!("{story}");
    }
    outcome.findings.is_empty()
}

/// Fresh seeds until the time is over.
fn fresh(length: Duration, base: u64) -> bool {
    println!("base seed {base}; the same again: INTERLOCK_SEED={base}");
    let begun = Instant::now();
    let (mut seeds, mut simulated, mut failed) = (0u64, 0.0, Vec::new());
    let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    while begun.elapsed() < length && failed.len() < 3 {
        let setting = Setting::of(base + seeds);
        let outcome: Outcome = run(&setting, false);
        seeds += 1;
        simulated += outcome.simulated.as_secs_f64();
        outcome.tally.iter().for_each(|(rule, count)| *tally.entry(rule).or_default() += count);
        outcome.counts.iter().for_each(|(what, count)| *counts.entry(what).or_default() += count);
        if let Some(first) = outcome.findings.first() {
            println!("seed {}: FOUND {first}", setting.seed);
            println!("  again: cargo xtask simulate one {}", setting.seed);
            if let Some(story) = shrink(&setting, 30) {
                println!("{story}");
            }
            failed.push(setting.seed);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("what happened:");
    counts.iter().for_each(|(what, count)| println!("  {count:10} {what}"));
    println!("what was checked:");
    tally.iter().for_each(|(rule, count)| println!("  {count:10} {rule}"));
    println!(
        "{seeds} seeds, {:.1} days simulated in {seconds:.0} s: {:.0} times real time; failed: {failed:?}",
        simulated / 86_400.0,
        simulated / seconds
    );
    println!("{} passed, {} failed, 0 skipped", seeds - failed.len() as u64, failed.len());
    failed.is_empty()
}

/// What came of one planted defect so far.
#[derive(Default)]
struct Hunt {
    seconds: f64,
    seeds: u64,
    hit: Option<(Setting, String)>,
}

/// Every planted defect: one seed each, then another for each that is not found, until all are or the time is over.
fn planted(length: Duration, only: Option<&str>, base: u64) -> bool {
    println!("base seed {base}; the same again: INTERLOCK_SEED={base}");
    let begun = Instant::now();
    let all: Vec<&'static Planted> = Planted::all().filter(|it| only.is_none_or(|only| it.name == only)).collect();
    let mut hunts: Vec<Hunt> = all.iter().map(|_| Hunt::default()).collect();
    let mut simulated = 0.0;
    while begun.elapsed() < length && hunts.iter().any(|it| it.hit.is_none()) {
        for (it, hunt) in all.iter().zip(&mut hunts).filter(|(_, hunt)| hunt.hit.is_none()) {
            if begun.elapsed() >= length {
                break;
            }
            let started = Instant::now();
            let setting = Setting { planted: Some(it), ..Setting::of(base + hunt.seeds) };
            let outcome = run(&setting, false);
            simulated += outcome.simulated.as_secs_f64();
            hunt.seeds += 1;
            hunt.seconds += started.elapsed().as_secs_f64();
            hunt.hit = outcome.findings.first().map(|finding| {
                let known = it.rules.is_empty() || it.rules.contains(&finding.rule);
                let by = if known { "" } else { " (by another rule)" };
                (setting.clone(), format!("{} steps  {}{by}", outcome.steps, finding.rule))
            });
        }
    }
    for (it, hunt) in all.iter().zip(&hunts) {
        let (word, last) = match &hunt.hit {
            Some((setting, text)) => ("found ", format!("seed {}, {text}", setting.seed)),
            None => ("MISSED", String::new()),
        };
        println!("{word}  {:34} {:6.1} s {:4} seeds  {last}", it.name, hunt.seconds, hunt.seeds);
    }
    let missed: Vec<_> = all.iter().zip(&hunts).filter(|(_, hunt)| hunt.hit.is_none()).map(|(it, _)| it.name).collect();
    let (found, seconds) = (all.len() - missed.len(), begun.elapsed().as_secs_f64());
    println!(
        "{found} of {} found in {seconds:.0} s, at {:.0} times real time; missed: {missed:?}",
        all.len(),
        simulated / seconds
    );
    println!("{found} passed, {} failed, 0 skipped", missed.len());
    missed.is_empty()
}
