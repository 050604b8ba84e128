//! The organisation that is simulated: who there is, what they ship, where.

use super::{Sim, node};
use crate::house::{digest, name, names, time};
use interlock_domain::{
    artifact::{self, Artifact, Commit, Signature, SigningKey, Source},
    calendar::{self, Calendar, Schedule, Window, WindowKind, WindowScope},
    catalog::{self, Criticality, Metrics, Service},
    core::{Actor, Command},
    deployment::{self, OnRollback, Phase, Pipeline, PipelineStep, ProgramStep, Run, TrafficStep},
    environment::{self, Deployers, Environment, Target, Tier},
    people::{self, AccountKind, AccountSpec},
    policy,
    reason::NoteRef,
};
use interlock_engine::round::{Round, Submission};
use interlock_ids::{AccountId, Digest, Fresh, Id, Identity, Kind, Name};
use interlock_ledger::Ledger as _;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// People by what they are called, with their roles. Some have two roles that must not meet in one change.
const PEOPLE: [(&str, &[&str]); 19] = [
    ("rita", &["release-manager"]),
    ("ravi", &["release-manager", "environment-manager"]),
    ("rex", &["release-manager", "developer", "approver"]),
    ("dana", &["developer"]),
    ("dov", &["developer"]),
    ("dina", &["developer", "deployer"]),
    ("erik", &["developer", "approver"]),
    ("edda", &["developer", "approver", "release-manager"]),
    ("amir", &["approver"]),
    ("bea", &["approver"]),
    ("cleo", &["approver"]),
    ("olu", &["deployer", "on-call"]),
    ("omar", &["deployer", "on-call"]),
    ("ola", &["deployer", "approver"]),
    ("otto", &["on-call"]),
    ("emil", &["environment-manager", "developer"]),
    // Other accounts of dana and dov, whose links are entered now or later.
    ("dana-ops", &["approver", "deployer"]),
    ("dov-ops", &["approver", "release-manager"]),
    ("lena", &["deployer"]),
];

/// Who writes code: addresses `<who>@example.org`. `nobody` belongs to no account.
pub const WRITERS: [&str; 9] = ["dana", "dov", "dina", "erik", "edda", "rex", "emil", "bot", "nobody"];
pub const SERVICES: [(&str, u64, &[&str]); 5] = [
    ("ledgerbook", 800, &[]),
    ("payments", 250_000, &["ledgerbook"]),
    ("catalogue", 900, &[]),
    ("checkout", 90_000, &["payments", "catalogue"]),
    ("storefront", 400, &["checkout", "catalogue"]),
];
pub const PLACES: [&str; 3] = ["production", "staging", "playground"];
const PUBLIC_KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

#[derive(Default)]
pub struct Cast {
    pub accounts: BTreeMap<String, AccountId>,
    /// Links that are still to be entered.
    pub unlinked: Vec<(String, String)>,
    pub builds: BTreeMap<Name, Vec<Digest>>,
    /// Services to be built anew, because the key of their builds was revoked.
    pub rebuild: Vec<Name>,
    pub key: u32,
    pub number: u64,
}

pub fn identity(who: &str) -> Identity {
    Identity(Sha256::digest(format!("{who}@example.org")).into())
}

impl Sim {
    pub(super) fn fresh<K: Kind>(&mut self) -> Id<K> {
        let millis = u64::try_from(self.now()).unwrap_or_default();
        Fresh::new(millis, self.random.next().to_le_bytes()).id()
    }

    pub(super) fn note(&mut self) -> NoteRef {
        NoteRef { id: self.fresh(), digest: digest(9) }
    }

    /// Carries out what must be possible, before anything can fail.
    fn must(&mut self, actor: Actor, commands: Vec<Command>) {
        let means = self.nodes[0].means.clone();
        let mut round = Round::new(means, &self.nodes[0].world);
        let said = round.decide(&Submission { actor, commands: commands.clone(), key: None });
        if let Err(error) = said {
            panic!("an organisation cannot be founded: {error} by {commands:?}");
        }
        self.ledger.append(round.from, &round.batch).expect("nobody else appends yet");
        for (entry, position) in round.batch.entries.iter().zip(round.from..) {
            self.auditor.entry(position, &entry.body);
        }
        self.nodes[0].world = round.world;
    }

    pub(super) fn found_an_organisation(&mut self) {
        let setup = digest(255);
        let founded = people::Command::Found {
            organisation: "Brightwater".into(),
            time_zone_data: "simulated".into(),
            setup,
            setup_until: self.at().checked_add(jiff::SignedDuration::from_hours(1)).unwrap_or(self.at()),
        };
        let packs = self.setting.planted.map_or_else(interlock_policy::shipped, |it| it.packs());
        self.must(Actor::system(), vec![Command::People(founded)]);
        self.must(Actor::system(), vec![Command::Policy(policy::Command::Install { packs })]);
        let admin: AccountId = self.fresh();
        self.cast.accounts.insert("admin".into(), admin);
        let nothing = AccountSpec {
            kind: AccountKind::Human,
            roles: Default::default(),
            groups: Default::default(),
            identities: Default::default(),
        };
        let claim = people::Command::ClaimSetup { secret: setup, account: admin, spec: nothing };
        self.must(Actor::system(), vec![Command::People(claim)]);
        for (who, roles) in PEOPLE {
            let account = self.fresh();
            self.cast.accounts.insert(who.into(), account);
            let command =
                Command::People(people::Command::PutAccount { account, spec: spec_of(who, roles, AccountKind::Human) });
            self.must(Actor::account(admin), vec![command]);
        }
        // A robot that keeps dependencies up to date; an approver answers for it.
        let (bot, owner) = (self.fresh(), self.cast.accounts["amir"]);
        self.cast.accounts.insert("bot".into(), bot);
        let robot = spec_of("bot", &["developer"], AccountKind::Robot { owner });
        self.must(
            Actor::account(admin),
            vec![Command::People(people::Command::PutAccount { account: bot, spec: robot })],
        );
        self.cast.unlinked = vec![("dana".into(), "dana-ops".into()), ("dov".into(), "dov-ops".into())];
        if self.random.chance(0.5) {
            let (a, b) = self.cast.unlinked.remove(0);
            let (a, b) = (self.cast.accounts[&a], self.cast.accounts[&b]);
            self.must(Actor::account(admin), vec![Command::People(people::Command::LinkAccounts { a, b })]);
        }
        self.furnish(admin);
        let world = self.nodes[0].world.clone();
        for it in self.nodes.iter_mut().skip(1) {
            it.world = world.clone();
            node::fold(it.means.ledger.as_ref(), &mut it.world);
        }
    }

    fn furnish(&mut self, admin: AccountId) {
        let by = || Actor::account(admin);
        let services: Vec<Service> = SERVICES.iter().map(|(it, users, needs)| service(it, *users, needs)).collect();
        self.must(by(), vec![Command::Catalog(catalog::Command::PutServices { services })]);
        for (index, place) in PLACES.iter().enumerate() {
            let environment = place_of(place, index);
            for target in &environment.targets {
                self.outside.addresses.insert((environment.name.clone(), target.name.clone()), target.address.clone());
            }
            self.must(by(), vec![Command::Environment(environment::Command::PutEnvironment { environment })]);
        }
        let key = SigningKey { name: name("key-0"), public_key: PUBLIC_KEY.into(), revoked: false };
        self.must(by(), vec![Command::Artifact(artifact::Command::PutKey { key })]);
        for pipeline in [pipeline("instances", 3, true), pipeline("careful", 1, false)] {
            self.must(by(), vec![Command::Deployment(deployment::Command::PutPipeline { pipeline })]);
        }
        let calendar = self.calendar();
        self.must(by(), vec![Command::Calendar(calendar::Command::PutCalendar { calendar })]);
        for (service, _, _) in SERVICES {
            let artifact = self.build(&name(service), 0.001);
            let digest = artifact.digest;
            let rita = Actor::account(self.cast.accounts["rita"]);
            self.must(rita, vec![Command::Artifact(artifact::Command::Register { artifact })]);
            for (index, place) in PLACES.iter().enumerate() {
                let environment = name(place);
                let targets = place_of(place, index).targets;
                let found: Vec<_> = targets
                    .iter()
                    .filter(|it| it.services.contains(&name(service)))
                    .map(|it| (name(service), it.name.clone(), digest))
                    .collect();
                for (service, target, digest) in &found {
                    self.outside.install(&environment, target, service, *digest);
                }
                let command = deployment::Command::RecordInstalled { environment, found };
                self.must(by(), vec![Command::Deployment(command)]);
            }
        }
    }

    /// A build of a service, written by one or two people; `errors` is what it will do.
    pub(super) fn build(&mut self, service: &Name, errors: f64) -> Artifact {
        self.cast.number += 1;
        let number = self.cast.number;
        let digest = Digest(Sha256::digest(format!("{service} {number}")).into());
        self.outside.build(digest, errors);
        self.cast.builds.entry(service.clone()).or_default().push(digest);
        let writer = |random: &mut super::Random| {
            let most = if random.chance(0.3) { WRITERS.len() } else { WRITERS.len() - 1 };
            identity(WRITERS[random.below(most)])
        };
        let author = writer(&mut self.random);
        let co_authors = if self.random.chance(0.4) { vec![writer(&mut self.random)] } else { Vec::new() };
        let at = time("2026-01-05T10:00:00Z");
        let sha = hex::encode(&digest.0[..20]);
        let commit = Commit { sha: sha.clone(), author, committer: author, co_authors, at, committed: None };
        let repository = format!("/srv/{service}.git");
        let source = Source { repository, commit: sha, since: None, commits: vec![commit], details: digest };
        let key = name(&format!("key-{}", self.cast.key));
        Artifact {
            digest,
            service: service.clone(),
            version: format!("1.{number}"),
            size: 1_000,
            signature: Some(Signature { key, text: "untrusted comment: simulated".into() }),
            source: self.random.chance(0.93).then_some(source),
        }
    }

    /// A calendar with a window more that begins in a moment and is over within the hour.
    pub(super) fn calendar_that_closes(&mut self, services: &[Name]) -> Calendar {
        let mut calendar = self.calendar();
        let start = self.now() + self.random.between(0, 240) * 1_000;
        let at = |millis| jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        let schedule = Schedule::Once { start: at(start), end: at(start + self.random.between(8, 40) * 60_000) };
        let mut scope = WindowScope::default();
        if self.random.chance(0.6) {
            scope.services.extend(services.iter().cloned());
        }
        let (kind, reason) = (WindowKind::Freeze, String::new());
        calendar.windows.push(Window { name: name("at-once"), kind, schedule, scope, reason, customer: None });
        calendar
    }

    /// Windows as organisations have them: freezes at weekends and at night, maintenance for some, holidays, a zone with DST.
    pub(super) fn calendar(&mut self) -> Calendar {
        let zones = ["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"];
        let zone = zones[self.random.below(zones.len())];
        let mut windows = Vec::new();
        let mut window = |it: &str, kind, schedule, scope| {
            windows.push(Window { name: name(it), kind, schedule, scope, reason: String::new(), customer: None });
        };
        let production = WindowScope { tiers: names(&["production"]), ..WindowScope::default() };
        let of = |services: &[&str]| WindowScope { services: names(services), ..production.clone() };
        let begin = self.random.between(0, 23);
        let night = recurring(&format!("2026-01-01T{begin:02}:30:00"), zone, 3_600 * 3, "FREQ=DAILY");
        window("quiet-hours", WindowKind::Freeze, night, production.clone());
        if self.random.chance(0.4) {
            let weekend = recurring("2026-01-02T20:00:00", zone, 3_600 * 50, "FREQ=WEEKLY;BYDAY=FR");
            window("weekend", WindowKind::Freeze, weekend, of(&["payments", "ledgerbook"]));
        }
        let hour = self.random.between(0, 20);
        let start = format!("2026-01-05T{hour:02}:15:00");
        let rule = if self.random.chance(0.5) { "FREQ=DAILY" } else { "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,SA,SU" };
        window("maintenance", WindowKind::Maintenance, recurring(&start, zone, 3_600 * 9, rule), of(&["catalogue"]));
        for number in 0..self.random.below(4) {
            let start = self.now() + self.random.between(1, 30) * 3_600_000;
            let at = |millis| jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
            let length = self.random.between(1, 5) * 3_600_000;
            let once = Schedule::Once { start: at(start), end: at(start + length) };
            let scope = if self.random.chance(0.5) { production.clone() } else { of(&["checkout", "storefront"]) };
            window(&format!("holiday-{number}"), WindowKind::Holiday, once, scope);
        }
        Calendar { name: name("house"), owner: name("team"), source: "manifest".into(), windows }
    }
}

fn recurring(start: &str, zone: &str, length_s: u32, rule: &str) -> Schedule {
    Schedule::Recurring {
        start: start.parse().expect("a constant is a time"),
        zone: zone.into(),
        length_s,
        rule: rule.into(),
        plus: Vec::new(),
        except: Vec::new(),
    }
}

/// What an account is by its name and roles; everybody but lena is in the group of deployers' places.
pub fn spec_of(who: &str, roles: &[&str], kind: AccountKind) -> AccountSpec {
    let groups = if who == "lena" { names(&["elsewhere"]) } else { names(&["team"]) };
    AccountSpec { kind, roles: names(roles), groups, identities: [identity(who)].into() }
}

/// The roles somebody has at the beginning.
pub fn roles_of(who: &str) -> &'static [&'static str] {
    PEOPLE.iter().find(|(name, _)| *name == who).map_or(&[], |(_, roles)| *roles)
}

fn service(it: &str, users: u64, needs: &[&str]) -> Service {
    Service {
        name: name(it),
        owner: name("team"),
        description: String::new(),
        criticality: Criticality { users, revenue_per_hour: users / 100, data_classes: Default::default() },
        depends_on: names(needs),
        repository: None,
        metrics: Metrics::default(),
    }
}

/// Production has three targets for each service, staging two, the playground one.
fn place_of(place: &str, index: usize) -> Environment {
    let targets = SERVICES.iter().flat_map(|(service, _, _)| {
        (1..=3 - index).map(move |n| Target {
            name: name(&format!("{service}-{n}")),
            address: format!("http://{service}-{n}.{place}.test"),
            services: names(&[service]),
            labels: BTreeMap::new(),
            params: BTreeMap::new(),
            runner: BTreeMap::new(),
        })
    });
    let tier = [Tier::Production, Tier::Staging, Tier::Test][index];
    Environment {
        name: name(place),
        tier,
        production_like: index == 0,
        labels: BTreeMap::new(),
        deployers: Deployers { roles: Default::default(), groups: names(&["team"]) },
        targets: targets.collect(),
    }
}

fn pipeline(it: &str, max_parallel: u32, repeatable: bool) -> Pipeline {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let traffic = |weight: &str| {
        Run::Traffic(TrafficStep {
            router: "http://router.test".into(),
            pool: "${service}".into(),
            server: "${target.name}".into(),
            weight: weight.into(),
        })
    };
    let deploy = Run::Program(ProgramStep {
        check: None,
        apply: words(&["/bin/deploy", "${artifact.digest}"]),
        verify: None,
        undo: Some(words(&["/bin/deploy"])),
        env: BTreeMap::new(),
        repeatable,
        artifact: true,
    });
    let step = |step: &str, phase, run, attempts, on_rollback| PipelineStep {
        name: name(step),
        phase,
        run,
        timeout_s: 40,
        attempts,
        attempts_back: None,
        on_rollback,
        on_revocation: Default::default(),
        runner: BTreeMap::new(),
    };
    Pipeline {
        name: name(it),
        max_parallel,
        ahead: 1,
        steps: vec![
            step("drain", Phase::Deploy, traffic("0"), 2, OnRollback::Apply),
            step("deploy", Phase::Deploy, deploy, 2, OnRollback::Undo),
            step("canary", Phase::Deploy, traffic("${wave.weight}"), 1, OnRollback::Skip),
            step("traffic", Phase::Settle, traffic("${wave.weight}"), 2, OnRollback::Apply),
        ],
    }
}
