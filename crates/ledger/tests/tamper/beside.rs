//! Harm to what lies beside the log: answers and blobs are refused when read, snapshots passed over.

use crate::sound::{Seeded, body, flip, harm, open, snapshots, sound, with};
use interlock_ledger::{Batch, Digest, Ledger, NewEntry, OpenOptions, SqliteLedger, StoreError};
use std::fs;

#[test]
fn answers_and_blobs_are_checked_when_read_and_snapshots_passed_over() {
    let sound = sound();
    let mut random = Seeded(15);
    for round in 0..20 {
        let (_folder, path) = sound.copy();
        harm(&path, |conn| {
            let mut answer: Vec<u8> =
                conn.query_row("SELECT body FROM answer WHERE key = 'key 100'", [], |row| row.get(0)).unwrap();
            flip(&mut answer, &mut random);
            conn.execute("UPDATE answer SET body = ? WHERE key = 'key 100'", [answer]).unwrap();
            let mut blob: Vec<u8> = conn.query_row("SELECT body FROM blob", [], |row| row.get(0)).unwrap();
            flip(&mut blob, &mut random);
            conn.execute("UPDATE blob SET body = ?", [blob]).unwrap();
        });
        let newest = snapshots(&path).pop().unwrap();
        let mut state = fs::read(&newest).unwrap();
        flip(&mut state, &mut random);
        fs::write(&newest, state).unwrap();
        let ledger = open(&path).unwrap();
        let digest = Digest::of(&body(5));
        assert_eq!(ledger.answer("key 100"), Err(StoreError::AnswerDamaged { key: "key 100".into() }), "{round}");
        assert_eq!(ledger.answer("key 200").unwrap(), Some(body(200)));
        assert_eq!(ledger.blob(&digest), Err(StoreError::BlobDamaged { digest }), "{round}");
        let snapshot = ledger.latest_snapshot("world").unwrap().unwrap();
        assert_eq!((snapshot.size, snapshot.bytes), (500, body(6)));
        let notices = ledger.notices();
        assert!(notices.len() == 1 && notices[0].contains("0900.snapshot"), "{notices:?}");
        assert_eq!(ledger.notices(), Vec::<String>::new(), "each is said once");
        drop(ledger);
        let report = SqliteLedger::verify(&path);
        let codes: Vec<&str> = report.faults.iter().map(|fault| fault.code).collect();
        assert_eq!((codes, report.warnings.len()), (vec!["L019", "L018"], 1));
    }
}

#[test]
fn a_snapshot_of_another_log_is_passed_over() {
    let (sound, other) = (sound(), crate::scratch::folder());
    let (_folder, path) = sound.copy();
    let path_of_other = other.path().join("ledger.db");
    let ledger = SqliteLedger::create(&path_of_other, OpenOptions::default()).unwrap();
    let batch = Batch { entries: vec![NewEntry { body: b"else".to_vec() }; 950], ..Batch::default() };
    ledger.append(0, &batch).unwrap();
    ledger.put_snapshot(950, "world", b"of another log").unwrap();
    drop(ledger);
    let foreign = snapshots(&path_of_other).pop().unwrap();
    fs::copy(&foreign, with(&path, ".snapshots").join(foreign.file_name().unwrap())).unwrap();
    let ledger = open(&path).unwrap();
    assert_eq!(ledger.latest_snapshot("world").unwrap().unwrap().size, 900);
    assert!(ledger.notices()[0].contains("another log"));
}
