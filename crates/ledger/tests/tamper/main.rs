//! Whoever changes the file is found out, and told where: by opening, by verifying, by reading.
//!
//! Each round takes a sound ledger, does one harm chosen by a seed, and knows what must be said about it.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_ledger::{
    Batch, Checkpoint, Digest, Entry, Ledger, NewEntry, OpenMode, OpenOptions, SigningKey, SqliteLedger, StoreError,
};
use rusqlite::{Connection, params};
use std::{fs, path::Path};

mod beside;
mod packs;
#[path = "../scratch/mod.rs"]
mod scratch;
mod sound;

use sound::{SIZE, Seeded, flip, harm, open, sound, stored, with};

/// Opening refuses with `wanted`, and verifying says the same.
fn refused(path: &Path, wanted: &StoreError, what: &str) {
    let found = open(path).err();
    assert_eq!(found.as_ref(), Some(wanted), "{what}");
    let report = SqliteLedger::verify(path);
    assert!(!report.passed(), "{what}");
    assert_eq!(report.faults[0].code, wanted.code(), "{what}: {:?}", report.faults);
    assert_eq!(report.first_bad_position(), wanted.position(), "{what}: {:?}", report.faults);
}

fn move_entry(conn: &Connection, from: u64, to: i64) {
    conn.execute("UPDATE entry SET position = ? WHERE position = ?", params![to, from as i64]).unwrap();
}

/// One seeded harm to the entries or to the tree above them; gives what must be said about it.
fn one_harm(conn: &Connection, seed: u64, entries: &[Entry]) -> (String, StoreError) {
    let mut random = Seeded(seed.wrapping_mul(7_919));
    let position = random.below(SIZE);
    let change = |position: u64, body: &[u8]| {
        conn.execute("UPDATE entry SET body = ? WHERE position = ?", params![body, position as i64]).unwrap();
    };
    let drop_from = |sql: &str, position: u64| {
        conn.execute(sql, [position as i64]).unwrap();
    };
    match seed % 10 {
        0..=2 => {
            let mut body = entries[position as usize].body.clone();
            flip(&mut body, &mut random);
            change(position, &body);
            (format!("flip a bit of entry {position}"), StoreError::EntryAltered { position })
        }
        3 => {
            let body = &entries[position as usize].body;
            change(position, &body[..body.len() - 1]);
            (format!("shorten entry {position}"), StoreError::EntryAltered { position })
        }
        4 => {
            let position = position.min(SIZE - 2);
            drop_from("DELETE FROM entry WHERE position = ?", position);
            (format!("drop entry {position}"), StoreError::EntryMissing { position })
        }
        5 => {
            let other = (position + 1 + random.below(SIZE - 1)) % SIZE;
            let (low, high) = (position.min(other), position.max(other));
            move_entry(conn, low, -1);
            move_entry(conn, high, low as i64);
            conn.execute("UPDATE entry SET position = ? WHERE position = -1", [high as i64]).unwrap();
            (format!("swap {low} and {high}"), StoreError::EntriesSwapped { position: low, other: high })
        }
        6 => {
            drop_from("DELETE FROM entry WHERE position >= ?", position);
            (format!("cut off from {position}"), StoreError::TailMissing { position, signed: SIZE })
        }
        7 => {
            let position = SIZE + random.below(3);
            conn.execute("INSERT INTO entry VALUES (?, x'00')", [position as i64]).unwrap();
            let position = position as i64;
            (format!("add {position}"), StoreError::EntryUnsigned { position, signed: SIZE })
        }
        8 => {
            // Tiles of level 0 and 1; the damage is said to begin at the entry under the flipped hash.
            let level = random.below(2) as u8;
            let tile = random.below(if level == 0 { SIZE / 16 } else { SIZE / 256 });
            let id = (i64::from(level) << 56) | tile as i64;
            let mut hashes = stored(conn, "SELECT hashes FROM tile WHERE id = ?", id);
            let at = random.below(512) as usize;
            hashes[at] ^= 1 << random.below(8);
            conn.execute("UPDATE tile SET hashes = ? WHERE id = ?", params![hashes, id]).unwrap();
            let position = (tile * 16 + at as u64 / 32) << (4 * level);
            (format!("flip tile {tile} of level {level}"), StoreError::TreeDamaged { position, level })
        }
        _ => {
            // The entry and its leaf hash, by one who knows the first thing about trees.
            let position = position.min(SIZE / 16 * 16 - 1);
            let mut body = entries[position as usize].body.clone();
            flip(&mut body, &mut random);
            change(position, &body);
            let id = (position / 16) as i64;
            let mut hashes = stored(conn, "SELECT hashes FROM tile WHERE id = ?", id);
            let at = (position % 16) as usize * 32;
            hashes[at..at + 32].copy_from_slice(&Digest::leaf(&body).0);
            conn.execute("UPDATE tile SET hashes = ? WHERE id = ?", params![hashes, id]).unwrap();
            let first = position / 16 * 16;
            (format!("rewrite {position}"), StoreError::HistoryRewritten { position: first, last: first + 15 })
        }
    }
}

/// `LEDGER_TAMPER_ROUNDS` asks for more rounds than the 240 of an everyday run.
#[test]
fn every_seeded_harm_is_found_and_located() {
    let rounds = std::env::var("LEDGER_TAMPER_ROUNDS").map_or(240, |it| it.parse().unwrap());
    let sound = sound();
    for seed in 0..rounds {
        let (_folder, path) = sound.copy();
        let mut said = None;
        harm(&path, |conn| said = Some(one_harm(conn, seed, &sound.entries)));
        let (what, wanted) = said.unwrap();
        refused(&path, &wanted, &format!("seed {seed}: {what}"));
    }
}

#[test]
fn any_byte_of_any_stored_entry_in_the_raw_file() {
    let sound = sound();
    let bytes = fs::read(&sound.path).unwrap();
    let mut random = Seeded(11);
    for round in 0..60 {
        let position = random.below(SIZE);
        let body = &sound.entries[position as usize].body;
        let (_folder, path) = sound.copy();
        let mut harmed = bytes.clone();
        let (at, bit) = (random.below(body.len() as u64) as usize, 1 << random.below(8));
        // Splitting a page leaves copies in its free part; the one that is read is among those found.
        for start in (0..bytes.len() - body.len()).filter(|start| bytes[*start..].starts_with(body)) {
            harmed[start + at] ^= bit;
        }
        assert_ne!(harmed, bytes);
        fs::write(&path, harmed).unwrap();
        refused(&path, &StoreError::EntryAltered { position }, &format!("round {round}, entry {position}"));
    }
}

#[test]
fn a_flip_anywhere_in_the_file_is_refused_or_changes_nothing_that_is_read() {
    let sound = sound();
    let bytes = fs::read(&sound.path).unwrap();
    let mut random = Seeded(12);
    let (mut found, rounds) = (0, 150);
    for round in 0..rounds {
        let (_folder, path) = sound.copy();
        let mut harmed = bytes.clone();
        flip(&mut harmed, &mut random);
        fs::write(&path, harmed).unwrap();
        match open(&path) {
            Err(error) => {
                assert!(error.is_damage(), "round {round}: {error}");
                found += 1;
            }
            Ok(ledger) => assert_eq!(ledger.read(0, 10_000).unwrap(), sound.entries, "round {round}"),
        }
    }
    assert!(found > rounds / 2, "only {found} of {rounds} were found: the flips no longer hit what matters");
}

#[test]
fn a_file_cut_short_at_any_length_is_refused() {
    let sound = sound();
    let bytes = fs::read(&sound.path).unwrap();
    let mut random = Seeded(13);
    for round in 0..40 {
        let (_folder, path) = sound.copy();
        let length = match round {
            0 => 0,
            1 => 50,
            2 => bytes.len() - 1,
            _ => random.below(bytes.len() as u64) as usize,
        };
        fs::write(&path, &bytes[..length]).unwrap();
        let error = open(&path).err().unwrap_or_else(|| panic!("{length} bytes of {} were opened", bytes.len()));
        assert!(error.is_damage(), "{length}: {error}");
        assert!(!SqliteLedger::verify(&path).passed(), "{length}");
    }
}

/// Signs the same root with `key`, perhaps also claiming that the ledger is that key's.
fn resign(path: &Path, key: &SigningKey, also_identity: bool) {
    harm(path, |conn| {
        let root = stored(conn, "SELECT root FROM checkpoint WHERE id = ?", 0);
        let note = Checkpoint::sign(key, SIZE, Digest::from_slice(&root).unwrap()).note;
        conn.execute("UPDATE checkpoint SET note = ?", [note]).unwrap();
        if also_identity {
            conn.execute("UPDATE identity SET vkey = ?", [key.verifying_key().to_string()]).unwrap();
        }
    });
}

#[test]
fn another_key_is_named() {
    let sound = sound();
    let ours = fs::read_to_string(with(&sound.path, ".vkey")).unwrap();
    let name = ours.split('+').next().unwrap();
    for (seed, also_identity) in [(1, false), (2, true)] {
        let (_folder, path) = sound.copy();
        resign(&path, &SigningKey::from_seed(name, &[seed; 32]).unwrap(), also_identity);
        let error = open(&path).err().unwrap();
        assert!(matches!(error, StoreError::WrongKey { .. }), "{error}");
        assert_eq!(SqliteLedger::verify(&path).faults[0].code, "L006");
    }
    // The key file of another ledger.
    let (_folder, path) = sound.copy();
    let (_other_folder, other) = (scratch::folder(), sound::sound());
    fs::copy(with(&other.path, ".key"), with(&path, ".key")).unwrap();
    assert!(matches!(open(&path).err(), Some(StoreError::WrongKey { .. })));
    let key = other.path.clone();
    let key = SqliteLedger::open(&key, OpenOptions::default()).unwrap().verifying_key();
    assert_eq!(SqliteLedger::verify_with(&sound.path, &key).faults[0].code, "L006");
}

#[test]
fn a_missing_unreadable_or_open_key_is_named() {
    let sound = sound();
    let (_folder, path) = sound.copy();
    fs::remove_file(with(&path, ".key")).unwrap();
    assert!(matches!(open(&path).err(), Some(StoreError::KeyMissing { .. })));
    assert!(SqliteLedger::verify(&path).passed(), "the public key is enough to verify");
    fs::remove_file(with(&path, ".vkey")).unwrap();
    assert_eq!(SqliteLedger::verify(&path).faults[0].code, "L004");

    let (_folder, path) = sound.copy();
    fs::write(with(&path, ".key"), "PRIVATE+KEY+x").unwrap();
    assert!(matches!(open(&path).err(), Some(StoreError::KeyUnusable { .. })));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, path) = sound.copy();
        let key = with(&path, ".key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(&path).err(), Some(StoreError::KeyUnusable { .. })));
    }
}

#[test]
fn the_private_key_is_nowhere_in_the_database() {
    let sound = sound();
    let text = fs::read_to_string(with(&sound.path, ".key")).unwrap();
    let secret = text.trim().rsplit('+').next().unwrap().as_bytes().to_vec();
    let bytes = fs::read(&sound.path).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let sound = sound();
    let cases: [(&str, &str); 7] = [
        ("size", "UPDATE checkpoint SET size = size - 1"),
        ("root", "UPDATE checkpoint SET root = zeroblob(32)"),
        ("note", "UPDATE checkpoint SET note = replace(note, '1003', '1002')"),
        ("both", "UPDATE checkpoint SET size = 1002, note = replace(note, '1003', '1002')"),
        ("text", "UPDATE checkpoint SET note = 'nothing'"),
        ("gone", "DELETE FROM checkpoint"),
        ("negative", "UPDATE checkpoint SET size = -1"),
    ];
    for (what, sql) in cases {
        let (_folder, path) = sound.copy();
        harm(&path, |conn| {
            conn.execute_batch(sql).unwrap();
        });
        let error = open(&path).err().unwrap_or_else(|| panic!("{what}"));
        assert!(matches!(error, StoreError::CheckpointDamaged { .. }), "{what}: {error}");
        assert_eq!(SqliteLedger::verify(&path).faults[0].code, "L007", "{what}");
    }
    let mut random = Seeded(14);
    for round in 0..30 {
        let (_folder, path) = sound.copy();
        harm(&path, |conn| {
            let mut edge = stored(conn, "SELECT edge FROM checkpoint WHERE id = ?", 0);
            flip(&mut edge, &mut random);
            conn.execute("UPDATE checkpoint SET edge = ?", [edge]).unwrap();
        });
        let error = open(&path).err().unwrap();
        assert!(matches!(error, StoreError::TreeDamaged { .. }), "round {round}: {error}");
    }
}

#[test]
fn foreign_files_are_named_and_left_alone() {
    let folder = scratch::folder();
    let path = folder.path().join("other.db");
    let foreign = |path: &Path| {
        let before = fs::read(path).unwrap();
        let error = open(path).err().unwrap();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(SqliteLedger::verify(path).faults[0].code, "L001");
        assert_eq!(fs::read(path).unwrap(), before);
    };
    harm(&path, |conn| conn.execute_batch("CREATE TABLE entry (position INTEGER, body BLOB)").unwrap());
    foreign(&path);
    fs::write(
        &path,
        "not a database at all, but long enough to hold a header of one hundred bytes, which this line is",
    )
    .unwrap();
    foreign(&path);
    fs::write(&path, "").unwrap();
    foreign(&path);
    assert!(matches!(open(folder.path()).err(), Some(StoreError::Foreign { .. })));
    assert!(matches!(open(&folder.path().join("none.db")).err(), Some(StoreError::Foreign { .. })));

    let sound = sound();
    let (_folder, path) = sound.copy();
    harm(&path, |conn| conn.pragma_update(None, "user_version", 2).unwrap());
    assert_eq!(open(&path).err(), Some(StoreError::NewerFormat { found: 2, known: 1 }));
    for sql in [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE position = 3; END",
        "CREATE TABLE extra (x)",
        "DROP TABLE desk",
        "CREATE INDEX i ON entry (body)",
    ] {
        let (_folder, path) = sound.copy();
        harm(&path, |conn| conn.execute_batch(sql).unwrap());
        assert!(matches!(open(&path).err(), Some(StoreError::SchemaAltered { .. })), "{sql}");
    }
}

#[test]
fn a_removed_ledger_is_not_silently_begun_anew() {
    let sound = sound();
    let (_folder, path) = sound.copy();
    fs::remove_file(&path).unwrap();
    let removed = StoreError::LedgerRemoved { path: path.clone() };
    assert_eq!(open(&path).err(), Some(removed.clone()));
    assert_eq!(SqliteLedger::open_or_create(&path, OpenOptions::default()).err(), Some(removed.clone()));
    assert!(SqliteLedger::create(&path, OpenOptions::default()).is_err());
    assert_eq!(SqliteLedger::verify(&path).faults[0].code, removed.code());
}

#[test]
fn since_a_snapshot_what_is_newer_is_hashed_and_what_is_older_is_checked_when_read() {
    let sound = sound();
    let since = |path: &Path| {
        let mode = OpenMode::SinceSnapshot("world".into());
        SqliteLedger::open(path, OpenOptions { mode, ..OpenOptions::default() })
    };
    let spoil = |position: u64| {
        let (folder, path) = sound.copy();
        harm(&path, |conn| {
            conn.execute("UPDATE entry SET body = x'00' WHERE position = ?", [position as i64]).unwrap();
        });
        (folder, path)
    };
    let (_folder, path) = spoil(950);
    assert_eq!(since(&path).err(), Some(StoreError::EntryAltered { position: 950 }));
    let (_folder, path) = spoil(40);
    let ledger = since(&path).unwrap();
    assert_eq!(ledger.read(0, 40).unwrap(), sound.entries[..40]);
    assert_eq!(ledger.read(0, 41), Err(StoreError::EntryAltered { position: 40 }));
    drop(ledger);
    let (_folder, path) = sound.copy();
    harm(&path, |conn| {
        let mut hashes = stored(conn, "SELECT hashes FROM tile WHERE id = ?", 3);
        hashes[0] ^= 1;
        conn.execute("UPDATE tile SET hashes = ? WHERE id = 3", [hashes]).unwrap();
    });
    assert!(since(&path).err().is_some_and(|error| error.is_damage()), "the older tree is checked too");
    let (_folder, path) = sound.copy();
    let options = OpenOptions { mode: OpenMode::Since(SIZE + 1), ..OpenOptions::default() };
    assert!(matches!(SqliteLedger::open(&path, options).err(), Some(StoreError::OutOfRange { .. })));
}

#[test]
fn an_older_copy_is_found_by_a_checkpoint_kept_elsewhere() {
    let sound = sound();
    let (_folder, path) = sound.copy();
    let ledger = open(&path).unwrap();
    ledger.append(SIZE, &Batch { entries: vec![NewEntry { body: vec![1] }], ..Batch::default() }).unwrap();
    let witness = ledger.checkpoint().unwrap();
    drop(ledger);
    let options = || OpenOptions { witness: Some(witness.clone()), ..OpenOptions::default() };
    assert!(SqliteLedger::open(&path, options()).is_ok());
    let rolled_back = StoreError::NotAContinuation { witnessed: SIZE + 1, found: SIZE };
    assert_eq!(SqliteLedger::open(&sound.path, options()).err(), Some(rolled_back));
    // The same size, but another entry in it.
    let ledger = open(&sound.path).unwrap();
    ledger.append(SIZE, &Batch { entries: vec![NewEntry { body: vec![2] }], ..Batch::default() }).unwrap();
    drop(ledger);
    let forked = StoreError::NotAContinuation { witnessed: SIZE + 1, found: SIZE + 1 };
    assert_eq!(SqliteLedger::open(&sound.path, options()).err(), Some(forked));
}

#[test]
fn an_entry_changed_while_the_ledger_runs_is_not_handed_out() {
    let sound = sound();
    let (_folder, path) = sound.copy();
    let ledger = open(&path).unwrap();
    harm(&path, |conn| {
        conn.execute("UPDATE entry SET body = x'01' WHERE position IN (7, 1001)", []).unwrap();
    });
    assert_eq!(ledger.read(5, 10), Err(StoreError::EntryAltered { position: 7 }));
    assert_eq!(ledger.read(1_000, 3), Err(StoreError::EntryAltered { position: 1_001 }));
    harm(&path, |conn| {
        conn.execute("DELETE FROM entry WHERE position = 20 OR position > 1000", []).unwrap();
    });
    assert_eq!(ledger.read(15, 10), Err(StoreError::EntryMissing { position: 20 }));
    assert_eq!(ledger.read(1_000, 3), Err(StoreError::TailMissing { position: 1_001, signed: SIZE }));
}
