//! Chores of the project: `cargo xtask <chore>`. The Makefile calls these; continuous integration calls the Makefile.
//!
//! Deliberately absent: anything the product needs when it runs, and every dependency that takes long to compile. What has to
//! know the core (golden files, measurements) is an example of the test kit, which is built when it is asked for.

mod check;
mod sbom;
mod shell;
mod suites;

use anyhow::{Result, bail};
use shell::Run;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <chore>

  test           every test this machine can run; says what was left out and why
  check [part]   what a change has to pass besides its tests; `check --list` names the parts
  simulate [...] the simulator: `minutes=N` of fresh seeds, `one <seed>`, `tell <seed>`, `planted [minutes=N]`
  oracle [count] calendars against icalendar and python-dateutil: 120,000 random rules, or as many as given
  golden         writes golden files for event kinds that have none; never changes one
  sbom           writes what Interlock is made of, as CycloneDX, to target/interlock.cdx.json
  error-pages    lists error codes that have no page in docs/errors
  bench [short | million] [part…]  measures and prints ratios; JSON lines in target/bench";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match chore(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything was as it should be.
fn chore(words: &[&str]) -> Result<bool> {
    std::env::set_current_dir(shell::root())?;
    match words {
        ["test"] => suites::run(),
        ["check", parts @ ..] => check::run(parts),
        ["simulate", more @ ..] => Ok(suites::simulator(more)?.0),
        ["oracle"] => suites::oracle("120000"),
        ["oracle", count] => suites::oracle(count),
        ["golden"] => Run::cargo(["run", "--quiet", "-p", "interlock-testkit", "--example", "golden"]).status(),
        ["sbom"] => sbom::write(),
        ["error-pages"] => check::errors::list_missing(),
        ["bench", more @ ..] => {
            // Pages, runners and workflows are asked of the program as it ships.
            if !Run::cargo(["build", "--release", "-p", "interlock-cli"]).status()? {
                return Ok(false);
            }
            let bench = Run::cargo(["run", "--release", "-p", "interlock-testkit", "--example", "bench", "--"]);
            bench.args(more.iter().copied()).status()
        }
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => bail!("`{}` is no chore\n\n{USAGE}", words.join(" ")),
    }
}
