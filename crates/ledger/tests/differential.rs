//! The same random calls to the store in memory, the one in SQLite and the one in PostgreSQL, the latter two closed and opened
//! again at random: same answers.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

mod scratch;
mod server;

use interlock_ledger::{
    Answer, Batch, Digest, Ledger, MemoryLedger, NewEntry, OpenMode, OpenOptions, PostgresLedger, SqliteLedger,
};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Call {
    Append { off_by: u64, entries: Vec<Vec<u8>>, answers: Vec<(u8, Vec<u8>)> },
    Read { from: u64, limit: usize },
    Answer(u8),
    Inclusion { position: u64, size: u64 },
    Consistency { old: u64, new: u64 },
    Blob(Vec<u8>),
    Snapshot { size: u64, bytes: Vec<u8> },
    DeskPut { table: u8, key: String, value: Vec<u8> },
    DeskDelete { table: u8, key: String },
    DeskScan { table: u8, prefix: String, after: Option<String>, limit: usize },
    Reopen(bool),
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn call() -> impl Strategy<Value = Call> {
    let entries = prop_oneof![prop::collection::vec(body(), 0..4), prop::collection::vec(body(), 0..70)];
    let answers = prop::collection::vec((0u8..40, body()), 0..3);
    prop_oneof![
        6 => (prop_oneof![9 => Just(0u64), 1 => 1u64..4], entries, answers)
            .prop_map(|(off_by, entries, answers)| Call::Append { off_by, entries, answers }),
        2 => (0u64..300, 0usize..50).prop_map(|(from, limit)| Call::Read { from, limit }),
        1 => (0u8..40).prop_map(Call::Answer),
        3 => (0u64..300, 0u64..300).prop_map(|(position, size)| Call::Inclusion { position, size }),
        3 => (0u64..300, 0u64..300).prop_map(|(old, new)| Call::Consistency { old, new }),
        1 => body().prop_map(Call::Blob),
        1 => (0u64..300, body()).prop_map(|(size, bytes)| Call::Snapshot { size, bytes }),
        2 => (0u8..2, "[a-cé]{1,3}", body()).prop_map(|(table, key, value)| Call::DeskPut { table, key, value }),
        1 => (0u8..2, "[a-cé]{1,3}").prop_map(|(table, key)| Call::DeskDelete { table, key }),
        1 => (0u8..2, "[a-cé]{0,2}", prop::option::of("[a-cé]{1,3}"), 0usize..9)
            .prop_map(|(table, prefix, after, limit)| Call::DeskScan { table, prefix, after, limit }),
        1 => any::<bool>().prop_map(Call::Reopen),
    ]
}

/// What a call gives, as text: errors included, for they must agree too.
fn outcome(ledger: &dyn Ledger, call: &Call) -> String {
    let size = ledger.head().unwrap().size;
    match call {
        Call::Append { off_by, entries, answers } => {
            let batch = Batch {
                entries: entries.iter().map(|body| NewEntry { body: body.clone() }).collect(),
                answers: answers
                    .iter()
                    .map(|(key, body)| Answer { key: format!("key {key}"), body: body.clone() })
                    .collect(),
                blobs: answers.iter().map(|(_, body)| body.clone()).collect(),
                rows: Vec::new(),
            };
            format!("{:?}", ledger.append(size + off_by, &batch))
        }
        Call::Read { from, limit } => format!("{:?}", ledger.read(*from, *limit)),
        Call::Answer(key) => format!("{:?}", ledger.answer(&format!("key {key}"))),
        Call::Inclusion { position, size } => format!("{:?}", ledger.inclusion(*position, *size)),
        Call::Consistency { old, new } => format!("{:?}", ledger.consistency(*old, *new)),
        Call::Blob(bytes) => {
            format!("{:?} {:?}", ledger.put_blob(bytes), ledger.blob(&Digest::of(bytes)))
        }
        Call::Snapshot { size, bytes } => {
            format!("{:?} {:?}", ledger.put_snapshot(*size, "world", bytes), ledger.latest_snapshot("world"))
        }
        Call::DeskPut { table, key, value } => format!("{:?}", ledger.desk_put(&format!("t{table}"), key, value)),
        Call::DeskDelete { table, key } => format!("{:?}", ledger.desk_delete(&format!("t{table}"), key)),
        Call::DeskScan { table, prefix, after, limit } => {
            format!("{:?}", ledger.desk_scan(&format!("t{table}"), prefix, after.as_deref(), *limit))
        }
        Call::Reopen(_) => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn all_stores_answer_alike(calls in prop::collection::vec(call(), 1..40)) {
        let folder = scratch::folder();
        let (path, key) = (folder.path().join("ledger.db"), folder.path().join("postgres.key"));
        let memory = MemoryLedger::default();
        let mut sqlite = SqliteLedger::create(&path, OpenOptions::default()).unwrap();
        let address = server::server().map(|server| server.fresh());
        let mut postgres = address.as_deref().map(|it| PostgresLedger::create(it, &key, OpenOptions::default()).unwrap());
        for call in &calls {
            if let Call::Reopen(full) = call {
                let mode = if *full { OpenMode::Full } else { OpenMode::SinceSnapshot("world".into()) };
                let options = OpenOptions { mode, ..OpenOptions::default() };
                drop(sqlite);
                sqlite = SqliteLedger::open(&path, options.clone()).unwrap();
                postgres = address.as_deref().map(|it| PostgresLedger::open(it, &key, options.clone()).unwrap());
            }
            let wanted = outcome(&memory, call);
            prop_assert_eq!(&wanted, &outcome(&sqlite, call), "SQLite: {:?}", call);
            prop_assert_eq!(memory.head().unwrap(), sqlite.head().unwrap());
            if let Some(postgres) = &postgres {
                prop_assert_eq!(&wanted, &outcome(postgres, call), "PostgreSQL: {:?}", call);
                prop_assert_eq!(memory.head().unwrap(), postgres.head().unwrap());
            }
        }
        let entries = memory.head().unwrap().size;
        drop((sqlite, postgres));
        let report = SqliteLedger::verify(&path);
        prop_assert!(report.passed() && report.entries == entries, "{:?}", report);
        if let Some(address) = address {
            let report = PostgresLedger::verify(&address, &key, Duration::from_secs(10));
            prop_assert!(report.passed() && report.entries == entries, "{:?}", report);
        }
    }
}
