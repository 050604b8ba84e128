//! `get`: lists, or one object.

use crate::{
    client::Object,
    context::Global,
    failure::Done,
    nouns,
    render::{Paint, object::describe, show, table::table},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock get releases\n  interlock get release 2026-11-checkout --output yaml\n  interlock get artifacts --where service=checkout"
)]
pub struct Args {
    /// release, change, deployment, environment, service, artifact, quarantine, signing-key, calendar, lockdown, exception, claim,
    /// pipeline, account, token, delegation, rollback, review, board, meeting, template, debt, glass, flow
    noun: String,
    /// Id or name
    name: Option<String>,
    /// Only those of which this is true, such as state=open; what a noun knows stands in the API's reference
    #[arg(long = "where", value_name = "FIELD=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// `name=value`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form name=value"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub async fn run(args: Args, global: &Global) -> Done {
    let noun = nouns::find(&args.noun)?;
    let client = global.client()?;
    if let Some(name) = &args.name {
        let it = noun.one(&client, name).await?;
        return show(global.output, &it, |it| describe(it, Paint::stdout(), jiff::Timestamp::now()));
    }
    let pairs: Vec<(&str, Option<String>)> =
        args.filters.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))).collect();
    let path = format!("/{}{}", noun.path, crate::client::query(&pairs));
    let items: Vec<Object> = client.list(&path, args.limit).await?;
    show(global.output, &items, |items| {
        let titles: Vec<&str> = noun.columns.iter().map(|(title, _)| *title).collect();
        let rows: Vec<Vec<String>> = items.iter().map(|it| noun.row(it)).collect();
        if rows.is_empty() { format!("there is no {}", noun.name) } else { table(&titles, &rows) }
    })
}
