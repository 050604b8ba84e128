//! What people do: they bring releases through their lives, mostly as they should, sometimes as they should not, and now and then
//! something else. They look at what a node shows them, which may be out of date.

use super::{From, Happening, Sim};
use crate::house::name;
use interlock_domain::{
    artifact, calendar, change,
    core::{Actor, Command, World},
    deployment::{self, Status},
    environment, learning,
    people::{self, AccountKind},
    release::{self, Release, Stage},
    rollback::{self, Cause},
    verification::{self, Resolution},
};
use interlock_ids::{AccountId, Digest, Name};
use jiff::{SignedDuration, Timestamp};

impl Sim {
    /// One act of somebody; then the next is due.
    pub(super) fn act(&mut self) {
        if self.acts >= self.setting.acts {
            return;
        }
        self.acts += 1;
        let view = self.view();
        let drawn = if self.calm { self.random.below(73) } else { self.random.below(100) };
        // What stops the next step is only put to the test while there is one.
        let busy = !self.calm && !view.deployment.running.is_empty();
        match drawn {
            0..=63 if busy && self.random.chance(0.2) => self.interfere(&view),
            0..=63 => self.lead_a_release(&view),
            64..=67 => self.review(&view),
            68..=70 => self.lift(&view),
            71..=72 => self.give_back(&view),
            73..=78 => self.draft(&view),
            79..=84 => self.register(),
            85..=86 => self.claim(),
            87 => self.quarantine(&view),
            88 if self.random.chance(0.4) => self.stop(),
            89 if self.random.chance(0.5) => self.leave(),
            90..=91 => self.delegate(&view),
            92 if self.random.chance(0.3) => self.link(),
            93..=94 => self.change_roles(&view),
            95 if self.random.chance(0.4) => self.new_calendar(),
            96 if self.random.chance(0.15) => self.new_key(),
            97 => self.doubt(&view),
            98 => self.withdraw(&view),
            99 if self.random.chance(0.7) => self.except(&view),
            _ => self.lead_a_release(&view),
        }
        let hour = self.at().strftime("%H").to_string().parse::<u32>().unwrap_or_default();
        let mean = if self.calm || (6..20).contains(&hour) { 40_000.0 } else { 160_000.0 };
        let wait = self.random.wait(mean);
        self.after(wait, Happening::Act);
    }

    /// What somebody sees: the world of some node.
    fn view(&mut self) -> World {
        let node = self.random.below(self.nodes.len());
        self.nodes[node].world.clone()
    }

    /// Somebody of the name, or, now and then, just anybody.
    pub(super) fn somebody(&mut self, right: &[&str], wrong: f64) -> (String, AccountId) {
        let all: Vec<String> = self.cast.accounts.keys().cloned().collect();
        let who = if self.random.chance(wrong) {
            self.random.pick(&all).cloned()
        } else {
            self.random.pick(right).map(|it| (*it).to_owned())
        };
        let who = who.unwrap_or_else(|| "rita".into());
        let account = self.cast.accounts[&who];
        (who, account)
    }

    pub(super) fn submit(&mut self, (who, account): (String, AccountId), commands: Vec<Command>) {
        let what = commands.first().map(|it| format!("{it:?}")).unwrap_or_default();
        let id = self.ask(From::Person, Actor::account(account), commands);
        self.say(|| format!("{who} asks (key-{id}): {}", what.chars().take(200).collect::<String>()));
        self.send(id);
    }

    pub(super) fn one(&mut self, who: (String, AccountId), command: Command) {
        self.submit(who, vec![command]);
    }

    pub(super) fn open_release(&mut self, view: &World) -> Option<Release> {
        let open: Vec<_> = view.release.open.iter().copied().collect();
        // What is being deployed is looked at more often.
        let busy: Vec<_> = open
            .iter()
            .filter(|id| view.release.release(**id).is_some_and(|it| it.stage >= Stage::Deploying))
            .copied()
            .collect();
        let from = if !busy.is_empty() && self.random.chance(0.35) { busy } else { open };
        let id = *self.random.pick(&from)?;
        view.release.release(id).cloned()
    }

    /// What a release needs next, by its stage.
    fn lead_a_release(&mut self, view: &World) {
        let Some(it) = self.open_release(view) else { return self.draft(view) };
        let release = it.id;
        let leads: &[&str] = &["rita", "ravi", "rex", "edda", "dov-ops"];
        let past = it.window.is_some_and(|window| window.end <= self.at());
        match it.stage {
            _ if it.stage < Stage::Authorised && self.random.chance(0.25) && spoilt(view, &it) => {
                let reason = self.note();
                let who = self.somebody(&["rita", "ravi"], 0.05);
                self.one(who, Command::Release(release::Command::Cancel { release, reason }));
            }
            Stage::Draft => self.plan(view, &it),
            Stage::Planned | Stage::Frozen | Stage::Ready if past => self.plan(view, &it),
            Stage::Planned if self.random.chance(0.1) => self.plan(view, &it),
            Stage::Planned => {
                let who = self.somebody(leads, 0.1);
                self.one(who, Command::Release(release::Command::Freeze { release }));
            }
            Stage::Frozen | Stage::Ready => self.clear(view, &it),
            Stage::Authorised => self.start(view, &it),
            Stage::Deploying => self.attend(view, &it),
            // A way back that is stuck is looked after like a deployment.
            Stage::Stabilising if view.rollback.of_release(release).is_some() && self.random.chance(0.8) => {
                self.attend(view, &it);
            }
            Stage::Stabilising => {
                let command = match self.random.below(10) {
                    0 => self.take_back(release),
                    1..=4 => Command::Release(release::Command::Close { release, reason: self.note() }),
                    _ => return,
                };
                let who = self.somebody(leads, 0.1);
                self.one(who, command);
            }
            Stage::Closed | Stage::RolledBack | Stage::Cancelled => {}
        }
    }

    fn take_back(&mut self, release: interlock_ids::ReleaseId) -> Command {
        let reason = Some(self.note());
        let cause = Cause::Person { account: self.cast.accounts["olu"] };
        Command::Rollback(rollback::Command::Start { release, cause, reason })
    }

    fn plan(&mut self, view: &World, it: &Release) {
        let services = it.spec.items.iter().map(|item| item.service.clone()).collect();
        let scope = calendar::Scope { services, environment: it.spec.environment.clone(), release: Some(it.id) };
        let from = later(self.at(), self.random.between(1, 20));
        // The page offers the next free slots; some people type what they like.
        let offered = calendar::slots(view, &scope, from, it.spec.length_s, 2);
        let any = later(self.at(), self.random.between(-30, 12 * 60));
        let start = if self.random.chance(0.8) { self.random.pick(&offered).map(|it| it.start) } else { Some(any) };
        let Some(start) = start else { return };
        let who = self.somebody(&["rita", "ravi", "dana", "dov", "emil", "edda", "rex"], 0.1);
        self.one(who, Command::Release(release::Command::Plan { release: it.id, start }));
    }

    /// Approvals, conditions, the permit.
    fn clear(&mut self, view: &World, it: &Release) {
        let Some(change) = view.change.of_release(it.id).cloned() else { return };
        let change_id = change.id;
        let open = change.conditions.iter().find(|condition| condition.met.is_none()).map(|condition| condition.id);
        if let Some(condition) = open.filter(|_| self.random.chance(0.4)) {
            let evidence = self.note();
            let who = self.somebody(&["rita", "dana", "amir", "otto"], 0.1);
            let command = change::Command::MeetCondition { change: change_id, condition, evidence };
            return self.one(who, Command::Change(command));
        }
        let approve = if it.stage == Stage::Ready { 0.1 } else { 0.7 };
        if self.random.chance(approve) {
            let who = self.somebody(
                &["amir", "bea", "cleo", "erik", "edda", "rex", "ola", "dana-ops", "dov-ops", "amir", "bea", "cleo"],
                0.15,
            );
            let delegations: Vec<_> = view.people.delegations_to(who.1, self.at()).map(|it| it.from).collect();
            // Some go on deciding for somebody after it was over, and some never were asked to.
            let ever: Vec<_> = view.people.delegations.values().filter(|it| it.to == who.1).map(|it| it.from).collect();
            let anybody = self.cast.accounts["bea"];
            let on_behalf_of = match self.random.below(24) {
                0 => Some(anybody),
                1..=2 => self.random.pick(&ever).copied(),
                3..=8 => self.random.pick(&delegations).copied(),
                _ => None,
            };
            let conditions = if self.random.chance(0.2) { vec![(self.fresh(), self.note())] } else { Vec::new() };
            let decision = change::Decision::Approve;
            let reason = self.note();
            let command =
                change::Command::Decide { change: change_id, decision, reason, conditions, on_behalf_of, seen: None };
            return self.one(who, Command::Change(command));
        }
        let who = self.somebody(&["rita", "ravi", "rex", "edda", "dov-ops"], 0.1);
        self.one(who, Command::Release(release::Command::Authorise { release: it.id }));
    }

    fn start(&mut self, view: &World, it: &Release) {
        let early = it.permit.as_ref().is_some_and(|permit| self.at() < permit.not_before);
        if early && self.random.chance(0.9) {
            return;
        }
        let who = match self.approver_of(view, it).filter(|_| self.random.chance(0.12)) {
            Some(by) => ("an approver".into(), by),
            None => self.somebody(&["olu", "omar", "dina", "ola", "lena", "otto", "dana-ops", "olu", "omar"], 0.1),
        };
        // Now and then what is meant for the same place is started too, before anybody sees that the place is taken.
        let open = view.release.open.iter().filter_map(|id| view.release.release(*id));
        let same = |other: &&Release| {
            other.id != it.id && other.stage == Stage::Authorised && other.spec.environment == it.spec.environment
        };
        let others: Vec<_> = open.filter(same).map(|it| it.id).collect();
        let also = self.random.pick(&others).copied().filter(|_| self.random.chance(0.5));
        for release in std::iter::once(it.id).chain(also) {
            let deployment = self.fresh();
            self.one(who.clone(), Command::Deployment(deployment::Command::Start { deployment, release }));
        }
    }

    /// Somebody whose approval of it is in force.
    fn approver_of(&mut self, view: &World, it: &Release) -> Option<AccountId> {
        let change = view.change.of_release(it.id)?;
        let given: Vec<AccountId> = change.decisions(change::Decision::Approve).map(|it| it.by).collect();
        self.random.pick(&given).copied()
    }

    /// A deployment that runs: what it waits for, and sometimes something it does not.
    fn attend(&mut self, view: &World, it: &Release) {
        let running =
            view.deployment.running_in(&it.spec.environment).filter(|running| running.release == it.id).cloned();
        let reason = self.note();
        let Some(running) = running else {
            // A rollback that could not be shown to have worked is checked again.
            let failed = view.rollback.of_release(it.id).filter(|it| it.status == rollback::Status::Failed);
            if let Some(rollback) = failed.map(|it| it.id) {
                let who = self.somebody(&["olu", "rita"], 0.05);
                self.one(who, Command::Rollback(rollback::Command::CheckAgain { rollback, reason }));
            } else {
                let command = self.take_back(it.id);
                let who = self.somebody(&["olu", "rita"], 0.05);
                self.one(who, command);
            }
            return;
        };
        let deployment = running.id;
        let open = view.verification.by_deployment.get(&deployment).and_then(|it| it.last().copied());
        let undecided = open
            .and_then(|id| view.verification.analysis(id))
            .filter(|it| it.verdict == Some(verification::Verdict::Inconclusive) && it.resolution.is_none());
        let command = match running.status {
            _ if running.paused && self.random.chance(0.5) => deployment::Command::Resume { deployment },
            _ if it.permit_revoked && !running.direction.is_back() && self.random.chance(0.3) => {
                let command = self.take_back(it.id);
                let who = self.somebody(&["olu", "omar", "rita"], 0.1);
                return self.one(who, command);
            }
            Status::Blocked => match self.random.below(4) {
                0 => deployment::Command::Abort { deployment, reason: Some(reason) },
                1 => {
                    let unit = running.progress.iter().position(|it| it.failed).unwrap_or_default() as u32;
                    deployment::Command::Skip { deployment, unit, reason }
                }
                _ => deployment::Command::Retry { deployment, reason },
            },
            Status::Judging if undecided.is_some() => {
                let all = [Resolution::Proceed, Resolution::Rollback, Resolution::MeasureAgain];
                let resolution = all[self.random.below(3)];
                let Some(analysis) = undecided.map(|it| it.id) else { return };
                let who = self.somebody(&["olu", "rita"], 0.05);
                let command = verification::Command::Resolve { analysis, resolution, reason };
                return self.one(who, Command::Verification(command));
            }
            _ => match self.random.below(24) {
                0 if !self.calm => deployment::Command::Pause { deployment, reason },
                1 if !running.direction.is_back() => deployment::Command::Abort { deployment, reason: Some(reason) },
                2 => {
                    let command = self.take_back(it.id);
                    let who = self.somebody(&["olu", "omar", "rita"], 0.1);
                    return self.one(who, command);
                }
                3..=5 if !running.held.is_empty() && !running.direction.is_back() => {
                    deployment::Command::Abort { deployment, reason: Some(reason) }
                }
                _ => return,
            },
        };
        let who = self.somebody(&["olu", "omar", "rita", "otto"], 0.08);
        self.one(who, Command::Deployment(command));
    }

    fn draft(&mut self, view: &World) {
        if view.release.open.len() >= 7 || self.calm {
            return;
        }
        let spec = self.release_spec(view);
        let release = self.fresh();
        let who = self.somebody(&["rita", "ravi", "dana", "dov", "erik", "edda", "rex", "emil"], 0.05);
        self.one(who, Command::Release(release::Command::Draft { release, spec }));
    }

    fn register(&mut self) {
        let any = super::cast::SERVICES[self.random.below(super::cast::SERVICES.len())].0;
        let service = self.cast.rebuild.pop().unwrap_or_else(|| name(any));
        let errors = self.quality();
        let artifact = self.build(&service, errors);
        let who = self.somebody(&["dana", "dov", "erik", "bot", "rita"], 0.05);
        self.one(who, Command::Artifact(artifact::Command::Register { artifact }));
    }

    fn claim(&mut self) {
        let place = super::cast::PLACES[self.random.below(3)];
        let until = later(self.at(), self.random.between(5, 40));
        let (claim, purpose) = (self.fresh(), self.note());
        let who = self.somebody(&["dana", "olu", "ravi", "emil", "omar", "rita"], 0.1);
        let command = environment::Command::Claim { claim, environment: name(place), until, purpose };
        self.one(who, Command::Environment(command));
    }

    fn give_back(&mut self, view: &World) {
        let now = self.at();
        let held: Vec<_> = view.environment.claims.values().filter(|it| it.ended.is_none() && it.until > now).collect();
        let Some((claim, by)) = self.random.pick(&held).map(|it| (it.id, it.by)) else { return };
        let who = self.cast.accounts.iter().find(|(_, id)| **id == by).map(|(who, _)| who.clone());
        let who = who.map_or_else(|| self.somebody(&["ravi"], 0.0), |who| (who, by));
        self.one(who, Command::Environment(environment::Command::EndClaim { claim }));
    }

    fn quarantine(&mut self, view: &World) {
        let open: Vec<_> =
            view.artifact.quarantines.values().filter(|it| it.lifted.is_none()).map(|it| it.id).collect();
        let reason = self.note();
        let command = match self.random.pick(&open).copied() {
            Some(quarantine) if self.random.chance(0.3) => artifact::Command::LiftQuarantine { quarantine, reason },
            _ => {
                let Some(digest) = self.shipping(view) else { return };
                artifact::Command::Quarantine { digests: vec![digest], because_of: None, reason: Some(reason) }
            }
        };
        let who = self.somebody(&["rita", "rex", "olu"], 0.1);
        self.one(who, Command::Artifact(command));
    }

    /// A digest of something on its way, or any.
    fn shipping(&mut self, view: &World) -> Option<interlock_ids::Digest> {
        let release = self.open_release(view)?;
        let items: Vec<_> = release.spec.items.iter().map(|it| it.digest).collect();
        if self.random.chance(0.6) { self.random.pick(&items).copied() } else { self.any_build() }
    }

    fn leave(&mut self) {
        let from_time = later(self.at(), self.random.between(-10, 60));
        let until = later(from_time, self.random.between(30, 240));
        let (who, account) = self.somebody(&["amir", "bea", "cleo", "erik", "olu"], 0.1);
        self.one((who, account), Command::People(people::Command::PutLeave { account, from_time, until }));
    }

    fn delegate(&mut self, view: &World) {
        let mine: Vec<_> = view.people.delegations.values().filter(|it| !it.ended).map(|it| (it.id, it.from)).collect();
        if let Some((delegation, from)) = self.random.pick(&mine).copied().filter(|_| self.random.chance(0.3)) {
            let command = people::Command::EndDelegation { delegation };
            return self.one(("whoever delegated".into(), from), Command::People(command));
        }
        let delegation = self.fresh();
        let to = self.somebody(&["amir", "cleo", "dana", "erik", "otto", "olu"], 0.0).1;
        let from_time = later(self.at(), self.random.between(-5, 20));
        let until = later(from_time, self.random.between(20, 300));
        let who = self.somebody(&["bea", "amir", "rex", "edda", "erik"], 0.1);
        let command = people::Command::Delegate { delegation, to, from_time, until };
        self.one(who, Command::People(command));
    }

    fn link(&mut self) {
        let Some((a, b)) = self.cast.unlinked.pop() else { return };
        let (a, b) = (self.cast.accounts[&a], self.cast.accounts[&b]);
        let who = self.somebody(&["admin"], 0.0);
        self.one(who, Command::People(people::Command::LinkAccounts { a, b }));
    }

    /// Somebody loses a role, or gets it back.
    fn change_roles(&mut self, view: &World) {
        let all = ["amir", "olu", "rita", "cleo", "ola", "ravi", "omar", "dina", "rex", "dana", "dov", "emil"];
        let less = |who: &&&str| {
            let known = self.cast.accounts.get(**who).and_then(|it| view.people.account(*it));
            known.is_some_and(|it| it.roles.len() < super::cast::roles_of(who).len() || it.identities.is_empty())
        };
        let lacking: Vec<&str> = all.iter().filter(less).copied().collect();
        // Whoever lacks something is given it back before somebody else loses anything.
        let (who, usual) = match self.random.pick(&lacking).copied() {
            Some(who) => (who.to_owned(), true),
            None => (self.somebody(&all, 0.0).0, false),
        };
        let account = self.cast.accounts[&who];
        let roles = super::cast::roles_of(&who);
        let (without, unaddressed) = (self.random.below(roles.len()), self.random.chance(0.4));
        let left = roles.iter().enumerate().filter(|(index, _)| usual || unaddressed || *index != without);
        let left: Vec<&str> = left.map(|(_, role)| *role).collect();
        let mut spec = super::cast::spec_of(&who, &left, AccountKind::Human);
        // The address somebody commits with is taken off his account, and it is nobody's until it is entered again.
        if unaddressed && !usual {
            spec.identities.clear();
        }
        let admin = self.somebody(&["admin"], 0.05);
        self.one(admin, Command::People(people::Command::PutAccount { account, spec }));
    }

    /// The signing key is revoked, sometimes while something signed with it is on its way; a new one takes its place.
    pub(super) fn new_key(&mut self) {
        let old = name(&format!("key-{}", self.cast.key));
        self.cast.key += 1;
        let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".into();
        let new: Name = name(&format!("key-{}", self.cast.key));
        let key = artifact::SigningKey { name: new, public_key, revoked: false };
        let who = self.somebody(&["admin"], 0.0);
        self.cast.rebuild = super::cast::SERVICES.iter().map(|(service, _, _)| name(service)).collect();
        let commands = vec![
            Command::Artifact(artifact::Command::PutKey { key }),
            Command::Artifact(artifact::Command::RevokeKey { key: old }),
        ];
        self.submit(who, commands);
    }

    fn review(&mut self, view: &World) {
        if self.random.chance(0.5) && self.pay(view) {
            return;
        }
        let open: Vec<_> = view.learning.open.iter().copied().collect();
        let Some(review) = self.random.pick(&open).copied() else { return };
        if self.random.chance(0.4) && !self.calm {
            return;
        }
        let root_cause = self.note();
        let who = self.somebody(&["rita", "dana", "olu"], 0.1);
        let command = learning::Command::Complete { review, root_cause, factors: Vec::new(), actions: Vec::new() };
        self.one(who, Command::Learning(command));
    }
}

/// Nothing will come of such a release: a build is held back or cannot be traced, it was rejected, or nobody answers for a trigger.
fn spoilt(view: &World, it: &Release) -> bool {
    let rejected = view.change.of_release(it.id).is_some_and(|it| it.status == change::Status::Rejected);
    let unowned = it.spec.triggers.iter().any(|it| it.deputy.is_none()) || it.spec.rollback.criteria.is_empty();
    let untraced = |digest| view.artifact.artifact(digest).is_none_or(|it| it.source.is_none());
    rejected || unowned || it.spec.items.iter().any(|it| held_back(view, &it.digest) || untraced(&it.digest))
}

/// A build in quarantine, or signed with a key that is revoked.
pub(super) fn held_back(view: &World, digest: &Digest) -> bool {
    let artifact = view.artifact.artifact(digest);
    let key = artifact.and_then(|it| it.signature.as_ref()).and_then(|it| view.artifact.keys.get(&it.key));
    view.artifact.quarantine(digest).is_some() || key.is_none_or(|key| key.revoked)
}

pub(super) fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}
