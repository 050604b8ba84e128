//! The calendars there are.

use super::{Event, Fiscal};
use crate::{
    core::{Map, Meta, edit},
    reason::NoteRef,
};
use interlock_ids::{AccountId, LockdownId, Name};
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub calendars: Map<Name, Calendar>,
    pub lockdowns: Map<LockdownId, Lockdown>,
}

impl State {
    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::CalendarPut(it) => {
                drop(self.calendars.insert(it.calendar.name.clone(), Arc::new(it.calendar.clone())))
            }
            Event::CalendarRemoved(it) => drop(self.calendars.remove(&it.calendar)),
            Event::LockdownCalled(it) => {
                let lockdown = Lockdown {
                    id: it.lockdown,
                    scope: it.scope.clone(),
                    reason: it.reason,
                    called_by: match meta.by {
                        crate::core::By::Account(id) => Some(id),
                        crate::core::By::Runner(_) | crate::core::By::System => None,
                    },
                    since: meta.at,
                    lifted: None,
                };
                self.lockdowns.insert(it.lockdown, Arc::new(lockdown));
            }
            Event::LockdownLifted(it) => {
                edit(&mut self.lockdowns, &it.lockdown, |lockdown| lockdown.lifted = Some(meta.at))
            }
        }
    }
}
