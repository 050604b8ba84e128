//! Golden files of events and of histories are only ever added to: what is stored once must be readable for ever.
//!
//! Invariants: every kind of event in the core has a file; `SHA256SUMS` lists every file with its digest; no line of it and no
//! file is changed or removed, which is compared with the state the branch came off from where there is history.
//! Deliberately absent: reading the files. The test kit's tests decode each and write it again to the same bytes.

use super::{Fault, tree::Tree};
use crate::shell::{self, Run};
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

const FOLDER: &str = "golden/events";
/// Complete ledgers as former versions wrote them, with what each comes to.
const HISTORIES: &str = "golden/histories";
const SUMS: &str = "SHA256SUMS";

pub fn check(tree: &Tree) -> Result<Vec<Fault>> {
    let mut found = Vec::new();
    for (folder, kinds) in [(FOLDER, kinds(tree)), (HISTORIES, BTreeSet::new())] {
        let mut files = BTreeMap::new();
        let golden = |path: &str| path.ends_with(".json") || path.ends_with(".jsonl");
        for path in tree.paths.iter().filter(|path| path.starts_with(&format!("{folder}/")) && golden(path)) {
            let bytes = std::fs::read(shell::root().join(path))?;
            files.insert(path[folder.len() + 1..].to_owned(), hex::encode(Sha256::digest(bytes)));
        }
        let sums = std::fs::read_to_string(shell::root().join(folder).join(SUMS)).unwrap_or_default();
        found.extend(judge_in(folder, &kinds, &files, &sums));
        found.extend(history(folder, &sums));
    }
    Ok(found)
}

/// Kinds of events, as the core names them for serde.
fn kinds(tree: &Tree) -> BTreeSet<String> {
    let events =
        tree.sources.iter().filter(|it| it.path.starts_with("crates/domain/src/") && it.path.ends_with("/event.rs"));
    let names =
        events.flat_map(|it| it.texts.split("#[serde(rename = \"").skip(1)).filter_map(|rest| rest.split('"').next());
    names.filter(|name| name.contains('.')).map(str::to_owned).collect()
}

fn parse(sums: &str) -> BTreeMap<String, String> {
    sums.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
}

fn judge_in(folder: &str, kinds: &BTreeSet<String>, files: &BTreeMap<String, String>, sums: &str) -> Vec<Fault> {
    let listed = parse(sums);
    let mut found = Vec::new();
    for kind in kinds.iter().filter(|kind| !files.keys().any(|file| file.starts_with(&format!("{kind}.v")))) {
        found.push(Fault::new(folder, 0, format!("event `{kind}` has no golden file: `cargo xtask golden` writes it")));
    }
    for (name, sum) in &listed {
        let path = format!("{folder}/{name}");
        match files.get(name) {
            None => found.push(Fault::new(path, 0, "was removed: put it back; ledgers hold such events")),
            Some(now) if now != sum => {
                found.push(Fault::new(
                    path,
                    0,
                    "was changed: put it back; a changed meaning is a new version with a file of its own",
                ));
            }
            Some(_) => {}
        }
    }
    for name in files.keys().filter(|name| !listed.contains_key(*name)) {
        found.push(Fault::new(
            format!("{folder}/{name}"),
            0,
            format!("is not listed in {folder}/{SUMS}: `cargo xtask golden` lists new files"),
        ));
    }
    found
}

/// Lines that the state this branch came off from has and the list lacks now. Nothing where there is no such state to be seen.
fn history(folder: &str, sums: &str) -> Vec<Fault> {
    let now: BTreeSet<&str> = sums.lines().collect();
    let git = |words: &[&str]| Run::new("git").args(words).output().ok();
    let bases = ["origin/main", "origin/master", "main", "master"].into_iter();
    let base = bases.filter_map(|branch| git(&["merge-base", "HEAD", branch])).next();
    let states = base.into_iter().map(|it| it.trim().to_owned()).chain(["HEAD".to_owned()]);
    let mut lost = BTreeSet::new();
    for state in states {
        let before = git(&["show", &format!("{state}:{folder}/{SUMS}")]).unwrap_or_default();
        lost.extend(
            before
                .lines()
                .filter(|line| !now.contains(line))
                .map(|line| format!("`{line}` of {state} is gone: put it back")),
        );
    }
    lost.into_iter().map(|text| Fault::new(format!("{folder}/{SUMS}"), 0, text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(kinds: &BTreeSet<String>, files: &BTreeMap<String, String>, sums: &str) -> Vec<Fault> {
        judge_in(FOLDER, kinds, files, sums)
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|it| (*it).into()).collect()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, sum)| ((*name).into(), (*sum).into())).collect()
    }

    #[test]
    fn a_changed_a_removed_a_missing_and_an_unlisted_file_are_found() {
        let sums = "aa  release.planned.v1.json\nbb  release.closed.v1.json\n";
        let kinds = set(&["release.planned", "release.closed"]);
        assert_eq!(
            judge(&kinds, &map(&[("release.planned.v1.json", "aa"), ("release.closed.v1.json", "bb")]), sums),
            []
        );
        let changed = judge(&kinds, &map(&[("release.planned.v1.json", "ax"), ("release.closed.v1.json", "bb")]), sums);
        assert!(changed.len() == 1 && changed[0].text.contains("changed"), "{changed:?}");
        let removed = judge(&kinds, &map(&[("release.planned.v1.json", "aa")]), sums);
        assert!(
            removed.iter().any(|it| it.text.contains("removed"))
                && removed.iter().any(|it| it.text.contains("no golden file"))
        );
        let unlisted = judge(
            &kinds,
            &map(&[("release.planned.v1.json", "aa"), ("release.closed.v1.json", "bb"), ("x.y.v1.json", "cc")]),
            sums,
        );
        assert!(unlisted.len() == 1 && unlisted[0].text.contains("not listed"));
    }

    #[test]
    fn kinds_are_read_from_the_events_of_the_rooms() {
        let event = "//! x\nenum Event {\n    #[serde(rename = \"release.planned\")]\n    Planned,\n    // #[serde(rename = \"release.none\")]\n}\n";
        let tree = Tree::made_of(&[
            ("crates/domain/src/release/event.rs", event),
            ("crates/wire/src/event.rs", "//! x\n#[serde(rename = \"a.b\")]"),
        ]);
        assert_eq!(kinds(&tree), set(&["release.planned"]));
    }
}
