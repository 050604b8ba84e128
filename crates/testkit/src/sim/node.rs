//! A node: a world of its own, a queue, one round at a time, and a disk that may fail or keep silent.
//!
//! The order of effects is that of the engine's writing thread: decide, append, publish, answer; a lost race is caught up with and
//! decided again. A crash between any two of these is a crash like any other.

use super::{Fault, From, Happening, OwnClock, Sim, planted::Flaw};
use interlock_auditor::Acknowledged;
use interlock_domain::{
    core::{self, Command, Event, Meta, Record, World},
    deployment::{self, StepOrder},
    reason::Refusal,
};
use interlock_engine::{
    SubmitError,
    round::{Decided, Means, Recorded, Round},
};
use interlock_ids::PermitId;
use interlock_ledger::{AppendError, Head, Ledger, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// What comes back.
#[derive(Clone, Debug)]
pub enum Answer {
    Done { events: Vec<(u64, Arc<Event>)>, orders: Vec<StepOrder>, revoked: BTreeSet<PermitId> },
    Refused,
    Unavailable,
}

pub struct Writing {
    pub jobs: Vec<u64>,
    pub round: Round,
    pub decided: Vec<Result<Decided, SubmitError>>,
    pub outcome: Option<Result<Head, AppendError>>,
}

pub struct Node {
    pub clock: Arc<OwnClock>,
    pub means: Means,
    pub up: bool,
    /// Grows with every start: what was meant for an earlier life is dropped.
    pub life: u64,
    pub world: World,
    pub waiting: VecDeque<u64>,
    pub writing: Option<Writing>,
    pub under_way: BTreeMap<String, super::performing::Doing>,
    /// Jobs whose disk is slow until then.
    pub slow_until: i64,
}

impl Node {
    pub fn new(clock: Arc<OwnClock>, means: Means) -> Self {
        Self {
            clock,
            means,
            up: true,
            life: 0,
            world: World::default(),
            waiting: VecDeque::new(),
            writing: None,
            under_way: BTreeMap::new(),
            slow_until: 0,
        }
    }
}

/// Folds in what the ledger has more than the world.
pub fn fold(ledger: &dyn Ledger, world: &mut World) {
    loop {
        let entries = ledger.read(world.position, 1_000).expect("a ledger in memory can be read");
        if entries.is_empty() {
            return;
        }
        for entry in entries {
            let record = Record::decode(&entry.body).expect("what was written can be read");
            core::apply(world, &record.event, &Meta { position: entry.position, at: record.at, by: record.by });
        }
    }
}

fn storage() -> AppendError {
    AppendError::Storage(StoreError::Storage { doing: "appending".into(), detail: "simulated".into() })
}

impl Sim {
    /// A command reaches a node, which may be down.
    pub(super) fn arrive(&mut self, node: usize, request: u64) {
        if !self.nodes[node].up || !self.requests.contains_key(&request) {
            return;
        }
        self.nodes[node].waiting.push_back(request);
        self.write_soon(node);
    }

    pub(super) fn write_soon(&mut self, node: usize) {
        let it = &self.nodes[node];
        if it.writing.is_none() && !it.waiting.is_empty() {
            let life = it.life;
            let wait = self.random.between(0, 3);
            self.after(wait, Happening::Write { node, life });
        }
    }

    pub(super) fn write(&mut self, node: usize, life: u64) {
        let it = &mut self.nodes[node];
        if !it.up || it.life != life || it.writing.is_some() || it.waiting.is_empty() {
            return;
        }
        let jobs: Vec<u64> = it.waiting.drain(..).collect();
        self.decide(node, jobs);
    }

    /// Decides jobs on one copy of the world, and hands the batch to the disk.
    fn decide(&mut self, node: usize, jobs: Vec<u64>) {
        let flaw = self.flaw();
        let it = &mut self.nodes[node];
        let mut round = Round::new(it.means.clone(), &it.world);
        let mut decided = Vec::new();
        for job in &jobs {
            let Some(request) = self.requests.get(job) else {
                decided.push(Err(SubmitError::Unavailable("nobody asks any more".into())));
                continue;
            };
            let mut submission = request.submission.clone();
            if flaw == Some(Flaw::KeysForgotten) {
                submission.key = None;
            }
            decided.push(round.decide(&submission));
        }
        let head = self.ledger.head().expect("a ledger in memory has a head").size;
        if round.batch.entries.is_empty() {
            let refused = decided.iter().any(Result::is_err);
            if refused && head > self.nodes[node].world.position {
                self.catch_up(node);
                return self.decide(node, jobs);
            }
            return self.answer_all(node, jobs, decided, false);
        }
        let slow = self.nodes[node].slow_until > self.now();
        let (first, second) = if slow {
            (self.random.wait(2_000.0), self.random.wait(2_000.0))
        } else {
            (self.random.between(1, 4), self.random.between(1, 4))
        };
        if flaw == Some(Flaw::AnsweredBeforeDurable) {
            let early: Vec<_> = decided.iter().map(copy).collect();
            self.answer_all(node, jobs.clone(), early, false);
        }
        let life = self.nodes[node].life;
        self.nodes[node].writing = Some(Writing { jobs, round, decided, outcome: None });
        self.after(first, Happening::Commit { node, life });
        self.after(first + second, Happening::Written { node, life });
    }

    /// The moment at which the batch is on disk, or not.
    pub(super) fn commit(&mut self, node: usize, life: u64) {
        if self.nodes[node].life != life || !self.nodes[node].up {
            return;
        }
        let fails = self.faulty(Fault::DiskFails, 0.004);
        let silent = self.faulty(Fault::AnswerLost, 0.004);
        let flaw = self.flaw();
        let Some(mut writing) = self.nodes[node].writing.take() else { return };
        let outcome = if fails {
            self.count("appends failed");
            Err(storage())
        } else {
            let mut expected = writing.round.from;
            let head = self.ledger.head().expect("a ledger in memory has a head").size;
            if flaw == Some(Flaw::PositionIgnored) {
                expected = head;
            }
            match self.ledger.append(expected, &writing.round.batch) {
                Ok(_) => {
                    self.appended(node, expected, &writing.round);
                    if silent {
                        self.count("answers of the disk lost");
                        Err(storage())
                    } else {
                        Ok(self.ledger.head().expect("a ledger in memory has a head"))
                    }
                }
                Err(error) => Err(error),
            }
        };
        writing.outcome = Some(outcome);
        self.nodes[node].writing = Some(writing);
    }

    /// Entries are in the ledger: the auditor is told, and other nodes hear of it, sooner or later.
    fn appended(&mut self, node: usize, from: u64, round: &Round) {
        for (entry, position) in round.batch.entries.iter().zip(from..) {
            self.auditor.entry(position, &entry.body);
            let body = String::from_utf8_lossy(&entry.body).into_owned();
            self.say(|| format!("node {node} wrote {position}: {}", brief(&body)));
        }
        for kind in &round.kinds {
            match kind.as_str() {
                "deployment.started" => self.count("deployments begun"),
                "release.authorised" => self.count("releases authorised"),
                "release.closed" => self.count("releases closed"),
                "rollback.started" => self.count("rollbacks begun"),
                "deployment.held" => self.count("deployments held"),
                "deployment.paused" => self.count("deployments paused"),
                _ => {}
            }
        }
        for other in 0..self.nodes.len() {
            if other != node && !self.faulty(Fault::Lost, 0.1) {
                let wait = self.delay();
                self.after(wait, Happening::News { node: other });
            }
        }
        // Polling is the net under lost notices.
        let wait = self.random.between(5_000, 20_000);
        for other in 0..self.nodes.len() {
            self.after(wait, Happening::News { node: other });
        }
    }

    /// The answer of the disk reaches the node.
    pub(super) fn written(&mut self, node: usize, life: u64) {
        if self.nodes[node].life != life || !self.nodes[node].up {
            return;
        }
        let Some(Writing { jobs, round, decided, outcome }) = self.nodes[node].writing.take() else { return };
        match outcome {
            Some(Ok(_)) => {
                if self.flaw() == Some(Flaw::PositionIgnored) {
                    self.catch_up(node);
                } else {
                    self.nodes[node].world = round.world;
                }
                self.answer_all(node, jobs, decided, false);
                self.perform(node);
            }
            Some(Err(AppendError::Conflict { .. })) => {
                self.count("lost races");
                self.catch_up(node);
                self.decide(node, jobs);
                self.perform(node);
            }
            Some(Err(_)) | None => {
                self.answer_all(node, jobs, decided, true);
            }
        }
        self.write_soon(node);
    }

    pub(super) fn catch_up(&mut self, node: usize) {
        let ledger = self.ledger.clone();
        let flaw = self.flaw();
        let it = &mut self.nodes[node];
        if flaw == Some(Flaw::EntryMissed) {
            let head = ledger.head().expect("a ledger in memory has a head").size;
            // A node that misses what came last and believes that it has seen it.
            if head > it.world.position + 1 && head.is_multiple_of(97) {
                it.world.position += 1;
            }
        }
        fold(ledger.as_ref(), &mut it.world);
    }

    fn answer_all(&mut self, node: usize, jobs: Vec<u64>, decided: Vec<Result<Decided, SubmitError>>, broken: bool) {
        for (job, result) in jobs.into_iter().zip(decided) {
            let Some(request) = self.requests.get(&job) else { continue };
            let from = request.from.clone();
            let answer = match result {
                _ if broken && result_is_ok_or_unavailable(&result) => Answer::Unavailable,
                Ok(decided) => self.done(node, &from, decided),
                Err(SubmitError::Refused(refusal)) => {
                    self.refused(&from, &refusal);
                    Answer::Refused
                }
                Err(SubmitError::Unavailable(_) | SubmitError::Unknown(_)) => Answer::Unavailable,
            };
            match from {
                From::Own(..) => self.answered(job, answer),
                From::Person | From::Lease(..) | From::Report(..) => self.reply(job, answer),
            }
        }
    }

    fn done(&mut self, node: usize, from: &From, decided: Decided) -> Answer {
        let world = &self.nodes[node].world;
        let (mut orders, mut revoked) = (Vec::new(), BTreeSet::new());
        if let From::Lease(runner, _, running) = from {
            let name = self.runners[*runner].name.clone();
            let held = world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id));
            for it in held {
                for (unit, lease) in it.leased().filter(|(_, lease)| lease.runner == name) {
                    orders.extend(deployment::order(world, it, unit, lease.fence));
                }
            }
            orders.retain(|order| !running.contains(&order.key));
            revoked = world.release.revoked_permits.keys().copied().collect();
        }
        let events = decided.events.into_iter().map(|Recorded { position, event, .. }| (position, Arc::new(event)));
        Answer::Done { events: events.collect(), orders, revoked }
    }

    fn refused(&mut self, from: &From, refusal: &Refusal) {
        if *from == From::Person {
            self.count("refusals");
        }
        self.say(|| format!("refused: {}", refusal.summary));
    }

    /// An answer on its way back through the network.
    fn reply(&mut self, request: u64, answer: Answer) {
        if self.faulty(Fault::Lost, 0.02) {
            return self.count("answers lost");
        }
        let wait = self.delay();
        if self.faulty(Fault::Doubled, 0.02) {
            let again = self.delay();
            self.after(wait + again, Happening::Answer { request, answer: answer.clone() });
        }
        self.after(wait, Happening::Answer { request, answer });
    }

    /// Somebody is told.
    pub(super) fn answered(&mut self, id: u64, answer: Answer) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        let from = request.from.clone();
        let first = !std::mem::replace(&mut request.answered, !matches!(answer, Answer::Unavailable));
        if let (Answer::Done { events, .. }, Some(key)) = (&answer, &request.submission.key) {
            let entries = events
                .iter()
                .map(|(position, event)| (*position, serde_json::to_string(event.as_ref()).unwrap_or_default()));
            self.auditor.acknowledged(&Acknowledged { key: key.clone(), entries: entries.collect() });
        }
        match from {
            From::Person => {
                if matches!(answer, Answer::Unavailable) {
                    return;
                }
                if first {
                    self.count("commands answered");
                }
            }
            From::Lease(runner, life, _) => self.leased(runner, life, first, answer),
            From::Report(runner, life) => self.report_answered(runner, life, id, answer),
            From::Own(node, life, key) => {
                self.requests.remove(&id);
                self.own_answered(node, life, key, answer);
            }
        }
    }

    /// Nobody has answered for a while: the same again, with the same key, to any node.
    pub(super) fn overdue(&mut self, id: u64, attempt: u32) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        if request.answered || request.attempt != attempt {
            if request.answered && request.from == From::Person {
                // Late doubles of the answer are still looked at for a while.
                return;
            }
            return;
        }
        if attempt > 30 {
            self.requests.remove(&id);
            return;
        }
        request.attempt += 1;
        self.send(id);
    }

    /// Sends a request to some node.
    pub(super) fn send(&mut self, id: u64) {
        let Some(request) = self.requests.get(&id) else { return };
        let attempt = request.attempt;
        let node = self.random.below(self.nodes.len());
        let wait = self.delay();
        if !self.faulty(Fault::Lost, 0.02) {
            self.after(wait, Happening::Arrive { node, request: id });
        }
        if self.faulty(Fault::Doubled, 0.02) {
            let (other, again) = (self.random.below(self.nodes.len()), self.delay());
            self.after(again, Happening::Arrive { node: other, request: id });
        }
        let patience = 2_000 + i64::from(attempt.min(8)) * 2_000;
        self.after(patience, Happening::Overdue { request: id, attempt });
    }

    pub(super) fn ask(&mut self, from: From, actor: core::Actor, commands: Vec<Command>) -> u64 {
        self.last_request += 1;
        let id = self.last_request;
        let keyed = !matches!(from, From::Own(..) | From::Lease(..));
        let key = keyed.then(|| format!("key-{id}"));
        let submission = super::Submission { actor, commands, key, blobs: Vec::new() };
        self.requests.insert(id, super::Request { from, submission, attempt: 0, answered: false });
        id
    }

    /// How long a message takes.
    pub(super) fn delay(&mut self) -> i64 {
        if self.faulty(Fault::Delayed, 0.03) { self.random.between(500, 20_000) } else { self.random.between(1, 20) }
    }

    pub(super) fn faulty(&mut self, fault: Fault, of_one: f64) -> bool {
        let drawn = self.random.chance(of_one);
        drawn && !self.calm && self.setting.has(fault)
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.setting.planted.map(|it| it.flaw)
    }
}

fn result_is_ok_or_unavailable(result: &Result<Decided, SubmitError>) -> bool {
    !matches!(result, Err(SubmitError::Refused(_)))
}

fn copy(it: &Result<Decided, SubmitError>) -> Result<Decided, SubmitError> {
    match it {
        Ok(decided) => Ok(decided.clone()),
        Err(SubmitError::Refused(refusal)) => Err(SubmitError::Refused(refusal.clone())),
        Err(SubmitError::Unavailable(why)) => Err(SubmitError::Unavailable(why.clone())),
        Err(SubmitError::Unknown(why)) => Err(SubmitError::Unknown(why.clone())),
    }
}

/// An entry in one line.
fn brief(body: &str) -> String {
    let Some((_, event)) = body.split_once("\"event\":{\"kind\":\"") else { return body.into() };
    let by = body.split_once("\"by\":").map(|(_, rest)| rest.split(",\"sub\"").next().unwrap_or_default());
    let mut text: String = format!("{} {}", by.unwrap_or_default(), event.replace('"', ""));
    if let Some((cut, _)) = text.char_indices().nth(360) {
        text.truncate(cut);
        text.push('…');
    }
    text
}
