//! Program steps: check, apply, verify; or undo.
//!
//! Invariants: permit and artefact are proved before each run, not once; only a `check` that says "unchanged" skips `apply`; an
//! interrupted change is repeated only after a `check`, or when the step says that it is repeatable.

use super::Done;
use crate::execute::Attempt;
use crate::fault::{Code, Fault};
use crate::journal::Record;
use crate::process::Run;
use crate::protocol::{Verb, document, judge};
use interlock_wire::runner::{Operation, Outcome, ProgramStep};

pub async fn run(attempt: &Attempt<'_>, step: &ProgramStep) -> Result<Done, Fault> {
    match attempt.order.operation {
        Operation::Apply => apply(attempt, step).await,
        Operation::Undo => undo(attempt, step).await,
    }
}

async fn apply(attempt: &Attempt<'_>, step: &ProgramStep) -> Result<Done, Fault> {
    let interrupted = attempt.interrupted().is_some();
    match &step.check {
        Some(check) => {
            let (outcome, message) =
                one(attempt, step, Verb::Check, check).await.map_err(|fault| fault.within("check"))?;
            if outcome == Outcome::Unchanged {
                let before = if interrupted { "already done before an interruption" } else { "already done" };
                return Ok((Outcome::Unchanged, joined(before, &message)));
            }
        }
        None if interrupted && !step.repeatable => return Err(may_have_run("apply")),
        None => {}
    }
    let (outcome, message) =
        one(attempt, step, Verb::Apply, &step.apply).await.map_err(|fault| fault.within("apply"))?;
    if let Some(verify) = &step.verify {
        one(attempt, step, Verb::Verify, verify).await.map_err(|fault| match fault.outcome {
            Outcome::Failed if is_the_programs(fault.code) => {
                Fault::failed(Code::VerifyFailed, fault.within("applied, but verify says no").message)
            }
            _ => fault.within("verify"),
        })?;
    }
    let done = if outcome == Outcome::Changed { "applied" } else { "nothing to change" };
    Ok((outcome, joined(done, &message)))
}

async fn undo(attempt: &Attempt<'_>, step: &ProgramStep) -> Result<Done, Fault> {
    let Some(undo) = &step.undo else {
        return Err(Fault::failed(Code::NoUndo, "the step declares no undo"));
    };
    if attempt.interrupted().is_some() && !step.repeatable {
        return Err(may_have_run("undo"));
    }
    let (outcome, message) = one(attempt, step, Verb::Undo, undo).await.map_err(|fault| fault.within("undo"))?;
    Ok((outcome, joined("taken back", &message)))
}

/// Whether the fault is what the program found, rather than what kept it from finding anything.
fn is_the_programs(code: Code) -> bool {
    matches!(code, Code::ProgramExit | Code::ProgramSaidFailed)
}

fn may_have_run(what: &str) -> Fault {
    let message =
        format!("`{what}` was interrupted and may have run; the step has no check for it and is not repeatable");
    Fault::inconclusive(Code::Interrupted, message)
}

fn joined(done: &str, message: &str) -> String {
    if message.is_empty() { done.to_owned() } else { format!("{done}: {message}") }
}

async fn one(attempt: &Attempt<'_>, step: &ProgramStep, verb: Verb, command: &[String]) -> Result<Done, Fault> {
    attempt.permit()?;
    let dir = attempt.work_dir()?;
    attempt.fetch().await?;
    let executor = attempt.executor;
    let mut ready = Run {
        command,
        programs: &executor.programs,
        env: &step.env,
        key: &attempt.order.key,
        dir: &dir,
        deadline: attempt.deadline,
        grace: executor.config.kill_grace,
        output_limit: executor.config.output_limit,
    }
    .prepare()?;
    if verb.changes() {
        attempt.begin().await?;
    }
    // Downloading and journaling took time: bytes and permit are proved last, right before the program starts.
    let artifact = attempt.prove().await?;
    attempt.permit()?;
    attempt.transcript.line(&format!("[{}] {}", verb.as_str(), command.join(" ")));
    ready.input(document(verb, attempt.order, artifact.as_ref().map(|path| path.to_string_lossy()).as_deref()));
    let note = |group| {
        if verb.changes() {
            executor.journal.note(Record::Spawned { key: attempt.order.key.clone(), group });
        }
    };
    let (end, said) = ready.run(attempt.transcript, note).await?;
    attempt.learn(&said.facts);
    judge(end, &said)
}
