//! Every code a person can meet has a page `docs/errors/<code>.md`.
//!
//! Invariant: codes are read from the sources where they are made, never from a list that somebody has to keep.

use super::{
    Fault,
    tree::{Source, Tree},
};
use crate::shell;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

const PAGES: &str = "docs/errors";

/// Calls whose first argument is a code, and those that have it as their second.
const FIRST: [&str; 7] = [
    "Blocker::new(",
    "Refusal::invalid(",
    "problem(",
    "Failure::invalid(",
    "Failure::denied(",
    "Self::denied(",
    "with_blocker(",
];
const SECOND: [&str; 2] = ["Failure::new(", "Self::new("];

/// Codes in use, each with where it is first made.
fn codes(tree: &Tree) -> BTreeMap<String, (String, usize)> {
    let mut found = BTreeMap::new();
    for source in tree.sources.iter().filter(|source| source.ships()) {
        for (code, line) in of_calls(source).into_iter().chain(numbered(source)).chain(of_policies(source)) {
            found.entry(code).or_insert_with(|| (source.path.clone(), line));
        }
    }
    for path in tree.paths.iter().filter(|path| path.starts_with("policies/") && path.ends_with(".cedar")) {
        let text = std::fs::read_to_string(shell::root().join(path)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            // A policy that permits stands in nobody's way.
            let id = line.trim().strip_prefix("@id(\"").and_then(|rest| rest.split('"').next());
            if let Some(id) = id.filter(|_| forbids(&text, number)) {
                found.entry(id.to_owned()).or_insert_with(|| (path.clone(), number + 1));
            }
        }
    }
    found
}

/// Whether the policy whose annotation is at that line forbids.
fn forbids(text: &str, annotation: usize) -> bool {
    let head = text
        .lines()
        .skip(annotation)
        .map(str::trim)
        .find(|line| line.starts_with("permit") || line.starts_with("forbid"));
    head.is_some_and(|line| line.starts_with("forbid"))
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
}

/// Texts that are given as codes to the calls that take one.
fn of_calls(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut add = |from: usize, skip: usize| {
        let rest = &source.texts[from..];
        let argument = if skip == 0 { Some(rest) } else { rest.split_once(',').map(|(_, rest)| rest) };
        let literal = argument
            .map(str::trim_start)
            .and_then(|rest| rest.strip_prefix('"'))
            .and_then(|rest| rest.split('"').next());
        if let Some(code) = literal.filter(|it| is_code(it)) {
            found.push((code.to_owned(), source.texts[..from].lines().count()));
        }
    };
    for (calls, skip) in [(FIRST.as_slice(), 0), (SECOND.as_slice(), 1)] {
        for call in calls {
            source.texts.match_indices(call).for_each(|(at, _)| add(at + call.len(), skip));
        }
    }
    found
}

/// Reasons that no policy gives: constants of the module `codes`.
fn of_policies(source: &Source) -> Vec<(String, usize)> {
    let Some(module) = source.texts.find("pub mod codes {").filter(|_| source.krate() == "policy") else {
        return Vec::new();
    };
    let before = source.texts[..module].lines().count();
    let constants =
        source.texts[module..].lines().enumerate().filter(|(_, line)| line.trim().starts_with("pub const "));
    let codes = constants.filter_map(|(number, line)| Some((line.split('"').nth(1)?.to_owned(), before + 1 + number)));
    codes.collect()
}

/// Codes of a letter and three digits: the ledger's, the runner's, those of faults in policies.
fn numbered(source: &Source) -> Vec<(String, usize)> {
    if !matches!(source.krate(), "ledger" | "runner" | "policy" | "verify") {
        return Vec::new();
    }
    let texts = source
        .texts
        .lines()
        .enumerate()
        .flat_map(|(number, line)| line.split('"').skip(1).step_by(2).map(move |text| (text, number + 1)));
    let fits = |text: &str| {
        text.len() == 4 && text.starts_with(['L', 'R', 'P', 'V']) && text[1..].bytes().all(|b| b.is_ascii_digit())
    };
    texts.filter(|(text, _)| fits(text)).map(|(text, line)| (text.to_owned(), line)).collect()
}

fn pages(tree: &Tree) -> BTreeSet<String> {
    let names = tree.paths.iter().filter_map(|path| path.strip_prefix(PAGES)?.strip_prefix('/')?.strip_suffix(".md"));
    names.map(str::to_owned).collect()
}

/// Codes without a page, and pages of codes that are no longer made.
pub fn check(tree: &Tree) -> Vec<Fault> {
    let (codes, pages) = (codes(tree), pages(tree));
    let missing = codes.iter().filter(|(code, _)| !pages.contains(*code));
    let missing = missing.map(|(code, (path, line))| {
        Fault::new(path, *line, format!("error code `{code}` has no page {PAGES}/{code}.md"))
    });
    // Codes that are chosen by a `match` are not seen as such; a text of that name in the code stands for them.
    let mentioned = |page: &str| tree.sources.iter().any(|source| source.texts.contains(&format!("\"{page}\"")));
    let unread = pages.iter().filter(|page| !codes.contains_key(*page) && *page != "README" && !mentioned(page));
    let unread = unread.map(|page| {
        Fault::new(format!("{PAGES}/{page}.md"), 0, "nothing gives this code; remove the page, or keep the code stable")
    });
    missing.chain(unread).collect()
}

/// Prints the codes that have no page, one a line; whether there are none.
pub fn list_missing() -> Result<bool> {
    let tree = Tree::read()?;
    let pages = pages(&tree);
    let missing: Vec<String> = codes(&tree).into_keys().filter(|code| !pages.contains(code)).collect();
    missing.iter().for_each(|code| println!("{code}"));
    Ok(missing.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_are_made() {
        let tree = Tree::made_of(&[
            (
                "crates/domain/src/a.rs",
                "//! x\nfn a() { Blocker::new(\n    \"not-found\", m, c, w); problem(\"name-taken\", format!(\"x\"), \"y\"); Refusal::new(Kind::Denied, \"free text\") }\n// Blocker::new(\"comment\"\n",
            ),
            (
                "crates/ledger/src/error.rs",
                "//! x\nfn code() { match it { A => \"L001\", B => \"other\" } }\n#[cfg(test)]\nmod tests { fn b() { assert_eq!(c, \"L999\") } }\n",
            ),
            ("crates/server/src/p.rs", "//! x\nfn a() { Failure::new(StatusCode::OK, \"unavailable\", d) }\n"),
            (
                "crates/policy/src/verdict.rs",
                "//! x\npub mod codes {\n    pub const NO: &str = \"no-permission\";\n}\n",
            ),
            ("docs/errors/not-found.md", ""),
            ("docs/errors/gone.md", ""),
        ]);
        assert_eq!(
            codes(&tree).into_keys().collect::<Vec<_>>(),
            ["L001", "name-taken", "no-permission", "not-found", "unavailable"]
        );
        let found: Vec<String> = check(&tree).iter().map(Fault::to_string).collect();
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(
            found[0].starts_with("crates/ledger/src/error.rs:2:")
                && found[2].starts_with("crates/policy/src/verdict.rs:3:")
                && found[4].starts_with("docs/errors/gone.md:")
        );
    }

    #[test]
    fn a_policy_that_permits_needs_no_page() {
        let text = "@id(\"base.may\")\npermit (principal, action, resource);\n@id(\"base.must-not\")\n@message(\"x\")\nforbid (principal, action, resource);\n";
        assert!(!forbids(text, 0) && forbids(text, 2));
    }
}
