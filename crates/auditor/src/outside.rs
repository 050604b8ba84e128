//! What others saw: effects on targets, answers that clients were given, figures that could be read.

use crate::{Auditor, Finding};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Something a runner did to a target, as the target has it in its own journal.
#[derive(Clone, Debug)]
pub struct Effect {
    /// By the runner's own clock.
    pub clock: Timestamp,
    pub runner: String,
    pub deployment: String,
    /// Index of the unit in the deployment.
    pub unit: u32,
    pub step: u32,
    pub key: String,
    pub fence: u64,
    pub digest: String,
    /// It was begun before and broken off.
    pub resumed: bool,
}

/// What a client was told.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The client's idempotency key.
    pub key: String,
    /// Entries that were written, by position, and the events in them as JSON.
    pub entries: Vec<(u64, String)>,
}

#[derive(Default)]
pub struct Seen {
    bodies: Vec<Vec<u8>>,
    /// Keys of steps with a good result, and where that was written.
    completed: BTreeMap<String, u64>,
    executed: BTreeMap<String, Vec<(u64, String)>>,
    answers: BTreeMap<String, Vec<u64>>,
    measured: BTreeMap<String, u64>,
    /// Criteria that passed when somebody looked, by rollback and name.
    shown: BTreeSet<(String, String)>,
    to_quarantine: Vec<(u64, Vec<String>)>,
    late: u64,
}

impl Seen {
    pub(crate) fn stored(&mut self, position: u64, body: &[u8]) {
        self.bodies.resize(position as usize, Vec::new());
        self.bodies.push(body.to_vec());
    }

    pub(crate) fn completed(&mut self, key: String, position: u64) {
        self.completed.insert(key, position);
    }

    pub(crate) fn measured(&self, what: &str) -> u64 {
        self.measured.get(what).copied().unwrap_or_default()
    }

    pub(crate) fn was_shown(&self, rollback: &str, criterion: &str) -> bool {
        self.shown.contains(&(rollback.to_owned(), criterion.to_owned()))
    }

    pub(crate) fn owe_quarantine(&mut self, position: u64, digests: Vec<String>) {
        if !digests.is_empty() {
            self.to_quarantine.push((position, digests));
        }
    }
}

impl Auditor {
    /// A target was changed, just now.
    pub fn effect(&mut self, it: &Effect) {
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        let what = format!("{} by {} under fence {}", it.key, it.runner, it.fence);
        for rule in ["effect-permit", "effect-digest", "double-execution", "completed-again", "effect-quarantined"] {
            *self.tally.entry(rule).or_default() += 1;
        }
        let Some(deployment) = self.book.deployments.get(&it.deployment) else {
            return self.find("effect-unordered", None, format!("{what}: there is no such deployment"));
        };
        let Some(unit) = deployment.units.get(it.unit as usize) else {
            return self.find("effect-unordered", None, format!("{what}: there is no such unit"));
        };
        if it.fence > deployment.fence {
            wrong.push(("effect-unordered", format!("{what}: no such fence was handed out")));
        }
        let permit = &deployment.permit;
        if it.clock < permit.from || it.clock >= permit.until {
            let text = format!("{what}: at {} under a permit from {} until {}", it.clock, permit.from, permit.until);
            wrong.push(("effect-permit", text));
        }
        if it.digest != unit.digest {
            wrong.push(("effect-digest", format!("{what}: {} instead of {}", it.digest, unit.digest)));
        }
        let lease = unit.lease.as_ref().filter(|lease| lease.fence == it.fence);
        // Cut off for longer than its lease, a runner can still be at work; it is counted, and what it reports is refused.
        let late = lease.is_none();
        if deployment.back.is_none()
            && let Some(lease) = lease
            && let Some(since) = self.book.quarantined(&it.digest).filter(|since| *since < lease.position)
        {
            wrong.push(("effect-quarantined", format!("{what}: {} is in quarantine since entry {since}", it.digest)));
        }
        if let Some(position) = self.seen.completed.get(&it.key).filter(|_| !late) {
            wrong.push(("completed-again", format!("{what}: it was done at entry {position}")));
        }
        let repeatable = deployment.steps.get(it.step as usize).is_none_or(|step| step.repeatable);
        let before = self.seen.executed.entry(it.key.clone()).or_default();
        let same = before.iter().any(|(_, runner)| *runner == it.runner);
        if same && !(it.resumed && repeatable) {
            wrong.push(("double-execution", format!("{what}: it has done that before")));
        }
        before.push((it.fence, it.runner.clone()));
        self.seen.late += u64::from(late);
        for (rule, text) in wrong {
            self.find(rule, None, text);
        }
    }

    /// Effects of runners whose lease was over.
    pub fn late_effects(&self) -> u64 {
        self.seen.late
    }

    /// A client was told that its command was carried out.
    pub fn acknowledged(&mut self, it: &Acknowledged) {
        *self.tally.entry("acknowledged-lost").or_default() += 1;
        for (position, event) in &it.entries {
            let stored = self.seen.bodies.get(*position as usize);
            let tail = format!("\"event\":{event}}}");
            if stored.is_none_or(|body| !body.ends_with(tail.as_bytes())) {
                let text = format!("`{}` was told of entry {position}, and it is not there", it.key);
                self.find("acknowledged-lost", Some(*position), text);
            }
        }
        let positions: Vec<u64> = it.entries.iter().map(|(position, _)| *position).collect();
        let before = self.seen.answers.entry(it.key.clone()).or_insert_with(|| positions.clone());
        *self.tally.entry("done-twice").or_default() += 1;
        if *before != positions {
            let text = format!("`{}` was answered with {before:?} and with {positions:?}", it.key);
            self.find("done-twice", positions.first().copied(), text);
        }
    }

    /// Figures for an analysis, or for a watch, could be read once more.
    pub fn measured(&mut self, what: &str) {
        *self.seen.measured.entry(what.to_owned()).or_default() += 1;
    }

    /// A criterion of a rollback was looked at, and passed.
    pub fn shown(&mut self, rollback: &str, criterion: &str) {
        self.seen.shown.insert((rollback.to_owned(), criterion.to_owned()));
    }

    /// What a rolled back release brought is in quarantine by now.
    pub(crate) fn quarantines(&mut self) {
        for (position, digests) in std::mem::take(&mut self.seen.to_quarantine) {
            *self.tally.entry("quarantine-owed").or_default() += 1;
            let ever = |digest: &String| {
                let commit = self.book.artifacts.get(digest).and_then(|it| it.commit.clone());
                self.book.quarantines.values().any(|it| it.digest == *digest || commit.is_some() && it.commit == commit)
            };
            if let Some(free) = digests.iter().find(|it| !ever(it)) {
                let text = format!("{free} was taken back and never put into quarantine");
                self.findings.push(Finding { rule: "quarantine-owed", position: Some(position), text });
            }
        }
    }
}
