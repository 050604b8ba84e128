//! `demo`: a shop on this machine, an organisation round it, and its story.
//!
//! `stage` brings everything up; `play` tells the story through the public API, as the people in it; `crash` kills the server in
//! the middle of deployments, again and again; `server` is that server; `plans` are the releases; `tell` narrates.

mod crash;
pub mod part;
mod plans;
mod play;
mod server;
mod stage;
mod tell;

use crate::{
    commands::serve::asked_to_end,
    failure::{Done, Failure},
};
use interlock_demo::{World, organisation::PERSONAS};
use stage::{Stage, of_world};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock demo\n  interlock demo --play --data /tmp/interlock-story\n  interlock demo --down"
)]
pub struct Args {
    /// Where everything is kept [default: interlock-demo, and for --play a fresh directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the server
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Play the story to its end; exit code 0 only if every turn came out as told
    #[arg(long, conflicts_with_all = ["down", "crash_test"])]
    play: bool,
    /// After the story, leave everything running until Ctrl-C
    #[arg(long, requires = "play")]
    stay: bool,
    /// End what is still running
    #[arg(long, conflicts_with = "crash_test")]
    down: bool,
    /// Kill the server at random moments of deployments, and check that nothing is lost and nothing done twice
    #[arg(long, hide_short_help = true)]
    crash_test: bool,
    /// For --crash-test: how often
    #[arg(long, hide_short_help = true, default_value_t = 50, requires = "crash_test")]
    kills: u32,
    /// For --crash-test: how often during one release
    #[arg(long, hide_short_help = true, default_value_t = 5, requires = "crash_test")]
    per_release: u32,
    /// For --crash-test: seed of the moments
    #[arg(long, hide_short_help = true, default_value_t = 1, requires = "crash_test")]
    seed: u64,
}

pub async fn run(args: Args) -> Done {
    if args.down {
        return down(args.data.as_deref().unwrap_or(Path::new(DEFAULT))).await;
    }
    if args.play || args.crash_test {
        return perform(args).await;
    }
    let mut say = |line: String| println!("  {line}");
    println!("Bringing up the demo. This takes half a minute.");
    let data = args.data.unwrap_or_else(|| DEFAULT.into());
    let stage = tokio::select! {
        stage = Stage::set(&data, args.listen, &mut say) => stage,
        ended = asked_to_end() => ended.and(Err(Failure::Inconclusive("ended before everything was up; `interlock demo --down` ends the rest".into()))),
    };
    let mut stage = stage?;
    stay(&mut stage).await
}

const DEFAULT: &str = "interlock-demo";

async fn perform(args: Args) -> Done {
    let (data, fresh) = match args.data {
        Some(data) => (data, false),
        None => (std::env::temp_dir().join(format!("interlock-story-{}", std::process::id())), true),
    };
    if args.play && data.join(crate::commands::ledger::FILE).exists() {
        return Err(Failure::Usage(format!(
            "`{}` holds a story already, and names are used once; give a fresh --data",
            data.display()
        )));
    }
    let mut say = |line: String| println!("  {line}");
    println!("Bringing up the demo below `{}`.", data.display());
    let begun = std::time::Instant::now();
    let mut stage = match Stage::set(&data, args.listen, &mut say).await {
        Ok(stage) => stage,
        Err(failure) => {
            end_world(&data).await?;
            return Err(failure);
        }
    };
    println!("Everything is up after {} s.", begun.elapsed().as_secs());
    let told = tokio::select! {
        told = async {
            if args.crash_test { crash::run(&mut stage, args.kills, args.per_release.max(1), args.seed).await } else { play::run(&mut stage).await }
        } => told,
        ended = asked_to_end() => ended.and(Err(Failure::Inconclusive("ended before the story was over".into()))),
    };
    if args.stay && told.is_ok() {
        if stage.server.is_none() {
            stage.start_server().await?;
        }
        return stay(&mut stage).await;
    }
    let struck = stage.strike().await;
    told.and(struck)?;
    if fresh {
        std::fs::remove_dir_all(&data).map_err(|error| Failure::io("removing", &data, &error))?;
    }
    Ok(())
}

/// Says where everything is, and keeps it up until asked to end, or until the server ends.
async fn stay(stage: &mut Stage) -> Done {
    println!("{}", welcome(stage));
    let mut server = stage.server.take();
    let ended = tokio::select! {
        ended = asked_to_end() => ended,
        _ = async { match server.as_mut() { Some(server) => drop(server.ended().await), None => std::future::pending().await } } => {
            Err(Failure::Failed(format!("the server ended; its log is `{}`", stage.data.join(server::LOG).display())))
        }
    };
    stage.server = server.filter(|_| ended.is_ok());
    println!(
        "\nEnding the demo. What happened stays in `{}`: `interlock demo --data` goes on from there.",
        stage.data.display()
    );
    ended.and(stage.strike().await)
}

fn welcome(stage: &Stage) -> String {
    let world = stage.description();
    let rows: Vec<Vec<String>> = PERSONAS
        .iter()
        .map(|it| vec![it.name.to_owned(), it.password(), it.roles.join(", "), it.to_try.to_owned()])
        .collect();
    let people = crate::render::table::table(&["login", "password", "roles", "try"], &rows);
    format!(
        "\nInterlock   {}\nThe shop    {}/products\nCustomers   {}/stats\nSources     {}\n\n{people}\n\nOn the command line:\n  \
         INTERLOCK_PASSWORD={} interlock login {} --login rita\n  interlock get releases\n\n\
         The whole story by itself:  interlock demo --play\nCtrl-C ends everything.",
        stage.address(),
        world.frontend("production"),
        world.load(),
        world.repository.display(),
        PERSONAS.first().map(interlock_demo::organisation::Persona::password).unwrap_or_default(),
        stage.address(),
    )
}

async fn end_world(data: &Path) -> Done {
    match World::open(data).map_err(of_world)? {
        Some(world) => world.down().await.map_err(of_world),
        None => Ok(()),
    }
}

async fn down(data: &Path) -> Done {
    if World::open(data).map_err(of_world)?.is_none() {
        return Err(Failure::Failed(format!("there is no demo in `{}`; give its --data", data.display())));
    }
    end_world(data).await?;
    println!(
        "The shop, its router and its customers have ended. A server that was started by `interlock demo` ends with it."
    );
    Ok(())
}
