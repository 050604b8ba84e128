//! Writing whole files. Invariant: a reader sees the old content or the new one, never a part.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DemoError, OnPath, Result};

/// Writes `bytes` to `path` by way of a neighbouring file and a rename; parent directories are made.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).on("make directory", parent)?;
    }
    let next = path.with_extension(format!("{}.next", std::process::id()));
    let mut file = fs::File::create(&next).on("create", &next)?;
    file.write_all(bytes).on("write", &next)?;
    file.sync_all().on("flush", &next)?;
    fs::rename(&next, path).on("rename to", path)
}

/// Writes `value` as indented JSON with a final newline, whole.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| DemoError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Reads JSON; `None` when there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).on("read", path),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| DemoError::Damaged { path: path.to_owned(), reason: error.to_string() })
}
