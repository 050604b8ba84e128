//! Which facts a policy reads, found in its syntax tree.

use std::collections::BTreeSet;

use serde_json::Value;

/// The facts a policy reads, from Cedar's JSON form of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    pub names: BTreeSet<String>,
    /// The context is used as a whole, so every fact counts as read.
    pub all: bool,
}

impl Reads {
    /// Whether the policy reads that fact. Testing for it with `has` counts.
    pub fn contains(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    /// Collects from the JSON form of one policy.
    pub fn of(policy: &Value) -> Reads {
        let mut reads = Reads::default();
        if let Some(conditions) = policy.get("conditions") {
            reads.visit(conditions);
        }
        reads
    }

    fn visit(&mut self, node: &Value) {
        match node {
            Value::Object(fields) => {
                for (key, inner) in fields {
                    match (key.as_str(), attribute_of_context(inner)) {
                        ("." | "has", Some(name)) => {
                            self.names.insert(name.to_owned());
                        }
                        ("Var", _) if inner == "context" => self.all = true,
                        // A literal holds no expressions, and may hold anything a person cares to write.
                        ("Value", _) => {}
                        _ => self.visit(inner),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            _ => {}
        }
    }
}

/// `{"left": {"Var": "context"}, "attr": "name"}` gives `name`.
fn attribute_of_context(node: &Value) -> Option<&str> {
    if node.get("left")?.get("Var")? != "context" {
        return None;
    }
    node.get("attr")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> Reads {
        let text = format!("permit(principal, action, resource) when {{ {condition} }};");
        Reads::of(&cedar_policy::Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn finds_every_form_of_reading() {
        let names = |condition: &str| reads(condition).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names("context.a && !(context[\"b c\"] == 3)"), ["a", "b c"]);
        assert_eq!(names("context has x && [context.y].contains(1)"), ["x", "y"]);
        assert_eq!(names("if context.a then {\"r\": context.b}.r else context.c like \"*\""), ["a", "b", "c"]);
        assert_eq!(names("context.a.containsAny(context.b) || 1 + context.n < 3"), ["a", "b", "n"]);
        assert!(names("principal has context && principal.context.attr == \"Var\"").is_empty());
    }

    #[test]
    fn the_context_as_a_whole_reads_everything() {
        assert!(reads("context == {}").all);
        assert!(reads("(if true then context else context).a").all);
        assert!(!reads("context.a").all);
    }
}
