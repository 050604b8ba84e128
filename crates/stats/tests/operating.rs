//! Operating characteristics on the simulator: few runs, so bounds are loose; the full table is the example
//! `operating_table`. With 24 runs per A/A cell and a true false-alarm rate of .1 %, more than one false alarm among the
//! 96 A/A runs has probability below 1 %; the detection floors lie at least four standard errors below the measured
//! rates. Seeds are fixed, so the tests are deterministic.

mod simulator;

use interlock_stats::canary::{Config, Judge, Verdict};
use simulator::{Fault, HARMLESS, PLAIN, Scenario, run};

/// Share of runs that fail, and the median interval at which they do.
fn detection(scenario: &Scenario, runs: u64, first_seed: u64) -> (f64, u32) {
    let config = Config { confidence_sequence: false, ..Config::default() };
    let mut delays = Vec::new();
    for seed in first_seed..first_seed + runs {
        let (history, watched) = run(scenario, seed);
        let mut judge = Judge::calibrated(config.clone(), &history).expect("the default settings are sound");
        for interval in &watched {
            let assessment = judge.observe(interval).expect("simulated data are sound");
            if assessment.verdict == Verdict::Fail {
                delays.push(assessment.t);
                break;
            }
        }
    }
    delays.sort_unstable();
    (delays.len() as f64 / runs as f64, delays.get(delays.len() / 2).copied().unwrap_or(u32::MAX))
}

#[test]
fn harmless_releases_hardly_ever_fail() {
    let mut alarms = 0.0;
    for (i, (weight, autocorrelated)) in [(0.05, false), (0.5, false), (0.05, true), (0.5, true)].iter().enumerate() {
        let scenario = Scenario { weight: *weight, autocorrelated: *autocorrelated, classic: true, ..PLAIN };
        alarms += 24.0 * detection(&scenario, 24, 1000 * i as u64).0;
    }
    assert!(alarms <= 1.0, "{alarms} false alarms in 96 runs");
}

#[test]
fn fivefold_errors_at_ten_percent_are_found_within_minutes() {
    let (found, delay) =
        detection(&Scenario { fault: Fault { errors: 5.0, ..HARMLESS }, classic: true, ..PLAIN }, 30, 50_000);
    assert!(found >= 0.95 && (4..=12).contains(&delay), "{found} @ {delay}");
}

#[test]
fn a_quarter_slower_at_five_percent_is_found_within_minutes() {
    let fault = Fault { latency: 1.25, ..HARMLESS };
    let (found, delay) = detection(&Scenario { weight: 0.05, fault, ..PLAIN }, 20, 60_000);
    assert!(found >= 0.95 && (2..=6).contains(&delay), "{found} @ {delay}");
}

#[test]
fn a_doubled_tail_is_found_though_the_median_is_unchanged() {
    let fault = Fault { tail: 2.0, ..HARMLESS };
    let (found, delay) = detection(&Scenario { weight: 0.05, fault, ..PLAIN }, 20, 70_000);
    assert!(found >= 0.9 && (4..=16).contains(&delay), "{found} @ {delay}");
}

#[test]
fn one_broken_endpoint_is_found_behind_a_quiet_total() {
    let fault = Fault { endpoint: Some(0.03), ..HARMLESS };
    let (found, delay) = detection(&Scenario { fault, classic: true, ..PLAIN }, 30, 80_000);
    assert!(found >= 0.75 && (10..=40).contains(&delay), "{found} @ {delay}");
}

#[test]
fn short_intervals_and_a_cold_judge_still_decide() {
    // A demonstration: 3-second intervals, 40 requests a second, 10 % weight, no history, 8 % errors.
    let scenario = Scenario {
        rps: 2.0,
        history: 0,
        horizon: 60,
        fault: Fault { errors: 80.0, ..HARMLESS },
        classic: true,
        ..PLAIN
    };
    let (found, delay) = detection(&scenario, 30, 90_000);
    assert!(found >= 0.8 && delay <= 30, "{found} @ {delay}");
}
