//! Many tests at once: the e-BH procedure (Wang & Ramdas, "False discovery rate control with e-values", JRSS-B 2022).
//!
//! Invariant: the expected share of false names in the answer is at most the level, whatever the dependence between
//! the tests, provided each value is an e-value under its own null. Deliberately absent: p-values.

/// The keys whose e-values survive e-BH at `level` (0..1), strongest first, ties by key.
///
/// With K values sorted from the largest, keep the first k* where k* is the largest k with e_(k) >= K / (level k).
/// Values that are not numbers count as no evidence. A level outside 0..1 keeps nothing.
pub fn e_bh<K: Ord + Clone>(values: &[(K, f64)], level: f64) -> Vec<K> {
    if !(level > 0.0 && level < 1.0) {
        return Vec::new();
    }
    let mut ranked: Vec<(&K, f64)> = values.iter().map(|(k, e)| (k, if e.is_nan() { 0.0 } else { *e })).collect();
    ranked.sort_by(|x, y| y.1.total_cmp(&x.1).then_with(|| x.0.cmp(y.0)));
    let count = ranked.len() as f64;
    let keep = (1..=ranked.len()).rev().find(|&k| ranked[k - 1].1 >= count / (level * k as f64)).unwrap_or(0);
    ranked[..keep].iter().map(|(k, _)| (*k).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_largest_set_that_meets_its_own_threshold() {
        // K = 4, level .05: thresholds 80, 40, 26.7, 20.
        let values = [("a", 79.0), ("b", 41.0), ("c", 10.0), ("d", 1.0)];
        assert_eq!(e_bh(&values, 0.05), ["a", "b"], "79 < 80 fails alone, yet the pair passes at 40");
        assert!(e_bh(&[("a", 79.0), ("b", 39.0), ("c", 10.0), ("d", 1.0)], 0.05).is_empty());
    }

    #[test]
    fn nonsense_names_nobody() {
        assert!(e_bh::<u8>(&[], 0.05).is_empty());
        assert!(e_bh(&[(1, f64::NAN)], 0.05).is_empty());
        assert!(e_bh(&[(1, 1e9)], 0.0).is_empty());
        assert!(e_bh(&[(1, 1e9)], f64::NAN).is_empty());
    }
}
