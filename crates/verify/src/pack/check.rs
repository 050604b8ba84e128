//! Checking a pack: every step recomputes, says what it found, and goes on as far as it can.
//!
//! **Invariants**
//! - Trust comes from outside: a key that only the pack gives makes nothing better than inconclusive.
//! - A fault names the file it is in, and the position in the ledger where there is one.
//! - A later step never excuses an earlier one; the report has all of them.
//!
//! **Deliberately absent:** the clock. Whether a pack is recent is for people to say.

use super::{
    EVIDENCE, MANIFEST, MANIFEST_NOTE, Manifest,
    fault::{Check, Fault, Report},
    steps,
};
use crate::{
    Checkpoint, VerifyingKey,
    cosign::WitnessKey,
    digest::Digest,
    tar::{self, File},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the reader knows from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The ledger's key.
    pub key: Option<VerifyingKey>,
    pub witnesses: Vec<WitnessKey>,
    /// How many of these witnesses must have signed [default: what the pack says the organisation requires].
    pub required: Option<u32>,
    /// A checkpoint that was kept: the pack must show that it continues it.
    pub earlier: Option<String>,
}

/// The files of a pack, by path.
pub(super) struct Files<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Files<'a> {
    pub(super) fn get(&self, path: &str) -> Option<&'a [u8]> {
        self.0.get(path).copied()
    }

    pub(super) fn text(&self, path: &str, code: &'static str) -> Result<&'a str, Fault> {
        let bytes = self.get(path).ok_or_else(|| Fault::new(code, path, format!("`{path}` is missing")))?;
        std::str::from_utf8(bytes).map_err(|_| Fault::new(code, path, format!("`{path}` is no text")))
    }

    pub(super) fn below<'s>(&'s self, folder: &'s str) -> impl Iterator<Item = (&'a str, &'a [u8])> + 's {
        self.0.iter().filter(move |(path, _)| path.starts_with(folder)).map(|(path, bytes)| (*path, *bytes))
    }
}

/// Checks the bytes of a pack.
pub fn check(pack: &[u8], trust: &Trust) -> Report {
    let archive = match tar::read(pack) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("the archive is not as it was written: {error}");
            return Report::of(vec![Check::new("archive", "", vec![Fault::new("V001", &error.file, message)])]);
        }
    };
    let mut checks = Vec::new();
    let (manifest, files, check) = contents(&archive);
    checks.push(check);
    let Some(manifest) = manifest else { return Report::of(checks) };
    checks.push(steps::key(&manifest, &files, trust));
    let (checkpoint, check) = steps::checkpoint(&manifest, &files, trust);
    checks.push(check);
    if let Some(checkpoint) = &checkpoint {
        checks.push(steps::witnesses(&manifest, checkpoint, trust));
    }
    let (entries, check) = steps::entries(&files);
    let sound = check.faults.is_empty();
    checks.push(check);
    checks.push(steps::inclusion(&manifest, &files, &entries));
    checks.push(steps::consistency(&manifest, &files, checkpoint.as_ref(), trust));
    checks.push(steps::completeness(&manifest, &entries, checkpoint.as_ref(), trust));
    checks.push(steps::policies(&entries));
    checks.push(steps::evidence(&manifest, &files, &entries));
    checks.push(if sound {
        steps::derived(&manifest, &files, &entries)
    } else {
        let text = "not compared: what follows from entries that are not sound says nothing";
        Check::new("index", "", vec![Fault::new("V035", super::ENTRIES, text)])
    });
    Report::of(checks)
}

/// The manifest, and every file against it.
fn contents(archive: &[File]) -> (Option<Manifest>, Files<'_>, Check) {
    const NAME: &str = "files";
    let mut faults = Vec::new();
    let mut files = BTreeMap::new();
    for File { path, bytes } in archive {
        if files.insert(path.as_str(), bytes.as_slice()).is_some() {
            faults.push(Fault::new("V002", path, format!("`{path}` stands in the pack twice")));
        }
    }
    let manifest = files.get(MANIFEST).ok_or_else(|| format!("`{MANIFEST}` is missing")).and_then(|bytes| {
        let read = serde_json::from_slice::<Manifest>(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        if read.format != super::FORMAT {
            return Err(format!("its format is `{}`; this version reads `{}`", read.format, super::FORMAT));
        }
        if read.encode() == **bytes { Ok(read) } else { Err("it is not written as manifests are".into()) }
    });
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(why) => {
            faults.push(Fault::new("V003", MANIFEST, why));
            return (None, Files(files), Check::new(NAME, "", faults));
        }
    };
    let mut listed = BTreeSet::from([MANIFEST, MANIFEST_NOTE]);
    for it in &manifest.files {
        if !listed.insert(&it.path) {
            faults.push(Fault::new("V003", MANIFEST, format!("it lists `{}` twice", it.path)));
        }
        match files.get(it.path.as_str()) {
            None => faults.push(Fault::new("V004", &it.path, format!("`{}` is missing", it.path))),
            Some(bytes) if Digest::of(bytes) != it.digest || bytes.len() as u64 != it.bytes => {
                let message = format!("`{}` was changed: its digest is not the one in the manifest", it.path);
                faults.push(Fault::new("V005", &it.path, message));
            }
            Some(_) => {}
        }
    }
    for path in files.keys().filter(|path| !listed.contains(**path)) {
        faults.push(Fault::new("V006", path, format!("`{path}` is not listed in the manifest")));
    }
    if faults.is_empty() {
        let order = [MANIFEST, MANIFEST_NOTE].into_iter().chain(manifest.files.iter().map(|it| it.path.as_str()));
        let wrong = archive.iter().map(|it| it.path.as_str()).zip(order).find(|(found, wanted)| found != wanted);
        if let Some((found, wanted)) = wrong {
            faults.push(Fault::new("V007", found, format!("`{found}` stands where `{wanted}` belongs")));
        }
    }
    let evidence = manifest.files.iter().filter(|it| it.path.starts_with(EVIDENCE)).count();
    let told = format!("{} files are what the manifest lists, {evidence} of them evidence", manifest.files.len());
    (Some(manifest), Files(files), Check::new(NAME, told, faults))
}

/// The key to check with: the one from outside, or the pack's own.
pub(super) fn key(manifest: &Manifest, trust: &Trust) -> Option<VerifyingKey> {
    trust.key.clone().or_else(|| VerifyingKey::parse(&manifest.verifier_key).ok())
}

/// When each trusted witness signed the checkpoint; a fault for each line of theirs that does not fit.
pub(super) fn signed_by(checkpoint: &Checkpoint, trust: &Trust) -> (Vec<(String, u64)>, Vec<Fault>) {
    let (mut signed, mut faults) = (Vec::new(), Vec::new());
    for witness in &trust.witnesses {
        match witness.signed(&checkpoint.note) {
            Ok(Some(time)) => signed.push((witness.name().to_owned(), time)),
            Ok(None) => {}
            Err(error) => faults.push(Fault::new("V012", super::CHECKPOINT, error.to_string())),
        }
    }
    (signed, faults)
}
