//! Changes and releases: who decides, what has to be given before a permit, what a permit is bound to.

use crate::{
    Auditor,
    book::{Book, Change, Decision, Permit, Release},
    calendar::Asked,
    moment,
    read::*,
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

/// Users, revenue per hour and dependants from which an impact is high, and from which it is medium.
const HIGH: (u64, u64, usize) = (100_000, 10_000, 10);
const MEDIUM: (u64, u64, usize) = (1_000, 1_000, 3);

impl Book {
    /// Everybody who wrote some of a change, as far as it is known now, and whether somebody is not known.
    pub fn authors(&self, change: &Change) -> (BTreeSet<String>, bool) {
        let mut authors = change.authors.clone();
        let mut unknown = false;
        for digest in &change.artifacts {
            match self.artifacts.get(digest).and_then(|it| it.written_by.as_ref()) {
                None => unknown = true,
                Some(addresses) => {
                    for address in addresses {
                        match self.accounts.iter().find(|(_, it)| it.identities.contains(address)) {
                            Some((account, _)) => drop(authors.insert(account.clone())),
                            None => unknown = true,
                        }
                    }
                }
            }
        }
        (authors, unknown)
    }

    pub fn wrote(&self, change: &Change, account: &str) -> bool {
        !self.person(account).is_disjoint(&self.authors(change).0)
    }

    /// People whose approval is in force, by one of their accounts.
    pub fn approvers(&self, change: &Change) -> Vec<String> {
        let mut people: Vec<String> = Vec::new();
        for decision in change.decisions.iter().filter(|it| it.approve && !it.withdrawn) {
            let account = decision.on_behalf_of.as_ref().unwrap_or(&decision.by);
            if !people.iter().any(|other| self.same(other, account)) {
                people.push(account.clone());
            }
        }
        people
    }

    fn impact(&self, services: &BTreeSet<String>) -> &'static str {
        let mut touched = services.clone();
        loop {
            let more: Vec<String> = self
                .services
                .iter()
                .filter(|(name, it)| !touched.contains(*name) && !it.depends_on.is_disjoint(&touched))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            touched.extend(more);
        }
        let known: Vec<_> = touched.iter().filter_map(|it| self.services.get(it)).collect();
        let users = known.iter().fold(0u64, |sum, it| sum.saturating_add(it.users));
        let revenue = known.iter().fold(0u64, |sum, it| sum.saturating_add(it.revenue));
        let dependants = touched.len() - services.len();
        let data = |wanted: &[&str]| known.iter().any(|it| wanted.iter().any(|class| it.data.contains(*class)));
        let unknown = services.iter().any(|it| !self.services.contains_key(it));
        let beyond = |(u, r, d): (u64, u64, usize)| users >= u || revenue >= r || dependants >= d;
        if unknown || beyond(HIGH) || data(&["financial", "health", "payment"]) {
            "high"
        } else if beyond(MEDIUM) || data(&["personal"]) {
            "medium"
        } else {
            "low"
        }
    }

    pub fn production_like(&self, environment: &str) -> bool {
        self.environments.get(environment).is_none_or(|it| it.production_like)
    }
}

/// Approvals by people who neither wrote nor asked for it.
fn required(class: &str, level: &str, production_like: bool) -> usize {
    match (production_like, class, level) {
        (_, "normal" | "standard", "high") => 2,
        (true, _, _) => 1,
        (false, "emergency", "high") => 1,
        (false, _, _) => 0,
    }
}

pub(crate) fn permit(value: &Value) -> Option<Permit> {
    let items = list(&value["items"]).map(|it| (text(it, "service"), text(it, "digest"))).collect();
    let (from, until) = (moment(&value["not_before"])?, moment(&value["not_after"])?);
    Some(Permit { id: text(value, "id"), environment: text(value, "environment"), items, from, until })
}

impl Auditor {
    pub(crate) fn change(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        match entry.kind {
            "change.opened" => self.opened(entry),
            "change.decided" => self.decided(entry),
            "change.decision_withdrawn" => {
                let account = entry.text("account");
                if let Some(change) = self.book.changes.get_mut(entry.text("change")) {
                    change.decisions.iter_mut().filter(|it| it.by == account).for_each(|it| it.withdrawn = true);
                }
            }
            "change.condition_met" => {
                if let Some(change) = self.book.changes.get_mut(entry.text("change")) {
                    change.conditions.insert(text(data, "condition"), true);
                }
            }
            "release.drafted" => self.drafted(entry),
            "release.planned" => {
                let window = &data["window"];
                let window = moment(&window["start"]).zip(moment(&window["end"]));
                if let Some((start, end)) = window {
                    self.open(entry, entry.text("release"), start, end);
                }
                self.stage(entry, "planned", |release| release.window = window);
            }
            "release.frozen" => self.stage(entry, "frozen", |_| {}),
            "release.ready" | "release.held_back" => {
                let stage = if entry.kind == "release.ready" { "ready" } else { "frozen" };
                self.stage(entry, stage, |_| {});
            }
            "release.authorised" => self.authorised(entry),
            "release.permit_revoked" => {
                self.revoke(entry.text("release"));
                let authorised =
                    self.book.releases.get(entry.text("release")).is_some_and(|it| it.stage == "authorised");
                if authorised {
                    self.stage(entry, "frozen", |_| {});
                } else if let Some(release) = self.book.releases.get_mut(entry.text("release")) {
                    release.taken_back = true;
                }
            }
            "release.deploying" => {
                let deployment = text(data, "deployment");
                self.stage(entry, "deploying", |release| release.deployment = Some(deployment));
            }
            "release.stabilising" => self.stage(entry, "stabilising", |_| {}),
            "release.closed" => {
                let release = entry.text("release");
                let back = self.book.rollbacks.iter().find(|(_, it)| it.release == release && it.status != "ended");
                let back = back.map(|(id, _)| id.clone());
                self.must("closed-in-rollback", entry, back.is_none(), || {
                    format!("{release} closes, and rollback {} is under way", back.clone().unwrap_or_default())
                });
                let seen = data["reason"].is_object()
                    || self.book.watches.values().any(|it| it.release == entry.text("release") && it.passed);
                self.must("closed-without-evidence", entry, seen, || {
                    format!("{} closes, and its watch has not passed", entry.text("release"))
                });
                self.stage(entry, "closed", |_| {});
            }
            "release.rolled_back" | "release.cancelled" => {
                self.revoke(entry.text("release"));
                let stage = if entry.kind == "release.cancelled" { "cancelled" } else { "rolled_back" };
                self.stage(entry, stage, |_| {});
            }
            _ => {}
        }
    }

    fn stage(&mut self, entry: &Entry<'_>, stage: &str, more: impl FnOnce(&mut Release)) {
        if let Some(release) = self.book.releases.get_mut(entry.text("release")) {
            release.stage = stage.to_owned();
            more(release);
        }
    }

    fn revoke(&mut self, release: &str) {
        let permit = self.book.releases.get(release).and_then(|it| it.permit.clone());
        self.book.revoked.extend(permit);
    }

    fn drafted(&mut self, entry: &Entry<'_>) {
        let spec = &entry.data["spec"];
        let triggers: Vec<&Value> = list(&spec["triggers"]).collect();
        let owned = !triggers.is_empty()
            && triggers
                .iter()
                .all(|it| it["owner"].is_string() && it["deputy"].is_string() && it["owner"] != it["deputy"]);
        let release = Release {
            class: text(spec, "class"),
            environment: text(spec, "environment"),
            items: list(&spec["items"]).map(|it| (text(it, "service"), text(it, "digest"))).collect(),
            owned,
            criteria: list(&spec["rollback"]["criteria"]).map(|it| text(it, "name")).collect(),
            drafted_by: entry.data["account"].as_str().map(str::to_owned),
            stage: "draft".into(),
            ..Release::default()
        };
        self.book.releases.insert(text(entry.data, "release"), release);
    }

    fn opened(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        let (id, release) = (text(data, "change"), text(data, "release"));
        let level = text(&data["impact"], "level");
        let own = self.book.impact(&set(&data["services"]));
        self.must("impact", entry, own == level, || format!("the impact of {id} is {own}, and it says {level}"));
        let mut authors = set(&data["authorship"]["authors"]);
        authors.extend(set(&data["authorship"]["co_authors"]));
        let change = Change {
            release: release.clone(),
            class: text(data, "class"),
            level,
            requested_by: data["requested_by"].as_str().map(str::to_owned),
            artifacts: set(&data["artifacts"]),
            authors,
            ..Change::default()
        };
        if let Some(release) = self.book.releases.get_mut(&release) {
            release.change = Some(id.clone());
        }
        self.book.changes.insert(id, change);
    }

    fn decided(&mut self, entry: &Entry<'_>) {
        let data = entry.data;
        let Some(change) = self.book.changes.get(entry.text("change")).cloned() else {
            return self.find("readable", Some(entry.position), "a change that was never opened is decided");
        };
        let account = text(data, "account");
        let delegator = data["on_behalf_of"].as_str().map(str::to_owned);
        let approve = data["decision"] == "approve";
        let acted = by(entry).unwrap_or_default().to_owned();
        self.must("role", entry, acted == account, || format!("{acted} decides as {account}"));
        let known = self.book.accounts.get(&account).cloned().unwrap_or_default();
        let roles = |it: &str| self.book.accounts.get(it).map(|it| it.roles.clone()).unwrap_or_default();
        let approver = known.owner.is_none()
            && (known.roles.contains("approver")
                || delegator.as_ref().is_some_and(|it| roles(it).contains("approver")));
        self.must("role", entry, approver, || format!("{account} decides on {} and is no approver", change.release));
        if let Some(from) = &delegator {
            let in_force = self.book.delegations.values().any(|it| {
                it.from == *from && it.to == account && !it.ended && it.since <= entry.at && entry.at < it.until
            });
            self.must("delegation", entry, in_force, || format!("{from} has delegated nothing to {account} for now"));
        }
        let deciding: Vec<String> = std::iter::once(account.clone()).chain(delegator.clone()).collect();
        if approve {
            let own = deciding.iter().find(|it| self.book.wrote(&change, it)).cloned();
            self.must("own-approval", entry, own.is_none(), || {
                format!("{account} approves, and {} wrote part of it", own.clone().unwrap_or_default())
            });
            let (_, unknown) = self.book.authors(&change);
            self.must("own-approval", entry, !unknown, || {
                format!("{account} approves what may be his own: some commits are nobody's that is known")
            });
            let asked = change.requested_by.clone().filter(|it| deciding.iter().any(|by| self.book.same(it, by)));
            self.must("own-request", entry, asked.is_none(), || format!("{account} approves what he asked for"));
            let away = known.leave.iter().any(|(from, until)| *from <= entry.at && entry.at < *until);
            self.must("on-leave", entry, !away, || format!("{account} approves while on leave"));
        }
        let twice = change
            .decisions
            .iter()
            .filter(|it| !it.withdrawn)
            .flat_map(|it| std::iter::once(&it.by).chain(&it.on_behalf_of))
            .any(|other| deciding.iter().any(|by| self.book.same(other, by)));
        self.must("decided-twice", entry, !twice, || format!("{account} decides again on {}", change.release));
        if let Some(change) = self.book.changes.get_mut(entry.text("change")) {
            change.decisions.push(Decision { by: account, on_behalf_of: delegator, approve, withdrawn: false });
            change.conditions.extend(list(&data["conditions"]).map(|it| (text(it, "id"), false)));
        }
    }

    /// The release's services are open between two moments.
    fn open(&mut self, entry: &Entry<'_>, release: &str, from: Timestamp, until: Timestamp) {
        let Some(it) = self.book.releases.get(release) else { return };
        let services: Vec<String> = it.items.iter().map(|(service, _)| service.clone()).collect();
        let asked = Asked { release, services: &services, environment: &it.environment, back: false };
        let closed = self.book.closed(&asked, from, until);
        self.must("closed-window", entry, closed.is_none(), || {
            format!("{} of {release} from {from} to {until}: {}", entry.kind, closed.clone().unwrap_or_default())
        });
    }

    fn authorised(&mut self, entry: &Entry<'_>) {
        let Some(permit) = permit(&entry.data["permit"]) else {
            return self.find("readable", Some(entry.position), "the permit cannot be read");
        };
        let id = text(&entry.data["permit"], "release");
        let Some(release) = self.book.releases.get(&id).cloned() else { return };
        if let Some((start, end)) = release.window {
            self.must("permit", entry, start <= permit.from && permit.until <= end, || {
                format!("the permit of {id} is good beyond its window")
            });
            self.open(entry, &id, entry.at.max(start), end);
        }
        let exact = permit.environment == release.environment
            && permit.items == release.items.iter().cloned().collect::<BTreeSet<_>>();
        self.must("permit", entry, exact, || format!("the permit of {id} is for something else than the release"));
        self.cleared(entry, &id);
        if let Some(account) = by(entry).map(str::to_owned) {
            let own = release.change.as_ref().and_then(|it| self.book.changes.get(it));
            let own = own.is_some_and(|change| self.book.wrote(change, &account));
            let production = self.book.production_like(&release.environment);
            self.must("author-authorises", entry, !(own && production), || {
                format!("{account} wrote part of {id} and authorises it for production")
            });
        }
        let shut = list(&entry.data["gates"]).find(|it| it["ruling"]["outcome"] != "pass").map(|it| text(it, "name"));
        self.must("gate-not-passed", entry, shut.is_none(), || {
            format!("{id} is authorised with gate {}", shut.clone().unwrap_or_default())
        });
        if let Some(release) = self.book.releases.get_mut(&id) {
            release.permit = Some(permit.id);
            release.stage = "authorised".into();
        }
    }

    /// Everything that has to be so whenever a release moves on: at authorisation, at the start, and at each step.
    pub(crate) fn cleared(&mut self, entry: &Entry<'_>, id: &str) {
        let Some(release) = self.book.releases.get(id).cloned() else { return };
        let production = self.book.production_like(&release.environment);
        let Some(change) = release.change.as_ref().and_then(|it| self.book.changes.get(it)).cloned() else {
            return self.find("approvals", Some(entry.position), format!("{id} carries no change"));
        };
        let counts = |account: &String| {
            !self.book.wrote(&change, account)
                && !change.requested_by.as_ref().is_some_and(|it| self.book.same(it, account))
        };
        let approvals = self.book.approvers(&change).iter().filter(|it| counts(it)).count();
        let wanted = required(&change.class, &change.level, production);
        self.must("approvals", entry, approvals >= wanted, || {
            format!("{} of {id} with {approvals} of {wanted} approvals by others", entry.kind)
        });
        let rejected = change.decisions.iter().any(|it| !it.approve && !it.withdrawn);
        self.must("rejected", entry, !rejected, || format!("{} of {id}, which is rejected", entry.kind));
        let open = change.conditions.values().filter(|met| !**met).count();
        self.must("conditions", entry, open == 0, || format!("{} of {id} with {open} conditions open", entry.kind));
        let (_, unknown) = self.book.authors(&change);
        self.must("authors-unknown", entry, !(production && unknown), || {
            format!("{} of {id}, and who wrote some of it is not known", entry.kind)
        });
        let services: BTreeSet<String> = release.items.iter().map(|(service, _)| service.clone()).collect();
        let review = self
            .book
            .reviews
            .iter()
            .filter(|(_, it)| it.after.is_none_or(|after| after < entry.at))
            .find(|(_, it)| !it.done && it.release != id && !it.services.is_disjoint(&services));
        let review = review.map(|(id, _)| id.clone());
        self.must("review-open", entry, review.is_none(), || {
            format!("{} of {id}, and review {} is not done", entry.kind, review.clone().unwrap_or_default())
        });
        let ready = !production || release.owned && !release.criteria.is_empty();
        self.must("rollback-plan", entry, ready, || format!("{} of {id} without triggers and owners", entry.kind));
        for (_, digest) in &release.items {
            let artifact = self.book.artifacts.get(digest).cloned().unwrap_or_default();
            let quarantined = self.book.quarantined(digest);
            self.must("quarantined", entry, quarantined.is_none(), || {
                format!("{} of {id} with {digest}, in quarantine", entry.kind)
            });
            let good = artifact.key.as_ref().is_some_and(|key| self.book.keys.get(key) == Some(&false));
            self.must("signature", entry, good, || {
                format!("{} of {id}, and {digest} has no good signature", entry.kind)
            });
            let traced = artifact.written_by.is_some();
            self.must("traceable", entry, traced, || format!("{} of {id}, and {digest} has no commits", entry.kind));
        }
        let claim = self.book.claim(&release.environment, entry.at).map(|it| it.by.clone());
        let deployment = release.deployment.as_ref().and_then(|it| self.book.deployments.get(it));
        let own = [release.drafted_by.clone(), deployment.and_then(|it| it.started_by.clone())];
        let foreign = claim.filter(|holder| !own.iter().flatten().any(|it| self.book.same(it, holder)));
        self.must("claimed-by-others", entry, foreign.is_none(), || {
            format!("{} of {id}, and {} has claimed the place", entry.kind, foreign.clone().unwrap_or_default())
        });
    }
}
