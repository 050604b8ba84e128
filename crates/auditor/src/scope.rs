//! What there is to ship and where: services, calendars, environments and their claims, artefacts and their quarantine.

use crate::{
    Auditor,
    book::{Artifact, Claim, Environment, Quarantine, Service, Waiver},
    calendar::{About, Window},
    moment,
    read::*,
};
use serde_json::Value;
use std::collections::BTreeSet;

impl Auditor {
    pub(crate) fn scope(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        match entry.kind {
            "catalog.service_put" => {
                let it = &data["service"];
                let service = Service {
                    owner: text(it, "owner"),
                    depends_on: set(&it["depends_on"]),
                    users: number(&it["criticality"], "users"),
                    revenue: number(&it["criticality"], "revenue_per_hour"),
                    data: set(&it["criticality"]["data_classes"]),
                };
                self.book.services.insert(text(it, "name"), service);
            }
            "catalog.service_removed" => drop(self.book.services.remove(entry.text("service"))),
            "calendar.put" => {
                let windows: Vec<Window> = list(&data["calendar"]["windows"]).map(Window::read).collect();
                for window in windows.iter().filter(|it| !it.is_readable()) {
                    self.find(
                        "readable",
                        Some(entry.position),
                        format!("window `{}` cannot be read here", window.name),
                    );
                }
                self.book.calendars.insert(text(&data["calendar"], "name"), windows);
            }
            "calendar.removed" => drop(self.book.calendars.remove(entry.text("calendar"))),
            "calendar.lockdown_called" => {
                self.book.lockdowns.insert(text(data, "lockdown"), About::read(&data["scope"]));
            }
            "calendar.exception_asked" => {
                let (Some(occurrence), Some(until)) = (moment(&data["occurrence"]), moment(&data["until"])) else {
                    return;
                };
                let waiver = Waiver {
                    release: text(data, "release"),
                    calendar: text(data, "calendar"),
                    window: text(data, "window"),
                    occurrence,
                    until,
                    role: text(data, "role"),
                    asked_by: by(entry).map(str::to_owned),
                    granted: false,
                };
                self.book.exceptions.insert(text(data, "exception"), waiver);
            }
            "calendar.exception_decided" => self.excepted(entry),
            "calendar.exception_ended" => drop(self.book.exceptions.remove(entry.text("exception"))),
            "calendar.lockdown_lifted" => drop(self.book.lockdowns.remove(entry.text("lockdown"))),
            "environment.put" => {
                let it = &data["environment"];
                let labels = it["labels"].as_object().into_iter().flatten();
                let environment = Environment {
                    tier: text(it, "tier"),
                    production_like: it["production_like"].as_bool() != Some(false) || it["tier"] == "production",
                    labels: labels
                        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                        .collect(),
                    roles: set(&it["deployers"]["roles"]),
                    groups: set(&it["deployers"]["groups"]),
                };
                self.book.environments.insert(text(it, "name"), environment);
            }
            "environment.removed" => drop(self.book.environments.remove(entry.text("environment"))),
            "environment.claimed" => self.claimed(entry),
            "environment.claim_ended" => {
                if let Some(claim) = self.book.claims.get_mut(entry.text("claim")) {
                    claim.ended = true;
                }
            }
            "artifact.registered" => {
                let it = &data["artifact"];
                let artifact = Artifact {
                    service: text(it, "service"),
                    commit: it["source"]["commit"].as_str().map(str::to_owned),
                    key: it["signature"]["key"].as_str().map(str::to_owned),
                    written_by: writers(&it["source"]),
                };
                self.book.artifacts.insert(text(it, "digest"), artifact);
            }
            "artifact.key_put" => {
                let it = &data["key"];
                self.book.keys.insert(text(it, "name"), it["revoked"] == true);
            }
            "artifact.quarantined" => {
                let digest = text(data, "digest");
                let commit = self.book.artifacts.get(&digest).and_then(|it| it.commit.clone());
                let service = text(data, "service");
                let quarantine = Quarantine { digest, service, commit, since: entry.position, lifted: false };
                self.book.quarantines.insert(text(data, "quarantine"), quarantine);
            }
            "artifact.quarantine_lifted" => {
                if let Some(it) = self.book.quarantines.get_mut(entry.text("quarantine")) {
                    it.lifted = true;
                }
            }
            _ => {}
        }
    }

    /// Another person with the role that the window names decides, once.
    fn excepted(&mut self, entry: &Entry<'_>) {
        let Some(it) = self.book.exceptions.get(entry.text("exception")).cloned() else {
            return self.find("readable", Some(entry.position), "an exception nobody asked for is decided");
        };
        let by = by(entry).unwrap_or_default().to_owned();
        let drafted = self.book.releases.get(&it.release).and_then(|release| release.drafted_by.clone());
        let own = [it.asked_by.clone(), drafted].into_iter().flatten().any(|other| self.book.same(&other, &by));
        self.must("own-exception", entry, !own, || {
            format!("{by} decides on an exception of his own, for {}", it.release)
        });
        let holds = self.book.accounts.get(&by).is_some_and(|account| account.roles.contains(&it.role));
        self.must("authority", entry, holds, || format!("{by} decides on an exception without the role {}", it.role));
        if let Some(known) = self.book.exceptions.get_mut(entry.text("exception")) {
            known.granted = entry.data["granted"] == true;
        }
    }

    fn claimed(&mut self, entry: &Entry<'_>) {
        let Some(until) = moment(&entry.data["until"]) else { return };
        let (environment, account) = (entry.text("environment"), entry.text("account"));
        let other = self.book.claim(environment, entry.at).filter(|it| !self.book.same(&it.by, account));
        let other = other.map(|it| format!("{} holds `{environment}` until {}", it.by, it.until));
        self.must("claims-overlap", entry, other.is_none(), || {
            format!("{account} claims it: {}", other.clone().unwrap_or_default())
        });
        let busy = self.book.deployments.iter().find(|(_, it)| it.environment == environment && !it.ended);
        let foreign = busy.filter(|(_, it)| !it.started_by.as_ref().is_some_and(|by| self.book.same(by, account)));
        let foreign = foreign.map(|(id, _)| id.clone());
        self.must("claims-overlap", entry, foreign.is_none(), || {
            format!(
                "{account} claims `{environment}` in the middle of deployment {}",
                foreign.clone().unwrap_or_default()
            )
        });
        let (environment, by) = (environment.to_owned(), account.to_owned());
        let claim = Claim { environment, by, since: entry.at, until, ended: false };
        self.book.claims.insert(entry.text("claim").to_owned(), claim);
    }
}

/// Addresses of everybody who wrote some of it; `None` if that is not known.
fn writers(source: &Value) -> Option<BTreeSet<String>> {
    let commits = source["commits"].as_array().filter(|it| !it.is_empty())?;
    let authors = commits.iter().filter_map(|it| it["author"].as_str());
    let others = commits.iter().flat_map(|it| list(&it["co_authors"])).filter_map(Value::as_str);
    Some(authors.chain(others).map(str::to_owned).collect())
}

impl crate::book::Book {
    pub fn claim(&self, environment: &str, at: jiff::Timestamp) -> Option<&Claim> {
        let held = |it: &&Claim| it.environment == environment && !it.ended && it.since <= at && at < it.until;
        self.claims.values().find(held)
    }

    /// The position at which a digest, or another build of the same commit, was last put into quarantine.
    pub fn quarantined(&self, digest: &str) -> Option<u64> {
        let artifact = self.artifacts.get(digest);
        let commit = artifact.and_then(|it| it.commit.as_ref());
        let holds = |it: &&Quarantine| {
            let kin = artifact.is_some_and(|artifact| artifact.service == it.service);
            !it.lifted && (it.digest == digest || kin && commit.is_some() && it.commit.as_ref() == commit)
        };
        self.quarantines.values().filter(holds).map(|it| it.since).max()
    }
}
