//! Given, when, then: a world for tests, built by submitting commands the way the shell does.
//!
//! `Given::new()` is founded, has the shipped policies and an administrator. Reactions are carried out until quiet; one that is
//! refused (other than as stale) is a defect and panics.

use crate::{
    catalog::{self, Criticality, Metrics, Service},
    core::{self, Actor, Command, Context, Event, Meta, World},
    environment::{self, Deployers, Environment, Target, Tier},
    people::{self, AccountKind, AccountSpec},
    policy,
    reason::{NoteRef, Outcome, Refusal, RefusalKind},
    rollback,
};
use interlock_ids::{AccountId, Digest, Fresh, Id, Identity, Kind, Name, ReleaseId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// The moment at which every test begins: Monday, 2 March 2026, 09:00 UTC.
pub const START: &str = "2026-03-02T09:00:00Z";

#[derive(Clone)]
pub struct Given {
    pub world: World,
    pub now: Timestamp,
    accounts: BTreeMap<String, AccountId>,
    submissions: u64,
    made: u64,
}

pub fn name(text: &str) -> Name {
    text.parse().expect("a test uses names")
}

pub fn names(all: &[&str]) -> std::collections::BTreeSet<Name> {
    all.iter().map(|it| name(it)).collect()
}

pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a test uses timestamps")
}

/// A digest that stands for some bytes.
pub fn digest(seed: u8) -> Digest {
    Digest([seed; 32])
}

/// The stand-in for the address `seed` of somebody.
pub fn identity(seed: u8) -> Identity {
    Identity([seed; 32])
}

impl Given {
    /// Compiling the policies takes longer than any test, so it is done once.
    pub fn new() -> Self {
        static FOUNDED: std::sync::OnceLock<Given> = std::sync::OnceLock::new();
        FOUNDED.get_or_init(Self::found).clone()
    }

    fn found() -> Self {
        let mut given =
            Self { world: World::default(), now: time(START), accounts: BTreeMap::new(), submissions: 0, made: 0 };
        let setup = digest(255);
        let until = given.now + SignedDuration::from_hours(1);
        given.system(people::Command::Found {
            organisation: "Test".into(),
            time_zone_data: "test".into(),
            setup,
            setup_until: until,
        });
        given.system(policy::Command::Install { packs: interlock_policy::shipped() });
        let account = given.fresh();
        given.accounts.insert("admin".into(), account);
        let spec = AccountSpec {
            kind: AccountKind::Human,
            roles: Default::default(),
            groups: Default::default(),
            identities: Default::default(),
        };
        given.system(people::Command::ClaimSetup { secret: setup, account, spec });
        given
    }

    /// Moves the clock to a moment.
    pub fn at(&mut self, moment: &str) -> &mut Self {
        self.now = time(moment);
        self
    }

    /// Moves the clock on.
    pub fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(seconds);
        self
    }

    /// An id no one has used.
    pub fn fresh<K: Kind>(&mut self) -> Id<K> {
        self.made += 1;
        let mut random = [0xff; 10];
        random[2..].copy_from_slice(&self.made.to_be_bytes());
        Id::new(self.now.as_millisecond() as u64, random)
    }

    pub fn note(&mut self) -> NoteRef {
        let id = self.fresh();
        NoteRef { id, digest: digest(200) }
    }

    /// A person's account with roles; the group `team` has everybody. Again: changes the roles.
    pub fn account(&mut self, who: &str, roles: &[&str]) -> &mut Self {
        self.person(who, roles, &[])
    }

    /// As `account`, with the addresses the person commits with.
    pub fn person(&mut self, who: &str, roles: &[&str], identities: &[Identity]) -> &mut Self {
        let spec = AccountSpec {
            kind: AccountKind::Human,
            roles: names(roles),
            groups: names(&["team"]),
            identities: identities.iter().copied().collect(),
        };
        self.put_account(who, spec)
    }

    /// A robot's account.
    pub fn robot(&mut self, who: &str, owner: &str, identities: &[Identity]) -> &mut Self {
        let owner = self.id(owner);
        let spec = AccountSpec {
            kind: AccountKind::Robot { owner },
            roles: Default::default(),
            groups: Default::default(),
            identities: identities.iter().copied().collect(),
        };
        self.put_account(who, spec)
    }

    fn put_account(&mut self, who: &str, spec: AccountSpec) -> &mut Self {
        let account = match self.accounts.get(who) {
            Some(id) => *id,
            None => self.fresh(),
        };
        self.accounts.insert(who.into(), account);
        self.ok("admin", people::Command::PutAccount { account, spec });
        self
    }

    pub fn id(&self, who: &str) -> AccountId {
        *self.accounts.get(who).unwrap_or_else(|| panic!("no account was given for `{who}`"))
    }

    pub fn actor(&self, who: &str) -> Actor {
        if who == "system" { Actor::system() } else { Actor::account(self.id(who)) }
    }

    /// A service of group `team` that needs others.
    pub fn service(&mut self, service: &str, needs: &[&str]) -> &mut Self {
        self.service_worth(service, needs, Criticality::default())
    }

    pub fn service_worth(&mut self, service: &str, needs: &[&str], criticality: Criticality) -> &mut Self {
        let service = Service {
            name: name(service),
            owner: name("team"),
            description: String::new(),
            criticality,
            depends_on: names(needs),
            repository: None,
            metrics: Metrics::default(),
        };
        self.ok("admin", catalog::Command::PutServices { services: vec![service] });
        self
    }

    /// An environment with targets `<service>-1` to `<service>-<n>`; `production` is production-like, for role `deployer`.
    pub fn environment(&mut self, environment: &str, tier: Tier, targets: &[(&str, usize)]) -> &mut Self {
        let target = |service: &str, number: usize| Target {
            name: name(&format!("{service}-{number}")),
            address: format!("http://{service}-{number}.test"),
            services: names(&[service]),
            labels: BTreeMap::new(),
            params: BTreeMap::new(),
            runner: BTreeMap::new(),
        };
        let environment = Environment {
            name: name(environment),
            tier,
            production_like: tier == Tier::Production,
            labels: BTreeMap::new(),
            deployers: Deployers { roles: names(&["deployer"]), groups: Default::default() },
            targets: targets
                .iter()
                .flat_map(|(service, count)| (1..=*count).map(move |number| target(service, number)))
                .collect(),
        };
        self.ok("admin", environment::Command::PutEnvironment { environment });
        self
    }

    /// What would happen, without its happening.
    pub fn would(&self, actor: &Actor, command: impl Into<Command>) -> Result<Vec<Event>, Refusal> {
        core::decide(&self.world, &command.into(), &self.context(actor.clone()))
    }

    fn context(&self, actor: Actor) -> Context {
        Context {
            now: self.now,
            actor,
            ids: Fresh::new(self.now.as_millisecond() as u64, self.submissions.to_be_bytes()),
        }
    }

    /// Carries a command out, and all that follows from it; the events in order.
    pub fn submit(&mut self, actor: &Actor, command: impl Into<Command>) -> Result<Vec<Event>, Refusal> {
        self.submissions += 1;
        let ctx = self.context(actor.clone());
        let mut happened = self.carry_out(&command.into(), &ctx)?;
        let system = ctx.as_system();
        let mut queue: VecDeque<Command> = VecDeque::new();
        let mut seen = 0;
        loop {
            while seen < happened.len() {
                queue.extend(core::react(&self.world, &happened[seen]));
                seen += 1;
            }
            let Some(next) = queue.pop_front() else { return Ok(happened) };
            match self.carry_out(&next, &system) {
                Ok(events) => happened.extend(events),
                Err(refusal) if refusal.kind == RefusalKind::Stale => {}
                Err(refusal) => panic!("what followed was refused: {next:?}: {refusal:#?}"),
            }
            assert!(happened.len() < 10_000, "reactions do not come to rest: {next:?}");
        }
    }

    /// Writes down that something has happened, without asking whether it may and without what would follow from it.
    pub fn record(&mut self, event: impl Into<Event>) -> &mut Self {
        let meta = Meta { position: self.world.position, at: self.now, by: core::By::System };
        core::apply(&mut self.world, &event.into(), &meta);
        self
    }

    /// Writes down that a rollback of a release began and ended; the event of its end.
    pub fn taken_back(&mut self, release: ReleaseId, outcome: Outcome) -> Event {
        let (rollback, of, undo) = (self.fresh(), self.fresh(), self.fresh());
        let environment = name("prod");
        let cause = rollback::Cause::Trigger { trigger: name("errors") };
        let started = rollback::Started {
            rollback,
            release,
            of,
            undo,
            environment,
            cause,
            reason: None,
            criteria: Vec::new(),
            ruling: None,
        };
        self.record(rollback::Event::Started(started));
        let ended = Event::Rollback(rollback::Event::Ended(rollback::Ended {
            rollback,
            outcome,
            results: Vec::new(),
            evidence: None,
        }));
        self.record(ended.clone());
        ended
    }

    fn carry_out(&mut self, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
        let events = core::decide(&self.world, command, ctx)?;
        for event in &events {
            let meta = Meta { position: self.world.position, at: ctx.now, by: ctx.actor.by.clone() };
            core::apply(&mut self.world, event, &meta);
        }
        Ok(events)
    }

    /// Carries out what must be possible.
    #[track_caller]
    pub fn ok(&mut self, who: &str, command: impl Into<Command>) -> Vec<Event> {
        let actor = self.actor(who);
        self.submit(&actor, command).unwrap_or_else(|refusal| panic!("{who} was refused: {refusal:#?}"))
    }

    /// Carries out, as Interlock itself, what must be possible.
    #[track_caller]
    pub fn system(&mut self, command: impl Into<Command>) -> Vec<Event> {
        self.ok("system", command)
    }

    /// Tries what must be refused.
    #[track_caller]
    pub fn refused(&mut self, who: &str, command: impl Into<Command>) -> Refusal {
        let actor = self.actor(who);
        let before = self.world.position;
        match self.submit(&actor, command) {
            Ok(events) => panic!("{who} was not refused: {events:#?}"),
            Err(refusal) => {
                assert_eq!(self.world.position, before, "a refusal changes nothing");
                assert!(!refusal.blockers.is_empty(), "a refusal names what stands in the way");
                refusal
            }
        }
    }
}

/// A release of some items into an environment, with nothing special about it.
pub fn spec(title: &str, environment: &str, items: &[(&str, Digest)], summary: NoteRef) -> crate::release::Spec {
    use crate::release::{Item, Model, RollbackPlan, Spec, WatchSpec};
    Spec {
        name: name(title),
        summary,
        class: crate::change::Class::Normal,
        environment: name(environment),
        items: items.iter().map(|(service, digest)| Item { service: name(service), digest: *digest }).collect(),
        pipeline: name("standard"),
        model: Model::BigBang,
        length_s: 3600,
        triggers: Vec::new(),
        rollback: RollbackPlan::default(),
        watch: WatchSpec { length_s: 600, interval_s: 10 },
        criteria: Vec::new(),
    }
}

/// An artifact of a service, built from one commit by `author`.
pub fn artifact(service: &str, version: u8, author: Identity, co_authors: &[Identity]) -> crate::artifact::Artifact {
    use crate::artifact::{Artifact, Commit, Source};
    let sha = format!("{version:040x}");
    let commit = Commit {
        sha: sha.clone(),
        author,
        committer: author,
        co_authors: co_authors.to_vec(),
        at: time(START),
        committed: None,
    };
    let source = Source {
        repository: format!("/srv/{service}"),
        commit: sha,
        since: None,
        commits: vec![commit],
        details: digest(201),
    };
    Artifact {
        digest: digest(version),
        service: name(service),
        version: format!("1.{version}"),
        size: 10,
        signature: None,
        source: Some(source),
    }
}

/// The codes of a refusal's blockers, in their order.
pub fn codes(refusal: &Refusal) -> Vec<&str> {
    refusal.blockers.iter().map(|it| it.code.as_str()).collect()
}

macro_rules! from_room {
    ($($room:ident $variant:ident),*) => {$(
        impl From<crate::$room::Command> for Command {
            fn from(command: crate::$room::Command) -> Self {
                Command::$variant(command)
            }
        }
        impl From<crate::$room::Event> for Event {
            fn from(event: crate::$room::Event) -> Self {
                Event::$variant(event)
            }
        }
    )*};
}
from_room!(
    policy Policy, people People, intake Intake, catalog Catalog, calendar Calendar, environment Environment, runner Runner,
    artifact Artifact, change Change,
    release Release, deployment Deployment, verification Verification, operations Operations, rollback Rollback, learning Learning
);
