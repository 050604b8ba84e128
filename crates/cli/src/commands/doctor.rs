//! `doctor`: what is set up, what is not, and what to do about it.

use crate::{
    context::{self, Global},
    failure::{Done, Failure},
    render::{Paint, relative, time},
};
use interlock_wire::{
    reason::Severity,
    session::{Health, ServerInfo, Session},
};
use jiff::Timestamp;
use std::process::Command;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  interlock doctor")]
pub struct Args {}

/// One thing that was looked at: what, whether it is well, and what was found or is to be done.
struct Finding(&'static str, bool, String);

pub async fn run(global: &Global) -> Done {
    let mut found = Vec::new();
    let config = context::file().map_or_else(
        || "no home directory".to_owned(),
        |it| {
            format!("{}{}", it.display(), if it.exists() { "" } else { " (not there: flags and environment are used)" })
        },
    );
    found.push(Finding("configuration", true, config));
    for (program, needed) in [
        ("git", "the server reads commits with it; install Git 2.28 or newer"),
        ("node", "only the demo needs it; install Node.js 18 or newer"),
    ] {
        let version = Command::new(program).arg("--version").output().ok().filter(|it| it.status.success());
        let text = version.as_ref().map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
        found.push(Finding(
            program,
            text.is_some() || program == "node",
            text.unwrap_or_else(|| format!("not found: {needed}")),
        ));
    }
    let mut worst = None;
    match server(global, &mut found).await {
        Ok(()) => {}
        Err(failure) => {
            found.push(Finding("server", false, failure.to_string()));
            worst = Some(failure);
        }
    }
    let paint = Paint::stdout();
    for Finding(what, well, text) in &found {
        let (word, severity) = if *well { ("ok  ", Severity::Good) } else { ("BAD ", Severity::Bad) };
        println!("{}  {what:<14} {text}", paint.severity(severity, word));
    }
    match worst {
        Some(failure) => Err(failure),
        None if found.iter().all(|it| it.1) => Ok(()),
        None => Err(Failure::Failed("not everything is as it should be".into())),
    }
}

async fn server(global: &Global, found: &mut Vec<Finding>) -> Done {
    let client = global.client()?.with_tries(1);
    let info: ServerInfo = client.get("/version").await?;
    let now = Timestamp::now();
    let organisation = info.organisation.clone().unwrap_or_else(|| "no organisation yet".into());
    found.push(Finding(
        "server",
        true,
        format!("{} runs {} for {organisation}, {} entries", client.server(), info.version, info.position),
    ));
    let same = info.version == env!("CARGO_PKG_VERSION");
    found.push(Finding(
        "versions",
        same,
        if same {
            "server and command are the same".into()
        } else {
            format!("server {}, command {}: use the same", info.version, env!("CARGO_PKG_VERSION"))
        },
    ));
    let apart = info.now.as_second().abs_diff(now.as_second());
    found.push(Finding(
        "clock",
        apart <= 5,
        format!("the server's clock says {} ({})", time(info.now), relative(info.now, now)),
    ));
    let ready: Done<Health> = client.get("/ready").await;
    found.push(Finding(
        "ledger",
        ready.is_ok(),
        ready.map_or_else(|failure| failure.to_string(), |it| format!("can be written to ({})", it.status)),
    ));
    let session: Done<Session> = client.get("/session").await;
    let text = match &session {
        Ok(it) => format!("{} ({}), roles: {}", it.person.name, it.person.login, it.person.roles.join(", ")),
        Err(_) if info.setup_needed => {
            "nobody yet: open the one-time link that the server wrote to `setup-link` in its data directory".into()
        }
        Err(_) => "not signed in: `interlock login --login <you>`, or set INTERLOCK_TOKEN".into(),
    };
    found.push(Finding("signed in", session.is_ok(), text));
    Ok(())
}
