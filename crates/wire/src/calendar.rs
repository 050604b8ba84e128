//! Calendars: windows, lockdowns, what is open when.

use crate::{
    length::Length,
    reason::{Action, Blocker, Receipt, Ref, Span, Status, Subject},
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

/// What a window does: a `freeze`, `holiday`, `fiscal_close` or `contract_renewal` stops what it covers; what a `maintenance`
/// window covers ships only during one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    Freeze,
    Holiday,
    FiscalClose,
    ContractRenewal,
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
    /// Of a `contract_renewal`, which must have it: whose contract is renewed. The services he uses are those of the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The role that may grant an exception to one occurrence, such as `approver`. Left out: nobody may. Not for `maintenance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions_by: Option<String>,
    /// Whether it also stops taking a release back, which otherwise is always open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_rollback: bool,
}

/// When a window is: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub once: Option<Once>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal: Option<Fiscal>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What closes on the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Month,
    Quarter,
    Year,
}

/// How the thirteen weeks of a quarter make three months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Pattern {
    #[serde(rename = "4-4-5")]
    FourFourFive,
    #[serde(rename = "4-5-4")]
    FourFiveFour,
    #[serde(rename = "5-4-4")]
    FiveFourFour,
}

/// On which of its weekdays a year of weeks ends: the `last` of the month, or the one `nearest` to the month's last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Closes {
    Last,
    Nearest,
}

/// A fiscal year of twelve calendar months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearOfMonths {
    /// 1 to 12: the month with which it begins.
    pub first_month: i8,
}

/// A fiscal year of 52 or 53 whole weeks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearOfWeeks {
    pub pattern: Pattern,
    /// 1 to 12: the month at whose end it ends.
    pub last_month: i8,
    /// The day of the week with which it ends.
    pub weekday: Day,
    pub closes: Closes,
    /// 1 to 12: the month of the fiscal year that is a week longer in a year of 53.
    pub extra_week_in: i8,
}

/// What a year is on the books: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FiscalYear {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<YearOfMonths>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weeks: Option<YearOfWeeks>,
}

/// Round the end of every period of a fiscal calendar, in whole days. -1 is the last business day of the period, -2 the one
/// before it; 1 is the first business day after it (T+1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fiscal {
    /// IANA time zone, such as `Europe/Berlin`.
    pub zone: String,
    pub year: FiscalYear,
    pub period: Period,
    /// The business day with which the window begins, -60 to 60 without 0.
    pub from: i16,
    /// The business day with which it ends, -60 to 60 without 0.
    pub until: i16,
    /// Days of the week on which nobody works, such as `[sat, sun]`.
    pub weekend: BTreeSet<Day>,
    /// Calendars whose windows of kind `holiday` are no business days.
    #[serde(default)]
    pub holidays: BTreeSet<String>,
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
    /// Null if it is not filled from an address.
    pub feed: Option<Feed>,
    pub actions: Vec<Action>,
}

/// Fills a calendar from the address of a calendar of another program (RFC 5545), again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedRequest {
    /// The group that answers for the calendar.
    pub owner: String,
    /// `https://…` or `http://…`, without name and password: it is in the ledger for good.
    pub address: String,
    /// What its events are, unless a category of an event names a kind of window. Not `contract_renewal`.
    pub kind: WindowKind,
    /// IANA time zone of moments without a zone and of whole days, such as `Europe/Berlin`.
    pub zone: String,
    /// What its windows are about.
    #[serde(default)]
    pub scope: ScopeSpec,
    /// How long between two readings: five minutes to a week.
    pub every: Length,
}

/// Where a calendar is filled from, and what the last reading that changed something has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feed {
    pub address: String,
    pub kind: WindowKind,
    pub zone: String,
    pub scope: ScopeSpec,
    pub every: Length,
    /// When something was changed last. Null: nothing was read yet.
    pub changed_at: Option<Timestamp>,
    /// At most 200 names of windows each.
    pub added: Vec<String>,
    pub changed: Vec<String>,
    pub removed: Vec<String>,
    /// How many there were of each, in that order.
    pub counts: [u32; 3],
    /// Events that are no windows.
    pub left_out: u32,
    /// Why it cannot be read, and since when; the windows stay as they were.
    pub failing: Option<String>,
    pub failing_since: Option<Timestamp>,
}

/// A calendar of another program (RFC 5545) that takes the place of a calendar's windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// The group that answers for the calendar.
    pub owner: String,
    /// The text of the `.ics` file. The whole request is at most 1 MiB.
    pub text: String,
    /// What its events are, unless a category of an event names a kind of window.
    pub kind: WindowKind,
    /// IANA time zone of moments without a zone and of whole days, such as `Europe/Berlin`.
    pub zone: String,
    /// What its windows are about.
    #[serde(default)]
    pub scope: ScopeSpec,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// A window before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowChange {
    pub before: WindowSpec,
    pub after: WindowSpec,
}

/// An event that is no window, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    pub uid: String,
    pub summary: String,
    pub why: String,
}

/// A release whose window would be closed, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClosedPlan {
    pub release: Ref,
    pub window: Span,
    /// Whoever drafted it.
    pub owner: Option<Ref>,
    pub reasons: Vec<Blocker>,
}

/// What an import changes, or would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    pub calendar: String,
    pub added: Vec<WindowSpec>,
    pub changed: Vec<WindowChange>,
    pub removed: Vec<WindowSpec>,
    /// Windows that stay as they are.
    pub unchanged: usize,
    pub left_out: Vec<LeftOut>,
    /// Planned releases that the calendar does not allow any more.
    pub closes: Vec<ClosedPlan>,
    /// Null after a dry run.
    pub receipt: Option<Receipt>,
}

/// What a lockdown would stop now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LockdownPreview {
    /// Planned releases whose window it would close.
    pub closes: Vec<ClosedPlan>,
    /// Deployments that run now and whose next step it would hold.
    pub holds: Vec<Ref>,
}

/// The scope of a lockdown that nobody has called yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewLockdown {
    #[serde(default)]
    pub scope: ScopeSpec,
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
    /// `freeze`, `holiday`, `fiscal_close`, `contract_renewal`, `maintenance`, `lockdown`, `release`, `claim`.
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
    /// The role that may grant exceptions to it.
    pub exceptions_by: Option<String>,
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

/// Asks that a release be let through one occurrence of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskException {
    /// Name or id.
    pub release: String,
    pub calendar: String,
    pub window: String,
    /// When the occurrence begins, exactly.
    pub occurrence: Timestamp,
    /// When the exception ends: at the latest with the occurrence.
    pub until: Timestamp,
    pub reason: String,
}

/// One release let through one occurrence of one window, until a time; or the request for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Exception {
    pub id: String,
    pub release: Ref,
    pub calendar: String,
    pub window: String,
    pub occurrence: Timestamp,
    pub until: Timestamp,
    /// The role that may grant it.
    pub role: String,
    pub reason: String,
    pub asked_by: Option<Ref>,
    pub asked: Timestamp,
    pub decided_by: Option<Ref>,
    pub decided: Option<Timestamp>,
    /// What whoever decided had to say.
    pub decision: String,
    pub status: Status,
    pub actions: Vec<Action>,
}
