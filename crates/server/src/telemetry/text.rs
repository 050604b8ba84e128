//! Writes figures in the Prometheus text format (version 0.0.4).
//!
//! Invariants: every family has its help and type once, before its samples; label values are escaped; a value that is not known
//! is left out rather than written as zero.

use interlock_engine::telemetry::Reading;
use std::fmt::Write as _;

/// A page of figures in the making.
#[derive(Default)]
pub struct Page(String);

/// Labels of a sample.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

fn labels(all: &[(&str, &str)]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = all.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

impl Page {
    /// Begins a family; `kind` is counter, gauge or histogram.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub fn sample(&mut self, name: &str, of: Labels<'_>, value: f64) {
        let _ = writeln!(self.0, "{name}{} {value}", labels(of));
    }

    /// A family of one sample.
    pub fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A family of one sample, if the value is known.
    pub fn known(&mut self, name: &str, help: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.one(name, "gauge", help, value as f64);
        }
    }

    /// The samples of one histogram.
    pub fn histogram(&mut self, name: &str, of: Labels<'_>, reading: &Reading) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in &reading.buckets {
            let bound = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
            let mut all = of.to_vec();
            all.push(("le", &bound));
            self.sample(&bucket, &all, *count as f64);
        }
        self.sample(&format!("{name}_sum"), of, reading.sum);
        self.sample(&format!("{name}_count"), of, reading.buckets.last().map_or(0.0, |(_, count)| *count as f64));
    }

    pub fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_label_cannot_break_out_of_it() {
        let mut page = Page::default();
        page.sample("x", &[("a", "say \"hi\"\\\n"), ("b", "")], 1.5);
        assert_eq!(page.done(), "x{a=\"say \\\"hi\\\"\\\\\\n\",b=\"\"} 1.5\n");
    }
}
