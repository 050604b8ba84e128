//! Environments: targets, deployers, claims, what runs where.

use crate::reason::{Action, Ref, Status};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Development,
    Test,
    Staging,
    Production,
}

/// An environment in a manifest of kind `Environment`; `metadata.name` is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSpec {
    pub tier: Tier,
    /// Whether the rules of production hold; always so for tier `production`.
    #[serde(default)]
    pub production_like: bool,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Who may deploy; a production-like environment has to name somebody.
    #[serde(default)]
    pub deployers: Deployers,
    pub targets: Vec<TargetSpec>,
}

/// Whoever has one of the roles or is in one of the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deployers {
    pub roles: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

/// A place where services run: an instance, a host, a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetSpec {
    pub name: String,
    /// How it is reached, such as `http://127.0.0.1:4001`.
    pub address: String,
    pub services: BTreeSet<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Values for steps: `${target.params.<name>}`. `weight` is its full share in its router, 100 if absent.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Labels a runner must have to be given steps for it: who reaches it. Absent: any runner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runner: BTreeMap<String, String>,
}

/// An environment in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentRow {
    pub id: String,
    pub name: String,
    pub tier: Tier,
    pub production_like: bool,
    /// How many targets it has.
    pub targets: u32,
    /// `open`, `closed`, `deploying`, `claimed`.
    pub status: Status,
    /// What closes it now, or next within a week.
    pub freeze: Option<EnvironmentFreeze>,
    pub claim: Option<Claim>,
    pub deployment: Option<Ref>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentFreeze {
    pub title: String,
    pub source: String,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
}

/// An environment with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    #[serde(flatten)]
    pub row: EnvironmentRow,
    pub spec: EnvironmentSpec,
    pub target_list: Vec<Target>,
    pub claims: Vec<Claim>,
    pub actions: Vec<Action>,
}

/// One service on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Target {
    pub id: String,
    pub name: String,
    pub address: String,
    pub labels: BTreeMap<String, String>,
    pub service: Ref,
    /// What runs there; null if nobody knows.
    pub version: Option<String>,
    pub digest: Option<String>,
    pub since: Option<Timestamp>,
    pub release: Option<Ref>,
    pub status: Status,
}

/// What runs where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Matrix {
    pub environments: Vec<EnvironmentRow>,
    pub services: Vec<MatrixService>,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatrixService {
    pub id: String,
    pub name: String,
    pub owner: String,
}

/// What runs of a service in an environment: the version most of its targets run, and the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cell {
    pub service: String,
    pub environment: String,
    pub version: Option<String>,
    pub digest: Option<String>,
    pub since: Option<Timestamp>,
    pub release: Option<Ref>,
    /// `current`, `mixed`, `quarantined`, `unknown`.
    pub status: Status,
    /// Other versions that run there too.
    pub mixed: Vec<String>,
}

/// A claim on an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    pub id: String,
    pub environment: Ref,
    pub holder: Ref,
    pub start: Timestamp,
    pub end: Timestamp,
    pub purpose: String,
    pub ended: Option<Timestamp>,
    pub status: Status,
}

/// Claims an environment for oneself, from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimRequest {
    pub until: Timestamp,
    pub purpose: String,
}
