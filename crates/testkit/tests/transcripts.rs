//! Days in the life of a release: every transcript, played anew, says what it said. `UPDATE_GOLDEN=1` writes them anew instead.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]

use interlock_testkit::{golden, story};
use std::fs;

fn check(name: &str) {
    let path = golden::folder().join("transcripts").join(format!("{name}.txt"));
    let stored = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let played = story::play(&stored).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return fs::write(&path, played).unwrap();
    }
    if let Some((number, (was, is))) = stored.lines().zip(played.lines()).enumerate().find(|(_, (was, is))| was != is) {
        panic!("{}:{}\n  was: {was}\n  is:  {is}\nif it is meant so: UPDATE_GOLDEN=1", path.display(), number + 1);
    }
    assert_eq!(stored, played, "{}: one ends before the other; if it is meant so: UPDATE_GOLDEN=1", path.display());
}

#[test]
fn a_release_is_planned_into_a_freeze() {
    check("planned-into-a-freeze");
}

#[test]
fn an_author_cannot_approve() {
    check("author-cannot-approve");
}

#[test]
fn a_release_ships_in_waves() {
    check("ships-in-waves");
}

#[test]
fn a_flawed_release_is_taken_back() {
    check("flawed-and-taken-back");
}

#[test]
fn a_lockdown_holds_what_runs() {
    check("lockdown-holds-what-runs");
}

#[test]
fn a_crash_changes_nothing() {
    check("crash-in-the-middle");
}

#[test]
fn no_transcript_is_left_out() {
    let source = include_str!("transcripts.rs");
    for entry in fs::read_dir(golden::folder().join("transcripts")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(source.contains(&format!("check(\"{name}\")")), "no test plays {name}");
    }
}
