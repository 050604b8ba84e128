//! `describe`: one object with all that is known of it, and its actions with the reasons for and against.

use crate::{
    context::Global,
    failure::Done,
    nouns,
    render::{Paint, object::describe, show},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock describe release 2026-11-checkout\n  interlock describe environment production"
)]
pub struct Args {
    /// A noun, as `get` takes it
    noun: String,
    /// Id or name
    name: String,
}

pub async fn run(args: Args, global: &Global) -> Done {
    let it = nouns::find(&args.noun)?.one(&global.client()?, &args.name).await?;
    show(global.output, &it, |it| describe(it, Paint::stdout(), jiff::Timestamp::now()))
}
