//! Who is who: accounts, links, robots, delegations, leave.

use crate::{
    Auditor,
    book::{Account, Book, Delegation},
    moment,
    read::{Entry, set, text},
};
use std::collections::BTreeSet;

/// Roles of which one is needed for a kind of entry that an account has made.
pub fn roles_for(kind: &str) -> &'static [&'static str] {
    const CONTROL: &[&str] = &["deployer", "release-manager", "on-call"];
    match kind {
        "people.account_put" | "people.accounts_linked" | "people.account_closed" => &["administrator"],
        "catalog.service_put" | "catalog.service_removed" => &["administrator", "release-manager"],
        "calendar.put" | "calendar.removed" | "calendar.lockdown_called" | "calendar.lockdown_lifted" => {
            &["administrator", "release-manager"]
        }
        "calendar.exception_asked" => &["release-manager", "developer"],
        "environment.put" | "environment.removed" => &["administrator", "environment-manager"],
        "environment.claimed" => &["developer", "deployer", "release-manager", "environment-manager", "on-call"],
        "artifact.registered" => &["developer", "release-manager"],
        "artifact.key_put" => &["administrator"],
        "artifact.quarantine_lifted" => &["release-manager"],
        "change.decided" => &["approver"],
        "release.drafted" | "release.planned" => &["release-manager", "developer"],
        "release.frozen" | "release.authorised" | "release.cancelled" | "release.closed" => &["release-manager"],
        "deployment.started" => &["deployer"],
        "deployment.paused" | "deployment.resumed" | "deployment.retried" | "deployment.step_skipped" => CONTROL,
        "verification.resolved" | "rollback.started" => CONTROL,
        "learning.review_done" => &["release-manager", "on-call", "developer"],
        _ => &[],
    }
}

impl Book {
    /// Every account of the person behind one: linked, owned, owning, and on from there.
    pub fn person(&self, account: &str) -> BTreeSet<String> {
        let mut person = BTreeSet::from([account.to_owned()]);
        loop {
            let more: BTreeSet<String> = self
                .links
                .iter()
                .flat_map(|(a, b)| [(a, b), (b, a)])
                .chain(self.accounts.iter().filter_map(|(id, it)| it.owner.as_ref().map(|owner| (owner, id))))
                .chain(self.accounts.iter().filter_map(|(id, it)| it.owner.as_ref().map(|owner| (id, owner))))
                .filter(|(a, b)| person.contains(*a) && !person.contains(*b))
                .map(|(_, b)| b.clone())
                .collect();
            if more.is_empty() {
                return person;
            }
            person.extend(more);
        }
    }

    pub fn same(&self, a: &str, b: &str) -> bool {
        a == b || self.person(a).contains(b)
    }
}

impl Auditor {
    pub(crate) fn people(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        match entry.kind {
            "people.account_put" => {
                let kept = self.book.accounts.get(entry.text("account")).cloned().unwrap_or_default();
                let owner = data["account_kind"]["robot"]["owner"].as_str().map(str::to_owned);
                let account = Account {
                    owner,
                    roles: set(&data["roles"]),
                    groups: set(&data["groups"]),
                    identities: set(&data["identities"]),
                    ..kept
                };
                self.book.accounts.insert(text(data, "account"), account);
            }
            "people.accounts_linked" => {
                self.book.links.insert((text(data, "a"), text(data, "b")));
            }
            "people.account_closed" => {
                if let Some(account) = self.book.accounts.get_mut(entry.text("account")) {
                    account.closed = true;
                }
            }
            "people.delegated" => {
                let (Some(since), Some(until)) = (moment(&data["from_time"]), moment(&data["until"])) else { return };
                let (from, to) = (text(data, "from"), text(data, "to"));
                self.book
                    .delegations
                    .insert(text(data, "delegation"), Delegation { from, to, since, until, ended: false });
            }
            "people.delegation_ended" => {
                if let Some(delegation) = self.book.delegations.get_mut(entry.text("delegation")) {
                    delegation.ended = true;
                }
            }
            "people.leave_put" => {
                let (Some(from), Some(until)) = (moment(&data["from_time"]), moment(&data["until"])) else { return };
                if let Some(account) = self.book.accounts.get_mut(entry.text("account")) {
                    account.leave.push((from, until));
                }
            }
            _ => {}
        }
    }
}
