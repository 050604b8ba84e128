//! What a compiled policy carries besides its condition: annotations, actions, facts read, whom it can concern.

use std::collections::BTreeSet;

use cedar_policy::{ActionConstraint, Effect, EntityUid, Policy, PrincipalConstraint};

use crate::error::PolicyError;
use crate::message::Message;
use crate::reads::Reads;
use crate::request::PrincipalKind;
use crate::verdict::{Outcome, codes};
use crate::vocabulary::{Vocabulary, vocabulary};

/// Where a policy stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub pack: String,
    pub file: String,
    pub line: usize,
}

impl Place {
    pub fn error(&self, code: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> PolicyError {
        PolicyError::new(code, &self.pack, &self.file, self.line, what, remedy)
    }
}

/// One policy, understood.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub id: String,
    pub place: Place,
    pub forbids: bool,
    /// What a firing forbid means: `Fail`, or `Inconclusive` where evidence is absent.
    pub outcome: Outcome,
    pub message: Option<(String, Message)>,
    pub clears: String,
    pub who: String,
    pub control: Option<String>,
    pub gate: Option<String>,
    /// Actions by name that its scope admits.
    pub actions: BTreeSet<String>,
    /// Kinds of principal that its scope admits.
    pub kinds: BTreeSet<PrincipalKind>,
    /// Roles that a permit speaks about.
    pub roles: BTreeSet<String>,
    pub reads: Reads,
}

const ANNOTATIONS: [&str; 8] = ["id", "message", "clears", "who", "control", "gate", "outcome", "roles"];

impl Meta {
    /// Reads a policy; every fault is added to `errors`. A policy with faults still gets a `Meta`, so that whatever else
    /// is wrong with it is found in the same run.
    pub fn read(policy: &Policy, place: Place, errors: &mut Vec<PolicyError>) -> Meta {
        let vocabulary = vocabulary();
        let before = errors.len();
        for (name, _) in policy.annotations() {
            if !ANNOTATIONS.contains(&name) {
                errors.push(place.error(
                    "P008",
                    format!("@{name} is no annotation of a policy"),
                    format!("the annotations are @{}", ANNOTATIONS.join(", @")),
                ));
            }
        }
        let text = |name: &str| policy.annotation(name).map(str::trim).filter(|text| !text.is_empty());
        let forbids = policy.effect() == Effect::Forbid;
        let wanted: &[&str] = if forbids { &["id", "message", "clears", "who"] } else { &["id"] };
        for name in wanted.iter().filter(|name| text(name).is_none()) {
            errors.push(place.error(
                "P007",
                format!("the policy has no @{name}"),
                match *name {
                    "id" => "give it a name that stays, such as @id(\"base.on-leave\")",
                    "message" => "say what stands in the way, as the person who meets it should read it",
                    "clears" => "say what would clear it",
                    _ => "say who can clear it",
                },
            ));
        }

        let id = text("id").unwrap_or_default().to_owned();
        if !id.is_empty() && !is_id(&id) {
            errors.push(place.error(
                "P009",
                format!("`{id}` cannot be the id of a policy"),
                "an id is made of lower-case letters, digits, dots and hyphens, begins with a letter, and is none of \
                 the codes that Interlock gives itself",
            ));
        }

        let actions = actions(policy, vocabulary);
        let message = text("message").and_then(|text| match Message::parse(text) {
            Ok(message) => Some((text.to_owned(), message)),
            Err(fault) => {
                errors.push(place.error("P012", format!("the message of {id} cannot be read: {fault}"), PLACEHOLDERS));
                None
            }
        });
        if let Some((_, message)) = &message {
            check_placeholders(&id, message, &actions, &place, errors);
        }

        let gate = text("gate").map(str::to_owned);
        if let Some(gate) = gate.as_deref().filter(|gate| !actions.contains(&format!("gate.{gate}"))) {
            errors.push(place.error(
                "P013",
                format!("@gate says {gate}, but the policy does not apply to gate.{gate}"),
                "name the gate whose action stands in the policy, without the `gate.`",
            ));
        }
        let outcome = match text("outcome") {
            None | Some("fail") => Outcome::Fail,
            Some("inconclusive") => Outcome::Inconclusive,
            Some(other) => {
                errors.push(place.error(
                    "P013",
                    format!("@outcome is {other}"),
                    "@outcome is fail, or inconclusive where evidence is absent",
                ));
                Outcome::Fail
            }
        };
        let roles = roles(policy, vocabulary, &place, errors);
        let json = policy.to_json().unwrap_or_default();
        // Without the tree nobody knows what the policy reads; then it reads everything.
        let reads = if json.is_null() { Reads { all: true, ..Reads::default() } } else { Reads::of(&json) };
        // Faults of a policy without a name are still told apart by their line.
        let id = if errors.len() > before && id.is_empty() { format!("{}:{}", place.file, place.line) } else { id };
        Meta {
            id,
            forbids,
            outcome,
            message,
            clears: text("clears").unwrap_or_default().to_owned(),
            who: text("who").unwrap_or_default().to_owned(),
            control: text("control").map(str::to_owned),
            gate,
            actions,
            kinds: kinds(policy),
            roles,
            reads,
            place,
        }
    }
}

const PLACEHOLDERS: &str = "{fact} is a fact of the action; {fact:thing is|things are} counts";

fn check_placeholders(
    id: &str,
    message: &Message,
    actions: &BTreeSet<String>,
    place: &Place,
    errors: &mut Vec<PolicyError>,
) {
    use crate::vocabulary::FactType;
    for (fact, counted) in message.facts() {
        for action in actions {
            let declared = vocabulary().actions.get(action).and_then(|info| info.facts.get(fact));
            match declared {
                None => errors.push(place.error(
                    "P012",
                    format!("the message of {id} names {fact}, which is no fact of {action}"),
                    PLACEHOLDERS,
                )),
                Some(info) if counted && !matches!(info.fact_type, FactType::Long | FactType::Set) => {
                    errors.push(place.error(
                        "P012",
                        format!("the message of {id} counts {fact}, which is {}", info.fact_type.in_words()),
                        PLACEHOLDERS,
                    ));
                }
                Some(_) => {}
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= 100
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
        && !codes::ALL.contains(&id)
}

/// The actions that the scope admits. Conditions may narrow them further; that is left to evaluation.
fn actions(policy: &Policy, vocabulary: &Vocabulary) -> BTreeSet<String> {
    let named = |uids: Vec<EntityUid>| -> BTreeSet<String> {
        let names: BTreeSet<String> = uids.iter().map(|uid| uid.id().unescaped().to_owned()).collect();
        let all = vocabulary.actions.iter();
        all.filter(|(name, info)| names.contains(*name) || info.groups.iter().any(|group| names.contains(group)))
            .map(|(name, _)| name.clone())
            .collect()
    };
    match policy.action_constraint() {
        ActionConstraint::Any => vocabulary.actions.keys().cloned().collect(),
        ActionConstraint::In(uids) => named(uids),
        ActionConstraint::Eq(uid) => named(vec![uid]),
    }
}

/// The kinds of principal that the scope admits.
fn kinds(policy: &Policy) -> BTreeSet<PrincipalKind> {
    let of_type = |name: String| PrincipalKind::ALL.into_iter().filter(|kind| kind.entity_type() == name).collect();
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => PrincipalKind::ALL.into_iter().collect(),
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => of_type(name.to_string()),
        PrincipalConstraint::Eq(uid) => of_type(uid.type_name().to_string()),
    }
}

/// The roles a policy is about: what `@roles` says, otherwise every role it mentions.
fn roles(policy: &Policy, vocabulary: &Vocabulary, place: &Place, errors: &mut Vec<PolicyError>) -> BTreeSet<String> {
    let mentioned: BTreeSet<String> = policy
        .entity_literals()
        .iter()
        .filter(|uid| uid.type_name().to_string() == "Role")
        .map(|uid| uid.id().unescaped().to_owned())
        .collect();
    let Some(listed) = policy.annotation("roles") else { return mentioned };
    let listed: BTreeSet<String> = listed.split(',').map(|role| role.trim().to_owned()).collect();
    for role in listed.iter().filter(|role| !mentioned.contains(*role)) {
        let known = vocabulary.roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        errors.push(place.error(
            "P013",
            format!("@roles lists {role}, which the policy does not mention"),
            format!("list roles that stand in the policy; the roles are {known}"),
        ));
    }
    listed
}
