//! One round: commands decided one after another, each on the world that the ones before it leave behind, to be appended together.
//!
//! No threads, no waiting, no publishing: whoever runs a round appends its batch at `from`, publishes its world once that has
//! worked, and begins anew from a newer world when somebody else was first. The engine's threads do so, and so does the
//! simulator, which dies between any two of these. A round may rest on another that is still being appended.
//! Invariants: reactions are decided like anybody's commands, and one that is refused leaves an entry; a submission that is refused
//! leaves at most the entry of its refusal; what a key was answered with is found wherever it is, in this batch, in the one
//! being appended, or in the ledger. Deliberately absent: the append itself.

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

/// Entries and bytes after which a batch is full. With what one submission may add, it stays within what a ledger takes.
const ENTRIES: usize = 2_000;
const BYTES: usize = 64 << 20;
/// Entries of one submission and all that follows from it.
const FOLLOWING: usize = 8_000;

/// An entry that was written.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub position: u64,
    pub at: Timestamp,
    pub event: Event,
}

/// Commands of one actor that are carried out all or not at all. `key`: the same key again gives the first answer. `blobs`: what
/// the commands name by digest, kept in the same transaction, if anything comes of them.
#[derive(Clone, Debug)]
pub struct Submission {
    pub actor: Actor,
    pub commands: Vec<Command>,
    pub key: Option<String>,
    pub blobs: Vec<Vec<u8>>,
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
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Remembered {
    from: u64,
    to: u64,
}

/// Where the entries of a remembered key are. Another node may have written beyond what this one knows, so their position does
/// not tell.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// In the batch in the making.
    Here,
    /// In the batch that is being appended.
    Below(&'a Sealed),
    Ledger,
}

/// Whether a remembered answer is about entries before `size` only. One that cannot be read is about none that are known.
pub fn answered_within(body: &[u8], size: u64) -> bool {
    serde_json::from_slice::<Remembered>(body).is_ok_and(|it| it.to <= size)
}

/// A batch to which nothing is added any more, and the world once it is appended.
pub struct Sealed {
    pub from: u64,
    pub world: Arc<World>,
    pub batch: Batch,
    pub kinds: Vec<String>,
    pub subjects: Vec<Subject>,
    keys: BTreeMap<String, Remembered>,
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
    /// The world it began with, and the batch being appended that this world hopes for.
    before: World,
    below: Option<Arc<Sealed>>,
    bytes: usize,
}

impl Round {
    /// A batch on top of a world that is in the ledger.
    pub fn new(means: Means, before: &World) -> Self {
        Self {
            means,
            from: before.position,
            world: before.clone(),
            batch: Batch::default(),
            kinds: Vec::new(),
            subjects: Vec::new(),
            keys: BTreeMap::new(),
            before: before.clone(),
            below: None,
            bytes: 0,
        }
    }

    /// A batch on top of one that is still being appended. It must not be appended, published or answered before that one is.
    pub fn over(means: Means, below: &Arc<Sealed>) -> Self {
        Self { below: Some(below.clone()), ..Self::new(means, &below.world) }
    }

    /// Whether no further submission is taken.
    pub fn is_full(&self) -> bool {
        self.batch.entries.len() >= ENTRIES || self.bytes >= BYTES
    }

    /// Nothing more is added.
    pub fn seal(self) -> Sealed {
        let Self { from, world, batch, kinds, subjects, keys, .. } = self;
        Sealed { from, world: Arc::new(world), batch, kinds, subjects, keys }
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
        if let Some(key) = job.key.as_deref()
            && let Some((it, place)) = self.remembered(key)?
        {
            return Ok(Decided { position: it.to, events: self.read(it, place)?, repeated: true });
        }
        let sources = &self.means.sources;
        let ctx = Context { now: sources.clock.now(), actor: job.actor.clone(), ids: sources.ids() };
        let sub: SubmissionId = ctx.ids.id();
        let from = self.world.position;
        let events = self.carry_out(&job.commands, &ctx, sub, origin)?;
        let to = self.world.position;
        if to > from {
            self.bytes += job.blobs.iter().map(Vec::len).sum::<usize>();
            self.batch.blobs.extend_from_slice(&job.blobs);
        }
        if let Some(key) = &job.key
            && to > from
        {
            let remembered = Remembered { from, to };
            let body = serde_json::to_vec(&remembered).map_err(|error| SubmitError::Unavailable(error.to_string()))?;
            self.batch.answers.push(Answer { key: key.clone(), body });
            self.keys.insert(key.clone(), remembered);
        }
        Ok(Decided { position: to, events, repeated: false })
    }

    fn remembered(&self, key: &str) -> Result<Option<(Remembered, Place<'_>)>, SubmitError> {
        if let Some(it) = self.keys.get(key) {
            return Ok(Some((*it, Place::Here)));
        }
        if let Some((it, below)) = self.below.as_deref().and_then(|below| Some((below.keys.get(key)?, below))) {
            return Ok(Some((*it, Place::Below(below))));
        }
        let unavailable = |error: String| SubmitError::Unavailable(error);
        let stored = self.means.ledger.answer(key).map_err(|error| unavailable(error.to_string()))?;
        let stored = stored.map(|body| serde_json::from_slice(&body).map_err(|error| unavailable(error.to_string())));
        Ok(stored.transpose()?.map(|it| (it, Place::Ledger)))
    }

    /// Entries that were written for a remembered key, from the ledger, or from a batch that is not yet in it.
    fn read(&self, it: Remembered, place: Place<'_>) -> Result<Vec<Recorded>, SubmitError> {
        let unavailable = |error: String| SubmitError::Unavailable(error);
        let bodies = |from: u64, entries: &[NewEntry]| -> Vec<Vec<u8>> {
            let wanted = &entries[(it.from - from) as usize..(it.to - from) as usize];
            wanted.iter().map(|entry| entry.body.clone()).collect()
        };
        let bodies = match place {
            Place::Here => bodies(self.from, &self.batch.entries),
            Place::Below(below) => bodies(below.from, &below.batch.entries),
            Place::Ledger => {
                let entries = self.means.ledger.read(it.from, (it.to - it.from) as usize);
                entries.map_err(|error| unavailable(error.to_string()))?.into_iter().map(|it| it.body).collect()
            }
        };
        let decoded = bodies.iter().zip(it.from..).map(|(body, position)| {
            let record = Record::decode(body).map_err(|error| unavailable(error.to_string()))?;
            Ok(Recorded { position, at: record.at, event: record.event })
        });
        decoded.collect()
    }

    /// Carries out all commands, or none.
    fn carry_out(
        &mut self,
        commands: &[Command],
        ctx: &Context,
        sub: SubmissionId,
        origin: Option<&Origin>,
    ) -> Result<Vec<Recorded>, Refusal> {
        let (mark, concerned, bytes) = (self.batch.entries.len(), self.subjects.len(), self.bytes);
        let asked = self.batch.blobs.len();
        // A single command that is refused has changed nothing yet, so only several need a way back.
        let saved = (commands.len() > 1).then(|| self.world.clone());
        let mut recorded = Vec::new();
        for command in commands {
            if let Err(refusal) = self.follow(command, ctx, sub, &mut recorded) {
                if self.batch.entries.len() > mark {
                    self.batch.entries.truncate(mark);
                    self.kinds.truncate(mark);
                    self.subjects.truncate(concerned);
                    self.batch.blobs.truncate(asked);
                    self.bytes = bytes;
                    self.world = saved.unwrap_or_else(|| self.again());
                }
                self.record_refusal(command, &refusal, ctx, sub, origin);
                return Err(refusal);
            }
        }
        if !recorded.is_empty() {
            self.batch.rows.extend(origin.and_then(|origin| origin::row(&ctx.actor.by, sub, origin)));
        }
        Ok(recorded)
    }

    /// The world after the entries that are kept, folded from the beginning of the batch.
    fn again(&self) -> World {
        let mut world = self.before.clone();
        for entry in &self.batch.entries {
            let position = world.position;
            let record = Record::decode(&entry.body).expect("what was encoded a moment ago is decoded");
            core::apply(&mut world, &record.event, &Meta { position, at: record.at, by: record.by });
        }
        world
    }

    /// Decides a command and everything that follows from it, until quiet.
    fn follow(
        &mut self,
        command: &Command,
        ctx: &Context,
        sub: SubmissionId,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), Refusal> {
        let too_much = || {
            let message = format!("more than {FOLLOWING} entries would follow from this");
            Refusal::invalid("too-much-follows", message, "do it in smaller parts")
        };
        let rules = self.means.rules.clone();
        let events = rules.decide(&self.world, command, ctx)?;
        if recorded.len() + events.len() > FOLLOWING {
            return Err(too_much());
        }
        let mut follows: VecDeque<Command> = VecDeque::new();
        for event in events {
            follows.extend(self.add(rules.as_ref(), event, ctx.now, ctx.actor.by.clone(), sub, recorded));
        }
        if follows.is_empty() {
            return Ok(());
        }
        let system = ctx.as_system();
        while let Some(next) = follows.pop_front() {
            let events = match rules.decide(&self.world, &next, &system) {
                Ok(events) => events,
                Err(refusal) if refusal.kind == RefusalKind::Stale => continue,
                // Written down, and nothing follows from it.
                Err(refusal) => {
                    self.ask_again(&refusal);
                    self.add(rules.as_ref(), refused(&next, &refusal), ctx.now, By::System, sub, recorded);
                    continue;
                }
            };
            if recorded.len() + events.len() > FOLLOWING {
                return Err(too_much());
            }
            for event in events {
                follows.extend(self.add(rules.as_ref(), event, ctx.now, By::System, sub, recorded));
            }
        }
        Ok(())
    }

    /// Writes an event into the batch and into the world; what follows from it.
    fn add(
        &mut self,
        rules: &dyn Rules,
        event: Event,
        at: Timestamp,
        by: By,
        sub: SubmissionId,
        recorded: &mut Vec<Recorded>,
    ) -> Vec<Command> {
        let position = self.world.position;
        // What policies were asked is stored by the digest that the ruling names, so that it can be asked again.
        for asked in event.rulings().into_iter().filter_map(|(_, ruling)| ruling.asked.0.as_ref()) {
            self.bytes += asked.len();
            self.batch.blobs.push(asked.to_vec());
        }
        let record = Record { v: 1, at, by, sub, event };
        let body = record.encode();
        let meta = Meta { position, at, by: record.by };
        self.subjects.extend(core::apply(&mut self.world, &record.event, &meta));
        self.kinds.push(record.event.kind().to_owned());
        self.bytes += body.len();
        self.batch.entries.push(NewEntry { body });
        let follows = rules.react(&self.world, &record.event);
        recorded.push(Recorded { position, at, event: record.event });
        follows
    }

    /// Keeps what policies were asked for a refusal: the entry of it names the digest only.
    fn ask_again(&mut self, refusal: &Refusal) {
        self.batch.blobs.extend(refusal.ruling.as_ref().and_then(|it| it.asked.0.as_ref()).map(|it| it.to_vec()));
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
        if telling && ctx.actor.by != By::System {
            let rules = self.means.rules.clone();
            let event = refused(command, refusal);
            self.ask_again(refusal);
            self.batch.rows.extend(origin.and_then(|origin| origin::row(&ctx.actor.by, sub, origin)));
            self.add(rules.as_ref(), event, ctx.now, ctx.actor.by.clone(), sub, &mut Vec::new());
        }
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
