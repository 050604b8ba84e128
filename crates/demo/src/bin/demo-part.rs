//! The parts of the demo world, and the world itself, as a program of their own: what the tests start, and a way to have
//! the world without a server. `demo-part router|load --config FILE`, `demo-part up|down|status --data DIR`.

use std::path::PathBuf;
use std::process::ExitCode;

use interlock_demo::{DemoError, LoadArgs, Result, RouterArgs, World, WorldConfig, run_load, run_router};

const USAGE: &str = "usage: demo-part router|load --config FILE | up|down|status --data DIR";

async fn run(arguments: &[String]) -> Result<()> {
    let [part, option, path] = arguments else { return Err(DemoError::Invalid(USAGE.to_owned())) };
    let path = PathBuf::from(path);
    let missing = || DemoError::Invalid(format!("there is no demo world in {}", path.display()));
    match (part.as_str(), option.as_str()) {
        ("router", "--config") => run_router(RouterArgs { config: path }).await,
        ("load", "--config") => run_load(LoadArgs { config: path }).await,
        ("up", "--data") => {
            let config = WorldConfig { prefix: Vec::new(), ..WorldConfig::of_this_program()? };
            let world = World::up(&path, &config, &mut |line| println!("{line}")).await?;
            println!("shop: {}", world.description().frontend("production"));
            Ok(())
        }
        ("down", "--data") => World::open(&path)?.ok_or_else(missing)?.down().await,
        ("status", "--data") => {
            let status = World::open(&path)?.ok_or_else(missing)?.status().await;
            let text = serde_json::to_string_pretty(&status).map_err(|error| DemoError::Invalid(error.to_string()))?;
            println!("{text}");
            Ok(())
        }
        _ => Err(DemoError::Invalid(USAGE.to_owned())),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
