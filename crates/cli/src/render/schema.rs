//! JSON Schema as text for the terminal: one line per field, with type and meaning, nested as it is written.
//! Invariant: ends on any schema; a type that holds itself is named, not followed again.

use serde_json::Value;

const DEEPEST: usize = 8;

/// A schema as text. References are looked up in the document itself.
pub fn explain(schema: &Value) -> String {
    let mut lines = Vec::new();
    if let Some(text) = said(schema) {
        lines.push(text);
        lines.push(String::new());
    }
    fields(schema, schema, 0, &mut Vec::new(), &mut lines);
    lines.join("\n")
}

fn said(schema: &Value) -> Option<String> {
    schema.get("description").and_then(Value::as_str).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
    // A field that may be absent is a choice between its type and null.
    let choices = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| schema.get(name).and_then(Value::as_array));
    let real = choices
        .map(|all| all.iter().filter(|it| it.get("type").and_then(Value::as_str) != Some("null")).collect::<Vec<_>>());
    let schema = match real.as_deref() {
        Some([only]) => only,
        _ => schema,
    };
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            (target.unwrap_or(schema), reference.rsplit('/').next())
        }
        None => (schema, None),
    }
}

fn kind(root: &Value, schema: &Value) -> String {
    let (it, name) = resolve(root, schema);
    let words = |values: &[Value]| values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    if let Some(values) = it.get("enum").and_then(Value::as_array) {
        return words(values);
    }
    if let Some(constant) = it.get("const") {
        return constant.to_string();
    }
    if let Some(all) = it.get("oneOf").and_then(Value::as_array) {
        let constants: Vec<&str> =
            all.iter().filter_map(|one| one.get("const").or_else(|| one.get("enum")?.get(0))?.as_str()).collect();
        if constants.len() == all.len() {
            return constants.join(" | ");
        }
    }
    let types = match it.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect::<Vec<_>>().join(" | ")
        }
        _ => name.unwrap_or("anything").to_owned(),
    };
    match (types.as_str(), it.get("items"), it.get("additionalProperties").filter(|more| more.is_object())) {
        ("array", Some(items), _) => format!("list of {}", kind(root, items)),
        ("object", _, Some(more)) if it.get("properties").is_none() => format!("map of {}", kind(root, more)),
        _ => types,
    }
}

fn fields<'a>(root: &'a Value, schema: &'a Value, depth: usize, path: &mut Vec<&'a str>, lines: &mut Vec<String>) {
    let (it, name) = resolve(root, schema);
    if depth > DEEPEST || name.is_some_and(|name| path.contains(&name)) {
        return;
    }
    path.extend(name);
    let items = it.get("items").or_else(|| it.get("additionalProperties").filter(|more| more.is_object()));
    if let Some(items) = items {
        fields(root, items, depth, path, lines);
    }
    let required: Vec<&str> =
        it.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, inner) in it.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let needed = if required.contains(&field.as_str()) { ", required" } else { "" };
        let meaning =
            said(inner).or_else(|| said(resolve(root, inner).0)).map(|text| format!("  {text}")).unwrap_or_default();
        lines.push(format!("{}{field} <{}{needed}>{meaning}", "  ".repeat(depth), kind(root, inner)));
        fields(root, inner, depth + 1, path, lines);
    }
    if name.is_some() {
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_told_with_type_need_and_meaning() {
        let schema = json!({
            "description": "A thing", "type": "object", "required": ["name"],
            "properties": {
                "name": {"type": "string", "description": "What it is\ncalled"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                "mode": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/Mode"}]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "$defs": {
                "Part": {"type": "object", "properties": {"weight": {"type": ["integer", "null"]}, "inner": {"$ref": "#/$defs/Part"}}},
                "Mode": {"type": "string", "enum": ["fast", "slow"]},
            },
        });
        let text = explain(&schema) + "\n";
        for part in [
            "A thing\n",
            "name <string, required>  What it is called",
            "parts <list of object>\n  ",
            "\n  inner <object>\n",
            "\n  weight <integer>\n",
            "mode <fast | slow>",
            "labels <map of string>",
        ] {
            assert!(text.contains(part), "`{part}` is missing:\n{text}");
        }
    }
}
