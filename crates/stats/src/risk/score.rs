//! How good probabilities were: Brier score with its parts, and reliability bins.

use crate::interval::wilson;
use serde::{Deserialize, Serialize};

/// One bin of predictions: what was said and what happened, with a 95 % Wilson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub count: u64,
    pub predicted: f64,
    pub observed: f64,
    pub low: f64,
    pub high: f64,
}

/// Summary of a run of predictions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub count: u64,
    /// Mean squared error, 0 (perfect) to 1.
    pub brier: f64,
    /// The score of always saying the base rate, for comparison.
    pub brier_of_base_rate: f64,
    /// Expected calibration error: mean gap between said and seen, weighted by bin.
    pub calibration_error: f64,
    pub bins: Vec<Bin>,
}

/// Brier score (Monthly Weather Review 1950) of `(probability, happened)` pairs; `None` when empty or a probability
/// lies outside 0..1.
pub fn brier(pairs: &[(f64, bool)]) -> Option<f64> {
    if pairs.is_empty() || pairs.iter().any(|(p, _)| !(0.0..=1.0).contains(p)) {
        return None;
    }
    let sum: f64 = pairs.iter().map(|(p, y)| (p - f64::from(u8::from(*y))).powi(2)).sum();
    Some(sum / pairs.len() as f64)
}

/// Scores with bins of equal size (quantiles of the prediction); at most one bin per pair. `None` as for [`brier`], or
/// when no bins are asked for.
pub fn reliability(pairs: &[(f64, bool)], bins: usize) -> Option<Scores> {
    let score = brier(pairs)?;
    if bins == 0 {
        return None;
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let total = sorted.len();
    let bins = bins.min(total);
    let mut rows = Vec::with_capacity(bins);
    for i in 0..bins {
        let part = &sorted[i * total / bins..(i + 1) * total / bins];
        let hits = part.iter().filter(|(_, y)| *y).count() as u64;
        let interval = wilson(hits, part.len() as u64, 0.95)?;
        rows.push(Bin {
            count: part.len() as u64,
            predicted: part.iter().map(|(p, _)| p).sum::<f64>() / part.len() as f64,
            observed: interval.estimate,
            low: interval.low,
            high: interval.high,
        });
    }
    let base = sorted.iter().filter(|(_, y)| *y).count() as f64 / total as f64;
    Some(Scores {
        count: total as u64,
        brier: score,
        brier_of_base_rate: base * (1.0 - base),
        calibration_error: rows.iter().map(|b| b.count as f64 * (b.predicted - b.observed).abs()).sum::<f64>()
            / total as f64,
        bins: rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brier_by_hand() {
        assert_eq!(brier(&[(1.0, true), (0.0, false)]), Some(0.0));
        assert_eq!(brier(&[(0.0, true), (1.0, false)]), Some(1.0));
        assert!((brier(&[(0.9, true), (0.2, false), (0.6, true)]).unwrap() - 0.07).abs() < 1e-12);
        assert_eq!(brier(&[]), None);
        assert_eq!(brier(&[(f64::NAN, true)]), None);
        assert_eq!(brier(&[(1.1, true)]), None);
    }

    #[test]
    fn bins_cover_everything_once_and_know_their_gap() {
        // Said 10 % and 80 %; came true 1 in 10 and 5 in 10.
        let mut pairs: Vec<(f64, bool)> = (0..100).map(|i| (0.1, i % 10 == 0)).collect();
        pairs.extend((0..100).map(|i| (0.8, i % 2 == 0)));
        let scores = reliability(&pairs, 2).unwrap();
        assert_eq!(scores.bins.iter().map(|b| b.count).sum::<u64>(), 200);
        assert!((scores.bins[0].observed - 0.1).abs() < 1e-12 && (scores.bins[1].observed - 0.5).abs() < 1e-12);
        assert!((scores.calibration_error - 0.15).abs() < 1e-12);
        assert!(scores.bins[1].high < 0.8, "the interval excludes what was said");
        assert!((scores.brier_of_base_rate - 0.21).abs() < 1e-12);
        assert_eq!(reliability(&pairs[..3], 10).unwrap().bins.len(), 3);
        assert_eq!(reliability(&pairs, 0), None);
    }
}
