//! The demo organisation as manifests: people, services, environments, calendar, pipeline, with this world's addresses,
//! key and dates filled in.
//!
//! Invariant: a placeholder `{{name}}` that nothing fills is an error, never an empty text. `${…}` is not ours: the plan of
//! a deployment fills it in.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::error::{DemoError, Result};
use crate::files::write_whole;
use crate::world::Description;

macro_rules! manifest {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../demo/organisation/", $name)))
    };
}

/// Manifests in the order they are to be applied.
const TEMPLATES: &[(&str, &str)] = &[
    manifest!("10-people.yaml"),
    manifest!("20-services.yaml"),
    manifest!("30-environments.yaml"),
    manifest!("40-calendar.yaml"),
    manifest!("50-signing-key.yaml"),
    manifest!("60-pipeline.yaml"),
];

/// When production is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Freeze {
    /// The two hours that begin two hours after `base`, on whole seconds: later today, as a newcomer sees it.
    ///
    /// # Errors
    /// When that leads beyond the calendar.
    pub fn after(base: Timestamp) -> Result<Self> {
        let invalid = |error: jiff::Error| DemoError::Invalid(format!("no freeze after {base}: {error}"));
        let base = base.round(jiff::Unit::Second).map_err(invalid)?;
        let start = base.checked_add(SignedDuration::from_hours(2)).map_err(invalid)?;
        Ok(Self { start, end: start.checked_add(SignedDuration::from_hours(2)).map_err(invalid)? })
    }
}

/// Somebody of the demo organisation, as the people's manifest has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persona {
    pub name: &'static str,
    pub display_name: &'static str,
    pub email: &'static str,
    pub roles: &'static [&'static str],
    /// What to try as this person, in a few words.
    pub to_try: &'static str,
}

impl Persona {
    /// What this person signs in with. It is printed, and good on this machine only.
    pub fn password(&self) -> String {
        format!("{}-at-the-shop", self.name)
    }
}

/// Login of the build robot, which hands over artefacts.
pub const BUILD_ROBOT: &str = "build";

/// Everybody, in the order a newcomer meets them.
pub const PERSONAS: &[Persona] = &[
    Persona {
        name: "rita",
        display_name: "Rita Moreau",
        email: "rita@shop.example",
        roles: &["release-manager"],
        to_try: "plan a release into the freeze and see what is offered instead",
    },
    Persona {
        name: "dana",
        display_name: "Dana Novak",
        email: "dana@shop.example",
        roles: &["developer"],
        to_try: "try to approve your own change",
    },
    Persona {
        name: "erik",
        display_name: "Erik Lindqvist",
        email: "erik@shop.example",
        roles: &["developer"],
        to_try: "bring a release whose fault only customers find",
    },
    Persona {
        name: "amir",
        display_name: "Amir Haddad",
        email: "amir@shop.example",
        roles: &["approver"],
        to_try: "approve with a condition",
    },
    Persona {
        name: "bea",
        display_name: "Bea Fischer",
        email: "bea@shop.example",
        roles: &["approver"],
        to_try: "decide with the facts in front of you",
    },
    Persona {
        name: "olu",
        display_name: "Olu Adeyemi",
        email: "olu@shop.example",
        roles: &["deployer", "on-call"],
        to_try: "deploy, pause, roll back",
    },
    Persona {
        name: "elin",
        display_name: "Elin Berg",
        email: "elin@shop.example",
        roles: &["environment-manager"],
        to_try: "book staging for an afternoon",
    },
    Persona {
        name: "aude",
        display_name: "Aude Laurent",
        email: "aude@shop.example",
        roles: &["auditor"],
        to_try: "follow a figure down to its ledger entries",
    },
    Persona {
        name: "ana",
        display_name: "Ana Ruiz",
        email: "ana@shop.example",
        roles: &["administrator"],
        to_try: "see who may do what",
    },
];

/// A text as a double-quoted YAML scalar. JSON strings are valid ones (YAML 1.2, section 1.3).
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn targets(world: &Description, environment: &str) -> String {
    let mut text = String::new();
    for target in world.targets.iter().filter(|target| target.environment == environment) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    - name: {}", target.name);
        let _ = writeln!(text, "      address: {}", quoted(&target.address()));
        let _ = writeln!(text, "      services: [{}]", target.service);
        let _ = writeln!(text, "      params:");
        for (name, value) in target.params(world) {
            let _ = writeln!(text, "        {name}: {}", quoted(&value));
        }
    }
    text.trim_end().to_owned()
}

/// Fills `{{name}}` placeholders in one pass.
fn fill(name: &str, template: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((key, tail)) = after.split_once("}}") else {
            return Err(DemoError::Invalid(format!("{name}: a placeholder is not closed")));
        };
        let value = values
            .get(key)
            .ok_or_else(|| DemoError::Invalid(format!("{name}: nothing fills the placeholder {key}")))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = tail;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The manifests for `world`: file name and content, in the order they are to be applied.
///
/// # Errors
/// When a template has a placeholder that nothing fills.
pub fn render(world: &Description, freeze: Freeze) -> Result<Vec<(String, String)>> {
    // Values end up between double quotes; a path may hold anything.
    let inside = |text: String| quoted(&text).trim_matches('"').to_owned();
    let mut values = BTreeMap::from([
        ("repository".to_owned(), inside(world.repository.display().to_string())),
        ("steps".to_owned(), inside(world.steps.display().to_string())),
        ("router_admin".to_owned(), world.router_admin()),
        ("public_key".to_owned(), world.key.public.clone()),
        ("freeze_start".to_owned(), freeze.start.to_string()),
        ("freeze_end".to_owned(), freeze.end.to_string()),
    ]);
    for environment in world.ports.frontends.keys() {
        values.insert(format!("targets.{environment}"), targets(world, environment));
    }
    TEMPLATES.iter().map(|(name, template)| Ok(((*name).to_owned(), fill(name, template, &values)?))).collect()
}

/// Renders the manifests into `<world>/organisation/`; gives their paths in the order they are to be applied.
///
/// # Errors
/// As [`render`], or when a file cannot be written.
pub fn write(world: &Description, freeze: Freeze) -> Result<Vec<PathBuf>> {
    let directory = world.dir.join("organisation");
    render(world, freeze)?
        .into_iter()
        .map(|(name, content)| {
            let path = directory.join(name);
            write_whole(&path, content.as_bytes()).map(|()| path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::world::{SigningKey, description_for_tests};

    fn documents(text: &str) -> Vec<Value> {
        text.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
    }

    fn rendered() -> Vec<Value> {
        let mut world = description_for_tests(Path::new("/data of \"the\" demo/world"));
        world.key = SigningKey { id: "00AB".to_owned(), public: "RWQ+/=".to_owned(), ..world.key };
        let freeze = Freeze::after("2026-11-23T10:00:00.5Z".parse().unwrap()).unwrap();
        render(&world, freeze).unwrap().iter().flat_map(|(_, text)| documents(text)).collect()
    }

    #[test]
    fn every_manifest_is_yaml_with_nothing_left_to_fill() {
        let all = rendered();
        let mut names = BTreeSet::new();
        for document in &all {
            assert_eq!(document["apiVersion"], "interlock/v1");
            assert!(document["spec"].is_object(), "{document}");
            assert!(!document.to_string().contains("{{"), "{document}");
            let kind = document["kind"].as_str().unwrap();
            assert!(names.insert((kind.to_owned(), document["metadata"]["name"].as_str().unwrap().to_owned())));
        }
        let count = |kind: &str| names.iter().filter(|(each, _)| each == kind).count();
        assert_eq!((count("Account"), count("Service"), count("Environment")), (10, 3, 2));
        assert_eq!((count("Calendar"), count("SigningKey"), count("Pipeline")), (2, 1, 1));
    }

    #[test]
    fn environments_name_their_targets_and_the_freeze_its_times() {
        let all = rendered();
        let find = |kind: &str, name: &str| {
            all.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == name).unwrap()["spec"].clone()
        };
        let production = find("Environment", "production");
        let targets = production["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 12);
        assert_eq!(targets[8]["name"], "checkout-1");
        assert_eq!(targets[8]["services"], serde_json::json!(["checkout"]));
        assert_eq!(targets[8]["params"]["pool"], "production-checkout");
        assert_eq!(targets[8]["params"]["dir"], "/data of \"the\" demo/world/targets/production/checkout-1");
        assert_eq!(find("Environment", "staging")["targets"].as_array().unwrap().len(), 3);
        let window = find("Calendar", "finance")["windows"][0].clone();
        assert_eq!(window["schedule"]["once"]["start"], "2026-11-23T12:00:01Z");
        assert_eq!(window["schedule"]["once"]["end"], "2026-11-23T14:00:01Z");
        let steps = find("Pipeline", "shop")["steps"].clone();
        assert_eq!(steps[1]["run"]["program"]["apply"][1], "/data of \"the\" demo/world/steps/deploy-instance.mjs");
    }

    #[test]
    fn personas_are_the_people_of_the_manifest() {
        let all = rendered();
        let people: Vec<_> = all.iter().filter(|it| it["kind"] == "Account" && it["spec"]["kind"] != "robot").collect();
        assert_eq!(people.len(), PERSONAS.len());
        for (person, persona) in people.iter().zip(PERSONAS) {
            assert_eq!(person["metadata"]["name"], persona.name);
            assert_eq!(person["spec"]["display_name"], persona.display_name);
            assert_eq!(person["spec"]["email"], persona.email);
            assert_eq!(person["spec"]["roles"], serde_json::json!(persona.roles));
        }
    }

    #[test]
    fn a_placeholder_nothing_fills_is_an_error() {
        let values = BTreeMap::from([("a".to_owned(), "{{b}}".to_owned())]);
        assert_eq!(fill("x", "-{{a}}-", &values).unwrap(), "-{{b}}-");
        assert!(fill("x", "{{b}}", &values).is_err());
        assert!(fill("x", "{{a", &values).is_err());
    }

    #[test]
    fn a_freeze_beyond_the_calendar_is_none() {
        assert!(Freeze::after(Timestamp::MAX).is_err());
    }
}
