//! What can be wrong with a document.

/// Why a document was not read. The code has a page under `docs/errors`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    pub code: &'static str,
    /// What is the matter, where, and what was expected.
    pub what: String,
}

/// Every code.
pub const CODES: &[&str] = &[
    "document-contradiction",
    "document-date",
    "document-digest",
    "document-doctype",
    "document-duplicate-key",
    "document-empty",
    "document-encoding",
    "document-field",
    "document-kind",
    "document-signature",
    "document-syntax",
    "document-too-deep",
    "document-too-large",
    "document-too-many",
    "document-version",
];

impl Fault {
    pub(crate) fn new(code: &'static str, what: impl Into<String>) -> Self {
        debug_assert!(CODES.contains(&code), "{code}");
        Self { code, what: what.into() }
    }

    pub(crate) fn field(path: impl std::fmt::Display, wanted: &str) -> Self {
        Self::new("document-field", format!("{path}: expected {wanted}"))
    }
}

/// As much of a text as a message takes.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
