//! Evidence as its reader gives it, as the core holds it, and as people read it.

use crate::lens::Lens;
use interlock_domain::artifact::{self as domain, Content, EvidenceKind, FindingSeverity, Meaning, VexStatus};
use interlock_evidence as reader;
use interlock_wire::{evidence as wire, reason::Severity};

pub fn kind_in(it: wire::EvidenceKind) -> (reader::Kind, EvidenceKind) {
    match it {
        wire::EvidenceKind::Junit => (reader::Kind::Junit, EvidenceKind::Junit),
        wire::EvidenceKind::Sarif => (reader::Kind::Sarif, EvidenceKind::Sarif),
        wire::EvidenceKind::Cyclonedx => (reader::Kind::Cyclonedx, EvidenceKind::Cyclonedx),
        wire::EvidenceKind::Spdx => (reader::Kind::Spdx, EvidenceKind::Spdx),
        wire::EvidenceKind::Openvex => (reader::Kind::Openvex, EvidenceKind::Openvex),
        wire::EvidenceKind::Statement => (reader::Kind::Statement, EvidenceKind::Statement),
    }
}

pub fn kind_out(it: EvidenceKind) -> wire::EvidenceKind {
    match it {
        EvidenceKind::Junit => wire::EvidenceKind::Junit,
        EvidenceKind::Sarif => wire::EvidenceKind::Sarif,
        EvidenceKind::Cyclonedx => wire::EvidenceKind::Cyclonedx,
        EvidenceKind::Spdx => wire::EvidenceKind::Spdx,
        EvidenceKind::Openvex => wire::EvidenceKind::Openvex,
        EvidenceKind::Statement => wire::EvidenceKind::Statement,
    }
}

pub fn severity_in(it: wire::FindingSeverity) -> FindingSeverity {
    match it {
        wire::FindingSeverity::Critical => FindingSeverity::Critical,
        wire::FindingSeverity::High => FindingSeverity::High,
        wire::FindingSeverity::Medium => FindingSeverity::Medium,
        wire::FindingSeverity::Low => FindingSeverity::Low,
        wire::FindingSeverity::Info => FindingSeverity::Info,
        wire::FindingSeverity::Unknown => FindingSeverity::Unknown,
    }
}

pub fn severity_out(it: FindingSeverity) -> wire::FindingSeverity {
    match it {
        FindingSeverity::Critical => wire::FindingSeverity::Critical,
        FindingSeverity::High => wire::FindingSeverity::High,
        FindingSeverity::Medium => wire::FindingSeverity::Medium,
        FindingSeverity::Low => wire::FindingSeverity::Low,
        FindingSeverity::Info => wire::FindingSeverity::Info,
        FindingSeverity::Unknown => wire::FindingSeverity::Unknown,
    }
}

pub fn meaning_in(it: wire::Meaning) -> Meaning {
    match it {
        wire::Meaning::Reviewed => Meaning::Reviewed,
        wire::Meaning::Approved => Meaning::Approved,
        wire::Meaning::Responsible => Meaning::Responsible,
        wire::Meaning::Authored => Meaning::Authored,
    }
}

pub fn meaning_out(it: Meaning) -> wire::Meaning {
    match it {
        Meaning::Reviewed => wire::Meaning::Reviewed,
        Meaning::Approved => wire::Meaning::Approved,
        Meaning::Responsible => wire::Meaning::Responsible,
        Meaning::Authored => wire::Meaning::Authored,
    }
}

/// What was read, as the core holds it.
pub fn content_in(it: reader::Content) -> Content {
    let finding = |it: reader::Finding| domain::Finding {
        id: it.id,
        severity: match it.severity {
            reader::Severity::Critical => FindingSeverity::Critical,
            reader::Severity::High => FindingSeverity::High,
            reader::Severity::Medium => FindingSeverity::Medium,
            reader::Severity::Low => FindingSeverity::Low,
            reader::Severity::Info => FindingSeverity::Info,
            reader::Severity::Unknown => FindingSeverity::Unknown,
        },
        set_aside: it.status == reader::Status::SetAside,
        count: it.count,
        since: it.since,
    };
    match it {
        reader::Content::Tests { total, passed, failed, skipped } => Content::Tests { total, passed, failed, skipped },
        reader::Content::Findings { findings, complete } => {
            Content::Findings { findings: findings.into_iter().map(finding).collect(), complete }
        }
        reader::Content::Components { total, identified, findings } => {
            Content::Components { total, identified, findings: findings.into_iter().map(finding).collect() }
        }
        reader::Content::Vex { statements } => {
            let statement = |(vulnerability, status)| domain::VexStatement {
                vulnerability,
                status: match status {
                    reader::Vex::NotAffected => VexStatus::NotAffected,
                    reader::Vex::Affected => VexStatus::Affected,
                    reader::Vex::Fixed => VexStatus::Fixed,
                    reader::Vex::UnderInvestigation => VexStatus::UnderInvestigation,
                },
            };
            Content::Vex { statements: statements.into_iter().map(statement).collect() }
        }
        reader::Content::Statement { predicate, signed_by } => {
            // The names are those that were given as keys.
            let signed_by = signed_by.into_iter().filter_map(|it| it.0.parse().ok()).collect();
            Content::Statement { predicate, signed_by }
        }
    }
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What evidence says, in one sentence, and how that is to be taken.
pub fn says(it: &Content) -> (String, Severity) {
    match it {
        Content::Tests { total, passed, failed, skipped } => {
            let severity = if *failed > 0 { Severity::Bad } else { Severity::Good };
            (
                format!("{passed} of {} passed, {failed} failed, {skipped} skipped", counted((*total).into(), "test")),
                severity,
            )
        }
        Content::Findings { complete: false, .. } => ("the scan did not come to its end".into(), Severity::Warning),
        Content::Findings { .. } => findings(it),
        Content::Components { total, identified, findings: listed } => {
            let what = format!("{}, {identified} identified", counted((*total).into(), "component"));
            if listed.is_empty() {
                return (what, Severity::Info);
            }
            let (found, severity) = findings(it);
            (format!("{what}; {found}"), severity)
        }
        Content::Vex { statements } => {
            let harmless = |it: &&domain::VexStatement| matches!(it.status, VexStatus::NotAffected | VexStatus::Fixed);
            let aside = statements.iter().filter(harmless).count();
            (
                format!("{}, {aside} of them that it does no harm", counted(statements.len() as u64, "statement")),
                Severity::Info,
            )
        }
        Content::Statement { predicate, signed_by } => {
            let keys: Vec<&str> = signed_by.iter().map(|it| it.as_str()).collect();
            (format!("{predicate}, signed by {}", keys.join(", ")), Severity::Info)
        }
        Content::Unreadable { code } => (format!("it could not be read ({code})"), Severity::Warning),
    }
}

fn findings(it: &Content) -> (String, Severity) {
    let open: Vec<_> = it.findings().iter().filter(|it| !it.set_aside).collect();
    let aside: u64 = it.findings().iter().filter(|it| it.set_aside).map(|it| u64::from(it.count)).sum();
    let mut parts = Vec::new();
    for (severity, word) in [
        (FindingSeverity::Critical, "critical"),
        (FindingSeverity::High, "high"),
        (FindingSeverity::Medium, "medium"),
        (FindingSeverity::Low, "low"),
        (FindingSeverity::Info, "info"),
        (FindingSeverity::Unknown, "unknown"),
    ] {
        let count: u64 = open.iter().filter(|it| it.severity == severity).map(|it| u64::from(it.count)).sum();
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let worst = open.iter().any(|it| matches!(it.severity, FindingSeverity::Critical | FindingSeverity::High));
    let severity = if worst { Severity::Bad } else { Severity::Good };
    let set_aside = if aside > 0 { format!(", {aside} set aside in it") } else { String::new() };
    let found = if parts.is_empty() { "no findings".to_owned() } else { format!("findings: {}", parts.join(", ")) };
    (format!("{found}{set_aside}"), severity)
}

pub fn signature_view(lens: &Lens, it: &domain::Signed) -> wire::SignatureView {
    wire::SignatureView {
        by: lens.person(it.by),
        meaning: meaning_out(it.meaning),
        shown_by: match it.shown {
            domain::Shown::Password => "password".into(),
            domain::Shown::Provider => "provider".into(),
        },
        at: it.at,
        reason: it.reason.map(|note| lens.note(note)),
    }
}

pub fn tool(it: &domain::Evidence) -> Option<String> {
    it.tool.as_ref().map(|it| match &it.version {
        Some(version) => format!("{} {version}", it.name),
        None => it.name.clone(),
    })
}
