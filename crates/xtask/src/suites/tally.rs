//! How many tests passed: read from what the tools themselves print.

use anyhow::{Context, Result};
use std::{fmt, ops::AddAssign};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    pub fn of(passed: bool) -> Self {
        if passed { Self { passed: 1, ..Self::default() } } else { Self::one_failed() }
    }

    pub fn one_failed() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    pub fn one_skipped() -> Self {
        Self { skipped: 1, ..Self::default() }
    }

    /// A tool that failed without a failed test has failed all the same.
    pub fn or_failed(mut self, passed: bool) -> Self {
        self.failed += u64::from(!passed && self.failed == 0);
        self
    }

    /// Tests that said they were left out did not pass.
    pub fn without(mut self, left_out: usize) -> Self {
        let left_out = (left_out as u64).min(self.passed);
        self.passed -= left_out;
        self.skipped += left_out;
        self
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Adds up `N word` items separated by commas; words that are no outcome are passed over.
fn items(text: &str) -> Tally {
    let mut tally = Tally::default();
    for item in text.split([',', ';']) {
        let mut words = item.split_whitespace();
        let (Some(count), Some(word)) = (words.next().and_then(|it| it.parse::<u64>().ok()), words.next()) else {
            continue;
        };
        match word {
            "passed" => tally.passed += count,
            "failed" | "timed" => tally.failed += count,
            "skipped" | "ignored" => tally.skipped += count,
            _ => {}
        }
    }
    tally
}

/// nextest's last `Summary [ 1.2s] 3 tests run: 2 passed, 1 failed, 0 skipped`.
pub fn nextest(said: &str) -> Option<Tally> {
    let line = said.lines().rev().find(|line| line.contains("Summary [") && line.contains("run:"))?;
    Some(items(line.split_once("run:")?.1))
}

/// Every `test result: ok. 5 passed; 0 failed; 0 ignored; …` of `cargo test`.
pub fn cargo_test(said: &str) -> Tally {
    let mut sum = Tally::default();
    for line in said.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        sum += items(line.split_once(". ").map_or(line, |(_, counts)| counts));
    }
    sum
}

/// vitest's JSON report.
pub fn vitest(report: &str) -> Result<Tally> {
    let report: serde_json::Value = serde_json::from_str(report).context("the report of vitest is not JSON")?;
    let count = |name: &str| report[name].as_u64().with_context(|| format!("the report of vitest has no `{name}`"));
    let skipped = count("numPendingTests")? + report["numTodoTests"].as_u64().unwrap_or_default();
    Ok(Tally { passed: count("numPassedTests")?, failed: count("numFailedTests")?, skipped })
}

/// The last line that is not empty, if it is a tally.
pub fn last_line(said: &str) -> Option<Tally> {
    let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let tally = items(line);
    (tally.to_string() == line).then_some(tally)
}

/// What tests print instead of failing when the machine lacks something: lines `skipped: <why>` in nextest's JUnit report.
pub fn left_out(junit: &str) -> Vec<String> {
    let lines = junit.lines().filter_map(|line| {
        line.split_once("skipped: ").filter(|(before, _)| before.is_empty() || before.ends_with('>'))
    });
    lines.map(|(_, why)| format!("left out: {}", why.split('<').next().unwrap_or(why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn nextest_is_read_from_its_summary() {
        let said = "   PASS a\n     Summary [   0.005s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped\n   FAIL b\n";
        assert_eq!(nextest(said), Some(tally(9, 3, 3)));
        assert_eq!(nextest("Summary [ 1s] 1 test run: 1 passed, 0 skipped"), Some(tally(1, 0, 0)));
        assert_eq!(nextest("error: could not compile"), None);
    }

    #[test]
    fn results_of_cargo_test_add_up() {
        let said = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.1s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(cargo_test(said), tally(6, 2, 1));
    }

    #[test]
    fn a_suite_ends_with_its_tally_and_nothing_else_counts() {
        assert_eq!(last_line("…\n3 passed, 0 failed, 1 skipped\n\n"), Some(tally(3, 0, 1)));
        assert_eq!(last_line("3 passed, 0 failed, 1 skipped\nbye"), None);
        assert_eq!(last_line("3 passed"), None);
    }

    #[test]
    fn what_failed_without_a_failed_test_failed_and_what_was_left_out_did_not_pass() {
        assert_eq!(tally(3, 0, 0).or_failed(false), tally(3, 1, 0));
        assert_eq!(tally(3, 2, 0).or_failed(false), tally(3, 2, 0));
        assert_eq!(tally(3, 0, 0).without(2), tally(1, 0, 2));
        let junit =
            "<system-out>skipped: no python</system-out>\nskipped: no chromium\nrun: nothing was skipped: fine\n";
        assert_eq!(left_out(junit), ["left out: no python", "left out: no chromium"]);
    }

    #[test]
    fn vitest_is_read_from_its_report() {
        let report =
            r#"{"numTotalTests":6,"numPassedTests":3,"numFailedTests":1,"numPendingTests":1,"numTodoTests":1}"#;
        assert_eq!(vitest(report).unwrap(), tally(3, 1, 2));
        assert!(vitest("{}").is_err());
    }
}
