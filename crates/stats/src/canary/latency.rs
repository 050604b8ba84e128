//! Latency indicators: exceedance counts at five cuts, and the gauges on log p50, p90, p99.
//!
//! A cut is the upper edge of the bucket that held the quantile in the baseline's trailing 30 intervals, so it is fixed
//! before the interval it judges. Slower-by-the-tolerance is granted by moving the baseline's line down instead of the
//! canary's up. Invariants: no trailing data, an incomparable layout or a cut without a finite bound above it gives no
//! evidence for that interval.

use super::calibrate::{EXCEEDANCES, dispersion, wobble};
use super::config::Config;
use super::counts::{Counts, Dispersion, EXCEEDANCE_GRID, PASS_GRID, log_e};
use super::data::{Arm, Interval};
use super::gauge::{GaugeProcess, Wobble};
use super::histogram::{Buckets, Trailing, accumulate};
use super::sequence::{Bounds, ConfidenceSequence};
use super::wealth::{Restarts, Wealth};

const WINDOW: usize = 30;
/// A quantile of fewer than this many exceeding requests is too skewed to be bet on.
const FEWEST_ABOVE: f64 = 20.0;
/// Quantiles judged by counts, with their indicator names.
pub const CUTS: [(f64, &str); 5] =
    [(0.5, "latency_p50"), (0.9, "latency_p90"), (0.97, "latency_p97"), (0.99, "latency_p99"), (0.997, "latency_p997")];
/// Quantiles judged as gauges.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "quantile_p50"), (0.9, "quantile_p90"), (0.99, "quantile_p99")];

#[derive(Clone, Debug)]
struct Harm {
    shift: f64,
    wealth: Wealth,
    best: f64,
}

#[derive(Clone, Debug)]
struct Cut {
    q: f64,
    dispersion: Dispersion,
    wealth: Wealth,
    harm: Option<Harm>,
    sequence: Option<ConfidenceSequence>,
}

/// All latency indicators of one watch.
#[derive(Clone, Debug)]
pub struct LatencyTrack {
    tolerance: f64,
    act_at: Option<f64>,
    trailing: Trailing,
    cuts: Vec<Cut>,
    quantiles: Vec<GaugeProcess>,
    latest: Option<(Buckets, Buckets)>,
    canary: Option<Buckets>,
    baseline: Option<Buckets>,
}

fn buckets(arm: &Arm) -> Option<Buckets> {
    arm.latency.as_ref().map(Buckets::from)
}

/// Counts above the cut in the canary and above cut/(1+shift) in the baseline.
fn exceedances(canary: &Buckets, baseline: &Buckets, cut: f64, shift: f64) -> Option<Counts> {
    Some(Counts {
        a: canary.above(cut)?,
        b: baseline.above(cut / (1.0 + shift))?,
        n_c: canary.total(),
        n_b: baseline.total(),
    })
}

fn log_ratio(canary: &Buckets, baseline: &Buckets, q: f64) -> Option<f64> {
    if canary.total().min(baseline.total()) * (1.0 - q) < FEWEST_ABOVE - 1e-9 {
        return None;
    }
    Some(canary.quantile(q)?.ln() - baseline.quantile(q)?.ln())
}

fn ratio(canary: Option<&Buckets>, baseline: Option<&Buckets>, q: f64) -> Option<f64> {
    let ratio = canary?.quantile(q)? / baseline?.quantile(q)?;
    ratio.is_finite().then_some(ratio)
}

/// Two arms and the trailing baseline at one schema.
fn comparable(trailing: &Trailing, canary: &Buckets, baseline: &Buckets) -> Option<(Buckets, Buckets, Buckets)> {
    if !canary.comparable(baseline) {
        return None;
    }
    let (canary, baseline) = canary.aligned(baseline);
    let (sum, canary) = trailing.matching(&canary)?.aligned(&canary);
    let (baseline, _) = baseline.aligned(&canary);
    Some((sum, canary, baseline))
}

impl LatencyTrack {
    pub fn new(config: &Config, restarts: Restarts, history: &[Interval]) -> LatencyTrack {
        let mut trailing = Trailing::new(WINDOW);
        let mut counts: Vec<Vec<Counts>> = vec![Vec::new(); CUTS.len()];
        let mut ratios: Vec<Vec<Option<f64>>> = vec![Vec::new(); QUANTILES.len()];
        for interval in history {
            let baseline = interval.baseline.as_ref().and_then(buckets);
            let pair = interval.canary.as_ref().and_then(buckets).zip(baseline.clone());
            for (series, (q, _)) in ratios.iter_mut().zip(QUANTILES) {
                series.push(pair.as_ref().filter(|(c, b)| c.comparable(b)).and_then(|(c, b)| log_ratio(c, b, q)));
            }
            if let Some((sum, c, b)) = pair.as_ref().and_then(|(c, b)| comparable(&trailing, c, b)) {
                for (list, (q, _)) in counts.iter_mut().zip(CUTS) {
                    list.extend(sum.cut(q).and_then(|cut| exceedances(&c, &b, cut, 0.0)));
                }
            }
            if let Some(baseline) = &baseline {
                trailing.push(baseline);
            }
        }
        let harm = |q: f64| match q {
            0.5 => Some(config.latency.harm_p50),
            0.9 => Some(config.latency.harm_p90),
            0.99 => Some(config.latency.harm_p99),
            _ => None,
        };
        let cuts = CUTS
            .iter()
            .zip(&counts)
            .map(|((q, _), counts)| Cut {
                q: *q,
                dispersion: dispersion(counts, &EXCEEDANCES),
                wealth: Wealth::new(&EXCEEDANCE_GRID, restarts),
                harm: harm(*q).map(|shift| Harm { shift, wealth: Wealth::new(&PASS_GRID, Restarts::Never), best: 1.0 }),
                sequence: (config.confidence_sequence && harm(*q).is_some()).then(|| ConfidenceSequence::new(49, 3.0)),
            })
            .collect();
        let tolerance = config.latency.tolerance.ln_1p();
        let quantiles = ratios
            .iter()
            .map(|series| {
                let wobble: Wobble = wobble(series);
                GaugeProcess::above(tolerance, wobble, restarts)
            })
            .collect();
        LatencyTrack {
            tolerance: config.latency.tolerance,
            act_at: config.latency.act_at,
            trailing,
            cuts,
            quantiles,
            latest: None,
            canary: None,
            baseline: None,
        }
    }

    /// Which cuts can be used, judged from the trailing baseline (or, without one, this interval's).
    pub fn usable_cuts(&self, baseline: &Arm) -> [bool; CUTS.len()] {
        let Some(now) = buckets(baseline) else { return [false; CUTS.len()] };
        let sum = self.trailing.matching(&now).unwrap_or(&now);
        // An empty first interval says nothing about the layout's reach; keep the indicator.
        CUTS.map(|(q, _)| sum.total() <= 0.0 || sum.cut(q).is_some())
    }

    /// `arms`: both arms when the interval is evidence; `baseline`: whatever the baseline reported, warm-up included.
    pub fn step(&mut self, arms: Option<(&Arm, &Arm)>, baseline: Option<&Arm>) {
        let pair = arms.and_then(|(c, b)| buckets(c).zip(buckets(b))).filter(|(c, b)| c.comparable(b));
        let judged = pair.as_ref().and_then(|(c, b)| comparable(&self.trailing, c, b));
        for cut in &mut self.cuts {
            let at = judged.as_ref().and_then(|(sum, c, b)| Some((sum.cut(cut.q)?, c, b)));
            cut.step(at, self.tolerance);
        }
        for (process, (q, _)) in self.quantiles.iter_mut().zip(QUANTILES) {
            process.step(pair.as_ref().and_then(|(c, b)| log_ratio(c, b, q)));
        }
        if let Some((canary, baseline)) = &pair {
            accumulate(&mut self.canary, canary);
            accumulate(&mut self.baseline, baseline);
        }
        self.latest = pair;
        if let Some(baseline) = baseline.and_then(buckets) {
            self.trailing.push(&baseline);
        }
    }

    pub fn cumulative_ratio(&self, q: f64) -> Option<f64> {
        ratio(self.canary.as_ref(), self.baseline.as_ref(), q)
    }

    pub fn cumulative(&self, q: f64) -> (Option<f64>, Option<f64>) {
        let quantile = |sum: &Option<Buckets>| sum.as_ref().and_then(|b| b.quantile(q));
        (quantile(&self.canary), quantile(&self.baseline))
    }

    pub fn latest_ratio(&self, q: f64) -> Option<f64> {
        let (canary, baseline) = self.latest.as_ref()?;
        ratio(Some(canary), Some(baseline), q)
    }

    pub fn bounds(&self, index: usize) -> Option<Bounds> {
        self.cuts[index].sequence.as_ref().map(ConfidenceSequence::bounds)
    }

    pub fn acting(&self, q: f64) -> bool {
        self.act_at.is_none_or(|line| self.cumulative_ratio(q).is_some_and(|ratio| ratio >= line))
    }

    fn gated(&self, value: f64, q: f64) -> f64 {
        if self.acting(q) { value } else { value.min(1.0) }
    }

    pub fn cut_value(&self, index: usize) -> f64 {
        self.gated(self.cuts[index].wealth.value(), self.cuts[index].q)
    }

    pub fn quantile_value(&self, index: usize) -> f64 {
        self.gated(self.quantiles[index].value(), QUANTILES[index].0)
    }

    /// Current and best pass evidence of a cut that is asked for one.
    pub fn pass(&self, index: usize) -> Option<(f64, f64)> {
        self.cuts[index].harm.as_ref().map(|harm| (harm.wealth.value(), harm.best))
    }

    pub fn restart_pass(&mut self) {
        for harm in self.cuts.iter_mut().filter_map(|cut| cut.harm.as_mut()) {
            harm.wealth = Wealth::new(&PASS_GRID, Restarts::Never);
            harm.best = 1.0;
        }
    }
}

impl Cut {
    fn step(&mut self, at: Option<(f64, &Buckets, &Buckets)>, tolerance: f64) {
        let dispersion = self.dispersion;
        let counts = |shift| at.and_then(|(cut, c, b)| exceedances(c, b, cut, shift));
        match counts(tolerance) {
            Some(counts) => self.wealth.step(|g| log_e(&counts, 1.0, g, &dispersion)),
            None => self.wealth.idle(),
        }
        if let Some(harm) = &mut self.harm {
            match counts(harm.shift) {
                Some(counts) => harm.wealth.step(|g| log_e(&counts, 1.0, g, &dispersion)),
                None => harm.wealth.idle(),
            }
            harm.best = harm.best.max(harm.wealth.value());
        }
        if let Some(sequence) = &mut self.sequence
            && at.is_some()
        {
            sequence.observe_shift(|shift| counts(shift - 1.0), &dispersion);
        }
    }
}
