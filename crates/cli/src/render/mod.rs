//! What people see: tables, refusals with what clears them, objects, times. Machine output is the API's own JSON.
//!
//! Invariant: nothing that reaches a person is only told by colour; colour is used on a terminal only, and never with `NO_COLOR`.

pub mod object;
pub mod progress;
pub mod refusal;
pub mod schema;
pub mod table;

use crate::{
    context::Output,
    failure::{Done, Failure},
};
use interlock_wire::reason::{Receipt, Severity, Verdict};
use jiff::{Timestamp, Unit, tz::TimeZone};
use serde::Serialize;
use std::io::IsTerminal;

/// Colour, where there is a terminal to show it.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    pub fn stdout() -> Self {
        Self(std::io::stdout().is_terminal() && wanted())
    }

    pub fn stderr() -> Self {
        Self(std::io::stderr().is_terminal() && wanted())
    }

    #[cfg(test)]
    pub fn never() -> Self {
        Self(false)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Neutral => text.to_owned(),
            Severity::Info => self.wrap("36", text),
            Severity::Good => self.wrap("32", text),
            Severity::Warning => self.wrap("33", text),
            Severity::Bad => self.wrap("31", text),
        }
    }
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}

pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "inconclusive",
    }
}

pub fn verdict_severity(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Pass => Severity::Good,
        Verdict::Fail => Severity::Bad,
        Verdict::Inconclusive => Severity::Warning,
    }
}

/// A value in a machine's form; `None` when a table is wanted.
///
/// # Errors
/// The value cannot be written in that form.
pub fn machine<T: Serialize>(output: Output, it: &T) -> Done<Option<String>> {
    let bug = |error: String| Failure::Bug(format!("what was read cannot be written: {error}"));
    match output {
        Output::Table => Ok(None),
        Output::Json => serde_json::to_string_pretty(it).map(Some).map_err(|error| bug(error.to_string())),
        Output::Yaml => serde_saphyr::to_string(it).map(Some).map_err(|error| bug(error.to_string())),
    }
}

/// Prints a value in a machine's form, or what `human` makes of it.
///
/// # Errors
/// As [`machine`].
pub fn show<T: Serialize>(output: Output, it: &T, human: impl FnOnce(&T) -> String) -> Done {
    let text = machine(output, it)?.unwrap_or_else(|| human(it));
    print(text.trim_end());
    Ok(())
}

/// Prints a text and a line's end. Whoever reads may have seen enough, as `head` has: then there is nothing left to do.
pub fn print(text: &str) {
    use std::io::Write;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// What a command did, entry by entry.
pub fn receipt(it: &Receipt) -> String {
    let mut lines: Vec<String> =
        it.entries.iter().map(|entry| format!("{:>7}  {}", format!("#{}", entry.position), entry.summary)).collect();
    if it.repeated {
        lines.push("(this had been done before; nothing was done again)".into());
    }
    if lines.is_empty() {
        lines.push("nothing had to change".into());
    }
    lines.join("\n")
}

/// A time as people read it, in the zone of this machine, with the zone named.
pub fn time(at: Timestamp) -> String {
    let at = at.round(Unit::Second).unwrap_or(at);
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// How far a time is from another, in words.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    let size = seconds.unsigned_abs();
    let text = match size {
        0..60 => format!("{size} s"),
        60..3_600 => format!("{} min", size / 60),
        3_600..172_800 => format!("{} h {} min", size / 3_600, size / 60 % 60),
        _ => format!("{} days", size / 86_400),
    };
    if seconds < 0 { format!("{text} ago") } else { format!("in {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_words() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-23T10:00:00Z");
        for (other, expected) in [
            ("2026-11-23T10:00:30Z", "in 30 s"),
            ("2026-11-23T09:00:00Z", "1 h 0 min ago"),
            ("2026-11-20T10:00:00Z", "3 days ago"),
            ("2026-11-23T10:12:00Z", "in 12 min"),
        ] {
            assert_eq!(relative(at(other), now), expected);
        }
    }

    #[test]
    fn colour_is_only_for_terminals() {
        assert_eq!(Paint(false).severity(Severity::Bad, "no"), "no");
        assert!(Paint(true).severity(Severity::Bad, "no").contains("\u{1b}[31m"));
    }

    #[test]
    fn every_form_holds_the_value() {
        let it = serde_json::json!({"a": [1, "x"]});
        assert_eq!(machine(Output::Table, &it).unwrap(), None);
        let json = machine(Output::Json, &it).unwrap().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), it);
        let yaml = machine(Output::Yaml, &it).unwrap().unwrap();
        assert_eq!(serde_saphyr::from_str::<serde_json::Value>(&yaml).unwrap(), it);
    }
}
