//! `runner enrol` and `runner rotate-key`: the runner's own key, which is made on its machine and stays there.

use crate::failure::{Done, Failure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use interlock_runner::{
    ControllerError, Credential, Identity, RemoteConfig, RemoteServer, Tls, identity::IdentityError,
};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// How the server is reached.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Reach {
    /// File with the authorities the server's certificate must come from, PEM [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// File with the certificate to show to a server that asks for one, PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,
    /// File with the key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,
    /// Allow plain HTTP to another machine: what steps hold travels in clear
    #[arg(long)]
    pub plain_http: bool,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// File with the token of the invitation
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Where the key is to be; later journal, artefacts and working directories. One directory per runner
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The name it is expected to be invited by
    #[arg(long)]
    name: Option<String>,
    /// Ids of permit keys to trust, as whoever made the invitation tells them, separated by commas [default: those the server names]
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    permit_key: Vec<String>,
    #[command(flatten)]
    reach: Reach,
    /// Address of the server
    #[arg(from_global)]
    server: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The runner's data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    reach: Reach,
}

pub fn read(path: &Path) -> Done<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::io("reading", path, &error))
}

impl Reach {
    pub fn config(&self, server: &str, runner: &str, credential: Credential) -> Done<RemoteConfig> {
        let client = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some([read(certificate)?, b"\n".to_vec(), read(key)?].concat()),
            _ => None,
        };
        Ok(RemoteConfig {
            server: server.to_owned(),
            credential,
            runner: runner.to_owned(),
            allow_plain_http: self.plain_http,
            tls: Tls { ca: self.ca.as_deref().map(read).transpose()?, client },
        })
    }
}

pub fn seed() -> Done<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Failed(format!("this machine gives no random numbers: {error}")))?;
    Ok(seed)
}

pub fn failed(error: ControllerError) -> Failure {
    match error {
        ControllerError::Unreachable(why) => Failure::Unreachable(format!("the server cannot be reached: {why}")),
        ControllerError::Refused { .. } => Failure::Failed(error.to_string()),
    }
}

pub fn of_identity(error: IdentityError) -> Failure {
    Failure::Failed(error.to_string())
}

pub async fn run(args: Args) -> Done {
    let server = args.server.ok_or_else(|| Failure::Usage("which server? Give --server".into()))?;
    let token = String::from_utf8_lossy(&read(&args.token_file)?).trim().to_owned();
    let mut identity = Identity::fresh(&args.data, &server, seed()?, Timestamp::now()).map_err(of_identity)?;
    let config = args.reach.config(&server, args.name.as_deref().unwrap_or_default(), Credential::Nothing)?;
    let remote = RemoteServer::new(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let key = BASE64_STANDARD.encode(identity.key().verifying_key().to_bytes());
    let enrolled = remote.enrol(&token, &key).await.map_err(failed)?;
    let mut keys = enrolled.permit_keys;
    if !args.permit_key.is_empty() {
        keys.retain(|it| args.permit_key.contains(&it.id));
        if keys.is_empty() {
            let message = "the server signs permits with none of the keys given; have the runner revoked, and find out which server this is";
            return Err(Failure::Failed(message.into()));
        }
    }
    if let Some(name) = args.name.filter(|name| *name != enrolled.name) {
        let message = format!(
            "the invitation is that of `{}`, not of `{name}`; have that runner revoked and invite this one",
            enrolled.name
        );
        return Err(Failure::Failed(message));
    }
    identity.enrolled(&enrolled.name, enrolled.labels, keys.clone()).map_err(of_identity)?;
    println!("runner {} is enrolled; its key is in `{}`", enrolled.name, args.data.display());
    keys.iter().for_each(|it| println!("it trusts permits signed with {}", it.id));
    println!("\nStart it:\n  interlock runner --data {}", args.data.display());
    Ok(())
}

pub async fn rotate_key(args: RotateArgs) -> Done {
    let mut identity = Identity::open(&args.data).map_err(of_identity)?;
    let credential = Credential::Key(identity.key());
    let config = args.reach.config(identity.server(), identity.runner(), credential)?;
    let remote = RemoteServer::new(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    rotate(&mut identity, &remote).await?;
    println!("runner {} has a new key", identity.runner());
    Ok(())
}

/// Replaces the runner's key. One that was prepared before and perhaps told to the server is taken up again.
pub async fn rotate(identity: &mut Identity, remote: &RemoteServer) -> Done {
    if identity.next_key().is_none() {
        identity.prepare(seed()?).map_err(of_identity)?;
    }
    let next = identity.next_key().ok_or_else(|| Failure::Bug("the next key is not there".into()))?;
    let public = BASE64_STANDARD.encode(next.verifying_key().to_bytes());
    match remote.rotate(&public).await {
        Ok(()) => remote.use_key(next),
        // Perhaps the server has it already and the former one has run out: then it is known by the new one.
        Err(ControllerError::Refused { status: 401, .. }) => {
            remote.use_key(next);
            remote.rotate(&public).await.map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    identity.replace(Timestamp::now()).map_err(of_identity)
}
