//! Running programs: where the project is, which tools there are, what they said.

use anyhow::{Context, Result};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The folder of the workspace.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().and_then(Path::parent).expect("the crate lies two folders below the workspace")
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |it| root().join(it))
}

/// Whether a program is found on PATH.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether we may install packages of the system.
pub fn is_root() -> bool {
    Run::new("id").arg("-u").output().is_ok_and(|it| it.trim() == "0")
}

/// A program to be run in the workspace's folder.
pub struct Run(Command);

impl Run {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root());
        Self(command)
    }

    pub fn cargo<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(words)
    }

    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.0.arg(word);
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.0.args(words);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    fn name(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it before everybody's eyes; whether it succeeded.
    pub fn status(mut self) -> Result<bool> {
        let name = self.name();
        Ok(self.0.status().with_context(|| format!("`{name}` could not be started"))?.success())
    }

    /// Runs it quietly; what it printed to standard output.
    ///
    /// # Errors
    /// It could not be started, or failed: the error holds what it said.
    pub fn output(mut self) -> Result<String> {
        let name = self.name();
        let output = self.0.stdin(Stdio::null()).output().with_context(|| format!("`{name}` could not be started"))?;
        if !output.status.success() {
            anyhow::bail!("`{name}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it before everybody's eyes and keeps what it printed, both streams together.
    pub fn tee(mut self) -> Result<(bool, String)> {
        use std::io::{BufRead, BufReader};
        let name = self.name();
        let (reader, writer) = std::io::pipe()?;
        self.0.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let mut child = self.0.spawn().with_context(|| format!("`{name}` could not be started"))?;
        // The command holds the pipe's writing end; as long as it lives, reading never ends.
        drop(self);
        let mut said = String::new();
        let mut lines = BufReader::new(reader);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            said.push_str(&text);
            line.clear();
        }
        Ok((child.wait()?.success(), said))
    }
}
