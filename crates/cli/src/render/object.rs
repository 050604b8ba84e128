//! Any object of the API as indented text, with its actions last: what may be done, and why the rest may not.
//! Deliberately absent: knowledge of nouns. What the server says is shown.

use super::{Paint, refusal};
use interlock_wire::reason::{Action, Severity};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// An object as text.
pub fn describe(it: &Value, paint: Paint, now: Timestamp) -> String {
    let mut lines = Vec::new();
    match it {
        Value::Object(fields) => fields_of(fields, 0, paint, &mut lines),
        other => lines.push(plain(other)),
    }
    if let Some(actions) = it
        .get("actions")
        .and_then(|it| serde_json::from_value::<Vec<Action>>(it.clone()).ok())
        .filter(|it| !it.is_empty())
    {
        lines.push(paint.bold("actions:"));
        lines.extend(tell(&actions, paint, now));
    }
    lines.join("\n")
}

/// Actions, allowed ones first as the server gave them.
pub fn tell(actions: &[Action], paint: Paint, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for action in actions {
        let (word, severity) = if action.allowed { ("may", Severity::Good) } else { ("may not", Severity::Bad) };
        lines.push(format!("  {} {}: {}", paint.severity(severity, word), action.name, action.effect));
        lines.extend(refusal::blockers(&action.reasons, paint, now).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn fields_of(fields: &Map<String, Value>, depth: usize, paint: Paint, lines: &mut Vec<String>) {
    for (name, value) in fields.iter().filter(|(name, value)| *name != "actions" && !is_empty(value)) {
        let indent = "  ".repeat(depth);
        let title = paint.bold(&format!("{name}:"));
        if let Some(text) = short(value) {
            lines.push(format!("{indent}{title} {text}"));
            continue;
        }
        lines.push(format!("{indent}{title}"));
        match value {
            Value::Object(fields) => fields_of(fields, depth + 1, paint, lines),
            Value::Array(items) => items.iter().for_each(|item| item_of(item, depth + 1, paint, lines)),
            _ => {}
        }
    }
}

fn item_of(item: &Value, depth: usize, paint: Paint, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match item {
        _ if short(item).is_some() => lines.push(format!("{indent}- {}", short(item).unwrap_or_default())),
        Value::Object(fields) => {
            let mut inner = Vec::new();
            fields_of(fields, 0, paint, &mut inner);
            let prefixed = inner
                .into_iter()
                .enumerate()
                .map(|(n, line)| format!("{indent}{} {line}", if n == 0 { "-" } else { " " }));
            lines.extend(prefixed);
        }
        other => lines.push(format!("{indent}- {other}")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What fits in one line: plain values, statuses by their label, references by their name, lists of plain values.
pub fn short(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            let exactly =
                |names: &[&str]| fields.len() == names.len() && names.iter().all(|name| fields.contains_key(*name));
            match () {
                () if exactly(&["value", "label", "severity", "is_terminal"]) => text("label").map(str::to_owned),
                () if exactly(&["id", "name"]) || exactly(&["kind", "id", "name"]) => {
                    let (id, name) = (text("id")?, text("name")?);
                    Some(if id == name { id.to_owned() } else { format!("{name} ({id})") })
                }
                () if exactly(&["start", "end"]) => {
                    Some(format!("{} to {}", text("start")?, text("end").unwrap_or("open")))
                }
                () => None,
            }
        }
        Value::Array(items) => {
            let plain: Option<Vec<String>> =
                items.iter().map(|item| if item.is_array() { None } else { short(item) }).collect();
            let text = plain?.join(", ");
            (text.chars().count() <= 100).then_some(text)
        }
        Value::String(text) if text.contains('\n') => Some(text.trim_end().replace('\n', "\n    ")),
        other => Some(plain(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_told_with_its_actions_last() {
        let it = json!({
            "name": "a", "actions": [
                {"name": "plan", "label": "Plan", "allowed": true, "reasons": [], "effect": "It gets a window", "needs_reason": false},
                {"name": "deploy", "label": "Deploy", "allowed": false, "effect": "It ships", "needs_reason": false,
                 "reasons": [{"code": "c", "message": "no permit", "clears": "authorise it", "who": ["rita"]}]},
            ],
            "status": {"value": "draft", "label": "Draft", "severity": "neutral", "is_terminal": false},
            "owner": {"id": "acc_1", "name": "rita"}, "nothing": null, "empty": [],
            "waves": [{"name": "canary", "targets": ["x", "y"]}],
        });
        let text = describe(&it, Paint::never(), Timestamp::UNIX_EPOCH);
        for part in [
            "name: a",
            "status: Draft",
            "owner: rita (acc_1)",
            "  - name: canary",
            "    targets: x, y",
            "  may plan: It gets a window",
            "  may not deploy: It ships",
            "    - no permit (c)",
            "clears: authorise it",
        ] {
            assert!(text.contains(part), "`{part}` is missing:\n{text}");
        }
        assert!(!text.contains("nothing") && !text.contains("empty"));
        assert!(text.find("actions:").unwrap() > text.find("waves:").unwrap());
    }
}
