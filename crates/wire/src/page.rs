//! Pages of lists: a cursor that is opaque to clients and stays good while the list grows.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next` of the page before; absent for the first.
    pub cursor: Option<String>,
    /// At most so many items, 1 to 500; 100 if absent.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}
