//! The shop's Git repository, made on the spot from the embedded history.
//!
//! Invariant: for one base time the same commit ids on every machine, whatever Git's configuration there. One `git fast-import` stream holds
//! everything; no hook, template, signature setting or line-ending conversion can touch it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{DemoError, OnPath, Result};
use crate::sources::{self, Author};

/// Branch the history is on.
pub const BRANCH: &str = "main";

/// A `git` command that no configuration of the machine or the user influences.
pub(crate) fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(directory)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"))
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// Runs `command`, feeding it `input`; gives its output.
///
/// # Errors
/// When the program is missing, cannot be fed, or reports failure.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let shown = format!("{command:?}");
    let missing = |source| DemoError::MissingProgram { program: "git".to_owned(), hint: "Git 2.28 or newer", source };
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(missing)?;
    // A program that refuses its input closes the pipe; its own message says why, so that is what is reported.
    if let Some(mut pipe) = child.stdin.take() {
        let _closed_early = pipe.write_all(input);
    }
    let output = child.wait_with_output().map_err(missing)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(DemoError::Command {
        command: shown,
        status: output.status.to_string(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn person(author: Author, at: i64) -> String {
    format!("{} <{}> {at} +0000", author.name, author.email)
}

/// The history as a stream for `git fast-import`.
fn stream(base: jiff::Timestamp) -> Vec<u8> {
    let mut text = String::new();
    for (index, commit) in sources::history().iter().enumerate() {
        let at = base.as_second() - 60 * commit.before_min;
        let message = format!("{}\n", commit.message);
        text.push_str(&format!("commit refs/heads/{BRANCH}\nmark :{}\n", index + 1));
        text.push_str(&format!("author {}\n", person(commit.author, at)));
        text.push_str(&format!("committer {}\n", person(commit.committer, at)));
        text.push_str(&format!("data {}\n{message}\n", message.len()));
        if index > 0 {
            text.push_str(&format!("from :{index}\n"));
        }
        for (path, content) in &commit.files {
            text.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()));
        }
        text.push('\n');
        if let Some(tag) = commit.tag {
            let message = format!("{}\n", commit.message.lines().next().unwrap_or(tag));
            text.push_str(&format!("tag {tag}\nfrom :{}\n", index + 1));
            text.push_str(&format!("tagger {}\n", person(commit.committer, at)));
            text.push_str(&format!("data {}\n{message}\n", message.len()));
        }
    }
    text.into_bytes()
}

/// Makes the repository at `directory` with a checked-out working tree, unless it is there already.
/// Gives the commit id of each version. `base`: when the story begins; commits lie before it.
///
/// # Errors
/// When Git is missing or fails, or `directory` cannot be written.
pub fn create(directory: &Path, base: jiff::Timestamp) -> Result<BTreeMap<String, String>> {
    if !directory.join(".git").is_dir() {
        // Made beside its place and moved there whole: a start that was cut short leaves nothing that looks finished.
        let making = directory.with_extension("making");
        if making.exists() {
            fs::remove_dir_all(&making).on("remove", &making)?;
        }
        fs::create_dir_all(&making).on("make directory", &making)?;
        let branch = format!("--initial-branch={BRANCH}");
        run(git(&making).args(["init", "--quiet", "--template=", "--object-format=sha1", &branch]), &[])?;
        run(git(&making).args(["fast-import", "--quiet", "--date-format=raw"]), &stream(base))?;
        run(git(&making).args(["reset", "--quiet", "--hard", BRANCH]), &[])?;
        fs::rename(&making, directory).on("rename to", directory)?;
    }
    sources::VERSIONS
        .iter()
        .map(|version| {
            let revision = format!("refs/tags/v{version}^{{commit}}");
            let id = run(git(directory).args(["rev-parse", "--verify", "--quiet", &revision]), &[])?;
            Ok(((*version).to_owned(), String::from_utf8_lossy(&id).trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: jiff::Timestamp = jiff::Timestamp::constant(1_795_000_000, 0);

    fn text(directory: &Path, arguments: &[&str]) -> String {
        String::from_utf8(run(git(directory).args(arguments), &[]).unwrap()).unwrap()
    }

    #[test]
    fn the_same_commit_ids_every_time() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = create(&one.path().join("shop"), BASE).unwrap();
        let second = create(&two.path().join("shop"), BASE).unwrap();
        assert_eq!(first, second);
        assert_eq!(create(&one.path().join("shop"), BASE).unwrap(), first, "a second start changes nothing");
        assert_eq!(first.len(), sources::VERSIONS.len());
        let newest = text(&one.path().join("shop"), &["log", "-1", "--format=%at"]);
        assert_eq!(newest.trim(), (BASE.as_second() - 86_400).to_string(), "the newest commit is a day old");
    }

    #[test]
    fn authors_and_co_authors_of_a_range_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let shop = directory.path().join("shop");
        create(&shop, BASE).unwrap();
        let format = "--format=%an|%(trailers:key=Co-authored-by,valueonly,separator=%x2C)";
        let range = text(&shop, &["log", format, "v1.0.0..v1.1.0"]);
        assert!(range.lines().all(|line| line.starts_with("Dana Novak|")), "{range}");
        assert!(range.contains("|Erik Lindqvist <erik@shop.example>"), "{range}");
        let range = text(&shop, &["log", "--format=%an", "v1.1.0..v1.2.0"]);
        assert!(range.lines().all(|line| line == "Erik Lindqvist"), "{range}");
        assert_eq!(text(&shop, &["rev-list", "--count", BRANCH]).trim(), sources::history().len().to_string());
        assert_eq!(text(&shop, &["status", "--porcelain"]), "");
        assert!(text(&shop, &["fsck", "--strict"]).is_empty());
    }
}
