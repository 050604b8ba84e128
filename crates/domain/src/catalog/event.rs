//! What has happened in the catalogue.

use super::Service;
use crate::core::{Subject, payload};
use interlock_ids::Name;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "catalog.service_put")]
    ServicePut(ServicePut),
    #[serde(rename = "catalog.service_removed")]
    ServiceRemoved(ServiceRemoved),
}

payload! {
    /// A service was entered or replaced. Since 0.1.
    ServicePut { service: Service }
    /// A service was removed. Since 0.1.
    ServiceRemoved { service: Name }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::ServicePut(_) => "catalog.service_put",
            Event::ServiceRemoved(_) => "catalog.service_removed",
        }
    }

    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Event::ServicePut(it) => vec![Subject::Service(it.service.name.clone())],
            Event::ServiceRemoved(it) => vec![Subject::Service(it.service.clone())],
        }
    }
}
