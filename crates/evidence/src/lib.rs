//! Evidence from other tools: bytes in, a summary out, or one coded fault that says where and what was expected.
//!
//! JUnit XML, SARIF 2.1.0, CycloneDX and SPDX (JSON), OpenVEX, and signed in-toto statements (DSSE).
//!
//! Invariants:
//! - Any bytes give a summary or a fault; nothing panics, and time and memory are linear in the length of what came.
//! - Nothing is guessed: a document of another kind, another version, another encoding, with a key twice, with counts that
//!   contradict what is listed, or cut short, is a fault. What tools may leave out is left out of the summary.
//! - Nothing in a document is followed: no entity, no document type, no address, no schema.
//! - A summary holds no text of people: identifiers, counts, severities, dates, digests.
//!
//! Deliberately absent: judging. What is good enough, fresh enough and signed by whom is the release's to say; a summary only tells
//! what the document says. Reading files, the clock, networks.

mod cyclonedx;
mod dsse;
mod fault;
mod json;
mod junit;
mod openvex;
mod sarif;
mod spdx;
mod summary;
mod text;

pub use dsse::pre_authentication_encoding;
pub use fault::{CODES, Fault};
pub use summary::{Content, Finding, Kind, Severity, Signer, Status, Summary, Tool, Vex};

/// Bytes of one document.
pub const BYTES: usize = 16 << 20;
/// How deep elements, lists and objects may lie within one another.
pub const DEPTH: usize = 64;
/// Values of a JSON document, or elements of an XML document.
pub const NODES: usize = 2_000_000;
/// Findings that differ in identifier, severity or state; statements; subjects.
pub const GROUPS: usize = 2_000;

/// A key that signed statements may be signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    /// Ed25519.
    pub public: [u8; 32],
}

/// Reads a document of the kind that was said. `keys` are tried on signed statements.
///
/// # Errors
/// See [`Fault`]: the first thing that is wrong.
pub fn read(kind: Kind, bytes: &[u8], keys: &[Key]) -> Result<Summary, Fault> {
    let text = text::decode(bytes)?;
    match kind {
        Kind::Junit => junit::read(text),
        Kind::Sarif => sarif::read(json::parse(text)?.view()),
        Kind::Cyclonedx => cyclonedx::read(json::parse(text)?.view()),
        Kind::Spdx => spdx::read(json::parse(text)?.view()),
        Kind::Openvex => openvex::read(json::parse(text)?.view()),
        Kind::Statement => dsse::read(json::parse(text)?.view(), keys),
    }
}

impl Summary {
    /// Whether what the document says of itself allows it to be about these bytes: it names no digest, or names this one.
    ///
    /// # Errors
    /// `document-digest`: it names others.
    pub fn about(&self, digest: &[u8; 32]) -> Result<(), Fault> {
        let must = matches!(self.content, Content::Vex { .. } | Content::Statement { .. });
        if self.subjects.contains(digest) || self.subjects.is_empty() && !must {
            return Ok(());
        }
        let named = match self.subjects.as_slice() {
            [] => "it names no digest".to_owned(),
            [only] => format!("it is about sha256:{}", hex::encode(only)),
            [first, ..] => format!("it is about sha256:{} and {} others", hex::encode(first), self.subjects.len() - 1),
        };
        Err(Fault::new("document-digest", format!("{named}, not about sha256:{}", hex::encode(digest))))
    }
}
