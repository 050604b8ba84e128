//! The gauge e-process: one number per arm and interval (CPU, memory, a quantile), compared as a log-ratio.
//!
//! The log-ratio minus its tolerance is taken as a first-order autoregression with symmetric innovations; each
//! innovation is bet on with `1 + tanh(lambda x)`, so one interval at most doubles the evidence and outliers cannot
//! convict. Invariants: without calibration only the sign of an innovation counts; after a gap the first value is
//! scaled to the innovation's spread. Deliberately absent: trust in the size of anything uncalibrated.

use super::wealth::{Restarts, Wealth};

const BETS: [(f64, f64); 4] = [(0.25, 0.25), (0.5, 0.25), (1.0, 0.25), (2.0, 0.25)];
const CLIP: f64 = 4.0;

/// How a gauge's log-ratio wobbles: lag-1 autocorrelation and innovation scale. `scale` is `None` uncalibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wobble {
    pub phi: f64,
    pub scale: Option<f64>,
}

impl Wobble {
    /// Used when there is no history: strong dependence assumed, sizes not believed.
    pub const UNKNOWN: Wobble = Wobble { phi: 0.5, scale: None };
}

/// ln(1 + tanh(lambda x)): the log e-value of one innovation under symmetry.
pub fn log_e(lambda: f64, x: f64) -> f64 {
    std::f64::consts::LN_2 - (-2.0 * lambda * x).exp().ln_1p()
}

/// One-sided process: evidence that the mean difference exceeds `tolerance` (in the gauge's working scale).
#[derive(Clone, Debug)]
pub struct GaugeProcess {
    wealth: Wealth,
    wobble: Wobble,
    tolerance: f64,
    sign: f64,
    before: Option<f64>,
}

impl GaugeProcess {
    /// Evidence that the difference lies above `tolerance`.
    pub fn above(tolerance: f64, wobble: Wobble, restarts: Restarts) -> GaugeProcess {
        GaugeProcess { wealth: Wealth::new(&BETS, restarts), wobble, tolerance, sign: 1.0, before: None }
    }

    /// Evidence that the difference lies below `tolerance`.
    pub fn below(tolerance: f64, wobble: Wobble, restarts: Restarts) -> GaugeProcess {
        GaugeProcess { sign: -1.0, ..GaugeProcess::above(tolerance, wobble, restarts) }
    }

    /// One interval's difference (log-ratio canary over baseline), `None` when it could not be measured.
    pub fn step(&mut self, difference: Option<f64>) {
        let Some(difference) = difference else {
            self.before = None;
            self.wealth.idle();
            return;
        };
        let z = self.sign * (difference - self.tolerance);
        let phi = self.wobble.phi;
        let innovation = match self.before {
            Some(before) => z - phi * before,
            None => z * (1.0 - phi * phi).sqrt(),
        };
        self.before = Some(z);
        let x = match self.wobble.scale {
            Some(scale) => (innovation / scale).clamp(-CLIP, CLIP),
            None if innovation == 0.0 => 0.0,
            None => innovation.signum(),
        };
        self.wealth.step(|lambda| log_e(lambda, x));
    }

    pub fn value(&self) -> f64 {
        self.wealth.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectation_is_exactly_one_for_any_symmetric_innovation() {
        for (lambda, _) in BETS {
            for x in [0.0, 0.3, 1.0, 4.0] {
                let mean = 0.5 * (log_e(lambda, x).exp() + log_e(lambda, -x).exp());
                assert!((mean - 1.0).abs() < 1e-12);
            }
            assert!(log_e(lambda, 1e9) <= std::f64::consts::LN_2);
            assert!((log_e(lambda, 0.7) - (1.0 + (lambda * 0.7).tanh()).ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn five_points_are_never_enough() {
        let mut process = GaugeProcess::above(0.03, Wobble { phi: 0.2, scale: Some(0.01) }, Restarts::Never);
        for _ in 0..5 {
            process.step(Some(1.0));
        }
        assert!(process.value() < 32.0);
        for _ in 0..20 {
            process.step(Some(1.0));
        }
        assert!(process.value() > 1e4);
    }

    #[test]
    fn below_is_the_mirror_of_above() {
        let wobble = Wobble { phi: 0.4, scale: Some(0.05) };
        let mut above = GaugeProcess::above(0.1, wobble, Restarts::Never);
        let mut below = GaugeProcess::below(-0.1, wobble, Restarts::Never);
        for difference in [0.3, 0.1, 0.25, -0.2, 0.4] {
            above.step(Some(difference));
            below.step(Some(-difference));
            assert!((above.value() - below.value()).abs() < 1e-12);
        }
    }

    #[test]
    fn a_gap_breaks_the_chain_and_adds_nothing() {
        let mut process = GaugeProcess::above(0.0, Wobble { phi: 0.5, scale: Some(1.0) }, Restarts::Never);
        process.step(Some(1.0));
        let before = process.value();
        process.step(None);
        assert_eq!(process.value(), before);
        assert_eq!(process.before, None);
    }

    #[test]
    fn without_history_size_does_not_count() {
        let (mut small, mut large) = (
            GaugeProcess::above(0.0, Wobble::UNKNOWN, Restarts::Never),
            GaugeProcess::above(0.0, Wobble::UNKNOWN, Restarts::Never),
        );
        for _ in 0..10 {
            small.step(Some(0.01));
            large.step(Some(100.0));
        }
        assert_eq!(small.value(), large.value());
    }
}
