//! The conversation with a step program: one JSON document in, JSON lines out, and what they and the exit code mean together.
//!
//! Invariants: a line that claims to be a result or a fact and cannot be read strictly never counts as success; neither do two
//! results, nor a result that the exit code contradicts; text that makes no such claim is log output.
//! Deliberately absent: any reading of log text for signs of success.

use crate::fault::{Code, Fault, excerpt};
use interlock_wire::runner::{Outcome, StepOrder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the document on standard input.
pub const PROTOCOL: u32 = 1;
/// Most facts one step may report.
pub const FACTS_MAX: usize = 200;
/// Longest name and value of a fact, in bytes.
pub const FACT_BYTES_MAX: usize = 4096;

/// What a program is asked to do in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Check,
    Apply,
    Verify,
    Undo,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Apply => "apply",
            Self::Verify => "verify",
            Self::Undo => "undo",
        }
    }

    /// Whether the run may change the target.
    pub fn changes(self) -> bool {
        matches!(self, Self::Apply | Self::Undo)
    }
}

/// The document for a program's standard input, with a newline at its end.
pub fn document(verb: Verb, order: &StepOrder, artifact_path: Option<&str>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        protocol: u32,
        operation: Verb,
        key: &'a str,
        attempt: u32,
        deployment: &'a str,
        environment: &'a str,
        wave: u32,
        step: &'a str,
        service: &'a str,
        target: Target<'a>,
        params: &'a BTreeMap<String, String>,
        artifact_path: Option<&'a str>,
        artifact_digest: Option<&'a str>,
        expected: &'a BTreeMap<String, String>,
    }
    #[derive(Serialize)]
    struct Target<'a> {
        name: &'a str,
        address: &'a str,
        labels: &'a BTreeMap<String, String>,
    }
    let target = &order.target;
    let mut bytes = serde_json::to_vec(&Document {
        protocol: PROTOCOL,
        operation: verb,
        key: &order.key,
        attempt: order.attempt,
        deployment: &order.deployment,
        environment: &order.environment,
        wave: order.wave,
        step: &order.step,
        service: &order.service,
        target: Target { name: &target.name, address: &target.address, labels: &target.labels },
        params: &target.params,
        artifact_path,
        artifact_digest: order.artifact.as_ref().map(|artifact| artifact.digest.as_str()),
        expected: &order.expected,
    })
    .expect("text and numbers always serialise");
    bytes.push(b'\n');
    bytes
}

/// One line of a program's standard output, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Log output as it is.
    Text,
    Log(String),
    Fact {
        name: String,
        value: String,
    },
    Result {
        outcome: Outcome,
        message: String,
    },
    /// Claims to be a result or a fact but cannot be read; says why.
    Broken(String),
}

#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "type")]
    kind: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Strict {
    Log {
        text: String,
    },
    Fact {
        name: String,
        value: serde_json::Value,
    },
    Result {
        outcome: Outcome,
        #[serde(default)]
        message: String,
    },
}

/// Understands one line; `whole` is false when the line was too long and this is only its beginning.
pub fn parse(line: &str, whole: bool) -> Line {
    let line = line.trim();
    if !line.starts_with('{') {
        return Line::Text;
    }
    let claims = |what: &str| line.contains("\"type\"") && line.contains(what);
    let kind = match serde_json::from_str::<Probe>(line) {
        Ok(probe) => probe.kind,
        Err(_) if claims("\"result\"") && whole => return Line::Broken("a result line is not JSON".into()),
        Err(_) if claims("\"result\"") => return Line::Broken("a result line is too long".into()),
        Err(_) => return Line::Text,
    };
    let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    if !matches!(kind, "log" | "fact" | "result") {
        return Line::Text;
    }
    match serde_json::from_str(line) {
        Ok(Strict::Log { text }) => Line::Log(text),
        Ok(Strict::Result { outcome, message }) => Line::Result { outcome, message },
        Ok(Strict::Fact { name, value }) => {
            let value = match value {
                serde_json::Value::String(text) => text,
                number @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => number.to_string(),
                _ => {
                    return Line::Broken(format!("fact `{}` is not a text, a number or a truth value", excerpt(&name)));
                }
            };
            if name.is_empty() || name.len() > FACT_BYTES_MAX || value.len() > FACT_BYTES_MAX {
                return Line::Broken(format!(
                    "fact `{}` has no name or more than {FACT_BYTES_MAX} bytes",
                    excerpt(&name)
                ));
            }
            Line::Fact { name, value }
        }
        Err(_) if kind == "log" => Line::Text,
        Err(error) => Line::Broken(format!("a {kind} line cannot be read: {error}")),
    }
}

/// What a program said in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The first result line.
    pub result: Option<(Outcome, String)>,
    /// How many result lines there were.
    pub results: u32,
    pub facts: BTreeMap<String, String>,
    /// The first line that could not be read though it had to be.
    pub broken: Option<String>,
}

impl Said {
    /// Takes in one line.
    pub fn hear(&mut self, line: &Line) {
        match line {
            Line::Text | Line::Log(_) => {}
            Line::Fact { name, value } => {
                if self.facts.len() >= FACTS_MAX && !self.facts.contains_key(name) {
                    self.broken.get_or_insert_with(|| format!("there are more than {FACTS_MAX} facts"));
                } else {
                    self.facts.insert(name.clone(), value.clone());
                }
            }
            Line::Result { outcome, message } => {
                self.results += 1;
                self.result.get_or_insert_with(|| (*outcome, excerpt(message)));
            }
            Line::Broken(why) => {
                self.broken.get_or_insert_with(|| excerpt(why));
            }
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Signalled(i32),
    /// It was killed because its time was up.
    TimedOut,
}

/// What a run comes to: a passing outcome with the program's message, or a fault.
pub fn judge(end: End, said: &Said) -> Result<(Outcome, String), Fault> {
    let also = said.broken.as_ref().map(|why| format!("; also, {why}")).unwrap_or_default();
    let code = match end {
        End::TimedOut => return Err(Fault::failed(Code::TimeLimit, "the program did not end in time and was killed")),
        End::Signalled(signal) => {
            let message = format!("the program died by signal {signal}{}", signal_name(signal));
            return Err(Fault::failed(Code::ProgramSignalled, message));
        }
        End::Exited(code) => code,
    };
    if said.results > 1 {
        let message = format!("the program wrote {} result lines and ended with exit code {code}", said.results);
        return Err(Fault::inconclusive(Code::AnswerTwice, message));
    }
    match (&said.result, code) {
        (Some((Outcome::Failed, message)), _) => {
            Err(Fault::failed(Code::ProgramSaidFailed, format!("the program says it failed: {message}")))
        }
        (Some((Outcome::Inconclusive, message)), _) => {
            Err(Fault::inconclusive(Code::ProgramUnsure, format!("the program cannot say: {message}")))
        }
        (Some((outcome, message)), 0) => match &said.broken {
            None => Ok((*outcome, message.clone())),
            Some(why) => Err(Fault::inconclusive(Code::AnswerUnreadable, why.clone())),
        },
        (Some(_), code) => {
            let message = format!("the program reports success but ended with exit code {code}");
            Err(Fault::failed(Code::AnswerContradicted, message))
        }
        (None, 0) => match &said.broken {
            None => Ok((Outcome::Changed, String::new())),
            Some(why) => Err(Fault::inconclusive(Code::AnswerUnreadable, why.clone())),
        },
        (None, 3) => {
            Err(Fault::inconclusive(Code::ProgramUnsure, format!("the program cannot say (exit code 3){also}")))
        }
        (None, code) => Err(Fault::failed(Code::ProgramExit, format!("the program ended with exit code {code}{also}"))),
    }
}

/// ` (SIGKILL)` and the like; empty for the unusual ones. Numbers as on Linux for x86 and ARM, signal(7).
fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        24 => " (SIGXCPU)",
        25 => " (SIGXFSZ)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(lines: &[&str], end: End) -> Result<Outcome, &'static str> {
        let mut said = Said::default();
        lines.iter().for_each(|line| said.hear(&parse(line, true)));
        judge(end, &said).map(|(outcome, _)| outcome).map_err(|fault| fault.code.as_str())
    }

    #[test]
    fn result_and_exit_code_together() {
        use Outcome::*;
        let result = |outcome: &str| format!(r#"{{"type":"result","outcome":"{outcome}","message":"m"}}"#);
        for (outcome, code, expected) in [
            ("changed", 0, Ok(Changed)),
            ("unchanged", 0, Ok(Unchanged)),
            ("failed", 0, Err("R310")),
            ("failed", 1, Err("R310")),
            ("inconclusive", 0, Err("R309")),
            ("changed", 1, Err("R308")),
            ("unchanged", 3, Err("R308")),
            ("done", 0, Err("R306")),
        ] {
            assert_eq!(run(&[&result(outcome)], End::Exited(code)), expected, "{outcome} {code}");
        }
        assert_eq!(run(&["hello"], End::Exited(0)), Ok(Changed));
        assert_eq!(run(&[], End::Exited(3)), Err("R309"));
        assert_eq!(run(&[], End::Exited(2)), Err("R305"));
        assert_eq!(run(&[&result("changed")], End::Signalled(9)), Err("R304"));
        assert_eq!(run(&[&result("changed")], End::TimedOut), Err("R303"));
        assert_eq!(run(&[&result("failed"), &result("changed")], End::Exited(0)), Err("R307"));
    }

    #[test]
    fn a_broken_claim_never_passes() {
        for line in [
            r#"{"type":"result","outcome":"changed","sure":true}"#,
            r#"{"type":"result","outcome":"failed","outcome":"changed"}"#,
            r#"{"type":"result"}"#,
            r#"{"type":"result","outcome":"changed""#,
            r#"{"type":"fact","name":"a","value":[1]}"#,
            r#"{"type":"fact","name":"","value":"x"}"#,
            r#"{"type":"fact","name":"a"}"#,
        ] {
            assert_eq!(run(&[line], End::Exited(0)), Err("R306"), "{line}");
            assert_eq!(run(&[line], End::Exited(1)), Err("R305"), "{line}");
        }
        assert!(
            matches!(parse(r#"{"type":"result","message":"aaaa"#, false), Line::Broken(why) if why.contains("too long"))
        );
        let many: Vec<_> = (0..=FACTS_MAX).map(|n| format!(r#"{{"type":"fact","name":"{n}","value":{n}}}"#)).collect();
        assert_eq!(run(&many.iter().map(String::as_str).collect::<Vec<_>>(), End::Exited(0)), Err("R306"));
    }

    #[test]
    fn what_claims_nothing_is_log_output() {
        for line in
            ["", "plain", "{", r#"{"level":"info"}"#, r#"{"type":5}"#, r#"{"type":"event"}"#, r#"{"type":"log"}"#]
        {
            assert_eq!(parse(line, true), Line::Text, "{line}");
        }
        assert_eq!(parse(r#" {"type":"log","text":"x"} "#, true), Line::Log("x".into()));
        let fact = Line::Fact { name: "pid".into(), value: "12".into() };
        assert_eq!(parse(r#"{"type":"fact","name":"pid","value":12}"#, true), fact);
    }

    proptest! {
        #[test]
        fn any_text_is_understood_somehow(text in ".{0,200}", whole: bool) {
            parse(&text, whole);
        }

        #[test]
        fn a_mangled_success_is_never_a_different_success(index in 0usize..60, byte in 32u8..127) {
            let mut line = br#"{"type":"result","outcome":"failed","message":"it broke"}"#.to_vec();
            let index = index % line.len();
            line[index] = byte;
            let mut said = Said::default();
            said.hear(&parse(std::str::from_utf8(&line).unwrap(), true));
            let passed = matches!(said.result, Some((outcome, _)) if outcome.passes());
            prop_assert!(!passed);
        }
    }
}
