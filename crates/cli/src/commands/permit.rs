//! `permit`: looking at a deployment permit, without a server.

use crate::{
    context::Global,
    failure::{Done, Failure},
    render::{show, time},
};
use interlock_runner::{Identity, PermitKeys, identity, permit};
use interlock_wire::{
    permit::{Permit, SignedPermit},
    runner::PermitKeyList,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Verify a permit offline: who signed it, whether it is good now, and for what
    #[command(
        after_help = "Example:\n  interlock permit verify order.json --keys permit-keys.json\n  interlock permit verify order.json --data /var/lib/interlock-runner --at 2026-03-02T10:00:00Z --target checkout-1"
    )]
    Verify {
        /// File with a signed permit, or with an order that carries one
        file: PathBuf,
        /// File with the permit keys to trust, as /api/v1/runners/permit-keys gives them
        #[arg(long, value_name = "FILE", required_unless_present = "data")]
        keys: Option<PathBuf>,
        /// Data directory of an enrolled runner whose trusted keys to use
        #[arg(long, value_name = "DIR", conflicts_with = "keys")]
        data: Option<PathBuf>,
        /// The moment to verify it for [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// An environment it must be good for
        #[arg(long)]
        environment: Option<String>,
        /// A target it must be good for
        #[arg(long)]
        target: Option<String>,
        /// A build it must be good for
        #[arg(long)]
        digest: Option<String>,
    },
}

/// What was found out.
#[derive(Serialize)]
struct Verified {
    signed_by: String,
    at: Timestamp,
    permit: Permit,
    /// What is wrong; empty if nothing is.
    faults: Vec<String>,
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    let Verb::Verify { file, keys, data, at, environment, target, digest } = verb;
    let keys = trusted(keys.as_deref(), data.as_deref())?;
    let signed = signed(&file)?;
    let permit = permit::authentic(&signed, &keys).map_err(|fault| Failure::Failed(fault.to_string()))?;
    let at = at.unwrap_or_else(Timestamp::now);
    let mut faults = Vec::new();
    if at < permit.not_before {
        faults.push(format!("it is good from {} on", time(permit.not_before)));
    }
    if at >= permit.not_after {
        faults.push(format!("it was good until {}", time(permit.not_after)));
    }
    if environment.as_ref().is_some_and(|it| *it != permit.environment) {
        faults.push(format!("it is for environment {}", permit.environment));
    }
    if target.as_ref().is_some_and(|it| !permit.targets.contains(it)) {
        faults.push(format!("it is for {}", permit.targets.join(", ")));
    }
    if digest.as_ref().is_some_and(|it| permit.artifacts.iter().all(|known| known.digest != *it)) {
        faults.push("it does not bind that build".into());
    }
    let found = Verified { signed_by: signed.key_id, at, permit, faults };
    show(global.output, &found, told)?;
    match found.faults.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(format!("the permit does not allow it: {}", found.faults.join("; ")))),
    }
}

fn told(it: &Verified) -> String {
    let permit = &it.permit;
    let builds: BTreeSet<String> =
        permit.artifacts.iter().map(|build| format!("  {} {}", build.service, build.digest)).collect();
    let length = permit.not_after.duration_since(permit.not_before);
    let lines = [
        format!("permit {}, signed by {}", permit.id, it.signed_by),
        format!("good from {} until {} ({})", time(permit.not_before), time(permit.not_after), minutes(length)),
        format!("environment {}, targets {}", permit.environment, permit.targets.join(", ")),
        builds.into_iter().collect::<Vec<_>>().join("\n"),
        format!("from fence {} on; policies {}", permit.fence_floor, permit.policy_set),
        format!("{} approvals", permit.approvals.len()),
        "whether it was revoked only the server knows".into(),
    ];
    lines.join("\n")
}

fn minutes(length: SignedDuration) -> String {
    format!("{} min", length.as_mins())
}

fn trusted(keys: Option<&Path>, data: Option<&Path>) -> Done<PermitKeys> {
    if let Some(dir) = data {
        return Identity::open(dir).map(|it| it.permit_keys()).map_err(|error| Failure::Failed(error.to_string()));
    }
    let path = keys.ok_or_else(|| Failure::Usage("which keys are to be trusted? Give --keys".into()))?;
    let text = std::fs::read(path).map_err(|error| Failure::io("reading", path, &error))?;
    let list: PermitKeyList = serde_json::from_slice(&text)
        .map_err(|error| Failure::Usage(format!("`{}` holds no permit keys: {error}", path.display())))?;
    let known = list.keys.iter().filter_map(|it| identity::public(&it.key).map(|key| (&it.id, key)));
    Ok(known.fold(PermitKeys::default(), |keys, (id, key)| keys.with(id, key)))
}

/// A signed permit, alone or within an order.
fn signed(path: &Path) -> Done<SignedPermit> {
    let text = std::fs::read(path).map_err(|error| Failure::io("reading", path, &error))?;
    let wrong = |error: serde_json::Error| Failure::Usage(format!("`{}` holds no permit: {error}", path.display()));
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(wrong)?;
    let value = value.get("permit").cloned().unwrap_or(value);
    serde_json::from_value(value).map_err(wrong)
}
