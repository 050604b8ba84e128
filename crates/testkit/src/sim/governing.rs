//! What emergencies owe, paid by those who may, and tried now and then by those who may not.
//! Deliberately absent: boards and broken glasses. The auditor has no second set of rules for what they open.

use super::{From, Sim};
use interlock_domain::{
    core::{Actor, Command, World},
    emergency,
    reason::Proof,
};

impl Sim {
    fn sign(&mut self, right: &[&str], command: emergency::Command) {
        let (who, account) = self.somebody(right, 0.15);
        let what = format!("{command:?}");
        let actor = Actor::account(account).proving(Proof::Password);
        let id = self.ask(From::Person, actor, vec![Command::Emergency(command)]);
        self.say(|| format!("{who} signs (key-{id}): {}", what.chars().take(200).collect::<String>()));
        self.send(id);
    }

    /// Somebody pays what is owed; whether anything is.
    pub(super) fn pay(&mut self, view: &World) -> bool {
        let owed = view.emergency.debts.values().find(|it| it.ratified.is_none()).map(|it| it.change);
        let Some(change) = owed else { return false };
        let (agreed, reason) = (self.random.chance(0.9), self.note());
        let command = emergency::Command::Ratify { change, agreed, reason, seen: None };
        self.sign(&["amir", "bea", "cleo"], command);
        true
    }
}
