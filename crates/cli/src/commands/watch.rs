//! `watch`: everything that happens, as it happens; goes on where it was when the connection breaks.

use crate::{
    client::{Client, Object},
    context::{Global, Output},
    failure::{Done, Failure},
    render::{print, time},
};
use futures::StreamExt;
use interlock_wire::{ledger::Entry, live::LiveEntries};
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  interlock watch\n  interlock watch --from 0 --output json")]
pub struct Args {
    /// Begin at this entry [default: from now on]
    #[arg(long)]
    from: Option<u64>,
    /// End after so many entries
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let client = global.client()?;
    let mut next = args.from;
    let mut left = args.count.unwrap_or(u64::MAX);
    // The first connection has to come about; later ones are waited for.
    let mut known = false;
    loop {
        match follow(&client, global.output, &mut next, &mut left).await {
            Ok(()) if left == 0 => return Ok(()),
            Err(failure) if !known && !matches!(failure, Failure::Unreachable(_)) => return Err(failure),
            Err(Failure::Unreachable(text)) if !known => return Err(Failure::Unreachable(text)),
            Err(failure) if !matches!(failure, Failure::Unreachable(_)) => return Err(failure),
            Ok(()) | Err(_) => {
                known = true;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn follow(client: &Client, output: Output, next: &mut Option<u64>, left: &mut u64) -> Done {
    let from = next.map(|it| it.to_string());
    let mut events = client.events(&format!("/live{}", crate::client::query(&[("from", from)]))).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        if event.event != "entries" {
            continue;
        }
        let it: LiveEntries = serde_json::from_str(&event.data)
            .map_err(|error| Failure::Bug(format!("the live feed cannot be read: {error}")))?;
        for position in it.position_from..it.position_to {
            tell(client, output, position).await?;
            *next = Some(position + 1);
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn tell(client: &Client, output: Output, position: u64) -> Done {
    let path = format!("/ledger/entries/{position}");
    if output == Output::Table {
        let it: Entry = client.get(&path).await?;
        print(&format!("{:>7}  {}  {:<28}  {}", format!("#{position}"), time(it.row.at), it.row.kind, it.row.summary));
    } else {
        let it: Object = client.get(&path).await?;
        print(&it.to_string());
    }
    Ok(())
}
