//! Intervals: how far a measured share or percentile may be from the truth.
//!
//! Invariants: an empty sample has no interval (`None`), never a zero; every interval contains its point estimate.
//! Deliberately absent: the normal approximation p +- z sqrt(pq/n), which is wrong for small shares.

mod order;
mod proportion;

pub use order::{PercentileInterval, percentile};
pub use proportion::{ProportionInterval, beta_posterior, clopper_pearson, wilson};
