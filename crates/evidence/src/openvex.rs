//! OpenVEX 0.2: what is said about vulnerabilities in products named by digest.
//!
//! A statement that sets a vulnerability aside has to say why, as the specification wants: `not_affected` with a justification or an
//! impact statement.

use crate::{
    Content, Fault, GROUPS, Summary, Tool, Vex,
    fault::shown,
    json::{View, sha256},
    summary::word,
};
use std::collections::BTreeSet;

const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

pub(crate) fn read(root: View<'_, '_>) -> Result<Summary, Fault> {
    let root = root.object()?;
    let context = root.get("@context").text_or()?.unwrap_or_default();
    if !context.starts_with("https://openvex.dev/ns") {
        return Err(Fault::new(
            "document-kind",
            "`@context` does not begin with `https://openvex.dev/ns`; expected OpenVEX",
        ));
    }
    if !matches!(context, "https://openvex.dev/ns/v0.2.0" | "https://openvex.dev/ns") {
        let what = format!("its context is `{}`; expected https://openvex.dev/ns/v0.2.0", shown(context));
        return Err(Fault::new("document-version", what));
    }
    root.get("author").text()?;
    let made = root.get("timestamp").moment_or()?;
    let mut all = Vec::new();
    let mut subjects: Option<BTreeSet<[u8; 32]>> = None;
    let list = root.get("statements");
    for statement in list.items()? {
        let statement = statement.object()?;
        let said = status(&statement)?;
        let own = products(&statement)?;
        // Every statement has to be about the same products, so that none is taken for what it does not speak of.
        match &subjects {
            Some(before) if *before != own => {
                let what = format!(
                    "{} is about other products than those before it; send one document per product",
                    statement.path()
                );
                return Err(Fault::new("document-digest", what));
            }
            _ => subjects = Some(own),
        }
        for name in names(&statement.get("vulnerability"))? {
            all.push((name, said));
        }
        if all.len() > GROUPS {
            return Err(Fault::new("document-too-many", format!("it names more than {GROUPS} vulnerabilities")));
        }
    }
    let tooling = root.get("tooling").text_or()?.map(|name| Tool { name: word(name), version: None });
    let subjects = subjects.unwrap_or_default().into_iter().collect();
    Ok(Summary { tool: tooling, made, subjects, content: Content::Vex { statements: all } })
}

fn status(statement: &View<'_, '_>) -> Result<Vex, Fault> {
    let status = statement.get("status");
    let justification = statement.get("justification");
    let why = justification.text_or()?;
    if why.is_some_and(|why| !JUSTIFICATIONS.contains(&why)) {
        return Err(justification.wrong(&format!("one of {}", JUSTIFICATIONS.join(", "))));
    }
    match status.text()? {
        "not_affected" => {
            let impact = statement.get("impact_statement").text_or()?.filter(|it| !it.trim().is_empty());
            if why.or(impact).is_none() {
                return Err(statement.wrong("a `justification` or an `impact_statement` beside `not_affected`"));
            }
            Ok(Vex::NotAffected)
        }
        "affected" => Ok(Vex::Affected),
        "fixed" => Ok(Vex::Fixed),
        "under_investigation" => Ok(Vex::UnderInvestigation),
        _ => Err(status.wrong("one of not_affected, affected, fixed, under_investigation")),
    }
}

/// The digests of the products: under `hashes`, or as `sha256:…` in the identifier.
fn products(statement: &View<'_, '_>) -> Result<BTreeSet<[u8; 32]>, Fault> {
    let mut all = BTreeSet::new();
    let list = statement.get("products");
    for product in list.items()? {
        let hashes = product.get("hashes");
        let hash = hashes.get("sha-256");
        let given = match hash.text_or()? {
            Some(text) => Some(sha256(text).ok_or_else(|| hash.wrong("64 hexadecimal digits"))?),
            None => None,
        };
        let id = product.get("@id").text_or()?.unwrap_or_default().replace("%3A", ":").replace("%3a", ":");
        let in_id = id.split("sha256:").nth(1).and_then(|rest| rest.get(..64)).and_then(sha256);
        all.extend(given.or(in_id));
    }
    Ok(all)
}

/// The vulnerability and its aliases; before 0.2.0 it was a mere text.
fn names(it: &View<'_, '_>) -> Result<Vec<String>, Fault> {
    let mut all = vec![word(it.get("name").text()?)];
    let aliases = it.get("aliases");
    for alias in aliases.items_or_none()? {
        all.push(word(alias.text()?));
    }
    Ok(all)
}
