//! One suite for every store, spoken through the contract alone.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;
mod server;

use interlock_ledger::{
    Answer, AppendError, Batch, Checkpoint, DeskRow, Digest, Ledger, MemoryLedger, NewEntry, OpenOptions,
    PostgresLedger, SqliteLedger, StoreError, limits, merkle,
};
use std::time::Duration;

fn entries(bodies: &[&[u8]]) -> Batch {
    Batch {
        entries: bodies.iter().map(|body| NewEntry { body: body.to_vec() }).collect(),
        answers: vec![],
        ..Batch::default()
    }
}

fn numbered(from: u64, count: u64) -> Batch {
    let entries = (from..from + count).map(|n| NewEntry { body: format!("entry {n}").into_bytes() }).collect();
    Batch { entries, ..Batch::default() }
}

fn answers(pairs: &[(&str, &str)]) -> Vec<Answer> {
    pairs.iter().map(|(key, body)| Answer { key: (*key).into(), body: (*body).into() }).collect()
}

/// Runs a check on a fresh ledger of each kind.
fn on_each(check: impl Fn(&dyn Ledger)) {
    check(&MemoryLedger::default());
    let folder = scratch::folder();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path, OpenOptions::default()).unwrap();
    check(&ledger);
    drop(ledger);
    let report = SqliteLedger::verify(&path);
    assert!(report.passed(), "{report:?}");
    let Some(server) = server::server() else { return };
    let (address, key) = (server.fresh(), folder.path().join("postgres.key"));
    let ledger = PostgresLedger::create(&address, &key, OpenOptions::default()).unwrap();
    // A test runs without fsync, which is told once, and is no news to the checks.
    assert_eq!(ledger.notices().len(), 2);
    check(&ledger);
    drop(ledger);
    let report = PostgresLedger::verify(&address, &key, Duration::from_secs(10));
    assert!(report.passed(), "{report:?}");
}

#[test]
fn an_empty_ledger_has_the_root_of_nothing() {
    on_each(|ledger| {
        let head = ledger.head().unwrap();
        assert_eq!((head.size, head.root), (0, Digest::of(b"")));
        assert_eq!(ledger.read(0, 10).unwrap(), []);
        assert_eq!(ledger.consistency(0, 0).unwrap(), []);
        assert!(matches!(ledger.inclusion(0, 0), Err(StoreError::OutOfRange { .. })));
        assert_eq!(ledger.checkpoint().unwrap().size, 0);
        assert_eq!(ledger.latest_snapshot("world").unwrap(), None);
    });
}

#[test]
fn entries_come_back_byte_for_byte_in_order() {
    on_each(|ledger| {
        let head = ledger.append(0, &entries(&[b"", b"\0\xff", b"three"])).unwrap();
        assert_eq!(head.size, 3);
        assert_eq!(ledger.append(3, &entries(&[b"four"])).unwrap(), ledger.head().unwrap());
        let read = ledger.read(0, 100).unwrap();
        let bodies: Vec<&[u8]> = read.iter().map(|entry| entry.body.as_slice()).collect();
        assert_eq!(bodies, [b"".as_slice(), b"\0\xff", b"three", b"four"]);
        for (entry, position) in read.iter().zip(0..) {
            assert_eq!((entry.position, entry.leaf), (position, Digest::leaf(&entry.body)));
        }
        assert_eq!(ledger.read(1, 2).unwrap(), read[1..3]);
        assert_eq!(ledger.read(3, 0).unwrap(), []);
        assert_eq!(ledger.read(4, 5).unwrap(), []);
        assert_eq!(ledger.read(u64::MAX, 5).unwrap(), []);
    });
}

#[test]
fn an_append_at_another_position_changes_nothing() {
    on_each(|ledger| {
        ledger.append(0, &entries(&[b"a"])).unwrap();
        let head = ledger.head().unwrap();
        for expected in [0, 2, u64::MAX] {
            let batch = Batch { answers: answers(&[("k", "lost")]), ..entries(&[b"b"]) };
            assert_eq!(ledger.append(expected, &batch), Err(AppendError::Conflict { expected, actual: 1 }));
        }
        assert_eq!(ledger.head().unwrap(), head);
        assert_eq!(ledger.answer("k").unwrap(), None);
    });
}

#[test]
fn answers_are_remembered_once_with_their_entries_or_alone() {
    on_each(|ledger| {
        let batch = Batch { answers: answers(&[("k1", "one"), ("k2", "")]), ..entries(&[b"a"]) };
        ledger.append(0, &batch).unwrap();
        assert_eq!(ledger.answer("k1").unwrap().as_deref(), Some(b"one".as_slice()));
        assert_eq!(ledger.answer("k2").unwrap().as_deref(), Some(b"".as_slice()));
        assert_eq!(ledger.answer("k3").unwrap(), None);
        let head = ledger.append(1, &Batch { answers: answers(&[("k3", "refused")]), ..Batch::default() }).unwrap();
        assert_eq!(head, ledger.head().unwrap());
        assert_eq!(head.size, 1);
        assert_eq!(ledger.answer("k3").unwrap().as_deref(), Some(b"refused".as_slice()));
        let again = Batch { answers: answers(&[("k9", "x"), ("k1", "two")]), ..entries(&[b"b"]) };
        let refused = AppendError::Storage(StoreError::AnswerExists { key: "k1".into() });
        assert_eq!(ledger.append(1, &again), Err(refused));
        let twice = Batch { answers: answers(&[("k8", "x"), ("k8", "y")]), ..Batch::default() };
        let refused = AppendError::Storage(StoreError::AnswerExists { key: "k8".into() });
        assert_eq!(ledger.append(1, &twice), Err(refused));
        assert_eq!((ledger.head().unwrap().size, ledger.answer("k9").unwrap()), (1, None));
        assert_eq!(ledger.answer("k1").unwrap().as_deref(), Some(b"one".as_slice()));
    });
}

#[test]
fn limits_are_refused_by_name() {
    on_each(|ledger| {
        let refused = |batch: &Batch| match ledger.append(0, batch) {
            Err(AppendError::TooLarge { limit, .. }) => limit,
            Err(AppendError::Storage(StoreError::TooLarge { limit, .. })) => limit,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&entries(&[b"fits", &vec![0; limits::ENTRY_BYTES + 1]])), limits::ENTRY_BYTES);
        assert_eq!(refused(&numbered(0, limits::BATCH_ITEMS as u64 + 1)), limits::BATCH_ITEMS);
        let long = Batch {
            entries: vec![],
            answers: answers(&[(&"k".repeat(limits::KEY_BYTES + 1), "")]),
            ..Batch::default()
        };
        assert_eq!(refused(&long), limits::KEY_BYTES);
        for key in ["", "a\0b"] {
            let batch = Batch { answers: answers(&[(key, "")]), ..Batch::default() };
            let error = ledger.append(0, &batch);
            assert!(matches!(error, Err(AppendError::Storage(StoreError::Malformed { .. }))), "{error:?}");
        }
        assert_eq!(ledger.head().unwrap().size, 0);
        ledger.append(0, &entries(&[&vec![7; limits::ENTRY_BYTES]])).unwrap();
        assert_eq!(ledger.read(0, 1).unwrap()[0].body.len(), limits::ENTRY_BYTES);
        let blob = vec![0; limits::BLOB_BYTES + 1];
        assert!(matches!(ledger.put_blob(&blob), Err(StoreError::TooLarge { limit: limits::BLOB_BYTES, .. })));
        let value = vec![0; limits::DESK_BYTES + 1];
        assert!(matches!(ledger.desk_put("t", "k", &value), Err(StoreError::TooLarge { .. })));
        assert!(matches!(ledger.desk_put("", "k", b""), Err(StoreError::Malformed { .. })));
        assert!(matches!(ledger.desk_put("t", "", b""), Err(StoreError::Malformed { .. })));
        assert!(matches!(ledger.put_snapshot(0, "", b""), Err(StoreError::Malformed { .. })));
    });
}

#[test]
fn a_read_is_cut_off_at_its_limit_and_goes_on() {
    on_each(|ledger| {
        ledger.append(0, &numbered(0, 10_000)).unwrap();
        ledger.append(10_000, &numbered(10_000, 50)).unwrap();
        assert_eq!(ledger.read(0, usize::MAX).unwrap().len(), limits::READ_ITEMS);
        let rest = ledger.read(limits::READ_ITEMS as u64, usize::MAX).unwrap();
        assert_eq!(rest.len(), 50);
        assert_eq!(rest[49].body, b"entry 10049");
    });
}

#[test]
fn every_checkpoint_and_proof_verifies() {
    on_each(|ledger| {
        let key = ledger.verifying_key();
        let mut heads = vec![ledger.head().unwrap()];
        for (at, count) in [(0, 1), (1, 14), (15, 2), (17, 239), (256, 1), (257, 700)] {
            heads.push(ledger.append(at, &numbered(at, count)).unwrap());
            let checkpoint = ledger.checkpoint().unwrap();
            assert_eq!(Checkpoint::open(&key, &checkpoint.note).as_ref(), Ok(&checkpoint));
            assert_eq!(Some((checkpoint.size, checkpoint.root)), heads.last().map(|head| (head.size, head.root)));
        }
        for new in &heads {
            assert_eq!(ledger.root_at(new.size).unwrap(), new.root);
            for old in heads.iter().filter(|old| old.size <= new.size) {
                let proof = ledger.consistency(old.size, new.size).unwrap();
                assert!(merkle::verify_consistency(old.size, new.size, &old.root, &new.root, &proof));
            }
            for entry in ledger.read(0, new.size as usize).unwrap() {
                let path = ledger.inclusion(entry.position, new.size).unwrap();
                assert!(merkle::verify_inclusion(&entry.leaf, entry.position, new.size, &path, &new.root));
            }
        }
        assert_eq!(ledger.inclusion(0, 957).unwrap().len(), 10, "ceil(log2 957) hashes");
        assert!(matches!(ledger.inclusion(957, 957), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(ledger.inclusion(0, 958), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(ledger.consistency(5, 4), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(ledger.root_at(958), Err(StoreError::OutOfRange { .. })));
    });
}

#[test]
fn several_answers_are_asked_for_at_once() {
    on_each(|ledger| {
        ledger.append(0, &Batch { answers: answers(&[("k1", "one"), ("k2", "two")]), ..entries(&[b"a"]) }).unwrap();
        let found = ledger.answers(&["k2", "none", "k1", "k2"]).unwrap();
        assert_eq!(found, [Some(b"two".to_vec()), None, Some(b"one".to_vec()), Some(b"two".to_vec())]);
        assert_eq!(ledger.answers(&[]).unwrap(), Vec::<Option<Vec<u8>>>::new());
    });
}

#[test]
fn blobs_are_kept_by_digest() {
    on_each(|ledger| {
        let bytes = vec![42; 300_000];
        let digest = ledger.put_blob(&bytes).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(ledger.put_blob(&bytes).unwrap(), digest);
        assert_eq!(ledger.blob(&digest).unwrap(), Some(bytes));
        let empty = ledger.put_blob(b"").unwrap();
        assert_eq!(ledger.blob(&empty).unwrap(), Some(vec![]));
        assert_eq!(ledger.blob(&Digest::of(b"never stored")).unwrap(), None);
    });
}

#[test]
fn snapshots_are_of_a_size_and_only_the_last_are_kept() {
    on_each(|ledger| {
        ledger.append(0, &numbered(0, 40)).unwrap();
        for size in [10, 20, 30] {
            ledger.put_snapshot(size, "world/1", format!("state {size}").as_bytes()).unwrap();
        }
        ledger.put_snapshot(40, "other", b"x").unwrap();
        let snapshot = ledger.latest_snapshot("world/1").unwrap().unwrap();
        assert_eq!((snapshot.size, snapshot.bytes.as_slice()), (30, b"state 30".as_slice()));
        assert_eq!(snapshot.root, ledger.root_at(30).unwrap());
        ledger.put_snapshot(30, "world/1", b"again").unwrap();
        assert_eq!(ledger.latest_snapshot("world/1").unwrap().unwrap().bytes, b"again");
        assert_eq!(ledger.latest_snapshot("world/2").unwrap(), None);
        assert!(matches!(ledger.put_snapshot(41, "world/1", b""), Err(StoreError::OutOfRange { .. })));
        assert_eq!(ledger.notices(), Vec::<String>::new());
    });
}

#[test]
fn the_desk_keeps_finds_lists_and_erases() {
    on_each(|ledger| {
        ledger.desk_put("people", "p/1", b"Ada").unwrap();
        let rows: [(&str, &str, &[u8]); 5] = [
            ("people", "p/2", b"Grace"),
            ("people", "p/3", b"Edsger"),
            ("people", "q/1", b"other"),
            ("people", "p", b"short"),
            ("notes", "p/1", b"elsewhere"),
        ];
        ledger.desk_put_many(&rows).unwrap();
        ledger.desk_put("people", "p/1", b"Ada Lovelace").unwrap();
        assert_eq!(ledger.desk_get("people", "p/1").unwrap().as_deref(), Some(b"Ada Lovelace".as_slice()));
        assert_eq!(ledger.desk_get("people", "p/9").unwrap(), None);
        let keys = |prefix: &str, after: Option<&str>, limit: usize| -> Vec<String> {
            ledger.desk_scan("people", prefix, after, limit).unwrap().into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys("p/", None, 10), ["p/1", "p/2", "p/3"]);
        assert_eq!(keys("p/", None, 2), ["p/1", "p/2"]);
        assert_eq!(keys("p/", Some("p/2"), 10), ["p/3"]);
        assert_eq!(keys("p/", Some("a"), 10), ["p/1", "p/2", "p/3"]);
        assert_eq!(keys("p/", Some("z"), 10), Vec::<String>::new());
        assert_eq!(keys("", None, 10), ["p", "p/1", "p/2", "p/3", "q/1"]);
        assert!(ledger.desk_delete("people", "p/2").unwrap());
        assert!(!ledger.desk_delete("people", "p/2").unwrap());
        assert_eq!(ledger.desk_delete_many("people", &["p/1", "p/3", "none"]).unwrap(), 2);
        assert_eq!(keys("p/", None, 10), Vec::<String>::new());
        assert_eq!(ledger.desk_get("notes", "p/1").unwrap().as_deref(), Some(b"elsewhere".as_slice()));
        assert_eq!(ledger.head().unwrap().size, 0);
    });
}

#[test]
fn blobs_and_desk_rows_of_a_batch_are_there_with_its_entries_or_not_at_all() {
    let row = |key: &str, value: &[u8]| DeskRow { table: "t".into(), key: key.into(), value: value.to_vec() };
    on_each(|ledger| {
        let batch = Batch {
            blobs: vec![b"facts".to_vec(), b"facts".to_vec(), Vec::new()],
            rows: vec![row("a", b"1"), row("a", b"2"), row("b", b"")],
            ..entries(&[b"one"])
        };
        assert!(ledger.append(7, &batch).is_err());
        assert_eq!(ledger.blob(&Digest::of(b"facts")).unwrap(), None);
        assert_eq!(ledger.desk_get("t", "a").unwrap(), None);
        ledger.append(0, &batch).unwrap();
        assert_eq!(ledger.blob(&Digest::of(b"facts")).unwrap().as_deref(), Some(&b"facts"[..]));
        assert_eq!(ledger.blob(&Digest::of(b"")).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(ledger.desk_get("t", "a").unwrap().as_deref(), Some(&b"2"[..]));
        // The same bytes again change nothing, with entries or without.
        ledger.append(1, &Batch { blobs: vec![b"facts".to_vec()], ..entries(&[b"two"]) }).unwrap();
        let head = ledger.append(2, &Batch { blobs: vec![b"alone".to_vec()], ..Batch::default() }).unwrap();
        assert_eq!(head.size, 2);
        assert!(ledger.blob(&Digest::of(b"alone")).unwrap().is_some());
        let unnamed = Batch { rows: vec![row("", b"x")], ..entries(&[b"three"]) };
        assert!(ledger.append(2, &unnamed).is_err());
        assert_eq!(ledger.head().unwrap().size, 2);
    });
}

#[test]
fn an_erased_blob_is_gone_and_can_be_stored_again() {
    on_each(|ledger| {
        let digest = ledger.put_blob(b"names").unwrap();
        assert!(ledger.erase_blob(&digest).unwrap());
        assert!(!ledger.erase_blob(&digest).unwrap());
        assert_eq!(ledger.blob(&digest).unwrap(), None);
        ledger.scrub().unwrap();
        assert_eq!(ledger.put_blob(b"names").unwrap(), digest);
        assert!(ledger.blob(&digest).unwrap().is_some());
    });
}
