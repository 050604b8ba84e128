//! Bursts: which of many event kinds (log templates, ticket categories) rose after a moment, against their own history.
//!
//! One e-process per kind: counts after the start against a Gamma posterior of the rate before it, betting that the
//! rate is g times what the wobble of the past allows; restarted every ten intervals, so a late burst is seen. e-BH
//! then bounds the share of false names. A kind never seen before needs no special case: its history is zero events in
//! all the time watched.
//!
//! Invariants: an interval multiplies the evidence by at most 50; no events give no evidence. Exact on average over
//! Poisson histories; the tolerated factor covers wobble beyond that. Deliberately absent: reading logs.

use crate::multiple::e_bh;
use crate::special::log_add_exp;
use std::collections::BTreeMap;

const GRID: [f64; 5] = [2.0, 4.0, 8.0, 20.0, 100.0];
const LOG_CAP: f64 = 3.912_023_005_428_146;
/// Events come in clusters of this mean size.
const CLUSTER: f64 = 1.3;
/// Weight of the prior: half an event in an hour.
const PRIOR_EVENTS: f64 = 0.5;
const PRIOR_MINUTES: f64 = 60.0;
const RESTART_EVERY: u32 = 10;
const FIRST_STAKE: f64 = 0.6;

/// The factor by which rates wobble from hour to hour and that is therefore tolerated: exp(2.5 s) within 1.5..8, s the
/// median over kinds of the standard deviation of log hourly counts. NaN or negative wobble is taken as the widest.
pub fn tolerated_factor(hourly_log_sd: f64) -> f64 {
    if hourly_log_sd.is_nan() || hourly_log_sd < 0.0 {
        return 8.0;
    }
    (2.5 * hourly_log_sd).exp().clamp(1.5, 8.0)
}

#[derive(Clone, Debug)]
struct Stake {
    log_share: f64,
    events: f64,
    minutes: f64,
    log_ratio: [f64; GRID.len()],
    log_wealth: [f64; GRID.len()],
}

/// The e-process of one kind of event.
#[derive(Clone, Debug)]
pub struct Burst {
    tolerated: f64,
    shape: f64,
    rate: f64,
    t: u32,
    horizon: u32,
    staked: f64,
    stakes: Vec<Stake>,
}

impl Burst {
    /// `events` in `minutes` of history; `tolerated` from [`tolerated_factor`] (at least 1); `horizon`: intervals over
    /// which the stake is spread. Impossible figures are taken as the most cautious possible ones.
    pub fn new(events: u64, minutes: f64, tolerated: f64, horizon: u32) -> Burst {
        let minutes = if minutes.is_finite() { minutes.max(0.0) } else { 0.0 };
        Burst {
            tolerated: if tolerated >= 1.0 && tolerated.is_finite() { tolerated } else { 8.0 },
            shape: PRIOR_EVENTS + events as f64 / CLUSTER,
            rate: PRIOR_MINUTES + minutes,
            t: 0,
            horizon: horizon.max(1),
            staked: 0.0,
            stakes: Vec::new(),
        }
    }

    fn share_at(&self, t: u32) -> f64 {
        let restarts = (self.horizon - 1) / RESTART_EVERY;
        match t {
            1 => FIRST_STAKE,
            t if t <= self.horizon && (t - 1).is_multiple_of(RESTART_EVERY) => {
                (1.0 - FIRST_STAKE) / f64::from(restarts)
            }
            _ => 0.0,
        }
    }

    /// Takes one interval of `minutes` with `events` in it and returns the e-value so far. An interval without length
    /// (or with one that is not a number) is a gap: nothing is learnt.
    pub fn observe(&mut self, events: u64, minutes: f64) -> f64 {
        self.t += 1;
        let share = self.share_at(self.t);
        if share > 0.0 {
            self.staked += share;
            self.stakes.push(Stake {
                log_share: share.ln(),
                events: 0.0,
                minutes: 0.0,
                log_ratio: [0.0; GRID.len()],
                log_wealth: [0.0; GRID.len()],
            });
        }
        if minutes > 0.0 && minutes.is_finite() {
            let (tolerated, shape, rate) = (self.tolerated, self.shape, self.rate);
            for stake in &mut self.stakes {
                stake.events += events as f64 / CLUSTER;
                stake.minutes += minutes;
                for (i, g) in GRID.iter().enumerate() {
                    let exposure = tolerated * stake.minutes;
                    let ratio = stake.events * g.ln()
                        + (shape + stake.events) * ((rate + exposure) / (rate + g * exposure)).ln();
                    stake.log_wealth[i] = (stake.log_wealth[i] + (ratio - stake.log_ratio[i]).min(LOG_CAP)).min(600.0);
                    stake.log_ratio[i] = ratio;
                }
            }
        }
        self.value()
    }

    /// The e-value so far; 1 before any evidence.
    pub fn value(&self) -> f64 {
        let prior = (GRID.len() as f64).ln();
        let bets = self
            .stakes
            .iter()
            .flat_map(|stake| stake.log_wealth.iter().map(move |log| stake.log_share + log - prior))
            .fold(f64::NEG_INFINITY, log_add_exp);
        bets.exp() + (1.0 - self.staked).max(0.0)
    }
}

/// Kinds whose rise survives e-BH at `level`, strongest first.
pub fn risen(kinds: &BTreeMap<String, Burst>, level: f64) -> Vec<String> {
    let values: Vec<(String, f64)> = kinds.iter().map(|(name, burst)| (name.clone(), burst.value())).collect();
    e_bh(&values, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::ln_gamma;

    /// Averaged over Poisson counts whose rate is drawn from the history's posterior, one step's e-value is exactly 1
    /// at the tolerated rate: the count is then negative binomial.
    #[test]
    fn expectation_is_one_at_the_tolerated_rate() {
        let (events, minutes, tolerated, after) = (26_u64, 240.0, 1.5, 5.0);
        // Stay with cluster-free units: counts are multiples of the cluster size only in the mean, so the check is of
        // the formula with A = count / m integer.
        let shape = PRIOR_EVENTS + events as f64 / CLUSTER;
        let rate = PRIOR_MINUTES + minutes;
        let exposure = tolerated * after;
        let success = exposure / (rate + exposure);
        let mut sums = [0.0; GRID.len()];
        for k in 0..4000 {
            let k = f64::from(k);
            let log_mass = ln_gamma(shape + k) - ln_gamma(shape) - ln_gamma(k + 1.0)
                + shape * (1.0 - success).ln()
                + k * success.ln();
            for (sum, g) in sums.iter_mut().zip(GRID) {
                let log = k * g.ln() + (shape + k) * ((rate + exposure) / (rate + g * exposure)).ln();
                *sum += (log_mass + log).exp();
            }
        }
        for sum in &sums[..4] {
            assert!((sum - 1.0).abs() < 1e-6, "{sums:?}");
        }
        assert!(sums[4] <= 1.0 + 1e-6);
    }

    #[test]
    fn steady_kinds_stay_quiet_and_a_burst_is_named() {
        let tolerated = tolerated_factor(0.35);
        let mut kinds: BTreeMap<String, Burst> = (0..100)
            .map(|i| (format!("steady {i}"), Burst::new(1440, 1440.0, tolerated, 60)))
            .chain([
                ("burst".to_owned(), Burst::new(1440, 1440.0, tolerated, 60)),
                ("new".to_owned(), Burst::new(0, 1440.0, tolerated, 60)),
            ])
            .collect();
        for t in 1..=60 {
            for (name, burst) in &mut kinds {
                let events = match name.as_str() {
                    "burst" if t > 20 => 10,
                    "new" => u64::from(t % 2 == 0),
                    _ => 1,
                };
                burst.observe(events, 1.0);
            }
            if t == 20 {
                assert_eq!(risen(&kinds, 0.05), ["new"]);
            }
        }
        let mut named = risen(&kinds, 0.05);
        named.sort();
        assert_eq!(named, ["burst", "new"]);
    }

    #[test]
    fn gaps_and_silence_are_no_evidence_of_a_rise() {
        let mut burst = Burst::new(100, 1440.0, 2.0, 60);
        for _ in 0..20 {
            assert!((burst.observe(1_000, 0.0) - 1.0).abs() < 1e-9);
            assert!((burst.observe(1_000, f64::NAN) - 1.0).abs() < 1e-9);
        }
        let mut silent = Burst::new(100, 1440.0, 2.0, 60);
        assert!((0..60).map(|_| silent.observe(0, 1.0)).all(|e| e <= 1.0 + 1e-9));
    }

    #[test]
    fn one_interval_is_capped_and_endless_evidence_stays_finite() {
        let mut burst = Burst::new(0, 1440.0, 1.5, 60);
        assert!(burst.observe(u64::MAX, 1.0) <= 50.0);
        for _ in 0..2000 {
            assert!(burst.observe(1_000_000, 1.0).is_finite());
        }
    }

    #[test]
    fn the_tolerated_factor_has_its_range() {
        assert_eq!(tolerated_factor(0.0), 1.5);
        assert!((tolerated_factor(0.35) - (0.875f64).exp()).abs() < 1e-12);
        assert_eq!(tolerated_factor(5.0), 8.0);
        assert_eq!(tolerated_factor(f64::NAN), 8.0);
    }
}
