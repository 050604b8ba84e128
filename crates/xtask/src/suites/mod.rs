//! `cargo xtask test`: every test this machine can run, in the order in which they are quickest to fail.
//!
//! Invariants: what could not be run is named with its reason and counted as skipped, never as passed; the last line is
//! `N passed, N failed, N skipped`, added up from what the tools themselves reported.
//! Deliberately absent: a list of suites. A folder `tests/<name>` with an executable `run`, or a `run.mjs` for Node, is one; a
//! file `needs` beside it names what it needs, one per line: `binary` (the built server, in `INTERLOCK`), `demo` (a demo that
//! runs meanwhile, its address in `INTERLOCK_URL`), `chromium` (in `CHROMIUM`), `postgres` (its programs, in `INTERLOCK_POSTGRES_BIN`), `python` (a virtual environment with every
//! `requirements.txt`, in `INTERLOCK_PYTHON`). Its `package-lock.json`, if it has one, is installed.
//! The last line a suite prints is `N passed, N failed, N skipped` too.

mod demo;
mod machine;
mod tally;

use crate::shell::{self, Run};
use anyhow::Result;
use demo::Demo;
use machine::Machine;
use std::{path::Path, time::Instant};
use tally::Tally;

/// One group of tests and what became of it.
struct Part {
    name: String,
    tally: Tally,
    seconds: u64,
    /// Why something was left out, or what went wrong outside of any test.
    notes: Vec<String>,
}

struct Report(Vec<Part>);

impl Report {
    fn part(&mut self, name: &str, run: impl FnOnce(&mut Vec<String>) -> Result<Tally>) {
        println!("\n==> {name}");
        let begun = Instant::now();
        let mut notes = Vec::new();
        let tally = run(&mut notes).unwrap_or_else(|error| {
            println!("{error:#}");
            notes.push(format!("{error:#}"));
            Tally::one_failed()
        });
        self.0.push(Part { name: name.into(), tally, seconds: begun.elapsed().as_secs(), notes });
    }

    /// Prints what became of everything; whether nothing failed.
    fn close(self) -> bool {
        println!("\n==> in short");
        let mut sum = Tally::default();
        for part in &self.0 {
            println!("{:40} {}   {} s", part.name, part.tally, part.seconds);
            part.notes.iter().for_each(|note| println!("    {note}"));
            sum += part.tally;
        }
        println!("{sum}");
        sum.failed == 0
    }
}

/// Runs everything; whether nothing failed.
pub fn run() -> Result<bool> {
    let mut report = Report(Vec::new());
    let mut machine = Machine::default();
    web(&mut report);
    let python = machine.python();
    // Looked for before the tests in Rust, which look for it in the same place and leave out what needs it.
    let postgres = machine.postgres();
    rust(&mut report, python.as_ref().ok());
    documentation(&mut report);
    // Two minutes, or as many as INTERLOCK_SIMULATE_MINUTES says.
    let minutes = std::env::var("INTERLOCK_SIMULATE_MINUTES").ok().filter(|it| it.parse::<f64>().is_ok());
    let minutes = minutes.unwrap_or_else(|| "2".into());
    report.part(&format!("simulator: {minutes} minutes of fresh seeds"), |notes| {
        // With what the tests were built with: building it for speed would take longer than it runs here.
        let workspace = ["build", "--quiet", "--workspace", "--example", "simulate"];
        let (passed, said) = simulate(&workspace, "debug", &[&format!("minutes={minutes}")])?;
        // Said again at the end: a seed of its own is all it takes to see the same once more.
        notes.extend(said.lines().filter(|line| line.contains(": FOUND ")).map(str::to_owned));
        let tally = tally::last_line(&said);
        Ok(tally.map_or_else(Tally::one_failed, |it| it.or_failed(passed)))
    });
    for suite in suites()? {
        let name = format!("tests/{suite}");
        report.part(&name, |notes| one_suite(&suite, &mut machine, notes));
    }
    if let Err(reason) = postgres {
        report.part("PostgreSQL", |notes| {
            notes.push(format!("left out: {reason}"));
            Ok(Tally::default())
        });
    }
    if let Err(reason) = python {
        report.part("oracles in Python", |notes| {
            notes.push(format!("left out: {reason}"));
            Ok(Tally::default())
        });
    }
    Ok(report.close())
}

/// Calendars against other implementations, at length; whether they agree.
///
/// # Errors
/// There is no Python with what `requirements.txt` names.
pub fn oracle(count: &str) -> Result<bool> {
    let python = Machine::default().python().map_err(|reason| anyhow::anyhow!(reason))?;
    let words = ["test", "--workspace", "--test", "oracle", "recurrences_and_openings", "--", "--nocapture"];
    Run::cargo(words).env("INTERLOCK_PYTHON", &python).env("INTERLOCK_ORACLE_RULES", count).status()
}

fn web(report: &mut Report) {
    if !shell::root().join("web/package.json").exists() {
        return;
    }
    if !shell::has("npm") {
        report.part("web", |notes| {
            notes.push("left out: there is no Node; install 20.19 or newer".into());
            Ok(Tally::one_skipped())
        });
        return;
    }
    report.part("web: build and types", |_| {
        let built = Run::new("make").args(["--no-print-directory", "web"]).status()?;
        let checked = built
            && Run::new("npm").args(["run", "--silent", "typecheck"]).within(shell::root().join("web")).status()?;
        Ok(Tally::of(checked))
    });
    report.part("web: unit tests", |_| {
        let file = shell::target().join("vitest.json");
        let output = format!("--outputFile.json={}", file.display());
        let words = ["vitest", "run", "--reporter=default", "--reporter=json", &output];
        let passed = Run::new("npx").arg("--no-install").args(words).within(shell::root().join("web")).status()?;
        let tally = tally::vitest(&std::fs::read_to_string(&file)?)?;
        std::fs::remove_file(file)?;
        Ok(tally.or_failed(passed))
    });
}

fn rust(report: &mut Report, python: Option<&String>) {
    let with = |run: Run| match python {
        Some(python) => run.env("INTERLOCK_PYTHON", python),
        None => run,
    };
    report.part("Rust", |notes| {
        if shell::has("cargo-nextest") {
            let (passed, said) = with(Run::cargo(["nextest", "run", "--workspace"])).tee()?;
            let tally = tally::nextest(&said).unwrap_or_default().or_failed(passed);
            let junit = shell::target().join("nextest/default/junit.xml");
            let left_out = std::fs::read_to_string(junit).map(|text| tally::left_out(&text)).unwrap_or_default();
            notes.extend(left_out.iter().cloned());
            Ok(tally.without(left_out.len()))
        } else {
            let words = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
            let (passed, said) = with(Run::cargo(words)).tee()?;
            notes.push("cargo-nextest is not installed: run by `cargo test`, which takes longer".into());
            Ok(tally::cargo_test(&said).or_failed(passed))
        }
    });
}

/// Runs the simulator, built for speed; whether nothing was found, and what it said. `INTERLOCK_SEED` gives the first seed.
pub fn simulator(words: &[&str]) -> Result<(bool, String)> {
    let build = ["build", "--profile", "simulate", "--package", "interlock-testkit", "--example", "simulate"];
    simulate(&build, "simulate", words)
}

fn simulate(build: &[&str], folder: &str, words: &[&str]) -> Result<(bool, String)> {
    if !Run::cargo(build).status()? {
        anyhow::bail!("the simulator does not build");
    }
    Run::new(shell::target().join(folder).join("examples/simulate")).args(words.iter().copied()).tee()
}

fn documentation(report: &mut Report) {
    report.part("Rust: examples in the documentation", |_| {
        let (passed, said) = Run::cargo(["test", "--workspace", "--doc", "--no-fail-fast"]).tee()?;
        Ok(tally::cargo_test(&said).or_failed(passed))
    });
}

/// Folders of `tests` that hold a suite, by name.
fn suites() -> Result<Vec<String>> {
    let folder = shell::root().join("tests");
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if ["run", "run.mjs"].iter().any(|name| entry.path().join(name).is_file()) {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn one_suite(suite: &str, machine: &mut Machine, notes: &mut Vec<String>) -> Result<Tally> {
    let folder = shell::root().join("tests").join(suite);
    let Ok(needs) = std::fs::read_to_string(folder.join("needs")) else {
        notes.push(format!("left out: tests/{suite} has no file `needs` (which may be empty)"));
        return Ok(Tally::one_skipped());
    };
    if let Some(reason) = packages(&folder)? {
        notes.push(format!("left out: {reason}"));
        return Ok(Tally::one_skipped());
    }
    let mut run = match folder.join("run.mjs") {
        script if script.is_file() => Run::new("node").arg(script).within(&folder),
        _ => Run::new(folder.join("run")),
    };
    // Kept until the suite is over.
    let mut demo = None;
    for need in needs.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, found) = match need {
            "binary" => ("INTERLOCK", machine.binary()),
            "demo" => {
                let started = machine.binary().and_then(|binary| Demo::start(&binary, suite));
                ("INTERLOCK_URL", started.map(|started| demo.insert(started).url.clone()))
            }
            "chromium" => ("CHROMIUM", machine.chromium()),
            "postgres" => ("INTERLOCK_POSTGRES_BIN", machine.postgres()),
            "python" => ("INTERLOCK_PYTHON", machine.python()),
            other => {
                anyhow::bail!(
                    "tests/{suite}/needs asks for `{other}`; it may ask for binary, demo, chromium, postgres or python"
                )
            }
        };
        match found {
            Ok(value) => run = run.env(name, value),
            Err(reason) => {
                println!("left out: {reason}");
                notes.push(format!("left out: {reason}"));
                return Ok(Tally::one_skipped());
            }
        }
    }
    let (passed, said) = run.tee()?;
    drop(demo);
    match tally::last_line(&said) {
        Some(tally) => Ok(tally.or_failed(passed)),
        None => anyhow::bail!("tests/{suite}/run did not end with a line `N passed, N failed, N skipped`"),
    }
}

/// Installs a suite's npm packages; why that cannot be.
fn packages(folder: &Path) -> Result<Option<String>> {
    if !folder.join("package-lock.json").exists() || folder.join("node_modules/.package-lock.json").exists() {
        return Ok(None);
    }
    if !shell::has("npm") {
        return Ok(Some("there is no Node; install 20.19 or newer".into()));
    }
    let installed = Run::new("npm").args(["ci", "--no-audit", "--no-fund"]).within(folder).status()?;
    Ok((!installed).then(|| "its npm packages could not be installed".into()))
}
