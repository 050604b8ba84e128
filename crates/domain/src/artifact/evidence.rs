//! Evidence about an artefact: what other tools have said, in the few words that are judged, and who has signed it.
//!
//! Invariants: evidence is bound to one digest and never moves to another; what counts is the newest of its name; a finding is as
//! old as the first evidence of its service that showed it, or older if the tool says so.
//! Deliberately absent: the documents. They are blobs, and whoever attached them has read them into these words.

use crate::{
    core::{Map, Meta},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Digest, EvidenceId, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Junit,
    Sarif,
    Cyclonedx,
    Spdx,
    Openvex,
    /// An in-toto statement in a DSSE envelope.
    Statement,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    Critical,
    High,
    Medium,
    Low,
    Info,
    /// The tool does not say.
    Unknown,
}

/// Findings of one rule, or of one vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Such as `B602` or `CVE-2021-44228`.
    pub id: String,
    pub severity: FindingSeverity,
    /// The document itself says that it does not matter: suppressed, or analysed and found harmless.
    pub set_aside: bool,
    pub count: u32,
    /// When it was first seen: said by the tool as it comes in, told by the ledger once it is attached.
    pub since: Option<Timestamp>,
}

/// What is said about a vulnerability in this artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    NotAffected,
    Affected,
    Fixed,
    UnderInvestigation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VexStatement {
    pub vulnerability: String,
    pub status: VexStatus,
}

/// What the document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    Tests {
        total: u32,
        passed: u32,
        failed: u32,
        skipped: u32,
    },
    Findings {
        findings: Vec<Finding>,
        /// Whether the tool came to its end and gave results.
        complete: bool,
    },
    Components {
        total: u32,
        identified: u32,
        findings: Vec<Finding>,
    },
    Vex {
        statements: Vec<VexStatement>,
    },
    Statement {
        predicate: String,
        signed_by: Vec<Name>,
    },
    /// It could not be read: the code says why. It says nothing, and what it took the place of says nothing any more.
    Unreadable {
        code: String,
    },
}

impl Content {
    pub fn findings(&self) -> &[Finding] {
        match self {
            Content::Findings { findings, .. } | Content::Components { findings, .. } => findings,
            Content::Tests { .. } | Content::Vex { .. } | Content::Statement { .. } | Content::Unreadable { .. } => &[],
        }
    }
}

/// What wrote the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub name: String,
    pub version: Option<String>,
}

/// Evidence about an artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub id: EvidenceId,
    pub artifact: Digest,
    /// By which a criterion asks for it, such as `unit-tests`.
    pub name: Name,
    pub kind: EvidenceKind,
    /// The document.
    pub blob: Digest,
    pub size: u64,
    pub tool: Option<Tool>,
    /// When the document says it was made.
    pub made: Option<Timestamp>,
    pub content: Content,
}

/// What a signature means (21 CFR 11.50).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Reviewed,
    Approved,
    /// Answers for it.
    Responsible,
    Authored,
}

impl Meaning {
    pub fn as_str(self) -> &'static str {
        match self {
            Meaning::Reviewed => "reviewed",
            Meaning::Approved => "approved",
            Meaning::Responsible => "responsible",
            Meaning::Authored => "authored",
        }
    }
}

/// How whoever signed has shown again who they are (21 CFR 11.200).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    Password,
    /// Signed in at the identity provider moments ago.
    Provider,
}

/// A person's signature under evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub by: AccountId,
    pub meaning: Meaning,
    pub shown: Shown,
    pub at: Timestamp,
    pub reason: Option<NoteRef>,
}

/// Evidence as it lies in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    pub evidence: Evidence,
    pub at: Timestamp,
    pub by: Option<AccountId>,
    pub signatures: Vec<Signed>,
}

impl Attached {
    /// From when its age is counted: what is said cannot be younger than its saying.
    pub fn made(&self) -> Timestamp {
        self.evidence.made.map_or(self.at, |made| made.min(self.at))
    }
}

/// The newest evidence of each name about one artefact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    pub newest: Vec<Attached>,
    /// How many there were whose place newer ones took; the ledger has them.
    pub former: u32,
}

/// Evidence about every artefact.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shelves {
    pub of: Map<Digest, Shelf>,
    /// Evidence that counts, by what it is about.
    pub about: imbl::OrdMap<EvidenceId, Digest>,
    /// By service, when each finding was first seen in any of its builds.
    pub seen: imbl::OrdMap<Name, imbl::OrdMap<String, Timestamp>>,
}

impl Shelves {
    /// What counts for a name.
    pub fn newest(&self, artifact: &Digest, name: &Name) -> Option<&Attached> {
        self.all(artifact).iter().find(|it| it.evidence.name == *name)
    }

    pub fn all(&self, artifact: &Digest) -> &[Attached] {
        self.of.get(artifact).map(|it| it.newest.as_slice()).unwrap_or_default()
    }

    pub fn by_id(&self, id: EvidenceId) -> Option<&Attached> {
        self.all(self.about.get(&id)?).iter().find(|it| it.evidence.id == id)
    }

    pub(super) fn attach(&mut self, evidence: &Evidence, service: Option<&Name>, by: Option<AccountId>, meta: &Meta) {
        if let Some(service) = service {
            let mut seen = self.seen.get(service).cloned().unwrap_or_default();
            for finding in evidence.content.findings().iter().filter(|it| !it.set_aside) {
                let since = finding.since.unwrap_or(meta.at);
                let known = seen.get(&finding.id).copied();
                seen.insert(finding.id.clone(), known.map_or(since, |known| known.min(since)));
            }
            if !seen.is_empty() {
                self.seen.insert(service.clone(), seen);
            }
        }
        let mut shelf = self.of.get(&evidence.artifact).map(|it| it.as_ref().clone()).unwrap_or_default();
        let (same, mut rest): (Vec<_>, Vec<_>) =
            shelf.newest.into_iter().partition(|it| it.evidence.name == evidence.name);
        for former in &same {
            self.about.remove(&former.evidence.id);
        }
        rest.push(Attached { evidence: evidence.clone(), at: meta.at, by, signatures: Vec::new() });
        rest.sort_by(|a, b| a.evidence.name.cmp(&b.evidence.name));
        shelf.former += same.len() as u32;
        shelf.newest = rest;
        self.about.insert(evidence.id, evidence.artifact);
        self.of.insert(evidence.artifact, Arc::new(shelf));
    }

    pub(super) fn sign(&mut self, id: EvidenceId, signed: Signed) {
        let Some(artifact) = self.about.get(&id).copied() else { return };
        let Some(shelf) = self.of.get(&artifact) else { return };
        let mut shelf = shelf.as_ref().clone();
        if let Some(it) = shelf.newest.iter_mut().find(|it| it.evidence.id == id) {
            it.signatures.push(signed);
        }
        self.of.insert(artifact, Arc::new(shelf));
    }
}
