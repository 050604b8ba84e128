//! `change`: approve, reject, withdraw, conditions.

use super::act;
use crate::{
    client::segment,
    context::Global,
    failure::{Done, Failure},
};
use interlock_wire::{
    change::{Approve, Change, Condition, MeetCondition, Reject},
    reason::Because,
};

/// An approval.
#[derive(Debug, clap::Args)]
pub struct Approval {
    /// Why; kept with the entry
    #[arg(long, short)]
    reason: String,
    /// What has to be true before it ships; each becomes a gate. May be given more than once
    #[arg(long, value_name = "TEXT")]
    condition: Vec<String>,
    /// Login of whoever delegated the decision
    #[arg(long, value_name = "LOGIN")]
    on_behalf_of: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Approve a change
    #[command(after_help = "Example:\n  interlock change approve chg_01h --reason \"Tests read\"")]
    Approve {
        id: String,
        #[command(flatten)]
        decision: Approval,
    },
    /// Reject a change
    #[command(after_help = "Example:\n  interlock change reject chg_01h --reason \"No way back\"")]
    Reject {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Take one's own decision back
    #[command(after_help = "Example:\n  interlock change withdraw chg_01h --reason \"New facts\"")]
    Withdraw {
        id: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Say that a condition is met
    #[command(after_help = "Example:\n  interlock change meet chg_01h con_01h --evidence \"Mail of 10:12\"")]
    Meet {
        id: String,
        /// Id of the condition, or the beginning of its text; may be left out if only one is open
        condition: Option<String>,
        #[arg(long)]
        evidence: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Approve { id, decision } => approve(global, &id, decision).await,
        Verb::Reject { id, reason } => reject(global, &id, reason).await,
        Verb::Withdraw { id, reason } => act(global, "changes", &id, "withdraw", &Because { reason }).await,
        Verb::Meet { id, condition, evidence } => meet(global, &id, condition.as_deref(), evidence).await,
    }
}

pub async fn approve(global: &Global, id: &str, it: Approval) -> Done {
    let body = Approve { reason: it.reason, conditions: it.condition, on_behalf_of: it.on_behalf_of };
    act(global, "changes", id, "approve", &body).await
}

pub async fn reject(global: &Global, id: &str, reason: String) -> Done {
    act(global, "changes", id, "reject", &Reject { reason, on_behalf_of: None }).await
}

pub async fn meet(global: &Global, id: &str, condition: Option<&str>, evidence: String) -> Done {
    let change: Change = global.client()?.get(&format!("/changes/{}", segment(id))).await?;
    let condition = pick(&change.conditions, condition)?.id.clone();
    act(global, &format!("changes/{}/conditions", segment(id)), &condition, "meet", &MeetCondition { evidence }).await
}

/// The condition that is meant.
///
/// # Errors
/// None, or more than one, fits.
pub fn pick<'a>(all: &'a [Condition], wanted: Option<&str>) -> Done<&'a Condition> {
    let open = || all.iter().filter(|it| it.met_at.is_none());
    let fitting: Vec<&Condition> = match wanted {
        Some(text) => all.iter().filter(|it| it.id == text || it.text.starts_with(text)).collect(),
        None => open().collect(),
    };
    match fitting.as_slice() {
        [only] => Ok(only),
        _ => {
            let named: Vec<String> = open().map(|it| format!("{} ({})", it.id, it.text)).collect();
            let open =
                if named.is_empty() { "none is open".to_owned() } else { format!("open are: {}", named.join("; ")) };
            Err(Failure::Usage(format!("{} conditions fit; name one by its id: {open}", fitting.len())))
        }
    }
}
