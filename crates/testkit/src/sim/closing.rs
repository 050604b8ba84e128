//! What people do to calendars: they enter them, call lockdowns and lift them, ask for exceptions and decide on them.

use super::{Sim, people::later};
use crate::house::name;
use interlock_domain::{
    calendar::{self, WindowScope},
    core::{Command, World},
};

impl Sim {
    /// A lockdown.
    pub(super) fn stop(&mut self) {
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

    pub(super) fn new_calendar(&mut self) {
        let calendar = self.calendar();
        let who = self.somebody(&["rita", "admin"], 0.1);
        self.one(who, Command::Calendar(calendar::Command::PutCalendar { calendar }));
    }

    /// Somebody asks to be let through an occurrence of a window, somebody decides on what was asked, or takes it back.
    pub(super) fn except(&mut self, view: &World) {
        let reason = self.note();
        let pending: Vec<_> = view.calendar.exceptions.values().filter(|it| it.is_pending()).map(|it| it.id).collect();
        if let Some(exception) = self.random.pick(&pending).copied().filter(|_| self.random.chance(0.6)) {
            let grant = self.random.chance(0.85);
            let who = self.somebody(&["amir", "bea"], 0.25);
            return self.one(who, Command::Calendar(calendar::Command::DecideException { exception, grant, reason }));
        }
        let granted: Vec<_> = view.calendar.exceptions.values().filter(|it| it.is_granted()).map(|it| it.id).collect();
        if let Some(exception) = self.random.pick(&granted).copied().filter(|_| self.random.chance(0.15)) {
            let who = self.somebody(&["rita", "admin"], 0.2);
            return self.one(who, Command::Calendar(calendar::Command::EndException { exception, reason }));
        }
        let open: Vec<_> = view.release.open.iter().copied().collect();
        let all = view
            .calendar
            .calendars()
            .values()
            .flat_map(|it| it.windows.iter().map(move |window| (it.name.clone(), window)));
        let windows: Vec<_> = all.filter(|(_, it)| it.exceptions_by.is_some() || self.random.chance(0.05)).collect();
        let (Some(release), Some((calendar, window))) = (self.random.pick(&open).copied(), self.random.pick(&windows))
        else {
            return;
        };
        let (from, to) = (self.at(), later(self.at(), 36 * 60));
        let found = calendar::occurrences(&view.calendar, &window.schedule, from, to, 4);
        let Some(it) = self.random.pick(&found) else { return };
        // Some exceptions end in the middle of their window, and with it of a deployment.
        let until =
            if self.random.chance(0.5) { it.end } else { later(self.at(), self.random.between(5, 180)).min(it.end) };
        let (calendar, window, occurrence) = (calendar.clone(), window.name.clone(), it.start);
        let exception = self.fresh();
        let who = self.somebody(&["rita"], 0.1);
        self.one(
            who,
            Command::Calendar(calendar::Command::AskException {
                exception,
                release,
                calendar,
                window,
                occurrence,
                until,
                reason,
            }),
        );
    }
}
