//! Rules for each Rust file by itself.

use super::{
    Fault,
    tree::{Source, Tree, lines_with},
};

/// Lines of a file that needs no argument.
const LINES: usize = 500;
/// Files that are longer, each with its limit and its reason.
const LONG_FILES: &str = include_str!("long-files.txt");
const LONG_FILES_PATH: &str = "crates/xtask/src/check/long-files.txt";

/// Each file says first what it is.
pub fn headings(tree: &Tree) -> Vec<Fault> {
    let bare = tree.sources.iter().filter(|source| !source.text.starts_with("//!"));
    bare.map(|source| {
        Fault::new(&source.path, 1, "begin with `//!`: what this is, its invariants, what is deliberately absent")
    })
    .collect()
}

/// A file past 500 lines argues for itself, and may not grow further.
pub fn length(tree: &Tree) -> Vec<Fault> {
    length_by(tree, LONG_FILES)
}

fn length_by(tree: &Tree, list: &str) -> Vec<Fault> {
    let mut found = Vec::new();
    let mut limits = std::collections::BTreeMap::new();
    for (number, line) in list.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next().and_then(|it| it.parse::<usize>().ok()), words.next()) {
            (Some(path), Some(limit), Some(reason)) if !reason.trim().is_empty() => {
                limits.insert(path, (limit, number + 1));
            }
            _ => found.push(Fault::new(LONG_FILES_PATH, number + 1, "write `<path> <lines> <reason>`")),
        }
    }
    for source in &tree.sources {
        let lines = source.text.lines().count();
        match limits.remove(source.path.as_str()) {
            None if lines > LINES => {
                let text =
                    format!("{lines} lines, and {LINES} are the most: part it, or argue for it in {LONG_FILES_PATH}");
                found.push(Fault::new(&source.path, 0, text));
            }
            Some((limit, _)) if lines > limit => {
                let text = format!("{lines} lines, and it was argued for {limit}: part it before it grows further");
                found.push(Fault::new(&source.path, 0, text));
            }
            Some((_, number)) if lines <= LINES => {
                found.push(Fault::new(
                    LONG_FILES_PATH,
                    number,
                    format!("`{}` has only {lines} lines now: remove this line", source.path),
                ));
            }
            None | Some(_) => {}
        }
    }
    found.extend(limits.into_iter().map(|(path, (_, number))| {
        Fault::new(LONG_FILES_PATH, number, format!("there is no file `{path}`: remove this line"))
    }));
    found
}

/// Words that promise work instead of doing it, or panic on what people send.
pub fn words(tree: &Tree) -> Vec<Fault> {
    const ANYWHERE: [(&str, &str); 4] = [
        ("todo!", "do it, or leave it out"),
        ("unimplemented!", "do it, or leave it out"),
        ("#[ignore", "a test that is not run is no test: mend or remove it"),
        ("dbg!", "remove it"),
    ];
    const SHIPPED: [(&str, &str); 1] = [(".unwrap()", "return an error, or `expect(\"why this cannot be\")`")];
    let mut found = Vec::new();
    for source in &tree.sources {
        let views = super::lexer::views(&source.text);
        report(source, &views.code, &ANYWHERE, &mut found);
        if source.ships() {
            report(source, &source.code, &SHIPPED, &mut found);
        }
        // Put together here, so that this file does not name it.
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            let lines = lines_with(&source.text, mark);
            found.extend(
                lines
                    .into_iter()
                    .map(|line| Fault::new(&source.path, line, format!("`{mark}`: do it, or write an issue"))),
            );
        }
    }
    found
}

fn report(source: &Source, view: &str, words: &[(&str, &str)], found: &mut Vec<Fault>) {
    for (word, advice) in words {
        found.extend(
            lines_with(view, word)
                .into_iter()
                .map(|line| Fault::new(&source.path, line, format!("`{word}`: {advice}"))),
        );
    }
}

/// What the pure crates may not read: time, chance, the environment, files, the network, other threads; nor wait.
pub fn purity(tree: &Tree) -> Vec<Fault> {
    const CLOCK: &str = "time is an argument: take it from the context";
    const CHANCE: &str = "chance is an argument: take ids from the context";
    const OUTSIDE: &str = "the core reads and writes nothing: let the shell do it and hand in the result";
    const LATER: &str = "the core never waits: return an obligation";
    const ORDER: &str = "its order differs from run to run: use BTreeMap or imbl::OrdMap";
    const BANNED: [(&str, &str); 28] = [
        ("std::time", CLOCK),
        ("SystemTime", CLOCK),
        ("Instant", CLOCK),
        ("Timestamp::now", CLOCK),
        ("Zoned::now", CLOCK),
        ("TimeZone::system", CLOCK),
        ("rand", CHANCE),
        ("getrandom", CHANCE),
        ("thread_rng", CHANCE),
        ("new_v4", CHANCE),
        ("now_v7", CHANCE),
        ("RandomState", CHANCE),
        ("std::env", OUTSIDE),
        ("std::fs", OUTSIDE),
        ("std::net", OUTSIDE),
        ("std::process", OUTSIDE),
        ("std::io", OUTSIDE),
        ("println!", OUTSIDE),
        ("eprintln!", OUTSIDE),
        ("std::thread", OUTSIDE),
        ("thread_local!", OUTSIDE),
        ("static mut", OUTSIDE),
        ("tokio", LATER),
        ("async fn", LATER),
        ("async move", LATER),
        (".await", LATER),
        ("HashMap", ORDER),
        ("HashSet", ORDER),
    ];
    // What is allowed all the same, with the reason.
    const EXCEPT: [(&str, &str); 2] = [
        // Verdicts are looked up and never listed, so no order can show.
        ("crates/policy/src/remember.rs", "HashMap"),
        // Cedar takes the parents of an entity as a HashSet. It is made for the call and never iterated.
        ("crates/policy/src/vocabulary.rs", "HashSet"),
    ];
    let mut found = Vec::new();
    for source in tree
        .sources
        .iter()
        .filter(|it| !it.test && it.path.contains("/src/") && matches!(it.krate(), "domain" | "stats" | "policy"))
    {
        let excepted = |word: &str| EXCEPT.contains(&(source.path.as_str(), word));
        let banned: Vec<(&str, &str)> = BANNED.into_iter().filter(|(word, _)| !excepted(word)).collect();
        report(source, &source.code, &banned, &mut found);
        // `use std::{env, fs};` names them without the path.
        for (line, text) in
            source.code.lines().enumerate().filter(|(_, text)| text.trim_start().starts_with("use std::{"))
        {
            let parts = text.split(['{', '}', ',', ' ', ';']);
            for part in parts.filter(|part| {
                ["time", "env", "fs", "net", "process", "thread"].iter().any(|it| part.split("::").next() == Some(it))
            }) {
                found.push(Fault::new(&source.path, line + 1, format!("`std::{part}`: {OUTSIDE}")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(faults: &[Fault]) -> Vec<String> {
        faults.iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_room_that_reads_the_clock_is_found_and_a_test_or_a_comment_that_does_is_not() {
        let tree = Tree::made_of(&[
            (
                "crates/domain/src/calendar/decide.rs",
                "//! x\nfn now() { jiff::Timestamp::now(); }\n// SystemTime\n#[cfg(test)]\nmod tests { use std::time::Instant; }\n",
            ),
            ("crates/domain/src/lib.rs", "//! x\n#[cfg(test)]\nmod given;\nuse std::{collections::BTreeMap, env};\n"),
            ("crates/domain/src/given.rs", "//! x\nuse std::fs;\n"),
            ("crates/stats/src/lib.rs", "//! x\nuse std::collections::HashMap; fn operand() {}\n"),
            ("crates/engine/src/lib.rs", "//! x\nuse std::time::Instant;\n"),
        ]);
        let found = texts(&purity(&tree));
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("crates/domain/src/calendar/decide.rs:2: `Timestamp::now`"));
        assert!(found[1].starts_with("crates/domain/src/lib.rs:4: `std::env`"));
        assert!(found[2].starts_with("crates/stats/src/lib.rs:2: `HashMap`"));
    }

    #[test]
    fn promises_are_found_anywhere_and_panics_where_it_ships() {
        let tree = Tree::made_of(&[
            (
                "crates/wire/src/lib.rs",
                "//! x\nfn a() { b().unwrap(); \"todo!\" }\n#[cfg(test)]\nmod tests { fn c() { d().unwrap(); todo!() } }\n",
            ),
            ("crates/wire/tests/it.rs", "//! x\n#[ignore]\nfn e() { f().unwrap() }\n"),
        ]);
        let found = texts(&words(&tree));
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(
            found[0].contains("lib.rs:4: `todo!`")
                && found[1].contains("lib.rs:2: `.unwrap()`")
                && found[2].contains("it.rs:2: `#[ignore`")
        );
    }

    #[test]
    fn a_long_file_needs_a_reason_and_a_reason_needs_a_long_file() {
        let long = format!("//! x\n{}", "\n".repeat(600));
        let tree = Tree::made_of(&[("crates/a/src/lib.rs", &long), ("crates/b/src/lib.rs", "//! x\n")]);
        assert_eq!(length_by(&tree, "").len(), 1);
        assert_eq!(length_by(&tree, "crates/a/src/lib.rs 601 one table\n"), []);
        assert_eq!(length_by(&tree, "crates/a/src/lib.rs 600 one table\n").len(), 1);
        let stale = length_by(
            &tree,
            "crates/a/src/lib.rs 601 one table\ncrates/b/src/lib.rs 600 was long\ncrates/c.rs 9 gone\ncrates/a/src/lib.rs\n",
        );
        assert_eq!(stale.iter().map(|it| it.line).collect::<Vec<_>>(), [4, 2, 3]);
    }

    #[test]
    fn a_file_without_heading_is_found() {
        let tree = Tree::made_of(&[("crates/a/src/lib.rs", "// x\n"), ("crates/a/src/b.rs", "//! x\n")]);
        assert_eq!(headings(&tree).len(), 1);
    }
}
