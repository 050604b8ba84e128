//! Intervals for a share of successes: Wilson, Clopper-Pearson, Beta posterior.

use crate::special::{beta_quantile, normal_quantile};
use serde::{Deserialize, Serialize};

/// A share with its interval, all in 0..1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProportionInterval {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
}

fn sound(successes: u64, trials: u64, confidence: f64) -> bool {
    trials > 0 && successes <= trials && confidence > 0.0 && confidence < 1.0
}

/// Wilson's score interval (JASA 1927): the one to show beside a rate. `None` without trials, with more successes than
/// trials, or a confidence outside 0..1.
pub fn wilson(successes: u64, trials: u64, confidence: f64) -> Option<ProportionInterval> {
    if !sound(successes, trials, confidence) {
        return None;
    }
    let n = trials as f64;
    let estimate = successes as f64 / n;
    let z = normal_quantile(0.5 + 0.5 * confidence);
    let shrink = 1.0 + z * z / n;
    let centre = (estimate + z * z / (2.0 * n)) / shrink;
    let half = z / shrink * (estimate * (1.0 - estimate) / n + z * z / (4.0 * n * n)).sqrt();
    Some(ProportionInterval {
        estimate,
        low: if successes == 0 { 0.0 } else { (centre - half).clamp(0.0, estimate) },
        high: if successes == trials { 1.0 } else { (centre + half).clamp(estimate, 1.0) },
    })
}

/// Clopper-Pearson's exact interval (Biometrika 1934): never covers less than it says, so the one for guarantees.
/// `None` as for [`wilson`].
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Option<ProportionInterval> {
    if !sound(successes, trials, confidence) {
        return None;
    }
    let (k, n) = (successes as f64, trials as f64);
    let tail = 0.5 * (1.0 - confidence);
    Some(ProportionInterval {
        estimate: k / n,
        low: if successes == 0 { 0.0 } else { beta_quantile(k, n - k + 1.0, tail) },
        high: if successes == trials { 1.0 } else { beta_quantile(k + 1.0, n - k, 1.0 - tail) },
    })
}

/// Quantile `p` of the share after `successes` in `trials` under a Beta(`prior_a`, `prior_b`) prior. `None` when a
/// parameter is not above zero, `p` lies outside 0..1 or successes exceed trials. Without trials it is the prior's.
pub fn beta_posterior(successes: u64, trials: u64, prior_a: f64, prior_b: f64, p: f64) -> Option<f64> {
    let failures = trials.checked_sub(successes)?;
    let value = beta_quantile(prior_a + successes as f64, prior_b + failures as f64, p);
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, wanted: f64) {
        assert!((actual - wanted).abs() <= 1e-8 * wanted.max(1e-4), "{actual} is not {wanted}");
    }

    /// Known answers: scipy 1.17.1, `binomtest(k, n).proportion_ci(method="wilson")`.
    #[test]
    fn wilson_agrees_with_scipy() {
        for (k, n, confidence, low, high) in [
            (0, 10, 0.95, 0.0, 0.27753279986288926),
            (10, 10, 0.95, 0.7224672001371109, 1.0),
            (1, 10, 0.95, 0.017876213095072896, 0.4041500267952385),
            (3, 20, 0.99, 0.03878706050807168, 0.4355867202610557),
            (50, 1000, 0.95, 0.03813026239274881, 0.06531382024425081),
            (999, 1000, 0.95, 0.9943574414020421, 0.9998234536293739),
            (5, 100_000, 0.9, 2.433900927570018e-05, 0.00010271298781826328),
            (500_000, 1_000_000, 0.999, 0.4983547455412807, 0.5016452544587193),
        ] {
            let interval = wilson(k, n, confidence).unwrap();
            close(interval.low, low);
            close(interval.high, high);
        }
    }

    /// Known answers: scipy 1.17.1, `scipy.stats.beta.ppf` at the Clopper-Pearson parameters.
    #[test]
    fn clopper_pearson_agrees_with_scipy() {
        for (k, n, confidence, low, high) in [
            (0, 10, 0.95, 0.0, 0.3084971078187607),
            (10, 10, 0.95, 0.6915028921812392, 1.0),
            (1, 10, 0.95, 0.0025285785444617865, 0.4450161170281954),
            (3, 20, 0.99, 0.01764263795419471, 0.449465406739486),
            (50, 1000, 0.95, 0.03733539760466178, 0.06539048791549364),
            (999, 1000, 0.95, 0.9944410757201734, 0.9999746825125088),
            (5, 100_000, 0.9, 1.970169564005219e-05, 0.0001051274511724034),
            (500_000, 1_000_000, 0.999, 0.498354241502883, 0.501645758497117),
        ] {
            let interval = clopper_pearson(k, n, confidence).unwrap();
            close(interval.low, low);
            close(interval.high, high);
        }
    }

    #[test]
    fn the_exact_interval_covers_at_least_what_it_says() {
        use crate::special::ln_gamma;
        let n = 25_u64;
        for percent in 1..100 {
            let p = f64::from(percent) / 100.0;
            let covered: f64 = (0..=n)
                .filter(|k| {
                    let interval = clopper_pearson(*k, n, 0.9).unwrap();
                    interval.low <= p && p <= interval.high
                })
                .map(|k| {
                    let (k, n) = (k as f64, n as f64);
                    (ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
                        + k * p.ln()
                        + (n - k) * (1.0 - p).ln())
                    .exp()
                })
                .sum();
            assert!(covered >= 0.9 - 1e-9, "p {p}: {covered}");
        }
    }

    #[test]
    fn nothing_measured_gives_no_interval() {
        assert_eq!(wilson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
        assert_eq!(wilson(2, 1, 0.95), None);
        assert_eq!(clopper_pearson(1, 2, f64::NAN), None);
        assert_eq!(beta_posterior(2, 1, 1.0, 1.0, 0.5), None);
        assert_eq!(beta_posterior(0, 0, 0.0, 1.0, 0.5), None);
    }

    /// Known answer: scipy 1.17.1, `scipy.stats.beta.ppf(.95, .6, 9.4)`; Beta(1+1, 1+2) at its .5248 point.
    #[test]
    fn beta_posterior_moves_from_the_prior() {
        close(beta_posterior(0, 0, 0.6, 9.4, 0.95).unwrap(), 0.20903541380943622);
        assert!((beta_posterior(1, 3, 1.0, 1.0, 0.5248).unwrap() - 0.4).abs() < 1e-9);
    }
}
