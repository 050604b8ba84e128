//! The commands, one file per noun or verb. A command reads its arguments, asks the API, and shows the answer.

pub mod account;
pub mod activity;
pub mod apply;
pub mod archive;
pub mod artifact;
pub mod calendar;
pub mod change;
pub mod control;
pub mod demo;
pub mod describe;
pub mod doctor;
pub mod environment;
pub mod evidence;
pub mod explain;
pub mod get;
pub mod init;
pub mod ledger;
pub mod login;
pub mod may;
pub mod metrics;
pub mod note;
pub mod past;
pub mod permit;
pub mod policy;
pub mod proof;
pub mod release;
pub mod restore;
pub mod review;
pub mod runner;
pub mod serve;
pub mod simulate;
pub mod token;
pub mod watch;
pub mod witness;

use crate::{
    context::Global,
    failure::{Done, Failure},
    render::{self, show},
    seen,
};
use interlock_wire::reason::{Nothing, Receipt};
use serde::Serialize;

/// What can be asked for.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Run a runner that takes its steps from a server elsewhere; say who may
    Runner(runner::Args),
    /// Bring up the demo: a shop, its customers, an organisation, a server
    Demo(demo::Args),
    /// Part of the demo's world
    #[command(hide = true)]
    DemoPart(demo::part::Args),
    /// Write a commented starter into .interlock/
    Init(init::Args),
    /// Sign in and keep a token
    Login(login::Args),
    /// Apply manifests: all of them, or none
    Apply(apply::Args),
    /// List objects, or show one
    Get(get::Args),
    /// Show one object with what may be done to it, and why not
    Describe(describe::Args),
    /// Explain what a manifest of a kind holds
    Explain(explain::Args),
    /// Ask whether something may be done, without doing it
    May(may::Args),
    /// Simulate when releases would ship, and what if something were different
    Simulate(simulate::Args),
    /// Plan, approve, deploy, watch, roll back
    #[command(subcommand)]
    Release(release::Verb),
    /// Decide on changes
    #[command(subcommand)]
    Change(change::Verb),
    /// Reviews of what went wrong
    #[command(subcommand)]
    Review(review::Verb),
    /// Builds, their signatures and commits; quarantine
    #[command(subcommand, alias = "artefact")]
    Artifact(artifact::Verb),
    /// When one may ship; lockdowns
    #[command(subcommand)]
    Calendar(calendar::Verb),
    /// Claims on environments
    #[command(subcommand)]
    Environment(environment::Verb),
    /// Accounts of people and robots; export and erase what is held about a person
    #[command(subcommand, alias = "people")]
    Account(account::Verb),
    /// Texts that people wrote
    #[command(subcommand)]
    Note(note::Verb),
    /// Who did what, from where, when, under which change
    Activity(activity::Args),
    /// API tokens
    #[command(subcommand)]
    Token(token::Verb),
    /// Deployment permits, verified offline
    #[command(subcommand)]
    Permit(permit::Verb),
    /// The policies in force
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Figures
    #[command(subcommand)]
    Metrics(metrics::Verb),
    /// The ledger: entries, proofs, verification, backup
    #[command(subcommand)]
    Ledger(ledger::Verb),
    /// What tools say about builds: attach, sign; packs for auditors: take, check
    #[command(subcommand)]
    Evidence(evidence::Verb),
    /// What laws and standards ask for, and reports of what came of it
    #[command(subcommand)]
    Control(control::Verb),
    /// Sign for others that their ledgers only grow
    #[command(subcommand)]
    Witness(witness::Verb),
    /// Follow everything that happens
    Watch(watch::Args),
    /// Check that everything is as it should be
    Doctor(doctor::Args),
    /// Write completions for a shell
    #[command(after_help = "Example:\n  interlock completions bash")]
    Completions { shell: clap_complete::Shell },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// See [`crate::failure::Failure`].
    pub async fn run(self, global: &Global) -> Done {
        match self {
            Command::Serve(it) => serve::run(it).await,
            Command::Runner(it) => runner::run(it, global).await,
            Command::Demo(it) => demo::run(it).await,
            Command::DemoPart(it) => demo::part::run(it).await,
            Command::Init(it) => init::run(&it),
            Command::Login(it) => login::run(it, global).await,
            Command::Apply(it) => apply::run(it, global).await,
            Command::Get(it) => get::run(it, global).await,
            Command::Describe(it) => describe::run(it, global).await,
            Command::Explain(it) => explain::run(it, global).await,
            Command::May(it) => may::run(it, global).await,
            Command::Simulate(it) => simulate::run(it, global).await,
            Command::Release(it) => release::run(it, global).await,
            Command::Change(it) => change::run(it, global).await,
            Command::Review(it) => review::run(it, global).await,
            Command::Artifact(it) => artifact::run(it, global).await,
            Command::Calendar(it) => calendar::run(it, global).await,
            Command::Environment(it) => environment::run(it, global).await,
            Command::Account(it) => account::run(it, global).await,
            Command::Note(it) => note::run(it, global).await,
            Command::Activity(it) => activity::run(it, global).await,
            Command::Token(it) => token::run(it, global).await,
            Command::Permit(it) => permit::run(it, global).await,
            Command::Policy(it) => policy::run(it, global).await,
            Command::Metrics(it) => metrics::run(it, global).await,
            Command::Ledger(it) => ledger::run(it, global).await,
            Command::Evidence(it) => evidence::run(it, global).await,
            Command::Control(it) => control::run(it, global).await,
            Command::Witness(it) => witness::run(it).await,
            Command::Watch(it) => watch::run(it, global).await,
            Command::Doctor(it) => doctor::run(it, global).await,
            Command::Completions { shell } => {
                let mut command = <crate::Cli as clap::CommandFactory>::command();
                clap_complete::generate(shell, &mut command, "interlock", &mut std::io::stdout());
                Ok(())
            }
        }
    }
}

/// Does `action` to one object and tells what that did.
pub(crate) async fn act(global: &Global, noun: &str, id: &str, action: &str, body: &impl Serialize) -> Done {
    let done = global.client()?.act(noun, id, action, body).await?;
    tell(global, &done).await
}

/// An action that needs nothing beside the object.
pub(crate) async fn act_plainly(global: &Global, noun: &str, id: &str, action: &str) -> Done {
    act(global, noun, id, action, &Nothing {}).await
}

/// Shows what a command did, once its proof has been checked and the ledger it is in compared with the one seen before.
pub(crate) async fn tell(global: &Global, receipt: &Receipt) -> Done {
    if let Some(proof) = &receipt.proof {
        let client = global.client()?;
        seen::verify(proof)?;
        seen::remember(&client, &proof.checkpoint, &proof.verifier_key).await?;
        if let Some(path) = &global.proof {
            proof::keep_proof(&client, proof, path).await?;
        }
    } else if global.proof.is_some() && !receipt.entries.is_empty() {
        let text = "the command was done, and the server gave no proof of it; `interlock ledger prove` asks again";
        return show(global.output, receipt, render::receipt).and(Err(Failure::Inconclusive(text.into())));
    }
    show(global.output, receipt, render::receipt)
}
