//! From a run that went wrong to the smallest one that goes wrong in the same way, told as a story.

use super::{Fault, Outcome, Setting, run};
use interlock_auditor::Finding;

/// A failing run, made small.
pub struct Story {
    pub setting: Setting,
    pub finding: Finding,
    /// Runs that were tried on the way.
    pub tried: u32,
    pub told: Vec<String>,
}

/// Lines of a story: the last ones before the finding say what led to it.
const LINES: usize = 60;

/// Makes a failing setting smaller as long as the same rule is found broken: fewer faults, fewer nodes and runners, less time,
/// fewer acts. `None` if it does not fail.
pub fn shrink(setting: &Setting, most: u32) -> Option<Story> {
    let first = run(setting, false);
    let rule = first.findings.first()?.rule;
    let mut best = setting.clone();
    let mut tried = 0;
    let broken = |outcome: &Outcome| outcome.findings.first().is_some_and(|it| it.rule == rule);
    let attempt = |best: &mut Setting, smaller: Setting, tried: &mut u32| -> bool {
        if *tried >= most {
            return false;
        }
        *tried += 1;
        let good = broken(&run(&smaller, false));
        if good {
            *best = smaller;
        }
        good
    };
    if let Some(hours) = first.found_at {
        let hours = hours.ceil() as u32 + 1;
        if hours < best.hours {
            let smaller = Setting { hours, calm: if rule == "liveness" { best.calm } else { 0 }, ..best.clone() };
            attempt(&mut best, smaller, &mut tried);
        }
    }
    for fault in Fault::ALL {
        if best.has(fault) {
            let faults = best.faults.iter().copied().filter(|it| *it != fault).collect();
            let smaller = Setting { faults, ..best.clone() };
            attempt(&mut best, smaller, &mut tried);
        }
    }
    while best.nodes > 1 {
        let smaller = Setting { nodes: best.nodes - 1, ..best.clone() };
        if !attempt(&mut best, smaller, &mut tried) {
            break;
        }
    }
    while best.runners > 1 {
        let smaller = Setting { runners: best.runners - 1, ..best.clone() };
        if !attempt(&mut best, smaller, &mut tried) {
            break;
        }
    }
    let mut step = 1_024;
    while step > 0 {
        if best.acts > step {
            let smaller = Setting { acts: best.acts - step, ..best.clone() };
            if attempt(&mut best, smaller, &mut tried) {
                continue;
            }
        }
        step /= 2;
    }
    let last = run(&best, true);
    let finding = last.findings.first()?.clone();
    let from = last.told.len().saturating_sub(LINES);
    Some(Story { setting: best, finding, tried, told: last.told.into_iter().skip(from).collect() })
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let it = &self.setting;
        writeln!(f, "broken: {}", self.finding)?;
        writeln!(
            f,
            "seed {}, {} nodes, {} runners, {} hours, {} acts, faults {:?}, after {} smaller tries",
            it.seed, it.nodes, it.runners, it.hours, it.acts, it.faults, self.tried
        )?;
        self.told.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
