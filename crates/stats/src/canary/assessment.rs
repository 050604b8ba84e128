//! What the judge says after an interval: verdict, evidence, effects, forecast. Plain data for ledger, API and picture.
//!
//! Invariants: every number is finite; what is unknown is `None`, never zero. Deliberately absent: advice on what to
//! do about an inconclusive end, which is the policy's.

use super::forecast::Forecast;
use super::sequence::Bounds;
use serde::{Deserialize, Serialize};

/// The judge's word. Precedence: fail, hold, pass, continue; at the horizon inconclusive replaces continue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Verdict {
    /// The canary is worse than tolerated. Final.
    Fail,
    /// Nobody can say, for a reason outside the release; keep the weight.
    Hold {
        why: HoldReason,
    },
    /// The next weight may be taken; watching goes on.
    PassStep,
    /// The watch is over and every required metric was shown to be clear of its harm line.
    Pass,
    Continue,
    /// The horizon is reached without enough evidence either way.
    Inconclusive,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum HoldReason {
    /// This many intervals in a row in which not both arms were scraped.
    NoData { intervals: u32 },
    /// Both arms were scraped, yet the canary served nothing for this many intervals in a row.
    NoTraffic { intervals: u32 },
    /// Too few usable intervals by the horizon.
    TooFewIntervals { usable: u32, total: u32 },
    /// An indicator that must be there is not.
    Missing { indicator: String },
}

/// One indicator's evidence of harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub indicator: String,
    /// Share of the stake.
    pub weight: f64,
    /// E-value: 1 = nothing either way, 100 = a hundred to one against "no worse than tolerated".
    pub e: f64,
    pub log10: f64,
    /// Part of the total wealth this indicator holds, 0..1.
    pub contribution: f64,
    /// False while the effect is too small to be acted on; such evidence counts as at most 1.
    pub acting: bool,
}

/// One metric's evidence that it is clear of its harm line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassEvidence {
    pub indicator: String,
    pub e: f64,
    /// The highest so far in this step; this is what is compared with the threshold.
    pub best: f64,
    pub threshold: f64,
    pub reached: bool,
    /// Asked for only in the final pass.
    pub final_only: bool,
}

/// The error effect so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Errors per request.
    pub canary_rate: Option<f64>,
    pub baseline_rate: Option<f64>,
    /// Canary over baseline; `None` while the baseline has no errors.
    pub ratio: Option<f64>,
    /// 95 % confidence sequence for the ratio.
    pub bounds: Bounds,
}

/// One latency quantile, canary over baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileRatio {
    pub quantile: f64,
    /// In this interval.
    pub latest: Option<f64>,
    /// Over the watch, with both values in the histogram's unit.
    pub cumulative: Option<f64>,
    pub canary: Option<f64>,
    pub baseline: Option<f64>,
    /// 95 % confidence sequence for the shift, where one is kept (p50, p90, p99).
    pub bounds: Option<Bounds>,
}

/// Everything known after interval `t`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Intervals observed, this one included.
    pub t: u32,
    pub horizon: u32,
    pub verdict: Verdict,
    /// Total wealth W; at `threshold` = 1/alpha the verdict is fail.
    pub wealth: f64,
    pub log10_wealth: f64,
    pub threshold: f64,
    pub evidence: Vec<Evidence>,
    pub pass: Vec<PassEvidence>,
    /// Indicator with the largest stake in the wealth, once there is more than none.
    pub leading: Option<String>,
    /// Indicators named at a false discovery rate of alpha (e-BH), strongest first.
    pub culprits: Vec<String>,
    pub effect: Effect,
    pub quantiles: Vec<QuantileRatio>,
    /// Failed canary requests beyond what the baseline would have failed, this far.
    pub excess_bad_requests: f64,
    pub forecast: Forecast,
    pub usable: u32,
    pub n_canary: u64,
    pub n_baseline: u64,
    pub errors_canary: u64,
    pub errors_baseline: u64,
}
