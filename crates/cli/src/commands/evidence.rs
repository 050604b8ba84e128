//! `evidence`: what tools say about a build, attached and signed; and packs, one file each, that show what was decided to whoever
//! has the ledger's public key.

use super::{login::password, tell};
use crate::{
    client::{Client, segment},
    context::Global,
    failure::{Done, Failure},
    render::{print, show, table::table, time},
    when::when,
};
use interlock_ledger::pack::{self, Outcome, Trust};
use interlock_wire::{
    evidence::{EvidenceList, EvidenceView, Meaning, SignEvidence, TakeEvidence},
    reason::Receipt,
};
use jiff::Timestamp;
use reqwest::Method;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Attach what a tool wrote to the build it is about
    #[command(
        after_help = "Example:\n  interlock evidence attach report.xml --artifact sha256:0f1e --kind junit --name unit-tests\n  interlock evidence attach scan.sarif --artifact sha256:0f1e --kind sarif --name sast"
    )]
    Attach(Attach),
    /// Evidence about a build: the newest of each name
    #[command(after_help = "Example:\n  interlock evidence list sha256:0f1e")]
    List {
        /// Digest of the build
        artifact: String,
    },
    /// Put your name under evidence; asks for your password
    #[command(
        after_help = "Example:\n  interlock evidence sign evd_01h --meaning approved --login anna --reason \"Read the report\""
    )]
    Sign(Sign),
    /// Take everything about a release or a period, with proofs, into one file
    #[command(
        after_help = "Example:\n  interlock evidence pack --release 2026-11-checkout --to-file release.tar\n  interlock evidence pack --from 2026-07-01T00:00:00Z --to 2026-10-01T00:00:00Z --earlier june.checkpoint --to-file q3.tar"
    )]
    Pack(Args),
    /// Check a pack here, as `interlock-verify` does
    #[command(after_help = "Example:\n  interlock evidence check q3.tar --key ledger.vkey")]
    Check {
        pack: PathBuf,
        /// The ledger's public key, or a file with it, got from somewhere else than the pack
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Kind {
    Junit,
    Sarif,
    Cyclonedx,
    Spdx,
    Openvex,
    Statement,
}

#[derive(Debug, clap::Args)]
pub struct Attach {
    /// What the tool wrote, unchanged
    file: PathBuf,
    /// Digest of the build it is about
    #[arg(long)]
    artifact: String,
    #[arg(long, value_enum)]
    kind: Kind,
    /// By which a criterion asks for it
    #[arg(long)]
    name: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Means {
    Reviewed,
    Approved,
    /// You answer for it
    Responsible,
    Authored,
}

#[derive(Debug, clap::Args)]
pub struct Sign {
    /// Id of the evidence
    evidence: String,
    /// What your signature means
    #[arg(long, value_enum)]
    meaning: Means,
    /// Login of whoever signs; a token is no person, so that you sign in for it
    #[arg(long)]
    login: String,
    /// Said beside the signature
    #[arg(long, short)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id or name of a release
    #[arg(long, required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    release: Option<String>,
    /// Beginning of a period
    #[arg(long, requires = "to", value_name = "TIME", value_parser = when)]
    from: Option<Timestamp>,
    /// End of the period, which does not belong to it
    #[arg(long, requires = "from", value_name = "TIME", value_parser = when)]
    to: Option<Timestamp>,
    /// A checkpoint you kept: the pack shows that the ledger continues it
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
    /// Put the names of people in; they cannot be erased from the pack any more
    #[arg(long)]
    with_names: bool,
    /// Where to write the pack; never overwrites
    #[arg(long, value_name = "FILE", default_value = "evidence.tar")]
    to_file: PathBuf,
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Attach(args) => attach(args, global).await,
        Verb::List { artifact } => {
            let list: EvidenceList =
                global.client()?.get(&format!("/artifacts/{}/evidence", segment(&artifact))).await?;
            show(global.output, &list, listed)
        }
        Verb::Sign(args) => sign(args, global).await,
        Verb::Pack(args) => take(args, global).await,
        Verb::Check { pack, key } => check(&pack, key.as_deref()),
    }
}

async fn attach(args: Attach, global: &Global) -> Done {
    let bytes = std::fs::read(&args.file).map_err(|error| Failure::io("reading", &args.file, &error))?;
    let kind = match args.kind {
        Kind::Junit => "junit",
        Kind::Sarif => "sarif",
        Kind::Cyclonedx => "cyclonedx",
        Kind::Spdx => "spdx",
        Kind::Openvex => "openvex",
        Kind::Statement => "statement",
    };
    let path = format!("/artifacts/{}/evidence?kind={kind}&name={}", segment(&args.artifact), segment(&args.name));
    let done: Receipt = global.client()?.send_bytes(Method::POST, &path, "application/octet-stream", bytes).await?;
    tell(global, &done).await
}

/// Signs within a session of its own, which ends at once.
async fn sign(args: Sign, global: &Global) -> Done {
    let server = global.address()?;
    let password = password(&format!("Password of {} at {server}, to sign: ", args.login))?;
    let (client, _) = Client::sign_in(&server, &args.login, &password).await?;
    let body = SignEvidence {
        meaning: match args.meaning {
            Means::Reviewed => Meaning::Reviewed,
            Means::Approved => Meaning::Approved,
            Means::Responsible => Meaning::Responsible,
            Means::Authored => Meaning::Authored,
        },
        password: Some(password),
        reason: args.reason,
    };
    let signed: Done<Receipt> = client.post(&format!("/evidence/{}/sign", segment(&args.evidence)), &body).await;
    let _ = client.sign_out().await;
    tell(global, &signed?).await
}

fn listed(list: &EvidenceList) -> String {
    let row = |it: &EvidenceView| {
        let signed: Vec<String> =
            it.signatures.iter().map(|it| format!("{:?} by {}", it.meaning, it.by.name).to_lowercase()).collect();
        let made = it.made.map_or_else(|| "-".into(), time);
        let tool = it.tool.clone().unwrap_or_else(|| "-".into());
        vec![it.name.clone(), it.says.clone(), tool, made, signed.join(", "), it.id.clone()]
    };
    if list.evidence.is_empty() {
        return format!("No evidence is attached to {}.", list.artifact.name);
    }
    let rows: Vec<_> = list.evidence.iter().map(row).collect();
    table(&["name", "says", "tool", "made", "signed", "id"], &rows)
}

async fn take(args: Args, global: &Global) -> Done {
    let earlier =
        args.earlier.map(|path| std::fs::read_to_string(&path).map_err(|error| Failure::io("reading", &path, &error)));
    let asked = TakeEvidence {
        release: args.release,
        from: args.from,
        to: args.to,
        earlier: earlier.transpose()?,
        names: args.with_names,
    };
    let bytes = global.client()?.post_for_bytes("/evidence", &asked).await?;
    // Made by a server we need not believe: what is not sound is not handed on.
    let report = pack::check(&bytes, &Trust { earlier: asked.earlier, ..Trust::default() });
    if report.outcome == Outcome::Fail {
        return Err(Failure::Failed(format!("the server made a pack that does not verify:\n{}", told(&report))));
    }
    let failed = |error: std::io::Error| Failure::io("writing", &args.to_file, &error);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.to_file).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(failed)?;
    let path = args.to_file.display();
    print(&format!("{path}: {} bytes\nCheck it with `interlock-verify {path} --key <the ledger's key>`.", bytes.len()));
    Ok(())
}

fn check(path: &Path, key: Option<&str>) -> Done {
    let bytes = std::fs::read(path).map_err(|error| Failure::io("reading", path, &error))?;
    let key = key.map(|given| {
        let text = if Path::new(given).is_file() {
            std::fs::read_to_string(given).map_err(|error| Failure::io("reading", Path::new(given), &error))?
        } else {
            given.to_owned()
        };
        interlock_ledger::VerifyingKey::parse(text.trim())
            .map_err(|error| Failure::Usage(format!("`{given}` is no verifier key: {error}")))
    });
    let report = pack::check(&bytes, &Trust { key: key.transpose()?, ..Trust::default() });
    print(&told(&report));
    match report.outcome {
        Outcome::Pass => Ok(()),
        Outcome::Fail => Err(Failure::Failed("the pack is not as it was made".into())),
        Outcome::Inconclusive => {
            Err(Failure::Inconclusive("nothing is wrong with what is here, and not everything was shown".into()))
        }
    }
}

fn told(report: &pack::Report) -> String {
    let line = |it: &pack::Check| format!("{:<13} {:<13} {}", it.outcome.to_string(), it.name, it.told);
    report.checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
