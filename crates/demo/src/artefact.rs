//! Building and signing: from a tag of the shop's repository to a signed archive per service.
//!
//! Invariant: the archive's bytes follow from the commit alone (entries sorted, no times, no owners, one permission), so a
//! rebuild has the same digest. An archive holds the service's folder, the shared `kit`, and `build-info.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{DemoError, OnPath, Result};
use crate::files::write_whole;
use crate::minisign::KeyPair;
use crate::repository::{git, run};

/// A built and signed archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    pub service: String,
    pub version: String,
    /// Full commit id the archive was built from.
    pub commit: String,
    /// `sha256:` and 64 hexadecimal digits, over the archive's bytes.
    pub digest: String,
    pub size_bytes: u64,
    pub file: PathBuf,
    pub signature_file: PathBuf,
}

/// What `build-info.json` in the archive says.
#[derive(Debug, Serialize)]
struct BuildInfo<'a> {
    service: &'a str,
    version: &'a str,
    commit: &'a str,
    repository: &'a str,
}

/// `sha256:<hex>` of `bytes`.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The files of `paths` at `commit`, by name.
fn files_at(repository: &Path, commit: &str, paths: &[&str]) -> Result<BTreeMap<String, Vec<u8>>> {
    let archive = run(git(repository).args(["archive", "--format=tar", commit, "--"]).args(paths), &[])?;
    let damaged = |error: std::io::Error| DemoError::Damaged { path: repository.to_owned(), reason: error.to_string() };
    let mut files = BTreeMap::new();
    let mut reader = tar::Archive::new(archive.as_slice());
    for entry in reader.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        if entry.header().entry_type().is_file() {
            let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(damaged)?;
            files.insert(name, content);
        }
    }
    Ok(files)
}

/// The archive's bytes for `files`; the same for equal input, whenever and wherever it is called.
fn pack(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, name, content.as_slice())?;
    }
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::default());
    gzip.write_all(&builder.into_inner()?)?;
    gzip.finish()
}

/// Builds `service` at `version` (tag `v<version>`, `commit`) and signs it; both files go into `directory`.
///
/// # Errors
/// When Git fails or a file cannot be written.
pub fn build(
    repository: &Path,
    directory: &Path,
    service: &str,
    version: &str,
    commit: &str,
    key: &KeyPair,
) -> Result<Artefact> {
    let mut files = files_at(repository, commit, &[service, "kit"])?;
    let info = BuildInfo { service, version, commit, repository: "shop" };
    let info = serde_json::to_vec(&info).map_err(|error| DemoError::Invalid(error.to_string()))?;
    files.insert("build-info.json".to_owned(), info);
    let file = directory.join(format!("{service}-{version}.tar.gz"));
    let bytes = pack(&files).on("pack", &file)?;
    let digest = digest_of(&bytes);
    let signature_file = directory.join(format!("{service}-{version}.tar.gz.minisig"));
    // A signature that is there and fits is left alone: signing again would be a new statement about the same bytes.
    let unchanged = fs::read(&file).is_ok_and(|present| present == bytes) && signature_file.exists();
    if !unchanged {
        write_whole(&file, &bytes)?;
        let comment = format!("service:{service} version:{version} commit:{commit} digest:{digest}");
        write_whole(&signature_file, key.sign(&bytes, &comment)?.as_bytes())?;
    }
    Ok(Artefact {
        service: service.to_owned(),
        version: version.to_owned(),
        commit: commit.to_owned(),
        digest,
        size_bytes: bytes.len() as u64,
        file,
        signature_file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{repository, sources};

    #[test]
    fn a_rebuild_elsewhere_has_the_same_digest_and_a_valid_signature() {
        let directory = tempfile::tempdir().unwrap();
        let mut digests = Vec::new();
        for name in ["one", "two"] {
            let key = KeyPair::generate().unwrap();
            let root = directory.path().join(name);
            let shop = root.join("shop");
            let commits = repository::create(&shop, jiff::Timestamp::UNIX_EPOCH).unwrap();
            for service in sources::SERVICES {
                let built = build(&shop, &root.join("out"), service, "1.2.0", &commits["1.2.0"], &key).unwrap();
                let bytes = fs::read(&built.file).unwrap();
                let verifier = minisign_verify::PublicKey::from_base64(&key.public_base64()).unwrap();
                let signature = fs::read_to_string(&built.signature_file).unwrap();
                let signature = minisign_verify::Signature::decode(&signature).unwrap();
                verifier.verify(&bytes, &signature, false).unwrap();
                assert!(signature.trusted_comment().contains(&built.digest));
                assert_eq!(built.digest, digest_of(&bytes));
                digests.push(built.digest);
            }
        }
        assert_eq!(digests[..3], digests[3..]);
        assert_ne!(digests[0], digests[1]);
    }

    #[test]
    fn an_archive_holds_its_service_the_kit_and_where_it_came_from() {
        let directory = tempfile::tempdir().unwrap();
        let shop = directory.path().join("shop");
        let commits = repository::create(&shop, jiff::Timestamp::UNIX_EPOCH).unwrap();
        let key = KeyPair::generate().unwrap();
        let built = build(&shop, directory.path(), "basket", "1.0.0", &commits["1.0.0"], &key).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(built.file).unwrap()));
        let mut names = Vec::new();
        let mut info = String::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0));
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            if name == "build-info.json" {
                entry.read_to_string(&mut info).unwrap();
            }
            names.push(name);
        }
        let expected = [
            "basket/server.mjs",
            "basket/token.mjs",
            "build-info.json",
            "kit/metrics.mjs",
            "kit/service.mjs",
            "kit/store.mjs",
        ];
        assert_eq!(names, expected);
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["commit"], commits["1.0.0"]);
    }
}
