//! `change`: approve, reject, withdraw, conditions, documents; what a class asks for.

use super::{act, board::signing, tell};
use crate::{
    client::segment,
    context::Global,
    failure::{Done, Failure},
};
use interlock_wire::{
    artifact::Blob,
    change::{Approve, AttachDocument, BoardRule, Change, Condition, FlowSpec, Level, MeetCondition, Reject},
    length::Length,
    reason::{Because, Receipt},
    signature::Signing,
};
use reqwest::Method;

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
    /// Sign it with your password
    #[arg(long)]
    sign: bool,
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
    /// Attach a file as a document of some kind
    #[command(
        after_help = "Example:\n  interlock change document chg_01h test-report report.pdf --remark \"All green\""
    )]
    Document {
        id: String,
        /// Such as test-report
        kind: String,
        file: std::path::PathBuf,
        #[arg(long)]
        remark: String,
    },
    /// Set what a class of change asks for, as a whole
    #[command(
        after_help = "Example:\n  interlock change flow normal --lead-time 2d --document test-report --board cab --from high"
    )]
    Flow {
        /// standard, normal or emergency
        class: String,
        #[arg(long, default_value = "0s")]
        lead_time: Length,
        /// Kind of a document; may be given more than once
        #[arg(long)]
        document: Vec<String>,
        /// Name of the board that decides
        #[arg(long, requires = "from")]
        board: Option<String>,
        /// Impact from which on the board decides: low, medium or high
        #[arg(long, requires = "board", value_parser = level)]
        from: Option<Level>,
        /// Approvals are signed
        #[arg(long)]
        signed: bool,
        /// Of emergencies: when the approval after the event is due
        #[arg(long, default_value = "1d")]
        ratify_within: Length,
        /// Of emergencies: when the review is due
        #[arg(long, default_value = "3d")]
        review_within: Length,
        /// Of emergencies: how many one group of owners may make in 30 days [default: any number]
        #[arg(long)]
        budget: Option<u32>,
    },
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "low" => Ok(Level::Low),
        "medium" => Ok(Level::Medium),
        "high" => Ok(Level::High),
        _ => Err("give low, medium or high".into()),
    }
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Approve { id, decision } => approve(global, &id, decision).await,
        Verb::Reject { id, reason } => reject(global, &id, reason).await,
        Verb::Withdraw { id, reason } => act(global, "changes", &id, "withdraw", &Because { reason }).await,
        Verb::Document { id, kind, file, remark } => document(global, &id, (kind, file, remark)).await,
        Verb::Flow { class, lead_time, document, board, from, signed, ratify_within, review_within, budget } => {
            let board = board.zip(from).map(|(board, from)| BoardRule { board, from });
            let spec = FlowSpec { lead_time, documents: document, board, signed, ratify_within, review_within, budget };
            let done: Receipt = global.client()?.put(&format!("/flows/{}", segment(&class)), &spec).await?;
            tell(global, &done).await
        }
        Verb::Meet { id, condition, evidence } => meet(global, &id, condition.as_deref(), evidence).await,
    }
}

pub async fn approve(global: &Global, id: &str, it: Approval) -> Done {
    let signature = if it.sign {
        let found: Change = global.client()?.get(&format!("/changes/{}", segment(id))).await?;
        signing(&format!("your approval of {}", found.row.name), Some(found.seen))?
    } else {
        Signing::default()
    };
    let body = Approve { reason: it.reason, conditions: it.condition, on_behalf_of: it.on_behalf_of, signature };
    act(global, "changes", id, "approve", &body).await
}

pub async fn reject(global: &Global, id: &str, reason: String) -> Done {
    act(global, "changes", id, "reject", &Reject { reason, on_behalf_of: None, signature: Signing::default() }).await
}

async fn document(global: &Global, id: &str, (kind, file, remark): (String, std::path::PathBuf, String)) -> Done {
    let bytes = std::fs::read(&file)
        .map_err(|error| Failure::Failed(format!("`{}` cannot be read: {error}", file.display())))?;
    let client = global.client()?;
    let blob: Blob = client.send_bytes(Method::PUT, "/blobs", "application/octet-stream", bytes).await?;
    act(global, "changes", id, "documents", &AttachDocument { kind, digest: blob.digest, remark }).await
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
