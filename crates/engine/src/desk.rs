//! The desk: what is kept beside the ledger because it must be erasable or is nobody's history. People's names and addresses,
//! free texts, passwords, sessions. Entries refer to it by id and digest; a proof never needs it.

use crate::Sources;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use hmac::{Hmac, KeyInit, Mac};
use interlock_domain::reason::NoteRef;
use interlock_ids::{AccountId, Digest, Identity, Name, NoteId};
use interlock_ledger::{Ledger, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

const PEOPLE: &str = "person";
const NOTES: &str = "note";
const PASSWORDS: &str = "password";
const SESSIONS: &str = "session";
const BEGUN: &str = "sign_in";
const KEYS: &str = "key";
/// Rows that are looked at when those that are over are cleared away.
const CLEARED: usize = 100;
/// Texts that people write: 64 KiB at most.
const NOTE_LENGTH: usize = 64 * 1024;

/// Somebody, by the names people use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub account: AccountId,
    /// What one signs in with.
    pub login: String,
    pub name: String,
    pub email: Option<String>,
}

/// A sign-in that lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub account: AccountId,
    /// What a form or a script has to show beside the cookie.
    pub csrf: String,
    pub since: Timestamp,
    pub expires: Timestamp,
    /// Where it was begun, if at an identity provider.
    #[serde(default)]
    pub by: Option<SignedInBy>,
}

/// The sign-in at an identity provider that a session came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedInBy {
    pub provider: Name,
    /// Stand-in for issuer and subject.
    pub subject: Identity,
    /// The provider's own id of its session, if it names one.
    pub sid: Option<String>,
    /// For signing out there too.
    pub id_token: String,
}

/// A sign-in that was begun and waits for the browser to come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    pub provider: Name,
    pub nonce: String,
    pub verifier: String,
    /// SHA-256 of what the browser holds in a cookie.
    pub browser: Digest,
    /// Where to go afterwards: a path of the page.
    pub to: String,
    /// The account to tie the sign-in to.
    pub link: Option<AccountId>,
    pub expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Note {
    salt: [u8; 16],
    text: String,
}

/// What can go wrong at the desk.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{0}` at the desk cannot be read: {1}")]
    Broken(&'static str, String),
    #[error("the login `{0}` belongs to somebody else; choose another")]
    LoginTaken(String),
    #[error("a text may have {NOTE_LENGTH} bytes, and this one has {0}; shorten it, or attach it as evidence")]
    NoteTooLong(usize),
    #[error("a password must have 12 to 1,024 characters")]
    Password,
    #[error("the password could not be hashed: {0}")]
    Hash(String),
}

/// The desk of one organisation.
#[derive(Clone)]
pub struct Desk {
    ledger: Arc<dyn Ledger>,
    sources: Sources,
    people: Arc<RwLock<BTreeMap<AccountId, Person>>>,
    identity_key: [u8; 32],
}

impl Desk {
    pub(crate) fn open(ledger: Arc<dyn Ledger>, sources: Sources) -> Result<Self, DeskError> {
        let identity_key = match ledger.desk_get(KEYS, "identity")? {
            Some(bytes) => <[u8; 32]>::try_from(bytes.as_slice())
                .map_err(|_| DeskError::Broken(KEYS, "identity key has a wrong length".into()))?,
            None => {
                let key = sources.random::<32>();
                ledger.desk_put(KEYS, "identity", &key)?;
                key
            }
        };
        let desk = Self { ledger, sources, people: Arc::default(), identity_key };
        desk.reload()?;
        Ok(desk)
    }

    /// Reads all people anew: another node may have entered some.
    pub fn reload(&self) -> Result<(), DeskError> {
        let mut people = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let rows = self.ledger.desk_scan(PEOPLE, "", after.as_deref(), 1000)?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (_, bytes) in &rows {
                let person: Person = decode(PEOPLE, bytes)?;
                people.insert(person.account, person);
            }
        }
        if let Ok(mut kept) = self.people.write() {
            *kept = people;
        }
        Ok(())
    }

    pub fn person(&self, account: AccountId) -> Option<Person> {
        self.people.read().ok()?.get(&account).cloned()
    }

    /// What to call an account where people read.
    pub fn name(&self, account: AccountId) -> String {
        self.person(account).map_or_else(|| account.to_string(), |person| person.name)
    }

    pub fn by_login(&self, login: &str) -> Option<Person> {
        let known = || self.people.read().ok()?.values().find(|person| person.login == login).cloned();
        known().or_else(|| {
            // Another node may have entered somebody a moment ago.
            let again = self.ledger.shared() && self.reload().is_ok();
            again.then(known).flatten()
        })
    }

    pub fn people(&self) -> Vec<Person> {
        self.people.read().map(|people| people.values().cloned().collect()).unwrap_or_default()
    }

    /// Enters somebody, or changes what is known.
    ///
    /// # Errors
    /// The login belongs to somebody else.
    pub fn put_person(&self, person: &Person) -> Result<(), DeskError> {
        if self.by_login(&person.login).is_some_and(|other| other.account != person.account) {
            return Err(DeskError::LoginTaken(person.login.clone()));
        }
        self.ledger.desk_put(PEOPLE, &person.account.to_string(), &encode(PEOPLE, person)?)?;
        if let Ok(mut people) = self.people.write() {
            people.insert(person.account, person.clone());
        }
        Ok(())
    }

    /// The stand-in for an e-mail address: HMAC-SHA256 (RFC 2104) of it, trimmed and in lower case, under the organisation's key.
    pub fn identity(&self, email: &str) -> Identity {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.identity_key).expect("HMAC takes a key of any length");
        mac.update(email.trim().to_lowercase().as_bytes());
        Identity(mac.finalize().into_bytes().into())
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        self.ledger.as_ref()
    }

    /// The stand-in for somebody at an identity provider: HMAC-SHA256 (RFC 2104) of issuer and subject under the organisation's key.
    pub fn subject(&self, issuer: &str, subject: &str) -> Identity {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.identity_key).expect("HMAC takes a key of any length");
        // No issuer has a line break, and no e-mail address begins like this: none stands in for another.
        mac.update(format!("subject\n{issuer}\n{subject}").as_bytes());
        Identity(mac.finalize().into_bytes().into())
    }

    /// Keeps a text; the reference holds its salted digest.
    ///
    /// # Errors
    /// The text is too long, or cannot be stored.
    pub fn put_note(&self, text: &str) -> Result<NoteRef, DeskError> {
        let notes = self.put_notes(&[text])?;
        notes.into_iter().next().ok_or_else(|| DeskError::Broken(NOTES, "nothing was kept".into()))
    }

    /// Keeps many texts, 1,000 in a transaction; the references come in the same order.
    ///
    /// # Errors
    /// A text is too long, or cannot be stored.
    pub fn put_notes(&self, texts: &[&str]) -> Result<Vec<NoteRef>, DeskError> {
        if let Some(long) = texts.iter().find(|text| text.len() > NOTE_LENGTH) {
            return Err(DeskError::NoteTooLong(long.len()));
        }
        let mut kept = Vec::with_capacity(texts.len());
        for part in texts.chunks(1000) {
            let ids = self.sources.ids();
            let mut rows = Vec::with_capacity(part.len());
            for text in part {
                let note = Note { salt: self.sources.random(), text: (*text).to_owned() };
                let id: NoteId = ids.id();
                let digest = Sha256::new().chain_update(note.salt).chain_update(text).finalize();
                rows.push((id.to_string(), encode(NOTES, &note)?));
                kept.push(NoteRef { id, digest: Digest(digest.into()) });
            }
            let rows: Vec<(&str, &str, &[u8])> =
                rows.iter().map(|(key, value)| (NOTES, key.as_str(), value.as_slice())).collect();
            self.ledger.desk_put_many(&rows)?;
        }
        Ok(kept)
    }

    pub(crate) fn remove_note(&self, id: NoteId) -> Result<(), DeskError> {
        self.ledger.desk_delete(NOTES, &id.to_string())?;
        Ok(())
    }

    pub(crate) fn remove_password(&self, account: AccountId) -> Result<(), DeskError> {
        self.ledger.desk_delete(PASSWORDS, &account.to_string())?;
        Ok(())
    }

    pub fn has_password(&self, account: AccountId) -> bool {
        self.ledger.desk_get(PASSWORDS, &account.to_string()).ok().flatten().is_some()
    }

    /// The sessions of an account, ended ones included while they are kept.
    ///
    /// # Errors
    /// The desk cannot be read.
    pub fn sessions_of(&self, account: AccountId) -> Result<Vec<Session>, DeskError> {
        Ok(self.sessions_where(|session| session.account == account)?.into_iter().map(|(_, session)| session).collect())
    }

    pub(crate) fn end_sessions_of(&self, account: AccountId) -> Result<(), DeskError> {
        let found = self.sessions_where(|session| session.account == account)?;
        self.remove(SESSIONS, &found.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
    }

    fn sessions_where(&self, wanted: impl Fn(&Session) -> bool) -> Result<Vec<(String, Session)>, DeskError> {
        let mut found = Vec::new();
        self.each(SESSIONS, "", |key, bytes| {
            let session = decode::<Session>(SESSIONS, bytes).ok().filter(&wanted);
            found.extend(session.map(|session| (key.to_owned(), session)));
        })?;
        Ok(found)
    }

    /// The text of a note; `None` if it was erased.
    pub fn note(&self, id: NoteId) -> Option<String> {
        let bytes = self.ledger.desk_get(NOTES, &id.to_string()).ok()??;
        decode::<Note>(NOTES, &bytes).ok().map(|note| note.text)
    }

    /// Sets a password (argon2id, parameters of the crate's default, which follow RFC 9106's second recommendation in cost).
    ///
    /// # Errors
    /// It is too short or too long, or cannot be stored.
    pub fn set_password(&self, account: AccountId, password: &str) -> Result<(), DeskError> {
        if !(12..=1024).contains(&password.chars().count()) {
            return Err(DeskError::Password);
        }
        let hash =
            Argon2::default().hash_password(password.as_bytes()).map_err(|error| DeskError::Hash(error.to_string()))?;
        self.ledger.desk_put(PASSWORDS, &account.to_string(), hash.to_string().as_bytes())?;
        Ok(())
    }

    /// Whether the password is the account's. Takes as long for an account that has none.
    pub fn check_password(&self, account: Option<AccountId>, password: &str) -> bool {
        const NOBODY: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$E7vPXJ6eqR0qQvyb1lNKDPqjbB8pWfCmKjGmW5qN0dE";
        let stored = account.and_then(|account| self.ledger.desk_get(PASSWORDS, &account.to_string()).ok().flatten());
        let known = stored.is_some();
        let text = stored.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| NOBODY.to_owned());
        let matches = argon2::password_hash::phc::PasswordHash::new(&text)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        matches && known
    }

    /// Keeps a session. `key`: the SHA-256 of what is in the cookie, so that the desk alone lets nobody in.
    pub fn put_session(&self, key: &Digest, session: &Session) -> Result<(), DeskError> {
        Ok(self.ledger.desk_put(SESSIONS, &key.to_string(), &encode(SESSIONS, session)?)?)
    }

    /// A session that has not expired.
    ///
    /// # Errors
    /// The desk cannot be read: then nobody knows whether there is one.
    pub fn session(&self, key: &Digest) -> Result<Option<Session>, DeskError> {
        let Some(bytes) = self.ledger.desk_get(SESSIONS, &key.to_string())? else { return Ok(None) };
        let session = decode::<Session>(SESSIONS, &bytes).ok();
        Ok(session.filter(|session| self.sources.clock.now() < session.expires))
    }

    pub fn end_session(&self, key: &Digest) -> Result<(), DeskError> {
        self.ledger.desk_delete(SESSIONS, &key.to_string())?;
        Ok(())
    }

    /// Ends the sessions begun by a subject of an identity provider, or of one session of it; gives how many.
    pub fn end_sessions(
        &self,
        subject: Option<&Identity>,
        provider: &Name,
        sid: Option<&str>,
    ) -> Result<usize, DeskError> {
        let (mut ended, mut after) = (0, None::<String>);
        loop {
            let rows = self.ledger.desk_scan(SESSIONS, "", after.as_deref(), 1000)?;
            let Some((last, _)) = rows.last() else { return Ok(ended) };
            after = Some(last.clone());
            for (key, bytes) in &rows {
                let by = decode::<Session>(SESSIONS, bytes).ok().and_then(|session| session.by);
                let meant = by.is_some_and(|by| {
                    by.provider == *provider
                        && subject.is_none_or(|it| *it == by.subject)
                        && sid.is_none_or(|sid| by.sid.as_deref() == Some(sid))
                });
                if meant && self.ledger.desk_delete(SESSIONS, key)? {
                    ended += 1;
                }
            }
        }
    }

    /// Keeps a sign-in that was begun under the hash of its state, and clears away some that are over.
    pub fn put_begun(&self, state: &Digest, begun: &Begun) -> Result<(), DeskError> {
        let old = self.ledger.desk_scan(BEGUN, "", None, CLEARED)?;
        let now = self.sources.clock.now();
        let over = |bytes: &[u8]| decode::<Begun>(BEGUN, bytes).map_or(true, |it| it.expires <= now);
        let over: Vec<&str> = old.iter().filter(|(_, bytes)| over(bytes)).map(|(key, _)| key.as_str()).collect();
        if !over.is_empty() {
            self.ledger.desk_delete_many(BEGUN, &over)?;
        }
        // Ordered by their end, so that those that are over come first.
        let key = begun_key(begun.expires, state);
        Ok(self.ledger.desk_put(BEGUN, &key, &encode(BEGUN, begun)?)?)
    }

    /// Takes a sign-in that was begun, once: whoever comes second finds nothing.
    pub fn take_begun(&self, expires: Timestamp, state: &Digest) -> Result<Option<Begun>, DeskError> {
        let key = begun_key(expires, state);
        let Some(bytes) = self.ledger.desk_get(BEGUN, &key)? else { return Ok(None) };
        if !self.ledger.desk_delete(BEGUN, &key)? {
            return Ok(None);
        }
        let begun: Begun = decode(BEGUN, &bytes)?;
        Ok((self.sources.clock.now() < begun.expires).then_some(begun))
    }

    /// Random bytes, for secrets.
    pub fn secret(&self) -> [u8; 32] {
        self.sources.random()
    }
}

fn begun_key(expires: Timestamp, state: &Digest) -> String {
    format!("{:012} {state}", expires.as_second())
}

pub(crate) fn encode<T: Serialize>(table: &'static str, value: &T) -> Result<Vec<u8>, DeskError> {
    serde_json::to_vec(value).map_err(|error| DeskError::Broken(table, error.to_string()))
}

pub(crate) fn decode<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Result<T, DeskError> {
    serde_json::from_slice(bytes).map_err(|error| DeskError::Broken(table, error.to_string()))
}
