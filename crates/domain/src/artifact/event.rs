//! What has happened to artefacts.

use super::{Artifact, Evidence, Meaning, Shown, SigningKey};
use crate::{
    core::{Subject, World, payload},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Digest, EvidenceId, Name, QuarantineId, ReleaseId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "artifact.registered")]
    Registered(Registered),
    #[serde(rename = "artifact.key_put")]
    KeyPut(KeyPut),
    #[serde(rename = "artifact.quarantined")]
    Quarantined(Quarantined),
    #[serde(rename = "artifact.quarantine_lifted")]
    QuarantineLifted(QuarantineLifted),
    #[serde(rename = "artifact.evidence_attached")]
    EvidenceAttached(EvidenceAttached),
    #[serde(rename = "artifact.evidence_signed")]
    EvidenceSigned(EvidenceSigned),
}

payload! {
    /// An artefact was entered. Since 0.1.
    Registered { artifact: Artifact }
    /// A signing key was entered, replaced or revoked. Since 0.1.
    KeyPut { key: SigningKey }
    /// An artefact is held back. Since 0.1.
    Quarantined { quarantine: QuarantineId, digest: Digest, service: Name, because_of: Option<ReleaseId>, reason: Option<NoteRef> }
    /// An artefact is free again. Since 0.1.
    QuarantineLifted { quarantine: QuarantineId, reason: NoteRef }
    /// Evidence about an artefact was attached. Since 0.2.
    EvidenceAttached { evidence: Evidence, account: Option<AccountId> }
    /// A person signed evidence. Since 0.2.
    EvidenceSigned {
        evidence: EvidenceId,
        artifact: Digest,
        /// The document that was signed.
        blob: Digest,
        account: AccountId,
        meaning: Meaning,
        shown: Shown,
        reason: Option<NoteRef>,
    }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Registered(_) => "artifact.registered",
            Event::KeyPut(_) => "artifact.key_put",
            Event::Quarantined(_) => "artifact.quarantined",
            Event::QuarantineLifted(_) => "artifact.quarantine_lifted",
            Event::EvidenceAttached(_) => "artifact.evidence_attached",
            Event::EvidenceSigned(_) => "artifact.evidence_signed",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        match self {
            Event::Registered(it) => {
                vec![Subject::Artifact(it.artifact.digest), Subject::Service(it.artifact.service.clone())]
            }
            Event::KeyPut(_) => Vec::new(),
            Event::Quarantined(it) => {
                let release = it.because_of.map(Subject::Release);
                [Subject::Artifact(it.digest), Subject::Service(it.service.clone())]
                    .into_iter()
                    .chain(release)
                    .collect()
            }
            Event::EvidenceAttached(it) => vec![Subject::Artifact(it.evidence.artifact)],
            Event::EvidenceSigned(it) => vec![Subject::Artifact(it.artifact), Subject::Account(it.account)],
            Event::QuarantineLifted(it) => world
                .artifact
                .quarantines
                .get(&it.quarantine)
                .map(|it| Subject::Artifact(it.digest))
                .into_iter()
                .collect(),
        }
    }
}
