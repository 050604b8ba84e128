//! `template`: templates of standard changes.

use super::{
    act,
    board::{list, signing},
    tell,
};
use crate::{context::Global, failure::Done};
use interlock_wire::{
    reason::{Because, Receipt},
    template::{ApproveTemplate, ProposeTemplate},
};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List templates, their records and how far each is trusted
    #[command(after_help = "Example:\n  interlock template list")]
    List,
    /// Propose a template from the shape of an open release
    #[command(
        after_help = "Example:\n  interlock template propose storefront-weekly --from 2026-11-storefront --reason \"Weekly texts\""
    )]
    Propose {
        name: String,
        /// Name or id of the release
        #[arg(long)]
        from: String,
        /// Lower bound of the success rate from which on it is trusted, 0.5 to 0.999
        #[arg(long, default_value_t = 0.9)]
        bar: f64,
        #[arg(long, short)]
        reason: String,
    },
    /// Approve a template, and sign that with your password
    #[command(
        after_help = "Example:\n  interlock template approve storefront-weekly --reason \"Small, and it has a way back\""
    )]
    Approve {
        name: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Take a template out of use
    #[command(after_help = "Example:\n  interlock template withdraw storefront-weekly --reason \"The shop is new\"")]
    Withdraw {
        name: String,
        #[arg(long, short)]
        reason: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::List => list(global, "template", "/templates").await,
        Verb::Propose { name, from, bar, reason } => {
            let body = ProposeTemplate { name, release: from, bar, reason };
            let done: Receipt = global.client()?.post("/templates", &body).await?;
            tell(global, &done).await
        }
        Verb::Approve { name, reason } => {
            let signature = signing(&format!("template {name}"), None)?;
            act(global, "templates", &name, "approve", &ApproveTemplate { reason, signature }).await
        }
        Verb::Withdraw { name, reason } => act(global, "templates", &name, "withdraw", &Because { reason }).await,
    }
}
