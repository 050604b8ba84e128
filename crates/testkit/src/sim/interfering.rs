//! What people do against a release that is on its way: they stop it, take back what they gave, say no.
//!
//! Each of these takes the ground from the next step of a deployment that runs, so most of them come while one does.

use super::Sim;
use interlock_domain::{
    artifact, calendar,
    change::{self, Class},
    core::{Command, World},
    deployment, release,
    release::{Release, Stage},
};
use interlock_ids::AccountId;

impl Sim {
    /// Something that concerns what is being deployed at this moment.
    pub(super) fn interfere(&mut self, view: &World) {
        let running = view.deployment.running.iter().filter_map(|id| view.deployment.deployment(*id));
        let forward = running.filter(|it| !it.direction.is_back());
        let all: Vec<_> = forward.filter_map(|it| Some((it.id, view.release.release(it.release)?.clone()))).collect();
        let Some((deployment, it)) = self.random.pick(&all).cloned() else { return };
        let reason = self.note();
        match self.random.below(15) {
            0..=1 => self.stop(),
            2..=3 => {
                let services: Vec<_> = it.spec.items.iter().map(|item| item.service.clone()).collect();
                let calendar = self.calendar_that_closes(&services);
                let who = self.somebody(&["rita", "admin"], 0.1);
                self.one(who, Command::Calendar(calendar::Command::PutCalendar { calendar }));
            }
            4..=5 => {
                let command = release::Command::RevokePermit { release: it.id, reason: "doubt".into() };
                let who = self.somebody(&["rita", "ravi"], 0.1);
                self.one(who, Command::Release(command));
            }
            6..=7 => {
                let digests: Vec<_> = it.spec.items.iter().map(|item| item.digest).take(1).collect();
                let command = artifact::Command::Quarantine { digests, because_of: None, reason: Some(reason) };
                let who = self.somebody(&["rita", "rex", "olu"], 0.1);
                self.one(who, Command::Artifact(command));
            }
            8..=9 => self.take_back_approval(view, &it),
            10 => self.reject(view, &it),
            11 if self.random.chance(0.2) => self.new_key(),
            _ => {
                let who = self.somebody(&["olu", "omar", "rita"], 0.1);
                self.one(who, Command::Deployment(deployment::Command::Pause { deployment, reason }));
            }
        }
    }

    fn reject(&mut self, view: &World, it: &Release) {
        let Some(change) = view.change.of_release(it.id).map(|it| it.id) else { return };
        let (decision, reason) = (change::Decision::Reject, self.note());
        let command = change::Command::Decide {
            change,
            decision,
            reason,
            conditions: Vec::new(),
            on_behalf_of: None,
            seen: None,
        };
        let who = self.somebody(&["amir", "bea", "cleo", "erik"], 0.1);
        self.one(who, Command::Change(command));
    }

    fn take_back_approval(&mut self, view: &World, it: &Release) {
        let Some(change) = view.change.of_release(it.id) else { return };
        let given: Vec<AccountId> = change.approvals.iter().filter(|it| !it.withdrawn).map(|it| it.by).collect();
        let Some(by) = self.random.pick(&given).copied() else { return };
        let (change, reason) = (change.id, self.note());
        self.one(("somebody".into(), by), Command::Change(change::Command::Withdraw { change, reason }));
    }

    /// Somebody says no, or takes a release out.
    pub(super) fn doubt(&mut self, view: &World) {
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
            _ => self.reject(view, &it),
        }
    }

    /// Somebody takes back what he has decided.
    pub(super) fn withdraw(&mut self, view: &World) {
        if let Some(it) = self.open_release(view) {
            self.take_back_approval(view, &it);
        }
    }
}
