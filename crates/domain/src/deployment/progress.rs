//! How a deployment moves on: which steps may be handed out, when a phase or a wave is over. Questions about one deployment,
//! answered from its state alone.

use super::*;
use jiff::{SignedDuration, Timestamp};

impl Deployment {
    /// The next step of a unit and its index; `None` when the unit has none left. On the way back some steps are left out.
    pub fn next_step(&self, unit: u32) -> Option<(u32, &PipelineStep)> {
        self.steps_left(unit).next()
    }

    /// The steps a unit has left, with their indices.
    pub fn steps_left(&self, unit: u32) -> impl Iterator<Item = (u32, &PipelineStep)> {
        let from = self.progress.get(unit as usize).map_or(usize::MAX, |it| it.next as usize);
        let left_out = |step: &PipelineStep| self.direction.is_back() && step.on_rollback == OnRollback::Skip;
        let steps = self.pipeline.steps.iter().enumerate().skip(from);
        steps.map(|(index, step)| (index as u32, step)).filter(move |(_, step)| !left_out(step))
    }

    /// The last of the steps that are handed out together with a unit's next one: of the same phase, wanting the same runner.
    pub(super) fn through(&self, unit: u32) -> Option<u32> {
        let (_, first) = self.next_step(unit)?;
        let ahead = self.pipeline.ahead.max(1) as usize;
        let together = self
            .steps_left(unit)
            .take(ahead)
            .take_while(|(_, it)| it.phase == first.phase && it.runner == first.runner);
        together.last().map(|(index, _)| index)
    }

    /// Steps in the hands of runners.
    pub fn leased(&self) -> impl Iterator<Item = (u32, &Lease)> {
        let progress = self.progress.iter().enumerate();
        progress.filter_map(|(unit, progress)| progress.lease.as_ref().map(|lease| (unit as u32, lease)))
    }

    pub fn has_failed(&self) -> bool {
        self.progress.iter().any(|progress| progress.failed)
    }

    /// Units whose next step may be handed out now: in order, no more than the pipeline runs at once. None once a unit failed.
    pub fn runnable(&self) -> Vec<u32> {
        if self.status != Status::Running || self.paused || !self.held.is_empty() || self.has_failed() {
            return Vec::new();
        }
        let free = (self.pipeline.max_parallel as usize).saturating_sub(self.leased().count());
        let unfinished: Vec<u32> = self.in_wave().filter(|unit| !self.finished(*unit)).collect();
        let rank = |unit: &u32| self.units.get(*unit as usize).map_or(0, |it| it.rank);
        let lowest = unfinished.iter().map(rank).min();
        let idle = |unit: &u32| self.progress.get(*unit as usize).is_some_and(|it| it.lease.is_none());
        unfinished.into_iter().filter(|unit| Some(rank(unit)) == lowest && idle(unit)).take(free).collect()
    }

    fn in_wave(&self) -> impl Iterator<Item = u32> {
        let units = self.units.iter().enumerate();
        units.filter(|(_, unit)| unit.wave == self.wave).map(|(index, _)| index as u32)
    }

    /// Whether a unit has done all its steps of the current phase.
    fn finished(&self, unit: u32) -> bool {
        self.next_step(unit).is_none_or(|(_, step)| step.phase > self.phase)
    }

    /// What follows from where the deployment stands, until something has to happen outside.
    pub(super) fn advance(&self, now: Timestamp) -> Vec<Event> {
        let mut at = self.clone();
        let mut events = Vec::new();
        while let Some(event) = at.next_move(now) {
            match &event {
                Event::PhaseEnded(it) => {
                    at.status = it.status;
                    at.wave = it.wave;
                    at.phase = it.phase;
                }
                Event::Ended(it) => at.status = it.status,
                _ => {}
            }
            events.push(event);
        }
        events
    }

    fn next_move(&self, now: Timestamp) -> Option<Event> {
        let moved =
            |wave, phase, status| Some(Event::PhaseEnded(PhaseEnded { deployment: self.id, wave, phase, status }));
        let ended = |status| Some(Event::Ended(Ended { deployment: self.id, status, reason: None }));
        let idle = self.leased().next().is_none();
        match self.status {
            Status::Stopping if idle => return ended(Status::Aborted),
            Status::Running if self.has_failed() && idle => return moved(self.wave, self.phase, Status::Blocked),
            Status::Baking { until } if until <= now => return moved(self.wave + 1, Phase::Deploy, Status::Running),
            Status::Running if self.has_failed() || self.in_wave().any(|unit| !self.finished(unit)) => return None,
            Status::Running => {}
            Status::Judging
            | Status::Baking { .. }
            | Status::Blocked
            | Status::Stopping
            | Status::Succeeded
            | Status::Aborted => return None,
        }
        let wave = self.waves.get(self.wave as usize);
        let judged = wave.is_some_and(|wave| wave.canary.is_some()) && !self.direction.is_back();
        let last = self.wave as usize + 1 >= self.waves.len();
        let bake = SignedDuration::from_secs(wave.map_or(0, |wave| wave.bake_s).into());
        match self.phase {
            Phase::Deploy if judged => moved(self.wave, Phase::Deploy, Status::Judging),
            Phase::Deploy => moved(self.wave, Phase::Settle, Status::Running),
            Phase::Settle if last => ended(Status::Succeeded),
            Phase::Settle if bake.is_zero() => moved(self.wave + 1, Phase::Deploy, Status::Running),
            Phase::Settle => {
                moved(self.wave, Phase::Settle, Status::Baking { until: now.checked_add(bake).unwrap_or(now) })
            }
        }
    }
}
