//! A hundred thousand windows and ten thousand planned releases: how long it takes to say whether one may ship now and, if not, when;
//! and to judge everything planned anew once a calendar was edited.
//!
//! Each question is about a release of its own, so that hardly one finds what the one before has worked out; what was asked before
//! is measured apart. The edit goes through decide, apply and react, as in the engine, without the ledger.

use super::{Done, Size, keep, rounded, share};
use interlock_domain::{
    calendar::{
        self, Calendar, CalendarPut, Day, Fiscal, FiscalYear, Period, Schedule, Scope, Window, WindowKind, WindowScope,
        open_at, slots,
    },
    catalog::{self, Criticality, Metrics, Service},
    core::{self, Actor, By, Command, Context, Event, Meta, World},
    environment::{self, Deployers, Environment, Tier},
    reason::{Asked, Outcome, Ruling, Slot},
    release::{self, Item, closed_plans},
};
use interlock_ids::{Fresh, Name, ReleaseId};
use interlock_testkit::{
    house::{House, bytes_of, name, world_of},
    shop,
};
use jiff::{SignedDuration, Timestamp, civil::date};
use serde_json::json;
use std::{collections::VecDeque, hint::black_box, path::Path, time::Instant};

const SERVICES: u64 = 1_000;
const ENVIRONMENTS: u64 = 50;
const OWNERS: u64 = 100;
const REGIONS: u64 = 40;
const PER_CALENDAR: usize = 2_000;
const ZONES: [&str; 5] = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "UTC"];

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same windows in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

fn service(n: u64) -> Name {
    name(&format!("service-{n}"))
}

fn place(n: u64) -> Name {
    name(&format!("place-{n}"))
}

fn owner(n: u64) -> Name {
    name(&format!("group-{n}"))
}

fn recurring(dice: &mut Dice, day: i8, hour: u64, length_s: u64, rule: &str) -> Schedule {
    Schedule::Recurring {
        start: date(2024, 1, day).at(hour as i8, 0, 0, 0),
        zone: ZONES[dice.below(ZONES.len() as u64) as usize].into(),
        length_s: length_s as u32,
        rule: rule.into(),
        plus: vec![],
        except: vec![],
    }
}

/// Of a hundred: 42 contract renewals of a service, 20 weekly freezes of a service, 15 holidays of a group, 10 monthly freezes of a
/// region in production, 8 nightly freezes of an environment, 3 fiscal closes of a group, 2 maintenance windows of a service.
fn window(dice: &mut Dice, n: usize, now: Timestamp) -> Window {
    let soon = |dice: &mut Dice, hours: u64| {
        let start = now + SignedDuration::from_hours(dice.below(400 * 24) as i64 - 30 * 24);
        Schedule::Once { start, end: start + SignedDuration::from_hours(hours as i64) }
    };
    let mut scope = WindowScope::default();
    let (kind, schedule) = match dice.below(100) {
        0..42 => {
            scope.services = (0..=dice.below(3)).map(|_| service(dice.below(SERVICES))).collect();
            let hours = 4 + dice.below(72);
            (WindowKind::ContractRenewal, soon(dice, hours))
        }
        42..62 => {
            scope.services = [service(dice.below(SERVICES))].into();
            let day = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][dice.below(7) as usize];
            let (begins, hour, hours) = (1 + dice.below(27) as i8, dice.below(24), 1 + dice.below(4));
            (WindowKind::Freeze, recurring(dice, begins, hour, hours * 3600, &format!("FREQ=WEEKLY;BYDAY={day}")))
        }
        62..77 => {
            scope.owners = [owner(dice.below(OWNERS))].into();
            (WindowKind::Holiday, soon(dice, 24))
        }
        77..87 => {
            scope.tiers = [name("production")].into();
            scope.labels = [("region".to_owned(), format!("r{}", dice.below(REGIONS)))].into();
            let (hour, day) = (dice.below(24), 1 + dice.below(28));
            (WindowKind::Freeze, recurring(dice, 1, hour, 3600, &format!("FREQ=MONTHLY;BYMONTHDAY={day}")))
        }
        87..95 => {
            scope.environments = [place(dice.below(ENVIRONMENTS))].into();
            let (hour, minutes) = (dice.below(5), 10 + dice.below(50));
            (WindowKind::Freeze, recurring(dice, 1, hour, minutes * 60, "FREQ=DAILY"))
        }
        95..98 => {
            scope.owners = [owner(dice.below(OWNERS))].into();
            let fiscal = Fiscal {
                zone: ZONES[dice.below(ZONES.len() as u64) as usize].into(),
                year: FiscalYear::Months { first_month: 1 + dice.below(12) as i8 },
                period: Period::Quarter,
                from: -1 - dice.below(3) as i16,
                until: 1 + dice.below(3) as i16,
                weekend: [Day::Sat, Day::Sun].into(),
                holidays: [name("calendar-0")].into(),
            };
            (WindowKind::FiscalClose, Schedule::Fiscal(fiscal))
        }
        _ => {
            scope.services = [service(dice.below(SERVICES / 5))].into();
            let begins = 1 + dice.below(27) as i8;
            (WindowKind::Maintenance, recurring(dice, begins, 6, 12 * 3600, "FREQ=WEEKLY;BYDAY=TU,TH"))
        }
    };
    Window {
        name: name(&format!("window-{n}")),
        kind,
        schedule,
        scope,
        reason: "because".into(),
        customer: (kind == WindowKind::ContractRenewal).then(|| name("customer")),
        exceptions_by: None,
        holds_rollback: false,
    }
}

fn enter(world: &mut World, event: Event, at: Timestamp) {
    let meta = Meta { position: world.position, at, by: By::System };
    core::apply(world, &event, &meta);
}

fn peopled(world: &mut World, now: Timestamp) {
    for n in 0..SERVICES {
        let service = Service {
            name: service(n),
            owner: owner(n % OWNERS),
            description: String::new(),
            criticality: Criticality { users: 1, revenue_per_hour: 1, data_classes: Default::default() },
            depends_on: Default::default(),
            repository: None,
            metrics: Metrics::default(),
        };
        enter(world, Event::Catalog(catalog::Event::ServicePut(catalog::ServicePut { service })), now);
    }
    for n in 0..ENVIRONMENTS {
        let environment = Environment {
            name: place(n),
            tier: if n % 2 == 0 { Tier::Production } else { Tier::Staging },
            production_like: n % 2 == 0,
            labels: [("region".to_owned(), format!("r{}", n % REGIONS))].into(),
            deployers: Deployers { roles: Default::default(), groups: Default::default() },
            targets: vec![],
        };
        let put = environment::EnvironmentPut { environment };
        enter(world, Event::Environment(environment::Event::EnvironmentPut(put)), now);
    }
}

/// What is asked about a release, from now on.
fn scope_of(world: &World, id: ReleaseId) -> Option<Scope> {
    let it = world.release.release(id)?;
    let services = it.spec.items.iter().map(|item| item.service.clone()).collect();
    Some(Scope { services, environment: it.spec.environment.clone(), release: Some(id) })
}

/// May this ship now, and if not, when: as the page, the command line and a refusal ask it.
fn ask(world: &World, scope: &Scope, now: Timestamp) -> bool {
    let opening = open_at(world, scope, now);
    if !opening.open {
        black_box(slots(world, scope, now, 3600, 3));
    }
    opening.open
}

/// Every release asked about once; the share that may not ship now, and the microseconds of each.
fn asked(world: &World, ids: &[ReleaseId], now: Timestamp) -> (f64, Vec<f64>) {
    let mut shut = 0;
    let micros = ids.iter().filter_map(|id| {
        let scope = scope_of(world, *id)?;
        let begun = Instant::now();
        shut += usize::from(!ask(world, &scope, now));
        Some(begun.elapsed().as_secs_f64() * 1e6)
    });
    let micros: Vec<f64> = micros.collect();
    (shut as f64 / micros.len().max(1) as f64, micros)
}

/// Carries a command out with all that follows from it, as the engine does; how many entries it made.
fn carry_out(world: &mut World, by: &Actor, command: Command, now: Timestamp) -> Result<usize, String> {
    let mut waiting = VecDeque::from([(by.clone(), command)]);
    let mut entries = 0;
    while let Some((actor, command)) = waiting.pop_front() {
        let seed = world.position.to_be_bytes();
        let ctx = Context { now, actor, ids: Fresh::new(now.as_millisecond() as u64, seed) };
        for event in core::decide(world, &command, &ctx).map_err(|refusal| refusal.to_string())? {
            enter(world, event.clone(), now);
            entries += 1;
            waiting.extend(core::react(world, &event).into_iter().map(|it| (Actor::system(), it)));
        }
    }
    Ok(entries)
}

pub fn measure(size: Size, _: &Path) -> Done {
    let mut house = House::new(1);
    shop::open(&mut house);
    let (now, admin) = (house.now(), Actor::account(house.account("admin")));
    let mut world = World::clone(&house.world());
    peopled(&mut world, now);

    let mut dice = Dice(7);
    let windows: Vec<Window> = (0..size.windows).map(|n| window(&mut dice, n, now)).collect();
    let begun = Instant::now();
    for (n, windows) in windows.chunks(PER_CALENDAR).enumerate() {
        let name = name(&format!("calendar-{n}"));
        let calendar = Calendar { name, owner: owner(0), source: "manifest".into(), windows: windows.to_vec() };
        enter(&mut world, Event::Calendar(calendar::Event::CalendarPut(CalendarPut { calendar })), now);
    }
    let entered_ms = begun.elapsed().as_secs_f64() * 1e3;

    let spec = shop::spec(&house, "spec", "1.1.0");
    let ruling = Ruling {
        asked: Asked::default(),
        outcome: Outcome::Pass,
        policy_set: String::new(),
        facts: String::new(),
        policies: vec![],
        blockers: vec![],
    };
    let ids: Vec<ReleaseId> = (0..size.planned).map(|_| house.fresh()).collect();
    let soon = now + SignedDuration::from_hours(24);
    for (n, id) in ids.iter().enumerate() {
        let count = 1 + dice.below(3);
        let items = (0..count).map(|_| Item { service: service(dice.below(SERVICES)), ..spec.items[0].clone() });
        let items = items.collect();
        let spec = release::Spec {
            name: name(&format!("release-{n}")),
            environment: place(dice.below(ENVIRONMENTS)),
            items,
            ..spec.clone()
        };
        let drafted = release::Drafted { release: *id, account: None, spec };
        enter(&mut world, Event::Release(release::Event::Drafted(drafted)), now);
    }
    // Into slots that are open, as the rules want it.
    let begun = Instant::now();
    for id in &ids {
        let Some(scope) = scope_of(&world, *id) else { continue };
        let from = soon + SignedDuration::from_hours(dice.below(60 * 24) as i64);
        let Some(window) = slots(&world, &scope, from, 3600, 1).first().copied() else { continue };
        let planned = release::Planned { release: *id, window: Slot { ..window }, ruling: ruling.clone() };
        enter(&mut world, Event::Release(release::Event::Planned(planned)), now);
    }
    let planned_ms = begun.elapsed().as_secs_f64() * 1e3;

    // A world that was just read remembers nothing.
    let fresh = world_of(&bytes_of(&world));
    let at = now + SignedDuration::from_hours(3);
    let (shut, mut first) = asked(&fresh, &ids, at);
    let (_, mut again) = asked(&fresh, &ids, at);
    keep(
        "calendar",
        &json!({
            "windows": size.windows, "planned": ids.len(), "shut": rounded(shut),
            "first_p50_us": rounded(share(&mut first, 0.5)), "first_p99_us": rounded(share(&mut first, 0.99)),
            "first_max_us": rounded(share(&mut first, 1.0)),
            "again_p50_us": rounded(share(&mut again, 0.5)), "again_p99_us": rounded(share(&mut again, 0.99)),
            "goal_p99_us": 5_000, "entered_ms": rounded(entered_ms), "planned_ms": rounded(planned_ms),
        }),
    )?;

    let fresh = world_of(&bytes_of(&world));
    let looked = |world: &World| {
        let begun = Instant::now();
        let closed = closed_plans(world, now).len();
        (rounded(begun.elapsed().as_secs_f64() * 1e3), closed)
    };
    let (first_ms, _) = looked(&fresh);
    let (again_ms, closed) = looked(&fresh);
    // One window of one service is moved; then everything in production is frozen for a week.
    let mut edits = Vec::new();
    for (n, everything) in [(0, false), (1, true)] {
        let of = name(&format!("calendar-{n}"));
        let mut calendar = world.calendar.calendar(&of).ok_or("the calendar is gone")?.clone();
        let start = soon + SignedDuration::from_hours(24 * 7);
        let end = start + SignedDuration::from_hours(24 * 7);
        let edited = &mut calendar.windows[0];
        (edited.schedule, edited.kind, edited.customer) = (Schedule::Once { start, end }, WindowKind::Freeze, None);
        edited.scope = WindowScope::default();
        match everything {
            true => edited.scope.tiers = [name("production")].into(),
            false => edited.scope.services = [service(1)].into(),
        }
        let begun = Instant::now();
        let put = Command::Calendar(calendar::Command::PutCalendar { calendar });
        let entries = carry_out(&mut world, &admin, put, now)?;
        edits.push((rounded(begun.elapsed().as_secs_f64() * 1e3), entries));
    }
    keep(
        "calendar-edit",
        &json!({
            "windows": size.windows, "planned": ids.len(), "closed_before": closed, "look_first_ms": first_ms, "look_again_ms": again_ms,
            "small_ms": edits[0].0, "small_entries": edits[0].1, "large_ms": edits[1].0, "large_entries": edits[1].1,
            "goal_ms": 1_000,
        }),
    )
}
