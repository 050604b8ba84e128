//! The files of the project, as the rules see them.

use super::lexer;
use crate::shell::{self, Run};
use anyhow::{Context, Result};
use std::{collections::BTreeSet, path::Path};

/// A source file in Rust.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    pub text: String,
    /// Without comments, texts and tests.
    pub code: String,
    /// Without comments and tests.
    pub texts: String,
    /// All of it is for tests only.
    pub test: bool,
}

impl Source {
    /// The crate's folder, such as `domain`.
    pub fn krate(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Part of what is shipped, rather than of tests, tools and examples.
    pub fn ships(&self) -> bool {
        !self.test && self.path.contains("/src/") && !matches!(self.krate(), "testkit" | "xtask")
    }
}

/// All files.
pub struct Tree {
    /// Every file that is tracked, or would be, relative to the workspace.
    pub paths: Vec<String>,
    pub sources: Vec<Source>,
}

impl Tree {
    /// Reads the workspace.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read() -> Result<Self> {
        let paths = match Run::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output() {
            Ok(listed) => listed.lines().map(str::to_owned).filter(|path| shell::root().join(path).is_file()).collect(),
            // An archive has no history and no list of its files.
            Err(_) => walk(shell::root())?,
        };
        Self::of(shell::root(), paths)
    }

    fn of(root: &Path, mut paths: Vec<String>) -> Result<Self> {
        paths.sort();
        paths.dedup();
        let rust = paths.iter().filter(|path| path.starts_with("crates/") && path.ends_with(".rs"));
        let sources = rust.map(|path| {
            let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("{path} cannot be read"))?;
            Ok((path.clone(), text))
        });
        Ok(Self { sources: Self::sources(sources.collect::<Result<_>>()?), paths })
    }

    fn sources(files: Vec<(String, String)>) -> Vec<Source> {
        let mut test_files = BTreeSet::new();
        let mut sources: Vec<Source> = files
            .into_iter()
            .map(|(path, text)| {
                let views = lexer::views(&text);
                let (code, modules) = lexer::without_tests(&views.code, &views.code);
                let (texts, _) = lexer::without_tests(&views.code, &views.texts);
                test_files.extend(modules.iter().flat_map(|module| children(&path, module)));
                let test = ["/tests/", "/benches/", "/examples/"].iter().any(|folder| path.contains(folder));
                Source { path, text, code, texts, test }
            })
            .collect();
        for source in &mut sources {
            source.test |= test_files.iter().any(|file: &String| {
                source.path == *file
                    || source.path.starts_with(file.trim_end_matches(".rs")) && file.ends_with("/mod.rs")
            });
        }
        sources
    }

    /// A tree made of texts, for tests of the rules.
    #[cfg(test)]
    pub fn made_of(files: &[(&str, &str)]) -> Self {
        let files: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        Self { paths, sources: Self::sources(files.into_iter().filter(|(path, _)| path.ends_with(".rs")).collect()) }
    }

    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }
}

/// Where the file of a module that `path` declares may be.
fn children(path: &str, module: &str) -> [String; 2] {
    let folder = match path
        .strip_suffix("/mod.rs")
        .or_else(|| path.strip_suffix("/lib.rs"))
        .or_else(|| path.strip_suffix("/main.rs"))
    {
        Some(folder) => folder,
        None => path.trim_end_matches(".rs"),
    };
    [format!("{folder}/{module}.rs"), format!("{folder}/{module}/mod.rs")]
}

fn walk(root: &Path) -> Result<Vec<String>> {
    let mut open = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match path.is_dir() {
                true if matches!(name.as_str(), "target" | "node_modules" | "dist" | ".git" | ".demo") => {}
                true => open.push(path),
                false => found.extend(path.strip_prefix(root).ok().map(|it| it.to_string_lossy().into_owned())),
            }
        }
    }
    Ok(found)
}

/// Places of a word in a view, as line numbers; a word's edges are where other characters than those of names begin.
pub fn lines_with(view: &str, word: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut lines = Vec::new();
    for (number, line) in view.lines().enumerate() {
        let mut from = 0;
        while let Some(at) = line[from..].find(word).map(|at| from + at) {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            let opens = !word.starts_with(is_word) || !before.is_some_and(is_word);
            let closes = !word.ends_with(is_word) || !after.is_some_and(is_word);
            if opens && closes {
                lines.push(number + 1);
                break;
            }
            from = at + word.len();
        }
    }
    lines
}
