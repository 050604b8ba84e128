//! `calendar`: may one ship then, when may one; lockdowns.

use super::{act_plainly, release, tell};
use crate::{
    client::Client,
    context::Global,
    failure::{Done, Failure},
    render::{Paint, machine, print, refusal, show, time},
    when::when,
};
use interlock_wire::{
    calendar::{CallLockdown, CheckAnswer, CheckRequest, ScopeSpec},
    length::Length,
    reason::Receipt,
};
use jiff::Timestamp;

/// What ships, and where.
#[derive(Debug, clap::Args)]
pub struct What {
    #[arg(long, short)]
    environment: String,
    /// May be given more than once
    #[arg(long, short, required = true)]
    service: Vec<String>,
    /// How long it takes [default: 1h]
    #[arg(long)]
    length: Option<Length>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Say whether one may ship then: exit code 0 if so, 1 if not
    #[command(after_help = "Example:\n  interlock calendar check --environment production --service checkout --at +2h")]
    Check {
        #[command(flatten)]
        what: What,
        #[arg(long, value_parser = when, default_value = "now", allow_hyphen_values = true)]
        at: Timestamp,
    },
    /// Name the next free slots
    #[command(
        after_help = "Example:\n  interlock calendar slots --environment production --service checkout --length 2h --from now"
    )]
    Slots {
        #[command(flatten)]
        what: What,
        #[arg(long, value_parser = when, default_value = "now", allow_hyphen_values = true)]
        from: Timestamp,
    },
    /// Stop everything in a scope, now, until it is lifted
    #[command(
        after_help = "Example:\n  interlock calendar lockdown --environment production --reason \"Power failure\""
    )]
    Lockdown {
        #[arg(long, short)]
        reason: String,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        environment: Vec<String>,
        /// Empty: all. May be given more than once
        #[arg(long, short)]
        service: Vec<String>,
    },
    /// Lift a lockdown
    #[command(after_help = "Example:\n  interlock calendar lift lck_01h")]
    Lift { id: String },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Check { what, at } => {
            let answer = ask(&global.client()?, &what, at).await?;
            match machine(global.output, &answer)? {
                Some(text) => print(&text),
                None => print(&told(&answer, at)),
            }
            if answer.allowed { Ok(()) } else { Err(Failure::Failed(format!("closed at {}", time(at)))) }
        }
        Verb::Slots { what, from } => {
            let answer = ask(&global.client()?, &what, from).await?;
            show(global.output, &answer.slots, |it| release::slots(it))
        }
        Verb::Lockdown { reason, environment, service } => {
            let scope = ScopeSpec {
                environments: environment.into_iter().collect(),
                services: service.into_iter().collect(),
                ..Default::default()
            };
            let done: Receipt = global.client()?.post("/lockdowns", &CallLockdown { scope, reason }).await?;
            tell(global, &done).await
        }
        Verb::Lift { id } => act_plainly(global, "lockdowns", &id, "lift").await,
    }
}

async fn ask(client: &Client, what: &What, at: Timestamp) -> Done<CheckAnswer> {
    check(client, &what.environment, &what.service, at, what.length).await
}

/// May these services ship to an environment at `at`, and when may they from then on?
///
/// # Errors
/// As any request.
pub async fn check(
    client: &Client,
    environment: &str,
    services: &[String],
    at: Timestamp,
    length: Option<Length>,
) -> Done<CheckAnswer> {
    let services = services.iter().cloned().collect();
    let request =
        CheckRequest { services, environment: environment.into(), at: Some(at), from: None, until: None, length };
    client.post("/calendar/check", &request).await
}

fn told(it: &CheckAnswer, at: Timestamp) -> String {
    let now = Timestamp::now();
    let mut lines = vec![format!("{} is {}", time(at), if it.allowed { "open" } else { "closed" })];
    lines.extend(refusal::blockers(&it.reasons, Paint::stdout(), now));
    lines.extend(it.next_close.map(|at| format!("  closes {}", time(at))));
    lines.extend(it.next_open.map(|at| format!("  opens {}", time(at))));
    lines.extend(refusal::slots(&it.slots, now));
    lines.join("\n")
}
