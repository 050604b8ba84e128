//! Rules for the rooms of the core: the order in which they are read is the order in which they import.

use super::{Fault, tree::Tree};
use std::collections::BTreeMap;

const LIB: &str = "crates/domain/src/lib.rs";
const COMPOSE: &str = "crates/domain/src/core/compose.rs";

/// `compose.rs` is a list of rooms: it holds no rule, so it holds no `if`.
pub fn composition(tree: &Tree) -> Vec<Fault> {
    let Some(source) = tree.source(COMPOSE) else { return vec![Fault::new(COMPOSE, 0, "is missing")] };
    let lines = super::tree::lines_with(&source.code, "if");
    lines
        .into_iter()
        .map(|line| Fault::new(COMPOSE, line, "`if`: composition holds no rule; move it into the room it is about"))
        .collect()
}

/// Rooms in reading order.
fn rooms(lib: &str) -> Vec<String> {
    lib.lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod "))
        .filter_map(|rest| rest.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Commands, events and states of a room are made of types of rooms above it; only its decisions may read all.
pub fn order(tree: &Tree) -> Vec<Fault> {
    let Some(lib) = tree.source(LIB) else { return vec![Fault::new(LIB, 0, "is missing")] };
    let rooms = rooms(&lib.code);
    let place: BTreeMap<&str, usize> = rooms.iter().enumerate().map(|(at, room)| (room.as_str(), at)).collect();
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| !source.test) {
        let Some(rest) = source.path.strip_prefix("crates/domain/src/") else { continue };
        let Some((room, file)) = rest.split_once('/') else { continue };
        // The core is the list of all rooms.
        if room == "core" || !matches!(file, "state.rs" | "event.rs" | "command.rs") {
            continue;
        }
        let Some(&own) = place.get(room) else {
            found.push(Fault::new(&source.path, 0, format!("`{room}` is not listed in {LIB}")));
            continue;
        };
        for (line, other) in mentioned(&source.code) {
            if place.get(other.as_str()).is_some_and(|at| *at > own) {
                let text = format!(
                    "`{room}` imports `{other}`, which comes after it: move the type up, or send the news as a command through `react`"
                );
                found.push(Fault::new(&source.path, line, text));
            }
        }
    }
    found
}

/// Modules named as `crate::<module>` or within `crate::{…}`, with their lines.
fn mentioned(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let line = |offset: usize| code[..at + "crate::".len() + offset].lines().count().max(1);
        let Some(list) = rest.strip_prefix('{') else {
            found.push((line(0), name(rest)));
            continue;
        };
        let (mut depth, mut fresh) = (0, true);
        for (offset, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && c.is_alphabetic() => {
                    found.push((line(offset + 1), name(&list[offset..])));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    found
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_may_not_be_made_of_rooms_below_it() {
        let lib = "//! x\npub mod core;\n\npub mod change;\npub mod release;\npub mod deployment;\n";
        let state = "//! x\nuse crate::{\n    change::{Class, Deep},\n    core::Map,\n    deployment::Unit,\n};\nfn a(_: crate::release::Spec, _: crate::deployment::Other) {}\n";
        let tree = Tree::made_of(&[
            (LIB, lib),
            ("crates/domain/src/release/state.rs", state),
            ("crates/domain/src/release/decide.rs", state),
            ("crates/domain/src/deployment/state.rs", state),
            ("crates/domain/src/core/world.rs", "//! x\nuse crate::deployment::State;\n"),
            ("crates/domain/src/attic/state.rs", "//! x\n"),
        ]);
        let found = order(&tree);
        assert_eq!(found.len(), 3, "{found:#?}");
        let places: Vec<(&str, usize)> = found.iter().map(|it| (it.path.as_str(), it.line)).collect();
        let release = "crates/domain/src/release/state.rs";
        assert_eq!(places, [(release, 5), (release, 7), ("crates/domain/src/attic/state.rs", 0)]);
    }

    #[test]
    fn composition_holds_no_if() {
        let good = "//! x if\nfn a() { match b { It::C => \"if\", It::D => d() } }\n";
        assert_eq!(composition(&Tree::made_of(&[(COMPOSE, good)])), []);
        let bad = "//! x\nfn a() { match b { It::C if c => 1, _ => 2 } }\n";
        assert_eq!(composition(&Tree::made_of(&[(COMPOSE, bad)])).len(), 1);
    }
}
