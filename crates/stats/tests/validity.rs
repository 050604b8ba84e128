//! The guarantees themselves, by Monte Carlo with fixed seeds: wealth on the null boundary and coverage of the
//! confidence sequence.

#[allow(dead_code, reason = "only the random numbers are used here")]
mod simulator;

use interlock_stats::canary::counts::{Counts, Dispersion, ERROR_GRID, log_e};
use interlock_stats::canary::sequence::ConfidenceSequence;
use interlock_stats::canary::wealth::{Restarts, Wealth};
use simulator::Random;

/// On the boundary (canary rate 1.05 x baseline) the wealth reaches 100 within 60 looks in at most 1 % of runs. The
/// bound below is that 1 % plus four standard errors of 1500 runs.
#[test]
fn wealth_on_the_null_boundary_hardly_ever_reaches_a_hundred() {
    const RUNS: u64 = 1500;
    for (i, (n_c, n_b, p)) in [(300.0, 5700.0, 0.001), (3000.0, 3000.0, 0.001), (50.0, 5000.0, 0.02)].iter().enumerate()
    {
        let mut reached = 0;
        for seed in 0..RUNS {
            let mut random = Random::new(seed + 10_000 * i as u64);
            let mut wealth = Wealth::new(&ERROR_GRID, Restarts::Every { every: 5, first: 0.6, horizon: Some(60) });
            for _ in 0..60 {
                let counts = Counts {
                    a: random.poisson(n_c * p * 1.05) as f64,
                    b: random.poisson(n_b * p) as f64,
                    n_c: *n_c,
                    n_b: *n_b,
                };
                wealth.step(|g| log_e(&counts, 1.05, g, &Dispersion::POISSON));
                if wealth.value() >= 100.0 {
                    reached += 1;
                    break;
                }
            }
        }
        let share = reached as f64 / RUNS as f64;
        assert!(share <= 0.01 + 4.0 * (0.01 * 0.99 / RUNS as f64).sqrt(), "n_c {n_c} n_b {n_b} p {p}: {share}");
    }
}

/// The true ratio lies inside at every one of 60 looks in at least 95 % of runs, less four standard errors of 150; and
/// the sequence is informative, not merely wide.
#[test]
fn the_confidence_sequence_covers_the_truth_at_every_look() {
    const RUNS: u64 = 150;
    for ratio in [1.0, 2.0] {
        let (mut missed, mut width) = (0, 0.0);
        for seed in 0..RUNS {
            let mut random = Random::new(seed + 777_000);
            let mut sequence = ConfidenceSequence::new(97, 16.0);
            let mut inside = true;
            for _ in 0..60 {
                let counts = Counts {
                    a: random.poisson(3.0 * ratio) as f64,
                    b: random.poisson(3.0) as f64,
                    n_c: 3000.0,
                    n_b: 3000.0,
                };
                sequence.observe_ratio(&counts, &Dispersion::POISSON);
                let bounds = sequence.bounds();
                inside &= bounds.low.unwrap_or(0.0) <= ratio && ratio <= bounds.high.unwrap_or(f64::INFINITY);
            }
            missed += u32::from(!inside);
            let bounds = sequence.bounds();
            width += bounds.high.unwrap_or(16.0) / bounds.low.unwrap_or(1.0 / 16.0) / RUNS as f64;
        }
        let share = f64::from(missed) / RUNS as f64;
        assert!(share <= 0.05 + 4.0 * (0.05 * 0.95 / RUNS as f64).sqrt(), "ratio {ratio}: missed in {share}");
        assert!((1.3..4.0).contains(&width), "ratio {ratio}: mean width x{width}");
    }
}
