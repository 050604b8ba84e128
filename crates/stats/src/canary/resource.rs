//! Resource gauges of an arm (CPU, memory, queue length): which side hurts, when evidence is acted on, when it clears.
//!
//! Invariants: a value a ratio cannot be formed of (zero or less) is a gap, not evidence. Deliberately absent: latency
//! quantiles, which live in [`super::latency`].

use super::calibrate::wobble;
use super::config::{Direction, GaugeRule, Scale};
use super::data::Arm;
use super::gauge::{GaugeProcess, Wobble};
use super::wealth::Restarts;
use std::collections::VecDeque;

const RECENT: usize = 10;

#[derive(Clone, Debug)]
struct Side {
    sign: f64,
    fail: GaugeProcess,
    pass: GaugeProcess,
}

/// One configured gauge.
#[derive(Clone, Debug)]
pub struct ResourceTrack {
    pub name: String,
    pub rule: GaugeRule,
    wobble: Wobble,
    sides: Vec<Side>,
    recent: VecDeque<f64>,
    best: f64,
}

impl ResourceTrack {
    pub fn new(name: &str, rule: &GaugeRule, restarts: Restarts, history: &[Option<(&Arm, &Arm)>]) -> ResourceTrack {
        let series: Vec<Option<f64>> =
            history.iter().map(|arms| arms.and_then(|(c, b)| difference(name, rule.scale, c, b))).collect();
        let wobble = wobble(&series);
        let signs: &[f64] = match rule.direction {
            Direction::Increase => &[1.0],
            Direction::Decrease => &[-1.0],
            Direction::Either => &[1.0, -1.0],
        };
        let sides = signs
            .iter()
            .map(|sign| Side {
                sign: *sign,
                fail: GaugeProcess::above(line(rule.scale, rule.tolerance), wobble, restarts),
                pass: GaugeProcess::below(line(rule.scale, rule.harm), wobble, Restarts::Never),
            })
            .collect();
        ResourceTrack { name: name.to_owned(), rule: rule.clone(), wobble, sides, recent: VecDeque::new(), best: 1.0 }
    }

    pub fn step(&mut self, arms: Option<(&Arm, &Arm)>) {
        let difference = arms.and_then(|(c, b)| difference(&self.name, self.rule.scale, c, b));
        for side in &mut self.sides {
            side.fail.step(difference.map(|d| side.sign * d));
            side.pass.step(difference.map(|d| side.sign * d));
        }
        if let Some(difference) = difference {
            self.recent.push_back(difference);
            if self.recent.len() > RECENT {
                self.recent.pop_front();
            }
        }
        self.best = self.best.max(self.pass());
    }

    fn side_acting(&self, side: &Side) -> bool {
        let count = self.recent.len();
        count > 0
            && side.sign * self.recent.iter().sum::<f64>() / count as f64 >= line(self.rule.scale, self.rule.act_at)
    }

    pub fn acting(&self) -> bool {
        self.sides.iter().any(|side| self.side_acting(side))
    }

    /// Mean over the sides that hurt, each counting only while acted on.
    pub fn value(&self) -> f64 {
        let sum: f64 = self
            .sides
            .iter()
            .map(|side| if self.side_acting(side) { side.fail.value() } else { side.fail.value().min(1.0) })
            .sum();
        sum / self.sides.len() as f64
    }

    /// Clear of harm on every side, hence the smallest.
    pub fn pass(&self) -> f64 {
        self.sides.iter().map(|side| side.pass.value()).fold(f64::INFINITY, f64::min)
    }

    pub fn best_pass(&self) -> f64 {
        self.best
    }

    pub fn restart_pass(&mut self) {
        let harm = line(self.rule.scale, self.rule.harm);
        for side in &mut self.sides {
            side.pass = GaugeProcess::below(harm, self.wobble, Restarts::Never);
        }
        self.best = 1.0;
    }
}

fn line(scale: Scale, share: f64) -> f64 {
    match scale {
        Scale::Ratio => share.ln_1p(),
        Scale::Difference => share,
    }
}

fn difference(name: &str, scale: Scale, canary: &Arm, baseline: &Arm) -> Option<f64> {
    let (canary, baseline) = (*canary.gauges.get(name)?, *baseline.gauges.get(name)?);
    match scale {
        Scale::Ratio if canary > 0.0 && baseline > 0.0 => Some(canary.ln() - baseline.ln()),
        Scale::Ratio => None,
        Scale::Difference => Some(canary - baseline).filter(|d| d.is_finite()),
    }
}
