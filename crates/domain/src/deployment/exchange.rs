//! Runners report and ask: results are taken in, steps are handed out, for one runner or for many at once.
//!
//! Invariants: a result counts only under the fence of the lease in force, from the runner that has the lease, for the step that is
//! next; the gates of a deployment are asked whenever steps of it are handed out; a step goes only to a runner that has the
//! labels it wants and knows its kind; many results and many leases are one entry.

use super::hold::{hold, renew};
use super::obstacle::obstacles;
use super::*;
use crate::core::{self, By, Context, World};
use interlock_ids::{DeploymentId, Name};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const MESSAGE_LENGTH: usize = 500;
/// Most steps one runner gets at once.
const AT_ONCE: u32 = 1000;

/// What follows from results, whosever they are; what answers nothing that is asked is left out.
pub(super) fn take_in<'a>(
    world: &World,
    reports: impl Iterator<Item = (&'a Name, &'a Report)>,
    now: Timestamp,
) -> Vec<Event> {
    let mut by_deployment: BTreeMap<DeploymentId, Vec<Answered>> = BTreeMap::new();
    // Steps of a unit that were answered within this very batch; `None` once one was not good.
    let mut answered: BTreeMap<(DeploymentId, u32), Option<usize>> = BTreeMap::new();
    for (runner, it) in reports {
        let Some(deployment) = world.deployment.deployment(it.deployment) else { continue };
        let lease = deployment.progress.get(it.unit as usize).and_then(|progress| progress.lease.as_ref());
        let Some(lease) = lease.filter(|lease| lease.fence == it.fence && lease.runner == *runner) else { continue };
        let before = answered.entry((it.deployment, it.unit)).or_insert(Some(0));
        let next = before.and_then(|before| deployment.steps_left(it.unit).nth(before));
        let Some((index, step)) = next.filter(|(index, _)| *index == it.step && *index <= lease.through) else {
            continue;
        };
        *before = before.filter(|_| it.outcome.is_good()).map(|before| before + 1);
        let unit = deployment.units.get(it.unit as usize);
        let tries = step.tries(deployment.direction.is_back());
        by_deployment.entry(it.deployment).or_default().push(Answered {
            runner: runner.clone(),
            unit: it.unit,
            fence: it.fence,
            result: StepResult {
                step: index,
                attempt: it.attempt,
                outcome: it.outcome,
                code: it.code.clone(),
                message: it.message.chars().take(MESSAGE_LENGTH).collect(),
                output: it.output,
                started: it.started,
                finished: it.finished,
            },
            // What could not be told is not tried again by itself: it may have happened.
            last: it.attempt >= tries || it.outcome == StepOutcome::Inconclusive,
            installed: unit.filter(|_| it.outcome.is_good() && super::step::installs(step)).map(|unit| unit.digest),
        });
    }
    let mut events = Vec::new();
    for (deployment, results) in by_deployment {
        let told = vec![told(deployment, results)];
        let follows = super::decide::follow_up(world, deployment, &told, now);
        events.extend(told.into_iter().chain(follows));
    }
    events
}

/// Results as an entry: whose they are is said once if they are all of one runner.
fn told(deployment: DeploymentId, results: Vec<Answered>) -> Event {
    let first = results.first().map(|it| it.runner.clone());
    let Some(runner) = first.filter(|first| results.iter().all(|it| it.runner == *first)) else {
        return Event::StepsAnswered(StepsAnswered { deployment, results });
    };
    let own = |it: Answered| Reported {
        unit: it.unit,
        fence: it.fence,
        result: it.result,
        last: it.last,
        installed: it.installed,
    };
    Event::StepsReported(StepsReported { deployment, runner, results: results.into_iter().map(own).collect() })
}

/// The world once these events of this room are in it; what follows from them elsewhere is not.
pub(super) fn after(world: &World, events: &[Event], now: Timestamp) -> World {
    let mut after = world.clone();
    let meta = core::Meta { position: world.position, at: now, by: By::System };
    events.iter().for_each(|event| after.deployment.apply(event, &meta));
    after
}

/// A runner with free hands.
struct Taker<'a> {
    name: &'a Name,
    free: u32,
    labels: &'a BTreeMap<String, String>,
    kinds: Option<&'a BTreeSet<String>>,
    ahead: bool,
}

impl<'a> Taker<'a> {
    fn new(world: &'a World, ask: &'a Ask) -> Self {
        // What an administrator said of an enrolled runner holds, whatever the runner says.
        let enrolled = world.runner.runner(&ask.runner);
        let shut = enrolled.is_some_and(|it| it.drained || it.revoked.is_some());
        Self {
            name: &ask.runner,
            free: if shut { 0 } else { ask.capacity.min(AT_ONCE) },
            labels: enrolled.map_or(&ask.labels, |it| &it.labels),
            kinds: ask.kinds.as_ref(),
            ahead: ask.ahead,
        }
    }

    fn fits(&self, wanted: &[&BTreeMap<String, String>], kinds: &BTreeSet<&str>) -> bool {
        let has = |(name, value): (&String, &String)| self.labels.get(name) == Some(value);
        self.free > 0
            && wanted.iter().all(|labels| labels.iter().all(has))
            && self.kinds.is_none_or(|known| kinds.iter().all(|kind| known.contains(*kind)))
    }
}

/// Hands out what can be handed out to those who ask, taking turns.
pub(super) fn hand_out(world: &World, asks: &[Ask], lease_s: u32, ctx: &Context) -> Vec<Event> {
    let mut takers: Vec<Taker> = asks.iter().map(|ask| Taker::new(world, ask)).collect();
    let mut events = Vec::new();
    for it in world.deployment.running.iter().filter_map(|id| world.deployment.deployment(*id)) {
        takers.retain(|taker| taker.free > 0);
        if takers.is_empty() {
            break;
        }
        let runnable = it.runnable();
        if runnable.is_empty() {
            continue;
        }
        let found = obstacles(world, it, ctx.now);
        if !found.is_empty() {
            events.extend(hold(it, found, ctx.now));
            continue;
        }
        events.extend(renew(world, it, ctx));
        let leases = among(world, it, &runnable, &mut takers, lease_s, ctx.now);
        events.extend((!leases.is_empty()).then(|| leased(it.id, leases)));
    }
    events
}

fn among(
    world: &World,
    it: &Deployment,
    runnable: &[u32],
    takers: &mut [Taker],
    lease_s: u32,
    now: Timestamp,
) -> Vec<HandedOut> {
    let targets = world.environment.environment(&it.environment).into_iter().flat_map(|it| &it.targets);
    let picky: BTreeMap<&Name, &BTreeMap<String, String>> =
        targets.filter(|it| !it.runner.is_empty()).map(|it| (&it.name, &it.runner)).collect();
    let (mut turn, mut fence, mut leases) = (0, it.fence, Vec::new());
    for unit in runnable {
        let (Some((step, first)), Some(last)) = (it.next_step(*unit), it.through(*unit)) else { continue };
        let Some(progress) = it.progress.get(*unit as usize) else { continue };
        let covered = |through: u32| it.steps_left(*unit).take_while(move |(index, _)| *index <= through);
        let stops = |step: &PipelineStep| (step.on_revocation == OnRevocation::Stop).then_some(STOP);
        let kinds: BTreeSet<&str> =
            covered(last).flat_map(|(_, step)| [step.kind()].into_iter().chain(stops(step))).collect();
        let target = it.units.get(*unit as usize).and_then(|unit| picky.get(&unit.target).copied());
        let wanted: Vec<&BTreeMap<String, String>> = target.into_iter().chain([&first.runner]).collect();
        let order = (turn..takers.len()).chain(0..turn);
        let Some(chosen) = order.into_iter().find(|at| takers[*at].fits(&wanted, &kinds)) else { continue };
        let through = if takers[chosen].ahead { last } else { step };
        turn = (chosen + 1) % takers.len();
        takers[chosen].free -= 1;
        fence += 1;
        // A program may use its time three times: to check, to apply, to verify.
        let longest: i64 = covered(through).map(|(_, step)| i64::from(step.timeout_s) * 3).sum();
        let seconds = longest + i64::from(lease_s.clamp(10, 3600));
        leases.push(HandedOut {
            unit: *unit,
            step,
            through,
            attempt: progress.attempt + 1,
            fence,
            runner: takers[chosen].name.clone(),
            until: now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now),
        });
    }
    leases
}

/// Leases as an entry: runner and end are said once if they are the same for all, and no lease covers more than one step.
fn leased(deployment: DeploymentId, leases: Vec<HandedOut>) -> Event {
    let alike = |first: &HandedOut| leases.iter().all(|it| it.runner == first.runner && it.step == it.through);
    let Some(first) = leases.first().filter(|first| alike(first)) else {
        return Event::StepsHandedOut(StepsHandedOut { deployment, leases });
    };
    let (runner, until) = (first.runner.clone(), leases.iter().map(|it| it.until).max().unwrap_or(first.until));
    let one = |it: &HandedOut| Leased { unit: it.unit, step: it.step, attempt: it.attempt, fence: it.fence };
    Event::StepsLeased(StepsLeased { deployment, runner, until, leases: leases.iter().map(one).collect() })
}
