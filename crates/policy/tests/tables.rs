//! The cases beside the policies: `policies/<pack>/tests/*.json`. Given these facts, this outcome and these reasons.
//!
//! A table starts from an ordinary request that passes; each case changes what it is about and says what comes out. So a
//! case shows the one thing that turns the verdict.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interlock_policy::{
    Action, Fact, Facts, Outcome, PolicySet, Principal, PrincipalKind, Request, Resource, shipped, standards,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The packs in force.
    packs: Vec<String>,
    /// For each action, the ordinary request.
    ordinary: BTreeMap<String, Ordinary>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordinary {
    #[serde(rename = "as")]
    who: String,
    on: String,
    #[serde(default)]
    facts: BTreeMap<String, Fact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    action: Action,
    /// `human approver on-call`, `robot`, `system`, `runner`.
    #[serde(rename = "as")]
    who: Option<String>,
    on: Option<String>,
    #[serde(default)]
    facts: BTreeMap<String, Fact>,
    /// Facts of the ordinary request that are left out.
    #[serde(default)]
    without: Vec<String>,
    outcome: Outcome,
    #[serde(default)]
    reasons: Vec<String>,
    /// Text that must stand in a reason's message, what clears it, or who can.
    #[serde(default)]
    says: Vec<String>,
}

fn principal(text: &str) -> Principal {
    let mut words = text.split_whitespace();
    let kind = match words.next() {
        Some("human") => PrincipalKind::Human,
        Some("robot") => PrincipalKind::Robot,
        Some("runner") => PrincipalKind::Runner,
        Some("system") => PrincipalKind::System,
        other => panic!("{other:?} is no kind of principal"),
    };
    Principal { kind, ..Principal::human("acc_test", words) }
}

fn tables() -> Vec<(PathBuf, Table)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut out = Vec::new();
    for pack in shipped().into_iter().chain(standards()) {
        let folder = root.join(&pack.name).join("tests");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "pack {} has no cases", pack.name);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let table = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            out.push((file, table));
        }
    }
    out
}

#[test]
fn every_case_comes_out_as_written() {
    let mut run = 0;
    let mut wrong = Vec::new();
    for (file, table) in tables() {
        let packs: Vec<_> =
            shipped().into_iter().chain(standards()).filter(|pack| table.packs.contains(&pack.name)).collect();
        assert_eq!(packs.len(), table.packs.len(), "{}", file.display());
        let policies = PolicySet::compile(&packs).unwrap();
        for case in table.cases {
            let ordinary = table
                .ordinary
                .get(case.action.as_str())
                .unwrap_or_else(|| panic!("{}: no ordinary request for {}", file.display(), case.action));
            let mut facts = ordinary.facts.clone();
            facts.extend(case.facts);
            for name in &case.without {
                assert!(facts.remove(name).is_some(), "{}: {name} is not there to leave out", case.case);
            }
            let request = Request {
                principal: principal(case.who.as_ref().unwrap_or(&ordinary.who)),
                action: case.action,
                resource: Resource::new(case.on.as_ref().unwrap_or(&ordinary.on), "id_test"),
                facts: Facts(facts),
            };
            let verdict = policies.check(&request);
            let codes: Vec<&str> = verdict.reasons.iter().map(|reason| reason.code.as_str()).collect();
            let said: String =
                verdict.reasons.iter().map(|r| format!("{}\n{}\n{}\n", r.message, r.clears, r.who)).collect();
            let silent: Vec<&String> = case.says.iter().filter(|text| !said.contains(text.as_str())).collect();
            if verdict.outcome != case.outcome || codes != case.reasons || !silent.is_empty() {
                wrong.push(format!(
                    "{}: {}\n  wanted {:?} {:?}, got {:?} {:?}\n  not said: {silent:?} in\n{said}",
                    file.file_name().unwrap().to_string_lossy(),
                    case.case,
                    case.outcome,
                    case.reasons,
                    verdict.outcome,
                    codes
                ));
            }
            run += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {run} cases came out otherwise:\n{}", wrong.len(), wrong.join("\n"));
    assert!(run >= 60, "only {run} cases were found");
}

#[test]
fn every_ordinary_request_passes() {
    for (file, table) in tables() {
        let packs: Vec<_> =
            shipped().into_iter().chain(standards()).filter(|pack| table.packs.contains(&pack.name)).collect();
        let policies = PolicySet::compile(&packs).unwrap();
        for (action, ordinary) in table.ordinary {
            let request = Request {
                principal: principal(&ordinary.who),
                action: Action::parse(&action).unwrap_or_else(|| panic!("{action} is no action")),
                resource: Resource::new(&ordinary.on, "id_test"),
                facts: Facts(ordinary.facts),
            };
            let verdict = policies.check(&request);
            assert!(verdict.passes(), "{}: {action}: {:?}", file.display(), verdict.reasons);
        }
    }
}
