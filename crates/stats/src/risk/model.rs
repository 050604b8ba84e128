//! Online Bayesian logistic regression with service and author effects that drift.
//!
//! A rank-one (extended Kalman) update of a normal posterior, as in MacKay 1992 for the predictive probability
//! sig(m / sqrt(1 + pi s2 / 8)). Invariants: the covariance stays symmetric; an unknown service or author starts at its
//! prior, so a newcomer is neither good nor bad. Deliberately absent: batch fitting and feature scaling; features are
//! defined so that their natural scale is of order one.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Prior variances, intercept mean and weekly drift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Priors {
    pub intercept_mean: f64,
    pub intercept: f64,
    pub feature: f64,
    pub service: f64,
    pub author: f64,
    /// Variance gained per week.
    pub service_drift: f64,
    pub intercept_drift: f64,
}

impl Default for Priors {
    fn default() -> Self {
        Priors {
            intercept_mean: -3.0,
            intercept: 1.0,
            feature: 0.25,
            service: 0.36,
            author: 0.12,
            service_drift: 0.004,
            intercept_drift: 0.0005,
        }
    }
}

/// What is known of a change before it runs. Counts are plain numbers, at least zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    pub service: String,
    pub author: String,
    pub lines: f64,
    pub files: f64,
    /// Services that depend on this one.
    pub fan_in: f64,
    /// The author's earlier changes to this service.
    pub author_changes_here: f64,
    /// Days since the service's last failed change; `None` if it never failed.
    #[serde(default)]
    pub days_since_failure: Option<f64>,
    pub migration: bool,
    pub config_only: bool,
    pub off_hours: bool,
    pub friday_afternoon: bool,
    /// 0 (nobody would notice) to 1 (the business stops).
    pub criticality: f64,
}

const NAMES: [&str; 11] = [
    "lines",
    "files",
    "fan_in",
    "author_experience",
    "recent_failure",
    "migration",
    "config_only",
    "off_hours",
    "friday_afternoon",
    "criticality",
    "big_change",
];
/// Beyond this many lines a change is counted as big, additionally to its logarithm.
const BIG_LINES: f64 = 400.0;
/// Sizes are centred here, so that the intercept speaks of an ordinary change.
const USUAL_LINES: f64 = 50.0;
const USUAL_FILES: f64 = 4.0;

/// Why a feature was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskError {
    pub feature: &'static str,
}

impl fmt::Display for RiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "risk feature `{}` must be a finite number of at least zero", self.feature)
    }
}

impl std::error::Error for RiskError {}

impl Features {
    fn vector(&self) -> Result<[f64; NAMES.len()], RiskError> {
        let days = self.days_since_failure.unwrap_or(0.0);
        for (value, feature) in [
            (self.lines, "lines"),
            (self.files, "files"),
            (self.fan_in, "fan_in"),
            (self.author_changes_here, "author_changes_here"),
            (days, "days_since_failure"),
            (self.criticality, "criticality"),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(RiskError { feature });
            }
        }
        let flag = |there: bool| f64::from(u8::from(there));
        Ok([
            self.lines.ln_1p() - USUAL_LINES.ln_1p(),
            self.files.ln_1p() - USUAL_FILES.ln_1p(),
            self.fan_in.ln_1p(),
            self.author_changes_here.ln_1p(),
            self.days_since_failure.map_or(0.0, |days| (-days / 7.0).exp()),
            flag(self.migration),
            flag(self.config_only),
            flag(self.off_hours),
            flag(self.friday_afternoon),
            self.criticality.min(1.0),
            (self.lines.max(1.0) / BIG_LINES).ln().max(0.0),
        ])
    }
}

/// A probability of failure with a central 90 % interval and what drives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    pub probability: f64,
    pub low: f64,
    pub high: f64,
    /// Additions to the log-odds by feature, service and author, largest size first.
    pub drivers: Vec<(String, f64)>,
    /// Outcomes learnt from so far.
    pub learnt_from: u64,
}

/// The posterior. Dimensions grow as services and authors appear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    priors: Priors,
    mean: Vec<f64>,
    covariance: Vec<Vec<f64>>,
    services: BTreeMap<String, usize>,
    authors: BTreeMap<String, usize>,
    learnt_from: u64,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Model {
    pub fn new(priors: Priors) -> Model {
        let mut model = Model {
            priors,
            mean: Vec::new(),
            covariance: Vec::new(),
            services: BTreeMap::new(),
            authors: BTreeMap::new(),
            learnt_from: 0,
        };
        model.grow(priors.intercept_mean, priors.intercept);
        for _ in NAMES {
            model.grow(0.0, priors.feature);
        }
        model
    }

    fn grow(&mut self, mean: f64, variance: f64) -> usize {
        let place = self.mean.len();
        self.mean.push(mean);
        for row in &mut self.covariance {
            row.push(0.0);
        }
        let mut row = vec![0.0; place + 1];
        row[place] = variance;
        self.covariance.push(row);
        place
    }

    /// Sparse design row: place and value.
    fn row(&self, features: &Features) -> Result<Vec<(usize, f64)>, RiskError> {
        let vector = features.vector()?;
        let mut row = vec![(0, 1.0)];
        row.extend(vector.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(i, x)| (i + 1, *x)));
        row.extend(self.services.get(&features.service).map(|place| (*place, 1.0)));
        row.extend(self.authors.get(&features.author).map(|place| (*place, 1.0)));
        Ok(row)
    }

    fn times(&self, row: &[(usize, f64)]) -> Vec<f64> {
        self.covariance.iter().map(|line| row.iter().map(|(place, x)| line[*place] * x).sum()).collect()
    }

    /// # Errors
    /// When a feature is negative or not a number.
    pub fn predict(&self, features: &Features) -> Result<Prediction, RiskError> {
        let row = self.row(features)?;
        let m: f64 = row.iter().map(|(place, x)| self.mean[*place] * x).sum();
        let known: f64 = self.times(&row).iter().enumerate().map(|(i, cx)| value_at(&row, i) * cx).sum();
        let unknown_service = if self.services.contains_key(&features.service) { 0.0 } else { self.priors.service };
        let unknown_author = if self.authors.contains_key(&features.author) { 0.0 } else { self.priors.author };
        let variance = (known + unknown_service + unknown_author).max(0.0);
        let spread = 1.644_853_626_951_472_2 * variance.sqrt();
        let mut drivers: Vec<(String, f64)> =
            row.iter().skip(1).map(|(place, x)| (self.name(*place, features), self.mean[*place] * x)).collect();
        drivers.sort_by(|x, y| y.1.abs().total_cmp(&x.1.abs()).then_with(|| x.0.cmp(&y.0)));
        Ok(Prediction {
            probability: sigmoid(m / (1.0 + std::f64::consts::PI * variance / 8.0).sqrt()),
            low: sigmoid(m - spread),
            high: sigmoid(m + spread),
            drivers,
            learnt_from: self.learnt_from,
        })
    }

    fn name(&self, place: usize, features: &Features) -> String {
        match NAMES.get(place - 1) {
            Some(name) => (*name).to_owned(),
            None if self.services.get(&features.service) == Some(&place) => "service".to_owned(),
            None => "author".to_owned(),
        }
    }

    /// Learns one outcome.
    ///
    /// # Errors
    /// When a feature is negative or not a number; nothing is learnt then.
    pub fn learn(&mut self, features: &Features, failed: bool) -> Result<(), RiskError> {
        features.vector()?;
        if !self.services.contains_key(&features.service) {
            let place = self.grow(0.0, self.priors.service);
            self.services.insert(features.service.clone(), place);
        }
        if !self.authors.contains_key(&features.author) {
            let place = self.grow(0.0, self.priors.author);
            self.authors.insert(features.author.clone(), place);
        }
        let row = self.row(features)?;
        let m: f64 = row.iter().map(|(place, x)| self.mean[*place] * x).sum();
        let cx = self.times(&row);
        let s2: f64 = row.iter().map(|(place, x)| cx[*place] * x).sum();
        let p = sigmoid(m);
        let weight = (p * (1.0 - p)).max(1e-4);
        let gain = 1.0 / (1.0 / weight + s2);
        let surprise = (f64::from(u8::from(failed)) - p) / weight;
        for (i, line) in self.covariance.iter_mut().enumerate() {
            self.mean[i] += gain * cx[i] * surprise;
            for (entry, other) in line.iter_mut().zip(&cx) {
                *entry -= gain * cx[i] * other;
            }
        }
        self.learnt_from += 1;
        Ok(())
    }

    /// Lets `weeks` pass: services and the general level may have changed. Ignored unless finite and above zero.
    pub fn drift(&mut self, weeks: f64) {
        if !(weeks.is_finite() && weeks > 0.0) {
            return;
        }
        self.covariance[0][0] += weeks * self.priors.intercept_drift;
        for place in self.services.values() {
            self.covariance[*place][*place] += weeks * self.priors.service_drift;
        }
    }
}

fn value_at(row: &[(usize, f64)], place: usize) -> f64 {
    row.iter().find(|(i, _)| *i == place).map_or(0.0, |(_, x)| *x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(service: &str, author: &str) -> Features {
        Features { service: service.into(), author: author.into(), lines: 50.0, files: 4.0, ..Features::default() }
    }

    /// One update from the prior, by hand: intercept N(-3, 1), a fresh service N(0, .36) and author N(0, .12) and every
    /// other feature zero. s2 = 1.48, p = sig(-3).
    #[test]
    fn the_first_update_is_the_one_on_paper() {
        let mut model = Model::new(Priors::default());
        model.learn(&change("shop", "ann"), true).unwrap();
        let p = sigmoid(-3.0);
        let w = p * (1.0 - p);
        let gain = 1.0 / (1.0 / w + 1.48);
        assert!((model.mean[0] - (-3.0 + gain * (1.0 - p) / w)).abs() < 1e-12);
        assert!((model.mean[model.services["shop"]] - 0.36 * gain * (1.0 - p) / w).abs() < 1e-12);
        assert!((model.covariance[0][0] - (1.0 - gain)).abs() < 1e-12);
    }

    #[test]
    fn the_predictive_probability_leans_to_the_middle() {
        let prediction = Model::new(Priors::default()).predict(&change("shop", "ann")).unwrap();
        let wanted = sigmoid(-3.0 / (1.0 + std::f64::consts::PI * 1.48 / 8.0).sqrt());
        assert!((prediction.probability - wanted).abs() < 1e-12);
        assert!(prediction.low < prediction.probability && prediction.probability < prediction.high);
    }

    #[test]
    fn a_failing_service_is_told_from_a_steady_one() {
        let mut model = Model::new(Priors::default());
        for i in 0..200 {
            model.learn(&change("fragile", "ann"), i % 3 == 0).unwrap();
            model.learn(&change("steady", "ann"), false).unwrap();
            model.drift(0.1);
        }
        let fragile = model.predict(&change("fragile", "ann")).unwrap();
        let steady = model.predict(&change("steady", "ann")).unwrap();
        assert!((0.2..0.45).contains(&fragile.probability), "{fragile:?}");
        assert!(steady.probability < 0.05);
        assert_eq!(fragile.drivers[0].0, "service");
        assert!(fragile.high - fragile.low < 0.3);
    }

    #[test]
    fn features_are_learnt_and_the_covariance_stays_symmetric() {
        let mut model = Model::new(Priors::default());
        for i in 0..300 {
            let migration = i % 2 == 0;
            model.learn(&Features { migration, ..change("shop", "ann") }, migration && i % 4 == 0).unwrap();
        }
        let with = model.predict(&Features { migration: true, ..change("shop", "ann") }).unwrap();
        let without = model.predict(&change("shop", "ann")).unwrap();
        assert!(with.probability > 4.0 * without.probability);
        for (i, line) in model.covariance.iter().enumerate() {
            for (j, entry) in line.iter().enumerate() {
                assert!((entry - model.covariance[j][i]).abs() < 1e-12);
            }
            assert!(line[i] > 0.0);
        }
    }

    #[test]
    fn nonsense_is_refused_and_teaches_nothing() {
        let mut model = Model::new(Priors::default());
        let before = model.clone();
        for lines in [f64::NAN, f64::INFINITY, -1.0] {
            let bad = Features { lines, ..change("shop", "ann") };
            assert_eq!(model.learn(&bad, true), Err(RiskError { feature: "lines" }));
            assert!(model.predict(&bad).is_err());
        }
        model.drift(f64::NAN);
        assert_eq!(model, before);
    }
}
