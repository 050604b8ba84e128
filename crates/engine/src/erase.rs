//! Forgetting a person, and telling a person what is held.
//!
//! What is at the desk about a person: names and address, password, sessions, origins, the names commits carry. All of it goes; in its
//! place stands a pseudonym made of the account's id. Texts the person wrote stay, because a reason is part of a decision; a text that
//! says what nobody may keep is redacted on its own. The ledger holds none of it, so it is not touched, and every proof goes on
//! verifying.
//!
//! Invariants: forgetting can be done again at any time and does the same; once it has returned, the bytes are in no file of the
//! store. Deliberately absent: the permission (the core decides) and files outside the store, such as backups.

use crate::{Desk, DeskError, Engine, Origin, Person, desk, origin::ORIGINS};
use interlock_domain::{
    core::{By, Record},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Identity, NoteId, SubmissionId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Names and addresses of commits, by identity.
const COMMITTERS: &str = "committer";
/// Entries looked through at once.
const CHUNK: usize = 2_000;

/// Somebody as commits name him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Committer {
    pub name: Option<String>,
    pub address: String,
}

/// What people call somebody who was erased.
pub fn pseudonym(account: AccountId) -> String {
    format!("{ERASED} {account}")
}

/// Begins every pseudonym.
pub const ERASED: &str = "erased person";

/// A text and the entry that refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub note: NoteId,
    pub position: u64,
    /// `None` if it was redacted.
    pub text: Option<String>,
}

/// All that is held about somebody.
#[derive(Clone, Debug, Default)]
pub struct Held {
    pub person: Option<Person>,
    pub has_password: bool,
    pub sessions: Vec<desk::Session>,
    pub origins: Vec<(SubmissionId, Origin)>,
    pub committers: Vec<Committer>,
    /// Texts the person wrote.
    pub written: Vec<Written>,
    /// Texts of anybody that name the person; they can be redacted one by one.
    pub named_in: Vec<Written>,
    /// Entries whose own bytes name the person, such as a service's description; they cannot be changed.
    pub entries_naming: Vec<u64>,
    /// Entries the person caused.
    pub entries: Vec<u64>,
}

impl Desk {
    /// Visits every row of a table whose key begins with a prefix.
    pub(crate) fn each(
        &self,
        table: &'static str,
        prefix: &str,
        mut visit: impl FnMut(&str, &[u8]),
    ) -> Result<(), DeskError> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.ledger().desk_scan(table, prefix, after.as_deref(), 1000)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(last.clone());
            rows.iter().for_each(|(key, bytes)| visit(key, bytes));
        }
    }

    pub(crate) fn remove(&self, table: &'static str, keys: &[String]) -> Result<(), DeskError> {
        for part in keys.chunks(1000) {
            let part: Vec<&str> = part.iter().map(String::as_str).collect();
            self.ledger().desk_delete_many(table, &part)?;
        }
        Ok(())
    }

    /// Whether the account has been forgotten here already.
    pub fn is_forgotten(&self, account: AccountId) -> bool {
        self.person(account).is_none_or(|person| person.name == pseudonym(account))
    }

    /// Keeps what commits call people, by identity; what is known already is replaced.
    ///
    /// # Errors
    /// The desk cannot be written.
    pub fn put_committers(&self, all: &[(Identity, Committer)]) -> Result<(), DeskError> {
        let rows = all
            .iter()
            .map(|(identity, it)| Ok((identity.to_string(), desk::encode(COMMITTERS, it)?)))
            .collect::<Result<Vec<_>, DeskError>>()?;
        for part in rows.chunks(1000) {
            let part: Vec<(&str, &str, &[u8])> =
                part.iter().map(|(key, value)| (COMMITTERS, key.as_str(), value.as_slice())).collect();
            self.ledger().desk_put_many(&part)?;
        }
        Ok(())
    }

    /// What commits call the owner of an address; `None` if that is not known or was erased.
    pub fn committer(&self, identity: &Identity) -> Option<Committer> {
        let bytes = self.ledger().desk_get(COMMITTERS, &identity.to_string()).ok()??;
        desk::decode(COMMITTERS, &bytes).ok()
    }

    /// Takes everything that names a person off the desk and puts the pseudonym in its place.
    ///
    /// # Errors
    /// The desk cannot be written, or somebody reads so long that the write-ahead log could not be emptied; do it again.
    pub fn forget(&self, account: AccountId, identities: &BTreeSet<Identity>) -> Result<(), DeskError> {
        self.put_person(&Person { account, login: account.to_string(), name: pseudonym(account), email: None })?;
        self.remove_password(account)?;
        self.end_sessions_of(account)?;
        let mut origins = Vec::new();
        self.each(ORIGINS, &format!("{account}/"), |key, _| origins.push(key.to_owned()))?;
        self.remove(ORIGINS, &origins)?;
        self.remove(COMMITTERS, &identities.iter().map(Identity::to_string).collect::<Vec<_>>())?;
        Ok(self.ledger().scrub()?)
    }

    /// Takes a text off the desk.
    ///
    /// # Errors
    /// As [`Desk::forget`].
    pub fn redact(&self, note: NoteId) -> Result<(), DeskError> {
        self.remove_note(note)?;
        Ok(self.ledger().scrub()?)
    }
}

impl Engine {
    /// Forgets who is behind an account that the core has marked as erased. Does nothing that was not decided.
    ///
    /// # Errors
    /// See [`Desk::forget`].
    pub fn forget_person(&self, account: AccountId) -> Result<(), DeskError> {
        let world = self.world();
        let Some(known) = world.people.account(account).filter(|it| it.erased.is_some()) else { return Ok(()) };
        self.desk().forget(account, &known.identities)
    }

    /// Carries out what the ledger says was erased and the desk still has: after a crash between the two, and after a desk was put
    /// back from a backup.
    ///
    /// # Errors
    /// See [`Desk::forget`].
    pub fn forget_again(&self) -> Result<usize, DeskError> {
        let world = self.world();
        let mut again = 0;
        for it in world.people.accounts.values().filter(|it| it.erased.is_some()) {
            let named = it.identities.iter().any(|identity| self.desk().committer(identity).is_some());
            if !self.desk().is_forgotten(it.id) || self.desk().person(it.id).is_none() || named {
                self.desk().forget(it.id, &it.identities)?;
                again += 1;
            }
        }
        for note in world.people.redacted.keys().filter(|note| self.desk().note(**note).is_some()) {
            self.desk().redact(*note)?;
            again += 1;
        }
        Ok(again)
    }

    /// Everything that is held about somebody. Reads the whole ledger.
    ///
    /// # Errors
    /// The ledger or the desk cannot be read.
    pub fn held(&self, account: AccountId) -> Result<Held, DeskError> {
        let desk = self.desk();
        let world = self.world();
        let person = desk.person(account);
        let identities = world.people.account(account).map(|it| it.identities.clone()).unwrap_or_default();
        let mut held = Held {
            has_password: desk.has_password(account),
            sessions: desk.sessions_of(account)?,
            origins: desk.origins(account)?,
            committers: identities.iter().filter_map(|identity| desk.committer(identity)).collect(),
            ..Held::default()
        };
        let mut names: Vec<String> = held.committers.iter().map(|it| it.address.to_lowercase()).collect();
        names.extend(held.committers.iter().filter_map(|it| it.name.as_ref()).map(|name| name.to_lowercase()));
        if let Some(person) = person.as_ref().filter(|_| !desk.is_forgotten(account)) {
            names.extend([&person.name, &person.login].map(|text| text.to_lowercase()));
            names.extend(person.email.as_ref().map(|address| address.to_lowercase()));
        }
        held.person = person;
        names.sort();
        names.dedup();
        let named = |text: &str| {
            let text = text.to_lowercase();
            names.iter().any(|name| mentions(&text, name))
        };
        let mut from = 0;
        loop {
            let entries = self.ledger().read(from, CHUNK)?;
            let Some(last) = entries.last() else { break };
            from = last.position + 1;
            for entry in &entries {
                let Ok(record) = Record::decode(&entry.body) else { continue };
                let own = record.by == By::Account(account);
                if own {
                    held.entries.push(entry.position);
                }
                if named(&String::from_utf8_lossy(&entry.body)) {
                    held.entries_naming.push(entry.position);
                }
                for note in notes(&entry.body) {
                    let text = desk.note(note.id);
                    let written = Written { note: note.id, position: entry.position, text: text.clone() };
                    if text.as_deref().is_some_and(named) {
                        held.named_in.push(written.clone());
                    }
                    if own {
                        held.written.push(written);
                    }
                }
            }
        }
        Ok(held)
    }
}

/// Whether a text in lower case has a name as words of its own: `ana` is not in `banana`.
fn mentions(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric();
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back().is_none_or(|c| !word(c));
            before && text[at + name.len()..].chars().next().is_none_or(|c| !word(c))
        })
}

/// The notes an entry refers to, wherever in it they stand.
pub fn notes(body: &[u8]) -> Vec<NoteRef> {
    fn walk(value: &serde_json::Value, found: &mut Vec<NoteRef>) {
        match value {
            serde_json::Value::Object(fields) => {
                let known = fields.len() == 2 && fields.contains_key("id") && fields.contains_key("digest");
                match NoteRef::deserialize(value) {
                    Ok(note) if known => found.push(note),
                    _ => fields.values().for_each(|it| walk(it, found)),
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|it| walk(it, found)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice(body) {
        walk(&value, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_words_of_its_own_only() {
        assert!(mentions("ask ana about it", "ana") && mentions("ana", "ana") && mentions("(ana)", "ana"));
        assert!(!mentions("a banana", "ana") && !mentions("anatomy", "ana") && !mentions("x", ""));
        assert!(mentions("banana, ana", "ana"));
    }

    #[test]
    fn notes_are_found_at_any_depth() {
        let note =
            |n: u8| format!(r#"{{"id":"{}","digest":"{}"}}"#, NoteId::new(1, [n; 10]), interlock_ids::Digest([n; 32]));
        let body = format!(r#"{{"a":[{},{{"b":{}}}],"c":{{"id":"x","digest":"y"}}}}"#, note(1), note(2));
        assert_eq!(notes(body.as_bytes()).len(), 2);
    }
}
