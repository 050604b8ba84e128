//! Today: what needs me, what ships, what is in trouble.

use crate::reason::{Action, Blocker, Ref, Severity, Span, Status, Subject};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TodayQuery {
    /// IANA zone that says when the day begins; UTC if absent.
    pub zone: Option<String>,
}

/// Three columns a person can act on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Today {
    pub now: Timestamp,
    pub day: Span,
    pub zone: String,
    pub needs_me: Vec<NeedsMe>,
    pub ships_today: Vec<Shipping>,
    pub in_trouble: Vec<Trouble>,
    /// Windows that touch the day.
    pub freezes: Vec<DayFreeze>,
    /// What ships after today, within two weeks.
    pub next: Vec<Shipping>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NeedsMe {
    pub id: String,
    pub title: String,
    pub why: String,
    pub subject: Subject,
    pub due_at: Option<Timestamp>,
    pub severity: Severity,
    /// Who else can.
    pub waiting: Vec<String>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shipping {
    pub release: Ref,
    pub services: Vec<String>,
    pub environment: Ref,
    pub window: Span,
    pub status: Status,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    pub id: String,
    pub subject: Subject,
    pub status: Status,
    pub sentence: String,
    pub since: Timestamp,
    pub deadline_at: Option<Timestamp>,
    pub blockers: Vec<Blocker>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DayFreeze {
    pub id: String,
    pub title: String,
    pub source: String,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub environments: Vec<Ref>,
}
