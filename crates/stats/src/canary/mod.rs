//! The canary judge: compares a canary with the baseline beside it, interval by interval, and may be asked at any time.
//!
//! Reading order: [`data`] (what is fed), [`counts`] and [`gauge`] (evidence of one interval), [`wealth`] (evidence over
//! time), [`histogram`] (latency), [`calibrate`] (how much equal arms differ), [`config`], [`judge`] (one verdict out of
//! all), [`assessment`] (what is said), [`sequence`] and [`forecast`] (what is shown beside it).
//!
//! Invariants: a harmless release ever fails with probability at most alpha, at any number of looks, as far as the
//! dispersion model holds; no data never passes; one interval alone never convicts. Deliberately absent: fetching,
//! scheduling, traffic control and the answer to an inconclusive end.

pub mod assessment;
pub mod calibrate;
pub mod config;
pub mod counts;
pub mod data;
mod errors;
pub mod forecast;
pub mod gauge;
pub mod histogram;
pub mod judge;
mod latency;
mod resource;
pub mod sequence;
pub mod wealth;

pub use assessment::{Assessment, Effect, Evidence, HoldReason, PassEvidence, QuantileRatio, Verdict};
pub use config::{Config, ConfigError, Direction, ErrorRule, GaugeRule, LatencyRule, Scale, Weights};
pub use data::{Arm, BucketCounters, Counter, DataError, Increase, Interval, Tally};
pub use forecast::Forecast;
pub use histogram::Histogram;
pub use judge::Judge;
pub use sequence::Bounds;
