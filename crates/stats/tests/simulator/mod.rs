//! A seeded simulator of paired canary traffic: what the judge's false alarms and detections are measured on.
//!
//! Common error bursts, diurnal load, autocorrelated common rates, arm-specific noise, retry clusters, log-normal
//! latency with a slow tail, native buckets of factor 2^(1/8) or coarse classic ones, CPU and memory. It shares no code
//! with the judge except the data types. Deliberately absent: real traffic.

use interlock_stats::canary::{Arm, Histogram, Interval, Tally};
use std::collections::BTreeMap;

/// splitmix64 with the samplers the simulator needs.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ 0x9E37_79B9_7F4A_7C15)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform on (0, 1).
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Poisson: multiplication of uniforms below 30, else split into halves by a normal approximation error-free
    /// enough at these sizes (continuity-corrected rounding).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > 30.0 {
            // Cornish-Fisher to second order keeps the skewness of the Poisson.
            let z = self.normal();
            let value = mean + mean.sqrt() * z + (z * z - 1.0) / 6.0;
            return value.round().max(0.0) as u64;
        }
        let limit = (-mean).exp();
        let (mut product, mut count) = (self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// Events in clusters of geometric size with the given mean.
    fn clustered(&mut self, mean: f64, cluster: f64) -> u64 {
        let clusters = self.poisson(mean / cluster);
        let again = 1.0 - 1.0 / cluster;
        let mut events = clusters;
        for _ in 0..clusters {
            while self.unit() < again {
                events += 1;
            }
        }
        events
    }
}

/// What the release does wrong, from interval `onset` (0 = the first).
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub onset: usize,
    /// Factor on the error rate.
    pub errors: f64,
    /// Factor on every latency.
    pub latency: f64,
    /// Factor on the slow component's latency only.
    pub tail: f64,
    /// Error rate of the least busy endpoint of ten, if it breaks.
    pub endpoint: Option<f64>,
    pub cpu: f64,
    /// Growth of memory per interval.
    pub leak: f64,
}

pub const HARMLESS: Fault =
    Fault { onset: 0, errors: 1.0, latency: 1.0, tail: 1.0, endpoint: None, cpu: 1.0, leak: 0.0 };

#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Canary's share of requests.
    pub weight: f64,
    /// Requests per second over both arms.
    pub rps: f64,
    pub history: usize,
    pub horizon: usize,
    /// Common rate and latency twice as wild, arm noise doubled and slower.
    pub autocorrelated: bool,
    /// Share of intervals that are missing.
    pub missing: f64,
    pub fault: Fault,
    /// Coarse classic buckets instead of native ones.
    pub classic: bool,
}

pub const PLAIN: Scenario = Scenario {
    weight: 0.1,
    rps: 100.0,
    history: 90,
    horizon: 60,
    autocorrelated: false,
    missing: 0.0,
    fault: HARMLESS,
    classic: false,
};

#[derive(Default)]
struct ArmNoise {
    errors: f64,
    latency: f64,
    cpu: f64,
    memory: f64,
}

fn autoregress(random: &mut Random, value: &mut f64, rho: f64, sd: f64) {
    *value = rho * *value + (1.0 - rho * rho).sqrt() * sd * random.normal();
}

/// Standard normal distribution function by Abramowitz & Stegun 7.1.26 (error below 1.5e-7).
fn normal_below(x: f64) -> f64 {
    let z = x.abs() / 2f64.sqrt();
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let erf = 1.0 - poly * (-z * z).exp();
    if x >= 0.0 { 0.5 * (1.0 + erf) } else { 0.5 * (1.0 - erf) }
}

const CLASSIC_BOUNDS: [f64; 12] = [5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0];

struct Latency {
    scale: f64,
    tail: f64,
    tail_share: f64,
}

impl Latency {
    fn below(&self, x: f64) -> f64 {
        let fast = normal_below((x / (80.0 * self.scale)).ln() / 0.5);
        let slow = normal_below((x / (400.0 * self.scale * self.tail)).ln() / 0.6);
        (1.0 - self.tail_share) * fast + self.tail_share * slow
    }

    fn draw(&self, random: &mut Random, requests: f64, classic: bool) -> Histogram {
        if classic {
            let mut counts = Vec::with_capacity(CLASSIC_BOUNDS.len() + 1);
            let mut before = 0.0;
            for bound in CLASSIC_BOUNDS {
                let now = self.below(bound);
                counts.push(random.poisson(requests * (now - before)));
                before = now;
            }
            counts.push(random.poisson(requests * (1.0 - before)));
            return Histogram::Classic { bounds: CLASSIC_BOUNDS.to_vec(), counts };
        }
        let mut buckets = BTreeMap::new();
        // 2^(24/8) = 8 ms to 2^(104/8) = 8192 ms.
        let mut before = 0.0;
        for index in 24..=104 {
            let now = if index == 104 { 1.0 } else { self.below((f64::from(index) / 8.0).exp2()) };
            let count = random.poisson(requests * (now - before));
            if count > 0 {
                buckets.insert(index, count);
            }
            before = now;
        }
        Histogram::Native { schema: 3, zero: 0, buckets }
    }
}

/// Place of the endpoint that breaks, by traffic: 3.4 % of requests.
const BROKEN_ENDPOINT: u32 = 10;

/// Requests by endpoint with Zipf shares; one by one while few, in expectation when many.
fn split(random: &mut Random, n: u64) -> [u64; 10] {
    let zipf: f64 = (1..=10).map(|k| 1.0 / f64::from(k)).sum();
    if n > 500 {
        return std::array::from_fn(|k| (n as f64 / ((k + 1) as f64 * zipf)) as u64);
    }
    let mut parts = [0; 10];
    for _ in 0..n {
        let mut left = random.unit() * zipf;
        let place = (0..9).find(|k| {
            left -= 1.0 / (k + 1) as f64;
            left < 0.0
        });
        parts[place.unwrap_or(9)] += 1;
    }
    parts
}

/// One run: `history` A/A intervals and `horizon` intervals with the fault.
pub fn run(scenario: &Scenario, seed: u64) -> (Vec<Interval>, Vec<Interval>) {
    let mut random = Random::new(seed);
    let (common_rho, common_sd, common_latency, arm_rho, arm_factor) =
        if scenario.autocorrelated { (0.95, 0.5, 0.12, 0.8, 2.0) } else { (0.8, 0.3, 0.08, 0.5, 1.0) };
    let phase = random.unit() * std::f64::consts::TAU;
    let (mut rate, mut slowness, mut burst) = (0.0, 0.0, 0);
    let mut noise = [ArmNoise::default(), ArmNoise::default()];
    let mut intervals = Vec::new();
    for t in 0..scenario.history + scenario.horizon {
        autoregress(&mut random, &mut rate, common_rho, common_sd);
        autoregress(&mut random, &mut slowness, common_rho, common_latency);
        if burst == 0 && random.unit() < 0.005 {
            burst = 3;
        }
        let burst_factor = if burst > 0 { 10.0 } else { 1.0 };
        burst = burst.max(1) - 1;
        let day = (phase + std::f64::consts::TAU * t as f64 / 1440.0).sin();
        let requests = scenario.rps * 60.0 * (1.0 + 0.3 * day);
        let mut arms = Vec::with_capacity(2);
        for (arm, noise) in noise.iter_mut().enumerate() {
            let since = t.checked_sub(scenario.history + scenario.fault.onset);
            let fault = if arm == 0 && since.is_some() { scenario.fault } else { HARMLESS };
            autoregress(&mut random, &mut noise.errors, arm_rho, 0.05 * arm_factor);
            autoregress(&mut random, &mut noise.latency, arm_rho, 0.015 * arm_factor);
            autoregress(&mut random, &mut noise.cpu, 0.5, 0.04 * arm_factor);
            autoregress(&mut random, &mut noise.memory, if scenario.autocorrelated { 0.95 } else { 0.9 }, 0.02);
            let share = if arm == 0 { scenario.weight } else { 1.0 - scenario.weight };
            let latency = Latency {
                scale: (slowness + 0.1 * day + noise.latency).exp() * fault.latency,
                tail: fault.tail,
                tail_share: 0.02 * (0.05 * arm_factor * random.normal()).exp(),
            };
            let histogram = latency.draw(&mut random, requests * share, scenario.classic);
            let n = histogram.total();
            let mut endpoints = BTreeMap::new();
            let mut errors = 0;
            for (k, part) in (1..=10u32).zip(split(&mut random, n)) {
                let base = 0.001 * (rate + noise.errors).exp() * burst_factor * fault.errors;
                let broken = fault.endpoint.filter(|_| k == BROKEN_ENDPOINT);
                let mean = part as f64 * broken.map_or(base, |p| p.max(base)).min(1.0);
                let failed = random.clustered(mean, 1.3).min(part);
                errors += failed;
                endpoints.insert(format!("/endpoint/{k}"), Tally { n: part, errors: failed });
            }
            let grown = since.map_or(0.0, |steps| fault.leak * (steps + 1) as f64);
            let gauges = BTreeMap::from([
                ("cpu".to_owned(), 0.4 * (0.3 * day + noise.cpu).exp() * fault.cpu),
                ("memory".to_owned(), 500.0 * (noise.memory + grown).exp()),
            ]);
            arms.push(Arm { n, errors: errors.min(n), endpoints, latency: Some(histogram), gauges });
        }
        let baseline = arms.pop();
        let canary = arms.pop();
        let lost = t >= scenario.history && random.unit() < scenario.missing;
        intervals.push(if lost { Interval::gap() } else { Interval { canary, baseline } });
    }
    let watched = intervals.split_off(scenario.history);
    (intervals, watched)
}
