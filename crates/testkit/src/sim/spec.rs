//! Releases as people put them together: some services, one place, big bang or waves with a canary.

use super::Sim;
use crate::house::name;
use interlock_domain::{change::Class, core::World, release::*};
use interlock_ids::{Digest, Name};

impl Sim {
    /// A release of the newest builds of some services; `None` if there is nothing new to ship.
    pub(super) fn release_spec(&mut self, view: &World) -> Spec {
        let mut items: Vec<Item> = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let (service, _, _) = super::cast::SERVICES[self.random.below(super::cast::SERVICES.len())];
            let service = name(service);
            let builds = self.cast.builds.get(&service).cloned().unwrap_or_default();
            if items.iter().any(|it| it.service == service) {
                continue;
            }
            // Mostly the newest build that is any good, sometimes one that is known for long, or held back.
            let good = |it: &&Digest| view.artifact.artifact(it).is_some() && !super::people::held_back(view, it);
            let newest = builds.iter().rev().find(good).copied().or(builds.last().copied());
            let any = self.random.pick(&builds).copied();
            let digest = if self.random.chance(0.85) { newest } else { any };
            items.extend(digest.map(|digest| Item { service, digest }));
        }
        let place = if self.random.chance(0.65) { "production" } else { super::cast::PLACES[1 + self.random.below(2)] };
        let single = place == "playground";
        let model = if single || self.random.chance(0.3) { Model::BigBang } else { self.waves() };
        self.cast.number += 1;
        let class = match self.random.below(12) {
            0 => Class::Emergency,
            1 => Class::Standard,
            // What hardly anybody uses goes as a standard change, without approval.
            _ if items.iter().all(|it| it.service == name("storefront")) && self.random.chance(0.6) => Class::Standard,
            _ => Class::Normal,
        };
        let complete = self.random.chance(0.85);
        let service = items.first().map(|it| it.service.clone()).unwrap_or_else(|| name("checkout"));
        let criteria = if complete || self.random.chance(0.6) { self.criteria(&service) } else { Vec::new() };
        let triggers = self.triggers(&service, complete);
        let number = self.cast.number;
        Spec {
            name: name(&format!("release-{number}")),
            summary: self.note(),
            class,
            environment: name(place),
            items,
            pipeline: name(if self.random.chance(0.7) { "instances" } else { "careful" }),
            model,
            length_s: 3_600 * (1 + self.random.below(3) as u32),
            triggers,
            rollback: RollbackPlan { criteria },
            watch: WatchSpec { length_s: 1_200 + 600 * self.random.below(4) as u32, interval_s: 60 },
            criteria: Vec::new(),
        }
    }

    fn waves(&mut self) -> Model {
        let canary = CanarySpec {
            interval_s: 30,
            horizon: 24,
            at_least: 6,
            on_inconclusive: if self.random.chance(0.5) { OnInconclusive::Hold } else { OnInconclusive::Rollback },
            margins: Margins { errors: 0.03, latency_p50: 1.0, latency_p90: 1.0, latency_p99: 2.0 },
        };
        let judged = self.random.chance(0.75).then_some(canary);
        let bake_s = [0, 120, 600][self.random.below(3)];
        let first = WaveSpec { name: name("canary"), take: Take::Count(1), weight: Some(10), bake_s, canary: judged };
        let rest = WaveSpec { name: name("rest"), take: Take::Rest, weight: None, bake_s: 0, canary: None };
        Model::Phased { waves: vec![first, rest] }
    }

    fn triggers(&mut self, service: &Name, complete: bool) -> Vec<Trigger> {
        let (owner, deputy) = (self.cast.accounts["olu"], self.cast.accounts["rita"]);
        let deputy = (complete || self.random.chance(0.3)).then_some(deputy);
        vec![Trigger {
            name: name("errors"),
            indicator: Indicator::ErrorRatio { service: service.clone(), window_s: 60 },
            comparison: Comparison::Above,
            threshold: 0.04,
            for_s: 120,
            action: if self.random.chance(0.7) { TriggerAction::Rollback } else { TriggerAction::Page },
            owner: Some(owner),
            deputy,
        }]
    }

    fn criteria(&mut self, service: &Name) -> Vec<Criterion> {
        let mut criteria = vec![
            Criterion { name: name("available"), kind: CriterionKind::Http { path: "/healthz".into() } },
            Criterion {
                name: name("version"),
                kind: CriterionKind::Reports { path: "/version".into(), pointer: "/digest".into() },
            },
        ];
        if self.random.chance(0.5) {
            let indicator = Indicator::ErrorRatio { service: service.clone(), window_s: 60 };
            let kind = CriterionKind::Metric { indicator, comparison: Comparison::Above, threshold: 0.04 };
            criteria.push(Criterion { name: name("errors"), kind });
        }
        criteria
    }

    /// How often a new build fails: half of them as they should, some visibly, some hardly.
    pub(super) fn quality(&mut self) -> f64 {
        match self.random.below(10) {
            0..=5 => 0.001,
            6 => 0.006,
            7 | 8 => 0.15,
            _ => 0.4,
        }
    }

    /// Every digest there is.
    pub(super) fn any_build(&mut self) -> Option<Digest> {
        let all: Vec<Digest> = self.cast.builds.values().flatten().copied().collect();
        self.random.pick(&all).copied()
    }
}
