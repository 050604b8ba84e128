//! The artefacts there are.

use super::{Event, Shelves, Signed};
use crate::{
    core::{Map, Meta, edit},
    reason::NoteRef,
};
use interlock_ids::{Digest, Identity, Name, QuarantineId, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One commit between two revisions, as read from the repository. Its message is in the source's blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The full object id, hexadecimal.
    pub sha: String,
    pub author: Identity,
    pub committer: Identity,
    /// From `Co-authored-by` trailers.
    pub co_authors: Vec<Identity>,
    /// When it was authored.
    pub at: Timestamp,
    /// When it was committed, which changing or moving it sets anew; entries of before 0.2 do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Timestamp>,
}

/// Where the bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub repository: String,
    /// The commit it was built from.
    pub commit: String,
    /// The commit up to which everything was in already; `None`: the whole history counts.
    pub since: Option<String>,
    /// What is new, oldest first, at most 10,000.
    pub commits: Vec<Commit>,
    /// Blob with the same commits and their messages and names (JSON), for people to read.
    pub details: Digest,
}

/// A minisign signature, as it was checked when the artefact was registered. The runner checks it again on the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Name of the signing key.
    pub key: Name,
    /// The text of the `.minisig` file.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    pub digest: Digest,
    pub service: Name,
    /// What people call it, such as `1.4.2`.
    pub version: String,
    pub size: u64,
    pub signature: Option<Signature>,
    pub source: Option<Source>,
}

/// A key that signs artefacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    pub name: Name,
    /// The base64 line of a minisign public key.
    pub public_key: String,
    pub revoked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    pub id: QuarantineId,
    pub digest: Digest,
    pub service: Name,
    /// The commit the artefact was built from: other builds of it are held too.
    pub commit: Option<String>,
    pub because_of: Option<ReleaseId>,
    pub reason: Option<NoteRef>,
    pub since: Timestamp,
    pub lifted: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub artifacts: Map<Digest, Artifact>,
    pub registered: imbl::OrdMap<Digest, Timestamp>,
    pub keys: Map<Name, SigningKey>,
    pub quarantines: Map<QuarantineId, Quarantine>,
    #[serde(default)]
    pub evidence: Shelves,
}

impl State {
    pub fn artifact(&self, digest: &Digest) -> Option<&Artifact> {
        self.artifacts.get(digest).map(Arc::as_ref)
    }

    /// The quarantine that holds a digest, directly or because it was built from the same commit.
    pub fn quarantine(&self, digest: &Digest) -> Option<&Quarantine> {
        let artifact = self.artifact(digest);
        let commit = artifact.and_then(|it| it.source.as_ref()).map(|it| it.commit.as_str());
        let service = artifact.map(|it| &it.service);
        self.quarantines.values().map(Arc::as_ref).filter(|it| it.lifted.is_none()).find(|it| {
            it.digest == *digest || (Some(&it.service) == service && commit.is_some() && it.commit.as_deref() == commit)
        })
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Registered(it) => {
                self.registered.insert(it.artifact.digest, meta.at);
                self.artifacts.insert(it.artifact.digest, Arc::new(it.artifact.clone()));
            }
            Event::KeyPut(it) => drop(self.keys.insert(it.key.name.clone(), Arc::new(it.key.clone()))),
            Event::Quarantined(it) => {
                let artifact = self.artifact(&it.digest);
                let quarantine = Quarantine {
                    id: it.quarantine,
                    digest: it.digest,
                    service: it.service.clone(),
                    commit: artifact.and_then(|it| it.source.as_ref()).map(|it| it.commit.clone()),
                    because_of: it.because_of,
                    reason: it.reason,
                    since: meta.at,
                    lifted: None,
                };
                self.quarantines.insert(it.quarantine, Arc::new(quarantine));
            }
            Event::EvidenceAttached(it) => {
                let service = self.artifact(&it.evidence.artifact).map(|it| it.service.clone());
                self.evidence.attach(&it.evidence, service.as_ref(), it.account, meta);
            }
            Event::EvidenceSigned(it) => {
                let signed =
                    Signed { by: it.account, meaning: it.meaning, shown: it.shown, at: meta.at, reason: it.reason };
                self.evidence.sign(it.evidence, signed);
            }
            Event::QuarantineLifted(it) => {
                edit(&mut self.quarantines, &it.quarantine, |quarantine| quarantine.lifted = Some(meta.at));
            }
        }
    }
}
