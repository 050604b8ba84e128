//! Only the right bytes, signed by the right key, and still the same at the moment of use.

use crate::rig::*;
use interlock_runner::RunnerConfig;
use interlock_wire::runner::Outcome::*;
use interlock_wire::runner::*;
use std::collections::BTreeSet;

#[tokio::test]
async fn artefacts_that_are_not_what_they_should_be_are_refused() {
    let rig = Rig::new();
    let stranger = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    type Change<'a> = Box<dyn Fn(&mut ArtifactOrder) + 'a>;
    let cases: Vec<(&str, Change<'_>)> = vec![
        ("R201", Box::new(|artifact| artifact.digest = "sha256:../../etc/passwd".into())),
        ("R201", Box::new(|artifact| artifact.digest = artifact.digest.to_uppercase())),
        ("R203", Box::new(|artifact| artifact.size = 7)),
        ("R203", Box::new(|artifact| artifact.size = 9)),
        ("R205", Box::new(|artifact| artifact.signature = "hello".into())),
        ("R206", Box::new(|artifact| artifact.public_key = "hello".into())),
        ("R207", Box::new(|artifact| artifact.signature = rig.artifact(b"artefacts").signature)),
        ("R207", Box::new(|artifact| artifact.public_key = stranger.pk.to_base64())),
        ("R207", Box::new(|artifact| artifact.signature = artifact.signature.replace("trusted\n", "trusted!\n"))),
        ("R209", Box::new(|artifact| artifact.url_path = "/blobs/../../secrets".into())),
        ("R209", Box::new(|artifact| artifact.url_path = "//evil.example/blob".into())),
    ];
    for (number, (code, change)) in cases.iter().enumerate() {
        let mut order = rig.shell(r#"echo ran >> "$LOG""#);
        order.key = format!("key {number}");
        change(order.artifact.as_mut().unwrap());
        rig.run(&order).await.is(Failed, code);
    }
    assert!(rig.log().is_empty());
    assert!(!rig.cached(&sha256(b"artefact")).exists(), "nothing unproved is in the cache");
}

#[tokio::test]
async fn bytes_with_another_digest_and_missing_bytes_are_refused() {
    let rig = Rig::new();
    rig.depot.0.lock().unwrap().insert(sha256(b"artefact"), b"artifact".to_vec());
    let mut order = rig.shell(r#"echo ran >> "$LOG""#);
    let ran = rig.run(&order).await;
    ran.is(Failed, "R204");
    ran.says(&sha256(b"artifact"));
    rig.depot.0.lock().unwrap().clear();
    order.key = "again".into();
    rig.run(&order).await.is(Failed, "R202");
    assert!(rig.log().is_empty());
}

#[tokio::test]
async fn a_signer_the_runner_does_not_trust_is_refused() {
    let rig = Rig::new();
    let config = |key: String| RunnerConfig { artifact_keys: Some(BTreeSet::from([key])), ..rig.config() };
    let mut order = rig.shell("true");
    rig.run_on(&rig.executor_with(config("RWQ".into())), &order).await.is(Failed, "R211");
    order.key = "again".into();
    rig.run_on(&rig.executor_with(config(rig.minisign.pk.to_base64())), &order).await.is(Changed, "");
}

#[tokio::test]
async fn a_whole_public_key_file_is_understood() {
    let rig = Rig::new();
    let mut order = rig.shell("true");
    order.artifact.as_mut().unwrap().public_key = rig.minisign.pk.to_box().unwrap().into_string();
    rig.run(&order).await.is(Changed, "");
}

#[tokio::test]
async fn bytes_swapped_between_check_and_apply_are_noticed() {
    let rig = Rig::new();
    let path = rig.cached(&sha256(b"artefact"));
    let mut step = rig.program(r#"echo apply >> "$LOG""#);
    step.check = Some(sh(&format!("chmod u+w '{0}'; printf artifact > '{0}'", path.display())));
    let mut order = rig.order(StepKind::Program(step));
    let ran = rig.run(&order).await;
    ran.is(Failed, "R208");
    ran.says(&sha256(b"artifact"));
    assert!(rig.log().is_empty() && !path.exists(), "the swapped file is out of the way");
    order.kind = StepKind::Program(rig.program(r#"echo apply >> "$LOG""#));
    order.key = "again".into();
    rig.run(&order).await.is(Changed, "");
}

#[tokio::test]
async fn a_link_in_the_cache_is_not_followed() {
    let rig = Rig::new();
    rig.run(&rig.shell("true")).await.is(Changed, "");
    let path = rig.cached(&sha256(b"artefact"));
    let elsewhere = rig.dir.path().join("elsewhere");
    std::fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let mut order = rig.shell("true");
    order.key = "again".into();
    rig.run(&order).await.is(Failed, "R208");
}
