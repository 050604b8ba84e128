//! The text exposition format 0.0.4 of Prometheus: lines of `name{label="value",…} value [timestamp]`.
//! Only samples are read; HELP, TYPE, exemplars and timestamps are left aside.

use std::collections::BTreeMap;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sample {
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

/// Reads all samples.
///
/// # Errors
/// The number of the first line (from 1) that is none of the format's, and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Sample>, String> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            sample(line).ok_or_else(|| format!("line {number} is no sample of the Prometheus text format"))
        })
        .collect()
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (BTreeMap::new(), rest),
    };
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, quoted) = rest.split_once('=')?;
        let mut value = String::new();
        let mut chars = quoted.trim_start().strip_prefix('"')?.char_indices();
        let inside = quoted.trim_start().strip_prefix('"')?;
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.trim().to_owned(), value);
        rest = &inside[end + 1..];
    }
}

/// A number as Prometheus writes it: `+Inf`, `-Inf` and `NaN` included.
pub(super) fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the format's own documentation, shortened.
    const EXAMPLE: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
http_request_duration_seconds_bucket{le="0.05",} 24054
"#;

    #[test]
    fn the_documented_example_is_read() {
        let samples = parse(EXAMPLE).unwrap();
        assert_eq!(samples.len(), 6);
        assert_eq!(
            (samples[0].name.as_str(), samples[0].label("code"), samples[0].value),
            ("http_requests_total", Some("200"), 1027.0)
        );
        assert_eq!(samples[2].label("error"), Some("Cannot find file:\n\"FILE.TXT\""));
        assert_eq!(samples[4].value, f64::INFINITY);
        assert_eq!(samples[5].label("le"), Some("0.05"));
    }

    #[test]
    fn a_broken_line_is_named() {
        for bad in ["a{b=\"c\" 1", "a{b=c} 1", "<html>", "a one", "a{} ", "1a\u{0}b 2"] {
            assert_eq!(
                parse(&format!("fine 1\n{bad}")).unwrap_err(),
                "line 2 is no sample of the Prometheus text format",
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn label_values_survive(value in "[^\\\\\"\n]{0,20}") {
            let line = format!("m{{l=\"{value}\"}} 1");
            let samples = parse(&line).unwrap();
            prop_assert_eq!(samples[0].label("l"), Some(value.as_str()));
        }
    }
}
