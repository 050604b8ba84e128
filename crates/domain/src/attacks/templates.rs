//! Attacks on standard changes: the way that needs no approval.

use super::*;
use crate::{
    reason::Outcome,
    template::{Command, Standing, trust},
};

/// Template `weekly`, proposed by somebody from a release of Rita's, and approved by Amir.
fn templated(proposer: &str) -> Given {
    let mut it = shop();
    let from = it.fresh();
    let spec = spec(&mut it, "pattern", Class::Normal, 10);
    it.ok("rita", release::Command::Draft { release: from, spec });
    let reason = it.note();
    it.ok(proposer, Command::Propose { template: name("weekly"), from, bar: 900, reason });
    it.signed("amir", Command::Approve { template: name("weekly"), reason });
    it
}

/// A standard change by somebody that follows the template.
fn standard(it: &mut Given, who: &str, title: &str) -> (ReleaseId, ChangeId) {
    let mut spec = spec(it, title, Class::Standard, 10);
    spec.template = Some(name("weekly"));
    asked_as(it, who, spec)
}

/// As many releases as said have followed the template and ended.
fn used(it: &mut Given, times: u32, good: bool) {
    for _ in 0..times {
        let release = it.fresh();
        let mut spec = spec(it, "used", Class::Standard, 10);
        spec.name = name(&format!("used-{}", it.world.position));
        spec.template = Some(name("weekly"));
        it.ok("rita", release::Command::Draft { release, spec });
        let ended = if good {
            release::Event::Closed(release::Closed { release, reason: None })
        } else {
            release::Event::RolledBack(release::RolledBack { release })
        };
        it.record(ended);
        it.system(Command::Reckon { release, good });
    }
}

fn standing(it: &Given) -> Standing {
    it.world.template.template(&name("weekly")).expect("it is there").standing
}

#[test]
fn a_change_is_called_standard_without_a_template() {
    let mut it = shop();
    let (release, _) = asked(&mut it, "r1", Class::Standard);
    says(&it.refused("omar", authorise(release)), "base.template-missing");
}

#[test]
fn a_change_is_called_standard_and_differs_from_its_template() {
    let mut it = templated("dana");
    let mut spec = spec(&mut it, "r1", Class::Standard, 10);
    spec.template = Some(name("weekly"));
    spec.length_s = 7200;
    spec.triggers[0].threshold = 0.5;
    let (release, _) = asked_as(&mut it, "rita", spec);
    let refusal = it.refused("omar", authorise(release));
    says(&refusal, "base.template-differs");
    let told = refusal.blockers.iter().find(|it| it.code == "base.template-differs").expect("it is there");
    assert!(told.message.contains("length (7200 s instead of 3600 s)") && told.message.contains("triggers"));
}

#[test]
fn a_template_is_used_that_nobody_has_approved() {
    let mut it = shop();
    let from = it.fresh();
    let pattern = spec(&mut it, "pattern", Class::Normal, 10);
    it.ok("rita", release::Command::Draft { release: from, spec: pattern });
    let reason = it.note();
    it.ok("dana", Command::Propose { template: name("weekly"), from, bar: 900, reason });
    let (release, _) = standard(&mut it, "rita", "r1");
    says(&it.refused("omar", authorise(release)), "base.template-missing");
}

#[test]
fn whoever_proposed_the_template_approves_it() {
    let mut it = shop();
    let from = it.fresh();
    let pattern = spec(&mut it, "pattern", Class::Normal, 10);
    it.ok("rita", release::Command::Draft { release: from, spec: pattern });
    let reason = it.note();
    it.ok("dana", Command::Propose { template: name("weekly"), from, bar: 900, reason });
    let command = Command::Approve { template: name("weekly"), reason };
    says(&it.refused_signed("dana", command.clone()), "segregation.template-proposer");
    it.link("dana", "bea");
    says(&it.refused_signed("bea", command.clone()), "segregation.template-proposer");
    says(&it.refused("amir", command), "base.not-signed");
}

#[test]
fn a_new_template_spares_nobody_anything() {
    let mut it = templated("dana");
    let (release, change) = standard(&mut it, "rita", "r1");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
}

/// Clopper and Pearson: with n of n good the lower bound at 95 % is 0.05^(1/n); 0.8985 for 28, 0.9019 for 29.
#[test]
fn trust_is_earned_by_the_lower_bound_and_lost_by_one_failure() {
    let mut it = templated("dana");
    used(&mut it, 28, true);
    assert_eq!(standing(&it), Standing::Probation);
    used(&mut it, 1, true);
    assert_eq!(standing(&it), Standing::Earned);
    let uses = &it.world.template.template(&name("weekly")).expect("it is there").uses;
    assert!((trust(uses).lower - 0.05f64.powf(1.0 / 29.0)).abs() < 1e-9);
    used(&mut it, 1, false);
    assert_eq!(standing(&it), Standing::Probation, "29 of 30 are not 90 % for certain");
    // By bisection over the binomial tail in Python (`math.comb`): 44 of 45 give 0.89887, 45 of 46 give 0.90098.
    used(&mut it, 15, true);
    assert_eq!(standing(&it), Standing::Probation);
    used(&mut it, 1, true);
    assert_eq!(standing(&it), Standing::Earned);
}

#[test]
fn a_trusted_template_lets_a_standard_change_through_without_approval() {
    let mut it = templated("dana");
    // What the template's own record is made of was not written by whoever proposed it.
    register(&mut it, 14, 2, &[]);
    used(&mut it, 29, true);
    let mut spec = spec(&mut it, "r1", Class::Standard, 14);
    spec.template = Some(name("weekly"));
    let (release, _) = asked_as(&mut it, "rita", spec);
    let events = it.ok("omar", authorise(release));
    let crate::core::Event::Release(release::Event::Authorised(it)) = &events[0] else { panic!("{events:?}") };
    assert!(it.permit.approved_by.is_empty());
    assert!(it.gates.iter().all(|gate| gate.ruling.outcome == Outcome::Pass));
}

#[test]
fn the_template_was_made_by_whoever_uses_it() {
    let mut it = templated("rita");
    used(&mut it, 29, true);
    assert_eq!(standing(&it), Standing::Earned);
    let (release, _) = standard(&mut it, "rita", "r1");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn the_template_was_made_by_whoever_wrote_what_ships() {
    let mut it = templated("dana");
    used(&mut it, 29, true);
    let (release, _) = standard(&mut it, "rita", "r1");
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
}

#[test]
fn a_trusted_template_is_changed_and_used() {
    let mut it = templated("dana");
    register(&mut it, 14, 2, &[]);
    used(&mut it, 29, true);
    let from = it.fresh();
    let mut wider = spec(&mut it, "wider", Class::Normal, 14);
    wider.length_s = 7200;
    it.ok("rita", release::Command::Draft { release: from, spec: wider });
    let reason = it.note();
    it.ok("dana", Command::Propose { template: name("weekly"), from, bar: 500, reason });
    let mut spec = spec(&mut it, "r1", Class::Standard, 14);
    (spec.template, spec.length_s) = (Some(name("weekly")), 7200);
    let (release, change) = asked_as(&mut it, "rita", spec);
    says(&it.refused("omar", authorise(release)), "base.template-missing");
    it.signed("amir", Command::Approve { template: name("weekly"), reason });
    says(&it.refused("omar", authorise(release)), "base.approvals-missing");
    let found = it.world.template.template(&name("weekly")).expect("it is there");
    assert_eq!((found.version, found.uses.len()), (2, 0), "another version has no record");
    approve(&mut it, "amir", change);
    it.ok("omar", authorise(release));
}

#[test]
fn a_cancelled_release_is_counted_as_good() {
    let mut it = templated("dana");
    let (release, _) = standard(&mut it, "rita", "r1");
    let reason = it.note();
    it.ok("rita", release::Command::Cancel { release, reason });
    assert!(it.world.template.template(&name("weekly")).expect("it is there").uses.is_empty());
}

#[test]
fn somebody_writes_the_record_of_a_template() {
    let mut it = templated("dana");
    let (release, _) = standard(&mut it, "rita", "r1");
    says(&it.refused("admin", Command::Reckon { release, good: true }), "only-by-itself");
}

#[test]
fn a_bar_that_is_none() {
    let mut it = shop();
    let from = it.fresh();
    let pattern = spec(&mut it, "pattern", Class::Normal, 10);
    it.ok("rita", release::Command::Draft { release: from, spec: pattern });
    let reason = it.note();
    let command = Command::Propose { template: name("weekly"), from, bar: 0, reason };
    says(&it.refused("dana", command), "bar-out-of-range");
}
