//! Performing what is owed, with simulated time and targets that say what the test wants: the judge's verdict, the watch, the
//! criteria of a rollback, over restarts. Entries are written to the ledger directly, so that each test is about one obligation.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use async_trait::async_trait;
use interlock_domain::{
    catalog::{Metrics, Service},
    core::{self, Actor, By, Command, Event, Record},
    deployment,
    environment::{Deployers, Environment, Target, Tier},
    operations, release, rollback, verification,
};
use interlock_engine::{
    Clock, Engine, Options, Sources,
    ports::{Meter, Ports, Probe, Reading, Tally, Unread},
};
use interlock_ids::{Digest, Fresh, Name};
use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A clock that follows the runtime's simulated time, also for the thread that writes, which is none of the runtime's.
struct Simulated(Timestamp, Instant, tokio::runtime::Handle);

impl Simulated {
    fn begin() -> Arc<Self> {
        Arc::new(Self("2026-03-02T09:00:00Z".parse().unwrap(), Instant::now(), tokio::runtime::Handle::current()))
    }
}

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        let _inside = self.2.enter();
        self.0 + SignedDuration::try_from(self.1.elapsed()).unwrap()
    }
}

/// What a target says after so many seconds: requests, errors, and the share of requests within 100 ms; `None`: nothing.
type Says = dyn Fn(&str, f64) -> Option<(f64, f64, f64)> + Send + Sync;

/// What a target answers at an address after so many seconds.
type Answers = dyn Fn(&str, f64) -> Result<(u16, &'static str), Unread> + Send + Sync;

struct World {
    clock: Arc<Simulated>,
    says: Box<Says>,
    answers: Box<Answers>,
}

#[async_trait]
impl Meter for World {
    async fn read(&self, _: &Name, address: &str, _: &Metrics) -> Result<Reading, Unread> {
        let elapsed = self.clock.1.elapsed().as_secs_f64();
        let (requests, errors, quick) = (self.says)(address, elapsed).ok_or_else(|| Unread("silent".into()))?;
        let latency =
            vec![(0.1, (requests * quick).floor()), (1.0, requests.floor()), (f64::INFINITY, requests.floor())];
        let tally = Tally { requests: requests.floor(), errors: errors.floor() };
        Ok(Reading {
            at_ms: self.clock.now().as_millisecond(),
            endpoints: BTreeMap::from([("/".into(), tally)]),
            latency,
            gauges: BTreeMap::new(),
        })
    }

    async fn query(&self, _: &str) -> Result<Option<f64>, Unread> {
        Err(Unread("no server".into()))
    }
}

#[async_trait]
impl Probe for World {
    async fn get(&self, url: &str) -> Result<(u16, Vec<u8>), Unread> {
        (self.answers)(url, self.clock.1.elapsed().as_secs_f64())
            .map(|(status, body)| (status, body.as_bytes().to_vec()))
    }
}

/// A ledger with entries, and a world outside.
struct Stage {
    ledger: Arc<MemoryLedger>,
    clock: Arc<Simulated>,
    ids: Fresh,
    world: Option<World>,
}

impl Stage {
    fn new(says: impl Fn(&str, f64) -> Option<(f64, f64, f64)> + Send + Sync + 'static) -> Self {
        let clock = Simulated::begin();
        let world = World {
            clock: clock.clone(),
            says: Box::new(says),
            answers: Box::new(|_, _| Err(Unread("nobody there".into()))),
        };
        Self {
            ledger: Arc::new(MemoryLedger::default()),
            clock,
            ids: Fresh::new(1_772_442_000_000, [1; 8]),
            world: Some(world),
        }
    }

    fn answers(
        mut self,
        answers: impl Fn(&str, f64) -> Result<(u16, &'static str), Unread> + Send + Sync + 'static,
    ) -> Self {
        self.world = self.world.map(|world| World { answers: Box::new(answers), ..world });
        self
    }

    fn write(&self, event: Event) {
        let record = Record { v: 1, at: self.clock.now(), by: By::System, sub: self.ids.id(), event };
        let size = self.ledger.head().unwrap().size;
        self.ledger
            .append(size, &Batch { entries: vec![NewEntry { body: record.encode() }], ..Batch::default() })
            .unwrap();
    }

    /// Opens the ledger and performs, as a server does when it starts.
    fn start(&mut self) -> (Engine, tokio::task::JoinHandle<()>) {
        let world = Arc::new(self.world.take().expect("started once; restart with the ports of the first"));
        self.start_with(Ports { meter: world.clone(), probe: world, ..Ports::default() })
    }

    fn start_with(&self, ports: Ports) -> (Engine, tokio::task::JoinHandle<()>) {
        let sources = Sources { clock: self.clock.clone(), ..Sources::default() };
        let engine = Engine::open(self.ledger.clone(), Options { sources, ports, ..Options::default() }).unwrap();
        let performing = tokio::spawn(engine.clone().perform());
        (engine, performing)
    }
}

/// Waits, in simulated time, for an event of a kind.
async fn wait_for(engine: &Engine, kind: &str, at_most_s: u64) -> Event {
    let deadline = Instant::now() + Duration::from_secs(at_most_s);
    loop {
        for entry in engine.ledger().read(0, 10_000).unwrap() {
            let event = Record::decode(&entry.body).unwrap().event;
            if event.kind() == kind {
                return event;
            }
        }
        assert!(Instant::now() < deadline, "no `{kind}` within {at_most_s} s");
        tokio::time::sleep(Duration::from_millis(200)).await;
        // Simulated time waits for nobody; the threads that decide and append live in the real one.
        std::thread::sleep(Duration::from_millis(4));
    }
}

fn begun(stage: &Stage) -> Event {
    let places = |names: &[&str]| {
        names.iter().map(|it| verification::Place { target: name(it), address: (*it).to_owned() }).collect()
    };
    let margins = release::Margins { errors: 0.02, latency_p50: 0.5, latency_p90: 0.5, latency_p99: 1.0 };
    Event::Verification(verification::Event::Begun(verification::Begun {
        analysis: stage.ids.id(),
        release: stage.ids.id(),
        deployment: stage.ids.id(),
        environment: name("production"),
        wave: 0,
        spec: release::CanarySpec {
            interval_s: 1,
            horizon: 60,
            at_least: 10,
            on_inconclusive: release::OnInconclusive::Hold,
            margins,
        },
        compared: vec![verification::Compared {
            service: name("checkout"),
            metrics: Metrics::default(),
            new: places(&["new"]),
            old: places(&["old-1", "old-2"]),
        }],
    }))
}

async fn verdict(mut stage: Stage) -> verification::Concluded {
    stage.write(begun(&stage));
    let (engine, _performing) = stage.start();
    match wait_for(&engine, "verification.concluded", 90).await {
        Event::Verification(verification::Event::Concluded(it)) => it,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_harmless_version_passes_after_at_least_so_many_looks() {
    let it = verdict(Stage::new(|target, t| {
        Some(if target == "new" { (50.0 * t, 0.0, 0.95) } else { (200.0 * t, 0.2 * t, 0.95) })
    }))
    .await;
    assert_eq!(it.verdict, verification::Verdict::Pass, "{it:?}");
    assert!((10..60).contains(&it.summary.looks) && it.summary.culprits.is_empty(), "{it:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flawed_version_fails_early_and_the_indicator_is_named() {
    let it = verdict(Stage::new(|target, t| {
        Some(if target == "new" { (50.0 * t, 5.0 * t, 0.95) } else { (200.0 * t, 0.2 * t, 0.95) })
    }))
    .await;
    assert_eq!(it.verdict, verification::Verdict::Fail);
    assert!(it.summary.looks < 10 && it.summary.excess_bad_requests > 5.0, "{it:?}");
    assert!(it.summary.culprits.iter().any(|culprit| culprit == "checkout: errors"), "{it:?}");
}

#[tokio::test(start_paused = true)]
async fn no_data_never_passes() {
    let it = verdict(Stage::new(|_, _| None)).await;
    assert_eq!((it.verdict, it.summary.usable, it.summary.requests_new), (verification::Verdict::Inconclusive, 0, 0));
    assert_eq!(it.summary.text, "nothing could be measured, so nothing is known");
}

#[tokio::test(start_paused = true)]
async fn a_new_version_without_traffic_never_passes() {
    let it = verdict(Stage::new(|target, t| {
        Some(if target == "new" { (7.0, 0.0, 1.0) } else { (200.0 * t, 0.2 * t, 0.95) })
    }))
    .await;
    assert_eq!(it.verdict, verification::Verdict::Inconclusive);
}

#[tokio::test(start_paused = true)]
async fn a_stale_source_never_passes() {
    let it = verdict(Stage::new(|_, t| (t < 3.0).then_some((100.0 * t, 0.0, 0.95)))).await;
    assert_eq!(it.verdict, verification::Verdict::Inconclusive);
    assert!(it.summary.usable < 5, "{it:?}");
}

#[tokio::test(start_paused = true)]
async fn a_counter_that_restarts_is_no_burst_of_requests() {
    let it = verdict(Stage::new(|target, t| {
        let since = if t < 20.0 { t } else { t - 20.0 };
        Some(if target == "new" { (50.0 * since, 0.0, 0.95) } else { (200.0 * t, 0.2 * t, 0.95) })
    }))
    .await;
    assert_eq!(it.verdict, verification::Verdict::Pass);
    assert!(it.summary.requests_new <= 50 * u64::from(it.summary.looks), "{it:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_the_judging_stopped() {
    let mut stage =
        Stage::new(|target, t| Some(if target == "new" { (50.0 * t, 0.0, 0.95) } else { (200.0 * t, 0.2 * t, 0.95) }));
    stage.write(begun(&stage));
    let world = Arc::new(stage.world.take().unwrap());
    let ports = Ports { meter: world.clone(), probe: world, ..Ports::default() };
    let (engine, performing) = stage.start_with(ports.clone());
    tokio::time::sleep(Duration::from_millis(6500)).await;
    performing.abort();
    let _ = performing.await;
    drop(engine);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (engine, _performing) = stage.start_with(ports);
    let Event::Verification(verification::Event::Concluded(it)) = wait_for(&engine, "verification.concluded", 90).await
    else {
        panic!()
    };
    assert_eq!(it.verdict, verification::Verdict::Pass);
    let missed = it.summary.looks - it.summary.usable;
    assert!((2..=5).contains(&missed), "what was missed counts as a gap, what was seen still counts: {it:?}");
    while !engine.ledger().desk_scan("look", "", None, 10).unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let course = engine.canary(it.analysis).expect("the evidence holds the course");
    assert_eq!(course["services"][0]["points"].as_array().unwrap().len(), it.summary.looks as usize);
}

fn shop(stage: &Stage) {
    let criticality = Default::default();
    let service = Service {
        name: name("checkout"),
        owner: name("team"),
        description: String::new(),
        criticality,
        depends_on: Default::default(),
        repository: None,
        metrics: Metrics::default(),
    };
    stage.write(Event::Catalog(interlock_domain::catalog::Event::ServicePut(interlock_domain::catalog::ServicePut {
        service,
    })));
    let target = Target {
        name: name("one"),
        address: "http://one".into(),
        services: [name("checkout")].into(),
        labels: BTreeMap::new(),
        params: BTreeMap::new(),
        runner: BTreeMap::new(),
    };
    let environment = Environment {
        name: name("production"),
        tier: Tier::Production,
        production_like: true,
        labels: BTreeMap::new(),
        deployers: Deployers::default(),
        targets: vec![target],
    };
    stage.write(Event::Environment(interlock_domain::environment::Event::EnvironmentPut(
        interlock_domain::environment::EnvironmentPut { environment },
    )));
}

fn watched(stage: &Stage, threshold: f64, action: release::TriggerAction) {
    shop(stage);
    let trigger = release::Trigger {
        name: name("errors"),
        indicator: release::Indicator::ErrorRatio { service: name("checkout"), window_s: 10 },
        comparison: release::Comparison::Above,
        threshold,
        for_s: 5,
        action,
        owner: None,
        deputy: None,
    };
    let watch = stage.ids.id();
    stage.write(Event::Operations(operations::Event::WatchBegun(operations::WatchBegun {
        watch,
        release: stage.ids.id(),
        deployment: stage.ids.id(),
        environment: name("production"),
        spec: release::WatchSpec { length_s: 30, interval_s: 1 },
        triggers: vec![trigger],
    })));
    let until = stage.clock.now() + SignedDuration::from_secs(30);
    stage.write(Event::Operations(operations::Event::Stabilising(operations::Stabilising { watch, until })));
}

#[tokio::test(start_paused = true)]
async fn a_trigger_fires_only_after_its_condition_has_held() {
    // Errors for three seconds, which is not long enough, and again from the thirtieth look on.
    let mut stage = Stage::new(|_, t| Some((100.0 * t, if t > 12.0 { 50.0 * (t - 12.0) } else { 0.0 }, 0.95)));
    watched(&stage, 0.1, release::TriggerAction::Page);
    let (engine, _performing) = stage.start();
    let Event::Operations(operations::Event::TriggerFired(it)) =
        wait_for(&engine, "operations.trigger_fired", 60).await
    else {
        panic!()
    };
    assert!(it.value > 0.1);
    let fired = stage.clock.1.elapsed().as_secs();
    assert!((17..=22).contains(&fired), "fired after {fired} s");
    let Event::Operations(operations::Event::WatchEnded(ended)) = wait_for(&engine, "operations.watch_ended", 60).await
    else {
        panic!()
    };
    assert_eq!(ended.outcome, Some(interlock_domain::reason::Outcome::Fail));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_passes_and_a_blind_one_is_inconclusive() {
    for (says, outcome) in
        [(true, interlock_domain::reason::Outcome::Pass), (false, interlock_domain::reason::Outcome::Inconclusive)]
    {
        let mut stage = Stage::new(move |_, t| says.then_some((100.0 * t, 0.1 * t, 0.95)));
        watched(&stage, 0.1, release::TriggerAction::Rollback);
        let (engine, _performing) = stage.start();
        let Event::Operations(operations::Event::WatchEnded(it)) =
            wait_for(&engine, "operations.watch_ended", 60).await
        else {
            panic!()
        };
        assert_eq!(it.outcome, Some(outcome), "{it:?}");
        assert!(it.looks >= 25, "{it:?}");
    }
}

async fn criteria(
    kind: release::CriterionKind,
    answers: impl Fn(&str, f64) -> Result<(u16, &'static str), Unread> + Send + Sync + 'static,
) -> rollback::Ended {
    let mut stage = Stage::new(|_, t| Some((100.0 * t, 0.0, 0.95))).answers(answers);
    shop(&stage);
    let rollback = stage.ids.id();
    let started = rollback::Started {
        rollback,
        release: stage.ids.id(),
        of: stage.ids.id(),
        undo: stage.ids.id(),
        environment: name("production"),
        cause: rollback::Cause::Trigger { trigger: name("errors") },
        reason: None,
        criteria: vec![release::Criterion { name: name("one"), kind }],
        ruling: None,
    };
    stage.write(Event::Rollback(rollback::Event::Started(started)));
    let target = rollback::Checked {
        target: name("one"),
        service: name("checkout"),
        address: "http://one/".into(),
        digest: Digest([7; 32]),
    };
    stage.write(Event::Rollback(rollback::Event::CheckBegun(rollback::CheckBegun { rollback, targets: vec![target] })));
    let (engine, _performing) = stage.start();
    match wait_for(&engine, "rollback.ended", 90).await {
        Event::Rollback(rollback::Event::Ended(it)) => it,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn criteria_of_a_rollback_are_asked_until_they_hold_or_the_time_to_settle_is_over() {
    use interlock_domain::reason::Outcome;
    let http = || release::CriterionKind::Http { path: "/healthz".into() };
    let settled =
        criteria(http(), |url, t| if url == "http://one/healthz" && t > 3.0 { Ok((204, "")) } else { Ok((503, "")) })
            .await;
    assert_eq!(settled.outcome, Outcome::Pass, "{settled:?}");
    let down = criteria(http(), |_, _| Err(Unread("connection refused".into()))).await;
    assert_eq!(down.outcome, Outcome::Fail);
    assert!(down.results[0].message.contains("one: connection refused"), "{down:?}");

    let reports = || release::CriterionKind::Reports { path: "/version".into(), pointer: "/digest".into() };
    let wrong = criteria(reports(), |_, _| Ok((200, r#"{"digest":"sha256:00"}"#))).await;
    assert_eq!(wrong.outcome, Outcome::Fail);
    assert!(wrong.results[0].message.contains("reports sha256:00 instead of sha256:0707"), "{wrong:?}");
    let absent = criteria(reports(), |_, _| Ok((200, "{}"))).await;
    assert_eq!(absent.outcome, Outcome::Fail);

    let metric = |query: &str| release::CriterionKind::Metric {
        indicator: release::Indicator::Promql { query: query.into() },
        comparison: release::Comparison::Above,
        threshold: 1.0,
    };
    let unread = criteria(metric("up"), |_, _| Ok((200, ""))).await;
    assert_eq!(unread.outcome, Outcome::Inconclusive, "a figure that cannot be had is no proof");
}

#[tokio::test]
async fn a_repeated_key_answers_with_what_was_written_the_first_time() {
    let engine = Engine::open(Arc::new(MemoryLedger::default()), Options::default()).unwrap();
    let lease = |labels: &str| {
        Command::Deployment(deployment::Command::Lease { runner: name(labels), capacity: 1, lease_s: 10 })
    };
    let found = Command::People(interlock_domain::people::Command::Found {
        organisation: "Test".into(),
        time_zone_data: "2026f".into(),
        setup: Digest([1; 32]),
        setup_until: engine.now() + SignedDuration::from_hours(1),
    });
    let first = engine.submit(Actor::system(), found.clone(), Some("k".into())).await.unwrap();
    let again = engine.submit(Actor::system(), found.clone(), Some("k".into())).await.unwrap();
    assert_eq!((first.repeated, again.repeated, first.position, again.position), (false, true, 1, 1));
    assert_eq!(first.events[0].event, again.events[0].event);
    let refused = engine.submit(Actor::system(), found, None).await.unwrap_err();
    assert!(refused.to_string().contains("belongs to `Test` already"), "{refused}");
    assert_eq!(
        engine.submit(Actor::system(), lease("local"), None).await.unwrap().position,
        1,
        "nothing to lease writes nothing"
    );
    assert_eq!(engine.head(), 1);
}

#[tokio::test]
async fn two_engines_on_one_ledger_decide_one_after_the_other() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let open = || Engine::open(ledger.clone(), Options::default()).unwrap();
    let (a, b) = (open(), open());
    let found = |engine: &Engine| {
        Command::People(interlock_domain::people::Command::Found {
            organisation: "Test".into(),
            time_zone_data: "2026f".into(),
            setup: Digest([1; 32]),
            setup_until: engine.now() + SignedDuration::from_hours(1),
        })
    };
    let results =
        futures::join!(a.submit(Actor::system(), found(&a), None), b.submit(Actor::system(), found(&b), None));
    assert!(results.0.is_ok() != results.1.is_ok(), "exactly one of two founds it: {results:?}");
    assert_eq!(ledger.head().unwrap().size, 1);
    assert_eq!(core::owed(&a.world()).len(), 0);
}

#[tokio::test]
async fn a_node_that_is_behind_catches_up_before_it_says_no() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let open = || Engine::open(ledger.clone(), Options::default()).unwrap();
    let (a, b) = (open(), open());
    let found = Command::People(interlock_domain::people::Command::Found {
        organisation: "Test".into(),
        time_zone_data: "2026f".into(),
        setup: Digest([1; 32]),
        setup_until: a.now() + SignedDuration::from_hours(1),
    });
    a.submit(Actor::system(), found, None).await.unwrap();
    let claim = Command::People(interlock_domain::people::Command::ClaimSetup {
        secret: Digest([1; 32]),
        account: b.fresh(),
        spec: interlock_domain::people::AccountSpec {
            kind: interlock_domain::people::AccountKind::Human,
            roles: Default::default(),
            groups: Default::default(),
            identities: Default::default(),
        },
    });
    b.submit(Actor::system(), claim, None).await.expect("what the other node has written is known");
}
