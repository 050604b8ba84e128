//! Services: owners, criticality, dependencies.

use crate::reason::{Action, Ref, Severity, Status};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A service in a manifest of kind `Service`; `metadata.name` is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// The group that answers for it.
    pub owner: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub criticality: Criticality,
    /// Names of services it cannot do without. Circles are allowed and shown.
    #[serde(default)]
    pub depends_on: BTreeSet<String>,
    /// Where its source is: a path or an address that `git` understands.
    #[serde(default)]
    pub repository: Option<String>,
    #[serde(default)]
    pub metrics: MetricsSpec,
}

/// What is at stake when the service fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Criticality {
    /// People who use it on a normal day.
    pub users: u64,
    /// Revenue that stops with it, in whole units of the organisation's currency per hour.
    pub revenue_per_hour: u64,
    /// Classes of data it handles, such as `personal`, `payment`, `health`, `financial`.
    pub data_classes: BTreeSet<String>,
}

/// How the service reports about itself, where it differs from the convention of Prometheus client libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSpec {
    /// Path under a target's address; `/metrics` if absent.
    pub path: Option<String>,
    /// Counter of requests; `http_requests_total` if absent.
    pub requests: Option<String>,
    /// Label of that counter that holds the status code; `code` if absent.
    pub code_label: Option<String>,
    /// Beginnings of status codes that count as errors; `5` if absent.
    pub error_codes: Option<Vec<String>>,
    /// Label that names the endpoint; `endpoint` if absent.
    pub endpoint_label: Option<String>,
    /// Histogram of request durations in seconds; `http_request_duration_seconds` if absent.
    pub latency: Option<String>,
}

/// A service in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceRow {
    /// Its name.
    pub id: String,
    pub name: String,
    pub description: String,
    pub owner: String,
    pub users: u64,
    pub revenue_per_hour: u64,
    pub data_classes: Vec<String>,
    pub depends_on: Vec<String>,
    /// Level of impact a normal change of it has: `low`, `medium`, `high`.
    pub criticality: Status,
    /// What runs in production; null if nothing is known to, `mixed` holds all if there are several.
    pub production_version: Option<String>,
    pub mixed: Vec<String>,
}

/// A service with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Service {
    #[serde(flatten)]
    pub row: ServiceRow,
    pub spec: ServiceSpec,
    /// Services that depend on it, directly.
    pub dependents: Vec<Ref>,
    /// Services that depend on it, directly or not.
    pub all_dependents: Vec<Ref>,
    pub versions: Vec<RunningVersion>,
    pub releases: Vec<ServiceRelease>,
    pub actions: Vec<Action>,
}

/// What runs of a service in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunningVersion {
    pub environment: Ref,
    pub version: String,
    pub digest: String,
    /// On how many of the service's targets.
    pub targets: u32,
    pub since: Timestamp,
    pub release: Option<Ref>,
    pub quarantined: bool,
}

/// A release a service was or is part of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceRelease {
    pub id: String,
    pub name: String,
    pub status: Status,
    pub at: Timestamp,
}

/// Who depends on whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceGraph {
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<GraphEdge>,
    /// Groups of services that depend on one another in a circle.
    pub cycles: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphNode {
    pub id: String,
    pub name: String,
    pub owner: String,
    pub severity: Severity,
    /// How many services depend on it, directly or not.
    pub dependents: u32,
    /// It is named by others but not in the catalogue.
    pub missing: bool,
}

/// `from` depends on `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GraphEdge {
    pub from: String,
    pub to: String,
    /// It is part of a circle.
    pub in_cycle: bool,
}
