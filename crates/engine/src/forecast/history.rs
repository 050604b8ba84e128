//! How long things take: from what they took before, if that is known of enough of them, or from what is stated.

use interlock_domain::{change::Decision, core::World};
use jiff::SignedDuration;

/// From so many on, what was is drawn from; fewer say too little.
const ENOUGH: usize = 8;

/// What is stated; where nothing is stated history has a say, and where that is too short, the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Basis {
    /// From the moment a decision is wanted to the decision: median.
    pub approval: Option<SignedDuration>,
    /// Any other act of a person: planning, fixing the scope, authorising, starting.
    pub act: Option<SignedDuration>,
    /// One step on one target.
    pub step: Option<SignedDuration>,
    /// Share of judged waves that fail, 0 to 1.
    pub failing: Option<f64>,
}

/// Something the answer rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumption {
    pub name: &'static str,
    pub value: String,
    /// `stated`, `history`, or `default`.
    pub source: &'static str,
    /// Of history: how many were seen.
    pub seen: usize,
}

/// Lengths to draw from: seen ones, or a median round which they are spread.
#[derive(Clone, Debug)]
pub(super) enum Lengths {
    Seen(Vec<SignedDuration>),
    Round(SignedDuration),
}

impl Lengths {
    /// A length for a number from 0 up to 1. Spread: twice the median at three quarters, half of it at one quarter.
    pub fn draw(&self, share: f64) -> SignedDuration {
        match self {
            Lengths::Seen(all) => all.get((share * all.len() as f64) as usize).copied().unwrap_or_default(),
            Lengths::Round(median) => median.mul_f64(((share - 0.5) * 4.0).clamp(-2.0, 2.0).exp2()),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub approval: Lengths,
    pub act: Lengths,
    pub step: Lengths,
    pub failing: f64,
}

impl Basis {
    pub(super) fn resolved(&self, world: &World) -> (Resolved, Vec<Assumption>) {
        let mut told = Vec::new();
        let mut lengths =
            |name, stated: Option<SignedDuration>, mut seen: Vec<SignedDuration>, default: SignedDuration| {
                seen.retain(|it| *it > SignedDuration::ZERO);
                seen.sort();
                let count = seen.len();
                let (lengths, source) = match stated {
                    Some(median) => (Lengths::Round(median), "stated"),
                    None if count >= ENOUGH => (Lengths::Seen(seen), "history"),
                    None => (Lengths::Round(default), "default"),
                };
                let value = match &lengths {
                    Lengths::Round(median) => format!("{median:#} in the median, half to twice that mostly"),
                    Lengths::Seen(all) => {
                        format!("{:#} in the median, as it was", all.get(count / 2).copied().unwrap_or_default())
                    }
                };
                told.push(Assumption { name, value, source, seen: count });
                lengths
            };
        let approval = lengths("approval", self.approval, approvals(world), SignedDuration::from_hours(4));
        let act = lengths("act", self.act, Vec::new(), SignedDuration::from_mins(30));
        let step = lengths("step", self.step, steps(world), SignedDuration::from_secs(30));
        let (failing, source) = self.failing.map_or((0.0, "default"), |it| (it, "stated"));
        told.push(Assumption {
            name: "failing",
            value: format!("{:.0} % of judged waves fail", failing * 100.0),
            source,
            seen: 0,
        });
        (Resolved { approval, act, step, failing }, told)
    }
}

/// From the opening of a change to its first approval.
fn approvals(world: &World) -> Vec<SignedDuration> {
    let first = |change: &interlock_domain::change::Change| {
        let mut given = change.approvals.iter().filter(|it| it.decision == Decision::Approve).map(|it| it.at);
        given.next().map(|at| at.duration_since(change.opened))
    };
    world.change.changes.values().filter_map(|it| first(it)).collect()
}

fn steps(world: &World) -> Vec<SignedDuration> {
    let progress = world.deployment.deployments.values().flat_map(|it| &it.progress);
    let results = progress.flat_map(|it| &it.results).filter(|it| it.outcome.is_good());
    results.map(|it| it.finished.duration_since(it.started)).collect()
}
