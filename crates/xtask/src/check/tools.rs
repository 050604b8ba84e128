//! Parts that other tools do. Those that do not come with Rust are left out where they are not installed.

use super::Outcome;
use crate::shell::{self, Run};
use anyhow::Result;

pub fn format() -> Result<Outcome> {
    Ok(Outcome::Said(Run::cargo(["fmt", "--all", "--", "--check", "--files-with-diff"]).status()?))
}

pub fn clippy() -> Result<Outcome> {
    let words = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    Ok(Outcome::Said(Run::cargo(words).status()?))
}

pub fn rustdoc() -> Result<Outcome> {
    let doc = Run::cargo(["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"]);
    Ok(Outcome::Said(doc.env("RUSTDOCFLAGS", "--deny warnings").status()?))
}

/// A tool of cargo's, on PATH or below `target/tools`.
fn tool(name: &str) -> Result<String, Outcome> {
    let own = shell::target().join("tools/bin").join(name);
    if own.is_file() {
        return Ok(own.display().to_string());
    }
    if shell::has(name) {
        return Ok(name.into());
    }
    let root = shell::target().join("tools");
    Err(Outcome::Skipped(format!(
        "`{name}` is not installed; `cargo install --locked --root {} {name}` takes some minutes",
        root.display()
    )))
}

pub fn deny() -> Result<Outcome> {
    match tool("cargo-deny") {
        Ok(tool) => Ok(Outcome::Said(
            Run::new(tool)
                .args([
                    "--offline",
                    "--log-level",
                    "error",
                    "check",
                    "--hide-inclusion-graph",
                    "bans",
                    "licenses",
                    "sources",
                ])
                .status()?,
        )),
        Err(skipped) => Ok(skipped),
    }
}

pub fn machete() -> Result<Outcome> {
    match tool("cargo-machete") {
        Ok(tool) => Ok(Outcome::Said(Run::new(tool).args(["--skip-target-dir", "crates"]).status()?)),
        Err(skipped) => Ok(skipped),
    }
}

/// Known weaknesses of what is built into the page. Needs a registry that answers such questions; what cannot be asked is skipped.
pub fn audit() -> Result<Outcome> {
    let web = shell::root().join("web");
    if !web.join("node_modules").is_dir() || !shell::has("npm") {
        return Ok(Outcome::Skipped("the page's packages are not installed; `make web` installs them".into()));
    }
    let (_, said) = Run::new("npm").args(["audit", "--omit=dev", "--json", "--loglevel=silent"]).within(web).tee()?;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    let counts = &report["metadata"]["vulnerabilities"];
    match (counts["high"].as_u64(), counts["critical"].as_u64()) {
        (Some(high), Some(critical)) => Ok(Outcome::Said(high + critical == 0)),
        _ => Ok(Outcome::Skipped("no registry at hand tells of advisories".into())),
    }
}
