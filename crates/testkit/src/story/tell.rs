//! Answers as lines: what was written, or why nothing was.

use super::say::Answer;
use crate::{house::House, redact::Redactor, shop};
use interlock_domain::{
    core::{Record, World},
    reason::{Refusal, RefusalKind},
};
use serde_json::{Map, Value};

pub struct Teller {
    redactor: Redactor,
    /// Positions told so far.
    told: u64,
}

/// Fields that say nothing to a reader, or what the line says already.
const SILENT: [&str; 9] =
    ["ruling", "reason", "gates", "spec", "pipeline", "permit", "evidence", "summary", "root_cause"];

impl Teller {
    pub fn new(house: &House) -> Self {
        let mut redactor = Redactor::default();
        for who in ["admin", "rita", "dana", "erik", "amir", "bea", "olu"] {
            redactor.call(house.account(who), who);
        }
        for version in ["1.0.0", "1.1.0", "1.1.1", "1.2.0"] {
            redactor.call(shop::build(version), format!("build-{version}"));
        }
        Self { redactor, told: house.world().position }
    }

    pub fn tell(&mut self, house: &House, answer: &Answer, out: &mut String) {
        let mut lines = Vec::new();
        let end = house.world().position;
        let told = self.told;
        // Refusals are entries too, but the answer says more than they do.
        let entries = house.engine().ledger().read(told, (end - told) as usize).unwrap_or_default();
        for entry in &entries {
            match Record::decode(&entry.body) {
                Ok(record) if record.event.kind() == "reason.refused" && matches!(answer, Answer::Refused(_)) => {}
                Ok(record) => lines.push(line(&record, &house.world(), &mut self.redactor)),
                Err(error) => lines.push(format!("entry {} cannot be read: {error}", entry.position)),
            }
        }
        self.told = end;
        match answer {
            Answer::Written if lines.is_empty() => lines.push("nothing happens".into()),
            Answer::Written => {}
            Answer::Refused(refusal) => lines.extend(refused(refusal)),
            Answer::Text(text) => lines.extend(text.lines().map(str::to_owned)),
        }
        for line in lines {
            out.push_str("  ");
            out.push_str(&self.redactor.text(&line));
            out.push('\n');
        }
    }
}

fn refused(refusal: &Refusal) -> Vec<String> {
    let kind = match refusal.kind {
        RefusalKind::Denied => "denied",
        RefusalKind::Blocked => "blocked",
        RefusalKind::Invalid => "invalid",
        RefusalKind::NotFound => "not found",
        RefusalKind::Stale => "stale",
    };
    let mut lines = vec![format!("{kind}: {}", refusal.summary)];
    for it in &refusal.blockers {
        let by = it.by.map(|at| format!(", by {at}")).unwrap_or_default();
        lines.push(format!("- {}: {}", it.code, it.message));
        lines.push(format!("    {} ({}{by})", it.clears, it.who));
    }
    lines.extend(refusal.slots.iter().map(|slot| format!("+ free from {} to {}", slot.start, slot.end)));
    lines
}

fn line(record: &Record, world: &World, redactor: &mut Redactor) -> String {
    let value = serde_json::to_value(record).unwrap_or_default();
    let none = Map::new();
    let data = value["event"]["data"].as_object().unwrap_or(&none);
    let by = match &value["by"] {
        Value::Object(by) => by.values().next().and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let by = redactor.text(&by);
    let time = record.at.strftime("%d.%m. %H:%M:%S");
    let mut fields = String::new();
    for (name, value) in data.iter().filter(|(name, _)| !SILENT.contains(&name.as_str())) {
        if let Some(text) = field(name, value, data, world) {
            fields.push_str(&format!("  {name}={text}"));
        }
    }
    format!("{time}  {by:7}  {}{fields}", record.event.kind())
}

/// A value as a reader wants it; `None` if it says nothing.
fn field(name: &str, value: &Value, data: &Map<String, Value>, world: &World) -> Option<String> {
    match (name, value) {
        (_, Value::Null) => None,
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Bool(_) | Value::Number(_)) => Some(value.to_string()),
        ("leases" | "results", Value::Array(items)) => {
            Some(items.iter().map(|item| step(item, data, world)).collect::<Vec<_>>().join(" "))
        }
        ("waves" | "units", Value::Array(items)) => Some(items.len().to_string()),
        (_, Value::Array(items)) if items.is_empty() => None,
        (_, Value::Array(items)) => Some(items.iter().map(item).collect::<Vec<_>>().join(",")),
        ("window", Value::Object(it)) => Some(format!("{}..{}", it["start"].as_str()?, it["end"].as_str()?)),
        (_, Value::Object(it)) => {
            let (name, inner) = it.iter().next()?;
            let inner =
                inner.as_object().and_then(|it| it.values().find_map(Value::as_str)).map(|text| format!("({text})"));
            let only = it.len() == 1 || inner.is_some();
            only.then(|| format!("{name}{}", inner.unwrap_or_default()))
        }
    }
}

/// The member of a list by what it is known by.
fn item(value: &Value) -> String {
    let known = ["code", "name", "target", "service", "id"].iter().find_map(|key| value[*key].as_str());
    let words = value.as_str().or(known).map(str::to_owned);
    words.unwrap_or_else(|| value.to_string())
}

/// A step of a lease or a report: where, what, and what became of it.
fn step(value: &Value, data: &Map<String, Value>, world: &World) -> String {
    let deployment = data.get("deployment").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let known = deployment.and_then(|id| world.deployment.deployment(id));
    let number = |value: &Value| value.as_u64().unwrap_or_default() as usize;
    if value["unit"].is_null() {
        return item(value) + value["outcome"].as_str().map(|it| format!(":{it}")).unwrap_or_default().as_str();
    }
    let index = if value["step"].is_null() { &value["result"]["step"] } else { &value["step"] };
    let target = known.and_then(|it| it.units.get(number(&value["unit"]))).map(|it| it.target.to_string());
    let name = known.and_then(|it| it.pipeline.steps.get(number(index))).map(|it| it.name.to_string());
    let outcome = value["result"]["outcome"].as_str().map(|it| format!(":{it}")).unwrap_or_default();
    // Once its release is closed a deployment's plan is only in the ledger.
    let target = target.unwrap_or_else(|| format!("unit {}", value["unit"]));
    let name = name.unwrap_or_else(|| format!("step {index}"));
    format!("{target}/{name}{outcome}")
}
