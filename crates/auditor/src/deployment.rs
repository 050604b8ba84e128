//! Deployments: who starts them, which steps go out and in which order, which reports count.

use crate::{
    Auditor,
    book::{Deployment, Lease, Step, Unit},
    calendar::Asked,
    change, moment,
    read::*,
};
use serde_json::Value;
use std::collections::BTreeSet;

impl Auditor {
    pub(crate) fn deployment(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        if entry.kind == "deployment.started" {
            return self.started(entry);
        }
        let id = entry.text("deployment").to_owned();
        match entry.kind {
            "deployment.steps_leased" => self.leased(entry, &id),
            "deployment.steps_reported" => self.reported(entry, &id),
            "deployment.steps_handed_out" | "deployment.steps_answered" => {
                self.find("readable", Some(entry.position), "many runners in one entry are not read here");
            }
            "deployment.permit_revoked" => drop(self.book.revoked.insert(text(data, "permit"))),
            _ => {}
        }
        if entry.kind == "deployment.phase_ended" {
            self.phase(entry, &id);
        }
        let Some(it) = self.book.deployments.get_mut(&id) else { return };
        it.moved = it.moved.max(entry.at);
        match entry.kind {
            "deployment.leases_ended" => {
                for unit in list(&data["units"]).filter_map(Value::as_u64) {
                    if let Some(unit) = it.units.get_mut(unit as usize) {
                        unit.lease = None;
                    }
                }
            }
            "deployment.step_skipped" => {
                let step = number(data, "step");
                if let Some(unit) = it.units.get_mut(number(data, "unit") as usize) {
                    unit.next = step + 1;
                    unit.attempt = 0;
                    unit.failed = false;
                    unit.lease = None;
                }
            }
            "deployment.retried" => {
                it.status = "running".into();
                for unit in it.units.iter_mut().filter(|it| it.failed) {
                    unit.failed = false;
                    unit.attempt = 0;
                }
            }
            "deployment.phase_ended" => {
                it.wave = number(data, "wave");
                it.settle = data["phase"] == "settle";
                it.status = word(&data["status"]).to_owned();
                it.until = moment(&data["status"]["baking"]["until"]);
            }
            // Another permit for the rest. What was begun under the one before it goes on.
            "deployment.permit_renewed" => {
                if let Some(renewed) = change::permit(&data["permit"]) {
                    it.permit = crate::book::Permit { from: it.permit.from, ..renewed };
                }
            }
            "deployment.paused" => it.paused = true,
            "deployment.resumed" => it.paused = false,
            "deployment.held" => it.held = moment(&data["until"]),
            "deployment.unheld" => it.held = None,
            "deployment.ended" => {
                it.ended = true;
                it.status = word(&data["status"]).to_owned();
                it.held = None;
                it.units.iter_mut().for_each(|unit| unit.lease = None);
            }
            _ => {}
        }
        if entry.kind == "deployment.ended" {
            self.ended(entry, &id);
        }
    }

    fn started(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        let Some(permit) = change::permit(&data["permit"]) else {
            return self.find("readable", Some(entry.position), "the permit of a deployment cannot be read");
        };
        let (id, release, environment) = (text(data, "deployment"), text(data, "release"), text(data, "environment"));
        let back = data["direction"]["back"]["of"].as_str().map(str::to_owned);
        let account = data["account"].as_str().map(str::to_owned);
        let other = self.book.deployments.iter().find(|(_, it)| it.environment == environment && !it.ended);
        let other = other.map(|(id, _)| id.clone());
        self.must("one-at-a-time", entry, other.is_none(), || {
            format!("{id} starts in `{environment}` while {} runs", other.clone().unwrap_or_default())
        });
        if back.is_none() {
            self.cleared(entry, &release);
            self.starter(entry, &release, &environment, account.as_deref());
            self.permitted(entry, &permit, &release);
        }
        let steps = list(&data["pipeline"]["steps"]).map(|it| Step {
            name: text(it, "name"),
            settle: it["phase"] == "settle",
            skipped_back: it["on_rollback"] == "skip",
            attempts: it["attempts"].as_u64().unwrap_or(1),
            // A way back that gives up early helps nobody: five tries at least, unless it says otherwise.
            attempts_back: it["attempts_back"].as_u64().unwrap_or(it["attempts"].as_u64().unwrap_or(1).max(5)),
            repeatable: it["run"]["program"]["repeatable"] != false,
        });
        let units = list(&data["units"]).map(|it| Unit {
            target: text(it, "target"),
            service: text(it, "service"),
            digest: text(it, "digest"),
            previous: it["previous"].as_str().map(str::to_owned),
            wave: number(it, "wave"),
            rank: number(it, "rank"),
            ..Unit::default()
        });
        let deployment = Deployment {
            release,
            environment,
            back,
            permit,
            started_by: account,
            steps: steps.collect(),
            max_parallel: number(&data["pipeline"], "max_parallel"),
            waves: list(&data["waves"]).map(|it| (it["canary"].is_object(), number(it, "bake_s"))).collect(),
            units: units.collect(),
            wave: 0,
            settle: false,
            status: "running".into(),
            until: None,
            paused: false,
            held: None,
            fence: 0,
            ended: false,
            good: BTreeSet::new(),
            moved: entry.at,
        };
        if let Some(of) = &deployment.back {
            for rollback in self.book.rollbacks.values_mut().filter(|it| it.of == *of && it.status == "undoing") {
                rollback.back = Some(id.clone());
                rollback.moved = entry.at;
            }
        }
        self.book.deployments.insert(id, deployment);
    }

    /// Whoever starts is a deployer of the place, and in production neither author nor approver.
    fn starter(&mut self, entry: &Entry<'_>, release: &str, environment: &str, account: Option<&str>) {
        let Some(account) = account else { return };
        let known = self.book.accounts.get(account).cloned().unwrap_or_default();
        let place = self.book.environments.get(environment).cloned().unwrap_or_default();
        let Some(it) = self.book.releases.get(release).cloned() else { return };
        let may = known.roles.contains("deployer") || known.roles.contains("on-call") && it.class == "emergency";
        self.must("role", entry, may, || format!("{account} starts {release} and is no deployer"));
        let listed = !known.roles.is_disjoint(&place.roles) || !known.groups.is_disjoint(&place.groups);
        self.must("not-a-deployer-here", entry, listed, || format!("{account} is not on the list of `{environment}`"));
        let Some(change) = it.change.as_ref().and_then(|it| self.book.changes.get(it)).cloned() else { return };
        if self.book.production_like(environment) {
            let own = self.book.wrote(&change, account);
            self.must("author-deploys", entry, !own, || format!("{account} wrote part of {release} and deploys it"));
            let decided = change.decisions.iter().filter(|it| it.approve && !it.withdrawn);
            let mut decided = decided.flat_map(|it| std::iter::once(&it.by).chain(&it.on_behalf_of));
            let approved = decided.any(|it| self.book.same(it, account));
            self.must("approver-deploys", entry, !approved, || format!("{account} approved {release} and deploys it"));
        }
        let claim = self.book.claim(environment, entry.at).map(|it| it.by.clone());
        let foreign = claim.filter(|holder| !self.book.same(holder, account));
        self.must("claimed-by-others", entry, foreign.is_none(), || {
            format!(
                "{account} starts {release} in `{environment}`, which {} holds",
                foreign.clone().unwrap_or_default()
            )
        });
    }

    fn permitted(&mut self, entry: &Entry<'_>, permit: &crate::book::Permit, release: &str) {
        let revoked = self.book.revoked.contains(&permit.id);
        self.must("permit", entry, !revoked, || format!("{} of {release} under a revoked permit", entry.kind));
        let good = permit.from <= entry.at && entry.at < permit.until;
        self.must("permit", entry, good, || {
            format!("{} of {release} under a permit from {} until {}", entry.kind, permit.from, permit.until)
        });
    }

    fn leased(&mut self, entry: &Entry<'_>, id: &str) {
        let Some(it) = self.book.deployments.get(id).cloned() else {
            return self.find("readable", Some(entry.position), "steps of a deployment that never started are leased");
        };
        let Some(until) = moment(&entry.data["until"]) else { return };
        let runner = text(entry.data, "runner");
        self.must("this-runner", entry, entry.by["runner"] == runner.as_str() || entry.by == "system", || {
            format!("{runner} leases by {}", entry.by)
        });
        let back = it.back.is_some();
        let services: Vec<String> = it.units.iter().map(|unit| unit.service.clone()).collect();
        let next = entry.at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(entry.at);
        let asked = Asked { release: &it.release, services: &services, environment: &it.environment, back };
        let closed = self.book.closed(&asked, entry.at, next);
        self.must("closed-window", entry, closed.is_none(), || {
            format!("a step of {id} is handed out: {}", closed.clone().unwrap_or_default())
        });
        if !back {
            self.cleared(entry, &it.release);
            // Whatever the deployment's own permit was renewed to since: what it rests on is gone.
            let taken_back = self.book.releases.get(&it.release).is_some_and(|it| it.taken_back);
            self.must("permit", entry, !taken_back, || {
                format!("a step of {id} is handed out after the permit of {} was revoked", it.release)
            });
        }
        self.permitted(entry, &it.permit.clone(), &it.release);
        self.must("paused", entry, !it.paused, || format!("a step of {id} is handed out while it is paused"));
        self.must("not-running", entry, it.status == "running" && !it.ended, || {
            format!("a step of {id} is handed out while it is {}", it.status)
        });
        self.must("failed-goes-on", entry, !it.units.iter().any(|unit| unit.failed), || {
            format!("a step of {id} is handed out after one has failed for good")
        });
        let mut it = it;
        for lease in list(&entry.data["leases"]) {
            let (unit, step, fence) = (number(lease, "unit"), number(lease, "step"), number(lease, "fence"));
            self.must("fence", entry, fence > it.fence, || format!("{id} hands out fence {fence} after {}", it.fence));
            it.fence = it.fence.max(fence);
            self.one_lease(entry, id, &it, unit as usize, step, number(lease, "attempt"));
            if let Some(unit) = it.units.get_mut(unit as usize) {
                let runner = runner.clone();
                unit.lease = Some(Lease { runner, fence, step, until, position: entry.position });
                unit.touched = true;
            }
        }
        let out = it.units.iter().filter(|unit| unit.lease.is_some()).count() as u64;
        self.must("parallel", entry, out <= it.max_parallel, || {
            format!("{id} has {out} steps out and may have {}", it.max_parallel)
        });
        self.book.deployments.insert(id.to_owned(), it);
    }

    fn one_lease(&mut self, entry: &Entry<'_>, id: &str, it: &Deployment, at: usize, step: u64, attempt: u64) {
        let Some(unit) = it.units.get(at) else {
            return self.find("wave-order", Some(entry.position), format!("{id} has no unit {at}"));
        };
        let held = unit.lease.as_ref().map(|lease| lease.runner.clone());
        self.must("leased-twice", entry, held.is_none(), || {
            format!("unit {at} of {id} is handed out, and {} holds it", held.clone().unwrap_or_default())
        });
        self.must("completed-again", entry, step >= unit.next, || {
            format!("step {step} of unit {at} of {id} is handed out again; {} is next", unit.next)
        });
        let next = (unit.next..)
            .find(|index| it.steps.get(*index as usize).is_none_or(|step| !(it.back.is_some() && step.skipped_back)));
        self.must("step-order", entry, Some(step) == next, || {
            format!("step {step} of unit {at} of {id} is handed out, and {next:?} is next")
        });
        let tries = |step: &Step| if it.back.is_some() { step.attempts_back } else { step.attempts };
        let attempts = it.steps.get(step as usize).map_or(0, tries);
        self.must("attempts", entry, attempt <= attempts, || format!("try {attempt} of {attempts} of {id}"));
        let phase = it.steps.get(step as usize).is_some_and(|step| step.settle == it.settle || !step.settle);
        let lower = it.units.iter().filter(|other| other.wave == it.wave && other.rank < unit.rank).any(|other| {
            it.steps
                .iter()
                .enumerate()
                .skip(other.next as usize)
                .any(|(_, step)| step.settle == it.settle && !(it.back.is_some() && step.skipped_back))
        });
        self.must("wave-order", entry, unit.wave == it.wave && phase && !lower, || {
            format!("unit {at} of wave {} of {id} is handed out in wave {}", unit.wave, it.wave)
        });
        let bound = it.permit.items.contains(&(unit.service.clone(), unit.digest.clone()));
        self.must("permit", entry, bound && it.permit.environment == it.environment, || {
            format!("the permit of {id} does not bind {} to {}", unit.service, unit.digest)
        });
    }

    fn reported(&mut self, entry: &Entry<'_>, id: &str) {
        let Some(mut it) = self.book.deployments.get(id).cloned() else { return };
        let runner = text(entry.data, "runner");
        for reported in list(&entry.data["results"]) {
            let (at, fence) = (number(reported, "unit"), number(reported, "fence"));
            let result = &reported["result"];
            let (step, outcome) = (number(result, "step"), text(result, "outcome"));
            let Some(unit) = it.units.get_mut(at as usize) else { continue };
            let lease = unit.lease.take();
            let fits = lease.as_ref().is_some_and(|it| it.fence == fence && it.runner == runner && it.step == step);
            self.must("stale-fence", entry, fits, || {
                let held = lease.as_ref().map_or("nobody".into(), |it| format!("{} under {}", it.runner, it.fence));
                format!("{runner} reports step {step} of unit {at} of {id} under {fence}; held by {held}")
            });
            unit.results += 1;
            let good = outcome == "changed" || outcome == "unchanged";
            if good {
                unit.next = step + 1;
                unit.attempt = 0;
                let name = it.steps.get(step as usize).map(|it| it.name.clone()).unwrap_or_default();
                let key = format!("{id}/{}/{}/{name}/{}", unit.target, unit.service, unit.results);
                self.seen.completed(key, entry.position);
            } else {
                unit.attempt = number(result, "attempt");
                unit.failed = reported["last"] == true;
            }
            self.must("inconclusive-goes-on", entry, outcome != "inconclusive" || reported["last"] == true, || {
                format!("what could not be told of unit {at} of {id} is tried again by itself")
            });
        }
        self.book.deployments.insert(id.to_owned(), it);
    }

    /// A wave is left only when it was judged good and has baked.
    fn phase(&mut self, entry: &Entry<'_>, id: &str) {
        let data = entry.data;
        let Some(it) = self.book.deployments.get(id).cloned() else { return };
        let (wave, settle) = (number(data, "wave"), data["phase"] == "settle");
        let judged = it.waves.get(it.wave as usize).is_some_and(|(canary, _)| *canary) && it.back.is_none();
        if judged && (wave > it.wave || settle && !it.settle) {
            let good = it.good.contains(&it.wave);
            self.must("unjudged", entry, good, || format!("wave {} of {id} goes on without a verdict", it.wave));
        }
        if wave > it.wave && it.back.is_none() {
            let bake = it.waves.get(it.wave as usize).map_or(0, |(_, bake)| *bake);
            let baked = bake == 0 || it.until.is_some_and(|until| until <= entry.at);
            self.must("bake", entry, baked, || format!("wave {} of {id} has not baked for {bake} s", it.wave));
            let left = it.units.iter().any(|unit| unit.wave == it.wave && (unit.next as usize) < it.steps.len());
            self.must("wave-order", entry, !left, || format!("wave {} of {id} is left unfinished", it.wave));
        }
    }

    fn ended(&mut self, entry: &Entry<'_>, id: &str) {
        let Some(it) = self.book.deployments.get(id).cloned() else { return };
        if it.status == "succeeded" {
            let left = it.units.iter().position(|unit| {
                it.steps.iter().skip(unit.next as usize).any(|step| !(it.back.is_some() && step.skipped_back))
            });
            self.must("unfinished", entry, left.is_none(), || format!("{id} succeeds, and unit {left:?} is not done"));
        }
        for rollback in self.book.rollbacks.values_mut() {
            if rollback.status == "undoing" && (rollback.of == id || rollback.back.as_deref() == Some(id)) {
                rollback.moved = rollback.moved.max(entry.at);
            }
        }
    }
}
