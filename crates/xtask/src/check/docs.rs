//! What the documentation owes: an honest table of capabilities, a changelog with room for the next change.

use super::{Fault, tree::Tree};
use crate::shell;
use std::collections::BTreeSet;

const TABLE: &str = "docs/capabilities.md";
const CHANGELOG: &str = "CHANGELOG.md";
/// Each letter's rows are numbered from 1 to this.
/// `A` is what is ours alone: how Interlock itself is kept running.
const ROWS: [(&str, usize); 10] =
    [("S", 6), ("E", 6), ("D", 6), ("G", 6), ("V", 6), ("O", 6), ("R", 6), ("L", 6), ("B", 10), ("A", 4)];

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(shell::root().join(path)).ok()
}

pub fn capabilities(tree: &Tree) -> Vec<Fault> {
    match read(TABLE) {
        None => vec![Fault::new(
            TABLE,
            0,
            "is missing: one row `| S1 | name | works / partly / not yet | how to try it | test |` per capability",
        )],
        Some(text) => judge(&text, &|name| exists(tree, name)),
    }
}

/// Whether a test of that name exists: a file of the tree, a Rust function, or the title of a test in TypeScript.
fn exists(tree: &Tree, name: &str) -> bool {
    let (path, function) = match name.split_once("::") {
        Some((path, function)) if path.contains('/') => (Some(path), Some(function)),
        None if name.contains('/') => (Some(name), None),
        _ => (None, Some(name.rsplit("::").next().unwrap_or(name))),
    };
    let in_path = |candidate: &str| {
        path.is_none_or(|path| candidate == path || candidate.starts_with(&format!("{}/", path.trim_end_matches('/'))))
    };
    let Some(function) = function else { return tree.paths.iter().any(|it| in_path(it)) };
    let declared = format!("fn {function}(");
    tree.sources.iter().any(|source| in_path(&source.path) && source.text.contains(&declared))
        || path.is_some_and(|path| read(path).is_some_and(|text| text.contains(function)))
}

fn judge(table: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Fault> {
    let mut missing: BTreeSet<String> =
        ROWS.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}"))).collect();
    let mut found = Vec::new();
    for (number, line) in table
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.trim()))
        .filter(|(_, line)| line.starts_with('|'))
    {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let id = cells.first().copied().unwrap_or_default();
        if !id.starts_with(|c: char| c.is_ascii_uppercase())
            || !id[1..].chars().all(|c| c.is_ascii_digit())
            || id.len() < 2
        {
            continue;
        }
        if !missing.remove(id) {
            found.push(Fault::new(TABLE, number, format!("`{id}` is no capability, or is listed twice")));
        }
        let [_, name, state, how, test] = cells.as_slice() else {
            found.push(Fault::new(
                TABLE,
                number,
                format!("`{id}` has {} cells: write `| {id} | name | state | how to try it | test |`", cells.len()),
            ));
            continue;
        };
        if name.is_empty() {
            found.push(Fault::new(TABLE, number, format!("`{id}` has no name")));
        }
        match *state {
            "works" => {
                if how.is_empty() {
                    found.push(Fault::new(TABLE, number, format!("`{id}` works, but nothing says how to try it")));
                }
                let tests: Vec<&str> =
                    test.split([',', ' ']).map(|it| it.trim().trim_matches('`')).filter(|it| !it.is_empty()).collect();
                if tests.is_empty() {
                    found.push(Fault::new(
                        TABLE,
                        number,
                        format!("`{id}` is said to work without a test: name one, or call it `partly`"),
                    ));
                }
                for test in tests.into_iter().filter(|test| !exists(test)) {
                    found.push(Fault::new(
                        TABLE,
                        number,
                        format!("`{id}` names the test `{test}`, which does not exist"),
                    ));
                }
            }
            "partly" | "not yet" => {}
            other => {
                found.push(Fault::new(TABLE, number, format!("`{id}` is `{other}`: write works, partly or not yet")))
            }
        }
    }
    found.extend(missing.into_iter().map(|id| Fault::new(TABLE, 0, format!("there is no row for `{id}`"))));
    found
}

pub fn changelog(_: &Tree) -> Vec<Fault> {
    let heading = |text: &str| {
        text.lines().any(|line| {
            line.trim_start_matches(['#', ' ', '[']).to_lowercase().starts_with("unreleased") && line.starts_with("##")
        })
    };
    match read(CHANGELOG) {
        Some(text) if heading(&text) => Vec::new(),
        Some(_) => vec![Fault::new(CHANGELOG, 0, "has no section `## Unreleased`")],
        None => vec![Fault::new(CHANGELOG, 0, "is missing")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(first: &str) -> String {
        let rows = ROWS.iter().flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")));
        let rows = rows.filter(|id| id != "S1").map(|id| format!("| {id} | name | not yet | | |\n"));
        format!("| id | name | state | how | test |\n|---|---|---|---|---|\n{first}\n{}", rows.collect::<String>())
    }

    #[test]
    fn a_row_that_works_names_a_test_that_exists() {
        let known = |name: &str| name == "plans_into_a_freeze";
        let says = |row: &str| judge(&whole(row), &known).iter().map(|it| it.text.clone()).collect::<Vec<_>>();
        assert_eq!(says("| S1 | Scope | works | `interlock apply` | `plans_into_a_freeze` |"), [] as [&str; 0]);
        assert_eq!(says("| S1 | Scope | partly | | |"), [] as [&str; 0]);
        assert!(says("| S1 | Scope | works | `interlock apply` | `nothing` |")[0].contains("does not exist"));
        assert!(says("| S1 | Scope | works | `interlock apply` | |")[0].contains("without a test"));
        assert!(says("| S1 | Scope | works | | `plans_into_a_freeze` |")[0].contains("how to try"));
        assert!(says("| S1 | Scope | done | | |")[0].contains("works, partly or not yet"));
        assert!(says("")[0].contains("no row for `S1`"));
        assert!(says("| S1 | a | not yet | | |\n| S2 | a | not yet | | |")[0].contains("twice"));
    }

    #[test]
    fn a_test_is_a_function_or_a_file_or_a_function_in_a_file() {
        let tree =
            Tree::made_of(&[("crates/a/tests/it/main.rs", "//! x\nfn ships_twice() {}\n"), ("tests/browser/run", "")]);
        for good in [
            "ships_twice",
            "it::ships_twice",
            "crates/a/tests/it/main.rs",
            "crates/a/tests::ships_twice",
            "tests/browser",
        ] {
            assert!(exists(&tree, good), "{good}");
        }
        for bad in ["ships", "crates/b/tests/it.rs", "crates/b::ships_twice", "tests/other"] {
            assert!(!exists(&tree, bad), "{bad}");
        }
    }
}
