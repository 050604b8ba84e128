//! Messages with placeholders for facts.
//!
//! `{windows}` is the fact itself; `{n:condition is|conditions are}` counts: `1 condition is`, `3 conditions are`.

use crate::request::{Fact, Facts};

/// A message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Fact(String),
    Count { fact: String, one: String, many: String },
}

/// A list longer than this is cut, with the number of what is left.
const LISTED: usize = 12;

impl Message {
    /// Takes a message apart. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Message, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if rest.as_bytes()[open] == b'}' {
                return Err("it closes a bracket that is not open".to_owned());
            }
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inside = &rest[open + 1..];
            let close = inside.find('}').ok_or("it opens a bracket that is not closed")?;
            parts.push(placeholder(&inside[..close])?);
            rest = &inside[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Message(parts))
    }

    /// The facts that are named, each with whether it is counted.
    pub fn facts(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Fact(name) => Some((name.as_str(), false)),
            Part::Count { fact, .. } => Some((fact.as_str(), true)),
        })
    }

    /// The message with the facts filled in; what is not known reads as `unknown`.
    pub fn fill(&self, facts: &Facts) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Fact(name) => out.push_str(&in_words(facts.get(name))),
                Part::Count { fact, one, many } => {
                    let count = match facts.get(fact) {
                        Some(Fact::Long(count)) => Some(*count),
                        Some(Fact::Set(items)) => i64::try_from(distinct(items).len()).ok(),
                        _ => None,
                    };
                    match count {
                        Some(1) => out.push_str(&format!("1 {one}")),
                        Some(count) => out.push_str(&format!("{count} {many}")),
                        None => out.push_str(&format!("an unknown number of {many}")),
                    }
                }
            }
        }
        out
    }
}

fn placeholder(inside: &str) -> Result<Part, String> {
    let (name, forms) = inside.split_once(':').map_or((inside, None), |(name, forms)| (name, Some(forms)));
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("`{{{inside}}}` does not begin with the name of a fact"));
    }
    let fact = name.to_owned();
    match forms {
        None => Ok(Part::Fact(fact)),
        Some(forms) => {
            let (one, many) = forms
                .split_once('|')
                .ok_or_else(|| format!("`{{{inside}}}` lacks its plural: {{{name}:thing|things}}"))?;
            Ok(Part::Count { fact, one: one.to_owned(), many: many.to_owned() })
        }
    }
}

fn distinct(items: &[String]) -> Vec<&str> {
    items.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn in_words(fact: Option<&Fact>) -> String {
    match fact {
        Some(Fact::Bool(true)) => "yes".to_owned(),
        Some(Fact::Bool(false)) => "no".to_owned(),
        Some(Fact::Long(value)) => value.to_string(),
        Some(Fact::Text(value)) if value.is_empty() => "none named".to_owned(),
        Some(Fact::Text(value)) => value.clone(),
        Some(Fact::Set(items)) => {
            let items = distinct(items);
            match items.len() {
                0 => "none named".to_owned(),
                n if n <= LISTED => items.join(", "),
                n => format!("{} and {} more", items[..LISTED].join(", "), n - LISTED),
            }
        }
        Some(Fact::Unknown(_)) | None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str, facts: Facts) -> String {
        Message::parse(text).unwrap().fill(&facts)
    }

    #[test]
    fn facts_are_filled_in() {
        let facts = Facts::new()
            .with("n", 1_i64)
            .with("m", 3_i64)
            .with("s", vec!["b".to_owned(), "a".to_owned(), "b".to_owned()])
            .with("t", "gold")
            .unknown("u", "why");
        assert_eq!(fill("{n:part is|parts are} open", facts.clone()), "1 part is open");
        assert_eq!(fill("{m:part is|parts are} open", facts.clone()), "3 parts are open");
        assert_eq!(fill("{s:is|are}: {s}.", facts.clone()), "2 are: a, b.");
        assert_eq!(fill("{t}/{u}/{absent}", facts.clone()), "gold/unknown/unknown");
        assert_eq!(fill("{u:part|parts}", facts), "an unknown number of parts");
        let many: Vec<String> = (10..30).map(|n| n.to_string()).collect();
        assert!(fill("{x}", Facts::new().with("x", many)).ends_with("20, 21 and 8 more"));
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        for bad in ["{", "}", "a } b", "{}", "{ n }", "{n:one}", "{a-b}"] {
            assert!(Message::parse(bad).is_err(), "{bad}");
        }
    }
}
