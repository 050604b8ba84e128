//! Gates: what has to be true before a release may move on. Facts are gathered here, verdicts are given by the policies in force.

use super::{Release, Stage};
use crate::{
    calendar::{self, Closed, Scope},
    change::{self, Change, Decision},
    core::{Actor, World},
    learning,
    policy::{Question, ask},
    reason::{Blocker, Outcome, Ruling, Slot},
};
use interlock_ids::{AccountId, Name, ReleaseId};
use interlock_policy::{Fact, Facts};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One gate and what it says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Such as `approvals`; the policies know it as action `gate.approvals`.
    pub name: &'static str,
    pub ruling: Ruling,
}

/// All gates of a release as they stand at `now`, in the order in which people clear them.
pub fn gates(world: &World, release: &Release, now: Timestamp) -> Vec<Gate> {
    let it = Facing { world, release, now, change: world.change.of_release(release.id) };
    vec![
        it.calendar(),
        it.gate("artifact", it.artifact()),
        it.gate("traceability", it.traceability()),
        it.gate("approvals", it.approvals()),
        it.gate("segregation", it.segregation()),
        it.gate("conditions", it.conditions()),
        it.review(),
        it.gate("rollback-plan", it.rollback_plan()),
        it.gate("environment", it.environment()),
        it.evidence(),
    ]
}

/// Everything that stands in the way at the gates given.
pub(crate) fn blockers(gates: &[Gate]) -> Vec<Blocker> {
    gates
        .iter()
        .filter(|gate| gate.ruling.outcome != Outcome::Pass)
        .flat_map(|gate| gate.ruling.blockers.clone())
        .collect()
}

/// What the calendar says about shipping a release within `slot`.
pub(crate) fn calendar_gate(world: &World, release: &Release, slot: Slot) -> Gate {
    let closed = calendar::open_during(world, &scope(release), slot);
    let it = Facing { world, release, now: slot.start, change: None };
    it.calendar_said(closed, None)
}

/// Planned releases whose window is not over and not allowed by the calendar, each with what closes it.
pub fn closed_plans(world: &World, now: Timestamp) -> Vec<(ReleaseId, Vec<Closed>)> {
    let open = world.release.open.iter().filter_map(|id| world.release.release(*id));
    let planned = open.filter(|it| it.stage.is_planned()).filter_map(|it| Some((it, it.window?)));
    planned
        .filter(|(_, window)| now < window.end)
        .map(|(it, window)| {
            let rest = Slot { start: now.max(window.start), end: window.end };
            (it.id, calendar::open_during(world, &scope(it), rest))
        })
        .filter(|(_, closed)| !closed.is_empty())
        .collect()
}

/// What a calendar needs to know of a release.
pub(crate) fn scope(release: &Release) -> Scope {
    Scope { services: services(release), environment: release.spec.environment.clone() }
}

pub(crate) fn services(release: &Release) -> BTreeSet<Name> {
    release.spec.items.iter().map(|item| item.service.clone()).collect()
}

/// Accounts whose approval is in force, each person once.
pub(crate) fn approvers(world: &World, change: &Change) -> Vec<AccountId> {
    let mut people: Vec<AccountId> = Vec::new();
    for approval in change.decisions(Decision::Approve) {
        let person = approval.on_behalf_of.unwrap_or(approval.by);
        if !people.iter().any(|other| world.people.same_person(*other, person)) {
            people.push(person);
        }
    }
    people
}

/// Whether the person behind an account wrote any of it.
pub(crate) fn is_author(world: &World, change: &Change, account: AccountId) -> bool {
    let reach = world.people.reach(account);
    let wrote = change::authorship_now(world, change);
    wrote.authors.iter().chain(&wrote.co_authors).any(|author| reach.contains(author))
}

fn long(count: usize) -> Fact {
    Fact::Long(i64::try_from(count).unwrap_or(i64::MAX))
}

fn facts<const N: usize>(facts: [(&str, Fact); N]) -> Facts {
    Facts(facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
}

struct Facing<'a> {
    world: &'a World,
    release: &'a Release,
    now: Timestamp,
    change: Option<&'a Change>,
}

impl Facing<'_> {
    fn gate(&self, name: &'static str, facts: Facts) -> Gate {
        let classed = matches!(name, "traceability" | "approvals" | "segregation" | "rollback-plan" | "evidence");
        let facts = if classed { facts.with("data_classes", self.data_classes()) } else { facts };
        let action = format!("gate.{name}");
        let question = Question { action: &action, resource: ("Release", self.release.id.to_string()), facts };
        Gate { name, ruling: ask(self.world, &Actor::system(), question) }
    }

    fn production_like(&self) -> Fact {
        let environment = self.world.environment.environment(&self.release.spec.environment);
        Fact::Bool(environment.is_none_or(|it| it.production_like))
    }

    /// Classes of data of every service in it: by them packs of a regulation know that they apply.
    fn data_classes(&self) -> Fact {
        let mut classes = BTreeSet::new();
        for item in &self.release.spec.items {
            match self.world.catalog.service(&item.service) {
                Some(service) => classes.extend(service.criticality.data_classes.iter().map(Name::to_string)),
                None => return Fact::Unknown(format!("the catalogue does not know `{}` any more", item.service)),
            }
        }
        Fact::Set(classes.into_iter().collect())
    }

    fn unknown_change<const N: usize>(&self, names: [&str; N]) -> Facts {
        facts(names.map(|name| (name, Fact::Unknown("the release carries no change".into()))))
    }

    fn calendar(&self) -> Gate {
        let Some(window) = self.release.window else {
            let unknown = || Fact::Unknown("the release has no window yet".into());
            return self.gate("calendar", facts([("open", unknown()), ("windows", unknown())]));
        };
        if self.now >= window.end {
            let over = format!("the release's own window ended at {}", window.end);
            let blocker = Blocker::new("window-over", over.clone(), "plan the release again", "a release manager");
            return self.calendar_said(Vec::new(), Some((over, blocker)));
        }
        let rest = Slot { start: self.now.max(window.start), end: window.end };
        self.calendar_said(calendar::open_during(self.world, &scope(self.release), rest), None)
    }

    /// The blockers name each window, which says more than the policy that forbids can.
    fn calendar_said(&self, closed: Vec<Closed>, over: Option<(String, Blocker)>) -> Gate {
        let mut named: Vec<String> = closed.iter().map(|it| format!("{}/{}", it.calendar, it.window)).collect();
        named.extend(over.iter().map(|(text, _)| text.clone()));
        let mut gate = self
            .gate("calendar", facts([("open", Fact::Bool(named.is_empty())), ("windows", Fact::Set(named.clone()))]));
        if gate.ruling.outcome != Outcome::Pass && !named.is_empty() {
            gate.ruling.blockers = closed.iter().map(closed_blocker).chain(over.map(|(_, blocker)| blocker)).collect();
        }
        gate
    }

    fn artifact(&self) -> Facts {
        let artifacts = &self.world.artifact;
        let items = &self.release.spec.items;
        let known = items.iter().all(|item| artifacts.artifact(&item.digest).is_some());
        let key = |item: &super::Item| {
            let signature = artifacts.artifact(&item.digest)?.signature.as_ref()?;
            artifacts.keys.get(&signature.key)
        };
        let signed = items.iter().all(|item| key(item).is_some());
        let revoked = items.iter().filter_map(key).any(|key| key.revoked);
        let quarantined: Vec<String> = items
            .iter()
            .filter(|item| artifacts.quarantine(&item.digest).is_some())
            .map(|item| {
                let version = artifacts.artifact(&item.digest).map(|it| it.version.clone()).unwrap_or_default();
                format!("{} {version}", item.service)
            })
            .collect();
        facts([
            ("all_known", Fact::Bool(known)),
            ("all_signed", Fact::Bool(signed)),
            ("any_quarantined", Fact::Bool(!quarantined.is_empty())),
            ("key_revoked", Fact::Bool(revoked)),
            ("quarantined", Fact::Set(quarantined)),
        ])
    }

    fn traceability(&self) -> Facts {
        let source = |item: &super::Item| self.world.artifact.artifact(&item.digest).and_then(|it| it.source.as_ref());
        let traced = self.release.spec.items.iter().all(|item| source(item).is_some_and(|it| !it.commits.is_empty()));
        let reviews = Fact::Unknown("reviews of commits are not read from the code host".into());
        let production_like = self.production_like();
        facts([("traced", Fact::Bool(traced)), ("reviewed_commits", reviews), ("production_like", production_like)])
    }

    fn approvals(&self) -> Facts {
        let Some(change) = self.change else {
            return self.unknown_change(["class", "impact", "approvals", "rejections", "required", "production_like"]);
        };
        let production_like = matches!(self.production_like(), Fact::Bool(true));
        let requested =
            |account: &AccountId| change.requested_by.is_some_and(|it| self.world.people.same_person(it, *account));
        let approvers = approvers(self.world, change);
        let counts = |account: &&AccountId| !requested(account) && !is_author(self.world, change, **account);
        let approvals = approvers.iter().filter(counts).count();
        let required = change::required_approvals(change.class, change.impact.level, production_like);
        facts([
            ("class", Fact::Text(text(&change.class))),
            ("impact", Fact::Text(text(&change.impact.level))),
            ("approvals", long(approvals)),
            ("rejections", long(change.decisions(Decision::Reject).count())),
            ("required", Fact::Long(required.into())),
            ("production_like", self.production_like()),
        ])
    }

    fn segregation(&self) -> Facts {
        let Some(change) = self.change else {
            let names = [
                "authors_unknown",
                "independent_approvals",
                "approver_is_author",
                "approver_is_deployer",
                "production_like",
            ];
            return self.unknown_change(names);
        };
        let wrote = |account: &AccountId| is_author(self.world, change, *account);
        let approvers = approvers(self.world, change);
        let wrote_it = change::authorship_now(self.world, change);
        let unknown = !wrote_it.unknown.is_empty() || wrote_it.commits == 0;
        let deployment = self.release.deployment.and_then(|id| self.world.deployment.deployment(id));
        let deployer = deployment.and_then(|it| it.started_by);
        let same =
            |account: &AccountId| deployer.is_some_and(|deployer| self.world.people.same_person(deployer, *account));
        facts([
            ("authors_unknown", Fact::Bool(unknown)),
            ("independent_approvals", long(approvers.iter().filter(|account| !wrote(account)).count())),
            ("approver_is_author", Fact::Bool(approvers.iter().any(wrote))),
            ("approver_is_deployer", Fact::Bool(approvers.iter().any(same))),
            ("production_like", self.production_like()),
        ])
    }

    fn conditions(&self) -> Facts {
        let Some(change) = self.change else { return self.unknown_change(["open_conditions"]) };
        let open = change.conditions.iter().filter(|condition| condition.met.is_none()).count();
        facts([("open_conditions", long(open))])
    }

    fn review(&self) -> Gate {
        let reviews = learning::blocking_reviews(self.world, &services(self.release), self.release.id);
        let named: Vec<String> = reviews.iter().map(|id| self.review_name(*id)).collect();
        self.gate("review", facts([("open_reviews", Fact::Set(named)), ("excepted", Fact::Bool(false))]))
    }

    fn review_name(&self, id: interlock_ids::ReviewId) -> String {
        let release = self.world.learning.review(id).and_then(|it| self.world.release.release(it.release));
        release.map_or_else(|| id.to_string(), |release| format!("{} ({id})", release.spec.name))
    }

    fn rollback_plan(&self) -> Facts {
        let triggers = &self.release.spec.triggers;
        let without = |has: fn(&super::Trigger) -> bool| long(triggers.iter().filter(|it| !has(it)).count());
        facts([
            ("triggers", long(triggers.len())),
            ("triggers_without_owner", without(|it| it.owner.is_some())),
            ("triggers_without_deputy", without(|it| it.deputy.is_some() && it.deputy != it.owner)),
            ("has_plan", Fact::Bool(!self.release.spec.rollback.criteria.is_empty())),
            ("production_like", self.production_like()),
        ])
    }

    /// The blockers name each criterion and build, which says more than the policy that forbids can.
    fn evidence(&self) -> Gate {
        let judged = super::judge(self.world, self.release, self.now);
        let named = |wanted: &dyn Fn(&super::Judged) -> bool| {
            let all: BTreeSet<String> =
                judged.iter().filter(|it| wanted(it)).map(|it| format!("{} of {}", it.criterion, it.service)).collect();
            Fact::Set(all.into_iter().collect())
        };
        let unclear = |it: &super::Judged| it.outcome == Outcome::Inconclusive;
        let criteria = &self.release.spec.criteria;
        let signed = criteria.iter().any(|it| it.signature.is_some()).then(|| "signature".to_owned());
        let asked: BTreeSet<String> = criteria.iter().map(|it| it.asks.word().to_owned()).chain(signed).collect();
        let mut gate = self.gate(
            "evidence",
            facts([
                ("required", Fact::Set(criteria.iter().map(|it| it.name.to_string()).collect())),
                // Whatever does not tell is missing: no pack needs to know of every way in which it may not.
                ("missing", named(&|it| unclear(it) && it.code != "evidence-stale")),
                ("stale", named(&|it| unclear(it) && it.code == "evidence-stale")),
                ("failed", named(&|it| it.outcome == Outcome::Fail)),
                ("asked", Fact::Set(asked.into_iter().collect())),
                ("production_like", self.production_like()),
            ]),
        );
        if gate.ruling.outcome != Outcome::Pass {
            let standing = judged.iter().filter(|it| it.outcome != Outcome::Pass).map(super::Judged::blocker);
            let others = gate.ruling.blockers.iter().filter(|it| !it.code.starts_with("base.evidence-")).cloned();
            gate.ruling.blockers = standing.chain(others).collect();
        }
        gate
    }

    fn environment(&self) -> Facts {
        let name = &self.release.spec.environment;
        let claimed = self.world.environment.claim(name, self.now).is_some_and(|claim| {
            let drafted = self.release.drafted_by;
            drafted.is_none_or(|account| !self.world.people.same_person(claim.by, account))
        });
        let busy = self.world.deployment.running_in(name).is_some_and(|it| it.release != self.release.id);
        facts([("claimed_by_other", Fact::Bool(claimed)), ("busy", Fact::Bool(busy))])
    }
}

fn closed_blocker(it: &Closed) -> Blocker {
    let what = match it.kind {
        calendar::WindowKind::Freeze => "freeze",
        calendar::WindowKind::Holiday => "holiday",
        calendar::WindowKind::FiscalClose => "fiscal close",
        calendar::WindowKind::ContractRenewal => "contract renewal",
        calendar::WindowKind::Maintenance => "outside of every maintenance window such as",
    };
    let until = it.until.map_or_else(|| "until it is lifted".to_owned(), |until| format!("until {until}"));
    let reason = if it.reason.is_empty() { String::new() } else { format!(" ({})", it.reason) };
    let message = format!("{what} `{}` of calendar `{}`{reason}, {until}", it.window, it.calendar);
    Blocker::new(
        "calendar-closed",
        message,
        "take one of the slots offered, or wait until it is over",
        format!("{} (source: {})", it.owner, it.source),
    )
    .until(it.until)
}

/// The word under which an enumeration is stored, which is also what policies compare.
pub(crate) fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Stage {
    /// Stages in which a window is planned and nothing has begun.
    pub(crate) fn is_planned(self) -> bool {
        self == Stage::Planned || self.awaits_gates()
    }

    /// Stages in which gates are still open questions.
    pub(crate) fn awaits_gates(self) -> bool {
        matches!(self, Stage::Frozen | Stage::Ready | Stage::Authorised)
    }
}
