//! What tests need of the machine: found, or else installed where that can be done; made once and only if asked for.
//!
//! Invariant: the error of each is a sentence for the report, saying what to install.

use crate::shell::{self, Run};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

type Found = Result<String, String>;

/// What has been looked for already.
#[derive(Default)]
pub struct Machine {
    python: Option<Found>,
    chromium: Option<Found>,
    binary: Option<Found>,
    postgres: Option<Found>,
}

impl Machine {
    /// The Python of a virtual environment that has every `requirements.txt` of the tests.
    pub fn python(&mut self) -> Found {
        self.python.get_or_insert_with(python).clone()
    }

    /// A Chromium.
    pub fn chromium(&mut self) -> Found {
        self.chromium.get_or_insert_with(chromium).clone()
    }

    /// The folder with the programs of PostgreSQL.
    pub fn postgres(&mut self) -> Found {
        self.postgres.get_or_insert_with(postgres).clone()
    }

    /// The server, built from this tree.
    pub fn binary(&mut self) -> Found {
        self.binary.get_or_insert_with(binary).clone()
    }
}

fn binary() -> Found {
    let built = Run::cargo(["build", "--workspace", "--bin", "interlock", "--bin", "interlock-verify"]).status();
    let built = built.map_err(|error| format!("{error:#}"))?;
    let path = shell::target().join("debug/interlock");
    if built { Ok(path.display().to_string()) } else { Err("the server does not build".into()) }
}

/// Installs a package of the system, if we may.
fn install(package: &str, what: &str) -> Result<(), String> {
    if !shell::has("apt-get") || !shell::is_root() {
        return Err(format!("there is no {what}; install the package `{package}` of your system"));
    }
    println!("installing {package}");
    let apt = |words: &[&str]| Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(words).output();
    apt(&["update", "-qq"])
        .and_then(|_| apt(&["install", "-qq", "-y", "--no-install-recommends", package]))
        .map(drop)
        .map_err(|error| format!("`{package}` could not be installed: {error:#}"))
}

fn postgres() -> Found {
    if let Ok(given) = std::env::var("INTERLOCK_POSTGRES_BIN") {
        return Ok(given);
    }
    // Debian keeps each major version apart and puts none on PATH; the tests in Rust look there too.
    let find = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let numbered =
            versions.filter_map(|it| Some((it.file_name().to_str()?.parse::<u32>().ok()?, it.path().join("bin"))));
        numbered.filter(|(_, bin)| bin.join("initdb").is_file()).max().map(|(_, bin)| bin.display().to_string())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    install("postgresql", "PostgreSQL")?;
    find().ok_or_else(|| "PostgreSQL was installed and is not below /usr/lib/postgresql".into())
}

fn chromium() -> Found {
    const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let find = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
        places.into_iter().find(|place| place.is_file()).map(|place| place.display().to_string())
    };
    if let Ok(given) = std::env::var("CHROMIUM") {
        return Ok(given);
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    install("chromium", "Chromium")?;
    find().ok_or_else(|| "Chromium was installed and is not on PATH".into())
}

fn python() -> Found {
    if let Ok(given) = std::env::var("INTERLOCK_PYTHON") {
        return Ok(given);
    }
    if !shell::has("python3") {
        install("python3", "Python")?;
    }
    let venv = shell::target().join("venv");
    let python = venv.join("bin/python");
    let requirements = requirements(shell::root());
    let wanted = fingerprint(&requirements);
    let stamp = venv.join("requirements.sha256");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|it| it == wanted) {
        return Ok(python.display().to_string());
    }
    println!("making a Python environment in {}", venv.display());
    let make = || Run::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).output();
    if make().is_err() {
        install("python3-venv", "module `venv` of Python")?;
        make().map_err(|error| format!("no Python environment could be made: {error:#}"))?;
    }
    for file in &requirements {
        let pip =
            Run::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(file);
        pip.output()
            .map_err(|error| format!("the packages of {} could not be installed: {error:#}", file.display()))?;
    }
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python.display().to_string())
}

/// Every `requirements.txt` below the tests of the crates and below `tests`, in order.
fn requirements(root: &Path) -> Vec<PathBuf> {
    let mut open = vec![root.join("crates"), root.join("tests")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true if !matches!(entry.file_name().to_str(), Some("node_modules" | "src" | "target")) => {
                    open.push(path)
                }
                false if entry.file_name() == "requirements.txt" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn fingerprint(files: &[PathBuf]) -> String {
    let mut sum = Sha256::new();
    for file in files {
        sum.update(std::fs::read(file).unwrap_or_default());
    }
    hex::encode(sum.finalize())
}
