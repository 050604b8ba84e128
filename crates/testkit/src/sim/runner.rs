//! A runner: leases, verifies the permit, notes in its journal, changes the target, reports until it is heard.
//!
//! Its journal survives a crash, what it has in hand does not. It keeps its own time limits: what did not begin in time is not
//! begun. Reports are sent again until they are answered.

use super::{Fault, From, Happening, OwnClock, Sim, node::Answer, planted::Flaw};
use interlock_auditor::Effect;
use interlock_domain::{
    core::{Actor, Command},
    deployment::{self, Report, Run, StepOrder, StepOutcome},
};
use interlock_engine::Clock as _;
use interlock_ids::{Name, PermitId};
use std::collections::{BTreeMap, BTreeSet};

/// What the journal knows of a key.
#[derive(Clone, Debug)]
pub enum Known {
    Began,
    Finished(Report),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Accepted,
    Begun,
    Changed,
}

/// A step in hand.
pub struct Hand {
    order: StepOrder,
    stage: Stage,
    accepted: i64,
    resumed: bool,
}

pub struct Runner {
    pub name: Name,
    pub clock: OwnClock,
    pub up: bool,
    /// It never comes back.
    pub gone: bool,
    pub paused_until: i64,
    pub life: u64,
    pub journal: BTreeMap<String, Known>,
    pub hands: BTreeMap<String, Hand>,
    pub reports: BTreeMap<String, Report>,
    pub revoked: BTreeSet<PermitId>,
    /// When it asks next; what was meant to happen earlier is dropped.
    pub next_poll: i64,
    idle: i64,
    /// When it asked last: an answer that comes much later is one it no longer waits for.
    asked: i64,
    capacity: u32,
}

/// How long it waits for an answer to a question for work.
const PATIENCE: i64 = 10_000;

impl Runner {
    pub fn new(index: usize, clock: OwnClock) -> Self {
        Self {
            name: crate::house::name(&format!("runner-{index}")),
            clock,
            up: true,
            gone: false,
            paused_until: 0,
            life: 0,
            journal: BTreeMap::new(),
            hands: BTreeMap::new(),
            reports: BTreeMap::new(),
            revoked: BTreeSet::new(),
            next_poll: i64::MAX,
            idle: 0,
            asked: 0,
            capacity: 4,
        }
    }
}

impl Sim {
    /// There may be work: whoever does not ask soon anyway asks soon.
    pub(super) fn call_runners(&mut self) {
        for runner in 0..self.runners.len() {
            self.runners[runner].idle = 0;
            if self.runners[runner].up && self.runners[runner].next_poll > self.now() + 1_000 {
                let wait = self.random.between(50, 500);
                self.poll_after(runner, wait);
            }
        }
    }

    pub(super) fn poll_after(&mut self, runner: usize, wait: i64) {
        let life = self.runners[runner].life;
        self.runners[runner].next_poll = self.now() + wait;
        self.after(wait, Happening::Poll { runner, life });
    }

    pub(super) fn poll(&mut self, runner: usize, life: u64) {
        let it = &self.runners[runner];
        let now = self.now();
        if !it.up || it.life != life || it.next_poll != now {
            return;
        }
        if it.paused_until > now {
            let left = it.paused_until - now;
            return self.poll_after(runner, left);
        }
        self.send_reports(runner);
        let it = &mut self.runners[runner];
        it.asked = now;
        let running: Vec<String> = it.hands.keys().cloned().collect();
        let capacity = it.capacity.saturating_sub(running.len() as u32);
        let lease = deployment::Command::Lease { runner: it.name.clone(), capacity, lease_s: 30 };
        let (actor, busy) = (Actor::runner(it.name.clone()), !running.is_empty() || !it.reports.is_empty());
        let id = self.ask(From::Lease(runner, life, running), actor, vec![Command::Deployment(lease)]);
        let node = self.random.below(self.nodes.len());
        let wait = self.delay();
        if !self.faulty(Fault::Lost, 0.02) {
            self.after(wait, Happening::Arrive { node, request: id });
        }
        // It goes on asking as long as anything runs anywhere.
        let any = busy || self.nodes.iter().any(|it| !it.world.deployment.running.is_empty());
        let it = &mut self.runners[runner];
        it.next_poll = i64::MAX;
        if any {
            // Less and less often while there is nothing to do.
            it.idle = if busy { 0 } else { (it.idle + 1).min(10) };
            let most = 4_000 + it.idle * 4_000;
            let wait = self.random.between(1_500, most);
            self.poll_after(runner, wait);
        }
    }

    /// The answer to a question for work.
    pub(super) fn leased(&mut self, runner: usize, life: u64, first: bool, answer: Answer) {
        let now = self.now();
        let it = &self.runners[runner];
        // A closed connection delivers nothing: neither twice nor late.
        if !it.up || it.life != life || !first || now - it.asked > PATIENCE || it.paused_until > now {
            return;
        }
        let Answer::Done { orders, revoked, .. } = answer else { return };
        self.runners[runner].revoked.extend(revoked);
        for order in orders {
            self.accept(runner, order);
        }
    }

    fn accept(&mut self, runner: usize, order: StepOrder) {
        let flaw = self.flaw();
        let now = self.now();
        let it = &mut self.runners[runner];
        if let Some(hand) = it.hands.get_mut(&order.key) {
            hand.order.fence = hand.order.fence.max(order.fence);
            return;
        }
        let known = it.journal.get(&order.key).cloned().filter(|_| flaw != Some(Flaw::JournalForgotten));
        let mut resumed = false;
        match known {
            Some(Known::Finished(report)) if order.fence >= report.fence => {
                let report = Report { fence: order.fence, ..report };
                it.reports.insert(order.key.clone(), report);
                return self.send_reports(runner);
            }
            Some(Known::Finished(_)) => return,
            Some(Known::Began) => resumed = true,
            None => {}
        }
        let (life, key) = (it.life, order.key.clone());
        it.hands.insert(key.clone(), Hand { order, stage: Stage::Accepted, accepted: now, resumed });
        let wait = self.random.between(5, 800);
        self.after(wait, Happening::Work { runner, life, key });
    }

    /// Why the permit does not allow the step at this moment.
    fn forbidden(&self, runner: usize, order: &StepOrder) -> Option<&'static str> {
        let it = &self.runners[runner];
        let now = it.clock.now();
        let permit = &order.permit;
        if self.flaw() == Some(Flaw::PermitUnread) {
            return None;
        }
        let bound = permit.items.iter().any(|item| item.service == order.service && item.digest == order.digest);
        if it.revoked.contains(&permit.id) {
            Some("R109")
        } else if now < permit.not_before {
            Some("R104")
        } else if now >= permit.not_after {
            Some("R105")
        } else if !bound || permit.environment != order.environment {
            Some("R108")
        } else {
            None
        }
    }

    /// The next thing that happens to a step in hand.
    pub(super) fn work(&mut self, runner: usize, life: u64, key: &str) {
        let now = self.now();
        let it = &self.runners[runner];
        if !it.up || it.life != life {
            return;
        }
        if it.paused_until > now {
            let left = it.paused_until - now + 1;
            return self.after(left, Happening::Work { runner, life, key: key.to_owned() });
        }
        let Some(mut hand) = self.runners[runner].hands.remove(key) else { return };
        let limit = i64::from(hand.order.timeout_s) * 3_000;
        let late = now - hand.accepted > limit;
        let repeatable = !matches!(&hand.order.run, Run::Program(it) if !it.repeatable);
        match hand.stage {
            Stage::Accepted | Stage::Begun if late => {
                self.finish(runner, hand, StepOutcome::Inconclusive, Some("R301"));
            }
            Stage::Accepted if hand.resumed && !repeatable => {
                self.finish(runner, hand, StepOutcome::Inconclusive, Some("R501"));
            }
            Stage::Accepted => {
                if let Some(code) = self.forbidden(runner, &hand.order) {
                    return self.finish(runner, hand, StepOutcome::Failed, Some(code));
                }
                self.runners[runner].journal.insert(key.to_owned(), Known::Began);
                hand.stage = Stage::Begun;
                self.go_on(runner, hand, 6_000.0);
            }
            Stage::Begun => {
                if let Some(code) = self.forbidden(runner, &hand.order) {
                    return self.finish(runner, hand, StepOutcome::Failed, Some(code));
                }
                if self.faulty(Fault::StepFails, 0.01) {
                    return self.finish(runner, hand, StepOutcome::Failed, Some("R310"));
                }
                self.change_target(runner, &hand);
                hand.stage = Stage::Changed;
                self.go_on(runner, hand, 1_500.0);
            }
            Stage::Changed => {
                if self.faulty(Fault::StepFails, 0.004) {
                    return self.finish(runner, hand, StepOutcome::Inconclusive, Some("R408"));
                }
                self.finish(runner, hand, StepOutcome::Changed, None);
            }
        }
    }

    fn go_on(&mut self, runner: usize, hand: Hand, mean: f64) {
        let key = hand.order.key.clone();
        let limit = f64::from(hand.order.timeout_s) * 200.0;
        let wait = self.random.wait(mean.min(limit));
        let life = self.runners[runner].life;
        self.runners[runner].hands.insert(key.clone(), hand);
        self.after(wait, Happening::Work { runner, life, key });
    }

    /// The target is changed, and writes that into its own journal.
    fn change_target(&mut self, runner: usize, hand: &Hand) {
        let order = &hand.order;
        if matches!(&order.run, Run::Program(it) if it.artifact) {
            self.outside.install(&order.environment, &order.target.name, &order.service, order.digest);
        }
        let effect = Effect {
            clock: self.runners[runner].clock.now(),
            runner: self.runners[runner].name.to_string(),
            deployment: order.deployment.to_string(),
            unit: order.unit,
            step: order.step,
            key: order.key.clone(),
            fence: order.fence,
            digest: order.digest.to_string(),
            resumed: hand.resumed,
        };
        self.count("effects");
        self.say(|| format!("{} does {} under fence {}", effect.runner, effect.key, effect.fence));
        self.auditor.effect(&effect);
    }

    fn finish(&mut self, runner: usize, hand: Hand, outcome: StepOutcome, code: Option<&str>) {
        let it = &mut self.runners[runner];
        let order = hand.order;
        let at = it.clock.now();
        let report = Report {
            deployment: order.deployment,
            unit: order.unit,
            step: order.step,
            fence: order.fence,
            attempt: order.attempt,
            outcome,
            code: code.map(str::to_owned),
            message: String::new(),
            output: None,
            started: at,
            finished: at,
        };
        it.journal.insert(order.key.clone(), Known::Finished(report.clone()));
        it.reports.insert(order.key, report);
        self.send_reports(runner);
    }

    fn send_reports(&mut self, runner: usize) {
        let it = &self.runners[runner];
        if it.reports.is_empty() || !it.up {
            return;
        }
        let reports: Vec<Report> = it.reports.values().cloned().collect();
        let command = deployment::Command::Report { runner: it.name.clone(), reports };
        let (actor, life) = (Actor::runner(it.name.clone()), it.life);
        let id = self.ask(From::Report(runner, life), actor, vec![Command::Deployment(command)]);
        let node = self.random.below(self.nodes.len());
        let wait = self.delay();
        if !self.faulty(Fault::Lost, 0.02) {
            self.after(wait, Happening::Arrive { node, request: id });
        }
        if self.faulty(Fault::Doubled, 0.03) {
            let (other, again) = (self.random.below(self.nodes.len()), self.delay());
            self.after(again, Happening::Arrive { node: other, request: id });
        }
    }

    /// Reports that were taken in, or that can never matter, are forgotten.
    pub(super) fn report_answered(&mut self, runner: usize, life: u64, id: u64, answer: Answer) {
        if matches!(answer, Answer::Unavailable) {
            return;
        }
        let it = &mut self.runners[runner];
        if !it.up || it.life != life {
            return;
        }
        let Some(request) = self.requests.get(&id) else { return };
        let Some(Command::Deployment(deployment::Command::Report { reports, .. })) =
            request.submission.commands.first()
        else {
            return;
        };
        it.reports.retain(|_, kept| !reports.contains(kept));
    }

    pub(super) fn start_runner(&mut self, runner: usize) {
        let it = &mut self.runners[runner];
        if it.up {
            return;
        }
        it.up = true;
        // Reports that were not delivered wait on disk.
        self.poll_after(runner, 10);
        self.say(|| format!("runner {runner} starts"));
    }

    pub(super) fn crash_runner(&mut self, runner: usize) {
        let it = &mut self.runners[runner];
        it.up = false;
        it.life += 1;
        it.hands.clear();
        self.count("runner crashes");
        self.say(|| format!("runner {runner} dies"));
        // Some machines stay away for hours, and some for good; there is always one that comes back.
        let others = self.runners.iter().filter(|it| !it.gone).count() > 1;
        let (long, ever) = (self.random.chance(0.1), self.random.chance(0.7));
        let mean = if long && others { 7_200_000.0 } else { 60_000.0 };
        let wait = self.random.wait(mean);
        if long && others && !ever {
            self.runners[runner].gone = true;
            return;
        }
        self.after(wait, Happening::StartRunner { runner });
    }

    pub(super) fn resume_runner(&mut self, runner: usize) {
        self.say(|| format!("runner {runner} goes on"));
    }
}
