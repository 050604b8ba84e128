//! `runner` without a verb: leases steps from a server elsewhere and does them, until it is asked to end.
//!
//! A runner that is enrolled has its name, its key, its server and the permit keys it trusts in its data directory. One that is not
//! has a token of its robot account, as in protocol 1.

use super::{
    super::{get::pair, serve},
    enrol::{self, Reach},
};
use crate::{
    failure::{Done, Failure},
    logs,
};
use interlock_outbound::{Guard, Net};
use interlock_runner::{Credential, Identity, PermitKeys, RemoteServer, Runner, RunnerConfig, identity};
use interlock_wire::{length::Length, runner::PermitKeyList};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

/// How often it is looked whether the key is old.
const LOOK: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Args)]
#[group(id = "work")]
pub struct Args {
    /// Identity, journal, artefacts and working directories; one directory per runner
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its name [default: the one it was enrolled by]
    #[arg(long)]
    name: Option<String>,
    /// What it is thought to reach and do: name=value, separated by commas. It does not start if its invitation says otherwise
    #[arg(long, value_delimiter = ',', value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Steps done at once
    #[arg(long, default_value_t = 4)]
    capacity: u32,
    /// Environments it serves, separated by commas [default: whatever its permits name]
    #[arg(long, value_delimiter = ',')]
    environments: Vec<String>,
    /// Where programs are looked for before PATH; may be given more than once
    #[arg(long, value_name = "DIR")]
    programs: Vec<PathBuf>,
    /// Refuse programs from elsewhere
    #[arg(long)]
    only_programs: bool,
    /// Call only targets in these networks, and public ones [default: private ones and this machine too]
    #[arg(long, value_name = "NET")]
    only_target: Vec<Net>,
    /// How wrong a clock may be when a permit's times are judged, up to 5m
    #[arg(long, default_value = "30s")]
    clock_skew: Length,
    /// Replace its key when it is as old as this; 0s: never
    #[arg(long, default_value = "30d")]
    rotate_key_after: Length,
    /// End once the server gives it no new steps and nothing is left to do
    #[arg(long)]
    exit_when_drained: bool,
    #[command(flatten)]
    reach: Reach,
    /// For a runner that is not enrolled: file with the API token of its robot account
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// For a runner that is not enrolled: file with the permit keys to trust [default: asked from the server at each start]
    #[arg(long, value_name = "FILE")]
    permit_keys: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    log_format: logs::LogFormat,
    /// Address of the server [default: the one it was enrolled at]
    #[arg(from_global)]
    server: Option<String>,
}

pub async fn run(args: Args) -> Done {
    logs::log(args.log_format);
    let data = args.data.clone().ok_or_else(|| Failure::Usage("where is its data? Give --data".into()))?;
    match data.join(identity::FILE).exists() {
        true => enrolled(args, &data).await,
        false => by_token(args, &data).await,
    }
}

async fn enrolled(args: Args, data: &Path) -> Done {
    let mut identity = Identity::open(data).map_err(enrol::of_identity)?;
    if let Some(name) = args.name.as_ref().filter(|name| *name != identity.runner()) {
        let message = format!("`{}` is the data of runner `{}`, not of `{name}`", data.display(), identity.runner());
        return Err(Failure::Usage(message));
    }
    let thought: BTreeMap<&String, &String> = args.labels.iter().map(|(name, value)| (name, value)).collect();
    if let Some((name, value)) = thought.iter().find(|(name, value)| identity.labels().get(**name) != Some(**value)) {
        let message = format!(
            "runner `{}` was not invited with the label {name}={value}: labels are given by the invitation",
            identity.runner()
        );
        return Err(Failure::Usage(message));
    }
    let server = args.server.clone().unwrap_or_else(|| identity.server().to_owned());
    let config = args.reach.config(&server, identity.runner(), Credential::Key(identity.key()))?;
    let remote = Arc::new(RemoteServer::new(&config).map_err(|error| Failure::Usage(error.to_string()))?);
    if identity.next_key().is_some() {
        // A rotation was broken off: the server may or may not know the new key.
        enrol::rotate(&mut identity, &remote).await?;
    }
    let mut config = RunnerConfig::new(identity.runner(), data, identity.permit_keys());
    config.labels = identity.labels().clone();
    let identity = Arc::new(Mutex::new(identity));
    config.identity = Some(identity.clone());
    let age = Duration::from_secs(args.rotate_key_after.0.into());
    let rotating = tokio::spawn(keep_fresh(identity, remote.clone(), age));
    let done = work(args, config, remote).await;
    rotating.abort();
    done
}

/// Replaces the runner's key whenever it is old.
async fn keep_fresh(identity: Arc<Mutex<Identity>>, remote: Arc<RemoteServer>, age: Duration) {
    let locked = || identity.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    while !age.is_zero() {
        let mut own = locked().clone();
        let old = Timestamp::now().duration_since(own.key_since()).as_secs();
        if u64::try_from(old).is_ok_and(|old| old >= age.as_secs()) {
            match enrol::rotate(&mut own, &remote).await {
                Ok(()) => {
                    tracing::info!("the runner has a new key");
                    *locked() = own;
                }
                Err(error) => tracing::warn!(%error, "the runner's key could not be replaced yet"),
            }
        }
        tokio::time::sleep(LOOK.min(age)).await;
    }
}

async fn by_token(args: Args, data: &Path) -> Done {
    let (Some(token_file), Some(name)) = (&args.token_file, &args.name) else {
        let message =
            format!("`{}` holds no runner's identity: enrol it first, with `interlock runner enrol`", data.display());
        return Err(Failure::Usage(message));
    };
    let server = args.server.clone().ok_or_else(|| Failure::Usage("which server? Give --server".into()))?;
    let token = String::from_utf8_lossy(&enrol::read(token_file)?).trim().to_owned();
    let keys: PermitKeyList = match &args.permit_keys {
        Some(path) => serde_json::from_slice(&enrol::read(path)?)
            .map_err(|error| Failure::Usage(format!("`{}` holds no permit keys: {error}", path.display())))?,
        None => {
            let client = crate::client::Client::new(&server, crate::client::Auth::Token(token.clone()))?;
            client.get::<PermitKeyList>("/runners/permit-keys").await?
        }
    };
    let remote = args.reach.config(&server, name, Credential::Token(token))?;
    let remote = Arc::new(RemoteServer::new(&remote).map_err(|error| Failure::Usage(error.to_string()))?);
    let mut config = RunnerConfig::new(name, data, trusted(keys)?);
    config.labels = args.labels.iter().cloned().collect();
    work(args, config, remote).await
}

async fn work(args: Args, mut config: RunnerConfig, remote: Arc<RemoteServer>) -> Done {
    config.capacity = args.capacity;
    config.clock_skew = Duration::from_secs(args.clock_skew.0.into());
    config.exit_when_drained = args.exit_when_drained;
    config.environments = (!args.environments.is_empty()).then(|| args.environments.into_iter().collect());
    config.program_dirs = args.programs;
    config.only_program_dirs = args.only_programs;
    if !args.only_target.is_empty() {
        config.targets = Guard::strict().with(args.only_target);
    }
    let runner = Runner::new(config, remote.clone(), remote)
        .map_err(|fault| Failure::Failed(format!("the runner cannot start: {fault}")))?;
    let handle = runner.handle();
    let mut running = tokio::spawn(runner.run());
    let ended = tokio::select! {
        ended = &mut running => ended,
        asked = serve::asked_to_end() => {
            asked?;
            handle.stop();
            running.await
        }
    };
    match ended.map_err(|error| Failure::Bug(format!("the runner broke off: {error}")))? {
        true => Ok(()),
        false => Err(Failure::Failed(
            "this runner was revoked; have it invited anew, and enrol it in an empty directory".into(),
        )),
    }
}

/// Keys of 32 bytes, standard base64.
pub fn trusted(keys: PermitKeyList) -> Done<PermitKeys> {
    let mut all = PermitKeys::default();
    for it in &keys.keys {
        let key = identity::public(&it.key);
        let key = key.ok_or_else(|| Failure::Usage(format!("permit key `{}` is no Ed25519 key in base64", it.id)))?;
        all = all.with(&it.id, key);
    }
    match keys.keys.is_empty() {
        true => Err(Failure::Usage("there is no permit key to trust".into())),
        false => Ok(all),
    }
}
