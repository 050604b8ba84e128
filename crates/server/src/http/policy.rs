//! The policy set in force, its text, and checking packs before they are installed.

use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{Body, Key},
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use axum::{Json, extract::State};
use interlock_domain::{
    core::{Command, Record},
    policy::Command as Install,
};
use interlock_policy::{Pack as Text, PolicyError, PolicyInfo, PolicySet as Compiled, shipped, standards};
use interlock_wire::{
    policy::{InstallPolicies, Pack, PackSpec, Policy, PolicyCheck, PolicyFinding, PolicySet},
    reason::{Receipt, Severity},
};

fn pack_out(it: &Text) -> Pack {
    Pack { name: it.name.clone(), version: it.version.clone(), files: it.files.clone() }
}

fn pack_in(it: &Pack) -> Text {
    Text { name: it.name.clone(), version: it.version.clone(), files: it.files.clone() }
}

/// What the spec of a pack means: its text, or that of a pack that comes with the server.
pub fn spec_in(name: &str, it: &PackSpec) -> Answer<Text> {
    match (it.shipped, &it.version) {
        (true, None) if it.files.is_empty() => {
            shipped().into_iter().chain(standards()).find(|pack| pack.name == name).ok_or_else(|| {
                let known: Vec<String> = shipped().into_iter().chain(standards()).map(|pack| pack.name).collect();
                Failure::invalid(
                    "unknown-pack",
                    "metadata.name",
                    format!("no pack `{name}` comes with the server; it has {}", known.join(", ")),
                )
            })
        }
        (true, _) => Err(Failure::invalid("one-of", "spec", "a shipped pack has no version or files of its own")),
        (false, Some(version)) => Ok(Text { name: name.into(), version: version.clone(), files: it.files.clone() }),
        (false, None) => {
            Err(Failure::invalid("missing-field", "spec.version", "give `version` and `files`, or `shipped: true`"))
        }
    }
}

fn policy(it: &PolicyInfo, packs: &[Text]) -> Policy {
    let text = packs.iter().find(|pack| pack.name == it.pack).and_then(|pack| pack.files.get(&it.file));
    Policy {
        id: it.id.clone(),
        pack: it.pack.clone(),
        file: it.file.clone(),
        effect: it.effect.into(),
        title: it.message.clone().unwrap_or_else(|| it.actions.join(", ")),
        control: it.control.clone(),
        text: text.map(|text| excerpt(text, it.line)).unwrap_or_default(),
    }
}

/// The policy that begins at a line, up to its closing `;`.
fn excerpt(text: &str, line: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines().skip(line.saturating_sub(1)) {
        lines.push(line);
        if line.trim_end().ends_with(';') {
            break;
        }
    }
    lines.join("\n")
}

/// The set in force, with its text, and the packs that come with the server.
#[utoipa::path(get, path = "/policies", responses((status = 200, body = PolicySet)))]
pub async fn policies(State(app): State<App>, caller: Caller) -> Answer<Json<PolicySet>> {
    let lens = Lens::new(&app, &caller);
    let state = &lens.world.policy;
    let installed = state.since().map(|position| lens.engine.ledger().read(position, 1)).transpose()?;
    let record = installed.and_then(|entries| entries.first().and_then(|entry| Record::decode(&entry.body).ok()));
    let infos = state.set().map(Compiled::describe).unwrap_or_default();
    Ok(Json(PolicySet {
        digest: state.set().map(|set| set.digest().to_owned()),
        packs: state.packs().iter().map(pack_out).collect(),
        policies: infos.iter().map(|it| policy(it, state.packs())).collect(),
        since: state.since(),
        installed_at: record.map(|record| record.at),
        shipped: shipped().iter().chain(&standards()).map(pack_out).collect(),
    }))
}

/// Replaces the set in force as a whole.
#[utoipa::path(put, path = "/policies", request_body = InstallPolicies, responses((status = 200, body = Receipt)))]
pub async fn install(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<InstallPolicies>,
) -> Answer<Done> {
    let packs = it.packs.iter().map(pack_in).collect();
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("policy-set", "policies", "policies"),
        Command::Policy(Install::Install { packs }),
    )
    .await
}

/// Checks packs; changes nothing.
#[utoipa::path(post, path = "/policies/check", request_body = InstallPolicies, responses((status = 200, body = PolicyCheck)))]
pub async fn check(_: Caller, Body(it): Body<InstallPolicies>) -> Answer<Json<PolicyCheck>> {
    let packs: Vec<Text> = it.packs.iter().map(pack_in).collect();
    let compiled = tokio::task::spawn_blocking(move || Compiled::compile(&packs)).await;
    Ok(Json(match compiled.map_err(|_| Failure::unavailable("the check broke off; try again"))? {
        Ok(set) => PolicyCheck {
            ok: true,
            digest: Some(set.digest().into()),
            policies: set.describe().len() as u32,
            findings: Vec::new(),
        },
        Err(errors) => {
            PolicyCheck { ok: false, digest: None, policies: 0, findings: errors.iter().map(finding).collect() }
        }
    }))
}

fn finding(it: &PolicyError) -> PolicyFinding {
    PolicyFinding {
        severity: Severity::Bad,
        code: it.code.into(),
        pack: it.pack.clone(),
        file: it.file.clone(),
        line: it.line as u32,
        message: it.what.clone(),
        remedy: it.remedy.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_cut_out_of_its_file() {
        let text = "// head\n@id(\"a\")\npermit (principal, action, resource);\n\n@id(\"b\")\nforbid (\n  principal, action, resource\n);\n";
        assert_eq!(excerpt(text, 2), "@id(\"a\")\npermit (principal, action, resource);");
        assert_eq!(excerpt(text, 5), "@id(\"b\")\nforbid (\n  principal, action, resource\n);");
        assert_eq!(excerpt(text, 99), "");
    }
}
