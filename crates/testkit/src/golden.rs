//! Where golden files are, and how one kind of event is named there.

use std::path::PathBuf;

/// `golden` of the workspace.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden")
}

/// The file of a kind of event, such as `release.planned.v1.json`.
pub fn file_of(kind: &str, version: u32) -> String {
    format!("{kind}.v{version}.json")
}
