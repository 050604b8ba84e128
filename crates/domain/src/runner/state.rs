//! The runners there are, and the invitations that wait.

use super::Event;
use crate::core::{Map, Meta, edit};
use interlock_ids::{Digest, Name};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, sync::Arc};

/// An Ed25519 public key (RFC 8032), written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.as_bytes(), &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// A way in that was not used yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub runner: Name,
    pub token: Digest,
    pub labels: BTreeMap<String, String>,
    pub until: Timestamp,
}

/// A runner that was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    pub name: Name,
    pub key: Key,
    /// The key before, and until when it is taken.
    pub former: Option<(Key, Timestamp)>,
    pub labels: BTreeMap<String, String>,
    pub enrolled: Timestamp,
    /// When the key in force was made.
    pub key_since: Timestamp,
    pub revoked: Option<Timestamp>,
    /// Gets no new steps.
    pub drained: bool,
}

impl Runner {
    /// The keys it may sign with at a moment.
    pub fn keys(&self, now: Timestamp) -> impl Iterator<Item = Key> + '_ {
        let former = self.former.filter(|(_, until)| now < *until).map(|(key, _)| key);
        std::iter::once(self.key).chain(former).filter(|_| self.revoked.is_none())
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By the runner's name.
    pub invitations: Map<Name, Invitation>,
    pub runners: Map<Name, Runner>,
}

impl State {
    pub fn runner(&self, name: &Name) -> Option<&Runner> {
        self.runners.get(name).map(Arc::as_ref)
    }

    /// The invitation whose token has this hash.
    pub fn invitation(&self, token: &Digest) -> Option<&Invitation> {
        self.invitations.values().map(Arc::as_ref).find(|it| it.token == *token)
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Invited(it) => {
                let invitation = Invitation {
                    runner: it.runner.clone(),
                    token: it.token,
                    labels: it.labels.clone(),
                    until: it.until,
                };
                self.invitations.insert(it.runner.clone(), Arc::new(invitation));
            }
            Event::Withdrawn(it) => drop(self.invitations.remove(&it.runner)),
            Event::Enrolled(it) => {
                self.invitations.remove(&it.runner);
                let runner = Runner {
                    name: it.runner.clone(),
                    key: it.key,
                    former: None,
                    labels: it.labels.clone(),
                    enrolled: meta.at,
                    key_since: meta.at,
                    revoked: None,
                    drained: false,
                };
                self.runners.insert(it.runner.clone(), Arc::new(runner));
            }
            Event::KeyRotated(it) => edit(&mut self.runners, &it.runner, |runner| {
                runner.former = Some((runner.key, it.overlap));
                runner.key = it.key;
                runner.key_since = meta.at;
            }),
            Event::Revoked(it) => edit(&mut self.runners, &it.runner, |runner| {
                runner.revoked = Some(meta.at);
                runner.former = None;
            }),
            Event::Drained(it) => edit(&mut self.runners, &it.runner, |runner| runner.drained = true),
            Event::Undrained(it) => edit(&mut self.runners, &it.runner, |runner| runner.drained = false),
        }
    }
}
