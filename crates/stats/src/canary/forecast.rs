//! Forecast: how many intervals until an effect of a given size would be known, and the smallest effect that can be.
//!
//! Invariants: an expectation, never a promise; at least two intervals, because one cannot convict. `None` means "not
//! at this traffic". Deliberately absent: any use of the evidence gathered so far.

use super::counts::{Dispersion, ERROR_GRID};
use serde::{Deserialize, Serialize};

/// What the forecast of error-rate detection depends on. Requests per interval and arm, events per request.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    pub n_c: f64,
    pub n_b: f64,
    pub rate: f64,
}

/// The judge's side: level, weight of the indicator, tolerated ratio, dispersion.
#[derive(Clone, Copy, Debug)]
pub struct Judging {
    pub alpha: f64,
    pub weight: f64,
    pub tolerance: f64,
    pub dispersion: Dispersion,
}

/// Forecast as shown: time to know a doubling and a fivefold rate, and the smallest ratio knowable by the horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Intervals, counted from the start of the watch.
    pub intervals_to_double: Option<f64>,
    pub intervals_to_fivefold: Option<f64>,
    /// Smallest error ratio that would be known by the horizon.
    pub detectable_ratio: Option<f64>,
}

/// Expected intervals until the canary's error rate being `factor` times the baseline's is established.
pub fn intervals_to_detect(traffic: &Traffic, judging: &Judging, factor: f64) -> Option<f64> {
    let events = traffic.rate * (factor * traffic.n_c + traffic.n_b);
    if !(events > 0.0 && traffic.n_c > 0.0 && traffic.n_b > 0.0 && judging.weight > 0.0) {
        return None;
    }
    let seen = factor * traffic.n_c / (factor * traffic.n_c + traffic.n_b);
    let share = judging.tolerance * traffic.n_c / (judging.tolerance * traffic.n_c + traffic.n_b);
    let temper =
        judging.dispersion.m + judging.dispersion.tau * judging.dispersion.tau * events * share * (1.0 - share);
    ERROR_GRID
        .iter()
        .filter_map(|(g, prior)| {
            let drift = (share * (g - 1.0)).ln_1p();
            let gain = events * (seen * g.ln() - drift) / temper;
            let needed = -(judging.alpha.ln() + judging.weight.ln() + (prior * 0.6).ln());
            (gain > 0.0).then(|| (needed / gain).max(2.0))
        })
        .min_by(f64::total_cmp)
}

/// Smallest ratio (up to 1000) established within `intervals`, by bisection.
pub fn detectable_ratio(traffic: &Traffic, judging: &Judging, intervals: f64) -> Option<f64> {
    let known = |factor: f64| intervals_to_detect(traffic, judging, factor).is_some_and(|t| t <= intervals);
    if !known(1000.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, 1000f64.ln());
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if known(f64::exp(middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high.exp())
}

/// The forecast shown beside a watch.
pub fn forecast(traffic: &Traffic, judging: &Judging, horizon: f64) -> Forecast {
    Forecast {
        intervals_to_double: intervals_to_detect(traffic, judging, 2.0),
        intervals_to_fivefold: intervals_to_detect(traffic, judging, 5.0),
        detectable_ratio: detectable_ratio(traffic, judging, horizon),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(share: f64) -> Traffic {
        Traffic { n_c: 6000.0 * share, n_b: 6000.0 * (1.0 - share), rate: 0.001 }
    }

    const JUDGING: Judging =
        Judging { alpha: 0.01, weight: 0.33, tolerance: 1.05, dispersion: Dispersion { m: 1.45, tau: 0.07 } };

    /// Expected detection times of the published design at 100 requests/s: 13.4, 7.4 and 3.4 minutes for x5 at
    /// 5, 10 and 50 %. The calibrated dispersion behind them is not published; one fixed here comes within 25 %.
    #[test]
    fn published_expectations_are_met() {
        for (share, wanted) in [(0.05, 13.4), (0.1, 7.4), (0.5, 3.4)] {
            let time = intervals_to_detect(&at(share), &JUDGING, 5.0).unwrap();
            assert!((time / wanted - 1.0).abs() < 0.25, "{share}: {time}");
        }
    }

    #[test]
    fn more_traffic_and_larger_effects_take_less_time() {
        let times: Vec<f64> =
            [1.5, 2.0, 5.0, 20.0].iter().map(|f| intervals_to_detect(&at(0.1), &JUDGING, *f).unwrap()).collect();
        assert!(times.windows(2).all(|w| w[0] > w[1]), "{times:?}");
        assert!(intervals_to_detect(&at(0.5), &JUDGING, 2.0) < intervals_to_detect(&at(0.05), &JUDGING, 2.0));
        assert!(intervals_to_detect(&at(0.5), &JUDGING, 1000.0).unwrap() >= 2.0);
    }

    #[test]
    fn the_detectable_ratio_is_the_inverse_of_the_time() {
        let ratio = detectable_ratio(&at(0.1), &JUDGING, 30.0).unwrap();
        let time = intervals_to_detect(&at(0.1), &JUDGING, ratio).unwrap();
        assert!((time - 30.0).abs() < 0.01, "{ratio} {time}");
    }

    #[test]
    fn no_traffic_no_forecast() {
        let none = Traffic { n_c: 0.0, n_b: 5700.0, rate: 0.001 };
        assert_eq!(forecast(&none, &JUDGING, 60.0), Forecast::default());
        let calm = Traffic { rate: 0.0, ..at(0.1) };
        assert_eq!(forecast(&calm, &JUDGING, 60.0), Forecast::default());
        assert_eq!(intervals_to_detect(&at(0.1), &JUDGING, 0.9), None, "no bet gains on an improvement");
    }
}
