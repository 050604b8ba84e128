//! The archive and what is restored from it: any position, with the root the ledger had there; and nothing from files that were
//! touched.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;

use interlock_ledger::{Answer, Archiver, Batch, Ledger, NewEntry, OpenOptions, Recovery, SqliteLedger};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

fn body(n: u64) -> Vec<u8> {
    format!("entry {n} ").repeat(1 + n as usize % 30).into_bytes()
}

/// Appends entries with an answer that says how many there are then.
fn append(ledger: &SqliteLedger, count: u64) -> u64 {
    let at = ledger.head().unwrap().size;
    let entries = (at..at + count).map(|n| NewEntry { body: body(n) }).collect();
    let answers = vec![Answer { key: format!("key-{}", at + count), body: (at + count).to_string().into_bytes() }];
    ledger.append(at, &Batch { entries, answers, ..Batch::default() }).unwrap().size
}

fn within(size: u64) -> impl Fn(&[u8]) -> bool {
    move |body| std::str::from_utf8(body).unwrap().parse::<u64>().unwrap() <= size
}

struct House {
    folder: tempfile::TempDir,
    ledger: Arc<SqliteLedger>,
}

impl House {
    fn new() -> Self {
        let folder = scratch::folder();
        let ledger = SqliteLedger::create(&folder.path().join("ledger.db"), OpenOptions::default()).unwrap();
        Self { folder, ledger: Arc::new(ledger) }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("ledger.db.key")
    }

    /// Seven shipments: entries, the desk with something erased, blobs, a restart of the archiver.
    fn shipped(&self) {
        let mut archiver = Archiver::open(self.ledger.clone(), &self.archive()).unwrap();
        self.ledger.desk_put("person", "ann", b"Ann").unwrap();
        append(&self.ledger, 5);
        archiver.ship().unwrap().unwrap();
        assert_eq!(archiver.ship().unwrap(), None, "nothing new");
        self.ledger.put_blob(b"first blob").unwrap();
        append(&self.ledger, 40);
        archiver.ship().unwrap().unwrap();
        self.ledger.desk_put("person", "bob", b"Bob").unwrap();
        assert!(archiver.ship().unwrap().is_some(), "the desk alone changed");
        self.ledger.desk_delete("person", "ann").unwrap();
        append(&self.ledger, 300);
        archiver.ship().unwrap().unwrap();
        drop(archiver);
        // Not seen by any archiver.
        self.ledger.put_blob(b"second blob").unwrap();
        self.ledger.desk_put("person", "cid", b"Cid").unwrap();
        append(&self.ledger, 7);
        let mut archiver = Archiver::open(self.ledger.clone(), &self.archive()).unwrap();
        archiver.ship().unwrap().unwrap();
        append(&self.ledger, 1);
        assert_eq!(archiver.ship().unwrap().unwrap().size, 353);
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.archive().join("segments")).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        files
    }

    fn restore(&self, name: &str, size: u64) -> Result<SqliteLedger, interlock_ledger::StoreError> {
        let to = self.folder.path().join(name).join("ledger.db");
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        Recovery::open(&self.archive(), &self.key())?.restore(&to, size, &within(size))?;
        SqliteLedger::open(&to, OpenOptions::default())
    }
}

fn same_prefix(restored: &SqliteLedger, original: &SqliteLedger, size: u64) {
    assert_eq!(restored.head().unwrap().size, size);
    assert_eq!(restored.head().unwrap().root, original.root_at(size).unwrap(), "{size}");
    assert_eq!(restored.read(0, 1_000).unwrap(), original.read(0, size as usize).unwrap());
}

#[test]
fn any_position_is_restored_from_an_archive_with_its_root() {
    let house = House::new();
    house.shipped();
    for size in [0, 1, 4, 5, 6, 44, 45, 46, 200, 345, 352, 353] {
        let restored = house.restore(&format!("at-{size}"), size).unwrap();
        same_prefix(&restored, &house.ledger, size);
        assert_eq!(restored.answer("key-5").unwrap().is_some(), size >= 5, "{size}");
        assert_eq!(restored.answer("key-353").unwrap().is_some(), size >= 353, "{size}");
    }
    let last = house.restore("last", 353).unwrap();
    assert_eq!(
        last.desk_scan("person", "", None, 10).unwrap(),
        house.ledger.desk_scan("person", "", None, 10).unwrap()
    );
    let blob = interlock_ledger::Digest::of(b"second blob");
    assert_eq!(last.blob(&blob).unwrap().unwrap(), b"second blob");
    assert_eq!(append(&last, 2), 355, "and it goes on");
    let early = house.restore("early", 45).unwrap();
    assert!(early.desk_get("person", "bob").unwrap().is_some());
    assert_eq!(early.desk_get("person", "ann").unwrap(), None, "whoever was erased later is not brought back");
    let error = house.restore("beyond", 354).err().unwrap();
    assert_eq!(error.code(), "L030");
    assert!(!house.folder.path().join("beyond/ledger.db").exists());
}

#[test]
fn a_blob_that_is_erased_is_gone_from_the_archive_and_never_comes_back() {
    let house = House::new();
    let mut archiver = Archiver::open(house.ledger.clone(), &house.archive()).unwrap();
    let (kept, erased) = (house.ledger.put_blob(b"kept").unwrap(), house.ledger.put_blob(b"erased").unwrap());
    append(&house.ledger, 9);
    archiver.ship().unwrap().unwrap();
    let file = |bytes: &[u8; 32]| {
        let name: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
        house.archive().join("blobs").join(&name[..2]).join(name)
    };
    assert!(file(&kept.0).exists() && file(&erased.0).exists());
    assert!(house.ledger.erase_blob(&erased).unwrap());
    archiver.ship().unwrap().unwrap();
    assert!(file(&kept.0).exists() && !file(&erased.0).exists());
    append(&house.ledger, 1);
    archiver.ship().unwrap().unwrap();
    for size in [9, 10] {
        let restored = house.restore(&format!("at-{size}"), size).unwrap();
        assert_eq!(restored.blob(&kept).unwrap().as_deref(), Some(b"kept".as_slice()));
        assert_eq!(restored.blob(&erased).unwrap(), None);
    }
}

#[test]
fn a_backup_is_cut_at_any_position() {
    let house = House::new();
    append(&house.ledger, 20);
    house.ledger.put_blob(b"a blob").unwrap();
    house.ledger.desk_put("person", "ann", b"Ann").unwrap();
    append(&house.ledger, 13);
    let copy = house.folder.path().join("copy.db");
    assert_eq!(house.ledger.backup(&copy).unwrap().size, Some(33));
    for size in [0, 1, 16, 19, 20, 33] {
        let to = house.folder.path().join(format!("cut-{size}.db"));
        let report = SqliteLedger::restore_prefix(&copy, &to, size, &within(size)).unwrap();
        assert!(report.passed() && report.size == Some(size) && report.blobs == 1, "{report:?}");
        let restored = SqliteLedger::open(&to, OpenOptions::default()).unwrap();
        same_prefix(&restored, &house.ledger, size);
        assert_eq!(restored.answer("key-33").unwrap().is_some(), size == 33);
        assert_eq!(restored.desk_get("person", "ann").unwrap().unwrap(), b"Ann");
    }
    let to = house.folder.path().join("cut.db");
    assert_eq!(SqliteLedger::restore_prefix(&copy, &to, 34, &|_| true).unwrap_err().code(), "L030");
    fs::write(&to, "here").unwrap();
    assert_eq!(SqliteLedger::restore_prefix(&copy, &to, 3, &|_| true).unwrap_err().code(), "L033");
}

#[test]
fn a_touched_archive_is_refused_with_the_file_that_was_touched() {
    let house = House::new();
    house.shipped();
    let files = house.files();
    assert!(files.len() >= 6, "{files:?}");
    let refused = |what: &str| {
        let error = house.restore("never", 353).err().unwrap_or_else(|| panic!("{what}: restored all the same"));
        assert!(["L052", "L053"].contains(&error.code()), "{what}: {error}");
        assert!(!house.folder.path().join("never/ledger.db").exists(), "{what}");
        error.to_string()
    };
    for file in &files {
        let whole = fs::read(file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 40 + 1).chain([whole.len() - 2]) {
            let mut harmed = whole.clone();
            harmed[at] ^= 1;
            fs::write(file, harmed).unwrap();
            assert!(refused(&format!("{name}, byte {at}")).contains(name));
        }
        for end in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(file, &whole[..end]).unwrap();
            refused(&format!("{name}, cut at {end}"));
        }
        fs::remove_file(file).unwrap();
        // Without the last file the archive simply ends earlier; the position is not in it then.
        let error = house.restore("never", 353).err().unwrap();
        assert!(["L052", "L030"].contains(&error.code()), "{name} is gone: {error}");
        fs::write(file, whole).unwrap();
    }
    assert!(house.restore("whole", 353).is_ok());
}

#[test]
fn an_archive_of_another_or_a_later_ledger_is_not_continued() {
    let house = House::new();
    house.shipped();
    let other = House::new();
    append(&other.ledger, 400);
    let error = Archiver::open(other.ledger.clone(), &house.archive()).err().unwrap();
    assert_eq!(error.code(), "L053", "{error}");
    let earlier = Arc::new(house.restore("earlier", 100).unwrap());
    let error = Archiver::open(earlier, &house.archive()).err().unwrap();
    assert_eq!(error.code(), "L053", "{error}");
    let wrong_key = Recovery::open(&house.archive(), &other.key()).unwrap();
    let to = house.folder.path().join("foreign.db");
    assert_eq!(wrong_key.restore(&to, 3, &|_| true).unwrap_err().code(), "L053");
}

#[test]
fn what_an_unsynchronised_commit_left_is_written_anew_before_anything_is_acknowledged() {
    let house = House::new();
    append(&house.ledger, 30);
    let crashed = house.folder.path().join("crashed.db");
    let with = |path: &Path, suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    for suffix in ["", "-wal", ".key", ".vkey"] {
        fs::copy(with(house.ledger.path(), suffix), with(&crashed, suffix)).unwrap();
    }
    assert!(fs::metadata(with(&crashed, "-wal")).unwrap().len() > 0);
    let opened = SqliteLedger::open(&crashed, OpenOptions::default()).unwrap();
    // As if the disk never got the log: the file alone has everything by now.
    let alone = house.folder.path().join("alone.db");
    for suffix in ["", ".key", ".vkey"] {
        fs::copy(with(&crashed, suffix), with(&alone, suffix)).unwrap();
    }
    assert_eq!(SqliteLedger::open(&alone, OpenOptions::default()).unwrap().head(), opened.head());
}
