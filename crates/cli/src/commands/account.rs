//! `account`: people and robots.

use super::{act, act_plainly, tell};
use crate::{
    client::segment,
    context::Global,
    failure::Done,
    nouns,
    render::{show, table::table},
};
use interlock_wire::{
    erasure::{Erase, PersonExport},
    people::{AccountKind, AccountSpec, LinkAccount, PutAccount},
    reason::Receipt,
};

#[derive(Debug, clap::Args)]
pub struct Put {
    login: String,
    /// What people call its owner
    #[arg(long)]
    name: String,
    #[arg(long)]
    email: Option<String>,
    /// A program is behind it, and this login answers for it
    #[arg(long, value_name = "LOGIN")]
    robot_of: Option<String>,
    /// May be given more than once
    #[arg(long)]
    role: Vec<String>,
    /// May be given more than once
    #[arg(long)]
    group: Vec<String>,
    /// Another address it commits with; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    commits_as: Vec<String>,
    /// Ask for a first password
    #[arg(long)]
    password: bool,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List accounts
    #[command(after_help = "Example:\n  interlock account list")]
    List,
    /// Create an account, or change it as a whole
    #[command(
        after_help = "Example:\n  interlock account put dana --name \"Dana Novak\" --email dana@shop.example --role developer --group orders\n  interlock account put ci --name Build --robot-of olu"
    )]
    Put(Put),
    /// Close an account: it may do nothing any more
    #[command(after_help = "Example:\n  interlock account close dana")]
    Close { login: String },
    /// Show everything that is held about a person (GDPR, article 15)
    #[command(after_help = "Example:\n  interlock account export dana --output json")]
    Export { login: String },
    /// Erase who is behind an account; what the account did stays, under a pseudonym
    #[command(
        after_help = "Example:\n  interlock account erase dana --basis request --reason \"Asked for on form 17\"\n\n`interlock account export` shows first what is held, and which texts name the person."
    )]
    Erase {
        login: String,
        #[arg(long, value_enum, default_value = "request")]
        basis: super::note::Ground,
        /// Names nobody; kept with the entry that says that it was done
        #[arg(long, short)]
        reason: String,
    },
    /// Say that two accounts belong to one person
    #[command(after_help = "Example:\n  interlock account link dana --to dana-admin")]
    Link {
        login: String,
        #[arg(long)]
        to: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::List => {
            let noun = nouns::find("account")?;
            let items: Vec<serde_json::Value> = global.client()?.list("/accounts", usize::MAX).await?;
            show(global.output, &items, |items| {
                let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
                table(&titles, &items.iter().map(|it| noun.row(it)).collect::<Vec<_>>())
            })
        }
        Verb::Put(it) => {
            let password = if it.password {
                Some(super::login::password(&format!("First password of {}: ", it.login))?)
            } else {
                None
            };
            let spec = AccountSpec {
                display_name: it.name,
                email: it.email,
                kind: if it.robot_of.is_some() { AccountKind::Robot } else { AccountKind::Human },
                owner: it.robot_of,
                roles: it.role.into_iter().collect(),
                groups: it.group.into_iter().collect(),
                commits_as: it.commits_as.into_iter().collect(),
                links: Default::default(),
            };
            let done: Receipt =
                global.client()?.put("/accounts", &PutAccount { login: it.login, spec, password }).await?;
            tell(global, &done).await
        }
        Verb::Close { login } => act_plainly(global, "accounts", &login, "close").await,
        Verb::Export { login } => {
            let held: PersonExport = global.client()?.get(&format!("/accounts/{}/export", segment(&login))).await?;
            show(global.output, &held, |it| serde_json::to_string_pretty(it).unwrap_or_default())
        }
        Verb::Erase { login, basis, reason } => {
            act(global, "accounts", &login, "erase", &Erase { basis: basis.into(), reason }).await
        }
        Verb::Link { login, to } => act(global, "accounts", &login, "link", &LinkAccount { to }).await,
    }
}
