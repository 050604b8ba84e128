//! The services there are.

use super::Event;
use crate::core::{Map, Meta};
use interlock_ids::Name;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// What is at stake when a service fails: the inputs of a change's impact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criticality {
    /// People who use it on a normal day.
    pub users: u64,
    /// Revenue that stops with it, in whole units of the organisation's currency per hour.
    pub revenue_per_hour: u64,
    /// Classes of data it handles, such as `personal`, `payment`, `health`, `financial`.
    pub data_classes: BTreeSet<Name>,
}

/// How a service reports about itself, where it differs from the convention of Prometheus client libraries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Path under a target's address.
    pub path: String,
    /// Counter of requests.
    pub requests: String,
    /// Label of that counter which holds the status code.
    pub code_label: String,
    /// Beginnings of status codes that count as errors.
    pub error_codes: Vec<String>,
    /// Label that names the endpoint.
    pub endpoint_label: String,
    /// Histogram of request durations, in seconds.
    pub latency: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            path: "/metrics".into(),
            requests: "http_requests_total".into(),
            code_label: "code".into(),
            error_codes: vec!["5".into()],
            endpoint_label: "endpoint".into(),
            latency: "http_request_duration_seconds".into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub name: Name,
    /// The group that answers for it.
    pub owner: Name,
    pub description: String,
    pub criticality: Criticality,
    pub depends_on: BTreeSet<Name>,
    /// Where its source is: a path or URL that `git` understands.
    pub repository: Option<String>,
    pub metrics: Metrics,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub services: Map<Name, Service>,
}

impl State {
    pub fn service(&self, name: &Name) -> Option<&Service> {
        self.services.get(name).map(Arc::as_ref)
    }

    pub(crate) fn apply(&mut self, event: &Event, _meta: &Meta) {
        match event {
            Event::ServicePut(it) => drop(self.services.insert(it.service.name.clone(), Arc::new(it.service.clone()))),
            Event::ServiceRemoved(it) => drop(self.services.remove(&it.service)),
        }
    }
}
