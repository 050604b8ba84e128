//! The count e-value: evidence that events per request differ between two arms in one interval.
//!
//! Source: the exponential supermartingale E[g^A e^{-SD}] <= 1 for A ~ Poisson(n_c λ_c), B ~ Poisson(n_b λ_b),
//! λ_c <= r λ_b, by 1 + x <= e^x. The common rate λ_b may move in any way from interval to interval.
//! `Dispersion` tempers it for clustered events (m) and for noise that is an arm's own (tau).
//!
//! Invariants: no requests in either arm, or no events, gives exactly no evidence; one interval never yields more than
//! [`LOG_CAP`]. Deliberately absent: memory between intervals, which is [`super::wealth`].

/// No single interval multiplies the evidence by more than 50, so one interval can never convict at alpha .01.
pub const LOG_CAP: f64 = 3.912_023_005_428_146;

/// Alternatives for "more errors" and their prior weights.
pub const ERROR_GRID: [(f64, f64); 7] =
    [(1.25, 0.10), (1.6, 0.20), (2.2, 0.25), (3.5, 0.20), (6.0, 0.12), (12.0, 0.08), (30.0, 0.05)];
/// Alternatives for "more requests above the latency cut" and their prior weights.
pub const EXCEEDANCE_GRID: [(f64, f64); 7] =
    [(1.05, 0.10), (1.12, 0.15), (1.25, 0.25), (1.5, 0.20), (2.0, 0.15), (3.0, 0.10), (6.0, 0.05)];
/// Alternatives for "clearly below the harm line", equal prior.
pub const PASS_GRID: [(f64, f64); 6] =
    [(0.9, 1.0 / 6.0), (0.8, 1.0 / 6.0), (0.67, 1.0 / 6.0), (0.5, 1.0 / 6.0), (0.3, 1.0 / 6.0), (0.1, 1.0 / 6.0)];
/// Tilts for "clearly below the absolute harm line", equal prior.
pub const ABSOLUTE_GRID: [(f64, f64); 5] = [(0.9, 0.2), (0.75, 0.2), (0.5, 0.2), (0.25, 0.2), (0.1, 0.2)];

/// One interval's counts: `a` events among `n_c` canary requests, `b` events among `n_b` baseline requests.
/// All are non-negative and finite; `b` may be fractional where a histogram bucket was interpolated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub a: f64,
    pub b: f64,
    pub n_c: f64,
    pub n_b: f64,
}

impl Counts {
    fn has_both_arms(&self) -> bool {
        self.n_c > 0.0 && self.n_b > 0.0
    }

    /// Rate ratio canary over baseline; infinite when only the canary has events, `None` when there is nothing.
    pub fn ratio(&self) -> Option<f64> {
        if !self.has_both_arms() || self.a + self.b <= 0.0 {
            return None;
        }
        if self.b <= 0.0 {
            return Some(f64::INFINITY);
        }
        Some((self.a / self.n_c) / (self.b / self.n_b))
    }

    pub fn add(&mut self, other: &Counts) {
        self.a += other.a;
        self.b += other.b;
        self.n_c += other.n_c;
        self.n_b += other.n_b;
    }

    /// The canary's expected share of events when its rate is `r` times the baseline's.
    pub fn share(&self, r: f64) -> f64 {
        r * self.n_c / (r * self.n_c + self.n_b)
    }
}

/// How much wider than Poisson the counts are: clusters of mean-size `m` >= 1, arm-specific log-rate noise with
/// long-run standard deviation `tau` >= 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dispersion {
    pub m: f64,
    pub tau: f64,
}

impl Dispersion {
    /// Plain Poisson: no tempering.
    pub const POISSON: Dispersion = Dispersion { m: 1.0, tau: 0.0 };

    fn temper(&self, events: f64, share: f64) -> f64 {
        self.m + self.tau * self.tau * events * share * (1.0 - share)
    }
}

/// Log e-value against "canary rate <= `r` x baseline rate" betting on factor `g` > 1; with `g` < 1 it is against
/// "canary rate >= `r` x baseline rate". Not capped; see [`log_e`].
pub fn log_e_uncapped(counts: &Counts, r: f64, g: f64, dispersion: &Dispersion) -> f64 {
    let events = counts.a + counts.b;
    if !counts.has_both_arms() || events <= 0.0 {
        return 0.0;
    }
    let share = counts.share(r);
    let drift = (share * (g - 1.0)).ln_1p();
    (counts.a * g.ln() - events * drift) / dispersion.temper(events, share)
}

/// [`log_e_uncapped`] limited to [`LOG_CAP`]. The cap only ever lowers the value, so it stays an e-value.
pub fn log_e(counts: &Counts, r: f64, g: f64, dispersion: &Dispersion) -> f64 {
    log_e_uncapped(counts, r, g, dispersion).min(LOG_CAP)
}

/// Log e-value against "canary rate >= baseline rate + `margin`" (events per request), tilt `x` in 0..1.
/// It grows on error-free traffic, where no ratio can say anything. Capped at [`LOG_CAP`].
pub fn log_e_absolute(counts: &Counts, x: f64, margin: f64, dispersion: &Dispersion) -> f64 {
    if !counts.has_both_arms() {
        return 0.0;
    }
    let given = (counts.n_c / counts.n_b) * (1.0 - x);
    let value = counts.a * x.ln() + counts.b * given.ln_1p() + counts.n_c * margin * (1.0 - x);
    (value / dispersion.temper(counts.a + counts.b, counts.share(1.0))).min(LOG_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::ln_gamma;

    fn poisson(k: u32, mean: f64) -> f64 {
        if mean == 0.0 {
            return if k == 0 { 1.0 } else { 0.0 };
        }
        (f64::from(k) * mean.ln() - mean - ln_gamma(f64::from(k) + 1.0)).exp()
    }

    /// Exact expectation of an e-value over two independent Poisson counts.
    fn expectation(n_c: f64, n_b: f64, rate_c: f64, rate_b: f64, value: impl Fn(&Counts) -> f64) -> f64 {
        let (mean_c, mean_b) = (n_c * rate_c, n_b * rate_b);
        let reach = |m: f64| (m + 14.0 * m.sqrt() + 30.0) as u32;
        let mut sum = 0.0;
        for a in 0..reach(mean_c) {
            for b in 0..reach(mean_b) {
                let counts = Counts { a: f64::from(a), b: f64::from(b), n_c, n_b };
                sum += poisson(a, mean_c) * poisson(b, mean_b) * value(&counts).exp();
            }
        }
        sum
    }

    #[test]
    fn expectation_is_at_most_one_on_and_below_the_null_boundary() {
        for (n_c, n_b, rate) in
            [(300.0, 5700.0, 1e-3), (3000.0, 3000.0, 1e-3), (50.0, 5000.0, 4e-3), (5000.0, 50.0, 4e-3), (5.0, 5.0, 0.1)]
        {
            for below in [1.0, 0.8] {
                for (g, _) in ERROR_GRID {
                    let mean =
                        expectation(n_c, n_b, 1.05 * below * rate, rate, |c| log_e(c, 1.05, g, &Dispersion::POISSON));
                    assert!(mean <= 1.0 + 1e-9, "n_c {n_c} n_b {n_b} g {g}: {mean}");
                    assert!(mean > 0.02, "a test that never bets proves nothing");
                }
                for (g, _) in PASS_GRID {
                    let harmful = 1.5 / below * rate;
                    let mean = expectation(n_c, n_b, harmful, rate, |c| log_e(c, 1.5, g, &Dispersion::POISSON));
                    assert!(mean <= 1.0 + 1e-9, "pass side g {g}: {mean}");
                }
                for (x, _) in ABSOLUTE_GRID {
                    let harmful = rate + 0.001 / below;
                    let mean =
                        expectation(n_c, n_b, harmful, rate, |c| log_e_absolute(c, x, 0.001, &Dispersion::POISSON));
                    assert!(mean <= 1.0 + 1e-9, "absolute x {x}: {mean}");
                }
            }
        }
    }

    #[test]
    fn absolute_bet_is_exact_on_its_boundary_without_the_cap() {
        // With small counts the cap never binds, so the expectation at the boundary is exactly one.
        let mean = expectation(100.0, 400.0, 0.011, 0.01, |c| log_e_absolute(c, 0.5, 0.001, &Dispersion::POISSON));
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn grows_under_the_alternative() {
        let counts = Counts { a: 25.0, b: 95.0, n_c: 5_000.0, n_b: 95_000.0 };
        let best = ERROR_GRID.iter().map(|(g, _)| log_e(&counts, 1.05, *g, &Dispersion { m: 1.2, tau: 0.05 }));
        assert!(best.fold(f64::MIN, f64::max) > 2.0);
    }

    #[test]
    fn known_vector_by_hand() {
        // r = 1, n equal: share 1/2, D = ln 1.5 for g = 2; A = 3, S = 4: 3 ln 2 - 4 ln 1.5.
        let counts = Counts { a: 3.0, b: 1.0, n_c: 10.0, n_b: 10.0 };
        let wanted = 3.0 * 2f64.ln() - 4.0 * 1.5f64.ln();
        assert!((log_e(&counts, 1.0, 2.0, &Dispersion::POISSON) - wanted).abs() < 1e-14);
        // Tempering divides by m + tau^2 S/4 = 2 + .01 * 1 = 2.01.
        let tempered = log_e(&counts, 1.0, 2.0, &Dispersion { m: 2.0, tau: 0.1 });
        assert!((tempered - wanted / 2.01).abs() < 1e-14);
    }

    #[test]
    fn nothing_in_gives_nothing_out() {
        let poisson = Dispersion::POISSON;
        for counts in [
            Counts::default(),
            Counts { a: 3.0, b: 0.0, n_c: 10.0, n_b: 0.0 },
            Counts { a: 0.0, b: 3.0, n_c: 0.0, n_b: 10.0 },
            Counts { a: 0.0, b: 0.0, n_c: 10.0, n_b: 10.0 },
        ] {
            assert_eq!(log_e(&counts, 1.05, 2.0, &poisson), 0.0);
        }
        assert_eq!(log_e_absolute(&Counts::default(), 0.5, 0.001, &poisson), 0.0);
        let silent = Counts { a: 0.0, b: 0.0, n_c: 1000.0, n_b: 1000.0 };
        assert!((log_e_absolute(&silent, 0.5, 0.001, &poisson) - 0.5).abs() < 1e-12, "silence is evidence of calm");
    }

    #[test]
    fn extremes_stay_finite_and_capped() {
        for counts in [
            Counts { a: 1e15, b: 0.0, n_c: 1e15, n_b: 1.0 },
            Counts { a: 0.0, b: 1e15, n_c: 1.0, n_b: 1e15 },
            Counts { a: 1e3, b: 0.0, n_c: 1e3, n_b: 1e9 },
        ] {
            for (g, _) in ERROR_GRID.iter().chain(&PASS_GRID) {
                let value = log_e(&counts, 1.05, *g, &Dispersion::POISSON);
                assert!(value.is_finite() && value <= LOG_CAP);
            }
        }
        assert!((LOG_CAP - 50f64.ln()).abs() < 1e-15);
    }
}
