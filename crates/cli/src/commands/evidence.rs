//! `evidence`: packs, one file each, that show what was decided to whoever has the ledger's public key.

use crate::{
    context::Global,
    failure::{Done, Failure},
    render::print,
    when::when,
};
use interlock_ledger::pack::{self, Outcome, Trust};
use interlock_wire::evidence::TakeEvidence;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
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
        Verb::Pack(args) => take(args, global).await,
        Verb::Check { pack, key } => check(&pack, key.as_deref()),
    }
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
