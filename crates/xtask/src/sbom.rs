//! `cargo xtask sbom`: what Interlock is made of, as a CycloneDX 1.6 document, from the two lock files.
//!
//! Invariants: the same lock files give the same bytes; a component is named by package URL and the checksum its lock file holds.
//! Deliberately absent: licences (cargo-deny judges them) and what the system brings.

use crate::shell;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Writes `target/interlock.cdx.json`.
pub fn write() -> Result<bool> {
    let read = |path: &str| {
        std::fs::read_to_string(shell::root().join(path)).with_context(|| format!("{path} cannot be read"))
    };
    let (cargo, npm) = (read("Cargo.lock")?, read("web/package-lock.json")?);
    let document = document(&cargo, &npm)?;
    let path = shell::target().join("interlock.cdx.json");
    std::fs::write(&path, format!("{document:#}\n"))?;
    println!("{}: {} components", path.display(), document["components"].as_array().map_or(0, Vec::len));
    Ok(true)
}

fn document(cargo: &str, npm: &str) -> Result<Value> {
    let mut components = BTreeMap::new();
    crates(cargo, &mut components)?;
    packages(npm, &mut components)?;
    // A name for the document that follows from what it says, in the form of a UUID (RFC 9562, version 8).
    let mut sum: [u8; 32] = Sha256::digest(format!("{cargo}\n{npm}")).into();
    sum[6] = sum[6] & 0x0f | 0x80;
    sum[8] = sum[8] & 0x3f | 0x80;
    let id = hex::encode(&sum[..16]);
    let serial = format!("urn:uuid:{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial, "version": 1,
        "metadata": { "component": { "type": "application", "bom-ref": "interlock", "name": "interlock", "version": env!("CARGO_PKG_VERSION"),
            "licenses": [{ "license": { "id": "Apache-2.0" } }] } },
        "components": components.into_values().collect::<Vec<Value>>(),
    }))
}

fn component(url: String, name: &str, version: &str, hash: Option<(&str, String)>) -> Value {
    let mut it = json!({ "type": "library", "bom-ref": url, "name": name, "version": version, "purl": url });
    if let Some((algorithm, content)) = hash {
        it["hashes"] = json!([{ "alg": algorithm, "content": content }]);
    }
    it
}

/// Packages of `Cargo.lock` that come from elsewhere.
fn crates(lock: &str, components: &mut BTreeMap<String, Value>) -> Result<()> {
    for entry in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            entry
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name} = \""))?.strip_suffix('"'))
                .map(str::to_owned)
        };
        let (Some(name), Some(version)) = (field("name"), field("version")) else {
            bail!("Cargo.lock has a package without a name")
        };
        // Our own have no source.
        if field("source").is_none() {
            continue;
        }
        let url = format!("pkg:cargo/{name}@{version}");
        let hash = field("checksum").map(|sum| ("SHA-256", sum));
        components.insert(url.clone(), component(url, &name, &version, hash));
    }
    Ok(())
}

/// Packages of npm that are built into the page.
fn packages(lock: &str, components: &mut BTreeMap<String, Value>) -> Result<()> {
    let lock: Value = serde_json::from_str(lock).context("web/package-lock.json is not JSON")?;
    for (path, it) in lock["packages"].as_object().into_iter().flatten() {
        let Some((_, name)) = path.rsplit_once("node_modules/") else { continue };
        if it["dev"] == true {
            continue;
        }
        let version = it["version"].as_str().unwrap_or_default();
        let url = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
        let hash = it["integrity"].as_str().and_then(|text| text.strip_prefix("sha512-")).and_then(unbase64);
        components.insert(url.clone(), component(url, name, version, hash.map(|sum| ("SHA-512", hex::encode(sum)))));
    }
    Ok(())
}

/// Standard base64 (RFC 4648), padded.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | ALPHABET.iter().position(|&it| it == c)? as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "[[package]]\nname = \"serde\"\nversion = \"1.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"interlock-ids\"\nversion = \"0.1.0\"\n";
    const NPM: &str = r#"{"packages":{"":{"version":"0"},"node_modules/@a/b":{"version":"2.0.0","integrity":"sha512-TWFu"},"node_modules/x":{"version":"1","dev":true}}}"#;

    #[test]
    fn what_is_built_in_is_listed_once_with_its_checksum() {
        let made = document(CARGO, NPM).unwrap();
        let found: Vec<_> =
            made["components"].as_array().unwrap().iter().map(|it| it["purl"].as_str().unwrap()).collect();
        assert_eq!(found, ["pkg:cargo/serde@1.0.0", "pkg:npm/%40a/b@2.0.0"]);
        assert_eq!(made["components"][1]["hashes"][0]["content"], "4d616e");
        assert_eq!(made, document(CARGO, NPM).unwrap());
    }

    /// RFC 4648, 10.
    #[test]
    fn base64_is_read_as_the_rfc_says() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(unbase64(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(unbase64("?"), None);
    }
}
