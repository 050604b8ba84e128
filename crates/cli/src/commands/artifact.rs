//! `artifact`: register a build with its signature and commits; quarantine it, and let it go again.

use super::{act, tell};
use crate::{
    client::Client,
    context::Global,
    failure::{Done, Failure},
    nouns,
};
use interlock_wire::{
    artifact::{Blob, RegisterArtifact, SignatureSpec, SourceSpec},
    reason::{Because, Receipt},
};
use reqwest::Method;
use std::{fs, path::PathBuf};

#[derive(Debug, clap::Args)]
pub struct Register {
    /// The file that was built
    file: PathBuf,
    #[arg(long)]
    service: String,
    /// What people call it, such as 1.4.2
    #[arg(long = "version", value_name = "VERSION")]
    named: String,
    /// The .minisig file
    #[arg(long, requires = "key")]
    signature: Option<PathBuf>,
    /// Name of the signing key
    #[arg(long, requires = "signature")]
    key: Option<String>,
    /// Path or address of its source, as the server reads it [default: that of the service]
    #[arg(long)]
    repository: Option<String>,
    /// The commit it was built from
    #[arg(long)]
    commit: Option<String>,
    /// The commit up to which everything was in already
    #[arg(long, requires = "commit")]
    since: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Upload a build and enter it
    #[command(
        disable_version_flag = true,
        after_help = "Example:\n  interlock artifact register checkout.tar.gz --service checkout --version 1.4.2 --signature checkout.tar.gz.minisig --key shop-build --commit v1.4.2 --since v1.4.1"
    )]
    Register(Register),
    /// Hold a build back, everywhere, at once
    #[command(after_help = "Example:\n  interlock artifact quarantine sha256:0f1e --reason \"Loses orders\"")]
    Quarantine {
        digest: String,
        #[arg(long, short)]
        reason: String,
    },
    /// Let a build go again
    #[command(after_help = "Example:\n  interlock artifact lift sha256:0f1e --reason \"It was the database\"")]
    Lift {
        /// Digest of the build, or id of the quarantine
        which: String,
        #[arg(long, short)]
        reason: String,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Register(it) => {
            let signature = match (it.signature, it.key) {
                (Some(path), Some(key)) => {
                    let text = fs::read_to_string(&path).map_err(|error| Failure::io("reading", &path, &error))?;
                    Some(SignatureSpec { key, text })
                }
                _ => None,
            };
            let source = it.commit.map(|commit| SourceSpec { repository: it.repository, commit, since: it.since });
            let bytes = fs::read(&it.file).map_err(|error| Failure::io("reading", &it.file, &error))?;
            let done = register(&global.client()?, bytes, &it.service, &it.named, signature, source).await?;
            tell(global, &done).await
        }
        Verb::Quarantine { digest, reason } => {
            act(global, "artifacts", &digest, "quarantine", &Because { reason }).await
        }
        Verb::Lift { which, reason } => {
            let it = nouns::find("quarantine")?.one(&global.client()?, &which).await?;
            let id = it["id"].as_str().unwrap_or(&which).to_owned();
            act(global, "quarantines", &id, "lift", &Because { reason }).await
        }
    }
}

/// Stores the bytes and enters them as a build.
///
/// # Errors
/// As any request.
pub async fn register(
    client: &Client,
    bytes: Vec<u8>,
    service: &str,
    version: &str,
    signature: Option<SignatureSpec>,
    source: Option<SourceSpec>,
) -> Done<Receipt> {
    let blob: Blob = client.send_bytes(Method::PUT, "/blobs", "application/octet-stream", bytes).await?;
    let body =
        RegisterArtifact { digest: blob.digest, service: service.into(), version: version.into(), signature, source };
    client.post("/artifacts", &body).await
}
