//! What is fixed before the release: levels, tolerances, harm lines, weights and gauges of one canary watch.
//!
//! Invariants: unknown fields are refused; every figure has a range and a default; nothing here may change while a
//! watch runs, because the judge's guarantee holds only for rules fixed beforehand.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The judge's settings. [`Config::default`] is the measured default profile, [`Config::sensitive`] the sharper one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Length of one interval in seconds, 1 to 3600. Only shown; the statistics count intervals.
    pub interval_seconds: f64,
    /// Number of intervals after which a verdict is due, 2 to 10 000.
    pub horizon: u32,
    /// First intervals that are no evidence because a cold start is no regression; below the horizon.
    pub warmup: u32,
    /// Chance of ever convicting a harmless release, .000001 to .2.
    pub alpha: f64,
    /// Chance of ever acquitting one on a harm line, per metric, .000001 to .2.
    pub alpha_pass: f64,
    /// Earliest interval of a step in which it may pass, at least 2.
    pub min_pass_intervals: u32,
    /// No pass while the evidence of harm is at or above this, 1 to 1/alpha.
    pub pass_wealth_below: f64,
    /// Intervals without data in a row that hold the rollout, at least 1.
    pub max_gap: u32,
    /// Share of intervals that must be usable for any pass, above 0 up to 1.
    pub usable_share: f64,
    pub errors: ErrorRule,
    pub latency: LatencyRule,
    pub gauges: BTreeMap<String, GaugeRule>,
    pub weights: Weights,
    /// Indicators without which nothing passes: `endpoints`, `latency`, or a gauge's name.
    pub must_have: BTreeSet<String>,
    /// Endpoints judged one by one; empty = those seen in the history or, without one, the first usable interval.
    pub endpoints: BTreeSet<String>,
    /// Keep the confidence sequences for display.
    pub confidence_sequence: bool,
}

/// Error rates: tolerated ratio, ratio below which evidence is not acted on, and the two harm lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorRule {
    pub tolerance: f64,
    pub act_at: f64,
    pub harm_ratio: f64,
    /// In errors per request; .001 is a tenth of a percentage point.
    pub harm_difference: f64,
}

/// Latency: tolerated shift (.05 = 5 % slower), optional acting line on the cumulative quantile ratio, harm shifts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyRule {
    pub tolerance: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act_at: Option<f64>,
    pub harm_p50: f64,
    pub harm_p90: f64,
    pub harm_p99: f64,
}

/// Which way a gauge hurts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    #[default]
    Increase,
    Decrease,
    Either,
}

/// Whether a gauge is compared by ratio (values above zero) or by plain difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    #[default]
    Ratio,
    Difference,
}

/// One gauge. With `scale: ratio` the three lines are shares (.03 = 3 %), with `difference` units of the gauge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaugeRule {
    pub weight: f64,
    pub tolerance: f64,
    pub act_at: f64,
    pub harm: f64,
    pub direction: Direction,
    pub scale: Scale,
    /// Harm builds up slowly (memory): asked for only in the final pass.
    pub accumulates: bool,
}

/// Shares of the stake. Normalised over the indicators present at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    pub errors: f64,
    pub endpoints: f64,
    pub latency_p50: f64,
    pub latency_p90: f64,
    pub latency_p97: f64,
    pub latency_p99: f64,
    pub latency_p997: f64,
    pub quantile_p50: f64,
    pub quantile_p90: f64,
    pub quantile_p99: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            errors: 0.33,
            endpoints: 0.13,
            latency_p50: 0.05,
            latency_p90: 0.06,
            latency_p97: 0.04,
            latency_p99: 0.06,
            latency_p997: 0.05,
            quantile_p50: 0.05,
            quantile_p90: 0.05,
            quantile_p99: 0.03,
        }
    }
}

impl Default for ErrorRule {
    fn default() -> Self {
        ErrorRule { tolerance: 1.05, act_at: 1.25, harm_ratio: 1.5, harm_difference: 0.001 }
    }
}

impl Default for LatencyRule {
    fn default() -> Self {
        LatencyRule { tolerance: 0.05, act_at: None, harm_p50: 0.2, harm_p90: 0.2, harm_p99: 0.4 }
    }
}

impl Default for GaugeRule {
    fn default() -> Self {
        GaugeRule {
            weight: 0.05,
            tolerance: 0.03,
            act_at: 0.05,
            harm: 0.25,
            direction: Direction::Increase,
            scale: Scale::Ratio,
            accumulates: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let memory = GaugeRule { weight: 0.10, accumulates: true, ..GaugeRule::default() };
        Config {
            interval_seconds: 60.0,
            horizon: 60,
            warmup: 0,
            alpha: 0.01,
            alpha_pass: 0.05,
            min_pass_intervals: 10,
            pass_wealth_below: 10.0,
            max_gap: 5,
            usable_share: 0.5,
            errors: ErrorRule::default(),
            latency: LatencyRule::default(),
            gauges: BTreeMap::from([("cpu".to_owned(), GaugeRule::default()), ("memory".to_owned(), memory)]),
            weights: Weights::default(),
            must_have: BTreeSet::new(),
            endpoints: BTreeSet::new(),
            confidence_sequence: true,
        }
    }
}

/// Why a configuration was refused: which field, and what it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub field: String,
    pub allowed: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "canary setting `{}` must be {}", self.field, self.allowed)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Sees +10 % latency about twice as fast, for about twice the (still far below alpha) false alarms.
    pub fn sensitive() -> Config {
        Config {
            errors: ErrorRule { tolerance: 1.0, ..ErrorRule::default() },
            latency: LatencyRule { tolerance: 0.03, act_at: Some(1.08), ..LatencyRule::default() },
            ..Config::default()
        }
    }

    /// # Errors
    /// The first field outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |field: &str, value: f64, low: f64, high: f64| {
            // Written so that NaN is refused.
            if value >= low && value <= high {
                return Ok(());
            }
            Err(ConfigError { field: field.to_owned(), allowed: format!("between {low} and {high}, not {value}") })
        };
        within("interval_seconds", self.interval_seconds, 1.0, 3600.0)?;
        within("horizon", f64::from(self.horizon), 2.0, 10_000.0)?;
        within("warmup", f64::from(self.warmup), 0.0, f64::from(self.horizon) - 1.0)?;
        within("alpha", self.alpha, 1e-6, 0.2)?;
        within("alpha_pass", self.alpha_pass, 1e-6, 0.2)?;
        within("min_pass_intervals", f64::from(self.min_pass_intervals), 2.0, 10_000.0)?;
        within("pass_wealth_below", self.pass_wealth_below, 1.0 + 1e-9, 1.0 / self.alpha)?;
        within("max_gap", f64::from(self.max_gap), 1.0, 10_000.0)?;
        within("usable_share", self.usable_share, 0.01, 1.0)?;
        within("errors.tolerance", self.errors.tolerance, 1.0, 100.0)?;
        within("errors.act_at", self.errors.act_at, 1.0, 100.0)?;
        within("errors.harm_ratio", self.errors.harm_ratio, self.errors.tolerance, 100.0)?;
        within("errors.harm_difference", self.errors.harm_difference, 1e-6, 1.0)?;
        within("latency.tolerance", self.latency.tolerance, 0.0, 10.0)?;
        within("latency.act_at", self.latency.act_at.unwrap_or(1.0), 1.0, 100.0)?;
        for (field, harm) in [
            ("latency.harm_p50", self.latency.harm_p50),
            ("latency.harm_p90", self.latency.harm_p90),
            ("latency.harm_p99", self.latency.harm_p99),
        ] {
            within(field, harm, self.latency.tolerance + 1e-9, 100.0)?;
        }
        for (name, gauge) in &self.gauges {
            within(&format!("gauges.{name}.weight"), gauge.weight, 0.0, 1e6)?;
            within(&format!("gauges.{name}.tolerance"), gauge.tolerance, 0.0, 1e12)?;
            within(&format!("gauges.{name}.act_at"), gauge.act_at, 0.0, 1e12)?;
            within(&format!("gauges.{name}.harm"), gauge.harm, gauge.tolerance + 1e-9, 1e12)?;
        }
        let weights = self.weights.named();
        for (name, weight) in &weights {
            within(&format!("weights.{name}"), *weight, 0.0, 1e6)?;
        }
        // Errors are always present; with no stake on them and nothing else scraped there would be no judge.
        within("weights.errors", self.weights.errors, 1e-6, 1e6)?;
        for name in &self.must_have {
            if name != "endpoints" && name != "latency" && !self.gauges.contains_key(name) {
                return Err(ConfigError {
                    field: "must_have".to_owned(),
                    allowed: format!("`endpoints`, `latency` or a configured gauge, not `{name}`"),
                });
            }
        }
        Ok(())
    }
}

impl Weights {
    fn named(&self) -> [(&'static str, f64); 10] {
        [
            ("errors", self.errors),
            ("endpoints", self.endpoints),
            ("latency_p50", self.latency_p50),
            ("latency_p90", self.latency_p90),
            ("latency_p97", self.latency_p97),
            ("latency_p99", self.latency_p99),
            ("latency_p997", self.latency_p997),
            ("quantile_p50", self.quantile_p50),
            ("quantile_p90", self.quantile_p90),
            ("quantile_p99", self.quantile_p99),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_their_weights_sum_to_one() {
        let config = Config::default();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(Config::sensitive().check(), Ok(()));
        let sum: f64 = config.weights.named().iter().map(|(_, w)| w).sum::<f64>()
            + config.gauges.values().map(|g| g.weight).sum::<f64>();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn unknown_fields_and_bad_figures_are_refused() {
        for text in [r#"{"alhpa": 0.01}"#, r#"{"errors": {"tolerence": 1}}"#, r#"{"gauges": {"cpu": {"wieght": 1}}}"#] {
            assert!(serde_json::from_str::<Config>(text).is_err(), "{text}");
        }
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().field
        };
        assert_eq!(refused(|c| c.alpha = 0.0), "alpha");
        assert_eq!(refused(|c| c.alpha = f64::NAN), "alpha");
        assert_eq!(refused(|c| c.interval_seconds = f64::INFINITY), "interval_seconds");
        assert_eq!(refused(|c| c.horizon = 0), "horizon");
        assert_eq!(refused(|c| c.warmup = 60), "warmup");
        assert_eq!(refused(|c| c.weights.errors = 0.0), "weights.errors");
        assert_eq!(refused(|c| c.latency.harm_p50 = 0.01), "latency.harm_p50");
        assert_eq!(refused(|c| c.must_have = BTreeSet::from(["cpus".to_owned()])), "must_have");
    }

    #[test]
    fn survives_a_round_trip() {
        let text = serde_json::to_string(&Config::sensitive()).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), Config::sensitive());
    }
}
