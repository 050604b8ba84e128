//! `activity`: who did what, from where, when, under which change; and the same for other systems.

use crate::{
    client::query,
    context::Global,
    failure::{Done, Failure},
    render::{Paint, show, time},
    when::when,
};
use interlock_wire::activity::Activity;
use jiff::Timestamp;
use std::{io::Write as _, path::PathBuf};

/// In which form to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// RFC 4180, with titles
    Csv,
    /// One JSON object per line
    Jsonl,
    /// Common Event Format, for collectors of security events
    Cef,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock activity --change chg_01h\n  interlock activity --actor dana --from=-7d --environment production\n  interlock activity --export cef --to-file activity.cef"
)]
pub struct Args {
    /// Login, `runner:NAME`, or `system`
    #[arg(long)]
    actor: Option<String>,
    /// Id of a change: with its release and its deployments
    #[arg(long)]
    change: Option<String>,
    /// Name or id of a release: with its change and its deployments
    #[arg(long)]
    release: Option<String>,
    #[arg(long)]
    environment: Option<String>,
    #[arg(long)]
    target: Option<String>,
    /// A kind such as release.planned, or the room alone: release
    #[arg(long)]
    kind: Option<String>,
    /// A time, or a length ago such as -7d
    #[arg(long, value_parser = when, allow_hyphen_values = true)]
    from: Option<Timestamp>,
    #[arg(long, value_parser = when, allow_hyphen_values = true)]
    to: Option<Timestamp>,
    /// Words that occur in the sentence
    #[arg(long, short)]
    q: Option<String>,
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Export all that fits, oldest first, instead of listing; without names unless --personal
    #[arg(long, value_enum, value_name = "FORM")]
    export: Option<Form>,
    /// Export names, texts and addresses too; needs the permission `activity.origins`
    #[arg(long, requires = "export")]
    personal: bool,
    /// The position to begin an export with: where the last one ended
    #[arg(long, requires = "export", value_name = "POSITION")]
    after: Option<u64>,
    /// Where an export goes [default: standard output]
    #[arg(long, requires = "export", value_name = "FILE")]
    to_file: Option<PathBuf>,
}

pub async fn run(it: Args, global: &Global) -> Done {
    let mut filters = vec![
        ("actor", it.actor),
        ("change", it.change),
        ("release", it.release),
        ("environment", it.environment),
        ("target", it.target),
        ("kind", it.kind),
        ("from", it.from.map(|at| at.to_string())),
        ("to", it.to.map(|at| at.to_string())),
        ("q", it.q),
    ];
    let client = global.client()?;
    let Some(form) = it.export else {
        let rows: Vec<Activity> = client.list(&format!("/activity{}", query(&filters)), it.limit).await?;
        return show(global.output, &rows, |rows| lines(rows));
    };
    let name = match form {
        Form::Csv => "csv",
        Form::Jsonl => "jsonl",
        Form::Cef => "cef",
    };
    filters.push(("form", Some(name.into())));
    filters.push(("personal", it.personal.then(|| "true".to_owned())));
    let failed = |error: std::io::Error| Failure::Failed(format!("the export could not be written: {error}"));
    let mut out: Box<dyn std::io::Write> = match &it.to_file {
        Some(path) => Box::new(std::fs::File::create(path).map_err(|error| Failure::io("creating", path, &error))?),
        None => Box::new(std::io::stdout()),
    };
    let (mut after, mut first) = (it.after, true);
    loop {
        filters.retain(|(key, _)| *key != "after");
        filters.push(("after", after.map(|after| after.to_string())));
        let (text, next) = client.text(&format!("/activity/export{}", query(&filters)), "x-next-after").await?;
        // Only the first part keeps its line of titles.
        let text =
            if form == Form::Csv && !first { text.split_once("\r\n").map_or("", |(_, rest)| rest) } else { &text };
        out.write_all(text.as_bytes()).map_err(failed)?;
        first = false;
        after = next.and_then(|next| next.parse().ok());
        if after.is_none() {
            return out.flush().map_err(failed);
        }
    }
}

fn lines(rows: &[Activity]) -> String {
    let paint = Paint::stdout();
    let line = |it: &Activity| {
        let from = it.origin.as_ref().and_then(|it| it.address.as_deref()).map(|it| format!(" from {it}"));
        let under = it.change.as_ref().map(|it| format!("  [{}]", it.name)).unwrap_or_default();
        let on = if it.targets.is_empty() { String::new() } else { format!("  on {}", it.targets.join(", ")) };
        format!(
            "{:>7}  {}  {}{}  {}{under}{on}",
            format!("#{}", it.row.position),
            time(it.row.at),
            it.row.actor.name,
            from.unwrap_or_default(),
            paint.severity(it.row.severity, &it.row.summary)
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
