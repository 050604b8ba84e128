//! `ledger`: entries, proofs, verification, backup, moving. With `--data` or `--ledger` the store itself is examined, without a
//! server; without them, what the server says is checked against its signed checkpoint.

use super::{past, proof::*, restore::*};
use crate::{
    client::query,
    context::Global,
    failure::{Done, Failure},
    render::{Paint, show, time},
    seen,
};
use interlock_ledger::{
    OpenOptions, PostgresLedger, SqliteLedger, StoreError, VerifyReport, VerifyingKey, copy_to_sqlite, move_to_postgres,
};
use interlock_wire::{
    ledger::{Entry, EntryRow, Head},
    reason::Severity,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Name of the ledger in a data directory.
pub const FILE: &str = "ledger.db";
/// Name of the key file of a ledger in PostgreSQL, in a node's data directory.
pub const KEY: &str = "ledger.key";
/// How long the database may take to answer while a whole ledger is read.
const PATIENCE: Duration = Duration::from_secs(60);

/// A ledger in PostgreSQL, and the key that its nodes share.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Database {
    /// A ledger in PostgreSQL instead, such as postgres://interlock@db.example/interlock
    #[arg(long, value_name = "ADDRESS")]
    pub ledger: Option<String>,
    /// The key that the nodes of this ledger share
    #[arg(long, value_name = "FILE", requires = "ledger")]
    pub ledger_key: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Where the ledger stands: size, root, signed checkpoint
    #[command(after_help = "Example:\n  interlock ledger head")]
    Head,
    /// List entries, newest first
    #[command(
        after_help = "Example:\n  interlock ledger entries --kind release --limit 20\n  interlock ledger entries --subject release:2026-11-checkout"
    )]
    Entries {
        /// A kind such as release.planned, or the room alone: release
        #[arg(long)]
        kind: Option<String>,
        /// `KIND:ID`, with an id or a name
        #[arg(long)]
        subject: Option<String>,
        /// Login, `runner:NAME`, or `system`
        #[arg(long)]
        actor: Option<String>,
        /// Words that occur in the sentence
        #[arg(long, short)]
        q: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one entry
    #[command(after_help = "Example:\n  interlock ledger entry 42 --output json")]
    Entry { position: u64 },
    /// Show the world as it was at a position or a time, or one object of it
    #[command(
        after_help = "Example:\n  interlock ledger world --at 120\n  interlock ledger world --at 2026-11-23T18:00:00Z --object release/2026-11-checkout"
    )]
    World {
        /// A position, or a time such as -2h or RFC 3339 [default: now]
        #[arg(long, allow_hyphen_values = true)]
        at: Option<String>,
        /// `KIND/NAME`: release, change, deployment, environment, service, calendar, account, rollback, review
        #[arg(long)]
        object: Option<String>,
    },
    /// Show what was known when an entry was decided, by whom, and what came only later
    #[command(after_help = "Example:\n  interlock ledger knew --entry 42")]
    Knew {
        #[arg(long)]
        entry: u64,
    },
    /// Ask the policies of then again, with the facts of then, and compare to the byte
    #[command(after_help = "Example:\n  interlock ledger recompute --entry 42\n  interlock ledger recompute --all")]
    Recompute {
        #[arg(long, conflicts_with = "all", required_unless_present = "all")]
        entry: Option<u64>,
        #[arg(long)]
        all: bool,
    },
    /// List what was erased, without names: keep it beside the backups, for restore
    #[command(after_help = "Example:\n  interlock ledger erasures --output json")]
    Erasures,
    /// Check here that an entry is in the ledger, or that one size of it continues another
    #[command(
        after_help = "Example:\n  interlock ledger prove 42\n  interlock ledger prove --from 100 --to 250\n  interlock ledger prove --earlier june.checkpoint"
    )]
    Prove {
        /// Position of an entry
        #[arg(required_unless_present_any = ["from", "earlier"], conflicts_with_all = ["from", "to", "earlier"])]
        position: Option<u64>,
        /// Size of the earlier ledger
        #[arg(long, value_name = "SIZE", conflicts_with = "earlier")]
        from: Option<u64>,
        /// Size of the later ledger [default: the present one]
        #[arg(long, value_name = "SIZE")]
        to: Option<u64>,
        /// A checkpoint you kept: the ledger of now has to continue it
        #[arg(long, value_name = "FILE")]
        earlier: Option<PathBuf>,
    },
    /// Verify every entry; names the first bad position
    #[command(
        after_help = "Example:\n  interlock ledger verify\n  interlock ledger verify --data /var/lib/interlock\n  interlock ledger verify --data . --key auditor.vkey\n  interlock ledger verify --ledger postgres://auditor@db.example/interlock --key auditor.vkey"
    )]
    Verify {
        /// Data directory, or the ledger itself; without it and without --ledger the server is asked
        #[arg(long, value_name = "PATH", conflicts_with = "ledger")]
        data: Option<PathBuf>,
        #[command(flatten)]
        database: Database,
        /// File with the public key, kept elsewhere [default: the key beside the ledger, or that of --ledger-key]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Copy the ledger while it runs; the copy is verified
    #[command(
        after_help = "Example:\n  interlock ledger backup --data /var/lib/interlock --to /backup/ledger.db\n  interlock ledger backup --ledger postgres://interlock@db.example/interlock --ledger-key ledger.key --to /backup/ledger.db"
    )]
    Backup {
        #[arg(long, value_name = "PATH", conflicts_with = "ledger", required_unless_present = "ledger")]
        data: Option<PathBuf>,
        #[command(flatten)]
        database: Database,
        /// The copy; never overwrites
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Verify a copy or an archive, and put the ledger where a server finds it
    #[command(
        after_help = "Example:\n  interlock ledger restore --backup /backup/ledger.db --data /var/lib/interlock\n  interlock ledger restore --backup /backup/ledger.db --to 41200 --data ./then\n  interlock ledger restore --archive /archive --key /safe/ledger.db.key --to 2026-11-20T12:00:00Z --data ./then"
    )]
    Restore {
        /// A copy made by `ledger backup`
        #[arg(long, visible_alias = "from", value_name = "FILE", required_unless_present = "archive")]
        backup: Option<PathBuf>,
        /// A folder that `serve --archive` has written to
        #[arg(long, value_name = "DIR", conflicts_with = "backup", requires = "key")]
        archive: Option<PathBuf>,
        /// The private key of the ledger, kept elsewhere: an archive does not hold it
        #[arg(long, value_name = "FILE", requires = "archive")]
        key: Option<PathBuf>,
        /// Number of entries, or a moment: what was written later is left out [default: everything]
        #[arg(long, value_name = "POSITION|TIME")]
        to: Option<Until>,
        /// Where to; nothing of a ledger may be there
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// What was erased after the backup was taken, as `interlock ledger erasures` listed it: it is erased again
        #[arg(long, value_name = "FILE")]
        erasures: Option<PathBuf>,
    },
    /// Move a ledger from its file to an empty schema in PostgreSQL, and prove that it is the same
    #[command(
        after_help = "Example:\n  interlock ledger move --from /var/lib/interlock --to postgres://interlock@db.example/interlock --ledger-key /etc/interlock/ledger.key"
    )]
    Move {
        /// Data directory, or the ledger itself; its server must be stopped
        #[arg(long, value_name = "PATH")]
        from: PathBuf,
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        /// Where the key goes that the nodes will share [default: ledger.key in the data directory]
        #[arg(long, value_name = "FILE")]
        ledger_key: Option<PathBuf>,
    },
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Head => {
            let head: Head = global.client()?.get("/ledger").await?;
            show(global.output, &head, |it| {
                format!("{} entries\nroot {}\nkey  {}\n\n{}", it.size, it.root, it.verifier_key, it.checkpoint)
            })
        }
        Verb::Entries { kind, subject, actor, q, limit } => {
            let path = query(&[("kind", kind), ("subject", subject), ("actor", actor), ("q", q)]);
            let rows: Vec<EntryRow> = global.client()?.list(&format!("/ledger/entries{path}"), limit).await?;
            show(global.output, &rows, |rows| lines(rows))
        }
        Verb::Entry { position } => {
            let it: Entry = entry(&global.client()?, position).await?;
            show(global.output, &it, told)
        }
        Verb::World { at, object } => past::world(at, object, global).await,
        Verb::Knew { entry } => past::knew(entry, global).await,
        Verb::Recompute { entry, .. } => past::recompute(entry, global).await,
        Verb::Erasures => past::erasures(global).await,
        Verb::Prove { position: None, from, to, earlier } => continues(global, from, to, earlier.as_deref()).await,
        Verb::Prove { position: Some(position), .. } => {
            let client = global.client()?;
            let it = entry(&client, position).await?;
            prove(&it)?;
            seen::remember(&client, &it.proof.checkpoint, &it.proof.verifier_key).await?;
            if let Some(path) = &global.proof {
                write_json(path, &[&it])?;
            }
            show(global.output, &it, |it| {
                format!(
                    "{}\n\nProved: entry {} is under the root of {} entries that key {} signed.",
                    told(it),
                    it.row.position,
                    it.proof.tree_size,
                    it.proof.verifier_key
                )
            })
        }
        Verb::Verify { data: None, database: Database { ledger: None, .. }, .. } => {
            let client = global.client()?;
            let head = verify_server(&client).await?;
            seen::remember(&client, &head.checkpoint, &head.verifier_key).await?;
            show(global.output, &head, |it| {
                format!(
                    "Verified: all {} entries hash to the root that {} signed.\nroot {}",
                    it.size, it.verifier_key, it.root
                )
            })
        }
        Verb::Verify { data, database, key } => {
            let report = match (database.ledger, data) {
                (Some(address), _) => verify_database(&address, database.ledger_key.as_deref(), key.as_deref())?,
                (None, data) => verify_files(&data.unwrap_or_default(), key.as_deref())?,
            };
            show(global.output, &report, reported)?;
            if report.passed() { Ok(()) } else { Err(Failure::Failed(damaged(&report))) }
        }
        Verb::Backup { data, database, to } => {
            let report = match (database.ledger, data) {
                (Some(address), _) => {
                    let key = database.ledger_key.unwrap_or_else(|| KEY.into());
                    let options = OpenOptions { patience: PATIENCE, ..OpenOptions::default() };
                    let ledger = PostgresLedger::open(&address, &key, options).map_err(refused)?;
                    copy_to_sqlite(&ledger, &to).map_err(refused)?
                }
                (None, data) => {
                    let path = file(&data.unwrap_or_default());
                    SqliteLedger::open(&path, OpenOptions::default()).map_err(refused)?.backup(&to).map_err(refused)?
                }
            };
            show(global.output, &report, |it| {
                let position = it.size.unwrap_or_default();
                format!(
                    "{}\nThe copy in `{}` is of position {position}: it holds every entry before it, and none after. Its key is beside it: keep both.",
                    reported(it),
                    to.display()
                )
            })
        }
        Verb::Restore { backup, archive, key, to, data, erasures } => {
            // Read first: a restore that could not erase again would bring people back.
            let again = erasures.as_deref().map(past::read_erasures).transpose()?;
            std::fs::create_dir_all(&data).map_err(|error| Failure::io("making", &data, &error))?;
            let report = restore(backup.as_deref(), archive.as_deref().zip(key.as_deref()), to, &data.join(FILE))?;
            let erased = match again {
                Some(again) => past::erase_again(&data.join(FILE), &again).await?,
                None => 0,
            };
            show(global.output, &report, |it| {
                format!(
                    "{}\n{erased} erasures were done again.\nRestored to position {}. `interlock serve --data {}` goes on from here.",
                    reported(it),
                    it.size.unwrap_or_default(),
                    data.display()
                )
            })
        }
        Verb::Move { from, to, ledger_key } => {
            let path = file(&from);
            let key = ledger_key.unwrap_or_else(|| path.with_file_name(KEY));
            let options = OpenOptions { patience: PATIENCE, ..OpenOptions::default() };
            let moved = move_to_postgres(&path, &to, &key, &options).map_err(refused)?;
            show(global.output, &moved, |it| {
                format!(
                    "Moved {} entries, {} answers, {} blobs and {} rows of the desk to {}.\n\
                     The root of both is {}, and both have signed this checkpoint:\n\n{}\n{}\n\
                     `interlock serve --ledger … --ledger-key {}` goes on from here. The file is as it was; do not start a server on it again.",
                    it.size,
                    it.answers,
                    it.blobs,
                    it.desk,
                    it.to,
                    it.root,
                    it.checkpoint,
                    reported(&it.verified),
                    key.display()
                )
            })
        }
    }
}

/// The ledger below a data directory, or the path itself if it is a file.
pub fn file(data: &Path) -> PathBuf {
    if data.is_dir() { data.join(FILE) } else { data.to_owned() }
}

/// What a ledger that cannot be used means for whoever wanted to: code, first bad position, what to do.
pub fn refused(error: StoreError) -> Failure {
    let place = error.position().map(|position| format!(", first bad position {position}")).unwrap_or_default();
    let next = if error.is_damage() {
        "\nNothing was changed. `interlock ledger verify --data <dir>` lists all that is wrong; `interlock ledger restore` puts a backup back."
    } else {
        ""
    };
    Failure::Failed(format!("{}{place}: {error}{next}", error.code()))
}

/// Verifies files, with the key beside them or one that was kept elsewhere.
///
/// # Errors
/// The key cannot be read.
pub fn verify_files(data: &Path, key: Option<&Path>) -> Done<VerifyReport> {
    let path = file(data);
    let Some(key) = key else { return Ok(SqliteLedger::verify(&path)) };
    Ok(SqliteLedger::verify_with(&path, &public(key)?))
}

fn public(key: &Path) -> Done<VerifyingKey> {
    let text = std::fs::read_to_string(key).map_err(|error| Failure::io("reading", key, &error))?;
    VerifyingKey::parse(text.trim())
        .map_err(|error| Failure::Usage(format!("`{}` is no verifier key: {error}", key.display())))
}

/// Verifies a ledger in PostgreSQL, with the key its nodes share or one that was kept elsewhere.
fn verify_database(address: &str, shared: Option<&Path>, key: Option<&Path>) -> Done<VerifyReport> {
    match key {
        Some(key) => Ok(PostgresLedger::verify_with(address, &public(key)?, PATIENCE)),
        None => Ok(PostgresLedger::verify(address, shared.unwrap_or(Path::new(KEY)), PATIENCE)),
    }
}

fn damaged(report: &VerifyReport) -> String {
    let place = report
        .first_bad_position()
        .map_or_else(|| "no position can be named".to_owned(), |it| format!("first bad position {it}"));
    format!("the ledger does NOT verify: {} faults, {place}", report.faults.len())
}

/// What a verification found.
pub fn reported(it: &VerifyReport) -> String {
    let paint = Paint::stdout();
    let mut lines = vec![format!("{}", it.path.display())];
    lines.extend(it.vkey.as_ref().map(|key| format!("  key        {key}")));
    lines.extend(it.root.map(|root| format!("  root       {root} over {} entries", it.size.unwrap_or_default())));
    lines.push(format!(
        "  verified   {} entries, {} answers, {} blobs, {} snapshots",
        it.entries, it.answers, it.blobs, it.snapshots
    ));
    for fault in &it.faults {
        let place = fault.position.map(|it| format!(" at position {it}")).unwrap_or_default();
        lines.push(format!("  {} {}{place}: {}", paint.severity(Severity::Bad, "FAULT"), fault.code, fault.message));
    }
    lines.extend(it.warnings.iter().map(|it| format!("  warning    {it}")));
    lines.push(if it.passed() {
        paint.severity(Severity::Good, "The ledger verifies.")
    } else {
        paint.severity(Severity::Bad, "The ledger does NOT verify.")
    });
    lines.join("\n")
}

/// Entries as lines.
pub fn lines(rows: &[EntryRow]) -> String {
    let paint = Paint::stdout();
    let line = |it: &EntryRow| {
        format!(
            "{:>7}  {}  {:<28}  {}",
            format!("#{}", it.position),
            time(it.at),
            it.kind,
            paint.severity(it.severity, &it.summary)
        )
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn told(it: &Entry) -> String {
    let record = serde_json::to_string_pretty(&it.record).unwrap_or_default();
    format!("{}\nleaf {}\n\n{record}", lines(std::slice::from_ref(&it.row)), it.leaf_hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use interlock_ledger::{Batch, Ledger, NewEntry};

    fn ledger(entries: u8) -> SqliteLedger {
        let directory = tempfile::tempdir().unwrap().keep();
        let ledger = SqliteLedger::create(&directory.join(FILE), OpenOptions::default()).unwrap();
        for n in 0..entries {
            let batch = Batch { entries: vec![NewEntry { body: vec![n; 20] }], ..Default::default() };
            ledger.append(u64::from(n), &batch).unwrap();
        }
        ledger
    }

    #[test]
    fn a_flipped_byte_is_named_with_its_position() {
        let ledger = ledger(5);
        let path = ledger.path().to_owned();
        drop(ledger);
        assert!(verify_files(path.parent().unwrap(), None).unwrap().passed());
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(20).position(|window| window == [3; 20]).unwrap();
        bytes[at + 4] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let report = verify_files(&path, None).unwrap();
        assert!(damaged(&report).contains("first bad position 3"), "{}", reported(&report));
        let error = SqliteLedger::open(&path, OpenOptions::default()).err().unwrap();
        let told = refused(error).to_string();
        assert!(told.starts_with("L008, first bad position 3") && told.contains("restore"), "{told}");
    }
}
