//! `witness`: signs for other organisations that their ledgers only grow. Needs no server and no ledger of its own.

use crate::{
    commands::serve,
    context::write_private,
    failure::{Done, Failure},
    logs::{self, LogFormat},
};
use interlock_ledger::{VerifyingKey, cosign::WitnessSigner};
use interlock_server::witness::{State, Witness, router};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make the key of a witness; never overwrites
    #[command(after_help = "Example:\n  interlock witness key --name witness.example.org/w1 --to witness.key")]
    Key {
        /// Name of the witness, shaped like a URL without scheme
        #[arg(long)]
        name: String,
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Sign checkpoints of the ledgers whose keys are given
    #[command(
        after_help = "Example:\n  interlock witness serve --key witness.key --state witness.json --log ledger.vkey --listen 127.0.0.1:8090"
    )]
    Serve(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Private key of the witness
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What it has signed; made at the first start. A witness that loses this file must not run on under the same key
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Public key of a ledger to sign for, or a file with it; may be given several times
    #[arg(long, value_name = "KEY", required = true)]
    log: Vec<String>,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

pub async fn run(verb: Verb) -> Done {
    match verb {
        Verb::Key { name, to } => make(&name, &to),
        Verb::Serve(args) => serve(args).await,
    }
}

fn make(name: &str, to: &Path) -> Done {
    if to.exists() {
        return Err(Failure::Failed(format!("`{}` is there already and is never overwritten", to.display())));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::Failed(format!("this machine gives no randomness: {error}")))?;
    let signer = WitnessSigner::from_seed(name, &seed).map_err(|error| Failure::Usage(error.to_string()))?;
    write_private(to, &signer.to_text())?;
    println!("{}", signer.public());
    Ok(())
}

fn read(path: &Path) -> Done<String> {
    std::fs::read_to_string(path).map_err(|error| Failure::io("reading", path, &error))
}

fn log_key(given: &str) -> Done<VerifyingKey> {
    let text = if Path::new(given).is_file() { read(Path::new(given))? } else { given.to_owned() };
    VerifyingKey::parse(text.trim())
        .map_err(|error| Failure::Usage(format!("`{given}` is no key of a ledger: {error}")))
}

async fn serve(args: Args) -> Done {
    logs::log(args.log_format);
    let signer = WitnessSigner::parse(read(&args.key)?.trim())
        .map_err(|error| Failure::Failed(format!("`{}` is no key of a witness: {error}", args.key.display())))?;
    let logs = args.log.iter().map(|it| log_key(it)).collect::<Done<Vec<_>>>()?;
    let state = State::open(&args.state).map_err(|error| Failure::Failed(error.to_string()))?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?;
    let witness = Arc::new(Witness::new(signer, logs, state));
    println!("Witness {} listens on http://{address}", witness.key());
    interlock_server::witness::serve(listener, router(witness), async {
        if let Err(failure) = serve::asked_to_end().await {
            tracing::error!(%failure, "only a kill ends this witness");
            std::future::pending::<()>().await;
        }
    })
    .await
    .map_err(|error| Failure::Failed(format!("the witness failed: {error}")))
}
