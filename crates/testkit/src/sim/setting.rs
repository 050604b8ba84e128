//! What is simulated: everything that, with the program, determines a run to the byte.

use super::planted::Planted;

/// What can go wrong outside the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    NodeCrash,
    RunnerCrash,
    /// A runner stands still for minutes and then goes on as if nothing had been.
    RunnerPause,
    Lost,
    Doubled,
    Delayed,
    /// An append fails and nothing is stored.
    DiskFails,
    /// An append is stored, and whoever appended is told that it failed.
    AnswerLost,
    DiskSlow,
    /// Clocks of nodes and runners are some seconds apart.
    Skew,
    /// A clock is set by minutes.
    ClockJump,
    /// Figures cannot be read for a while.
    NoData,
    /// Steps fail, or end so that nobody can tell.
    StepFails,
}

impl Fault {
    pub const ALL: [Fault; 13] = [
        Fault::NodeCrash,
        Fault::RunnerCrash,
        Fault::RunnerPause,
        Fault::Lost,
        Fault::Doubled,
        Fault::Delayed,
        Fault::DiskFails,
        Fault::AnswerLost,
        Fault::DiskSlow,
        Fault::Skew,
        Fault::ClockJump,
        Fault::NoData,
        Fault::StepFails,
    ];
}

#[derive(Clone, Debug)]
pub struct Setting {
    pub seed: u64,
    /// Hours of the story proper, with faults; then come `calm` hours without.
    pub hours: u32,
    pub calm: u32,
    pub nodes: usize,
    pub runners: usize,
    pub faults: Vec<Fault>,
    /// How many acts people have at most.
    pub acts: usize,
    pub planted: Option<&'static Planted>,
}

impl Setting {
    /// What a seed stands for: one to three nodes, one to three runners, most faults.
    pub fn of(seed: u64) -> Self {
        let mut random = super::random::Random::new(seed ^ 0x5e77_1e5e_ed5e_ed00);
        let nodes = 1 + random.below(3);
        let runners = 1 + random.below(3);
        let faults = Fault::ALL.into_iter().filter(|_| random.chance(0.75)).collect();
        Self { seed, hours: 30, calm: 8, nodes, runners, faults, acts: 5_000, planted: None }
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}
