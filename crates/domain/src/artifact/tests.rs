//! Artefacts, signing keys, quarantine.

use super::*;
use crate::{
    core,
    given::{Given, artifact, codes, digest, identity, name, spec},
    reason::{Outcome, RefusalKind},
    release,
};
use interlock_ids::ReleaseId;

/// The public key of minisign's own documentation, as an independent sample of the form.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fn given() -> Given {
    let mut given = Given::new();
    given.service("shop", &[]).service("books", &[]);
    given.account("dan", &["developer"]).account("rita", &["release-manager"]).account("ada", &["auditor"]);
    given
}

fn signed(version: u8, key: &str) -> Artifact {
    let signature = Signature { key: name(key), text: "untrusted comment: x".into() };
    Artifact { signature: Some(signature), ..artifact("shop", version, identity(1), &[]) }
}

fn key(title: &str, revoked: bool) -> SigningKey {
    SigningKey { name: name(title), public_key: KEY.into(), revoked }
}

#[test]
fn a_digest_is_registered_once_and_never_changes_its_meaning() {
    let mut given = given();
    let it = artifact("shop", 1, identity(1), &[]);
    assert_eq!(given.refused("ada", Command::Register { artifact: it.clone() }).kind, RefusalKind::Denied);
    assert_eq!(given.ok("dan", Command::Register { artifact: it.clone() }).len(), 1);
    assert!(given.ok("dan", Command::Register { artifact: it.clone() }).is_empty());
    let other = Artifact { version: "2.0".into(), ..it };
    assert_eq!(codes(&given.refused("dan", Command::Register { artifact: other })), ["registered-otherwise"]);
}

#[test]
fn an_artifact_is_refused_with_everything_that_is_wrong_with_it() {
    let mut given = given();
    let mut it = artifact("unheard-of", 1, identity(1), &[]);
    it.size = 0;
    it.version = "x".repeat(81);
    it.signature = Some(Signature { key: name("nobodys"), text: String::new() });
    let source = it.source.as_mut().expect("it has one");
    source.repository.clear();
    let mut again = source.commits[0].clone();
    again.sha = "HEAD".into();
    source.commits.extend([again.clone(), again]);
    let refusal = given.refused("dan", Command::Register { artifact: it });
    assert_eq!(
        codes(&refusal),
        ["unknown-service", "empty", "version", "unknown-key", "repository", "object-id", "named-twice"]
    );
}

#[test]
fn at_most_ten_thousand_commits_are_taken() {
    let mut given = given();
    let mut it = artifact("shop", 1, identity(1), &[]);
    let source = it.source.as_mut().expect("it has one");
    let commit = source.commits[0].clone();
    source.commits = (0..10_000).map(|index| Commit { sha: format!("{index:040x}"), ..commit.clone() }).collect();
    given.ok("dan", Command::Register { artifact: it.clone() });
    it.digest = digest(2);
    it.source.as_mut().expect("it has one").commits.push(Commit { sha: "f".repeat(40), ..commit });
    assert_eq!(codes(&given.refused("dan", Command::Register { artifact: it })), ["too-many-commits"]);
}

#[test]
fn a_signing_key_has_the_form_of_minisign_and_stays_what_it_is() {
    let mut given = given();
    for bad in [
        "",
        "RWQ",
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO",
        "AAQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
        "not base64 at all",
    ] {
        let it = SigningKey { public_key: bad.into(), ..key("build", false) };
        assert_eq!(codes(&given.refused("admin", Command::PutKey { key: it })), ["public-key"], "{bad}");
    }
    assert_eq!(given.refused("rita", Command::PutKey { key: key("build", false) }).kind, RefusalKind::Denied);
    given.ok("admin", Command::PutKey { key: key("build", false) });
    assert!(given.ok("admin", Command::PutKey { key: key("build", false) }).is_empty());
    let other = SigningKey { public_key: KEY.replace("mlYec", "mlYed"), ..key("build", false) };
    assert_eq!(codes(&given.refused("admin", Command::PutKey { key: other })), ["key-known"]);
    given.ok("dan", Command::Register { artifact: signed(1, "build") });
    given.ok("admin", Command::RevokeKey { key: name("build") });
    assert!(given.ok("admin", Command::RevokeKey { key: name("build") }).is_empty());
    assert_eq!(codes(&given.refused("admin", Command::PutKey { key: key("build", false) })), ["key-revoked"]);
    assert_eq!(codes(&given.refused("dan", Command::Register { artifact: signed(2, "build") })), ["key-revoked"]);
}

#[test]
fn a_quarantine_holds_the_digest_and_every_build_of_the_same_commit() {
    let mut given = given();
    let rebuilt = Artifact { digest: digest(9), version: "1.1+2".into(), ..artifact("shop", 1, identity(1), &[]) };
    let elsewhere = Artifact { digest: digest(8), service: name("books"), ..artifact("shop", 1, identity(1), &[]) };
    for it in [artifact("shop", 1, identity(1), &[]), artifact("shop", 2, identity(1), &[]), rebuilt, elsewhere] {
        given.ok("dan", Command::Register { artifact: it });
    }
    let reason = Some(given.note());
    let quarantine = |digest, reason| Command::Quarantine { digests: vec![digest], because_of: None, reason };
    assert_eq!(given.refused("ada", quarantine(digest(1), reason)).kind, RefusalKind::Denied);
    assert_eq!(codes(&given.refused("dan", quarantine(digest(1), None))), ["reason"]);
    assert_eq!(codes(&given.refused("dan", quarantine(digest(77), reason))), ["not-found"]);
    assert_eq!(given.ok("dan", quarantine(digest(1), reason)).len(), 1);
    assert!(given.ok("dan", quarantine(digest(1), reason)).is_empty());
    let held = |given: &Given| [1, 2, 8, 9].map(|it| given.world.artifact.quarantine(&digest(it)).is_some());
    assert_eq!(held(&given), [true, false, false, true]);
    let id = given.world.artifact.quarantine(&digest(1)).expect("held").id;
    let lift = Command::LiftQuarantine { quarantine: id, reason: given.note() };
    assert_eq!(given.refused("dan", lift.clone()).kind, RefusalKind::Denied);
    given.ok("rita", lift.clone());
    assert!(given.ok("rita", lift).is_empty());
    assert_eq!(held(&given), [false; 4]);
}

#[test]
fn a_release_that_was_taken_back_puts_what_it_changed_into_quarantine_once() {
    let mut given = given();
    for it in [artifact("shop", 1, identity(1), &[]), artifact("books", 2, identity(1), &[])] {
        given.ok("dan", Command::Register { artifact: it });
    }
    let (id, note): (ReleaseId, _) = (given.fresh(), given.note());
    let drafted = spec("r1", "prod", &[("shop", digest(1)), ("books", digest(2))], note);
    given.record(release::Event::Drafted(release::Drafted { release: id, account: None, spec: drafted }));
    let event = given.taken_back(id, Outcome::Fail);
    let commands = react(&given.world, &event);
    assert_eq!(commands.len(), 1);
    for command in commands {
        assert_eq!(given.system(command).len(), 2);
    }
    let quarantine = given.world.artifact.quarantine(&digest(1)).expect("held");
    assert_eq!((quarantine.because_of, quarantine.reason), (Some(id), None));
    assert!(react(&given.world, &event).is_empty());
    let ended = core::Event::Release(release::Event::Closed(release::Closed { release: id, reason: None }));
    assert!(react(&given.world, &ended).is_empty());
}
