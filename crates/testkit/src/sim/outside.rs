//! The world outside: what runs on targets, whether it is any good, and what can be read of it.
//!
//! Half of all builds are as they should be; of the others some fail visibly and some hardly. A target serves requests all the
//! time; its counters grow when they are read, by what would have come meanwhile.

use super::random::Random;
use interlock_domain::{
    reason::Outcome,
    release::{CriterionKind, Indicator},
    rollback::CriteriaCheck,
    verification::Compared,
};
use interlock_engine::{
    judging::Readings,
    ports::{Reading, Tally},
};
use interlock_ids::{Digest, Name};
use std::collections::BTreeMap;

/// Requests of one target and service in a second.
const PER_SECOND: f64 = 4.0;
const BOUNDS: [f64; 5] = [0.05, 0.1, 0.25, 1.0, f64::INFINITY];

#[derive(Default)]
struct Counters {
    last: i64,
    requests: f64,
    errors: f64,
    latency: [f64; 5],
}

pub struct Outside {
    random: Random,
    /// By address and service.
    running: BTreeMap<(String, Name), Digest>,
    counters: BTreeMap<(String, Name), Counters>,
    /// By digest: errors per request.
    flawed: BTreeMap<Digest, f64>,
    /// Until when nothing can be read.
    pub blind_until: i64,
    /// Addresses by environment, target.
    pub addresses: BTreeMap<(Name, Name), String>,
}

impl Outside {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            running: BTreeMap::new(),
            counters: BTreeMap::new(),
            flawed: BTreeMap::new(),
            blind_until: 0,
            addresses: BTreeMap::new(),
        }
    }

    /// A build comes into the world, good or not.
    pub fn build(&mut self, digest: Digest, errors: f64) {
        self.flawed.insert(digest, errors);
    }

    pub fn install(&mut self, environment: &Name, target: &Name, service: &Name, digest: Digest) {
        if let Some(address) = self.addresses.get(&(environment.clone(), target.clone())) {
            self.running.insert((address.clone(), service.clone()), digest);
        }
    }

    fn read(&mut self, now: i64, address: &str, service: &Name) -> Option<Reading> {
        if now < self.blind_until {
            return None;
        }
        let key = (address.to_owned(), service.clone());
        let digest = self.running.get(&key)?;
        let errors = self.flawed.get(digest).copied().unwrap_or(0.001);
        let counters = self.counters.entry(key).or_default();
        if counters.last == 0 {
            counters.last = now - 10_000;
        }
        let seconds = ((now - counters.last) as f64 / 1_000.0).min(600.0);
        counters.last = now;
        let requests = self.random.count(seconds * PER_SECOND);
        let failed = self.random.count(requests * errors).min(requests);
        counters.requests += requests;
        counters.errors += failed;
        let mut below = 0.0;
        for (index, share) in [0.5, 0.3, 0.15, 0.04, 0.01].into_iter().enumerate() {
            below = if index == 4 { requests } else { (below + self.random.count(requests * share)).min(requests) };
            counters.latency[index] += below;
        }
        let tally = Tally { requests: counters.requests, errors: counters.errors };
        Some(Reading {
            at_ms: now,
            endpoints: BTreeMap::from([(String::new(), tally)]),
            latency: BOUNDS.into_iter().zip(counters.latency).collect(),
            gauges: BTreeMap::new(),
        })
    }

    pub fn readings(&mut self, now: i64, compared: &Compared, new: bool) -> Readings {
        let places = if new { &compared.new } else { &compared.old };
        let read = places
            .iter()
            .filter_map(|place| Some((place.target.to_string(), self.read(now, &place.address, &compared.service)?)));
        read.collect()
    }

    /// A watched figure, as it is now.
    pub fn figure(&mut self, now: i64, environment: &Name, indicator: &Indicator) -> Option<f64> {
        if now < self.blind_until {
            return None;
        }
        let Indicator::ErrorRatio { service, .. } = indicator else { return None };
        let addresses = self.addresses.iter().filter(|((place, _), _)| place == environment).map(|(_, it)| it);
        let rates: Vec<f64> = addresses
            .filter_map(|address| self.running.get(&(address.clone(), service.clone())))
            .map(|digest| self.flawed.get(digest).copied().unwrap_or(0.001))
            .collect();
        (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64)
    }

    pub fn criterion(&mut self, now: i64, check: &CriteriaCheck, kind: &CriterionKind) -> Outcome {
        match kind {
            CriterionKind::Http { .. } => Outcome::Pass,
            CriterionKind::Reports { .. } => {
                let right = check
                    .targets
                    .iter()
                    .all(|it| self.running.get(&(it.address.clone(), it.service.clone())) == Some(&it.digest));
                if right { Outcome::Pass } else { Outcome::Fail }
            }
            CriterionKind::Metric { indicator, threshold, .. } => {
                match self.figure(now, &check.environment, indicator) {
                    None => Outcome::Inconclusive,
                    Some(value) if value > *threshold => Outcome::Fail,
                    Some(_) => Outcome::Pass,
                }
            }
        }
    }
}
