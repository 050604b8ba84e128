//! Trouble, and its end: crashes, pauses, clocks that are set, disks that grow slow, figures that cannot be read.

use super::{Fault, Happening, Sim, node};
use crate::house::bytes_of;
use interlock_domain::core::{Actor, Command, World};
use std::sync::atomic::Ordering;

/// How often each kind of trouble comes, on the average, in milliseconds.
fn every(fault: Fault) -> Option<f64> {
    const HOUR: f64 = 3_600_000.0;
    match fault {
        Fault::NodeCrash => Some(HOUR * 0.7),
        Fault::RunnerCrash => Some(HOUR * 0.5),
        Fault::RunnerPause | Fault::DiskSlow => Some(HOUR),
        Fault::ClockJump => Some(HOUR * 3.0),
        Fault::NoData => Some(HOUR * 1.5),
        Fault::Lost
        | Fault::Doubled
        | Fault::Delayed
        | Fault::DiskFails
        | Fault::AnswerLost
        | Fault::Skew
        | Fault::StepFails => None,
    }
}

impl Sim {
    pub(super) fn trouble_later(&mut self, fault: Fault) {
        let Some(mean) = every(fault) else { return };
        let wait = self.random.wait(mean / 6.0);
        self.after(wait, Happening::Trouble(fault));
    }

    pub(super) fn trouble(&mut self, fault: Fault) {
        if self.calm {
            return;
        }
        // Trouble comes where it hurts: six times as often while something is being deployed.
        let busy = self.nodes.iter().any(|it| !it.world.deployment.running.is_empty());
        if !busy && self.random.chance(5.0 / 6.0) {
            return self.trouble_later(fault);
        }
        let now = self.now();
        match fault {
            Fault::NodeCrash => self.crash_node(),
            Fault::RunnerCrash => {
                let runner = self.random.below(self.runners.len());
                if self.runners[runner].up {
                    self.crash_runner(runner);
                }
            }
            Fault::RunnerPause => {
                let runner = self.random.below(self.runners.len());
                let length = self.random.wait(240_000.0);
                self.runners[runner].paused_until = now + length;
                self.count("runners paused");
                self.say(|| format!("runner {runner} stands still for {} s", length / 1_000));
                self.after(length, Happening::Resume { runner });
            }
            Fault::DiskSlow => {
                let node = self.random.below(self.nodes.len());
                self.nodes[node].slow_until = now + self.random.wait(120_000.0);
            }
            Fault::ClockJump => {
                let off = self.random.between(-90_000, 90_000);
                let node = self.random.below(self.nodes.len() + self.runners.len());
                match self.nodes.get(node) {
                    Some(it) => it.clock.off.store(off, Ordering::Relaxed),
                    None => self.runners[node - self.nodes.len()].clock.off.store(off, Ordering::Relaxed),
                }
                self.count("clocks set");
                self.say(|| format!("clock {node} is set {off} ms off"));
            }
            Fault::NoData => {
                self.outside.blind_until = now + self.random.wait(400_000.0);
                self.say(|| "no figures can be read".into());
            }
            Fault::Lost
            | Fault::Doubled
            | Fault::Delayed
            | Fault::DiskFails
            | Fault::AnswerLost
            | Fault::Skew
            | Fault::StepFails => {}
        }
        self.trouble_later(fault);
    }

    /// A node dies: whatever it had in mind is gone, whatever is on disk is not.
    fn crash_node(&mut self) {
        let node = self.random.below(self.nodes.len());
        let it = &mut self.nodes[node];
        if !it.up {
            return;
        }
        it.up = false;
        it.life += 1;
        it.waiting.clear();
        it.writing = None;
        it.under_way.clear();
        self.count("node crashes");
        self.say(|| format!("node {node} dies"));
        let wait = self.random.wait(20_000.0);
        self.after(wait, Happening::StartNode { node });
    }

    /// It comes back, from a snapshot of some size or from nothing, and knows what the ledger says.
    pub(super) fn start_node(&mut self, node: usize) {
        if self.nodes[node].up {
            return;
        }
        let before = self.nodes[node].world.clone();
        // Mostly it is taken to know what it knew: folding everything anew each time would show nothing more, and take long.
        let drawn = self.random.below(12);
        let mut world = match drawn {
            0 => World::default(),
            1 => crate::house::world_of(&bytes_of(&before)),
            _ => before.clone(),
        };
        let upto = before.position;
        if drawn == 0 {
            // Folded anew up to where it was, it knows what it knew.
            fold_until(self, node, &mut world, upto);
            if bytes_of(&world) != bytes_of(&before) {
                self.auditor.report("replay", format!("node {node} knew another world than its entries give"));
            }
        }
        node::fold(self.ledger.as_ref(), &mut world);
        let it = &mut self.nodes[node];
        it.world = world;
        it.up = true;
        self.say(|| format!("node {node} starts"));
        self.perform(node);
        self.write_soon(node);
    }

    /// Nothing fails any more; people bring to an end what they have begun.
    pub(super) fn grow_calm(&mut self) {
        self.calm = true;
        self.say(|| "calm".into());
        for node in 0..self.nodes.len() {
            self.start_node(node);
            self.nodes[node].clock.off.store(0, Ordering::Relaxed);
            self.nodes[node].slow_until = 0;
        }
        for runner in 0..self.runners.len() {
            if !self.runners[runner].gone {
                self.start_runner(runner);
            }
            self.runners[runner].paused_until = 0;
            self.runners[runner].clock.off.store(0, Ordering::Relaxed);
        }
        self.outside.blind_until = 0;
        let view = self.nodes[0].world.clone();
        let admin = self.cast.accounts["admin"];
        for lockdown in view.calendar.lockdowns.values().filter(|it| it.lifted.is_none()).map(|it| it.id) {
            let command = Command::Calendar(interlock_domain::calendar::Command::LiftLockdown { lockdown });
            let id = self.ask(super::From::Person, Actor::account(admin), vec![command]);
            self.send(id);
        }
        self.call_runners();
    }
}

fn fold_until(sim: &Sim, node: usize, world: &mut World, upto: u64) {
    use interlock_domain::core::{self, Meta, Record};
    while world.position < upto {
        let wanted = (upto - world.position) as usize;
        let entries =
            sim.nodes[node].means.ledger.read(world.position, wanted).expect("a ledger in memory can be read");
        if entries.is_empty() {
            return;
        }
        for entry in entries {
            let record = Record::decode(&entry.body).expect("what was written can be read");
            core::apply(world, &record.event, &Meta { position: entry.position, at: record.at, by: record.by });
        }
    }
}
