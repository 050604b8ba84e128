//! Latency histograms: Prometheus classic and native buckets, exceedance counts, quantiles and the trailing cuts.
//!
//! Invariants: counts are non-negative, bounds are finite, positive and increasing; two histograms are compared only
//! when they have the same classic bounds, or both are native (the finer one is brought to the coarser schema, which
//! is exact). Inside a bucket the logarithm of the latency is taken as uniform. Deliberately absent: negative
//! observations and averages of percentiles.

use super::data::DataError;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

/// What one arm's latency histogram counted in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Histogram {
    /// `bounds`: finite upper bounds; `counts`: observations per bucket (not cumulative), one more than bounds, the
    /// last being everything above.
    Classic { bounds: Vec<f64>, counts: Vec<u64> },
    /// Bucket i covers (2^((i-1)/2^schema), 2^(i/2^schema)]; `zero` counts observations too small for any bucket.
    Native { schema: i8, zero: u64, buckets: BTreeMap<i32, u64> },
}

impl Histogram {
    /// From cumulative `(le, count)` pairs as Prometheus exposes them, `le = +Inf` included and last.
    ///
    /// # Errors
    /// When bounds do not increase, a count falls, or the infinite bucket is missing.
    pub fn from_cumulative(pairs: &[(f64, u64)]) -> Result<Histogram, DataError> {
        let wrong = |why: &str| DataError::Histogram { why: why.to_owned() };
        let Some(((last, _), _)) = pairs.split_last() else {
            return Err(wrong("there are no buckets"));
        };
        if *last != f64::INFINITY {
            return Err(wrong("the bucket le=\"+Inf\" is missing"));
        }
        let mut counts = Vec::with_capacity(pairs.len());
        let mut below = 0;
        for (_, cumulative) in pairs {
            counts.push(cumulative.checked_sub(below).ok_or_else(|| wrong("cumulative counts fall"))?);
            below = *cumulative;
        }
        let histogram =
            Histogram::Classic { bounds: pairs[..pairs.len() - 1].iter().map(|(le, _)| *le).collect(), counts };
        histogram.check()?;
        Ok(histogram)
    }

    /// # Errors
    /// When the invariants of the module do not hold.
    pub fn check(&self) -> Result<(), DataError> {
        let wrong = |why: &str| Err(DataError::Histogram { why: why.to_owned() });
        match self {
            Histogram::Classic { bounds, counts } => {
                if counts.len() != bounds.len() + 1 {
                    return wrong("there must be one count more than bounds, the last for everything above");
                }
                if bounds.iter().any(|b| !b.is_finite() || *b <= 0.0) {
                    return wrong("bounds must be finite and above zero");
                }
                if bounds.windows(2).any(|w| w[0] >= w[1]) {
                    return wrong("bounds must increase");
                }
            }
            Histogram::Native { schema, buckets, .. } => {
                if !(-4..=8).contains(schema) {
                    return wrong("the native schema must lie between -4 and 8");
                }
                // Beyond this the bucket edge leaves the range of f64.
                let reach = 1000.0 * 2f64.powi(i32::from(*schema));
                if buckets.keys().any(|i| f64::from(*i).abs() > reach) {
                    return wrong("a native bucket index lies outside 2^-1000..2^1000");
                }
            }
        }
        Ok(())
    }

    /// Number of observations.
    pub fn total(&self) -> u64 {
        match self {
            Histogram::Classic { counts, .. } => counts.iter().fold(0, |sum, n| sum.saturating_add(*n)),
            Histogram::Native { zero, buckets, .. } => buckets.values().fold(*zero, |sum, n| sum.saturating_add(*n)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Layout {
    Classic(Vec<f64>),
    Native(i8),
}

const ZERO_CELL: i32 = i32::MIN;

/// A histogram in working form: occupied cells in order, summable.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    layout: Layout,
    cells: Vec<(i32, f64)>,
    total: f64,
}

impl From<&Histogram> for Buckets {
    fn from(histogram: &Histogram) -> Buckets {
        let (layout, cells): (Layout, Vec<(i32, f64)>) = match histogram {
            Histogram::Classic { bounds, counts } => (
                Layout::Classic(bounds.clone()),
                counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (i as i32, *n as f64)).collect(),
            ),
            Histogram::Native { schema, zero, buckets } => {
                let zero = (*zero > 0).then_some((ZERO_CELL, *zero as f64));
                let rest = buckets.iter().filter(|(_, n)| **n > 0).map(|(i, n)| (*i, *n as f64));
                (Layout::Native(*schema), zero.into_iter().chain(rest).collect())
            }
        };
        let total = cells.iter().map(|(_, n)| n).sum();
        Buckets { layout, cells, total }
    }
}

impl Buckets {
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Whether evidence can be drawn from the two together.
    pub fn comparable(&self, other: &Buckets) -> bool {
        match (&self.layout, &other.layout) {
            (Layout::Native(_), Layout::Native(_)) => true,
            (mine, theirs) => mine == theirs,
        }
    }

    /// Brings a native histogram to the coarser of its own and the other's schema.
    fn coarsen_to(&mut self, other: &Layout) {
        let (Layout::Native(mine), Layout::Native(theirs)) = (&self.layout, other) else { return };
        if theirs >= mine {
            return;
        }
        let halvings = u32::from(mine.abs_diff(*theirs));
        let mut merged: Vec<(i32, f64)> = Vec::with_capacity(self.cells.len());
        for (index, n) in &self.cells {
            let coarse = if *index == ZERO_CELL { ZERO_CELL } else { ((index - 1) >> halvings) + 1 };
            match merged.last_mut() {
                Some((last, sum)) if *last == coarse => *sum += n,
                _ => merged.push((coarse, *n)),
            }
        }
        self.cells = merged;
        self.layout = other.clone();
    }

    /// Both at the coarser schema of the two, so that cell numbers mean the same edges.
    pub fn aligned(&self, other: &Buckets) -> (Buckets, Buckets) {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.coarsen_to(&b.layout);
        b.coarsen_to(&a.layout);
        (a, b)
    }

    /// Adds `sign` times the other; call only when comparable.
    fn combine(&mut self, other: &Buckets, sign: f64) {
        let mut other = other.clone();
        other.coarsen_to(&self.layout);
        self.coarsen_to(&other.layout);
        let mut sum = Vec::with_capacity(self.cells.len() + other.cells.len());
        let (mut mine, mut theirs) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (Some(a), Some(b)) => a.0.cmp(&b.0),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let left = if order.is_le() { mine.next() } else { None };
            let right = if order.is_ge() { theirs.next() } else { None };
            let index = left.or(right).map_or(0, |cell| cell.0);
            let n = left.map_or(0.0, |cell| cell.1) + sign * right.map_or(0.0, |cell| cell.1);
            if n > 0.0 {
                sum.push((index, n));
            }
        }
        self.total = sum.iter().map(|(_, n)| n).sum();
        self.cells = sum;
    }

    fn edges(&self, index: i32) -> (f64, f64) {
        match &self.layout {
            Layout::Classic(bounds) => {
                let i = usize::try_from(index).unwrap_or(0);
                let low = i.checked_sub(1).and_then(|below| bounds.get(below)).copied().unwrap_or(0.0);
                (low, bounds.get(i).copied().unwrap_or(f64::INFINITY))
            }
            Layout::Native(_) if index == ZERO_CELL => (0.0, 0.0),
            Layout::Native(schema) => {
                let width = 2f64.powi(-i32::from(*schema));
                ((f64::from(index - 1) * width).exp2(), (f64::from(index) * width).exp2())
            }
        }
    }

    /// Observations above `x`, the bucket that holds `x` divided log-linearly. `None` when `x` falls into the
    /// unbounded last bucket, where nobody can say.
    pub fn above(&self, x: f64) -> Option<f64> {
        if let Layout::Classic(bounds) = &self.layout
            && bounds.last().is_none_or(|last| x > *last)
        {
            return None;
        }
        let mut sum = 0.0;
        for (index, n) in self.cells.iter().rev() {
            let (low, high) = self.edges(*index);
            if low >= x {
                sum += n;
            } else if high <= x {
                break;
            } else if low > 0.0 {
                sum += n * (high / x).ln() / (high / low).ln();
            } else {
                sum += n * (high - x) / high;
            }
        }
        Some(sum)
    }

    fn quantile_cell(&self, q: f64) -> Option<(i32, f64, f64)> {
        let wanted = q * self.total;
        let mut below = 0.0;
        for (index, n) in &self.cells {
            if below + n >= wanted && *n > 0.0 {
                return Some((*index, (wanted - below) / n, *n));
            }
            below += n;
        }
        None
    }

    /// The `q`-quantile (0..1) by log-linear interpolation; `None` when empty or in the unbounded bucket.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (index, part, _) = self.quantile_cell(q)?;
        let (low, high) = self.edges(index);
        if !high.is_finite() || high <= 0.0 {
            return None;
        }
        Some(if low > 0.0 { low * (high / low).powf(part) } else { high * part })
    }

    /// Upper edge of the bucket that holds the `q`-quantile: the latency cut. `None` when there is no finite bound
    /// above it (a cut there could not see a shift) or nothing was observed.
    pub fn cut(&self, q: f64) -> Option<f64> {
        let (index, _, _) = self.quantile_cell(q)?;
        if let Layout::Classic(bounds) = &self.layout
            && index + 1 >= i32::try_from(bounds.len()).unwrap_or(i32::MAX)
        {
            return None;
        }
        let (_, edge) = self.edges(index);
        (edge > 0.0).then_some(edge)
    }
}

/// The baseline's last intervals, from which the next interval's cuts are taken (and so fixed before it is seen).
#[derive(Clone, Debug)]
pub struct Trailing {
    window: usize,
    parts: VecDeque<Buckets>,
    sum: Option<Buckets>,
}

impl Trailing {
    pub fn new(window: usize) -> Trailing {
        Trailing { window, parts: VecDeque::new(), sum: None }
    }

    /// Takes in one interval. A changed classic layout starts the window afresh.
    pub fn push(&mut self, part: &Buckets) {
        match &mut self.sum {
            Some(sum) if sum.comparable(part) => sum.combine(part, 1.0),
            _ => {
                self.parts.clear();
                self.sum = Some(part.clone());
            }
        }
        self.parts.push_back(part.clone());
        if self.parts.len() > self.window
            && let (Some(oldest), Some(sum)) = (self.parts.pop_front(), &mut self.sum)
        {
            sum.combine(&oldest, -1.0);
        }
    }

    /// The sum, if it can be compared with `part` and holds anything.
    pub fn matching(&self, part: &Buckets) -> Option<&Buckets> {
        self.sum.as_ref().filter(|sum| sum.total() > 0.0 && sum.comparable(part))
    }

    pub fn sum(&self) -> Option<&Buckets> {
        self.sum.as_ref().filter(|sum| sum.total() > 0.0)
    }
}

/// A sum over the whole watch, started afresh when the layout changes.
pub fn accumulate(sum: &mut Option<Buckets>, part: &Buckets) {
    match sum {
        Some(sum) if sum.comparable(part) => sum.combine(part, 1.0),
        _ => *sum = Some(part.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classic(counts: &[u64]) -> Buckets {
        Buckets::from(&Histogram::Classic { bounds: vec![10.0, 20.0, 40.0, 80.0], counts: counts.to_vec() })
    }

    #[test]
    fn cumulative_buckets_are_taken_apart() {
        let histogram = Histogram::from_cumulative(&[(10.0, 4), (20.0, 9), (f64::INFINITY, 10)]).unwrap();
        assert_eq!(histogram, Histogram::Classic { bounds: vec![10.0, 20.0], counts: vec![4, 5, 1] });
        assert_eq!(histogram.total(), 10);
        for bad in [
            &[][..],
            &[(10.0, 4)],
            &[(10.0, 4), (f64::INFINITY, 3)],
            &[(20.0, 1), (10.0, 2), (f64::INFINITY, 3)],
            &[(f64::NAN, 1), (f64::INFINITY, 3)],
            &[(-1.0, 1), (f64::INFINITY, 3)],
        ] {
            assert!(Histogram::from_cumulative(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn exceedances_at_and_between_edges() {
        let buckets = classic(&[4, 8, 2, 1, 1]);
        assert_eq!(buckets.above(10.0), Some(12.0));
        assert_eq!(buckets.above(80.0), Some(1.0));
        // Half the bucket (10, 20] in logarithm lies above sqrt(200).
        assert!((buckets.above(200f64.sqrt()).unwrap() - 8.0).abs() < 1e-9);
        assert_eq!(buckets.above(5.0), Some(14.0), "the first bucket starts at zero and is divided linearly");
        assert_eq!(buckets.above(81.0), None, "the last bucket has no end");
    }

    #[test]
    fn quantiles_and_cuts() {
        let buckets = classic(&[0, 50, 40, 9, 1]);
        assert!((buckets.quantile(0.25).unwrap() - 10.0 * 2f64.sqrt()).abs() < 1e-9);
        assert_eq!(buckets.quantile(0.999), None);
        assert_eq!(buckets.cut(0.5), Some(20.0));
        assert_eq!(buckets.cut(0.9), Some(40.0));
        assert_eq!(buckets.cut(0.99), None, "80 is the last finite bound: nothing finite lies above it");
        assert_eq!(classic(&[0, 0, 0, 0, 0]).cut(0.5), None);
    }

    #[test]
    fn native_buckets_have_their_published_edges_and_coarsen_exactly() {
        // Prometheus native histograms: schema 0 doubles, schema 3 grows by 2^(1/8); bucket 1 of schema 0 is (1, 2].
        let fine = Histogram::Native { schema: 1, zero: 2, buckets: BTreeMap::from([(1, 3), (2, 4), (3, 5), (-1, 7)]) };
        let coarse = Histogram::Native { schema: 0, zero: 0, buckets: BTreeMap::from([(1, 1)]) };
        let (fine, coarse) = Buckets::from(&fine).aligned(&Buckets::from(&coarse));
        assert_eq!(coarse.above(1.0), Some(1.0));
        assert_eq!(fine.above(2.0), Some(5.0), "schema 1 bucket 3 is (2, 2.83], inside (2, 4]");
        assert_eq!(fine.above(1.0), Some(12.0));
        assert_eq!(fine.above(0.5), Some(19.0), "bucket -1 of schema 1 is (0.5, 0.71], inside (0.5, 1]");
        assert_eq!(fine.total(), 21.0);
    }

    #[test]
    fn trailing_forgets_and_restarts() {
        let mut trailing = Trailing::new(2);
        for n in [1, 10, 100] {
            trailing.push(&classic(&[n, 0, 0, 0, 0]));
        }
        assert_eq!(trailing.sum().unwrap().total(), 110.0);
        let other = Buckets::from(&Histogram::Classic { bounds: vec![1.0], counts: vec![3, 4] });
        assert!(trailing.matching(&other).is_none());
        trailing.push(&other);
        assert_eq!(trailing.sum().unwrap().total(), 7.0);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            Histogram::Classic { bounds: vec![1.0, f64::INFINITY], counts: vec![0, 0, 0] },
            Histogram::Classic { bounds: vec![1.0, f64::NAN], counts: vec![0, 0, 0] },
            Histogram::Classic { bounds: vec![2.0, 1.0], counts: vec![0, 0, 0] },
            Histogram::Classic { bounds: vec![1.0], counts: vec![0] },
            Histogram::Native { schema: 9, zero: 0, buckets: BTreeMap::new() },
            Histogram::Native { schema: 0, zero: 0, buckets: BTreeMap::from([(i32::MAX, 1)]) },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
