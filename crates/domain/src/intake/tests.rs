//! Hooks and deliveries.

use super::*;
use crate::{
    given::{Given, codes, digest, name},
    reason::RefusalKind,
};

fn hook() -> Hook {
    Hook {
        name: name("forge"),
        scheme: Scheme::Github,
        secrets: vec!["env:INTERLOCK_SECRET_FORGE".into()],
        disabled: false,
    }
}

fn deliver(delivery: &str, content: u8) -> Command {
    let (delivery, what) = (delivery.to_owned(), "push".to_owned());
    Command::Deliver { hook: name("forge"), delivery, what, digest: digest(content), size: 10 }
}

#[test]
fn a_delivery_is_recorded_once_and_only_from_a_hook_that_is_there() {
    let mut given = Given::new();
    given.account("rita", &["release-manager"]);
    assert_eq!(given.refused("system", deliver("a", 1)).kind, RefusalKind::NotFound);
    assert_eq!(given.refused("rita", Command::PutHook { hook: hook() }).kind, RefusalKind::Denied);
    given.ok("admin", Command::PutHook { hook: hook() });
    assert!(given.ok("admin", Command::PutHook { hook: hook() }).is_empty());
    assert_eq!(given.system(deliver("a", 1)).len(), 1);
    assert!(given.system(deliver("a", 1)).is_empty(), "a sender that tries again is told that it is in");
    assert_eq!(codes(&given.refused("system", deliver("a", 2))), ["delivery-replayed"]);
    assert_eq!(codes(&given.refused("system", deliver("", 2))), ["delivery-id"]);
    assert_eq!(codes(&given.refused("admin", deliver("b", 2))), ["only-by-itself"]);
    given.ok("admin", Command::PutHook { hook: Hook { disabled: true, ..hook() } });
    assert_eq!(given.refused("system", deliver("b", 2)).kind, RefusalKind::NotFound);
}

#[test]
fn a_secret_is_never_entered_itself() {
    let mut given = Given::new();
    let put = |secrets: Vec<String>| Command::PutHook { hook: Hook { secrets, ..hook() } };
    assert_eq!(codes(&given.refused("admin", put(vec!["s3cret".into()]))), ["secret-reference"]);
    assert_eq!(codes(&given.refused("admin", put(Vec::new()))), ["count"]);
}
