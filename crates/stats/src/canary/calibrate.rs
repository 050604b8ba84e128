//! Calibration: how much two arms that run the same code differ, learnt from intervals before the release.
//!
//! Invariants: fewer than [`ENOUGH`] usable intervals teach nothing and the cautious defaults stand; every estimate is
//! pulled towards its default by its own uncertainty and never falls below its floor. Deliberately absent: anything
//! measured after the release began.

use super::counts::{Counts, Dispersion};
use super::gauge::Wobble;

/// Fewest history intervals that calibrate anything.
pub const ENOUGH: usize = 80;

/// Defaults and floors for one family of counts.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Default cluster size; `fixed_m` keeps it whatever the history says.
    pub m: f64,
    pub fixed_m: bool,
    /// Default arm noise.
    pub tau: f64,
    pub tau_floor: f64,
}

pub const ERRORS: Family = Family { m: 2.0, fixed_m: false, tau: 0.15, tau_floor: 0.05 };
pub const EXCEEDANCES: Family = Family { m: 1.0, fixed_m: true, tau: 0.10, tau_floor: 0.03 };

impl Family {
    /// What holds without history.
    pub fn uncalibrated(&self) -> Dispersion {
        Dispersion { m: self.m, tau: self.tau }
    }
}

/// Dispersion of A/A counts, one entry per history interval that both arms reported.
pub fn dispersion(history: &[Counts], family: &Family) -> Dispersion {
    if history.len() < ENOUGH {
        return family.uncalibrated();
    }
    let deviations: Vec<(f64, f64)> = history
        .iter()
        .map(|counts| {
            if counts.n_c <= 0.0 || counts.n_b <= 0.0 {
                return (0.0, 0.0);
            }
            let (events, share) = (counts.a + counts.b, counts.share(1.0));
            (counts.a - events * share, events * share * (1.0 - share))
        })
        .collect();
    let m = if family.fixed_m { family.m } else { cluster_size(&deviations) };
    Dispersion { m, tau: arm_noise(&deviations, m, family) }
}

fn cluster_size(deviations: &[(f64, f64)]) -> f64 {
    let expected: f64 = deviations.iter().map(|(_, v)| v).sum();
    if expected <= 1.0 {
        return 3.0;
    }
    let factor = deviations.iter().map(|(u, _)| u * u).sum::<f64>() / expected;
    let error = deviations.iter().map(|(u, v)| (u * u - factor * v).powi(2)).sum::<f64>().sqrt() / expected;
    (factor + 0.5 * error).clamp(1.2, 3.0)
}

/// The largest of the estimates over batches of 1, 5 and 10 intervals, so that slow noise is not mistaken for none.
fn arm_noise(deviations: &[(f64, f64)], m: f64, family: &Family) -> f64 {
    let prior = (6.0 * family.tau * family.tau).powi(2);
    let mut largest = family.tau_floor * family.tau_floor;
    for size in [1, 5, 10] {
        let (mut excess, mut squares, mut expected) = (0.0, 0.0, 0.0);
        let mut weight = 0.0;
        for batch in deviations.chunks_exact(size) {
            let u: f64 = batch.iter().map(|(u, _)| u).sum();
            let v: f64 = batch.iter().map(|(_, v)| v).sum();
            weight += batch.iter().map(|(_, v)| v * v).sum::<f64>();
            excess += u * u - m * v;
            squares += (u * u - m * v).powi(2);
            expected += 2.0 * (m * v).powi(2);
        }
        let posterior = if weight > 0.0 {
            let estimate = excess / weight;
            let variance = (squares.max(expected) / (weight * weight)).max(f64::MIN_POSITIVE);
            (family.tau * family.tau / prior + estimate / variance) / (1.0 / prior + 1.0 / variance)
        } else {
            family.tau * family.tau
        };
        largest = largest.max(posterior);
    }
    largest.sqrt()
}

/// Autocorrelation and innovation scale of an A/A series of log-ratios; gaps (`None`) separate runs.
pub fn wobble(history: &[Option<f64>]) -> Wobble {
    let values: Vec<f64> = history.iter().flatten().copied().collect();
    if values.len() < ENOUGH {
        return Wobble::UNKNOWN;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let pairs: Vec<(f64, f64)> = history.windows(2).filter_map(|w| Some((w[0]? - mean, w[1]? - mean))).collect();
    let raw = if variance > 0.0 { pairs.iter().map(|(x, y)| x * y).sum::<f64>() / variance } else { 0.0 };
    // Lag-1 autocorrelation is biased low in short series; the second term leans further to the cautious side.
    let lag = (raw + (1.0 + 3.0 * raw.max(0.0)) / n).clamp(-0.999, 0.999);
    let phi = (lag + 0.5 * ((1.0 - lag * lag) / n).sqrt()).clamp(0.2, 0.95);
    let mut sizes: Vec<f64> = pairs.iter().map(|(x, y)| (y - phi * x).abs()).collect();
    if sizes.len() < ENOUGH / 2 {
        return Wobble::UNKNOWN;
    }
    sizes.sort_by(f64::total_cmp);
    let middle = sizes.len() / 2;
    let median = if sizes.len() % 2 == 1 { sizes[middle] } else { 0.5 * (sizes[middle - 1] + sizes[middle]) };
    Wobble { phi, scale: Some(1.4826 * median + 1e-4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small deterministic generator (splitmix64) for tests only.
    struct Random(u64);
    impl Random {
        fn unit(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }
        fn normal(&mut self) -> f64 {
            crate::special::normal_quantile(self.unit().clamp(1e-12, 1.0 - 1e-12))
        }
    }

    fn history(noise: f64, cluster: f64, seed: u64) -> Vec<Counts> {
        let mut random = Random(seed);
        (0..480)
            .map(|_| {
                // Normal counts with Poisson variance times the cluster size, plus arm noise on the log rate.
                let mut arm = |n: f64| {
                    let mean = n * 0.01 * (noise * random.normal()).exp();
                    (mean + (mean * cluster).sqrt() * random.normal()).max(0.0).round()
                };
                Counts { a: arm(50_000.0), b: arm(50_000.0), n_c: 50_000.0, n_b: 50_000.0 }
            })
            .collect()
    }

    #[test]
    fn too_little_history_keeps_the_defaults() {
        assert_eq!(dispersion(&history(0.0, 1.0, 1)[..79], &ERRORS), Dispersion { m: 2.0, tau: 0.15 });
        assert_eq!(dispersion(&[], &EXCEEDANCES), Dispersion { m: 1.0, tau: 0.10 });
        assert_eq!(wobble(&[Some(0.1); 79]), Wobble::UNKNOWN);
    }

    #[test]
    fn plain_poisson_history_comes_out_near_the_floor() {
        let found = dispersion(&history(0.0, 1.0, 2), &ERRORS);
        assert!(found.m < 1.35, "{found:?}");
        assert!((0.05..0.08).contains(&found.tau), "{found:?}");
    }

    #[test]
    fn clusters_and_arm_noise_are_found() {
        let clustered = dispersion(&history(0.0, 2.5, 3), &ERRORS);
        assert!(clustered.m > 2.0, "{clustered:?}");
        // Both arms wobble, so the log-ratio wobbles by sqrt(2) of each.
        let noisy = dispersion(&history(0.2, 1.0, 4), &EXCEEDANCES);
        assert!((0.22..0.40).contains(&noisy.tau), "{noisy:?}");
    }

    #[test]
    fn silent_history_is_judged_cautiously() {
        let silent = vec![Counts { a: 0.0, b: 0.0, n_c: 1e4, n_b: 1e4 }; 200];
        assert_eq!(dispersion(&silent, &ERRORS), Dispersion { m: 3.0, tau: 0.15 });
    }

    #[test]
    fn autoregression_is_recovered() {
        let mut random = Random(5);
        let mut value = 0.0;
        let series: Vec<Option<f64>> = (0..2000)
            .map(|_| {
                value = 0.7 * value + 0.05 * random.normal();
                Some(value)
            })
            .collect();
        let found = wobble(&series);
        assert!((found.phi - 0.7).abs() < 0.06, "{found:?}");
        assert!((found.scale.unwrap() - 0.05).abs() < 0.005, "{found:?}");
        assert!(wobble(&[Some(0.0); 100]).scale.unwrap() > 0.0, "a constant series still has a positive scale");
    }
}
