//! The calendars there are.

use super::{Event, Fiscal, index::Index};
use crate::{
    core::{Map, Meta, edit},
    reason::NoteRef,
};
use interlock_ids::{AccountId, Digest, ExceptionId, LockdownId, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Nothing ships while it lasts.
    Freeze,
    /// As a freeze: a public or company holiday.
    Holiday,
    /// As a freeze: the books are being closed.
    FiscalClose,
    /// As a freeze: the contract of a customer is being renewed, and the services he uses rest.
    ContractRenewal,
    /// What it covers ships only while it lasts (or during another maintenance window that covers it).
    Maintenance,
}

/// When a window is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Once, between two instants.
    Once { start: Timestamp, end: Timestamp },
    /// Again and again. `start` is a wall-clock time in `zone`, `length` a wall-clock length (days, hours, minutes).
    Recurring {
        /// `YYYY-MM-DDTHH:MM[:SS]`, without zone.
        start: jiff::civil::DateTime,
        /// IANA name, such as `Europe/Berlin`.
        zone: String,
        /// Seconds, counted on the clock on the wall.
        length_s: u32,
        /// RFC 5545 `RRULE` value, such as `FREQ=WEEKLY;BYDAY=FR`.
        rule: String,
        /// RFC 5545 `RDATE` and `EXDATE`, as wall-clock times.
        #[serde(default)]
        plus: Vec<jiff::civil::DateTime>,
        #[serde(default)]
        except: Vec<jiff::civil::DateTime>,
    },
    /// Round the end of every month, quarter or year of a fiscal calendar.
    Fiscal(Fiscal),
}

/// What a window is about; every list that is not empty must match. All empty: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowScope {
    pub services: BTreeSet<Name>,
    pub environments: BTreeSet<Name>,
    /// Names of environment tiers: development, test, staging, production.
    pub tiers: BTreeSet<Name>,
    /// Groups that own services.
    pub owners: BTreeSet<Name>,
    /// Labels every one of which the environment carries.
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub name: Name,
    pub kind: WindowKind,
    pub schedule: Schedule,
    #[serde(default)]
    pub scope: WindowScope,
    /// Why it is there: text of the organisation, not of a person.
    #[serde(default)]
    pub reason: String,
    /// Of a contract renewal: whose contract it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Name>,
    /// The role that may grant an exception to one occurrence; none: nobody may. Since 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions_by: Option<Name>,
    /// Whether it also stops taking a release back, which otherwise is always open. Since 0.2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_rollback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub name: Name,
    /// The group that answers for it.
    pub owner: Name,
    /// Where it comes from: `manifest` or the address of a feed.
    pub source: String,
    pub windows: Vec<Window>,
}

/// An emergency stop, called now and lifted by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockdown {
    pub id: LockdownId,
    pub scope: WindowScope,
    pub reason: NoteRef,
    pub called_by: Option<AccountId>,
    pub since: Timestamp,
    pub lifted: Option<Timestamp>,
}

/// What became of a request for an exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionDecided {
    pub granted: bool,
    pub by: Option<AccountId>,
    pub at: Timestamp,
    pub reason: NoteRef,
}

/// One release let through one occurrence of one window, until a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub id: ExceptionId,
    pub release: ReleaseId,
    pub calendar: Name,
    pub window: Name,
    /// When the occurrence begins. If an edit moves it, the exception is to something that is no more, and opens nothing.
    pub occurrence: Timestamp,
    pub until: Timestamp,
    /// The role that the window named when it was asked for.
    pub role: Name,
    pub reason: NoteRef,
    pub asked_by: Option<AccountId>,
    pub asked: Timestamp,
    pub decided: Option<ExceptionDecided>,
    /// When it was taken back.
    pub ended: Option<Timestamp>,
}

impl Exception {
    /// Granted and not taken back. Whether its time is over, a calendar tells by the moment that is asked about.
    pub fn is_granted(&self) -> bool {
        self.ended.is_none() && self.decided.as_ref().is_some_and(|it| it.granted)
    }

    /// Waits for a decision.
    pub fn is_pending(&self) -> bool {
        self.ended.is_none() && self.decided.is_none()
    }
}

/// Where a calendar's windows are read from, again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The calendar it fills.
    pub calendar: Name,
    /// The group that answers for it.
    pub owner: Name,
    /// `https://…` or `http://…`, of an RFC 5545 file.
    pub address: String,
    /// What its events are, unless a category of an event names a kind of window.
    pub kind: WindowKind,
    /// IANA name: of moments without a zone, and of whole days.
    pub zone: String,
    pub scope: WindowScope,
    /// Seconds between two readings.
    pub every_s: u32,
}

/// What a reading has changed. At most 200 names of each sort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub added: Vec<Name>,
    pub changed: Vec<Name>,
    pub removed: Vec<Name>,
    /// How many were added, changed and removed.
    pub counts: [u32; 3],
    /// Events that are no windows.
    pub left_out: u32,
    /// Of the bytes.
    pub digest: Digest,
}

/// A feed and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    pub feed: Feed,
    /// The position at which it was entered: an answer of an earlier one changes nothing.
    pub fence: u64,
    /// The last reading that changed something, and when.
    pub read: Option<(Timestamp, Read)>,
    /// Why it cannot be read, and since when; none while it can.
    pub failing: Option<String>,
    pub failing_since: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct State {
    calendars: Map<Name, Calendar>,
    pub lockdowns: Map<LockdownId, Lockdown>,
    pub exceptions: Map<ExceptionId, Exception>,
    pub feeds: Map<Name, Fed>,
    #[serde(skip)]
    by_release: imbl::OrdMap<ReleaseId, imbl::OrdSet<ExceptionId>>,
    #[serde(skip)]
    pub(super) index: Index,
}

/// What a snapshot holds; the rest follows from it.
#[derive(Deserialize)]
struct Stored {
    calendars: Map<Name, Calendar>,
    lockdowns: Map<LockdownId, Lockdown>,
    #[serde(default)]
    exceptions: Map<ExceptionId, Exception>,
    #[serde(default)]
    feeds: Map<Name, Fed>,
}

impl From<Stored> for State {
    fn from(it: Stored) -> Self {
        let index = Index::of(it.calendars.values());
        let mut state = Self { calendars: it.calendars, lockdowns: it.lockdowns, index, ..Self::default() };
        for exception in it.exceptions.values() {
            state.note(exception);
        }
        Self { exceptions: it.exceptions, feeds: it.feeds, ..state }
    }
}

impl State {
    /// All calendars by name.
    pub fn calendars(&self) -> &Map<Name, Calendar> {
        &self.calendars
    }

    pub fn calendar(&self, name: &Name) -> Option<&Calendar> {
        self.calendars.get(name).map(Arc::as_ref)
    }

    pub fn feed(&self, calendar: &Name) -> Option<&Fed> {
        self.feeds.get(calendar).map(Arc::as_ref)
    }

    pub fn exception(&self, id: ExceptionId) -> Option<&Exception> {
        self.exceptions.get(&id).map(Arc::as_ref)
    }

    /// Exceptions asked for a release, the oldest first.
    pub fn exceptions_of(&self, release: ReleaseId) -> impl Iterator<Item = &Exception> {
        self.by_release.get(&release).into_iter().flatten().filter_map(|id| self.exception(*id))
    }

    pub(super) fn granted(&self, release: ReleaseId) -> impl Iterator<Item = &Exception> {
        self.exceptions_of(release).filter(|it| it.is_granted())
    }

    fn note(&mut self, it: &Exception) {
        self.by_release.entry(it.release).or_default().insert(it.id);
    }

    /// The same without any window: what lockdowns alone close.
    pub fn without_windows(&self) -> Self {
        Self { calendars: Map::default(), index: Index::default(), ..self.clone() }
    }

    pub(super) fn enter(&mut self, calendar: Calendar) {
        let calendar = Arc::new(calendar);
        self.calendars.insert(calendar.name.clone(), calendar.clone());
        self.index.put(&calendar);
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        let by = match meta.by {
            crate::core::By::Account(id) => Some(id),
            crate::core::By::Runner(_) | crate::core::By::System => None,
        };
        match event {
            Event::CalendarPut(it) => self.enter(it.calendar.clone()),
            Event::CalendarRemoved(it) => {
                self.calendars.remove(&it.calendar);
                self.index.remove(&it.calendar);
            }
            Event::LockdownCalled(it) => {
                let lockdown = Lockdown {
                    id: it.lockdown,
                    scope: it.scope.clone(),
                    reason: it.reason,
                    called_by: by,
                    since: meta.at,
                    lifted: None,
                };
                self.lockdowns.insert(it.lockdown, Arc::new(lockdown));
            }
            Event::LockdownLifted(it) => {
                edit(&mut self.lockdowns, &it.lockdown, |lockdown| lockdown.lifted = Some(meta.at))
            }
            Event::ExceptionAsked(it) => {
                let exception = Exception {
                    id: it.exception,
                    release: it.release,
                    calendar: it.calendar.clone(),
                    window: it.window.clone(),
                    occurrence: it.occurrence,
                    until: it.until,
                    role: it.role.clone(),
                    reason: it.reason,
                    asked_by: by,
                    asked: meta.at,
                    decided: None,
                    ended: None,
                };
                self.note(&exception);
                self.exceptions.insert(it.exception, Arc::new(exception));
            }
            Event::ExceptionDecided(it) => edit(&mut self.exceptions, &it.exception, |exception| {
                exception.decided = Some(ExceptionDecided { granted: it.granted, by, at: meta.at, reason: it.reason })
            }),
            Event::ExceptionEnded(it) => {
                edit(&mut self.exceptions, &it.exception, |exception| exception.ended = Some(meta.at))
            }
            Event::FeedPut(it) => {
                let known =
                    Fed { feed: it.feed.clone(), fence: meta.position, read: None, failing: None, failing_since: None };
                self.feeds.insert(it.feed.calendar.clone(), Arc::new(known));
            }
            Event::FeedRemoved(it) => drop(self.feeds.remove(&it.calendar)),
            Event::FeedRead(it) => edit(&mut self.feeds, &it.calendar, |known| {
                known.failing_since = it.why.as_ref().map(|_| meta.at);
                known.failing = it.why.clone();
                if let Some(read) = &it.read {
                    known.read = Some((meta.at, read.clone()));
                }
            }),
        }
    }
}
