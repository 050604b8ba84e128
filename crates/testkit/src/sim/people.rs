//! What people do: they bring releases through their lives, mostly as they should, sometimes as they should not, and now and then
//! something else. They look at what a node shows them, which may be out of date.

use super::{From, Happening, Sim};
use crate::house::name;
use interlock_domain::{
    artifact,
    calendar::{self, WindowScope},
    change::{self, Class},
    core::{Actor, Command, World},
    deployment::{self, Status},
    environment, learning,
    people::{self, AccountKind},
    release::{self, Release, Stage},
    rollback::{self, Cause},
    verification::{self, Resolution},
};
use interlock_ids::{AccountId, Name};
use jiff::{SignedDuration, Timestamp};

impl Sim {
    /// One act of somebody; then the next is due.
    pub(super) fn act(&mut self) {
        if self.acts >= self.setting.acts {
            return;
        }
        self.acts += 1;
        let view = self.view();
        let drawn = if self.calm { self.random.below(62) } else { self.random.below(100) };
        // What stops the next step is only put to the test while there is one.
        let busy = !self.calm && !view.deployment.running.is_empty();
        match drawn {
            0..=51 if busy && self.random.chance(0.12) => self.interfere(&view),
            0..=51 => self.lead_a_release(&view),
            52..=56 => self.review(&view),
            57..=58 => self.lift(&view),
            59..=61 => self.give_back(&view),
            62..=70 => self.draft(&view),
            71..=76 => self.register(),
            77..=79 => self.claim(),
            80..=82 if self.random.chance(0.25) => self.stop(),
            80..=82 => self.lead_a_release(&view),
            83..=85 if self.random.chance(0.4) => self.quarantine(&view),
            83..=85 => self.lead_a_release(&view),
            86..=87 => self.leave(),
            88..=89 => self.delegate(),
            90 => self.link(),
            91..=92 => self.change_roles(&view),
            93 => self.new_calendar(),
            94 if self.random.chance(0.15) => self.new_key(),
            94 => self.new_calendar(),
            95..=97 => self.doubt(&view),
            _ => self.withdraw(&view),
        }
        let hour = self.at().strftime("%H").to_string().parse::<u32>().unwrap_or_default();
        let mean = if self.calm || (6..20).contains(&hour) { 75_000.0 } else { 400_000.0 };
        let wait = self.random.wait(mean);
        self.after(wait, Happening::Act);
    }

    /// Something that concerns what is being deployed at this moment.
    fn interfere(&mut self, view: &World) {
        let running = view.deployment.running.iter().filter_map(|id| view.deployment.deployment(*id));
        let releases: Vec<_> = running.filter_map(|it| view.release.release(it.release)).cloned().collect();
        let Some(it) = self.random.pick(&releases).cloned() else { return };
        let reason = self.note();
        match self.random.below(6) {
            0 => self.stop(),
            1 => self.new_calendar(),
            2 => {
                let command = release::Command::RevokePermit { release: it.id, reason: "doubt".into() };
                let who = self.somebody(&["rita", "ravi"], 0.1);
                self.one(who, Command::Release(command));
            }
            3 => {
                let digests: Vec<_> = it.spec.items.iter().map(|item| item.digest).take(1).collect();
                let command = artifact::Command::Quarantine { digests, because_of: None, reason: Some(reason) };
                let who = self.somebody(&["rita", "rex", "olu"], 0.1);
                self.one(who, Command::Artifact(command));
            }
            4 => {
                let given = view.change.of_release(it.id).map(|it| (it.id, it.approvals.clone())).into_iter();
                let given: Vec<_> = given
                    .flat_map(|(id, all)| all.into_iter().filter(|it| !it.withdrawn).map(move |it| (id, it.by)))
                    .collect();
                let Some((change, by)) = self.random.pick(&given).copied() else { return };
                self.one(("somebody".into(), by), Command::Change(change::Command::Withdraw { change, reason }));
            }
            _ => {
                let Some(deployment) = view.deployment.running.iter().next().copied() else { return };
                let who = self.somebody(&["olu", "omar", "rita"], 0.1);
                self.one(who, Command::Deployment(deployment::Command::Pause { deployment, reason }));
            }
        }
    }

    /// What somebody sees: the world of some node.
    fn view(&mut self) -> World {
        let node = self.random.below(self.nodes.len());
        self.nodes[node].world.clone()
    }

    /// Somebody of the name, or, now and then, just anybody.
    fn somebody(&mut self, right: &[&str], wrong: f64) -> (String, AccountId) {
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

    fn submit(&mut self, (who, account): (String, AccountId), commands: Vec<Command>) {
        let what = commands.first().map(|it| format!("{it:?}")).unwrap_or_default();
        let id = self.ask(From::Person, Actor::account(account), commands);
        self.say(|| format!("{who} asks (key-{id}): {}", what.chars().take(200).collect::<String>()));
        self.send(id);
    }

    fn one(&mut self, who: (String, AccountId), command: Command) {
        self.submit(who, vec![command]);
    }

    fn open_release(&mut self, view: &World) -> Option<Release> {
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
            _ if it.stage < Stage::Authorised && self.random.chance(0.35) && spoilt(view, &it) => {
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
            Stage::Authorised => self.start(&it),
            Stage::Deploying => self.attend(view, &it),
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
        let scope = calendar::Scope { services, environment: it.spec.environment.clone() };
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
        if let Some(condition) = open.filter(|_| self.random.chance(0.3)) {
            let evidence = self.note();
            let who = self.somebody(&["rita", "dana", "amir", "otto"], 0.1);
            let command = change::Command::MeetCondition { change: change_id, condition, evidence };
            return self.one(who, Command::Change(command));
        }
        if self.random.chance(0.55) {
            let who = self.somebody(
                &["amir", "bea", "cleo", "erik", "edda", "rex", "ola", "dana-ops", "dov-ops", "amir", "bea", "cleo"],
                0.15,
            );
            let delegations: Vec<_> = view.people.delegations_to(who.1, self.at()).map(|it| it.from).collect();
            let anybody = self.cast.accounts["bea"];
            let on_behalf_of = match self.random.below(12) {
                0 => Some(anybody),
                1..=4 => self.random.pick(&delegations).copied(),
                _ => None,
            };
            let conditions = if self.random.chance(0.2) { vec![(self.fresh(), self.note())] } else { Vec::new() };
            let decision = change::Decision::Approve;
            let reason = self.note();
            let command = change::Command::Decide { change: change_id, decision, reason, conditions, on_behalf_of };
            return self.one(who, Command::Change(command));
        }
        let who = self.somebody(&["rita", "ravi", "rex", "edda", "dov-ops"], 0.1);
        self.one(who, Command::Release(release::Command::Authorise { release: it.id }));
    }

    fn start(&mut self, it: &Release) {
        let early = it.permit.as_ref().is_some_and(|permit| self.at() < permit.not_before);
        if early && self.random.chance(0.9) {
            return;
        }
        let deployment = self.fresh();
        let who = self.somebody(&["olu", "omar", "dina", "ola", "lena", "otto", "dana-ops", "olu", "omar"], 0.1);
        self.one(who, Command::Deployment(deployment::Command::Start { deployment, release: it.id }));
    }

    /// A deployment that runs: what it waits for, and sometimes something it does not.
    fn attend(&mut self, view: &World, it: &Release) {
        let running = view.deployment.running_in(&it.spec.environment).cloned();
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
            _ if running.paused && self.random.chance(0.7) => deployment::Command::Resume { deployment },
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
        let spec = self.release_spec();
        let release = self.fresh();
        let who = self.somebody(&["rita", "ravi", "dana", "dov", "erik", "edda", "rex", "emil"], 0.05);
        self.one(who, Command::Release(release::Command::Draft { release, spec }));
    }

    fn register(&mut self) {
        let (service, _, _) = super::cast::SERVICES[self.random.below(super::cast::SERVICES.len())];
        let errors = self.quality();
        let artifact = self.build(&name(service), errors);
        let who = self.somebody(&["dana", "dov", "erik", "bot", "rita"], 0.05);
        self.one(who, Command::Artifact(artifact::Command::Register { artifact }));
    }

    fn claim(&mut self) {
        let place = super::cast::PLACES[self.random.below(3)];
        let until = later(self.at(), self.random.between(10, 100));
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

    /// A lockdown.
    fn stop(&mut self) {
        let (lockdown, reason) = (self.fresh(), self.note());
        let mut scope = WindowScope::default();
        match self.random.below(3) {
            0 => drop(scope.tiers.insert(name("production"))),
            1 => drop(scope.services.insert(name("payments"))),
            _ => {}
        }
        let who = self.somebody(&["rita", "ravi", "admin"], 0.1);
        self.one(who, Command::Calendar(calendar::Command::CallLockdown { lockdown, scope, reason }));
    }

    pub(super) fn lift(&mut self, view: &World) {
        let open: Vec<_> = view.calendar.lockdowns.values().filter(|it| it.lifted.is_none()).map(|it| it.id).collect();
        let Some(lockdown) = self.random.pick(&open).copied() else { return };
        let who = self.somebody(&["rita", "admin"], 0.1);
        self.one(who, Command::Calendar(calendar::Command::LiftLockdown { lockdown }));
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
        let until = later(from_time, self.random.between(60, 900));
        let (who, account) = self.somebody(&["amir", "bea", "cleo", "erik", "olu"], 0.1);
        self.one((who, account), Command::People(people::Command::PutLeave { account, from_time, until }));
    }

    fn delegate(&mut self) {
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
        let (who, account) = self.somebody(&["amir", "olu", "rita", "cleo", "ola", "ravi", "omar", "dina", "rex"], 0.0);
        let Some(known) = view.people.account(account) else { return };
        let usual = super::cast::roles_of(&who);
        let all: Vec<&str> = usual.to_vec();
        let roles: Vec<&str> = if known.roles.len() < usual.len() {
            all
        } else {
            let without = self.random.below(all.len());
            all.iter().enumerate().filter(|(index, _)| *index != without).map(|(_, role)| *role).collect()
        };
        let spec = super::cast::spec_of(&who, &roles, AccountKind::Human);
        let admin = self.somebody(&["admin"], 0.05);
        self.one(admin, Command::People(people::Command::PutAccount { account, spec }));
    }

    fn new_calendar(&mut self) {
        let calendar = self.calendar();
        let who = self.somebody(&["rita", "admin"], 0.1);
        self.one(who, Command::Calendar(calendar::Command::PutCalendar { calendar }));
    }

    /// The signing key is revoked, sometimes while something signed with it is on its way; a new one takes its place.
    fn new_key(&mut self) {
        let old = name(&format!("key-{}", self.cast.key));
        self.cast.key += 1;
        let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".into();
        let new: Name = name(&format!("key-{}", self.cast.key));
        let key = artifact::SigningKey { name: new, public_key, revoked: false };
        let who = self.somebody(&["admin"], 0.0);
        let commands = vec![
            Command::Artifact(artifact::Command::PutKey { key }),
            Command::Artifact(artifact::Command::RevokeKey { key: old }),
        ];
        self.submit(who, commands);
    }

    /// Somebody says no, or takes a release out.
    fn doubt(&mut self, view: &World) {
        let Some(it) = self.open_release(view) else { return };
        let reason = self.note();
        let permit = it.stage == Stage::Authorised || it.stage == Stage::Deploying;
        match self.random.below(4) {
            0 if it.spec.class != Class::Emergency => {
                let who = self.somebody(&["rita", "ravi"], 0.1);
                self.one(who, Command::Release(release::Command::Cancel { release: it.id, reason }));
            }
            1 if permit => {
                let command = release::Command::RevokePermit { release: it.id, reason: "doubt".into() };
                let who = self.somebody(&["rita", "ravi"], 0.1);
                self.one(who, Command::Release(command));
            }
            _ => {
                let Some(change) = view.change.of_release(it.id).map(|it| it.id) else { return };
                let decision = change::Decision::Reject;
                let command =
                    change::Command::Decide { change, decision, reason, conditions: Vec::new(), on_behalf_of: None };
                let who = self.somebody(&["amir", "bea", "cleo", "erik"], 0.1);
                self.one(who, Command::Change(command));
            }
        }
    }

    fn withdraw(&mut self, view: &World) {
        let Some(it) = self.open_release(view) else { return };
        let Some(change) = view.change.of_release(it.id) else { return };
        let given: Vec<AccountId> = change.approvals.iter().filter(|it| !it.withdrawn).map(|it| it.by).collect();
        let Some(by) = self.random.pick(&given).copied() else { return };
        let (change, reason) = (change.id, self.note());
        self.one(("somebody".into(), by), Command::Change(change::Command::Withdraw { change, reason }));
    }

    fn review(&mut self, view: &World) {
        let open: Vec<_> = view.learning.open.iter().copied().collect();
        let Some(review) = self.random.pick(&open).copied() else { return };
        if self.random.chance(0.75) && !self.calm {
            return;
        }
        let root_cause = self.note();
        let who = self.somebody(&["rita", "dana", "olu"], 0.1);
        let command = learning::Command::Complete { review, root_cause, factors: Vec::new(), actions: Vec::new() };
        self.one(who, Command::Learning(command));
    }
}

/// A build that is held back, or signed with a key that is revoked: nothing will come of such a release.
fn spoilt(view: &World, it: &Release) -> bool {
    it.spec.items.iter().any(|item| {
        let artifact = view.artifact.artifact(&item.digest);
        let key = artifact.and_then(|it| it.signature.as_ref()).and_then(|it| view.artifact.keys.get(&it.key));
        view.artifact.quarantine(&item.digest).is_some() || key.is_none_or(|key| key.revoked)
    })
}

fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}
