//! Secrets that manifests name and never hold: read anew whenever they are needed, so that one can be replaced without a stop.
//!
//! Invariants: only variables that begin with `INTERLOCK_SECRET_` and only files in the directory that whoever runs the server has
//! named are ever read; a secret that is missing or empty is none, and nothing is allowed because of it.

use crate::{
    problem::{Answer, Failure},
    state::App,
};
use std::{io::Read as _, path::Path};

/// Bytes of one secret.
const LONGEST: u64 = 64 << 10;

/// The secret a manifest names.
///
/// # Errors
/// It is not there. What is missing is told to whoever reads the log, not to whoever asks.
pub fn read(app: &App, reference: &str) -> Answer<String> {
    let directory = app.options().exposure.secrets.as_deref();
    look_up(reference, directory, |name| std::env::var(name).ok()).ok_or_else(|| {
        tracing::error!(reference, "a secret is not there, or is empty");
        Failure::unavailable(
            "a secret that this needs is not set up; whoever runs the server finds its name in the log",
        )
    })
}

fn look_up(reference: &str, directory: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let text = match reference.split_once(':')? {
        ("env", name) if name.starts_with("INTERLOCK_SECRET_") => variable(name)?,
        ("file", name) if !name.contains(['/', '\\']) && !name.starts_with('.') => {
            let mut text = String::new();
            std::fs::File::open(directory?.join(name)).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
            text
        }
        _ => return None,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_it_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("oidc"), "s3cret\n").unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        let variable = |name: &str| Some(format!("value of {name}"));
        let read = |reference: &str| look_up(reference, Some(dir.path()), variable);
        assert_eq!(read("file:oidc").as_deref(), Some("s3cret"));
        assert_eq!(read("env:INTERLOCK_SECRET_A").as_deref(), Some("value of INTERLOCK_SECRET_A"));
        for bad in
            ["file:empty", "file:none", "file:../oidc", "file:/etc/passwd", "file:.x", "env:HOME", "s3cret", "vault:x"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(look_up("file:oidc", None, variable), None);
    }
}
