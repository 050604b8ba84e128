//! `token`: API tokens. The secret is shown once.

use super::act_plainly;
use crate::{
    client::Auth,
    context::{Global, write_private},
    failure::{Done, Failure},
    nouns,
    render::{show, table::table, time},
};
use interlock_wire::{
    length::Length,
    people::{IssueToken, IssuedToken},
    session::{ExchangeToken, ExchangedToken},
};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Issue a token
    #[command(
        after_help = "Example:\n  interlock token issue build --account ci --scope artifact.register --lasts 30d\n  interlock token issue runner-1 --account ci --scope runner --lasts 90d --to runner.token"
    )]
    Issue {
        /// What it is for
        name: String,
        /// Login it is for [default: one's own]
        #[arg(long)]
        account: Option<String>,
        /// An action it is limited to; may be given more than once [default: all its account may do]
        #[arg(long)]
        scope: Vec<String>,
        /// How long it is good for
        #[arg(long, default_value = "30d")]
        lasts: Length,
        /// Write the secret into a file that only its owner may read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Exchange a token of a trusted issuer, such as a build's, for a short one of a robot
    #[command(
        after_help = "Example:\n  interlock token exchange --from id-token.jwt --to interlock.token\n  interlock token exchange --from id-token.jwt"
    )]
    Exchange {
        /// File with the issuer's token
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Write the secret into a file that only its owner may read, instead of showing it
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Revoke a token
    #[command(after_help = "Example:\n  interlock token revoke tok_01h")]
    Revoke { id: String },
    /// List tokens
    #[command(after_help = "Example:\n  interlock token list")]
    List,
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Issue { name, account, scope, lasts, to } => {
            let scopes = (!scope.is_empty()).then(|| scope.into_iter().collect());
            let issued: IssuedToken =
                global.client()?.post("/tokens", &IssueToken { name, account, scopes, lasts }).await?;
            if let Some(path) = to {
                write_private(&path, &format!("{}\n", issued.secret))?;
                println!(
                    "token {} for {}, good until {}, is in `{}`",
                    issued.token.id,
                    issued.token.owner.name,
                    time(issued.token.expires_at),
                    path.display()
                );
                return Ok(());
            }
            show(global.output, &issued, |it| {
                format!(
                    "{}\n\nToken {} for {}, good until {}. It is shown this once.",
                    it.secret,
                    it.token.id,
                    it.token.owner.name,
                    time(it.token.expires_at)
                )
            })
        }
        Verb::Exchange { from, to } => exchange(global, &from, to.as_deref()).await,
        Verb::Revoke { id } => act_plainly(global, "tokens", &id, "revoke").await,
        Verb::List => {
            let noun = nouns::find("token")?;
            let items: Vec<serde_json::Value> = global.client()?.list("/tokens", usize::MAX).await?;
            show(global.output, &items, |items| {
                let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
                table(&titles, &items.iter().map(|it| noun.row(it)).collect::<Vec<_>>())
            })
        }
    }
}

async fn exchange(global: &Global, from: &Path, to: Option<&Path>) -> Done {
    let token = std::fs::read_to_string(from).map_err(|error| Failure::io("reading", from, &error))?;
    // The issuer's token is the whole of who asks; another that may be configured says nothing here.
    let client = global.client()?.with_auth(Auth::Nobody);
    let given: ExchangedToken =
        client.post("/session/exchange", &ExchangeToken { token: token.trim().to_owned() }).await?;
    if let Some(path) = to {
        write_private(path, &format!("{}\n", given.secret))?;
        println!(
            "a token of {}, good until {}, is in `{}`",
            given.account.name,
            time(given.expires_at),
            path.display()
        );
        return Ok(());
    }
    show(global.output, &given, |it| {
        format!(
            "{}\n\nA token of {}, good until {}. It is shown this once.",
            it.secret,
            it.account.name,
            time(it.expires_at)
        )
    })
}
