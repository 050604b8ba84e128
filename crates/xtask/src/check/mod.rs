//! `cargo xtask check`: what a change has to pass besides its tests.
//!
//! Invariants: every part runs and reports all it found, whatever the others said; what a part found is told with file, line and
//! what to do about it. Parts that need a tool which is not installed say so and are left out; the house's own rules never are.
//! Deliberately absent: an exception mark inside the sources. Exceptions are lists beside the rules, each with its reason.

mod crates;
mod docs;
pub mod errors;
mod golden;
mod lexer;
mod registry;
mod rooms;
mod rust;
mod tools;
mod tree;

use anyhow::{Result, bail};
use std::{fmt, time::Instant};
use tree::Tree;

/// Something that has to be put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Relative to the workspace.
    path: String,
    /// 1-based; 0: the file as a whole.
    line: usize,
    /// What is the matter, and what to do.
    text: String,
}

impl Fault {
    fn new(path: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.into(), line, text: text.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.text),
            line => write!(f, "{}:{line}: {}", self.path, self.text),
        }
    }
}

/// What became of a part.
enum Outcome {
    Found(Vec<Fault>),
    /// A tool said it before everybody's eyes.
    Said(bool),
    Skipped(String),
}

type Part = (&'static str, fn(&Tree) -> Result<Outcome>);

fn found(faults: Vec<Fault>) -> Result<Outcome> {
    Ok(Outcome::Found(faults))
}

const PARTS: &[Part] = &[
    ("headings", |tree| found(rust::headings(tree))),
    ("length", |tree| found(rust::length(tree))),
    ("words", |tree| found(rust::words(tree))),
    ("purity", |tree| found(rust::purity(tree))),
    ("composition", |tree| found(rooms::composition(tree))),
    ("rooms", |tree| found(rooms::order(tree))),
    ("crates", |_| found(crates::imports()?)),
    ("no-network", |_| found(crates::no_network()?)),
    ("registries", |tree| found(registry::hosts(tree))),
    ("golden", |tree| found(golden::check(tree)?)),
    ("capabilities", |tree| found(docs::capabilities(tree))),
    ("changelog", |tree| found(docs::changelog(tree))),
    ("error-pages", |tree| found(errors::check(tree))),
    ("format", |_| tools::format()),
    ("clippy", |_| tools::clippy()),
    ("rustdoc", |_| tools::rustdoc()),
    ("dependencies", |_| tools::deny()),
    ("unused-dependencies", |_| tools::machete()),
    ("page-advisories", |_| tools::audit()),
];

/// Runs all parts, or those named; whether nothing was found.
pub fn run(wanted: &[&str]) -> Result<bool> {
    if wanted == ["--list"] {
        PARTS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(true);
    }
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != *name)) {
        bail!("there is no part `{unknown}`; `cargo xtask check --list` names them");
    }
    let tree = Tree::read()?;
    let (mut failed, mut skipped) = (Vec::new(), 0);
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        let begun = Instant::now();
        let outcome =
            part(&tree).unwrap_or_else(|error| Outcome::Found(vec![Fault::new(*name, 0, format!("{error:#}"))]));
        let seconds = begun.elapsed().as_secs();
        let good = match &outcome {
            Outcome::Found(faults) => {
                faults.iter().for_each(|fault| println!("{fault}"));
                faults.is_empty()
            }
            Outcome::Said(good) => *good,
            Outcome::Skipped(reason) => {
                println!("skipped  {name}: {reason}");
                skipped += 1;
                continue;
            }
        };
        println!("{}  {name} ({seconds} s)", if good { "ok     " } else { "FAILED " });
        if !good {
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        println!("{} parts failed: {}; each alone: `cargo xtask check <part>`", failed.len(), failed.join(", "));
    } else if skipped > 0 {
        println!("nothing found; {skipped} parts were skipped");
    } else {
        println!("nothing found");
    }
    Ok(failed.is_empty())
}
