//! When runners were last heard from, and what they said of themselves.
//!
//! Deliberately absent: the ledger. A heartbeat is no decision; it is kept in memory, by each node for itself, and forgotten with it.

use interlock_ids::Name;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// What a runner said when it was last heard from.
#[derive(Clone, Debug)]
pub struct Contact {
    pub at: Timestamp,
    pub version: String,
    pub protocol: u32,
    pub kinds: Vec<String>,
    pub running: u32,
    pub slots: u32,
}

/// By runner.
#[derive(Default)]
pub struct Contacts(Mutex<BTreeMap<Name, Contact>>);

impl Contacts {
    pub fn heard(&self, runner: &Name, contact: Contact) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(runner.clone(), contact);
    }

    pub fn of(&self, runner: &Name) -> Option<Contact> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(runner).cloned()
    }
}
