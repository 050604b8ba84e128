//! Known answers: what real tools wrote, and what their own consoles said of it. `corpus/README.md` names tools and versions.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use interlock_evidence::{
    Content, Finding, Key, Kind, Severity, Signer, Status, Vex, pre_authentication_encoding, read,
};
use std::path::Path;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)).unwrap()
}

fn key() -> Key {
    let text = String::from_utf8(file("securesystemslib.key.hex")).unwrap();
    let mut public = [0; 32];
    hex::decode_to_slice(text.trim(), &mut public).unwrap();
    Key { name: "example".into(), public }
}

/// SHA-256("shop checkout 1.2.0"), by Python's hashlib.
fn digest() -> [u8; 32] {
    let mut digest = [0; 32];
    hex::decode_to_slice("ecdcebc33ea83146506ecb35f59761dfdd76f3af02dfe56c401e8578e2a50fd3", &mut digest).unwrap();
    digest
}

fn tests(name: &str) -> (u32, u32, u32, u32) {
    match read(Kind::Junit, &file(name), &[]).unwrap().content {
        Content::Tests { total, passed, failed, skipped } => (total, passed, failed, skipped),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_of_test_runners_are_counted_as_their_consoles_counted_them() {
    // pytest: "1 failed, 2 passed, 1 skipped, 1 error"; "12 passed, 1 skipped". Node.js: "pass 2, fail 1, skipped 1".
    assert_eq!(tests("pytest-mixed.junit.xml"), (5, 2, 2, 1));
    assert_eq!(tests("pytest-pass.junit.xml"), (13, 12, 0, 1));
    assert_eq!(tests("node-mixed.junit.xml"), (4, 2, 1, 1));
    let made = read(Kind::Junit, &file("pytest-mixed.junit.xml"), &[]).unwrap().made.unwrap();
    assert_eq!(made.strftime("%Y-%m-%d").to_string(), "2026-11-26");
    assert_eq!(read(Kind::Junit, &file("node-mixed.junit.xml"), &[]).unwrap().made, None);
}

fn findings(name: &str, kind: Kind) -> Vec<Finding> {
    match read(kind, &file(name), &[]).unwrap().content {
        Content::Findings { findings, complete: true } | Content::Components { findings, .. } => findings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn findings_of_bandit_have_the_severities_that_bandit_gave_them() {
    // Bandit's own totals: 2 high, 1 medium, 2 low. Its formatter writes them as levels.
    let found = findings("bandit-found.sarif.json", Kind::Sarif);
    let of = |severity| found.iter().filter(|it| it.severity == severity).map(|it| it.count).sum::<u32>();
    assert_eq!((of(Severity::High), of(Severity::Medium), of(Severity::Low)), (2, 1, 2), "{found:?}");
    assert!(found.iter().any(|it| it.id == "B602" && it.severity == Severity::High));
    assert!(found.iter().all(|it| it.status == Status::Open));
    assert_eq!(findings("bandit-clean.sarif.json", Kind::Sarif), []);
    let summary = read(Kind::Sarif, &file("bandit-clean.sarif.json"), &[]).unwrap();
    assert_eq!(summary.tool.unwrap().version.as_deref(), Some("1.9.4"));
}

#[test]
fn bills_of_materials_are_counted_and_tell_what_they_are_about() {
    let plain = read(Kind::Cyclonedx, &file("cyclonedx-lib-plain.cyclonedx.json"), &[]).unwrap();
    assert_eq!(plain.content, Content::Components { total: 3, identified: 3, findings: vec![] });
    assert_eq!(plain.about(&[7; 32]), Ok(()), "it names no digest, so it speaks of what it is attached to");
    let found = read(Kind::Cyclonedx, &file("cyclonedx-lib-found.cyclonedx.json"), &[]).unwrap();
    let Content::Components { total: 3, identified: 2, findings } = &found.content else { panic!("{found:?}") };
    let told: Vec<_> = findings.iter().map(|it| (it.id.as_str(), it.severity, it.status)).collect();
    let open = ("CVE-2021-44228", Severity::Critical, Status::Open);
    assert_eq!(told, [open, ("CVE-2021-45105", Severity::Medium, Status::SetAside)]);
    assert_eq!(findings[0].since.unwrap().to_string(), "2021-12-10T10:15:00Z");
    let spdx = read(Kind::Spdx, &file("spdx-tools.spdx.json"), &[]).unwrap();
    assert_eq!(spdx.content, Content::Components { total: 3, identified: 2, findings: vec![] });
    assert_eq!(spdx.made.unwrap().to_string(), "2026-11-20T08:00:00Z");
    for summary in [found, spdx] {
        assert_eq!(summary.subjects, [digest()]);
        assert_eq!(summary.about(&digest()), Ok(()));
        assert_eq!(summary.about(&[7; 32]).unwrap_err().code, "document-digest");
    }
}

#[test]
fn statements_are_believed_only_under_their_own_signature() {
    let vex = read(Kind::Openvex, &file("lib4vex.openvex.json"), &[]).unwrap();
    assert_eq!(vex.content, Content::Vex { statements: vec![("CVE-2021-44228".into(), Vex::NotAffected)] });
    assert_eq!(vex.subjects, [digest()]);
    let bytes = file("securesystemslib.statement.json");
    let signed = read(Kind::Statement, &bytes, &[key()]).unwrap();
    let predicate = "https://slsa.dev/verification_summary/v1".to_owned();
    assert_eq!(signed.content, Content::Statement { predicate, signed_by: vec![Signer("example".into())] });
    assert_eq!(signed.about(&digest()), Ok(()));
    let other = Key { public: [9; 32], ..key() };
    for keys in [vec![], vec![other]] {
        assert_eq!(read(Kind::Statement, &bytes, &keys).unwrap_err().code, "document-signature");
    }
}

#[test]
fn what_is_signed_is_encoded_as_the_dsse_protocol_shows() {
    // The example of the DSSE protocol document, "PAE definition".
    assert_eq!(
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}
