//! Deployments: carrying one release's artefacts to the targets of one environment, wave by wave, or taking them back.
//!
//! Invariants: at most one deployment runs in an environment; the plan leaves no choices to whoever executes it; a step is handed
//! out under a fence, and a report under another fence changes nothing; a completed step is never handed out again; permit,
//! calendar, quarantine and claims are checked again whenever steps are handed out; a permit that has lost its ground is revoked,
//! and another one is issued once it has it again. Deliberately absent: how a step is executed
//! (the runner), and what the measurements say (verification).

mod check;
mod command;
mod decide;
mod event;
mod exchange;
mod hold;
mod obstacle;
mod pipeline;
mod plan;
mod progress;
mod state;
mod step;

pub use command::{Ask, Command, Report, STOP};
pub use decide::{decide, owed, react};
pub use event::*;
pub use pipeline::{
    ATTEMPTS_BACK, HttpStep, OnRevocation, OnRollback, Phase, Pipeline, PipelineStep, ProgramStep, Run, TrafficStep,
};
pub(crate) use plan::targets_of;
pub use plan::{PlannedWave, Unit, plan_back, plan_forward};
pub use state::{Deployment, Direction, Installed, Lease, Progress, State, Status, StepOutcome, StepResult};
pub use step::{Operation, StepOrder, order, orders};
