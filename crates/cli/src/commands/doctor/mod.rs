//! `doctor`: what is as it should be, what is not, what cannot be told, and what to do about it.
//!
//! Invariants: looking changes nothing but a file of its own that it removes (and opens the ledger as a server does, which may move
//! its write-ahead log); what could not be looked at is inconclusive, never
//! well; no secret is read into what is printed or bundled. Exit code 0 if all is well, 1 if something is not, 3 if something cannot be
//! told, 4 if the server cannot be reached.

mod bundle;
mod data;
mod machine;
mod server;

use crate::{
    context::Global,
    failure::{Done, Failure},
    render::{Paint, show},
};
pub use interlock_domain::reason::Outcome;
use interlock_wire::reason::Severity;
use serde::Serialize;
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock doctor\n  interlock doctor --data /var/lib/interlock --full --listen 127.0.0.1:8080\n  interlock doctor --server https://interlock.example --bundle support.json"
)]
pub struct Args {
    /// Look at a data directory on this machine: disk, keys, ledger
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Verify every entry, blob and answer, not only the tree and its signature
    #[arg(long, requires = "data")]
    full: bool,
    /// Look whether a server could listen at this address
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Look whether this Prometheus answers
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Write what was found, figures and versions to a file for whoever helps; without secrets
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub outcome: Outcome,
    pub detail: String,
    /// What to do, where something is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

impl Finding {
    pub fn pass(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Pass, detail: detail.into(), todo: None }
    }

    pub fn fail(check: &'static str, detail: impl Into<String>, todo: &str) -> Self {
        Self { check, outcome: Outcome::Fail, detail: detail.into(), todo: Some(todo.into()) }
    }

    pub fn unclear(check: &'static str, detail: impl Into<String>, todo: &str) -> Self {
        Self { check, outcome: Outcome::Inconclusive, detail: detail.into(), todo: Some(todo.into()) }
    }
}

/// All that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    pub outcome: Outcome,
    pub version: &'static str,
    pub findings: Vec<Finding>,
}

impl Report {
    fn of(findings: Vec<Finding>) -> Self {
        let any = |outcome| findings.iter().any(|it| it.outcome == outcome);
        let outcome = match (any(Outcome::Fail), any(Outcome::Inconclusive)) {
            (true, _) => Outcome::Fail,
            (false, true) => Outcome::Inconclusive,
            (false, false) => Outcome::Pass,
        };
        Self { outcome, version: env!("CARGO_PKG_VERSION"), findings }
    }
}

pub async fn run(args: Args, global: &Global) -> Done {
    let mut found = machine::look();
    if let Some(address) = args.listen {
        found.push(machine::port(address));
    }
    if let Some(data) = args.data.clone() {
        let full = args.full;
        let looked = tokio::task::spawn_blocking(move || data::look(&data, full)).await;
        found.extend(looked.map_err(|error| Failure::Bug(format!("looking at the data broke off: {error}")))?);
    }
    if let Some(url) = &args.prometheus {
        found.push(server::prometheus(url).await);
    }
    let mut unreachable = None;
    // Beside a data directory the server is only asked if it was named.
    let mut asked = None;
    if args.data.is_none() || global.server.is_some() {
        match server::look(global, &mut found).await {
            Ok(answers) => asked = Some(answers),
            Err(failure) => {
                let todo = "start it, or name it with --server; `interlock doctor --data DIR` looks without it";
                found.push(Finding::fail("server", failure.to_string(), todo));
                unreachable = Some(failure);
            }
        }
    }
    let report = Report::of(found);
    if let Some(file) = &args.bundle {
        bundle::write(file, &report, asked.as_ref())?;
    }
    show(global.output, &report, told)?;
    match (unreachable, report.outcome) {
        (Some(failure), _) => Err(failure),
        (None, Outcome::Pass) => Ok(()),
        (None, Outcome::Fail) => Err(Failure::Failed("not everything is as it should be".into())),
        (None, Outcome::Inconclusive) => Err(Failure::Inconclusive("not everything could be told".into())),
    }
}

fn told(report: &Report) -> String {
    let paint = Paint::stdout();
    let mut lines = Vec::new();
    for it in &report.findings {
        let (word, severity) = match it.outcome {
            Outcome::Pass => ("ok  ", Severity::Good),
            Outcome::Fail => ("BAD ", Severity::Bad),
            Outcome::Inconclusive => ("?   ", Severity::Warning),
        };
        lines.push(format!("{}  {:<16} {}", paint.severity(severity, word), it.check, it.detail));
        lines.extend(it.todo.as_ref().map(|todo| format!("{:24}{todo}", "")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_told_is_not_well_and_a_fault_outweighs_it() {
        let pass = || Finding::pass("a", "");
        let unclear = || Finding::unclear("b", "", "");
        let fail = || Finding::fail("c", "", "");
        assert_eq!(Report::of(vec![pass()]).outcome, Outcome::Pass);
        assert_eq!(Report::of(vec![pass(), unclear()]).outcome, Outcome::Inconclusive);
        assert_eq!(Report::of(vec![unclear(), fail(), pass()]).outcome, Outcome::Fail);
    }
}
