//! `runner`: work for a server elsewhere; and, for administrators, who may.

mod enrol;
mod work;

use super::{act, act_plainly, get::pair};
use crate::{
    context::{Global, write_private},
    failure::Done,
    nouns,
    render::{show, table::table, time},
};
use interlock_wire::{
    length::Length,
    reason::Because,
    runner::{InviteRunner, RunnerInvitation},
};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  interlock runner invite berlin-1 --labels region=berlin --to berlin-1.token\n  interlock runner enrol --server https://interlock.example.org --token-file berlin-1.token --data /var/lib/interlock-runner\n  interlock runner --data /var/lib/interlock-runner"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    work: work::Args,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Let a runner of this name in, once: makes a token to enrol with
    #[command(
        after_help = "Example:\n  interlock runner invite berlin-1 --labels region=berlin,net=dmz --lasts 1h --to berlin-1.token"
    )]
    Invite {
        /// Unique in the installation
        name: String,
        /// What it can reach and do: name=value, separated by commas. The runner cannot change them
        #[arg(long, value_delimiter = ',', value_parser = pair)]
        labels: Vec<(String, String)>,
        /// How long the invitation is good for, up to 7d
        #[arg(long, default_value = "1h")]
        lasts: Length,
        /// Write the token into a file that only its owner may read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Take an invitation back that was not used
    #[command(after_help = "Example:\n  interlock runner withdraw berlin-1")]
    Withdraw { name: String },
    /// On the runner's machine: make a key and use an invitation
    #[command(
        after_help = "Example:\n  interlock runner enrol --server https://interlock.example.org --token-file berlin-1.token --data /var/lib/interlock-runner --ca ca.pem"
    )]
    Enrol(enrol::Args),
    /// On the runner's machine, while it does not work: replace its key
    #[command(after_help = "Example:\n  interlock runner rotate-key --data /var/lib/interlock-runner")]
    RotateKey(enrol::RotateArgs),
    /// Turn a runner away, from its next request on
    #[command(after_help = "Example:\n  interlock runner revoke berlin-1 --reason \"the machine was stolen\"")]
    Revoke {
        name: String,
        #[arg(long)]
        reason: String,
    },
    /// Give a runner no new steps: it finishes what it holds
    #[command(after_help = "Example:\n  interlock runner drain berlin-1")]
    Drain { name: String },
    /// Give a runner steps again
    #[command(after_help = "Example:\n  interlock runner undrain berlin-1")]
    Undrain { name: String },
    /// List runners: when they were last heard from, what they do
    #[command(after_help = "Example:\n  interlock runner list")]
    List,
}

pub async fn run(args: Args, global: &Global) -> Done {
    match args.verb {
        None => work::run(args.work).await,
        Some(Verb::Invite { name, labels, lasts, to }) => {
            let body = InviteRunner { name, labels: labels.into_iter().collect(), lasts };
            let made: RunnerInvitation = global.client()?.post("/runners/invitations", &body).await?;
            if let Some(path) = to {
                write_private(&path, &format!("{}\n", made.token))?;
                println!(
                    "the invitation of {}, good until {}, is in `{}`",
                    made.name,
                    time(made.until),
                    path.display()
                );
                return Ok(());
            }
            show(global.output, &made, |it| {
                let until = time(it.until);
                format!(
                    "{}\n\nInvitation of runner {}, good once and until {until}. It is shown this once.",
                    it.token, it.name
                )
            })
        }
        Some(Verb::Withdraw { name }) => act_plainly(global, "runners", &name, "withdraw").await,
        Some(Verb::Enrol(it)) => enrol::run(it).await,
        Some(Verb::RotateKey(it)) => enrol::rotate_key(it).await,
        Some(Verb::Revoke { name, reason }) => act(global, "runners", &name, "revoke", &Because { reason }).await,
        Some(Verb::Drain { name }) => act_plainly(global, "runners", &name, "drain").await,
        Some(Verb::Undrain { name }) => act_plainly(global, "runners", &name, "undrain").await,
        Some(Verb::List) => {
            let noun = nouns::find("runner")?;
            let items: Vec<serde_json::Value> = global.client()?.list("/runners", usize::MAX).await?;
            show(global.output, &items, |items| {
                let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
                table(&titles, &items.iter().map(|it| noun.row(it)).collect::<Vec<_>>())
            })
        }
    }
}
