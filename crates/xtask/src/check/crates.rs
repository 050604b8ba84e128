//! Which crate may import which: the table of the house.

use super::Fault;
use crate::shell::Run;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate imports; whatever those import may be named too.
const TABLE: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("stats", &[]),
    // Parsers of what others wrote: fuzzed on their own, built without anything of the house.
    ("evidence", &[]),
    ("policy", &["ids"]),
    ("domain", &["ids", "stats", "policy"]),
    // Digests, notes, proofs and packs: what checks without a server has a dependency budget of its own.
    ("verify", &[]),
    ("ledger", &["ids", "verify"]),
    ("wire", &["ids"]),
    // The only way to addresses that others have named.
    ("outbound", &[]),
    ("engine", &["domain", "ledger"]),
    ("integrations", &["engine", "ids", "outbound"]),
    ("runner", &["wire", "ids", "outbound"]),
    // The runner within the server's process is the same code as a remote one.
    ("server", &["engine", "wire", "integrations", "runner", "outbound", "evidence"]),
    ("demo", &["wire", "ids"]),
    ("cli", &["wire", "server", "runner", "demo", "outbound"]),
    ("auditor", &[]),
    ("testkit", &["domain", "engine", "ledger", "ids", "auditor"]),
    ("xtask", &[]),
];

/// Imports that the table does not allow.
pub fn imports() -> Result<Vec<Fault>> {
    let metadata = Run::cargo(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output()?;
    let metadata: Value = serde_json::from_str(&metadata).context("what `cargo metadata` says is not JSON")?;
    Ok(judge(&metadata))
}

/// What opens sockets, or brings what does. The verifier of evidence packs has none of it.
const NETWORK: &[&str] = &[
    "tokio",
    "hyper",
    "hyper-util",
    "h2",
    "reqwest",
    "rustls",
    "aws-lc-rs",
    "openssl",
    "socket2",
    "mio",
    "ureq",
    "curl",
    "axum",
];

/// Crates in the verifier's tree of dependencies that speak to a network.
pub fn no_network() -> Result<Vec<Fault>> {
    let words = ["tree", "--package", "interlock-verify", "--edges", "normal,build", "--prefix", "none", "--offline"];
    Ok(speaking(&Run::cargo(words).output()?))
}

fn speaking(tree: &str) -> Vec<Fault> {
    let named: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let found = named.into_iter().filter(|name| NETWORK.contains(name));
    let told = |name: &str| {
        format!("`{name}` is in the dependencies of interlock-verify, which must not be able to call anybody")
    };
    found.map(|name| Fault::new("crates/verify/Cargo.toml", 0, told(name))).collect()
}

fn reach() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut all = BTreeMap::new();
    for name in table.keys().copied() {
        let mut reached = BTreeSet::new();
        let mut open = table[name].to_vec();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(table.get(next).copied().unwrap_or_default());
            }
        }
        all.insert(name, reached);
    }
    all
}

fn judge(metadata: &Value) -> Vec<Fault> {
    let reach = reach();
    let mut found = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let full = package["name"].as_str().unwrap_or_default();
        let Some(name) = full.strip_prefix("interlock-") else { continue };
        let path = format!("crates/{name}/Cargo.toml");
        let Some(allowed) = reach.get(name) else {
            found.push(Fault::new(path, 0, "the table in crates/xtask/src/check/crates.rs does not know this crate: does the compiler police a rule by it?"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(other) = dependency["name"].as_str().and_then(|it| it.strip_prefix("interlock-")) else {
                continue;
            };
            let tests_only = dependency["kind"].as_str() == Some("dev");
            if !(allowed.contains(other) || tests_only && other == "testkit") {
                let text = format!(
                    "`{name}` imports `{other}`, and the house allows it only: {}",
                    allowed.iter().copied().collect::<Vec<_>>().join(", ")
                );
                found.push(Fault::new(&path, 0, text));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn imports_point_one_way() {
        let package = |name: &str, imports: &[(&str, Option<&str>)]| {
            let imports: Vec<Value> = imports
                .iter()
                .map(|(name, kind)| json!({ "name": format!("interlock-{name}"), "kind": kind }))
                .collect();
            json!({ "name": format!("interlock-{name}"), "dependencies": imports })
        };
        let good = json!({ "packages": [package("engine", &[("domain", None), ("policy", None), ("testkit", Some("dev"))]), package("cli", &[("demo", None)])] });
        assert_eq!(judge(&good), []);
        let bad = json!({ "packages": [
            package("wire", &[("domain", None)]), package("domain", &[("engine", Some("dev"))]), package("server", &[("demo", None)]),
            package("utils", &[]), package("engine", &[("testkit", None)]),
        ] });
        assert_eq!(judge(&bad).len(), 5);
    }

    #[test]
    fn a_client_in_the_verifiers_tree_is_found() {
        assert_eq!(speaking("interlock-verify v0.1.0 (/x)\nserde v1.0.0\nserde v1.0.0 (*)\n"), []);
        assert_eq!(speaking("interlock-verify v0.1.0\nreqwest v0.13.5\nmio v1.0.0\n").len(), 2);
    }

    #[test]
    fn the_table_has_no_cycle() {
        assert!(reach().iter().all(|(name, reached)| !reached.contains(name)));
    }
}
