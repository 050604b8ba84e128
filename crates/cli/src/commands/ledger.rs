//! `ledger`: entries, proofs, verification, backup. With `--data` the files themselves are examined, without a server; without
//! it, what the server says is checked against its signed checkpoint.

use super::past;
use crate::{
    client::{Client, query, segment},
    context::Global,
    failure::{Done, Failure},
    render::{Paint, show, time},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{StreamExt, TryStreamExt, stream};
use interlock_ledger::{
    Checkpoint, Digest, OpenOptions, SqliteLedger, StoreError, VerifyReport, VerifyingKey, merkle::verify_inclusion,
};
use interlock_wire::{
    ledger::{Entry, EntryRow, Head, Proof},
    reason::Severity,
};
use std::path::{Path, PathBuf};

/// Name of the ledger in a data directory.
pub const FILE: &str = "ledger.db";
const AT_ONCE: usize = 16;

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
    /// Check here that an entry is in the ledger its checkpoint was signed over
    #[command(after_help = "Example:\n  interlock ledger prove 42")]
    Prove { position: u64 },
    /// Verify every entry; names the first bad position
    #[command(
        after_help = "Example:\n  interlock ledger verify\n  interlock ledger verify --data /var/lib/interlock\n  interlock ledger verify --data . --key auditor.vkey"
    )]
    Verify {
        /// Data directory, or the ledger itself; without it the server is asked
        #[arg(long, value_name = "PATH")]
        data: Option<PathBuf>,
        /// File with the public key, kept elsewhere [default: the key beside the ledger]
        #[arg(long, requires = "data", value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Copy the ledger while it runs; the copy is verified
    #[command(after_help = "Example:\n  interlock ledger backup --data /var/lib/interlock --to /backup/ledger.db")]
    Backup {
        #[arg(long, value_name = "PATH")]
        data: PathBuf,
        /// The copy; never overwrites
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Verify a copy and put it where a server finds it
    #[command(
        after_help = "Example:\n  interlock ledger restore --from /backup/ledger.db --data /var/lib/interlock\n  interlock ledger restore --from /backup/ledger.db --data /var/lib/interlock --erasures erasures.json"
    )]
    Restore {
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// What was erased after the backup was taken, as `interlock ledger erasures` listed it: it is erased again
        #[arg(long, value_name = "FILE")]
        erasures: Option<PathBuf>,
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
        Verb::Prove { position } => {
            let it = entry(&global.client()?, position).await?;
            prove(&it)?;
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
        Verb::Verify { data: Some(data), key } => {
            let report = verify_files(&data, key.as_deref())?;
            show(global.output, &report, reported)?;
            if report.passed() { Ok(()) } else { Err(Failure::Failed(damaged(&report))) }
        }
        Verb::Verify { data: None, .. } => {
            let head = verify_server(&global.client()?).await?;
            show(global.output, &head, |it| {
                format!(
                    "Verified: all {} entries hash to the root that {} signed.\nroot {}",
                    it.size, it.verifier_key, it.root
                )
            })
        }
        Verb::Backup { data, to } => {
            let ledger = SqliteLedger::open(&file(&data), OpenOptions::default()).map_err(refused)?;
            let report = ledger.backup(&to).map_err(refused)?;
            show(global.output, &report, |it| {
                format!("{}\nThe copy is in `{}`, its key beside it: keep both.", reported(it), to.display())
            })
        }
        Verb::Restore { from, data, erasures } => {
            // Read first: a restore that could not erase again would bring people back.
            let again = erasures.as_deref().map(past::read_erasures).transpose()?;
            std::fs::create_dir_all(&data).map_err(|error| Failure::io("making", &data, &error))?;
            let report = SqliteLedger::restore(&from, &data.join(FILE)).map_err(refused)?;
            let erased = match again {
                Some(again) => past::erase_again(&data.join(FILE), &again).await?,
                None => 0,
            };
            show(global.output, &report, |it| {
                format!(
                    "{}\n{erased} erasures were done again.\n`interlock serve --data {}` goes on from here.",
                    reported(it),
                    data.display()
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
    let text = std::fs::read_to_string(key).map_err(|error| Failure::io("reading", key, &error))?;
    let key = VerifyingKey::parse(text.trim())
        .map_err(|error| Failure::Usage(format!("`{}` is no verifier key: {error}", key.display())))?;
    Ok(SqliteLedger::verify_with(&path, &key))
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

async fn entry(client: &Client, position: u64) -> Done<Entry> {
    client.get(&format!("/ledger/entries/{}", segment(&position.to_string()))).await
}

fn digest(text: &str) -> Done<Digest> {
    let text = text.trim();
    let hex = hex::decode(text.strip_prefix("sha256:").unwrap_or(text)).ok();
    let base64 = || BASE64_STANDARD.decode(text).ok();
    let bytes = hex.or_else(base64).and_then(|bytes| Digest::from_slice(&bytes));
    bytes.ok_or_else(|| Failure::Bug(format!("`{text}` is no digest")))
}

/// The leaf hash of an entry's exact bytes.
fn leaf(it: &Entry) -> Done<Digest> {
    let body = BASE64_STANDARD
        .decode(&it.body)
        .map_err(|error| Failure::Bug(format!("entry {} is not base64: {error}", it.row.position)))?;
    Ok(Digest::leaf(&body))
}

fn signed(checkpoint: &str, key: &str) -> Done<Checkpoint> {
    let wrong = |error: String| Failure::Failed(format!("the checkpoint is not what its key signed: {error}"));
    let key = VerifyingKey::parse(key).map_err(|error| wrong(error.to_string()))?;
    Checkpoint::open(&key, checkpoint).map_err(|error| wrong(error.to_string()))
}

/// Checks an entry against the signed checkpoint it came with: bytes to leaf, leaf to root, root to signature.
///
/// # Errors
/// One of the three does not hold.
pub fn prove(it: &Entry) -> Done {
    let Proof { position, tree_size, hashes, root_hash, checkpoint, verifier_key } = &it.proof;
    let checkpoint = signed(checkpoint, verifier_key)?;
    let root = digest(root_hash)?;
    let path: Vec<Digest> = hashes.iter().map(|it| digest(it)).collect::<Done<_>>()?;
    let under = verify_inclusion(&leaf(it)?, *position, *tree_size, &path, &root);
    if under && checkpoint.size == *tree_size && checkpoint.root == root && *position == it.row.position {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "entry {} is NOT under the signed root of {} entries",
        it.row.position, checkpoint.size
    )))
}

/// Reads every entry from the server, hashes it here and compares the root with the signed checkpoint.
///
/// # Errors
/// The signature or the root does not hold.
pub async fn verify_server(client: &Client) -> Done<Head> {
    let head: Head = client.get("/ledger").await?;
    let checkpoint = signed(&head.checkpoint, &head.verifier_key)?;
    let entries =
        stream::iter((0..checkpoint.size).map(|position| async move { leaf(&entry(client, position).await?) }));
    let leaves: Vec<Digest> = entries.buffered(AT_ONCE).try_collect().await?;
    if root(&leaves) == checkpoint.root && digest(&head.root)? == checkpoint.root {
        return Ok(head);
    }
    Err(Failure::Failed(format!("the {} entries do NOT hash to the root that was signed", checkpoint.size)))
}

/// RFC 6962 root over leaves (section 2.1), by its definition.
fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Digest::node(&root(left), &root(right))
        }
    }
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
    use interlock_ledger::{Batch, Ledger, MemoryLedger, NewEntry};

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
    fn the_root_is_that_of_the_ledger() {
        for size in [1, 2, 3, 7, 8] {
            let ledger = ledger(size);
            let leaves: Vec<Digest> = (0..size).map(|n| Digest::leaf(&[n; 20])).collect();
            assert_eq!(root(&leaves), ledger.root_at(u64::from(size)).unwrap(), "{size}");
        }
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

    #[test]
    fn a_checkpoint_of_another_key_proves_nothing() {
        let (one, two) = (MemoryLedger::new("a", [1; 32]).unwrap(), MemoryLedger::new("a", [2; 32]).unwrap());
        let note = one.checkpoint().unwrap().note;
        assert!(signed(&note, &one.verifying_key().to_string()).is_ok());
        assert_eq!(signed(&note, &two.verifying_key().to_string()).unwrap_err().exit_code(), 1);
    }
}
