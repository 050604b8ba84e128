//! What the auditor has written down: no more than its rules need.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Default)]
pub struct Account {
    /// Of a robot: who answers for it.
    pub owner: Option<String>,
    pub roles: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    pub identities: BTreeSet<String>,
    pub closed: bool,
    pub leave: Vec<(Timestamp, Timestamp)>,
}

#[derive(Clone)]
pub struct Delegation {
    pub from: String,
    pub to: String,
    pub since: Timestamp,
    pub until: Timestamp,
    pub ended: bool,
}

#[derive(Clone, Default)]
pub struct Service {
    pub owner: String,
    pub depends_on: BTreeSet<String>,
    pub users: u64,
    pub revenue: u64,
    pub data: BTreeSet<String>,
}

#[derive(Clone, Default)]
pub struct Environment {
    pub tier: String,
    pub production_like: bool,
    pub labels: BTreeMap<String, String>,
    pub roles: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

#[derive(Clone)]
pub struct Claim {
    pub environment: String,
    pub by: String,
    pub since: Timestamp,
    pub until: Timestamp,
    pub ended: bool,
}

#[derive(Clone, Default)]
pub struct Artifact {
    pub service: String,
    pub commit: Option<String>,
    pub key: Option<String>,
    /// Addresses of authors and co-authors; `None` if it has no source or no commits.
    pub written_by: Option<BTreeSet<String>>,
}

#[derive(Clone)]
pub struct Quarantine {
    pub digest: String,
    pub service: String,
    pub commit: Option<String>,
    pub since: u64,
    pub lifted: bool,
}

#[derive(Clone)]
pub struct Decision {
    pub by: String,
    pub on_behalf_of: Option<String>,
    pub approve: bool,
    pub withdrawn: bool,
}

#[derive(Clone, Default)]
pub struct Change {
    pub release: String,
    pub class: String,
    pub level: String,
    pub requested_by: Option<String>,
    pub artifacts: BTreeSet<String>,
    /// Accounts that were authors when it was opened.
    pub authors: BTreeSet<String>,
    pub decisions: Vec<Decision>,
    /// By id: whether it was declared met.
    pub conditions: BTreeMap<String, bool>,
}

#[derive(Clone)]
pub struct Permit {
    pub id: String,
    pub environment: String,
    pub items: BTreeSet<(String, String)>,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Clone, Default)]
pub struct Release {
    pub class: String,
    pub environment: String,
    pub items: Vec<(String, String)>,
    pub owned: bool,
    pub criteria: BTreeSet<String>,
    pub drafted_by: Option<String>,
    pub stage: String,
    pub window: Option<(Timestamp, Timestamp)>,
    pub permit: Option<String>,
    pub deployment: Option<String>,
    pub change: Option<String>,
    /// Its permit was revoked after its deployment had begun.
    pub taken_back: bool,
}

#[derive(Clone)]
pub struct Lease {
    pub runner: String,
    pub fence: u64,
    pub step: u64,
    pub until: Timestamp,
    pub position: u64,
}

#[derive(Clone, Default)]
pub struct Unit {
    pub target: String,
    pub service: String,
    pub digest: String,
    pub previous: Option<String>,
    pub wave: u64,
    pub rank: u64,
    pub next: u64,
    pub attempt: u64,
    pub lease: Option<Lease>,
    pub failed: bool,
    pub results: u64,
    pub touched: bool,
}

#[derive(Clone)]
pub struct Step {
    pub name: String,
    pub settle: bool,
    pub skipped_back: bool,
    pub attempts: u64,
    /// On the way back.
    pub attempts_back: u64,
    /// Whether running it again after it was cut off is allowed.
    pub repeatable: bool,
}

#[derive(Clone)]
pub struct Deployment {
    pub release: String,
    pub environment: String,
    pub back: Option<String>,
    pub permit: Permit,
    pub started_by: Option<String>,
    pub steps: Vec<Step>,
    pub max_parallel: u64,
    /// Whether a wave is judged, and how many seconds it bakes.
    pub waves: Vec<(bool, u64)>,
    pub units: Vec<Unit>,
    pub wave: u64,
    pub settle: bool,
    pub status: String,
    pub until: Option<Timestamp>,
    pub paused: bool,
    pub held: Option<Timestamp>,
    pub fence: u64,
    pub ended: bool,
    /// Waves that were judged good, or that a person let go on.
    pub good: BTreeSet<u64>,
    /// When anything was last written about it.
    pub moved: Timestamp,
}

#[derive(Clone)]
pub struct Analysis {
    pub release: String,
    pub deployment: String,
    pub wave: u64,
    pub at_least: u64,
    pub horizon: u64,
    pub interval_s: u64,
    pub rollback_if_inconclusive: bool,
    pub since: Timestamp,
    pub open: bool,
    pub verdict: Option<String>,
}

#[derive(Clone)]
pub struct Watch {
    pub release: String,
    pub deployment: String,
    pub until: Option<Timestamp>,
    pub fired: BTreeSet<String>,
    pub open: bool,
    pub passed: bool,
}

#[derive(Clone)]
pub struct Rollback {
    pub release: String,
    pub of: String,
    pub back: Option<String>,
    pub criteria: BTreeSet<String>,
    /// `undoing`, `checking` or `ended`.
    pub status: &'static str,
    pub moved: Timestamp,
}

#[derive(Clone)]
pub struct Review {
    pub release: String,
    pub services: BTreeSet<String>,
    pub done: bool,
    /// From when on it blocks: that of an emergency only once it is overdue, any other from the beginning.
    pub after: Option<Timestamp>,
}

/// What had to follow from an entry.
#[derive(Clone)]
pub struct Due {
    pub rule: &'static str,
    pub position: u64,
    pub at: Timestamp,
    pub what: String,
}

/// An exception to one occurrence of one window.
#[derive(Clone)]
pub struct Waiver {
    pub release: String,
    pub calendar: String,
    pub window: String,
    pub occurrence: Timestamp,
    pub until: Timestamp,
    pub role: String,
    pub asked_by: Option<String>,
    pub granted: bool,
}

#[derive(Default)]
pub struct Book {
    pub accounts: BTreeMap<String, Account>,
    pub links: BTreeSet<(String, String)>,
    pub delegations: BTreeMap<String, Delegation>,
    pub services: BTreeMap<String, Service>,
    pub environments: BTreeMap<String, Environment>,
    pub calendars: BTreeMap<String, Vec<crate::calendar::Window>>,
    pub lockdowns: BTreeMap<String, crate::calendar::About>,
    pub exceptions: BTreeMap<String, Waiver>,
    pub claims: BTreeMap<String, Claim>,
    pub artifacts: BTreeMap<String, Artifact>,
    pub keys: BTreeMap<String, bool>,
    pub quarantines: BTreeMap<String, Quarantine>,
    pub changes: BTreeMap<String, Change>,
    pub releases: BTreeMap<String, Release>,
    pub revoked: BTreeSet<String>,
    pub deployments: BTreeMap<String, Deployment>,
    pub analyses: BTreeMap<String, Analysis>,
    pub watches: BTreeMap<String, Watch>,
    pub rollbacks: BTreeMap<String, Rollback>,
    pub reviews: BTreeMap<String, Review>,
    pub due: Vec<Due>,
    /// Broken glasses: by whom, for which release.
    pub glasses: BTreeMap<String, (String, String)>,
}
