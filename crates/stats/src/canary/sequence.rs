//! Confidence sequences: an interval for the effect that holds at every look at once, for display.
//!
//! For each value on a logarithmic grid the two-sided bet of [`super::counts`] is kept; a value is excluded for good
//! once the mean wealth against it reaches 20 (simultaneous level 95 %). Invariants: an interval never widens; a side
//! nothing has excluded is reported as open (`None`), never as the end of the grid. Deliberately absent: any influence
//! on the verdict.

use super::counts::{Counts, Dispersion, log_e_uncapped};
use serde::{Deserialize, Serialize};

const BETS: [f64; 10] = [0.3, 0.5, 0.67, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.5];
const LEVEL: f64 = 20.0;

/// A 95 % confidence sequence at one look. `None` means no bound on that side yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// The grid of candidate values with the wealth against each.
#[derive(Clone, Debug)]
pub struct ConfidenceSequence {
    grid: Vec<f64>,
    logs: Vec<[f64; BETS.len()]>,
    excluded: Vec<bool>,
    bounds: Bounds,
}

impl ConfidenceSequence {
    /// `points` candidates spaced evenly in the logarithm over [1/`reach`, `reach`].
    pub fn new(points: usize, reach: f64) -> ConfidenceSequence {
        let points = points.max(3);
        let step = 2.0 * reach.ln() / (points - 1) as f64;
        let grid: Vec<f64> = (0..points).map(|i| (-reach.ln() + step * i as f64).exp()).collect();
        ConfidenceSequence {
            logs: vec![[0.0; BETS.len()]; points],
            excluded: vec![false; points],
            grid,
            bounds: Bounds::default(),
        }
    }

    /// Error ratio: the candidates are ratios r of the rates.
    pub fn observe_ratio(&mut self, counts: &Counts, dispersion: &Dispersion) {
        self.update(|r, g| log_e_uncapped(counts, r, g, dispersion));
    }

    /// Latency shift: the candidates are factors s; `counts_at(s)` compares the canary with the baseline slowed by s.
    /// `None` where the histogram cannot tell; such a candidate learns nothing from this interval.
    pub fn observe_shift(&mut self, counts_at: impl Fn(f64) -> Option<Counts>, dispersion: &Dispersion) {
        for i in 0..self.grid.len() {
            if let Some(counts) = (!self.excluded[i]).then(|| counts_at(self.grid[i])).flatten() {
                self.update_one(i, |g| log_e_uncapped(&counts, 1.0, g, dispersion));
            }
        }
        self.narrow();
    }

    fn update(&mut self, log_e: impl Fn(f64, f64) -> f64) {
        for i in 0..self.grid.len() {
            if !self.excluded[i] {
                let candidate = self.grid[i];
                self.update_one(i, |g| log_e(candidate, g));
            }
        }
        self.narrow();
    }

    fn update_one(&mut self, i: usize, log_e: impl Fn(f64) -> f64) {
        let mut mean = 0.0;
        for (log, g) in self.logs[i].iter_mut().zip(BETS) {
            *log = (*log + log_e(g)).min(690.0);
            mean += log.exp() / BETS.len() as f64;
        }
        self.excluded[i] = mean >= LEVEL;
    }

    /// The bounds now. The true value lies between grid points, so the excluded neighbour is reported on each side;
    /// when data are so plentiful that the last candidates fall too, the last bounds stay.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn narrow(&mut self) {
        let first = self.excluded.iter().position(|out| !out);
        let last = self.excluded.iter().rposition(|out| !out);
        if let (Some(first), Some(last)) = (first, last) {
            self.bounds =
                Bounds { low: first.checked_sub(1).map(|i| self.grid[i]), high: self.grid.get(last + 1).copied() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_until_something_is_known() {
        let mut sequence = ConfidenceSequence::new(97, 16.0);
        assert_eq!(sequence.bounds(), Bounds::default());
        sequence.observe_ratio(&Counts::default(), &Dispersion::POISSON);
        assert_eq!(sequence.bounds(), Bounds::default());
    }

    #[test]
    fn closes_around_the_truth_and_never_widens() {
        let mut sequence = ConfidenceSequence::new(97, 16.0);
        let counts = Counts { a: 30.0, b: 10.0, n_c: 5000.0, n_b: 5000.0 };
        let (mut low, mut high) = (0.0, f64::INFINITY);
        for _ in 0..40 {
            sequence.observe_ratio(&counts, &Dispersion { m: 1.2, tau: 0.05 });
            let bounds = sequence.bounds();
            let (now_low, now_high) = (bounds.low.unwrap_or(0.0), bounds.high.unwrap_or(f64::INFINITY));
            assert!(now_low >= low && now_high <= high);
            assert!(now_low < 3.0 && now_high > 3.0);
            (low, high) = (now_low, now_high);
        }
        assert!(low > 2.0 && high < 4.5, "[{low}, {high}]");
    }

    #[test]
    fn a_zero_baseline_bounds_one_side_only() {
        let mut sequence = ConfidenceSequence::new(97, 16.0);
        for _ in 0..20 {
            sequence.observe_ratio(&Counts { a: 4.0, b: 0.0, n_c: 1e3, n_b: 1e3 }, &Dispersion::POISSON);
        }
        let bounds = sequence.bounds();
        assert!(bounds.high.is_none());
    }
}
