//! Criteria of a release: what evidence has to show, and that nothing else opens the gate.

use super::*;
use crate::{
    artifact::{
        Command as Artifacts, Content, Evidence, EvidenceKind, Finding, FindingSeverity, Meaning, Shown, VexStatement,
        VexStatus,
    },
    core::Actor,
    reason::Blocker,
};
use std::collections::{BTreeMap, BTreeSet};

const DAY: u32 = 86_400;

fn criterion(title: &str, asks: Asks) -> ReleaseCriterion {
    ReleaseCriterion { name: name(title), services: BTreeSet::new(), asks, signature: None }
}

fn tests_criterion() -> ReleaseCriterion {
    let asks = Asks::Tests {
        evidence: name("unit"),
        fresh_s: 7 * DAY,
        at_least: 10,
        failed_at_most: 0,
        skipped_at_most: Some(2),
    };
    criterion("tests", asks)
}

fn scan(limits: &[(FindingSeverity, u32, u32)], vex: Option<&str>) -> ReleaseCriterion {
    let limits =
        limits.iter().map(|(severity, at_most, after_s)| (*severity, Limit { at_most: *at_most, after_s: *after_s }));
    let asks =
        Asks::Findings { evidence: name("scan"), fresh_s: 30 * DAY, limits: limits.collect(), vex: vex.map(name) };
    criterion("scan", asks)
}

fn evidence(it: &mut Given, seed: u8, title: &str, content: Content) -> Evidence {
    let kind = match &content {
        Content::Tests { .. } | Content::Unreadable { .. } => EvidenceKind::Junit,
        Content::Findings { .. } => EvidenceKind::Sarif,
        Content::Components { .. } => EvidenceKind::Cyclonedx,
        Content::Vex { .. } => EvidenceKind::Openvex,
        Content::Statement { .. } => EvidenceKind::Statement,
    };
    let id = it.fresh();
    // A document of its own each time.
    let blob = interlock_ids::Digest(std::array::from_fn(|at| (it.world.position >> (8 * (at % 8))) as u8));
    Evidence { id, artifact: digest(seed), name: name(title), kind, blob, size: 9, tool: None, made: None, content }
}

fn attach(it: &mut Given, seed: u8, title: &str, content: Content) -> interlock_ids::EvidenceId {
    let evidence = evidence(it, seed, title, content);
    let id = evidence.id;
    it.ok("dana", Artifacts::Attach { evidence });
    id
}

fn ran(total: u32, failed: u32, skipped: u32) -> Content {
    Content::Tests { total, passed: total - failed - skipped, failed, skipped }
}

fn found(all: &[(&str, FindingSeverity)]) -> Content {
    let finding = |(id, severity): &(&str, FindingSeverity)| Finding {
        id: (*id).into(),
        severity: *severity,
        set_aside: false,
        count: 1,
        since: None,
    };
    Content::Findings { findings: all.iter().map(finding).collect(), complete: true }
}

/// A frozen release of the new build that states criteria, approved by all it needs.
fn stating(criteria: Vec<ReleaseCriterion>) -> (Given, ReleaseId) {
    let mut it = shop();
    let mut spec = spec(&mut it, "autumn", NEW);
    spec.criteria = criteria;
    let (release, start) = (it.fresh(), it.now);
    it.ok("rita", Command::Draft { release, spec });
    it.ok("rita", Command::Plan { release, start });
    it.ok("rita", Command::Freeze { release });
    let change = it.world.change.of_release(release).expect("it carries one").id;
    approve(&mut it, "amir", change);
    approve(&mut it, "bea", change);
    (it, release)
}

fn gate(it: &Given, release: ReleaseId) -> (Outcome, Vec<Blocker>) {
    let release = it.world.release.release(release).expect("there is one");
    let gate = gates(&it.world, release, it.now).into_iter().find(|it| it.name == "evidence").expect("a gate");
    (gate.ruling.outcome, gate.ruling.blockers)
}

fn said(it: &Given, release: ReleaseId) -> (Outcome, Vec<String>) {
    let (outcome, blockers) = gate(it, release);
    (outcome, blockers.into_iter().map(|it| it.code).collect())
}

fn passes() -> (Outcome, Vec<String>) {
    (Outcome::Pass, Vec::new())
}

fn unclear(code: &str) -> (Outcome, Vec<String>) {
    (Outcome::Inconclusive, vec![code.into()])
}

fn against() -> (Outcome, Vec<String>) {
    (Outcome::Fail, vec!["evidence-against".into()])
}

#[test]
fn a_release_without_criteria_asks_for_nothing() {
    let (it, release) = stating(vec![]);
    assert_eq!(said(&it, release), passes());
}

#[test]
fn tests_pass_only_when_enough_ran_for_this_very_build_and_lately() {
    let (mut it, release) = stating(vec![tests_criterion()]);
    assert_eq!(said(&it, release), unclear("evidence-missing"));
    // Another build's report, however good, shows nothing about this one.
    attach(&mut it, OLD, "unit", ran(100, 0, 0));
    assert_eq!(said(&it, release), unclear("evidence-missing"));
    // Under another name it is something else.
    attach(&mut it, NEW, "load", ran(100, 0, 0));
    assert_eq!(said(&it, release), unclear("evidence-missing"));
    for (content, expected) in [
        (ran(0, 0, 0), unclear("evidence-too-little")),
        (ran(9, 0, 0), unclear("evidence-too-little")),
        (ran(20, 0, 3), unclear("evidence-too-little")),
        (ran(11, 0, 2), unclear("evidence-too-little")),
        (ran(20, 1, 0), against()),
        (Content::Unreadable { code: "document-syntax".into() }, unclear("evidence-unreadable")),
        (found(&[]), unclear("evidence-other-kind")),
        (ran(12, 0, 2), passes()),
    ] {
        attach(&mut it, NEW, "unit", content.clone());
        assert_eq!(said(&it, release), expected, "{content:?}");
    }
    let (_, blockers) = gate(&it, release);
    assert!(blockers.is_empty());
}

#[test]
fn what_gets_too_old_holds_the_release_back_at_that_moment() {
    let (mut it, release) = stating(vec![tests_criterion()]);
    let mut old = evidence(&mut it, NEW, "unit", ran(20, 0, 0));
    // Made six days and 23 hours and a half before: good for half an hour more.
    old.made = Some(it.now - jiff::SignedDuration::from_mins(7 * 24 * 60 - 30));
    it.ok("dana", Artifacts::Attach { evidence: old });
    assert_eq!(stage(&it, release), Stage::Ready);
    let wake = owed(&it.world).into_iter().find_map(|it| match it {
        crate::core::Obligation::WakeRelease { release: id, at } if id == release => Some(at),
        _ => None,
    });
    assert_eq!(wake, Some(it.now + jiff::SignedDuration::from_mins(30)), "it is looked at when that time is over");
    it.after(30 * 60 - 1);
    it.system(Command::Reassess { release });
    assert_eq!(stage(&it, release), Stage::Ready);
    it.after(1);
    it.system(Command::Reassess { release });
    assert_eq!(stage(&it, release), Stage::Frozen);
    assert_eq!(said(&it, release), unclear("evidence-stale"));
    // What speaks against it does so however old it is.
    let mut failed = evidence(&mut it, NEW, "unit", ran(20, 1, 0));
    failed.made = Some(time("2020-01-01T00:00:00Z"));
    it.ok("dana", Artifacts::Attach { evidence: failed });
    assert_eq!(said(&it, release), against());
    attach(&mut it, NEW, "unit", ran(20, 0, 0));
    assert_eq!(stage(&it, release), Stage::Ready, "fresh evidence opens it again by itself");
}

#[test]
fn evidence_from_the_future_is_refused_and_a_clock_slightly_ahead_is_not() {
    let (mut it, _) = stating(vec![]);
    let mut early = evidence(&mut it, NEW, "unit", ran(20, 0, 0));
    early.made = Some(it.now + jiff::SignedDuration::from_mins(11));
    let refusal = it.refused("dana", Artifacts::Attach { evidence: early.clone() });
    assert_eq!(codes(&refusal), ["evidence-from-the-future"]);
    early.made = Some(it.now + jiff::SignedDuration::from_mins(9));
    it.ok("dana", Artifacts::Attach { evidence: early.clone() });
    let kept = it.world.artifact.evidence.by_id(early.id).expect("attached");
    assert_eq!(kept.made(), it.now, "it cannot be younger than its attaching");
    assert!(it.ok("dana", Artifacts::Attach { evidence: early }).is_empty(), "the same again changes nothing");
    let other = evidence(&mut it, 77, "unit", ran(1, 0, 0));
    assert_eq!(it.refused("dana", Artifacts::Attach { evidence: other }).kind, RefusalKind::NotFound);
}

#[test]
fn findings_count_by_severity_and_once_they_have_been_open_too_long() {
    use FindingSeverity::{Critical, High, Low, Unknown};
    let limits = [(Critical, 0, 0), (High, 1, 14 * DAY)];
    let (mut it, release) = stating(vec![scan(&limits, None)]);
    attach(&mut it, NEW, "scan", found(&[]));
    assert_eq!(said(&it, release), passes());
    attach(&mut it, NEW, "scan", found(&[("R1", Low), ("R2", Low)]));
    assert_eq!(said(&it, release), passes(), "no limit names them");
    attach(&mut it, NEW, "scan", found(&[("CVE-1", Critical)]));
    assert_eq!(said(&it, release), against());
    attach(&mut it, NEW, "scan", found(&[("R3", Unknown)]));
    assert_eq!(said(&it, release), unclear("evidence-severity-unknown"));
    let incomplete = Content::Findings { findings: vec![], complete: false };
    attach(&mut it, NEW, "scan", incomplete);
    assert_eq!(said(&it, release), unclear("evidence-incomplete"));
    attach(&mut it, NEW, "scan", found(&[("CVE-2", High), ("CVE-3", High)]));
    assert_eq!(said(&it, release), passes(), "two high ones, and both are young");
    let judged = judge(&it.world, it.world.release.release(release).expect("there"), it.now);
    assert_eq!(judged[0].until, Some(it.now + jiff::SignedDuration::from_hours(14 * 24)));
    // A new build, scanned anew a fortnight later: the findings are as old as their first being seen.
    it.after(i64::from(14 * DAY));
    attach(&mut it, NEW, "scan", found(&[("CVE-2", High), ("CVE-3", High)]));
    assert_eq!(said(&it, release), against());
    let (_, blockers) = gate(&it, release);
    assert!(blockers[0].message.contains("2 high (CVE-2, CVE-3)"), "{}", blockers[0].message);
    attach(&mut it, NEW, "scan", found(&[("CVE-3", High)]));
    assert_eq!(said(&it, release), passes(), "one old one is within the limit");
}

#[test]
fn a_vex_document_sets_findings_aside_only_where_it_is_believed() {
    use FindingSeverity::Critical;
    let harmless = |status| Content::Vex { statements: vec![VexStatement { vulnerability: "CVE-1".into(), status }] };
    for (believed, expected) in [(None, against()), (Some("vex"), passes()), (Some("other"), against())] {
        let (mut it, release) = stating(vec![scan(&[(Critical, 0, 0)], believed)]);
        attach(&mut it, NEW, "scan", found(&[("CVE-1", Critical)]));
        attach(&mut it, NEW, "vex", harmless(VexStatus::NotAffected));
        assert_eq!(said(&it, release), expected, "{believed:?}");
        let judged = judge(&it.world, it.world.release.release(release).expect("there"), it.now);
        assert_eq!(judged[0].excepted.len(), usize::from(believed == Some("vex")), "what was set aside is named");
        for status in [VexStatus::Affected, VexStatus::UnderInvestigation] {
            attach(&mut it, NEW, "vex", harmless(status));
            assert_eq!(said(&it, release), against());
        }
    }
}

#[test]
fn bills_of_materials_and_statements_have_to_say_enough() {
    let components = |total, identified| Content::Components { total, identified, findings: vec![] };
    let asks = Asks::Components { evidence: name("sbom"), fresh_s: DAY, at_least: 3, identified_percent: 90 };
    let (mut it, release) = stating(vec![criterion("sbom", asks)]);
    for (content, expected) in [
        (components(0, 0), unclear("evidence-too-little")),
        (components(2, 2), unclear("evidence-too-little")),
        (components(10, 8), unclear("evidence-too-little")),
        (components(10, 9), passes()),
    ] {
        attach(&mut it, NEW, "sbom", content);
        assert_eq!(said(&it, release), expected);
    }
    let asks = |it: &mut Given| {
        let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned();
        for title in ["build", "other"] {
            let key = crate::artifact::SigningKey { name: name(title), public_key: public_key.clone(), revoked: false };
            it.ok("admin", Artifacts::PutKey { key });
        }
        Asks::Statement {
            evidence: name("provenance"),
            fresh_s: DAY,
            predicate: "https://slsa.dev/provenance/v1".into(),
            keys: [name("build")].into(),
        }
    };
    let signed = |predicate: &str, by: &[&str]| Content::Statement {
        predicate: predicate.into(),
        signed_by: by.iter().map(|it| name(it)).collect(),
    };
    let asked = asks(&mut it);
    let mut again = spec(&mut it, "winter", NEW);
    again.criteria = vec![criterion("provenance", asked)];
    let release = it.fresh();
    it.ok("rita", Command::Draft { release, spec: again });
    for (content, expected) in [
        (signed("https://slsa.dev/provenance/v1", &[]), unclear("evidence-not-signed")),
        (signed("https://slsa.dev/provenance/v1", &["other"]), unclear("evidence-not-signed")),
        (signed("https://slsa.dev/verification_summary/v1", &["build"]), unclear("evidence-other-kind")),
        (signed("https://slsa.dev/provenance/v1", &["other", "build"]), passes()),
    ] {
        attach(&mut it, NEW, "provenance", content);
        assert_eq!(said(&it, release), expected);
    }
    it.ok("admin", Artifacts::RevokeKey { key: name("build") });
    assert_eq!(said(&it, release), unclear("evidence-not-signed"), "a revoked key's signature is none");
}

#[test]
fn a_named_person_signs_and_the_author_may_not() {
    let group = SignatureRule {
        meaning: Meaning::Approved,
        by: BTreeSet::new(),
        groups: [name("team")].into(),
        independent: true,
    };
    let (mut it, release) = stating(vec![ReleaseCriterion { signature: Some(group), ..tests_criterion() }]);
    let id = attach(&mut it, NEW, "unit", ran(20, 0, 0));
    assert_eq!(said(&it, release), unclear("evidence-not-signed"));
    let sign = |meaning| Artifacts::Sign { evidence: id, meaning, shown: Shown::Password, reason: None };
    // Dana wrote it.
    let refusal = it.refused("dana", sign(Meaning::Approved));
    assert_eq!(codes(&refusal), ["segregation.author-signs-own-work-as-approved"]);
    it.ok("amir", sign(Meaning::Reviewed));
    assert_eq!(said(&it, release), unclear("evidence-not-signed"), "it means something else");
    it.ok("amir", sign(Meaning::Approved));
    assert_eq!(said(&it, release), passes());
    assert!(it.ok("amir", sign(Meaning::Approved)).is_empty(), "once is enough");
    let token = Actor { token: Some(it.fresh()), ..it.actor("bea") };
    let refusal = it.submit(&token, sign(Meaning::Approved)).expect_err("a token is no person");
    assert_eq!(codes(&refusal), ["base.signature-by-token"]);
    assert_eq!(it.would(&Actor::system(), sign(Meaning::Approved)).expect_err("nobody").kind, RefusalKind::Denied);
    // A new report takes the place of the signed one, and is not signed.
    let newer = attach(&mut it, NEW, "unit", ran(21, 0, 0));
    assert_eq!(said(&it, release), unclear("evidence-not-signed"));
    assert_eq!(it.refused("amir", sign(Meaning::Approved)).kind, RefusalKind::NotFound);
    attach(&mut it, NEW, "unit", Content::Unreadable { code: "document-kind".into() });
    let broken = it.world.artifact.evidence.newest(&digest(NEW), &name("unit")).expect("it").evidence.id;
    assert_ne!(broken, newer);
    let sign = Artifacts::Sign { evidence: broken, meaning: Meaning::Approved, shown: Shown::Password, reason: None };
    assert_eq!(codes(&it.refused("amir", sign)), ["evidence-unreadable"]);
}

#[test]
fn commits_after_the_freeze_ship_only_by_exception() {
    let freeze = |at: &str| criterion("code-freeze", Asks::CodeFreeze { at: time(at) });
    let (it, release) = stating(vec![freeze("2026-02-27T10:00:00Z")]);
    assert_eq!(said(&it, release), passes(), "commits of that very moment are in");
    let (mut it, release) = stating(vec![freeze("2026-02-27T09:59:59Z")]);
    assert_eq!(said(&it, release), (Outcome::Fail, vec!["after-code-freeze".into()]));
    let build = it.world.artifact.artifact(&digest(NEW)).expect("registered").source.clone().expect("traced");
    let commits: BTreeSet<String> = build.commits.iter().map(|it| it.sha.clone()).collect();
    let reason = it.note();
    let except = |criterion: &str, commits: &BTreeSet<String>| Command::Except {
        release,
        criterion: name(criterion),
        commits: commits.clone(),
        reason,
    };
    it.account("dana", &["developer", "release-manager"]);
    let refusal = it.refused("dana", except("code-freeze", &commits));
    assert!(codes(&refusal).contains(&"segregation.author-grants-exception"), "{refusal:?}");
    assert_eq!(codes(&it.refused("rita", except("tests", &commits))), ["no-such-freeze"]);
    let foreign = ["f".repeat(40)].into();
    assert_eq!(codes(&it.refused("rita", except("code-freeze", &foreign))), ["unknown-commit"]);
    assert_eq!(codes(&it.refused("rita", except("code-freeze", &BTreeSet::new()))), ["count"]);
    it.ok("rita", except("code-freeze", &commits));
    assert_eq!(said(&it, release), passes());
    assert_eq!(stage(&it, release), Stage::Ready);
    let judged = judge(&it.world, it.world.release.release(release).expect("there"), it.now);
    assert_eq!(judged[0].excepted.len(), commits.len());
}

#[test]
fn criteria_that_nothing_could_fail_are_refused_all_at_once() {
    let mut it = shop();
    let mut bad = spec(&mut it, "autumn", NEW);
    let nobody = SignatureRule {
        meaning: Meaning::Reviewed,
        by: [it.fresh()].into(),
        groups: BTreeSet::new(),
        independent: false,
    };
    let freeze = Asks::CodeFreeze { at: it.now };
    bad.criteria = vec![
        criterion(
            "a",
            Asks::Tests { evidence: name("unit"), fresh_s: 5, at_least: 0, failed_at_most: 0, skipped_at_most: None },
        ),
        criterion(
            "a",
            Asks::Findings { evidence: name("x"), fresh_s: DAY, limits: BTreeMap::new(), vex: Some(name("x")) },
        ),
        criterion("b", Asks::Components { evidence: name("x"), fresh_s: DAY, at_least: 0, identified_percent: 101 }),
        criterion(
            "c",
            Asks::Statement { evidence: name("x"), fresh_s: DAY, predicate: " ".into(), keys: [name("no")].into() },
        ),
        ReleaseCriterion { signature: Some(nobody), services: [name("books")].into(), ..criterion("d", freeze) },
    ];
    let release = it.fresh();
    let refusal = it.refused("rita", Command::Draft { release, spec: bad });
    let expected = [
        "fresh-out-of-range",
        "criterion-asks-nothing",
        "criterion-twice",
        "criterion-asks-nothing",
        "criterion-vex",
        "criterion-asks-nothing",
        "percent-out-of-range",
        "criterion-asks-nothing",
        "unknown-key",
        "criterion-service",
        "criterion-signature",
        "unknown-account",
    ];
    assert_eq!(codes(&refusal), expected);
}
