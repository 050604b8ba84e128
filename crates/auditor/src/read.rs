//! Reading values out of entries. What is missing reads as empty: the rules then find that nothing is shown.

use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// An entry's frame.
pub struct Entry<'a> {
    pub position: u64,
    pub at: Timestamp,
    pub by: &'a Value,
    pub kind: &'a str,
    pub data: &'a Value,
}

impl<'a> Entry<'a> {
    pub fn read(position: u64, value: &'a Value) -> Option<Self> {
        Some(Self {
            position,
            at: crate::moment(&value["at"])?,
            by: &value["by"],
            kind: value["event"]["kind"].as_str()?,
            data: &value["event"]["data"],
        })
    }

    pub fn text(&self, name: &str) -> &'a str {
        self.data[name].as_str().unwrap_or_default()
    }
}

/// The account that acted, if one did.
pub fn by<'a>(entry: &Entry<'a>) -> Option<&'a str> {
    entry.by["account"].as_str()
}

pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

pub fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub fn set(value: &Value) -> BTreeSet<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The word of an enumeration: itself, or the name of its only field.
pub fn word(value: &Value) -> &str {
    value.as_str().or_else(|| value.as_object().and_then(|it| it.keys().next()).map(String::as_str)).unwrap_or_default()
}
