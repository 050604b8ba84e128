//! The eye through which handlers look at the world: one consistent snapshot, the names of people, the texts of notes, and what
//! the caller may do. Reads only.

use crate::{
    auth::Caller,
    problem::{Answer, Failure, blockers},
    state::App,
};
use interlock_domain::{
    core::{Actor, By, Command, Subject, World},
    reason::{self, NoteRef, Outcome},
};
use interlock_engine::Engine;
use interlock_ids::{AccountId, Digest, Kind, Name, ReleaseId};
use interlock_wire::reason::{Action, Ref, Ruling, Severity, Status, Subject as WireSubject, Verdict};
use jiff::Timestamp;
use std::sync::Arc;

#[derive(Clone)]
pub struct Lens {
    pub engine: Engine,
    pub world: Arc<World>,
    pub actor: Actor,
    pub account: Option<AccountId>,
    pub now: Timestamp,
    /// The world looked at is a former one: nothing can be done in it.
    pub past: bool,
    /// Accounts are called by their ids, and texts of people are left out: for what leaves the house.
    pub pseudonymous: bool,
}

impl Lens {
    pub fn new(app: &App, caller: &Caller) -> Self {
        let engine = app.engine().clone();
        let (world, now) = (engine.world(), engine.now());
        Self {
            engine,
            world,
            actor: caller.actor.clone(),
            account: Some(caller.account),
            now,
            past: false,
            pseudonymous: false,
        }
    }

    /// Looks as Interlock itself, for what is told without a caller.
    pub fn of_system(engine: &Engine) -> Self {
        let engine = engine.clone();
        let (world, now) = (engine.world(), engine.now());
        Self { engine, world, actor: Actor::system(), account: None, now, past: false, pseudonymous: false }
    }

    /// The same eye on a former world, at the moment of its last entry.
    pub fn at(mut self, world: Arc<World>, now: Timestamp) -> Self {
        (self.world, self.now, self.past) = (world, now, true);
        self
    }

    /// The same, with the clock at another moment.
    pub fn at_time(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Looks closely at a release: with what the world has dropped of it since it is over, read back from the ledger.
    pub fn close(mut self, release: ReleaseId) -> Answer<Self> {
        self.world = self.engine.details(&self.world, release).map_err(|error| {
            tracing::error!(%release, %error, "the details of a release cannot be read back");
            Failure::unavailable(format!("the details of {release} cannot be read back from the ledger: {error}"))
        })?;
        Ok(self)
    }

    /// The same, as if the caller had proved with a request who he is: for what he may do once he signs.
    pub fn signing(&self) -> Self {
        Self { actor: self.actor.clone().proving(interlock_domain::reason::Proof::Password), ..self.clone() }
    }

    pub fn person(&self, account: AccountId) -> Ref {
        Ref::new(account, self.name(account))
    }

    /// What to call an account.
    pub fn name(&self, account: AccountId) -> String {
        if self.pseudonymous { account.to_string() } else { self.engine.desk().name(account) }
    }

    pub fn people<'a>(&self, accounts: impl IntoIterator<Item = &'a AccountId>) -> Vec<Ref> {
        accounts.into_iter().map(|it| self.person(*it)).collect()
    }

    /// The text of a note; where it was redacted, that it was, and by which entry.
    pub fn note(&self, note: NoteRef) -> String {
        let redacted = || match self.world.people.redacted.get(&note.id) {
            Some(position) => format!("(redacted, see entry {position})"),
            None => "(erased)".into(),
        };
        self.text(note).unwrap_or_else(redacted)
    }

    /// The text of a note, if it is there and may be told.
    pub fn text(&self, note: NoteRef) -> Option<String> {
        if self.pseudonymous { None } else { self.engine.desk().note(note.id) }
    }

    pub fn release(&self, id: ReleaseId) -> Ref {
        Ref::new(id, self.world.release.release(id).map_or_else(|| id.to_string(), |it| it.spec.name.to_string()))
    }

    /// What people call a build.
    pub fn version(&self, digest: &Digest) -> String {
        self.world.artifact.artifact(digest).map_or_else(|| short(digest), |it| it.version.clone())
    }

    pub fn by(&self, by: &By) -> WireSubject {
        let (kind, id, name) = match by {
            By::Account(id) => ("account", id.to_string(), self.name(*id)),
            By::Runner(name) => ("runner", name.to_string(), format!("runner {name}")),
            By::System => ("system", "system".into(), "Interlock".into()),
        };
        WireSubject { kind: kind.into(), id, name }
    }

    pub fn subject(&self, subject: &Subject) -> WireSubject {
        let (kind, id, name) = match subject {
            Subject::Account(id) => ("account", id.to_string(), self.name(*id)),
            Subject::Service(name) => ("service", name.to_string(), name.to_string()),
            Subject::Calendar(name) => ("calendar", name.to_string(), name.to_string()),
            Subject::Environment(name) => ("environment", name.to_string(), name.to_string()),
            Subject::Artifact(digest) => {
                let name = self
                    .world
                    .artifact
                    .artifact(digest)
                    .map_or_else(|| short(digest), |it| format!("{} {}", it.service, it.version));
                ("artifact", digest.to_string(), name)
            }
            Subject::Change(id) => {
                let name =
                    self.world.change.change(*id).map_or_else(|| id.to_string(), |it| self.release(it.release).name);
                ("change", id.to_string(), name)
            }
            Subject::Release(id) => ("release", id.to_string(), self.release(*id).name),
            Subject::Deployment(id) => {
                let name = self
                    .world
                    .deployment
                    .deployment(*id)
                    .map_or_else(|| id.to_string(), |it| self.release(it.release).name);
                ("deployment", id.to_string(), name)
            }
        };
        WireSubject { kind: kind.into(), id, name }
    }

    /// An action, by trying out the command that would carry it out.
    pub fn action(
        &self,
        name: &str,
        label: &str,
        effect: impl Into<String>,
        needs_reason: bool,
        command: &Command,
    ) -> Action {
        if self.past {
            return Action {
                name: name.into(),
                label: label.into(),
                allowed: false,
                reasons: vec![interlock_wire::reason::Blocker {
                    code: "past".into(),
                    message: "this is how it was; nothing can be done in the past".into(),
                    clears: "look at it as it is now".into(),
                    who: vec!["you".into()],
                    by: None,
                }],
                effect: effect.into(),
                needs_reason,
            };
        }
        let reasons = match self.engine.try_in(&self.world, &self.actor, command) {
            Ok(_) => Vec::new(),
            Err(refusal) => self.name_people(blockers(&refusal.blockers)),
        };
        Action {
            name: name.into(),
            label: label.into(),
            allowed: reasons.is_empty(),
            reasons,
            effect: effect.into(),
            needs_reason,
        }
    }

    /// Blockers with accounts by the names people use.
    pub fn blockers(&self, all: &[reason::Blocker]) -> Vec<interlock_wire::reason::Blocker> {
        self.name_people(blockers(all))
    }

    fn name_people(&self, mut all: Vec<interlock_wire::reason::Blocker>) -> Vec<interlock_wire::reason::Blocker> {
        for it in &mut all {
            it.message = self.with_names(&it.message);
            it.clears = self.with_names(&it.clears);
            it.who.iter_mut().for_each(|who| *who = self.with_names(who));
        }
        all
    }

    /// A text in which ids of accounts are replaced by names.
    pub fn with_names(&self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("acc_") {
            let end =
                at + rest[at..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len() - at);
            named.push_str(&rest[..at]);
            // A pseudonym is made of the id, and is a name already.
            if named.trim_end().ends_with(interlock_engine::ERASED) {
                named.push_str(&rest[at..end]);
                rest = &rest[end..];
                continue;
            }
            match rest[at..end].parse::<AccountId>() {
                Ok(id) => named.push_str(&self.name(id)),
                Err(_) => named.push_str(&rest[at..end]),
            }
            rest = &rest[end..];
        }
        named.push_str(rest);
        named
    }

    pub fn ruling(&self, it: &reason::Ruling) -> Ruling {
        Ruling {
            verdict: verdict(it.outcome),
            policy_set: it.policy_set.clone(),
            facts_digest: it.facts.clone(),
            policies: it.policies.clone(),
            blockers: self.blockers(&it.blockers),
        }
    }

    /// Stands for a text that is not written yet, when something is only tried out.
    pub fn no_note(&self) -> NoteRef {
        NoteRef { id: self.engine.fresh(), digest: Digest([0; 32]) }
    }

    pub fn fresh<K: Kind>(&self) -> interlock_ids::Id<K> {
        self.engine.fresh()
    }
}

pub fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Pass => Verdict::Pass,
        Outcome::Fail => Verdict::Fail,
        Outcome::Inconclusive => Verdict::Inconclusive,
    }
}

/// A digest as people recognise it.
pub fn short(digest: &Digest) -> String {
    digest.to_string().chars().skip("sha256:".len()).take(12).collect()
}

pub fn named(name: &Name) -> Ref {
    Ref::new(name, name.as_str())
}

pub fn words(names: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    names.into_iter().map(|it| it.to_string()).collect()
}

pub fn status(value: &str, severity: Severity, is_terminal: bool) -> Status {
    let label = value.replace('_', " ");
    let mut letters = label.chars();
    let label = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default();
    Status::new(value, label, severity, is_terminal)
}
