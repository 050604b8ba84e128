//! `emergency`: what is owed after emergencies, and broken glasses.

use super::{
    act,
    board::{list, signing},
};
use crate::{client::segment, context::Global, failure::Done};
use interlock_wire::{
    change::Change,
    emergency::{BreakGlass, ConfirmGlass, Ratify},
    length::Length,
    reason::Because,
};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List what is owed after emergencies
    #[command(after_help = "Example:\n  interlock emergency debts")]
    Debts,
    /// Approve an emergency after the event, and sign that with your password
    #[command(after_help = "Example:\n  interlock emergency ratify chg_01h --reason \"Right, and well done\"")]
    Ratify {
        /// Id of the change
        change: String,
        #[arg(long, short)]
        reason: String,
        /// Object instead
        #[arg(long)]
        object: bool,
    },
    /// List broken glasses
    #[command(after_help = "Example:\n  interlock emergency glasses")]
    Glasses,
    /// Break the glass: ask for a way round gates of a release; a second person has to confirm it
    #[command(
        after_help = "Example:\n  interlock emergency break-glass 2026-11-hotfix --gate approvals --gate calendar --lasts 30m --reason \"Orders fail\""
    )]
    BreakGlass {
        /// Name or id of the release
        release: String,
        /// Name of a gate; may be given more than once
        #[arg(long, required = true)]
        gate: Vec<String>,
        /// For how long, 1 minute to 4 hours
        #[arg(long, default_value = "1h")]
        lasts: Length,
        #[arg(long, short)]
        reason: String,
    },
    /// Confirm a broken glass as the second person
    #[command(after_help = "Example:\n  interlock emergency confirm gls_01h --reason \"Seen it with my own eyes\"")]
    Confirm {
        glass: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Give a broken glass up before its time
    #[command(after_help = "Example:\n  interlock emergency end gls_01h --reason \"Not needed any more\"")]
    End {
        glass: String,
        #[arg(long, short)]
        reason: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Debts => list(global, "debt", "/debts").await,
        Verb::Ratify { change, reason, object } => {
            let found: Change = global.client()?.get(&format!("/changes/{}", segment(&change))).await?;
            let signature = signing(&format!("what you say of {}", found.row.name), Some(found.seen))?;
            let action = if object { "object" } else { "ratify" };
            act(global, "changes", &change, action, &Ratify { reason, signature }).await
        }
        Verb::Glasses => list(global, "glass", "/glasses").await,
        Verb::BreakGlass { release, gate, lasts, reason } => {
            let signature = signing(&format!("the broken glass for {release}"), None)?;
            let body = BreakGlass { gates: gate, lasts, reason, signature };
            act(global, "releases", &release, "break-glass", &body).await
        }
        Verb::Confirm { glass, reason } => {
            let signature = signing("the broken glass", None)?;
            act(global, "glasses", &glass, "confirm", &ConfirmGlass { reason, signature }).await
        }
        Verb::End { glass, reason } => act(global, "glasses", &glass, "end", &Because { reason }).await,
    }
}
