//! The parts of the demo's world that run in processes of their own: the router and the customers.

use crate::failure::{Done, Failure};
use interlock_demo::{LoadArgs, RouterArgs, run_load, run_router};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Router,
    Load,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    part: Part,
    #[arg(long)]
    config: PathBuf,
}

pub async fn run(args: Args) -> Done {
    let done = match args.part {
        Part::Router => run_router(RouterArgs { config: args.config }).await,
        Part::Load => run_load(LoadArgs { config: args.config }).await,
    };
    done.map_err(|error| Failure::Failed(error.to_string()))
}
