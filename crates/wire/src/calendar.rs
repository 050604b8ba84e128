//! Calendars: windows, lockdowns, what is open when.

use crate::{
    length::Length,
    reason::{Action, Blocker, Ref, Span, Status, Subject},
};
use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// A calendar in a manifest of kind `Calendar`; `metadata.name` is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// The group that answers for it.
    pub owner: String,
    pub windows: Vec<WindowSpec>,
}

/// What a window does: a `freeze` or `holiday` stops what it covers; what a `maintenance` window covers ships only during one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    Freeze,
    Holiday,
    Maintenance,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    pub name: String,
    pub kind: WindowKind,
    pub schedule: ScheduleSpec,
    #[serde(default)]
    pub scope: ScopeSpec,
    /// Why it is there.
    #[serde(default)]
    pub reason: String,
}

/// When a window is: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
}

/// Between two instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Once {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// Again and again, by the clock on the wall of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurring {
    /// The first beginning, wall-clock time without zone: `2026-01-02T18:00`.
    #[schema(value_type = String)]
    pub start: DateTime,
    /// IANA time zone, such as `Europe/Berlin`.
    pub zone: String,
    pub length: Length,
    /// RFC 5545 `RRULE` value, such as `FREQ=WEEKLY;BYDAY=FR`.
    pub rule: String,
    /// More beginnings (`RDATE`).
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub plus: Vec<DateTime>,
    /// Beginnings left out (`EXDATE`).
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub except: Vec<DateTime>,
}

/// What a window is about; every list that is not empty must match. All empty: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScopeSpec {
    pub services: BTreeSet<String>,
    pub environments: BTreeSet<String>,
    /// `development`, `test`, `staging`, `production`.
    pub tiers: BTreeSet<String>,
    /// Groups that own services.
    pub owners: BTreeSet<String>,
    /// Labels every one of which the environment carries.
    pub labels: BTreeMap<String, String>,
}

/// A calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Calendar {
    pub id: String,
    pub name: String,
    pub source: String,
    pub spec: CalendarSpec,
    pub actions: Vec<Action>,
}

/// Which part of the calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    pub from: Timestamp,
    /// At most 400 days after `from`.
    pub to: Timestamp,
    /// Only what concerns this environment.
    pub environment: Option<String>,
    /// Only what concerns this service.
    pub service: Option<String>,
}

/// One thing in a calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CalendarEntry {
    pub id: String,
    /// `freeze`, `holiday`, `maintenance`, `lockdown`, `release`, `claim`.
    pub kind: String,
    pub title: String,
    pub start: Timestamp,
    /// Null for a lockdown that nobody has lifted.
    pub end: Option<Timestamp>,
    /// Empty: all.
    pub environments: Vec<Ref>,
    /// Empty: all.
    pub services: Vec<Ref>,
    pub scope: ScopeSpec,
    /// The calendar, or who called the lockdown.
    pub source: String,
    pub reason: String,
    /// The `RRULE` it comes from.
    pub recurrence: Option<String>,
    /// IANA zone of a recurring window.
    pub zone: Option<String>,
    pub status: Option<Status>,
    pub subject: Option<Subject>,
}

/// What there is between two instants, by beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CalendarEntries {
    pub entries: Vec<CalendarEntry>,
}

/// May one ship then? Give `at`, or `from` and `until`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    pub services: BTreeSet<String>,
    pub environment: String,
    #[serde(default)]
    pub at: Option<Timestamp>,
    #[serde(default)]
    pub from: Option<Timestamp>,
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Length of the slots to offer; the length asked for, or one hour, if absent.
    #[serde(default)]
    pub length: Option<Length>,
}

/// Whether one may, by which windows, and when one may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckAnswer {
    pub allowed: bool,
    pub reasons: Vec<Blocker>,
    /// Windows that decide it.
    pub windows: Vec<String>,
    /// When it opens next; null if it is open, or no opening is known.
    pub next_open: Option<Timestamp>,
    /// When it closes next; null if it is closed, or no closing is known.
    pub next_close: Option<Timestamp>,
    /// The next free slots.
    pub slots: Vec<Span>,
}

/// Stops everything in a scope, now, until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallLockdown {
    #[serde(default)]
    pub scope: ScopeSpec,
    pub reason: String,
}

/// An emergency stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lockdown {
    pub id: String,
    pub scope: ScopeSpec,
    pub reason: String,
    pub called_by: Option<Ref>,
    pub since: Timestamp,
    pub lifted: Option<Timestamp>,
    pub status: Status,
    pub actions: Vec<Action>,
}
