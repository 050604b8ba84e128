//! The steps of a check, one question each, in the order in which they are asked.

use super::{
    CHECKPOINT, CONSISTENCY, EARLIER, ENTRIES, EVIDENCE, Entry, MANIFEST, MANIFEST_NOTE, Manifest, NAMES, Names, PROOF,
    Proof, ReadEntry, Scope,
    check::{self, Files, Trust},
    decode_digests, derive, entry,
    fault::{Check, Fault},
};
use crate::{
    Checkpoint, NoteError,
    digest::Digest,
    proof::{root_of_many, verify_consistency},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Who signed the manifest.
pub(super) fn key(manifest: &Manifest, files: &Files<'_>, trust: &Trust) -> Check {
    let mut faults = Vec::new();
    let Some(key) = check::key(manifest, trust) else {
        return Check::new("signature", "", vec![Fault::new("V008", MANIFEST, "it names a key that is none")]);
    };
    if key.to_string() != manifest.verifier_key {
        let message = format!("the pack is of key `{}`, the key at hand is `{key}`", manifest.verifier_key);
        faults.push(Fault::new("V009", MANIFEST, message));
    }
    let signed = files.text(MANIFEST_NOTE, "V008").and_then(|note| {
        let bytes = files.get(MANIFEST).unwrap_or_default();
        match key.open(note) {
            Ok(text) if text == Manifest::statement(bytes) => Ok(()),
            Ok(_) => Err(Fault::new("V005", MANIFEST, "it was changed: what was signed is another manifest")),
            Err(error @ NoteError::Unsigned(_)) => Err(Fault::new("V009", MANIFEST_NOTE, error.to_string())),
            Err(error) => Err(Fault::new("V008", MANIFEST_NOTE, error.to_string())),
        }
    });
    faults.extend(signed.err());
    if trust.key.is_none() && faults.is_empty() {
        let message = "the signature fits the key in the pack, and nobody else has named that key: give the ledger's key, got from somewhere else";
        faults.push(Fault::new("V030", MANIFEST, message));
    }
    Check::new("signature", format!("key {key} signed the manifest"), faults)
}

/// The checkpoint, signed by the same key, over what the manifest says.
pub(super) fn checkpoint(manifest: &Manifest, files: &Files<'_>, trust: &Trust) -> (Option<Checkpoint>, Check) {
    const NAME: &str = "checkpoint";
    let opened = files.text(CHECKPOINT, "V010").and_then(|note| {
        let key =
            check::key(manifest, trust).ok_or_else(|| Fault::new("V008", MANIFEST, "it names a key that is none"))?;
        Checkpoint::open(&key, note).map_err(|error| Fault::new("V010", CHECKPOINT, error.to_string()))
    });
    match opened {
        Ok(it) if (it.origin.as_str(), it.size, it.root) != (&manifest.origin, manifest.size, manifest.root) => {
            let message = format!("it is of {} entries of `{}`, the manifest says otherwise", it.size, it.origin);
            (None, Check::new(NAME, "", vec![Fault::new("V011", CHECKPOINT, message)]))
        }
        Ok(it) => {
            let told = format!("`{}` signed {} entries with root {}", it.origin, it.size, it.root);
            (Some(it), Check::new(NAME, told, Vec::new()))
        }
        Err(fault) => (None, Check::new(NAME, "", vec![fault])),
    }
}

/// Whether enough witnesses have signed it.
pub(super) fn witnesses(manifest: &Manifest, checkpoint: &Checkpoint, trust: &Trust) -> Check {
    let (signed, mut faults) = check::signed_by(checkpoint, trust);
    let required = trust.required.unwrap_or(match trust.witnesses.len() {
        0 => manifest.witnesses.required,
        given => manifest.witnesses.required.max(1).min(given as u32),
    });
    let told = match signed.as_slice() {
        [] => "no witness is required".to_owned(),
        all => {
            let one = |(name, time): &(String, u64)| match Timestamp::from_second(*time as i64) {
                Ok(at) => format!("{name} at {at}"),
                Err(_) => format!("{name} at {time}"),
            };
            format!("witnessed: {} ({required} required)", all.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    };
    if (signed.len() as u32) < required {
        let message = format!(
            "{required} witnesses are required, and {} of the {} whose keys were given have signed this checkpoint",
            signed.len(),
            trust.witnesses.len()
        );
        faults.push(Fault::new("V031", CHECKPOINT, message));
    }
    Check::new("witnesses", told, faults)
}

/// The entries as they stand in the pack, each against the leaf hash that is listed for it.
pub(super) fn entries(files: &Files<'_>) -> (Vec<ReadEntry>, Check) {
    const NAME: &str = "entries";
    let proof = files.text(PROOF, "V013").and_then(|text| {
        Proof::decode(text).map_err(|line| Fault::new("V013", PROOF, format!("line {line} is none of a proof")))
    });
    let proof = match proof {
        Ok(proof) => proof,
        Err(fault) => return (Vec::new(), Check::new(NAME, "", vec![fault])),
    };
    let Some(bytes) = files.get(ENTRIES) else {
        let fault = Fault::new("V004", ENTRIES, format!("`{ENTRIES}` is missing"));
        return (Vec::new(), Check::new(NAME, "", vec![fault]));
    };
    let mut faults = Vec::new();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.pop().is_none_or(|last| !last.is_empty()) {
        faults.push(Fault::new("V014", ENTRIES, "its last line does not end"));
    }
    let hashes: Vec<Digest> = lines.iter().map(|line| Digest::leaf(line)).collect();
    faults.extend(misplaced(&hashes, &proof.leaves));
    let mut read = Vec::with_capacity(lines.len());
    for (line, (position, _)) in lines.iter().zip(&proof.leaves) {
        match ReadEntry::read(&Entry { position: *position, body: line.to_vec() }) {
            Ok(entry) => read.push(entry),
            Err(why) if faults.is_empty() => {
                faults.push(Fault::new("V015", ENTRIES, format!("entry {position} is no record: {why}")).at(*position));
            }
            Err(_) => {}
        }
    }
    let told = format!("{} entries have the leaf hashes listed for them", lines.len());
    (read, Check::new(NAME, told, faults))
}

/// Tells an altered entry from one that is missing, added, moved or doubled.
fn misplaced(found: &[Digest], listed: &[(u64, Digest)]) -> Vec<Fault> {
    let place: BTreeMap<Digest, u64> = listed.iter().map(|(position, digest)| (*digest, *position)).collect();
    let (mut at_found, mut at_listed) = (0, 0);
    let mut faults = Vec::new();
    let fault = |position: u64, text: String| Fault::new("V014", ENTRIES, text).at(position);
    while at_listed < listed.len() && faults.len() < 20 {
        let (position, wanted) = listed[at_listed];
        let Some(hash) = found.get(at_found) else {
            faults.push(fault(position, format!("the entries end before {position}")));
            return faults;
        };
        let next_wanted = listed.get(at_listed + 1).map(|(_, digest)| digest);
        match place.get(hash) {
            _ if *hash == wanted => (at_found, at_listed) = (at_found + 1, at_listed + 1),
            _ if Some(hash) == next_wanted && found.get(at_found + 1) != Some(&wanted) => {
                faults.push(fault(position, format!("entry {position} is missing")));
                at_listed += 1;
            }
            _ if found.get(at_found + 1) == Some(&wanted) && found.get(at_found + 2) == next_wanted => {
                faults.push(fault(position, format!("something stands before entry {position} that is not listed")));
                at_found += 1;
            }
            Some(other) => {
                faults.push(fault(position, format!("entry {other} stands where {position} belongs")));
                (at_found, at_listed) = (at_found + 1, at_listed + 1);
            }
            None => {
                faults.push(fault(position, format!("entry {position} was altered: its bytes have another leaf hash")));
                (at_found, at_listed) = (at_found + 1, at_listed + 1);
            }
        }
    }
    if at_found < found.len() && faults.is_empty() {
        let last = listed.last().map_or(0, |(position, _)| *position);
        faults.push(fault(last, format!("something stands behind entry {last} that is not listed")));
    }
    faults
}

/// Whether the entries stand under the root.
pub(super) fn inclusion(manifest: &Manifest, files: &Files<'_>, entries: &[ReadEntry]) -> Check {
    const NAME: &str = "inclusion";
    let Some(proof) = files.text(PROOF, "V013").ok().and_then(|text| Proof::decode(text).ok()) else {
        return Check::new(NAME, "", vec![Fault::new("V013", PROOF, "there is no proof that can be read")]);
    };
    let mut faults = Vec::new();
    if proof.size != manifest.size {
        let message = format!("it is of a tree of {} entries, the manifest says {}", proof.size, manifest.size);
        faults.push(Fault::new("V016", PROOF, message));
    }
    // From the entries themselves, where they can be read; what is listed for them has been compared already.
    let mut leaves = proof.leaves.clone();
    for entry in entries {
        if let Ok(at) = leaves.binary_search_by_key(&entry.position, |(position, _)| *position) {
            leaves[at].1 = entry.leaf;
        }
    }
    match root_of_many(proof.size, &leaves, &proof.nodes) {
        Ok(root) if root == manifest.root => {}
        Ok(root) => {
            faults.push(Fault::new("V016", PROOF, format!("these entries lead to root {root}, not to the signed one")))
        }
        Err(error) => faults.push(Fault::new("V016", PROOF, error.to_string())),
    }
    Check::new(NAME, format!("{} entries stand under the root of {}", leaves.len(), proof.size), faults)
}

/// Whether this ledger continues the earlier checkpoint.
pub(super) fn consistency(manifest: &Manifest, files: &Files<'_>, now: Option<&Checkpoint>, trust: &Trust) -> Check {
    const NAME: &str = "consistency";
    let given = trust.earlier.as_ref();
    let Some(size) = manifest.earlier else {
        let fault = given.map(|_| {
            Fault::new("V032", MANIFEST, "the pack has no proof from the checkpoint you kept; ask for one made with it")
        });
        return Check::new(NAME, "no earlier checkpoint was asked for", fault.into_iter().collect());
    };
    let shown = (|| {
        let key =
            check::key(manifest, trust).ok_or_else(|| Fault::new("V008", MANIFEST, "it names a key that is none"))?;
        let wrong = |text: String| Fault::new("V017", EARLIER, text);
        let earlier = Checkpoint::open(&key, files.text(EARLIER, "V017")?).map_err(|error| wrong(error.to_string()))?;
        if earlier.size != size {
            return Err(wrong(format!("it is of {} entries, the manifest says {size}", earlier.size)));
        }
        if let Some(kept) = given {
            let kept =
                Checkpoint::open(&key, kept).map_err(|error| wrong(format!("the checkpoint you kept: {error}")))?;
            if kept.size == earlier.size && kept.root != earlier.root {
                let text = format!("this ledger is a fork: the checkpoint you kept has another root at {size} entries");
                return Err(Fault::new("V018", EARLIER, text));
            }
            if kept.size != earlier.size {
                let text = format!("the proof begins at {size} entries, the checkpoint you kept has {}", kept.size);
                return Err(Fault::new("V032", EARLIER, text));
            }
        }
        let proof = decode_digests(files.text(CONSISTENCY, "V017")?)
            .map_err(|line| Fault::new("V017", CONSISTENCY, format!("line {line} is no digest")))?;
        let (new, root) = now.map_or((manifest.size, manifest.root), |it| (it.size, it.root));
        if verify_consistency(earlier.size, new, &earlier.root, &root, &proof) {
            Ok(())
        } else {
            let text = format!("{new} entries do not continue the {size} that were signed earlier");
            Err(Fault::new("V018", CONSISTENCY, text))
        }
    })();
    let told = format!("nothing among the first {size} entries was changed since they were signed");
    Check::new(NAME, told, shown.err().into_iter().collect())
}

/// Whether a period is whole: no position of it missing, and its ends shown by the entries beside it.
pub(super) fn completeness(
    manifest: &Manifest,
    entries: &[ReadEntry],
    checkpoint: Option<&Checkpoint>,
    trust: &Trust,
) -> Check {
    const NAME: &str = "completeness";
    let Scope::Period { from, to, first, end } = &manifest.scope else {
        return Check::new(NAME, "not asked: the pack is about one release", Vec::new());
    };
    let (first, end) = (*first, *end);
    let mut faults = Vec::new();
    if from >= to || first > end || end > manifest.size {
        faults.push(Fault::new("V019", MANIFEST, "its period is none"));
        return Check::new(NAME, "", faults);
    }
    let wanted = first.saturating_sub(1)..manifest.size.min(end + 1);
    let by_position: BTreeMap<u64, &ReadEntry> = entries.iter().map(|it| (it.position, it)).collect();
    let missing: Vec<u64> = wanted.clone().filter(|position| !by_position.contains_key(position)).take(20).collect();
    for position in &missing {
        faults.push(Fault::new("V019", ENTRIES, format!("entry {position} of the period is missing")).at(*position));
    }
    // The policy sets that were in force were installed before; nothing else of before belongs here.
    let extra = by_position.values().filter(|it| !wanted.contains(&it.position) && it.kind != "policy.installed");
    if let Some(extra) = extra.map(|it| it.position).next() {
        faults.push(Fault::new("V019", ENTRIES, format!("entry {extra} is not of the period")).at(extra));
    }
    let edge = |position: u64| by_position.get(&position).map(|it| it.at);
    if first > 0 && edge(first - 1).is_some_and(|at| at >= *from) {
        let text = format!("entry {} is of the period and was left out", first - 1);
        faults.push(Fault::new("V019", MANIFEST, text).at(first - 1));
    }
    if end < manifest.size && edge(end).is_some_and(|at| at < *to) {
        faults.push(Fault::new("V019", MANIFEST, format!("entry {end} is of the period and was left out")).at(end));
    }
    // Nothing follows the last entry under this checkpoint. That nothing was written until the period was over has to be
    // shown by somebody else.
    let witnessed = checkpoint.map(|it| check::signed_by(it, trust).0).unwrap_or_default();
    let after = |time: &u64| i64::try_from(*time).is_ok_and(|time| time >= to.as_second());
    if end == manifest.size && !witnessed.iter().any(|(_, time)| after(time)) {
        let text = format!(
            "no entry after the period shows that it is whole up to {to}: the checkpoint ends with it, and no witness whose key was given signed it later; ask for a pack made after something was written, or witnessed"
        );
        faults.push(Fault::new("V033", CHECKPOINT, text));
    }
    Check::new(NAME, format!("none of the {} entries of the period is missing", end - first), faults)
}

/// Whether the policy sets are those the rulings speak of.
pub(super) fn policies(entries: &[ReadEntry]) -> Check {
    let mut faults = Vec::new();
    let mut sets = std::collections::BTreeSet::new();
    for it in entries {
        let Some((digest, packs)) = it.installed() else { continue };
        if entry::policy_digest(&packs).to_string() == digest {
            sets.insert(digest);
        } else {
            let text =
                format!("the policy set of entry {} does not have the digest it was installed under", it.position);
            faults.push(Fault::new("V020", ENTRIES, text).at(it.position));
        }
    }
    let mut rulings = 0;
    let mut absent = BTreeMap::new();
    for it in entries {
        for ruling in it.rulings().into_iter().filter(|it| !it.policy_set.is_empty()) {
            rulings += 1;
            if !sets.contains(&ruling.policy_set) {
                absent.entry(ruling.policy_set).or_insert(it.position);
            }
        }
    }
    for (digest, position) in absent {
        let text = format!("entry {position} was decided under policy set {digest}, whose text is not in the pack");
        faults.push(Fault::new("V034", ENTRIES, text).at(position));
    }
    Check::new("policies", format!("{rulings} rulings name the {} policy sets whose text is here", sets.len()), faults)
}

/// Whether evidence is what the entries name.
pub(super) fn evidence(manifest: &Manifest, files: &Files<'_>, entries: &[ReadEntry]) -> Check {
    let named: std::collections::BTreeSet<Digest> = entries.iter().flat_map(ReadEntry::digests).collect();
    let (mut faults, mut count) = (Vec::new(), 0);
    for (path, bytes) in files.below(EVIDENCE) {
        count += 1;
        let digest = Digest::of(bytes);
        if path[EVIDENCE.len()..] != hex::encode(digest.0) {
            faults.push(Fault::new("V021", path, format!("`{path}` was changed: its bytes have digest {digest}")));
        } else if !named.contains(&digest) {
            faults.push(Fault::new("V021", path, format!("no entry of the pack names `{path}`")));
        }
    }
    for it in manifest.omitted.iter().filter(|it| !named.contains(&it.digest)) {
        faults.push(Fault::new("V021", MANIFEST, format!("no entry names {}, which it lists as left out", it.digest)));
    }
    let told = match manifest.omitted.len() {
        0 => format!("{count} pieces of evidence are what the entries name"),
        left => format!("{count} pieces of evidence are what the entries name; {left} are named and left out"),
    };
    Check::new("evidence", told, faults)
}

/// Whether what people read follows from what is proven.
pub(super) fn derived(manifest: &Manifest, files: &Files<'_>, entries: &[ReadEntry]) -> Check {
    let mut faults = Vec::new();
    let names = match files.get(NAMES).map(serde_json::from_slice::<Names>) {
        Some(Ok(names)) => Some(names),
        Some(Err(error)) => {
            faults.push(Fault::new("V022", NAMES, format!("it cannot be read: {error}")));
            None
        }
        None => None,
    };
    let evidence: Vec<(Digest, u64)> = files
        .below(EVIDENCE)
        .filter_map(|(path, bytes)| {
            let name = hex::decode(&path[EVIDENCE.len()..]).ok()?;
            Some((Digest::from_slice(&name)?, bytes.len() as u64))
        })
        .collect();
    let made = derive::files(&manifest.head(), entries, names.as_ref(), &evidence);
    for file in &made {
        match files.get(&file.path) {
            Some(bytes) if bytes == file.bytes => {}
            Some(_) => {
                let text = format!("`{}` is not what follows from the entries", file.path);
                faults.push(Fault::new("V022", &file.path, text));
            }
            None => faults.push(Fault::new("V022", &file.path, format!("`{}` is missing", file.path))),
        }
    }
    for (path, _) in files.below("policies/").filter(|(path, _)| made.iter().all(|it| it.path != *path)) {
        faults.push(Fault::new("V022", path, format!("no entry of the pack installed `{path}`")));
    }
    Check::new("index", format!("{} files for people follow from the entries", made.len()), faults)
}
