//! What is at stake with a change, and how many approvals that takes.
//!
//! The figures are those of the services touched and of all that depend on them, directly or not: users and revenue are added
//! up, since a service that fails takes its dependants' users with it. Thresholds are here and nowhere else.

use super::{Class, Impact, Level};
use crate::{catalog, core::World};
use interlock_ids::Name;
use std::collections::BTreeSet;

/// From here on the impact is high: users, revenue per hour, services that depend on those touched.
const HIGH: (u64, u64, usize) = (100_000, 10_000, 10);
/// From here on it is medium.
const MEDIUM: (u64, u64, usize) = (1_000, 1_000, 3);
/// Classes of data that make the impact high.
const HIGH_DATA: [&str; 3] = ["financial", "health", "payment"];
/// Classes of data that make it medium.
const MEDIUM_DATA: [&str; 1] = ["personal"];

/// The impact of a change to these services, with every reason for its level.
pub fn impact_of(world: &World, services: &BTreeSet<Name>) -> Impact {
    let dependants = catalog::dependants(world, services);
    let touched: Vec<_> =
        services.union(&dependants).filter_map(|name| world.catalog.service(name)).map(|it| &it.criticality).collect();
    let users = touched.iter().fold(0u64, |sum, it| sum.saturating_add(it.users));
    let revenue = touched.iter().fold(0u64, |sum, it| sum.saturating_add(it.revenue_per_hour));
    let data_classes: BTreeSet<Name> = touched.iter().flat_map(|it| it.data_classes.iter().cloned()).collect();
    let mut level = Level::Low;
    let mut reasons = Vec::new();
    let mut weigh = |value: u64, high: u64, medium: u64, what: &str| {
        let (found, limit) = match value {
            value if value >= high => (Level::High, high),
            value if value >= medium => (Level::Medium, medium),
            _ => return,
        };
        level = level.max(found);
        reasons.push(format!("{}: {value} {what}, {limit} or more", found.as_str()));
    };
    weigh(users, HIGH.0, MEDIUM.0, "people use what is touched");
    weigh(revenue, HIGH.1, MEDIUM.1, "of revenue per hour stops with it");
    weigh(dependants.len() as u64, HIGH.2 as u64, MEDIUM.2 as u64, "services depend on it");
    for class in &data_classes {
        let found = if HIGH_DATA.contains(&class.as_str()) {
            Level::High
        } else if MEDIUM_DATA.contains(&class.as_str()) {
            Level::Medium
        } else {
            continue;
        };
        level = level.max(found);
        reasons.push(format!("{}: data of class `{class}` is handled", found.as_str()));
    }
    // A service nobody has described may be worth anything.
    for name in services.iter().filter(|name| world.catalog.service(name).is_none()) {
        level = Level::High;
        reasons.push(format!("high: nothing is known about service `{name}`"));
    }
    if reasons.is_empty() {
        reasons.push("low: no figure reaches a threshold".into());
    }
    Impact { level, users, revenue_per_hour: revenue, data_classes, dependants, reasons }
}

/// How many approvals a change takes by its class and the level of its impact. Outside production-like environments only a
/// high impact takes any. A standard change goes without only while its template has earned that (`pre_approved`); until then it
/// takes what a normal one takes.
pub fn required_approvals(class: Class, impact: Level, production_like: bool, pre_approved: bool) -> u32 {
    match (class, impact) {
        (Class::Standard, _) if pre_approved => 0,
        (_, Level::Low | Level::Medium) if !production_like => 0,
        (Class::Normal | Class::Standard, Level::High) => 2,
        (Class::Normal | Class::Standard | Class::Emergency, _) => 1,
    }
}
