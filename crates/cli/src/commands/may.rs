//! `may`: a dry run of a decision, with every reason. The exit code says the answer.

use crate::{
    context::{Global, Output},
    failure::{Done, Failure},
    render::{machine, print},
    when::when,
};
use interlock_wire::{
    problem::Problem,
    reason::{MayAnswer, MayRequest},
};
use jiff::Timestamp;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock may deploy release 2026-11-checkout\n  interlock may roll-back release/2026-11-checkout\n  interlock may plan release 2026-11-checkout --at +2h"
)]
pub struct Args {
    /// An action, as `describe` lists it
    action: String,
    /// release, deployment, change, review, environment, rollback, analysis, artifact; also as noun/name
    noun: String,
    /// Id or name
    name: Option<String>,
    /// For planning: when
    #[arg(long, value_parser = when, allow_hyphen_values = true)]
    at: Option<Timestamp>,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let (kind, id) = match (&args.name, args.noun.split_once('/')) {
        (Some(name), _) => (args.noun.clone(), name.clone()),
        (None, Some((noun, name))) => (noun.to_owned(), name.to_owned()),
        (None, None) => {
            return Err(Failure::Usage(format!(
                "which {}? Name one: `interlock may {} {} <name>`",
                args.noun, args.action, args.noun
            )));
        }
    };
    let request = MayRequest { kind: kind.to_lowercase(), id, action: args.action, at: args.at };
    let answer: MayAnswer = global.client()?.post("/may", &request).await?;
    if let Some(text) = machine(global.output, &answer)? {
        print(&text);
    } else if answer.allowed {
        print(&format!("Yes: {}", answer.summary));
        if !answer.would_record.is_empty() {
            print(&format!("  would record: {}", answer.would_record.join(", ")));
        }
    }
    if answer.allowed { Ok(()) } else { Err(no(answer, global.output)) }
}

fn no(answer: MayAnswer, output: Output) -> Failure {
    if output != Output::Table {
        return Failure::Failed(format!("no: {}", answer.summary));
    }
    Failure::Refused(Box::new(Problem {
        kind: "urn:interlock:answer:no".into(),
        title: "No".into(),
        status: 409,
        detail: answer.summary,
        code: "no".into(),
        blockers: answer.reasons,
        slots: answer.slots,
        faults: Vec::new(),
        request_id: None,
    }))
}
