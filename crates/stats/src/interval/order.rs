//! Percentiles of a sample with a distribution-free interval from order statistics (David & Nagaraja, "Order
//! Statistics", 7.1). For lead times and recovery times, which no normal curve describes.

use crate::special::incomplete_beta;
use serde::{Deserialize, Serialize};

/// A percentile with the sample values that bound it. A side the sample is too small for is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PercentileInterval {
    pub estimate: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub count: usize,
}

/// Chance that at most `k` of `n` fall below the `q`-quantile.
fn at_most(k: usize, n: usize, q: f64) -> f64 {
    if k >= n { 1.0 } else { incomplete_beta((n - k) as f64, k as f64 + 1.0, 1.0 - q) }
}

/// The `q`-quantile (0 < q < 1; .5 is the median) by linear interpolation between order statistics (Hyndman & Fan
/// type 7) and its interval at `confidence`, each side missing with at most half the rest. Values need not be sorted.
/// `None` for an empty sample, values that are not numbers, or arguments out of range.
pub fn percentile(values: &[f64], q: f64, confidence: f64) -> Option<PercentileInterval> {
    let count = values.len();
    let in_range = q > 0.0 && q < 1.0 && confidence > 0.0 && confidence < 1.0;
    if count == 0 || !in_range || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = q * (count - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(count - 1);
    let estimate = sorted[below] + (position - below as f64) * (sorted[above] - sorted[below]);
    let tail = 0.5 * (1.0 - confidence);
    // Largest rank l with P(fewer than l below) <= tail, smallest rank u with P(at least u below) <= tail.
    // Both probabilities are monotone in the rank, hence the binary searches.
    let ranks: Vec<usize> = (1..=count).collect();
    let low = ranks.partition_point(|l| at_most(l - 1, count, q) <= tail);
    let high = ranks.partition_point(|u| 1.0 - at_most(u - 1, count, q) > tail);
    Some(PercentileInterval {
        estimate,
        low: low.checked_sub(1).map(|i| sorted[i].min(estimate)),
        high: sorted.get(high).map(|v| v.max(estimate)),
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known ranks: computed from scipy 1.17.1, `scipy.stats.binom.cdf`, by their definition.
    #[test]
    fn ranks_agree_with_scipy() {
        for (n, q, low, high) in [
            (5, 0.5, None, None),
            (6, 0.5, Some(1), Some(6)),
            (20, 0.5, Some(6), Some(15)),
            (100, 0.5, Some(40), Some(61)),
            (1000, 0.5, Some(469), Some(532)),
            (100, 0.9, Some(84), Some(96)),
            (30, 0.95, Some(26), None),
        ] {
            let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
            let found = percentile(&values, q, 0.95).unwrap();
            assert_eq!((found.low, found.high), (low.map(f64::from), high.map(f64::from)), "n {n} q {q}");
        }
    }

    #[test]
    fn the_estimate_interpolates() {
        assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.5, 0.95).unwrap().estimate, 2.0);
        assert_eq!(percentile(&[4.0, 1.0, 2.0, 3.0], 0.5, 0.95).unwrap().estimate, 2.5);
        assert_eq!(percentile(&[7.0], 0.9, 0.95).unwrap().estimate, 7.0);
    }

    #[test]
    fn nothing_measured_gives_nothing() {
        assert_eq!(percentile(&[], 0.5, 0.95), None);
        assert_eq!(percentile(&[1.0, f64::NAN], 0.5, 0.95), None);
        assert_eq!(percentile(&[1.0], 1.0, 0.95), None);
        assert_eq!(percentile(&[1.0], 0.5, 0.0), None);
    }
}
