//! `explain`: what a manifest of a kind holds, from the schema the server publishes.

use crate::{
    client::Object,
    context::Global,
    failure::{Done, Failure},
    render::{schema, show},
};
use interlock_wire::manifest::{KINDS, Kind};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  interlock explain release\n  interlock explain pipeline --output json")]
pub struct Args {
    /// PolicyPack, Account, SigningKey, Service, Environment, Calendar, Pipeline, Release
    kind: String,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let kind = Kind::parse(&args.kind).ok_or_else(|| {
        let all: Vec<&str> = KINDS.iter().map(|it| it.as_str()).collect();
        Failure::Usage(format!("there is no kind `{}`; there are {}", args.kind, all.join(", ")))
    })?;
    let it: Object = global.client()?.get(&format!("/schemas/{}", kind.as_str())).await?;
    show(global.output, &it, schema::explain)
}
