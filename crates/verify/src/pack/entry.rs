//! What a check reads of an entry: who, when, which kind, and the rulings within. Not its meaning.
//!
//! **Invariant:** the bytes are what was hashed; what is read is only ever read from them.

use crate::digest::Digest;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::collections::{BTreeMap, BTreeSet};

/// An entry at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: u64,
    pub body: Vec<u8>,
}

/// An entry, read.
#[derive(Clone, Debug)]
pub struct ReadEntry {
    pub position: u64,
    pub at: Timestamp,
    /// `acc_…`, `runner:<name>` or `system`.
    pub by: String,
    pub kind: String,
    pub data: Value,
    /// The same as it is written: what is shown must not depend on how a map is kept.
    pub text: String,
    pub leaf: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    v: u32,
    at: Timestamp,
    by: Value,
    sub: String,
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event<'a> {
    kind: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A ruling within an entry: what a policy set said about something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The gate, or `decision` for the entry as a whole.
    pub about: String,
    pub outcome: String,
    pub policy_set: String,
    pub facts: String,
    pub policies: Vec<String>,
}

/// A policy set, as installed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyPack {
    // In alphabetical order: the digest of a set is over its JSON.
    pub files: BTreeMap<String, String>,
    pub name: String,
    pub version: String,
}

impl ReadEntry {
    /// Reads the record of an entry.
    ///
    /// # Errors
    /// It has not the form of a record.
    pub fn read(entry: &Entry) -> Result<Self, String> {
        let record: Record = serde_json::from_slice(&entry.body).map_err(|error| error.to_string())?;
        if record.v != 1 {
            return Err(format!("its record has form {}; this version reads form 1", record.v));
        }
        if !record.sub.starts_with("sub_") {
            return Err("it names no submission".into());
        }
        let by = match &record.by {
            Value::String(text) if text == "system" => text.clone(),
            Value::Object(map) => match (map.get("account"), map.get("runner")) {
                (Some(Value::String(account)), None) => account.clone(),
                (None, Some(Value::String(runner))) => format!("runner:{runner}"),
                _ => return Err("it does not say who".into()),
            },
            _ => return Err("it does not say who".into()),
        };
        let Event { kind, data } = record.event;
        let text = data.get().to_owned();
        let data = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(Self { position: entry.position, at: record.at, by, kind, data, text, leaf: Digest::leaf(&entry.body) })
    }

    /// The rulings recorded in it.
    pub fn rulings(&self) -> Vec<Ruling> {
        let mut found = Vec::new();
        if self.kind == "reason.refused" {
            let text = |key: &str| self.data.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let blockers = self.data.get("blockers").and_then(Value::as_array).into_iter().flatten();
            let codes = blockers.filter_map(|it| it.get("code")?.as_str().map(str::to_owned));
            found.push(Ruling {
                about: text("action"),
                outcome: text("outcome"),
                policy_set: text("policy_set"),
                facts: text("facts"),
                policies: codes.collect(),
            });
            return found;
        }
        rulings(&self.data, "decision", &mut found);
        found
    }

    /// Every digest that it names.
    pub fn digests(&self) -> BTreeSet<Digest> {
        let mut found = BTreeSet::new();
        digests(&self.data, &mut found);
        found
    }

    /// The policy set it installed, with the digest it says.
    pub fn installed(&self) -> Option<(String, Vec<PolicyPack>)> {
        if self.kind != "policy.installed" {
            return None;
        }
        let digest = self.data.get("digest")?.as_str()?.to_owned();
        Some((digest, serde_json::from_value(self.data.get("packs")?.clone()).ok()?))
    }
}

fn rulings(value: &Value, about: &str, found: &mut Vec<Ruling>) {
    match value {
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
            let policies = map.get("policies").and_then(Value::as_array);
            if let (Some(outcome), Some(policy_set), Some(facts), Some(policies)) =
                (text("outcome"), text("policy_set"), text("facts"), policies)
            {
                let policies = policies.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
                found.push(Ruling { about: about.into(), outcome, policy_set, facts, policies });
                return;
            }
            let own = text("name").filter(|_| map.contains_key("ruling"));
            map.values().for_each(|it| rulings(it, own.as_deref().unwrap_or(about), found));
        }
        Value::Array(all) => all.iter().for_each(|it| rulings(it, about, found)),
        _ => {}
    }
}

fn digests(value: &Value, found: &mut BTreeSet<Digest>) {
    match value {
        Value::String(text) => found.extend(text.parse::<Digest>().ok()),
        Value::Object(map) => map.values().for_each(|it| digests(it, found)),
        Value::Array(all) => all.iter().for_each(|it| digests(it, found)),
        _ => {}
    }
}

/// The digest of a policy set: SHA-256 over its packs as JSON, sorted by name.
pub fn policy_digest(packs: &[PolicyPack]) -> Digest {
    let sorted: BTreeMap<&str, &PolicyPack> = packs.iter().map(|pack| (pack.name.as_str(), pack)).collect();
    let list: Vec<&PolicyPack> = sorted.into_values().collect();
    Digest::of(&serde_json::to_vec(&list).unwrap_or_default())
}

/// The `@control` annotations of every policy in a Cedar text, by its `@id`.
pub fn controls(cedar: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let (mut id, mut of) = (None::<String>, Vec::new());
    let mut rest = cedar;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        } else if c == '"' {
            rest = string(rest).1;
        } else if c == ';' {
            if let Some(id) = id.take() {
                found.insert(id, std::mem::take(&mut of));
            }
            of.clear();
            rest = &rest[1..];
        } else if let Some(annotation) = rest.strip_prefix('@') {
            let end = annotation.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(annotation.len());
            let (name, after) = annotation.split_at(end);
            rest = after;
            if let Some(open) =
                after.trim_start().strip_prefix('(').map(str::trim_start).filter(|it| it.starts_with('"'))
            {
                let (text, after) = string(open);
                match name {
                    "id" => id = Some(text),
                    "control" => of.extend(text.split([',', ' ']).filter(|it| !it.is_empty()).map(str::to_owned)),
                    _ => {}
                }
                rest = after;
            }
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// A quoted text at the beginning, without quotes; escapes keep their second character. And what follows.
fn string(quoted: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = quoted.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &quoted[at + 1..]),
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            _ => out.push(c),
        }
    }
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_read_with_the_policy_they_stand_at() {
        let text = "// @id(\"comment\")\n@id(\"a.b\")\n@message(\"says \\\"@id(x); no\")\n@control(\"SOX-1, DORA-2\")\nforbid (principal, action, resource)\nwhen { context.x == \";\" };\n@id(\"c\")\npermit (principal, action, resource);\n";
        let found = controls(text);
        assert_eq!(found["a.b"], ["SOX-1", "DORA-2"]);
        assert_eq!(found["c"], Vec::<String>::new());
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn records_rulings_and_digests_are_read() {
        let digest = Digest::of(b"x");
        let body = format!(
            r#"{{"v":1,"at":"2026-01-01T00:00:00Z","by":{{"account":"acc_1"}},"sub":"sub_1","event":{{"kind":"release.authorised","data":{{"gates":[{{"name":"approvals","ruling":{{"outcome":"pass","policy_set":"s","facts":"f","policies":["p"],"blockers":[]}}}}],"x":"{digest}"}}}}}}"#
        );
        let entry = ReadEntry::read(&Entry { position: 1, body: body.clone().into_bytes() }).unwrap();
        assert_eq!((entry.by.as_str(), entry.kind.as_str()), ("acc_1", "release.authorised"));
        assert_eq!(entry.rulings()[0].about, "approvals");
        assert!(entry.digests().contains(&digest));
        for bad in
            [body.replace("\"v\":1", "\"v\":2"), body.replace("sub_1", "x"), body.replace("account", "x"), "{}".into()]
        {
            assert!(ReadEntry::read(&Entry { position: 1, body: bad.into_bytes() }).is_err());
        }
    }
}
