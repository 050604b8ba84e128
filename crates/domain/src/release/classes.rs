//! Gates that the class of a change brings with it: lead time, documents, the board, the template, what is owed. And the broken
//! glass, which opens what costs time.
//!
//! Invariant: a gate is there if the flow of the class asks for it, or a standard change needs it; it is never left out because it
//! would be shut.

use super::{
    Release,
    gate::{Facing, Gate, facts},
};
use crate::{
    board::{self, Standing},
    change::{self, Change, Class},
    core::{Actor, World},
    emergency,
    policy::{Question, ask},
    reason::{Blocker, Outcome, Ruling},
    template,
};
use interlock_ids::Name;
use interlock_policy::{Action, Fact};
use jiff::SignedDuration;

/// Approvals that a release takes: by class, impact and place, and none while its template has earned that.
pub fn approvals_required(world: &World, release: &Release, change: &Change) -> u32 {
    let environment = world.environment.environment(&release.spec.environment);
    let production_like = environment.is_none_or(|it| it.production_like);
    change::required_approvals(change.class, change.impact.level, production_like, pre_approved(world, release, change))
}

/// Whether a standard change goes without approval: its template has earned that, it matches it exactly, and whoever proposed the
/// template neither asked for the change nor wrote it.
pub fn pre_approved(world: &World, release: &Release, change: &Change) -> bool {
    let named = release.spec.template.as_ref().and_then(|name| world.template.template(name));
    let Some(named) = named.filter(|_| change.class == Class::Standard) else { return false };
    named.standing == template::Standing::Earned
        && template::differences(&named.shape, &release.spec).is_empty()
        && !proposer_involved(world, named, change)
}

/// Whether whoever proposed a template asked for a change or wrote part of it.
fn proposer_involved(world: &World, template: &template::Template, change: &Change) -> bool {
    let same = |it| world.people.same_person(it, template.proposed_by);
    change.requested_by.is_some_and(same) || super::gate::is_author(world, change, template.proposed_by)
}

/// Whether the policies in force let a glass open a gate at all.
pub fn opens_by_glass(world: &World, release: &Release, gate: &Name) -> bool {
    let known = Action::parse(&format!("gate.{gate}")).is_some();
    known && by_glass(world, release, gate.as_str(), true).outcome == Outcome::Pass
}

fn by_glass(world: &World, release: &Release, gate: &str, two_people: bool) -> Ruling {
    let facts = facts([("gate", Fact::Text(gate.into())), ("two_people", Fact::Bool(two_people))]);
    let question = Question { action: "glass.open", resource: ("Release", release.id.to_string()), facts };
    ask(world, &Actor::system(), question)
}

impl Facing<'_> {
    /// A gate a class asks for. A policy set that has never heard of it does not open it: packs of before it was there say nothing,
    /// and saying nothing opens every other gate.
    fn asked_for(&self, name: &'static str, facts: interlock_policy::Facts) -> Gate {
        let mut gate = self.gate(name, facts);
        let action = format!("gate.{name}");
        let speaks = |it: &interlock_policy::PolicySet| {
            it.describe().iter().any(|policy| policy.effect == "forbid" && policy.actions.contains(&action))
        };
        if gate.ruling.outcome == Outcome::Pass && !self.world.policy.set().is_some_and(speaks) {
            let message =
                format!("the policies in force say nothing of gate `{name}`, which the class of this change asks for");
            gate.ruling.outcome = Outcome::Inconclusive;
            gate.ruling.blockers = vec![Blocker::new(
                "gate-unheard-of",
                message,
                "the shipped packs of this version are installed",
                "an administrator",
            )];
        }
        gate
    }

    /// The gates the class brings with it.
    pub(super) fn of_class(&self) -> Vec<Gate> {
        let Some(change) = self.change else { return Vec::new() };
        let flow = self.world.change.flow(change.class);
        let mut gates = Vec::new();
        if flow.lead_time_s > 0 {
            gates.push(self.lead_time(change, &flow));
        }
        if !flow.documents.is_empty() {
            gates.push(self.documents(change, &flow));
        }
        if board::needs(self.world, change).is_some() {
            gates.push(self.board(change));
        }
        if change.class == Class::Standard {
            gates.push(self.template());
        }
        let overdue = emergency::overdue(self.world, self.release, self.now);
        let budget = change.class == Class::Emergency && flow.budget.is_some();
        if !overdue.is_empty() || budget {
            let spent = emergency::budget_spent(self.world, self.release, self.now);
            let entries = [
                ("overdue", Fact::Set(overdue)),
                ("budget_spent", Fact::Bool(spent)),
                ("production_like", self.production_like()),
            ];
            gates.push(self.asked_for("debt", facts(entries)));
        }
        gates
    }

    fn lead_time(&self, change: &Change, flow: &change::Flow) -> Gate {
        let wanted = SignedDuration::from_secs(flow.lead_time_s.into());
        let short = match self.release.window {
            Some(window) => Fact::Bool(window.start.duration_since(change.opened) < wanted),
            None => Fact::Unknown("the release has no window yet".into()),
        };
        let entries = [
            ("class", Fact::Text(change.class.as_str().into())),
            ("lead_time", Fact::Text(in_words(flow.lead_time_s))),
            ("lead_time_short", short),
            ("production_like", self.production_like()),
        ];
        let mut gate = self.asked_for("lead-time", facts(entries));
        if gate.ruling.outcome == Outcome::Fail {
            let earliest = change.opened.checked_add(wanted).ok();
            for blocker in gate.ruling.blockers.iter_mut().filter(|it| it.code == "base.lead-time-short") {
                blocker.clears = format!(
                    "a window that begins at {} or later; or, if it cannot wait, an emergency change",
                    earliest.unwrap_or_default()
                );
            }
        }
        gate
    }

    fn documents(&self, change: &Change, flow: &change::Flow) -> Gate {
        let has = |kind: &Name| change.documents.iter().any(|it| it.kind == *kind);
        let missing = flow.documents.iter().filter(|it| !has(it)).map(ToString::to_string).collect();
        let entries = [
            ("class", Fact::Text(change.class.as_str().into())),
            ("missing_documents", Fact::Set(missing)),
            ("production_like", self.production_like()),
        ];
        self.asked_for("documents", facts(entries))
    }

    fn board(&self, change: &Change) -> Gate {
        let (decision, why) = match board::decision(self.world, change.id) {
            Standing::None => ("none", Vec::new()),
            Standing::Approved { .. } => ("approved", Vec::new()),
            Standing::Rejected { .. } => ("rejected", Vec::new()),
            Standing::Void { why, .. } => ("void", why),
        };
        let entries = [
            ("board_decision", Fact::Text(decision.into())),
            ("board_void", Fact::Set(why)),
            ("production_like", self.production_like()),
        ];
        self.asked_for("board", facts(entries))
    }

    fn template(&self) -> Gate {
        let spec = &self.release.spec;
        let named = spec.template.as_ref();
        let known = named.and_then(|name| self.world.template.template(name));
        let differences = known.map(|it| template::differences(&it.shape, spec)).unwrap_or_default();
        let entries = [
            ("template", Fact::Text(named.map_or_else(|| "none".into(), ToString::to_string))),
            ("template_standing", Fact::Text(known.map_or("none", |it| it.standing.as_str()).into())),
            ("template_differences", Fact::Set(differences)),
            ("production_like", self.production_like()),
        ];
        self.asked_for("template", facts(entries))
    }

    /// A gate that is shut, and that a glass in force names, is as the policies say of the glass.
    pub(super) fn under_glass(&self, gates: &mut [Gate]) {
        let glasses = self.world.emergency.of_release(self.release.id).filter(|it| it.in_force(self.now));
        for glass in glasses {
            let two = emergency::two_people(self.world, glass);
            for gate in gates.iter_mut().filter(|it| it.ruling.outcome != Outcome::Pass) {
                if glass.gates.contains(gate.name) {
                    let said = by_glass(self.world, self.release, gate.name, two);
                    if said.outcome == Outcome::Pass {
                        gate.ruling = said;
                    } else {
                        gate.ruling.blockers.extend(said.blockers);
                    }
                }
            }
        }
    }
}

/// A length as people say it.
fn in_words(seconds: u32) -> String {
    let counted = |count: u32, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    match seconds {
        _ if seconds.is_multiple_of(86_400) => counted(seconds / 86_400, "day"),
        _ if seconds.is_multiple_of(3600) => counted(seconds / 3600, "hour"),
        _ if seconds.is_multiple_of(60) => counted(seconds / 60, "minute"),
        _ => counted(seconds, "second"),
    }
}
