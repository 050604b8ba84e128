//! One round: commands decided one after another on one copy of the world, to be appended together.
//!
//! No threads, no waiting, no publishing: whoever runs a round appends its batch at `from`, publishes its world once that has
//! worked, and begins anew from a newer world when somebody else was first. The engine's writing thread does so, and so does the
//! simulator, which dies between any two of these.
//! Invariants: reactions are decided like anybody's commands, and one that is refused leaves an entry; what is not appended has
//! left no trace. Deliberately absent: the append itself.

use crate::{Origin, Sources, SubmitError, origin};
use interlock_domain::{
    core::{self, Actor, By, Command, Context, Event, Meta, Record, Subject, World},
    reason::{self, Refusal, RefusalKind, Refused},
};
use interlock_ids::SubmissionId;
use interlock_ledger::{Answer, Batch, Ledger, NewEntry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Entries of one command and all that follows from it.
const FOLLOWING: usize = 10_000;

/// An entry that was written.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: u64,
    pub at: Timestamp,
    pub event: Event,
}

/// Commands of one actor that are carried out all or not at all. `key`: the same key again gives the first answer.
#[derive(Clone, Debug)]
pub struct Submission {
    pub actor: Actor,
    pub commands: Vec<Command>,
    pub key: Option<String>,
}

/// What a submission comes to once the batch is appended: the position after it, its entries, whether it is a repetition.
#[derive(Clone, Debug)]
pub struct Decided {
    pub position: u64,
    pub events: Vec<Recorded>,
    pub repeated: bool,
}

/// The rules by which a round decides. There is one set of them, [`Core`]; tests put others in its place to see whether a rule
/// that is missing is missed.
pub trait Rules: Send + Sync {
    fn decide(&self, world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
        core::decide(world, command, ctx)
    }

    fn react(&self, world: &World, event: &Event) -> Vec<Command> {
        core::react(world, event)
    }
}

/// The rules of the core.
pub struct Core;

impl Rules for Core {}

/// What a round needs beside the world. Cloning it is cheap.
#[derive(Clone)]
pub struct Means {
    pub ledger: Arc<dyn Ledger>,
    pub sources: Sources,
    pub rules: Arc<dyn Rules>,
}

/// What an idempotency key is answered with again.
#[derive(Serialize, Deserialize)]
struct Remembered {
    from: u64,
    to: u64,
}

/// One batch in the making.
pub struct Round {
    means: Means,
    /// The position at which the batch has to be appended.
    pub from: u64,
    /// The world as it is once the batch is appended.
    pub world: World,
    pub batch: Batch,
    /// Kinds of the entries, and what they concern.
    pub kinds: Vec<String>,
    pub subjects: Vec<Subject>,
    /// Keys answered within this very batch.
    keys: BTreeMap<String, Remembered>,
}

impl Round {
    pub fn new(means: Means, before: &World) -> Self {
        Self {
            means,
            from: before.position,
            world: before.clone(),
            batch: Batch::default(),
            kinds: Vec::new(),
            subjects: Vec::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Decides a submission and all that follows from it, and adds it to the batch; a telling refusal is added as an entry.
    ///
    /// # Errors
    /// The refusal of the first command refused; or what was answered before cannot be read.
    pub fn decide(&mut self, job: &Submission) -> Result<Decided, SubmitError> {
        self.decide_from(job, None)
    }

    /// As [`Round::decide`], with from where it was asked.
    ///
    /// # Errors
    /// As [`Round::decide`].
    pub fn decide_from(&mut self, job: &Submission, origin: Option<&Origin>) -> Result<Decided, SubmitError> {
        if let Some(remembered) = job.key.as_deref().map(|key| self.remembered(key)).transpose()?.flatten() {
            return Ok(Decided { position: remembered.to, events: self.read(&remembered)?, repeated: true });
        }
        let sources = &self.means.sources;
        let ctx = Context { now: sources.clock.now(), actor: job.actor.clone(), ids: sources.ids() };
        let sub: SubmissionId = ctx.ids.id();
        let mut attempt = Attempt::new(&self.world);
        for command in &job.commands {
            match attempt.carry_out(self.means.rules.as_ref(), command, &ctx, sub) {
                Ok(()) => {}
                Err(refusal) => {
                    self.record_refusal(command, &refusal, &ctx, sub, origin);
                    return Err(refusal.into());
                }
            }
        }
        let from = self.world.position;
        let records = self.take(attempt, origin);
        let to = self.world.position;
        if let Some(key) = &job.key {
            let remembered = Remembered { from, to };
            let body = serde_json::to_vec(&remembered).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            if to > from {
                self.batch.answers.push(Answer { key: key.clone(), body });
                self.keys.insert(key.clone(), remembered);
            }
        }
        Ok(Decided { position: to, events: records, repeated: false })
    }

    fn remembered(&self, key: &str) -> Result<Option<Remembered>, SubmitError> {
        if let Some(it) = self.keys.get(key) {
            return Ok(Some(Remembered { from: it.from, to: it.to }));
        }
        let unavailable = |error: String| SubmitError::Unavailable(error);
        let stored = self.means.ledger.answer(key).map_err(|error| unavailable(error.to_string()))?;
        stored.map(|body| serde_json::from_slice(&body).map_err(|error| unavailable(error.to_string()))).transpose()
    }

    /// Entries that were written for a remembered key, from the ledger or from the batch in the making.
    fn read(&self, it: &Remembered) -> Result<Vec<Recorded>, SubmitError> {
        let bodies: Vec<Vec<u8>> = if it.from >= self.from {
            let entries = &self.batch.entries[(it.from - self.from) as usize..(it.to - self.from) as usize];
            entries.iter().map(|entry| entry.body.clone()).collect()
        } else {
            let entries = self.means.ledger.read(it.from, (it.to - it.from) as usize);
            let entries = entries.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            entries.into_iter().map(|entry| entry.body).collect()
        };
        let decoded = bodies.iter().zip(it.from..).map(|(body, position)| {
            let record = Record::decode(body).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            Ok(Recorded { position, at: record.at, event: record.event })
        });
        decoded.collect()
    }

    fn take(&mut self, attempt: Attempt, origin: Option<&Origin>) -> Vec<Recorded> {
        if let (Some(origin), Some(((_, first), _))) = (origin, attempt.records.first()) {
            self.batch.rows.extend(origin::row(&first.by, first.sub, origin));
        }
        // What policies were asked is stored by the digest that the ruling names, so that it can be asked again.
        self.batch.blobs.extend(attempt.asked.iter().map(|bytes| bytes.to_vec()));
        let mut records = Vec::with_capacity(attempt.records.len());
        for ((position, record), subjects) in attempt.records {
            self.batch.entries.push(NewEntry { body: record.encode() });
            self.kinds.push(record.event.kind().to_owned());
            self.subjects.extend(subjects);
            records.push(Recorded { position, at: record.at, event: record.event });
        }
        self.world = attempt.world;
        records
    }

    /// A refusal by policy or by a gate is itself an entry; malformed or stale commands leave no trace.
    fn record_refusal(
        &mut self,
        command: &Command,
        refusal: &Refusal,
        ctx: &Context,
        sub: SubmissionId,
        origin: Option<&Origin>,
    ) {
        let telling = matches!(refusal.kind, RefusalKind::Denied | RefusalKind::Blocked);
        if !telling || ctx.actor.by == By::System {
            return;
        }
        let mut attempt = Attempt::new(&self.world);
        attempt.refuse(command, refusal, ctx.now, ctx.actor.by.clone(), sub);
        self.take(attempt, origin);
    }
}

fn refused(command: &Command, refusal: &Refusal) -> Event {
    let (action, subject) = command.about();
    Event::Reason(reason::Event::Refused(Refused {
        action: action.to_owned(),
        subject,
        summary: refusal.summary.clone(),
        blockers: refusal.blockers.clone(),
        outcome: refusal.ruling.as_ref().map_or(reason::Outcome::Fail, |ruling| ruling.outcome),
        policy_set: refusal.ruling.as_ref().map(|ruling| ruling.policy_set.clone()),
        facts: refusal.ruling.as_ref().map(|ruling| ruling.facts.clone()),
        policies: refusal.ruling.as_ref().map(|ruling| ruling.policies.clone()).unwrap_or_default(),
    }))
}

/// One job in the making: kept only if all of it is allowed.
struct Attempt {
    world: World,
    records: Vec<((u64, Record), Vec<Subject>)>,
    /// What policies were asked for the rulings among the records.
    asked: Vec<Arc<[u8]>>,
}

impl Attempt {
    fn new(world: &World) -> Self {
        Self { world: world.clone(), records: Vec::new(), asked: Vec::new() }
    }

    fn refuse(&mut self, command: &Command, refusal: &Refusal, at: Timestamp, by: By, sub: SubmissionId) {
        self.asked.extend(refusal.ruling.as_ref().and_then(|ruling| ruling.asked.0.clone()));
        self.add(refused(command, refusal), at, by, sub);
    }

    fn add(&mut self, event: Event, at: Timestamp, by: By, sub: SubmissionId) {
        let position = self.world.position;
        self.asked.extend(event.rulings().into_iter().filter_map(|(_, ruling)| ruling.asked.0.clone()));
        let subjects = event.subjects(&self.world);
        core::apply(&mut self.world, &event, &Meta { position, at, by: by.clone() });
        self.records.push(((position, Record { v: 1, at, by, sub, event }), subjects));
    }

    /// Decides a command and everything that follows from it, until quiet.
    fn carry_out(
        &mut self,
        rules: &dyn Rules,
        command: &Command,
        ctx: &Context,
        sub: SubmissionId,
    ) -> Result<(), Refusal> {
        let system = ctx.as_system();
        let mut follows: VecDeque<Command> = VecDeque::new();
        for event in rules.decide(&self.world, command, ctx)? {
            self.add(event.clone(), ctx.now, ctx.actor.by.clone(), sub);
            follows.extend(rules.react(&self.world, &event));
        }
        while let Some(next) = follows.pop_front() {
            if self.records.len() > FOLLOWING {
                let message = format!("more than {FOLLOWING} entries would follow from this");
                return Err(Refusal::invalid("too-much-follows", message, "do it in smaller parts"));
            }
            match rules.decide(&self.world, &next, &system) {
                Ok(events) => {
                    for event in events {
                        self.add(event.clone(), ctx.now, By::System, sub);
                        follows.extend(rules.react(&self.world, &event));
                    }
                }
                Err(refusal) if refusal.kind == RefusalKind::Stale => {}
                Err(refusal) => self.refuse(&next, &refusal, ctx.now, By::System, sub),
            }
        }
        Ok(())
    }
}
