//! `review`: what went wrong, why, and what will be done.

use super::act;
use crate::{
    client::Object,
    context::Global,
    failure::Done,
    nouns,
    render::{show, table::table},
    when::when,
};
use interlock_wire::learning::{CompleteReview, FollowUpSpec};
use jiff::{SignedDuration, Timestamp};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List reviews
    #[command(after_help = "Example:\n  interlock review list --status open")]
    List {
        /// open or done
        #[arg(long)]
        status: Option<String>,
    },
    /// Complete a review: cause, factors, and at least one action somebody answers for
    #[command(
        after_help = "Example:\n  interlock review complete rev_01h --root-cause \"Orders shared a draft\" --action \"Test with concurrent orders\" --owner dana --due +7d"
    )]
    Complete {
        id: String,
        #[arg(long)]
        root_cause: String,
        /// What contributed; may be given more than once
        #[arg(long)]
        factor: Vec<String>,
        /// What will be done; may be given more than once
        #[arg(long, required = true)]
        action: Vec<String>,
        /// Login of whoever does it
        #[arg(long)]
        owner: String,
        /// Until when [default: in 14 days]
        #[arg(long, value_parser = when)]
        due: Option<Timestamp>,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::List { status } => {
            let noun = nouns::find("review")?;
            let items: Vec<Object> = global
                .client()?
                .list(&format!("/reviews{}", crate::client::query(&[("status", status)])), usize::MAX)
                .await?;
            show(global.output, &items, |items| {
                let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
                table(&titles, &items.iter().map(|it| noun.row(it)).collect::<Vec<_>>())
            })
        }
        Verb::Complete { id, root_cause, factor, action, owner, due } => {
            let due = due.unwrap_or_else(|| Timestamp::now() + SignedDuration::from_hours(14 * 24));
            let actions = action.into_iter().map(|text| FollowUpSpec { text, owner: owner.clone(), due }).collect();
            act(global, "reviews", &id, "complete", &CompleteReview { root_cause, factors: factor, actions }).await
        }
    }
}
