//! `apply`: manifests, all of them or none.

use crate::{
    context::Global,
    failure::Done,
    manifest,
    render::{show, table::table},
};
use interlock_wire::manifest::{Applied, ApplyOutcome};
use reqwest::Method;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  interlock apply -f .interlock/\n  interlock apply -f service.yaml --dry-run")]
pub struct Args {
    /// A file, a directory, or - for standard input
    #[arg(short, long, value_name = "PATH")]
    file: PathBuf,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let text = manifest::read(&args.file)?;
    let applied = send(&global.client()?, text, args.dry_run).await?;
    show(global.output, &applied, told)
}

/// Sends manifests as they are: the server names the line of a fault.
///
/// # Errors
/// As any request.
pub async fn send(client: &crate::client::Client, text: String, dry_run: bool) -> Done<Applied> {
    client
        .send_bytes(Method::POST, &format!("/manifests?dry_run={dry_run}"), "application/yaml", text.into_bytes())
        .await
}

fn told(it: &Applied) -> String {
    let word = |outcome| match outcome {
        ApplyOutcome::Created => "created",
        ApplyOutcome::Changed => "changed",
        ApplyOutcome::Unchanged => "unchanged",
    };
    let rows: Vec<Vec<String>> =
        it.documents.iter().map(|it| vec![it.kind.as_str().into(), it.name.clone(), word(it.outcome).into()]).collect();
    let table = table(&["kind", "name", "outcome"], &rows);
    if it.dry_run { format!("{table}\n\nA dry run: nothing was changed.") } else { table }
}
