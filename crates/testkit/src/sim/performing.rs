//! Performing what is owed, as the engine does: derived from the state after every change, compared with what is under way, begun
//! or dropped. The judge, the watch and what they conclude are the engine's own; reading and waiting are simulated.

use super::{From, Happening, Sim, node::Answer, planted::Flaw};
use interlock_domain::{
    core::{Actor, Command, Obligation, owed},
    deployment,
    operations::{self, Observation},
    reason::Outcome,
    release, rollback,
    rollback::{CriteriaCheck, CriterionResult},
    verification::{self, Measurement, Verdict},
};
use interlock_engine::{
    Clock as _,
    judging::{Bench, verdict},
    watching::Seen,
};
use interlock_ids::Digest;
use interlock_ledger::Ledger as _;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How soon something is asked again that was not done though it was owed.
const LOOK_AGAIN: i64 = 60_000;
const TRY_AGAIN: i64 = 1_000;
const WATCHES: &str = "watch";

/// One obligation under way.
pub enum Doing {
    Wake(Timestamp, Command),
    Measure(Box<Measuring>),
    Observe(Box<Watching>),
    Check(CriteriaCheck),
    /// What came of it is being submitted.
    Concluding(Command),
    /// Refused: what was concluded is no longer asked for.
    Over,
}

pub struct Measuring {
    it: Measurement,
    benches: Vec<Bench>,
    next: u32,
    begun: bool,
}

pub struct Watching {
    it: Observation,
    seen: Seen,
}

impl Sim {
    /// A node hears that the ledger may have grown.
    pub(super) fn news(&mut self, node: usize) {
        let head = self.ledger.head().expect("a ledger in memory has a head").size;
        let it = &self.nodes[node];
        // While a round is being written the world stays as it was decided on.
        if it.up && it.writing.is_none() && it.world.position < head {
            self.catch_up(node);
            self.perform(node);
        }
    }

    /// Compares what is owed with what is under way.
    pub(super) fn perform(&mut self, node: usize) {
        let mut all: BTreeMap<String, Obligation> =
            owed(&self.nodes[node].world).into_iter().map(|it| (it.key(), it)).collect();
        match self.flaw() {
            Some(Flaw::WakesForgotten) => all.retain(|key, _| !key.starts_with("wake/dep")),
            Some(Flaw::CriteriaForgotten) => all.retain(|key, _| !key.starts_with("criteria/")),
            _ => {}
        }
        self.nodes[node].under_way.retain(|key, _| all.contains_key(key));
        let steps = all.values().any(|it| matches!(it, Obligation::Step(_)));
        for (key, obligation) in all {
            if self.nodes[node].under_way.contains_key(&key) {
                continue;
            }
            let Some((doing, wait)) = self.begun(node, obligation) else { continue };
            self.nodes[node].under_way.insert(key.clone(), doing);
            let life = self.nodes[node].life;
            self.after(wait, Happening::Due { node, life, key });
        }
        if steps {
            self.call_runners();
        }
    }

    fn begun(&mut self, node: usize, obligation: Obligation) -> Option<(Doing, i64)> {
        let now = self.nodes[node].clock.now();
        Some(match obligation {
            // No story reads calendars of other programs.
            Obligation::Step(_) | Obligation::ReadFeed { .. } => return None,
            Obligation::WakeDeployment { deployment, at, .. } => {
                let command = Command::Deployment(deployment::Command::Wake { deployment });
                (Doing::Wake(at, command), wait(at, now))
            }
            Obligation::WakeRelease { release, at } => {
                (Doing::Wake(at, Command::Release(release::Command::Reassess { release })), wait(at, now))
            }
            Obligation::Measure(it) => {
                let benches = it.compared.iter().map(|compared| Bench::new(&it.spec, compared, it.compared.len()));
                let mut benches: Vec<Bench> = benches.filter_map(Result::ok).collect();
                // Looks that were missed are gaps, and gaps are no evidence.
                let elapsed = now.as_second().saturating_sub(it.started.as_second()).max(0);
                let passed = (elapsed / i64::from(it.spec.interval_s.max(1))).min(it.spec.horizon.into()) as u32;
                for bench in &mut benches {
                    for _ in 0..passed {
                        let gap = bench.interval((Vec::new(), Vec::new()));
                        bench.observe(&gap);
                    }
                }
                (Doing::Measure(Box::new(Measuring { it, benches, next: passed + 1, begun: false })), 1)
            }
            Obligation::Observe(it) => {
                let kept = self.ledger.desk_get(WATCHES, &it.watch.to_string()).ok().flatten();
                let seen = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
                (Doing::Observe(Box::new(Watching { it, seen })), 1)
            }
            Obligation::CheckCriteria(it) => (Doing::Check(it), self.random.between(1_000, 20_000)),
        })
    }

    pub(super) fn due(&mut self, node: usize, life: u64, key: String) {
        let it = &mut self.nodes[node];
        if !it.up || it.life != life {
            return;
        }
        let now = it.clock.now();
        let Some(doing) = it.under_way.remove(&key) else { return };
        let (doing, again) = match doing {
            // In parts: the clock may be set meanwhile.
            Doing::Wake(at, command) if at > now => (Doing::Wake(at, command), Some(wait(at, now))),
            Doing::Wake(at, command) => {
                self.submit_own(node, &key, command.clone());
                (Doing::Wake(at, command), Some(LOOK_AGAIN))
            }
            Doing::Measure(it) => self.look(node, &key, *it),
            Doing::Observe(it) => self.watch(node, &key, *it),
            Doing::Check(it) => self.check(node, &key, &it),
            Doing::Concluding(command) => {
                self.submit_own(node, &key, command.clone());
                (Doing::Concluding(command), None)
            }
            Doing::Over => (Doing::Over, None),
        };
        self.nodes[node].under_way.insert(key.clone(), doing);
        if let Some(wait) = again {
            self.after(wait, Happening::Due { node, life, key });
        }
    }

    fn submit_own(&mut self, node: usize, key: &str, command: Command) {
        let life = self.nodes[node].life;
        let id = self.ask(From::Own(node, life, key.to_owned()), Actor::system(), vec![command]);
        self.nodes[node].waiting.push_back(id);
        self.write_soon(node);
    }

    /// What became of something a node submitted by itself.
    pub(super) fn own_answered(&mut self, node: usize, life: u64, key: String, answer: Answer) {
        let it = &mut self.nodes[node];
        if !it.up || it.life != life || !it.under_way.contains_key(&key) {
            return;
        }
        match answer {
            Answer::Unavailable => self.after(TRY_AGAIN, Happening::Due { node, life, key }),
            Answer::Refused if matches!(it.under_way.get(&key), Some(Doing::Concluding(_))) => {
                it.under_way.insert(key, Doing::Over);
            }
            Answer::Refused | Answer::Done { .. } => {}
        }
    }

    fn conclude(&mut self, node: usize, key: &str, command: Command) -> (Doing, Option<i64>) {
        self.submit_own(node, key, command.clone());
        (Doing::Concluding(command), None)
    }

    /// One look of an analysis.
    fn look(&mut self, node: usize, key: &str, mut m: Measuring) -> (Doing, Option<i64>) {
        let flaw = self.flaw();
        let now = self.now();
        let mut both = true;
        for bench in &mut m.benches {
            let new = self.outside.readings(now, &bench.compared, true);
            let old = self.outside.readings(now, &bench.compared, false);
            both &= !new.is_empty() && !old.is_empty();
            let interval = bench.interval((new, old));
            if m.begun {
                bench.observe(&interval);
            }
        }
        if m.begun {
            m.next += 1;
            if both {
                self.auditor.measured(&m.it.analysis.to_string());
            }
        }
        m.begun = true;
        let mut said = verdict(&m.benches, m.next > m.it.spec.horizon);
        if flaw == Some(Flaw::NoDataIsGood)
            && let Some((verdict, _)) = &mut said
            && *verdict == Verdict::Inconclusive
        {
            *verdict = Verdict::Pass;
        }
        if let Some((verdict, summary)) = said {
            let evidence = self.evidence(format!("{key} {summary:?}"));
            self.count(match verdict {
                Verdict::Pass => "canaries passed",
                Verdict::Fail => "canaries failed",
                Verdict::Inconclusive => "canaries inconclusive",
            });
            let (analysis, fence) = (m.it.analysis, m.it.fence);
            let command = verification::Command::Conclude { analysis, fence, verdict, summary, evidence };
            return self.conclude(node, key, Command::Verification(command));
        }
        let seconds = i64::from(m.it.spec.interval_s) * i64::from(m.next);
        let due = m.it.started.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(m.it.started);
        let wait = due.as_millisecond() - self.nodes[node].clock.now().as_millisecond();
        (Doing::Measure(Box::new(m)), Some(wait.clamp(1, 600_000)))
    }

    fn evidence(&self, text: String) -> Digest {
        let digest = self.ledger.put_blob(text.as_bytes()).expect("a ledger in memory keeps small blobs");
        Digest(digest.0)
    }

    /// One look of a watch.
    fn watch(&mut self, node: usize, key: &str, mut w: Watching) -> (Doing, Option<i64>) {
        let now = self.nodes[node].clock.now();
        let (watch, fence) = (w.it.watch, w.it.fence);
        if w.it.until.is_some_and(|until| until <= now) {
            let mut usable = w.seen.usable;
            if self.flaw() == Some(Flaw::BlindWatch) {
                usable = w.seen.looks;
            }
            let evidence = self.evidence(format!("{key} {:?}", w.seen));
            let looks = w.seen.looks;
            let command = operations::Command::End { watch, fence, looks, usable, evidence };
            return self.conclude(node, key, Command::Operations(command));
        }
        let truth = self.now();
        let values: BTreeMap<_, _> = w
            .it
            .triggers
            .iter()
            .map(|trigger| (trigger.name.clone(), self.outside.figure(truth, &w.it.environment, &trigger.indicator)))
            .collect();
        if !values.is_empty() && values.values().all(Option::is_some) {
            self.auditor.measured(&watch.to_string());
        }
        for fired in w.seen.look(&w.it.triggers, values, now) {
            let evidence = self.evidence(format!("{key} {fired:?}"));
            let command =
                operations::Command::Fire { watch, fence, trigger: fired.trigger.name, value: fired.value, evidence };
            self.submit_own(node, key, Command::Operations(command));
            self.count("triggers fired");
        }
        if let Ok(bytes) = serde_json::to_vec(&w.seen) {
            self.ledger.desk_put(WATCHES, &watch.to_string(), &bytes).expect("a ledger in memory has a desk");
        }
        let left = w.it.until.map_or(i64::MAX, |until| until.as_millisecond() - now.as_millisecond());
        let wait = (i64::from(w.it.interval_s) * 1_000).min(left).max(1);
        (Doing::Observe(Box::new(w)), Some(wait))
    }

    /// The criteria of a rollback, asked once.
    fn check(&mut self, node: usize, key: &str, it: &CriteriaCheck) -> (Doing, Option<i64>) {
        let now = self.now();
        let mut results: Vec<CriterionResult> = Vec::new();
        for criterion in &it.criteria {
            let outcome = self.outside.criterion(now, it, &criterion.kind);
            if outcome == Outcome::Pass {
                self.auditor.shown(&it.rollback.to_string(), criterion.name.as_str());
            }
            results.push(CriterionResult { name: criterion.name.clone(), outcome, message: "simulated".into() });
        }
        if self.flaw() == Some(Flaw::CriteriaAssumed) {
            results.iter_mut().for_each(|it| it.outcome = Outcome::Pass);
        }
        let evidence = self.evidence(format!("{key} {results:?}"));
        let command = rollback::Command::Conclude { rollback: it.rollback, fence: it.fence, results, evidence };
        self.conclude(node, key, Command::Rollback(command))
    }
}

/// Until a moment of the node's clock, in parts of ten minutes at most.
fn wait(at: Timestamp, now: Timestamp) -> i64 {
    (at.as_millisecond() - now.as_millisecond()).clamp(1, 600_000)
}
