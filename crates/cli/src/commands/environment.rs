//! `environment`: claims.

use super::{act, act_plainly};
use crate::{
    client::Object,
    context::Global,
    failure::{Done, Failure},
    when::when,
};
use interlock_wire::environment::{Claim, ClaimRequest};
use jiff::Timestamp;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Claim an environment for oneself
    #[command(after_help = "Example:\n  interlock environment claim staging --until +4h --purpose \"Load test\"")]
    Claim {
        environment: String,
        #[arg(long, value_parser = when)]
        until: Timestamp,
        #[arg(long)]
        purpose: String,
    },
    /// Give a claim back
    #[command(after_help = "Example:\n  interlock environment end-claim staging")]
    EndClaim {
        /// Environment, or id of the claim
        which: String,
    },
    /// What runs where
    #[command(after_help = "Example:\n  interlock environment matrix")]
    Matrix,
}

pub async fn run(verb: Verb, global: &Global) -> Done {
    match verb {
        Verb::Claim { environment, until, purpose } => {
            act(global, "environments", &environment, "claim", &ClaimRequest { until, purpose }).await
        }
        Verb::EndClaim { which } => {
            let claims: Vec<Claim> = global.client()?.list("/claims", usize::MAX).await?;
            let claim = claims.iter().find(|it| it.id == which || (it.environment.name == which && it.ended.is_none()));
            let claim = claim.ok_or_else(|| {
                Failure::Failed(format!("there is no claim on `{which}`; `interlock get claims` lists them"))
            })?;
            act_plainly(global, "claims", &claim.id, "end").await
        }
        Verb::Matrix => {
            let matrix: Object = global.client()?.get("/matrix").await?;
            crate::render::show(global.output, &matrix, matrix_table)
        }
    }
}

fn matrix_table(it: &Object) -> String {
    let names = |key: &str| -> Vec<String> {
        it[key].as_array().into_iter().flatten().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect()
    };
    let (services, environments) = (names("services"), names("environments"));
    let cell = |service: &str, environment: &str| {
        let mut cells = it["cells"].as_array().into_iter().flatten();
        let found = cells.find(|one| one["service"] == service && one["environment"] == environment);
        let version = found.and_then(|one| one["version"].as_str()).unwrap_or("-").to_owned();
        let status =
            found.and_then(|one| one["status"]["value"].as_str()).filter(|it| !matches!(*it, "current" | "unknown"));
        status.map_or(version.clone(), |status| format!("{version} ({status})"))
    };
    let rows: Vec<Vec<String>> = services
        .iter()
        .map(|service| {
            std::iter::once(service.clone())
                .chain(environments.iter().map(|environment| cell(service, environment)))
                .collect()
        })
        .collect();
    let titles: Vec<&str> = std::iter::once("service").chain(environments.iter().map(String::as_str)).collect();
    crate::render::table::table(&titles, &rows)
}
