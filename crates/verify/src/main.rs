//! `interlock-verify`: checks an evidence pack, alone. Reads the files it is given and writes a report; no network, no clock.
//!
//! Exit codes: 0 everything was shown, 1 something is not as it was made, 2 wrong usage, 3 something was not shown.
//! **Deliberately absent:** a list of options that would need a library: this program is to be read in an afternoon.

use interlock_verify::{
    VerifyingKey,
    cosign::WitnessKey,
    pack::{self, Outcome, Report, Trust},
};
use std::{path::Path, process::ExitCode};

const USAGE: &str = "\
Checks an evidence pack of Interlock without a server.

Usage: interlock-verify PACK [--key KEY] [--witness KEY]... [--require N] [--earlier FILE] [--json]

  PACK            the pack, a .tar file
  --key KEY       the ledger's public key, or a file with it, got from somewhere else than the pack
  --witness KEY   the public key of a witness, or a file with it; may be given several times
  --require N     how many of these witnesses must have signed [default: what the pack says is required]
  --earlier FILE  a checkpoint you kept: the pack must show that its ledger continues it
  --json          write the report as JSON

Exit codes: 0 everything was shown, 1 something is not as it was made, 2 wrong usage, 3 something was not shown.

Example:
  interlock-verify 2026-q3.tar --key ledger.vkey --witness auditor.vkey
";

struct Asked {
    pack: String,
    trust: Trust,
    json: bool,
}

/// A key given as such or by a file.
fn key<T>(given: &str, parse: impl Fn(&str) -> Result<T, interlock_verify::NoteError>) -> Result<T, String> {
    let text = if Path::new(given).is_file() { text(given)? } else { given.to_owned() };
    parse(text.trim()).map_err(|error| format!("`{given}` is no such key: {error}"))
}

fn text(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))
}

/// What the words ask for; `None` for help.
fn asked(words: impl Iterator<Item = String>) -> Result<Option<Asked>, String> {
    let mut asked = Asked { pack: String::new(), trust: Trust::default(), json: false };
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--json" => asked.json = true,
            "--key" => asked.trust.key = Some(key(&value()?, VerifyingKey::parse)?),
            "--witness" => asked.trust.witnesses.push(key(&value()?, WitnessKey::parse)?),
            "--require" => {
                let given = value()?;
                asked.trust.required = Some(given.parse().map_err(|_| format!("`{given}` is no number"))?);
            }
            "--earlier" => asked.trust.earlier = Some(text(&value()?)?),
            option if option.starts_with('-') => return Err(format!("there is no option `{option}`")),
            _ if !asked.pack.is_empty() => return Err("give one pack".into()),
            _ => asked.pack = word,
        }
    }
    if asked.pack.is_empty() { Err("give a pack".into()) } else { Ok(Some(asked)) }
}

fn told(report: &Report) -> String {
    let mut out = String::new();
    for check in &report.checks {
        out.push_str(&format!("{:<13} {:<13} {}\n", check.outcome.to_string(), check.name, check.told));
        for fault in &check.faults {
            let position = fault.position.map(|it| format!(", position {it}")).unwrap_or_default();
            out.push_str(&format!("{:27} {} {}{position}: {}\n", "", fault.code, fault.file, fault.message));
        }
    }
    out.push_str(match report.outcome {
        Outcome::Pass => "\nPASS: everything was shown.\n",
        Outcome::Fail => "\nFAIL: this pack is not as it was made.\n",
        Outcome::Inconclusive => "\nINCONCLUSIVE: nothing is wrong with what is here, and not everything was shown.\n",
    });
    out
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("interlock-verify: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let bytes = match std::fs::read(&asked.pack) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("interlock-verify: `{}` cannot be read: {error}", asked.pack);
            return ExitCode::from(2);
        }
    };
    let report = pack::check(&bytes, &asked.trust);
    if asked.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print!("{}", told(&report));
    }
    ExitCode::from(report.outcome.exit_code())
}
