//! Error indicators: the total error rate and the mean over endpoints.
//!
//! Invariants: evidence counts only while the cumulative ratio is at or above the acting line; the endpoint list is
//! fixed before evidence is drawn, later arrivals share one pooled place. Deliberately absent: latency.

use super::calibrate::{ENOUGH, ERRORS, dispersion};
use super::config::{Config, ErrorRule};
use super::counts::{ABSOLUTE_GRID, Counts, Dispersion, ERROR_GRID, PASS_GRID, log_e, log_e_absolute};
use super::data::{Arm, Interval, Tally};
use super::wealth::{Restarts, Wealth};
use std::collections::BTreeSet;

/// Endpoints judged one by one; the rest are pooled.
const MAX_ENDPOINTS: usize = 50;
/// Stake of the pool when every endpoint known at the start has its own place.
const POOL_SHARE: f64 = 0.05;

fn total(canary: &Arm, baseline: &Arm) -> Counts {
    Counts { a: canary.errors as f64, b: baseline.errors as f64, n_c: canary.n as f64, n_b: baseline.n as f64 }
}

/// Pairs of arms of the intervals in which both were scraped.
pub fn both_arms(history: &[Interval]) -> Vec<(&Arm, &Arm)> {
    history.iter().filter_map(|i| Some((i.canary.as_ref()?, i.baseline.as_ref()?))).collect()
}

/// Evidence of more errors on one pair of counts.
#[derive(Clone, Debug)]
struct RateTest {
    dispersion: Dispersion,
    wealth: Wealth,
    seen: Counts,
}

impl RateTest {
    fn new(dispersion: Dispersion, restarts: Restarts) -> RateTest {
        RateTest { dispersion, wealth: Wealth::new(&ERROR_GRID, restarts), seen: Counts::default() }
    }

    fn step(&mut self, counts: Option<&Counts>, tolerance: f64) {
        match counts {
            None => self.wealth.idle(),
            Some(counts) => {
                self.seen.add(counts);
                let dispersion = self.dispersion;
                self.wealth.step(|g| log_e(counts, tolerance, g, &dispersion));
            }
        }
    }

    fn acting(&self, act_at: f64) -> bool {
        self.seen.ratio().is_some_and(|ratio| ratio >= act_at)
    }

    fn value(&self, act_at: f64) -> f64 {
        let value = self.wealth.value();
        if self.acting(act_at) { value } else { value.min(1.0) }
    }
}

/// The total error rate, with its evidence of being clear of harm.
#[derive(Clone, Debug)]
pub struct ErrorTrack {
    rule: ErrorRule,
    test: RateTest,
    pass_ratio: Wealth,
    pass_absolute: Wealth,
    best: f64,
}

impl ErrorTrack {
    pub fn new(config: &Config, restarts: Restarts, history: &[(&Arm, &Arm)]) -> ErrorTrack {
        let counts: Vec<Counts> = history.iter().map(|(c, b)| total(c, b)).collect();
        ErrorTrack {
            rule: config.errors.clone(),
            test: RateTest::new(dispersion(&counts, &ERRORS), restarts),
            pass_ratio: Wealth::new(&PASS_GRID, Restarts::Never),
            pass_absolute: Wealth::new(&ABSOLUTE_GRID, Restarts::Never),
            best: 1.0,
        }
    }

    pub fn step(&mut self, arms: Option<(&Arm, &Arm)>) -> Option<Counts> {
        let counts = arms.map(|(c, b)| total(c, b));
        self.test.step(counts.as_ref(), self.rule.tolerance);
        match &counts {
            None => {
                self.pass_ratio.idle();
                self.pass_absolute.idle();
            }
            Some(counts) => {
                let (rule, dispersion) = (&self.rule, self.test.dispersion);
                self.pass_ratio.step(|g| log_e(counts, rule.harm_ratio, g, &dispersion));
                self.pass_absolute.step(|x| log_e_absolute(counts, x, rule.harm_difference, &dispersion));
            }
        }
        self.best = self.best.max(self.pass());
        counts
    }

    pub fn value(&self) -> f64 {
        self.test.value(self.rule.act_at)
    }

    pub fn acting(&self) -> bool {
        self.test.acting(self.rule.act_at)
    }

    /// Harm means a higher ratio and a higher difference, so evidence against either will do; their mean is one
    /// e-value.
    pub fn pass(&self) -> f64 {
        0.5 * (self.pass_ratio.value() + self.pass_absolute.value())
    }

    pub fn best_pass(&self) -> f64 {
        self.best
    }

    pub fn restart_pass(&mut self) {
        self.pass_ratio = Wealth::new(&PASS_GRID, Restarts::Never);
        self.pass_absolute = Wealth::new(&ABSOLUTE_GRID, Restarts::Never);
        self.best = 1.0;
    }

    pub fn seen(&self) -> &Counts {
        &self.test.seen
    }

    pub fn dispersion(&self) -> Dispersion {
        self.test.dispersion
    }
}

/// The mean over endpoints, each with the total's cluster size and at least the default arm noise.
#[derive(Clone, Debug)]
pub struct EndpointTrack {
    rule: ErrorRule,
    restarts: Restarts,
    dispersion: Dispersion,
    idle: u32,
    known: BTreeSet<String>,
    tests: Vec<(String, RateTest)>,
    pool: RateTest,
    pool_share: f64,
}

impl EndpointTrack {
    pub fn new(config: &Config, restarts: Restarts, total: Dispersion, history: &[(&Arm, &Arm)]) -> EndpointTrack {
        let dispersion = Dispersion { m: total.m, tau: total.tau.max(ERRORS.tau) };
        let mut track = EndpointTrack {
            rule: config.errors.clone(),
            restarts,
            dispersion,
            idle: 0,
            known: config.endpoints.clone(),
            tests: Vec::new(),
            pool: RateTest::new(dispersion, restarts),
            pool_share: 1.0,
        };
        if track.known.is_empty() && history.len() >= ENOUGH {
            track.known = busiest(history);
        }
        track
    }

    /// Whether the baseline names endpoints (or they were named beforehand).
    pub fn present(&self, baseline: &Arm) -> bool {
        !self.known.is_empty() || !baseline.endpoints.is_empty()
    }

    fn fix(&mut self, arms: (&Arm, &Arm)) {
        if self.known.is_empty() {
            self.known = busiest(&[arms]);
        }
        let named: Vec<String> = self.known.iter().take(MAX_ENDPOINTS).cloned().collect();
        if named.is_empty() {
            return;
        }
        self.pool_share = if named.len() < self.known.len() { 1.0 / (named.len() + 1) as f64 } else { POOL_SHARE };
        let mut fresh = RateTest::new(self.dispersion, self.restarts);
        for _ in 0..self.idle {
            fresh.step(None, self.rule.tolerance);
        }
        self.tests = named.into_iter().map(|name| (name, fresh.clone())).collect();
    }

    pub fn step(&mut self, arms: Option<(&Arm, &Arm)>) {
        if let (Some(arms), true) = (arms, self.tests.is_empty()) {
            self.fix(arms);
        }
        self.idle += 1;
        let tolerance = self.rule.tolerance;
        let Some((canary, baseline)) = arms else {
            self.tests.iter_mut().for_each(|(_, test)| test.step(None, tolerance));
            self.pool.step(None, tolerance);
            return;
        };
        let none = Tally::default();
        let of = |arm: &Arm, name: &str| *arm.endpoints.get(name).unwrap_or(&none);
        for (name, test) in &mut self.tests {
            let counts = pair(of(canary, name), of(baseline, name));
            test.step(Some(&counts), tolerance);
        }
        let is_named = |name: &String| self.tests.binary_search_by(|(known, _)| known.cmp(name)).is_ok();
        let rest = |arm: &Arm| {
            arm.endpoints.iter().filter(|(name, _)| !is_named(name)).fold(none, |sum, (_, tally)| Tally {
                n: sum.n.saturating_add(tally.n),
                errors: sum.errors.saturating_add(tally.errors),
            })
        };
        let counts = pair(rest(canary), rest(baseline));
        self.pool.step(Some(&counts), tolerance);
    }

    pub fn value(&self) -> f64 {
        if self.tests.is_empty() {
            return 1.0;
        }
        let act_at = self.rule.act_at;
        let each = (1.0 - self.pool_share) / self.tests.len() as f64;
        let named: f64 = self.tests.iter().map(|(_, test)| each * test.value(act_at)).sum();
        named + self.pool_share * self.pool.value(act_at)
    }

    pub fn acting(&self) -> bool {
        let act_at = self.rule.act_at;
        self.pool.acting(act_at) || self.tests.iter().any(|(_, test)| test.acting(act_at))
    }

    /// Named endpoints with their own e-values.
    pub fn values(&self) -> Vec<(String, f64)> {
        self.tests.iter().map(|(name, test)| (name.clone(), test.value(self.rule.act_at))).collect()
    }
}

fn pair(canary: Tally, baseline: Tally) -> Counts {
    Counts { a: canary.errors as f64, b: baseline.errors as f64, n_c: canary.n as f64, n_b: baseline.n as f64 }
}

/// The busiest endpoints by requests of both arms; errors have no say, so the choice cannot favour a verdict.
fn busiest(arms: &[(&Arm, &Arm)]) -> BTreeSet<String> {
    let mut requests = std::collections::BTreeMap::<&String, u64>::new();
    for (canary, baseline) in arms {
        for (name, tally) in canary.endpoints.iter().chain(&baseline.endpoints) {
            let sum = requests.entry(name).or_default();
            *sum = sum.saturating_add(tally.n);
        }
    }
    let mut ranked: Vec<(&String, u64)> = requests.into_iter().collect();
    ranked.sort_by(|x, y| y.1.cmp(&x.1).then_with(|| x.0.cmp(y.0)));
    ranked.into_iter().take(MAX_ENDPOINTS).map(|(name, _)| name.clone()).collect()
}
