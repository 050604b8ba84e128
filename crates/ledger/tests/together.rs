//! Several at once: threads, two openings of one file as two processes have it, and a backup while it runs.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;

use interlock_ledger::{
    Answer, AppendError, Batch, Checkpoint, Ledger, NewEntry, OpenOptions, SqliteLedger, StoreError, merkle,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

fn one(body: &str) -> Batch {
    Batch { entries: vec![NewEntry { body: body.into() }], ..Batch::default() }
}

fn fresh(folder: &Path) -> (PathBuf, SqliteLedger) {
    let path = folder.join("ledger.db");
    let ledger = SqliteLedger::create(&path, OpenOptions::default()).unwrap();
    (path, ledger)
}

fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path, OpenOptions::default()).unwrap()
}

#[test]
fn of_two_that_decided_at_the_same_position_exactly_one_wins() {
    let folder = scratch::folder();
    let (path, first) = fresh(folder.path());
    let second = open(&path);
    let barrier = Barrier::new(2);
    const ROUNDS: u64 = 200;
    let run = |ledger: &SqliteLedger, name: &str| -> Vec<u64> {
        (0..ROUNDS)
            .filter(|round| {
                barrier.wait();
                match ledger.append(*round, &one(&format!("{name} {round}"))) {
                    Ok(head) => {
                        assert_eq!(head.size, round + 1);
                        true
                    }
                    Err(AppendError::Conflict { expected, actual }) => {
                        assert_eq!((expected, actual), (*round, round + 1));
                        false
                    }
                    Err(other) => panic!("{other}"),
                }
            })
            .collect()
    };
    let (a, b) = thread::scope(|scope| {
        let a = scope.spawn(|| run(&first, "a"));
        let b = scope.spawn(|| run(&second, "b"));
        (a.join().unwrap(), b.join().unwrap())
    });
    let mut won: Vec<u64> = a.iter().chain(&b).copied().collect();
    won.sort();
    assert_eq!(won, (0..ROUNDS).collect::<Vec<_>>());
    for entry in first.read(0, 1_000).unwrap() {
        let winner = if a.contains(&entry.position) { "a" } else { "b" };
        assert_eq!(entry.body, format!("{winner} {}", entry.position).into_bytes());
    }
    drop((first, second));
    assert!(SqliteLedger::verify(&path).passed());
}

#[test]
fn what_one_process_appends_the_other_sees_and_checks() {
    let folder = scratch::folder();
    let (path, first) = fresh(folder.path());
    let second = open(&path);
    for size in 0..40 {
        let (writer, reader) = if size % 3 == 0 { (&second, &first) } else { (&first, &second) };
        let head = writer.append(size, &one("x")).unwrap();
        assert_eq!(reader.head().unwrap(), head);
        assert_eq!(reader.read(size, 9).unwrap().len(), 1);
    }
}

#[test]
fn a_head_moved_on_by_a_stranger_is_refused_while_running() {
    let folder = scratch::folder();
    let (path, ledger) = fresh(folder.path());
    let mut size = 0;
    for _ in 0..30 {
        size = ledger.append(size, &one("x")).unwrap().size;
    }
    let conn = rusqlite::Connection::open(&path).unwrap();
    let said: Vec<(i64, Vec<u8>, Vec<u8>, String)> = vec![
        conn.query_row("SELECT size, root, edge, note FROM checkpoint", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap(),
    ];
    conn.execute_batch("UPDATE checkpoint SET size = 29").unwrap();
    assert!(matches!(ledger.head(), Err(StoreError::CheckpointDamaged { .. })));
    assert!(matches!(ledger.append(30, &one("y")), Err(AppendError::Storage(StoreError::CheckpointDamaged { .. }))));
    conn.execute("UPDATE checkpoint SET size = ?", [said[0].0]).unwrap();
    ledger.append(30, &one("y")).unwrap();
    // An older state, properly signed, put back under a running ledger.
    let (size, root, edge, note) = &said[0];
    conn.execute(
        "UPDATE checkpoint SET size = ?, root = ?, edge = ?, note = ?",
        rusqlite::params![size, root, edge, note],
    )
    .unwrap();
    let rolled_back = StoreError::NotAContinuation { witnessed: 31, found: 30 };
    assert_eq!(ledger.append(30, &one("z")), Err(AppendError::Storage(rolled_back)));
}

#[test]
fn readers_see_whole_moments_while_a_writer_appends() {
    let folder = scratch::folder();
    let (_, ledger) = fresh(folder.path());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let key = ledger.verifying_key();
                let mut before = ledger.checkpoint().unwrap();
                while !done.load(Ordering::Relaxed) {
                    let now = ledger.checkpoint().unwrap();
                    assert_eq!(Checkpoint::open(&key, &now.note).unwrap(), now);
                    let proof = ledger.consistency(before.size, now.size).unwrap();
                    assert!(merkle::verify_consistency(before.size, now.size, &before.root, &now.root, &proof));
                    if now.size > 0 {
                        let entry = ledger.read(now.size - 1, 1).unwrap().remove(0);
                        let path = ledger.inclusion(entry.position, now.size).unwrap();
                        assert!(merkle::verify_inclusion(&entry.leaf, entry.position, now.size, &path, &now.root));
                    }
                    before = now;
                }
            });
        }
        let mut size = 0;
        for n in 0..300u64 {
            let entries = (0..1 + n % 9).map(|m| NewEntry { body: format!("{n} {m}").into() }).collect();
            size = ledger.append(size, &Batch { entries, ..Batch::default() }).unwrap().size;
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_backup_made_while_running_restores_to_the_same_ledger() {
    let folder = scratch::folder();
    let (path, ledger) = fresh(folder.path());
    let mut size = 0;
    for n in 0..50 {
        let answers = vec![Answer { key: format!("k{n}"), body: vec![n] }];
        let entries = (0..20).map(|m| NewEntry { body: vec![n, m] }).collect();
        size = ledger.append(size, &Batch { entries, answers, ..Batch::default() }).unwrap().size;
    }
    let digest = ledger.put_blob(b"evidence").unwrap();
    ledger.desk_put("people", "p1", b"Ada").unwrap();
    let copy = folder.path().join("backup.db");
    let done = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = size;
            while !done.load(Ordering::Relaxed) {
                at = ledger.append(at, &one("meanwhile")).unwrap().size;
            }
        });
        let report = ledger.backup(&copy);
        done.store(true, Ordering::Relaxed);
        report.unwrap()
    });
    assert!(report.passed() && report.entries >= size, "{report:?}");
    assert_eq!((report.answers, report.blobs), (50, 1));
    assert_eq!(ledger.backup(&copy), Err(StoreError::AlreadyExists { path: copy.clone() }));
    assert_eq!(ledger.backup(&path), Err(StoreError::AlreadyExists { path: path.clone() }));
    drop(ledger);

    let exists = SqliteLedger::restore(&copy, &path);
    assert_eq!(exists, Err(StoreError::AlreadyExists { path: path.clone() }));
    let restored = folder.path().join("restored.db");
    assert_eq!(SqliteLedger::restore(&copy, &restored).unwrap().entries, report.entries);
    let ledger = open(&restored);
    let head = ledger.head().unwrap();
    assert_eq!((Some(head.size), Some(head.root)), (report.size, report.root));
    assert_eq!(ledger.read(0, 1_000).unwrap(), open(&path).read(0, 1_000).unwrap());
    assert_eq!(ledger.blob(&digest).unwrap().as_deref(), Some(b"evidence".as_slice()));
    assert_eq!(ledger.desk_get("people", "p1").unwrap().as_deref(), Some(b"Ada".as_slice()));
    ledger.append(head.size, &one("it goes on")).unwrap();
    let names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial") || name.contains("creating"))
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let folder = scratch::folder();
    let (_, ledger) = fresh(folder.path());
    ledger.append(0, &Batch { entries: vec![NewEntry { body: vec![9; 50] }; 100], ..Batch::default() }).unwrap();
    let (copy, target) = (folder.path().join("backup.db"), folder.path().join("restored.db"));
    ledger.backup(&copy).unwrap();
    let conn = rusqlite::Connection::open(&copy).unwrap();
    conn.execute_batch("UPDATE entry SET body = x'00' WHERE position = 33").unwrap();
    drop(conn);
    assert_eq!(SqliteLedger::restore(&copy, &target), Err(StoreError::EntryAltered { position: 33 }));
    assert!(!target.exists());
}

#[test]
fn verifying_changes_no_byte_and_works_beside_a_running_ledger() {
    let folder = scratch::folder();
    let (path, ledger) = fresh(folder.path());
    ledger.append(0, &one("a")).unwrap();
    let report = SqliteLedger::verify(&path);
    assert!(report.passed() && report.entries == 1, "{report:?}");
    drop(ledger);
    let before = fs::read(&path).unwrap();
    assert!(SqliteLedger::verify(&path).passed());
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_erased_from_the_desk_is_gone_from_the_file() {
    let folder = scratch::folder();
    let (path, ledger) = fresh(folder.path());
    let name = b"Augusta Ada King, Countess of Lovelace".repeat(400);
    ledger.desk_put("people", "p1", &name).unwrap();
    ledger.desk_put("people", "p2", b"stays").unwrap();
    assert!(ledger.desk_delete("people", "p1").unwrap());
    drop(ledger);
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(15).any(|window| window == b"Augusta Ada Kin"));
    assert!(bytes.windows(5).any(|window| window == b"stays"));
}

#[test]
fn what_is_erased_is_in_no_file_while_the_ledger_runs_on() {
    let folder = scratch::folder();
    let (_, ledger) = fresh(folder.path());
    // Many rows of many lengths, changed in place, so that pages split, merge and are rebuilt.
    let value = |n: usize, turn: usize| format!("Augusta-{n}-{}", "Ada King ".repeat((n * 7 + turn * 13) % 90));
    for turn in 0..4 {
        for n in 0..400 {
            ledger.desk_put("people", &format!("p{:03}", n * 17 % 400), value(n, turn).as_bytes()).unwrap();
        }
    }
    let blob = ledger.put_blob(&b"Countess of Lovelace ".repeat(2_000)).unwrap();
    let holds = |what: &[u8]| {
        fs::read_dir(folder.path()).unwrap().any(|file| {
            let path = file.unwrap().path();
            path.is_file() && fs::read(path).unwrap().windows(what.len()).any(|window| window == what)
        })
    };
    assert!(holds(b"Ada King Ada King") && holds(b"Countess of Lovelace"));
    for n in (0..400).filter(|n| n % 3 != 0) {
        assert!(ledger.desk_delete("people", &format!("p{n:03}")).unwrap());
    }
    for n in (0..400).filter(|n| n % 3 == 0) {
        ledger.desk_put("people", &format!("p{n:03}"), b"stays").unwrap();
    }
    assert!(ledger.erase_blob(&blob).unwrap());
    ledger.scrub().unwrap();
    assert!(!holds(b"Countess of Lovelace"), "a blob");
    assert!(!holds(b"Augusta") && !holds(b"Ada King"), "the desk");
    assert!(holds(b"stays"));
    assert!(SqliteLedger::verify(ledger.path()).passed());
}

#[test]
fn the_origin_is_chosen_at_creation_and_is_the_name_of_the_key() {
    let folder = scratch::folder();
    let path = folder.path().join("ledger.db");
    let options = |origin: &str| OpenOptions { origin: Some(origin.into()), ..OpenOptions::default() };
    let refused = SqliteLedger::create(&path, options("two words")).err();
    assert!(matches!(refused, Some(StoreError::Malformed { .. })));
    let ledger = SqliteLedger::open_or_create(&path, options("release.example.org/ledger")).unwrap();
    assert_eq!(ledger.checkpoint().unwrap().origin, "release.example.org/ledger");
    assert!(ledger.vkey().starts_with("release.example.org/ledger+"));
    let published = fs::read_to_string(folder.path().join("ledger.db.vkey")).unwrap();
    assert_eq!(published, format!("{}\n", ledger.vkey()));
    assert!(matches!(SqliteLedger::create(&path, OpenOptions::default()), Err(StoreError::AlreadyExists { .. })));
}
