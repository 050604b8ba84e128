//! Given, when, then: invitations, keys, revocation.

use super::*;
use crate::{
    core::{self, Actor},
    given::{Given, codes, digest, name},
    reason::{Refusal, RefusalKind},
};
use jiff::SignedDuration;
use std::collections::BTreeMap;

fn labels() -> BTreeMap<String, String> {
    [("region".to_owned(), "berlin".to_owned())].into()
}

fn invite(it: &Given, runner: &str, token: u8) -> Command {
    let until = it.now + SignedDuration::from_hours(1);
    Command::Invite { runner: name(runner), token: digest(token), labels: labels(), until }
}

fn key(seed: u8) -> Key {
    Key([seed; 32])
}

/// What a runner asks for itself.
fn by_runner(it: &mut Given, runner: &str, command: Command) -> Result<Vec<core::Event>, Refusal> {
    it.submit(&Actor::runner(name(runner)), command)
}

#[test]
fn an_invitation_is_used_once_in_time_and_gives_the_labels_of_whoever_made_it() {
    let mut it = Given::new();
    let wanted = invite(&it, "berlin-1", 1);
    it.ok("admin", wanted);
    it.system(Command::Enrol { token: digest(1), key: key(1) });
    let known = it.world.runner.runner(&name("berlin-1")).expect("it is in").clone();
    assert_eq!((known.labels, known.key), (labels(), key(1)));
    let again = it.refused("system", Command::Enrol { token: digest(1), key: key(2) });
    assert_eq!((again.kind, codes(&again)), (RefusalKind::Denied, vec!["invitation-unknown"]));

    let wanted = invite(&it, "berlin-2", 2);
    it.ok("admin", wanted);
    it.after(3600);
    let late = it.refused("system", Command::Enrol { token: digest(2), key: key(2) });
    assert_eq!(codes(&late), ["invitation-unknown"]);
}

#[test]
fn a_name_and_a_key_belong_to_one_runner() {
    let mut it = Given::new();
    for (runner, token) in [("a", 1), ("b", 2)] {
        let wanted = invite(&it, runner, token);
        it.ok("admin", wanted);
    }
    it.system(Command::Enrol { token: digest(1), key: key(1) });
    let shared = it.refused("system", Command::Enrol { token: digest(2), key: key(1) });
    assert_eq!(codes(&shared), ["runner-key-taken"]);
    let wanted = invite(&it, "a", 3);
    assert_eq!(codes(&it.refused("admin", wanted)), ["runner-exists"]);
    let reason = it.note();
    it.ok("admin", Command::Revoke { runner: name("a"), reason });
    let wanted = invite(&it, "a", 3);
    it.ok("admin", wanted);
    let old = it.refused("system", Command::Enrol { token: digest(3), key: key(1) });
    assert_eq!(codes(&old), ["runner-key-taken"], "a revoked key does not come back");
    it.system(Command::Enrol { token: digest(3), key: key(3) });
}

#[test]
fn a_rotated_key_overlaps_for_ten_minutes_and_a_revoked_runner_has_none() {
    let mut it = Given::new();
    let wanted = invite(&it, "a", 1);
    it.ok("admin", wanted);
    it.system(Command::Enrol { token: digest(1), key: key(1) });
    let other = by_runner(&mut it, "b", Command::RotateKey { runner: name("a"), key: key(2) });
    assert_eq!(other.map_err(|refusal| refusal.kind), Err(RefusalKind::Denied));
    by_runner(&mut it, "a", Command::RotateKey { runner: name("a"), key: key(2) }).expect("it may");
    let keys = |it: &Given| it.world.runner.runner(&name("a")).expect("it is in").keys(it.now).collect::<Vec<_>>();
    assert_eq!(keys(&it), [key(2), key(1)]);
    it.after(600);
    assert_eq!(keys(&it), [key(2)]);
    let reason = it.note();
    it.ok("admin", Command::Revoke { runner: name("a"), reason });
    assert_eq!(keys(&it), []);
    let late = by_runner(&mut it, "a", Command::RotateKey { runner: name("a"), key: key(3) });
    assert_eq!(codes(&late.expect_err("it is revoked")), ["runner-revoked"]);
}

#[test]
fn only_whoever_may_manage_runners_lets_one_in() {
    let mut it = Given::new();
    it.account("dana", &["developer", "release-manager", "deployer"]);
    let wanted = invite(&it, "a", 1);
    assert_eq!(it.refused("dana", wanted).kind, RefusalKind::Denied);
    let until = it.now + SignedDuration::from_hours(24 * 8);
    let wrong =
        Command::Invite { runner: name(LOCAL), token: digest(1), labels: [("a".into(), "\n".into())].into(), until };
    assert_eq!(codes(&it.refused("admin", wrong)), ["runner-name", "invitation-length", "labels"]);
    assert_eq!(it.refused("admin", Command::Withdraw { runner: name("a") }).kind, RefusalKind::NotFound);
}
