//! `control`: what laws and standards ask for, and reports of what came of it over a period.

use crate::{
    client::segment,
    context::Global,
    failure::{Done, Failure},
    render::{print, show, table::table},
    when::when,
};
use interlock_wire::control::Controls;
use jiff::Timestamp;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// The controls of every catalogue, and what of them is in force
    #[command(after_help = "Example:\n  interlock control list")]
    List,
    /// Every deployment of a period, with what each control that applied came to, and every exception
    #[command(
        after_help = "Example:\n  interlock control report --from 2026-07-01T00:00:00Z --to 2026-10-01T00:00:00Z --format html --to-file q3.html\n  interlock control report --from 2026-07-01T00:00:00Z --to 2026-10-01T00:00:00Z --pack sox --format csv --to-file sox.csv"
    )]
    Report(Args),
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Format {
    Html,
    Csv,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Beginning of the period
    #[arg(long, value_name = "TIME", value_parser = when)]
    from: Timestamp,
    /// End of the period, which does not belong to it
    #[arg(long, value_name = "TIME", value_parser = when)]
    to: Timestamp,
    /// One pack only
    #[arg(long)]
    pack: Option<String>,
    #[arg(long, value_enum, default_value = "html")]
    format: Format,
    /// Where to write it; never overwrites. Without it, to standard output
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::List => {
            let controls: Controls = global.client()?.get("/controls").await?;
            show(global.output, &controls, listed)
        }
        Verb::Report(args) => report(args, global).await,
    }
}

fn listed(it: &Controls) -> String {
    let mut rows = Vec::new();
    for catalogue in &it.catalogues {
        let force = if catalogue.in_force { "in force" } else { "not in force" };
        let services: Vec<&str> = catalogue.services.iter().map(|it| it.name.as_str()).collect();
        for control in &catalogue.controls {
            rows.push(vec![
                catalogue.pack.clone(),
                force.into(),
                control.id.clone(),
                control.title.clone(),
                control.gates.join(", "),
                services.join(", "),
            ]);
        }
    }
    table(&["pack", "", "control", "asks that", "gate", "applies to"], &rows)
}

async fn report(args: Args, global: &Global) -> Done {
    let format = match args.format {
        Format::Html => "html",
        Format::Csv => "csv",
        Format::Json => "json",
    };
    let pack = args.pack.map(|pack| format!("&pack={}", segment(&pack))).unwrap_or_default();
    let path = format!("/controls/report?from={}&to={}&format={format}{pack}", args.from, args.to);
    let (text, _) = global.client()?.text(&path, "content-type").await?;
    let Some(file) = args.to_file else {
        print(text.trim_end());
        return Ok(());
    };
    let failed = |error: std::io::Error| Failure::io("writing", &file, &error);
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).open(&file).map_err(failed)?;
    std::io::Write::write_all(&mut out, text.as_bytes()).map_err(failed)?;
    print(&format!("{}: {} bytes", file.display(), text.len()));
    Ok(())
}
