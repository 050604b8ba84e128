//! `runner`: takes steps from a server elsewhere, by label; dials out and listens nowhere.

use super::{get::pair, serve};
use crate::failure::{Done, Failure};
use interlock_outbound::{Guard, Net};
use interlock_runner::{PermitKeys, RemoteConfig, RemoteServer, Runner, RunnerConfig};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  interlock runner --server https://interlock.example.org --token-file runner.token --name berlin-1 --labels region=berlin --data /var/lib/interlock-runner"
)]
pub struct Args {
    /// File with the API token, of scope `runner`
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Unique in the installation
    #[arg(long)]
    name: String,
    /// What it can reach and do: name=value, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Journal, artefacts and working directories; one directory per runner
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Steps done at once
    #[arg(long, default_value_t = 4)]
    capacity: u32,
    /// File with the permit keys to trust, as /api/v1/runners/permit-keys gives them [default: asked from the server at each start]
    #[arg(long, value_name = "FILE")]
    permit_keys: Option<PathBuf>,
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
    /// Allow plain HTTP to another machine: the token travels in clear
    #[arg(long)]
    plain_http: bool,
    #[arg(long, value_enum, default_value_t)]
    log_format: serve::LogFormat,
    /// Address of the server
    #[arg(from_global)]
    server: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    key: String,
}

pub async fn run(args: Args) -> Done {
    serve::log(args.log_format);
    let server = args.server.ok_or_else(|| Failure::Usage("which server? Give --server".into()))?;
    let token =
        std::fs::read_to_string(&args.token_file).map_err(|error| Failure::io("reading", &args.token_file, &error))?;
    let token = token.trim().to_owned();
    let keys = match &args.permit_keys {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::io("reading", path, &error))?;
            serde_json::from_str(&text)
                .map_err(|error| Failure::Usage(format!("`{}` holds no permit keys: {error}", path.display())))?
        }
        None => {
            crate::client::Client::new(&server, crate::client::Auth::Token(token.clone()))?
                .get::<Keys>("/runners/permit-keys")
                .await?
        }
    };
    let remote = RemoteConfig { server, token, runner: args.name.clone(), allow_plain_http: args.plain_http };
    let remote = Arc::new(RemoteServer::new(&remote).map_err(|error| Failure::Usage(error.to_string()))?);
    let mut config = RunnerConfig::new(args.name, args.data, trusted(keys)?);
    config.labels = args.labels.into_iter().collect::<BTreeMap<_, _>>();
    config.capacity = args.capacity;
    config.environments = (!args.environments.is_empty()).then(|| args.environments.into_iter().collect());
    config.program_dirs = args.programs;
    config.only_program_dirs = args.only_programs;
    if !args.only_target.is_empty() {
        config.targets = Guard::strict().with(args.only_target);
    }
    let runner = Runner::new(config, remote.clone(), remote)
        .map_err(|fault| Failure::Failed(format!("the runner cannot start: {fault}")))?;
    let handle = runner.handle();
    let running = tokio::spawn(runner.run());
    serve::asked_to_end().await?;
    handle.stop();
    running.await.map_err(|error| Failure::Bug(format!("the runner broke off: {error}")))
}

/// Keys of 32 bytes, standard base64.
fn trusted(keys: Keys) -> Done<PermitKeys> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let mut all: Option<PermitKeys> = None;
    for Key { id, key } in keys.keys {
        let bytes = BASE64_STANDARD.decode(&key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| Failure::Usage(format!("permit key `{id}` is no Ed25519 key in base64")))?;
        all = Some(match all {
            None => PermitKeys::one(id, bytes),
            Some(keys) => keys.with(id, bytes),
        });
    }
    all.ok_or_else(|| Failure::Usage("there is no permit key to trust".into()))
}
