//! Wealth: the running product of e-values, mixed over alternatives and over restart times.
//!
//! A restart at interval s bets a share of the stake on "the harm begins at s", so that a fault which appears late is
//! not drowned by an uneventful past. By Ville's inequality the chance that [`Wealth::value`] ever reaches 1/alpha
//! under the null is at most alpha, at any number of looks.
//!
//! Invariants: the shares are fixed by the schedule and sum to at most one; the unspent share is kept as cash; log
//! wealth never exceeds 690 so that no sum overflows.

use crate::special::log_add_exp;

const LOG_WEALTH_LIMIT: f64 = 690.0;

/// When stakes are placed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Restarts {
    /// Everything at interval 1.
    Never,
    /// `first` at interval 1, the rest shared among every `every`-th later interval: equally up to the horizon, or
    /// falling as 6/(pi j)^2 when no horizon is known.
    Every { every: u32, first: f64, horizon: Option<u32> },
}

impl Restarts {
    /// The share staked at interval `t` (from 1).
    pub fn share_at(&self, t: u32) -> f64 {
        match *self {
            Restarts::Never => f64::from(u8::from(t == 1)),
            Restarts::Every { every, first, horizon } => {
                if t == 1 {
                    return first;
                }
                if every == 0 || t == 0 || !(t - 1).is_multiple_of(every) {
                    return 0.0;
                }
                match horizon {
                    Some(horizon) if t > horizon => 0.0,
                    Some(horizon) => (1.0 - first) / f64::from((horizon - 1) / every),
                    None => {
                        let j = f64::from((t - 1) / every);
                        (1.0 - first) * 6.0 / (std::f64::consts::PI * j).powi(2)
                    }
                }
            }
        }
    }
}

/// One test's wealth over a grid of alternatives with their prior weights (which sum to one).
#[derive(Clone, Debug)]
pub struct Wealth {
    grid: &'static [(f64, f64)],
    log_wealth: Vec<f64>,
    restarts: Restarts,
    staked: f64,
    t: u32,
}

impl Wealth {
    pub fn new(grid: &'static [(f64, f64)], restarts: Restarts) -> Wealth {
        Wealth { grid, log_wealth: vec![f64::NEG_INFINITY; grid.len()], restarts, staked: 0.0, t: 0 }
    }

    /// Moves one interval on. `log_e` gives the interval's log e-value for one alternative of the grid.
    pub fn step(&mut self, log_e: impl Fn(f64) -> f64) {
        self.t += 1;
        let share = self.restarts.share_at(self.t);
        self.staked += share;
        for (log_wealth, (alternative, _)) in self.log_wealth.iter_mut().zip(self.grid) {
            if share > 0.0 {
                *log_wealth = log_add_exp(*log_wealth, share.ln());
            }
            *log_wealth = (*log_wealth + log_e(*alternative)).min(LOG_WEALTH_LIMIT);
        }
    }

    /// An interval without evidence: time passes, stakes are placed, nothing is won or lost.
    pub fn idle(&mut self) {
        self.step(|_| 0.0);
    }

    /// The e-value so far; 1 before any evidence.
    pub fn value(&self) -> f64 {
        let bets: f64 = self.grid.iter().zip(&self.log_wealth).map(|((_, prior), log)| prior * log.exp()).sum();
        bets + (1.0 - self.staked).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: [(f64, f64); 1] = [(2.0, 1.0)];

    #[test]
    fn shares_sum_to_one_at_the_horizon_and_never_exceed_it() {
        for horizon in [1, 2, 5, 6, 7, 60, 61, 1440] {
            let restarts = Restarts::Every { every: 5, first: 0.6, horizon: Some(horizon) };
            let sum: f64 = (1..=horizon * 2).map(|t| restarts.share_at(t)).sum();
            let wanted = if horizon <= 5 { 0.6 } else { 1.0 };
            assert!((sum - wanted).abs() < 1e-12, "horizon {horizon}: {sum}");
        }
        let open = Restarts::Every { every: 5, first: 0.6, horizon: None };
        let sum: f64 = (1..200_000).map(|t| open.share_at(t)).sum();
        assert!(sum < 1.0 && sum > 0.9999, "{sum}");
    }

    #[test]
    fn no_evidence_keeps_the_stake() {
        let mut wealth = Wealth::new(&ONE, Restarts::Every { every: 5, first: 0.6, horizon: Some(60) });
        for _ in 0..60 {
            wealth.idle();
            assert!((wealth.value() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_restart_remembers_only_what_came_after_it() {
        let mut wealth = Wealth::new(&ONE, Restarts::Every { every: 5, first: 0.6, horizon: Some(10) });
        for _ in 0..5 {
            wealth.step(|_| -20.0);
        }
        for _ in 0..5 {
            wealth.step(|_| 1.0);
        }
        // The single restart, at interval 6, carries .4 through five gains of e.
        assert!((wealth.value() - 0.4 * 5f64.exp()).abs() < 1e-6);
    }

    #[test]
    fn a_mixture_is_the_mean_over_alternatives() {
        const TWO: [(f64, f64); 2] = [(1.0, 0.25), (3.0, 0.75)];
        let mut wealth = Wealth::new(&TWO, Restarts::Never);
        wealth.step(|g| g);
        assert!((wealth.value() - (0.25 * 1f64.exp() + 0.75 * 3f64.exp())).abs() < 1e-12);
    }

    #[test]
    fn endless_evidence_never_overflows() {
        let mut wealth = Wealth::new(&ONE, Restarts::Every { every: 5, first: 0.6, horizon: None });
        for _ in 0..10_000 {
            wealth.step(|_| 3.9);
        }
        assert!(wealth.value().is_finite() && wealth.value() > 1e290);
    }
}
