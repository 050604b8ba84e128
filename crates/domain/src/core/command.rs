//! Every command there is, one line per room.

use crate::*;

/// Something somebody wants to happen.
#[derive(Clone, Debug)]
pub enum Command {
    Policy(policy::Command),
    People(people::Command),
    Intake(intake::Command),
    Catalog(catalog::Command),
    Calendar(calendar::Command),
    Environment(environment::Command),
    Runner(runner::Command),
    Artifact(artifact::Command),
    Change(change::Command),
    Board(board::Command),
    Release(release::Command),
    Template(template::Command),
    Deployment(deployment::Command),
    Verification(verification::Command),
    Operations(operations::Command),
    Rollback(rollback::Command),
    Emergency(emergency::Command),
    Learning(learning::Command),
}
