//! What a watch has seen, and which triggers that fires. No waiting, no reading.
//!
//! Invariants: a look that gave no data is counted as such, and never as good; a trigger fires only after its condition has held
//! without a break; a look without data breaks nothing and proves nothing.

use interlock_domain::release::{Comparison, Trigger};
use interlock_ids::Name;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a watch has seen: kept at the desk, so that a restart goes on counting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    pub looks: u32,
    /// Looks at which every figure could be had.
    pub usable: u32,
    /// Since when each trigger's condition has held.
    holding: BTreeMap<Name, Timestamp>,
    /// The newest values, for pages.
    pub values: BTreeMap<Name, Option<f64>>,
}

/// A trigger whose condition has held for as long as it says.
#[derive(Clone, Debug)]
pub struct Fired {
    pub trigger: Trigger,
    pub value: f64,
    pub since: Timestamp,
}

impl Seen {
    /// Takes in one look; which triggers fire by it.
    pub fn look(&mut self, triggers: &[Trigger], values: BTreeMap<Name, Option<f64>>, now: Timestamp) -> Vec<Fired> {
        self.looks += 1;
        self.usable += u32::from(!values.is_empty() && values.values().all(Option::is_some));
        let mut fired = Vec::new();
        for trigger in triggers {
            let Some(value) = values.get(&trigger.name).copied().flatten() else { continue };
            if !beyond(value, trigger.comparison, trigger.threshold) {
                self.holding.remove(&trigger.name);
                continue;
            }
            let since = *self.holding.entry(trigger.name.clone()).or_insert(now);
            if now.as_second() - since.as_second() >= trigger.for_s.into() {
                fired.push(Fired { trigger: trigger.clone(), value, since });
            }
        }
        self.values = values;
        fired
    }
}

/// Whether a figure is on the wrong side of a threshold.
pub fn beyond(value: f64, comparison: Comparison, threshold: f64) -> bool {
    match comparison {
        Comparison::Above => value > threshold,
        Comparison::Below => value < threshold,
    }
}
