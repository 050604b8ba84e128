//! The embedded schema, read once: actions, facts, roles, kinds of resource.
//!
//! The schema file is the only place where they are declared; everything here is derived from it. The facts of an action
//! are its context, and a fact's description comes from the annotations of its type.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, Schema, SchemaFragment};
use serde::Serialize;
use serde_json::Value;

use crate::action::Action;
use crate::request::{PrincipalKind, sha256};

const SCHEMA: &str = include_str!("../../../policies/schema.cedarschema");

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| match Vocabulary::read(SCHEMA) {
    Ok(vocabulary) => vocabulary,
    // Unreachable in a build whose tests ran: they read the same constant.
    Err(fault) => panic!("the embedded policy schema is broken: {fault}"),
});

pub(crate) fn vocabulary() -> &'static Vocabulary {
    &VOCABULARY
}

/// The schema, for people who write policies and for tools that analyse them.
pub fn schema_text() -> &'static str {
    SCHEMA
}

/// `sha256:` and 64 hex digits over the schema's text.
pub fn schema_digest() -> String {
    sha256(SCHEMA.as_bytes())
}

/// Every role the schema knows, sorted.
pub fn roles() -> BTreeSet<String> {
    vocabulary().roles.clone()
}

/// The facts an action takes, sorted by name; empty for an action the schema does not have.
pub fn facts_of(action: Action) -> Vec<FactInfo> {
    vocabulary().actions.get(action.as_str()).map_or_else(Vec::new, |info| info.facts.values().cloned().collect())
}

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactType {
    Bool,
    Long,
    Text,
    Set,
}

impl FactType {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            FactType::Bool => "true or false",
            FactType::Long => "a whole number",
            FactType::Text => "a text",
            FactType::Set => "a list of texts",
        }
    }
}

/// A fact that an action takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactInfo {
    pub name: String,
    #[serde(rename = "type")]
    pub fact_type: FactType,
    /// Whether every request for the action must bring it.
    pub required: bool,
    /// Completes "it is not known ...".
    pub about: String,
    /// What makes it known.
    pub supply: String,
}

/// What the schema says about one action.
#[derive(Debug)]
pub(crate) struct ActionInfo {
    pub uid: EntityUid,
    /// The action as a gerund.
    pub about: String,
    /// The groups it belongs to, directly or not.
    pub groups: BTreeSet<String>,
    pub principals: BTreeSet<PrincipalKind>,
    /// Entity type names of resources.
    pub resources: BTreeSet<String>,
    pub facts: BTreeMap<String, FactInfo>,
    /// The action itself, with its groups, for evaluation.
    pub entity: Entity,
}

#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub cedar: Schema,
    pub actions: BTreeMap<String, ActionInfo>,
    pub roles: BTreeSet<String>,
    /// Entity types by their name in lower case without hyphens.
    kinds: BTreeMap<String, EntityTypeName>,
    role: EntityTypeName,
    group: EntityTypeName,
}

impl Vocabulary {
    fn read(text: &str) -> Result<Vocabulary, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| error.to_string())?;
        let json = fragment.clone().to_json_value().map_err(|error| error.to_string())?;
        let cedar = Schema::from_schema_fragments([fragment]).map_err(|error| error.to_string())?;
        let tree = json.get("").ok_or("it declares nothing outside a namespace")?;
        let entities = cedar.action_entities().map_err(|error| error.to_string())?;

        let declared = object(tree, "entityTypes")?;
        let mut kinds = BTreeMap::new();
        for name in declared.keys() {
            kinds.insert(fold(name), type_name(name)?);
        }
        let roles = declared
            .get("Role")
            .and_then(|role| role.get("enum"))
            .and_then(Value::as_array)
            .ok_or("Role is not an enumeration")?
            .iter()
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect();

        let types = object(tree, "commonTypes")?;
        let mut actions = BTreeMap::new();
        for (name, action) in object(tree, "actions")? {
            // A group of actions applies to nobody.
            if action.get("appliesTo").is_some_and(|applies| !strings(applies, "principalTypes").is_empty()) {
                let info = action_info(name, action, types, &entities).map_err(|fault| format!("{name}: {fault}"))?;
                actions.insert(name.clone(), info);
            }
        }
        Ok(Vocabulary { cedar, actions, roles, kinds, role: type_name("Role")?, group: type_name("Group")? })
    }

    /// The entity type of a resource kind in any of the usual spellings.
    pub fn kind(&self, name: &str) -> Option<&EntityTypeName> {
        self.kinds.get(&fold(name))
    }

    /// The principal as Cedar sees it: an entity whose parents are its roles and groups.
    pub fn principal(&self, principal: &crate::request::Principal) -> Entity {
        let kind = self.kinds.get(&fold(principal.kind.entity_type()));
        let kind = kind.expect("a test finds the entity type of every principal kind");
        let roles = principal.roles.iter().map(|role| uid(&self.role, role));
        let groups = principal.groups.iter().map(|group| uid(&self.group, group));
        let parents: HashSet<EntityUid> = roles.chain(groups).collect();
        Entity::new_no_attrs(uid(kind, &principal.id), parents)
    }
}

pub(crate) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn type_name(name: &str) -> Result<EntityTypeName, String> {
    EntityTypeName::from_str(name).map_err(|error| error.to_string())
}

/// `SigningKey`, `signing-key` and `signing_key` are the same kind.
fn fold(name: &str) -> String {
    name.chars().filter(|c| *c != '-' && *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

fn action_info(
    name: &str,
    action: &Value,
    types: &serde_json::Map<String, Value>,
    entities: &Entities,
) -> Result<ActionInfo, String> {
    let uid = uid(&type_name("Action")?, name);
    let entity = entities.get(&uid).ok_or("it has no entity")?.clone();
    let applies = action.get("appliesTo").ok_or("it applies to nothing")?;
    let principals = strings(applies, "principalTypes");
    let mut facts = BTreeMap::new();
    for (fact, attribute) in object(applies.get("context").ok_or("it has no context")?, "attributes")? {
        let info = fact_info(fact, attribute, types).map_err(|fault| format!("{fact}: {fault}"))?;
        facts.insert(fact.clone(), info);
    }
    // The schema knows one level of groups; a test holds that no group is in a group.
    let groups = action
        .get("memberOf")
        .and_then(Value::as_array)
        .map(|groups| groups.iter().filter_map(|group| Some(group.get("id")?.as_str()?.to_owned())).collect())
        .unwrap_or_default();
    Ok(ActionInfo {
        uid,
        about: annotation(action, "doc")?,
        groups,
        principals: PrincipalKind::ALL.into_iter().filter(|kind| principals.contains(kind.entity_type())).collect(),
        resources: strings(applies, "resourceTypes"),
        facts,
        entity,
    })
}

fn fact_info(name: &str, attribute: &Value, types: &serde_json::Map<String, Value>) -> Result<FactInfo, String> {
    let alias = attribute.get("name").and_then(Value::as_str).ok_or("its type is not a declared one")?;
    let declared = types.get(alias).ok_or_else(|| format!("type {alias} is not declared"))?;
    let primitive = |node: &Value| node.get("name").and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let fact_type = match declared.get("type").and_then(Value::as_str) {
        Some("Set") if declared.get("element").is_some_and(|element| primitive(element) == "String") => FactType::Set,
        Some("EntityOrCommon") => match primitive(declared).as_str() {
            "Bool" => FactType::Bool,
            "Long" => FactType::Long,
            "String" => FactType::Text,
            other => return Err(format!("{other} is no type a fact can have")),
        },
        other => return Err(format!("{other:?} is no type a fact can have")),
    };
    Ok(FactInfo {
        name: name.to_owned(),
        fact_type,
        required: attribute.get("required").and_then(Value::as_bool).unwrap_or(true),
        about: annotation(declared, "doc")?,
        supply: annotation(declared, "supply")?,
    })
}

fn object<'a>(node: &'a Value, key: &str) -> Result<&'a serde_json::Map<String, Value>, String> {
    node.get(key).and_then(Value::as_object).ok_or_else(|| format!("{key} is missing"))
}

fn strings(node: &Value, key: &str) -> BTreeSet<String> {
    let list = node.get(key).and_then(Value::as_array);
    list.map(|items| items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()).unwrap_or_default()
}

fn annotation(node: &Value, key: &str) -> Result<String, String> {
    let text = node.get("annotations").and_then(|annotations| annotations.get(key)).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("@{key} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_and_the_constants_list_the_same_actions() {
        let read = Vocabulary::read(SCHEMA).unwrap();
        let declared: BTreeSet<&str> = read.actions.keys().map(String::as_str).collect();
        let constants: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(declared, constants);
        assert_eq!(constants.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(*action));
            let info = &read.actions[action.as_str()];
            assert_eq!(action.is_gate(), info.groups.contains("gates"), "{action}");
            let kinds: &[PrincipalKind] = if action.is_own() { &[PrincipalKind::System] } else { &PrincipalKind::ALL };
            assert_eq!(info.principals, kinds.iter().copied().collect(), "{action}");
        }
    }

    #[test]
    fn every_kind_and_every_group_is_where_the_code_looks_for_it() {
        let read = vocabulary();
        for kind in PrincipalKind::ALL {
            assert_eq!(read.kind(kind.entity_type()).unwrap().to_string(), kind.entity_type());
        }
        assert_eq!(read.kind("signing-key").unwrap().to_string(), "SigningKey");
        assert_eq!(read.kind("signing_key"), read.kind("SigningKey"));
        assert!(read.kind("signing key").is_none());
        assert!(read.roles.contains("on-call") && read.roles.len() == 9);
        // No group is itself in a group: what `action_info` counts on.
        let groups: BTreeSet<&String> = read.actions.values().flat_map(|info| &info.groups).collect();
        let entities = read.cedar.action_entities().unwrap();
        for group in groups {
            let uid = uid(&type_name("Action").unwrap(), group);
            assert!(entities.ancestors(&uid).unwrap().next().is_none(), "{group}");
        }
    }
}
