//! Finding any object by id, name, commit or digest.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Part of a name, or the beginning of an id, a commit or a digest; at least 2 characters.
    pub q: String,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// `release`, `deployment`, `change`, `service`, `environment`, `artifact`, `account`, `calendar`, `entry`.
    pub kind: String,
    pub id: String,
    pub title: String,
    pub detail: String,
}

/// What was found, at most 50, the best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hits {
    pub items: Vec<Hit>,
}
