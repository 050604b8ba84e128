//! What only PostgreSQL has: several nodes at once, connections that break, a database that somebody else can write to.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;
mod server;

use interlock_ledger::{
    Answer, AppendError, Batch, Ledger, NewEntry, OpenOptions, PostgresLedger, SqliteLedger, StoreError,
    copy_to_sqlite, merkle, move_to_postgres,
};
use server::Server;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(10);

fn batch(bodies: &[String]) -> Batch {
    Batch { entries: bodies.iter().map(|it| NewEntry { body: it.clone().into_bytes() }).collect(), ..Batch::default() }
}

fn numbered(from: u64, count: u64) -> Batch {
    batch(&(from..from + count).map(|n| format!("entry {n}")).collect::<Vec<_>>())
}

struct House {
    folder: tempfile::TempDir,
    address: String,
}

impl House {
    fn new(server: &Server) -> House {
        House { folder: scratch::folder(), address: server.fresh() }
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("ledger.key")
    }

    fn schema(&self) -> &str {
        self.address.rsplit('=').next().unwrap()
    }

    fn create(&self) -> PostgresLedger {
        PostgresLedger::create(&self.address, &self.key(), OpenOptions::default()).unwrap()
    }

    fn open(&self) -> Result<PostgresLedger, StoreError> {
        PostgresLedger::open(&self.address, &self.key(), OpenOptions::default())
    }

    fn code(&self) -> (&'static str, Option<u64>) {
        let error = self.open().err().unwrap();
        let report = PostgresLedger::verify(&self.address, &self.key(), PATIENCE);
        assert_eq!(report.faults.first().map(|it| it.code), Some(error.code()), "{report:?}");
        (error.code(), error.position())
    }
}

#[test]
fn nodes_that_race_for_positions_never_share_one() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let first = house.create();
    const NODES: u64 = 4;
    const EACH: u64 = 60;
    let conflicts: u64 = thread::scope(|scope| {
        let nodes: Vec<_> = (0..NODES)
            .map(|node| {
                let house = &house;
                scope.spawn(move || {
                    let ledger = house.open().unwrap();
                    let (mut size, mut lost) = (0, 0);
                    for n in 0..EACH {
                        loop {
                            let bodies: Vec<String> = (0..n % 3 + 1).map(|part| format!("{node}/{n}/{part}")).collect();
                            match ledger.append(size, &batch(&bodies)) {
                                Ok(head) => {
                                    size = head.size;
                                    break;
                                }
                                Err(AppendError::Conflict { actual, .. }) => {
                                    assert!(actual > size);
                                    (size, lost) = (actual, lost + 1);
                                }
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                    lost
                })
            })
            .collect();
        nodes.into_iter().map(|it| it.join().unwrap()).sum()
    });
    let head = first.head().unwrap();
    assert_eq!(head.size, NODES * EACH * 2);
    assert!(conflicts > 0, "they never met, so nothing was tried");
    let bodies: BTreeSet<Vec<u8>> = first.read(0, 10_000).unwrap().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies.len() as u64, head.size, "one was written twice");
    assert!(PostgresLedger::verify(&house.address, &house.key(), PATIENCE).passed());
}

#[test]
fn a_node_hears_what_another_writes() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let (one, two) = (house.create(), house.open().unwrap());
    two.listen(0, Duration::ZERO).unwrap();
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        one.append(0, &numbered(0, 3)).unwrap();
        one
    });
    let begun = Instant::now();
    two.listen(0, Duration::from_secs(30)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "it slept through the call");
    writer.join().unwrap();
    assert_eq!(two.head().unwrap().size, 3);
}

#[test]
fn a_lease_has_one_holder_until_it_runs_out() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let (one, two) = (house.create(), house.open().unwrap());
    let length = Duration::from_millis(600);
    assert!(one.claim("perform", "one", length).unwrap());
    assert!(!two.claim("perform", "two", length).unwrap());
    assert!(one.claim("perform", "one", length).unwrap(), "a holder prolongs");
    assert!(two.claim("other", "two", length).unwrap());
    thread::sleep(length + Duration::from_millis(100));
    assert!(two.claim("perform", "two", length).unwrap());
    assert!(!one.claim("perform", "one", length).unwrap());
}

/// Connections are cut at random while two nodes append. Each batch must be there once if it was acknowledged, and no
/// batch twice whatever was said of it.
#[test]
fn a_broken_connection_loses_nothing_and_doubles_nothing() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    drop(house.create());
    let over = AtomicBool::new(false);
    let (acknowledged, unknown) = thread::scope(|scope| {
        let nodes: Vec<_> = (0..2)
            .map(|node| {
                let house = &house;
                scope.spawn(move || {
                    let ledger = house.open().unwrap();
                    let (mut size, mut done, mut unsure) = (0, Vec::new(), Vec::new());
                    for n in 0..150 {
                        let body = format!("{node}/{n}");
                        loop {
                            let answers = vec![Answer { key: body.clone(), body: b"yes".to_vec() }];
                            match ledger.append(size, &Batch { answers, ..batch(std::slice::from_ref(&body)) }) {
                                Ok(head) => {
                                    size = head.size;
                                    done.push(body);
                                    break;
                                }
                                Err(AppendError::Conflict { actual, .. }) => size = actual,
                                Err(AppendError::Storage(StoreError::OutcomeUnknown { .. })) => {
                                    unsure.push(body);
                                    break;
                                }
                                // Nothing was sent, or what was sent is known not to have been carried out.
                                Err(AppendError::Storage(StoreError::Unreachable { .. })) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                    (done, unsure)
                })
            })
            .collect();
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(25));
                server.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE application_name = 'interlock' AND random() < 0.4",
                );
            }
        });
        let results: Vec<_> = nodes.into_iter().map(|it| it.join()).collect();
        over.store(true, Ordering::Relaxed);
        let (mut all, mut unsure) = (Vec::new(), Vec::new());
        for result in results {
            let (done, open) = result.unwrap();
            all.extend(done);
            unsure.extend(open);
        }
        (all, unsure)
    });
    let ledger = house.open().unwrap();
    let mut seen: Vec<String> =
        ledger.read(0, 10_000).unwrap().into_iter().map(|it| String::from_utf8(it.body).unwrap()).collect();
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "a batch was written twice");
    for body in &acknowledged {
        assert!(seen.contains(body), "{body} was acknowledged and is gone");
        assert!(ledger.answer(body).unwrap().is_some());
    }
    assert!(count <= acknowledged.len() + unknown.len());
    assert!(acknowledged.len() > 200, "{} of 300", acknowledged.len());
}

#[test]
fn what_cannot_be_reached_says_so_soon() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    drop(house.create());
    let nowhere = "postgres://interlock@127.0.0.1:1/postgres?connect_timeout=1";
    let begun = Instant::now();
    let error = PostgresLedger::open(nowhere, &house.key(), OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "L037");
    assert!(begun.elapsed() < Duration::from_secs(8) && error.to_string().contains("refused"), "{error}");
}

#[test]
fn it_may_be_asked_from_any_thread() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let ledger = house.create();
    ledger.append(0, &numbered(0, 2)).unwrap();
    let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(one.block_on(async { ledger.head().unwrap().size }), 2);
    let several = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let head = several.block_on(async {
        let task = tokio::spawn(async move { (ledger.head().unwrap().size, drop(ledger)) });
        task.await.unwrap().0
    });
    assert_eq!(head, 2);
}

/// Every damage that the tests of SQLite's file know, done to the tables, with the code and the first bad position.
#[test]
fn damage_is_named_with_its_first_bad_position() {
    let Some(server) = server::server() else { return };
    type Case = (&'static str, &'static str, Option<u64>);
    let cases: [Case; 17] = [
        ("UPDATE entry SET body = '\\x00' WHERE position = 77", "L008", Some(77)),
        ("UPDATE entry SET body = '\\x00' WHERE position = 299", "L008", Some(299)),
        (
            "UPDATE entry a SET body = b.body FROM entry b WHERE (a.position, b.position) IN ((5, 90), (90, 5))",
            "L009",
            Some(5),
        ),
        ("DELETE FROM entry WHERE position = 33", "L010", Some(33)),
        ("DELETE FROM entry WHERE position >= 290", "L011", Some(290)),
        ("INSERT INTO entry VALUES (300, 'more')", "L012", Some(300)),
        ("INSERT INTO entry VALUES (-1, 'less')", "L012", None),
        (
            "UPDATE tile SET hashes = set_byte(hashes, 32 * 3, 255 - get_byte(hashes, 32 * 3)) WHERE id = 2",
            "L013",
            Some(35),
        ),
        (
            "UPDATE tile SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE id = (1::bigint << 56)",
            "L013",
            Some(16),
        ),
        ("DELETE FROM tile WHERE id = 4", "L013", Some(64)),
        ("INSERT INTO tile VALUES (999, repeat('x', 512)::bytea)", "L013", Some(300)),
        ("UPDATE checkpoint SET size = 299", "L007", None),
        ("UPDATE checkpoint SET note = replace(note, E'\\n300\\n', E'\\n299\\n')", "L007", None),
        ("DELETE FROM checkpoint", "L007", None),
        ("UPDATE identity SET vkey = 'other+1+x'", "L006", None),
        ("UPDATE format SET version = 9", "L002", None),
        ("UPDATE format SET mark = 'shop'", "L001", None),
    ];
    for (sql, code, position) in cases {
        let house = House::new(server);
        let ledger = house.create();
        ledger.append(0, &numbered(0, 300)).unwrap();
        drop(ledger);
        server.sql(&format!("SET search_path TO {}; {sql}", house.schema()));
        assert_eq!(house.code(), (code, position), "{sql}");
    }
}

#[test]
fn tables_that_are_not_as_written_are_refused() {
    let Some(server) = server::server() else { return };
    for sql in [
        "CREATE RULE quiet AS ON DELETE TO desk DO INSTEAD NOTHING",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER t BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER TABLE entry ADD COLUMN remark text",
        "ALTER TABLE entry ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE entry DROP CONSTRAINT entry_pkey",
        "CREATE TABLE more (x integer)",
        "CREATE VIEW view AS SELECT 1 AS one",
        "CREATE INDEX ON entry (batch)",
        "ALTER TABLE desk ALTER COLUMN value SET DEFAULT ''",
        "DROP TABLE lease",
    ] {
        let house = House::new(server);
        drop(house.create());
        server.sql(&format!("SET search_path TO {}; {sql}", house.schema()));
        assert_eq!(house.code().0, "L003", "{sql}");
    }
    let house = House::new(server);
    server.sql(&format!("CREATE SCHEMA {0}; CREATE TABLE {0}.orders (x integer)", house.schema()));
    let refused = PostgresLedger::create(&house.address, &house.key(), OpenOptions::default()).err().unwrap();
    assert_eq!(refused.code(), "L001", "{refused}");
    assert!(!house.key().exists(), "a key was left behind");
}

#[test]
fn the_key_is_not_in_the_database_and_no_other_will_do() {
    let Some(server) = server::server() else { return };
    let (one, two) = (House::new(server), House::new(server));
    drop((one.create(), two.create()));
    let other = PostgresLedger::open(&one.address, &two.key(), OpenOptions::default()).err().unwrap();
    assert_eq!(other.code(), "L006");
    let missing =
        PostgresLedger::open(&one.address, Path::new("/nowhere/x.key"), OpenOptions::default()).err().unwrap();
    assert_eq!(missing.code(), "L004");
    server.sql(&format!("DROP SCHEMA {} CASCADE", one.schema()));
    assert_eq!(one.open().err().unwrap().code(), "L020");
    let again = PostgresLedger::open_or_create(&one.address, &one.key(), OpenOptions::default()).err().unwrap();
    assert_eq!(again.code(), "L020", "a ledger that was removed is not quietly made anew");
}

#[test]
fn a_database_put_back_to_an_earlier_time_is_refused() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let ledger = house.create();
    ledger.append(0, &numbered(0, 20)).unwrap();
    let schema = house.schema();
    let kept = ["entry", "tile", "checkpoint"];
    server.sql(&kept.map(|it| format!("CREATE TABLE kept_{schema}_{it} AS SELECT * FROM {schema}.{it};")).concat());
    let witness = ledger.append(20, &numbered(20, 20)).and_then(|_| Ok(ledger.checkpoint()?)).unwrap();
    let back =
        kept.map(|it| format!("TRUNCATE {schema}.{it}; INSERT INTO {schema}.{it} SELECT * FROM kept_{schema}_{it};"));
    server.sql(&back.concat());
    assert_eq!(ledger.head().err().unwrap().code(), "L015", "a running node notices");
    let options = OpenOptions { witness: Some(witness), ..OpenOptions::default() };
    let error = PostgresLedger::open(&house.address, &house.key(), options).err().unwrap();
    assert_eq!(error.code(), "L015", "and so does one that has a checkpoint from elsewhere");
}

fn filled(path: &Path) -> SqliteLedger {
    let ledger = SqliteLedger::create(path, OpenOptions::default()).unwrap();
    let answers = (0..40).map(|n| Answer { key: format!("key {n} é"), body: vec![n; 30] }).collect();
    ledger.append(0, &Batch { answers, ..numbered(0, 700) }).unwrap();
    ledger.append(700, &numbered(700, 3_000)).unwrap();
    for n in 0..40u8 {
        ledger.put_blob(&vec![n; 10_000]).unwrap();
    }
    ledger.put_blob(b"").unwrap();
    for table in ["person", "note"] {
        let rows: Vec<(String, Vec<u8>)> = (0..600).map(|n| (format!("{table}_{n}"), vec![7; n % 50])).collect();
        let rows: Vec<(&str, &str, &[u8])> =
            rows.iter().map(|(key, value)| (table, key.as_str(), value.as_slice())).collect();
        ledger.desk_put_many(&rows).unwrap();
    }
    ledger.put_snapshot(100, "world", b"a cache stays behind").unwrap();
    ledger
}

#[test]
fn a_ledger_moves_from_sqlite_to_postgres_and_back_into_a_file() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let path = house.folder.path().join("ledger.db");
    let source = filled(&path);
    let before = source.checkpoint().unwrap();
    drop(source);
    let moved = move_to_postgres(&path, &house.address, &house.key(), &OpenOptions::default()).unwrap();
    assert_eq!((moved.size, moved.root, &moved.checkpoint), (before.size, before.root, &before.note));
    assert_eq!((moved.answers, moved.blobs, moved.desk), (40, 41, 1_200));
    assert!(moved.verified.passed() && moved.verified.entries == 3_700);
    let ledger = house.open().unwrap();
    assert_eq!(ledger.checkpoint().unwrap(), before);
    assert_eq!(ledger.answer("key 7 é").unwrap(), Some(vec![7; 30]));
    assert_eq!(ledger.desk_get("note", "note_599").unwrap().map(|it| it.len()), Some(49));
    let proof = ledger.consistency(700, 3_700).unwrap();
    assert!(merkle::verify_consistency(700, 3_700, &ledger.root_at(700).unwrap(), &before.root, &proof));
    let again = move_to_postgres(&path, &house.address, &house.folder.path().join("2.key"), &OpenOptions::default());
    assert_eq!(again.err().unwrap().code(), "L039", "never over something else");
    ledger.append(3_700, &numbered(3_700, 5)).unwrap();
    let copy = house.folder.path().join("copy.db");
    let report = copy_to_sqlite(&ledger, &copy).unwrap();
    assert!(report.passed(), "{report:?}");
    assert_eq!((report.entries, report.answers, report.blobs), (3_705, 40, 41));
    let copied = SqliteLedger::open(&copy, OpenOptions::default()).unwrap();
    assert_eq!(copied.checkpoint().unwrap(), ledger.checkpoint().unwrap());
    assert_eq!(copied.desk_scan("person", "", None, 10_000).unwrap().len(), 600);
    assert!(copy_to_sqlite(&ledger, &copy).is_err(), "a copy never overwrites");
}

#[test]
fn half_of_a_move_cannot_be_opened() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let path = house.folder.path().join("ledger.db");
    drop(filled(&path));
    // A blob that is not what its name says stops the move halfway.
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute("UPDATE blob SET body = x'00' WHERE rowid = 20", []).unwrap();
    drop(conn);
    let error = move_to_postgres(&path, &house.address, &house.key(), &OpenOptions::default()).err().unwrap();
    assert_eq!(error.code(), "L018");
    assert_eq!(house.open().err().unwrap().code(), "L001");
}

#[test]
fn an_erased_value_is_gone_from_the_files_once_the_table_is_rewritten() {
    let Some(server) = server::server() else { return };
    let house = House::new(server);
    let ledger = house.create();
    let secret = "Ada-Lovelace-12-Example-Street";
    ledger.desk_put("person", "p1", secret.as_bytes()).unwrap();
    ledger.desk_put("person", "p2", b"stays").unwrap();
    assert!(ledger.desk_delete("person", "p1").unwrap());
    assert_eq!(ledger.desk_get("person", "p1").unwrap(), None);
    server.sql(&format!("VACUUM FULL {}.desk", house.schema()));
    server.sql("CHECKPOINT");
    let file = server.sql(&format!("SELECT pg_read_binary_file(pg_relation_filepath('{}.desk'))", house.schema()));
    let (gone, stays) = (hex::encode(secret), hex::encode("stays"));
    assert!(file.contains(&stays) && !file.contains(&gone));
}
