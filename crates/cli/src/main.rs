//! The `interlock` command: server, runner, demo and client in one binary.
//!
//! Reading order: [`failure`] exit codes, [`context`] which server, [`client`] the API, [`commands`] the verbs, [`render`] what
//! people see. Deliberately absent: rules. Client commands know the public API and nothing else.

mod client;
mod commands;
mod context;
mod failure;
mod logs;
mod manifest;
mod nouns;
mod render;
mod seen;
mod trace;
mod when;

use clap::Parser;
use failure::{Done, Failure};
use std::process::ExitCode;

const AFTER: &str =
    "Exit codes: 0 done, 1 refused (the reasons are printed), 2 wrong usage, 3 inconclusive or timed out,
4 the server cannot be reached, 5 the server shows another past than before, 70 a bug of ours.

Begin with:
  interlock demo";

/// Release governance: what may ship, when, by whom, and the proof of it.
#[derive(Debug, Parser)]
#[command(name = "interlock", version, about, after_help = AFTER, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: context::Global,
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nobody is left to tell if the terminal is gone.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done: Done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(cli.command.run(&cli.global));
            // What still blocks at the end must not keep the process.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            done
        }
        Err(error) => Err(Failure::Failed(format!("the runtime could not be started: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", told(&failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn told(failure: &Failure) -> String {
    let paint = render::Paint::stderr();
    match failure {
        Failure::Refused(problem) => render::refusal::problem(problem, paint, jiff::Timestamp::now()),
        Failure::Bug(text) => format!("A defect of Interlock: {text}\nPlease report it, with what you did."),
        other => format!("interlock: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, CommandFactory};

    /// Words of a command line; quotes hold words together.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = None;
        for c in line.chars() {
            match (c, quoted) {
                ('"' | '\'', None) => quoted = Some(c),
                (c, Some(open)) if c == open => quoted = None,
                (' ', None) => words.push(String::new()),
                (c, _) => words.last_mut().unwrap().push(c),
            }
        }
        words
    }

    fn leaves(command: &Command, path: &str, found: &mut Vec<(String, String, bool)>) {
        let own = format!("{path} {}", command.get_name());
        let mut subcommands = command.get_subcommands().filter(|it| it.get_name() != "help").peekable();
        if subcommands.peek().is_none() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            found.push((own.trim().to_owned(), help, command.is_hide_set()));
        }
        subcommands.for_each(|it| leaves(it, &own, found));
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_that_parses_as_that_verb() {
        let mut all = Vec::new();
        leaves(&Cli::command(), "", &mut all);
        assert!(all.len() > 60, "{}", all.len());
        for (path, help, hidden) in all {
            let examples: Vec<&str> =
                help.lines().map(str::trim).filter(|line| line.starts_with("interlock ")).collect();
            assert!(hidden || !examples.is_empty(), "`{path}` has no example");
            for example in examples {
                assert!(example.starts_with(&path), "`{path}` shows another verb: {example}");
                if let Err(error) = Cli::try_parse_from(words(example)) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn wrong_usage_is_told_apart_from_help() {
        assert!(Cli::try_parse_from(["interlock", "release", "plan"]).unwrap_err().use_stderr());
        assert!(Cli::try_parse_from(["interlock", "nonsense"]).unwrap_err().use_stderr());
        assert!(!Cli::try_parse_from(["interlock", "--help"]).unwrap_err().use_stderr());
    }
}
