//! `metrics`: the DORA figures, and the entries behind them.

use crate::{
    client::query,
    context::Global,
    failure::{Done, Failure},
    render::{show, table::table, time},
    when::when,
};
use interlock_wire::learning::{Dora, Figure};
use jiff::Timestamp;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Deployment frequency, lead time, change failure rate, time to recover
    #[command(
        after_help = "Example:\n  interlock metrics dora --from -30d --service checkout\n  interlock metrics dora --drill lead_time"
    )]
    Dora {
        #[arg(long, value_parser = when, allow_hyphen_values = true)]
        from: Option<Timestamp>,
        #[arg(long, value_parser = when, allow_hyphen_values = true)]
        to: Option<Timestamp>,
        #[arg(long)]
        service: Option<String>,
        #[arg(long)]
        environment: Option<String>,
        /// Show what stands behind a figure
        #[arg(long, value_name = "FIGURE")]
        drill: Option<String>,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    let Verb::Dora { from, to, service, environment, drill } = verb;
    let text = |at: Option<Timestamp>| at.map(|it| it.to_string());
    let path = query(&[("from", text(from)), ("to", text(to)), ("service", service), ("environment", environment)]);
    let dora: Dora = global.client()?.get(&format!("/metrics/dora{path}")).await?;
    let Some(key) = drill else { return show(global.output, &dora, told) };
    let figure = dora.figures.iter().find(|it| it.key == key).ok_or_else(|| {
        let keys: Vec<&str> = dora.figures.iter().map(|it| it.key.as_str()).collect();
        Failure::Usage(format!("there is no figure `{key}`; there are {}", keys.join(", ")))
    })?;
    show(global.output, figure, drilled)
}

/// The figures as a table.
pub fn told(it: &Dora) -> String {
    let interval = |it: &Figure| match (it.low, it.high) {
        (Some(low), Some(high)) => format!("{} to {}", number(low, &it.unit), number(high, &it.unit)),
        _ => "-".into(),
    };
    let rows: Vec<Vec<String>> = it
        .figures
        .iter()
        .map(|it| vec![it.label.clone(), it.display.clone(), interval(it), it.sample.to_string()])
        .collect();
    let interval = format!("{:.0} % interval", it.confidence * 100.0);
    format!("{} to {}\n\n{}", time(it.from), time(it.to), table(&["figure", "value", &interval, "n"], &rows))
}

/// A number in its unit.
fn number(value: f64, unit: &str) -> String {
    match unit {
        "seconds" if value >= 172_800.0 => format!("{:.1} d", value / 86_400.0),
        "seconds" if value >= 7_200.0 => format!("{:.1} h", value / 3_600.0),
        "seconds" => format!("{value:.0} s"),
        "ratio" => format!("{:.0} %", value * 100.0),
        _ => format!("{value:.2}"),
    }
}

fn drilled(it: &Figure) -> String {
    let rows: Vec<Vec<String>> = it
        .observations
        .iter()
        .map(|one| {
            let release = one.release.as_ref().map_or_else(|| "-".to_owned(), |it| it.name.clone());
            vec![format!("#{}", one.position), time(one.at), release, number(one.value, &it.unit), one.detail.clone()]
        })
        .collect();
    format!(
        "{}: {}\n{}\n\n{}",
        it.label,
        it.display,
        it.definition,
        table(&["entry", "at", "release", "value", "what"], &rows)
    )
}
