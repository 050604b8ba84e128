//! The judge: takes interval after interval, keeps one wealth over all indicators, and says where it stands.
//!
//! FAIL: the weighted mean of the indicators' e-values reaches 1/alpha at any look; by Ville's inequality a harmless
//! release ever fails with probability at most alpha, whatever the dependence between indicators. PASS: every required
//! metric has shown, at some look of this step, evidence of 1/alpha_pass that it is clear of its harm line.
//!
//! Invariants: weights are fixed at the first usable interval; a fail is final; no data, no traffic or too few
//! intervals never pass; refused data leave the state as it was. Deliberately absent: a clock. Whoever feeds the judge
//! decides when an interval is over and reports a gap when nothing was scraped.

use super::assessment::{Assessment, Effect, Evidence, HoldReason, PassEvidence, QuantileRatio, Verdict};
use super::config::{Config, ConfigError};
use super::counts::Counts;
use super::data::{Arm, DataError, Interval};
use super::errors::{EndpointTrack, ErrorTrack, both_arms};
use super::forecast::{Forecast, Judging, Traffic, forecast};
use super::latency::{CUTS, LatencyTrack, QUANTILES};
use super::resource::ResourceTrack;
use super::sequence::{Bounds, ConfidenceSequence};
use super::wealth::Restarts;
use crate::multiple::e_bh;

const RESTART_EVERY: u32 = 5;
const FIRST_STAKE: f64 = 0.6;

/// One canary watch.
#[derive(Clone, Debug)]
pub struct Judge {
    config: Config,
    t: u32,
    horizon: u32,
    step_started: u32,
    usable: u32,
    gap: u32,
    quiet: u32,
    evidence_intervals: u32,
    excess: f64,
    failed: bool,
    errors: ErrorTrack,
    endpoints: EndpointTrack,
    latency: LatencyTrack,
    gauges: Vec<ResourceTrack>,
    sequence: Option<ConfidenceSequence>,
    weights: Option<Vec<(String, f64)>>,
}

impl Judge {
    /// A judge without history: cautious defaults stand in for calibration.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn new(config: Config) -> Result<Judge, ConfigError> {
        Judge::calibrated(config, &[])
    }

    /// A judge that learns from intervals before the release, in which both arms ran the same code. At least 80 are
    /// needed to calibrate, 480 are better; fewer only set the latency cuts. Intervals that fail [`Interval::check`]
    /// are treated as gaps.
    ///
    /// # Errors
    /// When a setting is outside its range.
    pub fn calibrated(config: Config, history: &[Interval]) -> Result<Judge, ConfigError> {
        config.check()?;
        let history: Vec<Interval> =
            history.iter().map(|i| if i.check().is_ok() { i.clone() } else { Interval::gap() }).collect();
        let restarts = Restarts::Every { every: RESTART_EVERY, first: FIRST_STAKE, horizon: Some(config.horizon) };
        let arms = both_arms(&history);
        let slots: Vec<Option<(&Arm, &Arm)>> =
            history.iter().map(|i| Some((i.canary.as_ref()?, i.baseline.as_ref()?))).collect();
        let errors = ErrorTrack::new(&config, restarts, &arms);
        Ok(Judge {
            t: 0,
            horizon: config.horizon,
            step_started: 0,
            usable: 0,
            gap: 0,
            quiet: 0,
            evidence_intervals: 0,
            excess: 0.0,
            failed: false,
            endpoints: EndpointTrack::new(&config, restarts, errors.dispersion(), &arms),
            latency: LatencyTrack::new(&config, restarts, &history),
            gauges: config.gauges.iter().map(|(name, rule)| ResourceTrack::new(name, rule, restarts, &slots)).collect(),
            sequence: config.confidence_sequence.then(|| ConfidenceSequence::new(97, 16.0)),
            weights: None,
            errors,
            config,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes one interval and assesses. Every interval of the watch must be given, those without data as gaps.
    ///
    /// # Errors
    /// When the interval's figures cannot be; the judge is then unchanged.
    pub fn observe(&mut self, interval: &Interval) -> Result<Assessment, DataError> {
        interval.check()?;
        self.t += 1;
        let both = interval.canary.as_ref().zip(interval.baseline.as_ref());
        match both {
            None => self.gap += 1,
            Some((canary, _)) => {
                self.gap = 0;
                self.usable += 1;
                self.quiet = if canary.n == 0 { self.quiet + 1 } else { 0 };
            }
        }
        let evidence = both.filter(|_| self.t > self.config.warmup);
        if let Some((_, baseline)) = evidence {
            self.evidence_intervals += 1;
            if self.weights.is_none() {
                self.weights = Some(self.fix_weights(baseline));
            }
        }
        let counts = self.errors.step(evidence);
        if let Some(counts) = &counts {
            self.note_effect(counts);
        }
        self.endpoints.step(evidence);
        self.latency.step(evidence, interval.baseline.as_ref());
        for gauge in &mut self.gauges {
            gauge.step(evidence);
        }
        Ok(self.assess())
    }

    fn note_effect(&mut self, counts: &Counts) {
        if counts.n_b > 0.0 {
            self.excess += counts.a - counts.n_c * counts.b / counts.n_b;
        }
        let dispersion = self.errors.dispersion();
        if let Some(sequence) = &mut self.sequence {
            sequence.observe_ratio(counts, &dispersion);
        }
    }

    /// Begins a new step (another weight): pass evidence starts afresh, evidence of harm is kept.
    pub fn begin_step(&mut self) {
        self.step_started = self.t;
        self.errors.restart_pass();
        self.latency.restart_pass();
        for gauge in &mut self.gauges {
            gauge.restart_pass();
        }
    }

    /// Moves the horizon `intervals` further away, for a policy that extends an inconclusive watch.
    pub fn extend(&mut self, intervals: u32) {
        self.horizon = self.horizon.saturating_add(intervals);
    }

    /// Stakes of the indicators the baseline reports; the others give theirs away in proportion.
    fn fix_weights(&self, baseline: &Arm) -> Vec<(String, f64)> {
        let weights = &self.config.weights;
        let cuts = self.latency.usable_cuts(baseline);
        let histogram = baseline.latency.is_some();
        let cut_weights =
            [weights.latency_p50, weights.latency_p90, weights.latency_p97, weights.latency_p99, weights.latency_p997];
        let quantile_weights = [weights.quantile_p50, weights.quantile_p90, weights.quantile_p99];
        let mut present = vec![("errors".to_owned(), weights.errors)];
        let mut add = |name: &str, weight: f64, there: bool| {
            present.push((name.to_owned(), if there { weight } else { 0.0 }));
        };
        add("endpoints", weights.endpoints, self.endpoints.present(baseline));
        for (i, (_, name)) in CUTS.iter().enumerate() {
            add(name, cut_weights[i], cuts[i]);
        }
        for (i, (_, name)) in QUANTILES.iter().enumerate() {
            add(name, quantile_weights[i], histogram);
        }
        for gauge in &self.gauges {
            add(&gauge_name(&gauge.name), gauge.rule.weight, baseline.gauges.contains_key(&gauge.name));
        }
        let sum: f64 = present.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut present {
            *weight /= sum;
        }
        present
    }

    /// Values and acting flags in the order of the weights.
    fn values(&self) -> Vec<(f64, bool)> {
        let mut values =
            vec![(self.errors.value(), self.errors.acting()), (self.endpoints.value(), self.endpoints.acting())];
        values.extend(CUTS.iter().enumerate().map(|(i, (q, _))| (self.latency.cut_value(i), self.latency.acting(*q))));
        values.extend(
            QUANTILES.iter().enumerate().map(|(i, (q, _))| (self.latency.quantile_value(i), self.latency.acting(*q))),
        );
        values.extend(self.gauges.iter().map(|gauge| (gauge.value(), gauge.acting())));
        values
    }

    fn evidence(&self) -> (f64, Vec<Evidence>) {
        let Some(weights) = &self.weights else { return (1.0, Vec::new()) };
        let mut evidence: Vec<Evidence> = weights
            .iter()
            .zip(self.values())
            .filter(|((_, weight), _)| *weight > 0.0)
            .map(|((indicator, weight), (e, acting))| Evidence {
                indicator: indicator.clone(),
                weight: *weight,
                e,
                log10: e.max(1e-300).log10(),
                contribution: 0.0,
                acting,
            })
            .collect();
        let wealth: f64 = evidence.iter().map(|e| e.weight * e.e).sum();
        for e in &mut evidence {
            e.contribution = if wealth > 0.0 { e.weight * e.e / wealth } else { 0.0 };
        }
        (wealth, evidence)
    }

    fn is_present(&self, indicator: &str) -> bool {
        self.weights.as_ref().is_some_and(|all| all.iter().any(|(name, w)| name == indicator && *w > 0.0))
    }

    fn pass_evidence(&self) -> Vec<PassEvidence> {
        let threshold = 1.0 / self.config.alpha_pass;
        let meter = |indicator: String, e: f64, best: f64, final_only: bool| PassEvidence {
            indicator,
            e,
            best,
            threshold,
            reached: best >= threshold,
            final_only,
        };
        let mut all = vec![meter("errors".to_owned(), self.errors.pass(), self.errors.best_pass(), false)];
        for (i, (_, name)) in CUTS.iter().enumerate() {
            if let Some((e, best)) = self.latency.pass(i).filter(|_| self.is_present(name)) {
                all.push(meter((*name).to_owned(), e, best, false));
            }
        }
        for gauge in &self.gauges {
            let name = gauge_name(&gauge.name);
            if self.is_present(&name) {
                all.push(meter(name, gauge.pass(), gauge.best_pass(), gauge.rule.accumulates));
            }
        }
        all
    }

    fn hold(&self) -> Option<HoldReason> {
        if self.gap >= self.config.max_gap {
            return Some(HoldReason::NoData { intervals: self.gap });
        }
        if self.quiet >= self.config.max_gap {
            return Some(HoldReason::NoTraffic { intervals: self.quiet });
        }
        if self.t >= self.horizon && !self.enough_intervals() {
            return Some(HoldReason::TooFewIntervals { usable: self.usable, total: self.t });
        }
        if self.weights.is_some() {
            let missing = self.config.must_have.iter().find(|name| match name.as_str() {
                "endpoints" => !self.is_present("endpoints"),
                "latency" => !self.is_present("quantile_p50") && !self.is_present("latency_p50"),
                gauge => !self.is_present(&gauge_name(gauge)),
            });
            return missing.map(|name| HoldReason::Missing { indicator: name.clone() });
        }
        None
    }

    fn enough_intervals(&self) -> bool {
        f64::from(self.usable) >= self.config.usable_share * f64::from(self.t)
    }

    fn verdict(&mut self, wealth: f64, pass: &[PassEvidence]) -> Verdict {
        self.failed |= wealth >= 1.0 / self.config.alpha;
        if self.failed {
            return Verdict::Fail;
        }
        if let Some(why) = self.hold() {
            return Verdict::Hold { why };
        }
        let at_end = self.t >= self.horizon;
        let clear = self.evidence_intervals > 0
            && wealth < self.config.pass_wealth_below
            && self.enough_intervals()
            && self.t - self.step_started >= self.config.min_pass_intervals
            && pass.iter().all(|metric| metric.reached || (metric.final_only && !at_end));
        match (clear, at_end) {
            (true, true) => Verdict::Pass,
            (true, false) => Verdict::PassStep,
            (false, true) => Verdict::Inconclusive,
            (false, false) => Verdict::Continue,
        }
    }

    fn assess(&mut self) -> Assessment {
        let (wealth, evidence) = self.evidence();
        let pass = self.pass_evidence();
        let verdict = self.verdict(wealth, &pass);
        let named: Vec<(String, f64)> = evidence.iter().map(|e| (e.indicator.clone(), e.e)).collect();
        let leading = evidence
            .iter()
            .filter(|e| e.e > 1.0)
            .max_by(|x, y| x.contribution.total_cmp(&y.contribution))
            .map(|e| e.indicator.clone());
        let seen = *self.errors.seen();
        Assessment {
            t: self.t,
            horizon: self.horizon,
            verdict,
            wealth,
            log10_wealth: wealth.max(1e-300).log10(),
            threshold: 1.0 / self.config.alpha,
            culprits: e_bh(&named, self.config.alpha),
            leading,
            evidence,
            pass,
            effect: self.effect(&seen),
            quantiles: self.quantiles(),
            excess_bad_requests: self.excess,
            forecast: self.forecast(&seen),
            usable: self.usable,
            n_canary: seen.n_c as u64,
            n_baseline: seen.n_b as u64,
            errors_canary: seen.a as u64,
            errors_baseline: seen.b as u64,
        }
    }

    fn effect(&self, seen: &Counts) -> Effect {
        Effect {
            canary_rate: (seen.n_c > 0.0).then(|| seen.a / seen.n_c),
            baseline_rate: (seen.n_b > 0.0).then(|| seen.b / seen.n_b),
            ratio: seen.ratio().filter(|ratio| ratio.is_finite()),
            bounds: self.sequence.as_ref().map_or(Bounds::default(), ConfidenceSequence::bounds),
        }
    }

    fn quantiles(&self) -> Vec<QuantileRatio> {
        if !self.is_present("quantile_p50") {
            return Vec::new();
        }
        CUTS.iter()
            .enumerate()
            .map(|(i, (q, _))| {
                let (canary, baseline) = self.latency.cumulative(*q);
                QuantileRatio {
                    quantile: *q,
                    latest: self.latency.latest_ratio(*q),
                    cumulative: self.latency.cumulative_ratio(*q),
                    canary,
                    baseline,
                    bounds: self.latency.bounds(i),
                }
            })
            .collect()
    }

    fn forecast(&self, seen: &Counts) -> Forecast {
        let Some(weights) = &self.weights else { return Forecast::default() };
        let intervals = f64::from(self.evidence_intervals.max(1));
        if seen.n_b <= 0.0 {
            return Forecast::default();
        }
        let traffic = Traffic { n_c: seen.n_c / intervals, n_b: seen.n_b / intervals, rate: seen.b / seen.n_b };
        let judging = Judging {
            alpha: self.config.alpha,
            weight: weights[0].1,
            tolerance: self.config.errors.tolerance,
            dispersion: self.errors.dispersion(),
        };
        forecast(&traffic, &judging, f64::from(self.horizon))
    }

    /// Endpoints named at a false discovery rate of alpha, strongest first.
    pub fn bad_endpoints(&self) -> Vec<String> {
        e_bh(&self.endpoints.values(), self.config.alpha)
    }
}

fn gauge_name(name: &str) -> String {
    format!("gauge:{name}")
}
