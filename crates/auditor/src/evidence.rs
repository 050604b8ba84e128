//! Verdicts and what follows from them: analyses, watches, rollbacks, reviews. No evidence never passes.

use crate::{
    Auditor,
    book::{Analysis, Due, Review, Rollback, Watch},
    moment,
    read::*,
};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// By when something that follows at once has to have followed, by the ledger's own clock.
const AT_ONCE: SignedDuration = SignedDuration::from_hours(1);

impl Auditor {
    pub(crate) fn evidence(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        self.overdue(entry);
        match entry.kind {
            "verification.begun" => {
                let spec = &data["spec"];
                let analysis = Analysis {
                    release: text(data, "release"),
                    deployment: text(data, "deployment"),
                    wave: number(data, "wave"),
                    at_least: number(spec, "at_least"),
                    horizon: number(spec, "horizon"),
                    interval_s: number(spec, "interval_s"),
                    rollback_if_inconclusive: spec["on_inconclusive"] == "rollback",
                    since: entry.at,
                    open: true,
                    verdict: None,
                };
                self.book.analyses.insert(text(data, "analysis"), analysis);
            }
            "verification.concluded" => self.concluded(entry),
            "verification.resolved" => self.resolved(entry),
            "verification.stopped" => {
                if let Some(it) = self.book.analyses.get_mut(entry.text("analysis")) {
                    it.open = false;
                }
            }
            "operations.watch_begun" => {
                let (release, deployment) = (text(data, "release"), text(data, "deployment"));
                let fired = BTreeSet::new();
                let watch = Watch { release, deployment, until: None, fired, open: true, passed: false };
                self.book.watches.insert(text(data, "watch"), watch);
            }
            "operations.stabilising" => {
                if let Some(it) = self.book.watches.get_mut(entry.text("watch")) {
                    it.until = moment(&data["until"]);
                }
            }
            "operations.trigger_fired" => {
                let Some(it) = self.book.watches.get_mut(entry.text("watch")) else { return };
                it.fired.insert(text(data, "trigger"));
                let release = it.release.clone();
                if data["action"] == "rollback" {
                    self.owe_rollback(entry, release);
                }
            }
            "operations.watch_ended" => self.watch_ended(entry),
            "rollback.started" => {
                let release = text(data, "release");
                self.book.due.retain(|it| it.rule != "rollback-owed" || it.what != release);
                let rollback = Rollback {
                    release,
                    of: text(data, "of"),
                    back: None,
                    criteria: list(&data["criteria"]).map(|it| text(it, "name")).collect(),
                    status: "undoing",
                    moved: entry.at,
                };
                self.book.rollbacks.insert(text(data, "rollback"), rollback);
            }
            "rollback.check_begun" => {
                if let Some(it) = self.book.rollbacks.get_mut(entry.text("rollback")) {
                    it.status = "checking";
                    it.moved = entry.at;
                }
            }
            "rollback.ended" => self.rollback_ended(entry),
            "learning.review_opened" => {
                let release = text(data, "release");
                self.book.due.retain(|it| it.rule != "review-owed" || it.what != release);
                let after = (data["cause"] == "emergency").then(|| moment(&data["due"])).flatten();
                let review = Review { release, services: set(&data["services"]), done: false, after };
                self.book.reviews.insert(text(data, "review"), review);
            }
            "learning.review_done" => {
                if let Some(it) = self.book.reviews.get_mut(entry.text("review")) {
                    it.done = true;
                }
            }
            _ => {}
        }
    }

    fn owe_rollback(&mut self, entry: &Entry<'_>, release: String) {
        let under_way = self.book.rollbacks.values().any(|it| it.release == release);
        *self.tally.entry("rollback-owed").or_default() += 1;
        if !under_way {
            let due = Due { rule: "rollback-owed", position: entry.position, at: entry.at, what: release };
            self.book.due.push(due);
        }
    }

    /// What should have followed at once and has not.
    fn overdue(&mut self, entry: &Entry<'_>) {
        let late = |it: &Due| entry.at.duration_since(it.at) > AT_ONCE;
        let found: Vec<Due> = self.book.due.extract_if(.., |it| late(it)).collect();
        for it in found {
            self.find(it.rule, Some(it.position), format!("nothing has followed for {}", it.what));
        }
    }

    fn concluded(&mut self, entry: &Entry<'_>) {
        let id = text(entry.data, "analysis");
        let Some(it) = self.book.analyses.get(&id).cloned() else { return };
        let summary = &entry.data["summary"];
        let verdict = text(entry.data, "verdict");
        self.must("verdict-twice", entry, it.open, || format!("analysis {id} has a verdict, or was stopped"));
        if verdict == "pass" {
            let figures = ["usable", "requests_new", "requests_old"];
            let nothing = figures.iter().find(|name| number(summary, name) == 0);
            self.must("pass-without-evidence", entry, nothing.is_none(), || {
                format!("analysis {id} passes with no {}", nothing.copied().unwrap_or_default())
            });
            self.must("pass-without-evidence", entry, number(summary, "looks") >= it.at_least, || {
                format!("analysis {id} passes before its {} looks", it.at_least)
            });
            let measured = self.seen.measured(&id);
            self.must("pass-without-evidence", entry, measured >= it.at_least.div_ceil(2).max(1), || {
                format!("analysis {id} passes, and both sides could be read {measured} times")
            });
            if let Some(deployment) = self.book.deployments.get_mut(&it.deployment) {
                deployment.good.insert(it.wave);
            }
        }
        if verdict == "fail" || verdict == "inconclusive" && it.rollback_if_inconclusive {
            self.owe_rollback(entry, it.release.clone());
        }
        if let Some(it) = self.book.analyses.get_mut(&id) {
            it.open = false;
            it.verdict = Some(verdict);
        }
    }

    fn resolved(&mut self, entry: &Entry<'_>) {
        let id = text(entry.data, "analysis");
        let Some(it) = self.book.analyses.get_mut(&id) else { return };
        let inconclusive = it.verdict.as_deref() == Some("inconclusive");
        let (release, deployment, wave) = (it.release.clone(), it.deployment.clone(), it.wave);
        match entry.text("resolution") {
            "measure_again" => {
                it.open = true;
                it.verdict = None;
                it.since = entry.at;
            }
            "proceed" => {
                if let Some(deployment) = self.book.deployments.get_mut(&deployment) {
                    deployment.good.insert(wave);
                }
            }
            _ => self.owe_rollback(entry, release),
        }
        self.must("resolved-without-doubt", entry, inconclusive, || format!("analysis {id} was not inconclusive"));
    }

    fn watch_ended(&mut self, entry: &Entry<'_>) {
        let id = text(entry.data, "watch");
        let Some(it) = self.book.watches.get(&id).cloned() else { return };
        let passed = entry.data["outcome"] == "pass";
        if passed {
            let (looks, usable) = (number(entry.data, "looks"), number(entry.data, "usable"));
            self.must("pass-without-evidence", entry, looks > 0 && usable * 2 >= looks, || {
                format!("watch {id} passes with {usable} of {looks} looks")
            });
            let seen = self.seen.measured(&id);
            self.must("pass-without-evidence", entry, usable <= seen, || {
                format!("watch {id} says that it saw {usable} times, and figures could be read {seen} times")
            });
            self.must("pass-after-trigger", entry, it.fired.is_empty(), || {
                format!("watch {id} passes, and a trigger fired")
            });
            let over = it.until.is_some_and(|until| until <= entry.at);
            self.must("watch-cut-short", entry, over, || format!("watch {id} passes before its time is over"));
        }
        if let Some(it) = self.book.watches.get_mut(&id) {
            it.open = false;
            it.passed = passed;
        }
    }

    fn rollback_ended(&mut self, entry: &Entry<'_>) {
        let id = text(entry.data, "rollback");
        let Some(it) = self.book.rollbacks.get(&id).cloned() else { return };
        if entry.data["outcome"] == "pass" {
            let results: Vec<_> = list(&entry.data["results"]).collect();
            let shown = |name: &String| results.iter().any(|it| text(it, "name") == *name && it["outcome"] == "pass");
            let missing = it.criteria.iter().find(|name| !shown(name)).cloned();
            let good = missing.is_none() && !it.criteria.is_empty() && results.iter().all(|it| it["outcome"] == "pass");
            self.must("pass-without-evidence", entry, good && entry.data["evidence"].is_string(), || {
                format!("rollback {id} passes, and criterion {missing:?} was not shown")
            });
            let assumed = it.criteria.iter().find(|name| !self.seen.was_shown(&id, name)).cloned();
            self.must("pass-without-evidence", entry, assumed.is_none(), || {
                format!("rollback {id} passes, and whoever looked never saw criterion {assumed:?} pass")
            });
        }
        let release = it.release.clone();
        *self.tally.entry("review-owed").or_default() += 1;
        if !self.book.reviews.values().any(|it| it.release == release) {
            let due = Due { rule: "review-owed", position: entry.position, at: entry.at, what: release.clone() };
            self.book.due.push(due);
        }
        // A step that made a target run something new, and was reported good, is what a quarantine has to hold.
        let of = self.book.deployments.get(&it.of).cloned();
        let changed: BTreeSet<String> = of
            .iter()
            .flat_map(|it| &it.units)
            .filter(|unit| unit.previous.as_ref() != Some(&unit.digest))
            .map(|unit| unit.digest.clone())
            .collect();
        let free: Vec<String> = changed.into_iter().filter(|it| self.book.quarantined(it).is_none()).collect();
        self.seen.owe_quarantine(entry.position, free);
        if let Some(it) = self.book.rollbacks.get_mut(&id) {
            it.status = "ended";
            it.moved = entry.at;
        }
    }
}
