//! What is wrong with a pack, where, and what to do about it.

use serde::Serialize;

/// A fault in a pack. Codes are stable:
///
/// | code | fault |
/// |---|---|
/// | P001 | the name or version of a pack is not one |
/// | P002 | two packs have the same name |
/// | P003 | a file's name is not `<name>.cedar` |
/// | P004 | a pack is too large, or a policy too deep |
/// | P005 | the text is not Cedar |
/// | P006 | a policy template; templates are not taken |
/// | P007 | an annotation is missing or empty |
/// | P008 | an annotation that is not known |
/// | P009 | an id that is malformed, reserved or taken |
/// | P010 | the policy does not fit the schema |
/// | P011 | the policy can never apply, or looks like something it is not |
/// | P012 | a placeholder in a message names no fact |
/// | P013 | an annotation has a value it cannot have |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[error("{code} {pack}/{file}:{line}: {what}; {remedy}")]
pub struct PolicyError {
    pub pack: String,
    /// Empty when the fault is the pack's as a whole.
    pub file: String,
    /// From 1; 0 when the fault is the file's or the pack's as a whole.
    pub line: usize,
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl PolicyError {
    pub(crate) fn new(
        code: &'static str,
        pack: &str,
        file: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> PolicyError {
        PolicyError {
            pack: pack.to_owned(),
            file: file.to_owned(),
            line,
            code,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
