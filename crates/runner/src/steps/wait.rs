//! A pause, measured from when it first began: an interrupted pause is not waited out twice.

use super::Done;
use crate::execute::Attempt;
use crate::fault::Fault;
use interlock_wire::runner::{Outcome, WaitStep};
use std::time::Duration;

pub async fn run(attempt: &Attempt<'_>, step: &WaitStep) -> Result<Done, Fault> {
    attempt.permit()?;
    let waited = match attempt.interrupted() {
        Some(at) => attempt.now().duration_since(at).as_millis().try_into().unwrap_or(0),
        None => {
            attempt.begin().await?;
            0
        }
    };
    tokio::time::sleep(Duration::from_millis(step.ms.saturating_sub(waited))).await;
    Ok((Outcome::Changed, format!("waited {} ms", step.ms)))
}
