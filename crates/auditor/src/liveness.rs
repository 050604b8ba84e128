//! What must have happened in the end: once faults are over and some time has passed, nothing waits that has nothing to wait for.

use crate::Auditor;
use jiff::{SignedDuration, Timestamp};

/// How long a lease that has ended, or a bake that is over, may stay as it is by the ledger's own clock: nodes are down for
/// minutes at the most, and clocks are off by less than two.
const COME_BACK: SignedDuration = SignedDuration::from_mins(20);

impl Auditor {
    /// While the ledger goes on: what was to be looked at again at some time is looked at again.
    pub(crate) fn overdue_times(&mut self, entry: &crate::read::Entry<'_>) {
        let now = entry.at;
        // Once in a while is enough: what is late stays late.
        if self.looked_at.is_some_and(|at| now.duration_since(at) < SignedDuration::from_mins(10)) {
            return;
        }
        self.looked_at = Some(now);
        let late = |at: Timestamp| now.duration_since(at) > COME_BACK;
        let mut waiting: Vec<String> = Vec::new();
        for (id, it) in self.book.deployments.iter().filter(|(_, it)| !it.ended) {
            for lease in it.units.iter().filter_map(|unit| unit.lease.as_ref()).filter(|lease| late(lease.until)) {
                waiting.push(format!("{id}: the lease of {} ended at {}, and stands", lease.runner, lease.until));
            }
            if let Some(until) = it.until.filter(|until| it.status == "baking" && late(*until)) {
                waiting.push(format!("{id} baked until {until}, and nothing has followed"));
            }
        }
        self.must("overdue", entry, waiting.is_empty(), || waiting.join("; "));
    }

    /// Closes the books at a moment. `calm` is since when nothing has failed any more; `patience` is how long anything may
    /// take that waits for nobody.
    pub fn close(&mut self, now: Timestamp, calm: Timestamp, patience: SignedDuration) {
        self.quarantines();
        for it in std::mem::take(&mut self.book.due) {
            self.find(it.rule, Some(it.position), format!("nothing has followed for {}", it.what));
        }
        let mut waiting: Vec<String> = Vec::new();
        // Whatever was due before the calm began has had time since then.
        let over = |at: Timestamp| now.duration_since(at.max(calm)) > patience;
        for (id, it) in self.book.deployments.iter().filter(|(_, it)| !it.ended) {
            for unit in &it.units {
                if let Some(lease) = unit.lease.as_ref().filter(|lease| over(lease.until)) {
                    waiting.push(format!("{id}: the lease of {} ended at {}", lease.runner, lease.until));
                }
            }
            if let Some(until) = it.until.filter(|until| it.status == "baking" && over(*until)) {
                waiting.push(format!("{id} baked until {until}"));
            }
            if let Some(until) = it.held.filter(|until| over(*until) && over(it.moved)) {
                waiting.push(format!("{id} is held, and was to be looked at again at {until}"));
            }
            let out = it.units.iter().any(|unit| unit.lease.is_some());
            let free = it.status == "running" && !it.paused && it.held.is_none() && !out;
            if free && over(it.moved) {
                waiting.push(format!("{id} runs, and nobody has taken a step since {}", it.moved));
            }
            if it.status == "stopping" && !out && over(it.moved) {
                waiting.push(format!("{id} is stopping since {} with no step out", it.moved));
            }
        }
        for (id, it) in self.book.analyses.iter().filter(|(_, it)| it.open) {
            let seconds = i64::try_from(it.horizon * it.interval_s).unwrap_or(i64::MAX);
            let end = it.since.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(it.since);
            if over(end) {
                waiting.push(format!("analysis {id} has no verdict, and its horizon was {end}"));
            }
        }
        for (id, it) in self.book.watches.iter().filter(|(_, it)| it.open) {
            let running = self.book.deployments.get(&it.deployment).is_some_and(|it| !it.ended);
            if let Some(until) = it.until.filter(|until| over(*until) && !running) {
                waiting.push(format!("watch {id} was to end at {until}"));
            }
        }
        for (id, it) in &self.book.rollbacks {
            let back = it.back.as_ref().and_then(|it| self.book.deployments.get(it));
            let works = back.is_some_and(|it| !it.ended);
            // It waits for its place, be that taken by what it undoes or by something else that waits for people.
            let place = self.book.deployments.get(&it.of).map(|it| &it.environment);
            let busy = self.book.deployments.values().any(|it| !it.ended && Some(&it.environment) == place);
            if it.status != "ended" && !works && !busy && over(it.moved) {
                waiting.push(format!("rollback {id} is {} since {}", it.status, it.moved));
            }
        }
        for (id, it) in &self.book.releases {
            let window = it.window.map(|(_, end)| end);
            if let Some(end) = window.filter(|end| it.stage == "authorised" && over(*end)) {
                waiting.push(format!("{id} still has its permit, and its window ended at {end}"));
            }
        }
        *self.tally.entry("liveness").or_default() += 1;
        for text in waiting {
            self.find("liveness", None, text);
        }
    }
}
